/*
 * file.c: one open file: read, write, make room, lock.
 */
#include "file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_inside.h"

enum { FILE_MODE = 0640, ZEROS_BYTES = 64 * 1024 };

static int open_flags(unsigned flags)
{
	int result = O_CLOEXEC | O_NOCTTY;

	if ((flags & FILE_READ) != 0 && (flags & FILE_WRITE) != 0)
		result |= O_RDWR;
	else
		result |= (flags & FILE_WRITE) != 0 ? O_WRONLY : O_RDONLY;
	if ((flags & FILE_CREATE) != 0)
		result |= O_CREAT;
	if ((flags & FILE_EXCLUSIVE) != 0)
		result |= O_CREAT | O_EXCL;
	if ((flags & FILE_APPEND) != 0)
		result |= O_APPEND;
	return result;
}

/*
 * On btrfs a write into allocated space still needs new blocks unless the file is marked, and a
 * full disk then is a SIGBUS under a mapping. The mark takes only while the file is empty.
 * Elsewhere the file system does not know it, which is fine.
 */
static void mark_nocow(int fd)
{
	struct stat status;
	int attributes = 0;

	if (fstat(fd, &status) != 0 || status.st_size != 0)
		return;
	if (ioctl(fd, FS_IOC_GETFLAGS, &attributes) != 0 || (attributes & FS_NOCOW_FL) != 0)
		return;
	attributes |= FS_NOCOW_FL;
	(void)ioctl(fd, FS_IOC_SETFLAGS, &attributes);
}

int file_open(const char *path, unsigned flags, struct file **out)
{
	struct file *file = malloc(sizeof(*file));

	if (file == NULL)
		return -ENOMEM;
	do
		file->fd = open(path, open_flags(flags), FILE_MODE);
	while (file->fd < 0 && errno == EINTR);
	if (file->fd < 0) {
		int error = -errno;

		free(file);
		return error;
	}
	file->is_appending = (flags & FILE_APPEND) != 0;
	if ((flags & FILE_NOCOW) != 0)
		mark_nocow(file->fd);
	*out = file;
	return 0;
}

void file_close(struct file *file)
{
	if (file == NULL)
		return;
	(void)close(file->fd); /* what matters was synced before */
	free(file);
}

int64_t file_size(struct file *file)
{
	struct stat status;

	if (fstat(file->fd, &status) != 0)
		return -errno;
	return status.st_size;
}

int64_t file_read(struct file *file, int64_t offset, void *bytes, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t got = pread(file->fd, (char *)bytes + done, length - done, offset + (int64_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (int64_t)done;
}

int64_t file_write(struct file *file, int64_t offset, const void *bytes, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t put =
			pwrite(file->fd, (const char *)bytes + done, length - done, offset + (int64_t)done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? -errno : -EIO;
		done += (size_t)put;
	}
	return (int64_t)done;
}

int64_t file_append(struct file *file, const void *bytes, size_t length)
{
	int64_t size;
	int error;

	if (file->is_appending) {
		error = file_write_all(file->fd, bytes, length);
		return error == 0 ? (int64_t)length : error;
	}
	size = file_size(file);
	return size < 0 ? size : file_write(file, size, bytes, length);
}

int file_write_all(int fd, const void *bytes, size_t length)
{
	const char *at = bytes;

	while (length > 0) {
		ssize_t put = write(fd, at, length);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? -errno : -EIO;
		at += put;
		length -= (size_t)put;
	}
	return 0;
}

int file_truncate(struct file *file, int64_t length)
{
	return ftruncate(file->fd, length) == 0 ? 0 : -errno;
}

static int write_zeros(struct file *file, int64_t from, int64_t until)
{
	char *zeros = calloc(1, ZEROS_BYTES);
	int64_t put = 0;

	if (zeros == NULL)
		return -ENOMEM;
	while (from < until && put >= 0) {
		size_t length = until - from < ZEROS_BYTES ? (size_t)(until - from) : ZEROS_BYTES;

		put = file_write(file, from, zeros, length);
		from += (int64_t)length;
	}
	free(zeros);
	return put < 0 ? (int)put : 0;
}

int file_allocate(struct file *file, int64_t length)
{
	int64_t size;

	/* Not posix_fallocate: where the file system cannot, that writes into blocks of others' data.
	 */
	while (fallocate(file->fd, 0, 0, length) != 0) {
		if (errno == EINTR)
			continue;
		if (errno != EOPNOTSUPP)
			return -errno;
		size = file_size(file);
		return size < 0 ? (int)size : write_zeros(file, size, length);
	}
	return 0;
}

int file_sync(struct file *file)
{
	return fdatasync(file->fd) == 0 ? 0 : -errno;
}

int file_lock(struct file *file)
{
	while (flock(file->fd, LOCK_EX | LOCK_NB) != 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}
