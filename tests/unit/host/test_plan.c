/* Every mistake of a configuration is one line that says where it stands, and nothing is started.
 */
#include "plan.h"
#include "prepare.h"
#include "rig.h"

static struct buf said;

static int plan(const char *yaml, struct plan *out)
{
	struct config_errors errors;
	struct config *config;
	int result;

	buf_clear(&said, 0);
	config = rig_config(yaml, &said);
	config_errors_init(&errors);
	result = plan_make(&rig_folders, "/state", config->root, &errors, out);
	(void)config_errors_print(&errors, &said);
	config_errors_finish(&errors);
	config_destroy(config); /* a plan outlives it */
	return result;
}

static void assert_says(const char *yaml, const char *lines)
{
	struct plan out;

	assert_int_equal(plan(yaml, &out), -EINVAL);
	plan_finish(&out);
	if (strncmp(buf_string(&said), lines, strlen(lines)) != 0)
		fail_msg("said:\n%swanted:\n%s", buf_string(&said), lines);
}

static void instances_start_sinks_first_feeds_last(void **state)
{
	static const char *const names[] = { "store", "desk", "one", "two" };
	static const enum fl_role roles[] = { FL_SINK, FL_SERVICE, FL_FEED, FL_FEED };
	struct plan out;
	struct link *item, *following;
	size_t at = 0;

	(void)state;
	assert_int_equal(plan("feeds: { one: { plugin: echo_feed }, two: { plugin: echo_feed } }\n"
						  "services: { desk: { plugin: echo } }\n"
						  "sinks: { store: { plugin: echo_sink } }\n",
						 &out),
		0);
	list_each (item, following, &out.items) {
		struct planned *planned = container_of(item, struct planned, link);

		assert_string_equal(planned->name, names[at]);
		assert_int_equal(planned->role, roles[at++]);
		assert_non_null(planned->options);
	}
	assert_int_equal(at, 4);
	plan_finish(&out);
	assert_int_equal(plan("feeds:\nsinks:\n", &out), 0); /* nothing is a configuration too */
	plan_finish(&out);
}

static void the_key_is_the_plugin_when_none_is_named(void **state)
{
	struct plan out;

	(void)state;
	assert_int_equal(plan("services:\n  echo:\n", &out), 0);
	assert_non_null(
		strstr(image_path(container_of(out.items.next, struct planned, link)->image), "/echo.so"));
	plan_finish(&out);
}

static void an_unknown_plugin_is_named_with_the_nearest(void **state)
{
	(void)state;
	assert_says("feeds:\n  one: { plugin: ecko_feed }\n",
		"test.yaml:2:18: there is no plugin ecko_feed; did you mean echo_feed?\n");
	assert_says("feeds:\n  quite_another:\n",
		"test.yaml:2:3: there is no plugin quite_another; there are: ");
	assert_non_null(strstr(buf_string(&said), "echo_feed"));
	assert_non_null(strstr(buf_string(&said), "NAME.so"));
	assert_says("feeds:\n  one: { plugin: [echo_feed] }\n",
		"test.yaml:2:18: plugin must be the name of one\n");
}

static void a_plugin_belongs_into_its_section(void **state)
{
	(void)state;
	assert_says("feeds:\n  echo_sink:\n",
		"test.yaml:2:3: plugin echo_sink belongs under sinks, not under feeds\n");
	assert_says("sinks:\n  one: { plugin: echo }\n",
		"test.yaml:2:18: plugin echo belongs under services, not under sinks\n");
}

static void a_plugin_that_cannot_be_loaded_is_an_error_of_its_line(void **state)
{
	(void)state;
	assert_says("feeds:\n  bad_abi:\n",
		"test.yaml:2:3: plugin bad_abi: " TEST_PLUGINS "/bad_abi.so: built for ABI");
}

static void names_are_ones_own_over_all_sections(void **state)
{
	(void)state;
	assert_says("sinks:\n  one: { plugin: echo_sink }\nfeeds:\n  one: { plugin: echo_feed }\n",
		"test.yaml:4:3: the name one is taken");
	/* Also when the other one has a mistake of its own: both are said at once. */
	assert_says(
		"sinks:\n  one: { plugin: echo_sink, count: 11 }\nfeeds:\n  one: { plugin: echo_feed }\n",
		"test.yaml:2:36: ");
	assert_non_null(strstr(buf_string(&said), "test.yaml:4:3: the name one is taken"));
	assert_says("services:\n  core: { plugin: echo }\n", "test.yaml:2:3: the name core is taken");
}

static void a_bad_name_is_refused(void **state)
{
	(void)state;
	assert_says("services:\n  \"a b\": { plugin: echo }\n",
		"test.yaml:2:3: a b is no name for an instance");
	assert_says("services:\n  \"a/b\": { plugin: echo }\n", "test.yaml:2:3: a/b is no name");
	assert_says("services:\n  a123456789012345678901234567890123: { plugin: echo }\n",
		"test.yaml:2:3: a123456789012345678901234567890123 is no name");
}

