/* test_service.c: liveness, readiness, metrics, the page. */
#include "unit.h"

#include "fake.h"

#include <string.h>

static void alive_is_said_without_asking_anyone(void **state)
{
	static const char *const paths[] = { "/livez", "/healthz" };
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	for (int i = 0; i < 2; i++) {
		fake_request(&ctx, self, "GET", paths[i], NULL);
		assert_int_equal(ctx.status, 200);
		assert_string_equal(ctx.body, "{\"status\":\"alive\"}");
		assert_true(fake_has_header(&ctx, "Cache-Control: no-store"));
	}
	assert_int_equal(ctx.asked_count, 0);
	fake_stop(&ctx, self);
}

static void ready_is_200_and_not_ready_is_503_with_the_reason(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);
	yyjson_doc *doc;
	yyjson_val *root;

	(void)state;
	fake_request(&ctx, self, "GET", "/readyz", NULL);
	assert_string_equal(fake_last(&ctx)->name, "ready");
	fake_reply(&ctx, self, FL_REPLY_OK, "{\"ready\":true,\"reason\":null}");
	assert_int_equal(ctx.status, 200);
	assert_string_equal(ctx.body, "{\"ready\":true,\"reason\":null}");
	fake_request(&ctx, self, "GET", "/readyz", NULL);
	fake_reply(&ctx, self, FL_REPLY_OK, "{\"ready\":false,\"reason\":\"store lags\"}");
	doc = yyjson_read(ctx.body, ctx.length, 0);
	root = yyjson_doc_get_root(doc);
	assert_true(yyjson_is_false(yyjson_obj_get(root, "ready")));
	assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "reason")), "store lags");
	yyjson_doc_free(doc);
	assert_string_equal(fake_problem(&ctx, 503), "store lags");
	fake_request(&ctx, self, "GET", "/readyz", NULL);
	fake_reply(&ctx, self, FL_REPLY_LATE, "{\"detail\":\"no answer\"}");
	assert_string_equal(fake_problem(&ctx, 504), "no answer");
	fake_stop(&ctx, self);
}

static void metrics_are_text(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "GET", "/metrics", NULL);
	fake_reply(&ctx, self, FL_REPLY_OK, "{\"text\":\"# HELP a\\na{b=\\\"c\\\"} 1\\n\"}");
	assert_int_equal(ctx.status, 200);
	assert_string_equal(ctx.type, "text/plain; version=0.0.4; charset=utf-8");
	assert_string_equal(ctx.body, "# HELP a\na{b=\"c\"} 1\n");
	fake_request(&ctx, self, "GET", "/metrics", NULL);
	fake_reply(&ctx, self, FL_REPLY_STOPPED, "{\"detail\":\"stopping\"}");
	assert_string_equal(fake_problem(&ctx, 503), "stopping");
	fake_stop(&ctx, self);
}

static void the_page_runs_only_what_came_with_it(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "GET", "/", NULL);
	assert_int_equal(ctx.status, 200);
	assert_string_equal(ctx.type, "text/html; charset=utf-8");
	assert_non_null(strstr(ctx.headers, "Content-Security-Policy: default-src 'none'; "));
	assert_int_equal(strncmp(ctx.body, "<!doctype html>", 15), 0);
	assert_null(strstr(ctx.body, "innerHTML")); /* names of instruments are no markup */
	assert_null(strstr(ctx.body, "://"));
	fake_stop(&ctx, self);
}

static void what_is_cut_within_a_character_stays_text(void **state)
{
	char path[402] = "/x", json[2200] = "{\"detail\":\"";
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	for (size_t i = 0; i < 199; i++)
		strcat(path, "\xC3\xA9");
	strcat(path, "\xE2"); /* no character at all */
	fake_request(&ctx, self, "GET", path, NULL);
	assert_int_equal(strncmp(fake_problem(&ctx, 404) + 12, path, 200), 0);
	fake_request(&ctx, self, "GET", "/x\xC3\xA9\xE2\x82", NULL);
	assert_string_equal(
		fake_problem(&ctx, 404), "there is no /x\xC3\xA9??; GET /openapi.json lists what there is");
	for (size_t i = 0; i < 700; i++)
		strcat(json, "\xE2\x82\xAC");
	strcat(json, "\"}");
	fake_request(&ctx, self, "GET", "/v1/streaming/status", NULL);
	fake_reply(&ctx, self, FL_REPLY_FAILED, json);
	assert_int_equal(strncmp(fake_problem(&ctx, 502), json + 11, 700), 0);
	fake_stop(&ctx, self);
}

static void a_reply_without_a_reason_is_told_as_such(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "GET", "/v1/streaming/status", NULL);
	fake_reply(&ctx, self, FL_REPLY_FAILED, "no JSON at all");
	assert_string_equal(fake_problem(&ctx, 502), "no reason was given");
	fake_stop(&ctx, self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alive_is_said_without_asking_anyone),
		cmocka_unit_test(ready_is_200_and_not_ready_is_503_with_the_reason),
		cmocka_unit_test(metrics_are_text),
		cmocka_unit_test(the_page_runs_only_what_came_with_it),
		cmocka_unit_test(what_is_cut_within_a_character_stays_text),
		cmocka_unit_test(a_reply_without_a_reason_is_told_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
