/* utf8: the same verdict as of a plain decoder, at every alignment. */
#include "fuzz.h"

#include <feedloom/kit.h>

/* Letter by letter, by what the letter's value then is. */
static bool is_valid(const uint8_t *text, size_t length)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };

	while (length > 0) {
		size_t more = text[0] < 0x80 ? 0
			: text[0] >> 5 == 6      ? 1
			: text[0] >> 4 == 14     ? 2
			: text[0] >> 3 == 30     ? 3
									 : SIZE_MAX;
		uint32_t value;

		if (more == SIZE_MAX || more >= length)
			return false;
		value = more == 0 ? text[0] : text[0] & (0x3fU >> more);
		for (size_t i = 1; i <= more; i++) {
			if (text[i] >> 6 != 2)
				return false;
			value = value << 6 | (text[i] & 0x3fU);
		}
		if (value < least[more] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
			return false;
		text += more + 1;
		length -= more + 1;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t skip = 0; skip < 8 && skip <= size; skip++) {
		char *copy = fuzz_copy(data + skip, size - skip);

		CHECK(fl_utf8_valid(copy, size - skip) == is_valid(data + skip, size - skip));
		free(copy);
	}
	return 0;
}
