/* test_faults.c: what goes wrong when it is asked to, and that the ledger knows it. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_core.h"
#include "faults.h"

static void few(struct options *options)
{
	options->btc_options = 20;
	options->eth_options = 0;
	options->futures = 1;
	options->unlisted = 2;
	options->ledger = "ledger.db";
	options->trade_share = 300;
}

static void subscribe_all(struct simulator *sim, int conn)
{
	char *text = calloc(1, 20000);
	size_t length = (size_t)snprintf(text, 20000,
		"{\"id\":1,\"method\":\"public/subscribe\",\"params\":{\"channels\":["
		"\"trades.option.BTC.100ms\",\"instrument.state.option.BTC\",\"platform_state\"");

	for (uint32_t i = 0; i < sim->market.universe.count; i++) {
		const char *name = sim->market.universe.instruments[i].name;

		length += (size_t)snprintf(text + length, 20000 - length,
			",\"quote.%s\",\"ticker.%s.100ms\",\"book.%s.100ms\"", name, name, name);
	}
	snprintf(text + length, 20000 - length, "]}}");
	fake_say(sim, conn, text);
	free(text);
}

static struct simulator *begin(struct fl_ctx *ctx)
{
	struct simulator *sim = fake_start(ctx, few);

	assert_int_equal(fake_accept(sim, FAKE_CONN, "127.0.0.1:5000"), 0);
	subscribe_all(sim, FAKE_CONN);
	fake_pass(ctx, sim, FL_SECOND);
	fake_forget_sent(ctx);
	return sim;
}

/* Asks for a fault; the HTTP status. */
static int order(struct fl_ctx *ctx, struct simulator *sim, const char *body)
{
	yyjson_doc_free(fake_http(ctx, sim, "POST", "/sim/fault", "", body));
	return ctx->status;
}

static bool is_understood(const struct fake_message *message)
{
	yyjson_doc *doc = yyjson_read(message->text, message->length, 0);
	bool is_ours = yyjson_is_str(at(doc, "/params/channel")) &&
		(yyjson_is_num(at(doc, "/params/data/timestamp")) ||
			yyjson_is_num(at(doc, "/params/data/0/timestamp")) ||
			yyjson_is_str(at(doc, "/params/data/state")));
	yyjson_val *time = at(doc, "/params/data/timestamp");

	if (yyjson_is_num(time) && !(yyjson_get_num(time) > 1e12 && yyjson_get_num(time) < 1e13))
		is_ours = false;
	if (yyjson_is_obj(at(doc, "/params/data/instrument_name")))
		is_ours = false;
	yyjson_doc_free(doc);
	return is_ours;
}

static int count_odd(const struct fl_ctx *ctx)
{
	int count = 0;

	for (size_t i = 0; i < ctx->sent_count; i++)
		count += !is_understood(&ctx->sent[i]);
	return count;
}

static void spoilt_messages_are_sent_and_hold_nothing(void **state)
{
	static const char *const faults[] = { "bad_json", "bad_shape", "huge_number", "bad_utf8" };
	struct fl_ctx ctx;
	struct simulator *sim = begin(&ctx);
	char body[96];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		uint64_t sent = fake_rows(&ctx, "sent"), quotes = fake_rows(&ctx, "sent_quotes");

		snprintf(
			body, sizeof(body), "{\"fault\":\"%s\",\"count\":20,\"kind\":\"quote\"}", faults[i]);
		assert_int_equal(order(&ctx, sim, body), 200);
		fake_forget_sent(&ctx);
		fake_pass(&ctx, sim, FL_SECOND);
		fake_pass(&ctx, sim, 0);
		ledger_flush(&sim->ledger, true);
		assert_int_equal(count_odd(&ctx), 20);
		assert_true(fake_rows(&ctx, "sent") >= sent + 20);
		assert_true(fake_rows(&ctx, "sent_quotes") > quotes);
	}
	assert_int_equal(fake_rows(&ctx, "faults"), 4);
	fake_stop(&ctx, sim);
}

