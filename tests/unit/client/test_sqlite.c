#include "unit.h"

#include "sqlite.h"

#include "file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

/* What one answer said, kept beyond the call. */
struct answer {
	int number, error;
	char detail[512];
	size_t rows, columns, refused;
	char first_text[64];
	double first_real;
	int64_t first_int, second_int;
	int refused_statement;
	size_t refused_row;
	char refused_reason[128];
	int64_t took_ns, sync_ns;
};

struct fixture {
	char folder[64], path[128], schema[128];
	struct loop *loop;
	struct sqlite *db, *other;
	struct answer answers[64];
	size_t count;
	bool is_closed;
	void (*in_answer)(struct fixture *fixture, int number);
};

static void on_result(void *data, int number, const struct fl_result *result)
{
	struct fixture *fixture = data;
	struct answer *answer = &fixture->answers[fixture->count++];
	const char *text, *reason;

	/* Before the result is read: it must stay what it is through all the owner may do. */
	if (fixture->in_answer != NULL)
		fixture->in_answer(fixture, number);
	text = result_text(result, 0, 0);
	*answer = (struct answer){ .number = number,
		.error = result->error,
		.rows = result->row_count,
		.columns = result->column_count,
		.refused = result->refused_count,
		.first_real = result_real(result, 0, 0),
		.first_int = result_int(result, 0, 0),
		.second_int = result_int(result, 0, 1),
		.took_ns = result->took_ns,
		.sync_ns = result->sync_ns };
	snprintf(answer->detail, sizeof(answer->detail), "%s", result->detail);
	snprintf(answer->first_text, sizeof(answer->first_text), "%s", text == NULL ? "NULL" : text);
	result_refused(result, 0, &answer->refused_statement, &answer->refused_row, &reason);
	snprintf(answer->refused_reason, sizeof(answer->refused_reason), "%s",
		reason == NULL ? "NULL" : reason);
}

static void on_closed(void *data)
{
	((struct fixture *)data)->is_closed = true;
}

static int setup(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	strcpy(fixture.folder, "/tmp/test_sqlite.XXXXXX");
	assert_non_null(mkdtemp(fixture.folder));
	snprintf(fixture.path, sizeof(fixture.path), "%s/var/lib/x.db", fixture.folder);
	snprintf(fixture.schema, sizeof(fixture.schema), "%s/schema", fixture.folder);
	assert_int_equal(loop_open(&fixture.loop), 0);
	*state = &fixture;
	return 0;
}

static void wait_for(struct fixture *fixture, size_t count)
{
	while (fixture->count < count)
		loop_turn(fixture->loop, true);
}

static void close_db(struct fixture *fixture, struct sqlite **db)
{
	fixture->is_closed = false;
	sqlite_close(*db, on_closed, fixture);
	*db = NULL;
	while (!fixture->is_closed)
		loop_turn(fixture->loop, true);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	char command[128];

	if (fixture->db != NULL)
		close_db(fixture, &fixture->db);
	if (fixture->other != NULL)
		close_db(fixture, &fixture->other);
	loop_close(fixture->loop);
	snprintf(command, sizeof(command), "rm -rf %s", fixture->folder);
	return system(command) == 0 ? 0 : -1;
}

static struct answer *last(struct fixture *fixture)
{
	return &fixture->answers[fixture->count - 1];
}

static int open_with(struct fixture *fixture, const struct sqlite_setup *how, struct sqlite **out)
{
	struct sqlite_owner owner = { fixture, on_result };

	assert_int_equal(sqlite_open(fixture->loop, how, &owner, out), 0);
	wait_for(fixture, fixture->count + 1);
	assert_int_equal(last(fixture)->number, 0);
	return last(fixture)->error;
}

static void open_db(struct fixture *fixture)
{
	struct sqlite_setup how = { .path = fixture->path, .busy_timeout_ns = 20 * FL_MS };

	assert_int_equal(open_with(fixture, &how, &fixture->db), 0);
	assert_string_equal(last(fixture)->detail, "");
}

/* Runs and waits. */
static struct answer *run(struct fixture *fixture, struct fl_sqlite_job *job)
{
	int number = 100 + (int)fixture->count;

