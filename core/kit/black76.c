/*
 * black76.c: Black (1976): the value of an option on a forward, and its greeks.
 *
 * delta, gamma, vega and theta hold the forward. rho holds the spot, with the forward growing at
 * the rate, because that is what venues publish as rho.
 */
#include <feedloom/kit.h>
#include <math.h>

#define ROOT_HALF 0.70710678118654752440   /* 1 / sqrt(2) */
#define ROOT_TWO_PI 2.50662827463100050242 /* sqrt(2 pi) */
#define DAYS_A_YEAR 365.0

static double cumulative(double x)
{
	return 0.5 * erfc(-x * ROOT_HALF);
}

/* Nothing is left to move: the option is worth what it is in the money, and its delta is a step. */
static void at_expiry(
	double sign, double forward, double strike, double discount, struct fl_black76 *out)
{
	double inside = sign * (forward - strike);

	*out = (struct fl_black76){ 0 };
	if (inside > 0) {
		out->price = discount * inside;
		out->delta = discount * sign;
	}
}

void fl_black76(bool is_call, double forward, double strike, double iv, double years, double rate,
	struct fl_black76 *out)
{
	double sign = is_call ? 1 : -1, root, d1, d2, n1, n2, density, discount;

	if (!(forward > 0) || !(strike > 0) || !(iv >= 0) || isnan(years) || isnan(rate)) {
		*out = (struct fl_black76){ NAN, NAN, NAN, NAN, NAN, NAN };
		return;
	}
	if (years <= 0 || iv == 0) {
		at_expiry(sign, forward, strike, years > 0 ? exp(-rate * years) : 1, out);
		return;
	}
	root = sqrt(years);
	discount = exp(-rate * years);
	d1 = (log(forward / strike) + iv * iv * years / 2) / (iv * root);
	d2 = d1 - iv * root;
	n1 = cumulative(sign * d1);
	n2 = cumulative(sign * d2);
	density = exp(-d1 * d1 / 2) / ROOT_TWO_PI;
	out->price = discount * sign * (forward * n1 - strike * n2);
	out->delta = discount * sign * n1;
	out->gamma = discount * density / (forward * iv * root);
	out->vega = discount * forward * density * root / 100;
	out->theta = (rate * out->price - discount * forward * density * iv / (2 * root)) / DAYS_A_YEAR;
	out->rho = sign * strike * years * discount * n2 / 100;
}

double fl_theta_deribit(const struct fl_black76 *greeks, double days_to_expiry)
{
	double loss = fabs(greeks->theta) * (days_to_expiry < 1 ? days_to_expiry : 1);

	if (isnan(greeks->theta) || isnan(days_to_expiry))
		return NAN;
	if (loss > greeks->price)
		loss = greeks->price;
	return loss > 0 ? -loss : 0;
}
