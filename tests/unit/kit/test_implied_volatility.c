#include "unit.h"
#include <feedloom/kit.h>
#include <float.h>
#include <math.h>

static void assert_close(double found, double expected, double most)
{
	if (!(fabs(found - expected) <= most))
		fail_msg("%.17g is not %.17g", found, expected);
}

/*
 * A price is a difference of two numbers that are known to one part in 2^53, and far out less well,
 * by the square of the distance: it can only give so much of the iv as vega makes of that.
 */
static double attainable(
	const struct fl_black76 *at, double iv, double forward, double strike, double years)
{
	double distance = log(forward / strike) / (iv * sqrt(years));
	double terms = 2 * forward * fabs(at->delta) + at->price;
	double error = 8 * DBL_EPSILON * terms * (1 + distance * distance);

	return 1e-12 + error / (at->vega * 100 * iv);
}

static void the_iv_of_a_price_is_found(void **state)
{
	int found = 0;

	(void)state;
	for (double moneyness = 0.05; moneyness < 20; moneyness *= 1.17)
		for (double years = 1e-4; years < 5; years *= 2.3)
			for (double iv = 0.01; iv < 8; iv *= 1.4)
				for (int is_call = 0; is_call < 2; is_call++) {
					double forward = 83456.7, strike = forward * moneyness, back;
					struct fl_black76 at;

					fl_black76(is_call, forward, strike, iv, years, 0.03, &at);
					/* In the money the rest of the price must be seen at all. */
					if (!(at.price > 1e-290) || !(at.vega > 0) ||
						attainable(&at, iv, forward, strike, years) > 1e-3)
						continue;
					back = fl_implied_volatility(is_call, at.price, forward, strike, years, 0.03);
					if (!(fabs(back / iv - 1) <= attainable(&at, iv, forward, strike, years)))
						fail_msg("%s %.17g of %.17g, %.17g years: %.17g, not %.17g",
							is_call ? "call" : "put", strike, forward, years, back, iv);
					found++;
				}
	assert_true(found > 5000);
}

/* Out of the money nothing is hidden: the full promise, down to prices of 1e-300. */
static void out_of_the_money_it_is_exact(void **state)
{
	(void)state;
	for (double moneyness = 1.001; moneyness < 30; moneyness *= 1.3)
		for (double iv = 0.05; iv < 3; iv *= 1.25) {
			struct fl_black76 at;
			double back;

			fl_black76(true, 100, 100 * moneyness, iv, 0.25, 0, &at);
			if (at.price < 1e-250)
				continue;
			back = fl_implied_volatility(true, at.price, 100, 100 * moneyness, 0.25, 0);
			/* The price's own error: it is a difference of two numbers that are nearly the same. */
			assert_true(fabs(back / iv - 1) < 1e-12 +
					4e-16 / (at.vega * 100 * iv / at.price) *
						(1 + log(moneyness) / (iv * iv * 0.25)));
		}
}

static void the_forward_itself_is_no_exception(void **state)
{
	struct fl_black76 at;

	(void)state;
	for (double iv = 1e-6; iv < 30; iv *= 3) {
		fl_black76(true, 50000, 50000, iv, 0.1, 0, &at);
		assert_close(fl_implied_volatility(true, at.price, 50000, 50000, 0.1, 0) / iv, 1,
			iv < 1e-3 ? 1e-8 : 1e-11);
	}
}

static void what_no_iv_gives_is_nan(void **state)
{
	(void)state;
	assert_true(isnan(fl_implied_volatility(true, 0, 100, 120, 1, 0)));
	assert_true(isnan(fl_implied_volatility(true, -1, 100, 120, 1, 0)));
	assert_true(isnan(fl_implied_volatility(true, 100, 100, 120, 1, 0))); /* worth the forward */
	assert_true(isnan(fl_implied_volatility(true, 150, 100, 120, 1, 0)));
	assert_true(isnan(fl_implied_volatility(false, 121, 100, 120, 1, 0)));
	assert_true(isnan(fl_implied_volatility(true, 19, 120, 100, 1, 0))); /* below what is inside */
	assert_true(isnan(fl_implied_volatility(true, 20, 120, 100, 1, 0)));
	assert_true(isnan(fl_implied_volatility(true, NAN, 100, 120, 1, 0)));
	assert_true(isnan(fl_implied_volatility(true, 1, NAN, 120, 1, 0)));
	assert_true(isnan(fl_implied_volatility(true, 1, 100, 0, 1, 0)));
	assert_true(isnan(fl_implied_volatility(true, 1, 100, 120, 0, 0)));
	assert_true(isnan(fl_implied_volatility(true, 1, 100, 120, 1, INFINITY)));
	assert_true(isnan(fl_implied_volatility(true, INFINITY, 100, 120, 1, 0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_iv_of_a_price_is_found),
		cmocka_unit_test(out_of_the_money_it_is_exact),
		cmocka_unit_test(the_forward_itself_is_no_exception),
		cmocka_unit_test(what_no_iv_gives_is_nan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
