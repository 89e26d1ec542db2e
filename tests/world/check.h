/*
 * check.h: what must hold whatever happens: at any moment (moment.c) the loss identity, the cursors
 * against journal and store, the venue's limits, the connections, backoff, memory; at the end
 * (agree.c) ledger against store as design section 11 says, and the reasons of all that went wrong.
 */
#ifndef WORLD_CHECK_H
#define WORLD_CHECK_H

#include <sqlite3.h>

#include "world.h"

/** What a run has been found guilty of. */
struct verdict {
	unsigned problems;
	int64_t messages, stored, missing, refilled;
};

void verdict_fault(struct verdict *verdict, const char *format, ...) FL_PRINTF(2, 3);

/** Holds the ledger and the store of this name open, so that they outlive the daemons. */
sqlite3 *check_open(const char *store);
/**
 * By how much the machines' real clocks may differ: what one of them says is compared with what
 * another says only so far. The venue's, which the ledger has, is ahead by `venue_ns`. Of all
 * databases; check_open forgets it.
 */
void check_clocks(int64_t off_ns, int64_t venue_ns);
void check_close(sqlite3 *db);
int64_t check_number(sqlite3 *db, const char *sql);

/* -- at any moment -------------------------------------------------------------------- */

enum { COUNTED_KINDS = 4 };

/** One sink of one collector, over all its processes. The first four are the caller's. */
struct watch {
	struct verdict *verdict;
	const struct machine *machine;
	sqlite3 *db;
	const char *sink;
	unsigned power_cuts;
	uint64_t moments;      /* looked at */
	sqlite3_stmt *cursors; /* asks the store where it stands; ends with the database */
	/* Of the running process: */
	int64_t heap_before_bytes, heap_most_bytes;
	/* At the last look: */
	uint64_t dials, published[FL_KIND_COUNT];
	int64_t looked_ns, journal_id, more_rows[COUNTED_KINDS];
	/*
	 * Records that a store had and a power cut took from the journal, which counts on without them.
	 * Told anew by the first look behind a start, the same from then on.
	 */
	int64_t taken_back[FL_KIND_COUNT];
	bool may_tell_anew, may_be_less;
};

/** Before a process is started. */
void watch_begin(struct watch *watch);
/** At any moment; costs some microseconds. */
void watch_moment(struct watch *watch);
/** Now and then, and before a process ends: what takes longer. */
void watch_closely(struct watch *watch);

/* -- what was done to it --------------------------------------------------------------- */

/**
 * Something went wrong from `from_us` to `to_us` (real time). `what` is for people, and for
 * reasons.c, which knows what must tell of it if it `has_effect` for sure.
 */
void check_disturbed(
	sqlite3 *db, const char *what, int64_t from_us, int64_t to_us, bool has_effect);
/** A warning in the collector's log. */
void check_said(sqlite3 *db, int64_t at_us, const char *line);
/**
 * A process ended without warning at `at_us`, the next one began at `back_us`. `keeps_us`: all that
 * came so long before is on the disk (journal.sync); -1: all.
 */
void check_killed(sqlite3 *db, int64_t at_us, int64_t back_us, int64_t keeps_us);

/* -- at the end ------------------------------------------------------------------------ */

/**
 * After an orderly stop: ledger against store.
 * @param trades_until_us  trades that happened later need not be there: the feed had been stopped
 * @param has_faults       connections were cut: what is missing must lie within a row of
 * stream_gaps; without, nobody was mute
 */
void check_agreement(
	struct verdict *verdict, sqlite3 *db, int64_t trades_until_us, bool has_faults);
/** Each gap has a cause among what was done, what was done is told of, and the venue refused
 * nothing. */
void check_reasons(struct verdict *verdict, sqlite3 *db);

#endif
