/* test_universe.c: what is listed. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "names.h"
#include "universe.h"

#define NOW_MS INT64_C(1795231800000) /* 2026-11-21T03:30:00Z, a Saturday */
#define DAY_MS INT64_C(86400000)

#define EIGHT_MS INT64_C(28800000)

static const struct universe_options usual = {
	.seed = 1, .options = { 728, 820 }, .futures = 8, .expiry_ms_of_day = EIGHT_MS
};

static void the_same_seed_lists_the_same(void **state)
{
	struct universe_options other = usual;
	struct universe a, b, c;

	(void)state;
	other.seed = 2;
	assert_int_equal(universe_init(&a, &usual, NOW_MS), 0);
	assert_int_equal(universe_init(&b, &usual, NOW_MS), 0);
	assert_int_equal(universe_init(&c, &other, NOW_MS), 0);
	assert_int_equal(a.count, b.count);
	for (uint32_t i = 0; i < a.count; i++) {
		assert_string_equal(a.instruments[i].name, b.instruments[i].name);
		assert_int_equal(a.instruments[i].creation_ms, b.instruments[i].creation_ms);
	}
	assert_true(a.currencies[0].spot != c.currencies[0].spot);
	universe_finish(&a);
	universe_finish(&b);
	universe_finish(&c);
}

static void counts_are_as_asked(void **state)
{
	static const struct universe_options cases[] = { { 1, { 728, 820 }, 8, EIGHT_MS },
		{ 5, { 21, 0 }, 0, EIGHT_MS }, { 9, { 1, 4 }, 17, EIGHT_MS }, { 4, { 0, 0 }, 1, EIGHT_MS },
		{ 8, { 5000, 20 }, 2, EIGHT_MS } };
	struct universe universe;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t options[CURRENCIES] = { 0 };

		assert_int_equal(universe_init(&universe, &cases[i], NOW_MS), 0);
		for (uint32_t n = 0; n < universe.count; n++)
			options[universe.instruments[n].currency] +=
				universe.instruments[n].kind == FL_KIND_OPTION;
		assert_int_equal(options[0], cases[i].options[0]);
		assert_int_equal(options[1], cases[i].options[1]);
		universe_finish(&universe);
	}
}

static void every_name_says_what_it_is_and_none_is_there_twice(void **state)
{
	struct universe universe;
	struct names names = { 0 };

	(void)state;
	assert_int_equal(universe_init(&universe, &usual, NOW_MS), 0);
	assert_int_equal(universe.count, 728 + 820 + 16);
	for (uint32_t i = 0; i < universe.count; i++) {
		const struct sim_instrument *instrument = &universe.instruments[i];
		struct fl_symbol symbol;

		assert_int_equal(fl_symbol_deribit(instrument->name, instrument->name_length, &symbol), 0);
		assert_int_equal(symbol.kind, instrument->kind);
		assert_int_equal(symbol.option_type, instrument->option_type);
		assert_string_equal(symbol.underlying, instrument->currency == 0 ? "BTC" : "ETH");
		if (instrument->kind == FL_KIND_OPTION)
			assert_true(symbol.strike == instrument->strike);
		if (instrument->kind != FL_KIND_PERPETUAL)
			assert_int_equal(symbol.expiry_ns / FL_MS, instrument->expiry_ms);
		assert_true(instrument->creation_ms < NOW_MS);
		assert_int_equal(names_find(&names, instrument->name, instrument->name_length), -ENOENT);
		assert_int_equal(names_add(&names, instrument->name, instrument->name_length, i), 0);
	}
	names_finish(&names);
	universe_finish(&universe);
}

static bool is_friday(int64_t ms)
{
	return (ms / DAY_MS + 4) % 7 == 5; /* 1970-01-01 was a Thursday */
}

static void expiries_come_in_the_venues_families(void **state)
{
	static const int64_t nows[] = { NOW_MS, NOW_MS + 4 * 3600000 + 1800000 /* 08:00 sharp */,
		INT64_C(1798700000000) /* the year's last days */, INT64_C(1772000000000) };
	struct universe universe;

	(void)state;
	for (size_t n = 0; n < sizeof(nows) / sizeof(*nows); n++) {
		int days = 0, weeks = 0, months = 0, quarters = 0;
		const struct sim_currency *btc = &universe.currencies[0];

		assert_int_equal(universe_init(&universe, &usual, nows[n]), 0);
		assert_in_range(btc->expiry_count, 8, 13);
		for (int i = 0; i < btc->expiry_count; i++) {
			const struct sim_expiry *expiry = &btc->expiries[i];

			assert_int_equal(expiry->ms % DAY_MS, EIGHT_MS);
			assert_true(expiry->ms > nows[n]);
			assert_true(i == 0 || expiry->ms > expiry[-1].ms);
			days += i < 3 && expiry->ms <= nows[n] + 3 * DAY_MS;
			weeks += strcmp(expiry->period, "week") == 0;
			months += strcmp(expiry->period, "month") == 0;
			quarters += expiry->is_quarterly;
			if (strcmp(expiry->period, "day") != 0)
				assert_true(is_friday(expiry->ms));
		}
		assert_int_equal(days, 3);
		assert_in_range(weeks, 1, 3);
		assert_in_range(months, 4, 7);
		assert_int_equal(quarters, 4);
		assert_int_equal(
			memcmp(btc->expiries, universe.currencies[1].expiries, sizeof(btc->expiries[0].ms)), 0);
		universe_finish(&universe);
	}
}

