/*
 * sqlite.h: one SQLite database, asynchronous: jobs are data, run one at a time on a worker by our
 * code. Plugins reach it through <feedloom/sqlite.h>; host/api.c forwards.
 */
#ifndef CLIENT_SQLITE_H
#define CLIENT_SQLITE_H

#include "loop.h"
#include "result.h"
#include <feedloom/sqlite.h>

struct sqlite;

/** Filled by the host. Calls come from the loop, never from within sqlite_open or sqlite_run. */
struct sqlite_owner {
	void *data;
	/** Number 0 is the opening. The owner may run jobs and close the database in it. */
	void (*on_result)(void *data, int number, const struct fl_result *result);
};

struct sqlite_setup {
	const char *path; /* resolved by the host; ":memory:NAME" is shared within the process */
	const char *schema_folder; /* folder of NNNN_words.sql to apply at opening; NULL: none */
	bool fast, read_only;
	int64_t busy_timeout_ns; /* 0: 5 s */
};

/**
 * Begins to open; on_result with number 0 follows. Jobs may be run at once and wait for it; if it
 * fails they are answered with the same error, and the session is good only for closing.
 * @return 0 or -ENOMEM
 */
int sqlite_open(struct loop *loop, const struct sqlite_setup *setup,
	const struct sqlite_owner *owner, struct sqlite **out);
/**
 * Jobs that have not begun are dropped, the one in flight is finished; no on_result comes any more.
 * Then the file is closed on the worker, `on_closed` (may be NULL) is called and `sqlite` is gone.
 */
void sqlite_close(struct sqlite *sqlite, void (*on_closed)(void *data), void *data);

const char *sqlite_path(
	const struct sqlite *sqlite); /* as in the setup: to find the one to adopt */
/** Whether opening has succeeded. */
bool sqlite_is_open(const struct sqlite *sqlite);
/** Whether opening has failed: close it and open anew. */
bool sqlite_is_failed(const struct sqlite *sqlite);
/** Jobs given and not answered. */
size_t sqlite_pending(const struct sqlite *sqlite);
/**
 * A job to put together; NULL: no memory. An empty one only answers: run as number 0, it tells the
 * plugin that has adopted an open database so.
 */
struct fl_sqlite_job *sqlite_job(struct sqlite *sqlite);
/** The session a job was made for: where fl_sqlite_run runs it. NULL: closed since. */
struct sqlite *sqlite_job_session(const struct fl_sqlite_job *job);
/** As fl_sqlite_run; the job must come from the same session. */
int sqlite_run(struct sqlite *sqlite, struct fl_sqlite_job *job, int number);
/** As fl_sqlite_disk; -ENODATA before the first job. In memory: plenty. */
int sqlite_disk(
	const struct sqlite *sqlite, int64_t *free_bytes, int64_t *total_bytes, int64_t *file_bytes);

/* A job being put together (sqlite_job.c); as the fl_sqlite_ functions of the same names. */
int sqlite_job_statement(struct fl_sqlite_job *job, const char *sql, unsigned flags);
int sqlite_job_or_else(struct fl_sqlite_job *job, const char *sql);
void sqlite_job_null(struct fl_sqlite_job *job);
void sqlite_job_int(struct fl_sqlite_job *job, int64_t value);
void sqlite_job_real(struct fl_sqlite_job *job, double value);
void sqlite_job_text(struct fl_sqlite_job *job, const char *text, size_t length); /* NULL: null */
void sqlite_job_changes(struct fl_sqlite_job *job, int statement);
void sqlite_job_refused(struct fl_sqlite_job *job, int statement);
void sqlite_job_row_end(struct fl_sqlite_job *job); /* a statement runs once per row end */
/** The session a job was begun on. */
struct sqlite *sqlite_job_session(const struct fl_sqlite_job *job);
size_t sqlite_job_bytes(const struct fl_sqlite_job *job);
void sqlite_job_drop(struct fl_sqlite_job *job); /* takes NULL */

#endif
