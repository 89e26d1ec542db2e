/* text.c: messages put together, numbers from scaled integers. */
#include "text.h"

#include <math.h>
#include <stdlib.h>

static const int64_t powers[10] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
	1000000000 };

void text_finish(struct text *text)
{
	free(text->data);
	*text = (struct text){ 0 };
}

void text_reset(struct text *text)
{
	text->length = 0;
	text->failed = false;
}

static bool make_room(struct text *text, size_t length)
{
	size_t capacity = text->capacity ? text->capacity : 1024;
	char *data;

	if (text->failed)
		return false;
	if (text->capacity - text->length >= length)
		return true;
	while (capacity - text->length < length)
		capacity *= 2;
	data = realloc(text->data, capacity);
	if (data == NULL) {
		text->failed = true;
		return false;
	}
	text->data = data;
	text->capacity = capacity;
	return true;
}

void text_bytes(struct text *text, const char *bytes, size_t length)
{
	if (length == 0 || !make_room(text, length))
		return;
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
}

/* Digits of `value` before `end`; returns where they begin. */
static char *digits_before(char *end, uint64_t value)
{
	do {
		*--end = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	return end;
}

static uint64_t magnitude(int64_t value)
{
	return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

void text_int(struct text *text, int64_t value)
{
	char buffer[24], *end = buffer + sizeof(buffer);
	char *begin = digits_before(end, magnitude(value));

	if (value < 0)
		*--begin = '-';
	text_bytes(text, begin, (size_t)(end - begin));
}

void text_fixed(struct text *text, int64_t mantissa, int digits)
{
	char buffer[40], *begin, *end = buffer + sizeof(buffer);
	uint64_t value = magnitude(mantissa);
	uint64_t whole = value / (uint64_t)powers[digits];
	uint64_t part = value % (uint64_t)powers[digits];

	while (digits > 1 && part % 10 == 0) {
		part /= 10;
		digits--;
	}
	begin = digits_before(end, part);
	while (end - begin < digits) /* "0.0012": the zeros after the point */
		*--begin = '0';
	*--begin = '.';
	begin = digits_before(begin, whole);
	if (mantissa < 0)
		*--begin = '-';
	text_bytes(text, begin, (size_t)(end - begin));
}

void text_exponent(struct text *text, int64_t mantissa, int digits)
{
	char buffer[40], *begin, *end = buffer + sizeof(buffer);
	uint64_t value = magnitude(mantissa);
	int exponent = -digits;

	while (value >= 10 && value % 10 == 0) {
		value /= 10;
		exponent++;
	}
	begin = digits_before(end, value);
	exponent += (int)(end - begin) - 1;
	if (mantissa < 0)
		text_put(text, "-");
	text_bytes(text, begin, 1);
	if (end - begin > 1) {
		text_put(text, ".");
		text_bytes(text, begin + 1, (size_t)(end - begin - 1));
	}
	text_put(text, "e");
	text_int(text, exponent);
}

void text_real(struct text *text, double value, int digits)
{
	if (isfinite(value) && fabs(value) < 9e15 / (double)powers[digits])
		text_fixed(text, llround(value * (double)powers[digits]), digits);
	else
		text_put(text, "null");
}

void text_string(struct text *text, const char *string, size_t length)
{
	static const char hex[] = "0123456789abcdef";

	text_put(text, "\"");
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)string[i];

		if (byte == '"' || byte == '\\') {
			char pair[2] = { '\\', (char)byte };

			text_bytes(text, pair, 2);
		} else if (byte < 0x20) {
			char escape[6] = { '\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15] };

			text_bytes(text, escape, 6);
		} else {
			text_bytes(text, string + i, 1);
		}
	}
	text_put(text, "\"");
}

double text_scaled(int64_t mantissa, int digits)
{
	return (double)mantissa / (double)powers[digits];
}

double text_rounded(double value, int digits)
{
	double scaled = value * (double)powers[digits];

	return isfinite(scaled) && fabs(scaled) < 9e15 ? text_scaled(llround(scaled), digits) : NAN;
}
