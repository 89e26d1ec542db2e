/* Trades: each once, in the order of trade_seq, whatever was missed. */
#include "unit.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

static struct deribit_options options;
static struct fl_ctx *ctx;

static int setup(void **state)
{
	(void)state;
	options = world_options();
	ctx = world_create(&options);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_destroy(ctx);
	return 0;
}

static void drop_and_return(void)
{
	fake_conn(ctx, 1, FL_CONN_BACKOFF, FL_REASON_RESET);
	fake_pass(ctx, FL_SECOND);
	fake_conn(ctx, 1, FL_CONN_UP, FL_REASON_DONE);
	world_acknowledge(ctx, NULL);
	fake_pass(ctx, 10 * FL_MS);
}

static const struct fl_gap *gap(size_t i)
{
	return fake_record(ctx, FL_GAP, i);
}

static void each_trade_is_published_once(void **state)
{
	const struct fl_trade *trade;

	(void)state;
	world_start(ctx, 2, 2);
	world_trade(ctx, 0, 7);
	world_trade(ctx, 0, 8);
	world_trade(ctx, 0, 8);
	world_trade(ctx, 0, 7);
	world_trade(ctx, 5000, 1);
	assert_string_equal(world_seqs(ctx, 0), "7 8");
	assert_string_equal(world_seqs(ctx, 5000), "1");
	assert_int_equal(ctx->request_count, 0); /* nothing was known before: nothing was missed */
	trade = fake_record(ctx, FL_TRADE, 0);
	assert_true(trade->contracts == 2); /* amount by contract_size */
	assert_true(trade->iv == 0.5);
	assert_true(fake_metric("feedloom_repeated_trades_total") == 2);
}

static void a_late_neighbour_needs_no_request(void **state)
{
	(void)state;
	world_start(ctx, 1, 0);
	world_trade(ctx, 0, 1);
	world_trade(ctx, 0, 3);
	assert_string_equal(world_seqs(ctx, 0), "1");
	world_trade(ctx, 0, 4);
	world_trade(ctx, 0, 2);
	assert_string_equal(world_seqs(ctx, 0), "1 2 3 4");
	fake_pass(ctx, FL_SECOND);
	assert_int_equal(ctx->request_count, 0);
	assert_int_equal(fake_count(ctx, FL_GAP), 0);
}

static void a_hole_is_fetched_by_trade_seq(void **state)
{
	(void)state;
	world_start(ctx, 1, 0);
	world_trade(ctx, 0, 10);
	world_trade(ctx, 0, 14);
	fake_pass(ctx, FL_SECOND);
	assert_non_null(strstr(fake_url(ctx, REQUEST_SEQ),
		"/public/get_last_trades_by_instrument?instrument_name=BTC-26JUN26-1000-C"
		"&start_seq=11&end_seq=13&count=1000&sorting=asc"));
	world_trade(ctx, 0, 15); /* goes on waiting */
	assert_string_equal(world_seqs(ctx, 0), "10");
	world_page(ctx, REQUEST_SEQ, 0, 11, 13, false);
	assert_string_equal(world_seqs(ctx, 0), "10 11r 12r 13r 14 15");
	assert_int_equal(fake_count(ctx, FL_GAP), 1);
	assert_string_equal(gap(0)->cause, "trade_seq");
	assert_string_equal(gap(0)->channel, "trades.option.BTC.100ms");
	assert_int_equal(gap(0)->first_seq, 11);
	assert_int_equal(gap(0)->last_seq, 13);
	assert_int_equal(gap(0)->filled_ns, ctx->now_ns);
	assert_int_equal(world_plugin(ctx)->hold_count, 0);
	assert_int_equal(world_plugin(ctx)->held_trades, 0);
	fake_pass(ctx, FL_MINUTE);
	assert_int_equal(ctx->request_count, 0);
	assert_true(fake_metric("feedloom_refilled_trades_total") == 3);
}

