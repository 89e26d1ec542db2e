/*
 * file_path.c: what is done by a file's or folder's name.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "file_inside.h"

enum { FOLDER_MODE = 0750, LOAD_STEP_BYTES = 4096 };

int file_rename(const char *from, const char *to)
{
	return rename(from, to) == 0 ? 0 : -errno;
}

int file_remove(const char *path)
{
	return unlink(path) == 0 ? 0 : -errno;
}

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static int make_one_folder(const char *path)
{
	struct stat status;

	if (mkdir(path, FOLDER_MODE) == 0)
		return 0;
	if (errno != EEXIST && errno != EROFS && errno != EACCES && errno != EPERM)
		return -errno;
	if (stat(path, &status) != 0) {
		int error = -errno;

		return error == -ENOENT ? -EACCES : error;
	}
	return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

int file_make_folder(const char *path)
{
	char upper[PATH_MAX];
	size_t length = strlen(path);

	if (length == 0)
		return -ENOENT;
	if (length >= sizeof(upper))
		return -ENAMETOOLONG;
	memcpy(upper, path, length + 1);
	for (char *at = upper + 1; *at != '\0'; at++) {
		int error;

		if (*at != '/')
			continue;
		*at = '\0';
		error = make_one_folder(upper);
		*at = '/';
		if (error != 0)
			return error;
	}
	return make_one_folder(path);
}

int file_sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0)
		error = -errno;
	(void)close(fd);
	return error == -EINVAL ? 0 : error; /* a file system that cannot sync folders */
}

/* By bytes: the same order in every language. */
static int by_name(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

static int is_not_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

int file_list(const char *path, int (*each)(void *data, const char *name), void *data)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_not_dots, by_name);
	int result = 0;

	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		if (result == 0)
			result = each(data, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return result;
}

/* Reads to the end rather than trusting the size: /proc and pipes have none. */
static int load_from(int fd, size_t limit, char **out, size_t *length)
{
	char *text = NULL;
	size_t held = 0, size = 0;
	int error = -ENOMEM;

	for (;;) {
		ssize_t got;

		if (held + 1 >= size) {
			size_t more = size == 0 ? LOAD_STEP_BYTES : size * 2;
			char *grown = realloc(text, more);

			if (grown == NULL)
				goto free_text;
			text = grown;
			size = more;
		}
		got = read(fd, text + held, size - held - 1);
		if (got < 0 && errno == EINTR)
			continue;
		error = got < 0 ? -errno : -EFBIG;
		if (got < 0 || (size_t)got > limit - held)
			goto free_text;
		if (got == 0)
			break;
		held += (size_t)got;
	}
	text[held] = '\0';
	*out = text;
	if (length != NULL)
		*length = held;
	return 0;

free_text:
	free(text);
	return error;
}

int file_load(const char *path, size_t limit, char **out, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int error;

	if (fd < 0)
		return -errno;
	error = load_from(fd, limit, out, length);
	(void)close(fd);
	return error;
}

static int sync_folder_of(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return file_sync_folder(".");
	(void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash == path ? 1 : slash - path), path);
	return file_sync_folder(folder);
}

int file_store(const char *path, const void *bytes, size_t length)
{
	char beside[PATH_MAX];
	int shown = snprintf(beside, sizeof(beside), "%s.new", path);
	struct file *file;
	int error;

	if (shown < 0 || (size_t)shown >= sizeof(beside))
		return -ENAMETOOLONG;
	error = file_open(beside, FILE_WRITE | FILE_CREATE, &file);
	if (error != 0)
		return error;
	error = file_truncate(file, 0); /* what an interrupted store has left */
	if (error == 0)
		error = file_write_all(file->fd, bytes, length);
	if (error == 0)
		error = file_sync(file);
	file_close(file);
	if (error == 0)
		error = file_rename(beside, path);
	if (error != 0) {
		(void)unlink(beside);
		return error;
	}
	return sync_folder_of(path);
}

int file_space(const char *path, int64_t *free_bytes, int64_t *total_bytes)
{
	struct statvfs status;

	if (statvfs(path, &status) != 0)
		return -errno;
	*free_bytes = (int64_t)(status.f_bavail * status.f_frsize);
	*total_bytes = (int64_t)(status.f_blocks * status.f_frsize);
	return 0;
}

/* clang-format off */
static const struct {
	uint32_t magic;
	enum file_system kind;
	const char *name;
} file_systems[] = {
	{ 0x6969, FILE_SYSTEM_NETWORK, "nfs" },
	{ 0x517b, FILE_SYSTEM_NETWORK, "smb" },
	{ 0xff534d42, FILE_SYSTEM_NETWORK, "cifs" },
	{ 0xfe534d42, FILE_SYSTEM_NETWORK, "smb2" },
	{ 0x01021997, FILE_SYSTEM_NETWORK, "9p" },
	{ 0x00c36400, FILE_SYSTEM_NETWORK, "ceph" },
	{ 0x5346414f, FILE_SYSTEM_NETWORK, "afs" },
	{ 0x6b414653, FILE_SYSTEM_NETWORK, "afs" },
	{ 0x73757245, FILE_SYSTEM_NETWORK, "coda" },
	{ 0x0bd00bd0, FILE_SYSTEM_NETWORK, "lustre" },
	{ 0x01161970, FILE_SYSTEM_NETWORK, "gfs2" },
	{ 0x7461636f, FILE_SYSTEM_NETWORK, "ocfs2" },
	{ 0x47504653, FILE_SYSTEM_NETWORK, "gpfs" },
	{ 0x786f4256, FILE_SYSTEM_NETWORK, "vboxsf" },
	{ 0x65735546, FILE_SYSTEM_FUSE, "fuse" },
	{ 0xef53, FILE_SYSTEM_LOCAL, "ext4" },
	{ 0x58465342, FILE_SYSTEM_LOCAL, "xfs" },
	{ 0x9123683e, FILE_SYSTEM_LOCAL, "btrfs" },
	{ 0x2fc12fc1, FILE_SYSTEM_LOCAL, "zfs" },
	{ 0xf2f52010, FILE_SYSTEM_LOCAL, "f2fs" },
	{ 0xca451a4e, FILE_SYSTEM_LOCAL, "bcachefs" },
	{ 0x01021994, FILE_SYSTEM_LOCAL, "tmpfs" },
	{ 0x858458f6, FILE_SYSTEM_LOCAL, "ramfs" },
	{ 0x794c7630, FILE_SYSTEM_LOCAL, "overlay" },
	{ 0x3153464a, FILE_SYSTEM_LOCAL, "jfs" },
	{ 0x52654973, FILE_SYSTEM_LOCAL, "reiserfs" },
	{ 0x4d44, FILE_SYSTEM_LOCAL, "vfat" },
	{ 0x2011bab0, FILE_SYSTEM_LOCAL, "exfat" },
	{ 0x7366746e, FILE_SYSTEM_LOCAL, "ntfs3" },
};
/* clang-format on */

int file_system_kind(const char *path, enum file_system *kind, const char **name)
{
	struct statfs status;

	if (statfs(path, &status) != 0)
		return -errno;
	*kind = FILE_SYSTEM_LOCAL;
	*name = "unknown";
	for (size_t i = 0; i < sizeof(file_systems) / sizeof(file_systems[0]); i++) {
		if (file_systems[i].magic != (uint32_t)status.f_type)
			continue;
		*kind = file_systems[i].kind;
		*name = file_systems[i].name;
		break;
	}
	return 0;
}
