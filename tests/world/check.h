/*
 * check.h: what must hold whatever happens: ledger against store (design section 11), the cursor
 * against the journal, and the loss identity.
 */
#ifndef WORLD_CHECK_H
#define WORLD_CHECK_H

#include <sqlite3.h>

#include "world.h"

/** What a run has been found guilty of. */
struct verdict {
	unsigned problems;
	int64_t messages, stored, missing, refilled;
	/*
	 * Records that a store had and a power cut took from the journal, which counts on without them.
	 * Told anew by the first look behind a start, the same from then on.
	 */
	int64_t taken_back[FL_KIND_COUNT];
	unsigned power_cuts;
	bool may_tell_anew;
};

void verdict_fault(struct verdict *verdict, const char *format, ...) FL_PRINTF(2, 3);

/** Holds both databases open, so that they outlive the daemons. */
sqlite3 *check_open(void);
void check_close(sqlite3 *db);
int64_t check_number(sqlite3 *db, const char *sql);

/** At any moment, of a running daemon: identity, cursor, connections. */
void check_moment(struct verdict *verdict, const struct machine *collector, sqlite3 *db);

/**
 * After an orderly stop: ledger against store.
 * @param trades_until_us  trades that happened later need not be there: the feed had been stopped
 * @param has_faults       connections were cut: what is missing must lie within a row of
 * stream_gaps
 */
void check_agreement(
	struct verdict *verdict, sqlite3 *db, int64_t trades_until_us, bool has_faults);

#endif
