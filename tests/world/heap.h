/*
 * heap.h: whose memory it is: the daemons of a world share one heap. What is allocated while a
 * machine's code runs is that machine's; what the world itself and the files of databases need is
 * nobody's.
 */
#ifndef WORLD_HEAP_H
#define WORLD_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/** False: built with sanitizers, which have the allocator for themselves; nothing is counted. */
bool heap_is_counted(void);
/** Once, before SQLite is used. */
void heap_setup(void);

/* Nobody's. What is allocated here is freed here. */
void *heap_get(size_t size); /* aborts when there is none; zeros */
void *heap_resize(void *memory, size_t size);
void heap_give(void *memory);

#endif
