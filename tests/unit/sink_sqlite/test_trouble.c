/* What the store's errors ask of the sink. Whatever happens, each record is stored once. */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TIMER_OPEN = 1, TIMER_DISK = 2 };

static struct fake_options options;

static int setup(void **state)
{
	struct fl_ctx *ctx = fake_open();

	options = (struct fake_options){ .min_free = 0.05 };
	*state = ctx;
	return 0;
}

static int teardown(void **state)
{
	fake_close(*state);
	return 0;
}

static struct fl_ctx *started(void **state)
{
	struct fl_ctx *ctx = *state;

	fake_start(ctx, &options);
	assert_true(ctx->is_stream_open);
	return ctx;
}

static void a_cursor_moved_by_another_session_stops_the_batch(void **state)
{
	struct fl_ctx *ctx = started(state);
	int opens = ctx->stream_opens;

	fake_add(ctx, FL_QUOTE, "BTC-27NOV26-1-C", 0);
	fake_sql(ctx, "UPDATE feedloom_cursor SET journal_id = 77, generation = 1, position = 40");
	fake_deliver(ctx);
	assert_int_equal(ctx->acks, 0);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_quotes"), 0);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM instrument_metadata"), 0);
	/* It goes on where the other one is. */
	assert_int_equal(ctx->stream_opens, opens + 1);
	assert_int_equal(ctx->how.position.number, 40);
	fake_deliver_again(ctx);
	assert_int_equal(ctx->acks, 1);
	assert_int_equal(fake_int(ctx, "SELECT position FROM feedloom_cursor"), 41);
}

static void an_instrument_another_writer_was_faster_with_is_looked_up(void **state)
{
	struct fl_ctx *ctx = started(state);

	fake_add(ctx, FL_QUOTE, "BTC-27NOV26-1-C", 0);
	fake_sql(ctx,
		"INSERT INTO instrument_metadata(instrument_id, instrument_name) "
		"VALUES(1, 'BTC-27NOV26-9-C'), (17, 'BTC-27NOV26-1-C')");
	fake_deliver(ctx);
	assert_int_equal(ctx->acks, 0);
	assert_int_equal(ctx->retries, 1);
	assert_int_equal(ctx->retry_ns, 0);
	fake_add(ctx, FL_QUOTE, "BTC-27NOV26-2-C", 0);
	fake_deliver_again(ctx);
	assert_int_equal(ctx->acks, 1);
	assert_string_equal(
		fake_text(ctx,
			"SELECT group_concat(instrument_id || instrument_name, ' ') FROM option_quotes_base "
			"JOIN instrument_metadata USING (instrument_id)"),
		"17BTC-27NOV26-1-C 18BTC-27NOV26-2-C");
	assert_int_equal(ctx->health, FL_HEALTHY);
}

