/* Questions and their pages. */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

static struct fake_options options;

static int setup(void **state)
{
	struct fl_ctx *ctx = fake_open();

	options = (struct fake_options){ 0 };
	fake_start(ctx, &options);
	fake_sql(ctx,
		"INSERT INTO instrument_metadata(instrument_id, exchange, instrument_name, currency, kind, "
		"strike, option_type, expiration_timestamp, is_active, base_currency, listed_us) VALUES"
		"(1, 'deribit', 'BTC-1', 'BTC', 'option', 90000, 'call', 1795766400000, 1, 'BTC', "
		"1795248000123456),"
		"(2, 'deribit', 'ETH-1', 'ETH', 'option', 3000, 'put', 1795766400000, 1, 'ETH', NULL),"
		"(3, 'deribit', 'BTC-2', 'BTC', 'option', 91000, 'call', 1795766400000, 0, 'BTC', NULL),"
		"(4, 'ibkr', 'SPXW-1', 'USD', 'option', 5300.5, 'call', 1795766400000, 1, 'SPXW', NULL)");
	*state = ctx;
	return 0;
}

static int teardown(void **state)
{
	fake_close(*state);
	return 0;
}

static yyjson_doc *ask(struct fl_ctx *ctx, const char *json)
{
	yyjson_doc *doc;

	ctx->reply_status = 0;
	feedloom_plugin.on_command(ctx->state, 9, "query", json);
	fake_settle(ctx);
	if (ctx->reply_status != FL_REPLY_OK)
		fail_msg("%s: %d %s", json, ctx->reply_status, ctx->reply);
	doc = yyjson_read(ctx->reply, strlen(ctx->reply), 0);
	assert_non_null(doc);
	return doc;
}

/* One column of all rows, "a,b,c". */
static const char *column(struct fl_ctx *ctx, const char *json, const char *name)
{
	static char out[2048];
	yyjson_doc *doc = ask(ctx, json);
	yyjson_val *rows = yyjson_obj_get(yyjson_doc_get_root(doc), "rows"), *row;
	size_t index, max;

	out[0] = '\0';
	yyjson_arr_foreach(rows, index, max, row)
	{
		yyjson_val *value = yyjson_obj_get(row, name);
		char *text =
			yyjson_is_str(value) ? strdup(yyjson_get_str(value)) : yyjson_val_write(value, 0, NULL);

		assert_non_null(value);
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s", index == 0 ? "" : ",", text);
		free(text);
	}
	yyjson_doc_free(doc);
	return out;
}

/* Walks all pages of a question: the columns one behind the other. */
static const char *all_pages(struct fl_ctx *ctx, const char *question, const char *name, int *pages)
{
	static char out[4096];
	char cursor[100] = "", json[400];

	out[0] = '\0';
	for (*pages = 0; *pages < 100; (*pages)++) {
		yyjson_doc *doc;
		const char *next;

		snprintf(json, sizeof(json), "{%s%s%s%s}", question,
			cursor[0] == '\0' ? "" : ",\"cursor\":\"", cursor, cursor[0] == '\0' ? "" : "\"");
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s", out[0] == '\0' ? "" : ",",
			column(ctx, json, name));
		doc = yyjson_read(ctx->reply, strlen(ctx->reply), 0);
		next = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "next"));
		snprintf(cursor, sizeof(cursor), "%s", next == NULL ? "" : next);
		yyjson_doc_free(doc);
		if (cursor[0] == '\0')
			break;
	}
	(*pages)++;
	return out;
}

static void instruments_are_filtered(void **state)
{
	struct fl_ctx *ctx = *state;

	assert_string_equal(
		column(ctx, "{\"what\":\"instruments\"}", "instrument_name"), "BTC-1,ETH-1,BTC-2,SPXW-1");
	assert_string_equal(
		column(ctx, "{\"what\":\"instruments\",\"currency\":\"BTC\",\"active\":true}",
			"instrument_name"),
		"BTC-1");
	assert_string_equal(
		column(ctx, "{\"what\":\"instruments\",\"active\":false}", "instrument_name"), "BTC-2");
	assert_string_equal(
		column(ctx, "{\"what\":\"instruments\",\"underlying\":\"SPXW\"}", "strike"), "5300.5");
	assert_string_equal(
		column(ctx, "{\"what\":\"instruments\",\"broker\":\"ibkr\"}", "exchange"), "ibkr");
	assert_string_equal(
		column(ctx, "{\"what\":\"instruments\",\"instrument\":\"ETH-1\"}", "currency"), "ETH");
	assert_string_equal(
		column(ctx, "{\"what\":\"instruments\",\"instrument\":\"x' OR 1=1 --\"}", "currency"), "");
}

