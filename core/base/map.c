/*
 * map.c: entries stand in an array in the order of insertion; a table of slots, open addressing
 * with linear probing, says where. A removed entry stays as a grave until the array is full: then
 * the table is rebuilt without graves, larger if it must be.
 */
#include "map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 8 };

struct entry {
	void *value; /* NULL: a grave */
	uint64_t hash;
	size_t length;
	union {
		char *bytes;   /* keys that do not fit */
		char small[8]; /* keys that do: numbers */
	} key;
};

struct map {
	struct entry *entries;
	uint32_t *slots;   /* index of an entry + 1, 0: free; twice as many as entries */
	size_t used, size; /* entries, graves included */
	size_t count;
};

/* Eight bytes at a time: multiply by a large odd number, fold the high half into the low one. */
static uint64_t mix(uint64_t value)
{
	value *= UINT64_C(0x9E3779B97F4A7C15);
	return value ^ value >> 32;
}

static uint64_t hash_of(const void *key, size_t length)
{
	const unsigned char *at = key;
	uint64_t hash = mix(length + 1), word;

	for (; length >= 8; at += 8, length -= 8) {
		memcpy(&word, at, 8);
		hash = mix(hash ^ word);
	}
	if (length > 0) {
		word = 0;
		memcpy(&word, at, length);
		hash = mix(hash ^ word);
	}
	return mix(hash);
}

static const char *key_of(const struct entry *entry)
{
	return entry->length <= sizeof(entry->key.small) ? entry->key.small : entry->key.bytes;
}

static void forget_key(struct entry *entry)
{
	if (entry->length > sizeof(entry->key.small))
		free(entry->key.bytes);
	entry->length = 0;
}

struct map *map_create(void)
{
	return calloc(1, sizeof(struct map));
}

void map_destroy(struct map *map)
{
	if (map == NULL)
		return;
	for (size_t i = 0; i < map->used; i++)
		forget_key(&map->entries[i]);
	free(map->entries);
	free(map->slots);
	free(map);
}

static struct entry *find(const struct map *map, const void *key, size_t length)
{
	uint64_t hash = hash_of(key, length);
	size_t mask = map->size * 2 - 1;

	if (map->count == 0)
		return NULL;
	for (size_t at = hash & mask; map->slots[at] != 0; at = (at + 1) & mask) {
		struct entry *entry = &map->entries[map->slots[at] - 1];

		if (entry->hash == hash && entry->value != NULL && entry->length == length &&
			(length == 0 || memcmp(key_of(entry), key, length) == 0))
			return entry;
	}
	return NULL;
}

static void link_entry(struct map *map, size_t index)
{
	size_t mask = map->size * 2 - 1, at = map->entries[index].hash & mask;

	while (map->slots[at] != 0)
		at = (at + 1) & mask;
	map->slots[at] = (uint32_t)index + 1;
}

/* Leaves the graves behind; grows unless at least half of the entries are graves. */
static int rebuild(struct map *map)
{
	size_t size = map->size == 0     ? SMALLEST
		: map->count > map->size / 2 ? map->size * 2
									 : map->size;
	struct entry *entries;
	uint32_t *slots;
	size_t used = 0;

	if (size > UINT32_MAX / 4)
		return -ENOMEM;
	entries = calloc(size, sizeof(*entries));
	slots = calloc(size * 2, sizeof(*slots));
	if (entries == NULL || slots == NULL) {
		free(entries);
		free(slots);
		return -ENOMEM;
	}
	for (size_t i = 0; i < map->used; i++)
		if (map->entries[i].value != NULL)
			entries[used++] = map->entries[i];
	free(map->entries);
	free(map->slots);
	map->entries = entries;
	map->slots = slots;
	map->size = size;
	map->used = used;
	for (size_t i = 0; i < used; i++)
		link_entry(map, i);
	return 0;
}

void *map_get(const struct map *map, const void *key, size_t length)
{
	struct entry *entry = find(map, key, length);

	return entry == NULL ? NULL : entry->value;
}

int map_set(struct map *map, const void *key, size_t length, void *value)
{
	struct entry *entry = find(map, key, length);
	struct entry added = { .value = value, .length = length };

	if (entry != NULL) {
		entry->value = value;
		return 0;
	}
	if (map->used == map->size && rebuild(map) != 0)
		return -ENOMEM;
	added.hash = hash_of(key, length);
	if (length > sizeof(added.key.small)) {
		added.key.bytes = malloc(length);
		if (added.key.bytes == NULL)
			return -ENOMEM;
		memcpy(added.key.bytes, key, length);
	} else if (length > 0) {
		memcpy(added.key.small, key, length);
	}
	map->entries[map->used] = added;
	link_entry(map, map->used++);
	map->count++;
	return 0;
}

void *map_remove(struct map *map, const void *key, size_t length)
{
	struct entry *entry = find(map, key, length);
	void *value;

	if (entry == NULL)
		return NULL;
	value = entry->value;
	entry->value = NULL;
	forget_key(entry);
	map->count--;
	return value;
}

size_t map_count(const struct map *map)
{
	return map->count;
}

void *map_get_number(const struct map *map, uint64_t key)
{
	return map_get(map, &key, sizeof(key));
}

int map_set_number(struct map *map, uint64_t key, void *value)
{
	return map_set(map, &key, sizeof(key), value);
}

void *map_remove_number(struct map *map, uint64_t key)
{
	return map_remove(map, &key, sizeof(key));
}

void *map_next(const struct map *map, size_t *at, const void **key, size_t *length)
{
	while (*at < map->used) {
		const struct entry *entry = &map->entries[(*at)++];

		if (entry->value == NULL)
			continue;
		if (key != NULL)
			*key = key_of(entry);
		if (length != NULL)
			*length = entry->length;
		return entry->value;
	}
	return NULL;
}
