/*
 * deribit_value: values of JSON as this plugin takes them. Of the decoder's two files alone.
 */
#ifndef DERIBIT_VALUE_H
#define DERIBIT_VALUE_H

#include "deribit_decode.h"

#include <math.h>
#include <string.h>

/* Later than this many milliseconds does not fit in 64 bits of nanoseconds (year 2262). */
#define LATEST_MS INT64_C(9223372036853)

/*
 * Whether `key`, whose length is known to be that of `text`, is it. A dozen of these stand in the
 * way of each message: so it is two words that overlap, and no call.
 */
#define IS(text) is_key(key, text, sizeof(text) - 1)

static inline uint32_t word_of_4(const char *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline uint64_t word_of_8(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline bool is_key(const char *key, const char *text, size_t length)
{
	if (length < 4 || length > 16)
		return memcmp(key, text, length) == 0;
	if (length < 8)
		return ((word_of_4(key) ^ word_of_4(text)) |
				   (word_of_4(key + length - 4) ^ word_of_4(text + length - 4))) == 0;
	return ((word_of_8(key) ^ word_of_8(text)) |
			   (word_of_8(key + length - 8) ^ word_of_8(text + length - 8))) == 0;
}

static inline struct deribit_text text_of(yyjson_val *value)
{
	if (!yyjson_is_str(value))
		return (struct deribit_text){ "", 0 };
	return (struct deribit_text){ yyjson_get_str(value), yyjson_get_len(value) };
}

static inline bool text_is(struct deribit_text text, const char *word)
{
	size_t length = strlen(word);

	return text.length == length && is_key(text.data, word, length);
}

/* A number, NaN for null; of anything else as well, and that is odd. */
static inline double real(yyjson_val *value, bool *is_odd)
{
	if (yyjson_is_num(value))
		return yyjson_get_num(value);
	if (!yyjson_is_null(value))
		*is_odd = true;
	return NAN;
}

static inline bool whole(yyjson_val *value, int64_t *out)
{
	if (yyjson_is_uint(value)) {
		if (yyjson_get_uint(value) > INT64_MAX)
			return false;
		*out = (int64_t)yyjson_get_uint(value);
		return true;
	}
	if (yyjson_is_sint(value)) {
		*out = yyjson_get_sint(value);
		return true;
	}
	if (yyjson_is_real(value)) { /* 2.2e3 is a whole number too */
		double number = yyjson_get_real(value);

		if (fabs(number) > 9007199254740992.0 || number != floor(number))
			return false;
		*out = (int64_t)number;
		return true;
	}
	return false;
}

static inline bool time_of(yyjson_val *value, int64_t *out_ns)
{
	int64_t ms = 0;

	if (!whole(value, &ms) || ms <= 0 || ms > LATEST_MS)
		return false;
	*out_ns = ms * FL_MS;
	return true;
}

/* Copies a text into a field of fixed size. false: it does not fit, the field is empty. */
static inline bool copy(char *field, size_t size, struct deribit_text text)
{
	if (text.length >= size)
		return false;
	memcpy(field, text.data, text.length);
	field[text.length] = '\0';
	return true;
}

#endif