static void a_long_hole_is_fetched_in_pages(void **state)
{
	(void)state;
	world_start(ctx, 1, 0);
	world_trade(ctx, 0, 10);
	world_trade(ctx, 0, 2500);
	fake_pass(ctx, FL_SECOND);
	world_page(ctx, REQUEST_SEQ, 0, 11, 1010, true);
	assert_non_null(strstr(fake_url(ctx, REQUEST_SEQ), "start_seq=1011&end_seq=2499"));
	world_page(ctx, REQUEST_SEQ, 0, 1011, 2010, true);
	world_page(ctx, REQUEST_SEQ, 0, 2011, 2499, false);
	assert_int_equal(fake_count(ctx, FL_TRADE), 2491);
	assert_int_equal(fake_count(ctx, FL_GAP), 1);
	assert_int_equal(gap(0)->last_seq, 2499);
}

static void what_the_venue_does_not_have_is_a_gap(void **state)
{
	(void)state;
	world_start(ctx, 1, 0);
	world_trade(ctx, 0, 10);
	world_trade(ctx, 0, 14);
	for (int i = 0; i < 3; i++) {
		fake_pass(ctx, 2 * FL_SECOND);
		assert_string_equal(world_seqs(ctx, 0), "10");
		assert_true(world_page(ctx, REQUEST_SEQ, 0, 13, 13, false)); /* 11 and 12 are not there */
	}
	assert_string_equal(world_seqs(ctx, 0), "10 13r 14");
	assert_int_equal(fake_count(ctx, FL_GAP), 1);
	assert_int_equal(gap(0)->first_seq, 11);
	assert_int_equal(gap(0)->last_seq, 12);
	assert_int_equal(gap(0)->filled_ns, 0);
	world_trade(ctx, 0, 15);
	assert_string_equal(world_seqs(ctx, 0), "10 13r 14 15");
}

static void a_refusal_is_the_last_word(void **state)
{
	(void)state;
	world_start(ctx, 1, 0);
	world_trade(ctx, 0, 10);
	world_trade(ctx, 0, 12);
	fake_pass(ctx, FL_SECOND);
	fake_answer(ctx, REQUEST_SEQ, 400,
		"{\"error\":{\"code\":-32602,\"message\":\"Invalid params\",\"data\":{\"reason\":"
		"\"instrument is not open\"}}}");
	assert_string_equal(world_seqs(ctx, 0), "10 12");
	assert_non_null(strstr(gap(0)->detail, "Invalid params (-32602)"));
}

static void trades_wait_while_the_venue_cannot_be_asked(void **state)
{
	int asked = 0;

	(void)state;
	world_start(ctx, 1, 0);
	world_trade(ctx, 0, 10);
	world_trade(ctx, 0, 12);
	for (int second = 0; second < 600; second++) {
		asked += fake_answer(ctx, REQUEST_SEQ,
			second % 3 == 0       ? 0
				: second % 3 == 1 ? 502
								  : 429,
			"<html>");
		fake_pass(ctx, FL_SECOND);
	}
	assert_true(asked > 8 && asked < 40); /* ever more rarely, never over a minute */
	assert_true(fake_complains(ctx, "refill"));
	assert_string_equal(world_seqs(ctx, 0), "10");
	fake_pass(ctx, FL_MINUTE);
	world_page(ctx, REQUEST_SEQ, 0, 11, 11, false);
	assert_string_equal(world_seqs(ctx, 0), "10 11r 12");
	assert_false(fake_complains(ctx, "refill"));
}

static void a_reconnect_is_followed_by_a_sweep(void **state)
{
	int64_t newest;

	(void)state;
	world_start(ctx, 3, 0);
	world_trade(ctx, 0, 10);
	newest = world_now_ms(ctx);
	fake_pass(ctx, FL_MINUTE);
	drop_and_return();
	char expected[256];
	snprintf(expected, sizeof(expected),
		"/public/get_last_trades_by_currency_and_time?currency=BTC&kind=option"
		"&start_timestamp=%lld&end_timestamp=",
		(long long)newest - 5000);
	assert_non_null(strstr(fake_url(ctx, REQUEST_SWEEP), expected));
	assert_non_null(strstr(fake_url(ctx, REQUEST_SWEEP), "&count=1000&sorting=asc"));
	/* 11 and 12 were missed, and no trade follows: found all the same. 10 is known. */
	world_page(ctx, REQUEST_SWEEP, 0, 10, 12, false);
	assert_string_equal(world_seqs(ctx, 0), "10 11r 12r");
	assert_int_equal(fake_count(ctx, FL_GAP), 1);
	assert_string_equal(gap(0)->detail, "2 missed trades fetched");
	assert_true(gap(0)->filled_ns > 0);
	world_trade(ctx, 0, 13);
	assert_string_equal(world_seqs(ctx, 0), "10 11r 12r 13");
}

