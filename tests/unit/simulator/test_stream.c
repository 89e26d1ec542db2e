/* test_stream.c: what is streamed, at which rate, and that the ledger knows it. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_core.h"

/* Subscribes a client to `template` ("quote.%s") of `count` instruments from `first` on. */
static void subscribe(struct simulator *sim, int conn, const char *before, const char *after,
	uint32_t first, uint32_t count)
{
	char *text = calloc(1, 40000);
	size_t length = (size_t)snprintf(
		text, 40000, "{\"id\":1,\"method\":\"public/subscribe\",\"params\":{\"channels\":[");

	for (uint32_t i = first; i < first + count; i++)
		length += (size_t)snprintf(text + length, 40000 - length, "%s\"%s%s%s\"",
			i > first ? "," : "", before, sim->market.universe.instruments[i].name, after);
	snprintf(text + length, 40000 - length, "]}}");
	fake_say(sim, conn, text);
	free(text);
}

static void with_ledger(struct options *options)
{
	options->ledger = "ledger.db";
	options->message_rate = 2000;
}

/* Two clients; the first has everything of 200 instruments, the second some and the trades. */
static struct simulator *busy(struct fl_ctx *ctx, void (*change)(struct options *options))
{
	struct simulator *sim = fake_start(ctx, change);

	assert_int_equal(fake_accept(sim, FAKE_CONN, "127.0.0.1:5000"), 0);
	assert_int_equal(fake_accept(sim, FAKE_CONN + 1, "127.0.0.1:5001"), 0);
	subscribe(sim, FAKE_CONN, "quote.", "", 0, 160);
	subscribe(sim, FAKE_CONN, "ticker.", ".100ms", 0, 160);
	subscribe(sim, FAKE_CONN, "book.", ".100ms", 0, 160);
	subscribe(sim, FAKE_CONN + 1, "quote.", "", 100, 50);
	fake_say(sim, FAKE_CONN + 1,
		"{\"id\":2,\"method\":\"public/subscribe\",\"params\":{\"channels\":"
		"[\"trades.option.BTC.100ms\",\"trades.any.any.100ms\",\"deribit_price_index.eth_usd\"]}}");
	fake_forget_sent(ctx);
	return sim;
}

static const char *kind_of(yyjson_doc *doc)
{
	const char *channel = yyjson_get_str(at(doc, "/params/channel"));

	return channel != NULL ? channel : "";
}

static void is_number(yyjson_doc *doc, const char *pointer)
{
	if (!yyjson_is_num(at(doc, pointer)))
		fail_msg("%s is no number", pointer);
}

static void check_ticker(yyjson_doc *doc, bool is_option)
{
	static const char *const always[] = { "open_interest", "best_bid_price", "best_ask_price",
		"best_bid_amount", "best_ask_amount", "index_price", "mark_price", "min_price", "max_price",
		"estimated_delivery_price", "timestamp" };
	static const char *const options[] = { "mark_iv", "bid_iv", "ask_iv", "underlying_price",
		"interest_rate", "greeks/delta", "greeks/gamma", "greeks/vega", "greeks/theta",
		"greeks/rho" };
	char pointer[64];

	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++) {
		snprintf(pointer, sizeof(pointer), "/params/data/%s", always[i]);
		is_number(doc, pointer);
	}
	for (size_t i = 0; is_option && i < sizeof(options) / sizeof(*options); i++) {
		snprintf(pointer, sizeof(pointer), "/params/data/%s", options[i]);
		is_number(doc, pointer);
	}
	assert_string_equal(yyjson_get_str(at(doc, "/params/data/state")), "open");
	assert_non_null(at(doc, "/params/data/last_price"));
	assert_non_null(at(doc, "/params/data/stats/volume"));
	if (is_option)
		assert_true(yyjson_is_str(at(doc, "/params/data/underlying_index")));
}

static void check_trades(yyjson_doc *doc)
{
	yyjson_val *trade;
	size_t index, count;
	int64_t seq = 0;

	assert_in_range(yyjson_arr_size(at(doc, "/params/data")), 1, 3);
	yyjson_arr_foreach(at(doc, "/params/data"), index, count, trade)
	{
		int64_t this = yyjson_get_sint(yyjson_obj_get(trade, "trade_seq"));

		assert_true(index == 0 || this == seq + 1);
		seq = this;
		assert_true(yyjson_is_str(yyjson_obj_get(trade, "trade_id")));
		assert_true(yyjson_is_num(yyjson_obj_get(trade, "price")));
		assert_true(yyjson_is_num(yyjson_obj_get(trade, "amount")));
		assert_true(yyjson_is_num(yyjson_obj_get(trade, "index_price")));
	}
}