	assert_int_equal(sqlite_run(sqlite_job_session(job), job, number), 0);
	wait_for(fixture, fixture->count + 1);
	assert_int_equal(last(fixture)->number, number);
	return last(fixture);
}

/* One statement without parameters. */
static struct answer *run_sql(struct fixture *fixture, const char *sql, unsigned flags)
{
	struct fl_sqlite_job *job = sqlite_job(fixture->db);

	sqlite_job_statement(job, sql, flags);
	sqlite_job_row_end(job);
	return run(fixture, job);
}

static void make_table(struct fixture *fixture)
{
	open_db(fixture);
	assert_int_equal(
		run_sql(fixture, "CREATE TABLE a(x INTEGER PRIMARY KEY, y REAL, z TEXT NOT NULL)", 0)
			->error,
		0);
}

static void add_row(struct fl_sqlite_job *job, int64_t x, double y, const char *z)
{
	sqlite_job_int(job, x);
	sqlite_job_real(job, y);
	sqlite_job_text(job, z, z == NULL ? 0 : strlen(z));
	sqlite_job_row_end(job);
}

static struct fl_sqlite_job *inserting(struct fixture *fixture, unsigned flags)
{
	struct fl_sqlite_job *job = sqlite_job(fixture->db);

	sqlite_job_statement(job, "INSERT INTO a(x, y, z) VALUES(?, ?, ?)", flags);
	return job;
}

static int64_t count_of(struct fixture *fixture, const char *sql)
{
	struct answer *answer = run_sql(fixture, sql, FL_SQL_ROWS);

	assert_int_equal(answer->error, 0);
	assert_int_equal(answer->rows, 1);
	return answer->first_int;
}

/* ---- opening ---- */

static void a_new_file_is_made_with_its_folder(void **state)
{
	struct fixture *fixture = *state;
	int64_t free_bytes = 0, total_bytes = 0, file_bytes = 0;

	open_db(fixture);
	assert_true(sqlite_is_open(fixture->db));
	assert_true(file_exists(fixture->path));
	assert_int_equal(count_of(fixture, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
	assert_int_equal(count_of(fixture, "SELECT auto_vacuum FROM pragma_auto_vacuum"), 2);
	assert_int_equal(count_of(fixture, "SELECT foreign_keys FROM pragma_foreign_keys"), 1);
	assert_int_equal(count_of(fixture, "SELECT synchronous FROM pragma_synchronous"), 2);
	assert_int_equal(sqlite_disk(fixture->db, &free_bytes, &total_bytes, &file_bytes), 0);
	assert_true(free_bytes > 0 && total_bytes >= free_bytes && file_bytes > 0);
}

static void an_existing_file_is_opened_as_it_is(void **state)
{
	struct fixture *fixture = *state;

	make_table(fixture);
	close_db(fixture, &fixture->db);
	open_db(fixture);
	assert_int_equal(count_of(fixture, "SELECT count(*) FROM a"), 0);
}

static void a_schema_is_applied_at_opening(void **state)
{
	struct fixture *fixture = *state;
	struct sqlite_setup how = { .path = fixture->path, .schema_folder = fixture->schema };
	char file[256];

	assert_int_equal(file_make_folder(fixture->schema), 0);
	snprintf(file, sizeof(file), "%s/0001_a.sql", fixture->schema);
	assert_int_equal(file_store(file, "CREATE TABLE a(x);", 18), 0);
	assert_int_equal(open_with(fixture, &how, &fixture->db), 0);
	assert_int_equal(count_of(fixture, "SELECT count(*) FROM a"), 0);
	assert_int_equal(count_of(fixture, "SELECT count(*) FROM feedloom_migration"), 1);
}

static void a_newer_schema_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct sqlite_setup how = { .path = fixture->path, .schema_folder = fixture->schema };
	char file[256];

	a_schema_is_applied_at_opening(state);
	assert_int_equal(
		run_sql(fixture, "INSERT INTO feedloom_migration VALUES(2, '0002_b.sql', 'x', 0)", 0)
			->error,
		0);
	close_db(fixture, &fixture->db);
	assert_int_equal(open_with(fixture, &how, &fixture->db), -EPROTO);
	assert_non_null(strstr(last(fixture)->detail, "schema 2 is newer than this program knows (1)"));
	snprintf(file, sizeof(file), "%s/0001_a.sql", fixture->schema);
	assert_true(sqlite_is_failed(fixture->db));
	/* What is run all the same is answered with the reason. */
	assert_int_equal(run_sql(fixture, "SELECT 1", FL_SQL_ROWS)->error, -EPROTO);
}

static void a_file_that_is_none_of_sqlites_is_corrupt(void **state)
{
	struct fixture *fixture = *state;
	struct sqlite_setup how = { .path = fixture->path };
	char text[4096];

	memset(text, 'x', sizeof(text));
	open_db(fixture); /* makes the folder */
	close_db(fixture, &fixture->db);
	assert_int_equal(file_store(fixture->path, text, sizeof(text)), 0);
	assert_int_equal(open_with(fixture, &how, &fixture->db), -EILSEQ);
	assert_non_null(strstr(last(fixture)->detail, "file is not a database"));
}

static void a_damaged_page_is_corrupt(void **state)
{
	struct fixture *fixture = *state;
	struct fl_sqlite_job *job;
	struct file *file;
	char nonsense[4096 * 8];

	make_table(fixture);
	job = inserting(fixture, 0);
	for (int i = 0; i < 5000; i++)
		add_row(job, i, i, "some text that takes room");
	assert_int_equal(run(fixture, job)->error, 0);
	close_db(fixture, &fixture->db);
	memset(nonsense, 0xa5, sizeof(nonsense));
	assert_int_equal(file_open(fixture->path, FILE_WRITE, &file), 0);
	file_write(file, 4096 * 2, nonsense, sizeof(nonsense));
	file_close(file);
	open_db(fixture);
	assert_int_equal(run_sql(fixture, "SELECT sum(y) FROM a", FL_SQL_ROWS)->error, -EILSEQ);
}

static void a_folder_that_cannot_be_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct sqlite_setup how = { .path = "/proc/none/x.db" };

	assert_int_equal(open_with(fixture, &how, &fixture->db), -EROFS);
	assert_non_null(strstr(last(fixture)->detail, "cannot create the folder /proc/none"));
}

