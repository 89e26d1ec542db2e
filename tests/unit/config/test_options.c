#include "unit.h"

#include "options.h"

#include "expand.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls {
	bool verify;
	const char *ca_file;
};

struct options {
	const char *url;
	const char *key;
	struct fl_names currencies, tags;
	int64_t idle, limit, count;
	double ratio, factor;
	bool raw;
	int mode;
	struct fl_durations retention;
	struct tls tls;
	const char *path;
};

static const char *const schemes[] = { "wss", "ws", NULL };
static const char *const modes[] = { "fast", "safe", "paranoid", NULL };
static const char *const currencies[] = { "BTC", "ETH", "SOL", NULL };
static const char *const tables[] = { "tickers", "books", NULL };

static const struct fl_option tls_table[] = {
	{ "verify", FL_BOOL, offsetof(struct tls, verify), .preset = "true",
		.help = "check the certificate" },
	{ "ca_file", FL_PATH, offsetof(struct tls, ca_file), .help = "trust these",
		.flags = FL_OPTION_LIVE },
	{ 0 },
};

static const struct fl_option table[] = {
	{ "url", FL_URL, offsetof(struct options, url), .preset = "wss://a.example/ws",
		.help = "WebSocket endpoint", .choices = schemes },
	{ "api_key", FL_SECRET, offsetof(struct options, key), .help = "from the venue" },
	{ "currencies", FL_NAMES, offsetof(struct options, currencies), .preset = "[BTC, ETH]",
		.help = "which to follow", .choices = currencies, .flags = FL_OPTION_LIVE },
	{ "tags", FL_NAMES, offsetof(struct options, tags), .help = "free words" },
	{ "idle", FL_DURATION, offsetof(struct options, idle), .preset = "30s", .min = "1s",
		.max = "1h", .help = "how long a connection may be silent" },
	{ "limit", FL_SIZE, offsetof(struct options, limit), .preset = "1MiB", .min = "1KiB",
		.help = "of one message" },
	{ "count", FL_INT, offsetof(struct options, count), .preset = "3", .max = "10",
		.help = "of connections" },
	{ "ratio", FL_RATIO, offsetof(struct options, ratio), .preset = "5%", .min = "0", .max = "1",
		.help = "of free disk" },
	{ "factor", FL_REAL, offsetof(struct options, factor), .help = "of anything" },
	{ "raw", FL_BOOL, offsetof(struct options, raw), .help = "unaggregated channels" },
	{ "mode", FL_CHOICE, offsetof(struct options, mode), .preset = "safe", .choices = modes,
		.help = "how" },
	{ "retention", FL_DURATIONS, offsetof(struct options, retention), .preset = "{ tickers: 7d }",
		.choices = tables, .min = "1h", .help = "how long rows are kept" },
	{ "tls", FL_GROUP, offsetof(struct options, tls), .group = tls_table,
		.help = "transport security" },
	{ "path", FL_PATH, offsetof(struct options, path), .preset = "var/x.db", .help = "a file" },
	{ 0 },
};

static const char *const also[] = { "plugin", NULL };
static const struct options_where where = {
	.label = "feeds.deribit",
	.folder = "/srv/state",
	.place = { "a.yaml", 9, 3 },
	.also = also,
};

struct fixture {
	struct tree *tree;
	struct config_errors errors;
	struct buf printed;
	struct node *root;
	struct options *options;
};

static int setup(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	fixture.tree = tree_create();
	config_errors_init(&fixture.errors);
	buf_init(&fixture.printed, 0);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	options_free(fixture->options);
	buf_finish(&fixture->printed);
	config_errors_finish(&fixture->errors);
	tree_destroy(fixture->tree);
	return 0;
}

static int apply_table(struct fixture *fixture, const struct fl_option *options, const char *text)
{
	void *out;
	int error;

	assert_int_equal(
		tree_parse(fixture->tree, "a.yaml", text, strlen(text), &fixture->errors, &fixture->root),
		0);
	error = expand_tree(fixture->tree, fixture->root, NULL, &fixture->errors);
	assert_int_equal(error, 0);
	options_free(fixture->options);
	error = options_apply(
		options, sizeof(struct options), fixture->root, &where, &fixture->errors, &out);
	fixture->options = out;
	return error;
}

static const struct options *apply(struct fixture *fixture, const char *text)
{
	int error = apply_table(fixture, table, text);

	config_errors_print(&fixture->errors, &fixture->printed);
	assert_string_equal(buf_string(&fixture->printed), "");
	assert_int_equal(error, 0);
	return fixture->options;
}

