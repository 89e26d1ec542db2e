#include "captured.h"
#include "unit.h"
#include <feedloom/kit.h>
#include <math.h>
#include <string.h>

typedef int parser(const char *name, size_t length, struct fl_symbol *out);
typedef int printer(const struct fl_symbol *symbol, char *out, size_t size);

struct expectation {
	const char *name;
	enum fl_instrument_kind kind;
	enum fl_option_kind option_type;
	const char *underlying, *quote;
	int date; /* 20250627 */
	int64_t mantissa;
	int scale;
};

static void assert_reads(parser *parse, const struct expectation *expected, int hour)
{
	struct fl_symbol symbol;
	int64_t days = fl_days_from_civil(
		expected->date / 10000, expected->date / 100 % 100, expected->date % 100);

	if (parse(expected->name, strlen(expected->name), &symbol) != 0)
		fail_msg("%s is not read", expected->name);
	if (symbol.kind != expected->kind)
		fail_msg("%s is of kind %d", expected->name, symbol.kind);
	assert_int_equal(symbol.option_type, expected->option_type);
	assert_string_equal(symbol.underlying, expected->underlying);
	assert_string_equal(symbol.quote, expected->quote);
	assert_int_equal(symbol.year * 10000 + symbol.month * 100 + symbol.day, expected->date);
	if (expected->date % 100 == 0)
		assert_int_equal(symbol.expiry_ns, 0);
	else
		assert_int_equal(symbol.expiry_ns, days * FL_DAY + hour * FL_HOUR);
	assert_int_equal(symbol.strike_mantissa, expected->mantissa);
	assert_int_equal(symbol.strike_scale, expected->scale);
	if (expected->mantissa == 0)
		assert_true(isnan(symbol.strike));
	else
		assert_true(symbol.strike == (double)expected->mantissa / pow(10, expected->scale));
}

static void assert_refused(parser *parse, const char *name)
{
	struct fl_symbol symbol;

	if (parse(name, strlen(name), &symbol) != -EINVAL)
		fail_msg("%s is read", name);
	assert_int_equal(symbol.kind, FL_KIND_UNKNOWN);
}

static void assert_prints_back(parser *parse, printer *print, const char *name)
{
	struct fl_symbol symbol;
	char text[64];

	assert_int_equal(parse(name, strlen(name), &symbol), 0);
	assert_int_equal(print(&symbol, text, sizeof(text)), strlen(name));
	assert_string_equal(text, name);
	assert_int_equal(print(&symbol, text, strlen(name)), -EINVAL); /* no place for the 0 */
}

