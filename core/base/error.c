#include "error.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

struct word {
	int error;
	const char *text;
};

/*
 * The end of the list are libuv's own codes for what has no errno: this folder cannot include its
 * header, but the numbers are part of its ABI.
 */
static const struct word words[] = {
	{ 0, "no error" },
	{ EPERM, "not permitted" },
	{ ENOENT, "no such file or directory" },
	{ EINTR, "interrupted" },
	{ EIO, "input/output error" },
	{ EBADF, "bad file descriptor" },
	{ EAGAIN, "try again later" },
	{ ENOMEM, "out of memory" },
	{ EACCES, "permission denied" },
	{ EBUSY, "in use" },
	{ EEXIST, "exists already" },
	{ ENODEV, "no such device" },
	{ ENOTDIR, "not a directory" },
	{ EISDIR, "is a directory" },
	{ EINVAL, "invalid argument" },
	{ ENFILE, "too many open files in the system" },
	{ EMFILE, "too many open files" },
	{ EFBIG, "file too large" },
	{ ENOSPC, "no space left on device" },
	{ EROFS, "read-only file system" },
	{ EPIPE, "closed by the other side" },
	{ ERANGE, "out of range" },
	{ ENAMETOOLONG, "name too long" },
	{ ENOSYS, "not supported by the system" },
	{ ENOTEMPTY, "directory not empty" },
	{ ELOOP, "too many symbolic links" },
	{ ENODATA, "no data" },
	{ EPROTO, "protocol error" },
	{ EBADMSG, "malformed message" },
	{ EOVERFLOW, "value too large" },
	{ EILSEQ, "invalid byte sequence" },
	{ EMSGSIZE, "message too long" },
	{ ENOTSUP, "not supported" },
	{ EAFNOSUPPORT, "address family not supported" },
	{ EADDRINUSE, "address in use" },
	{ EADDRNOTAVAIL, "address not available" },
	{ ENETDOWN, "network is down" },
	{ ENETUNREACH, "network unreachable" },
	{ ECONNABORTED, "connection aborted" },
	{ ECONNRESET, "connection reset" },
	{ ENOBUFS, "no room in the buffer" },
	{ EISCONN, "connected already" },
	{ ENOTCONN, "not connected" },
	{ ETIMEDOUT, "timed out" },
	{ ECONNREFUSED, "connection refused" },
	{ EHOSTDOWN, "host is down" },
	{ EHOSTUNREACH, "host unreachable" },
	{ EALREADY, "already under way" },
	{ EINPROGRESS, "under way" },
	{ ESTALE, "stale file handle" },
	{ EDQUOT, "disk quota exceeded" },
	{ ECANCELED, "cancelled" },
	{ ENOEXEC, "not a loadable file" },
	{ 3000, "address family not supported by the resolver" },
	{ 3001, "name resolution failed for now" },
	{ 3003, "name resolution cancelled" },
	{ 3004, "name resolution failed" },
	{ 3006, "resolver out of memory" },
	{ 3007, "name has no address" },
	{ 3008, "no such host name" },
	{ 3010, "service not known" },
	{ 4094, "unknown error" },
	{ 4095, "end of file" },
};

const char *error_text(int error)
{
	if (error < 0)
		error = error == INT_MIN ? INT_MAX : -error;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].error == error)
			return words[i].text;
#ifdef __GLIBC__
	const char *text = strerrordesc_np(error);

	if (text != NULL)
		return text;
#endif
	return "unknown error";
}
