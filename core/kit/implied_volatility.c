/*
 * implied_volatility.c: Black (1976) turned round.
 *
 * The problem is reduced to two numbers: x = -|ln(F/K)| and the undiscounted price of the option
 * that is out of the money (parity gives it), divided by sqrt(FK). What is sought is the volatility
 * over the whole time, s = iv sqrt(T). The price rises with s, so a bracket always holds the root;
 * Newton moves inside it, on a scale where the curve is nearly straight, and where a step would
 * leave the bracket the bracket is halved.
 */
#include <feedloom/kit.h>
#include <math.h>

#define ROOT_HALF 0.70710678118654752440   /* 1 / sqrt(2) */
#define ROOT_TWO_PI 2.50662827463100050242 /* sqrt(2 pi) */

enum { MOST_STEPS = 200 };

static double cumulative(double x)
{
	return 0.5 * erfc(-x * ROOT_HALF);
}

/* The normalised price of an option out of the money (x <= 0), and its slope. */
static double price_of(double x, double s, double *slope)
{
	double d1 = x / s + s / 2, d2 = x / s - s / 2;

	*slope = exp(x / 2 - d1 * d1 / 2) / ROOT_TWO_PI;
	if (x == 0)
		return erf(s / 2 * ROOT_HALF); /* the difference below, without cancellation */
	return exp(x / 2) * cumulative(d1) - exp(-x / 2) * cumulative(d2);
}

/*
 * Far out of the money a price is about exp(-x^2 / 2 s^2): 1 / sqrt(-2 ln price) is then nearly
 * proportional to s. Near its upper bound, price is exp(x/2) minus a tail that falls like
 * exp(-s^2/8).
 */
static double newton(double x, double s, double price, double slope, double target)
{
	double bound = exp(x / 2);

	if (price < 1e-300 || slope < 1e-300)
		return NAN; /* so small that digits are missing */
	if (target < bound * 0.1 && price < 0.5) {
		double now = 1 / sqrt(-2 * log(price)), wanted = 1 / sqrt(-2 * log(target));

		return s + (wanted - now) * price / (slope * now * now * now);
	}
	if (target > bound * 0.9 && price < bound)
		return s + (bound - price) / slope * log((bound - price) / (bound - target));
	return s + (target - price) / slope;
}

static double solve(double x, double target)
{
	double low = 0, high = 1, s, slope;

	while (price_of(x, high, &slope) < target) {
		low = high;
		high *= 2;
		if (high > 128)
			return NAN;
	}
	s = x == 0 ? high / 2 : sqrt(-2 * x); /* where the price is steepest */
	for (int i = 0; i < MOST_STEPS; i++) {
		double price, next;

		if (!(s > low && s < high))
			s = low + (high - low) / 2;
		price = price_of(x, s, &slope);
		if (price == target)
			return s;
		if (price < target)
			low = s;
		else
			high = s;
		next = newton(x, s, price, slope, target);
		if (fabs(next - s) <= 1e-14 * s || high - low <= 4e-16 * high)
			return s;
		s = next;
	}
	return s;
}

double fl_implied_volatility(
	bool is_call, double price, double forward, double strike, double years, double rate)
{
	double inside, target, x;

	if (!(forward > 0) || !(strike > 0) || !(years > 0) || !(price > 0) || !isfinite(price) ||
		!isfinite(forward) || !isfinite(strike) || !isfinite(years) || !isfinite(rate))
		return NAN;
	inside = is_call ? forward - strike : strike - forward;
	target = price * exp(rate * years);
	if (inside > 0)
		target -= inside;
	/* Below: an arbitrage, or worth so exactly what is inside that any small iv would give it. */
	if (!(target > 0) || target >= fmin(forward, strike))
		return NAN;
	target /= sqrt(forward) * sqrt(strike);
	x = -fabs(log(forward / strike));
	return solve(x, target) / sqrt(years);
}