static const struct expectation deribit_names[] = {
	{ "BTC-PERPETUAL", FL_KIND_PERPETUAL, 0, "BTC", "", 0, 0, 0 },
	{ "ETH_USDC-PERPETUAL", FL_KIND_PERPETUAL, 0, "ETH", "USDC", 0, 0, 0 },
	{ "1000PEPE_USDC-PERPETUAL", FL_KIND_PERPETUAL, 0, "1000PEPE", "USDC", 0, 0, 0 },
	{ "BTC-27JUN25", FL_KIND_FUTURE, 0, "BTC", "", 20250627, 0, 0 },
	{ "BTC-5AUG23", FL_KIND_FUTURE, 0, "BTC", "", 20230805, 0, 0 },
	{ "BTC_USDC-20MAY26", FL_KIND_FUTURE, 0, "BTC", "USDC", 20260520, 0, 0 },
	{ "BTC-28MAR25-100000-C", FL_KIND_OPTION, FL_CALL, "BTC", "", 20250328, 100000, 0 },
	{ "BTC-8JUN20-8750-P", FL_KIND_OPTION, FL_PUT, "BTC", "", 20200608, 8750, 0 },
	{ "SOL_USDC-30AUG24-140-C", FL_KIND_OPTION, FL_CALL, "SOL", "USDC", 20240830, 140, 0 },
	{ "XRP_USDC-30JUN23-0d625-C", FL_KIND_OPTION, FL_CALL, "XRP", "USDC", 20230630, 625, 3 },
	{ "MATIC_USDC-9MAR24-1d02-C", FL_KIND_OPTION, FL_CALL, "MATIC", "USDC", 20240309, 102, 2 },
	{ "DOGE_USDC-4OCT24-0d0704-C", FL_KIND_OPTION, FL_CALL, "DOGE", "USDC", 20241004, 704, 4 },
	{ "BTC-29FEB24-20000-P", FL_KIND_OPTION, FL_PUT, "BTC", "", 20240229, 20000, 0 },
	{ "BTC-6DEC24-20000-P", FL_KIND_OPTION, FL_PUT, "BTC", "", 20241206, 20000, 0 },
	{ "BTC_USDC", FL_KIND_SPOT, 0, "BTC", "USDC", 0, 0, 0 },
	{ "BTC-FS-30SEP22_PERP", FL_KIND_FUTURE_COMBO, 0, "BTC", "", 20220930, 0, 0 },
	{ "BTC-FS-28OCT22_9SEP22", FL_KIND_FUTURE_COMBO, 0, "BTC", "", 20220909, 0, 0 },
	{ "BTC-CS-19MAY26-70000_75000", FL_KIND_OPTION_COMBO, 0, "BTC", "", 20260519, 0, 0 },
	{ "BTC-STRD-30SEP22-20000", FL_KIND_OPTION_COMBO, 0, "BTC", "", 20220930, 20000, 0 },
	{ "BTC-CCAL-16SEP22_9SEP22-11000", FL_KIND_OPTION_COMBO, 0, "BTC", "", 20220909, 11000, 0 },
	{ "BTC-PDIAG-25NOV22_28OCT22-12000_14000", FL_KIND_OPTION_COMBO, 0, "BTC", "", 20221028, 0, 0 },
	{ "BTC-CSR12-16SEP22-21000_23000", FL_KIND_OPTION_COMBO, 0, "BTC", "", 20220916, 0, 0 },
	{ "BTC-ICOND-9SEP22-17000_19500_21000_23000", FL_KIND_OPTION_COMBO, 0, "BTC", "", 20220909, 0,
		0 },
};

static void deribit_names_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(deribit_names) / sizeof(deribit_names[0]); i++)
		assert_reads(fl_symbol_deribit, &deribit_names[i], 8);
}

static void deribit_names_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = { "", "-", "BTC", "btc-PERPETUAL", "BTC-", "BTC-PERP", "_USDC",
		"BTC_", "BTC_USDC_X", "BTC-27JUN2", "BTC-27jun25", "BTC-05AUG23", "BTC-31FEB25",
		"BTC-0JAN25", "BTC-32JAN25", "BTC-27JUX25", "BTC-28MAR25-100000", "BTC-28MAR25-100000-X",
		"BTC-28MAR25-100000-C-C", "BTC-28MAR25--C", "BTC-28MAR25-0-C", "BTC-28MAR25-1D02-C",
		"BTC-28MAR25-1d-C", "BTC-28MAR25-d5-C", "BTC-28MAR25-0d50-C", "BTC-28MAR25-1d2d3-C",
		"BTC-28MAR25-0100-C", "BTC-28MAR25-1.5-C", "BTC-28MAR25-1234567890123456789-C",
		"BTC-PERPETUAL-X-Y", "BTC-CS-19MAY26-C", "BTC-CS-19MAY26-a", "BTC 28MAR25-1-C",
		"BTC-28MAR25-1-C ", "A-B-C-D-E-F-G-H",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-PERPETUAL" };
	static const char good[] = "XRP_USDC-30JUN23-0d625-C";
	struct fl_symbol symbol;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(fl_symbol_deribit, bad[i]);
	for (size_t length = 0; length < sizeof(good) - 1; length++) { /* torn anywhere: no option */
		fl_symbol_deribit(good, length, &symbol);
		assert_int_not_equal(symbol.kind, FL_KIND_OPTION);
	}
}

