/* test_since.c: what a kill leaves is known to the next process, until that has taken it over. */
#include "rig.h"
#include "since.h"
#include <unistd.h>

static char folder[256];

static int make(void **state)
{
	(void)state;
	rig_make_folder(folder);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	rig_remove_folder(folder);
	return 0;
}

static struct since *open_run(uint32_t run)
{
	struct since *since = NULL;

	assert_int_equal(since_open(folder, run, &since), 0);
	return since;
}

static void the_earliest_of_a_feed_is_left(void **state)
{
	struct since *since = open_run(1);
	int64_t *one = since_take(since, "deribit"), *two = since_take(since, "deribit");

	(void)state;
	*one = 500;
	*two = 300;
	*since_take(since, "ibkr") = 100;
	*since_take(since, "deribit") = 0;                 /* nothing would be missing */
	assert_int_equal(since_left(since, "deribit"), 0); /* its own are no earlier process's */
	since_close(since);
	since = open_run(2);
	assert_int_equal(since_left(since, "deribit"), 300);
	assert_int_equal(since_left(since, "ibkr"), 100);
	assert_int_equal(since_left(since, "deri"), 0);
	since_close(since);
}

static void it_is_left_until_somebody_has_taken_it_over(void **state)
{
	struct since *since = open_run(1);

	(void)state;
	*since_take(since, "deribit") = 300;
	since_close(since);
	since_close(open_run(2)); /* killed before the feed began */
	since = open_run(3);
	assert_int_equal(since_left(since, "deribit"), 300);
	*since_take(since, "deribit") = 299;
	since_forget(since, "deribit");
	assert_int_equal(since_left(since, "deribit"), 0);
	since_close(since);
	since = open_run(4);
	assert_int_equal(since_left(since, "deribit"), 299);
	since_close(since);
}

static void an_entry_that_is_given_back_leaves_nothing(void **state)
{
	struct since *since = open_run(1);
	int64_t *entry;

	(void)state;
	for (int i = 0; i < 3000; i++) { /* it is there again for the next */
		entry = since_take(since, "deribit");
		assert_non_null(entry);
		*entry = 300;
		since_give(entry);
	}
	since_give(NULL);
	since_close(since);
	since = open_run(2);
	assert_int_equal(since_left(since, "deribit"), 0);
	since_close(since);
}

static void entries_are_bounded(void **state)
{
	struct since *since = open_run(1);
	char name[64];
	int count = 0;

	(void)state;
	memset(name, 'x', 48);
	name[48] = '\0';
	assert_null(since_take(since, name));
	while (since_take(since, "deribit") != NULL)
		count++;
	assert_int_equal(count, 1023);
	since_close(since);
}

static void what_is_no_such_file_begins_anew(void **state)
{
	static char bytes[65536];
	char path[300];
	struct since *since;
	FILE *out;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/" SINCE_FILE, folder);
	for (int kept = 0; kept < 2; kept++) {
		since_close(open_run(1));
		out = fopen(path, "r+b");
		assert_non_null(out);
		memset(bytes, 'x', sizeof(bytes)); /* with the head and without */
		assert_int_equal(fseek(out, kept * 64, SEEK_SET), 0);
		assert_int_equal(fwrite(bytes, 1, sizeof(bytes) - 64, out), sizeof(bytes) - 64);
		fclose(out);
		since = open_run(2);
		assert_int_equal(since_left(since, "deribit"), 0);
		assert_int_equal(since_left(since, "x"), 0);
		since_close(since);
		assert_int_equal(truncate(path, 100), 0);
	}
	since = open_run(3);
	*since_take(since, "deribit") = 5;
	since_close(since);
	assert_int_equal(rig_file_bytes(path), 65536);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_earliest_of_a_feed_is_left),
		TEST(it_is_left_until_somebody_has_taken_it_over),
		TEST(an_entry_that_is_given_back_leaves_nothing),
		TEST(entries_are_bounded),
		TEST(what_is_no_such_file_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
