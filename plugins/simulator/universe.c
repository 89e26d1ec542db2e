/*
 * universe.c: expiries in the venue's families, strikes around a seeded spot, names.
 *
 * What an expiry lists depends on the seed and its date, so a simulator that is started again finds
 * much the same universe.
 */
#include "universe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"

#define DAY_MS INT64_C(86400000)

static const char *const months[12] = { "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG",
	"SEP", "OCT", "NOV", "DEC" };

/* Days since 1970 counted 1970-01-01 as a Thursday: Friday is 1 modulo 7. */
static int64_t friday_from(int64_t day)
{
	return day + ((1 - day) % 7 + 7) % 7;
}

static int64_t last_friday(int year, int month)
{
	int64_t next =
		month == 12 ? fl_days_from_civil(year + 1, 1, 1) : fl_days_from_civil(year, month + 1, 1);

	return friday_from(next - 7);
}

static void add_expiry(struct sim_currency *currency, int64_t at_ms, int64_t day,
	const char *period, bool is_quarterly)
{
	int64_t ms = day * DAY_MS + at_ms;
	struct sim_expiry *expiry;
	int year, month, date;

	for (int i = 0; i < currency->expiry_count; i++)
		if (currency->expiries[i].ms == ms)
			return;
	if (currency->expiry_count == MAX_EXPIRIES)
		return;
	expiry = &currency->expiries[currency->expiry_count++];
	fl_civil_from_days(day, &year, &month, &date);
	*expiry = (struct sim_expiry){ .ms = ms, .period = period, .is_quarterly = is_quarterly };
	snprintf(expiry->date, sizeof(expiry->date), "%u%s%02u", (unsigned)date % 100,
		months[(month + 11) % 12], (unsigned)year % 100);
}

/* Three months, each with its last Friday, and the next four of March, June, September, December.
 */
static void add_monthlies(struct sim_currency *currency, int64_t at_ms, int64_t today)
{
	int year, month, date, monthlies = 0, quarterlies = 0;

	fl_civil_from_days(today, &year, &month, &date);
	for (int i = 0; i < 16 && quarterlies < 4; i++) {
		int64_t day = last_friday(year, month);
		bool is_quarterly = month % 3 == 0;

		if (day >= today && (is_quarterly || monthlies < 3)) {
			add_expiry(currency, at_ms, day, "month", is_quarterly);
			monthlies++;
			quarterlies += is_quarterly;
		}
		if (++month > 12) {
			month = 1;
			year++;
		}
	}
}

static int by_time(const void *a, const void *b)
{
	const struct sim_expiry *left = a, *right = b;

	return (left->ms > right->ms) - (left->ms < right->ms);
}

static void list_expiries(struct sim_currency *currency, int64_t at_ms, int64_t now_ms)
{
	/* The day of the first expiry that lies ahead. */
	int64_t today = (now_ms - at_ms + DAY_MS) / DAY_MS, friday = friday_from(today);

	add_monthlies(currency, at_ms, today); /* first: a date keeps the longest family it is in */
	for (int i = 0; i < 3; i++)
		add_expiry(currency, at_ms, friday + (int64_t)7 * i, "week", false);
	for (int i = 0; i < 3; i++)
		add_expiry(currency, at_ms, today + i, "day", false);
	qsort(currency->expiries, (size_t)currency->expiry_count, sizeof(*currency->expiries), by_time);
}

/* The largest of 1, 2, 5 times a power of ten that is not above `value`; at least 1. */
static double round_step(double value)
{
	double step = 1;

	while (step * 10 <= value)
		step *= 10;
	return value >= step * 5 ? step * 5 : value >= step * 2 ? step * 2 : step;
}

static double strike_step(const struct sim_currency *currency, const struct sim_expiry *expiry)
{
	double share = 0.006;

	if (expiry->is_quarterly)
		share = 0.06;
	else if (strcmp(expiry->period, "month") == 0)
		share = 0.025;
	else if (strcmp(expiry->period, "week") == 0)
		share = 0.012;
	return round_step(currency->spot * share);
}

