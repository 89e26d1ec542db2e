/* test_session.c: WebSocket sessions: subscriptions, heartbeats, credits, limits. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_core.h"

static struct simulator *with_client(struct fl_ctx *ctx, void (*change)(struct options *options))
{
	struct simulator *sim = fake_start(ctx, change);

	assert_int_equal(fake_accept(sim, FAKE_CONN, "127.0.0.1:5000"), 0);
	return sim;
}

static yyjson_doc *call(
	struct fl_ctx *ctx, struct simulator *sim, const char *method, const char *params)
{
	char text[2048];

	snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}",
		method, params);
	fake_forget_sent(ctx);
	return fake_ask(ctx, sim, FAKE_CONN, text);
}

static void quiet(struct options *options)
{
	options->message_rate = 0;
}

static void channels_are_acknowledged_backwards_and_bad_ones_dropped(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = with_client(&ctx, quiet);
	yyjson_doc *doc = call(&ctx, sim, "public/subscribe",
		"{\"channels\":[\"book.BTC-PERPETUAL.100ms\",\"nonsense\",\"quote.ETH-PERPETUAL\","
		"\"ticker.BTC-PERPETUAL.100ms\",\"ticker.BTC-PERPETUAL.17ms\",\"trades.option.BTC.100ms\","
		"\"quote.BTC-1JAN20-1-C\",\"quote.ETH-PERPETUAL\",5,\"ticker.BTC-PERPETUAL\","
		"\"deribit_price_index.btc_usd\",\"quote.ETH-PERPETUAL.100ms\"]}");
	static const char *const expected[] = { "trades.option.BTC.100ms", "ticker.BTC-PERPETUAL.100ms",
		"quote.ETH-PERPETUAL", "deribit_price_index.btc_usd", "book.BTC-PERPETUAL.100ms" };

	(void)state;
	assert_int_equal(yyjson_arr_size(at(doc, "/result")), 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(yyjson_get_str(yyjson_arr_get(at(doc, "/result"), i)), expected[i]);
	assert_int_equal(yyjson_get_sint(at(doc, "/id")), 1);
	assert_true(yyjson_get_bool(at(doc, "/testnet")));
	assert_int_equal(yyjson_get_sint(at(doc, "/usOut")) - yyjson_get_sint(at(doc, "/usIn")),
		yyjson_get_sint(at(doc, "/usDiff")));
	yyjson_doc_free(doc);
	doc = call(&ctx, sim, "public/subscribe", "{\"channels\":[\"nothing.like.that\"]}");
	assert_true(yyjson_is_arr(at(doc, "/result")));
	assert_int_equal(yyjson_arr_size(at(doc, "/result")), 0);
	yyjson_doc_free(doc);
	fake_stop(&ctx, sim);
}

static void first_messages_come_once_behind_the_acknowledgement(void **state)
{
	static const char channels[] = "{\"channels\":[\"book.BTC-PERPETUAL.100ms\","
								   "\"ticker.BTC-PERPETUAL.agg2\",\"quote.BTC-PERPETUAL\"]}";
	struct fl_ctx ctx;
	struct simulator *sim = with_client(&ctx, quiet);
	yyjson_doc *doc = call(&ctx, sim, "public/subscribe", channels);

	(void)state;
	assert_non_null(at(doc, "/result"));
	yyjson_doc_free(doc);
	assert_int_equal(ctx.sent_count, 3);
	doc = yyjson_read(ctx.sent[1].text, ctx.sent[1].length, 0);
	assert_string_equal(yyjson_get_str(at(doc, "/method")), "subscription");
	assert_string_equal(yyjson_get_str(at(doc, "/params/channel")), "ticker.BTC-PERPETUAL.agg2");
	assert_non_null(at(doc, "/params/data/current_funding"));
	assert_null(at(doc, "/params/data/greeks"));
	yyjson_doc_free(doc);
	doc = yyjson_read(ctx.sent[2].text, ctx.sent[2].length, 0);
	assert_string_equal(yyjson_get_str(at(doc, "/params/data/type")), "snapshot");
	assert_null(at(doc, "/params/data/prev_change_id"));
	assert_string_equal(yyjson_get_str(at(doc, "/params/data/bids/0/0")), "new");
	yyjson_doc_free(doc);
	doc = call(&ctx, sim, "public/subscribe", channels);
	assert_int_equal(yyjson_arr_size(at(doc, "/result")), 3);
	assert_int_equal(ctx.sent_count, 1);
	yyjson_doc_free(doc);
	/* Unsubscribed and subscribed anew, a book is whole again. */
	doc = call(&ctx, sim, "public/unsubscribe", channels);
	assert_int_equal(yyjson_arr_size(at(doc, "/result")), 3);
	yyjson_doc_free(doc);
	doc = call(&ctx, sim, "public/unsubscribe", channels);
	assert_int_equal(yyjson_arr_size(at(doc, "/result")), 0);
	yyjson_doc_free(doc);
	yyjson_doc_free(call(&ctx, sim, "public/subscribe", channels));
	assert_int_equal(ctx.sent_count, 3);
	fake_stop(&ctx, sim);
}

