/* What is told of the instances: states and their reasons, readiness, coverage, and the JSON of it
 * all. */
#include "rig.h"
#include "state.h"

#include <math.h>

static struct rig rig;
static int port;

static const char venue_yaml[] = "services:\n  venue: { plugin: echo, listen: \"127.0.0.1:0\" }\n";

static int open_rig(void **state)
{
	(void)state;
	rig_open(&rig, true);
	rig_run(&rig, venue_yaml);
	port = fl_listen_port(rig_find(&rig, "venue"), 1);
	return 0;
}

static int close_rig(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

static void run_with_venue(const char *rest)
{
	char yaml[1024];

	(void)snprintf(yaml, sizeof(yaml), "%s%s", venue_yaml, rest);
	rig_run(&rig, yaml);
}

static void connect_feed(int number)
{
	char question[128];
	int up = rig_calls(&rig, "feed", "up");

	(void)snprintf(question, sizeof(question), "{\"number\":%d,\"url\":\"ws://127.0.0.1:%d/ws\"}",
		number, port);
	assert_int_equal(rig_ask(&rig, "feed", "connect", question), FL_REPLY_OK);
	assert_int_equal(rig_number(&rig, "/result"), 0);
	rig_until_calls(&rig, "feed", "up", up + 1);
}

static void set_health(const char *name, int health, const char *reason)
{
	char question[128];

	(void)snprintf(question, sizeof(question), "{\"health\":%d,\"reason\":\"%s\"}", health, reason);
	assert_int_equal(rig_ask(&rig, name, "health", question), FL_REPLY_OK);
}

static void assert_state(const char *name, enum instance_state state, const char *reason)
{
	char why[200];

	assert_string_equal(instance_state_text(state_of(rig_find(&rig, name), why, sizeof(why))),
		instance_state_text(state));
	if (*reason == '\0' ? *why != '\0' : strstr(why, reason) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why, reason);
}

/* ---- states ---- */

static void a_feeds_state_is_its_connections_and_its_word(void **state)
{
	(void)state;
	run_with_venue("feeds: { feed: { plugin: echo_feed } }\n");
	assert_state("feed", STATE_DISCONNECTED, "no connection yet");
	connect_feed(1);
	assert_state("feed", STATE_CONNECTED, "");
	set_health("feed", FL_NOT_READY, "subscribing");
	assert_state("feed", STATE_DEGRADED, "subscribing");
	set_health("feed", FL_DEGRADED, "books out of step");
	assert_state("feed", STATE_DEGRADED, "books out of step");
	set_health("feed", FL_DISCONNECTED, "the gateway wants a login");
	assert_state("feed", STATE_DISCONNECTED, "the gateway wants a login");
	set_health("feed", FL_HEALTHY, "");
	assert_state("feed", STATE_CONNECTED, "");
}

static void a_feed_with_some_connections_down_is_degraded_with_none_up_disconnected(void **state)
{
	(void)state;
	run_with_venue("feeds: { feed: { plugin: echo_feed } }\n");
	connect_feed(1);
	connect_feed(2);
	assert_int_equal(rig_ask(&rig, "venue", "unlisten", "{}"), FL_REPLY_OK);
	fl_reconnect(rig_find(&rig, "feed"), 1, FL_REASON_STALE);
	rig_until_calls(&rig, "feed", "down", 1);
	assert_state("feed", STATE_DEGRADED, "1 of 2 connections are not up: ");
	fl_reconnect(rig_find(&rig, "feed"), 2, FL_REASON_STALE);
	rig_until_calls(&rig, "feed", "down", 2);
	assert_state("feed", STATE_DISCONNECTED, "2 of 2 connections are not up: ");
}

static void a_feed_that_is_stopped_or_could_not_start_says_so(void **state)
{
	(void)state;
	run_with_venue(
		"feeds: { feed: { plugin: echo_feed }, other: { plugin: echo_feed, fail: start } }\n");
	assert_state("other", STATE_DISCONNECTED, "start failed: ");
	assert_int_equal(rig_ask(&rig, "core", "stop", "{\"feeds\":[\"feed\"]}"), FL_REPLY_OK);
	assert_state("feed", STATE_STOPPED, "stopped by request");
	rig_until_phase(&rig, "feed", INSTANCE_STOPPED);
	assert_state("feed", STATE_STOPPED, "stopped by request");
}

static void a_sinks_state_is_its_streams_and_its_word(void **state)
{
	(void)state;
	run_with_venue("sinks: { store: { plugin: echo_sink } }\n");
	assert_state("store", STATE_CONNECTED, "");
	set_health("store", FL_DEGRADED, "disk");
	assert_state("store", STATE_DEGRADED, "disk");
	set_health("store", FL_DISCONNECTED, "connection refused");
	assert_state("store", STATE_DISCONNECTED, "connection refused");
	set_health("store", FL_HEALTHY, "");
	fl_stream_close(rig_find(&rig, "store"), "main");
	assert_state("store", STATE_DISCONNECTED, "opening");
}

static void a_change_of_state_is_logged_and_published_once(void **state)
{
	(void)state;
	run_with_venue("feeds: { feed: { plugin: echo_feed } }\n"
				   "sinks: { store: { plugin: echo_sink, store: hold } }\n");
	rig_run(&rig,
		"services: { venue: { plugin: echo, listen: \"127.0.0.1:0\" },"
		" ear: { plugin: echo, subscribe: status } }\n"
		"feeds: { feed: { plugin: echo_feed } }\n");
	connect_feed(1);
	assert_int_equal(rig_ask(&rig, "core", "status", "{}"), FL_REPLY_OK); /* looks at them */
	set_health("feed", FL_DEGRADED, "books out of step");
	assert_true(rig_logged(&rig, "WARN  feed: degraded: books out of step"));
	int heard = rig_calls(&rig, "ear", "status");
	assert_true(heard >= 1);
	set_health("feed", FL_DEGRADED, "books out of step");
	assert_int_equal(rig_calls(&rig, "ear", "status"), heard);
	set_health("feed", FL_HEALTHY, "");
	assert_int_equal(rig_calls(&rig, "ear", "status"), heard + 1);
	assert_true(rig_logged(&rig, "INFO  feed: connected"));
}

/* ---- readiness ---- */

static void assert_ready(bool is_ready, const char *reason)
{
	assert_int_equal(rig_ask(&rig, "core", "ready", "{}"), FL_REPLY_OK);
	assert_non_null(
		strstr(buf_string(&rig.answer), is_ready ? "\"ready\":true" : "\"ready\":false"));
	if (is_ready)
		assert_null(rig_text(&rig, "/reason"));
	else if (strstr(rig_text(&rig, "/reason"), reason) == NULL)
		fail_msg("%s", rig_text(&rig, "/reason"));
}

static void ready_means_connected_fresh_and_stored(void **state)
{
	(void)state;
	assert_ready(true, "");
	run_with_venue(
		"feeds: { feed: { plugin: echo_feed } }\nsinks: { store: { plugin: echo_sink } }\n");
	assert_ready(false, "feed is disconnected: no connection yet");
	connect_feed(2); /* says nothing when it is up: no message comes */
	assert_ready(false, "feed is connected but silent");
	connect_feed(1);
	rig_until_calls(&rig, "feed", "message", 1);
	assert_ready(true, "");
	set_health("store", FL_DISCONNECTED, "connection refused");
	assert_ready(false, "store is disconnected: connection refused");
	set_health("store", FL_HEALTHY, "");
	set_health("venue", FL_DISCONNECTED, "whatever"); /* a service is nobody's data */
	assert_ready(true, "");
	assert_int_equal(rig_ask(&rig, "core", "stop", "{}"), FL_REPLY_OK);
	assert_ready(true, ""); /* by request */
}

/* ---- JSON ---- */

static void the_status_has_the_documented_fields(void **state)
{
	static const char *const numbers[] = { "/feeds/0/instruments", "/feeds/0/channels",
		"/feeds/0/messages", "/feeds/0/reconnects", "/feeds/0/connections/0/connection",
		"/feeds/0/connections/0/instruments", "/feeds/0/connections/0/channels",
		"/sinks/0/lag_records", "/sinks/0/lag_seconds", "/sinks/0/rows", "/journal/bytes",
		"/journal/max_bytes", "/journal/dropped" };
	static const char *const texts[] = { "/state", "/feeds/0/feed", "/feeds/0/state",
		"/feeds/0/since", "/feeds/0/last_message_at", "/feeds/0/connections/0/state",
		"/sinks/0/sink", "/sinks/0/state", "/sinks/0/since", "/journal/state", "/config/state",
		"/started_at" };
	static const char *const latencies[] = { "p50", "p95", "p99" };
	char pointer[64];
	yyjson_doc *doc;

	(void)state;
	run_with_venue(
		"feeds: { feed: { plugin: echo_feed } }\nsinks: { store: { plugin: echo_sink } }\n");
	connect_feed(1);
	rig_until_calls(&rig, "feed", "message", 1);
	assert_int_equal(rig_ask(&rig, "feed", "publish", "{}"), FL_REPLY_OK);
	rig_until_calls(&rig, "store", "batch", 1);
	assert_int_equal(rig_ask(&rig, "core", "status", "{}"), FL_REPLY_OK);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (rig_number(&rig, numbers[i]) < 0)
			fail_msg("no %s in %s", numbers[i], buf_string(&rig.answer));
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (rig_text(&rig, texts[i]) == NULL)
			fail_msg("no %s in %s", texts[i], buf_string(&rig.answer));
	doc = yyjson_read(buf_bytes(&rig.answer), buf_length(&rig.answer), 0);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(pointer, sizeof(pointer), "/feeds/0/latency_ms/%s", latencies[i]);
		assert_non_null(yyjson_doc_ptr_get(doc, pointer));
	}
	assert_true(yyjson_is_null(yyjson_doc_ptr_get(doc, "/feeds/0/reason")));
	assert_true(yyjson_is_null(yyjson_doc_ptr_get(doc, "/config/error")));
	yyjson_doc_free(doc);
	assert_string_equal(rig_text(&rig, "/state"), "connected");
	assert_string_equal(rig_text(&rig, "/feeds/0/feed"), "feed");
	assert_string_equal(rig_text(&rig, "/feeds/0/state"), "connected");
	assert_int_equal(rig_number(&rig, "/feeds/0/instruments"), 3);
	assert_int_equal(rig_number(&rig, "/feeds/0/channels"), 7);
	assert_int_equal(rig_number(&rig, "/feeds/0/messages"), 1);
	assert_int_equal(rig_number(&rig, "/feeds/0/connections/0/connection"), 0);
	assert_string_equal(rig_text(&rig, "/feeds/0/connections/0/state"), "up");
	assert_string_equal(rig_text(&rig, "/journal/state"), "ok");
	assert_string_equal(rig_text(&rig, "/config/state"), "ok");
	assert_int_equal(strlen(rig_text(&rig, "/started_at")), strlen("2026-11-21T08:00:00.123Z"));
	assert_true(rig_number(&rig, "/journal/published/ticker") == 1);
}

