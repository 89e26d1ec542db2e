/* names.c: an open-addressing table of borrowed names; nothing is ever taken out. */
#include "names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t hash(const char *name, size_t length)
{
	uint64_t value = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (size_t i = 0; i < length; i++)
		value = (value ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
	return value ^ (value >> 29);
}

static struct name_slot *slot_of(const struct names *names, const char *name, size_t length)
{
	size_t at = hash(name, length) & (names->capacity - 1);

	for (;; at = (at + 1) & (names->capacity - 1)) {
		struct name_slot *slot = &names->slots[at];

		if (slot->name == NULL || (slot->length == length && memcmp(slot->name, name, length) == 0))
			return slot;
	}
}

static int grow(struct names *names)
{
	struct names bigger = { .capacity = names->capacity ? names->capacity * 2 : 256,
		.count = names->count };

	bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
	if (bigger.slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < names->capacity; i++)
		if (names->slots[i].name != NULL)
			*slot_of(&bigger, names->slots[i].name, names->slots[i].length) = names->slots[i];
	free(names->slots);
	*names = bigger;
	return 0;
}

void names_finish(struct names *names)
{
	free(names->slots);
	*names = (struct names){ 0 };
}

int names_add(struct names *names, const char *name, size_t length, uint32_t number)
{
	struct name_slot *slot;

	if (names->count * 2 >= names->capacity && grow(names) < 0)
		return -ENOMEM;
	slot = slot_of(names, name, length);
	if (slot->name == NULL)
		names->count++;
	*slot = (struct name_slot){ name, (uint32_t)length, number };
	return 0;
}

int64_t names_find(const struct names *names, const char *name, size_t length)
{
	const struct name_slot *slot;

	if (names->capacity == 0)
		return -ENOENT;
	slot = slot_of(names, name, length);
	return slot->name != NULL ? (int64_t)slot->number : -ENOENT;
}
