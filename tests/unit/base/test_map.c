#include "map.h"
#include "unit.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

static void keys_are_bytes(void **state)
{
	struct map *map = map_create();
	int a, b, c;

	(void)state;
	assert_null(map_get(map, "x", 1));
	assert_int_equal(map_set(map, "", 0, &a), 0);
	assert_int_equal(map_set(map, "a\0b", 3, &b), 0);
	assert_int_equal(map_set(map, "BTC-27DEC24-100000-C", 20, &c), 0);
	assert_ptr_equal(map_get(map, "", 0), &a);
	assert_ptr_equal(map_get(map, "a\0b", 3), &b);
	assert_null(map_get(map, "a\0c", 3));
	assert_ptr_equal(map_get(map, "BTC-27DEC24-100000-C", 20), &c);
	assert_null(map_get(map, "BTC-27DEC24-100000-P", 20));
	assert_int_equal(map_set(map, "", 0, &c), 0);
	assert_ptr_equal(map_get(map, "", 0), &c);
	assert_int_equal(map_count(map), 3);
	map_destroy(map);
	map_destroy(NULL);
}

/* Against a plain array that says what is in it. */
static void many_numbers_come_and_go(void **state)
{
	enum { COUNT = 5000 };
	static char values[COUNT], held[COUNT];
	struct map *map = map_create();
	uint64_t random = 1;
	size_t count = 0;

	(void)state;
	for (int step = 0; step < 200000; step++) {
		size_t key;

		random = random * 6364136223846793005U + 1442695040888963407U;
		key = (random >> 33) % COUNT;
		if ((random >> 20) % 3 == 0) {
			assert_ptr_equal(map_remove_number(map, key), held[key] ? &values[key] : NULL);
			count -= held[key] ? 1 : 0;
			held[key] = 0;
		} else {
			assert_int_equal(map_set_number(map, key, &values[key]), 0);
			count += held[key] ? 0 : 1;
			held[key] = 1;
		}
		assert_int_equal(map_count(map), count);
	}
	for (size_t key = 0; key < COUNT; key++)
		assert_ptr_equal(map_get_number(map, key), held[key] ? &values[key] : NULL);
	map_destroy(map);
}

static void walks_in_the_order_of_insertion(void **state)
{
	struct map *map = map_create();
	static char values[1000];
	size_t at = 0, length, expected = 0;
	const void *key;
	char name[16], *value;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int n = snprintf(name, sizeof(name), "instrument-%d", i);

		map_set(map, name, (size_t)n, &values[i]);
	}
	map_set(map, "instrument-0", 12, &values[0]); /* replacing does not move it */
	while ((value = map_next(map, &at, &key, &length)) != NULL) {
		int n = snprintf(name, sizeof(name), "instrument-%zu", expected);

		assert_int_equal(length, n);
		assert_memory_equal(key, name, length);
		assert_ptr_equal(value, &values[expected++]);
		if (expected % 2 == 0)
			assert_ptr_equal(map_remove(map, name, length), value);
	}
	assert_int_equal(expected, 1000);
	assert_int_equal(map_count(map), 500);
	map_destroy(map);
}

/* Timers, requests: few at a time, many over a life. */
static void a_queue_through_it_does_not_grow_it(void **state)
{
	struct map *map = map_create();
	struct mallinfo2 at_first, at_last;
	int value;

	(void)state;
	for (uint64_t i = 0; i < 500000; i++) {
		assert_int_equal(map_set_number(map, i, &value), 0);
		if (i >= 10)
			assert_ptr_equal(map_remove_number(map, i - 10), &value);
		if (i == 1000)
			at_first = mallinfo2();
	}
	at_last = mallinfo2(); /* says nothing under sanitizers */
	assert_true(at_last.uordblks < at_first.uordblks + 10000);
	map_destroy(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_bytes),
		cmocka_unit_test(many_numbers_come_and_go),
		cmocka_unit_test(walks_in_the_order_of_insertion),
		cmocka_unit_test(a_queue_through_it_does_not_grow_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