static void every_bad_option_has_its_place(void **state)
{
	(void)state;
	assert_says("services:\n  echo:\n    text: bad\n    count: 11\n    cuont: 3\n    store: keep\n",
		"test.yaml:4:12: ");
	assert_non_null(strstr(buf_string(&said), "test.yaml:5:5: "));
	if (strstr(buf_string(&said), "did you mean \"count\"?") == NULL)
		fail_msg("%s", buf_string(&said));
	assert_non_null(strstr(buf_string(&said), "test.yaml:6:12: "));
}

static void a_plugins_own_check_has_its_place(void **state)
{
	(void)state;
	assert_says("services:\n  echo:\n    count: 2\n    text: bad\n", "test.yaml:4:11: ");
	assert_non_null(strstr(buf_string(&said), "bad is not good"));
}

static void sections_and_instances_are_mappings(void **state)
{
	(void)state;
	assert_says("feeds: [one]\nsinks: two\n",
		"test.yaml:1:8: feeds must be a mapping of instances\n"
		"test.yaml:2:8: sinks must be a mapping of instances\n");
	assert_says("services:\n  echo: 3\n", "test.yaml:2:9: echo must be a mapping of options\n");
}

static void nothing_starts_when_one_of_many_is_wrong(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, false);
	assert_int_equal(rig_configure(&rig,
						 "sinks: { store: { plugin: echo_sink } }\n"
						 "services: { desk: { plugin: echo, count: many } }\n"),
		-EINVAL);
	assert_null(rig_find(&rig, "store"));
	assert_int_equal(rig_calls(&rig, "store", "create"), 0);
	rig_close(&rig);
}

static struct image *take(const struct prepared *prepared, const char *plugin, int expected)
{
	struct image *image = NULL;
	char path[4096], problem[512] = "";

	(void)snprintf(path, sizeof(path), "%s/%s.so", TEST_PLUGINS, plugin);
	assert_int_equal(prepared_take(prepared, path, &image, problem, sizeof(problem)), expected);
	assert_true((image == NULL) == (expected != 0));
	assert_true((problem[0] == '\0') == (expected != -ENOEXEC));
	return image;
}

/* As a worker does, so that the loop need not. */
static void plugins_are_opened_ahead_but_for_those_that_run(void **state)
{
	struct images loaded;
	struct image_folders folders = rig_folders;
	struct config *config =
		rig_config("feeds: { one: { plugin: echo_feed }, echo_feed: {} }\n"
				   "services: { echo: {}, bad_abi: {}, nowhere: {}, odd: { plugin: [] } }\n"
				   "sinks: 7\n",
			&said);
	struct prepared *prepared;
	struct image *running, *ahead, *planned;
	struct config_errors errors;
	struct plan out;
	char path[4096], problem[512];

	(void)state;
	images_init(&loaded);
	folders.loaded = &loaded;
	assert_int_equal(image_find(&rig_folders, "echo", path, sizeof(path)), 0);
	assert_int_equal(image_open(path, NULL, &running, problem, sizeof(problem)), 0);
	images_add(&loaded, running);
	prepared = prepared_create(&folders);
	assert_non_null(prepared);
	prepared_open(prepared, config->root, NULL);
	(void)take(prepared, "echo", -ENODATA);
	(void)take(prepared, "nowhere", -ENODATA);
	(void)take(prepared, "bad_abi", -ENOEXEC);
	ahead = take(prepared, "echo_feed", 0);
	config_destroy(config);
	/* What is planned is that image. */
	folders.prepared = prepared;
	config = rig_config("feeds: { one: { plugin: echo_feed } }\n", &said);
	config_errors_init(&errors);
	assert_int_equal(plan_make(&folders, "/state", config->root, &errors, &out), 0);
	planned = container_of(out.items.next, struct planned, link)->image;
	assert_ptr_equal(planned, ahead);
	config_errors_finish(&errors);
	config_destroy(config);
	prepared_destroy(prepared);
	prepared_destroy(NULL);
	assert_string_equal(image_plugin(ahead)->name, "echo"); /* still mapped */
	plan_finish(&out);
	image_close(ahead);
	image_close(running);
}

static int free_said(void **state)
{
	(void)state;
	buf_finish(&said);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instances_start_sinks_first_feeds_last),
		cmocka_unit_test(the_key_is_the_plugin_when_none_is_named),
		cmocka_unit_test(an_unknown_plugin_is_named_with_the_nearest),
		cmocka_unit_test(a_plugin_belongs_into_its_section),
		cmocka_unit_test(a_plugin_that_cannot_be_loaded_is_an_error_of_its_line),
		cmocka_unit_test(names_are_ones_own_over_all_sections),
		cmocka_unit_test(a_bad_name_is_refused),
		cmocka_unit_test(every_bad_option_has_its_place),
		cmocka_unit_test(a_plugins_own_check_has_its_place),
		cmocka_unit_test(sections_and_instances_are_mappings),
		cmocka_unit_test(plugins_are_opened_ahead_but_for_those_that_run),
		cmocka_unit_test(nothing_starts_when_one_of_many_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, free_said);
}