/* ---- channels that say nothing ---- */

static void quote(int n)
{
	char text[512];

	snprintf(text, sizeof(text),
		"{\"method\":\"subscription\",\"params\":{\"channel\":\"quote.%s\",\"data\":{\"timestamp\":"
		"%lld,\"instrument_name\":\"%s\",\"best_bid_price\":0.01,\"best_bid_amount\":1,"
		"\"best_ask_price\":0.02,\"best_ask_amount\":1}}}",
		world_name(n), (long long)world_now_ms(ctx), world_name(n));
	fake_message(ctx, 1, text);
}

/* Only quotes, until the venue is asked for trades; how many seconds that took, -1: longer. */
static int seconds_of_quotes(int most)
{
	for (int second = 0; second < most; second++) {
		if (fake_url(ctx, REQUEST_SWEEP) != NULL)
			return second;
		quote(0);
		world_acknowledge(ctx, NULL);
		fake_pass(ctx, FL_SECOND);
	}
	return -1;
}

static void learn_trades(int64_t *seq)
{
	world_start(ctx, 3, 0);
	for (int i = 0; i < 40; i++) {
		world_trade(ctx, 0, ++*seq);
		quote(0);
		fake_pass(ctx, 2 * FL_SECOND);
	}
	fake_clear(ctx);
}

static void a_quiet_trades_channel_is_asked_about_and_left_alone(void **state)
{
	int64_t seq = 0;
	int first;

	(void)state;
	learn_trades(&seq);
	first = seconds_of_quotes(200);
	assert_in_range(first, 58, 62); /* a minute at least; its longest gap was two seconds */
	world_page(ctx, REQUEST_SWEEP, 0, seq, seq, false); /* the one that is known */
	assert_in_range(seconds_of_quotes(200), 58, 62);    /* and again, a minute later */
	world_page(ctx, REQUEST_SWEEP, 0, 1, 0, false);
	assert_in_range(seconds_of_quotes(20), -1, -1);
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), 0);
	assert_true(fake_metric("feedloom_renewed_channels_total") == 0);
	/* One that comes a moment after it was asked for was on its way. */
	seconds_of_quotes(200);
	world_page(ctx, REQUEST_SWEEP, 0, seq + 1, seq + 1, false);
	fake_pass(ctx, 2 * FL_SECOND);
	world_trade(ctx, 0, seq + 1);
	assert_int_equal(seconds_of_quotes(20), -1);
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), 0);
}

static void a_mute_trades_channel_is_subscribed_anew_then_its_connection_replaced(void **state)
{
	int64_t seq = 0;

	(void)state;
	learn_trades(&seq);
	assert_true(seconds_of_quotes(200) > 0);
	seq += 3; /* they happened, and were not heard of */
	world_page(ctx, REQUEST_SWEEP, 0, seq - 2, seq, false);
	for (int second = 0; second < 10 && world_sent(ctx, "public/unsubscribe", 0) == NULL;
		second++) {
		quote(0);
		fake_pass(ctx, FL_SECOND);
	}
	assert_non_null(
		strstr(world_sent(ctx, "public/unsubscribe", 0), "[\"trades.option.BTC.100ms\"]"));
	assert_true(fake_complains(ctx, "trades.option.BTC.100ms"));
	assert_int_equal(fake_count(ctx, FL_LIFECYCLE), 1);
	assert_true(fake_metric("feedloom_renewed_channels_total") == 1);
	world_acknowledge(ctx, NULL);
	fake_pass(ctx, FL_SECOND);
	assert_int_equal(world_channels_sent(ctx, "public/subscribe"), 1);
	world_acknowledge(ctx, NULL);
	fake_pass(ctx, FL_SECOND);
	world_page(ctx, REQUEST_SWEEP, 0, 1, 0, false); /* as behind each subscription */
	/* Still nothing: its connection is replaced. */
	assert_true(seconds_of_quotes(200) > 0);
	world_page(ctx, REQUEST_SWEEP, 0, seq + 1, seq + 1, false);
	seq++;
	assert_int_equal(seconds_of_quotes(8), -1);
	assert_int_equal(ctx->reconnected[1], FL_REASON_STALE);
	/* It is heard again. */
	world_trade(ctx, 0, seq + 1);
	assert_false(fake_complains(ctx, "trades.option.BTC.100ms"));
	assert_non_null(strstr(world_seqs(ctx, 0), "41r 42r 43r 44r 45"));
}