static void rows_count_what_was_stored_and_lag_what_was_not(void **state)
{
	(void)state;
	run_with_venue("feeds: { feed: { plugin: echo_feed } }\n"
				   "sinks: { store: { plugin: echo_sink, store: hold } }\n");
	assert_int_equal(rig_ask(&rig, "feed", "publish", "{}"), FL_REPLY_OK);
	rig_until_calls(&rig, "store", "batch", 1);
	rig_wait(&rig, 20 * FL_MS);
	assert_int_equal(rig_ask(&rig, "core", "status", "{}"), FL_REPLY_OK);
	assert_true(rig_number(&rig, "/sinks/0/lag_records") >= 1);
	assert_int_equal(rig_number(&rig, "/sinks/0/rows"), 0);
	assert_int_equal(rig_ask(&rig, "store", "ack", "{}"), FL_REPLY_OK);
	assert_int_equal(rig_ask(&rig, "core", "status", "{}"), FL_REPLY_OK);
	assert_true(rig_number(&rig, "/sinks/0/rows") >= 1);
	assert_string_equal(rig_text(&rig, "/sinks/0/streams/0/stream"), "main");
}

static void a_store_that_is_not_reached_lags(void **state)
{
	int64_t before;

	(void)state;
	run_with_venue("feeds: { feed: { plugin: echo_feed } }\n"
				   "sinks: { store: { plugin: echo_sink, store: hold } }\n");
	assert_int_equal(rig_ask(&rig, "feed", "publish", "{}"), FL_REPLY_OK);
	rig_until_calls(&rig, "store", "batch", 1);
	assert_int_equal(rig_ask(&rig, "store", "unstream", "{}"), FL_REPLY_OK);
	assert_int_equal(rig_ask(&rig, "core", "status", "{}"), FL_REPLY_OK);
	before = rig_number(&rig, "/sinks/0/lag_records");
	assert_true(before >= 1); /* what it held is not stored */
	assert_string_equal(rig_text(&rig, "/sinks/0/state"), "disconnected");
	assert_int_equal(rig_ask(&rig, "feed", "publish", "{}"), FL_REPLY_OK);
	rig_wait(&rig, FL_SECOND);
	assert_int_equal(rig_ask(&rig, "core", "status", "{}"), FL_REPLY_OK);
	assert_true(rig_number(&rig, "/sinks/0/lag_records") > before);
	assert_true(rig_number(&rig, "/sinks/0/lag_seconds") >= 1);
}

