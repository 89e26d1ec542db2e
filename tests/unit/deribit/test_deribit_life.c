/* A reload, a stop, a start: what is handed over and what is asked anew. */
#include "deribit_universe.h"
#include "flow.h"
#include "unit.h"
#include "world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

static void a_reload_asks_nothing_again(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 300, 300);
	ctx->plugin->on_command(
		ctx->state, 1, "unsubscribe", "{\"instruments\":[\"BTC-26JUN26-1000-C\"]}");
	world_acknowledge(ctx, NULL);
	world_trade(ctx, 1, 50);
	fake_clear(ctx);
	for (int i = 0; i < 3; i++)
		fake_reload(ctx, &options);
	fake_pass(ctx, 30 * FL_SECOND);
	assert_int_equal(ctx->sent_count, 0);
	assert_int_equal(ctx->request_count, 0);
	assert_int_equal(ctx->health, FL_HEALTHY);
	world_trade(ctx, 1, 50); /* known */
	world_trade(ctx, 1, 51);
	assert_string_equal(world_seqs(ctx, 1), "51");
	fake_pass(ctx, 5 * FL_MINUTE);
	assert_int_equal(ctx->request_count, 2); /* the refresh keeps its time */
	fake_clear(ctx);
	world_list(ctx, 300, 300);
	assert_int_equal(fake_count(ctx, FL_INSTRUMENT), 600);
	assert_int_equal(world_channels_sent(ctx, "public/subscribe"), 0); /* the pin too */
}

static void an_answer_that_comes_after_a_reload_counts(void **state)
{
	(void)state;
	ctx = world_create(&options);
	ctx->plugin->start(ctx->state);
	world_list(ctx, 5, 0);
	world_up_all(ctx);
	fake_reload(ctx, &options);
	assert_int_equal(world_acknowledge(ctx, NULL), 1); /* one request, and it is known */
	fake_pass(ctx, 15 * FL_SECOND);
	assert_int_equal(world_acknowledge(ctx, NULL), 0);
	assert_int_equal(ctx->loads[1][1], 12);
	assert_int_equal(ctx->health, FL_HEALTHY);
}

static void a_listing_under_way_is_handed_over(void **state)
{
	size_t asked;

	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 3, 1);
	fake_clear(ctx);
	fake_pass(ctx, 5 * FL_MINUTE);
	asked = ctx->request_count;
	assert_int_equal(asked, 2);
	fake_reload(ctx, &options);
	fake_pass(ctx, FL_SECOND);
	assert_int_equal(ctx->request_count, asked); /* not asked again */
	world_list(ctx, 4, 1);
	fake_pass(ctx, FL_SECOND);
	assert_int_equal(fake_count(ctx, FL_INSTRUMENT), 5);
	assert_int_equal(world_channels_sent(ctx, "public/subscribe"), 2); /* of the new one alone */
}

static void a_command_is_answered_by_the_code_that_comes_after(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 2, 0);
	fake_clear(ctx);
	ctx->plugin->on_command(ctx->state, 7, "unsubscribe",
		"{\"instruments\":[\"BTC-26JUN26-1000-C\",\"nonsense\"],\"pin\":false}");
	ctx->plugin->on_command(ctx->state, 8, "refresh", "{}");
	fake_reload(ctx, &options);
	assert_int_equal(ctx->reply_count, 0);
	world_acknowledge(ctx, NULL);
	assert_int_equal(ctx->reply_count, 1);
	assert_int_equal(ctx->replies[0].command, 7);
	assert_string_equal(ctx->replies[0].json,
		"{\"unsubscribed\":[\"BTC-26JUN26-1000-C\"],\"rejected\":[{\"instrument\":\"nonsense\","
		"\"reason\":\"no name of a Deribit instrument\"}]}");
	world_list(ctx, 2, 0);
	fake_pass(ctx, FL_SECOND);
	assert_int_equal(ctx->reply_count, 2);
	assert_int_equal(ctx->replies[1].command, 8);
	assert_int_equal(ctx->replies[1].status, FL_REPLY_OK);
}

static void a_warm_start_connects_anew(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 5, 0);
	ctx->conns[1] = FL_CONN_DIALING; /* another process: nothing is open */
	fake_clear(ctx);
	fake_reload(ctx, &options);
	assert_int_equal(ctx->loads[1][1], 0);
	world_up_all(ctx);
	assert_int_equal(world_acknowledge(ctx, NULL), 1);
	assert_int_equal(ctx->loads[1][1], 12);
}

static void a_stopped_feed_closes_and_starts_again(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 300, 0);
	ctx->plugin->stop(ctx->state);
	assert_int_equal(ctx->conns[1], FL_CONN_CLOSING);
	assert_int_equal(ctx->conns[2], FL_CONN_CLOSING);
	fake_clear(ctx);
	world_trade(ctx, 1, 1); /* what still arrives is published */
	assert_string_equal(world_seqs(ctx, 1), "1");
	fake_conn(ctx, 1, FL_CONN_CLOSED, FL_REASON_ASKED);
	fake_conn(ctx, 2, FL_CONN_CLOSED, FL_REASON_ASKED);
	fake_pass(ctx, FL_HOUR);
	assert_int_equal(ctx->sent_count, 0);
	assert_int_equal(ctx->request_count, 0);
	ctx->plugin->on_command(ctx->state, 1, "refresh", "{}");
	assert_int_equal(ctx->replies[0].status, FL_REPLY_CONFLICT);
	world_start(ctx, 300, 0);
	assert_int_equal(ctx->loads[1][0] + ctx->loads[2][0], 300);
}

static void coverage_is_told(void **state)
{
	static const char *const one[] = { "BTC", NULL };

	(void)state;
	options.currencies = world_names(one);
	ctx = world_create(&options);
	world_start(ctx, 4, 0);
	fake_message(ctx, 1,
		"{\"method\":\"subscription\",\"params\":{\"channel\":\"quote.BTC-26JUN26-1000-C\","
		"\"data\":{\"timestamp\":1700000000124,\"instrument_name\":\"BTC-26JUN26-1000-C\"}}}");
	fake_pass(ctx, 6 * FL_SECOND);
	assert_int_equal(ctx->coverage[0], 4);
	assert_int_equal(ctx->coverage[1], 4);
	assert_int_equal(ctx->coverage[2], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reload_asks_nothing_again),
		TEST(an_answer_that_comes_after_a_reload_counts),
		TEST(a_listing_under_way_is_handed_over),
		TEST(a_command_is_answered_by_the_code_that_comes_after),
		TEST(a_warm_start_connects_anew),
		TEST(a_stopped_feed_closes_and_starts_again),
		TEST(coverage_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
