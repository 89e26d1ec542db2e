/*
 * pg.c: the life of a session, and the queue of its jobs.
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

enum { VERSION_MIN = 140000 };
#define CONNECT_TIMEOUT_NS (10 * FL_SECOND)
#define STATEMENT_TIMEOUT_NS (60 * FL_SECOND)
#define LOCK_TIMEOUT_NS (10 * FL_SECOND)
/* Beyond the server's own timeout: its word is better than our silence. */
#define ANSWER_MARGIN_NS (5 * FL_SECOND)
#define GIVE_UP_NS (5 * FL_SECOND)
/* How long an earlier session is waited for once it was told to end. */
#define ORPHAN_WAIT_NS (5 * FL_SECOND)

static void enter(struct pg *pg, enum pg_state state, const char *why);
static void begin_next(struct pg *pg);
static void poll_connect(struct pg *pg);

/* ---- answers ---- */

static void destroy(struct pg *pg);

/* False: the owner has closed the session, and it is gone. */
static bool FL_MUSTCHECK answer(struct pg *pg, int number, struct result *result)
{
	pg->is_answering = true;
	pg->owner.on_result(pg->owner.data, number, result_seal(result));
	pg->is_answering = false;
	if (!pg->is_closed)
		return true;
	destroy(pg);
	return false;
}

static struct fl_pg_job *first_queued(struct pg *pg)
{
	return list_is_empty(&pg->queue) ? NULL : container_of(pg->queue.next, struct fl_pg_job, link);
}

static struct fl_pg_job *take_queued(struct pg *pg)
{
	struct fl_pg_job *job = first_queued(pg);

	if (job == NULL)
		return NULL;
	list_remove(&job->link);
	pg->queued--;
	return job;
}

/* ---- the end of a session ---- */

static void hang_up(struct pg *pg)
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
	enter(pg, PG_CLOSED, words);
	result_init(&told);
	for (struct fl_pg_job *job; (job = take_queued(pg)) != NULL;) {
		number = job->number;
		pg_job_drop(job);
		(void)result_fail(&told, error, "%s", words);
		if (!answer(pg, number, &told))
			goto finish_told;
	}
	(void)result_fail(&told, error, "%s", words);
	if (!answer(pg, 0, &told))
		goto finish_told; /* and `pg` is gone */

finish_told:
	result_finish(&told);
}

/* ---- connecting ---- */

static void next_place(struct pg *pg)
{
	char words[1024];

	readiness_destroy(pg->readiness);
	pg->readiness = NULL;
	if (pg->conn != NULL)
		PQfinish(pg->conn);
	pg->conn = NULL;
	if (++pg->place < pg->target.found_count) {
		enter(pg, PG_CONNECTING, "the next host");
		return;
	}
	(void)snprintf(words, sizeof(words), "%s", buf_string(&pg->why));
	pg_lost(pg, -ECONNREFUSED, words);
}

static void place_failed(struct pg *pg, const char *detail)
{
	char label[320], words[600];

	pg_target_place_label(&pg->target, pg->place, label, sizeof(label));
	pg_error_words(detail, words, sizeof(words));
	/* libpq begins most of them with the place, though not all. */
	if (strncmp(words, "connection to server", 20) == 0)
		(void)buf_printf(&pg->why, "%s%s", buf_length(&pg->why) > 0 ? "; " : "", words);
	else
		(void)buf_printf(&pg->why, "%s%s: %s", buf_length(&pg->why) > 0 ? "; " : "", label, words);
	next_place(pg);
}

static void on_found(void *data, int error)
{
	struct pg *pg = data;
	char words[600];

	if (error == 0) {
		pg->place = 0;
		enter(pg, PG_CONNECTING, "found");
		return;
	}
	(void)snprintf(words, sizeof(words), "%s", buf_string(&pg->why));
	pg_lost(pg, error, words[0] != '\0' ? words : error_text(error));
}

/* What the server says as it ends a session that has nothing in flight. */
static void on_notice(void *data, const PGresult *result)
{
	struct pg *pg = data;
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (code != NULL && strncmp(code, "57P", 3) == 0)
		pg_error_words(
			PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), pg->parting, sizeof(pg->parting));
}

