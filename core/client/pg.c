/*
 * pg.c: the states of a session, and the queue of its jobs.
 *
 *     closed > resolving > connecting (each place in turn) > preparing > ready <> running
 *                                                         running > cancelling > rolling > ready
 *
 * Each state has a deadline of its own; whatever fails ends in pg_lost, the one way back to closed.
 */
#include "clock.h"
#include "error.h"
#include "log.h"
#include "pg_session.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beyond the server's own timeout: its word is better than our silence. */
#define ANSWER_MARGIN_NS (5 * FL_SECOND)
#define GIVE_UP_NS (5 * FL_SECOND)

/* ---- answers ---- */

/* False: the owner has closed the session, and it is gone. */
bool pg_answer(struct pg *pg, int number, struct result *result)
{
	pg->is_answering = true;
	pg->owner.on_result(pg->owner.data, number, result_seal(result));
	pg->is_answering = false;
	if (!pg->is_closed)
		return true;
	pg_destroy(pg);
	return false;
}

static struct fl_pg_job *first_queued(struct pg *pg)
{
	return list_is_empty(&pg->queue) ? NULL : container_of(pg->queue.next, struct fl_pg_job, link);
}

struct fl_pg_job *pg_take_queued(struct pg *pg)
{
	struct fl_pg_job *job = first_queued(pg);

	if (job == NULL)
		return NULL;
	list_remove(&job->link);
	pg->queued--;
	return job;
}

/* ---- the end of a session ---- */

void pg_hang_up(struct pg *pg)
{
	pg_target_cancel(&pg->target);
	pg_cancel_end(pg);
	readiness_destroy(pg->readiness);
	pg->readiness = NULL;
	if (pg->conn != NULL)
		PQfinish(pg->conn);
	pg->conn = NULL;
	timer_stop(pg->deadline);
	timer_stop(pg->soon);
	pg->is_broken = pg->is_sending_copy = false;
}

void pg_lost(struct pg *pg, int error, const char *detail)
{
	char words[1024];
	struct result told;
	int number;

	(void)snprintf(words, sizeof(words), "%s", detail);
	/* The server may still be at what we sent, and hold the rows it locked. */
	if (pg->backend.pid != 0)
		pg->orphan = pg->backend;
	pg->backend = (struct pg_backend){ 0 };
	if (pg->job != NULL && pg->job->number < 0)
		pg_job_drop(pg->job);
	else if (pg->job != NULL) {
		list_append(pg->queue.next, &pg->job->link); /* before the first: it is answered first */
		pg->queued++;
	}
	pg->job = NULL;
	pg_enter(pg, PG_CLOSED, words);
	result_init(&told);
	for (struct fl_pg_job *job; (job = pg_take_queued(pg)) != NULL;) {
		number = job->number;
		pg_job_drop(job);
		(void)result_fail(&told, error, "%s", words);
		if (!pg_answer(pg, number, &told))
			goto finish_told;
	}
	(void)result_fail(&told, error, "%s", words);
	if (!pg_answer(pg, 0, &told))
		goto finish_told; /* and `pg` is gone */

finish_told:
	result_finish(&told);
}

/* ---- states ---- */

static void set_deadline(struct pg *pg)
{
	int64_t deadline_ns = 0;

	switch (pg->state) {
	case PG_CLOSED:
	case PG_READY: timer_stop(pg->deadline); return;
	case PG_RESOLVING:
	case PG_CONNECTING: deadline_ns = pg->options.connect_timeout_ns; break;
	case PG_PREPARING: deadline_ns = pg->options.connect_timeout_ns + PG_ORPHAN_WAIT_NS; break;
	case PG_RUNNING: deadline_ns = pg->options.statement_timeout_ns + ANSWER_MARGIN_NS; break;
	case PG_CANCELLING:
	case PG_ROLLING: deadline_ns = GIVE_UP_NS; break;
	}
	timer_start(pg->deadline, deadline_ns, 0);
}

void pg_progress(struct pg *pg)
{
	if (pg->state == PG_RUNNING || pg->state == PG_PREPARING)
		set_deadline(pg);
}

static void log_transition(const struct pg *pg, enum pg_state next, const char *why)
{
	static const char *const names[] = { "closed", "resolving", "connecting", "preparing", "ready",
		"running", "cancelling", "rolling back" };

	/* A batch goes through these many times a second. */
	if ((pg->state == PG_READY && next == PG_RUNNING) ||
		(pg->state == PG_RUNNING && next == PG_READY))
		return;
	log_debug(pg->name, "%s: %s > %s, %s", pg->label, names[pg->state], names[next], why);
}

/* The only place where the state changes. What a state needs is started here and nowhere else. */
void pg_enter(struct pg *pg, enum pg_state state, const char *why)
{
	log_transition(pg, state, why);
	pg->state = state;
	set_deadline(pg);
	switch (state) { /* each case ends in the call that may enter the next state */
	case PG_CLOSED: pg_hang_up(pg); break;
	case PG_RESOLVING:
		pg->parting[0] = '\0';
		pg_connect_find(pg);
		break;
	case PG_CONNECTING: pg_connect_place(pg); break;
	case PG_PREPARING: pg_connect_prepare(pg); break;
	case PG_READY: readiness_wait_for(pg->readiness, READINESS_READ); break;
	case PG_RUNNING:
		if (pg->job->count == 0)
			timer_start(pg->soon, 0, 0);
		else if (!pg_run_begin(pg))
			pg_run_broke(pg);
		break;
	case PG_CANCELLING:
		if (pg_cancel_begin(pg) != 0)
			timer_start(pg->deadline, 0, 0);
		break;
	case PG_ROLLING:
		if (PQsendQuery(pg->conn, "ROLLBACK") == 0)
			timer_start(pg->deadline, 0, 0);
		else
			(void)PQflush(pg->conn);
		readiness_wait_for(pg->readiness, READINESS_READ);
		break;
	}
}

