/* The plugin's way: list, place, subscribe, acknowledge, retry, move. */
#include "deribit_universe.h"
#include "flow.h"
#include "unit.h"
#include "world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void all_options_lie_on_seven_connections(void **state)
{
	int instruments = 0, channels = 0;

	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 728, 820);
	assert_int_equal(open_connections(), 7);
	for (int conn = 1; conn <= 7; conn++) {
		assert_true(ctx->loads[conn][0] <= 250 && ctx->loads[conn][1] <= 500);
		instruments += ctx->loads[conn][0];
		channels += ctx->loads[conn][1];
	}
	assert_int_equal(instruments, 1548);
	assert_int_equal(channels, 3098);
	assert_int_equal(ctx->health, FL_HEALTHY);
	assert_int_equal(fake_count(ctx, FL_INSTRUMENT), 1548);
	assert_true(fake_metric("feedloom_subscriptions") == 3098);
	assert_true(fake_metric("feedloom_unacknowledged_channels") == 0);
	for (size_t i = 0; i < ctx->sent_count; i++)
		assert_true(strlen(ctx->sent[i].text) < 32768);
}

static void listing_asks_for_each_currency_and_kind(void **state)
{
	const struct fl_instrument *record;

	(void)state;
	ctx = world_create(&options);
	ctx->plugin->start(ctx->state);
	assert_string_equal(fake_url(ctx, REQUEST_LIST),
		"http://localhost:1/api/v2/public/get_instruments?currency=BTC&kind=option&expired=false");
	assert_non_null(strstr(fake_url(ctx, REQUEST_LIST + 1), "currency=ETH"));
	assert_int_equal(ctx->request_count, 2);
	assert_int_equal(open_connections(), 0); /* nothing to follow yet */
	world_list(ctx, 2, 1);
	assert_int_equal(open_connections(), 1);
	record = fake_record(ctx, FL_INSTRUMENT, 0);
	assert_string_equal(record->currency, "BTC");
	assert_string_equal(record->price_currency, "BTC");
	assert_int_equal(record->is_active, 1);
	assert_string_equal(fl_instrument_name(ctx, record->head.instrument), world_name(0));
}

static void requests_keep_to_the_venues_budget(void **state)
{
	int sent = 0, most = 0;

	(void)state;
	options.max_instruments = 50; /* 31 connections wanted, 30 allowed */
	ctx = world_create(&options);
	ctx->plugin->start(ctx->state);
	world_list(ctx, 728, 820);
	world_up_all(ctx);
	assert_int_equal(open_connections(), 30);
	assert_true(fake_complains(ctx, "placement")); /* 48 instruments have no room */
	for (int tenth = 0; tenth < 100; tenth++) {
		int now = world_acknowledge(ctx, NULL);

		sent += now;
		most = now > most ? now : most;
		/* 8 at once, 3 a second: of 10 and 3.3, since some may arrive bunched. */
		assert_true(sent <= 8 + 3 * (tenth + 1) / 10 + 1);
		fake_pass(ctx, 100 * FL_MS);
	}
	assert_int_equal(most, 8);
	assert_int_equal(sent, 30);
}

static void what_is_not_acknowledged_is_asked_for_again(void **state)
{
	(void)state;
	ctx = world_create(&options);
	ctx->plugin->start(ctx->state);
	world_list(ctx, 3, 2);
	world_up_all(ctx);
	assert_int_equal(world_acknowledge(ctx, "BTC-26JUN26-1001"), 1);
	assert_true(fake_complains(ctx, "acknowledgement"));
	assert_non_null(strstr(ctx->complaint, "2 channels"));
	assert_true(fake_metric("feedloom_unacknowledged_channels") == 2);
	assert_int_equal(ctx->health, FL_DEGRADED);
	assert_int_equal(ctx->loads[1][0], 4);
	fake_clear(ctx);
	fake_pass(ctx, 4 * FL_SECOND);
	assert_int_equal(world_channels_sent(ctx, "public/subscribe"), 0);
	fake_pass(ctx, 2 * FL_SECOND);
	assert_int_equal(world_channels_sent(ctx, "public/subscribe"), 2); /* those alone */
	world_acknowledge(ctx, "BTC-26JUN26-1001");
	fake_clear(ctx);
	fake_pass(ctx, 8 * FL_SECOND);
	assert_int_equal(world_channels_sent(ctx, "public/subscribe"), 0); /* more rarely now */
	fake_pass(ctx, 4 * FL_SECOND);
	assert_int_equal(world_channels_sent(ctx, "public/subscribe"), 2);
	world_acknowledge(ctx, NULL);
	assert_false(fake_complains(ctx, "acknowledgement"));
	assert_int_equal(ctx->health, FL_HEALTHY);
	assert_int_equal(ctx->loads[1][0], 5);
	assert_int_equal(ctx->loads[1][1], 12); /* two each, and trades of two currencies */
}