static void silence_of_the_whole_connection_is_not_its_channels(void **state)
{
	int64_t seq = 0;

	(void)state;
	learn_trades(&seq);
	assert_true(seconds_of_quotes(200) > 0);
	world_page(ctx, REQUEST_SWEEP, 0, seq + 1, seq + 2, false);
	fake_pass(ctx, 30 * FL_SECOND); /* not even a quote */
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), 0);
	world_trade(ctx, 0, seq + 1); /* all of it comes at once */
	quote(0);
	fake_pass(ctx, 10 * FL_SECOND);
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), 0);
	assert_true(fake_metric("feedloom_renewed_channels_total") == 0);
}

/* ---- sweeps ---- */

static void live_trades_wait_for_the_sweep(void **state)
{
	(void)state;
	world_start(ctx, 3, 0);
	world_trade(ctx, 0, 10);
	drop_and_return();
	world_trade(ctx, 0, 13);
	world_trade(ctx, 1, 5); /* its trade_seq is not known: 4 may have been missed */
	fake_pass(ctx, FL_SECOND);
	assert_null(fake_url(ctx, REQUEST_SEQ)); /* the sweep comes first */
	assert_string_equal(world_seqs(ctx, 1), "");
	{
		char text[4096], a[512], b[512], c[512], d[512];

		snprintf(text, sizeof(text), "{\"result\":{\"trades\":[%s,%s,%s,%s],\"has_more\":false}}",
			world_trade_row(a, sizeof(a), 0, 11, world_now_ms(ctx)),
			world_trade_row(b, sizeof(b), 1, 4, world_now_ms(ctx)),
			world_trade_row(c, sizeof(c), 1, 5, world_now_ms(ctx)),
			world_trade_row(d, sizeof(d), 2, 9, world_now_ms(ctx)));
		fake_answer(ctx, REQUEST_SWEEP, 200, text);
	}
	assert_null(fake_url(ctx, REQUEST_SWEEP)); /* no page is asked for twice */
	assert_string_equal(world_seqs(ctx, 0), "10 11r");
	assert_string_equal(world_seqs(ctx, 1), "4r 5");
	fake_pass(ctx, FL_SECOND);
	assert_non_null(strstr(fake_url(ctx, REQUEST_SEQ), "start_seq=12&end_seq=12"));
	world_page(ctx, REQUEST_SEQ, 0, 12, 12, false);
	assert_string_equal(world_seqs(ctx, 0), "10 11r 12r 13");
}

static void a_live_trade_before_the_acknowledgement_waits_too(void **state)
{
	(void)state;
	world_start(ctx, 3, 0);
	world_trade(ctx, 0, 10);
	fake_conn(ctx, 1, FL_CONN_BACKOFF, FL_REASON_RESET);
	fake_conn(ctx, 1, FL_CONN_UP, FL_REASON_DONE);
	world_trade(ctx, 1, 5);
	assert_string_equal(world_seqs(ctx, 1), "");
	world_acknowledge(ctx, NULL);
	fake_pass(ctx, FL_SECOND);
	world_page(ctx, REQUEST_SWEEP, 1, 4, 4, false);
	assert_string_equal(world_seqs(ctx, 1), "4r 5");
}

