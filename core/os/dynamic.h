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
 * Copies the file into memory and loads the copy (RTLD_NOW, RTLD_LOCAL).
 *
 * @param problem  what failed, in words, when the return is not 0
 * @return 0; -ENOENT, -EACCES, ...: the file; -ENOEXEC: the linker refuses it
 */
int dynamic_open(const char *path, struct dynamic **out, char *problem, size_t size);
/** The address of a symbol, NULL when it has none. */
void *dynamic_symbol(struct dynamic *dynamic, const char *name);
/** Of the file that was copied. */
const struct dynamic_stamp *dynamic_stamp_of(const struct dynamic *dynamic);
/** The linker's build id in hexadecimal digits, "" when the file has none. Returns `out`. */
const char *dynamic_build_id(const struct dynamic *dynamic, char *out, size_t size);
/**
 * Unmaps; nothing may point into it any more. Takes NULL.
 * @return false: it stays mapped, because the linker does not let go of it, or, under sanitizers,
 * so that their reports have names
 */
bool dynamic_close(struct dynamic *dynamic);

#endif
