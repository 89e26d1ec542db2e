/*
 * os_file.c: open files and windows into them, on a machine's disk. A mapping is the file's memory
 * itself; what was synced is a second copy of it, so that the difference is what a power cut may
 * cost.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os_disk.h"

static int64_t pages(int64_t bytes)
{
	return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

static int open_real(const char *path, unsigned flags, struct file *file)
{
	if ((flags & (FILE_WRITE | FILE_CREATE)) != 0)
		return -EROFS;
	file->fd = open(path, O_RDONLY | O_CLOEXEC);
	return file->fd < 0 ? -errno : 0;
}

static int open_inside(const char *path, unsigned flags, struct file *file)
{
	struct entry *entry = disk_find(path);
	struct machine *machine = disk_machine(path);

	if (machine == NULL)
		return -ENOENT;
	if (entry != NULL && (flags & FILE_EXCLUSIVE) != 0)
		return -EEXIST;
	if (entry != NULL && entry->inode == NULL)
		return -EISDIR;
	if (entry == NULL) {
		if ((flags & (FILE_CREATE | FILE_EXCLUSIVE)) == 0)
			return -ENOENT;
		if (machine->disk_fails)
			return -EIO;
		if (machine->disk_is_full)
			return -ENOSPC;
		disk_note(path);
		entry = disk_make_entry(path, disk_make_inode(machine));
	}
	file->inode = entry->inode;
	file->inode->users++;
	return 0;
}

int file_open(const char *path, unsigned flags, struct file **out)
{
	struct file *file = calloc(1, sizeof(*file));
	int error;

	if (file == NULL)
		return -ENOMEM;
	file->fd = -1;
	file->machine = os.current;
	file->flags = flags;
	error = disk_has(path) ? open_inside(path, flags, file) : open_real(path, flags, file);
	if (error != 0) {
		free(file);
		return error;
	}
	list_append(&disk.files, &file->link);
	*out = file;
	return 0;
}

void file_close(struct file *file)
{
	if (file == NULL)
		return;
	list_remove(&file->link);
	if (file->inode != NULL) {
		if (file->inode->locked_by == file)
			file->inode->locked_by = NULL;
		disk_release(file->inode);
	} else {
		(void)close(file->fd);
	}
	free(file);
}

int64_t file_size(struct file *file)
{
	struct stat about;

	if (file->inode != NULL)
		return file->inode->size;
	return fstat(file->fd, &about) == 0 ? about.st_size : -errno;
}

int64_t file_read(struct file *file, int64_t offset, void *bytes, size_t length)
{
	const struct inode *inode = file->inode;

	if (inode == NULL) {
		ssize_t got = pread(file->fd, bytes, length, offset);

		return got < 0 ? -errno : got;
	}
	if (inode->machine->disk_fails)
		return -EIO;
	if (offset >= inode->size)
		return 0;
	if ((int64_t)length > inode->size - offset)
		length = (size_t)(inode->size - offset);
	memcpy(bytes, inode->data + offset, length);
	return (int64_t)length;
}

/* The file has at least so many bytes, with room on the disk. */
static int grow(struct inode *inode, int64_t length)
{
	int64_t more = pages(length) - inode->allocated;
	int error;

	if (length > INODE_BYTES_MAX)
		return -EFBIG;
	error = disk_take(inode, more > 0 ? more : 0);
	if (error == 0 && length > inode->size)
		inode->size = length;
	return error;
}

int64_t file_write(struct file *file, int64_t offset, const void *bytes, size_t length)
{
	int error = file->inode == NULL ? -EROFS : grow(file->inode, offset + (int64_t)length);

	if (error != 0)
		return error;
	memcpy(file->inode->data + offset, bytes, length);
	return (int64_t)length;
}

int64_t file_append(struct file *file, const void *bytes, size_t length)
{
	return file_write(file, file_size(file), bytes, length);
}

int file_truncate(struct file *file, int64_t length)
{
	struct inode *inode = file->inode;

	if (inode == NULL || length > INODE_BYTES_MAX)
		return inode == NULL ? -EROFS : -EFBIG;
	if (inode->machine->disk_fails)
		return -EIO;
	if (length < inode->size)
		disk_zero(inode->data, length, inode->size);
	if (pages(length) < inode->allocated)
		(void)disk_take(inode, pages(length) - inode->allocated);
	inode->size = length;
	return 0;
}

