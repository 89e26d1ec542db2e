/*
 * arena.h: memory that is taken piece by piece and given back at once.
 */
#ifndef CONFIG_ARENA_H
#define CONFIG_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* the newest first; zero is an empty arena */
};

/** Zeroed, aligned for anything; NULL: no memory. */
void *arena_take(struct arena *arena, size_t size);
/** A copy with a 0 behind it. */
char *arena_text(struct arena *arena, const char *text, size_t length);
void arena_finish(struct arena *arena);

#endif
