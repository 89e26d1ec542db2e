/* test_routes.c: which handler gets a request, and what is said to a wrong one. */
#include "unit.h"

#include "fake.h"

#include <string.h>

static void every_route_is_answered_or_asks(void **state)
{
	(void)state;
	for (const struct route *route = control_routes; route->method != NULL; route++) {
		const char *path = strchr(route->path, '{') == NULL
			? route->path
			: (strstr(route->path, "/un") == NULL ? "/v1/feeds/deribit/subscribe"
												  : "/v1/feeds/deribit/unsubscribe");
		struct fl_ctx ctx;
		void *self = fake_start(&ctx);

		fake_request(
			&ctx, self, route->method, path, "{\"instruments\":[\"A\"],\"feeds\":[\"a\"]}");
		if (ctx.answer_count == 1 &&
			ctx.status == 400) /* "feeds" does not belong there, or alone */
			fake_request(&ctx, self, route->method, path,
				strstr(path, "subscribe") != NULL ? "{\"instruments\":[\"A\"]}" : "{}");
		if (route->answer == NULL)
			assert_int_equal(ctx.status, 200);
		else
			assert_int_equal(fake_last(&ctx)->number, ctx.exchange);
		fake_stop(&ctx, self);
	}
}

static void an_unknown_path_is_told_where_to_look(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "GET", "/v2/streaming", NULL);
	assert_string_equal(fake_problem(&ctx, 404),
		"there is no /v2/streaming; GET /openapi.json lists what there is");
	fake_request(&ctx, self, "GET", "/v1/streaming/status/", NULL);
	assert_string_equal(fake_problem(&ctx, 404),
		"there is no /v1/streaming/status/; did you mean /v1/streaming/status?");
	fake_stop(&ctx, self);
}

static void paths_are_matched_whole(void **state)
{
	static const char *const wrong[] = { "/v1/feeds//subscribe", "/v1/feeds/a/b/subscribe",
		"/v1/feeds/a/subscribe/x", "/v1/feeds/a", "/v1/feeds/a/", "/livezz", "/live", "//livez",
		"/./livez", "/LIVEZ",
		"/v1/feeds/" /* 64 bytes, one more than a name may have: */
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"/subscribe" };
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		fake_request(
			&ctx, self, strstr(wrong[i], "feeds") == NULL ? "GET" : "POST", wrong[i], NULL);
		assert_non_null(strstr(fake_problem(&ctx, 404), "there is no /"));
	}
	assert_int_equal(ctx.asked_count, 0);
	fake_stop(&ctx, self);
}

static void a_wrong_method_is_told_the_right_ones(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "DELETE", "/livez", NULL);
	assert_true(fake_has_header(&ctx, "Allow: GET, HEAD"));
	assert_string_equal(fake_problem(&ctx, 405), "this path takes GET, HEAD, not DELETE");
	fake_request(&ctx, self, "GET", "/v1/feeds/deribit/subscribe", NULL);
	assert_true(fake_has_header(&ctx, "Allow: POST"));
	assert_string_equal(fake_problem(&ctx, 405), "this path takes POST, not GET");
	fake_request(&ctx, self, "HEAD", "/subscribe", NULL);
	assert_string_equal(fake_problem(&ctx, 405), "this path takes POST, not HEAD");
	fake_stop(&ctx, self);
}

static void head_is_asked_like_get(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "HEAD", "/livez", NULL);
	assert_int_equal(ctx.status, 200); /* the server leaves the body away */
	fake_request(&ctx, self, "HEAD", "/v1/streaming/status", NULL);
	assert_string_equal(fake_last(&ctx)->name, "status");
	fake_stop(&ctx, self);
}

static void lists_have_whole_names_only(void **state)
{
	(void)state;
	assert_true(control_list_has("from,to", "to", 2));
	assert_true(control_list_has("from,to", "from", 4));
	assert_false(control_list_has("from,to", "fro", 3));
	assert_false(control_list_has("from,to", "from,to", 7));
	assert_false(control_list_has("", "from", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_is_answered_or_asks),
		cmocka_unit_test(an_unknown_path_is_told_where_to_look),
		cmocka_unit_test(paths_are_matched_whole),
		cmocka_unit_test(a_wrong_method_is_told_the_right_ones),
		cmocka_unit_test(head_is_asked_like_get),
		cmocka_unit_test(lists_have_whole_names_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