static void repeated_messages_are_the_same_twice(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = begin(&ctx);
	int pairs = 0;

	(void)state;
	assert_int_equal(
		order(&ctx, sim, "{\"fault\":\"repeat\",\"count\":7,\"connection\":\"all\"}"), 200);
	fake_forget_sent(&ctx);
	fake_pass(&ctx, sim, FL_SECOND);
	for (size_t i = 1; i < ctx.sent_count; i++)
		pairs += strcmp(ctx.sent[i].text, ctx.sent[i - 1].text) == 0;
	assert_int_equal(pairs, 7);
	fake_stop(&ctx, sim);
}

static void a_late_trade_comes_behind_the_next_of_its_instrument(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = begin(&ctx);
	int back = 0;
	int64_t last[32] = { 0 };

	(void)state;
	assert_int_equal(
		order(&ctx, sim, "{\"fault\":\"reorder\",\"count\":2,\"kind\":\"trade\"}"), 200);
	fake_forget_sent(&ctx);
	fake_pass(&ctx, sim, 5 * FL_SECOND);
	for (size_t i = 0; i < ctx.sent_count; i++) {
		yyjson_doc *doc = yyjson_read(ctx.sent[i].text, ctx.sent[i].length, 0);
		const char *name = yyjson_get_str(at(doc, "/params/data/0/instrument_name"));
		int64_t seq = yyjson_get_sint(at(doc, "/params/data/0/trade_seq"));

		if (name != NULL) {
			int64_t number = names_find(&sim->channels.instruments, name, strlen(name));

			assert_in_range(number, 0, 31);
			back += seq < last[number];
			last[number] = seq;
		}
		yyjson_doc_free(doc);
	}
	assert_in_range(back, 1, 2); /* or after a second, when no other came */
	fake_stop(&ctx, sim);
}

static void lost_changes_leave_a_hole_and_no_row(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = begin(&ctx);
	int64_t last[32] = { 0 };
	int holes = 0;

	(void)state;
	fake_pass(&ctx, sim, 2 * FL_SECOND);
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"skip_change\",\"count\":3}"), 200);
	fake_pass(&ctx, sim, 5 * FL_SECOND);
	for (size_t i = 0; i < ctx.sent_count; i++) {
		yyjson_doc *doc = yyjson_read(ctx.sent[i].text, ctx.sent[i].length, 0);
		const char *name = yyjson_get_str(at(doc, "/params/data/instrument_name"));
		yyjson_val *before = at(doc, "/params/data/prev_change_id");

		if (before != NULL) {
			int64_t number = names_find(&sim->channels.instruments, name, strlen(name));

			holes += last[number] != 0 && last[number] != yyjson_get_sint(before);
			last[number] = yyjson_get_sint(at(doc, "/params/data/change_id"));
		}
		yyjson_doc_free(doc);
	}
	assert_in_range(holes, 1, 3);
	fake_stop(&ctx, sim);
}

static void a_stalled_connection_is_silent_and_goes_on(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = begin(&ctx);
	uint64_t before;

	(void)state;
	ledger_flush(&sim->ledger, true);
	before = fake_rows(&ctx, "sent");
	assert_int_equal(
		order(&ctx, sim, "{\"fault\":\"stall\",\"connection\":6,\"seconds\":2,\"answers\":false}"),
		200);
	assert_null(fake_ask(&ctx, sim, FAKE_CONN, "{\"id\":9,\"method\":\"public/test\"}"));
	fake_pass(&ctx, sim, 1900 * FL_MS);
	assert_int_equal(ctx.sent_count, 0);
	assert_int_equal(fake_rows(&ctx, "sent"), before);
	fake_pass(&ctx, sim, FL_SECOND);
	assert_true(ctx.sent_count > 100);
	fake_stop(&ctx, sim);
}

static void what_lies_below_messages_is_the_cores(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = begin(&ctx);

	(void)state;
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"freeze\",\"seconds\":2}"), 200);
	assert_int_equal(ctx.frozen, FAKE_CONN);
	fake_pass(&ctx, sim, 3 * FL_SECOND);
	assert_int_equal(ctx.frozen, 0);
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"drip\",\"seconds\":2}"), 200);
	assert_int_equal(ctx.dripping, FAKE_CONN);
	fake_pass(&ctx, sim, 3 * FL_SECOND);
	assert_int_equal(ctx.dripping, 0);
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"pieces\",\"bytes\":10,\"count\":5}"), 200);
	fake_pass(&ctx, sim, FL_SECOND);
	assert_true(ctx.pieces > 50);
	fake_forget_sent(&ctx);
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"oversize\"}"), 200);
	assert_int_equal(ctx.sent[ctx.sent_count - 1].length, 17 << 20);
	fake_stop(&ctx, sim);
}

