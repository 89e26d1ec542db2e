/*
 * number: decimals exactly, reals as the C library reads them, and printed as short as can be.
 *
 * input: the text; its first eight bytes are also taken as a double
 */
#include "fuzz.h"

#include <feedloom/kit.h>
#include <math.h>

static bool is_same(double a, double b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* Digits without leading and ending zeros. */
static size_t significant(const char *text)
{
	size_t count = 0, zeros = 0;

	for (; *text != '\0' && *text != 'e'; text++) {
		if (*text < '0' || *text > '9' || (*text == '0' && count == 0))
			continue;
		count++;
		zeros = *text == '0' ? zeros + 1 : 0;
	}
	return count - zeros;
}

static void check_print(double value)
{
	char text[32], shortest[40];
	double same;
	int length = fl_real_print(text, value);

	CHECK(length > 0 && length < 32 && strlen(text) == (size_t)length);
	if (!isfinite(value)) {
		CHECK(strcmp(text, "null") == 0);
		return;
	}
	CHECK(fl_real_parse(text, (size_t)length, &same) == 0);
	CHECK(is_same(value, same));
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(shortest, sizeof(shortest), "%.*e", digits - 1, value);
		if (strtod(shortest, NULL) == value)
			break;
	}
	CHECK(significant(text) <= significant(shortest));
}

static void check_decimal(const char *text, double real)
{
	char again[40];
	int64_t mantissa;
	int scale;

	if (fl_decimal_parse(text, strlen(text), &mantissa, &scale) != 0)
		return;
	CHECK(scale >= 0 && scale <= 18 && llabs(mantissa) < INT64_C(1000000000000000000));
	snprintf(again, sizeof(again), "%llde-%d", (long long)mantissa, scale);
	CHECK(strtod(again, NULL) == real);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_copy(data, size), *text = fuzz_text(data, size);
	int64_t mantissa;
	double value;
	int scale;

	if (fl_real_parse(copy, size, &value) == 0) {
		CHECK(strlen(text) == size && is_same(value, strtod(text, NULL)));
		check_print(value);
		check_decimal(text, value);
	} else {
		CHECK(fl_decimal_parse(copy, size, &mantissa, &scale) != 0);
	}
	if (size >= sizeof(value)) {
		memcpy(&value, data, sizeof(value));
		check_print(value);
	}
	free(copy);
	free(text);
	return 0;
}
