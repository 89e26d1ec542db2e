#include "filter.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>

struct world {
	struct dictionary *dictionary;
	uint16_t deribit, ibkr; /* sources */
	uint32_t btc, eth, pair;
};

static void make(struct world *world)
{
	uint16_t venue;

	world->dictionary = dictionary_create(1);
	venue = dictionary_venue(world->dictionary, "deribit");
	world->deribit = dictionary_source(world->dictionary, "deribit", "deribit");
	world->ibkr = dictionary_source(world->dictionary, "ibkr", "ibkr");
	world->btc = dictionary_instrument(world->dictionary, venue, "BTC-27DEC24-100000-C", 20);
	world->eth = dictionary_instrument(world->dictionary, venue, "ETH-27DEC24-4000-P", 18);
	world->pair = dictionary_instrument(world->dictionary, venue, "BTC/USD", 7);
}

static bool takes(
	const struct world *world, const char *patterns, uint8_t kind, uint16_t source, uint32_t id)
{
	struct fl_record record = { .kind = kind, .source = source, .instrument = id };
	struct filter *filter;
	bool first, again;

	assert_int_equal(filter_create(patterns, world->dictionary, &filter), 0);
	first = filter_takes(filter, &record);
	again = filter_takes(filter, &record); /* as it was kept */
	assert_int_equal(first, again);
	filter_destroy(filter);
	return first;
}

static void patterns_fit_kind_source_and_instrument(void **state)
{
	struct world w;

	(void)state;
	make(&w);
	assert_true(takes(&w, NULL, FL_TICKER, w.deribit, w.btc));
	assert_true(takes(&w, "", FL_STATUS, 0, 0));
	assert_true(takes(&w, "*", FL_STATUS, 0, 0));
	assert_true(takes(&w, "ticker", FL_TICKER, w.deribit, w.btc));
	assert_false(takes(&w, "ticker", FL_TRADE, w.deribit, w.btc));
	assert_true(takes(&w, "ticker/deribit", FL_TICKER, w.deribit, w.btc));
	assert_false(takes(&w, "ticker/deribit", FL_TICKER, w.ibkr, w.btc));
	assert_true(takes(&w, "ticker/deribit/BTC-*", FL_TICKER, w.deribit, w.btc));
	assert_false(takes(&w, "ticker/deribit/BTC-*", FL_TICKER, w.deribit, w.eth));
	assert_false(takes(&w, "ticker/deribit/BTC-*", FL_TRADE, w.deribit, w.btc));
	assert_false(takes(&w, "ticker/deribit/BTC-*", FL_TICKER, w.deribit, 0));
	assert_true(takes(&w, "ticker/deribit/BTC-*,trade", FL_TRADE, w.ibkr, w.eth));
	assert_true(takes(&w, "quote, trade", FL_TRADE, w.ibkr, w.eth));
	assert_true(takes(&w, "*/*/ETH*", FL_BOOK, w.ibkr, w.eth));
	assert_true(takes(&w, "*/der*", FL_BOOK, w.deribit, 0));
	assert_true(takes(&w, "t*", FL_TICKER, w.deribit, w.btc));
	assert_true(takes(&w, "t*", FL_TRADE, w.deribit, w.btc));
	assert_false(takes(&w, "t*", FL_QUOTE, w.deribit, w.btc));
	assert_true(takes(&w, "ticker/*/BTC/USD", FL_TICKER, w.deribit, w.pair));
	/* One pattern fits the kind, another the instrument: none fits the record. */
	assert_false(takes(&w, "ticker/*/ETH*,trade/*/BTC*", FL_TICKER, w.deribit, w.btc));
	dictionary_destroy(w.dictionary);
}

static void what_is_no_pattern_is_refused(void **state)
{
	static const char *const bad[] = { "tickers", ",", "ticker,", "ticker//x", "/deribit", "*x",
		"tick*r", "ticker/*a", "ticker/deribit/*C", "ticker/", " " };
	struct world w;
	struct filter *filter;
	char many[64 * 7 + 1] = "";

	(void)state;
	make(&w);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(filter_create(bad[i], w.dictionary, &filter), -EINVAL);
	for (int i = 0; i < 64; i++)
		(void)strcat(many, i > 0 ? ",ticker" : "ticker");
	assert_int_equal(filter_create(many, w.dictionary, &filter), -E2BIG);
	dictionary_destroy(w.dictionary);
}

static void a_name_given_out_later_is_not_missed(void **state)
{
	struct world w;
	struct filter *filter;
	struct fl_record record = { .kind = FL_TICKER };

	(void)state;
	make(&w);
	assert_int_equal(filter_create("*/new/SOL*", w.dictionary, &filter), 0);
	record.source = (uint16_t)(w.ibkr + 1);
	record.instrument = w.pair + 1;
	assert_false(filter_takes(filter, &record));
	assert_int_equal(dictionary_source(w.dictionary, "new", "new"), record.source);
	assert_int_equal(dictionary_instrument(w.dictionary, 1, "SOL-1", 5), record.instrument);
	assert_true(filter_takes(filter, &record));
	assert_true(filter_takes_kind(filter, FL_QUOTE));
	assert_false(filter_takes_all(filter));
	filter_destroy(filter);
	assert_int_equal(filter_create("quote/deribit", w.dictionary, &filter), 0);
	assert_true(filter_takes_kind(filter, FL_QUOTE));
	assert_false(filter_takes_kind(filter, FL_TRADE));
	filter_destroy(filter);
	dictionary_destroy(w.dictionary);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_fit_kind_source_and_instrument),
		cmocka_unit_test(what_is_no_pattern_is_refused),
		cmocka_unit_test(a_name_given_out_later_is_not_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