static void a_locked_store_is_asked_again_soon(void **state)
{
	struct fl_ctx *ctx = started(state);
	sqlite3 *other;

	assert_int_equal(sqlite3_open(ctx->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	fake_add(ctx, FL_QUOTE, "BTC-27NOV26-1-C", 0);
	fake_deliver(ctx);
	assert_int_equal(ctx->retries, 1);
	assert_int_equal(ctx->retry_ns, 200 * FL_MS);
	assert_int_equal(ctx->health, FL_HEALTHY);
	ctx->monotonic_ns += 11 * FL_SECOND;
	fake_deliver_again(ctx);
	assert_int_equal(ctx->health, FL_DEGRADED);
	assert_non_null(strstr(ctx->reason, "locked"));
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	fake_deliver_again(ctx);
	assert_int_equal(ctx->acks, 1);
	assert_int_equal(ctx->health, FL_HEALTHY);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_quotes"), 1);
}

static void a_missing_column_is_named_and_nothing_is_lost(void **state)
{
	struct fl_ctx *ctx = started(state);

	fake_sql(ctx,
		"DROP VIEW tickers; DROP VIEW greek_snapshots; "
		"ALTER TABLE tickers_base DROP COLUMN rho");
	fake_add(ctx, FL_QUOTE, "BTC-27NOV26-1-C", 0);
	fake_add(ctx, FL_TICKER, "BTC-27NOV26-1-C", 0);
	fake_deliver(ctx);
	assert_int_equal(ctx->acks, 0);
	assert_int_equal(ctx->retry_ns, 5 * FL_SECOND);
	assert_int_equal(ctx->health, FL_DEGRADED);
	assert_non_null(strstr(ctx->reason, "rho"));
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_quotes"), 0);
	fake_sql(ctx, "ALTER TABLE tickers_base ADD COLUMN rho REAL");
	fake_deliver_again(ctx);
	assert_int_equal(ctx->acks, 1);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_quotes"), 1);
	assert_int_equal(ctx->health, FL_HEALTHY);
}

static void a_store_that_cannot_be_opened_is_tried_again(void **state)
{
	struct fl_ctx *ctx = *state;
	char folder[256];

	snprintf(folder, sizeof(folder), "%s/a file", ctx->folder);
	fclose(fopen(folder, "w"));
	snprintf(folder, sizeof(folder), "%s/a file/feedloom.db", ctx->folder);
	options.path = folder;
	fake_start(ctx, &options);
	assert_false(ctx->is_stream_open);
	assert_int_equal(ctx->health, FL_DISCONNECTED);
	assert_non_null(strstr(ctx->reason, "a file"));
	assert_int_equal(ctx->timer_ns[TIMER_OPEN], 60 * FL_SECOND); /* only a person can help */
	snprintf(folder, sizeof(folder), "%s/a file", ctx->folder);
	assert_int_equal(remove(folder), 0);
	snprintf(folder, sizeof(folder), "%s/a file/feedloom.db", ctx->folder);
	fake_tick(ctx, TIMER_OPEN);
	fake_settle(ctx);
	assert_true(ctx->is_stream_open);
	assert_int_equal(ctx->health, FL_HEALTHY);
}

static void a_newer_schema_is_left_alone(void **state)
{
	struct fl_ctx *ctx = started(state);

	fake_halt(ctx);
	fake_sql(ctx, "INSERT INTO feedloom_migration VALUES(3, '0003_later.sql', 'x', 1)");
	fake_start(ctx, &options);
	assert_false(ctx->is_stream_open);
	assert_int_equal(ctx->health, FL_DISCONNECTED);
	assert_non_null(strstr(ctx->reason, "newer"));
}

static void a_corrupt_file_is_named(void **state)
{
	struct fl_ctx *ctx = *state;
	FILE *file = fopen(ctx->path, "w");

	for (int i = 0; i < 1000; i++)
		fputs("this is no database", file);
	fclose(file);
	fake_start(ctx, &options);
	assert_int_equal(ctx->health, FL_DISCONNECTED);
	assert_non_null(strstr(ctx->reason, "not a database"));
	assert_non_null(strstr(ctx->reason, "backup"));
}

static void a_full_disk_is_waited_out(void **state)
{
	struct fl_ctx *ctx = started(state);

	ctx->free_bytes = 4; /* of 100, min_free is 5 % */
	fake_add(ctx, FL_QUOTE, "BTC-27NOV26-1-C", 0);
	fake_deliver(ctx);
	assert_int_equal(ctx->acks, 1);
	assert_int_equal(ctx->health, FL_DEGRADED);
	assert_int_equal(strncmp(ctx->reason, "disk:", 5), 0);
	fake_add(ctx, FL_QUOTE, "BTC-27NOV26-1-C", 0);
	fake_deliver(ctx);
	assert_int_equal(ctx->acks, 1);
	assert_int_equal(ctx->retry_ns, 10 * FL_SECOND);
	fake_tick(ctx, TIMER_DISK);
	fake_settle(ctx);
	assert_int_equal(ctx->health, FL_DEGRADED);
	ctx->free_bytes = 6;
	fake_tick(ctx, TIMER_DISK);
	fake_settle(ctx);
	assert_int_equal(ctx->health, FL_HEALTHY);
	assert_int_equal(ctx->timer_ns[TIMER_DISK], -1);
	fake_deliver_again(ctx);
	assert_int_equal(ctx->acks, 2);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_quotes"), 2);
}

static void a_second_start_over_the_same_state_is_harmless(void **state)
{
	struct fl_ctx *ctx = started(state);

	fake_add(ctx, FL_QUOTE, "BTC-27NOV26-1-C", 0);
	fake_send(ctx); /* killed with a batch on its way */
	fake_halt(ctx);
	fake_start(ctx, &options);
	/* Whether the batch was committed or not, the cursor says so. */
	assert_int_equal(
		fake_int(ctx, "SELECT count(*) FROM option_quotes"), (int64_t)ctx->how.position.number);
}

static void probing_says_each_step(void **state)
{
	struct fl_ctx *ctx = *state;

	options.path = ctx->path;
	assert_int_equal(feedloom_plugin.create(ctx, &options, &ctx->state), 0);
	assert_int_equal(feedloom_plugin.probe(ctx->state), 0);
	fake_settle(ctx);
	assert_true(ctx->is_probed);
	assert_non_null(strstr(ctx->steps, "ok schema 2"));
	assert_non_null(strstr(ctx->steps, "opened"));
	assert_null(strstr(ctx->steps, "failed"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_cursor_moved_by_another_session_stops_the_batch),
		TEST(an_instrument_another_writer_was_faster_with_is_looked_up),
		TEST(a_locked_store_is_asked_again_soon),
		TEST(a_missing_column_is_named_and_nothing_is_lost),
		TEST(a_store_that_cannot_be_opened_is_tried_again),
		TEST(a_newer_schema_is_left_alone),
		TEST(a_corrupt_file_is_named),
		TEST(a_full_disk_is_waited_out),
		TEST(a_second_start_over_the_same_state_is_harmless),
		TEST(probing_says_each_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
