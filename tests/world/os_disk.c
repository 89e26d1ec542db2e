/* os_disk.c: names, inodes, and what a loss of power takes back. */
#include "os_disk.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct disk disk;

static void get_ready(void)
{
	if (disk.is_ready)
		return;
	list_init(&disk.entries);
	list_init(&disk.undos);
	list_init(&disk.mappings);
	list_init(&disk.files);
	disk.is_ready = true;
}

/* -- names ---------------------------------------------------------------------------- */

bool disk_has(const char *path)
{
	return strncmp(path, "/disk/", 6) == 0;
}

struct machine *disk_machine(const char *path)
{
	struct link *item, *following;
	const char *name = path + 6;
	size_t length = strcspn(name, "/");

	list_each (item, following, &os.machines) {
		struct machine *machine = container_of(item, struct machine, link);

		if (strlen(machine->name) == length && strncmp(machine->name, name, length) == 0)
			return machine;
	}
	return NULL;
}

struct entry *disk_find(const char *path)
{
	struct link *item, *following;

	get_ready();
	list_each (item, following, &disk.entries) {
		struct entry *entry = container_of(item, struct entry, link);

		if (strcmp(entry->path, path) == 0)
			return entry;
	}
	return NULL;
}

struct entry *disk_make_entry(const char *path, struct inode *inode)
{
	struct entry *entry = calloc(1, sizeof(*entry));
	struct link *before;

	get_ready();
	if (entry == NULL || (entry->path = strdup(path)) == NULL)
		abort();
	entry->inode = inode;
	if (inode != NULL)
		inode->users++;
	before = disk.entries.next; /* by name: folders list sorted */
	while (
		before != &disk.entries && strcmp(container_of(before, struct entry, link)->path, path) < 0)
		before = before->next;
	list_append(before, &entry->link); /* at the end of a list is before its head */
	return entry;
}

void disk_remove_entry(struct entry *entry)
{
	list_remove(&entry->link);
	if (entry->inode != NULL)
		disk_release(entry->inode);
	free(entry->path);
	free(entry);
}

void disk_note(const char *path)
{
	struct undo *undo = calloc(1, sizeof(*undo));
	struct entry *entry = disk_find(path);

	if (undo == NULL || (undo->path = strdup(path)) == NULL)
		abort();
	undo->machine = disk_machine(path);
	undo->inode = entry == NULL ? NULL : entry->inode;
	if (undo->inode != NULL)
		undo->inode->users++;
	list_append(&disk.undos, &undo->link);
}

static void forget_undo(struct undo *undo)
{
	list_remove(&undo->link);
	if (undo->inode != NULL)
		disk_release(undo->inode);
	free(undo->path);
	free(undo);
}

static void set_name(const char *path, struct inode *inode)
{
	struct entry *entry = disk_find(path);

	if (inode != NULL)
		inode->users++; /* it may be the entry's own */
	if (entry != NULL)
		disk_remove_entry(entry);
	if (inode != NULL) {
		(void)disk_make_entry(path, inode);
		disk_release(inode);
	}
}

/* -- inodes --------------------------------------------------------------------------- */

