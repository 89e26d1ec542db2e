/*
 * surface.h: the one place prices come from: a spot that wanders and a volatility smile over it for
 * each currency. Black-76 makes everything else of it. Pure.
 */
#ifndef SIMULATOR_SURFACE_H
#define SIMULATOR_SURFACE_H

#include "rng.h"
#include "universe.h"

struct surface_currency {
	double spot;        /* USD */
	double level;       /* at-the-money iv of a long expiry, a fraction */
	double skew, basis; /* slope of the smile; annual premium of the forward */
};

struct surface {
	struct surface_currency currencies[CURRENCIES];
};

/** What the surface says of one instrument, each number rounded as the venue publishes it. */
struct sim_mark {
	double underlying_price; /* the forward, USD: four decimals */
	double index_price;      /* two decimals */
	double iv;               /* PERCENT, two decimals; 0 for futures */
	double price; /* of options in coins, four decimals; of futures in USD, two decimals */
	double delta, gamma, vega, theta, rho; /* five decimals, as the venue defines them */
};

void surface_init(struct surface *surface, const struct universe *universe);
/** Lets `seconds` pass. */
void surface_advance(struct surface *surface, double seconds, struct rng *rng);
double surface_index(const struct surface *surface, int currency);
/** At expiry and later everything but index and forward is 0. */
void surface_mark(const struct surface *surface, const struct sim_instrument *instrument,
	int64_t now_ms, struct sim_mark *out);

#endif