/* A subscription whose answer is lost streams all the same. */
static void live_trades_before_the_acknowledgement_do_not_shorten_the_sweep(void **state)
{
	char expected[64];
	int64_t dropped_ms;

	(void)state;
	world_start(ctx, 3, 0);
	world_trade(ctx, 0, 10);
	dropped_ms = world_now_ms(ctx);
	fake_conn(ctx, 1, FL_CONN_BACKOFF, FL_REASON_RESET);
	fake_conn(ctx, 1, FL_CONN_UP, FL_REASON_DONE);
	fake_pass(ctx, 8 * FL_SECOND);
	world_trade(ctx, 0, 11); /* the next one: published at once */
	assert_string_equal(world_seqs(ctx, 0), "10 11");
	world_acknowledge(ctx, NULL);
	fake_pass(ctx, FL_SECOND);
	snprintf(expected, sizeof(expected), "start_timestamp=%lld&", (long long)dropped_ms - 5000);
	assert_non_null(strstr(fake_url(ctx, REQUEST_SWEEP), expected));
}

static void a_sweep_goes_page_by_page(void **state)
{
	char *text = fake_alloc(1000 * 400), row[512];
	size_t length = 0;
	int64_t start;

	(void)state;
	world_start(ctx, 1, 0);
	world_trade(ctx, 0, 1);
	start = world_now_ms(ctx);
	fake_pass(ctx, FL_HOUR);
	drop_and_return();
	length = fake_print(text, "{\"result\":{\"trades\":[");
	for (int i = 0; i < 1000; i++)
		length += fake_print(text + length, "%s%s", i ? "," : "",
			world_trade_row(row, sizeof(row), 0, 2 + i, start + 10 * i));
	fake_print(text + length, "],\"has_more\":true}}");
	fake_answer(ctx, REQUEST_SWEEP, 200, text);
	snprintf(row, sizeof(row), "start_timestamp=%lld&", (long long)start + 9990);
	assert_non_null(strstr(fake_url(ctx, REQUEST_SWEEP), row)); /* inclusive: overlaps by one */
	world_page(ctx, REQUEST_SWEEP, 0, 1001, 1003, false);
	assert_null(fake_url(ctx, REQUEST_SWEEP));
	assert_int_equal(fake_count(ctx, FL_TRADE), 1003);
	assert_string_equal(gap(0)->detail, "1002 missed trades fetched");
	free(text);
}

static void an_endless_millisecond_ends(void **state)
{
	char text[1024], row[512];
	int64_t newest;
	int asked = 0;

	(void)state;
	world_start(ctx, 1, 0);
	world_trade(ctx, 0, 1);
	newest = world_now_ms(ctx);
	drop_and_return();
	snprintf(text, sizeof(text), "{\"result\":{\"trades\":[%s],\"has_more\":true}}",
		world_trade_row(row, sizeof(row), 0, 2, newest - 5000));
	while (asked < 20000 &&
		(fake_answer(ctx, REQUEST_SWEEP, 200, text) ||
			world_plugin(ctx)->groups[0].sweep_at_ns != 0)) {
		asked++;
		fake_pass(ctx, 100 * FL_MS);
	}
	assert_true(asked < 20000);
}

static void a_sweep_that_fails_is_tried_again(void **state)
{
	(void)state;
	world_start(ctx, 1, 0);
	world_trade(ctx, 0, 1);
	drop_and_return();
	assert_true(fake_answer(ctx, REQUEST_SWEEP, 0, NULL));
	fake_pass(ctx, 2 * FL_SECOND);
	assert_true(fake_answer(ctx, REQUEST_SWEEP, 200, "{\"result\":{\"trades\":"));
	fake_pass(ctx, 4 * FL_SECOND);
	assert_true(fake_answer(
		ctx, REQUEST_SWEEP, 400, "{\"error\":{\"code\":10028,\"message\":\"too_many_requests\"}}"));
	fake_pass(ctx, 8 * FL_SECOND);
	assert_true(world_page(ctx, REQUEST_SWEEP, 0, 2, 3, false));
	assert_string_equal(world_seqs(ctx, 0), "1 2r 3r");
}