static void what_is_opened_for_reading_is_not_written(void **state)
{
	struct fixture *fixture = *state;
	struct sqlite_setup how = { .path = fixture->path, .read_only = true };

	make_table(fixture);
	close_db(fixture, &fixture->db);
	assert_int_equal(open_with(fixture, &how, &fixture->db), 0);
	assert_int_equal(count_of(fixture, "SELECT count(*) FROM a"), 0);
	assert_int_equal(run_sql(fixture, "DELETE FROM a", 0)->error, -EROFS);
}

static void databases_in_memory_are_shared_by_name(void **state)
{
	struct fixture *fixture = *state;
	struct sqlite_setup how = { .path = ":memory:test_sqlite" };
	struct sqlite_setup wrong = { .path = ":memory:a/b?c" };
	struct sqlite *third = NULL;
	struct fl_sqlite_job *job;

	assert_int_equal(open_with(fixture, &how, &fixture->db), 0);
	assert_int_equal(open_with(fixture, &how, &fixture->other), 0);
	assert_int_equal(run_sql(fixture, "CREATE TABLE a(x)", 0)->error, 0);
	job = sqlite_job(fixture->other);
	sqlite_job_statement(job, "INSERT INTO a VALUES(5)", 0);
	sqlite_job_row_end(job);
	assert_int_equal(run(fixture, job)->error, 0);
	assert_int_equal(count_of(fixture, "SELECT x FROM a"), 5);
	assert_int_equal(last(fixture)->took_ns, 0); /* nothing that simulations could not repeat */
	assert_int_equal(open_with(fixture, &wrong, &third), -EINVAL);
	close_db(fixture, &third);
}

/* ---- jobs ---- */

