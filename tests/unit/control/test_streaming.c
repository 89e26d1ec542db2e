/* test_streaming.c: start, stop, status, subscriptions, coverage, plugins. */
#include "unit.h"

#include "fake.h"

#include <string.h>

static void bodies_that_are_no_json_objects_are_refused(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "POST", "/v1/streaming/stop", "{\"feeds\":");
	assert_non_null(strstr(fake_problem(&ctx, 400), "the body is not JSON: "));
	fake_request(&ctx, self, "POST", "/v1/streaming/stop", "[\"deribit\"]");
	assert_string_equal(fake_problem(&ctx, 400), "the body must be a JSON object");
	fake_request(&ctx, self, "POST", "/v1/streaming/stop", "{} {}");
	assert_non_null(strstr(fake_problem(&ctx, 400), "the body is not JSON: "));
	assert_int_equal(ctx.asked_count, 0);
	fake_stop(&ctx, self);
}

static void a_misspelt_member_does_not_stop_every_feed(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "POST", "/v1/streaming/stop", "{\"feed\":[\"deribit\"]}");
	assert_string_equal(
		fake_problem(&ctx, 400), "the body has an unknown member \"feed\"; it takes: feeds");
	fake_request(&ctx, self, "POST", "/v1/streaming/stop", "{\"feeds\":\"deribit\"}");
	assert_non_null(strstr(fake_problem(&ctx, 400), "the body must be like {\"feeds\""));
	fake_request(&ctx, self, "POST", "/v1/streaming/stop", "{\"feeds\":[1]}");
	assert_non_null(strstr(fake_problem(&ctx, 400), "the body must be like {\"feeds\""));
	assert_int_equal(ctx.asked_count, 0);
	fake_stop(&ctx, self);
}

static void start_and_stop_ask_the_core_and_give_its_status(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "POST", "/v1/streaming/stop", "{\"feeds\":[\"deribit\"]}");
	assert_string_equal(fake_last(&ctx)->to, "core");
	assert_string_equal(fake_last(&ctx)->name, "stop");
	assert_string_equal(fake_last(&ctx)->json, "{\"feeds\":[\"deribit\"]}");
	fake_reply(&ctx, self, FL_REPLY_OK, "{\"state\":\"connected\"}");
	assert_int_equal(ctx.status, 200);
	assert_string_equal(ctx.type, "application/json");
	assert_true(fake_has_header(&ctx, "Cache-Control: no-store"));
	assert_string_equal(ctx.body, "{\"state\":\"connected\"}");
	fake_request(&ctx, self, "POST", "/v1/streaming/start", NULL); /* no body: all */
	assert_string_equal(fake_last(&ctx)->name, "start");
	assert_string_equal(fake_last(&ctx)->json, "{}");
	fake_reply(&ctx, self, FL_REPLY_NOT_FOUND, "{\"detail\":\"there is no feed x; there are: y\"}");
	assert_string_equal(fake_problem(&ctx, 404), "there is no feed x; there are: y");
	fake_stop(&ctx, self);
}

static void subscribing_asks_that_feed_and_no_other_instance(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "POST", "/v1/feeds/core/subscribe", "{\"instruments\":[\"A-1\"]}");
	assert_string_equal(fake_last(&ctx)->to, "feed:core");
	assert_string_equal(fake_last(&ctx)->name, "subscribe");
	fake_reply(&ctx, self, FL_REPLY_NOT_FOUND,
		"{\"detail\":\"there is no feed core; feeds there are: deribit\"}");
	assert_string_equal(fake_problem(&ctx, 404), "there is no feed core; feeds there are: deribit");
	fake_request(&ctx, self, "POST", "/v1/feeds/deribit/unsubscribe",
		"{\"instruments\":[\"A-1\"],\"pin\":false}");
	assert_string_equal(fake_last(&ctx)->to, "feed:deribit");
	assert_string_equal(fake_last(&ctx)->name, "unsubscribe");
	assert_string_equal(fake_last(&ctx)->json, "{\"instruments\":[\"A-1\"],\"pin\":false}");
	fake_reply(&ctx, self, FL_REPLY_OK, "{\"unsubscribed\":[\"A-1\"],\"rejected\":[]}");
	assert_string_equal(ctx.body, "{\"unsubscribed\":[\"A-1\"],\"rejected\":[]}");
	fake_stop(&ctx, self);
}