static void a_second_drop_does_not_shorten_the_sweep(void **state)
{
	char first[256];

	(void)state;
	world_start(ctx, 2, 0);
	world_trade(ctx, 0, 1);
	fake_pass(ctx, FL_MINUTE);
	drop_and_return();
	snprintf(first, sizeof(first), "%s", fake_url(ctx, REQUEST_SWEEP));
	*strstr(first, "&end_timestamp") = '\0';
	fake_answer(ctx, REQUEST_SWEEP, 0, NULL);
	fake_pass(ctx, FL_MINUTE);
	fake_answer(ctx, REQUEST_SWEEP, 0, NULL);
	world_trade(ctx, 0, 2); /* newer, but of another instrument trades may still be missing */
	assert_string_equal(world_seqs(ctx, 0), "1 2");
	drop_and_return();
	assert_non_null(strstr(fake_url(ctx, REQUEST_SWEEP), first));
}

static void a_drop_during_a_sweep_asks_for_both_absences(void **state)
{
	char expected[64];

	(void)state;
	world_start(ctx, 2, 0);
	world_trade(ctx, 0, 1);
	drop_and_return();
	assert_non_null(fake_url(ctx, REQUEST_SWEEP)); /* never answered */
	fake_pass(ctx, FL_MINUTE);
	drop_and_return();
	snprintf(expected, sizeof(expected), "end_timestamp=%lld&", (long long)world_now_ms(ctx) + 990);
	assert_non_null(strstr(fake_url(ctx, REQUEST_SWEEP), expected));
	world_page(ctx, REQUEST_SWEEP, 0, 2, 3, false);
	assert_string_equal(world_seqs(ctx, 0), "1 2r 3r");
}

static void a_start_fetches_what_was_missed_while_away(void **state)
{
	uint32_t id = fl_instrument_id(ctx, world_name(0), strlen(world_name(0)));

	(void)state;
	ctx->last[id] =
		(struct fl_last_trade){ .trade_seq = 20, .event_time_ns = ctx->now_ns - FL_HOUR };
	world_start(ctx, 2, 0);
	char expected[128];
	snprintf(expected, sizeof(expected), "start_timestamp=%lld&",
		(long long)((INT64_C(1700000000) * FL_SECOND - FL_HOUR) / FL_MS - 15 * 60000));
	assert_non_null(strstr(fake_url(ctx, REQUEST_SWEEP), expected));
	assert_null(fake_url(ctx, REQUEST_SWEEP + 3)); /* of ETH nothing is known */
	{
		char text[2048], a[512], b[512], c[512];

		snprintf(text, sizeof(text), "{\"result\":{\"trades\":[%s,%s,%s],\"has_more\":false}}",
			world_trade_row(a, sizeof(a), 1, 8, world_now_ms(ctx) - 3700000), /* before our time */
			world_trade_row(b, sizeof(b), 0, 21, world_now_ms(ctx) - 60000),
			world_trade_row(c, sizeof(c), 1, 9, world_now_ms(ctx) - 50000));
		fake_answer(ctx, REQUEST_SWEEP, 200, text);
	}
	assert_string_equal(world_seqs(ctx, 0), "21r");
	assert_string_equal(world_seqs(ctx, 1), "9r");
}

/* The process died again while it fetched, but behind the hole trades had come live. */
static void a_start_fills_what_the_one_before_did_not(void **state)
{
	uint32_t live = fl_instrument_id(ctx, world_name(0), strlen(world_name(0)));
	uint32_t other = fl_instrument_id(ctx, world_name(1), strlen(world_name(1)));
	char text[1024], row[512];

	(void)state;
	ctx->last[live] =
		(struct fl_last_trade){ .trade_seq = 20, .event_time_ns = ctx->now_ns - FL_SECOND };
	ctx->last[other] =
		(struct fl_last_trade){ .trade_seq = 4, .event_time_ns = ctx->now_ns - FL_HOUR };
	world_start(ctx, 3, 0);
	snprintf(text, sizeof(text), "{\"result\":{\"trades\":[%s],\"has_more\":false}}",
		world_trade_row(row, sizeof(row), 2, 1, world_now_ms(ctx) - 30000)); /* its first ever */
	fake_answer(ctx, REQUEST_SWEEP, 200, text);
	assert_string_equal(world_seqs(ctx, 2), "1r");
}

