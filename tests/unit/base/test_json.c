#include "json.h"
#include "unit.h"

#include <math.h>
#include <string.h>
#include <yyjson.h>

static void writes_what_a_reader_reads(void **state)
{
	struct buf buf;
	struct json json;

	(void)state;
	buf_init(&buf, 0);
	json_init(&json, &buf);
	json_open(&json, NULL, '{');
	json_text(&json, "name", "BTC-27DEC24-100000-C");
	json_text(&json, "none", NULL);
	json_open(&json, "empty", '[');
	json_close(&json, ']');
	json_open(&json, "list", '[');
	json_int(&json, NULL, -9007199254740993);
	json_real(&json, NULL, 0.0001);
	json_real(&json, NULL, NAN);
	json_bool(&json, NULL, true);
	json_open(&json, NULL, '{');
	json_close(&json, '}');
	json_null(&json, NULL);
	json_close(&json, ']');
	json_time(&json, "at", 1735286400123456789);
	json_time(&json, "never", 0);
	json_raw(&json, "raw", "{\"a\":1}", 7);
	json_close(&json, '}');
	assert_string_equal(buf_string(&buf),
		"{\"name\":\"BTC-27DEC24-100000-C\",\"none\":null,\"empty\":[],"
		"\"list\":[-9007199254740993,0.0001,null,true,{},null],"
		"\"at\":\"2024-12-27T08:00:00.123Z\",\"never\":null,\"raw\":{\"a\":1}}");
	buf_finish(&buf);
}

/* Each text, alone in an array, must come back from yyjson as `expected`. */
static void assert_survives(
	const char *text, size_t length, const char *expected, size_t expected_length)
{
	struct buf buf;
	struct json json;
	yyjson_doc *document;
	yyjson_val *value;

	buf_init(&buf, 0);
	json_init(&json, &buf);
	json_open(&json, NULL, '[');
	json_text_n(&json, NULL, text, length);
	json_close(&json, ']');
	document = yyjson_read(buf_bytes(&buf), buf_length(&buf), 0);
	assert_non_null(document);
	value = yyjson_arr_get_first(yyjson_doc_get_root(document));
	assert_int_equal(yyjson_get_len(value), expected_length);
	assert_memory_equal(yyjson_get_str(value), expected, expected_length);
	yyjson_doc_free(document);
	buf_finish(&buf);
}

static void every_byte_is_escaped_or_replaced(void **state)
{
	static const char hard[] = "\"\\/\b\f\n\r\t\x01\x1f\x7f <>& \xE2\x82\xAC \xF0\x9F\x98\x80";

	(void)state;
	assert_survives(hard, sizeof(hard) - 1, hard, sizeof(hard) - 1);
	for (int c = 0; c < 256; c++) {
		char text[3] = { 'a', (char)c, 'b' };

		if (c < 0x80)
			assert_survives(text, 3, text, 3);
		else
			assert_survives(text, 3,
				"a\xEF\xBF\xBD"
				"b",
				5);
	}
	assert_survives("\xE2\x82", 2, "\xEF\xBF\xBD\xEF\xBF\xBD", 6); /* torn at the end */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_what_a_reader_reads),
		cmocka_unit_test(every_byte_is_escaped_or_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