static void values_are_what_the_field_expects(void **state)
{
	struct fl_ctx *ctx = *state;

	assert_string_equal(column(ctx, "{\"what\":\"instruments\",\"limit\":2}", "listed_at"),
		"2026-11-21T08:00:00.123456Z,null");
	assert_string_equal(column(ctx, "{\"what\":\"instruments\",\"limit\":1}", "is_active"), "true");
	assert_string_equal(column(ctx, "{\"what\":\"instruments\",\"limit\":1}", "tick_size"), "null");
	assert_string_equal(
		column(ctx, "{\"what\":\"instruments\",\"limit\":1}", "expiration_timestamp"),
		"1795766400000");
}

static void pages_join_up(void **state)
{
	struct fl_ctx *ctx = *state;
	int pages;

	assert_string_equal(
		all_pages(ctx, "\"what\":\"instruments\",\"limit\":1", "instrument_name", &pages),
		"BTC-1,ETH-1,BTC-2,SPXW-1");
	assert_int_equal(pages, 4);
	assert_string_equal(
		all_pages(ctx, "\"what\":\"instruments\",\"limit\":2", "instrument_name", &pages),
		"BTC-1,ETH-1,BTC-2,SPXW-1");
	assert_int_equal(pages, 2);
}

static void fills_come_in_time(void **state)
{
	struct fl_ctx *ctx = *state;
	int pages;

	fake_sql(ctx,
		"INSERT INTO trades(executed_us, broker, account, execution_id, contract, quantity) VALUES"
		"(1795248000000002, 'ibkr', 'A', 'e3', 'SPXW-1', 3), "
		"(1795248000000001, 'ibkr', 'A', 'e1', 'SPXW-1', 1), "
		"(1795248000000001, 'ibkr', 'B', 'e2', 'SPXW-2', 2)");
	assert_string_equal(
		all_pages(ctx, "\"what\":\"trades\",\"limit\":1", "execution_id", &pages), "e1,e2,e3");
	assert_string_equal(
		column(ctx, "{\"what\":\"trades\",\"account\":\"B\"}", "execution_id"), "e2");
	assert_string_equal(
		column(ctx, "{\"what\":\"trades\",\"contract\":\"SPXW-1\"}", "execution_id"), "e1,e3");
	assert_string_equal(
		column(
			ctx, "{\"what\":\"trades\",\"from\":\"2026-11-21T08:00:00.000002Z\"}", "executed_at"),
		"2026-11-21T08:00:00.000002Z");
	assert_string_equal(
		column(ctx, "{\"what\":\"trades\",\"to\":\"2026-11-21T08:00:00.000002Z\"}", "execution_id"),
		"e1,e2");
}

static void greeks_of_venues_and_brokers_come_in_one_row(void **state)
{
	struct fl_ctx *ctx = *state;
	int pages;

	fake_sql(ctx,
		"INSERT INTO tickers_base(instrument_id, event_us, delta) VALUES(1, 10, 0.1), (1, 30, 0.3), "
		"(2, 30, 0.4), (3, 50, 0.6); "
		"INSERT INTO greek_snapshots_base(instrument_id, event_us, account, delta) VALUES"
		"(4, 20, 'A', 0.2), (4, 30, 'A', 0.5), (4, 60, 'B', 0.7)");
	for (int limit = 1; limit < 8; limit++) {
		char question[80];

		snprintf(question, sizeof(question), "\"what\":\"greeks\",\"limit\":%d", limit);
		assert_string_equal(
			all_pages(ctx, question, "delta", &pages), "0.1,0.2,0.3,0.4,0.5,0.6,0.7");
		assert_int_equal(pages, (7 + limit - 1) / limit);
	}
	assert_string_equal(column(ctx, "{\"what\":\"greeks\",\"account\":\"A\"}", "delta"), "0.2,0.5");
	assert_string_equal(
		column(ctx, "{\"what\":\"greeks\",\"contract\":\"BTC-1\"}", "delta"), "0.1,0.3");
	assert_string_equal(
		column(ctx, "{\"what\":\"greeks\",\"underlying\":\"BTC\"}", "delta"), "0.1,0.3,0.6");
	assert_string_equal(
		column(ctx, "{\"what\":\"greeks\",\"broker\":\"ibkr\"}", "delta"), "0.2,0.5,0.7");
	assert_string_equal(column(ctx, "{\"what\":\"greeks\",\"broker\":\"nobody\"}", "delta"), "");
	assert_string_equal(column(ctx, "{\"what\":\"greeks\",\"limit\":2}", "broker"), "deribit,ibkr");
	assert_string_equal(column(ctx, "{\"what\":\"greeks\",\"limit\":1}", "event_time"),
		"1970-01-01T00:00:00.000010Z");
}