static void beyond_the_horizon_is_a_gap(void **state)
{
	uint32_t id = fl_instrument_id(ctx, world_name(0), strlen(world_name(0)));
	int64_t away = ctx->now_ns - 3 * FL_DAY;

	(void)state;
	ctx->last[id] = (struct fl_last_trade){ .trade_seq = 20, .event_time_ns = away };
	world_start(ctx, 2, 0);
	assert_int_equal(fake_count(ctx, FL_GAP), 1);
	assert_int_equal(gap(0)->started_ns, away);
	assert_true(gap(0)->ended_ns > away + FL_DAY);
	assert_int_equal(gap(0)->filled_ns, 0);
	assert_non_null(fake_url(ctx, REQUEST_SWEEP)); /* the last 24 h can be had */
}

static void a_venue_that_counts_anew_is_believed(void **state)
{
	(void)state;
	world_start(ctx, 1, 0);
	world_trade(ctx, 0, 500);
	fake_pass(ctx, FL_MINUTE);
	world_trade(ctx, 0, 1);
	world_trade(ctx, 0, 2);
	assert_string_equal(world_seqs(ctx, 0), "500 1 2");
}

static void what_does_not_fit_in_memory_is_fetched_again(void **state)
{
	(void)state;
	world_start(ctx, 1, 0);
	world_trade(ctx, 0, 1);
	for (int64_t seq = 3; seq < 3000; seq++)
		world_trade(ctx, 0, seq);
	assert_int_equal(world_plugin(ctx)->held_trades, 2048);
	fake_pass(ctx, FL_SECOND);
	world_page(ctx, REQUEST_SEQ, 0, 2, 2, false);
	assert_int_equal(fake_count(ctx, FL_TRADE), 2050);
	assert_non_null(strstr(fake_url(ctx, REQUEST_SEQ), "start_seq=2051&end_seq=2999"));
	world_trade(ctx, 0, 3000);
	world_page(ctx, REQUEST_SEQ, 0, 2051, 2999, false);
	assert_int_equal(fake_count(ctx, FL_TRADE), 3000);
	for (int64_t seq = 1; seq <= 3000; seq++)
		assert_int_equal(
			((const struct fl_trade *)fake_record(ctx, FL_TRADE, (size_t)seq - 1))->trade_seq, seq);
	assert_int_equal(world_plugin(ctx)->held_trades, 0);
}

static void a_reload_in_the_middle_loses_nothing_and_asks_nothing_again(void **state)
{
	size_t asked;

	(void)state;
	world_start(ctx, 2, 0);
	world_trade(ctx, 0, 1);
	world_trade(ctx, 0, 4);
	fake_pass(ctx, FL_SECOND);
	assert_non_null(strstr(fake_url(ctx, REQUEST_SEQ), "start_seq=2&end_seq=3"));
	asked = ctx->request_count;
	fake_reload(ctx, &options);
	fake_pass(ctx, FL_SECOND);
	assert_int_equal(ctx->request_count, asked);
	world_trade(ctx, 0, 5);
	world_page(ctx, REQUEST_SEQ, 0, 2, 3, false); /* asked by the old code, understood by the new */
	assert_string_equal(world_seqs(ctx, 0), "1 2r 3r 4 5"); /* 4 was held, and handed over */
	drop_and_return();
	assert_non_null(fake_url(ctx, REQUEST_SWEEP));
	asked = ctx->request_count;
	fake_reload(ctx, &options);
	fake_pass(ctx, FL_SECOND);
	assert_int_equal(ctx->request_count, asked);
	assert_true(world_page(ctx, REQUEST_SWEEP, 0, 4, 7, false));
	assert_string_equal(world_seqs(ctx, 0), "1 2r 3r 4 5 6r 7r");
}