static void values_come_back_as_they_went(void **state)
{
	struct fixture *fixture = *state;
	static const int64_t whole[] = { 0, 1, -1, 127, 128, -129, INT32_MAX, INT64_C(1) << 40,
		INT64_MAX, INT64_MIN + 1 };
	struct fl_sqlite_job *job;

	make_table(fixture);
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		job = inserting(fixture, 0);
		add_row(job, whole[i], 0.1, "h\xc3\xa9");
		sqlite_job_statement(job, "SELECT x FROM a WHERE x = ?", FL_SQL_ROWS);
		sqlite_job_int(job, whole[i]);
		sqlite_job_row_end(job);
		assert_int_equal(run(fixture, job)->error, 0);
		assert_true(last(fixture)->first_int == whole[i]);
	}
	run_sql(fixture, "SELECT z FROM a", FL_SQL_ROWS);
	assert_string_equal(last(fixture)->first_text, "h\xc3\xa9");
	run_sql(fixture, "SELECT y FROM a", FL_SQL_ROWS);
	assert_true(last(fixture)->first_real == 0.1);
	assert_true(last(fixture)->took_ns > 0);
}

static void nan_and_null_are_null(void **state)
{
	struct fixture *fixture = *state;
	struct fl_sqlite_job *job;

	make_table(fixture);
	job = inserting(fixture, 0);
	add_row(job, 1, NAN, "x");
	assert_int_equal(run(fixture, job)->error, 0);
	run_sql(fixture, "SELECT y FROM a", FL_SQL_ROWS);
	assert_int_equal(last(fixture)->rows, 1);
	assert_true(isnan(last(fixture)->first_real));
	assert_true(last(fixture)->first_int == INT64_MIN);
	assert_string_equal(last(fixture)->first_text, "NULL");
	assert_true(last(fixture)->second_int == INT64_MIN); /* no such column */
}

static void a_job_is_all_or_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct fl_sqlite_job *job;

	make_table(fixture);
	job = inserting(fixture, 0);
	add_row(job, 1, 1, "x");
	add_row(job, 1, 1, "x");
	assert_int_equal(run(fixture, job)->error, -EINVAL);
	assert_non_null(strstr(last(fixture)->detail, "UNIQUE constraint failed: a.x in: INSERT"));
	assert_int_equal(count_of(fixture, "SELECT count(*) FROM a"), 0);
}

static void compare_and_set_ends_the_job(void **state)
{
	struct fixture *fixture = *state;
	static const int believed[] = { 7, 8 };
	static const int errors[] = { 0, -ESTALE };

	make_table(fixture);
	assert_int_equal(run_sql(fixture, "INSERT INTO a VALUES(1, 7, 'cursor')", 0)->error, 0);
	for (size_t i = 0; i < 2; i++) {
		struct fl_sqlite_job *job = sqlite_job(fixture->db);

		sqlite_job_statement(job, "UPDATE a SET y = 9 WHERE x = 1 AND y = ?", FL_SQL_MUST_CHANGE);
		sqlite_job_int(job, believed[i]);
		sqlite_job_row_end(job);
		sqlite_job_statement(job, "INSERT INTO a(z) VALUES('row')", 0);
		sqlite_job_row_end(job);
		assert_int_equal(run(fixture, job)->error, errors[i]);
	}
	assert_int_equal(count_of(fixture, "SELECT count(*) FROM a WHERE z = 'row'"), 1);
}

static void refused_rows_are_set_aside(void **state)
{
	struct fixture *fixture = *state;
	struct fl_sqlite_job *job;

	make_table(fixture);
	job = sqlite_job(fixture->db);
	sqlite_job_statement(job, "INSERT INTO a VALUES(100, 0, 'x')", 0);
	sqlite_job_row_end(job);
	sqlite_job_statement(job, "INSERT INTO a(x, y, z) VALUES(?, ?, ?)", FL_SQL_SET_ASIDE);
	add_row(job, 1, 1, "x");
	add_row(job, 2, 2, NULL);
	add_row(job, 1, 1, "again");
	add_row(job, 3, 3, "x");
	sqlite_job_text(job, "no number", 9);
	sqlite_job_null(job);
	sqlite_job_text(job, "x", 1);
	sqlite_job_row_end(job);
	assert_int_equal(run(fixture, job)->error, 0);
	assert_int_equal(last(fixture)->refused, 3);
	assert_int_equal(last(fixture)->refused_statement, 1);
	assert_int_equal(last(fixture)->refused_row, 1);
	assert_string_equal(last(fixture)->refused_reason, "NOT NULL constraint failed: a.z");
	assert_int_equal(count_of(fixture, "SELECT count(*) FROM a"), 3);
}

