/*
 * pg_run.c: one job on its way: the query out, each statement's answer in, the bytes of a COPY when
 * the server asks for them. Nothing here waits: what cannot go on is gone on with when the socket
 * can be read or written.
 */
#include "error.h"
#include "pg_session.h"
#include <stdio.h>
#include <string.h>

enum step { STEP_ON, STEP_WAIT, STEP_BROKEN };

/* ---- out ---- */

bool pg_run_begin(struct pg *pg)
{
	int unsent;

	pg->statement = 0;
	pg->sent = 0;
	pg->is_sending_copy = false;
	if (PQsendQuery(pg->conn, buf_string(&pg->job->sql)) == 0)
		return false;
	unsent = PQflush(pg->conn);
	if (unsent < 0)
		return false;
	readiness_wait_for(
		pg->readiness, unsent > 0 ? READINESS_READ | READINESS_WRITE : READINESS_READ);
	return true;
}

static struct pg_statement *present(const struct pg *pg)
{
	return pg->job != NULL && (size_t)pg->statement < pg->job->count
		? &pg->job->statements[pg->statement]
		: NULL;
}

/* In pieces, each only when the one before has left: libpq would keep them all. */
static enum step send_copy(struct pg *pg)
{
	const struct pg_statement *statement = present(pg);
	int result;

	for (;;) {
		bool is_whole = statement->data_end != 0;
		size_t left = (is_whole ? statement->data_end : buf_length(&pg->job->data)) - pg->sent;

		result = PQflush(pg->conn);
		if (result != 0)
			return result < 0 ? STEP_BROKEN : STEP_WAIT;
		pg_progress(pg);
		if (!is_whole && left < PG_PIECE_BYTES)
			return STEP_WAIT; /* the rest is being put together */
		if (left == 0)
			break;
		if (left > PG_PIECE_BYTES)
			left = PG_PIECE_BYTES;
		result = PQputCopyData(pg->conn, buf_bytes(&pg->job->data) + pg->sent, (int)left);
		if (result <= 0)
			return result < 0 ? STEP_BROKEN : STEP_WAIT;
		pg->sent += left;
	}
	result = PQputCopyEnd(pg->conn, NULL);
	if (result <= 0)
		return result < 0 ? STEP_BROKEN : STEP_WAIT;
	pg->is_sending_copy = false;
	return STEP_ON;
}

/* ---- in ---- */

