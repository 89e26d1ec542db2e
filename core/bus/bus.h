/*
 * bus.h: the bus as core/host sees it. Publishing appends to the journal, then calls the live
 * subscribers; durable ones have cursors (cursor.h), which the bus wakes once a turn.
 *
 * Nothing here knows of plugins: what goes up goes by the tables given at open and subscribe.
 */
#ifndef BUS_BUS_H
#define BUS_BUS_H

#include "dictionary.h"
#include "loop.h"
#include <feedloom/bus.h>
#include <feedloom/instrument.h>

struct bus;
struct journal;
struct since;
struct subscriber;

enum bus_state {
	BUS_OK,
	BUS_DEGRADED /* records are being lost, or were in the last second */
};

/** What the bus tells its owner. Each may be NULL; none may close the bus. They may publish. */
struct bus_owner {
	/** The state has changed. `reason`: "no space left on device: var/journal", "" when well. */
	void (*on_state)(void *data, enum bus_state state, const char *reason);
	/**
	 * Records were lost, by kind: `why` is "full" (max_size: retired before `sink`/`stream` had
	 * them), "damaged", or, with sink and stream "", what kept the journal from taking them. Logged
	 * already. Counted once: with their batch's dropped[] where a cursor is named. At most once a
	 * second each.
	 */
	void (*on_lost)(void *data, const char *sink, const char *stream, const char *why,
		const uint64_t lost[FL_KIND_COUNT]);
};

struct bus_setup {
	const char *folder; /* of the journal; made when absent */
	int64_t max_bytes;  /* 0: 4 GiB; at least four segments */
	int64_t sync_ns;    /* how often what was written is synced; 0: never (a power cut may take all
						   that the system has not written by itself, usually 30 s) */
	int64_t keep_ns;    /* what every cursor has passed is kept so long; -1: 1 h */
	int64_t segment_bytes;         /* 0: 16 MiB; for tests: a multiple of 64 KiB */
	const struct bus_owner *owner; /* may be NULL */
	void *data;
};

/**
 * Opens the journal (recovering it), at the start of the program: this blocks. What fails is logged
 * in one line that names the remedy.
 *
 * @return 0; -EWOULDBLOCK: another process has the journal (its pid is in the log line and, if
 *         `other_pid` is not NULL, there; 0: unknown); -EMEDIUMTYPE: a network or FUSE file system;
 *         -ENOSPC, -EACCES, -EROFS, ... from the file system
 */
int bus_open(struct loop *loop, const struct bus_setup *setup, long *other_pid, struct bus **out);

/**
 * Closes cursors, subscribers and the journal in good order. Not from within a callback of the bus
 * or the loop: it turns the loop until the bus's own workers are done. Takes NULL.
 */
void bus_close(struct bus *bus);

/**
 * Back-pressure: `on_room` is told, from within bus_publish or the loop, when the disk lags so that
 * whoever brings records is to hold back (false), and when they may come again; after 3 s they may
 * in any case. Reading on meanwhile is allowed: what cannot be taken is then lost, and counted.
 * NULL: no more.
 */
void bus_watch_room(struct bus *bus, void (*on_room)(void *data, bool has_room), void *data);

/** Live changes of the configuration; the folder cannot change. */
void bus_configure(struct bus *bus, int64_t max_bytes, int64_t sync_ns, int64_t keep_ns);

/** Names and ids; borrowed. */
struct dictionary *bus_dictionary(struct bus *bus);
/** For cursor_open; borrowed. */
struct journal *bus_journal(struct bus *bus);

/**
 * As fl_publish; sets record->source. Subscribers are called in the order of their subscription;
 * one that publishes nests, eight deep at most: deeper records are appended, but not passed on
 * live.
 */
int bus_publish(struct bus *bus, uint16_t source, struct fl_record *record);

/** The last trade a source published of an instrument: -ENOENT when none is known. */
int bus_last_trade(
	const struct bus *bus, uint16_t source, uint32_t instrument, struct fl_last_trade *out);

/**
 * The latest event time of a source's market data that earlier processes have left; 0: none is
 * known. What lies behind it was missed until the source's first record of this process.
 */
int64_t bus_last_event_ns(const struct bus *bus, uint16_t source);

/** What a kill of this process would cost, and of earlier ones did cost; NULL: it could not be had.
 */
struct since *bus_since(struct bus *bus);

/**
 * The gaps that earlier processes began and did not end, of every source (head.source) and, where
 * it is of one, instrument (head.instrument), oldest first. Borrowed; the same as long as the bus
 * is open.
 */
const struct fl_gap *bus_open_gaps(const struct bus *bus, size_t *count);

/** The program stops: what waits goes to the cursors as soon as they are idle, whatever their
 * floor. */
void bus_hurry(struct bus *bus);

struct subscriber_owner {
	void (*on_record)(void *data, const struct fl_record *record);
};

/**
 * @param patterns  as struct fl_filter
 * @return 0, or what filter_create answers
 */
int bus_subscribe(struct bus *bus, const char *patterns, const struct subscriber_owner *owner,
	void *data, struct subscriber **out);
/** Allowed inside on_record, also of another subscriber; takes NULL. It is not called any more. */
void bus_unsubscribe(struct subscriber *subscriber);

/**
 * Says that a sink of this name is configured (or not any more): while an expected sink has no open
 * cursor, nothing is retired for its age, since the sink's store may lack it. Streams that were
 * closed hold what they had not passed, until reopened or until their sink is no longer expected.
 */
int bus_expect(struct bus *bus, const char *sink, bool is_expected);

/** What the journal knows of itself. */
struct bus_status {
	enum bus_state state;
	const char *reason;       /* of a degraded state; "" */
	int64_t bytes, max_bytes; /* on disk */
	int64_t bytes_per_second; /* written, over the last minute */
	int64_t oldest_ns;        /* when the oldest segment was begun */
	uint32_t segments;
	uint64_t journal_id;
	uint32_t generation;
	uint64_t last_number;   /* of the last record; 0: none yet */
	uint64_t synced_number; /* up to here a power cut takes nothing */
	/** By kind, since the journal began: everything given to bus_publish that was well-formed, ...
	 */
	uint64_t published[FL_KIND_COUNT];
	/** ... and of that, what the journal could not take. Cursors meet these as dropped. */
	uint64_t lost[FL_KIND_COUNT];
	uint64_t malformed; /* -EINVAL, since the start; not in published */
	uint64_t holds;     /* how often on_room said to hold back, since the start */
};

void bus_status(const struct bus *bus, struct bus_status *out);

/** The position of the newest record. */
void bus_position(const struct bus *bus, struct fl_position *out);

#endif