static void a_venue_that_does_not_acknowledge_is_504(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "POST", "/v1/feeds/deribit/subscribe", "{\"instruments\":[\"A-1\"]}");
	assert_int_equal(ctx.answer_count, 0);
	fake_reply(&ctx, self, FL_REPLY_LATE, "{\"detail\":\"no answer to subscribe in time\"}");
	assert_string_equal(fake_problem(&ctx, 504), "no answer to subscribe in time");
	fake_stop(&ctx, self);
}

static void a_stopped_feed_says_how_to_start_it(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "POST", "/v1/feeds/deribit/subscribe", "{\"instruments\":[\"A-1\"]}");
	fake_reply(&ctx, self, FL_REPLY_STOPPED, "{\"detail\":\"deribit is stopped\"}");
	assert_string_equal(fake_problem(&ctx, 503),
		"deribit is stopped; POST /v1/streaming/start starts a feed that was stopped");
	fake_stop(&ctx, self);
}

static void instruments_and_pin_must_be_what_they_are(void **state)
{
	static const char *const wrong[] = { "{}", "{\"instruments\":[]}", "{\"instruments\":\"A\"}",
		"{\"instruments\":[\"A\",1]}", "{\"instruments\":null}",
		"{\"instruments\":[\"A\"],\"pin\":0}", "{\"instruments\":[\"A\"],\"pinned\":false}" };
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		fake_request(&ctx, self, "POST", "/v1/feeds/deribit/subscribe", wrong[i]);
		(void)fake_problem(&ctx, 400);
	}
	assert_int_equal(ctx.asked_count, 0);
	fake_stop(&ctx, self);
}

static void coverage_says_what_nobody_counts(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "GET", "/v1/coverage", NULL);
	assert_string_equal(fake_last(&ctx)->name, "coverage");
	fake_reply(&ctx, self, FL_REPLY_OK,
		"[{\"feed\":\"deribit\",\"listed\":0,\"ratio\":null},{\"feed\":\"b\",\"quoted_ratio\":0.5}]");
	assert_string_equal(ctx.body,
		"{\"coverage\":[{\"feed\":\"deribit\",\"listed\":0,\"ratio\":null,\"quoted_ratio\":null},"
		"{\"feed\":\"b\",\"quoted_ratio\":0.5}]}");
	fake_request(&ctx, self, "GET", "/v1/coverage", NULL);
	fake_reply(&ctx, self, FL_REPLY_OK, "[]");
	assert_string_equal(ctx.body, "{\"coverage\":[]}");
	fake_stop(&ctx, self);
}

static void plugins_are_a_list_in_an_object(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "GET", "/v1/plugins", NULL);
	fake_reply(&ctx, self, FL_REPLY_OK, "[{\"instance\":\"deribit\"}]");
	assert_string_equal(ctx.body, "{\"plugins\":[{\"instance\":\"deribit\"}]}");
	fake_stop(&ctx, self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_that_are_no_json_objects_are_refused),
		cmocka_unit_test(a_misspelt_member_does_not_stop_every_feed),
		cmocka_unit_test(start_and_stop_ask_the_core_and_give_its_status),
		cmocka_unit_test(subscribing_asks_that_feed_and_no_other_instance),
		cmocka_unit_test(a_venue_that_does_not_acknowledge_is_504),
		cmocka_unit_test(a_stopped_feed_says_how_to_start_it),
		cmocka_unit_test(instruments_and_pin_must_be_what_they_are),
		cmocka_unit_test(coverage_says_what_nobody_counts),
		cmocka_unit_test(plugins_are_a_list_in_an_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