static int weight_of(const struct sim_expiry *expiry)
{
	return strcmp(expiry->period, "day") == 0 ? 3 : strcmp(expiry->period, "week") == 0 ? 4 : 6;
}

static struct sim_instrument *add_instrument(
	struct universe *universe, int currency, int expiry, enum fl_instrument_kind kind)
{
	struct sim_instrument *instrument = &universe->instruments[universe->count++];

	*instrument = (struct sim_instrument){ .currency = (uint8_t)currency,
		.period = kind == FL_KIND_PERPETUAL
			? "perpetual"
			: universe->currencies[currency].expiries[expiry].period,
		.kind = (uint8_t)kind,
		.strike = NAN };
	return instrument;
}

static void set_creation(struct sim_instrument *instrument, const struct sim_expiry *expiry,
	struct rng *rng, int64_t now_ms)
{
	int64_t days = expiry->is_quarterly        ? 380
		: strcmp(expiry->period, "month") == 0 ? 100
		: strcmp(expiry->period, "week") == 0  ? 22
											   : 3;
	int64_t created = expiry->ms - days * DAY_MS + 4000 + 1000 * (int64_t)rng_below(rng, 11);

	if (rng_once_in(rng, 3)) /* a strike added as the market moved */
		created += (int64_t)rng_below(rng, (uint32_t)days * 80000) * 1000;
	if (created >= now_ms)
		created = now_ms / 1000 * 1000 - 1000 * (int64_t)(60 + rng_below(rng, 3600));
	instrument->creation_ms = created;
	/* Expiries are whole days apart: the last settlement is a whole number of them before this one.
	 */
	instrument->is_new =
		created > expiry->ms - (expiry->ms - now_ms + DAY_MS - 1) / DAY_MS * DAY_MS;
}

static void add_option(struct universe *universe, int currency, int expiry, double strike,
	enum fl_option_kind type, struct rng *rng, int64_t now_ms)
{
	const struct sim_currency *of = &universe->currencies[currency];
	const struct sim_expiry *at = &of->expiries[expiry];
	struct sim_instrument *instrument = add_instrument(universe, currency, expiry, FL_KIND_OPTION);
	double distance = fabs(log(strike / of->spot));

	instrument->option_type = (uint8_t)type;
	instrument->strike = strike;
	instrument->expiry_ms = at->ms;
	instrument->contract_size = 1;
	instrument->ticks_per_unit = 10000;
	instrument->amounts_per_unit = 10;
	instrument->amount_step = currency == 0 ? 1 : 10;
	instrument->min_amount = currency == 0 ? 0.1 : 1;
	instrument->activity = (float)(0.05 + 0.95 * exp(-distance * 6) * (0.3 + 0.7 * rng_unit(rng)));
	set_creation(instrument, at, rng, now_ms);
	instrument->name_length = (uint8_t)snprintf(instrument->name, sizeof(instrument->name),
		"%s-%s-%.0f-%c", of->name, at->date, strike, type == FL_CALL ? 'C' : 'P');
	snprintf(instrument->underlying_index, sizeof(instrument->underlying_index), "%s%s-%s",
		at->has_future ? "" : "SYN.", of->name, at->date);
}

/* Strikes from the middle outwards, as many as asked; below zero there are none. */
static void add_strikes(struct universe *universe, int currency, int expiry, int64_t options,
	uint64_t seed, int64_t now_ms)
{
	const struct sim_currency *of = &universe->currencies[currency];
	const struct sim_expiry *at = &of->expiries[expiry];
	struct rng rng = { seed ^ (uint64_t)at->ms ^ ((uint64_t)currency << 56) };
	double step = strike_step(of, at);
	int64_t middle = llround(of->spot / step);

	for (int64_t i = 0; options > 0; i++) {
		int64_t number = middle + (i % 2 == 0 ? i / 2 : -(i + 1) / 2);

		if (number <= 0)
			continue;
		add_option(universe, currency, expiry, (double)number * step, FL_CALL, &rng, now_ms);
		if (--options == 0)
			break;
		add_option(universe, currency, expiry, (double)number * step, FL_PUT, &rng, now_ms);
		options--;
	}
}

