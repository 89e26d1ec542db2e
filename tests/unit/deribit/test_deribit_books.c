/* Books: a break is told, renewed, and ends with a snapshot or with the feed. */
#include "deribit_universe.h"
#include "flow.h"
#include "unit.h"
#include "world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- books ---- */

static void send_book_of(int n, int conn, int64_t prev, int64_t id)
{
	char text[512], before[64] = "";

	if (prev >= 0)
		snprintf(before, sizeof(before), "\"prev_change_id\":%lld,", (long long)prev);
	snprintf(text, sizeof(text),
		"{\"method\":\"subscription\",\"params\":{\"channel\":\"book.%s.100ms\","
		"\"data\":{\"type\":\"%s\",\"timestamp\":%lld,%s\"change_id\":%lld,\"instrument_name\":"
		"\"%s\",\"bids\":[[\"new\",1,2]],\"asks\":[]}}}",
		world_name(n), prev < 0 ? "snapshot" : "change", 1700000000000LL + id, before,
		(long long)id, world_name(n));
	fake_message(ctx, conn, text);
}

static void send_book(int64_t prev, int64_t id)
{
	send_book_of(0, 1, prev, id);
}

static void start_with_books(int count)
{
	static const char *const books[] = { "book.100ms", NULL };

	options.channels = world_names(books);
	ctx = world_create(&options);
	world_start(ctx, count, 0);
	fake_clear(ctx);
}

/* Both numbers are change ids: the last that joined, and the one that the next was to follow. */
static void assert_gap(size_t at, int64_t first, int64_t last, int64_t ended_ns, const char *detail)
{
	const struct fl_gap *gap = fake_record(ctx, FL_GAP, at);

	assert_string_equal(gap->cause, "change_id");
	assert_string_equal(gap->channel, "book.BTC-26JUN26-1000-C.100ms");
	assert_string_equal(gap->detail, detail);
	assert_int_equal(gap->first_seq, first);
	assert_int_equal(gap->last_seq, last);
	assert_int_equal(gap->started_ns, INT64_C(1700000000012) * FL_MS);
	assert_int_equal(gap->ended_ns, ended_ns);
}

static void assert_book_gap(size_t at, int64_t ended_ns)
{
	assert_gap(at, 12, 14, ended_ns, "a book change did not follow the one before it");
}

static void assert_lost_snapshot(size_t at, int64_t ended_ns)
{
	assert_gap(at, 10, 10, ended_ns, "book changes came without the snapshot before them");
}

static void a_book_out_of_step_is_renewed_alone(void **state)
{
	static const char *const books[] = { "book.100ms", "quote", NULL };

	(void)state;
	options.channels = world_names(books);
	ctx = world_create(&options);
	world_start(ctx, 3, 0);
	fake_clear(ctx);
	send_book(-1, 10);
	send_book(10, 12);
	send_book(14, 15); /* 12 > 14 is missing */
	send_book(15, 16);
	assert_int_equal(fake_count(ctx, FL_BOOK), 2);
	assert_int_equal(ctx->sent_count, 1);
	assert_non_null(strstr(ctx->sent[0].text, "public/unsubscribe"));
	assert_non_null(strstr(ctx->sent[0].text, "[\"book.BTC-26JUN26-1000-C.100ms\"]"));
	world_acknowledge(ctx, NULL);
	fake_pass(ctx, 10 * FL_MS);
	assert_int_equal(ctx->sent_count, 2);
	assert_non_null(strstr(ctx->sent[1].text, "public/subscribe"));
	assert_non_null(strstr(ctx->sent[1].text, "[\"book.BTC-26JUN26-1000-C.100ms\"]"));
	world_acknowledge(ctx, NULL);
	send_book(16, 17);
	assert_int_equal(fake_count(ctx, FL_BOOK), 2);
	send_book(-1, 20);
	send_book(20, 21);
	assert_int_equal(fake_count(ctx, FL_BOOK), 4);
	assert_int_equal(fake_count(ctx, FL_GAP), 2);
	assert_book_gap(0, 0);
	assert_book_gap(1, INT64_C(1700000000020) * FL_MS);
	assert_int_equal(ctx->reconnected[1], FL_REASON_NONE);
}

static void start_with_a_broken_book(void)
{
	start_with_books(3);
	send_book(-1, 10);
	send_book(10, 12);
	send_book(14, 15);
}

static void a_broken_book_is_whole_again_on_the_next_connection(void **state)
{
	(void)state;
	start_with_a_broken_book();
	assert_int_equal(fake_count(ctx, FL_GAP), 1);
	assert_book_gap(0, 0);
	fake_conn(ctx, 1, FL_CONN_BACKOFF, FL_REASON_STALE);
	fake_conn(ctx, 1, FL_CONN_UP, FL_REASON_NONE);
	world_acknowledge(ctx, NULL);
	send_book(15, 16); /* it is not taken for whole before */
	assert_int_equal(fake_count(ctx, FL_BOOK), 2);
	assert_int_equal(fake_count(ctx, FL_GAP), 1);
	send_book(-1, 20);
	assert_int_equal(fake_count(ctx, FL_BOOK), 3);
	assert_int_equal(fake_count(ctx, FL_GAP), 2);
	assert_book_gap(1, INT64_C(1700000000020) * FL_MS);
}

