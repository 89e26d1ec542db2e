/* test_surface.c: every published number follows from the ones beside it. */
#include "unit.h"

#include <math.h>

#include "surface.h"
#include "text.h"

#define NOW_MS INT64_C(1795231800000)

static const struct universe_options usual = {
	.seed = 1, .options = { 728, 820 }, .futures = 8, .expiry_ms_of_day = 28800000
};

static void near(double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance))
		fail_msg("%.9g is not %.9g", value, expected);
}

static void greeks_are_black_76_of_what_is_published(void **state)
{
	struct universe universe;
	struct surface surface;
	struct rng rng = { 1 };

	(void)state;
	assert_int_equal(universe_init(&universe, &usual, NOW_MS), 0);
	surface_init(&surface, &universe);
	surface_advance(&surface, 3600, &rng);
	for (uint32_t i = 0; i < universe.count; i++) {
		const struct sim_instrument *option = &universe.instruments[i];
		double years = (double)(option->expiry_ms - NOW_MS) / (365.0 * 86400000.0);
		struct fl_black76 greeks;
		struct sim_mark mark;

		if (option->kind != FL_KIND_OPTION)
			continue;
		surface_mark(&surface, option, NOW_MS, &mark);
		fl_black76(option->option_type == FL_CALL, mark.underlying_price, option->strike,
			mark.iv / 100, years, 0, &greeks);
		assert_in_range((int)mark.iv, 5, 250);
		near(mark.delta, greeks.delta, 0.5001e-5);
		near(mark.gamma, greeks.gamma, 0.5001e-5);
		near(mark.vega, greeks.vega, 0.5001e-5);
		near(mark.rho, greeks.rho, 0.5001e-5);
		near(mark.price, greeks.price / mark.underlying_price, 0.5001e-4);
		near(mark.theta, fl_theta_deribit(&greeks, years * 365), 0.5001e-5);
		assert_true(mark.theta <= 0);
	}
	universe_finish(&universe);
}

static void the_surface_moves_and_stays_sane(void **state)
{
	struct universe universe;
	struct surface surface;
	struct rng rng = { 5 };
	double before;

	(void)state;
	assert_int_equal(universe_init(&universe, &usual, NOW_MS), 0);
	surface_init(&surface, &universe);
	before = surface_index(&surface, 0);
	for (int i = 0; i < 24 * 360; i++)
		surface_advance(&surface, 10, &rng);
	assert_true(surface_index(&surface, 0) != before);
	assert_true(fabs(log(surface_index(&surface, 0) / before)) < 0.3);
	assert_true(surface.currencies[0].level > 0.2 && surface.currencies[0].level < 1);
	universe_finish(&universe);
}

static void at_expiry_everything_is_nought(void **state)
{
	struct universe universe;
	struct surface surface;
	struct sim_mark mark;

	(void)state;
	assert_int_equal(universe_init(&universe, &usual, NOW_MS), 0);
	surface_init(&surface, &universe);
	for (uint32_t i = 0; i < universe.count; i++) {
		if (universe.instruments[i].kind != FL_KIND_OPTION)
			continue;
		surface_mark(&surface, &universe.instruments[i], universe.instruments[i].expiry_ms, &mark);
		assert_true(mark.delta == 0 && mark.theta == 0 && mark.price == 0);
		assert_true(mark.index_price > 0);
	}
	universe_finish(&universe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(greeks_are_black_76_of_what_is_published),
		cmocka_unit_test(the_surface_moves_and_stays_sane),
		cmocka_unit_test(at_expiry_everything_is_nought),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