static void add_options(
	struct universe *universe, int currency, int64_t options, uint64_t seed, int64_t now_ms)
{
	struct sim_currency *of = &universe->currencies[currency];
	int64_t pairs = options / 2, left = options;
	int weights = 0;

	for (int i = 0; i < of->expiry_count; i++)
		weights += weight_of(&of->expiries[i]);
	of->options_a_weight = pairs / weights * 2 > 2 ? pairs / weights * 2 : 2;
	for (int i = 0; i < of->expiry_count; i++) {
		int64_t here = pairs * weight_of(&of->expiries[i]) / weights * 2;

		if (i == of->expiry_count - 1)
			here = left; /* and what rounding has left over */
		add_strikes(universe, currency, i, here, seed, now_ms);
		left -= here;
	}
}

static void add_future(struct universe *universe, int currency, int expiry, bool is_perpetual)
{
	struct sim_currency *of = &universe->currencies[currency];
	struct sim_instrument *instrument = add_instrument(
		universe, currency, expiry, is_perpetual ? FL_KIND_PERPETUAL : FL_KIND_FUTURE);

	instrument->contract_size = currency == 0 ? 10 : 1;
	instrument->min_amount = instrument->contract_size;
	instrument->ticks_per_unit = currency == 0 ? 2 : 20;
	instrument->amounts_per_unit = 1;
	instrument->amount_step = currency == 0 ? 10 : 1;
	instrument->activity = 1;
	instrument->expiry_ms = is_perpetual ? PERPETUAL_EXPIRY_MS : of->expiries[expiry].ms;
	instrument->creation_ms =
		is_perpetual ? INT64_C(1534167754000) : of->expiries[expiry].ms - 380 * DAY_MS + 6000;
	instrument->name_length = (uint8_t)snprintf(instrument->name, sizeof(instrument->name), "%s-%s",
		of->name, is_perpetual ? "PERPETUAL" : of->expiries[expiry].date);
}

/* The perpetual, then dated futures from the last expiry on back: the near ones stay synthetic. */
static void add_futures(struct universe *universe, int currency, int64_t futures)
{
	struct sim_currency *of = &universe->currencies[currency];

	if (futures > 0)
		add_future(universe, currency, 0, true);
	for (int i = of->expiry_count - 1; i >= 0 && --futures > 0; i--) {
		of->expiries[i].has_future = true;
		add_future(universe, currency, i, false);
	}
}

int universe_init(struct universe *universe, const struct universe_options *options, int64_t now_ms)
{
	static const char *const names[CURRENCIES] = { "BTC", "ETH" };
	static const char *const indexes[CURRENCIES] = { "btc_usd", "eth_usd" };
	static const double spots[CURRENCIES] = { 88000, 3000 };
	struct rng rng = { options->seed };
	int64_t most = 0;

	*universe = (struct universe){ 0 };
	for (int i = 0; i < CURRENCIES; i++) {
		if (options->options[i] < 0 || options->options[i] > 20000)
			return -EINVAL;
		most += options->options[i] + options->futures;
	}
	if (options->futures < 0 || options->futures > MAX_EXPIRIES + 1 ||
		options->expiry_ms_of_day < 0 || options->expiry_ms_of_day >= DAY_MS)
		return -EINVAL;
	universe->instruments = calloc((size_t)most + 1, sizeof(*universe->instruments));
	if (universe->instruments == NULL)
		return -ENOMEM;
	universe->capacity = (uint32_t)most + 1;
	universe->seed = options->seed;
	universe->expiry_ms_of_day = options->expiry_ms_of_day;
	universe->has_futures = options->futures > 1;
	for (int i = 0; i < CURRENCIES; i++) {
		struct sim_currency *currency = &universe->currencies[i];

		currency->name = names[i];
		currency->index = indexes[i];
		currency->spot = spots[i] * (0.9 + 0.2 * rng_unit(&rng));
		list_expiries(currency, options->expiry_ms_of_day, now_ms);
		add_futures(universe, i, options->futures);
		add_options(universe, i, options->options[i], options->seed, now_ms);
	}
	return 0;
}