/* The row that changes nothing, or that is refused, and the one of another width. */
static void a_row_that_changes_nothing_runs_the_other_statement(void **state)
{
	struct fixture *fixture = *state;
	struct fl_sqlite_job *job;

	make_table(fixture);
	assert_int_equal(run_sql(fixture, "INSERT INTO a VALUES(1, 7, 'old')", 0)->error, 0);
	job = sqlite_job(fixture->db);
	sqlite_job_statement(
		job, "UPDATE a SET y = ?2, z = ?3 WHERE x = ?1", FL_SQL_SET_ASIDE | FL_SQL_MUST_CHANGE);
	sqlite_job_or_else(job, "INSERT INTO a(x, y, z) VALUES(?1, ?2 + 100, ?3)");
	add_row(job, 1, 8, "updated");
	add_row(job, 2, 9, "inserted");
	add_row(job, 1, 9, NULL);
	add_row(job, 3, 9, NULL);
	add_row(job, 2, 10, "updated");
	sqlite_job_statement(job, "INSERT INTO a(x, y, z) VALUES(4, ?, ?)", 0);
	sqlite_job_changes(job, 0);
	sqlite_job_refused(job, 0);
	sqlite_job_row_end(job);
	assert_int_equal(run(fixture, job)->error, 0);
	assert_int_equal(count_of(fixture, "SELECT count(*) FROM a"), 3);
	assert_int_equal(count_of(fixture, "SELECT y FROM a WHERE x = 1 AND z = 'updated'"), 8);
	assert_int_equal(count_of(fixture, "SELECT y FROM a WHERE x = 2 AND z = 'updated'"), 10);
	assert_int_equal(count_of(fixture, "SELECT y * 10 + z FROM a WHERE x = 4"), 32);
	job = sqlite_job(fixture->db);
	sqlite_job_statement(job, "UPDATE a SET y = 1 WHERE x = ?", FL_SQL_MUST_CHANGE);
	sqlite_job_or_else(job, "UPDATE a SET y = 2 WHERE x = ?");
	sqlite_job_int(job, 77);
	sqlite_job_row_end(job);
	assert_int_equal(run(fixture, job)->error, -ESTALE);
	job = sqlite_job(fixture->db);
	sqlite_job_statement(job, "UPDATE a SET y = 1 WHERE x = ?", 0);
	sqlite_job_or_else(job, "INSERT INTO a(x, y) VALUES(?, ?)");
	sqlite_job_int(job, 77);
	sqlite_job_row_end(job);
	assert_int_equal(run(fixture, job)->error, -EINVAL);
}

static void only_a_thousand_refusals_are_kept(void **state)
{
	struct fixture *fixture = *state;
	struct fl_sqlite_job *job;

	make_table(fixture);
	job = inserting(fixture, FL_SQL_SET_ASIDE);
	for (int i = 0; i < 1500; i++)
		add_row(job, i, 0, NULL);
	assert_int_equal(run(fixture, job)->error, 0);
	assert_int_equal(last(fixture)->refused, 1500);
}

static void counts_so_far_can_be_bound(void **state)
{
	struct fixture *fixture = *state;
	struct fl_sqlite_job *job;

	make_table(fixture);
	assert_int_equal(run_sql(fixture, "CREATE TABLE counts(changed, refused, own)", 0)->error, 0);
	job = sqlite_job(fixture->db);
	sqlite_job_statement(
		job, "INSERT INTO a(x, y, z) VALUES(?, ?, ?) ON CONFLICT(x) DO NOTHING", FL_SQL_SET_ASIDE);
	add_row(job, 1, 1, "x");
	add_row(job, 1, 1, "repeated");
	add_row(job, 2, 1, NULL);
	add_row(job, 3, 1, "x");
	sqlite_job_statement(job, "SELECT 1", 0);
	sqlite_job_row_end(job);
	sqlite_job_statement(job, "INSERT INTO counts VALUES(?, ?, ?)", 0);
	sqlite_job_changes(job, 0);
	sqlite_job_refused(job, 0);
	sqlite_job_changes(job, 1);
	sqlite_job_row_end(job);
	assert_int_equal(run(fixture, job)->error, 0);
	assert_int_equal(count_of(fixture, "SELECT changed FROM counts"), 2);
	assert_int_equal(count_of(fixture, "SELECT refused FROM counts"), 1);
	assert_int_equal(count_of(fixture, "SELECT own FROM counts"), 0);
}

