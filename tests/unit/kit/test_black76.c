#include "captured.h"
#include "unit.h"
#include <feedloom/kit.h>
#include <math.h>
#include <string.h>

/* Within the last digit that was published, or within a share of the value (the iv is rounded too).
 */
static void assert_close(double found, double expected, double most)
{
	if (!(fabs(found - expected) <= most))
		fail_msg("%.17g is not %.17g", found, expected);
}

static void assert_near(
	const char *name, const char *what, double ours, double theirs, double rounding, double share)
{
	if (!(fabs(ours - theirs) <= rounding + share * fabs(theirs)))
		fail_msg("%s: %s is %.8f, published %.8f", name, what, ours, theirs);
}

static double number(yyjson_val *object, const char *key)
{
	return yyjson_get_num(yyjson_obj_get(object, key));
}

static void check_ticker(yyjson_val *root, void *checked)
{
	yyjson_val *parameters = yyjson_obj_get(root, "params"),
			   *data = yyjson_obj_get(parameters, "data");
	yyjson_val *theirs = yyjson_obj_get(data, "greeks");
	const char *name = yyjson_get_str(yyjson_obj_get(data, "instrument_name"));
	double forward = number(data, "underlying_price"), days, theta;
	struct fl_symbol symbol;
	struct fl_black76 ours;

	if (theirs == NULL)
		return; /* an answer, or a book */
	assert_int_equal(fl_symbol_deribit(name, strlen(name), &symbol), 0);
	days = ((double)symbol.expiry_ns / 1e6 - number(data, "timestamp")) / 86400000;
	fl_black76(symbol.option_type == FL_CALL, forward, symbol.strike, number(data, "mark_iv") / 100,
		days / 365, 0, &ours);
	assert_near(name, "delta", ours.delta, number(theirs, "delta"), 0.6e-5, 0.0012);
	assert_near(name, "gamma", ours.gamma, number(theirs, "gamma"), 0.6e-5, 0.0012);
	assert_near(name, "vega", ours.vega, number(theirs, "vega"), 1e-5, 0.0012);
	assert_near(name, "rho", ours.rho, number(theirs, "rho"), 0.6e-5, 0.0012);
	assert_near(
		name, "mark price", ours.price / forward, number(data, "mark_price"), 0.6e-6, 0.005);
	/* Far in the money theta, like the price's tail, feels the rounding of iv and forward most. */
	ours.price = number(data, "mark_price") * forward;
	theta = fl_theta_deribit(&ours, days);
	assert_near(name, "theta", theta, number(theirs, "theta"),
		theta == -ours.price ? 0.6e-6 * forward : 0.6e-5, 0.006);
	++*(int *)checked;
}

static void captured_tickers_are_reproduced(void **state)
{
	static const char *const files[] = { "cryptofeed_2021-04-05", "cryptofeed_2021-04-17",
		"cryptofeed_2021-07-22" };
	int checked = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[512];

		snprintf(
			path, sizeof(path), "%s/deribit/ws/%s_options_raw.wire.ndjson", CAPTURES, files[i]);
		if (captured_lines(path, check_ticker, &checked) < 0) {
			print_message("skipped: there is no %s\n", path);
			skip();
		}
	}
	assert_int_equal(checked, 454);
}

static void a_textbook_example_is_reproduced(void **state)
{
	struct fl_black76 out;

	(void)state;
	/* Hull's example: a European option on a future, F = K = 20, 9 %, 25 %, four months. */
	fl_black76(false, 20, 20, 0.25, 4 / 12.0, 0.09, &out);
	assert_close(out.price, 1.1166, 1e-4);
}

/* Greeks are slopes: compare with differences of the price. */
static void greeks_are_slopes_of_the_price(void **state)
{
	(void)state;
	for (int i = 0; i < 54; i++) {
		bool is_call = i % 2 == 0;
		double strike = 60000 + 20000 * (i / 2 % 3), iv = 0.3 + 0.4 * (i / 6 % 3),
			   years = i / 18 == 0 ? 0.02
			: i / 18 == 1          ? 0.3
								   : 1.5;
		double f = 80000, r = 0.04, h = 1e-4;
		struct fl_black76 at, up, down;

		fl_black76(is_call, f, strike, iv, years, r, &at);
		fl_black76(is_call, f * (1 + h), strike, iv, years, r, &up);
		fl_black76(is_call, f * (1 - h), strike, iv, years, r, &down);
		assert_close(at.delta, (up.price - down.price) / (2 * f * h), 1e-5);
		assert_close(at.gamma * f, (up.delta - down.delta) / (2 * h), 1e-3);
		fl_black76(is_call, f, strike, iv + h, years, r, &up);
		fl_black76(is_call, f, strike, iv - h, years, r, &down);
		assert_close(at.vega, (up.price - down.price) / (2 * h) / 100, 1e-3);
		fl_black76(is_call, f, strike, iv, years * (1 - h), r, &up);
		fl_black76(is_call, f, strike, iv, years * (1 + h), r, &down);
		assert_close(at.theta, (up.price - down.price) / (2 * years * h) / 365, 1e-2);
		/* rho holds the spot: the forward grows with the rate. */
		fl_black76(is_call, f * exp(h * years), strike, iv, years, r + h, &up);
		fl_black76(is_call, f * exp(-h * years), strike, iv, years, r - h, &down);
		assert_close(at.rho, (up.price - down.price) / (2 * h) / 100, 1e-2);
	}
}

static void the_edges_are_what_they_should_be(void **state)
{
	struct fl_black76 out;

	(void)state;
	fl_black76(true, 110, 100, 0.5, 0, 0, &out);
	assert_true(out.price == 10 && out.delta == 1 && out.gamma == 0 && out.theta == 0);
	fl_black76(false, 110, 100, 0.5, -1, 0, &out);
	assert_true(out.price == 0 && out.delta == 0 && out.vega == 0);
	fl_black76(false, 90, 100, 0, 1, 0, &out);
	assert_true(out.price == 10 && out.delta == -1);
	fl_black76(true, NAN, 100, 0.5, 1, 0, &out);
	assert_true(isnan(out.price) && isnan(out.rho));
	fl_black76(true, 100, 100, NAN, 1, 0, &out);
	assert_true(isnan(out.price));
	assert_true(isnan(fl_theta_deribit(&out, 3)));
	fl_black76(true, 100, -100, 0.5, 1, 0, &out);
	assert_true(isnan(out.delta));
	out = (struct fl_black76){ .price = 1, .theta = -8 };
	assert_true(fl_theta_deribit(&out, 30) == -1);
	assert_true(fl_theta_deribit(&out, 0.0625) == -0.5);
	assert_true(fl_theta_deribit(&out, 0) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(captured_tickers_are_reproduced),
		cmocka_unit_test(a_textbook_example_is_reproduced),
		cmocka_unit_test(greeks_are_slopes_of_the_price),
		cmocka_unit_test(the_edges_are_what_they_should_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
