/*
 * map.h: hash map from byte strings, or from 64-bit numbers, to pointers. Iterates in the order of
 * insertion (never of addresses), so that simulations repeat themselves.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map; /* keys are copied */

struct map *map_create(void);      /* NULL: no memory */
void map_destroy(struct map *map); /* takes NULL; values are the caller's */
void *map_get(const struct map *map, const void *key, size_t length);
/** Sets, replacing; 0 or -ENOMEM. `value` is not NULL. */
int map_set(struct map *map, const void *key, size_t length, void *value);
/** Removes and returns the value, NULL when absent. */
void *map_remove(struct map *map, const void *key, size_t length);
size_t map_count(const struct map *map);
void *map_get_number(const struct map *map, uint64_t key);
int map_set_number(struct map *map, uint64_t key, void *value);
void *map_remove_number(struct map *map, uint64_t key);
/** Walks: start with *at = 0; NULL at the end. Removing the present entry inside is allowed. */
void *map_next(const struct map *map, size_t *at, const void **key, size_t *length);

#endif