static void notices_that_are_refused_are_not_missed(void **state)
{
	(void)state;
	ctx = world_create(&options);
	ctx->plugin->start(ctx->state);
	world_list(ctx, 1, 1);
	world_up_all(ctx);
	assert_non_null(world_sent(ctx, "instrument.creation.option.BTC", 0));
	world_acknowledge(ctx, "instrument.");
	assert_false(fake_complains(ctx, "acknowledgement"));
	assert_int_equal(ctx->health, FL_HEALTHY);
	assert_int_equal(ctx->loads[1][1], 6);
}

static void a_new_connection_starts_from_nothing(void **state)
{
	int channels;

	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 300, 0);
	channels = ctx->loads[2][1];
	assert_true(channels > 0);
	fake_clear(ctx);
	fake_conn(ctx, 2, FL_CONN_BACKOFF, FL_REASON_RESET);
	assert_int_equal(ctx->loads[2][1], 0);
	assert_int_equal(ctx->health, FL_DEGRADED);
	fake_conn(ctx, 2, FL_CONN_UP, FL_REASON_DONE);
	assert_non_null(strstr(ctx->sent[0].text, "public/set_heartbeat"));
	assert_non_null(strstr(ctx->sent[0].text, "\"interval\":30"));
	assert_int_equal(world_channels_sent(ctx, "public/subscribe"), channels);
	world_acknowledge(ctx, NULL);
	assert_int_equal(ctx->loads[2][1], channels);
	assert_int_equal(ctx->health, FL_HEALTHY);
	fake_conn(ctx, 1, FL_CONN_BACKOFF, FL_REASON_RESET);
	fake_conn(ctx, 2, FL_CONN_BACKOFF, FL_REASON_RESET);
	assert_int_equal(ctx->health, FL_DISCONNECTED);
}

static void a_test_request_is_answered_at_once(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 1, 0);
	fake_clear(ctx);
	fake_message(ctx, 1, "{\"params\":{\"type\":\"test_request\"},\"method\":\"heartbeat\"}");
	assert_int_equal(ctx->sent_count, 1);
	assert_non_null(strstr(ctx->sent[0].text, "\"method\":\"public/test\""));
	fake_message(ctx, 1, "{\"params\":{\"type\":\"heartbeat\"},\"method\":\"heartbeat\"}");
	assert_int_equal(ctx->sent_count, 1);
}

static void refuse_heartbeat(void)
{
	const char *asked = world_sent(ctx, "public/set_heartbeat", 0);
	char text[160];

	assert_non_null(asked);
	snprintf(text, sizeof(text),
		"{\"id\":%lld,\"error\":{\"code\":11051,\"message\":\"system_maintenance\"}}",
		strtoll(strstr(asked, "\"id\":") + 5, NULL, 10));
	fake_message(ctx, 1, text);
}

static void heartbeats_are_asked_for_until_the_venue_agrees(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 1, 0);
	fake_conn(ctx, 1, FL_CONN_BACKOFF, FL_REASON_PEER_CLOSED);
	fake_clear(ctx);
	fake_conn(ctx, 1, FL_CONN_UP, FL_REASON_DONE);
	refuse_heartbeat();
	world_acknowledge(ctx, NULL);
	assert_int_equal(ctx->health, FL_DEGRADED);
	assert_string_equal(ctx->health_reason, "connection 0: the venue refuses heartbeats");
	for (int again = 1; again <= 3; again++) {
		fake_clear(ctx);
		fake_reload(ctx, &options); /* which does not forget it */
		fake_pass(ctx, 3 * FL_SECOND);
		assert_non_null(world_sent(ctx, "public/set_heartbeat", 0));
		if (again < 3)
			refuse_heartbeat();
	}
	world_acknowledge(ctx, NULL);
	assert_int_equal(ctx->health, FL_HEALTHY);
	fake_clear(ctx);
	fake_pass(ctx, FL_MINUTE);
	assert_int_equal(ctx->sent_count, 0);
	assert_int_equal(ctx->reconnected[1], FL_REASON_NONE);
}

