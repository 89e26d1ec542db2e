/* Every kind of file that is no plugin is refused with a reason that says what to do. */
#include "rig.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct image *image;
static char problem[512];

static int open_named(const char *name)
{
	char path[4096];

	image = NULL;
	assert_int_equal(image_find(&rig_folders, name, path, sizeof(path)), 0);
	return image_open(path, NULL, &image, problem, sizeof(problem));
}

static void assert_refused(const char *name, const char *words)
{
	assert_int_equal(open_named(name), -ENOEXEC);
	assert_null(image);
	if (strstr(problem, words) == NULL)
		fail_msg("%s: \"%s\" does not say \"%s\"", name, problem, words);
}

static void a_plugin_is_loaded_and_has_its_descriptor(void **state)
{
	(void)state;
	assert_int_equal(open_named("echo_feed"), 0);
	assert_string_equal(image_plugin(image)->name, "echo");
	assert_int_equal(image_plugin(image)->role, FL_FEED);
	assert_non_null(strstr(image_path(image), "/echo_feed.so"));
	image_close(image);
}

static void two_images_of_one_file_are_two(void **state)
{
	struct image *first;

	(void)state;
	assert_int_equal(open_named("echo"), 0);
	first = image;
	assert_int_equal(open_named("echo"), 0);
	/* Else a new file under the old name would yield the old code. */
	assert_ptr_not_equal(image_plugin(first), image_plugin(image));
	image_close(first);
	assert_string_equal(image_plugin(image)->name, "echo"); /* still mapped */
	image_close(image);
	image_close(NULL);
}

static void another_abi_is_refused_with_both_numbers(void **state)
{
	char both[64];

	(void)state;
	(void)snprintf(both, sizeof(both), "built for ABI %d (", FL_PLUGIN_ABI + 1);
	assert_refused("bad_abi", both);
	(void)snprintf(both, sizeof(both), "this program has ABI %d", FL_PLUGIN_ABI);
	assert_refused("bad_abi", both);
	assert_refused("bad_abi", "rebuild");
	assert_refused("bad_size", "rebuild");
}

static void a_library_that_is_no_plugin_is_refused(void **state)
{
	(void)state;
	assert_refused("no_symbol", "it exports no feedloom_plugin");
}

static void an_incomplete_descriptor_is_refused(void **state)
{
	(void)state;
	assert_refused("incomplete", "incomplete descriptor");
	assert_refused("no_batch", "a sink without on_batch");
}

static void a_function_that_is_not_there_is_named(void **state)
{
	(void)state;
	assert_refused("unresolved", "fl_not_there");
}

static void a_bad_option_table_is_refused(void **state)
{
	(void)state;
	assert_int_equal(open_named("bad_table"), -EINVAL);
	assert_null(image);
	assert_non_null(strstr(problem, "count"));
}

static void what_is_no_library_is_refused(void **state)
{
	char folder[] = "/tmp/feedloom-image-XXXXXX", path[64];
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/text.so", folder);
	assert_int_equal(image_open(path, NULL, &image, problem, sizeof(problem)), -ENOENT);
	assert_true(problem[0] != '\0');
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("this is no library, though its name says so: it would have to begin with other bytes\n",
		file);
	fclose(file);
	assert_int_equal(image_open(path, NULL, &image, problem, sizeof(problem)), -ENOEXEC);
	assert_non_null(strstr(problem, "ELF"));
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(image_open(path, NULL, &image, problem, sizeof(problem)), -ENOEXEC);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(image_open(path, NULL, &image, problem, sizeof(problem)), -EISDIR);
	assert_non_null(strstr(problem, "irectory"));
	rmdir(path);
	rmdir(folder);
}

static void a_library_cut_short_is_refused(void **state)
{
	char from[4096], to[] = "/tmp/feedloom-cut-XXXXXX", bytes[8192];
	int in, out = mkstemp(to);

	(void)state;
	assert_int_equal(image_find(&rig_folders, "echo", from, sizeof(from)), 0);
	in = open(from, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(in, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(write(out, bytes, sizeof(bytes)), sizeof(bytes));
	close(in);
	close(out);
	/* Mapping what is not there would be a SIGBUS. */
	assert_int_equal(image_open(to, NULL, &image, problem, sizeof(problem)), -ENOEXEC);
	assert_non_null(strstr(problem, "cut short"));
	unlink(to);
}

static void a_name_cannot_leave_the_folders(void **state)
{
	char path[4096];

	(void)state;
	assert_int_equal(image_find(&rig_folders, "../plugins/echo", path, sizeof(path)), -ENOENT);
	assert_int_equal(image_find(&rig_folders, ".echo", path, sizeof(path)), -ENOENT);
	assert_int_equal(image_find(&rig_folders, "", path, sizeof(path)), -ENOENT);
	assert_int_equal(image_find(&rig_folders, "nothing", path, sizeof(path)), -ENOENT);
	assert_int_equal(image_find(&rig_folders, "echo", path, 8), -ENOENT);
}

static int listed;

static void count_echo(void *data, const char *name, const char *path)
{
	const char *folder = data;

	if (strcmp(name, "echo") != 0)
		return;
	listed++;
	assert_memory_equal(path, folder, strlen(folder));
}

static void the_first_folder_with_a_plugin_has_it(void **state)
{
	char folder[] = "/tmp/feedloom-image-XXXXXX", path[4096], to[64];
	const char *paths[] = { folder, TEST_PLUGINS, "/nowhere" };
	const struct image_folders folders = { .paths = paths, .count = 3 };

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(image_find(&folders, "echo", path, sizeof(path)), 0);
	assert_memory_equal(path, TEST_PLUGINS, strlen(TEST_PLUGINS));
	(void)snprintf(to, sizeof(to), "%s/echo.so", folder);
	assert_int_equal(symlink(path, to), 0);
	assert_int_equal(image_find(&folders, "echo", path, sizeof(path)), 0);
	assert_memory_equal(path, folder, strlen(folder));
	listed = 0;
	image_list(&folders, count_echo, folder);
	assert_int_equal(listed, 1);
	unlink(to);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plugin_is_loaded_and_has_its_descriptor),
		cmocka_unit_test(two_images_of_one_file_are_two),
		cmocka_unit_test(another_abi_is_refused_with_both_numbers),
		cmocka_unit_test(a_library_that_is_no_plugin_is_refused),
		cmocka_unit_test(an_incomplete_descriptor_is_refused),
		cmocka_unit_test(a_function_that_is_not_there_is_named),
		cmocka_unit_test(a_bad_option_table_is_refused),
		cmocka_unit_test(what_is_no_library_is_refused),
		cmocka_unit_test(a_library_cut_short_is_refused),
		cmocka_unit_test(a_name_cannot_leave_the_folders),
		cmocka_unit_test(the_first_folder_with_a_plugin_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
