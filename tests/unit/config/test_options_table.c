#include "unit.h"

#include "options.h"

#include <string.h>

struct options {
	int64_t idle;
	const char *url;
	int mode;
};

static const char *const modes[] = { "fast", "safe", NULL };

static void refuses(const struct fl_option *row, const char *expected)
{
	struct fl_option table[3] = { *row };
	char why[256] = "";

	assert_int_equal(options_check_table(table, sizeof(struct options), why, sizeof(why)), -EINVAL);
	assert_string_equal(why, expected);
}

static void tables_that_do_not_hold_together_are_refused(void **state)
{
	static const struct fl_option twice[] = { { "a", FL_INT, 0, .help = "" },
		{ "a", FL_INT, 0, .help = "" }, { 0 } };
	char why[256];

	(void)state;
	refuses(&(struct fl_option){ "Idle", FL_DURATION, 0, .help = "" },
		"option Idle: its name must be of a to z, 0 to 9 and _");
	refuses(&(struct fl_option){ "idle", FL_DURATION, 0, .preset = "5" },
		"option idle: its default, \"5\", is not one of its own values");
	refuses(&(struct fl_option){ "idle", FL_DURATION, 0, .preset = "5s", .min = "10s" },
		"option idle: its default, \"5s\", is not one of its own values");
	refuses(&(struct fl_option){ "idle", FL_DURATION, 0, .max = "far" },
		"option idle: its most, \"far\", cannot be read");
	refuses(
		&(struct fl_option){ "url", FL_STRING, 8, .min = "1" }, "option url: a text has no range");
	refuses(
		&(struct fl_option){ "mode", FL_CHOICE, 16, .help = "" }, "option mode: has no choices");
	refuses(&(struct fl_option){ "mode", FL_CHOICE, 16, .preset = "slow", .choices = modes },
		"option mode: its default, \"slow\", is not one of its own values");
	refuses(&(struct fl_option){ "idle", FL_DURATION, sizeof(struct options), .help = "" },
		"option idle: its field lies outside of the struct");
	refuses(&(struct fl_option){ "idle", 99, 0, .help = "" }, "option idle: unknown type 99");
	refuses(&(struct fl_option){ "idle", FL_GROUP, 0, .help = "" },
		"option idle: its group has no table, or lies too deep");
	refuses(
		&(struct fl_option){ "idle", FL_DURATION, 0, .preset = "5s", .flags = FL_OPTION_REQUIRED },
		"option idle: is required and has a default");
	assert_int_equal(options_check_table(twice, sizeof(struct options), why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "option a: is there twice");
}

static const struct fl_option group[] = {
	{ "verify", FL_BOOL, 0, .preset = "true", .help = "check the certificate" }, { 0 }
};

static const struct fl_option table[] = {
	{ "idle", FL_DURATION, offsetof(struct options, idle), .preset = "30s", .min = "1s",
		.max = "1h", .help = "how long", .flags = FL_OPTION_LIVE },
	{ "url", FL_URL, offsetof(struct options, url), .choices = modes, .flags = FL_OPTION_REQUIRED },
	{ "mode", FL_CHOICE, offsetof(struct options, mode), .choices = modes, .help = "how" },
	{ "tls", FL_GROUP, 0, .group = group, .help = "security" },
	{ 0 },
};

static const char reference[] = "idle: duration, 1s to 1h; default 30s; live\n"
								"    how long\n"
								"url: URL (fast://, safe://); required\n"
								"mode: choice: fast, safe; default fast\n"
								"    how\n"
								"tls: \n"
								"    security\n"
								"  verify: true or false; default true\n"
								"      check the certificate\n";

static void the_reference_says_all_there_is(void **state)
{
	struct buf to;
	char why[256];

	(void)state;
	buf_init(&to, 0);
	assert_int_equal(options_check_table(table, sizeof(struct options), why, sizeof(why)), 0);
	assert_int_equal(options_print(table, &to), 0);
	assert_string_equal(buf_string(&to), reference);
	buf_finish(&to);
}

static void a_copy_stands_alone(void **state)
{
	char name[] = "idle", preset[] = "30s";
	struct fl_option rows[] = { { name, FL_DURATION, 0, .preset = preset, .choices = modes },
		{ "tls", FL_GROUP, 0, .group = group }, { 0 } };
	struct fl_option *copy = options_table_copy(rows);
	struct buf to;

	(void)state;
	memset(name, 'x', 4);
	memset(preset, 'x', 3);
	memset(rows, 0, sizeof(rows));
	assert_string_equal(copy[0].name, "idle");
	assert_string_equal(copy[0].preset, "30s");
	assert_string_equal(copy[0].choices[1], "safe");
	assert_ptr_not_equal(copy[0].choices[1], modes[1]);
	assert_string_equal(copy[1].group[0].help, "check the certificate");
	assert_ptr_not_equal(copy[1].group, group);
	assert_null(copy[2].name);
	buf_init(&to, 0);
	assert_int_equal(options_print(copy, &to), 0);
	buf_finish(&to);
	options_table_free(copy);
	copy = options_table_copy(NULL);
	assert_null(copy[0].name);
	options_table_free(copy);
}

static void the_nearest_name_is_near(void **state)
{
	static const char *const names[] = { "channels", "currencies", "kinds", "url", NULL };

	(void)state;
	assert_string_equal(options_nearest("chanels", names), "channels");
	assert_string_equal(options_nearest("chnanels", names), "channels");
	assert_string_equal(options_nearest("KINDS", names), "kinds");
	assert_string_equal(options_nearest("ulr", names), "url");
	assert_null(options_nearest("xyz", names));
	assert_null(options_nearest("", names));
	assert_null(options_nearest("a very long key that nobody would ever have had in mind", names));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_that_do_not_hold_together_are_refused),
		cmocka_unit_test(the_reference_says_all_there_is),
		cmocka_unit_test(a_copy_stands_alone),
		cmocka_unit_test(the_nearest_name_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