static void an_unanswered_heartbeat_is_asked_for_again(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 1, 0);
	fake_conn(ctx, 1, FL_CONN_BACKOFF, FL_REASON_PEER_CLOSED);
	fake_clear(ctx);
	fake_conn(ctx, 1, FL_CONN_UP, FL_REASON_DONE);
	world_acknowledge(ctx, "public/set_heartbeat");
	fake_pass(ctx, 12 * FL_SECOND);
	assert_non_null(world_sent(ctx, "public/set_heartbeat", 1));
	world_acknowledge(ctx, NULL);
	fake_pass(ctx, FL_MINUTE);
	assert_null(world_sent(ctx, "public/set_heartbeat", 2));
	assert_int_equal(ctx->reconnected[1], FL_REASON_NONE);
}

static void too_many_requests_gives_the_connection_a_rest(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 1, 0);
	fake_message(
		ctx, 1, "{\"id\":99,\"error\":{\"code\":10028,\"message\":\"too_many_requests\"}}");
	assert_int_equal(ctx->reconnected[1], FL_REASON_RATE_LIMITED);
	fake_clear(ctx);
	fake_conn(ctx, 1, FL_CONN_BACKOFF, FL_REASON_RATE_LIMITED);
	fake_conn(ctx, 1, FL_CONN_UP, FL_REASON_DONE);
	assert_int_equal(world_channels_sent(ctx, "public/subscribe"), 0); /* not at once */
	fake_pass(ctx, FL_SECOND);
	assert_true(world_channels_sent(ctx, "public/subscribe") > 0);
}

static void malformed_messages_are_counted_and_nothing_else(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 1, 0);
	fake_message(ctx, 1, "{\"method\":");
	fake_message(ctx, 1, "[]");
	fake_message(ctx, 1,
		"{\"method\":\"subscription\",\"params\":{\"channel\":\"quote.A\","
		"\"data\":[]}}");
	assert_true(fake_metric("feedloom_parse_errors_total") == 3);
	assert_int_equal(ctx->reconnected[1], FL_REASON_NONE);
	fake_message(ctx, 1,
		"{\"error\":{\"code\":11050,\"data\":\"invalid json\","
		"\"message\":\"bad_request\"}}");
	assert_int_equal(ctx->reconnected[1], FL_REASON_NONE);
}

static void an_unanswered_request_is_sent_again_then_the_connection_replaced(void **state)
{
	(void)state;
	ctx = world_create(&options);
	ctx->plugin->start(ctx->state);
	world_list(ctx, 1, 0);
	world_up_all(ctx);
	fake_clear(ctx);
	fake_pass(ctx, 12 * FL_SECOND);
	assert_int_equal(ctx->reconnected[1], FL_REASON_NONE);
	fake_pass(ctx, 6 * FL_SECOND);
	assert_true(world_channels_sent(ctx, "public/subscribe") > 0);
	fake_pass(ctx, 12 * FL_SECOND);
	assert_int_equal(ctx->reconnected[1], FL_REASON_STALE);
}

static void quotes_and_tickers_arrive_with_names_and_times(void **state)
{
	const struct fl_ticker *ticker;
	const struct fl_quote *quote;

	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 1, 0);
	fake_clear(ctx);
	fake_message(
		ctx, 1, "{\"method\":\"subscription\",\"params\":{\"channel\":\"q\",\"data\":{}}}");
	fake_message(ctx, 1,
		"{\"method\":\"subscription\",\"params\":{\"channel\":\"ticker.BTC-26JUN26-1000-C.agg2\","
		"\"data\":{\"timestamp\":1700000000123,\"instrument_name\":\"BTC-26JUN26-1000-C\","
		"\"underlying_index\":\"SYN.BTC-26JUN26\",\"mark_iv\":65.0}}}");
	fake_message(ctx, 1,
		"{\"method\":\"subscription\",\"params\":{\"channel\":\"quote.BTC-26JUN26-1000-C\","
		"\"data\":{\"timestamp\":1700000000124,\"instrument_name\":\"BTC-26JUN26-1000-C\","
		"\"best_bid_price\":0.1,\"best_bid_amount\":2}}}");
	ticker = fake_record(ctx, FL_TICKER, 0);
	quote = fake_record(ctx, FL_QUOTE, 0);
	assert_string_equal(fl_instrument_name(ctx, ticker->head.instrument), world_name(0));
	assert_string_equal(fl_instrument_name(ctx, ticker->underlying_index), "SYN.BTC-26JUN26");
	assert_int_equal(ticker->head.received_ns, ctx->now_ns);
	assert_int_equal(quote->head.event_time_ns, INT64_C(1700000000124) * FL_MS);
	assert_true(quote->bid_price == 0.1 && isnan(quote->ask_price));
}

