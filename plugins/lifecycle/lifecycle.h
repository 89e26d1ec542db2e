/*
 * lifecycle.h: what the files of this plugin share: its options and its state.
 *
 *   lifecycle.c           options, callbacks, descriptor
 *   lifecycle_record.c    what the feeds publish: listings, expiries
 *   lifecycle_follow.c    what each feed follows, against what it should
 *   lifecycle_refresh.c   the refresh: store, venue, subscriptions, in this order
 *   lifecycle_store.c     what the store knows: after a start, and whether somebody edited it
 *   lifecycle_rehearse.c  one instrument's expiry or listing, rehearsed
 *   lifecycle_event.c     rows of lifecycle_events, lines of the log
 *   pure: universe.c
 */
#ifndef LIFECYCLE_H
#define LIFECYCLE_H

#include "universe.h"
#include <feedloom/kit.h>
#include <feedloom/plugin.h>
#include <yyjson.h>

enum {
	FEEDS_MAX = 16,
	CURRENCIES_MAX = 16, /* of a feed */
	WAITERS_MAX = 16,    /* commands that wait for a refresh */
	REHEARSALS_MAX = 16
};

/* A reload finds what is open by these numbers: never renumber. */
enum { TIMER_TICK = 1, TIMER_REFRESH = 2, TIMER_LOOK = 3 };
enum { SUBSCRIPTION_INSTRUMENTS = 1 };
/* Questions: one of each a feed, numbered ASK_x + the feed's index. */
enum {
	ASK_REFRESH = 100,
	ASK_SUBSCRIPTIONS = 200,
	ASK_SUBSCRIBE = 300,
	ASK_UNSUBSCRIBE = 400,
	ASK_STORE = 500,
	ASK_POSITION = 600,
	ASK_REHEARSE = 700 /* + rehearsal */
};

struct options {
	int64_t refresh_interval_ns, expiry_buffer_ns;
	double max_drop;
	struct fl_names feeds;
};

/** Where a feed's refresh is. */
enum step {
	STEP_IDLE,
	STEP_STORE,  /* the store is asked what it has, before the venue puts it right */
	STEP_LIST,   /* the feed lists its venue's instruments */
	STEP_SETTLE, /* what is new is being subscribed */
};

/** How far a feed has come since we know of it. */
enum phase {
	PHASE_LISTING, /* its first listing is under way */
	PHASE_STORE,   /* the store is to say what was known before */
	PHASE_KNOWN    /* what happens from now on is news */
};

/** A currency's part of a refresh. */
struct tally {
	char currency[16];
	uint32_t listed, fresh, expired, failed, held, deferred, subscribed;
};

struct feed {
	char name[64];
	char venue[32];
	uint16_t source;    /* in records */
	uint8_t phase;      /* enum phase */
	uint8_t step;       /* enum step */
	bool is_placed;     /* the subscriptions have been seen since the last refresh */
	const char *reason; /* of the refresh under way */
	int64_t began_ns, settle_until_ns, retry_ns; /* monotonic; 0: none */
	int64_t known_by_ns;                         /* the store has until then to answer */
	int64_t poll_ns;                             /* the subscriptions are looked at then, 0: not */
	int64_t due_ns;   /* real time: the next expiry, or its buffer; 0: to be found out */
	int64_t leave_ns; /* monotonic: not left again before */
	uint32_t moved;   /* instruments, by the last look */
	struct tally tallies[CURRENCIES_MAX];
	size_t tally_count;
	char cursor[64];   /* of the store's next page */
	bool is_comparing; /* the store's rows are compared, not only known */
};

struct rehearsal {
	uint32_t instrument; /* 0: free */
	uint16_t feed;
	bool is_hidden, is_over;
	int command;      /* to be answered, 0: none */
	int64_t until_ns; /* monotonic */
};

struct waiter {
	int command; /* 0: free */
	int feed;    /* -1: all */
	bool is_all;
	uint32_t open; /* bits: feeds whose refresh is not over */
};

/** Names gathered for one line of the log. */
struct gathered {
	uint32_t count;
	char names[192];
};
enum { GATHER_LISTED, GATHER_EXPIRED, GATHER_LEFT, GATHER_DEFERRED, GATHER_COUNT };

struct lifecycle {
	struct fl_ctx *ctx;            /* borrowed; outlives us */
	const struct options *options; /* borrowed */
	struct universe universe;
	struct feed feeds[FEEDS_MAX];
	size_t feed_count;
	struct waiter waiters[WAITERS_MAX];
	struct rehearsal rehearsals[REHEARSALS_MAX];
	struct gathered gathered[GATHER_COUNT];
	int64_t started_ns;   /* real time */
	int64_t start_number; /* records of the journal when we began, -1: not known yet */
	uint32_t ticks;
	bool is_running;
};