static void clients_are_refused_as_often_as_asked(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = begin(&ctx);

	(void)state;
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"refuse\",\"count\":2}"), 200);
	assert_int_equal(fake_accept(sim, FAKE_CONN + 1, "127.0.0.1:5001"), 429);
	assert_int_equal(fake_accept(sim, FAKE_CONN + 1, "127.0.0.1:5001"), 429);
	assert_int_equal(fake_accept(sim, FAKE_CONN + 1, "127.0.0.1:5001"), 0);
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"away\",\"seconds\":3}"), 200);
	assert_int_equal(sim->sessions[0].conn, 0);
	assert_int_equal(fake_accept(sim, FAKE_CONN + 2, "127.0.0.1:5002"), 503);
	fake_pass(&ctx, sim, 3 * FL_SECOND);
	assert_int_equal(fake_accept(sim, FAKE_CONN + 2, "127.0.0.1:5002"), 0);
	fake_stop(&ctx, sim);
}

static void rest_answers_go_wrong_as_often_as_asked(void **state)
{
	static const char path[] = "/api/v2/public/get_time";
	struct fl_ctx ctx;
	struct simulator *sim = begin(&ctx);
	yyjson_doc *doc;

	(void)state;
	assert_int_equal(
		order(
			&ctx, sim, "{\"fault\":\"rest_status\",\"count\":1,\"status\":429,\"retry_after\":2}"),
		200);
	yyjson_doc_free(fake_http(&ctx, sim, "GET", path, "", ""));
	assert_int_equal(ctx.status, 429);
	assert_int_equal(ctx.header_count, 1);
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"rest_short\",\"count\":1}"), 200);
	assert_null(fake_http(&ctx, sim, "GET", path, "", ""));
	assert_int_equal(ctx.status, 200);
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"rest_redirect\",\"count\":1}"), 200);
	yyjson_doc_free(fake_http(&ctx, sim, "GET", path, "", ""));
	assert_int_equal(ctx.status, 302);
	doc = fake_http(&ctx, sim, "GET", path, "", "");
	assert_true(yyjson_is_num(at(doc, "/result")));
	yyjson_doc_free(doc);
	fake_stop(&ctx, sim);
}

static void maintenance_is_told_and_ends(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = begin(&ctx);
	yyjson_doc *doc;

	(void)state;
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"maintenance\",\"seconds\":2}"), 200);
	assert_non_null(strstr(ctx.sent[ctx.sent_count - 1].text, "\"maintenance\":true"));
	assert_int_equal(ctx.close_code, 1012);
	assert_int_equal(fake_accept(sim, FAKE_CONN + 1, "127.0.0.1:5001"), 0);
	doc = fake_ask(&ctx, sim, FAKE_CONN + 1, "{\"id\":1,\"method\":\"public/test\"}");
	assert_int_equal(yyjson_get_sint(at(doc, "/error/code")), 11051);
	yyjson_doc_free(doc);
	fake_pass(&ctx, sim, 2 * FL_SECOND);
	fake_forget_sent(&ctx);
	doc = fake_ask(&ctx, sim, FAKE_CONN + 1, "{\"id\":1,\"method\":\"public/test\"}");
	assert_non_null(at(doc, "/result"));
	yyjson_doc_free(doc);
	fake_stop(&ctx, sim);
}

static size_t listed(struct fl_ctx *ctx, struct simulator *sim)
{
	yyjson_doc *doc = fake_http(
		ctx, sim, "GET", "/api/v2/public/get_instruments", "currency=BTC&kind=option", "");
	size_t count = yyjson_arr_size(at(doc, "/result"));

	yyjson_doc_free(doc);
	return count;
}

static void instruments_appear_and_end(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = begin(&ctx);

	(void)state;
	assert_int_equal(listed(&ctx, sim), 18);
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"list\"}"), 200);
	assert_non_null(strstr(ctx.sent[ctx.sent_count - 1].text, "\"state\":\"created\""));
	assert_int_equal(listed(&ctx, sim), 19);
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"list\"}"), 200);
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"list\"}"), 404);
	assert_int_equal(listed(&ctx, sim), 20);
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"expire\"}"), 200);
	assert_int_equal(listed(&ctx, sim), 19);
	fake_stop(&ctx, sim);
}

