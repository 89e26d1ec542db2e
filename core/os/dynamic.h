/*
 * dynamic.h: shared objects, loaded from a private copy so that overwriting the file cannot touch
 * the running code. Each load has a name of its own (the dynamic linker caches by name and inode).
 */
#ifndef OS_DYNAMIC_H
#define OS_DYNAMIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dynamic;

/** Which file stood at a path: another one, or the same with other content, differs. */
struct dynamic_stamp {
	uint64_t device, inode;
	int64_t bytes, modified_ns, changed_ns;
};

/** 0, or a negative errno: the path names no file. May block: for workers, and at start. */
int dynamic_stamp(const char *path, struct dynamic_stamp *out);

/**
 * Copies the file into memory, where nothing changes it any more. 0; -ENOENT, -EISDIR, ...: the
 * file.
 */
int dynamic_copy(const char *path, struct dynamic **out);
/** The bytes of the copy, until it is loaded or closed. NULL: empty, or no memory. */
const void *dynamic_bytes(struct dynamic *dynamic, size_t *length);
/** The copy as an open file, for another process; stays the dynamic's. */
int dynamic_descriptor(const struct dynamic *dynamic);
/**
 * Loads the copy (RTLD_NOW, RTLD_LOCAL). The loader maps what the headers promise: of a file that
 * ends before that, it makes a SIGBUS.
 *
 * @param problem  what failed, in words, when the return is not 0
 * @return 0, or -ENOEXEC: the linker refuses it; it is to be closed all the same
 */
int dynamic_load(struct dynamic *dynamic, char *problem, size_t size);
/** The address of a symbol of what is loaded, NULL when it has none. */
void *dynamic_symbol(struct dynamic *dynamic, const char *name);
/** Of the file that was copied. */
const struct dynamic_stamp *dynamic_stamp_of(const struct dynamic *dynamic);
/** The linker's build id in hexadecimal digits, "" when the file has none. Returns `out`. */
const char *dynamic_build_id(const struct dynamic *dynamic, char *out, size_t size);
/**
 * Unmaps, if it was loaded; nothing may point into it any more. Takes NULL.
 * @return false: it stays mapped, because the linker does not let go of it, or, under sanitizers,
 * so that their reports have names
 */
bool dynamic_close(struct dynamic *dynamic);

#endif