static char *reserve(void)
{
	void *memory = mmap(NULL, INODE_BYTES_MAX, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

static int64_t page_up(int64_t bytes)
{
	return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

void disk_zero(char *memory, int64_t from, int64_t to)
{
	int64_t whole = page_up(from), end = to / PAGE_BYTES * PAGE_BYTES;

	if (whole >= end) {
		memset(memory + from, 0, (size_t)(to - from));
		return;
	}
	memset(memory + from, 0, (size_t)(whole - from));
	if (madvise(memory + whole, (size_t)(end - whole), MADV_DONTNEED) != 0)
		abort();
	memset(memory + end, 0, (size_t)(to - end));
}

/* Of the kernel's page map: in memory, or swapped out. Not mincore, which does not know the latter.
 */
static void read_page_map(const char *memory, int64_t pages, uint64_t *out)
{
	static int map = -1;
	static pid_t owner; /* a child has another */
	size_t length = (size_t)pages * sizeof(*out);
	off_t at = (off_t)((uintptr_t)memory / PAGE_BYTES * sizeof(*out));

	if (map >= 0 && owner != getpid()) {
		(void)close(map);
		map = -1;
	}
	owner = getpid();
	if (map < 0)
		map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (pread(map, out, length, at) != (ssize_t)length)
		memset(out, 0xff, length); /* not known: look at all of them */
}

void disk_touched(const struct inode *inode, int64_t from, int64_t pages, bool *out)
{
	static const uint64_t there = UINT64_C(3) << 62;
	uint64_t now[DISK_PAGES_AT_ONCE], durable[DISK_PAGES_AT_ONCE];

	assert(pages <= DISK_PAGES_AT_ONCE);
	read_page_map(inode->data + from, pages, now);
	read_page_map(inode->durable + from, pages, durable);
	for (int64_t i = 0; i < pages; i++)
		out[i] = ((now[i] | durable[i]) & there) != 0;
}

struct inode *disk_make_inode(struct machine *machine)
{
	struct inode *inode = calloc(1, sizeof(*inode));

	if (inode == NULL)
		abort();
	inode->machine = machine;
	inode->data = reserve();
	inode->durable = reserve();
	return inode;
}

void disk_release(struct inode *inode)
{
	if (--inode->users > 0)
		return;
	inode->machine->disk_used -= inode->allocated;
	munmap(inode->data, INODE_BYTES_MAX);
	munmap(inode->durable, INODE_BYTES_MAX);
	free(inode);
}

int disk_take(struct inode *inode, int64_t bytes)
{
	struct machine *machine = inode->machine;

	if (machine->disk_fails)
		return -EIO;
	if (bytes > 0 && (machine->disk_is_full || machine->disk_used + bytes > machine->disk_bytes))
		return -ENOSPC;
	machine->disk_used += bytes;
	inode->allocated += bytes;
	return 0;
}

/* -- the end of a process, and of power ----------------------------------------------- */

void disk_process_died(struct machine *machine)
{
	struct link *item, *following;

	get_ready();
	list_each (item, following, &disk.files) {
		struct file *file = container_of(item, struct file, link);

		if (file->machine != machine)
			continue;
		if (file->inode != NULL && file->inode->locked_by == file)
			file->inode->locked_by = NULL;
		file_close(file);
	}
	list_each (item, following, &disk.mappings) {
		struct mapping *mapping = container_of(item, struct mapping, link);

		if (mapping->inode->machine == machine)
			file_unmap(mapping->address, mapping->length);
	}
}

/* A page that was not synced is there, or not, or was being written when the power went. */
static void settle_page(struct inode *inode, int64_t at, struct random_stream *draw)
{
	uint64_t sectors = stream_below(draw, 3) == 0
		? stream_below(draw, PAGE_BYTES / SECTOR_BYTES + 1)
		: (stream_once_in(draw, 2) ? 0 : PAGE_BYTES / SECTOR_BYTES);
	size_t kept = (size_t)sectors * SECTOR_BYTES;

	memcpy(inode->data + at + kept, inode->durable + at + kept, PAGE_BYTES - kept);
	memcpy(inode->durable + at, inode->data + at, kept);
}

static void settle_pages(
	struct inode *inode, int64_t at, int64_t longest, struct random_stream *draw)
{
	bool is_touched[DISK_PAGES_AT_ONCE];
	int64_t pages = page_up(longest - at) / PAGE_BYTES;

	pages = pages < DISK_PAGES_AT_ONCE ? pages : DISK_PAGES_AT_ONCE;
	disk_touched(inode, at, pages, is_touched);
	for (int64_t i = 0; i < pages; i++, at += PAGE_BYTES)
		if (is_touched[i] && memcmp(inode->data + at, inode->durable + at, PAGE_BYTES) != 0)
			settle_page(inode, at, draw);
}

static void settle(struct inode *inode, struct random_stream *draw)
{
	int64_t longest = inode->size > inode->durable_size ? inode->size : inode->durable_size;
	int64_t size = stream_once_in(draw, 2) ? inode->size : inode->durable_size;

	for (int64_t at = 0; at < longest; at += PAGE_BYTES * DISK_PAGES_AT_ONCE)
		settle_pages(inode, at, longest, draw);
	if (longest > size) {
		disk_zero(inode->data, size, longest);
		disk_zero(inode->durable, size, longest);
	}
	inode->size = inode->durable_size = size;
}

/* The names' changes come to the disk in their order: the last ones may be missing. */
static void take_names_back(struct machine *machine, struct random_stream *draw)
{
	while (!list_is_empty(&disk.undos) && stream_below(draw, 3) != 0) {
		struct link *item = disk.undos.prev;

		while (item != &disk.undos && container_of(item, struct undo, link)->machine != machine)
			item = item->prev;
		if (item == &disk.undos)
			return;
		set_name(container_of(item, struct undo, link)->path,
			container_of(item, struct undo, link)->inode);
		forget_undo(container_of(item, struct undo, link));
	}
}

void disk_power_cut(struct machine *machine, struct random_stream *draw)
{
	struct link *item, *following;

	get_ready();
	take_names_back(machine, draw);
	list_each (item, following, &disk.undos)
		if (container_of(item, struct undo, link)->machine == machine)
			forget_undo(container_of(item, struct undo, link));
	list_each (item, following, &disk.entries) {
		struct entry *entry = container_of(item, struct entry, link);

		if (entry->inode != NULL && entry->inode->machine == machine)
			settle(entry->inode, draw);
	}
}

void disk_clear(void)
{
	get_ready();
	while (!list_is_empty(&disk.files))
		file_close(container_of(disk.files.next, struct file, link));
	while (!list_is_empty(&disk.mappings)) {
		struct mapping *mapping = container_of(disk.mappings.next, struct mapping, link);

		file_unmap(mapping->address, mapping->length);
	}
	while (!list_is_empty(&disk.undos))
		forget_undo(container_of(disk.undos.next, struct undo, link));
	while (!list_is_empty(&disk.entries))
		disk_remove_entry(container_of(disk.entries.next, struct entry, link));
}
