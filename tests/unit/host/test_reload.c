/* A plugin's code is swapped while everything it has open stays open; what fails leaves no trace.
 */
#include "rig.h"

#include "dropin.h"
#include "plugin_record.h"
#include "reload.h"

#include <sys/stat.h>
#include <unistd.h>

static struct rig rig;
static const char *folders[2];

static int open_rig(void **state)
{
	(void)state;
	rig_open(&rig, true);
	folders[0] = rig.folder;
	folders[1] = TEST_PLUGINS;
	rig.host->parts.folders =
		(struct image_folders){ .paths = folders, .count = 2, .loaded = &rig.host->images };
	return 0;
}

static int close_rig(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

/* Puts the file of a test plugin into the drop-in folder as NAME.so, whole at once. */
static void drop_in(const char *file, const char *name)
{
	char command[1200];

	(void)snprintf(command, sizeof(command), "cp %s/%s.so %s/new && mv %s/new %s/%s.so",
		TEST_PLUGINS, file, rig.folder, rig.folder, rig.folder, name);
	assert_int_equal(system(command), 0);
}

static void take_away(const char *name)
{
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/%s.so", rig.folder, name);
	assert_int_equal(unlink(path), 0);
}

static int reload(const char *plugin)
{
	char json[128];

	(void)snprintf(json, sizeof(json), "{\"plugin\":\"%s\"}", plugin);
	return rig_ask(&rig, "core", "reload", json);
}

static const char *version_of(const char *instance)
{
	return rig_find(&rig, instance)->plugin->version;
}

/* A venue (moving), and a feed that is connected to it (moving_feed). */
static void start_pair(void)
{
	char yaml[512];

	drop_in("echo", "moving");
	drop_in("echo_feed", "moving_feed");
	rig_run(&rig, "services: { venue: { plugin: moving, listen: \"127.0.0.1:0\" } }\n");
	(void)snprintf(yaml, sizeof(yaml),
		"services: { venue: { plugin: moving, listen: \"127.0.0.1:0\" } }\n"
		"feeds: { feed: { plugin: moving_feed, url: \"ws://127.0.0.1:%d/ws\" } }\n",
		fl_listen_port(rig_find(&rig, "venue"), 1));
	rig_run(&rig, yaml);
	rig_until_calls(&rig, "feed", "message", 1);
}

/* ---- what stays ---- */

static void code_is_swapped_under_open_connections(void **state)
{
	int port;

	(void)state;
	start_pair();
	port = fl_listen_port(rig_find(&rig, "venue"), 1);
	rig_ask(&rig, "feed", "keep", "{\"value\":42}");
	drop_in("echo_next", "moving");
	drop_in("echo_feed_next", "moving_feed");
	assert_int_equal(reload("moving"), FL_REPLY_OK);
	assert_string_equal(rig_text(&rig, "/version"), "2.0");
	assert_int_equal(reload("moving_feed"), FL_REPLY_OK);
	assert_string_equal(version_of("venue"), "2.0");
	assert_string_equal(version_of("feed"), "2.0");
	rig_until_calls(
		&rig, "feed", "message", 2); /* what its start sent came back, on the same way */
	assert_int_equal(rig_calls(&rig, "feed", "up"), 1);
	assert_int_equal(rig_calls(&rig, "feed", "down"), 0);
	assert_int_equal(rig_calls(&rig, "venue", "accept"), 1);
	assert_int_equal(fl_listen_port(rig_find(&rig, "venue"), 1), port);
	rig_ask(&rig, "feed", "kept", "{}");
	assert_int_equal(rig_number(&rig, "/result"), 42);
	assert_int_equal(rig_calls(&rig, "feed", "stop"), 0);
	assert_int_equal(rig_calls(&rig, "feed", "destroy"), 1); /* of the old state */
	assert_true(rig_logged(&rig, "version 2.0 takes over from 1.0"));
}

static void what_start_asked_for_is_carried_out(void **state)
{
	struct fl_ctx *ctx;

	(void)state;
	start_pair();
	assert_int_equal(reload("moving_feed"), FL_REPLY_OK);
	ctx = rig_find(&rig, "feed");
	rig_until_calls(&rig, "feed", "timer_swapped", 1);
	rig_until_calls(&rig, "feed", "no_response", 1); /* of a request to nobody */
	rig_until_calls(&rig, "feed", "reply", 1);
	assert_int_equal(instance_conn_find(ctx, 1)->channels, 6);
	assert_false(list_is_empty(&ctx->coverages));
	assert_int_equal(rig_calls(&rig, "feed", "timer"), 0); /* that of an hour was adopted */
}

static void what_start_does_not_name_is_closed(void **state)
{
	char question[128];
	struct fl_ctx *ctx;

	(void)state;
	start_pair();
	(void)snprintf(question, sizeof(question), "{\"number\":2,\"url\":\"ws://127.0.0.1:%d/ws\"}",
		fl_listen_port(rig_find(&rig, "venue"), 1));
	rig_ask(&rig, "feed", "connect", question); /* besides the one of its options */
	rig_until_calls(&rig, "feed", "up", 2);
	assert_int_equal(fl_timer_start(rig_find(&rig, "feed"), 9, FL_HOUR, FL_HOUR), 0);
	assert_int_equal(fl_timer_start(rig_find(&rig, "feed"), 10, FL_HOUR, 0), 0);
	assert_int_equal(reload("moving"), FL_REPLY_OK); /* whose peers are nobody's to name */
	assert_int_equal(reload("moving_feed"), FL_REPLY_OK);
	rig_until_calls(&rig, "feed", "closed", 1);
	ctx = rig_find(&rig, "feed");
	assert_non_null(instance_conn_find(ctx, 1));
	assert_null(instance_conn_find(ctx, 2));
	assert_false(fl_timer_is_running(ctx, 9));
	assert_true(fl_timer_is_running(ctx, 10)); /* it comes once: in flight */
	assert_int_equal(rig_calls(&rig, "feed", "down"), 0);
}

static void requests_commands_and_answers_are_handed_over(void **state)
{
	char question[128];

	(void)state;
	start_pair();
	(void)snprintf(question, sizeof(question), "{\"url\":\"http://127.0.0.1:%d/later\"}",
		fl_listen_port(rig_find(&rig, "venue"), 1));
	rig_ask(&rig, "feed", "request", question);
	rig_until_calls(&rig, "venue", "request", 1);
	rig_ask(&rig, "feed", "ask",
		"{\"number\":5,\"to\":\"venue\",\"name\":\"later\",\"deadline_ms\":5000}");
	drop_in("echo_next", "moving");
	assert_int_equal(reload("moving"), FL_REPLY_OK);
	assert_int_equal(reload("moving_feed"), FL_REPLY_OK);
	rig_ask(&rig, "venue", "respond", "{\"status\":200}"); /* the number was in the snapshot */
	rig_until_calls(&rig, "feed", "response", 1);
	rig_until_calls(&rig, "feed", "reply", 2); /* its own, and that of the venue */
}

static void a_sink_is_swapped_between_two_batches(void **state)
{
	(void)state;
	drop_in("echo_sink", "moving_sink");
	rig_run(&rig,
		"sinks: { store: { plugin: moving_sink, store: hold } }\n"
		"feeds: { feed: { plugin: echo_feed } }\n");
	rig_ask(&rig, "feed", "publish", "{}");
	rig_until_calls(&rig, "store", "batch", 1);
	drop_in("echo_sink_next", "moving_sink");
	assert_int_equal(reload_begin(rig.host, "moving_sink", 0), 0);
	rig_wait(&rig, 30 * FL_MS);
	assert_string_equal(version_of("store"), "1.0"); /* the batch is with its store */
	rig_ask(&rig, "feed", "publish", "{}");
	rig_ask(&rig, "store", "ack", "{}");
	while (reload_is_under_way(rig.host, "moving_sink"))
		rig_wait(&rig, FL_MS);
	assert_string_equal(version_of("store"), "2.0");
	rig_until_calls(&rig, "store", "batch", 2); /* once more: the first was acknowledged */
	assert_int_equal(map_count(rig_find(&rig, "store")->streams), 1);
}

/* ---- what fails ---- */

/* How much an instance has open, and what it says of itself. */
static void assert_as_before(const char *from, const char *to, const char *step)
{
	struct fl_ctx *ctx;
	int status;

	drop_in(from, "moving");
	rig_run(&rig,
		"services: { one: { plugin: moving, listen: \"127.0.0.1:0\", database: one.db, subscribe: "
		"ticker } }\n");
	rig_until_calls(&rig, "one", "db_open", 1);
	rig_ask(&rig, "one", "keep", "{\"value\":7}");
	drop_in(to, "moving");
	status = reload("moving");
	assert_int_equal(status, FL_REPLY_CONFLICT);
	if (strstr(rig_text(&rig, "/detail"), step) == NULL)
		fail_msg("%s does not name the step %s", rig_text(&rig, "/detail"), step);
	rig_wait(&rig, 20 * FL_MS);
	ctx = rig_find(&rig, "one");
	assert_int_equal(ctx->phase, INSTANCE_RUNNING);
	assert_int_equal(map_count(ctx->timers), 1);
	assert_int_equal(map_count(ctx->requests), 0);
	assert_int_equal(map_count(ctx->questions), 0);
	assert_int_equal(map_count(ctx->databases), 1);
	assert_int_equal(map_count(ctx->subscriptions), 1);
	assert_true(list_is_empty(&ctx->coverages));
	assert_int_equal(rig_calls(&rig, "one", "ticker"), 0);
	assert_int_equal(rig_calls(&rig, "one", "timer_swapped"), 0);
	assert_int_equal(rig_calls(&rig, "one", "db_open"), 1);
	rig_ask(&rig, "one", "kept", "{}");
	assert_int_equal(rig_number(&rig, "/result"), 7);
	assert_true(rig_logged(&rig, "the code before goes on: "));
	rig_ask(&rig, "core", "plugins", "{}");
	assert_non_null(strstr(rig_text(&rig, "/0/last_error"), step));
	drop_in("echo_next", "moving");
	if (strcmp(from, "echo") == 0) {
		assert_int_equal(reload("moving"), FL_REPLY_OK);
		assert_int_equal(rig_number(&rig, "/reloads"), 1);
		assert_null(rig_text(&rig, "/last_error"));
	}
	rig_run(&rig, "");
	rig_until_phase(&rig, "one", INSTANCE_STOPPING);
}

#define FAILS(name, from, to, step)                                                                \
	static void name(void **state)                                                                 \
	{                                                                                              \
		(void)state;                                                                               \
		assert_as_before(from, to, step);                                                          \
	}
FAILS(a_save_that_fails_leaves_no_trace, "echo_fail_save", "echo_next", "save: ")
FAILS(a_create_that_fails_leaves_no_trace, "echo", "echo_fail_create", "create: ")
FAILS(a_restore_that_refuses_leaves_no_trace, "echo", "echo_fail_restore", "restore: ")
FAILS(a_start_that_fails_leaves_no_trace, "echo", "echo_fail_start", "start: ")
FAILS(another_abi_is_refused, "echo", "bad_abi", "built for ABI 2")
FAILS(a_missing_symbol_is_refused, "echo", "no_symbol", "exports no feedloom_plugin")
FAILS(another_plugin_is_refused, "echo", "incomplete", "incomplete descriptor")
FAILS(what_cannot_be_linked_is_refused, "echo", "unresolved", "fl_not_there")
FAILS(another_role_is_refused, "echo", "echo_sink", "another plugin")

static void an_older_state_is_taken_and_a_newer_one_is_not(void **state)
{
	(void)state;
	drop_in("echo", "moving");
	rig_run(&rig, "services: { one: { plugin: moving } }\n");
	drop_in("echo_state_next", "moving");
	assert_int_equal(reload("moving"), FL_REPLY_OK);
	assert_string_equal(version_of("one"), "3.0");
	drop_in("echo", "moving");
	assert_int_equal(reload("moving"), FL_REPLY_CONFLICT);
	assert_non_null(strstr(rig_text(&rig, "/detail"), "restore: state version 2"));
	assert_string_equal(version_of("one"), "3.0");
}

static void an_older_version_is_swapped_in_and_said_so(void **state)
{
	(void)state;
	drop_in("echo", "moving");
	rig_run(&rig, "services: { one: { plugin: moving } }\n");
	drop_in("echo_older", "moving");
	assert_int_equal(reload("moving"), FL_REPLY_OK);
	assert_string_equal(version_of("one"), "0.9");
	assert_true(rig_logged(&rig, "version 0.9 takes over from 1.0, an older one"));
}

static void options_are_read_by_the_new_table(void **state)
{
	(void)state;
	drop_in("echo", "moving");
	rig_run(&rig, "services: { one: { plugin: moving, text: mine, count: 3 } }\n");
	drop_in("echo_wide", "moving"); /* all fields lie elsewhere */
	assert_int_equal(reload("moving"), FL_REPLY_OK);
	assert_int_equal(rig_ask(&rig, "one", "text", "{}"), FL_REPLY_OK);
	assert_string_equal(rig_text(&rig, "/text"), "mine");
	rig_run(&rig, "services: { one: { plugin: moving, text: mine, count: 3, in_front: 1 } }\n");
	assert_int_equal(rig_calls(&rig, "one", "stop"), 0); /* the default, written out */
}

static void what_nobody_runs_cannot_be_reloaded(void **state)
{
	(void)state;
	rig_run(&rig, "services: { one: { plugin: echo } }\n");
	assert_int_equal(reload("nothing"), FL_REPLY_NOT_FOUND);
	assert_string_equal(
		rig_text(&rig, "/detail"), "no instance runs the plugin nothing; there run: echo");
	assert_int_equal(rig_ask(&rig, "core", "reload", "{}"), FL_REPLY_NOT_FOUND);
}

static void every_instance_is_swapped(void **state)
{
	(void)state;
	drop_in("echo", "moving");
	rig_run(&rig,
		"services: { one: { plugin: moving }, two: { plugin: moving }, bad: { plugin: moving, fail: "
		"start } }\n");
	assert_ptr_equal(rig_find(&rig, "one")->image, rig_find(&rig, "two")->image);
	drop_in("echo_next", "moving");
	assert_int_equal(reload("moving"), FL_REPLY_OK);
	assert_string_equal(version_of("one"), "2.0");
	assert_string_equal(version_of("two"), "2.0");
	assert_string_equal(version_of("bad"), "2.0"); /* tried again, by the way */
	assert_int_equal(rig_calls(&rig, "bad", "start"), 2);
	rig_ask(&rig, "core", "plugins", "{}");
	assert_int_equal(rig_number(&rig, "/0/reloads"), 3);
	assert_string_equal(rig_text(&rig, "/0/instances/1/instance"), "two");
	assert_null(rig_text(&rig, "/1/name"));
}

static void hundred_swaps_leave_nothing_behind(void **state)
{
	(void)state;
	start_pair();
	for (int i = 0; i < 100; i++) {
		drop_in(i % 2 == 0 ? "echo_feed_next" : "echo_feed", "moving_feed");
		assert_int_equal(reload("moving_feed"), FL_REPLY_OK);
	}
	assert_int_equal(rig_calls(&rig, "feed", "up"), 1);
	assert_int_equal(rig_calls(&rig, "feed", "destroy"), 100);
	rig_ask(&rig, "core", "plugins", "{}");
	assert_int_equal(rig_number(&rig, "/1/reloads"), 100);
}

/* ---- the watched folder ---- */

static bool is_next(struct rig *all)
{
	return strcmp(rig_find(all, "one")->plugin->version, "2.0") == 0;
}

static void a_replaced_file_is_swapped_in(void **state)
{
	(void)state;
	drop_in("echo", "moving");
	rig_run(&rig, "services: { one: { plugin: moving } }\n");
	assert_int_equal(dropin_start(rig.host), 0);
	drop_in("echo_next", "moving");
	rig_until(&rig, is_next);
	assert_int_equal(rig_calls(&rig, "one", "create"), 2);
}

static bool has_error(struct rig *all)
{
	struct plugin_record *record = plugin_record(all->host, "moving");

	return record->error[0] != '\0';
}

static void a_half_written_file_does_no_harm_and_the_whole_one_is_taken(void **state)
{
	char command[1200];

	(void)state;
	drop_in("echo", "moving");
	rig_run(&rig, "services: { one: { plugin: moving } }\n");
	assert_int_equal(dropin_start(rig.host), 0);
	(void)snprintf(command, sizeof(command), "head -c 5000 %s/echo_next.so > %s/moving.so",
		TEST_PLUGINS, rig.folder); /* in place, over the file that runs */
	assert_int_equal(system(command), 0);
	rig_until(&rig, has_error);
	assert_string_equal(version_of("one"), "1.0");
	assert_int_equal(rig_ask(&rig, "one", "text", "{}"), FL_REPLY_OK);
	(void)snprintf(
		command, sizeof(command), "cat %s/echo_next.so > %s/moving.so", TEST_PLUGINS, rig.folder);
	assert_int_equal(system(command), 0);
	rig_until(&rig, is_next);
	assert_false(has_error(&rig));
}

static void a_file_in_the_first_folder_comes_before_the_one_that_runs(void **state)
{
	(void)state;
	rig_run(&rig, "services: { one: { plugin: echo } }\n"); /* of the second folder */
	assert_int_equal(dropin_start(rig.host), 0);
	drop_in("echo_next", "echo");
	rig_until(&rig, is_next);
	take_away("echo");
	while (strcmp(version_of("one"), "1.0") != 0) /* the other is still there */
		rig_wait(&rig, 10 * FL_MS);
	assert_int_equal(rig_calls(&rig, "one", "stop"), 0);
}

static bool is_stopped(struct rig *all)
{
	return rig_find(all, "one")->phase == INSTANCE_STOPPED;
}

static bool is_running(struct rig *all)
{
	return rig_find(all, "one")->phase == INSTANCE_RUNNING;
}

static void what_is_gone_stops_after_a_while_and_starts_when_it_is_back(void **state)
{
	char reason[200];

	(void)state;
	drop_in("echo", "moving");
	rig_run(&rig, "services: { one: { plugin: moving } }\n");
	assert_int_equal(dropin_start(rig.host), 0);
	take_away("moving");
	rig_wait(&rig, FL_SECOND);
	assert_int_equal(rig_calls(&rig, "one", "stop"), 0);
	rig_run(&rig, "services: { one: { plugin: moving, text: b } }\n"); /* meanwhile */
	rig_until(&rig, is_stopped);
	assert_int_equal(rig_calls(&rig, "one", "stop"), 1);
	rig_ask(&rig, "core", "status", "{}");
	(void)snprintf(reason, sizeof(reason), "%s", rig_text(&rig, "/services/0/reason"));
	assert_string_equal(reason, "the file of its plugin is gone");
	drop_in("echo_next", "moving");
	rig_until(&rig, is_running);
	assert_string_equal(version_of("one"), "2.0");
	rig_ask(&rig, "one", "text", "{}");
	assert_string_equal(rig_text(&rig, "/text"), "b");
}

static void what_comes_back_in_time_is_not_stopped(void **state)
{
	(void)state;
	drop_in("echo", "moving");
	rig_run(&rig, "services: { one: { plugin: moving } }\n");
	assert_int_equal(dropin_start(rig.host), 0);
	take_away("moving");
	while (plugin_record(rig.host, "moving")->missing_since_ns == 0)
		rig_wait(&rig, FL_MS);
	drop_in("echo_next", "moving");
	rig_until(&rig, is_next);
	assert_int_equal(rig_calls(&rig, "one", "stop"), 0);
}

static void a_host_may_close_in_the_middle(void **state)
{
	(void)state;
	drop_in("echo", "moving");
	rig_run(&rig, "services: { one: { plugin: moving } }\n");
	assert_int_equal(dropin_start(rig.host), 0);
	dropin_look(rig.host);
	assert_int_equal(reload_begin(rig.host, "moving", 0), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
	const struct CMUnitTest tests[] = {
		TEST(code_is_swapped_under_open_connections),
		TEST(what_start_asked_for_is_carried_out),
		TEST(what_start_does_not_name_is_closed),
		TEST(requests_commands_and_answers_are_handed_over),
		TEST(a_sink_is_swapped_between_two_batches),
		TEST(a_save_that_fails_leaves_no_trace),
		TEST(a_create_that_fails_leaves_no_trace),
		TEST(a_restore_that_refuses_leaves_no_trace),
		TEST(a_start_that_fails_leaves_no_trace),
		TEST(another_abi_is_refused),
		TEST(a_missing_symbol_is_refused),
		TEST(another_plugin_is_refused),
		TEST(what_cannot_be_linked_is_refused),
		TEST(another_role_is_refused),
		TEST(an_older_state_is_taken_and_a_newer_one_is_not),
		TEST(an_older_version_is_swapped_in_and_said_so),
		TEST(options_are_read_by_the_new_table),
		TEST(what_nobody_runs_cannot_be_reloaded),
		TEST(every_instance_is_swapped),
		TEST(hundred_swaps_leave_nothing_behind),
		TEST(a_replaced_file_is_swapped_in),
		TEST(a_half_written_file_does_no_harm_and_the_whole_one_is_taken),
		TEST(a_file_in_the_first_folder_comes_before_the_one_that_runs),
		TEST(what_is_gone_stops_after_a_while_and_starts_when_it_is_back),
		TEST(what_comes_back_in_time_is_not_stopped),
		TEST(a_host_may_close_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
