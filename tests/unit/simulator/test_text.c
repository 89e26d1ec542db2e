/* test_text.c: numbers as they are printed are the numbers the ledger has. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

#include "rng.h"
#include "text.h"

static const char *finished(struct text *text)
{
	text_bytes(text, "", 1);
	return text->data;
}

static void fixed_numbers_keep_a_point_and_lose_their_zeros(void **state)
{
	static const struct {
		int64_t mantissa;
		int digits;
		const char *text;
	} cases[] = { { 0, 4, "0.0" }, { 12, 4, "0.0012" }, { 880005000, 4, "88000.5" },
		{ 63115, 0, "63115.0" }, { -131, 5, "-0.00131" }, { 1000, 1, "100.0" },
		{ 1, 9, "0.000000001" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct text text = { 0 };

		text_fixed(&text, cases[i].mantissa, cases[i].digits);
		assert_string_equal(finished(&text), cases[i].text);
		text_finish(&text);
	}
}

static void exponents_say_the_same_number(void **state)
{
	static const struct {
		int64_t mantissa;
		int digits;
		const char *text;
	} cases[] = { { 22000, 1, "2.2e3" }, { 1, 5, "1e-5" }, { -424, 9, "-4.24e-7" },
		{ 0, 3, "0e-3" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct text text = { 0 };

		text_exponent(&text, cases[i].mantissa, cases[i].digits);
		assert_string_equal(finished(&text), cases[i].text);
		text_finish(&text);
	}
}

static void what_is_printed_reads_back_as_the_same_bits(void **state)
{
	struct rng rng = { 3 };
	struct text text = { 0 };

	(void)state;
	for (int i = 0; i < 20000; i++) {
		int digits = (int)rng_below(&rng, 9);
		double value =
			text_rounded((rng_unit(&rng) - 0.5) * pow(10, (double)rng_below(&rng, 6)), digits);
		int64_t mantissa = llround(value * pow(10, digits));

		text_reset(&text);
		text_real(&text, value, digits);
		assert_true(strtod(finished(&text), NULL) == value);
		text_reset(&text);
		text_exponent(&text, mantissa, digits);
		assert_true(strtod(finished(&text), NULL) == value);
	}
	text_finish(&text);
}

static void absent_numbers_are_null(void **state)
{
	struct text text = { 0 };

	(void)state;
	text_real(&text, NAN, 2);
	text_real(&text, INFINITY, 2);
	assert_string_equal(finished(&text), "nullnull");
	text_finish(&text);
}

static void strings_are_escaped(void **state)
{
	struct text text = { 0 };

	(void)state;
	text_string(&text, "a\"b\\c\n", 6);
	assert_string_equal(finished(&text), "\"a\\\"b\\\\c\\u000a\"");
	text_finish(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_numbers_keep_a_point_and_lose_their_zeros),
		cmocka_unit_test(exponents_say_the_same_number),
		cmocka_unit_test(what_is_printed_reads_back_as_the_same_bits),
		cmocka_unit_test(absent_numbers_are_null),
		cmocka_unit_test(strings_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
