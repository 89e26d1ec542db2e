/*
 * pg_job.h: a job as it lies in memory: the statements of one simple query, and behind one another
 * the bytes of its COPYs.
 */
#ifndef CLIENT_PG_JOB_H
#define CLIENT_PG_JOB_H

#include "list.h"
#include "pg.h"

struct pg_statement {
	size_t sql_at; /* in the query */
	unsigned flags;
	bool is_copy;
	size_t data_end; /* of its COPY's bytes, which begin where those before end; 0: not there yet */
};

struct fl_pg_job {
	struct link link; /* among the session's drafts, or in its queue */
	struct pg *pg;    /* NULL: closed since */
	int number;
	struct buf sql, data;
	struct pg_statement *statements;
	size_t count, size;
	size_t filling; /* the statement whose rows are being put, if any are */
	bool is_filling;
	bool is_begun; /* its statements are with the server */
	size_t told;   /* bytes that the session knows of since */
	bool failed;   /* memory ran out */
};

/** Ends the last statement; 0, or -ENOMEM when any part could not be stored. */
int pg_job_seal(struct fl_pg_job *job);
/** The words of statement `index`, cut for a message. */
const char *pg_job_words(struct fl_pg_job *job, int index, char *out, size_t size);

#endif
