/* The command line: what is not understood is said, with the exit code of a wrong usage. */
#include "unit.h"

#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static bool is_set;
static const char *value;
static const struct cli_flag flags[] = { { "--set", &is_set, NULL }, { "--value", NULL, &value },
	{ 0 } };
static const struct verb verb = { .name = "test", .help = "usage: test\n", .rest_max = 2 };
static struct cli_args args;
static int code;

/* The words behind the verb, in an array of one's own, as main gives them. */
static bool parse(int argc, const char *const *words)
{
	static char copies[12][64];
	static char *argv[13];

	assert_true(argc <= 12);
	for (int i = 0; i < argc; i++) {
		(void)snprintf(copies[i], sizeof(copies[i]), "%s", words[i]);
		argv[i] = copies[i];
	}
	argv[argc] = NULL;
	is_set = false;
	value = NULL;
	code = -1;
	return cli_parse(&verb, argc, argv, flags, &args, &code);
}

#define PARSE(...)                                                                                 \
	parse((int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)),                         \
		(const char *[]){ __VA_ARGS__ })

static void options_and_words_may_be_mixed(void **state)
{
	(void)state;
	assert_true(PARSE("one", "-c", "file.yaml", "--set", "two", "-d", "dir", "--value", "-3"));
	assert_string_equal(args.config_file, "file.yaml");
	assert_string_equal(args.state, "dir");
	assert_true(is_set);
	assert_string_equal(value, "-3"); /* a value may begin with a dash */
	assert_int_equal(args.rest_count, 2);
	assert_string_equal(args.rest[0], "one");
	assert_string_equal(args.rest[1], "two");
	assert_null(args.rest[2]);
}

static void without_options_there_is_a_default_configuration(void **state)
{
	(void)state;
	assert_true(parse(0, NULL));
	assert_non_null(args.config_file);
	assert_null(args.state);
	assert_int_equal(args.rest_count, 0);
	assert_null(args.rest[0]);
}

static void assert_usage(bool is_taken)
{
	assert_false(is_taken);
	assert_int_equal(code, EX_USAGE);
}

static void what_is_not_understood_is_a_wrong_usage(void **state)
{
	(void)state;
	assert_usage(PARSE("--unknown"));
	assert_usage(PARSE("-x"));
	assert_usage(PARSE("-c"));
	assert_usage(PARSE("--set", "--value"));
	assert_usage(PARSE("one", "two", "three"));
}

static void help_is_no_mistake(void **state)
{
	(void)state;
	assert_false(PARSE("--help"));
	assert_int_equal(code, EX_OK);
	assert_false(PARSE("one", "-h"));
	assert_int_equal(code, EX_OK);
}

static void a_configuration_that_cannot_be_read_has_its_exit_code(void **state)
{
	struct config *config = NULL;

	(void)state;
	assert_true(PARSE("-c", "/nowhere/feedloom.yaml"));
	assert_int_equal(cli_load(&args, &config), EX_CONFIG);
	assert_null(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_words_may_be_mixed),
		cmocka_unit_test(without_options_there_is_a_default_configuration),
		cmocka_unit_test(what_is_not_understood_is_a_wrong_usage),
		cmocka_unit_test(help_is_no_mistake),
		cmocka_unit_test(a_configuration_that_cannot_be_read_has_its_exit_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
