/*
 * sqlite_rows.h: a record's rows: which table, which columns, which value where.
 *
 * Absent is NULL: NaN, times of 0, texts of "", counters of -1. What the table demands and the
 * record lacks (its time, its instrument) goes as NULL too: the table refuses it, and it is counted
 * there.
 */
#ifndef SQLITE_ROWS_H
#define SQLITE_ROWS_H

#include <feedloom/plugin.h>

/** The table a kind's rows go to, by the name people query. NULL: no kind of ours. */
const char *rows_table(unsigned kind);
/** The statement that stores a row of a kind. */
const char *rows_sql(unsigned kind);
/** Whether the store may have a record of this kind already: then it is repeated, not stored. */
bool rows_may_repeat(unsigned kind);
/** Whether rows of this kind hold an instrument's number. */
bool rows_need_id(unsigned kind);
/** Whether records of this kind must be stored in their order: a later one corrects an earlier. */
bool rows_keep_order(unsigned kind);

/**
 * Puts a record's rows into the job.
 * @param id      the store's number of its instrument, 0: none
 * @param now_ns  feedloom's clock as the batch goes
 * @return how many rows: one, or one a level of a book
 */
uint32_t rows_put(struct fl_sqlite_job *job, const struct fl_ctx *ctx,
	const struct fl_record *record, uint32_t id, int64_t now_ns);

/** What makes an instrument known by its name alone, before its first row. */
const char *rows_new_sql(void);
void rows_put_new(struct fl_sqlite_job *job, const struct fl_ctx *ctx, uint32_t instrument,
	uint32_t id, int64_t now_ns);

/** Made of `dropped`: what the journal had to drop before this sink had it. */
void rows_put_dropped(struct fl_sqlite_job *job, const struct fl_ctx *ctx,
	const uint64_t dropped[FL_KIND_COUNT], int64_t started_ns, int64_t ended_ns);

#endif