static void requests_for_trades_keep_to_the_budget(void **state)
{
	int asked = 0;

	(void)state;
	world_start(ctx, 700, 0);
	for (int n = 0; n < 700; n++) {
		world_trade(ctx, n, 1);
		world_trade(ctx, n, 3);
	}
	for (int tenth = 0; tenth < 100; tenth++) {
		for (int slot = 0; slot < SEQ_SLOTS; slot++)
			while (fake_answer(ctx, REQUEST_SEQ + slot, 200,
				"{\"error\":{\"code\":13020,\"message\":\"not_found\"}}"))
				asked++;
		assert_true(asked <= 75 + 2 * tenth);
		fake_pass(ctx, 100 * FL_MS);
	}
	assert_true(asked > 150);
}

/* Any mixture of losses, repetitions and order ends in every trade once, in order. */
static void any_weather_ends_in_every_trade_once(void **state)
{
	uint32_t seed = 12345;

	(void)state;
	world_start(ctx, 1, 0);
	world_trade(ctx, 0, 1);
	for (int64_t seq = 2; seq <= 400; seq++) {
		seed = seed * 1664525 + 1013904223;
		switch ((seed >> 24) % 6) {
		case 0: /* lost */ break;
		case 1: /* late: after its neighbour */
			world_trade(ctx, 0, seq + 1);
			world_trade(ctx, 0, seq);
			break;
		case 2: /* twice */
			world_trade(ctx, 0, seq);
			world_trade(ctx, 0, seq);
			break;
		default: world_trade(ctx, 0, seq); break;
		}
		fake_pass(ctx, 50 * FL_MS);
		for (int slot = 0; slot < SEQ_SLOTS; slot++) {
			const char *url = fake_url(ctx, REQUEST_SEQ + slot);
			long long first, last;

			if (url == NULL)
				continue;
			sscanf(strstr(url, "start_seq="), "start_seq=%lld&end_seq=%lld", &first, &last);
			world_page(ctx, REQUEST_SEQ + slot, 0, first, last, false);
		}
	}
	world_trade(ctx, 0, 402);
	fake_pass(ctx, FL_SECOND);
	world_page(ctx, REQUEST_SEQ, 0, world_plugin(ctx)->items[0].last_seq + 1, 401, false);
	assert_int_equal(fake_count(ctx, FL_TRADE), 402);
	for (int64_t seq = 1; seq <= 402; seq++)
		assert_int_equal(
			((const struct fl_trade *)fake_record(ctx, FL_TRADE, (size_t)seq - 1))->trade_seq, seq);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_trade_is_published_once),
		TEST(a_late_neighbour_needs_no_request),
		TEST(a_hole_is_fetched_by_trade_seq),
		TEST(a_long_hole_is_fetched_in_pages),
		TEST(what_the_venue_does_not_have_is_a_gap),
		TEST(a_refusal_is_the_last_word),
		TEST(trades_wait_while_the_venue_cannot_be_asked),
		TEST(a_reconnect_is_followed_by_a_sweep),
		TEST(a_quiet_trades_channel_is_asked_about_and_left_alone),
		TEST(a_mute_trades_channel_is_subscribed_anew_then_its_connection_replaced),
		TEST(silence_of_the_whole_connection_is_not_its_channels),
		TEST(live_trades_wait_for_the_sweep),
		TEST(a_live_trade_before_the_acknowledgement_waits_too),
		TEST(live_trades_before_the_acknowledgement_do_not_shorten_the_sweep),
		TEST(a_sweep_goes_page_by_page),
		TEST(an_endless_millisecond_ends),
		TEST(a_sweep_that_fails_is_tried_again),
		TEST(a_second_drop_does_not_shorten_the_sweep),
		TEST(a_drop_during_a_sweep_asks_for_both_absences),
		TEST(a_start_fetches_what_was_missed_while_away),
		TEST(a_start_fills_what_the_one_before_did_not),
		TEST(beyond_the_horizon_is_a_gap),
		TEST(a_venue_that_counts_anew_is_believed),
		TEST(what_does_not_fit_in_memory_is_fetched_again),
		TEST(a_reload_in_the_middle_loses_nothing_and_asks_nothing_again),
		TEST(requests_for_trades_keep_to_the_budget),
		TEST(any_weather_ends_in_every_trade_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