static void every_message_is_json_with_the_fields_of_its_channel(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = busy(&ctx, NULL);
	int quotes = 0, tickers = 0, books = 0, trades = 0, indexes = 0;
	size_t ticker_bytes = 0;

	(void)state;
	fake_pass(&ctx, sim, 10 * FL_SECOND);
	for (size_t i = 0; i < ctx.sent_count; i++) {
		yyjson_doc *doc = yyjson_read(ctx.sent[i].text, ctx.sent[i].length, 0);
		const char *channel;

		assert_non_null(doc);
		channel = kind_of(doc);
		if (strncmp(channel, "quote.", 6) == 0) {
			quotes++;
			is_number(doc, "/params/data/best_bid_price");
			is_number(doc, "/params/data/best_ask_amount");
			assert_string_equal(
				yyjson_get_str(at(doc, "/params/data/instrument_name")), channel + 6);
		} else if (strncmp(channel, "ticker.", 7) == 0) {
			tickers++;
			ticker_bytes += ctx.sent[i].length;
			check_ticker(
				doc, channel[strlen(channel) - 7] == 'C' || channel[strlen(channel) - 7] == 'P');
		} else if (strncmp(channel, "book.", 5) == 0) {
			books++;
			is_number(doc, "/params/data/prev_change_id");
			assert_true(yyjson_arr_size(at(doc, "/params/data/bids")) +
					yyjson_arr_size(at(doc, "/params/data/asks")) >
				0);
		} else if (strncmp(channel, "trades.", 7) == 0) {
			trades++;
			check_trades(doc);
		} else {
			assert_string_equal(channel, "deribit_price_index.eth_usd");
			indexes++;
		}
		yyjson_doc_free(doc);
	}
	assert_true(quotes > 1000 && tickers > 1000 && books > 1000 && trades > 100);
	assert_in_range(indexes, 9, 11);
	assert_in_range(ticker_bytes / (size_t)tickers, 650, 1000);
	fake_stop(&ctx, sim);
}

static void the_rate_is_kept(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = busy(&ctx, NULL);

	(void)state;
	fake_pass(&ctx, sim, 10 * FL_SECOND);
	assert_in_range(ctx.sent_count, 9000, 10300);
	fake_forget_sent(&ctx);
	yyjson_doc_free(
		fake_http(&ctx, sim, "POST", "/sim/rate", "", "{\"messages_per_second\":5000}"));
	fake_pass(&ctx, sim, 2 * FL_SECOND);
	assert_in_range(ctx.sent_count, 9000, 10300);
	fake_forget_sent(&ctx);
	yyjson_doc_free(fake_http(&ctx, sim, "POST", "/sim/rate", "", "{\"messages_per_second\":0}"));
	fake_pass(&ctx, sim, 10 * FL_SECOND);
	assert_in_range(ctx.sent_count, 0, 12); /* the index goes on */
	fake_stop(&ctx, sim);
}

static void the_same_seed_streams_the_same(void **state)
{
	struct fl_ctx a, b;
	struct simulator *first = busy(&a, NULL), *second = busy(&b, NULL);

	(void)state;
	fake_pass(&a, first, 2 * FL_SECOND);
	fake_pass(&b, second, 2 * FL_SECOND);
	assert_int_equal(a.sent_count, b.sent_count);
	for (size_t i = 0; i < a.sent_count; i++)
		assert_string_equal(a.sent[i].text, b.sent[i].text);
	fake_stop(&a, first);
	fake_stop(&b, second);
}

static void an_instruments_time_never_goes_back(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = busy(&ctx, NULL);
	int64_t last = 0;
	char channel[64] = "", pointer[] = "/params/data/timestamp";

	(void)state;
	fake_pass(&ctx, sim, 5 * FL_SECOND);
	for (size_t i = 0; i < ctx.sent_count; i++) {
		yyjson_doc *doc = yyjson_read(ctx.sent[i].text, ctx.sent[i].length, 0);

		if (strncmp(kind_of(doc), "quote.", 6) == 0 && ctx.sent[i].conn == FAKE_CONN) {
			if (channel[0] == '\0')
				snprintf(channel, sizeof(channel), "%s", kind_of(doc));
			if (strcmp(channel, kind_of(doc)) == 0) {
				assert_true(yyjson_get_sint(at(doc, pointer)) > last);
				last = yyjson_get_sint(at(doc, pointer));
			}
		}
		yyjson_doc_free(doc);
	}
	assert_true(last > 0);
	fake_stop(&ctx, sim);
}

static int count_sent(const struct fl_ctx *ctx, const char *words)
{
	int count = 0;

	for (size_t i = 0; i < ctx->sent_count; i++)
		count += strstr(ctx->sent[i].text, words) != NULL;
	return count;
}

