/* The orderly stop: feeds, then sinks when they have stored everything, then services. And probes.
 */
#include "rig.h"

#include "clock.h"

static struct rig rig;

static int open_rig(void **state)
{
	(void)state;
	rig_open(&rig, true);
	return 0;
}

static int close_rig(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

static void on_stopped(void *data, bool is_drained)
{
	struct rig *all = data;

	assert_false(all->is_stopped); /* once */
	all->is_stopped = true;
	all->is_drained = is_drained;
}

static bool is_stopped(struct rig *all)
{
	return all->is_stopped;
}

static void stop(int64_t deadline_ns)
{
	host_stop(rig.host, deadline_ns, on_stopped, &rig);
	rig_until(&rig, is_stopped);
}

static void feeds_stop_first_sinks_when_they_have_all_services_last(void **state)
{
	char yaml[512];

	(void)state;
	rig_run(&rig, "services: { venue: { plugin: echo, listen: \"127.0.0.1:0\" } }\n");
	(void)snprintf(yaml, sizeof(yaml),
		"services: { venue: { plugin: echo, listen: \"127.0.0.1:0\" } }\n"
		"sinks: { store: { plugin: echo_sink } }\n"
		"feeds: { feed: { plugin: echo_feed, url: \"ws://127.0.0.1:%d/ws\" } }\n",
		fl_listen_port(rig_find(&rig, "venue"), 1));
	rig_run(&rig, yaml);
	rig_until_calls(&rig, "feed", "message", 1);
	assert_int_equal(rig_ask(&rig, "feed", "publish", "{}"), FL_REPLY_OK);
	stop(5 * FL_SECOND);
	assert_true(rig.is_drained);
	assert_int_equal(rig_calls(&rig, "feed", "closed"), 1);
	assert_true(rig_order(&rig, "feed", "closed") < rig_order(&rig, "feed", "destroy"));
	assert_true(rig_order(&rig, "feed", "destroy") < rig_order(&rig, "store", "stop"));
	assert_true(rig_order(&rig, "store", "batch") < rig_order(&rig, "store", "stop"));
	assert_true(rig_order(&rig, "store", "destroy") < rig_order(&rig, "venue", "stop"));
	assert_true(rig_order(&rig, "venue", "stop") < rig_order(&rig, "venue", "destroy"));
	assert_int_equal(rig_find(&rig, "venue")->phase, INSTANCE_STOPPED);
}

static void nothing_is_left_behind_by_the_stop_itself(void **state)
{
	struct bus_status before, after;

	(void)state;
	rig_run(
		&rig, "sinks: { store: { plugin: echo_sink } }\nfeeds: { feed: { plugin: echo_feed } }\n");
	host_stop(rig.host, 5 * FL_SECOND, on_stopped, &rig);
	rig_until_calls(&rig, "store", "stop", 1);
	bus_status(rig.bus, &before);
	rig_until(&rig, is_stopped);
	rig_wait(&rig, FL_SECOND + 100 * FL_MS); /* states are looked at once a second */
	bus_status(rig.bus, &after);
	assert_int_equal(after.last_number, before.last_number);
	assert_true(rig.is_drained);
}

static void a_sink_that_does_not_get_done_is_not_waited_for_longer(void **state)
{
	(void)state;
	rig_run(&rig,
		"sinks: { store: { plugin: echo_sink, store: hold } }\n"
		"feeds: { feed: { plugin: echo_feed } }\n");
	assert_int_equal(rig_ask(&rig, "feed", "publish", "{}"), FL_REPLY_OK);
	stop(100 * FL_MS);
	assert_false(rig.is_drained);
	assert_true(rig_logged(&rig, "wait in the journal for the next start"));
}

static void a_sink_without_a_store_has_not_stored_everything(void **state)
{
	(void)state;
	rig_run(&rig,
		"sinks: { store: { plugin: echo_sink, fail: start } }\n"
		"feeds: { feed: { plugin: echo_feed } }\n");
	assert_int_equal(rig_ask(&rig, "feed", "publish", "{}"), FL_REPLY_OK);
	stop(5 * FL_SECOND);
	assert_false(rig.is_drained);
	assert_true(rig_logged(&rig, "a sink has no store"));
}

static void a_sink_that_is_down_is_not_waited_for(void **state)
{
	int64_t began_ns;

	(void)state;
	rig_run(&rig,
		"sinks: { store: { plugin: echo_sink, store: retry } }\n"
		"feeds: { feed: { plugin: echo_feed } }\n");
	assert_int_equal(rig_ask(&rig, "feed", "publish", "{}"), FL_REPLY_OK);
	assert_int_equal(
		rig_ask(&rig, "store", "health", "{\"health\":3,\"reason\":\"connection refused\"}"),
		FL_REPLY_OK);
	began_ns = clock_monotonic_ns(rig.loop);
	stop(FL_MINUTE);
	assert_true(clock_monotonic_ns(rig.loop) - began_ns < 5 * FL_SECOND);
	assert_false(rig.is_drained);
}

static void a_stop_waits_for_the_databases(void **state)
{
	(void)state;
	rig_run(&rig, "services: { one: { plugin: echo, database: one.db } }\n");
	rig_until_calls(&rig, "one", "db_open", 1);
	assert_int_equal(rig_ask(&rig, "one", "work", "{\"rows\":200000}"), FL_REPLY_OK);
	stop(5 * FL_SECOND);
	assert_int_equal(rig_calls(&rig, "one", "db_done"), 1);
	assert_int_equal(rig.host->databases_closing, 0);
}

static void a_stop_at_once_after_the_start_is_orderly_too(void **state)
{
	(void)state;
	rig_run(&rig,
		"sinks: { store: { plugin: echo_sink, database: s.db } }\n"
		"services: { one: { plugin: echo, listen: \"127.0.0.1:0\" } }\n"
		"feeds: { feed: { plugin: echo_feed, url: \"ws://127.0.0.1:9/\" } }\n");
	stop(5 * FL_SECOND);
	assert_int_equal(rig_calls(&rig, "feed", "destroy"), 1);
	assert_int_equal(rig_calls(&rig, "store", "destroy"), 1);
	assert_int_equal(rig_calls(&rig, "one", "destroy"), 1);
}

static void nothing_starts_during_the_stop(void **state)
{
	(void)state;
	rig_run(&rig,
		"feeds: { feed: { plugin: echo_feed }, held: { plugin: echo_feed } }\n"
		"services: { one: { plugin: echo, database: one.db } }\n");
	rig_until_calls(&rig, "one", "db_open", 1);
	assert_int_equal(rig_ask(&rig, "core", "stop", "{\"feeds\":[\"held\"]}"), FL_REPLY_OK);
	assert_int_equal(rig_ask(&rig, "one", "work", "{\"rows\":200000}"), FL_REPLY_OK);
	rig_run(&rig,
		"feeds: { feed: { plugin: echo_feed, count: 2 }, held: { plugin: echo_feed } }\n"
		"services: { one: { plugin: echo, database: one.db } }\n"); /* a restart is due */
	host_stop(rig.host, 5 * FL_SECOND, on_stopped, &rig);
	host_stop(rig.host, 5 * FL_SECOND, on_stopped, &rig); /* asked twice */
	assert_int_equal(rig_ask(&rig, "core", "start", "{}"), FL_REPLY_STOPPED);
	assert_string_equal(rig_text(&rig, "/detail"), "feedloom is stopping");
	rig_until(&rig, is_stopped);
	rig_wait(&rig, 50 * FL_MS);
	assert_int_equal(rig_calls(&rig, "held", "create"), 1);
	assert_int_equal(rig_calls(&rig, "feed", "create"), 1);
}

/* ---- probes ---- */

struct probing {
	char lines[1024];
	int failed;
	bool is_done;
};

static void on_line(void *data, const char *line)
{
	struct probing *probing = data;
	size_t length = strlen(probing->lines);

	(void)snprintf(probing->lines + length, sizeof(probing->lines) - length, "%s\n", line);
}

static void on_done(void *data, int failed)
{
	struct probing *probing = data;

	probing->failed = failed;
	probing->is_done = true;
}

static void every_feed_and_store_is_tried_once(void **state)
{
	struct probing probing = { .failed = -1 };
	struct config_errors none;
	struct buf errors;
	struct config *config;

	(void)state;
	config_errors_init(&none);
	rig_close(&rig);
	rig_open(&rig, false);
	buf_init(&errors, 0);
	config = rig_config("sinks: { store: { plugin: echo_sink, text: schema 1 } }\n"
						"services: { desk: { plugin: echo } }\n"
						"feeds: { good: { plugin: echo_feed, text: \"public/test\" },"
						" refused: { plugin: echo_feed, fail: start },"
						" half: { plugin: echo_feed, fail: late_start } }\n",
		&errors);
	assert_int_equal(host_probe(rig.host, config->root, &none, on_line, on_done, &probing), 0);
	for (int i = 0; i < 3000 && !probing.is_done; i++)
		rig_wait(&rig, FL_MS);
	assert_true(probing.is_done);
	assert_int_equal(probing.failed, 2);
	assert_non_null(strstr(probing.lines, "ok       store  schema 1  "));
	assert_non_null(strstr(probing.lines, "ok       good  public/test  "));
	assert_non_null(strstr(probing.lines, "FAILED   refused  connection refused"));
	assert_non_null(strstr(probing.lines, "FAILED   half  second step"));
	assert_null(strstr(probing.lines, "desk"));
	assert_int_equal(rig_calls(&rig, "good", "start"), 0);
	assert_int_equal(rig_calls(&rig, "good", "destroy"), 1);
	assert_true(list_is_empty(&rig.host->instances));
	config_destroy(config);
	config_errors_finish(&none);
	buf_finish(&errors);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
	const struct CMUnitTest tests[] = {
		TEST(feeds_stop_first_sinks_when_they_have_all_services_last),
		TEST(nothing_is_left_behind_by_the_stop_itself),
		TEST(a_sink_that_does_not_get_done_is_not_waited_for_longer),
		TEST(a_sink_without_a_store_has_not_stored_everything),
		TEST(a_sink_that_is_down_is_not_waited_for),
		TEST(a_stop_waits_for_the_databases),
		TEST(a_stop_at_once_after_the_start_is_orderly_too),
		TEST(nothing_starts_during_the_stop),
		TEST(every_feed_and_store_is_tried_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
