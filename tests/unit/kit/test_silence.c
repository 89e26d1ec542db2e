#include "unit.h"
#include <feedloom/kit.h>

static void nothing_is_odd_before_enough_is_known(void **state)
{
	struct fl_silence silence = { 0 };

	(void)state;
	assert_int_equal(fl_silence_limit_ns(&silence, FL_SECOND), INT64_MAX);
	for (int i = 1; i <= 16; i++) {
		fl_silence_heard(&silence, i * FL_SECOND);
		assert_int_equal(fl_silence_limit_ns(&silence, FL_SECOND), INT64_MAX);
	}
	fl_silence_heard(&silence, 17 * FL_SECOND);
	assert_true(fl_silence_limit_ns(&silence, FL_SECOND) < FL_MINUTE);
}

static void a_steady_stream_is_missed_soon_but_not_at_once(void **state)
{
	struct fl_silence silence = { 0 };
	int64_t limit;

	(void)state;
	for (int64_t i = 1; i <= 1000; i++)
		fl_silence_heard(&silence, i * 100 * FL_MS);
	limit = fl_silence_limit_ns(&silence, 0);
	assert_true(limit >= 300 * FL_MS && limit <= 2100 * FL_MS);
	assert_int_equal(fl_silence_limit_ns(&silence, 30 * FL_SECOND), 30 * FL_SECOND);
}

/* Bursts with long pauses: the pause is its habit. */
static void a_pause_it_is_used_to_is_not_odd(void **state)
{
	struct fl_silence silence = { 0 };
	int64_t now = 1;

	(void)state;
	for (int burst = 0; burst < 20; burst++) {
		for (int i = 0; i < 500; i++)
			fl_silence_heard(&silence, now += 20 * FL_MS);
		if (burst > 0)
			assert_true(fl_silence_limit_ns(&silence, 0) > 2 * FL_MINUTE);
		now += 2 * FL_MINUTE;
	}
}

static void an_old_pause_is_forgotten(void **state)
{
	struct fl_silence silence = { 0 };
	int64_t now = 1;

	(void)state;
	for (int i = 0; i < 20; i++)
		fl_silence_heard(&silence, now += FL_SECOND);
	fl_silence_heard(&silence, now += FL_HOUR);
	assert_true(fl_silence_limit_ns(&silence, 0) > FL_HOUR);
	for (int i = 0; i < 3 * 86400; i++)
		fl_silence_heard(&silence, now += FL_SECOND);
	assert_true(fl_silence_limit_ns(&silence, 0) < FL_MINUTE);
}

/* A connection was away: that is no habit of the instrument's. */
static void what_is_no_gap_of_its_own_is_not_learned(void **state)
{
	struct fl_silence silence = { 0 };
	int64_t limit;

	(void)state;
	for (int i = 1; i <= 100; i++)
		fl_silence_heard(&silence, i * FL_SECOND);
	limit = fl_silence_limit_ns(&silence, 0);
	silence.last_ns = 0;
	fl_silence_heard(&silence, FL_HOUR);
	assert_int_equal(silence.last_ns, FL_HOUR);
	assert_int_equal(fl_silence_limit_ns(&silence, 0), limit);
	fl_silence_heard(&silence, FL_HOUR + FL_SECOND);
	assert_true(fl_silence_limit_ns(&silence, 0) < FL_MINUTE);
}

static void a_clock_that_is_set_back_does_no_harm(void **state)
{
	struct fl_silence silence = { 0 };

	(void)state;
	for (int i = 100; i > 0; i--)
		fl_silence_heard(&silence, i * FL_SECOND);
	assert_int_equal(fl_silence_limit_ns(&silence, FL_SECOND), FL_SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_odd_before_enough_is_known),
		cmocka_unit_test(a_steady_stream_is_missed_soon_but_not_at_once),
		cmocka_unit_test(a_pause_it_is_used_to_is_not_odd),
		cmocka_unit_test(an_old_pause_is_forgotten),
		cmocka_unit_test(what_is_no_gap_of_its_own_is_not_learned),
		cmocka_unit_test(a_clock_that_is_set_back_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
