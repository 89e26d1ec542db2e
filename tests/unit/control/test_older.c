/* test_older.c: the older names answer in their exact shapes. */
#include "unit.h"

#include "fake.h"

#include <string.h>

static const char subscriptions[] =
	"{\"connections\":["
	"{\"connection\":0,\"currency\":\"BTC\",\"instruments\":[\"BTC-27MAR26-100000-C\","
	"\"BTC-27MAR26-100000-P\"],\"channel_count\":5},"
	"{\"connection\":1,\"currency\":null,\"instruments\":[\"BTC-26JUN26-90000-P\","
	"\"ETH-27MAR26-3000-C\",\"BTC_USDC-27MAR26-90000-C\"],\"channel_count\":6},"
	"{\"connection\":2,\"currency\":\"ETH\",\"instruments\":[],\"channel_count\":0}]}";

static void get(struct fl_ctx *ctx, void *self, const char *target)
{
	fake_request(ctx, self, "GET", target, NULL);
	assert_string_equal(fake_last(ctx)->name, "subscriptions");
	fake_reply(ctx, self, FL_REPLY_OK, subscriptions);
	assert_string_equal(ctx->type, "application/json");
}

static void health_is_healthy_or_unhealthy(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "GET", "/health", NULL);
	fake_reply(&ctx, self, FL_REPLY_OK, "{\"ready\":true,\"reason\":null}");
	assert_int_equal(ctx.status, 200);
	assert_string_equal(
		ctx.body, "{\"status\":\"healthy\",\"timestamp\":\"2026-11-21T08:00:00.123Z\"}");
	fake_request(&ctx, self, "GET", "/health", NULL);
	fake_reply(&ctx, self, FL_REPLY_OK, "{\"ready\":false,\"reason\":\"x\"}");
	assert_int_equal(ctx.status, 503);
	assert_string_equal(ctx.type, "application/json");
	assert_string_equal(
		ctx.body, "{\"status\":\"unhealthy\",\"timestamp\":\"2026-11-21T08:00:00.123Z\"}");
	fake_request(&ctx, self, "GET", "/health", NULL);
	fake_reply(&ctx, self, FL_REPLY_LATE, "{\"detail\":\"late\"}");
	assert_int_equal(ctx.status, 503);
	fake_stop(&ctx, self);
}

static void status_is_all_of_the_only_feed(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	get(&ctx, self, "/status");
	assert_string_equal(fake_last(&ctx)->to, "feed:");
	assert_string_equal(ctx.body,
		"{\"connection_id\":null,\"currency\":null,\"instruments\":[\"BTC-27MAR26-100000-C\","
		"\"BTC-27MAR26-100000-P\",\"BTC-26JUN26-90000-P\",\"ETH-27MAR26-3000-C\","
		"\"BTC_USDC-27MAR26-90000-C\"],\"channel_count\":11}");
	get(&ctx, self, "/api/status?connection=0&feed=deribit");
	assert_string_equal(fake_last(&ctx)->to, "feed:deribit");
	assert_string_equal(ctx.body,
		"{\"connection_id\":0,\"currency\":\"BTC\",\"instruments\":[\"BTC-27MAR26-100000-C\","
		"\"BTC-27MAR26-100000-P\"],\"channel_count\":5,\"websocket_connected\":true}");
	get(&ctx, self, "/api/status?connection=2");
	assert_string_equal(ctx.body,
		"{\"connection_id\":2,\"currency\":\"ETH\",\"instruments\":[],"
		"\"channel_count\":0,\"websocket_connected\":false}");
	fake_stop(&ctx, self);
}

static void a_currency_chooses_its_names_and_its_part_of_the_channels(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	get(&ctx, self, "/status?currency=BTC");
	assert_string_equal(ctx.body,
		"{\"connection_id\":null,\"currency\":\"BTC\",\"instruments\":[\"BTC-27MAR26-100000-C\","
		"\"BTC-27MAR26-100000-P\",\"BTC-26JUN26-90000-P\"],\"channel_count\":7}");
	get(&ctx, self, "/status?currency=USDC&connection=1"); /* what is settled in it */
	assert_string_equal(ctx.body,
		"{\"connection_id\":1,\"currency\":\"USDC\",\"instruments\":["
		"\"BTC_USDC-27MAR26-90000-C\"],\"channel_count\":2}");
	fake_stop(&ctx, self);
}