static void the_status_says_what_is_wrong(void **state)
{
	(void)state;
	run_with_venue(
		"feeds: { feed: { plugin: echo_feed } }\nsinks: { store: { plugin: echo_sink } }\n");
	(void)snprintf(
		rig.host->config_error, sizeof(rig.host->config_error), "a.yaml:1:2: \"quoted\"");
	assert_int_equal(rig_ask(&rig, "core", "status", "{}"), FL_REPLY_OK);
	set_health("store", FL_DEGRADED, "disk");
	assert_int_equal(rig_ask(&rig, "core", "status", "{}"), FL_REPLY_OK);
	assert_string_equal(rig_text(&rig, "/state"), "disconnected");
	assert_string_equal(rig_text(&rig, "/feeds/0/reason"), "no connection yet");
	assert_string_equal(rig_text(&rig, "/sinks/0/state"), "degraded");
	assert_string_equal(rig_text(&rig, "/sinks/0/reason"), "disk");
	assert_string_equal(rig_text(&rig, "/config/state"), "invalid");
	assert_string_equal(rig_text(&rig, "/config/error"), "a.yaml:1:2: \"quoted\"");
	assert_non_null(strstr(rig_text(&rig, "/last_warning/line"), "store: degraded: disk"));
	assert_non_null(strstr(rig_text(&rig, "/not_ready_because"), "store is degraded: disk"));
}

