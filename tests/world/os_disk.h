/*
 * os_disk.h: the disks of all machines: what a file is now, and what would be left of it without
 * power.
 *
 * A path /disk/MACHINE/... is of a machine's disk. Every other path is of the machine the test runs
 * on, and is only read: the plugins, the schema.
 */
#ifndef WORLD_OS_DISK_H
#define WORLD_OS_DISK_H

#include "file.h"
#include "os_inside.h"

enum { PAGE_BYTES = 4096, SECTOR_BYTES = 512, DISK_PAGES_AT_ONCE = 1024 };
#define INODE_BYTES_MAX (INT64_C(64) << 20)

/** What a file holds. Its memory is the mapping that a program gets. */
struct inode {
	char *data;    /* INODE_BYTES_MAX reserved, zeros where nothing was written */
	char *durable; /* likewise: what a power cut leaves */
	int64_t size, durable_size;
	int64_t allocated; /* bytes counted as used on the disk */
	struct machine *machine;
	struct file *locked_by;
	unsigned users; /* entries, open files, mappings, undo notes */
};

/** A name. Folders have no inode. */
struct entry {
	struct link link; /* in disk.entries, by path */
	char *path;
	struct inode *inode;
};

/** How to take back what was done to a name since its folder was synced. */
struct undo {
	struct link link; /* oldest first */
	struct machine *machine;
	char *path;          /* this name ... */
	struct inode *inode; /* ... had this before; NULL: it was not there */
};

struct mapping {
	struct link link;
	struct inode *inode;
	char *address;
	size_t length;
};

struct disk {
	struct link entries, undos, mappings, files;
	bool is_ready;
};

extern struct disk disk;

struct file {
	struct link link; /* in disk.files */
	struct inode *inode;
	struct machine *machine; /* whose process has it open */
	unsigned flags;
	int fd; /* of the real machine; -1: in memory */
};

bool disk_has(const char *path);
struct machine *disk_machine(const char *path); /* NULL: nobody's */
struct entry *disk_find(const char *path);
struct entry *disk_make_entry(const char *path, struct inode *inode);
void disk_remove_entry(struct entry *entry);
struct inode *disk_make_inode(struct machine *machine);
void disk_release(struct inode *inode);
/** Room for `bytes` more: 0, -ENOSPC, -EIO. */
int disk_take(struct inode *inode, int64_t bytes);
/** Makes [from, to) of an inode's memory zeros, without touching what nobody has. */
void disk_zero(char *memory, int64_t from, int64_t to);
/** Which of the pages from `from` on, now or durably, are not just the zeros they began as. */
void disk_touched(const struct inode *inode, int64_t from, int64_t pages, bool *out);
/** Before a name changes: notes what it was. */
void disk_note(const char *path);

#endif
