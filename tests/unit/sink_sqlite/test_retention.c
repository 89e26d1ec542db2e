/* What is deleted, what is kept, in which chunks. */
#include "fake.h"

#include "sqlite_retention.h"
#include <stdio.h>
#include <string.h>

enum { TIMER_RETENTION = 3, TIMER_CHUNK = 4, ROUNDS_A_MINUTE = 6 };

static const char *const names[] = { "option_quotes", "tickers", "stream_gaps" };
static const int64_t values[] = { FL_DAY, 7 * FL_DAY, FL_DAY };
static struct fake_options options;

static int setup(void **state)
{
	struct fl_ctx *ctx = fake_open();

	options = (struct fake_options){ .retention = { names, values, 3 } };
	fake_start(ctx, &options);
	fake_sql(ctx, "INSERT INTO instrument_metadata(instrument_id, instrument_name) VALUES(1, 'X')");
	*state = ctx;
	return 0;
}

static int teardown(void **state)
{
	fake_close(*state);
	return 0;
}

static void tick(struct fl_ctx *ctx)
{
	fake_tick(ctx, TIMER_RETENTION);
	ctx->timer_ns[TIMER_RETENTION] = 0; /* it repeats */
	fake_settle(ctx);
}

/* A whole round. Returns how many chunks it had. */
static int run_round(struct fl_ctx *ctx)
{
	int chunks = 0;

	for (int i = 0; i < ROUNDS_A_MINUTE; i++) { /* one that found nothing rests so long */
		tick(ctx);
		if (ctx->timer_ns[TIMER_CHUNK] >= 0)
			break;
	}
	while (ctx->timer_ns[TIMER_CHUNK] >= 0) {
		chunks++;
		fake_tick(ctx, TIMER_CHUNK);
		fake_settle(ctx);
	}
	return chunks;
}

static void add_rows(
	struct fl_ctx *ctx, const char *table, const char *time, int count, int64_t age_ns)
{
	char sql[512];

	snprintf(sql, sizeof(sql),
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
		"INSERT INTO %s(%s%s) SELECT %s%lld - i FROM n",
		count, table, strstr(table, "_base") != NULL ? "instrument_id, " : "", time,
		strstr(table, "_base") != NULL ? "1, " : "", (long long)((ctx->now_ns - age_ns) / FL_US));
	fake_sql(ctx, sql);
}

static void what_is_past_its_time_goes_and_the_rest_stays(void **state)
{
	struct fl_ctx *ctx = *state;

	add_rows(ctx, "option_quotes_base", "event_us", 1000, 2 * FL_DAY);
	add_rows(ctx, "option_quotes_base", "event_us", 10, FL_HOUR);
	add_rows(ctx, "tickers_base", "event_us", 10, 2 * FL_DAY);
	add_rows(ctx, "option_trades_base", "event_us", 10, 1000 * FL_DAY);
	assert_true(run_round(ctx) > 1); /* in chunks */
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_quotes"), 10);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM tickers"), 10);
	assert_int_equal(
		fake_int(ctx, "SELECT count(*) FROM option_trades"), 10); /* not named: for good */
	ctx->now_ns += 6 * FL_DAY;
	run_round(ctx);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_quotes"), 0);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM tickers"), 0);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_trades"), 10);
}

/* An idle store is not woken by a transaction every ten seconds. */
static void a_round_that_found_nothing_rests_for_a_minute(void **state)
{
	struct fl_ctx *ctx = *state;

	tick(ctx);
	add_rows(ctx, "option_quotes_base", "event_us", 10, 2 * FL_DAY);
	for (int i = 1; i < ROUNDS_A_MINUTE; i++)
		tick(ctx);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_quotes"), 10);
	run_round(ctx);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_quotes"), 0);
}

