/*
 * text.h: a growing buffer in which messages are put together, and the numbers in them.
 *
 * Numbers are printed from scaled integers, not from doubles: 12 with four digits is "0.0012", and
 * who reads that back gets exactly 12 / 10^4, the double text_rounded gave. So what the ledger says
 * was sent and what a client reads are the same bits.
 */
#ifndef SIMULATOR_TEXT_H
#define SIMULATOR_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Once `failed` (no memory), what follows is dropped; look at it before using the text. */
struct text {
	char *data;
	size_t length, capacity;
	bool failed;
};

void text_finish(struct text *text);
/** Empties it, and forgets a failure. */
void text_reset(struct text *text);
void text_bytes(struct text *text, const char *bytes, size_t length);
static inline void text_put(struct text *text, const char *words)
{
	text_bytes(text, words, strlen(words));
}
void text_int(struct text *text, int64_t value);
/** mantissa / 10^digits: "12.5", "63115.0"; digits is 0 to 9. */
void text_fixed(struct text *text, int64_t mantissa, int digits);
/** The same number in the other form JSON knows: "1.25e1". */
void text_exponent(struct text *text, int64_t mantissa, int digits);
/** A double that text_rounded gave for the same `digits`; NaN is null. */
void text_real(struct text *text, double value, int digits);
/** A quoted JSON string. */
void text_string(struct text *text, const char *string, size_t length);

/** The double nearest to `value` in `digits` decimals: what a reader of its text gets. NaN stays.
 */
double text_rounded(double value, int digits);
/** mantissa / 10^digits, correctly rounded. */
double text_scaled(int64_t mantissa, int digits);

#endif