static void connect_place(struct pg *pg)
{
	if (!pg_target_place(&pg->target, pg->place)) {
		pg_lost(pg, -ENOMEM, "out of memory");
		return;
	}
	pg->conn = PQconnectStartParams(pg->target.keys, (const char *const *)pg->target.values, 0);
	if (pg->conn == NULL) {
		pg_lost(pg, -ENOMEM, "out of memory");
		return;
	}
	if (PQstatus(pg->conn) == CONNECTION_BAD) {
		place_failed(pg, PQerrorMessage(pg->conn));
		return;
	}
	(void)PQsetNoticeReceiver(pg->conn, on_notice, pg);
	poll_connect(pg);
}

static void on_connect_ready(void *data, unsigned ready)
{
	(void)ready;
	poll_connect(data);
}

static void on_session_ready(void *data, unsigned ready);

static int watch(struct pg *pg, void (*on_ready)(void *data, unsigned ready))
{
	return readiness_create(pg->loop, PQsocket(pg->conn), on_ready, pg, &pg->readiness);
}

/* libpq may have closed its socket for another, even of the same number: watched anew each time. */
static void poll_connect(struct pg *pg)
{
	PostgresPollingStatusType status;

	readiness_destroy(pg->readiness);
	pg->readiness = NULL;
	status = PQconnectPoll(pg->conn);
	if (status == PGRES_POLLING_FAILED) {
		place_failed(pg, PQerrorMessage(pg->conn));
		return;
	}
	if (watch(pg, status == PGRES_POLLING_OK ? on_session_ready : on_connect_ready) != 0) {
		place_failed(pg, "its socket cannot be watched");
		return;
	}
	if (status == PGRES_POLLING_OK)
		enter(pg, PG_PREPARING, "connected");
	else
		readiness_wait_for(
			pg->readiness, status == PGRES_POLLING_READING ? READINESS_READ : READINESS_WRITE);
}

/* ---- preparing ---- */

static int64_t ms(int64_t ns)
{
	return ns / FL_MS;
}

/*
 * Both ends notice a silent network: a server that waits within COPY has no other timeout.
 * Compiling a question over a few dozen partitions takes seconds, answering it milliseconds.
 */
static void put_settings(struct pg *pg, struct fl_pg_job *job)
{
	char sql[1024];

	(void)snprintf(sql, sizeof(sql),
		"SET standard_conforming_strings = on; SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; "
		"SET client_min_messages = warning; SET jit = off; SET statement_timeout = %" PRId64
		"; SET lock_timeout = %" PRId64 "; SET idle_in_transaction_session_timeout = 60000; "
		"SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; "
		"SET tcp_keepalives_count = 3; SET tcp_user_timeout = 30000",
		ms(pg->options.statement_timeout_ns), ms(pg->options.lock_timeout_ns));
	for (char *at = sql, *end; at != NULL; at = end) {
		end = strstr(at, "; ");
		if (end != NULL) {
			*end = '\0';
			end += 2;
		}
		pg_job_statement(job, at, 0);
	}
}

static void put_search_path(const struct pg *pg, struct fl_pg_job *job)
{
	if (pg->options.search_path[0] == '\0')
		return;
	pg_job_statement(job, "SET search_path = ", 0);
	pg_job_sql_text(job, pg->options.search_path, strlen(pg->options.search_path));
}

static void put_orphan(struct pg *pg, struct fl_pg_job *job)
{
	char sql[320];

	if (pg->orphan.pid == 0)
		return;
	(void)snprintf(sql, sizeof(sql),
		"SELECT pg_terminate_backend(pid, %" PRId64
		") FROM pg_stat_activity WHERE pid = %d AND (extract(epoch FROM backend_start) * "
		"1000000)::bigint = %" PRId64,
		ms(ORPHAN_WAIT_NS), pg->orphan.pid, pg->orphan.started_us);
	pg_job_statement(job, sql, 0);
}

static void prepare(struct pg *pg)
{
	struct fl_pg_job *job = pg_job_create(pg);

	if (job == NULL || PQsetnonblocking(pg->conn, 1) != 0) {
		pg_job_drop(job);
		pg_lost(pg, -ENOMEM, "out of memory");
		return;
	}
	job->number = -1;
	result_clear(&pg->result);
	put_settings(pg, job);
	put_search_path(pg, job);
	put_orphan(pg, job);
	pg_job_statement(job,
		"SELECT pg_backend_pid(), (extract(epoch FROM backend_start) * 1000000)::bigint "
		"FROM pg_stat_activity WHERE pid = pg_backend_pid()",
		FL_SQL_ROWS);
	pg->job = job;
	if (pg_job_seal(job) != 0 || !pg_run_begin(pg))
		pg_lost(pg, -ENOTCONN, PQerrorMessage(pg->conn));
}