static void a_bad_question_says_what_is_wrong(void **state)
{
	static const char *const questions[][2] = {
		{ "", "JSON object" },
		{ "[]", "JSON object" },
		{ "{}", "instruments, trades, greeks" },
		{ "{\"what\":\"everything\"}", "instruments, trades, greeks" },
		{ "{\"what\":\"trades\",\"limit\":0}", "1 to 10000" },
		{ "{\"what\":\"trades\",\"limit\":10001}", "1 to 10000" },
		{ "{\"what\":\"trades\",\"limit\":\"5\"}", "1 to 10000" },
		{ "{\"what\":\"trades\",\"limit\":1.5}", "1 to 10000" },
		{ "{\"what\":\"trades\",\"from\":\"yesterday\"}", "from is a time" },
		{ "{\"what\":\"trades\",\"to\":5}", "to is a time" },
		{ "{\"what\":\"trades\",\"cursor\":\"1\"}", "cursor" },
		{ "{\"what\":\"trades\",\"cursor\":\"1.2.3\"}", "cursor" },
		{ "{\"what\":\"trades\",\"cursor\":\"1.x\"}", "cursor" },
		{ "{\"what\":\"trades\",\"cursor\":\"1.\"}", "cursor" },
		{ "{\"what\":\"trades\",\"cursor\":\"-1.1\"}", "cursor" },
		{ "{\"what\":\"trades\",\"cursor\":\"99999999999999999999.1\"}", "cursor" },
		{ "{\"what\":\"trades\",\"cursor\":7}", "cursor" },
		{ "{\"what\":\"trades\",\"active\":true}", "active" },
		{ "{\"what\":\"instruments\",\"active\":\"yes\"}", "active is true or false" },
		{ "{\"what\":\"instruments\",\"from\":\"2026-11-21T08:00:00Z\"}", "from" },
		{ "{\"what\":\"instruments\",\"currency\":\"\"}", "currency" },
		{ "{\"what\":\"instruments\",\"currency\":"
		  "\"0123456789012345678901234567890123456789012345678901234567890123\"}",
			"currency" },
		{ "{\"what\":\"instruments\",\"currency\":null}", "currency is a text" },
		{ "{\"what\":\"instruments\",\"colour\":\"red\"}", "colour" },
	};
	struct fl_ctx *ctx = *state;

	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
		ctx->reply_status = 0;
		feedloom_plugin.on_command(ctx->state, 9, "query", questions[i][0]);
		assert_int_equal(ctx->reply_status, FL_REPLY_BAD); /* at once */
		if (strstr(ctx->reply, questions[i][1]) == NULL)
			fail_msg("%s: %s", questions[i][0], ctx->reply);
	}
	feedloom_plugin.on_command(ctx->state, 9, "dance", "{}");
	assert_int_equal(ctx->reply_status, FL_REPLY_NOT_FOUND);
}

static void a_store_that_is_not_open_says_so(void **state)
{
	struct fl_ctx *ctx = *state;

	fake_halt(ctx);
	options.path = "/proc/nowhere/x.db";
	fake_start(ctx, &options);
	feedloom_plugin.on_command(ctx->state, 9, "query", "{\"what\":\"trades\"}");
	assert_int_equal(ctx->reply_status, FL_REPLY_STOPPED);
}

static void readers_are_answered_while_a_writer_is_at_work(void **state)
{
	struct fl_ctx *ctx = *state;
	sqlite3 *other;

	assert_int_equal(sqlite3_open(ctx->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_string_equal(column(ctx, "{\"what\":\"instruments\",\"limit\":1}", "currency"), "BTC");
	sqlite3_close(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(instruments_are_filtered),
		TEST(values_are_what_the_field_expects),
		TEST(pages_join_up),
		TEST(fills_come_in_time),
		TEST(greeks_of_venues_and_brokers_come_in_one_row),
		TEST(a_bad_question_says_what_is_wrong),
		TEST(a_store_that_is_not_open_says_so),
		TEST(readers_are_answered_while_a_writer_is_at_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