int file_allocate(struct file *file, int64_t length)
{
	return file->inode == NULL ? -EROFS : grow(file->inode, length);
}

enum { FEW_PAGES = 32 }; /* comparing them costs less than asking whether to */

/* Pages that nobody has touched are zeros on both sides. */
static void make_durable(struct inode *inode, int64_t from, int64_t to)
{
	bool is_touched[DISK_PAGES_AT_ONCE];

	while (from < to) {
		int64_t count = (to - from) / PAGE_BYTES;

		count = count < DISK_PAGES_AT_ONCE ? count : DISK_PAGES_AT_ONCE;
		if (count <= FEW_PAGES)
			memset(is_touched, 1, sizeof(is_touched));
		else
			disk_touched(inode, from, count, is_touched);
		for (int64_t i = 0; i < count; i++, from += PAGE_BYTES)
			if (is_touched[i] && memcmp(inode->durable + from, inode->data + from, PAGE_BYTES) != 0)
				memcpy(inode->durable + from, inode->data + from, PAGE_BYTES);
	}
}

int file_sync(struct file *file)
{
	struct inode *inode = file->inode;

	if (inode == NULL)
		return 0;
	if (inode->machine->disk_fails)
		return -EIO;
	make_durable(
		inode, 0, pages(inode->size > inode->durable_size ? inode->size : inode->durable_size));
	inode->durable_size = inode->size;
	return 0;
}

int file_lock(struct file *file)
{
	if (file->inode == NULL || (file->inode->locked_by != NULL && file->inode->locked_by != file))
		return -EWOULDBLOCK;
	file->inode->locked_by = file;
	return 0;
}

/* -- windows -------------------------------------------------------------------------- */

size_t file_page_bytes(void)
{
	return PAGE_BYTES;
}

int file_map(struct file *file, int64_t offset, size_t length, bool writable, void **out)
{
	struct mapping *mapping;

	(void)writable;
	if (file->inode == NULL)
		return -ENODEV;
	mapping = malloc(sizeof(*mapping));
	if (mapping == NULL)
		return -ENOMEM;
	*mapping = (struct mapping){
		.inode = file->inode, .address = file->inode->data + offset, .length = length
	};
	file->inode->users++;
	list_append(&disk.mappings, &mapping->link);
	*out = mapping->address;
	return 0;
}

/* One that has the address; all that do are of one file. */
static struct mapping *mapping_at(const void *address)
{
	struct link *item, *following;

	list_each (item, following, &disk.mappings) {
		struct mapping *mapping = container_of(item, struct mapping, link);

		if ((const char *)address >= mapping->address &&
			(const char *)address < mapping->address + mapping->length)
			return mapping;
	}
	abort(); /* not what file_map gave */
}

/* Of the same pages there may be several: the one that begins and ends here. */
void file_unmap(void *address, size_t length)
{
	struct link *item, *following;

	list_each (item, following, &disk.mappings) {
		struct mapping *mapping = container_of(item, struct mapping, link);

		if (mapping->address != address || mapping->length != length)
			continue;
		list_remove(&mapping->link);
		disk_release(mapping->inode);
		free(mapping);
		return;
	}
	abort(); /* not what file_map gave */
}

int file_populate(void *address, size_t length)
{
	(void)length;
	return mapping_at(address)->inode->machine->disk_fails ? -EIO : 0;
}

void file_give_back(void *address, size_t length)
{
	(void)address;
	(void)length; /* the pages are the file */
}

int file_map_sync(void *address, size_t length)
{
	struct inode *inode = mapping_at(address)->inode;
	int64_t from = (char *)address - inode->data;

	if (inode->machine->disk_fails)
		return -EIO;
	make_durable(inode, from, from + pages((int64_t)length));
	if (inode->durable_size < inode->size) /* it was grown before it was mapped */
		inode->durable_size = inode->size;
	return 0;
}

int file_guard(void *address, size_t length, volatile bool *damaged)
{
	(void)address;
	(void)length;
	(void)damaged; /* a mapping's pages are always there */
	return 0;
}

void file_unguard(void *address)
{
	(void)address;
}