static const char *errors_of(struct fixture *fixture, const char *text)
{
	assert_int_equal(apply_table(fixture, table, text), -EINVAL);
	assert_null(fixture->options);
	config_errors_print(&fixture->errors, &fixture->printed);
	config_errors_finish(&fixture->errors);
	return buf_string(&fixture->printed);
}

static void what_is_not_given_has_its_default(void **state)
{
	const struct options *options = apply(*state, "");

	assert_string_equal(options->url, "wss://a.example/ws");
	assert_null(options->key);
	assert_int_equal(options->currencies.count, 2);
	assert_string_equal(options->currencies.items[1], "ETH");
	assert_null(options->currencies.items[2]);
	assert_int_equal(options->tags.count, 0);
	assert_null(options->tags.items[0]);
	assert_true(options->idle == 30 * FL_SECOND);
	assert_int_equal(options->limit, 1 << 20);
	assert_int_equal(options->count, 3);
	assert_true(options->ratio == 0.05);
	assert_true(options->factor == 0);
	assert_false(options->raw);
	assert_int_equal(options->mode, 1);
	assert_int_equal(options->retention.count, 1);
	assert_true(options->retention.values_ns[0] == 7 * FL_DAY);
	assert_true(options->tls.verify);
	assert_string_equal(options->path, "/srv/state/var/x.db");
}

static void no_mapping_at_all_is_all_defaults(void **state)
{
	struct fixture *fixture = *state;
	void *out;

	assert_int_equal(
		options_apply(table, sizeof(struct options), NULL, &where, &fixture->errors, &out), 0);
	fixture->options = out;
	assert_int_equal(fixture->options->count, 3);
}

static void what_is_given_is_taken(void **state)
{
	struct fixture *fixture = *state;
	const struct options *options;

	setenv("FEEDLOOM_TEST_SECONDS", "90", 1);
	options = apply(fixture,
		"plugin: deribit\nurl: ws://[::1]:8080/x\napi_key: hunter2hunter2\ncurrencies: SOL\n"
		"tags: [a, b]\nidle: ${FEEDLOOM_TEST_SECONDS}s\nlimit: 2KiB\ncount: -1\nratio: 0.5\n"
		"factor: -1.5\nraw: true\nmode: PARANOID\nretention: { books: 1d, tickers: 2h }\n"
		"tls: { verify: false, ca_file: /etc/ca.pem }\npath: /x.db\n");
	tree_destroy(fixture->tree); /* nothing may point into it */
	fixture->tree = NULL;
	assert_string_equal(options->url, "ws://[::1]:8080/x");
	assert_string_equal(options->key, "hunter2hunter2");
	assert_int_equal(options->currencies.count, 1);
	assert_string_equal(options->currencies.items[0], "SOL");
	assert_int_equal(options->tags.count, 2);
	assert_true(options->idle == 90 * FL_SECOND);
	assert_int_equal(options->limit, 2048);
	assert_int_equal(options->count, -1);
	assert_true(options->ratio == 0.5);
	assert_true(options->factor == -1.5);
	assert_true(options->raw);
	assert_int_equal(options->mode, 2);
	assert_int_equal(options->retention.count, 2);
	assert_string_equal(options->retention.names[1], "tickers");
	assert_true(options->retention.values_ns[1] == 2 * FL_HOUR);
	assert_false(options->tls.verify);
	assert_string_equal(options->tls.ca_file, "/etc/ca.pem");
	assert_string_equal(options->path, "/x.db");
}

static void unknown_keys_get_the_nearest(void **state)
{
	assert_string_equal(errors_of(*state, "curencies: [BTC]\ntls: { verfiy: true }\nplugni: x\n"),
		"a.yaml:1:1: unknown key \"curencies\" in feeds.deribit; did you mean \"currencies\"?\n"
		"a.yaml:2:8: unknown key \"verfiy\" in feeds.deribit.tls; did you mean \"verify\"?\n"
		"a.yaml:3:1: unknown key \"plugni\" in feeds.deribit; did you mean \"plugin\"?\n");
}

static void unknown_keys_far_from_all_get_the_list(void **state)
{
	assert_string_equal(errors_of(*state, "tls:\n  elephant: 1\n"),
		"a.yaml:2:3: unknown key \"elephant\" in feeds.deribit.tls; known: verify, ca_file\n");
}

