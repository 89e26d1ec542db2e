/* os_file_path.c: what is done by a name: on a machine's disk, or read from the real machine. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os_disk.h"

int file_rename(const char *from, const char *to)
{
	struct entry *entry = disk_find(from), *old = disk_find(to);
	struct inode *inode;

	if (entry == NULL || entry->inode == NULL)
		return entry == NULL ? -ENOENT : -EISDIR;
	inode = entry->inode;
	if (inode->machine->disk_fails)
		return -EIO;
	disk_note(to);
	disk_note(from);
	if (old != NULL)
		disk_remove_entry(old);
	(void)disk_make_entry(to, inode);
	disk_remove_entry(entry);
	return 0;
}

int file_remove(const char *path)
{
	struct entry *entry = disk_find(path);

	if (entry == NULL)
		return -ENOENT;
	if (entry->inode == NULL)
		return -EISDIR;
	if (entry->inode->machine->disk_fails)
		return -EIO;
	disk_note(path);
	disk_remove_entry(entry);
	return 0;
}

bool file_exists(const char *path)
{
	return disk_has(path) ? disk_find(path) != NULL : access(path, F_OK) == 0;
}

int file_make_folder(const char *path)
{
	char upper[4096];
	size_t length = strlen(path);

	if (!disk_has(path) || disk_machine(path) == NULL)
		return -EROFS;
	if (length >= sizeof(upper))
		return -ENAMETOOLONG;
	for (size_t at = strlen("/disk/"); at <= length; at++) {
		struct entry *entry;

		if (path[at] != '/' && path[at] != '\0')
			continue;
		memcpy(upper, path, at);
		upper[at] = '\0';
		entry = disk_find(upper);
		if (entry != NULL && entry->inode != NULL)
			return -ENOTDIR;
		if (entry == NULL)
			(void)disk_make_entry(upper, NULL);
	}
	return 0;
}

/* Is `path` right in the folder? */
static const char *name_in(const char *folder, const char *path)
{
	size_t length = strlen(folder);

	if (strncmp(path, folder, length) != 0 || path[length] != '/' ||
		strchr(path + length + 1, '/') != NULL)
		return NULL;
	return path + length + 1;
}

int file_sync_folder(const char *path)
{
	struct machine *machine = disk_has(path) ? disk_machine(path) : NULL;
	struct link *item, *following;

	if (machine == NULL)
		return 0;
	if (machine->disk_fails)
		return -EIO;
	list_each (item, following, &disk.undos) {
		struct undo *undo = container_of(item, struct undo, link);

		if (name_in(path, undo->path) == NULL)
			continue;
		list_remove(item);
		if (undo->inode != NULL)
			disk_release(undo->inode);
		free(undo->path);
		free(undo);
	}
	return 0;
}

static int by_name(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

static int is_not_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int list_real(const char *path, int (*each)(void *data, const char *name), void *data)
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

/* `each` may remove what it is told of: the names are copied first. */
int file_list(const char *path, int (*each)(void *data, const char *name), void *data)
{
	struct link *item, *following;
	char **names = NULL;
	size_t count = 0;
	int result = 0;

	if (!disk_has(path))
		return list_real(path, each, data);
	if (disk_find(path) == NULL)
		return -ENOENT;
	list_each (item, following, &disk.entries) {
		const char *name = name_in(path, container_of(item, struct entry, link)->path);

		if (name == NULL)
			continue;
		names = realloc(names, (count + 1) * sizeof(*names));
		if (names == NULL || (names[count++] = strdup(name)) == NULL)
			abort();
	}
	for (size_t i = 0; i < count; i++) {
		if (result == 0)
			result = each(data, names[i]);
		free(names[i]);
	}
	free(names);
	return result;
}

int file_load(const char *path, size_t limit, char **out, size_t *length)
{
	struct file *file;
	int64_t size, got;
	int error = file_open(path, FILE_READ, &file);

	if (error != 0)
		return error;
	size = file_size(file);
	error = size < 0 ? (int)size : (size_t)size > limit ? -EFBIG : 0;
	*out = error == 0 ? malloc((size_t)size + 1) : NULL;
	if (*out != NULL) {
		got = file_read(file, 0, *out, (size_t)size);
		error = got < 0 ? (int)got : 0;
		(*out)[got < 0 ? 0 : got] = '\0';
		if (length != NULL)
			*length = got < 0 ? 0 : (size_t)got;
		if (error != 0)
			free(*out);
	} else if (error == 0) {
		error = -ENOMEM;
	}
	file_close(file);
	return error;
}

int file_store(const char *path, const void *bytes, size_t length)
{
	char beside[4096], folder[4096];
	struct file *file;
	int error;

	(void)snprintf(beside, sizeof(beside), "%s.new", path);
	(void)snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	error = file_open(beside, FILE_WRITE | FILE_CREATE, &file);
	if (error != 0)
		return error;
	error = file_truncate(file, 0);
	if (error == 0) {
		int64_t put = file_write(file, 0, bytes, length);

		error = put < 0 ? (int)put : 0;
	}
	if (error == 0)
		error = file_sync(file);
	file_close(file);
	if (error == 0)
		error = file_rename(beside, path);
	if (error != 0) {
		(void)file_remove(beside);
		return error;
	}
	return file_sync_folder(folder);
}

int file_space(const char *path, int64_t *free_bytes, int64_t *total_bytes)
{
	const struct machine *machine = disk_has(path) ? disk_machine(path) : NULL;

	if (machine == NULL)
		return -ENOENT;
	*total_bytes = machine->disk_bytes;
	*free_bytes = machine->disk_is_full ? 0 : machine->disk_bytes - machine->disk_used;
	return 0;
}

int file_system_kind(const char *path, enum file_system *kind, const char **name)
{
	(void)path;
	*kind = FILE_SYSTEM_LOCAL;
	*name = "memory";
	return 0;
}
