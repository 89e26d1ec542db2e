/*
 * sqlite_job.h: a job as bytes: written on the loop, read on a worker.
 */
#ifndef CLIENT_SQLITE_JOB_H
#define CLIENT_SQLITE_JOB_H

#include "list.h"
#include "sqlite.h"

enum { JOB_MAX_BYTES = 64 << 20, JOB_KEEP_BYTES = 8 << 20 };

enum job_step_kind {
	JOB_STATEMENT,
	JOB_OR_ELSE, /* the statement's other text */
	JOB_NULL,
	JOB_INT,
	JOB_REAL,
	JOB_TEXT,
	JOB_CHANGES, /* `whole` is the statement's number */
	JOB_REFUSED, /* likewise */
	JOB_ROW_END,
	JOB_END
};

struct fl_sqlite_job {
	struct link link; /* in one of the session's lists */
	struct buf bytes;
	size_t statement_count;
	bool failed;           /* a part could not be stored */
	bool is_reading;       /* every statement begins with SELECT or WITH */
	int number;            /* once it runs */
	struct sqlite *sqlite; /* NULL: gone while the job was put together */
};

struct job_step {
	enum job_step_kind kind;
	int64_t whole;
	double real;
	const char *text; /* of a text, or a statement (0-terminated); lies in the job */
	size_t length;
	unsigned flags; /* of a statement, not of its other one */
};

struct job_reader {
	const char *at, *end;
};

void job_init(struct fl_sqlite_job *job, struct sqlite *sqlite);
/** Empties it, keeping at most JOB_KEEP_BYTES. */
void job_clear(struct fl_sqlite_job *job);
void job_finish(struct fl_sqlite_job *job);

void job_read(const struct fl_sqlite_job *job, struct job_reader *reader);
/** The next step; JOB_END after the last. */
void job_next(struct job_reader *reader, struct job_step *step);

#endif