static void a_channel_that_names_another_instrument_misleads_nobody(void **state)
{
	static const char *const channels[] = { "quote.BTC-26JUN26-1000-C", "quote.BTC-26JUN26-1001-C",
		"quote.BTC-26JUN26-1000", "quote.NOBODY" };
	const struct fl_quote *quote;
	char text[512];

	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 2, 0);
	fake_clear(ctx);
	for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++) {
		snprintf(text, sizeof(text),
			"{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":\"%s\","
			"\"data\":{\"timestamp\":1700000000124,\"instrument_name\":\"BTC-26JUN26-1000-C\","
			"\"best_bid_price\":0.1,\"best_bid_amount\":2}}}",
			channels[i]);
		fake_message(ctx, 1, text);
		quote = fake_record(ctx, FL_QUOTE, i);
		assert_string_equal(fl_instrument_name(ctx, quote->head.instrument), world_name(0));
	}
	assert_int_equal(ctx->expected, 3); /* the last was not: the core had no such name */
}

static void nothing_is_quoted_after_expiry(void **state)
{
	static const char ticker[] =
		"{\"method\":\"subscription\",\"params\":{\"channel\":\"ticker.BTC-26JUN26-1000-C.agg2\","
		"\"data\":{\"timestamp\":%s,\"instrument_name\":\"BTC-26JUN26-1000-C\"}}}";
	char text[512];

	(void)state;
	ctx = world_create(&options);
	ctx->now_ns = (INT64_C(1782460800000) - 20500) * FL_MS;
	world_start(ctx, 2, 0); /* takes 20 s: half a second is left */
	fake_clear(ctx);
	snprintf(text, sizeof(text), ticker, "1782460799999");
	fake_message(ctx, 1, text);
	assert_int_equal(fake_count(ctx, FL_TICKER), 1);
	snprintf(text, sizeof(text), ticker, "1782460800000");
	fake_message(ctx, 1, text);
	assert_int_equal(fake_count(ctx, FL_TICKER), 1);
	world_trade(ctx, 0, 1); /* trades are kept to the end */
	assert_int_equal(fake_count(ctx, FL_TRADE), 1);
	fake_pass(ctx, 2 * FL_SECOND);
	snprintf(text, sizeof(text), ticker, "1782460799998"); /* our clock may be ahead */
	fake_message(ctx, 1, text);
	assert_int_equal(fake_count(ctx, FL_TICKER), 2);
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), 4);
	world_acknowledge(ctx, NULL);
	assert_int_equal(ctx->loads[1][0], 0);
}

static void answer_at(int64_t venue_ns)
{
	char text[160];

	snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":0,\"usOut\":%lld,\"result\":{}}",
		(long long)(venue_ns / FL_US));
	fake_message(ctx, 1, text);
}

static void a_clock_that_is_off_is_complained_of(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 1, 0);
	answer_at(ctx->now_ns - FL_SECOND);
	assert_false(fake_complains(ctx, "clock"));
	answer_at(ctx->now_ns - 5 * FL_SECOND);
	assert_true(fake_complains(ctx, "clock"));
	assert_non_null(strstr(ctx->complaint, "5.0 s behind ours"));
	answer_at(ctx->now_ns);
	assert_false(fake_complains(ctx, "clock"));
	answer_at(ctx->now_ns + 7 * FL_SECOND);
	assert_non_null(strstr(ctx->complaint, "7.0 s ahead of ours"));
}

static void a_session_of_long_ago_streams(void **state)
{
	(void)state;
	ctx = world_create(&options);
	ctx->now_ns = INT64_C(1900000000000) * FL_MS; /* years after the instruments' expiry */
	world_start(ctx, 1, 0);
	fake_message(ctx, 1,
		"{\"method\":\"subscription\",\"params\":{\"channel\":\"quote.BTC-26JUN26-1000-C\","
		"\"data\":{\"timestamp\":1700000000124,\"instrument_name\":\"BTC-26JUN26-1000-C\"}}}");
	assert_int_equal(fake_count(ctx, FL_QUOTE), 1);
}