static void options_know_their_underlying(void **state)
{
	struct universe universe;
	int synthetic = 0, listed = 0;

	(void)state;
	assert_int_equal(universe_init(&universe, &usual, NOW_MS), 0);
	for (uint32_t i = 0; i < universe.count; i++) {
		const char *underlying = universe.instruments[i].underlying_index;

		if (universe.instruments[i].kind != FL_KIND_OPTION)
			continue;
		if (strncmp(underlying, "SYN.", 4) == 0) {
			synthetic++;
			continue;
		}
		listed++;
		for (uint32_t n = 0;; n++) {
			assert_true(n < universe.count);
			if (strcmp(universe.instruments[n].name, underlying) == 0)
				break;
		}
	}
	assert_true(synthetic > 0 && listed > 0);
	universe_finish(&universe);
}

static void they_expire_at_the_hour_that_is_asked(void **state)
{
	const double spots[CURRENCIES] = { 90000, 3100 };
	struct universe_options options = usual;

	(void)state;
	for (int64_t hour = 0; hour < 24; hour++) {
		struct universe universe;
		int64_t first_ms;

		options.expiry_ms_of_day = hour * 3600000;
		assert_int_equal(universe_init(&universe, &options, NOW_MS), 0);
		first_ms = universe.currencies[0].expiries[0].ms;
		assert_int_equal(first_ms % DAY_MS, options.expiry_ms_of_day);
		assert_true(first_ms > NOW_MS && first_ms <= NOW_MS + DAY_MS);
		assert_int_equal(universe_roll(&universe, first_ms - 1, spots), 0);
		assert_true(universe_roll(&universe, first_ms, spots) > 0);
		assert_int_equal(universe.currencies[0].expiries[0].ms, first_ms + DAY_MS);
		universe_finish(&universe);
	}
	options.expiry_ms_of_day = DAY_MS;
	assert_int_equal(universe_init(&(struct universe){ 0 }, &options, NOW_MS), -EINVAL);
}

static int count_expiring(const struct universe *universe, int64_t ms)
{
	int count = 0;

	for (uint32_t i = 0; i < universe->count; i++)
		count += universe->instruments[i].expiry_ms == ms;
	return count;
}

/* A year of eight o'clocks: each day's list is what a venue opened on that day would have. */
static void the_calendar_goes_on(void **state)
{
	const double spots[CURRENCIES] = { 90000, 3100 };
	struct universe universe, anew;
	int days = 0;
	int64_t now_ms = NOW_MS / DAY_MS * DAY_MS + EIGHT_MS;

	(void)state;
	assert_int_equal(universe_init(&universe, &usual, now_ms - 1), 0);
	for (int day = 0; day < 366; day++, now_ms += DAY_MS) {
		uint32_t before = universe.count;
		int64_t added = universe_roll(&universe, now_ms, spots);

		assert_true(added >= 0); /* none where a week's last day is listed already */
		days += added > 0;
		assert_int_equal(universe.count, before + added);
		assert_int_equal(universe_init(&anew, &usual, now_ms), 0);
		assert_int_equal(universe.currencies[1].expiry_count, anew.currencies[1].expiry_count);
		for (int i = 0; i < anew.currencies[0].expiry_count; i++) {
			assert_int_equal(
				universe.currencies[0].expiries[i].ms, anew.currencies[0].expiries[i].ms);
			assert_true(count_expiring(&universe, anew.currencies[0].expiries[i].ms) >= 4);
		}
		universe_finish(&anew);
		assert_int_equal(universe_roll(&universe, now_ms, spots), 0); /* once */
	}
	assert_true(days > 300);
	universe_finish(&universe);
}

static void a_strike_is_added_at_an_end(void **state)
{
	struct universe universe;
	double most = 0;

	(void)state;
	assert_int_equal(universe_init(&universe, &usual, NOW_MS), 0);
	for (uint32_t i = 0; i < universe.count; i++)
		if (universe.instruments[i].kind == FL_KIND_OPTION &&
			universe.instruments[i].currency == 0 &&
			universe.instruments[i].expiry_ms == universe.currencies[0].expiries[2].ms)
			most = universe.instruments[i].strike > most ? universe.instruments[i].strike : most;
	assert_int_equal(universe_extend(&universe, 0, 2, most, NOW_MS), 2);
	for (uint32_t i = universe.count - 2; i < universe.count; i++) {
		assert_true(universe.instruments[i].strike > most);
		assert_int_equal(
			universe.instruments[i].option_type, i == universe.count - 2 ? FL_CALL : FL_PUT);
	}
	universe_finish(&universe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_lists_the_same),
		cmocka_unit_test(counts_are_as_asked),
		cmocka_unit_test(every_name_says_what_it_is_and_none_is_there_twice),
		cmocka_unit_test(expiries_come_in_the_venues_families),
		cmocka_unit_test(options_know_their_underlying),
		cmocka_unit_test(they_expire_at_the_hour_that_is_asked),
		cmocka_unit_test(the_calendar_goes_on),
		cmocka_unit_test(a_strike_is_added_at_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