static void a_held_feed_does_not_count_in_the_whole(void **state)
{
	(void)state;
	run_with_venue("feeds: { feed: { plugin: echo_feed }, other: { plugin: echo_feed } }\n");
	connect_feed(1);
	assert_int_equal(rig_ask(&rig, "core", "stop", "{\"feeds\":[\"other\"]}"), FL_REPLY_OK);
	assert_string_equal(rig_text(&rig, "/state"), "connected");
	assert_string_equal(rig_text(&rig, "/feeds/1/state"), "stopped");
	assert_string_equal(rig_text(&rig, "/feeds/1/reason"), "stopped by request");
	assert_int_equal(rig_ask(&rig, "core", "stop", "{}"), FL_REPLY_OK);
	assert_string_equal(rig_text(&rig, "/state"), "stopped"); /* when nothing else is left */
}

static void coverage_is_a_row_a_currency(void **state)
{
	(void)state;
	run_with_venue("feeds: { feed: { plugin: echo_feed } }\n");
	for (int i = 0; i < 2; i++) { /* said again: the same row */
		assert_int_equal(rig_ask(&rig, "feed", "coverage",
							 "{\"currency\":\"BTC\",\"listed\":8,\"subscribed\":6,\"live\":4}"),
			FL_REPLY_OK);
		assert_int_equal(rig_ask(&rig, "feed", "coverage", "{\"currency\":\"ETH\"}"), FL_REPLY_OK);
		assert_int_equal(
			rig_ask(&rig, "feed", "coverage", "{\"currency\":\"A_CURRENCY_WITH_A_LONG_NAME\"}"),
			FL_REPLY_OK);
	}
	assert_int_equal(rig_ask(&rig, "core", "coverage", "{}"), FL_REPLY_OK);
	assert_string_equal(rig_text(&rig, "/0/feed"), "feed");
	assert_string_equal(rig_text(&rig, "/0/currency"), "BTC");
	assert_int_equal(rig_number(&rig, "/0/listed"), 8);
	assert_int_equal(rig_number(&rig, "/0/subscribed"), 6);
	assert_int_equal(rig_number(&rig, "/0/live"), 4);
	assert_non_null(strstr(buf_string(&rig.answer), "\"ratio\":0.75"));
	assert_non_null(strstr(buf_string(&rig.answer), "\"live_ratio\":0.5"));
	assert_string_equal(rig_text(&rig, "/1/currency"), "ETH");
	assert_non_null(
		strstr(buf_string(&rig.answer), "\"ratio\":null")); /* nothing listed is no ratio */
	assert_string_equal(rig_text(&rig, "/2/currency"), "A_CURRENCY_WITH");
	assert_null(rig_text(&rig, "/3/currency"));
	assert_int_equal(rig_ask(&rig, "core", "stop", "{}"), FL_REPLY_OK);
	rig_until_phase(&rig, "feed", INSTANCE_STOPPED);
	assert_int_equal(rig_ask(&rig, "core", "coverage", "{}"), FL_REPLY_OK);
	assert_string_equal(buf_string(&rig.answer), "[]"); /* what is stopped is not in it */
}