void pg_on_ready(void *data, unsigned ready)
{
	struct pg *pg = data;
	bool is_good;

	(void)ready;
	if (pg->state != PG_READY) {
		pg_run_on(pg);
		return;
	}
	/* Nothing is in flight: the server ends the session, or has something to say to nobody. */
	is_good = PQconsumeInput(pg->conn) != 0;
	(void)PQisBusy(pg->conn); /* looks at what came */
	if (!is_good || PQstatus(pg->conn) == CONNECTION_BAD)
		pg_run_lost(pg);
}

void pg_on_deadline(void *data)
{
	struct pg *pg = data;

	switch (pg->state) {
	case PG_CLOSED:
	case PG_READY: break;
	case PG_RESOLVING: pg_lost(pg, -ETIMEDOUT, "the name service does not answer"); break;
	case PG_CONNECTING: pg_connect_failed(pg, "no answer in time"); break;
	case PG_PREPARING: pg_lost(pg, -ETIMEDOUT, "the new session does not answer"); break;
	case PG_RUNNING:
		/* A server that waits for our bytes does not hear a request to cancel. */
		if (pg->is_sending_copy)
			pg_lost(pg, -ETIMEDOUT, "the server takes no more bytes; the session is given up");
		else
			pg_enter(pg, PG_CANCELLING, "no answer in time");
		break;
	case PG_CANCELLING:
	case PG_ROLLING:
		pg_lost(pg, -ETIMEDOUT, "the server does not answer; the session is given up");
		break;
	}
}

/* ---- jobs ---- */

static void finish_job(struct pg *pg)
{
	struct fl_pg_job *job = pg->job;
	int number = job->number;

	pg->job = NULL;
	pg->result.answer.took_ns = clock_monotonic_ns(pg->loop) - pg->begun_ns;
	pg_job_drop(job);
	pg_enter(pg, PG_READY, "answered");
	if (pg_answer(pg, number, &pg->result))
		pg_begin_next(pg);
}

void pg_job_done(struct pg *pg)
{
	bool is_open = PQtransactionStatus(pg->conn) == PQTRANS_INTRANS ||
		PQtransactionStatus(pg->conn) == PQTRANS_INERROR;

	pg_cancel_end(pg);
	if (pg->result.answer.error == -ENOTCONN || PQstatus(pg->conn) == CONNECTION_BAD) {
		pg_run_lost(pg);
	} else if (pg->state == PG_PREPARING) {
		pg_job_drop(pg->job);
		pg->job = NULL;
		pg_connect_prepared(pg);
	} else if (pg->state != PG_ROLLING && pg->result.answer.error != 0 && is_open) {
		pg_enter(pg, PG_ROLLING, "an error within a transaction");
	} else if (pg->state == PG_ROLLING && is_open) {
		pg_lost(pg, -EIO, "the transaction cannot be rolled back");
	} else {
		finish_job(pg);
	}
}

static void begin_job(struct pg *pg, struct fl_pg_job *job)
{
	pg->job = job;
	result_clear(&pg->result);
	pg->begun_ns = clock_monotonic_ns(pg->loop);
	pg_enter(pg, PG_RUNNING, "a job");
}

void pg_begin_next(struct pg *pg)
{
	struct fl_pg_job *job;

	if (pg->state != PG_READY || pg->is_answering)
		return;
	job = pg_take_queued(pg);
	if (job != NULL)
		begin_job(pg, job);
}

void pg_on_soon(void *data)
{
	struct pg *pg = data;

	if (pg->is_broken)
		pg_run_lost(pg);
	else if (pg->state == PG_CLOSED)
		pg_enter(pg, PG_RESOLVING, "asked for");
	else if (pg->state == PG_RUNNING && pg->job->count == 0)
		pg_job_done(pg);
}

struct fl_pg_job *pg_job(struct pg *pg)
{
	struct fl_pg_job *job = pg_job_create(pg);

	if (job != NULL)
		list_append(&pg->drafts, &job->link);
	return job;
}

void pg_begin(struct pg *pg, struct fl_pg_job *job, int number)
{
	if (pg->state != PG_READY || pg->is_answering || pg->is_closed || job->failed ||
		job->sql.failed || job->count == 0)
		return;
	job->number = number;
	job->is_begun = true;
	list_remove(&job->link);
	(void)buf_string(&job->sql);
	begin_job(pg, job);
}

/* The rest of a job that is with the server already. */
static void finish_begun(struct pg *pg, struct fl_pg_job *job)
{
	bool is_whole = pg_job_seal(job) == 0;

	pg_run_ahead(pg);
	if (pg->is_broken)
		return;
	if (is_whole)
		readiness_wait_for(pg->readiness, READINESS_READ | READINESS_WRITE);
	else
		pg_run_broke(pg); /* the server would wait for the rest for ever */
}

void pg_drop(struct fl_pg_job *job)
{
	if (!job->is_begun) {
		pg_job_drop(job);
		return;
	}
	job->failed = true;
	finish_begun(job->pg, job);
}

int pg_run(struct pg *pg, struct fl_pg_job *job, int number)
{
	if (job->is_begun) {
		finish_begun(pg, job);
		return 0;
	}
	if (pg_job_seal(job) != 0) {
		pg_job_drop(job);
		return -ENOMEM;
	}
	if (pg->is_closed || (pg->state == PG_CLOSED && !timer_is_running(pg->soon))) {
		pg_job_drop(job);
		return -ENOTCONN;
	}
	job->number = number;
	list_remove(&job->link);
	list_append(&pg->queue, &job->link);
	pg->queued++;
	pg_begin_next(pg);
	return 0;
}
