#include "unit.h"

#include "diff.h"
#include "options.h"

#include <string.h>

struct tls {
	bool verify;
};

struct options {
	const char *url;
	int64_t idle;
	struct fl_names names;
	struct fl_durations retention;
	struct tls tls;
};

static const struct fl_option tls_table[] = { { "verify", FL_BOOL, 0, .preset = "true" }, { 0 } };

static const struct fl_option table[] = {
	{ "url", FL_STRING, offsetof(struct options, url), .help = "" },
	{ "idle", FL_DURATION, offsetof(struct options, idle), .flags = FL_OPTION_LIVE },
	{ "names", FL_NAMES, offsetof(struct options, names), .flags = FL_OPTION_LIVE },
	{ "retention", FL_DURATIONS, offsetof(struct options, retention), .flags = FL_OPTION_LIVE },
	{ "tls", FL_GROUP, offsetof(struct options, tls), .group = tls_table },
	{ 0 },
};

struct pair {
	struct tree *tree;
	struct config_errors errors;
	struct node *before, *after;
};

static void parse(struct pair *pair, const char *before, const char *after)
{
	pair->tree = tree_create();
	config_errors_init(&pair->errors);
	assert_int_equal(
		tree_parse(pair->tree, "a", before, strlen(before), &pair->errors, &pair->before), 0);
	assert_int_equal(
		tree_parse(pair->tree, "b", after, strlen(after), &pair->errors, &pair->after), 0);
}

static void finish(struct pair *pair)
{
	config_errors_finish(&pair->errors);
	tree_destroy(pair->tree);
}

static void note_option(void *data, const char *name, bool is_live)
{
	buf_printf(data, "%s%s ", name, is_live ? "" : "!");
}

static void compares(
	const char *before, const char *after, enum options_change change, const char *differing)
{
	struct options_where where = { 0 };
	struct pair pair;
	struct buf noted;
	void *a, *b;

	parse(&pair, before, after);
	buf_init(&noted, 0);
	assert_int_equal(
		options_apply(table, sizeof(struct options), pair.before, &where, &pair.errors, &a), 0);
	assert_int_equal(
		options_apply(table, sizeof(struct options), pair.after, &where, &pair.errors, &b), 0);
	assert_int_equal(options_compare(table, a, b, note_option, &noted), change);
	assert_string_equal(buf_string(&noted), differing);
	options_free(a);
	options_free(b);
	buf_finish(&noted);
	finish(&pair);
}

static void options_differ_live_or_not(void **state)
{
	(void)state;
	compares("", "", OPTIONS_SAME, "");
	compares("names: [a]", "names: a", OPTIONS_SAME, "");
	compares("idle: 60s", "idle: 1m", OPTIONS_SAME, "");
	compares("idle: 60s", "idle: 2m", OPTIONS_LIVE, "idle ");
	compares("names: [a, b]", "names: [a, c]", OPTIONS_LIVE, "names ");
	compares("retention: { a: 1d }", "retention: { a: 2d }", OPTIONS_LIVE, "retention ");
	compares("url: x", "", OPTIONS_RESTART, "url! ");
	compares("", "url: ''", OPTIONS_RESTART, "url! ");
	compares("idle: 1s", "idle: 2s\ntls: { verify: false }", OPTIONS_RESTART, "idle tls.verify! ");
}

static void note_instance(void *data, const char *name, enum instance_change change,
	const struct node *before, const struct node *after)
{
	assert_true((before == NULL) == (change == INSTANCE_ADDED));
	assert_true((after == NULL) == (change == INSTANCE_REMOVED));
	buf_printf(data, "%c%s ", "+-~="[change], name);
}

static void sections_differ_by_instance(void **state)
{
	struct pair pair;
	struct buf noted;

	(void)state;
	parse(&pair, "gone: 1\nsame: { x: 1 }\nother: { x: 1 }\n",
		"new: 1\nother: { x: 2 }\nsame:\n  x: 1\n");
	buf_init(&noted, 0);
	section_compare(pair.before, pair.after, note_instance, &noted);
	assert_string_equal(buf_string(&noted), "-gone +new ~other =same ");
	buf_clear(&noted, 0);
	section_compare(NULL, pair.after, note_instance, &noted);
	assert_string_equal(buf_string(&noted), "+new +other +same ");
	buf_clear(&noted, 0);
	section_compare(pair.before, NULL, note_instance, &noted);
	assert_string_equal(buf_string(&noted), "-gone -same -other ");
	buf_finish(&noted);
	finish(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_differ_live_or_not),
		cmocka_unit_test(sections_differ_by_instance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