static void the_ledger_has_a_row_for_each_message(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = busy(&ctx, with_ledger);
	uint64_t before = fake_rows(&ctx, "sent");
	yyjson_doc *doc;

	(void)state;
	assert_int_equal(sim->ledger.seq, 41 + (int64_t)before); /* goes on behind the run before */
	assert_int_equal(before, 320);                           /* tickers and books, at once */
	fake_pass(&ctx, sim, 5 * FL_SECOND);
	doc = fake_http(&ctx, sim, "POST", "/sim/quiesce", "", "");
	if (doc == NULL) { /* it waits for the jobs */
		fake_answer_jobs(&ctx, sim);
		doc = yyjson_read(ctx.body, strlen(ctx.body), 0);
	}
	assert_int_equal(ctx.status, 200);
	assert_int_equal(yyjson_get_sint(at(doc, "/seq")), sim->ledger.seq);
	assert_int_equal(yyjson_get_sint(at(doc, "/lost_rows")), 0);
	yyjson_doc_free(doc);
	assert_int_equal(fake_rows(&ctx, "sent") - before, ctx.sent_count);
	assert_int_equal(fake_rows(&ctx, "sent_quotes"), count_sent(&ctx, "\"channel\":\"quote."));
	assert_int_equal(
		fake_rows(&ctx, "sent_tickers"), 160 + count_sent(&ctx, "\"channel\":\"ticker."));
	assert_int_equal(fake_rows(&ctx, "sent_index_prices"), count_sent(&ctx, "price_index"));
	assert_int_equal(fake_rows(&ctx, "market_trades"), sim->market.trade_count);
	assert_int_equal(fake_rows(&ctx, "connections"), 2);
	assert_true(fake_rows(&ctx, "sent_trades") > 0 && fake_rows(&ctx, "sent_books") > 0);
	assert_int_equal(ledger_lag(&sim->ledger), 0);
	fake_stop(&ctx, sim);
	assert_false(ctx.database_is_open);
	assert_int_equal(fake_rows(&ctx, "connections"), 4); /* their ends */
}

static void the_ledger_says_what_was_printed(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = fake_start(&ctx, with_ledger);
	char expected[256], rest[32];
	long long event;
	yyjson_doc *doc;

	(void)state;
	assert_int_equal(fake_accept(sim, FAKE_CONN, "127.0.0.1:5000"), 0);
	subscribe(sim, FAKE_CONN, "ticker.", ".100ms", 100, 1);
	doc = yyjson_read(ctx.sent[1].text, ctx.sent[1].length, 0);
	event = (long long)yyjson_get_sint(at(doc, "/params/data/timestamp")) * 1000;
	snprintf(rest, sizeof(rest), "NULL");
	if (yyjson_get_num(at(doc, "/params/data/best_bid_amount")) > 0)
		snprintf(rest, sizeof(rest), "%.17g", yyjson_get_num(at(doc, "/params/data/bid_iv")) / 100);
	snprintf(expected, sizeof(expected), "42|%s|%lld|open|%.17g|%.17g|%s|",
		sim->market.universe.instruments[100].name, event,
		yyjson_get_num(at(doc, "/params/data/mark_price")),
		yyjson_get_num(at(doc, "/params/data/mark_iv")) / 100, rest);
	assert_memory_equal(fake_last_row(&ctx, "sent_tickers"), expected, strlen(expected));
	snprintf(expected, sizeof(expected), "|1|%zu", ctx.sent[1].length); /* items, bytes */
	assert_non_null(strstr(fake_last_row(&ctx, "sent"), expected));
	yyjson_doc_free(doc);
	fake_stop(&ctx, sim);
}

static void nothing_new_is_made_while_the_ledger_is_behind(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = busy(&ctx, with_ledger);
	uint64_t count;

	(void)state;
	ctx.is_database_held = true;
	fake_pass(&ctx, sim, 30 * FL_SECOND);
	count = ctx.sent_count;
	assert_true(ledger_is_full(&sim->ledger));
	assert_in_range(ledger_lag(&sim->ledger), 1, 45000);
	fake_pass(&ctx, sim, FL_SECOND);
	assert_int_equal(ctx.sent_count, count);
	assert_true(sim->stream.skipped_ticks > 100);
	ctx.is_database_held = false;
	fake_answer_jobs(&ctx, sim);
	fake_pass(&ctx, sim, FL_SECOND);
	assert_true(ctx.sent_count > count);
	fake_stop(&ctx, sim);
}

