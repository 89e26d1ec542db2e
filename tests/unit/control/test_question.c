/* test_question.c: requests that wait for another's answer. */
#include "unit.h"

#include "fake.h"

#include <string.h>

static void too_many_questions_are_503_and_places_come_back(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	for (int i = 0; i < QUESTION_MAX; i++)
		fake_request(&ctx, self, "GET", "/v1/streaming/status", NULL);
	assert_int_equal(ctx.answer_count, 0);
	fake_request(&ctx, self, "GET", "/v1/streaming/status", NULL);
	assert_string_equal(
		fake_problem(&ctx, 503), "too many requests wait for their answer; try again in a second");
	fake_request(&ctx, self, "GET", "/livez", NULL); /* needs no place */
	assert_int_equal(ctx.status, 200);
	fake_reply(&ctx, self, FL_REPLY_OK, "{}");
	assert_int_equal(ctx.answered, QUESTION_MAX);
	fake_request(&ctx, self, "GET", "/v1/streaming/status", NULL);
	assert_int_equal(ctx.asked_count, QUESTION_MAX + 1);
	fake_stop(&ctx, self);
}

static void a_core_that_takes_no_more_is_503(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	ctx.command_error = -EAGAIN;
	fake_request(&ctx, self, "GET", "/v1/coverage", NULL);
	(void)fake_problem(&ctx, 503);
	ctx.command_error = 0;
	for (int i = 0; i < QUESTION_MAX; i++) /* and took no place */
		fake_request(&ctx, self, "GET", "/v1/coverage", NULL);
	assert_int_equal(ctx.asked_count, QUESTION_MAX);
	fake_stop(&ctx, self);
}

static void answers_go_to_whom_they_belong_in_any_order(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "GET", "/v1/plugins", NULL);
	fake_request(&ctx, self, "GET", "/v1/coverage", NULL);
	feedloom_plugin.on_reply(self, ctx.asked[1].number, 200, "[]", false);
	assert_int_equal(ctx.answered, 2);
	assert_string_equal(ctx.body, "{\"coverage\":[]}");
	feedloom_plugin.on_reply(self, ctx.asked[0].number, 200, "[]", false);
	assert_int_equal(ctx.answered, 1);
	assert_string_equal(ctx.body, "{\"plugins\":[]}");
	fake_stop(&ctx, self);
}

static void a_client_that_has_gone_is_forgotten(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "GET", "/v1/coverage", NULL);
	ctx.gone = ctx.exchange;
	fake_reply(&ctx, self, FL_REPLY_OK, "[]");
	assert_int_equal(ctx.answer_count, 0);
	for (int i = 0; i < QUESTION_MAX; i++)
		fake_request(&ctx, self, "GET", "/v1/coverage", NULL);
	assert_int_equal(ctx.answer_count, 0); /* its place was free again */
	fake_stop(&ctx, self);
}

static void an_answer_in_pieces_counts_at_its_end(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "GET", "/v1/coverage", NULL);
	feedloom_plugin.on_reply(self, ctx.exchange, 200, "[]", true);
	assert_int_equal(ctx.answer_count, 0);
	feedloom_plugin.on_reply(self, ctx.exchange, 200, "[]", false);
	assert_int_equal(ctx.answer_count, 1);
	fake_stop(&ctx, self);
}

static void questions_live_over_a_reload(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx), *next;
	static const struct options options = { .listen = "127.0.0.1:8080", .token = "" };

	(void)state;
	fake_request(&ctx, self, "GET", "/status?connection=2&currency=BTC", NULL);
	assert_int_equal(feedloom_plugin.save(self, (struct fl_snapshot *)&ctx), 0);
	assert_int_equal(feedloom_plugin.create(&ctx, &options, &next), 0);
	assert_int_equal(feedloom_plugin.restore(next, 1, (struct fl_snapshot *)&ctx), 0);
	feedloom_plugin.destroy(self);
	fake_reply(&ctx, next, FL_REPLY_OK,
		"{\"connections\":[{\"connection\":2,\"currency\":\"BTC\",\"instruments\":[\"BTC-1\"],"
		"\"channel_count\":2}]}");
	assert_int_equal(ctx.answered, 1);
	assert_string_equal(ctx.body,
		"{\"connection_id\":2,\"currency\":\"BTC\",\"instruments\":[\"BTC-1\"],"
		"\"channel_count\":2}");
	fake_stop(&ctx, next);
}

static void who_asked_code_that_knows_nothing_of_it_is_answered(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx), *next;
	static const struct options options = { .listen = "127.0.0.1:8080", .token = "" };

	(void)state;
	fake_request(&ctx, self, "GET", "/v1/coverage", NULL);
	assert_int_equal(feedloom_plugin.create(&ctx, &options, &next), 0);
	assert_int_equal(feedloom_plugin.restore(next, 1, (struct fl_snapshot *)&ctx), 0);
	feedloom_plugin.destroy(self);
	fake_reply(&ctx, next, FL_REPLY_OK, "[]");
	assert_string_equal(fake_problem(&ctx, 503), "this service was replaced meanwhile; ask again");
	ctx.snapshot = strdup("[{\"exchange\":7,\"method\":\"GET\",\"path\":\"/gone\"},{},3,"
						  "{\"exchange\":8,\"method\":\"GET\",\"path\":\"/livez\"}]");
	assert_int_equal(feedloom_plugin.restore(next, 1, (struct fl_snapshot *)&ctx), 0);
	feedloom_plugin.on_reply(next, 8, 200, "[]", false);
	assert_int_equal(ctx.status, 503);
	fake_stop(&ctx, next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_many_questions_are_503_and_places_come_back),
		cmocka_unit_test(a_core_that_takes_no_more_is_503),
		cmocka_unit_test(answers_go_to_whom_they_belong_in_any_order),
		cmocka_unit_test(a_client_that_has_gone_is_forgotten),
		cmocka_unit_test(an_answer_in_pieces_counts_at_its_end),
		cmocka_unit_test(questions_live_over_a_reload),
		cmocka_unit_test(who_asked_code_that_knows_nothing_of_it_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
