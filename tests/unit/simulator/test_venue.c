/* test_venue.c: the public methods, over HTTP: shapes, errors, paging. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_core.h"

static yyjson_doc *get(
	struct fl_ctx *ctx, struct simulator *sim, const char *method, const char *query)
{
	char path[128];

	snprintf(path, sizeof(path), "/api/v2/public/%s", method);
	return fake_http(ctx, sim, "GET", path, query, "");
}

static void instruments_are_listed_with_every_field(void **state)
{
	static const char *const fields[] = { "instrument_name", "instrument_id", "kind", "state",
		"base_currency", "quote_currency", "counter_currency", "settlement_currency", "price_index",
		"settlement_period", "creation_timestamp", "expiration_timestamp", "strike", "option_type",
		"tick_size", "tick_size_steps", "min_trade_amount", "contract_size", "maker_commission",
		"taker_commission", "is_active", "instrument_type" };
	struct fl_ctx ctx;
	struct simulator *sim = fake_start(&ctx, NULL);
	yyjson_doc *doc = get(&ctx, sim, "get_instruments", "currency=BTC&kind=option");
	yyjson_val *entry;
	size_t index, count;

	(void)state;
	assert_int_equal(ctx.status, 200);
	assert_int_equal(yyjson_arr_size(at(doc, "/result")), 728);
	yyjson_arr_foreach(at(doc, "/result"), index, count, entry)
	{
		const char *name = yyjson_get_str(yyjson_obj_get(entry, "instrument_name"));
		struct fl_symbol symbol;

		for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
			assert_non_null(yyjson_obj_get(entry, fields[i]));
		assert_int_equal(fl_symbol_deribit(name, strlen(name), &symbol), 0);
		assert_int_equal(yyjson_get_sint(yyjson_obj_get(entry, "expiration_timestamp")),
			symbol.expiry_ns / FL_MS);
		assert_true(yyjson_get_num(yyjson_obj_get(entry, "strike")) == symbol.strike);
		assert_string_equal(yyjson_get_str(yyjson_obj_get(entry, "quote_currency")), "BTC");
	}
	yyjson_doc_free(doc);
	doc = get(&ctx, sim, "get_instruments", "currency=any");
	assert_int_equal(yyjson_arr_size(at(doc, "/result")), 728 + 820 + 16);
	yyjson_doc_free(doc);
	doc = get(&ctx, sim, "get_instruments", "currency=ETH&kind=future");
	assert_int_equal(yyjson_arr_size(at(doc, "/result")), 8);
	yyjson_doc_free(doc);
	doc = get(&ctx, sim, "get_instruments", "currency=USDC&kind=option");
	assert_int_equal(yyjson_arr_size(at(doc, "/result")), 0);
	yyjson_doc_free(doc);
	doc = get(&ctx, sim, "get_instruments", "currency=BTC&kind=option&expired=true");
	assert_int_equal(yyjson_arr_size(at(doc, "/result")), 0);
	yyjson_doc_free(doc);
	fake_stop(&ctx, sim);
}

static void what_has_expired_is_not_listed_any_more(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = fake_start(&ctx, NULL);
	yyjson_doc *doc;
	size_t before = 728, after, expired;

	(void)state;
	yyjson_doc_free(fake_http(&ctx, sim, "POST", "/sim/rate", "", "{\"messages_per_second\":1}"));
	fake_pass(&ctx, sim, 5 * FL_HOUR); /* past 08:00 */
	doc = get(&ctx, sim, "get_instruments", "currency=BTC&kind=option");
	after = yyjson_arr_size(at(doc, "/result"));
	yyjson_doc_free(doc);
	doc = get(&ctx, sim, "get_instruments", "currency=BTC&kind=option&expired=true");
	expired = yyjson_arr_size(at(doc, "/result"));
	yyjson_doc_free(doc);
	assert_true(expired > 0);
	assert_int_equal(after + expired, before);
	fake_stop(&ctx, sim);
}

