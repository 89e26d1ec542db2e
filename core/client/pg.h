/*
 * pg.h: one session with a PostgreSQL server through libpq's asynchronous half: a state machine, a
 * queue of jobs, one in flight. Plugins reach it through <feedloom/pg.h>.
 */
#ifndef CLIENT_PG_H
#define CLIENT_PG_H

#include "buf.h"
#include "loop.h"
#include "result.h"
#include <feedloom/pg.h>

struct pg;

/** Filled by the host. Calls come from the loop, never from within pg_open or pg_run. */
struct pg_owner {
	void *data;
	/** Number 0: opened, or not, or lost. The owner may do anything in it, pg_close included. */
	void (*on_result)(void *data, int number, const struct fl_result *result);
};

/**
 * Begins to connect; on_result with number 0 follows. Jobs may be run at once and wait for it; if
 * it fails, and when a session is lost, they are answered with the error, then number 0 is.
 *
 * @param name  topic of its log lines; copied
 * @param why   what is wrong with the url, without what it holds
 * @return 0; -EINVAL, with `why`; -ENOMEM
 */
int pg_open(struct loop *loop, const char *name, const struct fl_pg_options *options,
	const struct pg_owner *owner, struct buf *why, struct pg **out);
/** Connects anew, when the session is lost or never came to be; else nothing. The options stay. */
int pg_reopen(struct pg *pg);
/** No on_result comes any more; `pg` is gone. What is in flight is rolled back. Takes NULL. */
void pg_close(struct pg *pg);

/** Whether it was opened with these options. */
bool pg_is_of(const struct pg *pg, const struct fl_pg_options *options);
/** A session is there, or on its way. */
bool pg_is_alive(const struct pg *pg);
bool pg_is_ready(const struct pg *pg);
/** Jobs given and not answered. */
size_t pg_pending(const struct pg *pg);
const char *pg_label(const struct pg *pg);
int pg_server_version(const struct pg *pg);

/** A job to put together; NULL: no memory. An empty one only answers. */
struct fl_pg_job *pg_job(struct pg *pg);
/** The session a job was made for. NULL: closed since. */
struct pg *pg_job_session(const struct fl_pg_job *job);
/** As fl_pg_begin. */
void pg_begin(struct pg *pg, struct fl_pg_job *job, int number);
/** As fl_pg_drop. */
void pg_drop(struct fl_pg_job *job);
/** As fl_pg_run; number 0 is the host's own, for an adopted session. */
int pg_run(struct pg *pg, struct fl_pg_job *job, int number);

/* A job being put together (pg_job.c); as the fl_pg_ functions of the same names. */
void pg_job_statement(struct fl_pg_job *job, const char *sql, unsigned flags);
void pg_job_sql(struct fl_pg_job *job, const char *sql);
void pg_job_sql_text(struct fl_pg_job *job, const char *text, size_t length);
void pg_job_sql_int(struct fl_pg_job *job, int64_t value);
void pg_job_sql_real(struct fl_pg_job *job, double value);
void pg_job_sql_time(struct fl_pg_job *job, int64_t ns);
void pg_job_copy(struct fl_pg_job *job, const char *sql);
void pg_job_rows(struct fl_pg_job *job);
void pg_job_row(struct fl_pg_job *job, int columns);
void pg_job_null(struct fl_pg_job *job);
void pg_job_bool(struct fl_pg_job *job, bool value);
void pg_job_int2(struct fl_pg_job *job, int16_t value);
void pg_job_int4(struct fl_pg_job *job, int32_t value);
void pg_job_int8(struct fl_pg_job *job, int64_t value);
void pg_job_real4(struct fl_pg_job *job, double value);
void pg_job_real8(struct fl_pg_job *job, double value);
void pg_job_text(struct fl_pg_job *job, const char *text, size_t length);
void pg_job_jsonb(struct fl_pg_job *job, const char *text, size_t length);
void pg_job_time(struct fl_pg_job *job, int64_t ns);
int pg_job_statements(const struct fl_pg_job *job);
size_t pg_job_bytes(const struct fl_pg_job *job);
void pg_job_drop(struct fl_pg_job *job); /* takes NULL */

#endif
