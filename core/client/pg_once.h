/*
 * pg_once.h: a session with PostgreSQL for a verb of the command line: opened, given one job after
 * another, closed. Blocks.
 */
#ifndef CLIENT_PG_ONCE_H
#define CLIENT_PG_ONCE_H

#include "audit.h"
#include "migrate_pg.h"

struct pg_once;

/** 0, or as struct fl_result's error with the reason in `why`. */
int pg_once_open(const struct fl_pg_options *options, struct buf *why, struct pg_once **out);
void pg_once_close(struct pg_once *once); /* takes NULL */
const char *pg_once_label(const struct pg_once *once);

/** NULL: no memory. */
struct fl_pg_job *pg_once_job(struct pg_once *once);
/** Runs it and waits; `take` gets the answer, whose error is returned. */
int pg_once_run(struct pg_once *once, struct fl_pg_job *job,
	void (*take)(void *data, const struct fl_result *result), void *data);

/** For `feedloom migrate`, as migrate_sqlite. */
int migrate_pg(const struct fl_pg_options *options, const struct migrate_pg_setup *setup,
	struct buf *report, struct buf *why);

/** As audit_sqlite. */
int audit_pg(const struct fl_pg_options *options, const struct audit_queries *queries,
	const struct audit_taker *taker, struct buf *why);

#endif
