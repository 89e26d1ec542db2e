/*
 * list.h: intrusive doubly linked list. A list is a struct link that points at itself when empty.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
	struct link *prev, *next;
};

/** The struct that holds `member` at `pointer`. */
#define container_of(pointer, type, member)                                                        \
	((type *)(void *)((char *)(pointer) - offsetof(type, member)))

/** Loops over a list; the present element may be removed, others may not. */
#define list_each(item, following, list)                                                           \
	for ((item) = (list)->next, (following) = (item)->next; (item) != (list);                      \
		(item) = (following), (following) = (item)->next)

static inline void list_init(struct link *list)
{
	list->prev = list->next = list;
}

static inline bool list_is_empty(const struct link *list)
{
	return list->next == list;
}

/** Puts `item` at the end of `list`. */
static inline void list_append(struct link *list, struct link *item)
{
	item->prev = list->prev;
	item->next = list;
	list->prev->next = item;
	list->prev = item;
}

/** Takes it out; harmless when it is in none (initialised). */
static inline void list_remove(struct link *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}

#endif