static void deribit_names_are_printed(void **state)
{
	struct fl_symbol symbol;
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(deribit_names) / sizeof(deribit_names[0]); i++)
		if (deribit_names[i].kind != FL_KIND_OPTION_COMBO &&
			deribit_names[i].kind != FL_KIND_FUTURE_COMBO)
			assert_prints_back(fl_symbol_deribit, fl_symbol_deribit_print, deribit_names[i].name);
	fl_symbol_deribit("BTC-CS-19MAY26-70000_75000", 26, &symbol); /* its legs are not kept */
	assert_int_equal(fl_symbol_deribit_print(&symbol, text, sizeof(text)), -EINVAL);
}

static int check_instruments(const char *path)
{
	yyjson_doc *document = captured_document(path);
	yyjson_val *root = yyjson_doc_get_root(document), *item;
	yyjson_val *list = yyjson_is_arr(root) ? root : yyjson_obj_get(root, "result");
	size_t at, count;

	if (document == NULL)
		return 0;
	yyjson_arr_foreach(list, at, count, item)
	{
		static const char *const kinds[] = { "", "option", "future", "future", "spot",
			"option_combo", "future_combo" };
		const char *name = yyjson_get_str(yyjson_obj_get(item, "instrument_name"));
		const char *kind = yyjson_get_str(yyjson_obj_get(item, "kind"));
		const char *type = yyjson_get_str(yyjson_obj_get(item, "option_type"));
		int64_t expiry_ms = yyjson_get_sint(yyjson_obj_get(item, "expiration_timestamp"));
		struct fl_symbol symbol;
		char text[64];

		if (fl_symbol_deribit(name, strlen(name), &symbol) != 0)
			fail_msg("%s is not read", name);
		if (strcmp(kinds[symbol.kind], kind) != 0)
			fail_msg("%s is no %s", name, kinds[symbol.kind]);
		if (symbol.kind == FL_KIND_OPTION) {
			assert_true(symbol.strike == yyjson_get_num(yyjson_obj_get(item, "strike")));
			assert_string_equal(symbol.option_type == FL_CALL ? "call" : "put", type);
		} else {
			assert_int_equal(symbol.option_type, FL_OPTION_NONE);
		}
		if (symbol.kind != FL_KIND_PERPETUAL && symbol.expiry_ns / FL_MS != expiry_ms)
			fail_msg("%s expires at another time", name);
		if (symbol.kind != FL_KIND_OPTION_COMBO && symbol.kind != FL_KIND_FUTURE_COMBO) {
			assert_true(fl_symbol_deribit_print(&symbol, text, sizeof(text)) > 0);
			assert_string_equal(text, name);
		}
	}
	yyjson_doc_free(document);
	return (int)count;
}

static void every_listed_name_says_what_the_venue_says(void **state)
{
	static const char *const files[] = { "rest/get_instruments_BTC_2021-04-17.json",
		"rest/get_instruments_BTC_2021-07-22.json", "rest/get_instruments_ETH_2021-04-17.json",
		"rest/get_instruments_ETH_2021-07-22.json", "rest/get_instruments_SOL_2022-05-29.json",
		"rest/get_instruments_USDC_2022-05-29.json", "kyber/instruments_testnet_2022-09.json" };
	int checked = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/deribit/%s", CAPTURES, files[i]);
		checked += check_instruments(path);
	}
	if (checked == 0) {
		print_message("skipped: no captures in " CAPTURES "/deribit\n");
		skip();
	}
	assert_int_equal(checked, 3340);
}

static const struct expectation occ_names[] = {
	{ "SPY   260804C00500000", FL_KIND_OPTION, FL_CALL, "SPY", "", 20260804, 500, 0 },
	{ "SPXW  240614P06001500", FL_KIND_OPTION, FL_PUT, "SPXW", "", 20240614, 60015, 1 },
	{ "AAPL1 250321C00010125", FL_KIND_OPTION, FL_CALL, "AAPL1", "", 20250321, 10125, 3 },
	{ "GOOGLE991231P99999999", FL_KIND_OPTION, FL_PUT, "GOOGLE", "", 20991231, 99999999, 3 },
};

