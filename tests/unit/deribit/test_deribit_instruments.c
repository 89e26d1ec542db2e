/* Instruments by command, by lists that lie, by rehearsal; those that are mute or long expired. */
#include "deribit_universe.h"
#include "flow.h"
#include "unit.h"
#include "world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- commands ---- */

static void a_mute_instrument_is_renewed_alone(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 4, 0);
	fake_clear(ctx);
	ctx->plugin->on_command(ctx->state, 3, "renew",
		"{\"instruments\":[\"BTC-26JUN26-1001-C\",\"BTC-26JUN26-1001-C\",\"BTC-PERPETUAL\",\"what\",7]}");
	assert_string_equal(ctx->replies[0].json,
		"{\"renewed\":[\"BTC-26JUN26-1001-C\",\"BTC-26JUN26-1001-C\"],\"rejected\":["
		"{\"instrument\":\"BTC-PERPETUAL\",\"reason\":\"it is not followed\"},"
		"{\"instrument\":\"what\",\"reason\":\"it is not followed\"},"
		"{\"instrument\":\"\",\"reason\":\"it is not followed\"}]}");
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), 2);
	assert_non_null(world_sent(ctx, "BTC-26JUN26-1001-C", 0));
	world_acknowledge(ctx, "ticker.BTC-26JUN26-1001-C"); /* and what comes of it */
	assert_int_equal(world_channels_sent(ctx, "public/subscribe"), 2);
	assert_int_equal(ctx->health, FL_DEGRADED);
	fake_pass(ctx, 6 * FL_SECOND);
	world_acknowledge(ctx, NULL);
	assert_int_equal(ctx->health, FL_HEALTHY);
	assert_int_equal(ctx->loads[1][0], 4);
	assert_int_equal(ctx->reconnected[1], FL_REASON_NONE);
}

static void instruments_are_followed_and_left_by_command(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 2, 0);
	fake_clear(ctx);
	ctx->plugin->on_command(
		ctx->state, 7, "unsubscribe", "{\"instruments\":[\"BTC-26JUN26-1000-C\",\"nonsense\",5]}");
	assert_int_equal(ctx->reply_count, 0); /* only when the venue has acknowledged */
	world_acknowledge(ctx, NULL);
	assert_int_equal(ctx->reply_count, 1);
	assert_int_equal(ctx->replies[0].command, 7);
	assert_string_equal(ctx->replies[0].json,
		"{\"unsubscribed\":[\"BTC-26JUN26-1000-C\"],\"rejected\":[{\"instrument\":\"nonsense\","
		"\"reason\":\"no name of a Deribit instrument\"},{\"instrument\":\"\",\"reason\":"
		"\"no text\"}]}");
	fake_clear(ctx);
	fake_pass(ctx, 5 * FL_MINUTE); /* a refresh respects it */
	world_list(ctx, 2, 0);
	fake_pass(ctx, FL_SECOND);
	assert_int_equal(world_channels_sent(ctx, "public/subscribe"), 0);
	assert_int_equal(ctx->coverage[0], 0); /* ETH, told last */
	ctx->plugin->on_command(ctx->state, 8, "subscribe",
		"{\"instruments\":[\"BTC-26JUN26-1000-C\",\"BTC-PERPETUAL\",\"BTC-1JAN27-9-C\"]}");
	world_acknowledge(ctx, "BTC-1JAN27-9-C");
	assert_int_equal(ctx->reply_count, 1);
	assert_string_equal(ctx->replies[0].json,
		"{\"subscribed\":[\"BTC-26JUN26-1000-C\",\"BTC-PERPETUAL\"],\"rejected\":[{\"instrument\":"
		"\"BTC-1JAN27-9-C\",\"reason\":\"the venue did not acknowledge it\"}]}");
	fake_clear(ctx);
	ctx->plugin->on_command(ctx->state, 9, "subscribe", "{\"instruments\":[\"BTC-PERPETUAL\"]}");
	assert_string_equal(ctx->replies[0].json,
		"{\"subscribed\":[\"BTC-PERPETUAL\"],\"rejected\":[]}"); /* it may be repeated */
	fake_pass(ctx, FL_MINUTE);
	assert_int_equal(ctx->sent_count, 0); /* what the venue does not know is not asked again */
	ctx->plugin->on_command(ctx->state, 10, "subscribe", "{\"instruments\":7}");
	assert_int_equal(ctx->replies[1].status, FL_REPLY_BAD);
	ctx->plugin->on_command(ctx->state, 11, "subscribe", "[");
	assert_int_equal(ctx->replies[2].status, FL_REPLY_BAD);
	ctx->plugin->on_command(ctx->state, 12, "what", "{}");
	assert_int_equal(ctx->replies[3].status, FL_REPLY_NOT_FOUND);
}

