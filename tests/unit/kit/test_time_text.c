#include "unit.h"
#include <feedloom/kit.h>
#include <string.h>

static void assert_time(const char *text, int64_t expected_ns)
{
	int64_t ns;

	assert_int_equal(fl_time_parse(text, strlen(text), &ns), 0);
	assert_int_equal(ns, expected_ns);
}

static void instants_are_read(void **state)
{
	(void)state;
	assert_time("1970-01-01T00:00:00Z", 0);
	assert_time("2024-12-27T08:00:00.123Z", 1735286400123000000);
	assert_time("2024-12-27t08:00:00.123456789z", 1735286400123456789);
	assert_time("2024-12-27 09:00:00+01:00", 1735286400000000000);
	assert_time("2024-12-27T02:30:00.5-0530", 1735286400500000000);
	assert_time("2024-02-29T00:00:00Z", 1709164800000000000);
	assert_time("1969-12-31T23:59:59.999999999Z", -1);
	assert_time("2016-12-31T23:59:60Z", 1483228800000000000); /* a leap second */
	assert_time("2261-12-31T23:59:59Z", 9214646399000000000);
}

static void what_is_no_instant_is_refused(void **state)
{
	static const char *const bad[] = { "", "2024-12-27", "2024-12-27T08:00:00", "2024-12-27T08:00Z",
		"2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2023-02-29T00:00:00Z",
		"2024-01-32T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z",
		"2024-01-01T00:00:61Z", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00.1234567890Z",
		"2024-01-01T00:00:00Zx", "2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00+1",
		"24-01-01T00:00:00Z", "2024-1-01T00:00:00Z", "1600-01-01T00:00:00Z",
		"9999-01-01T00:00:00Z" };
	static const char good[] = "2024-12-27T08:00:00.123456789+00:00";
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(fl_time_parse(bad[i], strlen(bad[i]), &ns), -EINVAL);
	for (size_t length = 0; length < sizeof(good) - 1; length++) /* torn anywhere */
		assert_int_equal(fl_time_parse(good, length, &ns), -EINVAL);
}

static void instants_are_printed(void **state)
{
	char text[40];
	int64_t ns;

	(void)state;
	assert_int_equal(fl_time_print(text, 1735286400123456789, 3), 24);
	assert_string_equal(text, "2024-12-27T08:00:00.123Z");
	fl_time_print(text, 1735286400123456789, 0);
	assert_string_equal(text, "2024-12-27T08:00:00Z");
	fl_time_print(text, -1, 9);
	assert_string_equal(text, "1969-12-31T23:59:59.999999999Z");
	fl_time_print(text, INT64_MIN, 42);
	assert_string_equal(text, "1677-09-21T00:12:43.145224192Z");
	fl_time_print(text, INT64_MAX, -1);
	assert_string_equal(text, "2262-04-11T23:47:16Z");
	for (int64_t at = -9000000000000000000; at < 9000000000000000000; at += 123456789012345678) {
		int length = fl_time_print(text, at, 9);

		assert_int_equal(fl_time_parse(text, (size_t)length, &ns), 0);
		assert_int_equal(ns, at);
	}
}

static void every_day_of_a_thousand_years_counts_one(void **state)
{
	int64_t days = fl_days_from_civil(1600, 1, 1);
	int year, month, day;

	(void)state;
	assert_int_equal(fl_days_from_civil(1970, 1, 1), 0);
	assert_int_equal(fl_days_from_civil(2000, 3, 1), 11017);
	for (int64_t at = days; at < days + 366000; at++) {
		fl_civil_from_days(at, &year, &month, &day);
		assert_true(month >= 1 && month <= 12 && day >= 1 && day <= 31);
		assert_int_equal(fl_days_from_civil(year, month, day), at);
	}
	assert_int_equal(year, 2602);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instants_are_read),
		cmocka_unit_test(what_is_no_instant_is_refused),
		cmocka_unit_test(instants_are_printed),
		cmocka_unit_test(every_day_of_a_thousand_years_counts_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
