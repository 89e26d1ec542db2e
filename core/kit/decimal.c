/*
 * decimal.c: numbers as text, both ways, exactly where the number allows it.
 *
 * The common case (at most 15 digits, a power of ten that a double holds exactly) is one correctly
 * rounded multiplication or division, which gives the nearest double without strtod.
 */
#include <feedloom/kit.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXACT_DIGITS = 15, EXACT_POWER = 22, LONGEST_NUMBER = 400 };

static const double powers[EXACT_POWER + 1] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

/* What a number's text consists of. */
struct number {
	bool is_negative;
	const char *whole; /* digits before the point, leading zeros skipped */
	size_t whole_length;
	const char *fraction; /* digits after it */
	size_t fraction_length;
	int exponent;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* [+-] digits [. digits] [e [+-] digits]; a point without digits before it is forgiven. */
static int split(const char *text, size_t length, struct number *out)
{
	const char *at = text, *end = text + length;
	bool exponent_is_negative = false;

	*out = (struct number){ 0 };
	if (at < end && (*at == '-' || *at == '+'))
		out->is_negative = *at++ == '-';
	out->whole = at;
	while (at < end && is_digit(*at))
		at++;
	out->whole_length = (size_t)(at - out->whole);
	if (at < end && *at == '.') {
		out->fraction = ++at;
		while (at < end && is_digit(*at))
			at++;
		out->fraction_length = (size_t)(at - out->fraction);
		if (out->fraction_length == 0)
			return -EINVAL;
	}
	if (out->whole_length == 0 && out->fraction_length == 0)
		return -EINVAL;
	while (out->whole_length > 0 && *out->whole == '0') {
		out->whole++;
		out->whole_length--;
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < end && (*at == '-' || *at == '+'))
			exponent_is_negative = *at++ == '-';
		if (at == end)
			return -EINVAL;
		for (; at < end && is_digit(*at); at++)
			if (out->exponent < 100000)
				out->exponent = out->exponent * 10 + (*at - '0');
		if (exponent_is_negative)
			out->exponent = -out->exponent;
	}
	return at == end ? 0 : -EINVAL;
}

/* Adds a digit; false when 18 are full. */
static bool push(int64_t *mantissa, char digit)
{
	if (*mantissa > (INT64_C(999999999999999999) - (digit - '0')) / 10)
		return false;
	*mantissa = *mantissa * 10 + (digit - '0');
	return true;
}

static int join(const struct number *number, int64_t *mantissa, int *scale)
{
	int64_t value = 0;
	int places = (int)number->fraction_length - number->exponent;

	for (size_t i = 0; i < number->whole_length; i++)
		if (!push(&value, number->whole[i]))
			return -ERANGE;
	for (size_t i = 0; i < number->fraction_length; i++)
		if (!push(&value, number->fraction[i]))
			return -ERANGE;
	if (value == 0 && places < 0)
		places = 0;
	for (; places < 0; places++)
		if (!push(&value, '0'))
			return -ERANGE;
	if (places > 18)
		return -ERANGE;
	*mantissa = number->is_negative ? -value : value;
	*scale = places;
	return 0;
}

int fl_decimal_parse(const char *text, size_t length, int64_t *mantissa, int *scale)
{
	struct number number;

	if (length > LONGEST_NUMBER)
		return -ERANGE;
	if (split(text, length, &number) != 0)
		return -EINVAL;
	if (join(&number, mantissa, scale) == 0)
		return 0;
	/* Zeros at the end say nothing: without them it may still be exact. */
	while (number.fraction_length > 0 && number.fraction[number.fraction_length - 1] == '0')
		number.fraction_length--;
	return join(&number, mantissa, scale);
}

/* The nearest double by one correctly rounded operation, if the number is short enough. */
static bool parse_short(const struct number *number, double *out)
{
	size_t digits = number->whole_length + number->fraction_length;
	int power = number->exponent - (int)number->fraction_length;
	int64_t mantissa = 0;
	double value;

	if (digits > EXACT_DIGITS || power < -EXACT_POWER || power > EXACT_POWER)
		return false;
	for (size_t i = 0; i < number->whole_length; i++)
		mantissa = mantissa * 10 + (number->whole[i] - '0');
	for (size_t i = 0; i < number->fraction_length; i++)
		mantissa = mantissa * 10 + (number->fraction[i] - '0');
	value = power < 0 ? (double)mantissa / powers[-power] : (double)mantissa * powers[power];
	*out = number->is_negative ? -value : value;
	return true;
}

int fl_real_parse(const char *text, size_t length, double *out)
{
	char copy[LONGEST_NUMBER + 1];
	struct number number;
	double value;

	if (length > LONGEST_NUMBER)
		return -ERANGE;
	if (split(text, length, &number) != 0)
		return -EINVAL;
	if (parse_short(&number, out))
		return 0;
	/* strtod minds the locale; the program never leaves the "C" locale. */
	memcpy(copy, text, length);
	copy[length] = '\0';
	value = strtod(copy, NULL);
	if (!isfinite(value))
		return -ERANGE;
	*out = value;
	return 0;
}

/* Writes the digits of `value`; returns how many. */
static int print_digits(char *out, uint64_t value)
{
	char digits[20];
	int count = 0;

	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	for (int i = 0; i < count; i++)
		out[i] = digits[count - 1 - i];
	return count;
}

/*
 * A value with few decimals, as venues send them. mantissa / 10^scale is rounded correctly, so when
 * it equals the value, that text reads back as the value; up to 15 digits no other is as short.
 */
static int print_short(char *out, double value)
{
	char digits[20];
	int count, length = 0;

	for (int scale = 0; scale <= EXACT_POWER; scale++) {
		double scaled = value * powers[scale];
		uint64_t mantissa;

		if (scaled >= 1e15)
			return 0;
		mantissa = (uint64_t)(scaled + 0.5);
		if ((double)mantissa / powers[scale] != value)
			continue;
		count = print_digits(digits, mantissa);
		if (count <= scale)
			out[length++] = '0';
		for (int i = 0; i < count - scale; i++)
			out[length++] = digits[i];
		if (scale > 0)
			out[length++] = '.';
		for (int i = count; i < scale; i++)
			out[length++] = '0';
		for (int i = count > scale ? count - scale : 0; i < count; i++)
			out[length++] = digits[i];
		return length;
	}
	return 0;
}

/* "1e-05" to "1e-5", "1e+22" to "1e22". */
static int tidy_exponent(char *text)
{
	char *from = strchr(text, 'e'), *to;

	if (from == NULL)
		return (int)strlen(text);
	to = ++from;
	if (*from == '-')
		to = ++from;
	else if (*from == '+')
		from++;
	while (*from == '0')
		from++;
	while (*from != '\0')
		*to++ = *from++;
	*to = '\0';
	return (int)(to - text);
}

int fl_real_print(char out[32], double value)
{
	double size = fabs(value);
	int length = 0;

	if (!isfinite(value)) {
		memcpy(out, "null", 5);
		return 4;
	}
	if (signbit(value))
		out[length++] = '-';
	if (size == 0 || (size >= 1e-5 && size < 1e15)) {
		int more = print_short(out + length, size);

		if (more > 0) {
			out[length + more] = '\0';
			return length + more;
		}
	}
	/* Subnormal numbers have fewer digits than 15. */
	for (int digits = size < 2.3e-308 ? 1 : 15; digits <= 17; digits++) {
		snprintf(out, 32, "%.*g", digits, value);
		if (strtod(out, NULL) == value)
			break;
	}
	return tidy_exponent(out);
}
