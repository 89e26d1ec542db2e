/*
 * universe.h: what the simulated venue lists: perpetuals, dated futures and options of two
 * currencies, drawn from a seed, and what its calendar adds as time goes by. Pure.
 */
#ifndef SIMULATOR_UNIVERSE_H
#define SIMULATOR_UNIVERSE_H

#include <feedloom/kit.h>

enum { CURRENCIES = 2, MAX_EXPIRIES = 16 };

struct universe_options {
	uint64_t seed;
	int64_t options[CURRENCIES]; /* how many of BTC and of ETH */
	int64_t futures;             /* per currency, the perpetual included */
	int64_t expiry_ms_of_day;    /* UTC; 08:00 at the venue */
};

/** One expiry of a currency: daily, weekly, monthly or quarterly. */
struct sim_expiry {
	int64_t ms;
	char date[8];       /* "5AUG27": as in names */
	const char *period; /* "day", "week", "month" */
	bool is_quarterly;
	bool has_future; /* a dated future is listed: else the underlying is synthetic */
};

struct sim_currency {
	const char *name;  /* "BTC" */
	const char *index; /* "btc_usd" */
	double spot;       /* at the start, in USD */
	struct sim_expiry expiries[MAX_EXPIRIES];
	int expiry_count;
	int64_t options_a_weight; /* how many a new expiry of weight 1 gets */
};

struct sim_instrument {
	char name[40];
	uint8_t name_length;
	uint8_t currency;    /* index into universe.currencies */
	uint8_t kind;        /* enum fl_instrument_kind */
	uint8_t option_type; /* enum fl_option_kind */
	bool is_new;         /* listed since the last settlement: has no settlement price */
	const char *period;  /* "day", "week", "month", "perpetual" */
	int64_t expiry_ms, creation_ms;
	double strike; /* NaN: none */
	double contract_size, min_amount;
	int ticks_per_unit;        /* price = ticks / ticks_per_unit */
	int amounts_per_unit;      /* amount = units / amounts_per_unit */
	int amount_step;           /* in those units */
	float activity;            /* 0 to 1: how often it is drawn */
	char underlying_index[24]; /* of options: "BTC-26MAR27", "SYN.BTC-22NOV26" */
};

struct universe {
	struct sim_currency currencies[CURRENCIES];
	struct sim_instrument *instruments;
	uint32_t count, capacity;
	uint64_t seed;
	int64_t expiry_ms_of_day;
	bool has_futures;
};

/**
 * Lists everything as it stands at `now_ms`.
 *
 * @return 0, -ENOMEM, or -EINVAL: out of range (options 0 to 20,000; futures 0 to 17; within a day)
 */
int universe_init(
	struct universe *universe, const struct universe_options *options, int64_t now_ms);
void universe_finish(struct universe *universe);

/**
 * Adds the expiries that the calendar lists at `now_ms` and that are not there yet, with their
 * strikes around the present spots; forgets the expiries that are over (not their instruments).
 *
 * @return how many instruments were added, -ENOMEM
 */
int64_t universe_roll(struct universe *universe, int64_t now_ms, const double spots[CURRENCIES]);
/** Adds a call and a put to an expiry, at the end of its strikes that the spot is nearer to. */
int64_t universe_extend(
	struct universe *universe, int currency, int expiry, double spot, int64_t now_ms);

/** Perpetuals never expire, as the venue says it: 3000-01-01T08:00Z. */
#define PERPETUAL_EXPIRY_MS INT64_C(32503708800000)

#endif