/* ---- the calendar ---- */

static int reserve(struct universe *universe, int64_t more)
{
	uint32_t capacity = universe->capacity;
	struct sim_instrument *grown;

	if (universe->count + more < capacity)
		return 0;
	while (universe->count + more >= capacity)
		capacity *= 2;
	grown = realloc(universe->instruments, capacity * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	universe->instruments = grown;
	universe->capacity = capacity;
	return 0;
}

static bool is_among(const struct sim_expiry *expiries, int count, int64_t ms)
{
	for (int i = 0; i < count; i++)
		if (expiries[i].ms == ms)
			return true;
	return false;
}

static int add_expiry_options(struct universe *universe, int currency, int expiry, int64_t now_ms)
{
	struct sim_currency *of = &universe->currencies[currency];
	int64_t options = of->options_a_weight * weight_of(&of->expiries[expiry]);

	if (reserve(universe, options + 1) < 0)
		return -ENOMEM;
	if (universe->has_futures && of->expiries[expiry].is_quarterly) {
		of->expiries[expiry].has_future = true;
		add_future(universe, currency, expiry, false);
	}
	add_strikes(universe, currency, expiry, options, universe->seed, now_ms);
	return 0;
}

int64_t universe_roll(struct universe *universe, int64_t now_ms, const double spots[CURRENCIES])
{
	uint32_t before = universe->count;

	for (int i = 0; i < CURRENCIES; i++) {
		struct sim_currency *currency = &universe->currencies[i];
		struct sim_expiry old[MAX_EXPIRIES];
		int kept = 0;

		for (int e = 0; e < currency->expiry_count; e++)
			if (currency->expiries[e].ms > now_ms)
				old[kept++] = currency->expiries[e];
		memcpy(currency->expiries, old, (size_t)kept * sizeof(*old));
		currency->expiry_count = kept;
		currency->spot = spots[i];
		list_expiries(currency, universe->expiry_ms_of_day, now_ms);
		for (int e = 0; e < currency->expiry_count; e++)
			if (!is_among(old, kept, currency->expiries[e].ms) &&
				add_expiry_options(universe, i, e, now_ms) < 0)
				return -ENOMEM;
	}
	return universe->count - before;
}

int64_t universe_extend(
	struct universe *universe, int currency, int expiry, double spot, int64_t now_ms)
{
	struct sim_currency *of = &universe->currencies[currency];
	const struct sim_expiry *at = &of->expiries[expiry];
	double step = strike_step(of, at), least = INFINITY, most = 0, strike;
	struct rng rng = { universe->seed ^ (uint64_t)now_ms };

	if (reserve(universe, 2) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < universe->count; i++) {
		const struct sim_instrument *instrument = &universe->instruments[i];

		if (instrument->currency != currency || instrument->expiry_ms != at->ms ||
			instrument->kind != FL_KIND_OPTION)
			continue;
		least = fmin(least, instrument->strike);
		most = fmax(most, instrument->strike);
	}
	if (most == 0)
		return 0;
	strike = most - spot < spot - least || least - step <= 0 ? most + step : least - step;
	add_option(universe, currency, expiry, strike, FL_CALL, &rng, now_ms);
	add_option(universe, currency, expiry, strike, FL_PUT, &rng, now_ms);
	return 2;
}

void universe_finish(struct universe *universe)
{
	free(universe->instruments);
	*universe = (struct universe){ 0 };
}