static void subscriptions_and_refresh_are_answered(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 1, 1);
	fake_clear(ctx);
	ctx->plugin->on_command(ctx->state, 1, "subscriptions", NULL);
	assert_string_equal(ctx->replies[0].json,
		"{\"connections\":[{\"connection\":0,\"currency\":null,\"instruments\":"
		"[\"BTC-26JUN26-1000-C\",\"ETH-26JUN26-6000-C\"],\"channel_count\":6}],"
		"\"pending\":[],\"deferred\":[],\"pinned\":[],\"excluded\":[]}");
	ctx->plugin->on_command(ctx->state, 2, "refresh", "{}");
	assert_int_equal(ctx->reply_count, 1);
	world_list(ctx, 2, 1);
	assert_int_equal(ctx->reply_count, 2);
	assert_string_equal(ctx->replies[1].json,
		"{\"currencies\":[{\"currency\":\"BTC\",\"listed\":2,\"subscribed\":1,\"new\":1,"
		"\"expired\":0,\"failed\":0,\"held\":0},{\"currency\":\"ETH\",\"listed\":1,"
		"\"subscribed\":1,\"new\":0,\"expired\":0,\"failed\":0,\"held\":0}],"
		"\"listed\":3,\"subscribed\":2}");
}

static void what_is_left_out_by_hand_and_by_policy_differ(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 2, 1);
	fake_clear(ctx);
	ctx->plugin->on_command(
		ctx->state, 1, "unsubscribe", "{\"instruments\":[\"BTC-26JUN26-1000-C\"],\"pin\":false}");
	ctx->plugin->on_command(
		ctx->state, 2, "unsubscribe", "{\"instruments\":[\"BTC-26JUN26-1001-C\"]}");
	world_acknowledge(ctx, NULL);
	fake_clear(ctx);
	ctx->plugin->on_command(ctx->state, 3, "subscriptions", NULL);
	assert_string_equal(ctx->replies[0].json,
		"{\"connections\":[{\"connection\":0,\"currency\":\"ETH\",\"instruments\":"
		"[\"ETH-26JUN26-6000-C\"],\"channel_count\":4}],\"pending\":[],\"deferred\":[],"
		"\"pinned\":[],\"excluded\":[\"BTC-26JUN26-1001-C\"]}");
}

/* ---- a list that cannot be believed ---- */

static void a_short_list_is_held_until_it_is_confirmed(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 10, 5);
	fake_clear(ctx);
	ctx->plugin->on_command(ctx->state, 1, "refresh", "{\"max_drop\":0.2}");
	world_list(ctx, 0, 4); /* all of BTC are gone, and one in five of ETH */
	assert_true(fake_complains(ctx, "drop"));
	assert_non_null(strstr(ctx->replies[0].json, "\"currency\":\"BTC\",\"listed\":10"));
	assert_non_null(strstr(ctx->replies[0].json, "\"held\":10"));
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), 2); /* the one of ETH */
	world_acknowledge(ctx, NULL);
	fake_clear(ctx);
	ctx->plugin->on_command(ctx->state, 2, "refresh", "{}"); /* at once: confirms nothing */
	world_list(ctx, 0, 4);
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), 0);
	fake_pass(ctx, 61 * FL_SECOND);
	ctx->plugin->on_command(ctx->state, 3, "refresh", "{}");
	world_list(ctx, 0, 4);
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), 20);
	assert_false(fake_complains(ctx, "drop"));
}

static void a_short_list_that_was_a_mistake_ends_nothing(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 10, 0);
	ctx->plugin->on_command(ctx->state, 1, "refresh", "{}");
	world_list(ctx, 3, 0);
	assert_true(fake_complains(ctx, "drop"));
	fake_pass(ctx, 5 * FL_MINUTE);
	ctx->plugin->on_command(ctx->state, 2, "refresh", "{}");
	fake_clear(ctx);
	world_list(ctx, 10, 0);
	assert_false(fake_complains(ctx, "drop"));
	ctx->plugin->on_command(ctx->state, 3, "refresh", "{}");
	world_list(ctx, 3, 0); /* the next mistake is held as well */
	assert_true(fake_complains(ctx, "drop"));
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), 0);
}

/* ---- rehearsals ---- */

