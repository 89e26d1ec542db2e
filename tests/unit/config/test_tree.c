#include "unit.h"

#include "tree.h"

#include <string.h>

struct fixture {
	struct tree *tree;
	struct config_errors errors;
	struct node *root;
	struct buf printed;
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

	buf_finish(&fixture->printed);
	config_errors_finish(&fixture->errors);
	tree_destroy(fixture->tree);
	return 0;
}

static int parse(struct fixture *fixture, const char *text)
{
	return tree_parse(
		fixture->tree, "a.yaml", text, strlen(text), &fixture->errors, &fixture->root);
}

/* Parses what is wrong, and says all that is. */
static const char *errors_of(struct fixture *fixture, const char *text)
{
	assert_int_equal(parse(fixture, text), -EINVAL);
	config_errors_print(&fixture->errors, &fixture->printed);
	return buf_string(&fixture->printed);
}

static void nodes_know_where_they_stand(void **state)
{
	struct fixture *fixture = *state;
	const struct node *feeds, *deribit, *names;

	assert_int_equal(parse(fixture, "feeds:\n  deribit:\n    currencies: [BTC, 'ETH']\n"), 0);
	feeds = node_find(fixture->root, "feeds");
	deribit = node_find(feeds, "deribit");
	names = node_find(deribit, "currencies");
	assert_int_equal(names->kind, NODE_SEQUENCE);
	assert_int_equal(names->count, 2);
	assert_int_equal(names->key_place.line, 3);
	assert_int_equal(names->key_place.column, 5);
	assert_int_equal(names->place.column, 17);
	assert_string_equal(names->first->text, "BTC");
	assert_false(names->first->is_quoted);
	assert_true(names->last->is_quoted);
	assert_int_equal(names->last->place.line, 3);
	assert_int_equal(names->last->place.column, 23);
	assert_string_equal(names->place.file, "a.yaml");
	assert_string_equal(node_text(deribit, "url", "none"), "none");
}

static void scalars_stay_text(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(parse(fixture, "a: 0x10\nb: yes\nc: ~\nd:\ne: 1e3\n"), 0);
	assert_string_equal(node_text(fixture->root, "a", ""), "0x10");
	assert_string_equal(node_text(fixture->root, "b", ""), "yes");
	assert_string_equal(node_text(fixture->root, "c", ""), "~");
	assert_true(node_is_empty(node_find(fixture->root, "d")));
}

static void nothing_is_an_empty_mapping(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(parse(fixture, ""), 0);
	assert_int_equal(fixture->root->kind, NODE_MAPPING);
	assert_int_equal(parse(fixture, "# only a remark\n---\n"), 0);
	assert_int_equal(fixture->root->count, 0);
}

static void every_duplicate_key_is_told(void **state)
{
	assert_string_equal(errors_of(*state, "a: 1\nb: { c: 1, c: 2 }\na: 3\n"),
		"a.yaml:2:12: \"c\" is given twice; first in line 2\n"
		"a.yaml:3:1: \"a\" is given twice; first in line 1\n");
}

static void anchors_and_aliases_are_refused(void **state)
{
	assert_string_equal(errors_of(*state, "a: &x 1\nb: *x\n"),
		"a.yaml:1:4: anchors (&) are not taken; write the value where it is needed\n"
		"a.yaml:2:4: aliases (*) are not taken; write the value out, or put it in quotes\n");
}

static void merge_keys_are_refused(void **state)
{
	assert_string_equal(errors_of(*state, "a:\n  <<: { b: 1 }\n"),
		"a.yaml:2:3: merge keys (<<) are not taken; write the values out\n");
}

static void tags_are_refused(void **state)
{
	assert_string_equal(errors_of(*state, "a: !!int 1\nb: ! x\n"),
		"a.yaml:1:4: tags (!) are not taken; the option's type decides\n"
		"a.yaml:2:4: tags (!) are not taken; the option's type decides\n");
}

static void keys_are_plain_text(void **state)
{
	assert_string_equal(errors_of(*state, "? [a, b]\n: 1\n"),
		"a.yaml:1:3: a key must be plain text, not a list or a mapping\n");
}

static void a_second_document_is_refused(void **state)
{
	assert_string_equal(errors_of(*state, "a: 1\n---\nb: 2\n"),
		"a.yaml:2:1: a second document; there must be one in a file\n");
}

static void the_top_is_a_mapping(void **state)
{
	assert_string_equal(errors_of(*state, "- a\n- b\n"),
		"a.yaml:1:1: the file must be a mapping: keys with values\n");
}

