/*
 * pg_connect.c: a session's way to its first job: the hosts are looked up, each of their addresses
 * is tried in turn, and the session that comes to be is prepared.
 */
#include "error.h"
#include "log.h"
#include "pg_session.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { VERSION_MIN = 140000 };

static void poll_connect(struct pg *pg);

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
		pg_enter(pg, PG_CONNECTING, "the next host");
		return;
	}
	(void)snprintf(words, sizeof(words), "%s", buf_string(&pg->why));
	pg_lost(pg, -ECONNREFUSED, words);
}

void pg_connect_failed(struct pg *pg, const char *detail)
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
		pg_enter(pg, PG_CONNECTING, "found");
		return;
	}
	(void)snprintf(words, sizeof(words), "%s", buf_string(&pg->why));
	pg_lost(pg, error, words[0] != '\0' ? words : error_text(error));
}

void pg_connect_find(struct pg *pg)
{
	buf_clear(&pg->why, 0);
	pg_target_find(&pg->target, pg->loop, &pg->why, on_found, pg);
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

void pg_connect_place(struct pg *pg)
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
		pg_connect_failed(pg, PQerrorMessage(pg->conn));
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
		pg_connect_failed(pg, PQerrorMessage(pg->conn));
		return;
	}
	if (watch(pg, status == PGRES_POLLING_OK ? pg_on_ready : on_connect_ready) != 0) {
		pg_connect_failed(pg, "its socket cannot be watched");
		return;
	}
	if (status == PGRES_POLLING_OK)
		pg_enter(pg, PG_PREPARING, "connected");
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
		ms(PG_ORPHAN_WAIT_NS), pg->orphan.pid, pg->orphan.started_us);
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

void pg_connect_prepared(struct pg *pg)
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
	pg_enter(pg, PG_READY, "prepared");
	if (pg_answer(pg, 0, &pg->result))
		pg_begin_next(pg);
}

void pg_connect_prepare(struct pg *pg)
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