static void the_gap_of_a_broken_book_ends_with_its_feed(void **state)
{
	(void)state;
	start_with_a_broken_book();
	ctx->plugin->stop(ctx->state);
	fake_conn(ctx, 1, FL_CONN_CLOSED, FL_REASON_ASKED);
	assert_int_equal(fake_count(ctx, FL_GAP), 2);
	assert_book_gap(1, fl_now_ns(ctx));
}

static void a_book_without_its_snapshot_is_renewed(void **state)
{
	(void)state;
	start_with_books(1);
	send_book(10, 12);
	fake_pass(ctx, 9 * FL_SECOND);
	assert_int_equal(ctx->sent_count, 0);
	fake_pass(ctx, 2 * FL_SECOND);
	assert_int_equal(ctx->sent_count, 1);
	assert_non_null(strstr(ctx->sent[0].text, "public/unsubscribe"));
	assert_int_equal(fake_count(ctx, FL_GAP), 1);
	assert_lost_snapshot(0, 0);
	send_book(-1, 20);
	assert_int_equal(fake_count(ctx, FL_BOOK), 1);
	assert_int_equal(fake_count(ctx, FL_GAP), 2);
	assert_lost_snapshot(1, INT64_C(1700000000020) * FL_MS);
}

/* The venue may have swallowed the snapshot, and sends another before we ask. */
static void changes_before_a_late_snapshot_are_a_gap(void **state)
{
	(void)state;
	start_with_books(1);
	send_book(10, 12);
	send_book(12, 13);
	assert_int_equal(fake_count(ctx, FL_GAP), 0);
	send_book(-1, 20);
	assert_int_equal(fake_count(ctx, FL_BOOK), 1);
	assert_int_equal(fake_count(ctx, FL_GAP), 1);
	assert_lost_snapshot(0, INT64_C(1700000000020) * FL_MS);
	send_book(20, 21);
	assert_int_equal(fake_count(ctx, FL_BOOK), 2);
	assert_int_equal(fake_count(ctx, FL_GAP), 1);
}

static void changes_without_a_snapshot_are_a_gap_when_the_connection_ends(void **state)
{
	(void)state;
	start_with_books(1);
	send_book(10, 12);
	fake_conn(ctx, 1, FL_CONN_BACKOFF, FL_REASON_STALE);
	assert_int_equal(fake_count(ctx, FL_GAP), 1);
	assert_lost_snapshot(0, fl_now_ns(ctx));
}

/* What happens when everything stood still: each book asks anew, on each connection in turn. */
static void books_that_are_renewed_together_are_one_trouble(void **state)
{
	static const char *const books[] = { "book.100ms", NULL };
	enum { COUNT = 40 };
	int told, rounds = 0;

	(void)state;
	options.channels = world_names(books);
	options.max_instruments = 5;
	ctx = world_create(&options);
	world_start(ctx, COUNT, 0);
	assert_int_equal(open_connections(), 8);
	for (int n = 0; n < COUNT; n++)
		send_book_of(n, world_plugin(ctx)->items[n].place + 1, -1, 10);
	fake_clear(ctx);
	told = ctx->health_told;
	for (int n = 0; n < COUNT; n++)
		send_book_of(n, world_plugin(ctx)->items[n].place + 1, 14, 15);
	while (world_acknowledge(ctx, NULL) > 0 ||
		(world_channels_sent(ctx, "public/subscribe") < COUNT && rounds++ < 100)) {
		assert_true(ctx->health_told - told <= 1 || ctx->health == FL_HEALTHY);
		if (ctx->health != FL_HEALTHY)
			assert_string_equal(ctx->health_reason, "subscribing");
		fake_pass(ctx, 100 * FL_MS);
	}
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), COUNT);
	assert_int_equal(world_channels_sent(ctx, "public/subscribe"), COUNT);
	assert_int_equal(ctx->health_told - told, 2); /* its beginning and its end */
	assert_int_equal(ctx->health, FL_HEALTHY);
	/* One alone is nothing to speak of. */
	send_book_of(3, world_plugin(ctx)->items[3].place + 1, -1, 20);
	send_book_of(3, world_plugin(ctx)->items[3].place + 1, 24, 25);
	for (rounds = 0; rounds < 20; rounds++) {
		world_acknowledge(ctx, NULL);
		fake_pass(ctx, 100 * FL_MS);
	}
	assert_int_equal(ctx->health_told - told, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_book_out_of_step_is_renewed_alone),
		TEST(a_broken_book_is_whole_again_on_the_next_connection),
		TEST(the_gap_of_a_broken_book_ends_with_its_feed),
		TEST(a_book_without_its_snapshot_is_renewed),
		TEST(changes_before_a_late_snapshot_are_a_gap),
		TEST(changes_without_a_snapshot_are_a_gap_when_the_connection_ends),
		TEST(books_that_are_renewed_together_are_one_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
