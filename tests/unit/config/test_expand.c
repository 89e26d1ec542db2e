#include "unit.h"

#include "expand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *environment(void *data, const char *name)
{
	(void)data;
	if (strcmp(name, "HOST") == 0)
		return "example.org";
	if (strcmp(name, "EMPTY") == 0)
		return "";
	if (strcmp(name, "YAML") == 0)
		return "[a, b]: ${HOST}";
	if (strcmp(name, "LATIN") == 0)
		return "\xe4";
	return strcmp(name, "LURE") == 0 ? "file:/run/secrets/key" : NULL;
}

static int file(void *data, const char *path, size_t limit, char **out, size_t *length)
{
	(void)data;
	if (strcmp(path, "/huge") == 0)
		return -EFBIG;
	if (strcmp(path, "/run/secrets/key") != 0)
		return -ENOENT;
	assert_int_equal(limit, EXPAND_MAX_BYTES);
	*out = strdup("s3cret\n");
	*length = 7;
	return 0;
}

static const struct expand_source source = { environment, file, NULL };

static void expands(const char *text, const char *expected)
{
	char why[512] = "";
	struct buf to;

	buf_init(&to, 0);
	assert_int_equal(expand_text(text, strlen(text), &source, &to, why, sizeof(why)), 0);
	assert_string_equal(buf_string(&to), expected);
	buf_finish(&to);
}

static void fails(const char *text, const char *expected)
{
	char why[512] = "";
	struct buf to;

	buf_init(&to, 0);
	assert_int_equal(expand_text(text, strlen(text), &source, &to, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, expected);
	buf_finish(&to);
}

static void variables_are_put_in(void **state)
{
	(void)state;
	expands("${HOST}", "example.org");
	expands("wss://${HOST}:443/${NONE:-ws}", "wss://example.org:443/ws");
	expands("${NONE:-}", "");
	expands("${EMPTY}", "");
	expands("${EMPTY:-full}", "full");
	expands("${NONE:-a:-b}", "a:-b");
	expands("no dollars", "no dollars");
}

static void a_dollar_sign_can_be_written(void **state)
{
	(void)state;
	expands("$$", "$");
	expands("$${HOST}", "${HOST}");
	expands("a$b$", "a$b$");
	expands("$$$$", "$$");
}

static void values_are_not_looked_into(void **state)
{
	(void)state;
	expands("${YAML}", "[a, b]: ${HOST}");
	expands("${LURE}", "file:/run/secrets/key");
}

static void unset_names_are_errors(void **state)
{
	(void)state;
	fails("x ${NONE} y",
		"environment variable NONE is not set; set it, or give a default: "
		"${NONE:-value}");
	fails("${HOST", "\"${\" without \"}\"; a dollar sign itself is written $$");
	fails("${}",
		"${...} must hold a name of letters, digits and _, as in ${NAME} or "
		"${NAME:-default}");
	fails("${1A}",
		"${...} must hold a name of letters, digits and _, as in ${NAME} or "
		"${NAME:-default}");
	fails("${A:-${B}}", "the default of ${A} must not hold another ${...}");
	fails("${LATIN}", "environment variable LATIN is not UTF-8 text");
}

static void files_are_read(void **state)
{
	(void)state;
	expands("file:/run/secrets/key", "s3cret");
	expands("file:/run/secrets/${NONE:-key}", "s3cret");
	expands("a file:/run/secrets/key", "a file:/run/secrets/key");
	fails("file:/none", "/none: no such file or directory");
	fails("file:/huge", "/huge: larger than 64 KiB");
	fails("file:key", "file: needs an absolute path, as in file:/run/secrets/name");
}

static void a_tree_tells_all_its_unset_names(void **state)
{
	static const char text[] = "a: ${NONE}\nb: [ok, '${HOST}', \"${GONE}\"]\nc: { d: $$ }\n";
	struct tree *tree = tree_create();
	struct config_errors errors;
	struct node *root;
	struct buf printed;

	(void)state;
	config_errors_init(&errors);
	buf_init(&printed, 0);
	assert_int_equal(tree_parse(tree, "a.yaml", text, strlen(text), &errors, &root), 0);
	assert_int_equal(expand_tree(tree, root, &source, &errors), -EINVAL);
	config_errors_print(&errors, &printed);
	assert_string_equal(buf_string(&printed),
		"a.yaml:1:4: environment variable NONE is not set; set it, or give a default: "
		"${NONE:-value}\n"
		"a.yaml:2:20: environment variable GONE is not set; set it, or give a default: "
		"${GONE:-value}\n");
	assert_string_equal(node_find(root, "b")->first->next->text, "example.org");
	assert_true(node_find(root, "b")->first->next->is_foreign);
	assert_string_equal(node_text(node_find(root, "c"), "d", ""), "$");
	assert_false(node_find(node_find(root, "c"), "d")->is_foreign);
	buf_finish(&printed);
	config_errors_finish(&errors);
	tree_destroy(tree);
}

static void what_grows_too_long_is_refused(void **state)
{
	static char text[EXPAND_MAX_BYTES + 100];
	char why[512];
	struct buf to;

	(void)state;
	memset(text, 'x', sizeof(text));
	buf_init(&to, 0);
	assert_int_equal(expand_text(text, sizeof(text), &source, &to, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "longer than 64 KiB with its variables put in");
	buf_finish(&to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_are_put_in),
		cmocka_unit_test(a_dollar_sign_can_be_written),
		cmocka_unit_test(values_are_not_looked_into),
		cmocka_unit_test(unset_names_are_errors),
		cmocka_unit_test(files_are_read),
		cmocka_unit_test(a_tree_tells_all_its_unset_names),
		cmocka_unit_test(what_grows_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