static void a_rehearsed_expiry_goes_the_whole_way_and_back(void **state)
{
	const struct fl_instrument *record;
	char json[128], time[40];
	size_t count;

	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 2, 0);
	fake_clear(ctx);
	fl_time_print(time, ctx->now_ns + 20 * FL_SECOND, 3);
	snprintf(
		json, sizeof(json), "{\"instrument\":\"BTC-26JUN26-1001-C\",\"expires_at\":\"%s\"}", time);
	ctx->plugin->on_command(ctx->state, 1, "rehearse", json);
	assert_int_equal(ctx->replies[0].status, FL_REPLY_OK);
	record = fake_record(ctx, FL_INSTRUMENT, 0);
	assert_true(record->is_active);
	assert_int_equal(record->expiry_ns / FL_MS, (ctx->now_ns + 20 * FL_SECOND) / FL_MS);
	fake_pass(ctx, 22 * FL_SECOND);
	record = fake_record(ctx, FL_INSTRUMENT, 1);
	assert_false(record->is_active);
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), 2);
	world_acknowledge(ctx, NULL);
	fake_clear(ctx);
	ctx->plugin->on_command(ctx->state, 2, "refresh", "{}");
	world_list(ctx, 2, 0); /* a venue that still lists it does not bring it back */
	record = fake_record(ctx, FL_INSTRUMENT, 1);
	assert_false(record->is_active);
	assert_int_equal(world_channels_sent(ctx, "public/subscribe"), 0);
	fake_clear(ctx);
	ctx->plugin->on_command(ctx->state, 3, "rehearse", "{\"instrument\":\"BTC-26JUN26-1001-C\"}");
	world_list(ctx, 2, 0);
	count = fake_count(ctx, FL_INSTRUMENT);
	record = fake_record(ctx, FL_INSTRUMENT, count - 1);
	assert_true(record->is_active);
	fake_pass(ctx, FL_SECOND);
	assert_int_equal(world_channels_sent(ctx, "public/subscribe"), 2);
}

static void a_hidden_instrument_is_as_if_unlisted(void **state)
{
	const struct fl_instrument *record;

	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 2, 0);
	fake_clear(ctx);
	ctx->plugin->on_command(
		ctx->state, 1, "rehearse", "{\"instrument\":\"BTC-26JUN26-1001-C\",\"hide\":true}");
	record = fake_record(ctx, FL_INSTRUMENT, 0);
	assert_false(record->is_active);
	assert_int_equal(record->state, FL_STATE_REMOVED);
	fake_pass(ctx, FL_SECOND);
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), 2);
	ctx->plugin->on_command(ctx->state, 2, "rehearse", "{\"instrument\":\"BTC-26JUN26-7777-C\"}");
	assert_int_equal(ctx->replies[1].status, FL_REPLY_NOT_FOUND);
	ctx->plugin->on_command(ctx->state, 3, "rehearse",
		"{\"instrument\":\"BTC-26JUN26-1001-C\",\"expires_at\":\"soon\"}");
	assert_int_equal(ctx->replies[2].status, FL_REPLY_BAD);
}

static void what_expired_long_ago_is_forgotten(void **state)
{
	char json[160], time[40];
	size_t before;

	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 4, 0);
	before = world_plugin(ctx)->item_count;
	fl_time_print(time, ctx->now_ns + FL_SECOND, 3);
	snprintf(
		json, sizeof(json), "{\"instrument\":\"BTC-26JUN26-1001-C\",\"expires_at\":\"%s\"}", time);
	ctx->plugin->on_command(ctx->state, 1, "rehearse", json);
	fake_pass(ctx, 3 * FL_SECOND);
	world_acknowledge(ctx, NULL);
	fake_pass(ctx, 25 * FL_HOUR);
	assert_int_equal(world_plugin(ctx)->item_count, before); /* it is a rehearsal, after all */
	world_plugin(ctx)->items[1].rehearsed_ns = 0;
	fake_pass(ctx, FL_HOUR);
	assert_int_equal(world_plugin(ctx)->item_count, before - 1);
	for (size_t i = 0; i < before - 1; i++)
		assert_ptr_equal(deribit_item_by_id(world_plugin(ctx), world_plugin(ctx)->items[i].id),
			&world_plugin(ctx)->items[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_mute_instrument_is_renewed_alone),
		TEST(instruments_are_followed_and_left_by_command),
		TEST(subscriptions_and_refresh_are_answered),
		TEST(what_is_left_out_by_hand_and_by_policy_differ),
		TEST(a_short_list_is_held_until_it_is_confirmed),
		TEST(a_short_list_that_was_a_mistake_ends_nothing),
		TEST(a_rehearsed_expiry_goes_the_whole_way_and_back),
		TEST(a_hidden_instrument_is_as_if_unlisted),
		TEST(what_expired_long_ago_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
