/* What one code writes, the other reads: by key and type, nothing else. */
#include "unit.h"

#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

static struct fl_snapshot *snapshot;

static int make(void **state)
{
	(void)state;
	snapshot = snapshot_create();
	return snapshot == NULL;
}

static int drop(void **state)
{
	(void)state;
	snapshot_destroy(snapshot);
	return 0;
}

static void what_was_put_is_got(void **state)
{
	const unsigned char in[] = { 0, 1, 0, 255 };
	const char *text = NULL;
	const void *bytes = NULL;
	int64_t number = 0;
	double real = 0;
	size_t length = 0;

	(void)state;
	assert_int_equal(fl_snapshot_put_int(snapshot, "id", INT64_MIN), 0);
	assert_int_equal(fl_snapshot_put_real(snapshot, "rate", 0.1), 0);
	assert_int_equal(fl_snapshot_put_text(snapshot, "token", "abc"), 0);
	assert_int_equal(fl_snapshot_put_text(snapshot, "empty", ""), 0);
	assert_int_equal(fl_snapshot_put_bytes(snapshot, "book", in, sizeof(in)), 0);
	assert_int_equal(fl_snapshot_put_bytes(snapshot, "none", NULL, 0), 0);
	assert_int_equal(fl_snapshot_get_int(snapshot, "id", &number), 0);
	assert_true(number == INT64_MIN);
	assert_int_equal(fl_snapshot_get_real(snapshot, "rate", &real), 0);
	assert_true(real == 0.1);
	assert_int_equal(fl_snapshot_get_text(snapshot, "token", &text), 0);
	assert_string_equal(text, "abc");
	assert_int_equal(fl_snapshot_get_text(snapshot, "empty", &text), 0);
	assert_string_equal(text, "");
	assert_int_equal(fl_snapshot_get_bytes(snapshot, "book", &bytes, &length), 0);
	assert_int_equal(length, sizeof(in));
	assert_memory_equal(bytes, in, sizeof(in));
	assert_int_equal(fl_snapshot_get_bytes(snapshot, "none", &bytes, &length), 0);
	assert_int_equal(length, 0);
}

static void what_is_missing_or_of_another_type_leaves_the_value_alone(void **state)
{
	int64_t number = 7;
	double real = 7;

	(void)state;
	assert_int_equal(fl_snapshot_put_int(snapshot, "id", 1), 0);
	assert_int_equal(fl_snapshot_get_int(snapshot, "other", &number), -ENOENT);
	assert_int_equal(fl_snapshot_get_real(snapshot, "id", &real), -EINVAL);
	assert_int_equal(number, 7);
	assert_true(real == 7);
}

static void the_last_value_of_a_key_counts(void **state)
{
	const char *text = NULL;
	int64_t number;

	(void)state;
	assert_int_equal(fl_snapshot_put_int(snapshot, "id", 1), 0);
	assert_int_equal(fl_snapshot_put_text(snapshot, "id", "two"), 0);
	assert_int_equal(fl_snapshot_get_int(snapshot, "id", &number), -EINVAL);
	assert_int_equal(fl_snapshot_get_text(snapshot, "id", &text), 0);
	assert_string_equal(text, "two");
}

static void its_size_is_bounded_by_what_it_holds(void **state)
{
	const size_t length = 40 << 20;
	char *bytes = calloc(1, length);

	(void)state;
	assert_non_null(bytes);
	for (int i = 0; i < 3; i++) /* replaced, not added up */
		assert_int_equal(fl_snapshot_put_bytes(snapshot, "book", bytes, length), 0);
	assert_int_equal(fl_snapshot_put_bytes(snapshot, "other", bytes, length), -ENOMEM);
	assert_int_equal(fl_snapshot_put_bytes(snapshot, "huge", bytes, SIZE_MAX - 8), -ENOMEM);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_put_is_got, make, drop),
		cmocka_unit_test_setup_teardown(
			what_is_missing_or_of_another_type_leaves_the_value_alone, make, drop),
		cmocka_unit_test_setup_teardown(the_last_value_of_a_key_counts, make, drop),
		cmocka_unit_test_setup_teardown(its_size_is_bounded_by_what_it_holds, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
