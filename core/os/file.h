/*
 * file.h: files and folders. These calls may block: the loop uses them only at start and stop,
 * workers any time. Errors are negative errno.
 */
#ifndef OS_FILE_H
#define OS_FILE_H

#include <feedloom/base.h>

struct file;

enum {
	FILE_READ = 1,
	FILE_WRITE = 2,
	FILE_CREATE = 4,    /* with mode 0640 if absent */
	FILE_EXCLUSIVE = 8, /* fails with -EEXIST */
	FILE_APPEND = 16,
	FILE_NOCOW = 32 /* marked no-copy-on-write where the file system knows it */
};

int file_open(const char *path, unsigned flags, struct file **out);
void file_close(struct file *file); /* takes NULL */
int64_t file_size(struct file *file);
/** Bytes done (short at the end of the file) or negative errno. */
int64_t file_read(struct file *file, int64_t offset, void *bytes, size_t length);
int64_t file_write(struct file *file, int64_t offset, const void *bytes, size_t length);
int64_t file_append(struct file *file, const void *bytes, size_t length);
int file_truncate(struct file *file, int64_t length);
/** Makes sure that the disk has room for `length` bytes: -ENOSPC now rather than later. */
int file_allocate(struct file *file, int64_t length);
int file_sync(struct file *file); /* fdatasync */
/** Takes an exclusive lock that ends with the process. -EWOULDBLOCK: another has it. */
int file_lock(struct file *file);

/* Mapped windows. Offsets and lengths are multiples of file_page_bytes(). */
size_t file_page_bytes(void);
int file_map(struct file *file, int64_t offset, size_t length, bool writable, void **out);
void file_unmap(void *address, size_t length);
/** Faults pages in ahead, writable: MADV_POPULATE_WRITE, or a zero into each page. -ENOSPC, -EIO,
 * -EFAULT. */
int file_populate(void *address, size_t length);
/** Gives pages back to the system (they stay in the file): MADV_DONTNEED. */
void file_give_back(void *address, size_t length);
/** msync(MS_SYNC) or fdatasync of what a mapping changed. */
int file_map_sync(void *address, size_t length);
/**
 * Guards a mapping against SIGBUS (a full disk, a truncated file): an anonymous page is put in the
 * place of the faulting one, and `*damaged` is set. Guards are few (64).
 */
int file_guard(void *address, size_t length, volatile bool *damaged);
void file_unguard(void *address);

int file_rename(const char *from, const char *to);
int file_remove(const char *path);
int file_make_folder(const char *path); /* with its parents, mode 0750; 0 when it is there */
int file_sync_folder(const char *path);
bool file_exists(const char *path);
/** Names in a folder, sorted; calls `each` for every one but . and ..; stops at a non-zero return.
 */
int file_list(const char *path, int (*each)(void *data, const char *name), void *data);
/** The whole of a small file, 0-terminated; the caller frees. -EFBIG: over `limit`. */
int file_load(const char *path, size_t limit, char **out, size_t *length);
/** Writes beside, syncs, renames over. */
int file_store(const char *path, const void *bytes, size_t length);
int file_space(const char *path, int64_t *free_bytes, int64_t *total_bytes);

enum file_system { FILE_SYSTEM_LOCAL, FILE_SYSTEM_NETWORK, FILE_SYSTEM_FUSE };
/** What kind of file system holds `path`; `name` its word ("nfs", "ext4", "btrfs"). */
int file_system_kind(const char *path, enum file_system *kind, const char **name);

#endif
