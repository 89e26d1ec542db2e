/*
 * pg.h: PostgreSQL, asynchronous. A job is data: statements, and for each COPY its rows; they go as
 * one simple query, so that a transaction costs a round trip a COPY and none besides. on_result
 * brings what came of it.
 *
 * The session is the core's: it looks the hosts up anew at each attempt, watches over connecting,
 * answering and sending with deadlines of its own, and ends what an earlier session of its own left
 * behind on the server before anything is written.
 */
#ifndef FEEDLOOM_PG_H
#define FEEDLOOM_PG_H

#include <feedloom/result.h>

struct fl_pg_options {
	/** A connection string of libpq, as URL or keywords; what it lacks is the PG* environment's and
	 * the password file's. "": all of it. Never logged. */
	const char *url;
	const char *application;      /* how it is called in pg_stat_activity: "feedloom store" */
	int64_t connect_timeout_ns;   /* until a session is ready, over all hosts; 0: 10 s */
	int64_t statement_timeout_ns; /* of one statement on the server; 0: 60 s */
	int64_t lock_timeout_ns;      /* of waiting for one lock on the server; 0: 10 s */
	bool read_only;               /* a standby will do */
	/** The database's schema that names are looked up in, and none else; NULL or "": as the server
	 * has it. */
	const char *search_path;
	/** Migrations to apply at open, schema/NAME; NULL: none. */
	const char *schema;
};

/**
 * Opens database `db`; adopts the session that is open with the same options; dials anew one that
 * was lost. The answer is on_result with statement number 0 of that db: no error, or why not.
 * A session that is lost later answers every job that was given with its error, then number 0.
 * With `schema` the migrations come first, at every connect: jobs should wait for the answer.
 *
 * @return 0; -EINVAL: the url cannot be read (logged); -ENOMEM
 */
FL_API int fl_pg_open(struct fl_ctx *ctx, int db, const struct fl_pg_options *options);
FL_API void fl_pg_close(struct fl_ctx *ctx, int db);

/** Where it is connected, without secrets: "feedloom@db.example:5432/market". */
FL_API const char *fl_pg_label(const struct fl_ctx *ctx, int db);
/** The server's version, as 170006; 0: not connected. */
FL_API int fl_pg_server_version(const struct fl_ctx *ctx, int db);

/** A job being put together. Core's. */
struct fl_pg_job;

/** Begins a job. NULL: no memory, or `db` was never opened. */
FL_API struct fl_pg_job *fl_pg_job(struct fl_ctx *ctx, int db);

/**
 * Begins one statement, without a semicolon; the calls below may continue it. With
 * FL_SQL_MUST_CHANGE it is to fail by a division by zero: SELECT 1/count(*) FROM what_it_changed.
 */
FL_API void fl_pg_statement(struct fl_pg_job *job, const char *sql, unsigned flags);
/* The statement goes on: as it is; as a quoted literal (NULL: null); as a number (NaN: null). */
FL_API void fl_pg_sql(struct fl_pg_job *job, const char *sql);
FL_API void fl_pg_sql_text(struct fl_pg_job *job, const char *text, size_t length);
FL_API void fl_pg_sql_int(struct fl_pg_job *job, int64_t value);
FL_API void fl_pg_sql_real(struct fl_pg_job *job, double value);
/** As a timestamptz literal; 0: null. */
FL_API void fl_pg_sql_time(struct fl_pg_job *job, int64_t ns);

/** A statement COPY ... FROM STDIN (FORMAT binary). */
FL_API void fl_pg_copy(struct fl_pg_job *job, const char *sql);
/** The rows of the next COPY follow, in the order of the COPYs. */
FL_API void fl_pg_rows(struct fl_pg_job *job);
/* One row: how many columns, then each in order, of just the column's type. */
FL_API void fl_pg_row(struct fl_pg_job *job, int columns);
FL_API void fl_pg_null(struct fl_pg_job *job);
FL_API void fl_pg_bool(struct fl_pg_job *job, bool value);
FL_API void fl_pg_int2(struct fl_pg_job *job, int16_t value);
FL_API void fl_pg_int4(struct fl_pg_job *job, int32_t value);
FL_API void fl_pg_int8(struct fl_pg_job *job, int64_t value);
FL_API void fl_pg_real4(struct fl_pg_job *job, double value); /* NaN: null */
FL_API void fl_pg_real8(struct fl_pg_job *job, double value); /* NaN: null */
FL_API void fl_pg_text(struct fl_pg_job *job, const char *text, size_t length);
FL_API void fl_pg_jsonb(struct fl_pg_job *job, const char *text, size_t length);
FL_API void fl_pg_time(struct fl_pg_job *job, int64_t ns); /* timestamptz, to the microsecond */

/** Statements of the job so far: the number of the next one. */
FL_API int fl_pg_statements(const struct fl_pg_job *job);
/** Bytes of the job so far. */
FL_API size_t fl_pg_job_bytes(const struct fl_pg_job *job);

/**
 * The statements are all there, the rows are not: where the session is idle the server gets to work
 * while they are put together. fl_pg_run with the same number follows in the same call, and is what
 * answers.
 */
FL_API void fl_pg_begin(struct fl_ctx *ctx, struct fl_pg_job *job, int number);
/**
 * Runs it; on_result(state, db, number, result) follows, in the order of submission. A transaction
 * that it leaves open after an error is rolled back. The job is the core's from here on, whatever
 * is returned.
 * @param number  the plugin's own, 1 or more
 * @return 0; -ENOTCONN: closed; -ENOMEM: a part of the job could not be stored
 */
FL_API int fl_pg_run(struct fl_ctx *ctx, struct fl_pg_job *job, int number);
/** In place of fl_pg_run, and of fl_pg_begin. */
FL_API void fl_pg_drop(struct fl_pg_job *job);

#endif
