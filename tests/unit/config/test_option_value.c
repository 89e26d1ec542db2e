#include "unit.h"

#include "option_value.h"

#include <errno.h>
#include <stdint.h>

static void durations_carry_units(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = { { "0", 0 }, { "5s", 5000000000 }, { "100ms", 100000000 }, { "7us", 7000 },
		{ "3ns", 3 }, { "2m", 120000000000 }, { "1h30m", 5400000000000 },
		{ "7d", INT64_C(604800000000000) }, { "1.5s", 1500000000 }, { "0s", 0 },
		{ "0.25h", 900000000000 }, { "1m500ms", 60500000000 } };
	static const char *const wrong[] = { "", "5", "s", "5 s", "-5s", "5sec", "5S", "30m1h", "1h1h",
		"1.s", ".5s", "1e3s", "5s ", "1h30" };
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(option_parse_duration(cases[i].text, &ns), 0);
		assert_int_equal(ns, cases[i].ns);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(option_parse_duration(wrong[i], &ns), -EINVAL);
	assert_int_equal(option_parse_duration("106752d", &ns), -ERANGE);
	assert_int_equal(option_parse_duration("106751d1000h", &ns), -ERANGE);
	assert_int_equal(option_parse_duration("99999999999999999999s", &ns), -ERANGE);
}

static void sizes_carry_units(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} cases[] = { { "0", 0 }, { "1B", 1 }, { "16MiB", 16 << 20 }, { "4GiB", INT64_C(4) << 30 },
		{ "500MB", 500000000 }, { "1.5KiB", 1536 }, { "2TiB", INT64_C(2) << 40 }, { "3KB", 3000 },
		{ "3kB", 3000 }, { "1GB", 1000000000 }, { "1TB", 1000000000000 } };
	static const char *const wrong[] = { "", "5", "MiB", "5 MiB", "5M", "5Mb", "-1B", "1GiB1B" };
	int64_t bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(option_parse_size(cases[i].text, &bytes), 0);
		assert_int_equal(bytes, cases[i].bytes);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(option_parse_size(wrong[i], &bytes), -EINVAL);
	assert_int_equal(option_parse_size("9999999TiB", &bytes), -ERANGE);
}

static void numbers_are_numbers_only(void **state)
{
	int64_t whole;
	double real;

	(void)state;
	assert_int_equal(option_parse_int("-42", &whole), 0);
	assert_int_equal(whole, -42);
	assert_int_equal(option_parse_int("0x10", &whole), -EINVAL);
	assert_int_equal(option_parse_int("1.5", &whole), -EINVAL);
	assert_int_equal(option_parse_int("", &whole), -EINVAL);
	assert_int_equal(option_parse_int("9223372036854775808", &whole), -ERANGE);
	assert_int_equal(option_parse_real("1.5e2", &real), 0);
	assert_true(real == 150);
	assert_int_equal(option_parse_real("nan", &real), -EINVAL);
	assert_int_equal(option_parse_real("inf", &real), -EINVAL);
	assert_int_equal(option_parse_real("1e999", &real), -ERANGE);
	assert_int_equal(option_parse_real(" 1", &real), -EINVAL);
	assert_int_equal(option_parse_ratio("5%", &real), 0);
	assert_true(real == 0.05);
	assert_int_equal(option_parse_ratio("0.05", &real), 0);
	assert_true(real == 0.05);
	assert_int_equal(option_parse_ratio("%", &real), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_carry_units),
		cmocka_unit_test(sizes_carry_units),
		cmocka_unit_test(numbers_are_numbers_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
