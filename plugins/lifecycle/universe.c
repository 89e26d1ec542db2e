/*
 * universe.c: members in a table by instrument id; each question is answered from a member's own
 * fields, so that nothing has to be kept in step.
 */
#include "universe.h"

#include <stdlib.h>
#include <string.h>

enum { INDEX_LEAST = 4096, MEMBERS_LEAST = 256 };

void universe_finish(struct universe *universe)
{
	free(universe->members);
	free(universe->index_of);
	*universe = (struct universe){ 0 };
}

struct member *universe_find(const struct universe *universe, uint32_t instrument)
{
	if (instrument >= universe->index_capacity || universe->index_of[instrument] == 0)
		return NULL;
	return &universe->members[universe->index_of[instrument] - 1];
}

static bool reserve_index(struct universe *universe, uint32_t instrument)
{
	size_t capacity = universe->index_capacity == 0 ? INDEX_LEAST : universe->index_capacity;
	uint32_t *grown;

	if (instrument < universe->index_capacity)
		return true;
	while (capacity <= instrument)
		capacity *= 2;
	grown = realloc(universe->index_of, capacity * sizeof(*grown));
	if (grown == NULL)
		return false;
	memset(grown + universe->index_capacity, 0,
		(capacity - universe->index_capacity) * sizeof(*grown));
	universe->index_of = grown;
	universe->index_capacity = capacity;
	return true;
}

static struct member *add(struct universe *universe, uint32_t instrument)
{
	if (instrument == 0 || !reserve_index(universe, instrument))
		return NULL;
	if (universe->count == universe->capacity) {
		size_t capacity = universe->capacity == 0 ? MEMBERS_LEAST : universe->capacity * 3 / 2;
		struct member *grown = realloc(universe->members, capacity * sizeof(*grown));

		if (grown == NULL)
			return NULL;
		universe->members = grown;
		universe->capacity = capacity;
	}
	universe->members[universe->count] = (struct member){ .connection = -1 };
	universe->index_of[instrument] = (uint32_t)++universe->count;
	return &universe->members[universe->count - 1];
}

static bool are_terms_equal(const struct fl_instrument *a, const struct fl_instrument *b)
{
	return a->expiry_ns == b->expiry_ns && a->tick_size == b->tick_size &&
		a->contract_size == b->contract_size;
}

enum change universe_take(struct universe *universe, uint16_t feed,
	const struct fl_instrument *record, int64_t now_ns, struct member **out)
{
	struct member *member = universe_find(universe, record->head.instrument);
	bool was_active = member != NULL && (member->flags & MEMBER_ACTIVE);
	bool is_active = record->is_active != 0;

	*out = member;
	if (member == NULL && is_active)
		*out = member = add(universe, record->head.instrument);
	if (member == NULL)
		return CHANGE_NONE;
	if (was_active != is_active || !are_terms_equal(&member->record, record))
		member->changed_ns = now_ns;
	member->feed = feed;
	member->record = *record;
	if (was_active == is_active)
		return CHANGE_NONE;
	if (is_active) {
		member->flags |= MEMBER_ACTIVE;
		member->flags &= (uint16_t)~MEMBER_RELEASED;
		return CHANGE_LISTED;
	}
	member->flags &= (uint16_t)~(MEMBER_ACTIVE | MEMBER_TOLD);
	return record->expiry_ns != 0 && record->expiry_ns <= now_ns ? CHANGE_EXPIRED : CHANGE_REMOVED;
}

static bool is_near_expiry(const struct member *member, int64_t buffer_ns, int64_t now_ns)
{
	int64_t expiry_ns = member->record.expiry_ns;

	return expiry_ns != 0 && expiry_ns - buffer_ns <= now_ns;
}

bool universe_is_wanted(const struct member *member, int64_t buffer_ns, int64_t now_ns)
{
	return (member->flags & MEMBER_ACTIVE) && !(member->flags & MEMBER_EXCLUDED) &&
		!is_near_expiry(member, buffer_ns, now_ns);
}

bool universe_is_due(const struct member *member, int64_t buffer_ns, int64_t now_ns)
{
	return (member->flags & MEMBER_ACTIVE) &&
		!(member->flags & (MEMBER_RELEASED | MEMBER_PINNED)) &&
		is_near_expiry(member, buffer_ns, now_ns);
}

bool universe_is_settled(const struct member *member)
{
	return member->place != PLACE_PENDING &&
		(member->place != PLACE_SUBSCRIBED || (member->flags & (MEMBER_ACTIVE | MEMBER_PINNED)));
}

enum move universe_place(struct member *member, enum place place, int connection)
{
	enum place before = (enum place)member->place;
	int last = member->connection;
	bool is_followed = (member->flags & MEMBER_FOLLOWED) != 0;

	member->place = (uint8_t)place;
	switch (place) {
	case PLACE_SUBSCRIBED:
		member->connection = (int16_t)connection;
		member->flags |= MEMBER_FOLLOWED;
		if (!is_followed)
			return MOVE_ADDED;
		return last >= 0 && last != connection ? MOVE_MOVED : MOVE_NONE;
	case PLACE_DEFERRED:
		member->flags &= (uint16_t)~MEMBER_FOLLOWED;
		return before == PLACE_DEFERRED ? MOVE_NONE : MOVE_DEFERRED;
	case PLACE_NONE:
		member->flags &= (uint16_t)~MEMBER_FOLLOWED;
		return is_followed ? MOVE_REMOVED : MOVE_NONE;
	case PLACE_PENDING: break; /* its connection is down, or the venue has not answered yet */
	}
	return MOVE_NONE;
}

static void drop(struct universe *universe, size_t at)
{
	struct member *last = &universe->members[--universe->count];

	universe->index_of[universe->members[at].record.head.instrument] = 0;
	if (&universe->members[at] == last)
		return;
	universe->members[at] = *last;
	universe->index_of[last->record.head.instrument] = (uint32_t)at + 1;
}

void universe_forget(struct universe *universe, int64_t keep_ns, int64_t now_ns)
{
	for (size_t i = universe->count; i-- > 0;) {
		const struct member *member = &universe->members[i];

		if (!(member->flags & (MEMBER_ACTIVE | MEMBER_REHEARSED | MEMBER_FOLLOWED)) &&
			now_ns - member->changed_ns > keep_ns)
			drop(universe, i);
	}
}
