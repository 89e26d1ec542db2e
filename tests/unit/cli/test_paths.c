/* Where things are: -d before the environment before the working directory; drop-in plugins first.
 */
#include "unit.h"

#include "paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void the_state_is_what_was_given_first(void **state)
{
	struct paths paths;
	char here[4096];

	(void)state;
	assert_int_equal(setenv("STATE_DIRECTORY", "/var/lib/feedloom", 1), 0);
	paths_find("/given", &paths);
	assert_string_equal(paths.state, "/given");
	paths_finish(&paths);
	paths_find(NULL, &paths);
	assert_string_equal(paths.state, "/var/lib/feedloom");
	paths_finish(&paths);
	assert_int_equal(unsetenv("STATE_DIRECTORY"), 0);
	assert_non_null(getcwd(here, sizeof(here)));
	paths_find(NULL, &paths);
	assert_string_equal(paths.state, here);
	paths_finish(&paths);
}

static void outside_of_its_build_it_looks_where_it_was_installed(void **state)
{
	struct paths paths;

	(void)state;
	paths_find("/given", &paths);
	assert_string_equal(paths.schema, "/usr/share/feedloom/schema");
	assert_int_equal(paths.folder_count, 1);
	assert_string_equal(paths.folders[0], "/usr/lib/feedloom/plugins");
	paths_finish(&paths);
	assert_int_equal(paths.folder_count, 0);
}

static void drop_in_plugins_are_found_first(void **state)
{
	const struct plugin_settings given = { "/given/var/plugins", true };
	struct paths paths;
	struct image_folders folders;

	(void)state;
	paths_find("/given", &paths);
	paths_take(&paths, &given);
	folders = paths_folders(&paths);
	assert_int_equal(folders.count, 2);
	assert_string_equal(folders.paths[0], "/given/var/plugins");
	assert_string_equal(folders.paths[1], "/usr/lib/feedloom/plugins");
	assert_true(folders.rules->needs_seal);
	assert_non_null(folders.rules->prober);
	paths_finish(&paths);
}

static void there_are_never_more_folders_than_fit(void **state)
{
	const size_t room = sizeof(((struct paths *)NULL)->folders) / sizeof(char *);
	const struct plugin_settings more = { "/more", false };
	struct paths paths;

	(void)state;
	paths_find("/given", &paths);
	for (size_t i = 0; i < room + 3; i++)
		paths_take(&paths, &more);
	assert_int_equal(paths.folder_count, room);
	paths_finish(&paths);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_state_is_what_was_given_first),
		cmocka_unit_test(outside_of_its_build_it_looks_where_it_was_installed),
		cmocka_unit_test(drop_in_plugins_are_found_first),
		cmocka_unit_test(there_are_never_more_folders_than_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