static void unquoted_variables_in_braces_get_a_hint(void **state)
{
	const char *said = errors_of(*state, "a: 1\ncontrol: { listen: ${ADDRESS} }\n");

	assert_ptr_equal(strstr(said, "a.yaml:2:"), said);
	assert_non_null(strstr(said, "must be in quotes: \"${NAME}\""));
}

static void tabs_get_a_hint(void **state)
{
	const char *said = errors_of(*state, "a:\n\tb: 1\n");

	assert_ptr_equal(strstr(said, "a.yaml:2:1: not valid YAML: "), said);
	assert_non_null(strstr(said, "spaces, not with tabs"));
}

static void bytes_that_are_no_text_have_a_place(void **state)
{
	assert_ptr_equal(strstr(errors_of(*state, "a: 1\nb: \xff\n"), "a.yaml:2:4: "),
		buf_string(&((struct fixture *)*state)->printed));
}

static void zero_bytes_are_refused(void **state)
{
	assert_string_equal(
		errors_of(*state, "a: \"x\\0y\"\n"), "a.yaml:1:4: a value must not contain a zero byte\n");
}

static void sixteen_levels_are_enough(void **state)
{
	struct fixture *fixture = *state;

	/* The top is the first level. */
	assert_int_equal(parse(fixture, "a: [[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]\n"), 0);
	assert_string_equal(errors_of(fixture, "a: [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]\n"),
		"a.yaml:1:19: nested deeper than 16 levels\n");
}

static void a_mebibyte_is_enough(void **state)
{
	static char text[TREE_MAX_BYTES + 1];
	struct fixture *fixture = *state;

	memset(text, '#', sizeof(text));
	assert_int_equal(
		tree_parse(fixture->tree, "a.yaml", text, TREE_MAX_BYTES, &fixture->errors, &fixture->root),
		0);
	assert_int_equal(
		tree_parse(fixture->tree, "a.yaml", text, sizeof(text), &fixture->errors, &fixture->root),
		-EINVAL);
	config_errors_print(&fixture->errors, &fixture->printed);
	assert_string_equal(buf_string(&fixture->printed), "a.yaml: larger than 1 MiB\n");
}

static void only_a_hundred_errors_are_kept(void **state)
{
	struct fixture *fixture = *state;
	struct buf text;

	buf_init(&text, 0);
	for (int i = 0; i < 150; i++)
		buf_printf(&text, "a%d: &x 1\n", i);
	assert_non_null(strstr(errors_of(fixture, buf_string(&text)), "a.yaml:100:6: "));
	assert_non_null(strstr(buf_string(&fixture->printed), "\nand 50 more\n"));
	buf_finish(&text);
}

static void torn_files_never_crash(void **state)
{
	static const char text[] = "feeds: { a: [1, 'x', \"y\\n\"], b: { c: | } }\nd: &x\n - *x\n";
	struct fixture *fixture = *state;

	for (size_t length = 0; length < sizeof(text); length++)
		if (tree_parse(fixture->tree, "a.yaml", text, length, &fixture->errors, &fixture->root) ==
			0)
			assert_non_null(fixture->root);
}

static void equal_is_what_says_the_same(void **state)
{
	struct fixture *fixture = *state;
	struct node *first;

	assert_int_equal(parse(fixture, "a: { x: 1, y: [1, 2] }\n"), 0);
	first = fixture->root;
	assert_int_equal(parse(fixture, "a:\n  y:\n  - '1'\n  - 2\n  x: 1\n"), 0);
	assert_true(node_equals(first, fixture->root));
	assert_int_equal(parse(fixture, "a: { x: 1, y: [2, 1] }\n"), 0);
	assert_false(node_equals(first, fixture->root));
	assert_int_equal(parse(fixture, "a: { x: 1, z: [1, 2] }\n"), 0);
	assert_false(node_equals(first, fixture->root));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nodes_know_where_they_stand),
		TEST(scalars_stay_text),
		TEST(nothing_is_an_empty_mapping),
		TEST(every_duplicate_key_is_told),
		TEST(anchors_and_aliases_are_refused),
		TEST(merge_keys_are_refused),
		TEST(tags_are_refused),
		TEST(keys_are_plain_text),
		TEST(a_second_document_is_refused),
		TEST(the_top_is_a_mapping),
		TEST(unquoted_variables_in_braces_get_a_hint),
		TEST(tabs_get_a_hint),
		TEST(bytes_that_are_no_text_have_a_place),
		TEST(zero_bytes_are_refused),
		TEST(sixteen_levels_are_enough),
		TEST(a_mebibyte_is_enough),
		TEST(only_a_hundred_errors_are_kept),
		TEST(torn_files_never_crash),
		TEST(equal_is_what_says_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