static void a_refresh_follows_what_is_new_and_leaves_what_is_gone(void **state)
{
	const struct fl_instrument *gone;
	char *text;

	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 3, 1);
	fake_clear(ctx);
	fake_pass(ctx, 5 * FL_MINUTE);
	text = world_listing("BTC", 1, 4); /* 0 is gone, 3 and 4 are new */
	assert_true(fake_answer(ctx, REQUEST_LIST, 200, text));
	free(text);
	assert_true(fake_answer(ctx, REQUEST_LIST + 1, 500, "oops")); /* ETH keeps what it has */
	assert_int_equal(fake_count(ctx, FL_INSTRUMENT), 5);
	gone = fake_record(ctx, FL_INSTRUMENT, 4);
	assert_string_equal(fl_instrument_name(ctx, gone->head.instrument), world_name(0));
	assert_int_equal(gone->is_active, 0);
	assert_int_equal(gone->state, FL_STATE_REMOVED);
	for (int retry = 0; retry < 3; retry++) {
		fake_pass(ctx, 5 * FL_SECOND);
		assert_true(fake_answer(ctx, REQUEST_LIST + 1, 0, NULL));
		world_acknowledge(ctx, NULL);
	}
	fake_pass(ctx, FL_SECOND);
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), 2);
	assert_int_equal(world_channels_sent(ctx, "public/subscribe"), 4);
	world_acknowledge(ctx, NULL);
	fake_pass(ctx, FL_SECOND);
	world_acknowledge(ctx, NULL);
	assert_int_equal(ctx->loads[1][0], 5);
	assert_true(fake_complains(ctx, "listing")); /* ETH could not be listed: again in a minute */
	fake_pass(ctx, FL_MINUTE);
	assert_non_null(fake_url(ctx, REQUEST_LIST + 1));
}

static void the_venues_notices_bring_a_refresh_soon(void **state)
{
	const struct fl_instrument *record;

	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 2, 0);
	fake_clear(ctx);
	fake_message(ctx, 1,
		"{\"method\":\"subscription\",\"params\":{\"channel\":\"instrument.state.option.BTC\","
		"\"data\":{\"timestamp\":1700000000124,\"state\":\"settlement\","
		"\"instrument_name\":\"BTC-26JUN26-1000-C\"}}}");
	record = fake_record(ctx, FL_INSTRUMENT, 0);
	assert_int_equal(record->state, FL_STATE_SETTLEMENT);
	assert_true(record->strike == 1000); /* with all that is known of it */
	fake_pass(ctx, 2 * FL_SECOND);
	assert_int_equal(ctx->request_count, 0);
	for (int i = 0; i < 100; i++) /* a hundred at 08:00: one refresh */
		fake_message(ctx, 1,
			"{\"method\":\"subscription\",\"params\":{\"channel\":"
			"\"instrument.creation.option.BTC\",\"data\":{\"timestamp\":1700000000124,"
			"\"instrument_name\":\"BTC-26JUN26-1002-C\"}}}");
	assert_int_equal(ctx->request_count, 0);
	fake_pass(ctx, 300 * FL_MS);
	assert_int_equal(ctx->request_count, 1); /* of what the notices are about */
	world_list(ctx, 3, 0);
	fake_pass(ctx, FL_SECOND);
	assert_int_equal(world_channels_sent(ctx, "public/subscribe"), 2);
}

static void what_ends_before_its_time_is_left(void **state)
{
	(void)state;
	ctx = world_create(&options);
	world_start(ctx, 2, 0);
	fake_clear(ctx);
	fake_message(ctx, 1,
		"{\"method\":\"subscription\",\"params\":{\"channel\":\"instrument.state.option.BTC\","
		"\"data\":{\"timestamp\":1700000000124,\"state\":\"closed\","
		"\"instrument_name\":\"BTC-26JUN26-1001-C\"}}}");
	fake_pass(ctx, 2 * FL_SECOND);
	assert_int_equal(ctx->request_count, 1); /* the list decides */
	world_list(ctx, 1, 0);
	fake_pass(ctx, FL_SECOND);
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), 2);
	assert_non_null(world_sent(ctx, "BTC-26JUN26-1001-C", 0));
}

