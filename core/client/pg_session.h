/*
 * pg_session.h: the inside of struct pg, shared by its files: pg.c is the state machine, pg_open.c
 * its beginning and end, pg_connect.c the way to a session, pg_run.c a job on its way, pg_cancel.c
 * the request to give one up, pg_error.c the server's words.
 */
#ifndef CLIENT_PG_SESSION_H
#define CLIENT_PG_SESSION_H

#include "pg_job.h"
#include "pg_target.h"
#include "readiness.h"
#include "timer.h"
#include <libpq-fe.h>

enum pg_state {
	PG_CLOSED,     /* lost, or not opened yet */
	PG_RESOLVING,  /* the hosts are looked up */
	PG_CONNECTING, /* libpq is at it */
	PG_PREPARING,  /* the session's settings; what an earlier one left behind is ended */
	PG_READY,
	PG_RUNNING,    /* a job is in flight */
	PG_CANCELLING, /* it has not answered: the server is asked to give it up */
	PG_ROLLING     /* it has failed within a transaction: back to its beginning */
};

/** A session as the server knows it: a pid may be somebody else's by now, with another start. */
struct pg_backend {
	int pid; /* 0: none */
	int64_t started_us;
};

struct pg {
	struct loop *loop;
	char *name;
	struct pg_owner owner;
	struct fl_pg_options options; /* its texts are copies of ours */
	char label[256];
	enum pg_state state;
	struct pg_target target;
	size_t place; /* of the target's found ones, being tried */
	PGconn *conn;
	struct readiness *readiness;
	struct timer *deadline, *soon;
	struct buf why;                    /* of the attempt to connect: a part each place */
	char parting[256];                 /* what the server said as it ended the session */
	struct pg_backend backend, orphan; /* this session, and one that may still be at work */

	struct link drafts, queue; /* struct fl_pg_job */
	size_t queued;
	struct fl_pg_job *job; /* in flight: ours (number -1) while preparing and rolling back */
	struct result result;
	int statement; /* of the job, whose answer is expected */
	size_t sent;   /* of the COPY's bytes */
	bool is_sending_copy;
	int64_t begun_ns;

	PGcancelConn *cancel;
	struct readiness *cancel_readiness;
	bool is_broken;    /* sending has failed: told at the loop's next turn */
	bool is_answering; /* the owner is being called */
	bool is_closed;    /* by the owner, within its call */
};

/** Something came back or went out: the deadline of what is going on begins anew. */
void pg_progress(struct pg *pg);
/** The session is over. `pg` may be gone afterwards. */
void pg_lost(struct pg *pg, int error, const char *detail);
/** The job in flight is finished; its answer is in `result`. `pg` may be gone afterwards. */
void pg_job_done(struct pg *pg);

/* pg.c */
/** How long an earlier session is waited for once it was told to end. */
#define PG_ORPHAN_WAIT_NS (5 * FL_SECOND)
/** The only way to another state; it may be another one still when this returns. */
void pg_enter(struct pg *pg, enum pg_state state, const char *why);
/** Tells the owner. False: the owner has closed the session, and it is gone. */
bool FL_MUSTCHECK pg_answer(struct pg *pg, int number, struct result *result);
/** The first job of the queue is begun, if there is one and the session is free. */
void pg_begin_next(struct pg *pg);
/** Out of the queue. NULL: it is empty. */
struct fl_pg_job *pg_take_queued(struct pg *pg);
void pg_hang_up(struct pg *pg);
void pg_on_ready(void *data, unsigned ready); /* the socket */
void pg_on_deadline(void *data);
void pg_on_soon(void *data);

/* pg_open.c */
void pg_destroy(struct pg *pg);

/* pg_connect.c */
void pg_connect_find(struct pg *pg);
void pg_connect_place(struct pg *pg);
/** The place that is being tried will not do: the next one. */
void pg_connect_failed(struct pg *pg, const char *detail);
void pg_connect_prepare(struct pg *pg);
/** The answer of what prepared it is there. `pg` may be gone afterwards. */
void pg_connect_prepared(struct pg *pg);

/* pg_run.c */
/** What libpq holds of a COPY at most, and the measure of progress. */
enum { PG_PIECE_BYTES = 64 * 1024 };
/** Sends `pg->job`. False: the session is broken. */
bool pg_run_begin(struct pg *pg);
/** Goes on as far as it can without waiting. `pg` may be gone afterwards. */
void pg_run_on(struct pg *pg);
/**
 * Sends what there is of a job whose rows are still being put together, within the call of whoever
 * does that: nobody is answered before the loop's next turn.
 */
void pg_run_ahead(struct pg *pg);
/** The connection is broken: told at the loop's next turn. */
void pg_run_broke(struct pg *pg);
/** The connection is broken: pg_lost, with what the server said before. `pg` may be gone. */
void pg_run_lost(struct pg *pg);

/* pg_cancel.c */
int pg_cancel_begin(struct pg *pg);
void pg_cancel_end(struct pg *pg);

/* pg_error.c */
/** An SQLSTATE as a negative errno; "" is -ENOTCONN. */
int pg_error_of(const char *code);
/** libpq's words on one line, without a line break at the end. */
void pg_error_words(const char *text, char *out, size_t size);

/* pg_job.c */
struct fl_pg_job *pg_job_create(struct pg *pg);

#endif