static void who_does_not_read_is_dropped(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = busy(&ctx, NULL);

	(void)state;
	ctx.queued = (8 << 20) + 1;
	fake_pass(&ctx, sim, 10 * FL_MS);
	assert_int_not_equal(ctx.aborted, 0);
	assert_int_equal(sim->stream.slow_count, 2);
	ctx.queued = 0;
	assert_int_equal(fake_accept(sim, FAKE_CONN + 2, "127.0.0.1:5002"), 0);
	subscribe(sim, FAKE_CONN + 2, "quote.", "", 0, 50);
	ctx.send_error = -EAGAIN;
	fake_pass(&ctx, sim, FL_SECOND);
	assert_int_equal(ctx.aborted, FAKE_CONN + 2);
	assert_int_equal(sim->stream.slow_count, 3);
	ctx.send_error = 0;
	fake_stop(&ctx, sim);
}

static void trades_happen_though_nobody_listens(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = fake_start(&ctx, NULL);

	(void)state;
	fake_pass(&ctx, sim, 10 * FL_SECOND);
	assert_true(sim->market.trade_count > 250);
	assert_int_equal(ctx.sent_count, 0);
	fake_stop(&ctx, sim);
}

static void a_capture_is_sent_as_it_is(void **state)
{
	static const char lines[] =
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":[]}\n"
		"{\"method\":\"subscription\",\"params\":{\"channel\":\"ticker.SOL-1JAN21-9-C.100ms\","
		"\"data\":{\"a\":1.50}}}\n"
		"{\"method\":\"subscription\",\"params\":{\"channel\":\"ticker.SOL-1JAN21-9-P.100ms\","
		"\"data\":{}}}\n";
	struct fl_ctx ctx;
	struct simulator *sim = fake_start(&ctx, NULL);
	yyjson_doc *doc;

	(void)state;
	assert_int_equal(fake_accept(sim, FAKE_CONN, "127.0.0.1:5000"), 0);
	doc = fake_http(&ctx, sim, "POST", "/sim/instruments", "",
		"{\"result\":[{\"instrument_name\":\"SOL-1JAN21-9-C\",\"kind\":\"option\","
		"\"base_currency\":\"SOL\",\"strike\":9.0},{\"instrument_name\":\"SOL-FUT\",\"kind\":"
		"\"future\",\"base_currency\":\"SOL\"}]}");
	assert_int_equal(yyjson_get_sint(at(doc, "/instruments")), 2);
	yyjson_doc_free(doc);
	doc = fake_http(
		&ctx, sim, "GET", "/api/v2/public/get_instruments", "currency=SOL&kind=option", "");
	assert_int_equal(yyjson_arr_size(at(doc, "/result")), 1);
	assert_string_equal(yyjson_get_str(at(doc, "/result/0/instrument_name")), "SOL-1JAN21-9-C");
	yyjson_doc_free(doc);
	doc = fake_ask(&ctx, sim, FAKE_CONN,
		"{\"id\":1,\"method\":\"public/subscribe\",\"params\":{\"channels\":"
		"[\"ticker.SOL-1JAN21-9-C.100ms\",\"ticker.SOL-1JAN21-9-P.100ms\"]}}");
	assert_int_equal(yyjson_arr_size(at(doc, "/result")), 1);
	yyjson_doc_free(doc);
	fake_forget_sent(&ctx);
	doc = fake_http(&ctx, sim, "POST", "/sim/replay", "speed=max", lines);
	assert_int_equal(yyjson_get_sint(at(doc, "/lines")), 2);
	yyjson_doc_free(doc);
	fake_pass(&ctx, sim, FL_SECOND);
	assert_int_equal(ctx.sent_count, 1);
	assert_string_equal(ctx.sent[0].text,
		"{\"method\":\"subscription\",\"params\":{\"channel\":\"ticker.SOL-1JAN21-9-C.100ms\","
		"\"data\":{\"a\":1.50}}}");
	assert_int_equal(sim->replay.unsubscribed_count, 1);
	assert_int_equal(sim->replay.ignored_count, 1);
	/* To all, whoever subscribes to what, two a second. */
	fake_forget_sent(&ctx);
	yyjson_doc_free(fake_http(&ctx, sim, "POST", "/sim/replay", "speed=2&to=all", ""));
	fake_pass(&ctx, sim, 400 * FL_MS);
	assert_int_equal(ctx.sent_count, 1);
	fake_pass(&ctx, sim, 400 * FL_MS);
	assert_int_equal(ctx.sent_count, 2);
	fake_stop(&ctx, sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_is_json_with_the_fields_of_its_channel),
		cmocka_unit_test(the_rate_is_kept),
		cmocka_unit_test(the_same_seed_streams_the_same),
		cmocka_unit_test(an_instruments_time_never_goes_back),
		cmocka_unit_test(the_ledger_has_a_row_for_each_message),
		cmocka_unit_test(the_ledger_says_what_was_printed),
		cmocka_unit_test(nothing_new_is_made_while_the_ledger_is_behind),
		cmocka_unit_test(who_does_not_read_is_dropped),
		cmocka_unit_test(trades_happen_though_nobody_listens),
		cmocka_unit_test(a_capture_is_sent_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
