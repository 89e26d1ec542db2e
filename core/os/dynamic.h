/*
 * dynamic.h: shared objects, loaded from a private copy so that overwriting the file cannot touch
 * the running code. Each load has a name of its own (the dynamic linker caches by name and inode).
 */
#ifndef OS_DYNAMIC_H
#define OS_DYNAMIC_H

#include <stddef.h>

struct dynamic;

/**
 * Copies the file into memory and loads the copy (RTLD_NOW, RTLD_LOCAL).
 *
 * @param problem  what failed, in words, when the return is not 0
 * @return 0; -ENOENT, -EACCES, ...: the file; -ENOEXEC: the linker refuses it
 */
int dynamic_open(const char *path, struct dynamic **out, char *problem, size_t size);
/** The address of a symbol, NULL when it has none. */
void *dynamic_symbol(struct dynamic *dynamic, const char *name);
/** Unmaps; nothing may point into it any more. Takes NULL. Stays mapped under sanitizers, for their
 * reports. */
void dynamic_close(struct dynamic *dynamic);

#endif
