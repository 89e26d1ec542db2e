/*
 * sqlite_rows.h: rows on their way into SQLite: the statement of each kind, whose parameters are
 * the kind's columns in their order.
 */
#ifndef SQLITE_ROWS_H
#define SQLITE_ROWS_H

#include "sink_rows.h"

/** The statement that stores a row of a kind; NULL: no kind of ours. */
const char *rows_sql(unsigned kind);
/** What a row runs of which that changes nothing; NULL: nothing more. */
const char *rows_else_sql(unsigned kind);
/** What makes an instrument known by its name alone, before its first row: its number, then as
 * sink_put_new. */
const char *rows_new_sql(void);
/** Where a job's values go. */
struct sink_row rows_to(struct fl_sqlite_job *job, const struct fl_ctx *ctx, int64_t now_ns);

#endif