static void without_the_venue_it_says_why_once_and_keeps_trying(void **state)
{
	int asked = 0;

	(void)state;
	ctx = world_create(&options);
	ctx->plugin->start(ctx->state);
	for (int second = 0; second < 600; second++) {
		asked += fake_answer(ctx, REQUEST_LIST, 0, NULL);
		fake_answer(ctx, REQUEST_LIST + 1, 0, NULL);
		fake_pass(ctx, FL_SECOND);
	}
	assert_int_equal(ctx->health, FL_DISCONNECTED);
	assert_string_equal(ctx->health_reason, "listing instruments: no answer");
	assert_true(asked >= 9 * 4 && asked <= 12 * 4);
	world_list(ctx, 1, 0);
	fake_pass(ctx, FL_MINUTE);
	world_list(ctx, 1, 0);
	world_up_all(ctx);
	world_acknowledge(ctx, NULL);
	assert_int_equal(ctx->health, FL_HEALTHY);
}

/* ---- login ---- */

static void credentials_are_used_before_subscribing(void **state)
{
	(void)state;
	options.api_key = "key";
	options.api_secret = "quoted \" secret";
	ctx = world_create(&options);
	ctx->plugin->start(ctx->state);
	world_list(ctx, 1, 0);
	world_up_all(ctx);
	assert_int_equal(ctx->sent_count, 2);
	assert_string_equal(ctx->sent[1].text,
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"public/auth\",\"params\":{\"grant_type\":"
		"\"client_credentials\",\"client_id\":\"key\",\"client_secret\":\"quoted \\\" secret\"}}");
	fake_message(ctx, 1, "{\"id\":2,\"result\":{\"access_token\":\"x\",\"expires_in\":900}}");
	assert_int_equal(world_acknowledge(ctx, NULL), 1);
	assert_int_equal(ctx->health, FL_HEALTHY);
}

static void refused_credentials_are_said_and_not_hammered(void **state)
{
	static const char *const raw[] = { "ticker.raw", "trades.raw", NULL };

	(void)state;
	options.api_key = options.api_secret = "wrong";
	options.channels = world_names(raw);
	ctx = world_create(&options);
	ctx->plugin->start(ctx->state);
	world_list(ctx, 1, 0);
	world_up_all(ctx);
	fake_message(
		ctx, 1, "{\"id\":2,\"error\":{\"code\":13004,\"message\":\"invalid_credentials\"}}");
	assert_int_equal(ctx->health, FL_DISCONNECTED);
	assert_non_null(strstr(ctx->health_reason, "unauthorized"));
	assert_true(fake_complains(ctx, "login"));
	assert_null(strstr(ctx->complaint, "wrong\""));
	assert_int_equal(world_acknowledge(ctx, NULL), 0);
	fake_clear(ctx);
	fake_pass(ctx, 4 * FL_MINUTE);
	assert_int_equal(ctx->sent_count, 0);
	fake_pass(ctx, 2 * FL_MINUTE);
	assert_non_null(world_sent(ctx, "public/auth", 0));
	assert_null(world_sent(ctx, "subscribe", 0));
}

static void refused_credentials_leave_what_is_public(void **state)
{
	(void)state;
	options.api_key = options.api_secret = "wrong";
	ctx = world_create(&options);
	ctx->plugin->start(ctx->state);
	world_list(ctx, 1, 0);
	world_up_all(ctx);
	fake_message(
		ctx, 1, "{\"id\":2,\"error\":{\"code\":13004,\"message\":\"invalid_credentials\"}}");
	assert_int_equal(world_acknowledge(ctx, NULL), 1);
	assert_int_equal(ctx->loads[1][0], 1);
	assert_int_equal(ctx->health, FL_DEGRADED);
}

static void what_has_no_room_is_named_as_that(void **state)
{
	(void)state;
	options.max_instruments = 5;
	options.max_connections = 2;
	ctx = world_create(&options);
	world_start(ctx, 12, 0);
	assert_int_equal(ctx->health, FL_DEGRADED);
	assert_string_equal(ctx->health_reason, "2 instruments have no room on any connection");
}