static void fail(struct pg *pg, const PGresult *from)
{
	const char *code = PQresultErrorField(from, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(from, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(from, PG_DIAG_MESSAGE_DETAIL);
	const struct pg_statement *statement = present(pg);
	char words[600], more[300], where[80];
	int error = pg_error_of(code);

	if (pg->result.answer.error != 0)
		return; /* the first one says it */
	if (statement != NULL && (statement->flags & FL_SQL_MUST_CHANGE) != 0 && code != NULL &&
		strcmp(code, "22012") == 0)
		error = -ESTALE;
	if (pg->state == PG_CANCELLING)
		error = -ETIMEDOUT;
	if (error == -ENOTCONN) {
		/* libpq's guesses at the cause follow in further lines. */
		pg_error_words(
			primary != NULL ? primary : PQresultErrorMessage(from), words, sizeof(words));
		words[strcspn(words, ";")] = '\0';
		(void)result_fail(&pg->result, error, "%s", words);
		return;
	}
	pg_error_words(primary != NULL ? primary : PQresultErrorMessage(from), words, sizeof(words));
	pg_error_words(detail, more, sizeof(more));
	(void)result_fail(&pg->result, error, "%s%s%s%s (%s)", words, more[0] != '\0' ? " (" : "", more,
		more[0] != '\0' ? ")" : "", pg_job_words(pg->job, pg->statement, where, sizeof(where)));
	result_blame(&pg->result, pg->statement, code);
}

static int add_value(struct result *result, const PGresult *from, int row, int column)
{
	return PQgetisnull(from, row, column) ? result_add_null(result)
										  : result_add_text(result, PQgetvalue(from, row, column),
												(size_t)PQgetlength(from, row, column));
}

static void add_rows(struct pg *pg, const PGresult *from)
{
	int columns = PQnfields(from), error = 0;

	for (int row = 0; row < PQntuples(from) && error == 0; row++) {
		for (int column = 0; column < columns && error == 0; column++)
			error = add_value(&pg->result, from, row, column);
		if (error == 0)
			error = result_end_row(&pg->result, (size_t)columns);
	}
	if (error != 0)
		(void)result_fail(&pg->result, error, "its rows cannot be kept: %s", error_text(error));
}

static void begin_copy(struct pg *pg)
{
	const struct pg_statement *statement = present(pg);

	if (statement == NULL || !statement->is_copy) {
		(void)PQputCopyEnd(pg->conn, "no rows were given");
		return;
	}
	pg->is_sending_copy = true;
}

static enum step take(struct pg *pg, const PGresult *result)
{
	const struct pg_statement *statement = present(pg);

	if (pg->state == PG_ROLLING)
		return STEP_ON;
	pg_progress(pg);
	switch (PQresultStatus(result)) {
	case PGRES_COPY_IN: begin_copy(pg); break;
	case PGRES_TUPLES_OK:
		if (statement != NULL && (statement->flags & FL_SQL_ROWS) != 0 &&
			pg->result.answer.error == 0)
			add_rows(pg, result);
		pg->statement++;
		break;
	case PGRES_COMMAND_OK:
	case PGRES_EMPTY_QUERY: pg->statement++; break;
	case PGRES_BAD_RESPONSE:
	case PGRES_FATAL_ERROR: fail(pg, result); break;
	default: return STEP_BROKEN; /* COPY TO and the like: not in jobs */
	}
	return STEP_ON;
}

static enum step take_next(struct pg *pg, bool *is_done)
{
	PGresult *result;
	enum step step;

	if (PQisBusy(pg->conn))
		return STEP_WAIT;
	result = PQgetResult(pg->conn);
	*is_done = result == NULL;
	if (result == NULL)
		return STEP_ON;
	step = take(pg, result);
	PQclear(result);
	return step;
}

/* ---- the end ---- */

/* Goes on with what the server sent before it went. */
static void hear_out(struct pg *pg)
{
	bool is_done = false;

	/* Behind a COPY that is under way libpq does not look. */
	if (pg->is_sending_copy)
		(void)PQputCopyEnd(pg->conn, "the connection is gone");
	pg->is_sending_copy = false;
	(void)PQconsumeInput(pg->conn);
	while (!pg->is_sending_copy && take_next(pg, &is_done) == STEP_ON && !is_done)
		;
}

void pg_run_lost(struct pg *pg)
{
	char words[600];

	hear_out(pg);
	pg_error_words(PQerrorMessage(pg->conn), words, sizeof(words));
	words[strcspn(words, ";")] = '\0'; /* guesses at the cause follow */
	/* What the server said is worth more than that it is gone. */
	if (pg->parting[0] != '\0')
		(void)snprintf(words, sizeof(words), "%s", pg->parting);
	else if (pg->result.answer.error == -ENOTCONN)
		(void)snprintf(words, sizeof(words), "%s", buf_string(&pg->result.detail));
	pg_lost(pg, -ENOTCONN, words[0] != '\0' ? words : "the connection is gone");
}

/* ---- on ---- */

static enum step go_on(struct pg *pg, bool *is_done)
{
	enum step step = PQconsumeInput(pg->conn) != 0 ? STEP_ON : STEP_BROKEN;

	while (step == STEP_ON && !*is_done)
		step = pg->is_sending_copy ? send_copy(pg) : take_next(pg, is_done);
	return step;
}

void pg_run_broke(struct pg *pg)
{
	/* libpq may have closed the socket, and the next one may have its number. */
	readiness_destroy(pg->readiness);
	pg->readiness = NULL;
	pg->is_broken = true;
	timer_start(pg->soon, 0, 0);
}

void pg_run_ahead(struct pg *pg)
{
	bool is_done = false;

	if (!pg->is_broken && go_on(pg, &is_done) == STEP_BROKEN)
		pg_run_broke(pg);
}

void pg_run_on(struct pg *pg)
{
	bool is_done = false;
	enum step step = go_on(pg, &is_done);
	int unsent;

	if (step == STEP_BROKEN) {
		pg_run_lost(pg);
		return;
	}
	if (is_done) {
		pg_job_done(pg);
		return;
	}
	unsent = PQflush(pg->conn);
	if (unsent < 0)
		pg_run_lost(pg);
	else
		readiness_wait_for(
			pg->readiness, unsent > 0 ? READINESS_READ | READINESS_WRITE : READINESS_READ);
}
