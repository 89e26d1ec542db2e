/* The core's own sections: defaults, units, and every mistake with its place. */
#include "rig.h"
#include "settings.h"

static struct settings settings;
static struct buf said;

static int load(const char *yaml)
{
	struct config_errors errors;
	struct config *config;
	int result;

	buf_clear(&said, 0);
	settings_finish(&settings);
	config = rig_config(yaml, &said);
	config_errors_init(&errors);
	result = settings_load(config->root, "/state", &errors, &settings);
	(void)config_errors_print(&errors, &said);
	config_errors_finish(&errors);
	config_destroy(config);
	return result;
}

static void an_empty_configuration_has_the_defaults(void **state)
{
	(void)state;
	assert_int_equal(load(""), 0);
	assert_int_equal(settings.log->level, FL_INFO);
	assert_int_equal(settings.log->format, LOG_TEXT);
	assert_string_equal(settings.log->file, "");
	assert_int_equal(settings.log->max_bytes, 50 << 20);
	assert_int_equal(settings.log->keep, 5);
	assert_string_equal(settings.journal->folder, "/state/var/journal");
	assert_true(settings.journal->max_bytes == INT64_C(4) << 30);
	assert_int_equal(settings.journal->sync_ns, FL_SECOND);
	assert_true(settings.journal->keep_ns == FL_HOUR);
	assert_string_equal(settings.plugins->folder, "/state/var/plugins");
}

static void what_is_given_counts(void **state)
{
	(void)state;
	assert_int_equal(
		load("log: { level: debug, format: json, file: /log/f, max_size: 1MiB, keep: 0 }\n"
			 "journal: { dir: /j, max_size: 64MiB, sync: 100ms, keep: 2h }\n"
			 "plugins: { dir: p }\n"
			 "feeds: { anything: at all }\n"),
		0);
	assert_int_equal(settings.log->level, FL_DEBUG);
	assert_int_equal(settings.log->format, LOG_JSON);
	assert_string_equal(settings.log->file, "/log/f");
	assert_int_equal(settings.log->keep, 0);
	assert_string_equal(settings.journal->folder, "/j");
	assert_int_equal(settings.journal->sync_ns, 100 * FL_MS);
	assert_string_equal(settings.plugins->folder, "/state/p");
}

static void every_mistake_is_said_with_its_place(void **state)
{
	static const char *const lines[] = { "test.yaml:1:15: log.level: ",
		"test.yaml:2:12: unknown key \"maxsize\" in journal", "test.yaml:2:33: journal.sync: ",
		"test.yaml:3:1: unknown key \"feed\"; did you mean \"feeds\"?",
		"test.yaml:4:12: unknown key \"dirs\" in plugins" };

	(void)state;
	assert_int_equal(load("log: { level: loud }\n"
						  "journal: { maxsize: 1GiB, sync: 5 }\n"
						  "feed: {}\n"
						  "plugins: { dirs: x }\n"),
		-EINVAL);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (strstr(buf_string(&said), lines[i]) == NULL)
			fail_msg("not said: %s; but:\n%s", lines[i], buf_string(&said));
	assert_null(settings.log); /* nothing half-made is left */
}

static void a_journal_too_small_to_work_is_refused(void **state)
{
	(void)state;
	assert_int_equal(load("journal: { max_size: 1MiB }\n"), -EINVAL);
	assert_non_null(strstr(buf_string(&said), "64MiB"));
}

static void the_reference_names_every_option(void **state)
{
	static const char *const names[] = { "log:", "level", "format", "file", "max_size", "keep",
		"journal:", "dir", "sync", "plugins:" };
	struct buf text;

	(void)state;
	buf_init(&text, 0);
	assert_int_equal(settings_print(&text), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_non_null(strstr(buf_string(&text), names[i]));
	buf_finish(&text);
}

static int finish(void **state)
{
	(void)state;
	settings_finish(&settings);
	buf_finish(&said);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_configuration_has_the_defaults),
		cmocka_unit_test(what_is_given_counts),
		cmocka_unit_test(every_mistake_is_said_with_its_place),
		cmocka_unit_test(a_journal_too_small_to_work_is_refused),
		cmocka_unit_test(the_reference_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, finish);
}