static void errors_are_400_with_a_reason(void **state)
{
	static const struct {
		const char *method, *query, *param, *reason;
		int code;
	} cases[] = {
		{ "get_instruments", "currency=XXX", "currency", "invalid currency", -32602 },
		{ "get_instruments", "currency=BTC&kind=banana", "kind", "invalid kind", -32602 },
		{ "ticker", "instrument_name=BTC-1JAN20-1-C", "instrument_name", "instrument not found",
			-32602 },
		{ "ticker", "", "instrument_name", "value is required", -32602 },
		{ "get_last_trades_by_instrument", "instrument_name=BTC-PERPETUAL&count=1001", "count",
			"must be between 1 and 1000", -32602 },
		{ "get_last_trades_by_currency_and_time", "currency=BTC", "start_timestamp",
			"value is required", -32602 },
		{ "nonsense", "", NULL, NULL, -32601 },
		{ "subscribe", "", NULL, NULL, 10030 },
		{ "hello", "", NULL, NULL, 10030 },
	};
	struct fl_ctx ctx;
	struct simulator *sim = fake_start(&ctx, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		yyjson_doc *doc = get(&ctx, sim, cases[i].method, cases[i].query);

		assert_int_equal(ctx.status, 400);
		assert_int_equal(yyjson_get_sint(at(doc, "/error/code")), cases[i].code);
		assert_true(yyjson_is_str(at(doc, "/error/message")));
		if (cases[i].reason != NULL) {
			assert_string_equal(yyjson_get_str(at(doc, "/error/data/reason")), cases[i].reason);
			assert_string_equal(yyjson_get_str(at(doc, "/error/data/param")), cases[i].param);
		}
		assert_null(at(doc, "/result"));
		assert_true(yyjson_is_int(at(doc, "/usDiff")));
		yyjson_doc_free(doc);
	}
	fake_stop(&ctx, sim);
}

static void posts_echo_their_id(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = fake_start(&ctx, NULL);
	yyjson_doc *doc = fake_http(&ctx, sim, "POST", "/api/v2", "",
		"{\"jsonrpc\":\"2.0\",\"id\":\"seven\",\"method\":\"public/get_time\"}");

	(void)state;
	assert_string_equal(yyjson_get_str(at(doc, "/id")), "seven");
	assert_int_equal(yyjson_get_sint(at(doc, "/result")), ctx.now_ns / FL_MS);
	yyjson_doc_free(doc);
	doc = fake_http(&ctx, sim, "POST", "/api/v2/public/test", "", "{\"id\":12}");
	assert_int_equal(yyjson_get_sint(at(doc, "/id")), 12);
	assert_non_null(at(doc, "/result/version"));
	yyjson_doc_free(doc);
	doc = fake_http(&ctx, sim, "POST", "/api/v2", "", "{");
	assert_int_equal(ctx.status, 400);
	assert_int_equal(yyjson_get_sint(at(doc, "/error/code")), 11050);
	yyjson_doc_free(doc);
	doc = get(&ctx, sim, "status", "");
	assert_string_equal(yyjson_get_str(at(doc, "/result/locked")), "false");
	assert_null(at(doc, "/id"));
	yyjson_doc_free(doc);
	fake_stop(&ctx, sim);
}

static void a_ticker_and_a_book_agree(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = fake_start(&ctx, NULL);
	const char *name = sim->market.universe.instruments[500].name;
	char query[80];
	yyjson_doc *ticker, *book;

	(void)state;
	snprintf(query, sizeof(query), "instrument_name=%s", name);
	ticker = get(&ctx, sim, "ticker", query);
	book = get(&ctx, sim, "get_order_book", query);
	assert_string_equal(yyjson_get_str(at(ticker, "/result/instrument_name")), name);
	assert_true(yyjson_get_num(at(ticker, "/result/best_ask_price")) ==
		yyjson_get_num(at(book, "/result/asks/0/0")));
	assert_true(yyjson_get_num(at(ticker, "/result/best_ask_amount")) ==
		yyjson_get_num(at(book, "/result/asks/0/1")));
	assert_true(yyjson_is_int(at(book, "/result/change_id")));
	assert_non_null(at(book, "/result/greeks/delta"));
	yyjson_doc_free(ticker);
	yyjson_doc_free(book);
	fake_stop(&ctx, sim);
}