static void rows_come_in_pages(void **state)
{
	struct fixture *fixture = *state;
	struct fl_sqlite_job *job;

	make_table(fixture);
	job = inserting(fixture, 0);
	for (int i = 0; i < 25; i++)
		add_row(job, i, i, "x");
	assert_int_equal(run(fixture, job)->error, 0);
	for (int after = -1; after < 24; after += 10) {
		job = sqlite_job(fixture->db);
		sqlite_job_statement(
			job, "SELECT x, x * 2 FROM a WHERE x > ? ORDER BY x LIMIT 10", FL_SQL_ROWS);
		sqlite_job_int(job, after);
		sqlite_job_row_end(job);
		assert_int_equal(run(fixture, job)->error, 0);
		assert_int_equal(last(fixture)->rows, after == 19 ? 5 : 10);
		assert_int_equal(last(fixture)->columns, 2);
		assert_int_equal(last(fixture)->first_int, after + 1);
		assert_int_equal(last(fixture)->second_int, 2 * (after + 1));
	}
}

static void too_many_rows_are_refused(void **state)
{
	struct fixture *fixture = *state;

	open_db(fixture);
	run_sql(fixture,
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
		FL_SQL_ROWS);
	assert_int_equal(last(fixture)->error, -E2BIG);
	assert_int_equal(last(fixture)->rows, 0);
	assert_non_null(strstr(last(fixture)->detail, "ask in pages"));
}

static void what_is_missing_is_enoent(void **state)
{
	struct fixture *fixture = *state;

	make_table(fixture);
	assert_int_equal(run_sql(fixture, "SELECT 1 FROM none", FL_SQL_ROWS)->error, -ENOENT);
	assert_string_equal(last(fixture)->detail, "no such table: none in: SELECT 1 FROM none");
	assert_int_equal(run_sql(fixture, "SELECT none FROM a", FL_SQL_ROWS)->error, -ENOENT);
	assert_int_equal(run_sql(fixture, "INSERT INTO a(none) VALUES(1)", 0)->error, -ENOENT);
	assert_int_equal(run_sql(fixture, "SELEC 1", 0)->error, -EINVAL);
	assert_int_equal(run_sql(fixture, "SELECT 1; SELECT 2", 0)->error, -EINVAL);
	assert_int_equal(run_sql(fixture, "SELECT ?", FL_SQL_ROWS)->error, -EINVAL);
	assert_int_equal(run_sql(fixture, "COMMIT", 0)->error, -EINVAL);
	assert_int_equal(run_sql(fixture, "SELECT 1;\n", FL_SQL_ROWS)->error, 0);
}

