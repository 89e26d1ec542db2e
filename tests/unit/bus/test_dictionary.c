#include "dictionary.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>

static void a_name_keeps_its_id(void **state)
{
	struct dictionary *dictionary = dictionary_create(1);
	uint16_t deribit = dictionary_venue(dictionary, "deribit");
	uint16_t ibkr = dictionary_venue(dictionary, "ibkr");
	uint32_t id = dictionary_instrument(dictionary, deribit, "BTC-PERPETUAL", 13);

	(void)state;
	assert_int_equal(id, 1);
	assert_int_equal(dictionary_instrument(dictionary, deribit, "BTC-PERPETUAL-not-read", 13), id);
	assert_int_equal(dictionary_find(dictionary, deribit, "BTC-PERPETUAL", 13), id);
	assert_int_equal(dictionary_find(dictionary, ibkr, "BTC-PERPETUAL", 13), 0);
	assert_int_not_equal(dictionary_instrument(dictionary, ibkr, "BTC-PERPETUAL", 13), id);
	assert_int_not_equal(dictionary_instrument(dictionary, deribit, "BTC-PERPETUA", 12), id);
	assert_string_equal(dictionary_instrument_name(dictionary, id), "BTC-PERPETUAL");
	assert_string_equal(dictionary_instrument_venue(dictionary, id), "deribit");
	assert_string_equal(dictionary_instrument_name(dictionary, 0), "");
	assert_string_equal(dictionary_instrument_name(dictionary, 99), "");
	assert_string_equal(dictionary_instrument_venue(dictionary, UINT32_MAX), "");
	dictionary_destroy(dictionary);
}

static void what_is_expected_is_what_is_found(void **state)
{
	struct dictionary *dictionary = dictionary_create(1);
	uint16_t venue = dictionary_venue(dictionary, "deribit");
	char name[65];

	(void)state;
	memset(name, 'a', sizeof(name));
	assert_int_equal(dictionary_expect(dictionary, venue, name, 1), 0);
	for (size_t length = 1; length <= 63; length++) /* all begin and end alike */
		assert_int_equal(dictionary_instrument(dictionary, venue, name, length), length);
	for (size_t length = 1; length <= 63; length++)
		assert_int_equal(dictionary_expect(dictionary, venue, name, length), length);
	assert_int_equal(dictionary_expect(dictionary, venue, name, 0), 0);
	assert_int_equal(dictionary_expect(dictionary, venue, name, 64), 0);
	assert_int_equal(dictionary_expect(dictionary, (uint16_t)(venue + 1), name, 1), 0);
	dictionary_destroy(dictionary);
}

static void bad_names_get_no_id(void **state)
{
	struct dictionary *dictionary = dictionary_create(1);
	uint16_t venue = dictionary_venue(dictionary, "deribit");
	char name[65];

	(void)state;
	memset(name, 'a', sizeof(name));
	assert_int_equal(dictionary_instrument(dictionary, venue, "", 0), 0);
	assert_int_equal(dictionary_instrument(dictionary, venue, name, 64), 0);
	assert_int_equal(dictionary_instrument(dictionary, venue, "a\nb", 3), 0);
	assert_int_equal(dictionary_instrument(dictionary, venue, "a\xc3\xa4", 3), 0);
	assert_int_equal(dictionary_instrument(dictionary, 0, "a", 1), 0);
	assert_int_equal(dictionary_instrument(dictionary, 99, "a", 1), 0);
	assert_int_equal(dictionary_refused(dictionary), 6);
	assert_int_not_equal(dictionary_instrument(dictionary, venue, name, 63), 0);
	assert_int_not_equal(dictionary_instrument(dictionary, venue, "AAPL  240119C00100000", 21), 0);
	dictionary_destroy(dictionary);
}

static void the_table_ends_at_a_million(void **state)
{
	struct dictionary *dictionary = dictionary_create(12345);
	uint16_t venue = dictionary_venue(dictionary, "deribit");
	char name[32];

	(void)state;
	for (uint32_t i = 1; i <= DICTIONARY_INSTRUMENT_MAX; i++) {
		int length = snprintf(name, sizeof(name), "BTC-%u-C", i);

		assert_int_equal(dictionary_instrument(dictionary, venue, name, (size_t)length), i);
	}
	assert_int_equal(dictionary_instrument(dictionary, venue, "ONE-MORE", 8), 0);
	assert_int_equal(dictionary_find(dictionary, venue, "BTC-777777-C", 12), 777777);
	assert_string_equal(dictionary_instrument_name(dictionary, 1000000), "BTC-1000000-C");
	dictionary_destroy(dictionary);
}

