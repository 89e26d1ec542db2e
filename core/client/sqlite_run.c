/* sqlite_run.c: a job, run in one transaction on a worker. */
#include "sqlite_session.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHOWN_BYTES = 200 };

struct counts {
	int64_t changes, refused;
};

struct run {
	struct session *session;
	struct result *result;
	struct counts *counts; /* of each statement */
	size_t statement_count;
	int statement;                    /* the present one, -1: none yet */
	sqlite3_stmt *handle, *otherwise; /* NULL: there is no other one */
	struct job_reader values;         /* where the row's begin */
	const char *sql;
	unsigned flags;
	int parameter; /* bound last in this row */
	size_t row;
	int bind_code;
};

/*
 * How long work took. Not os/clock.h, whose time stands still through a turn of the loop; and
 * nothing is measured on a database in memory, so that simulations repeat themselves.
 */
static int64_t stopwatch_ns(const struct session *session)
{
	struct timespec now;

	if (session->is_memory || clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		return 0;
	return (int64_t)now.tv_sec * FL_SECOND + now.tv_nsec;
}

/* ---- failing ---- */

static int fail_for(struct run *run, int error, const char *words, const char *cause)
{
	const char *sql = run->sql == NULL ? "" : run->sql;

	return result_fail(run->result, error, "%s%s%s%.*s%s", words, cause,
		sql[0] == '\0' ? "" : " in: ", SHOWN_BYTES, sql, strlen(sql) > SHOWN_BYTES ? "..." : "");
}

static int fail(struct run *run, int error, const char *words)
{
	return fail_for(run, error, words, "");
}

static int fail_code(struct run *run, int code)
{
	sqlite3 *db = run->session->db;

	char cause[CAUSE_BYTES];

	if (code == SQLITE_MISUSE)
		return fail(run, -EINVAL, "not one whole statement");
	return fail_for(
		run, session_error(db, code), sqlite3_errmsg(db), session_cause(db, code, cause));
}

/* ---- rows ---- */

static int add_column(struct result *result, sqlite3_stmt *handle, int column)
{
	switch (sqlite3_column_type(handle, column)) {
	case SQLITE_INTEGER: return result_add_int(result, sqlite3_column_int64(handle, column));
	case SQLITE_FLOAT: return result_add_real(result, sqlite3_column_double(handle, column));
	case SQLITE_NULL: return result_add_null(result);
	default: {
		const void *text = sqlite3_column_text(handle, column);
		int length = sqlite3_column_bytes(handle, column);

		return text == NULL && length > 0
			? -ENOMEM
			: result_add_text(result, text == NULL ? "" : text, (size_t)length);
	}
	}
}

static int add_row(struct run *run)
{
	int columns = sqlite3_column_count(run->handle);
	int error = 0;

	for (int i = 0; i < columns && error == 0; i++)
		error = add_column(run->result, run->handle, i);
	if (error == 0)
		error = result_end_row(run->result, (size_t)columns);
	if (error == -E2BIG)
		return fail(run, error, "more than 1,000,000 values or 64 MiB; ask in pages");
	if (error == -EINVAL)
		return fail(run, error, "statements with rows of different widths in one job");
	return error == 0 ? 0 : fail(run, error, "out of memory");
}

/* Whether it is this row's content that is at fault. */
static bool is_content(int code)
{
	switch (code & 0xff) {
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG: return true;
	default: return false;
	}
}

static int set_aside(struct run *run, int code)
{
	sqlite3 *db = run->session->db;

	if ((run->flags & FL_SQL_SET_ASIDE) == 0 || !is_content(code))
		return fail_code(run, code);
	/* A conflict clause of ROLLBACK has ended the transaction: the rows before are gone too. */
	if (sqlite3_get_autocommit(db))
		return fail_code(run, code);
	run->counts[run->statement].refused++;
	if (result_refuse(run->result, run->statement, run->row, sqlite3_errmsg(db)) != 0)
		return fail(run, -ENOMEM, "out of memory");
	return 0;
}

static int step_all(struct run *run, int *code)
{
	int error = 0;

	while (error == 0 && (*code = sqlite3_step(run->handle)) == SQLITE_ROW)
		if ((run->flags & FL_SQL_ROWS) != 0)
			error = add_row(run);
	return error;
}

/* Runs the statement with what is bound. */
static int run_bound(struct run *run, bool *has_changed)
{
	sqlite3 *db = run->session->db;
	int64_t before = sqlite3_total_changes64(db);
	int code = run->bind_code, error = 0;

	if (code == SQLITE_OK)
		error = step_all(run, &code);
	/* sqlite3_changes64 alone still tells of an earlier statement when this one is none that
	 * writes. */
	*has_changed = sqlite3_total_changes64(db) != before;
	if (error == 0 && code != SQLITE_DONE)
		error = set_aside(run, code);
	else if (error == 0 && sqlite3_get_autocommit(db))
		error = fail(run, -EINVAL, "a job must not end its own transaction");
	else if (*has_changed)
		run->counts[run->statement].changes += sqlite3_changes64(db);
	sqlite3_reset(run->handle);
	run->parameter = 0;
	run->bind_code = SQLITE_OK;
	return error;
}

/* ---- values ---- */

static const char wrong_width[] = "a row has more or fewer values than the statement's parameters";

static int bind_count(struct run *run, const struct job_step *step)
{
	const struct counts *counts;

	if (step->whole < 0 || step->whole > run->statement)
		return SQLITE_RANGE;
	counts = &run->counts[step->whole];
	return sqlite3_bind_int64(
		run->handle, run->parameter, step->kind == JOB_CHANGES ? counts->changes : counts->refused);
}

static int bind(struct run *run, const struct job_step *step)
{
	sqlite3_stmt *handle = run->handle;
	int at = ++run->parameter;

	switch (step->kind) {
	case JOB_INT: return sqlite3_bind_int64(handle, at, step->whole);
	case JOB_REAL: return sqlite3_bind_double(handle, at, step->real);
	case JOB_TEXT:
		return sqlite3_bind_text(handle, at, step->text, (int)step->length, SQLITE_STATIC);
	case JOB_CHANGES:
	case JOB_REFUSED: return bind_count(run, step);
	default: return sqlite3_bind_null(handle, at);
	}
}

static int take_value(struct run *run, const struct job_step *step)
{
	int code = bind(run, step);

	if (code == SQLITE_RANGE)
		return fail(run, -EINVAL, wrong_width);
	if (code != SQLITE_OK)
		run->bind_code = code; /* too long: a fault of the row, told at its end */
	return 0;
}

static int end_values(struct run *run, bool *has_changed)
{
	if (run->parameter != sqlite3_bind_parameter_count(run->handle))
		return fail(run, -EINVAL, wrong_width);
	return run_bound(run, has_changed);
}

/* ---- rows ---- */

/* The statement's other one, with the row's values once more. */
static int run_otherwise(struct run *run, bool *has_changed)
{
	sqlite3_stmt *first = run->handle;
	struct job_reader reader = run->values;
	struct job_step step;
	int error = 0;

	run->handle = run->otherwise;
	for (job_next(&reader, &step); step.kind != JOB_ROW_END && error == 0; job_next(&reader, &step))
		error = take_value(run, &step);
	if (error == 0)
		error = end_values(run, has_changed);
	run->handle = first;
	return error;
}

static int run_row(struct run *run)
{
	struct counts *counts = &run->counts[run->statement];
	int64_t refused = counts->refused;
	bool has_changed = false;
	int error = end_values(run, &has_changed);

	if (error == 0 && !has_changed && run->otherwise != NULL && counts->refused == refused)
		error = run_otherwise(run, &has_changed);
	if (error == 0 && !has_changed && counts->refused == refused &&
		(run->flags & FL_SQL_MUST_CHANGE) != 0)
		error = fail(run, -ESTALE, "no row was changed");
	run->row++;
	return error;
}

/* ---- steps ---- */

static void leave(sqlite3_stmt **handle)
{
	if (*handle == NULL)
		return;
	sqlite3_reset(*handle);
	sqlite3_clear_bindings(*handle); /* they point into the job */
	*handle = NULL;
}

static void leave_statement(struct run *run)
{
	leave(&run->handle);
	leave(&run->otherwise);
}

static int prepare(struct run *run, const struct job_step *step, sqlite3_stmt **out)
{
	int code = session_prepare(run->session, step->text, step->length, out);

	return code == SQLITE_OK ? 0 : fail_code(run, code);
}

static int enter_statement(struct run *run, const struct job_step *step)
{
	leave_statement(run);
	run->statement++;
	run->sql = step->text;
	run->flags = step->flags;
	run->row = 0;
	run->parameter = 0;
	run->bind_code = SQLITE_OK;
	return prepare(run, step, &run->handle);
}

static int take_step(struct run *run, const struct job_step *step)
{
	if (step->kind == JOB_STATEMENT)
		return enter_statement(run, step);
	if (run->handle == NULL)
		return fail(run, -EINVAL, "a value before the first statement");
	if (step->kind == JOB_OR_ELSE)
		return prepare(run, step, &run->otherwise);
	return step->kind == JOB_ROW_END ? run_row(run) : take_value(run, step);
}

static int take_steps(struct run *run, const struct fl_sqlite_job *job)
{
	struct job_reader reader;
	struct job_step step;
	int error = 0;

	job_read(job, &reader);
	do {
		if (run->parameter == 0)
			run->values = reader;
		job_next(&reader, &step);
		if (step.kind != JOB_END)
			error = take_step(run, &step);
	} while (step.kind != JOB_END && error == 0);
	leave_statement(run);
	run->sql = NULL;
	return error;
}

/* ---- the transaction ---- */

static int execute(struct run *run, const char *sql)
{
	sqlite3_stmt *handle;
	int code = session_prepare(run->session, sql, strlen(sql), &handle);

	if (code == SQLITE_OK) {
		code = sqlite3_step(handle);
		if (code != SQLITE_DONE)
			fail_code(run, code);
		sqlite3_reset(handle);
	} else {
		fail_code(run, code);
	}
	return run->result->answer.error;
}

static void rollback(struct session *session)
{
	if (!sqlite3_get_autocommit(session->db))
		sqlite3_exec(session->db, "ROLLBACK", NULL, NULL, NULL);
}

static void run_transaction(struct run *run, const struct fl_sqlite_job *job, int64_t *sync_ns)
{
	struct session *session = run->session;
	bool is_reading = job->is_reading || session->setup->read_only;
	int64_t begun_ns;

	/* A reading job must not wait for a writer, nor make one wait. */
	if (execute(run, is_reading ? "BEGIN" : "BEGIN IMMEDIATE") != 0)
		return;
	if (take_steps(run, job) == 0) {
		begun_ns = stopwatch_ns(session);
		execute(run, "COMMIT");
		*sync_ns = stopwatch_ns(session) - begun_ns;
	}
	rollback(session);
}

void session_run(struct session *session, const struct fl_sqlite_job *job, struct result *result)
{
	struct run run = { .session = session, .result = result, .statement = -1 };
	int64_t begun_ns = stopwatch_ns(session), sync_ns = 0;

	result_clear(result);
	if (job->statement_count == 0)
		return; /* only asks to be answered */
	run.statement_count = job->statement_count;
	run.counts = calloc(run.statement_count, sizeof(*run.counts));
	if (run.counts == NULL)
		fail(&run, -ENOMEM, "out of memory");
	else
		run_transaction(&run, job, &sync_ns);
	free(run.counts);
	result->answer.took_ns = stopwatch_ns(session) - begun_ns;
	result->answer.sync_ns = sync_ns;
}
