#include "buf.h"
#include "unit.h"

#include <string.h>

static void what_goes_in_comes_out(void **state)
{
	struct buf buf;
	char expected[3000];

	(void)state;
	buf_init(&buf, 0);
	assert_int_equal(buf_length(&buf), 0);
	assert_string_equal(buf_string(&buf), "");
	for (size_t i = 0; i < sizeof(expected); i++) {
		expected[i] = (char)('a' + i % 26);
		assert_int_equal(buf_append(&buf, &expected[i], 1), 0);
	}
	assert_int_equal(buf_length(&buf), sizeof(expected));
	assert_memory_equal(buf_bytes(&buf), expected, sizeof(expected));
	buf_consume(&buf, 1000);
	assert_memory_equal(buf_bytes(&buf), expected + 1000, sizeof(expected) - 1000);
	buf_consume(&buf, 999999);
	assert_int_equal(buf_length(&buf), 0);
	buf_finish(&buf);
}

static void a_stream_through_it_does_not_grow_it(void **state)
{
	struct buf buf;
	unsigned char in = 0, out = 0, chunk[100];

	(void)state;
	buf_init(&buf, 0);
	for (int i = 0; i < 10000; i++) {
		for (size_t k = 0; k < sizeof(chunk); k++)
			chunk[k] = in++;
		buf_append(&buf, chunk, sizeof(chunk));
		if (i == 0)
			continue; /* one chunk always stays behind */
		for (size_t k = 0; k < sizeof(chunk); k++)
			assert_int_equal((unsigned char)buf_bytes(&buf)[k], out++);
		buf_consume(&buf, sizeof(chunk));
	}
	assert_true(buf.size <= 1024);
	buf_finish(&buf);
}

static void limit_takes_all_or_nothing(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 10);
	assert_int_equal(buf_append(&buf, "12345678", 8), 0);
	assert_int_equal(buf_append(&buf, "abc", 3), -ENOBUFS);
	assert_true(buf.failed);
	assert_int_equal(buf_append(&buf, "ab", 2), 0);
	assert_int_equal(buf_printf(&buf, "%d", 1), -ENOBUFS);
	assert_null(buf_reserve(&buf, 1));
	assert_string_equal(buf_string(&buf), "12345678ab");
	buf_consume(&buf, 4); /* what is gone does not count */
	assert_int_equal(buf_printf(&buf, "%d", 4321), 0);
	assert_string_equal(buf_string(&buf), "5678ab4321");
	assert_true(buf.failed);
	buf_clear(&buf, 0);
	assert_false(buf.failed);
	assert_int_equal(buf.size, 0);
	assert_int_equal(buf_append(&buf, buf_string(&buf), SIZE_MAX - 3), -ENOBUFS);
	buf_finish(&buf);
}

static void print_fits_at_every_fill(void **state)
{
	struct buf buf;

	(void)state;
	for (size_t fill = 240; fill < 270; fill++) {
		buf_init(&buf, 0);
		memset(buf_reserve(&buf, fill), 'x', fill);
		buf_grew(&buf, fill);
		assert_int_equal(buf_printf(&buf, "%s-%d", "some text", 42), 0);
		assert_int_equal(buf_length(&buf), fill + 12);
		assert_string_equal(buf_string(&buf) + fill, "some text-42");
		buf_finish(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(a_stream_through_it_does_not_grow_it),
		cmocka_unit_test(limit_takes_all_or_nothing),
		cmocka_unit_test(print_fits_at_every_fill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
