#include "unit.h"
#include <feedloom/kit.h>
#include <string.h>

/* What Unicode says, written the other way round: encode, then compare. */
static size_t encode(uint32_t code, char *out)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xC0 | code >> 6);
		out[1] = (char)(0x80 | (code & 63));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xE0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 63));
		out[2] = (char)(0x80 | (code & 63));
		return 3;
	}
	out[0] = (char)(0xF0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 63));
	out[2] = (char)(0x80 | (code >> 6 & 63));
	out[3] = (char)(0x80 | (code & 63));
	return 4;
}

static void every_code_point_but_surrogates_is_valid(void **state)
{
	char text[16] = "abcdefgh";

	(void)state;
	for (uint32_t code = 0; code < 0x1FFFFF; code++) {
		size_t length = 3 + encode(code, text + 3);
		bool expected = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);

		assert_int_equal(fl_utf8_valid(text, length), expected);
		if (length > 4)
			assert_false(fl_utf8_valid(text, length - 1)); /* torn */
	}
}

static void malformed_sequences_are_not(void **state)
{
	static const char *const bad[] = { "\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF",
		"\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "\xFF", "\xE2\x82",
		"\xE2(\xAC", "12345678\x80", "1234567\xE2\x82\xAC\xAC" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(fl_utf8_valid(bad[i], strlen(bad[i])));
	assert_true(fl_utf8_valid("", 0));
	assert_true(fl_utf8_valid("1234567\xE2\x82\xAC and on", 17));
	assert_true(fl_utf8_valid("\0\0", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point_but_surrogates_is_valid),
		cmocka_unit_test(malformed_sequences_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