static void wrong_types_are_told_with_what_was_meant(void **state)
{
	assert_string_equal(errors_of(*state,
							"url: [a]\nidle: soon\nlimit: 500\ncount: many\n"
							"ratio: half\nfactor: { a: 1 }\nraw: yes\nmode: saef\n"
							"retention: 7d\ntls: 5\ntags: { a: 1 }\n"),
		"a.yaml:1:6: feeds.deribit.url: must be a URL, not a list\n"
		"a.yaml:2:7: feeds.deribit.idle: must be a duration such as 5s, 100ms or 1h30m, not "
		"\"soon\"\n"
		"a.yaml:3:8: feeds.deribit.limit: must be a size such as 16MiB or 500MB, not \"500\" "
		"(without a unit)\n"
		"a.yaml:4:8: feeds.deribit.count: must be a whole number, not \"many\"\n"
		"a.yaml:5:8: feeds.deribit.ratio: must be a ratio such as 5% or 0.05, not \"half\"\n"
		"a.yaml:6:9: feeds.deribit.factor: must be a number such as 0.5, not a mapping\n"
		"a.yaml:7:6: feeds.deribit.raw: must be true or false, not \"yes\"\n"
		"a.yaml:8:7: feeds.deribit.mode: must be fast, safe or paranoid, not \"saef\"; did you "
		"mean \"safe\"?\n"
		"a.yaml:9:12: feeds.deribit.retention: must be names with durations such as { name: 7d }, "
		"not \"7d\"\n"
		"a.yaml:10:6: feeds.deribit.tls: must be a mapping: keys with values\n"
		"a.yaml:11:7: feeds.deribit.tags: must be a list such as [a, b], not a mapping\n");
}

static void values_out_of_range_show_it_as_written(void **state)
{
	assert_string_equal(errors_of(*state,
							"idle: 2h\nlimit: 1B\ncount: 11\nratio: 150%\n"
							"retention: { books: 5m }\n"),
		"a.yaml:1:7: feeds.deribit.idle: must be between 1s and 1h, not \"2h\"\n"
		"a.yaml:2:8: feeds.deribit.limit: must be at least 1KiB, not \"1B\"\n"
		"a.yaml:3:8: feeds.deribit.count: must be at most 10, not \"11\"\n"
		"a.yaml:4:8: feeds.deribit.ratio: must be between 0 and 1, not \"150%\"\n"
		"a.yaml:5:21: feeds.deribit.retention.books: must be at least 1h, not \"5m\"\n");
}

static void lists_hold_only_their_choices(void **state)
{
	assert_string_equal(errors_of(*state, "currencies: [BTC, BTX, []]\nretention: { book: 2h }\n"),
		"a.yaml:1:19: feeds.deribit.currencies: must be BTC, ETH or SOL, not \"BTX\"; did you mean "
		"\"BTC\"?\n"
		"a.yaml:1:24: feeds.deribit.currencies: an item must be text, not a list\n"
		"a.yaml:2:14: feeds.deribit.retention: must be tickers or books, not \"book\"; did you "
		"mean \"books\"?\n");
}

static void values_left_open_are_errors(void **state)
{
	assert_string_equal(errors_of(*state, "idle:\n"),
		"a.yaml:1:6: feeds.deribit.idle: has no value; write a duration such as 5s, 100ms or 1h30m, "
		"or leave the line out\n");
}

static void urls_have_a_scheme_and_a_host(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(errors_of(fixture, "url: https://user:hunter2hunter2@x\n"),
		"a.yaml:1:6: feeds.deribit.url: must be a URL that begins with wss:// or ws://\n");
	buf_clear(&fixture->printed, 0);
	assert_string_equal(errors_of(fixture, "url: wss:///path\n"),
		"a.yaml:1:6: feeds.deribit.url: the URL has no host\n");
	buf_clear(&fixture->printed, 0);
	assert_string_equal(errors_of(fixture, "url: wss://x:99999/\n"),
		"a.yaml:1:6: feeds.deribit.url: the URL has a port that is none\n");
	buf_clear(&fixture->printed, 0);
	assert_string_equal(errors_of(fixture, "url: 'wss://x/a b'\n"),
		"a.yaml:1:6: feeds.deribit.url: the URL holds a space or control character\n");
}

