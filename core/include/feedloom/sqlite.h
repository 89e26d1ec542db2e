/*
 * sqlite.h: SQLite, asynchronous. A job is data: statements and their rows, run in order in one
 * transaction on a worker by the core's code; on_result brings what came of it.
 */
#ifndef FEEDLOOM_SQLITE_H
#define FEEDLOOM_SQLITE_H

#include <feedloom/result.h>

struct fl_sqlite_options {
	const char *path;   /* relative: to the state folder; ":memory:NAME" in simulations */
	const char *schema; /* migrations to apply at open, schema/NAME; NULL: none */
	bool fast;          /* synchronous=OFF: what can be lost */
	bool read_only;
	int64_t busy_timeout_ns; /* 0: 5 s */
};

/**
 * Opens database `db`, or adopts the one that is open with the same path. The answer is on_result
 * with statement number 0 of that db: no error, or why not (a network file system, a newer schema,
 * ...).
 */
FL_API int fl_sqlite_open(struct fl_ctx *ctx, int db, const struct fl_sqlite_options *options);
FL_API void fl_sqlite_close(struct fl_ctx *ctx, int db);

/** A job being put together. Core's. */
struct fl_sqlite_job;
struct fl_snapshot;

/** Begins a job. NULL: no memory. */
FL_API struct fl_sqlite_job *fl_sqlite_job(struct fl_ctx *ctx, int db);

/** The statement that the following rows run. Prepared once per text and kept. */
FL_API int fl_sqlite_statement(struct fl_sqlite_job *job, const char *sql, unsigned flags);
/**
 * The statement begun last has another one, of as many parameters: a row that changes nothing runs
 * it with the same values. What it changes and refuses counts as the statement's.
 */
FL_API int fl_sqlite_or_else(struct fl_sqlite_job *job, const char *sql);

/* One row: its parameters in order, then the end. NaN binds NULL. */
FL_API void fl_sqlite_null(struct fl_sqlite_job *job);
FL_API void fl_sqlite_int(struct fl_sqlite_job *job, int64_t value);
FL_API void fl_sqlite_real(struct fl_sqlite_job *job, double value);
FL_API void fl_sqlite_text(struct fl_sqlite_job *job, const char *text, size_t length);
/** How many rows the job's statement `statement` (0 for the first) has changed so far. */
FL_API void fl_sqlite_changes(struct fl_sqlite_job *job, int statement);
/** How many rows of statement `statement` were set aside so far. */
FL_API void fl_sqlite_refused(struct fl_sqlite_job *job, int statement);
FL_API void fl_sqlite_row_end(struct fl_sqlite_job *job);

/**
 * A job that is still being put together goes over a reload with its rows: it is the core's, and so
 * no pointer into code. When the swap fails, it is still who saved it's.
 */
FL_API int fl_sqlite_save_job(struct fl_snapshot *to, const char *key, struct fl_sqlite_job *job);
/** NULL: there is none under `key`. */
FL_API struct fl_sqlite_job *fl_sqlite_restore_job(const struct fl_snapshot *from, const char *key);

/** Bytes of the job so far. */
FL_API size_t fl_sqlite_job_bytes(const struct fl_sqlite_job *job);

/**
 * Runs it; on_result(state, db, number, result) follows, in the order of submission.
 * The job is the core's from here on, whatever is returned.
 * @param number  the plugin's own, 1 or more
 * @return 0; -ENOTCONN: not open; -ENOMEM: a part of the job could not be stored
 */
FL_API int fl_sqlite_run(struct fl_ctx *ctx, struct fl_sqlite_job *job, int number);
FL_API void fl_sqlite_drop(struct fl_sqlite_job *job);

/** Free bytes and total bytes of the file system that holds database `db`, as of the last job. */
FL_API int fl_sqlite_disk(const struct fl_ctx *ctx, int db, int64_t *free_bytes,
	int64_t *total_bytes, int64_t *file_bytes);

#endif
