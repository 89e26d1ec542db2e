/* surface.c: a wandering spot, a smile, and what Black-76 makes of them. */
#include "surface.h"

#include <math.h>

#include "text.h"

#define YEAR_MS (365.0 * 86400000.0)

static const double home_level[CURRENCIES] = { 0.45, 0.65 };

void surface_init(struct surface *surface, const struct universe *universe)
{
	for (int i = 0; i < CURRENCIES; i++)
		surface->currencies[i] = (struct surface_currency){
			.spot = universe->currencies[i].spot,
			.level = home_level[i],
			.skew = -0.05,
			.basis = 0.06,
		};
}

void surface_advance(struct surface *surface, double seconds, struct rng *rng)
{
	double root;

	if (!(seconds > 0))
		return;
	root = sqrt(seconds / (365.0 * 86400.0));
	for (int i = 0; i < CURRENCIES; i++) {
		struct surface_currency *now = &surface->currencies[i];
		double back = fmin(1, seconds / 3600); /* iv and skew come home within hours */

		now->spot *= exp(fmax(-0.2, fmin(0.2, now->level * root * rng_normal(rng))));
		now->level += back * (home_level[i] - now->level) + 0.8 * root * rng_normal(rng);
		now->level = fmax(0.2, fmin(1.5, now->level));
		now->skew += back * (-0.05 - now->skew) + 0.5 * root * rng_normal(rng);
		now->skew = fmax(-0.15, fmin(0.15, now->skew));
	}
}

double surface_index(const struct surface *surface, int currency)
{
	return text_rounded(surface->currencies[currency].spot, 2);
}

/* Percent, as published. The smile is steep near expiry; the wings are capped. */
static double iv_percent(
	const struct surface_currency *now, double forward, double strike, double years)
{
	double x = log(strike / forward) / sqrt(fmax(years, 1.0 / 365));
	double iv;

	x = fmax(-4, fmin(4, x));
	iv = now->level * (1 + 0.2 * exp(-years * 8)) + now->skew * x + 0.06 * x * x;
	return text_rounded(100 * fmax(0.05, fmin(2.5, iv)), 2);
}

static void mark_option(const struct surface_currency *now, const struct sim_instrument *instrument,
	double years, struct sim_mark *out)
{
	struct fl_black76 greeks;

	out->iv = iv_percent(now, out->underlying_price, instrument->strike, years);
	fl_black76(instrument->option_type == FL_CALL, out->underlying_price, instrument->strike,
		out->iv / 100, years, 0, &greeks);
	out->price = text_rounded(greeks.price / out->underlying_price, 4);
	out->delta = text_rounded(greeks.delta, 5);
	out->gamma = text_rounded(greeks.gamma, 5);
	out->vega = text_rounded(greeks.vega, 5);
	out->theta = text_rounded(fl_theta_deribit(&greeks, years * 365), 5);
	out->rho = text_rounded(greeks.rho, 5);
}

void surface_mark(const struct surface *surface, const struct sim_instrument *instrument,
	int64_t now_ms, struct sim_mark *out)
{
	const struct surface_currency *now = &surface->currencies[instrument->currency];
	double years = (double)(instrument->expiry_ms - now_ms) / YEAR_MS;
	double forward = now->spot;

	*out = (struct sim_mark){ .index_price = text_rounded(now->spot, 2) };
	if (instrument->kind != FL_KIND_PERPETUAL && years > 0)
		forward *= exp(now->basis * years);
	out->underlying_price = text_rounded(forward, 4);
	if (instrument->kind != FL_KIND_OPTION)
		out->price =
			text_rounded(forward * (instrument->kind == FL_KIND_PERPETUAL ? 1.0001 : 1), 2);
	else if (years > 0)
		mark_option(now, instrument, years, out);
}
