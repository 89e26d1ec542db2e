/* A new configuration changes what differs, and nothing else; a stop by request outlasts it. */
#include "rig.h"

#include <unistd.h>

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

static void assert_text(const char *name, const char *text)
{
	assert_int_equal(rig_ask(&rig, name, "text", "{}"), FL_REPLY_OK);
	assert_string_equal(rig_text(&rig, "/text"), text);
}

static void what_is_the_same_is_left_alone(void **state)
{
	const char *yaml = "services: { one: { plugin: echo, text: a } }\n"
					   "sinks: { store: { plugin: echo_sink } }\n";

	(void)state;
	rig_run(&rig, yaml);
	rig_run(&rig, yaml);
	rig_run(&rig,
		"sinks: { store: { plugin: echo_sink, count: 1 } }\n" /* the default, written out */
		"services: { one: { text: \"a\", plugin: echo } }\n");
	rig_wait(&rig, 50 * FL_MS);
	assert_int_equal(rig_calls(&rig, "one", "create"), 1);
	assert_int_equal(rig_calls(&rig, "one", "reconfigure"), 0);
	assert_int_equal(rig_calls(&rig, "store", "create"), 1);
}

static void a_live_option_changes_in_place(void **state)
{
	(void)state;
	rig_run(&rig, "services: { one: { plugin: echo, text: a } }\n");
	rig_run(&rig, "services: { one: { plugin: echo, text: b } }\n");
	assert_int_equal(rig_calls(&rig, "one", "reconfigure"), 1);
	assert_text("one", "b");
	assert_int_equal(rig_calls(&rig, "one", "create"), 1);
	assert_int_equal(rig_calls(&rig, "one", "stop"), 0);
	assert_true(rig_logged(&rig, "one: option text changed"));
}

static void a_plugin_may_refuse_and_is_restarted(void **state)
{
	(void)state;
	rig_run(&rig, "services: { one: { plugin: echo, text: a, refuses_live: true } }\n");
	rig_run(&rig, "services: { one: { plugin: echo, text: b, refuses_live: true } }\n");
	rig_until_calls(&rig, "one", "create", 2);
	assert_int_equal(rig_calls(&rig, "one", "reconfigure"), 1);
	assert_text("one", "b");
}

static void another_option_restarts_that_instance_alone(void **state)
{
	(void)state;
	rig_run(&rig, "services: { one: { plugin: echo }, two: { plugin: echo } }\n");
	rig_run(
		&rig, "services: { one: { plugin: echo, count: 2, text: b }, two: { plugin: echo } }\n");
	assert_int_equal(rig_find(&rig, "one")->phase, INSTANCE_STOPPING);
	rig_until_calls(&rig, "one", "start", 2);
	assert_int_equal(rig_calls(&rig, "one", "reconfigure"), 0);
	assert_int_equal(rig_calls(&rig, "one", "stop"), 1);
	assert_int_equal(rig_calls(&rig, "one", "destroy"), 1);
	assert_true(rig_order(&rig, "one", "stop") < rig_order(&rig, "one", "destroy"));
	assert_true(rig_order(&rig, "one", "destroy") < rig_order(&rig, "one", "start"));
	assert_text("one", "b");
	assert_int_equal(rig_calls(&rig, "two", "stop"), 0);
}

static void the_last_of_several_configurations_counts(void **state)
{
	(void)state;
	rig_run(&rig, "services: { one: { plugin: echo, text: a } }\n");
	rig_run(&rig, "services: { one: { plugin: echo, text: b, count: 2 } }\n");
	rig_run(&rig, "services: { one: { plugin: echo, text: c, count: 3 } }\n");
	rig_run(
		&rig, "services: { one: { plugin: echo, text: a } }\n"); /* as it was, but it is stopping */
	rig_until_calls(&rig, "one", "create", 2);
	assert_text("one", "a");
	rig_wait(&rig, 50 * FL_MS);
	assert_int_equal(rig_calls(&rig, "one", "create"), 2);
}

static bool is_empty(struct rig *of)
{
	return list_is_empty(&of->host->instances);
}

static void what_is_new_starts_and_what_is_gone_stops(void **state)
{
	(void)state;
	rig_run(&rig, "services: { one: { plugin: echo } }\n");
	rig_run(&rig, "services: { two: { plugin: echo } }\nsinks: { store: { plugin: echo_sink } }\n");
	assert_int_equal(rig_calls(&rig, "two", "start"), 1);
	assert_int_equal(rig_calls(&rig, "store", "start"), 1);
	rig_until_calls(&rig, "one", "destroy", 1);
	assert_null(rig_find(&rig, "one"));
	assert_int_equal(rig_calls(&rig, "one", "stop"), 1);
	rig_run(&rig, "");
	rig_until_calls(&rig, "store", "destroy", 1);
	rig_until_calls(&rig, "two", "destroy", 1);
	rig_until(&rig, is_empty);
}