static inline size_t feed_index(const struct lifecycle *self, const struct feed *feed)
{
	return (size_t)(feed - self->feeds);
}

static inline const char *member_name(const struct lifecycle *self, const struct member *member)
{
	return fl_instrument_name(self->ctx, member->record.head.instrument);
}

/* ---- lifecycle_record.c ---- */

void lifecycle_on_record(void *state, int subscription, const struct fl_record *record);
/** The feed of this name, NULL: none is known. */
struct feed *lifecycle_feed(struct lifecycle *self, const char *name);
/** Makes a feed known. NULL: there are too many, or it is not ours. */
struct feed *lifecycle_add_feed(struct lifecycle *self, const char *name, uint16_t source);
/** Publishes that an instrument ended, where its feed does not say so itself. */
void lifecycle_publish_ended(
	struct lifecycle *self, const struct fl_instrument *record, int64_t now_ns);
/** A feed's tally of a currency, made at first sight. */
struct tally *lifecycle_tally(struct feed *feed, const char *currency);

/* ---- lifecycle_follow.c ---- */

/** Leaves what is near its expiry, and ends what is past it although its feed has not said so. */
void lifecycle_leave(struct lifecycle *self, struct feed *feed);
/** Asks a feed what it follows. */
void lifecycle_look(struct lifecycle *self, struct feed *feed);
void lifecycle_look_soon(struct lifecycle *self, struct feed *feed, int64_t in_ns);
/** Asks those whose time has come. */
void lifecycle_look_due(struct lifecycle *self);
void lifecycle_looked(struct lifecycle *self, struct feed *feed, int status, const char *json);
void lifecycle_followed(struct lifecycle *self, struct feed *feed, int status, const char *json);
void lifecycle_left(struct lifecycle *self, struct feed *feed, int status, const char *json);

/* ---- lifecycle_refresh.c ---- */

/** Begins a feed's refresh; one that is under way goes on instead. `reason` is a literal. */
void lifecycle_refresh(struct lifecycle *self, struct feed *feed, const char *reason);
/** The store's part is over: on to the venue. */
void lifecycle_list(struct lifecycle *self, struct feed *feed);
void lifecycle_listed(struct lifecycle *self, struct feed *feed, int status, const char *json);
/** The subscriptions have been looked at, or time has passed: the refresh may be over. */
void lifecycle_settle(struct lifecycle *self, struct feed *feed);
/** Arms the timer for the next whole multiple of refresh_interval. */
void lifecycle_arm(struct lifecycle *self);
/** Takes the command `refresh`. */
void lifecycle_on_refresh(struct lifecycle *self, int command, yyjson_val *root);

/* ---- lifecycle_store.c ---- */

/** After a feed's first listing: what the store knew of it is no news. */
void lifecycle_know(struct lifecycle *self, struct feed *feed);
/** Before a refresh: which rows are not as the venue says. */
void lifecycle_compare(struct lifecycle *self, struct feed *feed);
void lifecycle_positioned(struct lifecycle *self, struct feed *feed, int status, const char *json);
void lifecycle_stored(struct lifecycle *self, struct feed *feed, int status, const char *json);

/* ---- lifecycle_rehearse.c ---- */

void lifecycle_on_rehearsal(struct lifecycle *self, int command, yyjson_val *root);
void lifecycle_rehearsed(struct lifecycle *self, size_t number, int status, const char *json);
/** Takes back what has lasted long enough. */
void lifecycle_rehearsals_check(struct lifecycle *self);
/** Takes back what a feed hides, so that its next listing finds it. */
void lifecycle_unhide(struct lifecycle *self, const struct feed *feed);

/* ---- lifecycle_event.c ---- */

struct event {
	const char *type, *reason;
	const struct feed *feed;
	const struct member *member; /* NULL: of the feed */
	uint32_t instrument;         /* with a NULL member: 0, or the one it is about */
	const char *currency;        /* NULL: the member's */
	int connection;              /* -1: none */
	bool is_failed;
	yyjson_mut_doc *metadata; /* an object, taken over; NULL: none */
};
void lifecycle_event(struct lifecycle *self, const struct event *event);
/** Adds a name to a line that is logged with the next tick. */
void lifecycle_gather(struct lifecycle *self, int what, const char *name);
void lifecycle_say_gathered(struct lifecycle *self);

#endif
