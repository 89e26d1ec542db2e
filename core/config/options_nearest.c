/* options_nearest.c: "did you mean": the edit distance between names. */
#include "options.h"
#include <string.h>

enum { MAX_BYTES = 48 };

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned smaller = a < b ? a : b;

	return smaller < c ? smaller : c;
}

/* Insertions, removals, replacements and swapped neighbours; case does not count. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned rows[3][MAX_BYTES + 1];
	unsigned *before = rows[0], *previous = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_length; j++)
		previous[j] = (unsigned)j;
	for (size_t i = 1; i <= a_length; i++) {
		unsigned *oldest = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_length; j++) {
			unsigned cost = lower(a[i - 1]) != lower(b[j - 1]);

			row[j] = least(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + cost);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
				lower(a[i - 2]) == lower(b[j - 1]) && before[j - 2] + cost < row[j])
				row[j] = before[j - 2] + cost;
		}
		before = previous;
		previous = row;
		row = oldest;
	}
	return previous[b_length];
}

const char *options_nearest(const char *text, const char *const *names)
{
	size_t length = strlen(text);
	const char *nearest = NULL;
	unsigned best = (unsigned)(length < 4 ? 1 : length / 3) + 1;

	if (length > MAX_BYTES)
		return NULL;
	for (size_t i = 0; names[i] != NULL; i++) {
		size_t other = strlen(names[i]);
		unsigned now = other > MAX_BYTES ? best : distance(text, length, names[i], other);

		if (now < best) {
			best = now;
			nearest = names[i];
		}
	}
	return nearest;
}
