#include "unit.h"
#include <feedloom/kit.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_decimal(const char *text, int64_t mantissa, int scale)
{
	int64_t found_mantissa;
	int found_scale;

	assert_int_equal(fl_decimal_parse(text, strlen(text), &found_mantissa, &found_scale), 0);
	assert_int_equal(found_mantissa, mantissa);
	assert_int_equal(found_scale, scale);
}

static void decimals_are_exact(void **state)
{
	int64_t mantissa;
	int scale;

	(void)state;
	assert_decimal("-12.50", -1250, 2);
	assert_decimal("0", 0, 0);
	assert_decimal("0e9", 0, 0);
	assert_decimal("+007", 7, 0);
	assert_decimal(".5", 5, 1);
	assert_decimal("1e-05", 1, 5);
	assert_decimal("1.25e3", 1250, 0);
	assert_decimal("12.5E+1", 125, 0);
	assert_decimal("999999999999999999", 999999999999999999, 0);
	assert_decimal("-0.000000000000000001", -1, 18);
	assert_decimal("100.00000000000000000000000", 100, 0); /* zeros at the end say nothing */
	assert_int_equal(fl_decimal_parse("1000000000000000000", 19, &mantissa, &scale), -ERANGE);
	assert_int_equal(fl_decimal_parse("1e18", 4, &mantissa, &scale), -ERANGE);
	assert_int_equal(fl_decimal_parse("1e-19", 5, &mantissa, &scale), -ERANGE);
	assert_int_equal(fl_decimal_parse("1e999999999999", 14, &mantissa, &scale), -ERANGE);
	assert_int_equal(fl_decimal_parse("1e-999999999999", 15, &mantissa, &scale), -ERANGE);
}

static void what_is_no_number_is_refused(void **state)
{
	static const char *const bad[] = { "", "-", "+", ".", "1.", "e5", "1e", "1e+", "1 ", " 1",
		"1,5", "0x10", "nan", "inf", "--1", "1.2.3", "1e5.0", "1_000" };
	char long_number[1000];
	int64_t mantissa;
	double value;
	int scale;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fl_decimal_parse(bad[i], strlen(bad[i]), &mantissa, &scale), -EINVAL);
		assert_int_equal(fl_real_parse(bad[i], strlen(bad[i]), &value), -EINVAL);
	}
	memset(long_number, '1', sizeof(long_number));
	assert_int_equal(fl_real_parse(long_number, sizeof(long_number), &value), -ERANGE);
	assert_int_equal(fl_real_parse("1e309", 5, &value), -ERANGE);
	assert_int_equal(fl_real_parse("-1e999999", 9, &value), -ERANGE);
	assert_int_equal(fl_real_parse("12345", 3, &value), 0); /* not 0-terminated */
	assert_true(value == 123);
}

static void reals_are_the_nearest(void **state)
{
	static const char *const texts[] = { "0", "-0", "0.1", "0.0015", "65.0", "1e-05",
		"123456789012345", "1234567890123456789", "0.30000000000000004", "2.2250738585072014e-308",
		"5e-324", "1e-400", "1.7976931348623157e308", "9007199254740993", "1e22", "1e23", "8.5e-23",
		"0.1000000000000000055511151231257827021181583404541015625", "-3.14159265358979323846" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		double value;

		assert_int_equal(fl_real_parse(texts[i], strlen(texts[i]), &value), 0);
		assert_true(value == strtod(texts[i], NULL));
		assert_int_equal(signbit(value) != 0, texts[i][0] == '-');
	}
}

static void assert_printed(double value, const char *expected)
{
	char text[32];

	assert_int_equal(fl_real_print(text, value), strlen(expected));
	assert_string_equal(text, expected);
}

static void prints_the_shortest(void **state)
{
	(void)state;
	assert_printed(0, "0");
	assert_printed(-0.0, "-0");
	assert_printed(65, "65");
	assert_printed(-12.5, "-12.5");
	assert_printed(0.0015, "0.0015");
	assert_printed(0.1 + 0.2, "0.30000000000000004");
	assert_printed(1e-5, "0.00001");
	assert_printed(1.5e-6, "1.5e-6");
	assert_printed(123456789012345, "123456789012345");
	assert_printed(1e15, "1e15");
	assert_printed(1e22, "1e22");
	assert_printed(5e-324, "5e-324");
	assert_printed(DBL_MAX, "1.7976931348623157e308");
	assert_printed(-DBL_MIN, "-2.2250738585072014e-308");
	assert_printed(100000, "100000");
	assert_printed(1 / 3.0, "0.3333333333333333");
	assert_printed(NAN, "null");
	assert_printed(-INFINITY, "null");
}

/* Shortest: no %g form with fewer digits reads back. */
static void assert_round_trip(double value)
{
	char text[32], shorter[32];
	double back;
	int length = fl_real_print(text, value), digits = 0;
	bool leading = true;

	assert_true(length > 0 && length < 32);
	assert_int_equal(strlen(text), length);
	assert_int_equal(fl_real_parse(text, (size_t)length, &back), 0);
	assert_true(back == value);
	for (const char *at = text; *at != '\0' && *at != 'e'; at++) {
		leading = leading && (*at < '1' || *at > '9');
		digits += *at >= '0' && *at <= '9' && !leading;
	}
	if (digits > 17)
		fail_msg("%s has more than 17 digits", text);
	if (digits > 1 && strchr(text, '.') != NULL) {
		snprintf(shorter, sizeof(shorter), "%.*g", digits - 1, value);
		if (strtod(shorter, NULL) == value)
			fail_msg("%s is longer than %s", text, shorter);
	}
}

static void every_value_reads_back(void **state)
{
	uint64_t random = 88172645463325252U;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		double value;
		uint64_t bits;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		bits = random;
		memcpy(&value, &bits, sizeof(value));
		if (isfinite(value))
			assert_round_trip(value);
		assert_round_trip((double)(random % 100000000) / 10000); /* as venues send them */
		assert_round_trip((double)(random % 1000003) / 1e8);
		assert_round_trip((double)(random % 999983) * 0.37);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decimals_are_exact),
		cmocka_unit_test(what_is_no_number_is_refused),
		cmocka_unit_test(reals_are_the_nearest),
		cmocka_unit_test(prints_the_shortest),
		cmocka_unit_test(every_value_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