static void required_options_are_missed(void **state)
{
	static const struct fl_option needs[] = {
		{ "url", FL_URL, offsetof(struct options, url), .help = "where to", .choices = schemes,
			.flags = FL_OPTION_REQUIRED },
		{ 0 },
	};
	struct fixture *fixture = *state;
	void *out;

	assert_int_equal(apply_table(fixture, needs, "url: ''\n"), -EINVAL);
	assert_int_equal(
		options_apply(needs, sizeof(struct options), NULL, &where, &fixture->errors, &out),
		-EINVAL);
	config_errors_print(&fixture->errors, &fixture->printed);
	assert_string_equal(buf_string(&fixture->printed),
		"a.yaml:1:6: feeds.deribit.url: must not be empty\n"
		"a.yaml:9:3: feeds.deribit.url is missing: where to\n");
}

static void foreign_values_are_never_shown(void **state)
{
	setenv("FEEDLOOM_TEST_SECRET", "hunter2hunter2", 1);
	assert_string_equal(errors_of(*state, "idle: ${FEEDLOOM_TEST_SECRET}\n"),
		"a.yaml:1:7: feeds.deribit.idle: must be a duration such as 5s, 100ms or 1h30m, not what "
		"the environment or the file holds\n");
}

static char logged[1024];

static void take_line(void *data, const char *line, size_t length)
{
	(void)data;
	snprintf(logged, sizeof(logged), "%.*s", (int)length, line);
}

static void secrets_are_kept_out_of_the_log(void **state)
{
	apply(*state, "api_key: correct-horse-7\nurl: wss://user:battery-staple-9@x/\n");
	log_to(take_line, NULL);
	log_warn("test", "key correct-horse-7 and password battery-staple-9");
	assert_null(strstr(logged, "correct-horse-7"));
	assert_null(strstr(logged, "battery-staple-9"));
	assert_non_null(strstr(logged, "key ***"));
}

static void check_errors_find_their_option(void **state)
{
	struct fixture *fixture = *state;
	struct fl_check check = { .errors = &fixture->errors, .where = &where };

	apply(fixture, "url: ws://x\ntls:\n  ca_file: x\ncurrencies:\n- BTC\n- ETH\n");
	check.mapping = fixture->root;
	fl_check_error(&check, "tls.ca_file", "%s is not there", "x");
	fl_check_error(&check, "currencies.1", "no");
	fl_check_error(&check, "tls.verify", "must be on");
	fl_check_error(&check, "path", "cannot be");
	check.mapping = NULL;
	fl_check_error(&check, "mode", "nowhere");
	assert_int_equal(check.count, 5);
	config_errors_print(&fixture->errors, &fixture->printed);
	assert_string_equal(buf_string(&fixture->printed),
		"a.yaml:1:1: feeds.deribit.path: cannot be\n"
		"a.yaml:3:3: feeds.deribit.tls.verify: must be on\n"
		"a.yaml:3:12: feeds.deribit.tls.ca_file: x is not there\n"
		"a.yaml:6:3: feeds.deribit.currencies.1: no\n"
		"a.yaml:9:3: feeds.deribit.mode: nowhere\n");
}

static void keys_without_a_table_are_checked(void **state)
{
	static const char *const names[] = { "feeds", "sinks", NULL };
	struct fixture *fixture = *state;
	static const char text[] = "feed: {}\n";

	assert_int_equal(
		tree_parse(fixture->tree, "a.yaml", text, strlen(text), &fixture->errors, &fixture->root),
		0);
	options_check_keys(fixture->root, names, NULL, &fixture->errors);
	config_errors_print(&fixture->errors, &fixture->printed);
	assert_string_equal(buf_string(&fixture->printed),
		"a.yaml:1:1: unknown key \"feed\"; did you mean \"feeds\"?\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_not_given_has_its_default),
		TEST(no_mapping_at_all_is_all_defaults),
		TEST(what_is_given_is_taken),
		TEST(unknown_keys_get_the_nearest),
		TEST(unknown_keys_far_from_all_get_the_list),
		TEST(wrong_types_are_told_with_what_was_meant),
		TEST(values_out_of_range_show_it_as_written),
		TEST(lists_hold_only_their_choices),
		TEST(values_left_open_are_errors),
		TEST(urls_have_a_scheme_and_a_host),
		TEST(required_options_are_missed),
		TEST(foreign_values_are_never_shown),
		TEST(secrets_are_kept_out_of_the_log),
		TEST(check_errors_find_their_option),
		TEST(keys_without_a_table_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
