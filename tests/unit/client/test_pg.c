/*
 * What of the PostgreSQL client needs no server: the bytes of a job, where a session goes, what the
 * server's codes mean, and a server that is not there. The rest is tests/integration's.
 */
#include "pg_session.h"
#include "unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- jobs ---- */

static void a_job_is_one_query_and_the_bytes_of_its_copies(void **state)
{
	static const unsigned char bytes[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
										 "\0\5"
										 "\0\0\0\4\0\0\0\7"
										 "\0\0\0\10\0\0\0\0\0\0\0\1"  /* 1 us after 2000 */
										 "\0\0\0\10?\xf8\0\0\0\0\0\0" /* 1.5 */
										 "\xff\xff\xff\xff"           /* NaN */
										 "\0\0\0\3\1{}"
										 "\xff\xff";
	struct fl_pg_job *job = pg_job_create(NULL);

	(void)state;
	pg_job_statement(job, "BEGIN", 0);
	pg_job_copy(job, "COPY a FROM STDIN (FORMAT binary)");
	pg_job_rows(job);
	pg_job_row(job, 5);
	pg_job_int4(job, 7);
	pg_job_time(job, INT64_C(946684800000001000));
	pg_job_real8(job, 1.5);
	pg_job_real8(job, NAN);
	pg_job_jsonb(job, "{}", 2);
	pg_job_statement(job, "SELECT ", 0);
	pg_job_sql_text(job, "it's", 4);
	pg_job_sql(job, ", ");
	pg_job_sql_int(job, -3);
	pg_job_sql(job, ", ");
	pg_job_sql_real(job, NAN);
	assert_int_equal(pg_job_seal(job), 0);
	assert_string_equal(buf_string(&job->sql),
		"BEGIN;\nCOPY a FROM STDIN (FORMAT binary);\nSELECT 'it''s', '-3', null");
	assert_int_equal(job->count, 3);
	assert_int_equal(job->statements[1].data_end, sizeof(bytes) - 1);
	assert_memory_equal(buf_bytes(&job->data), bytes, sizeof(bytes) - 1);
	pg_job_drop(job);
}

/* ---- where a session goes ---- */

static const char *label_of(const char *url, char out[256])
{
	struct pg_target target;
	struct buf why;

	buf_init(&why, 1024);
	out[0] = '\0';
	if (pg_target_init(&target, url, "feedloom test", false, &why) == 0) {
		pg_target_label(&target, out, 256);
		pg_target_finish(&target);
	} else {
		snprintf(out, 256, "%s", buf_string(&why));
	}
	buf_finish(&why);
	return out;
}

static void a_label_names_every_host_and_no_secret(void **state)
{
	char out[256];

	(void)state;
	unsetenv("PGHOST");
	unsetenv("PGPASSWORD");
	assert_string_equal(
		label_of("postgresql://me:secret@db1,db2:6432/market", out), "me@db1:5432,db2:6432/market");
	assert_string_equal(label_of("host=/run/postgresql dbname=market user=me", out),
		"me@/run/postgresql:5432/market");
	setenv("PGHOST", "fromenv", 1);
	setenv("PGUSER", "me", 1);
	assert_string_equal(label_of("dbname=market", out), "me@fromenv:5432/market");
	unsetenv("PGHOST");
	unsetenv("PGUSER");
}

static void a_mistaken_url_is_told_without_what_it_holds(void **state)
{
	char out[256];

	(void)state;
	assert_null(strstr(label_of("postgresql://me:pa%zzssword@db/market", out), "ssword"));
	assert_non_null(strstr(out, "no connection string"));
	assert_non_null(strstr(label_of("service=somewhere", out), "service="));
	assert_non_null(strstr(label_of("host=a,b port=1,2,3", out), "different numbers"));
}

static const char *setting(const struct pg_target *target, const char *key)
{
	for (size_t i = 0; i < target->count; i++)
		if (strcmp(target->keys[i], key) == 0)
			return target->values[i];
	return "";
}

static void what_the_user_says_goes_before_what_we_prefer(void **state)
{
	struct pg_target target;
	struct buf why;

	(void)state;
	buf_init(&why, 1024);
	assert_int_equal(
		pg_target_init(&target, "host=a tcp_user_timeout=5000", "feedloom test", false, &why), 0);
	assert_string_equal(setting(&target, "tcp_user_timeout"), "5000");
	assert_string_equal(setting(&target, "keepalives_idle"), "10");
	assert_string_equal(setting(&target, "gssencmode"), "disable");
	assert_string_equal(setting(&target, "target_session_attrs"), "read-write");
	assert_string_equal(setting(&target, "application_name"), "feedloom test");
	pg_target_finish(&target);
	buf_finish(&why);
}

/* ---- the server's words ---- */

static void codes_say_what_to_do(void **state)
{
	(void)state;
	assert_int_equal(pg_error_of("55P03"), -EAGAIN);
	assert_int_equal(pg_error_of("57P01"), -ENOTCONN);
	assert_int_equal(pg_error_of("57014"), -EAGAIN);
	assert_int_equal(pg_error_of("53100"), -ENOSPC);
	assert_int_equal(pg_error_of("42501"), -EACCES);
	assert_int_equal(pg_error_of("42703"), -ENOENT);
	assert_int_equal(pg_error_of("22003"), -EBADMSG);
	assert_int_equal(pg_error_of("22P04"), -EINVAL);
	assert_int_equal(pg_error_of("23514"), -EBADMSG);
	assert_int_equal(pg_error_of("42601"), -EINVAL);
	assert_int_equal(pg_error_of(NULL), -ENOTCONN);
}

static void words_come_on_one_line(void **state)
{
	char out[64];

	(void)state;
	pg_error_words("first:\n\tsecond\nthird\n", out, sizeof(out));
	assert_string_equal(out, "first: second; third");
	pg_error_words(NULL, out, sizeof(out));
	assert_string_equal(out, "");
}

/* ---- nobody there ---- */

struct heard {
	struct pg *pg;
	int numbers[8], errors[8];
	size_t count;
	bool closes;
	char detail[400];
};

static void on_result(void *data, int number, const struct fl_result *result)
{
	struct heard *heard = data;

	heard->numbers[heard->count] = number;
	heard->errors[heard->count++] = result->error;
	snprintf(heard->detail, sizeof(heard->detail), "%s", result->detail);
	if (heard->closes)
		pg_close(heard->pg);
}

static struct pg *open_to(struct loop *loop, const char *url, struct heard *heard)
{
	struct pg_owner owner = { .data = heard, .on_result = on_result };
	struct fl_pg_options options = { .url = url };
	struct buf why;

	buf_init(&why, 1024);
	assert_int_equal(pg_open(loop, "test", &options, &owner, &why, &heard->pg), 0);
	buf_finish(&why);
	return heard->pg;
}

static void a_server_that_is_not_there_is_told_by_every_job_then_by_the_session(void **state)
{
	struct heard heard = { 0 };
	struct loop *loop;
	struct fl_pg_job *job;
	struct pg *pg;

	(void)state;
	assert_int_equal(loop_open(&loop), 0);
	/* Port 1 of two addresses: both are tried. */
	pg = open_to(loop, "postgresql://me@127.0.0.1:1,127.0.0.2:1/market", &heard);
	job = pg_job(pg);
	pg_job_statement(job, "SELECT 1", FL_SQL_ROWS);
	assert_int_equal(pg_run(pg, job, 5), 0);
	assert_int_equal(heard.count, 0);
	while (heard.count < 2)
		loop_turn(loop, true);
	assert_int_equal(heard.numbers[0], 5);
	assert_int_equal(heard.numbers[1], 0);
	assert_int_equal(heard.errors[0], -ECONNREFUSED);
	assert_int_equal(heard.errors[1], -ECONNREFUSED);
	assert_non_null(strstr(heard.detail, "127.0.0.1"));
	assert_non_null(strstr(heard.detail, "127.0.0.2"));
	assert_false(pg_is_alive(pg));
	assert_int_equal(pg_run(pg, pg_job(pg), 6), -ENOTCONN);
	assert_int_equal(pg_reopen(pg), 0);
	while (heard.count < 3)
		loop_turn(loop, true);
	assert_int_equal(heard.numbers[2], 0);
	pg_close(pg);
	loop_close(loop);
}

static void a_session_may_be_closed_in_its_own_answer(void **state)
{
	struct heard heard = { .closes = true };
	struct loop *loop;

	(void)state;
	assert_int_equal(loop_open(&loop), 0);
	open_to(loop, "postgresql://me@127.0.0.1:1/market", &heard);
	while (heard.count == 0)
		loop_turn(loop, true);
	loop_close(loop);
}

static void a_name_without_address_is_told_by_its_name(void **state)
{
	struct heard heard = { 0 };
	struct loop *loop;
	struct pg *pg;

	(void)state;
	assert_int_equal(loop_open(&loop), 0);
	pg = open_to(loop, "postgresql://me@nowhere.invalid/market", &heard);
	while (heard.count == 0)
		loop_turn(loop, true);
	assert_int_not_equal(heard.errors[0], 0);
	assert_non_null(strstr(heard.detail, "nowhere.invalid"));
	pg_close(pg);
	loop_close(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_is_one_query_and_the_bytes_of_its_copies),
		cmocka_unit_test(a_label_names_every_host_and_no_secret),
		cmocka_unit_test(a_mistaken_url_is_told_without_what_it_holds),
		cmocka_unit_test(what_the_user_says_goes_before_what_we_prefer),
		cmocka_unit_test(codes_say_what_to_do),
		cmocka_unit_test(words_come_on_one_line),
		cmocka_unit_test(a_server_that_is_not_there_is_told_by_every_job_then_by_the_session),
		cmocka_unit_test(a_session_may_be_closed_in_its_own_answer),
		cmocka_unit_test(a_name_without_address_is_told_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