static void occ_names_are_read_and_printed(void **state)
{
	static const struct expectation compact = { "SPY260804C00500000", FL_KIND_OPTION, FL_CALL,
		"SPY", "", 20260804, 500, 0 };
	static const char *const bad[] = { "", "SPY   260804C0050000", "SPY   260804C005000000",
		"SPY   260804X00500000", "SPY   261304C00500000", "SPY   260231C00500000",
		"SPY   260804C00000000", "spy   260804C00500000", "      260804C00500000",
		"SP Y  260804C00500000", "SPY   2608O4C00500000", "SPY   260804C005.0000",
		" SPY  260804C00500000" };

	(void)state;
	for (size_t i = 0; i < sizeof(occ_names) / sizeof(occ_names[0]); i++) {
		assert_reads(fl_symbol_occ, &occ_names[i], 0);
		assert_prints_back(fl_symbol_occ, fl_symbol_occ_print, occ_names[i].name);
	}
	assert_reads(fl_symbol_occ, &compact, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(fl_symbol_occ, bad[i]);
}

static const struct expectation dxfeed_names[] = {
	{ ".SPXW240614C5300", FL_KIND_OPTION, FL_CALL, "SPXW", "", 20240614, 5300, 0 },
	{ ".SPXW260821P6001.5", FL_KIND_OPTION, FL_PUT, "SPXW", "", 20260821, 60015, 1 },
	{ ".AAPL1250321C10.125", FL_KIND_OPTION, FL_CALL, "AAPL1", "", 20250321, 10125, 3 },
	{ ".BRK/B250321C400", FL_KIND_OPTION, FL_CALL, "BRK/B", "", 20250321, 400, 0 },
	{ "./ESM4C5000", FL_KIND_OPTION, FL_CALL, "/ESM4", "", 600, 5000, 0 }, /* June of some year */
	{ "./LOU26P56", FL_KIND_OPTION, FL_PUT, "/LOU26", "", 20260900, 56, 0 },
};

static void dxfeed_names_are_read_and_printed(void **state)
{
	static const struct expectation exchange = { "./ESU25P900:XCME", FL_KIND_OPTION, FL_PUT,
		"/ESU25", "", 20250900, 900, 0 };
	static const char *const bad[] = { "", ".", "./", "SPY", "BTC/USD:CXTALP", ".SPXW240614C",
		".240614C5300", ".SPXW241314C5300", ".SPXW240614X5300", ".SPXW240614C53.0.0",
		".SPXW240614C.5", ".spxw240614C5300", "./ESM4C", "./M4C5000", "./ESA4C5000", "./ESC5000",
		"./ESU25P900:", "./ESU25P900:x", "/ESM25:XCME", "./ES/M4C5000", "./ESM25", ".SPY/240614C1",
		"./C5", "./4C5000", "./25C5000" };

	(void)state;
	for (size_t i = 0; i < sizeof(dxfeed_names) / sizeof(dxfeed_names[0]); i++) {
		assert_reads(fl_symbol_dxfeed, &dxfeed_names[i], 0);
		assert_prints_back(fl_symbol_dxfeed, fl_symbol_dxfeed_print, dxfeed_names[i].name);
	}
	assert_reads(fl_symbol_dxfeed, &exchange, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(fl_symbol_dxfeed, bad[i]);
}

static void one_option_has_many_names(void **state)
{
	struct fl_symbol symbol;
	char text[64];

	(void)state;
	assert_int_equal(fl_symbol_occ("SPXW  240614P06001500", 21, &symbol), 0);
	assert_true(fl_symbol_dxfeed_print(&symbol, text, sizeof(text)) > 0);
	assert_string_equal(text, ".SPXW240614P6001.5");
	assert_true(fl_symbol_deribit_print(&symbol, text, sizeof(text)) > 0);
	assert_string_equal(text, "SPXW-14JUN24-6001d5-P");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deribit_names_are_read),
		cmocka_unit_test(deribit_names_that_are_none_are_refused),
		cmocka_unit_test(deribit_names_are_printed),
		cmocka_unit_test(every_listed_name_says_what_the_venue_says),
		cmocka_unit_test(occ_names_are_read_and_printed),
		cmocka_unit_test(dxfeed_names_are_read_and_printed),
		cmocka_unit_test(one_option_has_many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