static void an_instrument_leaves_for_a_connection_that_is_up(void **state)
{
	(void)state;
	options.max_instruments = 100;
	ctx = world_create(&options);
	world_start(ctx, 100, 0);
	fake_clear(ctx);
	ctx->plugin->on_command(ctx->state, 1, "refresh", "{}");
	world_list(ctx, 110, 0); /* a second connection is opened, and is to get half of them */
	fake_pass(ctx, 5 * FL_SECOND);
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), 0);
	world_up_all(ctx);
	fake_pass(ctx, FL_SECOND);
	assert_int_equal(world_channels_sent(ctx, "public/unsubscribe"), 2); /* one after the other */
	for (int i = 0; i < 100; i++) {
		world_acknowledge(ctx, NULL);
		fake_pass(ctx, FL_SECOND);
	}
	assert_in_range(world_channels_sent(ctx, "public/unsubscribe"), 2 * 42, 2 * 50);
	assert_in_range(world_plugin(ctx)->links[1].instruments, 50, 56);
}

/* ---- a connection that stays away ---- */

static int sent_on(int conn, const char *method)
{
	int count = 0;

	for (size_t i = 0; i < ctx->sent_count; i++)
		count += ctx->sent[i].conn == conn && strstr(ctx->sent[i].text, method) != NULL;
	return count;
}

static void what_a_dead_connection_carried_moves_to_others(void **state)
{
	(void)state;
	options.max_instruments = 100;
	ctx = world_create(&options);
	world_start(ctx, 150, 150); /* three connections, the groups on the first */
	fake_clear(ctx);
	fake_conn(ctx, 1, FL_CONN_BACKOFF, FL_REASON_REFUSED);
	fake_pass(ctx, 50 * FL_SECOND);
	assert_int_equal(sent_on(2, "public/subscribe") + sent_on(3, "public/subscribe"), 0);
	fake_pass(ctx, 15 * FL_SECOND);
	world_up_all(ctx); /* a fourth one was opened; the first one's number is up again too */
	world_acknowledge(ctx, NULL);
	assert_true(sent_on(2, "trades.option.BTC") > 0); /* and the groups */
	assert_true(sent_on(4, "public/subscribe") > 0);
}

static void wrong_options_are_all_named(void **state)
{
	static const char *const wrong[] = { "ticker.raw", "ticker.agg2", "tickers", NULL };
	static const char *const odd[] = { "BTC\"", "ETH", "ETH", NULL };

	(void)state;
	options.channels = world_names(wrong);
	options.currencies = world_names(odd);
	options.api_key = "key";
	ctx = fake_create();
	feedloom_plugin.check(&options, (struct fl_check *)ctx);
	assert_non_null(strstr(ctx->errors, "\"ticker.raw\": raw channels need api_key"));
	assert_non_null(strstr(ctx->errors, "\"ticker.agg2\": a second template"));
	assert_non_null(strstr(ctx->errors, "\"tickers\": no such template"));
	assert_non_null(strstr(ctx->errors, "currencies: \"BTC\"\""));
	assert_non_null(strstr(ctx->errors, "currencies: \"ETH\" is named twice"));
	assert_non_null(strstr(ctx->errors, "api_secret: is missing"));
	ctx->errors[0] = '\0';
	options = world_options();
	options.url = "";
	feedloom_plugin.check(&options, (struct fl_check *)ctx);
	assert_non_null(strstr(ctx->errors, "url: is empty"));
	ctx->errors[0] = '\0';
	options = world_options();
	feedloom_plugin.check(&options, (struct fl_check *)ctx);
	assert_string_equal(ctx->errors, "");
}

