/*
 * process.c: the service manager, and what this process may do.
 */
#include "process.h"

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "file.h"

enum { USER_BUFFER_BYTES = 16 * 1024, STATUS_LIMIT_BYTES = 64 * 1024 };

const char *process_environment(const char *name)
{
	return getenv(name);
}

int process_id(void)
{
	return (int)getpid();
}

/* A path, or '@' and a name in the kernel's abstract space, where a zero byte stands for the '@'.
 */
static int notify_address(const char *path, struct sockaddr_un *address, socklen_t *length)
{
	size_t path_length = strlen(path);

	if (path[0] != '/' && path[0] != '@')
		return -EAFNOSUPPORT;
	if (path_length < 2 || path_length >= sizeof(address->sun_path))
		return -EINVAL;
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(address->sun_path, path, path_length);
	if (path[0] == '@')
		address->sun_path[0] = '\0';
	*length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_length);
	return 0;
}

int process_notify(const char *message)
{
	const char *path = process_environment("NOTIFY_SOCKET");
	struct sockaddr_un address;
	socklen_t length;
	int error, fd;

	if (path == NULL || path[0] == '\0')
		return 0;
	error = notify_address(path, &address, &length);
	if (error != 0)
		return error;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&address,
			length) < 0)
		error = -errno;
	(void)close(fd);
	return error;
}

static bool parse_number(const char *text, int64_t *out)
{
	char *rest;
	long long number;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	number = strtoll(text, &rest, 10);
	*out = number;
	return errno == 0 && *rest == '\0';
}

int64_t process_watchdog_interval_ns(void)
{
	const char *pid_text = process_environment("WATCHDOG_PID");
	int64_t usec, pid;

	if (!parse_number(process_environment("WATCHDOG_USEC"), &usec) || usec <= 0)
		return 0;
	/* It may be meant for another process that has handed its environment down to us. */
	if (pid_text != NULL && (!parse_number(pid_text, &pid) || pid != process_id()))
		return 0;
	return usec > INT64_MAX / FL_US ? 0 : usec * FL_US / 2;
}

int64_t process_resident_bytes(void)
{
	char *text;
	const char *at;
	long long kib = 0;

	if (file_load("/proc/self/status", STATUS_LIMIT_BYTES, &text, NULL) != 0)
		return 0;
	at = strstr(text, "\nVmRSS:");
	if (at != NULL)
		kib = strtoll(at + strlen("\nVmRSS:"), NULL, 10);
	free(text);
	return kib > 0 ? (int64_t)kib * 1024 : 0;
}

static int change_to(const struct passwd *user)
{
	if (initgroups(user->pw_name, user->pw_gid) != 0 ||
		setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
		setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
		return -errno;
	/* A way back would make all of it worthless. */
	if (user->pw_uid != 0 && (setuid(0) == 0 || seteuid(0) == 0 || geteuid() != user->pw_uid))
		return -EPERM;
	return 0;
}

int process_become(const char *user)
{
	struct passwd entry, *found = NULL;
	char *buffer;
	int error;

	buffer = malloc(USER_BUFFER_BYTES);
	if (buffer == NULL)
		return -ENOMEM;
	error = -getpwnam_r(user, &entry, buffer, USER_BUFFER_BYTES, &found);
	if (found == NULL)
		error = error == 0 || error == -ESRCH ? -ENOENT : error;
	else if (geteuid() != 0)
		error = geteuid() == found->pw_uid ? 0 : -EPERM; /* it is that user already */
	else
		error = change_to(found);
	free(buffer);
	return error;
}

void process_make_expendable(unsigned seconds)
{
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)alarm(seconds);
}

void process_end(int code)
{
	_exit(code);
}

void process_harden(void)
{
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)umask(027);
	(void)signal(SIGPIPE, SIG_IGN);
}
