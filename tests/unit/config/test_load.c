#include "unit.h"

#include "load.h"

#include "file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
	char folder[64];
	char main_file[128];
	struct config_errors errors;
	struct config *config;
	struct buf printed;
};

static int setup(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	strcpy(fixture.folder, "/tmp/test_load.XXXXXX");
	assert_non_null(mkdtemp(fixture.folder));
	snprintf(fixture.main_file, sizeof(fixture.main_file), "%s/feedloom.yaml", fixture.folder);
	config_errors_init(&fixture.errors);
	buf_init(&fixture.printed, 0);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	char command[128];

	config_destroy(fixture->config);
	config_errors_finish(&fixture->errors);
	buf_finish(&fixture->printed);
	snprintf(command, sizeof(command), "rm -rf %s", fixture->folder);
	return system(command) == 0 ? 0 : -1;
}

static void put(struct fixture *fixture, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/feedloom.d", fixture->folder);
	assert_int_equal(file_make_folder(path), 0);
	snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);
	assert_int_equal(file_store(path, text, strlen(text)), 0);
}

static int load(struct fixture *fixture)
{
	return config_load(fixture->main_file, NULL, &fixture->errors, &fixture->config);
}

/* What loading says, with the folder's name taken out. */
static const char *errors_of(struct fixture *fixture, int error)
{
	struct buf raw;
	const char *at, *found;

	buf_init(&raw, 0);
	assert_int_equal(load(fixture), error);
	assert_null(fixture->config);
	config_errors_print(&fixture->errors, &raw);
	for (at = buf_string(&raw); (found = strstr(at, fixture->folder)) != NULL;) {
		buf_append(&fixture->printed, at, (size_t)(found - at));
		at = found + strlen(fixture->folder);
	}
	buf_text(&fixture->printed, at);
	buf_finish(&raw);
	return buf_string(&fixture->printed);
}

static void fragments_merge_by_key(void **state)
{
	struct fixture *fixture = *state;
	const struct node *feeds;

	put(fixture, "feedloom.yaml", "feeds:\n  deribit: { plugin: deribit }\nsinks:\n");
	put(fixture, "feedloom.d/20-more.yaml", "feeds:\n  deribit: { url: wss://b }\n  ibkr: {}\n");
	put(fixture, "feedloom.d/10-sink.yaml", "sinks: { store: { path: x } }\n");
	put(fixture, "feedloom.d/README", "not: yaml: at all");
	put(fixture, "feedloom.d/.hidden.yaml", "not: yaml: at all");
	assert_int_equal(load(fixture), 0);
	feeds = node_find(fixture->config->root, "feeds");
	assert_string_equal(node_text(node_find(feeds, "deribit"), "plugin", ""), "deribit");
	assert_string_equal(node_text(node_find(feeds, "deribit"), "url", ""), "wss://b");
	assert_non_null(node_find(feeds, "ibkr"));
	assert_non_null(node_find(node_find(fixture->config->root, "sinks"), "store"));
	assert_int_equal(fixture->config->file_count, 3);
	assert_string_equal(fixture->config->files[0], fixture->main_file);
	assert_non_null(strstr(fixture->config->files[1], "/feedloom.d/10-sink.yaml"));
	assert_null(fixture->config->files[3]);
}

static void a_value_given_twice_names_both_places(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "feedloom.yaml", "log: { level: info }\nfeeds: { a: { kinds: [option] } }\n");
	put(fixture, "feedloom.d/a.yaml", "log:\n  level: debug\nfeeds: { a: { kinds: [future] } }\n");
	assert_string_equal(errors_of(fixture, -EINVAL),
		"/feedloom.d/a.yaml:2:3: \"level\" is given here and at /feedloom.yaml:1:8; keep one of "
		"them\n"
		"/feedloom.d/a.yaml:3:15: \"kinds\" is given here and at /feedloom.yaml:2:15; keep one "
		"of them\n");
}

static void a_missing_main_file_is_told(void **state)
{
	assert_string_equal(errors_of(*state, -ENOENT),
		"/feedloom.yaml: no such file or directory; name the configuration with -c FILE\n");
}

static void errors_of_all_files_are_told(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "feedloom.yaml", "a: 1\na: 2\nb: ${FEEDLOOM_TEST_IS_NOT_SET}\n");
	put(fixture, "feedloom.d/a.yaml", "c: *x\n");
	assert_string_equal(errors_of(fixture, -EINVAL),
		"/feedloom.yaml:2:1: \"a\" is given twice; first in line 1\n"
		"/feedloom.yaml:3:4: environment variable FEEDLOOM_TEST_IS_NOT_SET is not set; set it, or "
		"give a default: ${FEEDLOOM_TEST_IS_NOT_SET:-value}\n"
		"/feedloom.d/a.yaml:1:4: aliases (*) are not taken; write the value out, or put it in "
		"quotes\n");
}

static void values_come_from_environment_and_files(void **state)
{
	struct fixture *fixture = *state;
	char text[256];

	put(fixture, "key", "s3cret\n");
	snprintf(text, sizeof(text), "a: file:%s/key\nb: ${FEEDLOOM_TEST_IS_SET}\n", fixture->folder);
	put(fixture, "feedloom.yaml", text);
	setenv("FEEDLOOM_TEST_IS_SET", "yes", 1);
	assert_int_equal(load(fixture), 0);
	assert_string_equal(node_text(fixture->config->root, "a", ""), "s3cret");
	assert_string_equal(node_text(fixture->config->root, "b", ""), "yes");
}

static void text_loads_as_a_file_does(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(
		config_load_text("demo", "a: 1", 4, NULL, &fixture->errors, &fixture->config), 0);
	assert_string_equal(node_text(fixture->config->root, "a", ""), "1");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(fragments_merge_by_key),
		TEST(a_value_given_twice_names_both_places),
		TEST(a_missing_main_file_is_told),
		TEST(errors_of_all_files_are_told),
		TEST(values_come_from_environment_and_files),
		TEST(text_loads_as_a_file_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