/* ---- trades ---- */

static struct simulator *with_trades(struct fl_ctx *ctx)
{
	struct simulator *sim = fake_start(ctx, NULL);

	yyjson_doc_free(
		fake_http(ctx, sim, "POST", "/sim/rate", "", "{\"messages_per_second\":20000}"));
	fake_pass(ctx, sim, 20 * FL_SECOND); /* 30 per mille: some 12,000 events */
	sim->stream.is_quiesced = true;
	assert_true(sim->market.trade_count > 10000);
	return sim;
}

/* An instrument that has traded at least so often. */
static uint32_t busy_instrument(const struct simulator *sim, int64_t least)
{
	for (uint32_t i = 0; i < sim->market.universe.count; i++) {
		const struct sim_trade *trade =
			market_trade_at(&sim->market, sim->market.states[i].last_trade);
		int64_t count = 0;

		for (; trade != NULL; trade = market_trade_at(&sim->market, trade->previous))
			count++;
		if (count >= least)
			return i;
	}
	abort();
}

static void by_default_there_are_the_ten_latest_newest_first(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = with_trades(&ctx);
	uint32_t number = busy_instrument(sim, 15);
	int64_t seq = sim->market.states[number].trade_seq;
	char query[80];
	yyjson_doc *doc;
	yyjson_val *trade;
	size_t index, count;

	(void)state;
	snprintf(
		query, sizeof(query), "instrument_name=%s", sim->market.universe.instruments[number].name);
	doc = get(&ctx, sim, "get_last_trades_by_instrument", query);
	assert_int_equal(yyjson_arr_size(at(doc, "/result/trades")), 10);
	assert_true(yyjson_get_bool(at(doc, "/result/has_more")));
	yyjson_arr_foreach(at(doc, "/result/trades"), index, count, trade)
	{
		assert_int_equal(yyjson_get_sint(yyjson_obj_get(trade, "trade_seq")), seq--);
		assert_true(yyjson_is_str(yyjson_obj_get(trade, "trade_id")));
		assert_true(yyjson_is_num(yyjson_obj_get(trade, "contracts")));
	}
	yyjson_doc_free(doc);
	fake_stop(&ctx, sim);
}

static void paging_by_seq_joins_up(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = with_trades(&ctx);
	uint32_t number = busy_instrument(sim, 15);
	int64_t last = sim->market.states[number].trade_seq, first = last - 14, next = first;
	bool has_more = true;

	(void)state;
	for (int page = 0; has_more; page++) {
		char query[160];
		yyjson_doc *doc;
		yyjson_val *trade;
		size_t index, count;

		assert_true(page < 10);
		snprintf(query, sizeof(query),
			"instrument_name=%s&start_seq=%lld&end_seq=%lld&count=4&sorting=asc",
			sim->market.universe.instruments[number].name, (long long)next, (long long)last);
		doc = get(&ctx, sim, "get_last_trades_by_instrument", query);
		assert_in_range(yyjson_arr_size(at(doc, "/result/trades")), 1, 4);
		yyjson_arr_foreach(at(doc, "/result/trades"), index, count, trade)
			assert_int_equal(yyjson_get_sint(yyjson_obj_get(trade, "trade_seq")), next++);
		has_more = yyjson_get_bool(at(doc, "/result/has_more"));
		yyjson_doc_free(doc);
	}
	assert_int_equal(next, last + 1);
	fake_stop(&ctx, sim);
}