static void lifecycle_events_are_kept_ninety_days(void **state)
{
	struct fl_ctx *ctx = *state;

	fake_sql(ctx,
		"INSERT INTO lifecycle_events(event_us, event_type) VALUES"
		"(1795248000123456 - 91 * 86400000000, 'old'), "
		"(1795248000123456 - 89 * 86400000000, 'young')");
	run_round(ctx);
	assert_string_equal(
		fake_text(ctx, "SELECT group_concat(event_type) FROM lifecycle_events"), "young");
}

static void a_gap_without_a_start_is_never_too_old(void **state)
{
	struct fl_ctx *ctx = *state;

	fake_sql(ctx,
		"INSERT INTO stream_gaps(feed, cause, started_us) VALUES('a', 'x', NULL), ('b', 'x', 5)");
	run_round(ctx);
	assert_string_equal(fake_text(ctx, "SELECT group_concat(feed) FROM stream_gaps"), "a");
}

static void room_that_became_free_is_given_back(void **state)
{
	struct fl_ctx *ctx = *state;
	int64_t pages;

	add_rows(ctx, "option_quotes_base", "event_us", 200000, 2 * FL_DAY);
	pages = fake_int(ctx, "SELECT page_count FROM pragma_page_count");
	assert_true(pages > 2500); /* enough to be worth it */
	run_round(ctx);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_quotes"), 0);
	assert_true(fake_int(ctx, "SELECT page_count FROM pragma_page_count") < pages / 2);
	assert_string_equal(fake_text(ctx, "PRAGMA integrity_check"), "ok");
}

static void nothing_is_deleted_while_records_wait(void **state)
{
	struct fl_ctx *ctx = *state;
	sqlite3 *other;

	add_rows(ctx, "option_quotes_base", "event_us", 10, 2 * FL_DAY);
	assert_int_equal(sqlite3_open(ctx->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	fake_add(ctx, FL_TICKER, "X", 0);
	fake_deliver(ctx); /* cannot be stored */
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	run_round(ctx);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_quotes"), 10);
	fake_deliver_again(ctx); /* finds that X has a number by now */
	fake_deliver_again(ctx);
	assert_int_equal(ctx->acks, 1);
	run_round(ctx);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_quotes"), 0);
}

static void chunks_find_their_size(void **state)
{
	int64_t rows = 100;

	(void)state;
	/* A row takes 10 us: 35 ms are 3,500 rows. */
	for (int i = 0; i < 30; i++) {
		rows = retention_next_size(rows, rows * 10 * FL_US, 20, 20000);
		assert_true(rows * 10 * FL_US <= 53 * FL_MS);
	}
	assert_in_range(rows, 2300, 3500);
	/* It gets slower: the next is small enough at once. */
	rows = retention_next_size(rows, rows * 100 * FL_US, 20, 20000);
	assert_true(rows * 100 * FL_US <= 35 * FL_MS);
	assert_int_equal(retention_next_size(30, FL_SECOND, 20, 20000), 20);
	assert_int_equal(retention_next_size(19999, FL_US, 20, 20000), 20000);
	assert_int_equal(retention_next_size(700, 0, 20, 20000), 700); /* not measured */
}

static void what_is_never_deleted_is_said(void **state)
{
	struct retention retention;
	struct fl_durations durations = { names, values, 3 };
	char text[400];

	(void)state;
	retention_init(&retention);
	retention_configure(&retention, &durations);
	assert_string_equal(retention_kept_for_good(&retention, text, sizeof(text)),
		"option_trades, books, candles, index_prices, greek_snapshots, trades, rejected_records");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_past_its_time_goes_and_the_rest_stays),
		TEST(a_round_that_found_nothing_rests_for_a_minute),
		TEST(lifecycle_events_are_kept_ninety_days),
		TEST(a_gap_without_a_start_is_never_too_old),
		TEST(room_that_became_free_is_given_back),
		TEST(nothing_is_deleted_while_records_wait),
		cmocka_unit_test(chunks_find_their_size),
		cmocka_unit_test(what_is_never_deleted_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