static void a_mute_instrument_speaks_again_when_it_is_resubscribed(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = begin(&ctx);
	const char *name = sim->market.universe.instruments[3].name;
	char text[160];

	(void)state;
	snprintf(text, sizeof(text), "{\"fault\":\"mute\",\"instrument\":\"%s\"}", name);
	assert_int_equal(order(&ctx, sim, text), 200);
	fake_forget_sent(&ctx);
	fake_pass(&ctx, sim, 5 * FL_SECOND);
	assert_true(ctx.sent_count > 1000);
	for (size_t i = 0; i < ctx.sent_count; i++)
		assert_null(strstr(ctx.sent[i].text, name));
	snprintf(text, sizeof(text),
		"{\"id\":1,\"method\":\"public/unsubscribe\",\"params\":{\"channels\":[\"ticker.%s.100ms\"]}}",
		name);
	fake_say(sim, FAKE_CONN, text);
	snprintf(text, sizeof(text),
		"{\"id\":1,\"method\":\"public/subscribe\",\"params\":{\"channels\":[\"ticker.%s.100ms\"]}}",
		name);
	fake_say(sim, FAKE_CONN, text);
	assert_int_equal(sim->faults.muted[3], 0);
	fake_stop(&ctx, sim);
}

static void the_same_seed_goes_wrong_alike(void **state)
{
	struct fl_ctx a, b;
	struct simulator *first = begin(&a), *second = begin(&b);
	static const char body[] = "{\"seed\":5,\"every\":\"100ms\"}";

	(void)state;
	yyjson_doc_free(fake_http(&a, first, "POST", "/sim/faults", "", body));
	assert_int_equal(a.status, 200);
	yyjson_doc_free(fake_http(&b, second, "POST", "/sim/faults", "", body));
	fake_pass(&a, first, 20 * FL_SECOND);
	fake_pass(&b, second, 20 * FL_SECOND);
	assert_true(first->faults.applied_count > 20);
	assert_int_equal(first->faults.applied_count, second->faults.applied_count);
	assert_int_equal(a.sent_count, b.sent_count);
	fake_stop(&a, first);
	fake_stop(&b, second);
}

static void what_cannot_be_done_is_refused(void **state)
{
	struct fl_ctx ctx;
	struct simulator *sim = begin(&ctx);
	yyjson_doc *doc = fake_http(&ctx, sim, "GET", "/sim/fault", "", "");

	(void)state;
	assert_true(yyjson_is_str(at(doc, "/drip")));
	yyjson_doc_free(doc);
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"earthquake\"}"), 400);
	assert_int_equal(order(&ctx, sim, "nonsense"), 400);
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"drop\",\"connection\":99}"), 404);
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"drop\",\"seconds\":\"x\"}"), 400);
	assert_int_equal(order(&ctx, sim, "{\"fault\":\"expire\",\"instrument\":\"X\"}"), 404);
	yyjson_doc_free(fake_http(&ctx, sim, "POST", "/sim/faults", "", "{\"every\":\"5 parsecs\"}"));
	assert_int_equal(ctx.status, 400);
	assert_int_equal(sim->faults.applied_count, 0);
	fake_stop(&ctx, sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spoilt_messages_are_sent_and_hold_nothing),
		cmocka_unit_test(repeated_messages_are_the_same_twice),
		cmocka_unit_test(a_late_trade_comes_behind_the_next_of_its_instrument),
		cmocka_unit_test(lost_changes_leave_a_hole_and_no_row),
		cmocka_unit_test(a_stalled_connection_is_silent_and_goes_on),
		cmocka_unit_test(what_lies_below_messages_is_the_cores),
		cmocka_unit_test(clients_are_refused_as_often_as_asked),
		cmocka_unit_test(rest_answers_go_wrong_as_often_as_asked),
		cmocka_unit_test(maintenance_is_told_and_ends),
		cmocka_unit_test(instruments_appear_and_end),
		cmocka_unit_test(a_mute_instrument_speaks_again_when_it_is_resubscribed),
		cmocka_unit_test(the_same_seed_goes_wrong_alike),
		cmocka_unit_test(what_cannot_be_done_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