static void on_prepared(struct pg *pg)
{
	const struct fl_result *result = result_seal(&pg->result);
	char words[600];

	if (result->error != 0) {
		(void)snprintf(words, sizeof(words), "%s", result->detail);
		pg_lost(pg, result->error, words);
		return;
	}
	pg->backend = (struct pg_backend){ (int)result_int(result, 0, 0), result_int(result, 0, 1) };
	if (pg->orphan.pid != 0)
		log_info(
			pg->name, "the session before, process %d of the server, is at an end", pg->orphan.pid);
	pg->orphan = (struct pg_backend){ 0 };
	result_clear(&pg->result);
	enter(pg, PG_READY, "prepared");
	if (answer(pg, 0, &pg->result))
		begin_next(pg);
}

static void check_version(struct pg *pg)
{
	char words[160];
	int version = PQserverVersion(pg->conn);

	if (version >= VERSION_MIN) {
		prepare(pg);
		return;
	}
	(void)snprintf(words, sizeof(words), "the server is PostgreSQL %d.%d; 14 is the least",
		version / 10000, version % 10000);
	pg_lost(pg, -EPROTO, words);
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
	case PG_PREPARING: deadline_ns = pg->options.connect_timeout_ns + ORPHAN_WAIT_NS; break;
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
static void enter(struct pg *pg, enum pg_state state, const char *why)
{
	log_transition(pg, state, why);
	pg->state = state;
	set_deadline(pg);
	switch (state) { /* each case ends in the call that may enter the next state */
	case PG_CLOSED: hang_up(pg); break;
	case PG_RESOLVING:
		buf_clear(&pg->why, 0);
		pg->parting[0] = '\0';
		pg_target_find(&pg->target, pg->loop, &pg->why, on_found, pg);
		break;
	case PG_CONNECTING: connect_place(pg); break;
	case PG_PREPARING: check_version(pg); break;
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

static void on_session_ready(void *data, unsigned ready)
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

static void on_deadline(void *data)
{
	struct pg *pg = data;

	switch (pg->state) {
	case PG_CLOSED:
	case PG_READY: break;
	case PG_RESOLVING: pg_lost(pg, -ETIMEDOUT, "the name service does not answer"); break;
	case PG_CONNECTING: place_failed(pg, "no answer in time"); break;
	case PG_PREPARING: pg_lost(pg, -ETIMEDOUT, "the new session does not answer"); break;
	case PG_RUNNING:
		/* A server that waits for our bytes does not hear a request to cancel. */
		if (pg->is_sending_copy)
			pg_lost(pg, -ETIMEDOUT, "the server takes no more bytes; the session is given up");
		else
			enter(pg, PG_CANCELLING, "no answer in time");
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
	enter(pg, PG_READY, "answered");
	if (answer(pg, number, &pg->result))
		begin_next(pg);
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
		on_prepared(pg);
	} else if (pg->state != PG_ROLLING && pg->result.answer.error != 0 && is_open) {
		enter(pg, PG_ROLLING, "an error within a transaction");
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
	enter(pg, PG_RUNNING, "a job");
}

static void begin_next(struct pg *pg)
{
	struct fl_pg_job *job;

	if (pg->state != PG_READY || pg->is_answering)
		return;
	job = take_queued(pg);
	if (job != NULL)
		begin_job(pg, job);
}

static void on_soon(void *data)
{
	struct pg *pg = data;

	if (pg->is_broken)
		pg_run_lost(pg);
	else if (pg->state == PG_CLOSED)
		enter(pg, PG_RESOLVING, "asked for");
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
	begin_next(pg);
	return 0;
}

/* ---- open and close ---- */

static void free_options(struct fl_pg_options *options)
{
	char *url = (char *)(uintptr_t)options->url;

	if (url != NULL)
		explicit_bzero(url, strlen(url));
	free(url);
	free((char *)(uintptr_t)options->application);
	free((char *)(uintptr_t)options->search_path);
}

static int copy_options(struct fl_pg_options *to, const struct fl_pg_options *from)
{
	*to = *from;
	to->url = strdup(from->url == NULL ? "" : from->url);
	to->application = strdup(from->application == NULL ? "feedloom" : from->application);
	to->search_path = strdup(from->search_path == NULL ? "" : from->search_path);
	to->schema = NULL; /* the host's */
	if (to->connect_timeout_ns <= 0)
		to->connect_timeout_ns = CONNECT_TIMEOUT_NS;
	if (to->statement_timeout_ns <= 0)
		to->statement_timeout_ns = STATEMENT_TIMEOUT_NS;
	if (to->lock_timeout_ns <= 0)
		to->lock_timeout_ns = LOCK_TIMEOUT_NS;
	return to->url == NULL || to->application == NULL || to->search_path == NULL ? -ENOMEM : 0;
}

static void destroy(struct pg *pg)
{
	hang_up(pg);
	timer_destroy(pg->deadline);
	timer_destroy(pg->soon);
	pg_job_drop(pg->job);
	for (struct fl_pg_job *job; (job = take_queued(pg)) != NULL;)
		pg_job_drop(job);
	while (!list_is_empty(&pg->drafts)) { /* they belong to whoever puts them together */
		struct fl_pg_job *job = container_of(pg->drafts.next, struct fl_pg_job, link);

		list_remove(&job->link);
		job->pg = NULL;
	}
	pg_target_finish(&pg->target);
	result_finish(&pg->result);
	buf_finish(&pg->why);
	free_options(&pg->options);
	free(pg->name);
	free(pg);
}

int pg_open(struct loop *loop, const char *name, const struct fl_pg_options *options,
	const struct pg_owner *owner, struct buf *why, struct pg **out)
{
	struct pg *pg = calloc(1, sizeof(*pg));
	int error = -ENOMEM;

	if (pg == NULL)
		return -ENOMEM;
	pg->loop = loop;
	pg->owner = *owner;
	list_init(&pg->drafts);
	list_init(&pg->queue);
	result_init(&pg->result);
	buf_init(&pg->why, 4096);
	pg->name = strdup(name);
	pg->deadline = timer_create(loop, on_deadline, pg);
	pg->soon = timer_create(loop, on_soon, pg);
	if (copy_options(&pg->options, options) == 0 && pg->name != NULL && pg->deadline != NULL &&
		pg->soon != NULL)
		error = pg_target_init(
			&pg->target, pg->options.url, pg->options.application, pg->options.read_only, why);
	if (error != 0) {
		destroy(pg);
		return error;
	}
	pg_target_label(&pg->target, pg->label, sizeof(pg->label));
	timer_start(pg->soon, 0, 0);
	*out = pg;
	return 0;
}

int pg_reopen(struct pg *pg)
{
	if (pg->state == PG_CLOSED)
		timer_start(pg->soon, 0, 0);
	return 0;
}

void pg_close(struct pg *pg)
{
	if (pg == NULL)
		return;
	if (pg->is_answering)
		pg->is_closed = true; /* gone when the call is over */
	else
		destroy(pg);
}

/* ---- questions ---- */

bool pg_is_of(const struct pg *pg, const struct fl_pg_options *options)
{
	struct fl_pg_options other;
	bool is_same = copy_options(&other, options) == 0 && strcmp(pg->options.url, other.url) == 0 &&
		strcmp(pg->options.application, other.application) == 0 &&
		strcmp(pg->options.search_path, other.search_path) == 0 &&
		pg->options.connect_timeout_ns == other.connect_timeout_ns &&
		pg->options.statement_timeout_ns == other.statement_timeout_ns &&
		pg->options.lock_timeout_ns == other.lock_timeout_ns &&
		pg->options.read_only == other.read_only;

	free_options(&other);
	return is_same;
}

bool pg_is_alive(const struct pg *pg)
{
	return pg->state != PG_CLOSED || timer_is_running(pg->soon);
}

bool pg_is_ready(const struct pg *pg)
{
	return pg->state >= PG_READY;
}

size_t pg_pending(const struct pg *pg)
{
	return pg->queued + (pg->job != NULL && pg->job->number >= 0 ? 1 : 0);
}

const char *pg_label(const struct pg *pg)
{
	return pg->label;
}

int pg_server_version(const struct pg *pg)
{
	return pg->conn == NULL || pg->state < PG_READY ? 0 : PQserverVersion(pg->conn);
}