static void raw_needs_credentials(void **state)
{
	static const char raw[] = "{\"channels\":[\"book.BTC-PERPETUAL.raw\"]}";
	struct fl_ctx ctx;
	struct simulator *sim = with_client(&ctx, quiet);
	yyjson_doc *doc = call(&ctx, sim, "public/subscribe", raw);

	(void)state;
	assert_int_equal(yyjson_get_sint(at(doc, "/error/code")), 13778);
	assert_string_equal(yyjson_get_str(at(doc, "/error/message")),
		"raw_subscriptions_not_available_for_unauthorized");
	yyjson_doc_free(doc);
	doc = call(&ctx, sim, "private/subscribe", raw);
	assert_int_equal(yyjson_get_sint(at(doc, "/error/code")), 13009);
	yyjson_doc_free(doc);
	doc = call(&ctx, sim, "public/auth",
		"{\"grant_type\":\"client_credentials\",\"client_id\":\"me\",\"client_secret\":\"wrong\"}");
	assert_int_equal(yyjson_get_sint(at(doc, "/error/code")), 13004);
	yyjson_doc_free(doc);
	doc = call(&ctx, sim, "public/auth",
		"{\"grant_type\":\"client_credentials\",\"client_id\":\"me\",\"client_secret\":\"secret\"}");
	assert_string_equal(yyjson_get_str(at(doc, "/result/token_type")), "bearer");
	yyjson_doc_free(doc);
	doc = call(&ctx, sim, "private/subscribe", raw);
	assert_int_equal(yyjson_arr_size(at(doc, "/result")), 1);
	yyjson_doc_free(doc);
	fake_stop(&ctx, sim);
}

static void what_cannot_be_read_is_answered_without_an_id(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = with_client(&ctx, quiet);
	char *large = calloc(1, 40001);
	yyjson_doc *doc = fake_ask(&ctx, sim, FAKE_CONN, "{\"id\":1,");

	(void)state;
	assert_int_equal(yyjson_get_sint(at(doc, "/error/code")), 11050);
	assert_string_equal(yyjson_get_str(at(doc, "/error/data")), "invalid json");
	assert_null(at(doc, "/id"));
	yyjson_doc_free(doc);
	memset(large, ' ', 40000);
	doc = fake_ask(&ctx, sim, FAKE_CONN, large);
	assert_int_equal(yyjson_get_sint(at(doc, "/error/code")), -32600);
	assert_string_equal(yyjson_get_str(at(doc, "/error/message")), "request entity too large");
	assert_null(at(doc, "/id"));
	yyjson_doc_free(doc);
	free(large);
	/* The connection is still good, and ids keep their type. */
	doc = fake_ask(&ctx, sim, FAKE_CONN, "{\"id\":\"a\\\"b\",\"method\":\"public/hello\"}");
	assert_string_equal(yyjson_get_str(at(doc, "/id")), "a\"b");
	yyjson_doc_free(doc);
	doc = fake_ask(&ctx, sim, FAKE_CONN, "{\"id\":-7,\"method\":\"public/nothing\"}");
	assert_int_equal(yyjson_get_sint(at(doc, "/id")), -7);
	assert_int_equal(yyjson_get_sint(at(doc, "/error/code")), -32601);
	yyjson_doc_free(doc);
	doc = fake_ask(&ctx, sim, FAKE_CONN, "{\"method\":\"public/test\",\"params\":[1]}");
	assert_int_equal(yyjson_get_sint(at(doc, "/error/code")), -32602);
	assert_null(at(doc, "/id"));
	yyjson_doc_free(doc);
	fake_stop(&ctx, sim);
}