static void what_comes_back_before_it_is_gone_starts_again(void **state)
{
	(void)state;
	rig_run(&rig, "services: { one: { plugin: echo, text: a } }\n");
	rig_run(&rig, "");
	rig_run(&rig, "services: { one: { plugin: echo, text: a } }\n");
	rig_until_calls(&rig, "one", "create", 2);
	assert_int_equal(rig_find(&rig, "one")->phase, INSTANCE_RUNNING);
	rig_run(&rig, "");
	rig_run(&rig,
		"services: { one: { plugin: echo, text: b, count: 5 } }\n"); /* and with other options */
	rig_until_calls(&rig, "one", "create", 3);
	assert_text("one", "b");
}

static void a_name_may_move_to_another_section(void **state)
{
	(void)state;
	rig_run(&rig, "services: { one: { plugin: echo } }\n");
	rig_run(&rig, "feeds: { one: { plugin: echo_feed } }\n");
	rig_until_calls(&rig, "one", "create", 2);
	assert_int_equal(rig_find(&rig, "one")->role, FL_FEED);
	assert_non_null(rig_find(&rig, "one")->messages);
	rig_run(&rig, "sinks: { one: { plugin: echo_sink } }\n");
	rig_until_calls(&rig, "one", "create", 3);
	assert_int_equal(map_count(rig_find(&rig, "one")->streams), 1);
	assert_int_equal(rig_ask(&rig, "one", "publish", "{}"), FL_REPLY_OK);
	rig_until_calls(&rig, "one", "batch", 1);
}

static void an_invalid_configuration_changes_nothing(void **state)
{
	(void)state;
	rig_run(&rig, "services: { one: { plugin: echo, text: a }, two: { plugin: echo } }\n");
	assert_int_equal(
		rig_configure(&rig, "services: { one: { plugin: echo, text: b, count: 11 } }\n"), -EINVAL);
	assert_non_null(strstr(buf_string(&rig.errors), "test.yaml:1:50: services.one.count: "));
	assert_text("one", "a");
	assert_int_equal(rig_find(&rig, "two")->phase, INSTANCE_RUNNING);
}

static void a_failed_instance_is_mended_by_its_options(void **state)
{
	(void)state;
	rig_run(&rig, "services: { one: { plugin: echo, fail: start } }\n");
	rig_run(&rig, "services: { one: { plugin: echo, fail: start } }\n");
	rig_wait(&rig, 50 * FL_MS);
	assert_int_equal(rig_calls(&rig, "one", "create"), 1); /* the same will fail the same */
	rig_run(&rig, "services: { one: { plugin: echo } }\n");
	rig_until_phase(&rig, "one", INSTANCE_RUNNING);
}

static void copy_plugin(const char *name, const char *to)
{
	char command[1024];

	(void)snprintf(command, sizeof(command), "cp %s/%s.so %s.new && mv %s.new %s", TEST_PLUGINS,
		name, to, to, to);
	assert_int_equal(system(command), 0);
}

static void a_file_whose_options_have_changed_is_loaded_anew(void **state)
{
	const char *yaml = "services: { one: { plugin: moving, text: a } }\n";
	const char *folders[1];
	char to[300];

	(void)state;
	folders[0] = rig.folder;
	rig.host->parts.folders = (struct image_folders){ .paths = folders, .count = 1 };
	(void)snprintf(to, sizeof(to), "%s/moving.so", rig.folder);
	copy_plugin("echo", to);
	rig_run(&rig, yaml);
	copy_plugin("echo_wide", to);
	rig_run(
		&rig, yaml); /* its options lie elsewhere now: comparing them would be reading at random */
	rig_until_calls(&rig, "one", "create", 2);
	assert_text("one", "a");
}

/* ---- stop and start by request ---- */

static int feeds(const char *name, const char *body)
{
	return rig_ask(&rig, "core", name, body);
}

static void a_stop_holds_against_a_new_configuration(void **state)
{
	(void)state;
	rig_run(&rig, "feeds: { one: { plugin: echo_feed, text: a } }\n");
	assert_int_equal(feeds("stop", "{\"feeds\":[\"one\"]}"), FL_REPLY_OK);
	rig_until_phase(&rig, "one", INSTANCE_STOPPED);
	rig_run(&rig, "feeds: { one: { plugin: echo_feed, text: b, count: 3 } }\n");
	rig_wait(&rig, 60 * FL_MS);
	assert_int_equal(rig_find(&rig, "one")->phase, INSTANCE_STOPPED);
	assert_int_equal(rig_calls(&rig, "one", "create"), 1);
	assert_int_equal(feeds("start", "{}"), FL_REPLY_OK);
	rig_until_phase(&rig, "one", INSTANCE_RUNNING);
	assert_text("one", "b"); /* which counts from here on */
}

