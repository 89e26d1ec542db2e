/*
 * universe.h: what the feeds say is listed, against what they follow. Pure: times are handed in,
 * and what is to be told comes back as a value.
 */
#ifndef LIFECYCLE_UNIVERSE_H
#define LIFECYCLE_UNIVERSE_H

#include <feedloom/record.h>

/** Where an instrument stands with its feed. */
enum place {
	PLACE_NONE = 0,
	PLACE_PENDING,   /* asked for, or its connection is down */
	PLACE_DEFERRED,  /* no connection has room for it */
	PLACE_SUBSCRIBED /* acknowledged by the venue */
};

enum {
	MEMBER_ACTIVE = 1,    /* the venue lists it as tradable */
	MEMBER_TOLD = 2,      /* that it is listed has been told, or the store knew it */
	MEMBER_FOLLOWED = 4,  /* that it is subscribed has been told, or the store knew it */
	MEMBER_RELEASED = 8,  /* left ahead of its expiry */
	MEMBER_PINNED = 16,   /* followed by hand */
	MEMBER_EXCLUDED = 32, /* left by hand */
	MEMBER_REHEARSED = 64,
	MEMBER_SEEN = 128,  /* by the pass over the subscriptions that is under way */
	MEMBER_STORED = 256 /* by the pass over the store's rows that is under way */
};

/** One instrument that is listed, or was until a while ago. */
struct member {
	struct fl_instrument record; /* as its feed said it last */
	uint16_t feed;               /* index of the feed */
	uint16_t flags;
	uint8_t place; /* enum place */
	int16_t connection;
	int64_t changed_ns; /* when it was listed, ended, or had other terms */
};

struct universe {
	struct member *members;
	size_t count, capacity;
	uint32_t *index_of; /* by instrument id: index + 1 */
	size_t index_capacity;
};

void universe_finish(struct universe *universe);

/** The member of an id, NULL: none. Valid until the next call that adds or forgets. */
struct member *universe_find(const struct universe *universe, uint32_t instrument);

enum change { CHANGE_NONE = 0, CHANGE_LISTED, CHANGE_EXPIRED, CHANGE_REMOVED };

/**
 * Takes over what a feed says of an instrument.
 *
 * @param out  its member; NULL for one that is not listed and was not known, and without memory
 * @return what that means: it was listed, has expired, or is gone before its expiry
 */
enum change universe_take(struct universe *universe, uint16_t feed,
	const struct fl_instrument *record, int64_t now_ns, struct member **out);

/** Whether its feed should follow it: it is listed, and further than `buffer_ns` from its expiry.
 */
bool universe_is_wanted(const struct member *member, int64_t buffer_ns, int64_t now_ns);
/** Whether it is to be left now: by its expiry alone, whatever its feed does at present. */
bool universe_is_due(const struct member *member, int64_t buffer_ns, int64_t now_ns);
/** Whether its feed is done with it: not asked for without an answer, not gone and still followed.
 */
bool universe_is_settled(const struct member *member);

enum move { MOVE_NONE = 0, MOVE_ADDED, MOVE_REMOVED, MOVE_DEFERRED, MOVE_MOVED };

/** Takes over where its feed says it is. Returns what is new about that. */
enum move universe_place(struct member *member, enum place place, int connection);

/** Forgets what ended more than `keep_ns` ago. */
void universe_forget(struct universe *universe, int64_t keep_ns, int64_t now_ns);

#endif