static int count_sent(const struct fl_ctx *ctx, const char *words)
{
	int count = 0;

	for (size_t i = 0; i < ctx->sent_count; i++)
		count += strstr(ctx->sent[i].text, words) != NULL;
	return count;
}

static void an_unanswered_test_request_ends_in_4000(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = with_client(&ctx, quiet);

	(void)state;
	yyjson_doc_free(call(&ctx, sim, "public/set_heartbeat", "{\"interval\":10}"));
	fake_forget_sent(&ctx);
	fake_pass(&ctx, sim, 10 * FL_SECOND);
	assert_int_equal(count_sent(&ctx, "test_request"), 0);
	fake_pass(&ctx, sim, 700 * FL_MS);
	assert_int_equal(count_sent(&ctx, "test_request"), 1);
	assert_int_equal(count_sent(&ctx, "\"type\":\"heartbeat\""), 1); /* it was idle */
	for (int i = 0; i < 5; i++) {
		yyjson_doc_free(call(&ctx, sim, "public/test", "{}"));
		fake_forget_sent(&ctx);
		fake_pass(&ctx, sim, 10600 * FL_MS);
		assert_int_equal(count_sent(&ctx, "test_request"), 1);
		assert_int_equal(ctx.closed, 0);
	}
	fake_pass(&ctx, sim, 9 * FL_SECOND);
	assert_int_equal(ctx.closed, 0);
	fake_pass(&ctx, sim, 2 * FL_SECOND);
	assert_int_equal(ctx.closed, FAKE_CONN);
	assert_int_equal(ctx.close_code, 4000);
	assert_string_equal(ctx.close_reason, "heartbeat close");
	fake_stop(&ctx, sim);
}

static void busy_connections_get_no_heartbeat_frames(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = with_client(&ctx, NULL);

	(void)state;
	yyjson_doc_free(
		call(&ctx, sim, "public/subscribe", "{\"channels\":[\"quote.BTC-PERPETUAL\"]}"));
	yyjson_doc_free(call(&ctx, sim, "public/set_heartbeat", "{\"interval\":10}"));
	fake_pass(&ctx, sim, 11 * FL_SECOND);
	assert_int_equal(count_sent(&ctx, "test_request"), 1);
	assert_int_equal(count_sent(&ctx, "\"type\":\"heartbeat\""), 0);
	fake_stop(&ctx, sim);
}

static void idle_connections_are_dropped_after_a_minute(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = with_client(&ctx, quiet);

	(void)state;
	fake_pass(&ctx, sim, 59 * FL_SECOND);
	assert_int_equal(ctx.aborted, 0);
	fake_pass(&ctx, sim, 2 * FL_SECOND);
	assert_int_equal(ctx.aborted, FAKE_CONN);
	/* One quiet subscription keeps the next one. */
	assert_int_equal(fake_accept(sim, FAKE_CONN + 1, "127.0.0.1:5001"), 0);
	fake_say(sim, FAKE_CONN + 1,
		"{\"id\":1,\"method\":\"public/subscribe\",\"params\":{\"channels\":[\"platform_state\"]}}");
	fake_pass(&ctx, sim, 200 * FL_SECOND);
	assert_int_equal(ctx.aborted, FAKE_CONN);
	fake_stop(&ctx, sim);
}