static void sources_have_a_name_and_a_venue(void **state)
{
	struct dictionary *dictionary = dictionary_create(1);
	uint16_t one = dictionary_source(dictionary, "deribit", "deribit");
	uint16_t two = dictionary_source(dictionary, "deribit-test", "deribit");
	uint16_t own = dictionary_source(dictionary, "feedloom", "");

	(void)state;
	assert_int_equal(one, 1);
	assert_int_equal(two, 2);
	assert_int_equal(own, 3);
	assert_int_equal(dictionary_source(dictionary, "deribit", "deribit"), one);
	assert_int_not_equal(dictionary_source(dictionary, "deribit", "other"), one);
	assert_string_equal(dictionary_source_name(dictionary, two), "deribit-test");
	assert_string_equal(dictionary_source_venue(dictionary, two), "deribit");
	assert_string_equal(dictionary_source_venue(dictionary, own), "");
	assert_string_equal(dictionary_source_name(dictionary, 0), "");
	assert_string_equal(dictionary_source_name(dictionary, 999), "");
	dictionary_destroy(dictionary);
}

static void what_is_restored_keeps_its_id_and_holes_are_filled(void **state)
{
	struct dictionary *dictionary = dictionary_create(1);
	uint16_t venue;

	(void)state;
	assert_int_equal(dictionary_restore_instrument(dictionary, 2, "deribit", 7, "B", 1), 0);
	assert_int_equal(dictionary_restore_instrument(dictionary, 2, "deribit", 7, "B", 1), 0);
	assert_int_equal(dictionary_restore_instrument(dictionary, 2, "deribit", 7, "C", 1), -EEXIST);
	assert_int_equal(dictionary_restore_instrument(dictionary, 3, "deribit", 7, "B", 1), -EEXIST);
	assert_int_equal(dictionary_restore_instrument(dictionary, 0, "deribit", 7, "D", 1), -EINVAL);
	assert_int_equal(
		dictionary_restore_instrument(dictionary, 1000001, "deribit", 7, "D", 1), -EINVAL);
	assert_int_equal(dictionary_restore_instrument(dictionary, 5, "", 0, "D", 1), -EINVAL);
	venue = dictionary_venue(dictionary, "deribit");
	assert_int_equal(dictionary_instrument(dictionary, venue, "A", 1), 1);
	assert_int_equal(dictionary_instrument(dictionary, venue, "C", 1), 3);
	assert_int_equal(dictionary_restore_source(dictionary, 4, "v", 1, "s", 1), 0);
	assert_int_equal(dictionary_restore_source(dictionary, 4, "v", 1, "t", 1), -EEXIST);
	assert_string_equal(dictionary_source_name(dictionary, 4), "s");
	assert_int_equal(dictionary_source(dictionary, "t", "v"), 1);
	dictionary_destroy(dictionary);
}

static void a_segment_names_an_id_once(void **state)
{
	struct dictionary *dictionary = dictionary_create(1);
	uint16_t venue = dictionary_venue(dictionary, "deribit");
	uint32_t id = dictionary_instrument(dictionary, venue, "A", 1);

	(void)state;
	assert_true(dictionary_must_name_instrument(dictionary, id, 1));
	assert_false(dictionary_must_name_instrument(dictionary, id, 1));
	assert_true(dictionary_must_name_instrument(dictionary, id, 2));
	assert_false(dictionary_must_name_instrument(dictionary, 0, 3));
	assert_false(dictionary_must_name_instrument(dictionary, 77, 3));
	dictionary_destroy(dictionary);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_keeps_its_id),
		cmocka_unit_test(what_is_expected_is_what_is_found),
		cmocka_unit_test(bad_names_get_no_id),
		cmocka_unit_test(the_table_ends_at_a_million),
		cmocka_unit_test(sources_have_a_name_and_a_venue),
		cmocka_unit_test(what_is_restored_keeps_its_id_and_holes_are_filled),
		cmocka_unit_test(a_segment_names_an_id_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