static void requests_are_as_secure_as_the_connection(void **state)
{
	static const struct {
		const char *url, *rest;
	} urls[] = {
		{ "wss://h.example/ws/api/v2", "https://h.example/api/v2/" },
		{ "WSS://h.example:9", "https://h.example:9/api/v2/" },
		{ "ws://127.0.0.1:1/ws", "http://127.0.0.1:1/api/v2/" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		options.url = urls[i].url;
		ctx = world_create(&options);
		ctx->plugin->probe(ctx->state);
		assert_int_equal(
			strncmp(fake_url(ctx, REQUEST_PROBE), urls[i].rest, strlen(urls[i].rest)), 0);
		fake_destroy(ctx);
		ctx = NULL;
	}
}

static void a_probe_tries_everything_once(void **state)
{
	(void)state;
	options.api_key = options.api_secret = "key";
	ctx = world_create(&options);
	ctx->plugin->probe(ctx->state);
	assert_true(fake_answer(ctx, REQUEST_PROBE, 200, "{\"result\":{\"version\":\"1.2.26\"}}"));
	assert_true(fake_answer(ctx, REQUEST_PROBE + 1, 200, "{\"result\":[{},{}]}"));
	fake_conn(ctx, 1, FL_CONN_UP, FL_REASON_DONE);
	fake_message(ctx, 1, "{\"id\":1,\"result\":{\"version\":\"1.2.26\"}}");
	fake_message(
		ctx, 1, "{\"id\":2,\"error\":{\"code\":13004,\"message\":\"invalid_credentials\"}}");
	assert_true(ctx->probe_done);
	assert_int_equal(ctx->probe_steps, 5);
	assert_int_equal(ctx->probe_failed, 1);
}

static void a_probe_ends_when_nobody_answers(void **state)
{
	(void)state;
	ctx = world_create(&options);
	ctx->plugin->probe(ctx->state);
	fake_pass(ctx, 20 * FL_SECOND);
	assert_true(ctx->probe_done);
	assert_int_equal(ctx->probe_failed, 1);
}

static void indexes_and_mark_prices_follow_the_listing(void **state)
{
	static const char *const some[] = { "index", "markprice", NULL };
	const struct fl_index *index;
	const struct fl_ticker *ticker;

	(void)state;
	options.channels = world_names(some);
	ctx = world_create(&options);
	world_start(ctx, 2, 2);
	assert_non_null(world_sent(ctx, "\"deribit_price_index.btc_usd\"", 0));
	assert_non_null(world_sent(ctx, "\"markprice.options.eth_usd\"", 0));
	assert_int_equal(ctx->loads[1][1], 4);
	assert_int_equal(ctx->health, FL_HEALTHY);
	fake_clear(ctx);
	fake_message(ctx, 1,
		"{\"method\":\"subscription\",\"params\":{\"channel\":"
		"\"deribit_price_index.btc_usd\",\"data\":{\"timestamp\":1662715972131,"
		"\"price\":20651.5,\"index_name\":\"btc_usd\"}}}");
	fake_message(ctx, 1,
		"{\"method\":\"subscription\",\"params\":{\"channel\":"
		"\"markprice.options.btc_usd\",\"data\":[{\"timestamp\":1662715972131,"
		"\"mark_price\":0.5,\"iv\":0.7,\"instrument_name\":"
		"\"BTC-26JUN26-1000-C\"}]}}");
	index = fake_record(ctx, FL_INDEX, 0);
	ticker = fake_record(ctx, FL_TICKER, 0);
	assert_string_equal(fl_instrument_name(ctx, index->head.instrument), "btc_usd");
	assert_true(index->price == 20651.5 && ticker->mark_iv == 0.7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_options_lie_on_seven_connections),
		TEST(listing_asks_for_each_currency_and_kind),
		TEST(requests_keep_to_the_venues_budget),
		TEST(what_is_not_acknowledged_is_asked_for_again),
		TEST(notices_that_are_refused_are_not_missed),
		TEST(a_new_connection_starts_from_nothing),
		TEST(a_test_request_is_answered_at_once),
		TEST(heartbeats_are_asked_for_until_the_venue_agrees),
		TEST(an_unanswered_heartbeat_is_asked_for_again),
		TEST(too_many_requests_gives_the_connection_a_rest),
		TEST(malformed_messages_are_counted_and_nothing_else),
		TEST(an_unanswered_request_is_sent_again_then_the_connection_replaced),
		TEST(quotes_and_tickers_arrive_with_names_and_times),
		TEST(a_channel_that_names_another_instrument_misleads_nobody),
		TEST(nothing_is_quoted_after_expiry),
		TEST(a_clock_that_is_off_is_complained_of),
		TEST(a_session_of_long_ago_streams),
		TEST(a_refresh_follows_what_is_new_and_leaves_what_is_gone),
		TEST(the_venues_notices_bring_a_refresh_soon),
		TEST(what_ends_before_its_time_is_left),
		TEST(without_the_venue_it_says_why_once_and_keeps_trying),
		TEST(credentials_are_used_before_subscribing),
		TEST(refused_credentials_are_said_and_not_hammered),
		TEST(refused_credentials_leave_what_is_public),
		TEST(what_has_no_room_is_named_as_that),
		TEST(what_a_dead_connection_carried_moves_to_others),
		TEST(an_instrument_leaves_for_a_connection_that_is_up),
		TEST(wrong_options_are_all_named),
		TEST(requests_are_as_secure_as_the_connection),
		TEST(a_probe_tries_everything_once),
		TEST(a_probe_ends_when_nobody_answers),
		TEST(indexes_and_mark_prices_follow_the_listing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
