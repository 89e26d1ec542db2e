/* test_data.c: questions to the store. */
#include "unit.h"

#include "fake.h"

#include <string.h>

static void filters_reach_the_sink_under_their_names(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "GET", "/v1/instruments?currency=ETH&active=true&limit=2", NULL);
	assert_string_equal(fake_last(&ctx)->to, "role:sink");
	assert_string_equal(fake_last(&ctx)->name, "query");
	assert_string_equal(fake_last(&ctx)->json,
		"{\"what\":\"instruments\",\"currency\":\"ETH\",\"active\":true,\"limit\":2}");
	fake_request(&ctx, self, "GET",
		"/v1/trades?cursor=17.2&broker=ibkr&account=U1&contract=A-1&underlying=SPX"
		"&from=2026-03-27T08:00:00Z&to=2026-03-27T09:00:00Z",
		NULL);
	assert_string_equal(fake_last(&ctx)->json,
		"{\"what\":\"trades\",\"broker\":\"ibkr\",\"account\":\"U1\",\"contract\":\"A-1\","
		"\"underlying\":\"SPX\",\"from\":\"2026-03-27T08:00:00Z\",\"to\":\"2026-03-27T09:00:00Z\","
		"\"cursor\":\"17.2\"}");
	fake_request(&ctx, self, "GET", "/v1/greeks/snapshots", NULL);
	assert_string_equal(fake_last(&ctx)->json, "{\"what\":\"greeks\"}");
	fake_stop(&ctx, self);
}

static void wrong_filters_are_refused(void **state)
{
	static const struct {
		const char *target, *detail;
	} wrong[] = {
		{ "/v1/trades?brokr=ibkr",
			"there is no parameter brokr; there are: broker,account,contract,"
			"underlying,from,to,limit,cursor" },
		{ "/v1/trades?limit=5&x",
			"there is no parameter x; there are: broker,account,contract,"
			"underlying,from,to,limit,cursor" },
		{ "/v1/trades?limit=0", "limit is a number from 1 to 10000, not \"0\"" },
		{ "/v1/trades?limit=10001", "limit is a number from 1 to 10000, not \"10001\"" },
		{ "/v1/trades?limit=-1", "limit is a number from 1 to 10000, not \"-1\"" },
		{ "/v1/trades?limit=99999999999999999999",
			"limit is a number from 1 to 10000, not \"99999999999999999999\"" },
		{ "/v1/trades?limit=1x", "limit is a number from 1 to 10000, not \"1x\"" },
		{ "/v1/trades?from=yesterday",
			"from is a time like 2026-03-27T08:00:00Z, not \"yesterday\"" },
		{ "/v1/trades?to=2026", "to is a time like 2026-03-27T08:00:00Z, not \"2026\"" },
		{ "/v1/trades?from=2026-03-28T00:00:00Z&to=2026-03-27T00:00:00Z", "from is later than to" },
		{ "/v1/instruments?active=yes", "active is true or false, not \"yes\"" },
		{ "/v1/instruments?currency=",
			"currency is empty, badly encoded, or longer than 255 bytes" },
		{ "/v1/instruments?currency=%zz",
			"currency is empty, badly encoded, or longer than 255 bytes" },
	};
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		fake_request(&ctx, self, "GET", wrong[i].target, NULL);
		assert_string_equal(fake_problem(&ctx, 400), wrong[i].detail);
	}
	assert_int_equal(ctx.asked_count, 0);
	fake_stop(&ctx, self);
}

static void rows_come_under_the_name_of_what_they_are(void **state)
{
	static const char page[] = "{\"rows\":[{\"a\":1}],\"next\":\"7\"}";
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "GET", "/v1/instruments", NULL);
	fake_reply(&ctx, self, FL_REPLY_OK, page);
	assert_string_equal(ctx.body, "{\"instruments\":[{\"a\":1}],\"next\":\"7\"}");
	fake_request(&ctx, self, "GET", "/v1/trades", NULL);
	fake_reply(&ctx, self, FL_REPLY_OK, page);
	assert_string_equal(ctx.body, "{\"trades\":[{\"a\":1}],\"next\":\"7\"}");
	fake_request(&ctx, self, "GET", "/v1/greeks/snapshots", NULL);
	fake_reply(&ctx, self, FL_REPLY_OK, "{\"rows\":[]}");
	assert_string_equal(ctx.body, "{\"snapshots\":[],\"next\":null}");
	fake_stop(&ctx, self);
}

static void without_a_sink_that_answers_it_is_503_with_the_remedy(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "GET", "/v1/trades", NULL);
	fake_reply(
		&ctx, self, FL_REPLY_NOT_FOUND, "{\"detail\":\"there is no sink that takes query\"}");
	assert_string_equal(fake_problem(&ctx, 503),
		"there is no sink that takes query; configure a "
		"sink that answers queries, as sink_sqlite does");
	fake_request(&ctx, self, "GET", "/v1/trades?cursor=x", NULL);
	fake_reply(&ctx, self, FL_REPLY_BAD, "{\"detail\":\"cursor is the `next` of a page\"}");
	assert_string_equal(fake_problem(&ctx, 400), "cursor is the `next` of a page");
	fake_stop(&ctx, self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters_reach_the_sink_under_their_names),
		cmocka_unit_test(wrong_filters_are_refused),
		cmocka_unit_test(rows_come_under_the_name_of_what_they_are),
		cmocka_unit_test(without_a_sink_that_answers_it_is_503_with_the_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
