#include "backoff.h"
#include "unit.h"

static void first_delay_is_the_least(void **state)
{
	struct backoff backoff;

	(void)state;
	backoff_init(&backoff, 1000, 60000);
	assert_int_equal(backoff_next(&backoff, UINT64_MAX), 1000);
}

static void ceiling_doubles_up_to_the_most(void **state)
{
	struct backoff backoff;
	int64_t widest = 0;

	(void)state;
	backoff_init(&backoff, 1000, 10000);
	for (int attempt = 0; attempt < 100; attempt++) {
		int64_t ceiling = attempt > 3 ? 10000 : INT64_C(1000) << attempt;
		struct backoff same = backoff;

		/* random % span: the least and the greatest remainder there can be */
		assert_int_equal(backoff_next(&same, 0), 1000);
		same = backoff;
		widest = backoff_next(&same, (uint64_t)(ceiling - 1000));
		assert_int_equal(widest, ceiling);
		same = backoff;
		assert_int_equal(backoff_next(&same, (uint64_t)(ceiling - 1000 + 1)), 1000);
		assert_true(backoff_next(&backoff, 0x123456789ABCDEF0) <= ceiling);
	}
	assert_int_equal(backoff.attempts, 100);
}

static void reset_begins_anew(void **state)
{
	struct backoff backoff;

	(void)state;
	backoff_init(&backoff, 1000, 10000);
	for (int i = 0; i < 5; i++)
		backoff_next(&backoff, 7);
	backoff_reset(&backoff);
	assert_int_equal(backoff_next(&backoff, 12345), 1000);
}

static void odd_limits_are_put_right(void **state)
{
	struct backoff backoff;

	(void)state;
	backoff_init(&backoff, 0, INT64_MAX);
	for (int i = 0; i < 80; i++)
		assert_true(backoff_next(&backoff, UINT64_MAX) > 0);
	backoff_init(&backoff, 500, 100);
	backoff_next(&backoff, 1);
	assert_int_equal(backoff_next(&backoff, 99), 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_delay_is_the_least),
		cmocka_unit_test(ceiling_doubles_up_to_the_most),
		cmocka_unit_test(reset_begins_anew),
		cmocka_unit_test(odd_limits_are_put_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
