/* test_reload.c: a reload changes nothing: the same seed makes the same stream and the same ledger.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_core.h"

static void with_ledger(struct options *options)
{
	options->ledger = "ledger.db";
	options->message_rate = 2000;
	options->trade_history = 40; /* goes round */
	options->unlisted = 2;
}

static struct simulator *start(struct fl_ctx *ctx)
{
	struct simulator *sim = fake_start(ctx, with_ledger);
	char text[2000] = "{\"id\":1,\"method\":\"public/subscribe\",\"params\":{\"channels\":["
					  "\"trades.option.BTC.100ms\",\"deribit_price_index.eth_usd\"";

	assert_int_equal(fake_accept(sim, FAKE_CONN, "127.0.0.1:5000"), 0);
	for (uint32_t i = 20; i < 30; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			",\"quote.%s\",\"book.%s.100ms\",\"ticker.%s.agg2\"",
			sim->market.universe.instruments[i].name, sim->market.universe.instruments[i].name,
			sim->market.universe.instruments[i].name);
	strcat(text, "]}}");
	fake_say(sim, FAKE_CONN, text);
	fake_say(sim, FAKE_CONN,
		"{\"id\":2,\"method\":\"public/set_heartbeat\",\"params\":{\"interval\":10}}");
	return sim;
}

/* What a test does to it on the way: faults with a memory, another rate, an instrument more. */
static void disturb(struct fl_ctx *ctx, struct simulator *sim, int step)
{
	static const struct {
		const char *path, *body;
	} orders[] = { { "/sim/rate", "{\"messages_per_second\":1500}" },
		{ "/sim/fault", "{\"fault\":\"lost\",\"count\":30}" },
		{ "/sim/fault", "{\"fault\":\"list\"}" },
		{ "/sim/fault", "{\"fault\":\"skew\",\"seconds\":5}" },
		{ "/sim/faults", "{\"seed\":9,\"every\":\"3s\"}" } };

	if (step % 8 == 3)
		yyjson_doc_free(
			fake_http(ctx, sim, "POST", orders[step / 8 % 5].path, "", orders[step / 8 % 5].body));
}

/* Five seconds of it, in steps; returns its state. */
static struct simulator *play(struct fl_ctx *ctx, bool with_reloads)
{
	struct simulator *sim = start(ctx);

	for (int step = 0; step < 50; step++) {
		disturb(ctx, sim, step);
		fake_pass(ctx, sim, 100 * FL_MS);
		if (with_reloads && step % 3 == 0)
			sim = fake_reload(ctx, sim);
	}
	return sim;
}

static void the_stream_is_the_same_with_reloads_and_without(void **state)
{
	struct fl_ctx plain, reloaded;
	struct simulator *one = play(&plain, false), *other = play(&reloaded, true);

	(void)state;
	assert_true(plain.sent_count > 5000);
	assert_int_equal(plain.sent_count, reloaded.sent_count);
	for (size_t i = 0; i < plain.sent_count; i++)
		if (strcmp(plain.sent[i].text, reloaded.sent[i].text) != 0)
			fail_msg("message %zu:\n%s\n%s", i, plain.sent[i].text, reloaded.sent[i].text);
	fake_http(&plain, one, "POST", "/sim/quiesce", "", "");
	fake_http(&reloaded, other, "POST", "/sim/quiesce", "", "");
	fake_answer_jobs(&plain, one);
	fake_answer_jobs(&reloaded, other);
	assert_true(fake_rows(&plain, "sent") > 5000);
	for (int i = 0; i < FAKE_TABLES; i++) {
		assert_string_equal(plain.tables[i].table, reloaded.tables[i].table);
		assert_int_equal(plain.tables[i].rows, reloaded.tables[i].rows);
	}
	assert_int_equal(ledger_lag(&other->ledger), 0);
	fake_stop(&plain, one);
	fake_stop(&reloaded, other);
}

static void a_client_is_still_known(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = play(&ctx, true);
	yyjson_doc *doc;

	(void)state;
	doc = fake_http(&ctx, sim, "GET", "/sim/status", "", "");
	assert_int_equal(yyjson_arr_size(at(doc, "/connections")), 1);
	assert_int_equal(
		yyjson_get_sint(at(doc, "/connections/0/connection")), 6); /* behind those the ledger had */
	assert_int_equal(yyjson_get_sint(at(doc, "/connections/0/channels")), 32);
	assert_int_equal(yyjson_get_sint(at(doc, "/ledger/lost_rows")), 0);
	yyjson_doc_free(doc);
	fake_stop(&ctx, sim);
}

static void a_capture_is_played_on(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = start(&ctx);
	char body[4096] = "";
	yyjson_doc *doc;

	(void)state;
	for (int i = 0; i < 20; i++)
		snprintf(body + strlen(body), sizeof(body) - strlen(body),
			"{\"params\":{\"channel\":\"quote.XYZ\",\"data\":{\"number\":%d}}}\n", i);
	yyjson_doc_free(fake_http(&ctx, sim, "POST", "/sim/replay", "speed=10&to=all", body));
	assert_int_equal(ctx.status, 200);
	for (int step = 0; step < 30; step++) {
		fake_pass(&ctx, sim, 100 * FL_MS);
		sim = fake_reload(&ctx, sim);
	}
	doc = fake_http(&ctx, sim, "GET", "/sim/status", "", "");
	assert_int_equal(yyjson_get_sint(at(doc, "/replay/played")), 20);
	assert_int_equal(yyjson_get_sint(at(doc, "/replay/sent")), 20);
	yyjson_doc_free(doc);
	fake_stop(&ctx, sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_stream_is_the_same_with_reloads_and_without),
		cmocka_unit_test(a_client_is_still_known),
		cmocka_unit_test(a_capture_is_played_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