static void wrong_choices_are_told_why(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "GET", "/status?connection=x", NULL);
	assert_string_equal(fake_problem(&ctx, 400), "connection is a number from 0 on, not \"x\"");
	fake_request(&ctx, self, "GET", "/status?connection=-1", NULL);
	(void)fake_problem(&ctx, 400);
	fake_request(&ctx, self, "GET", "/status?currency=0123456789abcdef", NULL);
	assert_string_equal(fake_problem(&ctx, 400), "currency is a name of 1 to 15 bytes");
	assert_int_equal(ctx.asked_count, 0);
	fake_request(&ctx, self, "GET", "/status?connection=3", NULL);
	fake_reply(&ctx, self, FL_REPLY_OK, subscriptions);
	assert_string_equal(
		fake_problem(&ctx, 404), "there is no connection 3; there are 3, counted from 0");
	fake_request(&ctx, self, "GET", "/status", NULL);
	fake_reply(
		&ctx, self, FL_REPLY_BAD, "{\"detail\":\"there are several feeds, name one: a, b\"}");
	assert_string_equal(fake_problem(&ctx, 400), "there are several feeds, name one: a, b");
	fake_stop(&ctx, self);
}

static void a_stopped_feed_has_nothing_subscribed(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "GET", "/api/status?connection=3&currency=BTC", NULL);
	fake_reply(&ctx, self, FL_REPLY_STOPPED, "{\"detail\":\"deribit is stopped\"}");
	assert_int_equal(ctx.status, 200);
	assert_string_equal(ctx.body,
		"{\"connection_id\":3,\"currency\":\"BTC\",\"instruments\":[],"
		"\"channel_count\":0,\"websocket_connected\":false}");
	fake_stop(&ctx, self);
}

static void subscribe_answers_with_counts(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "POST", "/subscribe?feed=deribit", "{\"instruments\":[\"A-1\"]}");
	assert_string_equal(fake_last(&ctx)->to, "feed:deribit");
	assert_string_equal(fake_last(&ctx)->name, "subscribe");
	assert_string_equal(fake_last(&ctx)->json, "{\"instruments\":[\"A-1\"]}");
	fake_reply(&ctx, self, FL_REPLY_OK, "{\"subscribed\":[\"A-1\"],\"rejected\":[]}");
	assert_string_equal(ctx.body, "{\"status\":\"ok\",\"subscribed_count\":1}");
	fake_request(&ctx, self, "POST", "/unsubscribe", "{\"instruments\":[\"A-1\",\"B\"]}");
	assert_string_equal(fake_last(&ctx)->to, "feed:");
	assert_string_equal(fake_last(&ctx)->name, "unsubscribe");
	fake_reply(&ctx, self, FL_REPLY_OK,
		"{\"unsubscribed\":[\"A-1\"],\"rejected\":[{\"instrument\":\"B\",\"reason\":\"why\"}]}");
	assert_string_equal(ctx.body,
		"{\"status\":\"ok\",\"unsubscribed_count\":1,"
		"\"rejected\":[{\"instrument\":\"B\",\"reason\":\"why\"}]}");
	fake_stop(&ctx, self);
}

static void older_bodies_may_be_empty_lists_and_have_more_members(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);

	(void)state;
	fake_request(&ctx, self, "POST", "/subscribe", "{\"instruments\":[],\"source\":\"cron\"}");
	assert_int_equal(ctx.asked_count, 1);
	fake_request(&ctx, self, "POST", "/subscribe", "{\"names\":[]}");
	(void)fake_problem(&ctx, 400);
	fake_request(&ctx, self, "POST", "/subscribe", "nonsense");
	(void)fake_problem(&ctx, 400);
	assert_int_equal(ctx.asked_count, 1);
	fake_stop(&ctx, self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(health_is_healthy_or_unhealthy),
		cmocka_unit_test(status_is_all_of_the_only_feed),
		cmocka_unit_test(a_currency_chooses_its_names_and_its_part_of_the_channels),
		cmocka_unit_test(wrong_choices_are_told_why),
		cmocka_unit_test(a_stopped_feed_has_nothing_subscribed),
		cmocka_unit_test(subscribe_answers_with_counts),
		cmocka_unit_test(older_bodies_may_be_empty_lists_and_have_more_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