static void stop_and_start_may_be_repeated(void **state)
{
	(void)state;
	rig_run(&rig, "feeds: { one: { plugin: echo_feed }, two: { plugin: echo_feed } }\n");
	assert_int_equal(feeds("start", "{}"), FL_REPLY_OK);
	assert_int_equal(feeds("stop", "{\"feeds\":[\"one\"]}"), FL_REPLY_OK);
	assert_int_equal(feeds("stop", "{\"feeds\":[\"one\"]}"), FL_REPLY_OK);
	assert_int_equal(
		feeds("start", "{\"feeds\":[\"one\"]}"), FL_REPLY_OK); /* before it has stopped */
	rig_until_calls(&rig, "one", "create", 2);
	assert_int_equal(rig_calls(&rig, "one", "stop"), 1);
	assert_int_equal(rig_calls(&rig, "two", "stop"), 0);
	assert_int_equal(feeds("stop", "{\"feeds\":[]}"), FL_REPLY_OK); /* none named: all */
	rig_until_phase(&rig, "one", INSTANCE_STOPPED);
	rig_until_phase(&rig, "two", INSTANCE_STOPPED);
}

static void a_feed_that_is_not_there_stops_nothing(void **state)
{
	(void)state;
	rig_run(&rig, "feeds: { one: { plugin: echo_feed } }\nservices: { desk: { plugin: echo } }\n");
	assert_int_equal(feeds("stop", "{\"feeds\":[\"one\",\"three\"]}"), FL_REPLY_NOT_FOUND);
	assert_string_equal(rig_text(&rig, "/detail"), "there is no feed three; feeds there are: one");
	assert_int_equal(feeds("stop", "{\"feeds\":[\"desk\"]}"), FL_REPLY_NOT_FOUND);
	assert_int_equal(feeds("stop", "{\"feeds\":[7]}"), FL_REPLY_NOT_FOUND);
	assert_int_equal(feeds("stop", "{\"feeds\":\"one\"}"), FL_REPLY_BAD);
	assert_int_equal(feeds("stop", "[]"), FL_REPLY_BAD);
	assert_int_equal(feeds("stop", "no json"), FL_REPLY_BAD);
	assert_int_equal(rig_find(&rig, "one")->phase, INSTANCE_RUNNING);
}

static void start_tries_a_failed_feed_again(void **state)
{
	(void)state;
	rig_run(&rig, "feeds: { one: { plugin: echo_feed, fail: start } }\n");
	assert_int_equal(feeds("start", "{}"), FL_REPLY_OK);
	assert_int_equal(rig_calls(&rig, "one", "start"), 2);
	assert_int_equal(rig_find(&rig, "one")->phase, INSTANCE_FAILED);
	assert_int_equal(feeds("stop", "{}"), FL_REPLY_OK);
	rig_until_phase(&rig, "one", INSTANCE_STOPPED);
}

static void a_held_feed_can_be_removed(void **state)
{
	(void)state;
	rig_run(&rig, "feeds: { one: { plugin: echo_feed } }\n");
	assert_int_equal(feeds("stop", "{}"), FL_REPLY_OK);
	rig_run(&rig, "");
	rig_until(&rig, is_empty);
	rig_run(&rig, "feeds: { one: { plugin: echo_feed } }\n"); /* a new one is not held */
	assert_int_equal(rig_find(&rig, "one")->phase, INSTANCE_RUNNING);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
	const struct CMUnitTest tests[] = {
		TEST(what_is_the_same_is_left_alone),
		TEST(a_live_option_changes_in_place),
		TEST(a_plugin_may_refuse_and_is_restarted),
		TEST(another_option_restarts_that_instance_alone),
		TEST(the_last_of_several_configurations_counts),
		TEST(what_is_new_starts_and_what_is_gone_stops),
		TEST(what_comes_back_before_it_is_gone_starts_again),
		TEST(a_name_may_move_to_another_section),
		TEST(an_invalid_configuration_changes_nothing),
		TEST(a_failed_instance_is_mended_by_its_options),
		TEST(a_file_whose_options_have_changed_is_loaded_anew),
		TEST(a_stop_holds_against_a_new_configuration),
		TEST(stop_and_start_may_be_repeated),
		TEST(a_feed_that_is_not_there_stops_nothing),
		TEST(start_tries_a_failed_feed_again),
		TEST(a_held_feed_can_be_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
