/*
 * text.c: what text may look like.
 */
#include <feedloom/kit.h>
#include <string.h>

/* Length of the well-formed sequence that begins here (Unicode 15, table 3-7), 0: none. */
static size_t sequence(const unsigned char *at, size_t left)
{
	unsigned char low = 0x80, high = 0xBF; /* bounds of the second byte */
	size_t length;

	if (at[0] < 0x80)
		return 1;
	if (at[0] < 0xC2 || at[0] > 0xF4)
		return 0;
	length = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
	if (length > left)
		return 0;
	switch (at[0]) {
	case 0xE0: low = 0xA0; break;  /* no longer forms than needed */
	case 0xED: high = 0x9F; break; /* no surrogates */
	case 0xF0: low = 0x90; break;
	case 0xF4: high = 0x8F; break; /* nothing beyond U+10FFFF */
	default: break;
	}
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if (at[i] < 0x80 || at[i] > 0xBF)
			return 0;
	return length;
}

bool fl_utf8_valid(const char *text, size_t length)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t left = length;

	while (left > 0) {
		size_t step = 8;
		uint64_t word;

		if (left >= 8) { /* most text is ASCII: eight bytes at once */
			memcpy(&word, at, 8);
			if ((word & UINT64_C(0x8080808080808080)) == 0) {
				at += step;
				left -= step;
				continue;
			}
		}
		step = sequence(at, left);
		if (step == 0)
			return false;
		at += step;
		left -= step;
	}
	return true;
}