static void paging_by_time_finds_every_trade_of_a_currency(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = with_trades(&ctx);
	int64_t cursor = market_trade_at(&sim->market, 1)->timestamp, end = ctx.now_ns / FL_MS;
	uint64_t expected = 0, found = 0;
	int64_t last_id = 0;
	bool has_more = true;

	(void)state;
	for (uint64_t n = 1; n <= sim->market.trade_count; n++) {
		const struct sim_instrument *of =
			&sim->market.universe.instruments[market_trade_at(&sim->market, n)->instrument];

		expected += of->currency == 1 && of->kind == FL_KIND_OPTION;
	}
	while (has_more) {
		char query[200];
		yyjson_doc *doc;
		yyjson_val *trade;
		size_t index, count;

		snprintf(query, sizeof(query),
			"currency=ETH&kind=option&start_timestamp=%lld&end_timestamp=%lld&count=1000&sorting=asc",
			(long long)cursor, (long long)end);
		doc = get(&ctx, sim, "get_last_trades_by_currency_and_time", query);
		assert_in_range(yyjson_arr_size(at(doc, "/result/trades")), 1, 1000);
		yyjson_arr_foreach(at(doc, "/result/trades"), index, count, trade)
		{
			const char *id = yyjson_get_str(yyjson_obj_get(trade, "trade_id"));

			assert_memory_equal(id, "ETH-", 4);
			assert_true(yyjson_is_num(yyjson_obj_get(trade, "iv")));
			cursor = yyjson_get_sint(yyjson_obj_get(trade, "timestamp"));
			if (atoll(id + 4) <= last_id)
				continue; /* the range is inclusive: the page before had it */
			last_id = atoll(id + 4);
			found++;
		}
		has_more = yyjson_get_bool(at(doc, "/result/has_more"));
		yyjson_doc_free(doc);
	}
	assert_true(expected > 1000);
	assert_int_equal(found, expected);
	fake_stop(&ctx, sim);
}

static void beyond_a_day_there_is_silence(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = with_trades(&ctx);
	int64_t now = ctx.now_ns / FL_MS;
	char query[200];
	yyjson_doc *doc;

	(void)state;
	snprintf(query, sizeof(query), "currency=BTC&start_timestamp=%lld&end_timestamp=%lld",
		(long long)(now - 90000000), (long long)now);
	doc = get(&ctx, sim, "get_last_trades_by_currency_and_time", query);
	assert_int_equal(ctx.status, 200);
	assert_int_equal(yyjson_arr_size(at(doc, "/result/trades")), 0);
	assert_false(yyjson_get_bool(at(doc, "/result/has_more")));
	yyjson_doc_free(doc);
	fake_stop(&ctx, sim);
}

static void too_many_requests_are_429(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = fake_start(&ctx, NULL);
	int answered = 0;

	(void)state;
	for (;;) {
		yyjson_doc *doc = get(&ctx, sim, "get_instruments", "currency=USDC");
		int64_t code = yyjson_get_sint(at(doc, "/error/code"));

		yyjson_doc_free(doc);
		if (ctx.status != 200) {
			assert_int_equal(ctx.status, 429);
			assert_int_equal(code, 10028);
			break;
		}
		answered++;
	}
	assert_int_equal(answered, 50);
	fake_pass(&ctx, sim, FL_SECOND);
	yyjson_doc_free(get(&ctx, sim, "get_instruments", "currency=USDC"));
	assert_int_equal(ctx.status, 200);
	fake_stop(&ctx, sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instruments_are_listed_with_every_field),
		cmocka_unit_test(what_has_expired_is_not_listed_any_more),
		cmocka_unit_test(errors_are_400_with_a_reason),
		cmocka_unit_test(posts_echo_their_id),
		cmocka_unit_test(a_ticker_and_a_book_agree),
		cmocka_unit_test(by_default_there_are_the_ten_latest_newest_first),
		cmocka_unit_test(paging_by_seq_joins_up),
		cmocka_unit_test(paging_by_time_finds_every_trade_of_a_currency),
		cmocka_unit_test(beyond_a_day_there_is_silence),
		cmocka_unit_test(too_many_requests_are_429),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
