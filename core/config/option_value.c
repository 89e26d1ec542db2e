/* option_value.c: from text to numbers. */
#include "option_value.h"
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	int64_t value;
};

static const struct unit durations[] = { /* the larger first */
	{ "d", INT64_C(86400000000000) }, { "h", INT64_C(3600000000000) },
	{ "m", INT64_C(60000000000) }, { "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 },
	{ "ns", 1 }, { NULL, 0 }
};

static const struct unit sizes[] = { { "B", 1 }, { "KiB", INT64_C(1) << 10 },
	{ "MiB", INT64_C(1) << 20 }, { "GiB", INT64_C(1) << 30 }, { "TiB", INT64_C(1) << 40 },
	{ "KB", 1000 }, { "kB", 1000 }, { "MB", 1000000 }, { "GB", 1000000000 },
	{ "TB", INT64_C(1000000000000) }, { NULL, 0 } };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int option_parse_int(const char *text, int64_t *out)
{
	const char *digits = text + (text[0] == '-' || text[0] == '+');
	long long value;

	if (digits[0] == '\0' || strspn(digits, "0123456789") != strlen(digits))
		return -EINVAL;
	errno = 0;
	value = strtoll(text, NULL, 10);
	if (errno == ERANGE)
		return -ERANGE;
	*out = value;
	return 0;
}

int option_parse_real(const char *text, double *out)
{
	char *end;
	double value;

	/* Without what strtod takes besides: hexadecimal, infinity, nan, leading space. */
	if (text[0] == '\0' || strspn(text, "+-.0123456789eE") != strlen(text))
		return -EINVAL;
	value = strtod(text, &end);
	if (*end != '\0' || end == text)
		return -EINVAL;
	if (!isfinite(value))
		return -ERANGE;
	*out = value;
	return 0;
}

int option_parse_ratio(const char *text, double *out)
{
	size_t length = strlen(text);
	char number[64];
	int error;

	if (length == 0 || text[length - 1] != '%')
		return option_parse_real(text, out);
	if (length >= sizeof(number))
		return -EINVAL;
	memcpy(number, text, length - 1);
	number[length - 1] = '\0';
	error = option_parse_real(number, out);
	if (error == 0)
		*out /= 100;
	return error;
}

/* Adds `value` * `scale` / `divisor`, exactly or rounded down. */
static int add_scaled(int64_t value, int64_t scale, int64_t divisor, int64_t *sum)
{
	__extension__ __int128 product = (__int128)value * scale / divisor;

	if (product > INT64_MAX || __builtin_add_overflow(*sum, (int64_t)product, sum))
		return -ERANGE;
	return 0;
}

/* Digits into `value`, at most 18 of them; the rest of the text in `*at`. */
static int read_digits(const char **at, int64_t *value, int64_t *power)
{
	int count = 0;

	*value = 0;
	*power = 1;
	for (; is_digit(**at); (*at)++) {
		if (++count > 18)
			return -ERANGE;
		*value = *value * 10 + (**at - '0');
		*power *= 10;
	}
	return count > 0 ? 0 : -EINVAL;
}

/* One number with its unit; `units` is left at the unit found. */
static int read_part(const char **at, const struct unit **units, int64_t *sum)
{
	int64_t whole, fraction = 0, power = 1;
	int error = read_digits(at, &whole, &power);
	size_t length;

	power = 1;
	if (error == 0 && **at == '.') {
		(*at)++;
		error = read_digits(at, &fraction, &power);
	}
	if (error != 0)
		return error;
	for (length = 0; (*at)[length] != '\0' && !is_digit((*at)[length]);)
		length++;
	for (; (*units)->name != NULL; (*units)++)
		if (strlen((*units)->name) == length && memcmp((*units)->name, *at, length) == 0)
			break;
	if ((*units)->name == NULL)
		return -EINVAL;
	*at += length;
	error = add_scaled(whole, (*units)->value, 1, sum);
	return error != 0 ? error : add_scaled(fraction, (*units)->value, power, sum);
}

int option_parse_duration(const char *text, int64_t *out_ns)
{
	const struct unit *units = durations;
	int64_t sum = 0;

	if (strcmp(text, "0") == 0) {
		*out_ns = 0;
		return 0;
	}
	do {
		int error = read_part(&text, &units, &sum);

		if (error != 0)
			return error;
		units++; /* 1h30m, not 30m1h and not 1h1h */
	} while (text[0] != '\0');
	*out_ns = sum;
	return 0;
}

int option_parse_size(const char *text, int64_t *out_bytes)
{
	const struct unit *units = sizes;
	int64_t sum = 0;
	int error;

	if (strcmp(text, "0") == 0) {
		*out_bytes = 0;
		return 0;
	}
	error = read_part(&text, &units, &sum);
	if (error != 0 || text[0] != '\0')
		return error != 0 ? error : -EINVAL;
	*out_bytes = sum;
	return 0;
}
