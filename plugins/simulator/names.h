/*
 * names.h: finds a number by a name. Names are borrowed from whoever owns them and must stay where
 * they are.
 */
#ifndef SIMULATOR_NAMES_H
#define SIMULATOR_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct name_slot {
	const char *name; /* NULL: free */
	uint32_t length, number;
};

struct names {
	struct name_slot *slots;
	size_t capacity, count; /* capacity is a power of two, or 0 */
};

void names_finish(struct names *names);
/** Adds or replaces. 0 or -ENOMEM. */
int names_add(struct names *names, const char *name, size_t length, uint32_t number);
/** The number, or -ENOENT. */
int64_t names_find(const struct names *names, const char *name, size_t length);

#endif
