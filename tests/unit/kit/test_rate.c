#include "unit.h"
#include <feedloom/kit.h>

static void a_full_bucket_gives_then_fills_at_its_rate(void **state)
{
	struct fl_rate rate;

	(void)state;
	fl_rate_init(&rate, 3, 2, 1000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fl_rate_take(&rate, 1, 1000), 0);
	assert_int_equal(fl_rate_take(&rate, 1, 1000), FL_SECOND / 2);
	assert_int_equal(fl_rate_take(&rate, 1, 1000 + FL_SECOND / 4), FL_SECOND / 4);
	assert_int_equal(fl_rate_take(&rate, 1, 1000 + FL_SECOND / 2), 0);
	assert_int_equal(fl_rate_take(&rate, 3, 1000 + FL_HOUR), 0); /* no more than its capacity */
	assert_true(fl_rate_take(&rate, 0.001, 1000 + FL_HOUR) > 0);
}

static void who_waits_as_told_goes(void **state)
{
	struct fl_rate rate;
	int64_t now = 7;
	int taken = 0;

	(void)state;
	fl_rate_init(&rate, 10, 3.7, now);
	for (int i = 0; i < 100000; i++) {
		int64_t wait = fl_rate_take(&rate, 0.3 + i % 7, now);

		if (wait > 0) {
			now += wait;
			assert_int_equal(fl_rate_take(&rate, 0.3 + i % 7, now), 0);
		}
		taken++;
	}
	assert_int_equal(taken, 100000);
}

static void what_costs_more_than_there_is_goes_alone(void **state)
{
	struct fl_rate rate;

	(void)state;
	fl_rate_init(&rate, 2, 1, 0);
	assert_int_equal(fl_rate_take(&rate, 5, 0), 0);
	assert_int_equal(fl_rate_take(&rate, 1, 0), 4 * FL_SECOND); /* the debt is paid first */
	assert_int_equal(fl_rate_take(&rate, 5, 4 * FL_SECOND), FL_SECOND);
}

static void odd_clocks_and_rates_do_no_harm(void **state)
{
	struct fl_rate rate;

	(void)state;
	fl_rate_init(&rate, 1, 1, FL_HOUR);
	assert_int_equal(fl_rate_take(&rate, 1, FL_HOUR), 0);
	assert_int_equal(fl_rate_take(&rate, 1, 0), FL_SECOND); /* set back: nothing is won or lost */
	assert_int_equal(fl_rate_take(&rate, 1, FL_SECOND), 0);
	fl_rate_init(&rate, 1, 0, 0);
	assert_int_equal(fl_rate_take(&rate, 1, 0), 0);
	assert_int_equal(fl_rate_take(&rate, 1, FL_HOUR), INT64_MAX);
	fl_rate_init(&rate, 1, 1e-30, 0);
	assert_int_equal(fl_rate_take(&rate, 1, 0), 0);
	assert_int_equal(fl_rate_take(&rate, 1, 0), INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_bucket_gives_then_fills_at_its_rate),
		cmocka_unit_test(who_waits_as_told_goes),
		cmocka_unit_test(what_costs_more_than_there_is_goes_alone),
		cmocka_unit_test(odd_clocks_and_rates_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