static void credits_run_out_in_10028_and_the_end(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = with_client(&ctx, quiet);
	int answered = 0;

	(void)state;
	while (ctx.closed == 0) {
		yyjson_doc *doc =
			call(&ctx, sim, "public/subscribe", "{\"channels\":[\"quote.BTC-PERPETUAL\"]}");
		int64_t code = yyjson_get_sint(at(doc, "/error/code"));

		yyjson_doc_free(doc);
		assert_int_equal(code, ctx.closed != 0 ? 10028 : 0);
		assert_true(answered++ < 20);
	}
	assert_int_equal(answered, 11); /* ten at once, the eleventh is too much */
	/* The pool is the host's, not the connection's. */
	assert_int_equal(fake_accept(sim, FAKE_CONN + 1, "127.0.0.1:5001"), 0);
	fake_say(sim, FAKE_CONN + 1,
		"{\"id\":1,\"method\":\"public/subscribe\",\"params\":{\"channels\":[]}}");
	assert_int_equal(ctx.closed, FAKE_CONN + 1);
	fake_stop(&ctx, sim);
}

static void the_33rd_connection_of_a_host_is_429(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = fake_start(&ctx, quiet);

	(void)state;
	for (int i = 0; i < 32; i++)
		assert_int_equal(fake_accept(sim, FAKE_CONN + i, "127.0.0.1:5000"), 0);
	assert_int_equal(fake_accept(sim, FAKE_CONN + 32, "127.0.0.1:5000"), 429);
	assert_int_equal(fake_accept(sim, FAKE_CONN + 33, "127.0.0.2:5000"), 0);
	feedloom_plugin.on_connection(sim, FAKE_CONN + 4, FL_CONN_CLOSED, FL_REASON_RESET);
	assert_int_equal(fake_accept(sim, FAKE_CONN + 34, "127.0.0.1:5000"), 0);
	fake_stop(&ctx, sim);
}

static void few_channels(struct options *options)
{
	options->message_rate = 0;
	options->max_channels = 2;
}

static void channels_beyond_the_limit_are_not_acknowledged(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = with_client(&ctx, few_channels);
	yyjson_doc *doc = call(&ctx, sim, "public/subscribe",
		"{\"channels\":[\"quote.BTC-PERPETUAL\",\"quote.ETH-PERPETUAL\","
		"\"ticker.BTC-PERPETUAL.100ms\"]}");

	(void)state;
	assert_int_equal(yyjson_arr_size(at(doc, "/result")), 2);
	yyjson_doc_free(doc);
	fake_stop(&ctx, sim);
}

static void a_dropped_connection_is_forgotten(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = with_client(&ctx, NULL);
	yyjson_doc *doc;

	(void)state;
	yyjson_doc_free(
		call(&ctx, sim, "public/subscribe", "{\"channels\":[\"quote.BTC-PERPETUAL\"]}"));
	doc = fake_http(&ctx, sim, "POST", "/sim/drop", "", "{\"connection\":99}");
	assert_int_equal(ctx.status, 404);
	yyjson_doc_free(doc);
	doc = fake_http(&ctx, sim, "POST", "/sim/drop", "", "{\"connection\":1}");
	assert_int_equal(yyjson_get_sint(at(doc, "/dropped")), 1);
	yyjson_doc_free(doc);
	assert_int_equal(ctx.aborted, FAKE_CONN);
	fake_forget_sent(&ctx);
	fake_pass(&ctx, sim, FL_SECOND);
	assert_int_equal(ctx.sent_count, 0);
	doc = fake_http(&ctx, sim, "GET", "/sim/status", "", "");
	assert_int_equal(yyjson_arr_size(at(doc, "/connections")), 0);
	yyjson_doc_free(doc);
	fake_stop(&ctx, sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(channels_are_acknowledged_backwards_and_bad_ones_dropped),
		cmocka_unit_test(first_messages_come_once_behind_the_acknowledgement),
		cmocka_unit_test(raw_needs_credentials),
		cmocka_unit_test(what_cannot_be_read_is_answered_without_an_id),
		cmocka_unit_test(an_unanswered_test_request_ends_in_4000),
		cmocka_unit_test(busy_connections_get_no_heartbeat_frames),
		cmocka_unit_test(idle_connections_are_dropped_after_a_minute),
		cmocka_unit_test(credits_run_out_in_10028_and_the_end),
		cmocka_unit_test(the_33rd_connection_of_a_host_is_429),
		cmocka_unit_test(channels_beyond_the_limit_are_not_acknowledged),
		cmocka_unit_test(a_dropped_connection_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