static void another_writer_makes_it_busy(void **state)
{
	struct fixture *fixture = *state;
	sqlite3 *rival;

	make_table(fixture);
	assert_int_equal(sqlite3_open(fixture->path, &rival), SQLITE_OK);
	assert_int_equal(sqlite3_exec(rival, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(run_sql(fixture, "DELETE FROM a", 0)->error, -EAGAIN);
	/* Reading neither waits for a writer nor stops one. */
	assert_int_equal(count_of(fixture, "SELECT count(*) FROM a"), 0);
	assert_int_equal(sqlite3_exec(rival, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(run_sql(fixture, "DELETE FROM a", 0)->error, 0);
	sqlite3_close(rival);
}

static void a_full_database_is_enospc(void **state)
{
	struct fixture *fixture = *state;
	struct fl_sqlite_job *job;

	make_table(fixture);
	assert_int_equal(run_sql(fixture, "PRAGMA max_page_count=10", 0)->error, 0);
	job = inserting(fixture, FL_SQL_SET_ASIDE);
	for (int i = 0; i < 5000; i++)
		add_row(job, i, i, "some text that takes room");
	assert_int_equal(run(fixture, job)->error, -ENOSPC);
	assert_int_equal(count_of(fixture, "SELECT count(*) FROM a"), 0);
}

static void answers_come_in_order(void **state)
{
	struct fixture *fixture = *state;
	struct sqlite_setup how = { .path = fixture->path };
	struct sqlite_owner owner = { fixture, on_result };

	/* Even those run before it is open. */
	assert_int_equal(sqlite_open(fixture->loop, &how, &owner, &fixture->db), 0);
	for (int i = 1; i <= 10; i++) {
		struct fl_sqlite_job *job = sqlite_job(fixture->db);

		sqlite_job_statement(job, i == 1 ? "CREATE TABLE a(x)" : "INSERT INTO a VALUES(1)", 0);
		sqlite_job_row_end(job);
		assert_int_equal(sqlite_run(fixture->db, job, i), 0);
	}
	assert_int_equal(sqlite_pending(fixture->db), 10);
	wait_for(fixture, 11);
	for (int i = 0; i <= 10; i++) {
		assert_int_equal(fixture->answers[i].number, i);
		assert_int_equal(fixture->answers[i].error, 0);
	}
	assert_int_equal(sqlite_pending(fixture->db), 0);
}

static void an_empty_job_only_answers(void **state)
{
	struct fixture *fixture = *state;

	open_db(fixture);
	assert_int_equal(sqlite_run(fixture->db, sqlite_job(fixture->db), 0), 0);
	wait_for(fixture, 2);
	assert_int_equal(last(fixture)->number, 0);
	assert_int_equal(last(fixture)->error, 0);
}

static void run_another(struct fixture *fixture, int number)
{
	if (number > 0 && number < 5) {
		struct fl_sqlite_job *job = sqlite_job(fixture->db);

		sqlite_job_statement(job, "SELECT ?", FL_SQL_ROWS);
		sqlite_job_int(job, number + 1);
		sqlite_job_row_end(job);
		assert_int_equal(sqlite_run(fixture->db, job, number + 1), 0);
		usleep(10000); /* a worker that began too early would have done its damage by now */
	}
}

static void jobs_may_be_run_in_an_answer(void **state)
{
	struct fixture *fixture = *state;

	open_db(fixture);
	fixture->in_answer = run_another;
	run_another(fixture, 1);
	wait_for(fixture, 5);
	for (int i = 1; i < 5; i++) {
		assert_int_equal(fixture->answers[i].number, i + 1);
		assert_int_equal(fixture->answers[i].first_int, i + 1);
	}
}

static void closing_waits_for_the_job_in_flight(void **state)
{
	struct fixture *fixture = *state;
	struct fl_sqlite_job *job, *in_hand;

	make_table(fixture);
	for (int i = 0; i < 3; i++) {
		job = inserting(fixture, 0);
		add_row(job, i, i, "x");
		assert_int_equal(sqlite_run(fixture->db, job, 10 + i), 0);
	}
	in_hand = inserting(fixture, 0);
	close_db(fixture, &fixture->db);
	assert_int_equal(fixture->count, 2); /* no answer after closing */
	assert_null(sqlite_job_session(in_hand));
	add_row(in_hand, 9, 9, "x");
	sqlite_job_drop(in_hand);
	open_db(fixture);
	assert_int_equal(count_of(fixture, "SELECT count(*) FROM a"), 1);
}

static void close_now(struct fixture *fixture, int number)
{
	(void)number;
	sqlite_close(fixture->db, on_closed, fixture);
	fixture->db = NULL;
}

static void a_database_may_be_closed_in_its_answer(void **state)
{
	struct fixture *fixture = *state;
	struct fl_sqlite_job *job;

	open_db(fixture);
	fixture->in_answer = close_now;
	job = sqlite_job(fixture->db);
	assert_int_equal(sqlite_run(fixture->db, job, 1), 0);
	while (!fixture->is_closed)
		loop_turn(fixture->loop, true);
	assert_int_equal(fixture->count, 2);
}

static void the_log_is_carried_over_between_batches(void **state)
{
	struct fixture *fixture = *state;
	int64_t ignored, total, bytes;
	char text[1000], wal[160];

	make_table(fixture);
	memset(text, 'x', sizeof(text));
	for (int batch = 0; batch < 12; batch++) {
		struct fl_sqlite_job *job = inserting(fixture, 0);

		for (int i = 0; i < 3000; i++) {
			sqlite_job_int(job, batch * 3000 + i);
			sqlite_job_real(job, i);
			sqlite_job_text(job, text, sizeof(text));
			sqlite_job_row_end(job);
		}
		assert_int_equal(run(fixture, job)->error, 0);
	}
	/* 36 MB went in; the log never holds more than about two batches. */
	snprintf(wal, sizeof(wal), "%s-wal", fixture->path);
	assert_int_equal(sqlite_disk(fixture->db, &ignored, &total, &bytes), 0);
	{
		struct file *file; /* harmless: nothing is locked on the log's descriptor */

		assert_int_equal(file_open(wal, FILE_READ, &file), 0);
		assert_true(file_size(file) < 12 << 20);
		file_close(file);
	}
}

static void statements_are_kept_up_to_a_limit(void **state)
{
	struct fixture *fixture = *state;
	struct fl_sqlite_job *job;
	char sql[64];

	open_db(fixture);
	job = sqlite_job(fixture->db);
	for (int i = 0; i < 200; i++) {
		snprintf(sql, sizeof(sql), "SELECT %d WHERE ? = 1", i % 100);
		sqlite_job_statement(job, sql, FL_SQL_ROWS);
		sqlite_job_int(job, 1);
		sqlite_job_row_end(job);
	}
	assert_int_equal(run(fixture, job)->error, 0);
	assert_int_equal(last(fixture)->rows, 200);
}

static void too_large_a_job_is_not_run(void **state)
{
	struct fixture *fixture = *state;
	struct fl_sqlite_job *job;
	char *text = calloc(1, 8 << 20);

	make_table(fixture);
	job = inserting(fixture, 0);
	for (int i = 0; i < 10; i++) {
		sqlite_job_int(job, i);
		sqlite_job_real(job, i);
		sqlite_job_text(job, text, 8 << 20);
		sqlite_job_row_end(job);
	}
	assert_int_equal(sqlite_run(fixture->db, job, 5), -ENOMEM);
	free(text);
	assert_int_equal(count_of(fixture, "SELECT count(*) FROM a"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_new_file_is_made_with_its_folder),
		TEST(an_existing_file_is_opened_as_it_is),
		TEST(a_schema_is_applied_at_opening),
		TEST(a_newer_schema_is_refused),
		TEST(a_file_that_is_none_of_sqlites_is_corrupt),
		TEST(a_damaged_page_is_corrupt),
		TEST(a_folder_that_cannot_be_is_told),
		TEST(what_is_opened_for_reading_is_not_written),
		TEST(databases_in_memory_are_shared_by_name),
		TEST(values_come_back_as_they_went),
		TEST(nan_and_null_are_null),
		TEST(a_job_is_all_or_nothing),
		TEST(compare_and_set_ends_the_job),
		TEST(refused_rows_are_set_aside),
		TEST(a_row_that_changes_nothing_runs_the_other_statement),
		TEST(only_a_thousand_refusals_are_kept),
		TEST(counts_so_far_can_be_bound),
		TEST(rows_come_in_pages),
		TEST(too_many_rows_are_refused),
		TEST(what_is_missing_is_enoent),
		TEST(another_writer_makes_it_busy),
		TEST(a_full_database_is_enospc),
		TEST(answers_come_in_order),
		TEST(an_empty_job_only_answers),
		TEST(jobs_may_be_run_in_an_answer),
		TEST(closing_waits_for_the_job_in_flight),
		TEST(a_database_may_be_closed_in_its_answer),
		TEST(the_log_is_carried_over_between_batches),
		TEST(statements_are_kept_up_to_a_limit),
		TEST(too_large_a_job_is_not_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