static void plugins_and_metrics_can_be_asked_for(void **state)
{
	(void)state;
	run_with_venue("feeds: { feed: { plugin: echo_feed } }\n");
	assert_int_equal(rig_ask(&rig, "core", "plugins", "{}"), FL_REPLY_OK);
	assert_string_equal(rig_text(&rig, "/1/name"), "echo_feed");
	assert_string_equal(rig_text(&rig, "/1/instances/0/instance"), "feed");
	assert_int_equal(rig_number(&rig, "/1/reloads"), 0);
	assert_string_equal(rig_text(&rig, "/1/role"), "feed");
	assert_string_equal(rig_text(&rig, "/1/version"), "1.0");
	assert_non_null(strstr(rig_text(&rig, "/1/path"), "echo_feed.so"));
	rig_wait(&rig, FL_SECOND + 100 * FL_MS); /* they are brought up to date once a second */
	assert_int_equal(rig_ask(&rig, "core", "metrics", "{}"), FL_REPLY_OK);
	assert_non_null(strstr(buf_string(&rig.answer), "feedloom_feed_state{feed=\\\"feed\\\"} 1"));
	assert_non_null(
		strstr(buf_string(&rig.answer), "feedloom_messages_total{feed=\\\"feed\\\"} 0"));
}

static void on_reload(void *data, int command)
{
	*(int *)data += 1;
	core_answer_reload(rig.host, command);
}

static void the_configuration_can_be_read_again_by_request(void **state)
{
	int reloads = 0;

	(void)state;
	assert_int_equal(rig_ask(&rig, "core", "reload_config", "{}"), FL_REPLY_NOT_FOUND);
	rig.host->on_reload = on_reload;
	rig.host->on_reload_data = &reloads;
	assert_int_equal(rig_ask(&rig, "core", "reload_config", "{}"), FL_REPLY_OK);
	assert_int_equal(reloads, 1);
	(void)snprintf(rig.host->config_error, sizeof(rig.host->config_error), "a.yaml:1:2: wrong");
	assert_int_equal(rig_ask(&rig, "core", "reload_config", "{}"), FL_REPLY_CONFLICT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
	const struct CMUnitTest tests[] = {
		TEST(a_feeds_state_is_its_connections_and_its_word),
		TEST(a_feed_with_some_connections_down_is_degraded_with_none_up_disconnected),
		TEST(a_feed_that_is_stopped_or_could_not_start_says_so),
		TEST(a_sinks_state_is_its_streams_and_its_word),
		TEST(a_change_of_state_is_logged_and_published_once),
		TEST(ready_means_connected_fresh_and_stored),
		TEST(the_status_has_the_documented_fields),
		TEST(rows_count_what_was_stored_and_lag_what_was_not),
		TEST(a_store_that_is_not_reached_lags),
		TEST(the_status_says_what_is_wrong),
		TEST(a_held_feed_does_not_count_in_the_whole),
		TEST(coverage_is_a_row_a_currency),
		TEST(plugins_and_metrics_can_be_asked_for),
		TEST(the_configuration_can_be_read_again_by_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
