/*
 * calendar.c: what a venue does by the day: options expire at one hour, what takes their place is
 * listed 4 to 14 s later, and as prices move strikes are added in between. For a while after an
 * expiry the list still has what is over, and its quotes go on, of nothing.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "simulator.h"

#define DAY_MS INT64_C(86400000)
#define LAG_MS INT64_C(20000)      /* how long the list has what is over */
#define SETTLING_MS INT64_C(10000) /* how long it is quoted */

void calendar_tell(struct simulator *sim, uint32_t number, const char *state)
{
	static const char *const forms[] = { "instrument.state.%s.%s", "instrument.creation.%s.%s" };
	const struct sim_instrument *instrument = &sim->market.universe.instruments[number];
	const char *kind = instrument->kind == FL_KIND_OPTION ? "option" : "future";
	const char *currency = sim->market.universe.currencies[instrument->currency].name;
	bool is_new = strcmp(state, "created") == 0;
	char channel[64], data[160];

	snprintf(data, sizeof(data), "{\"timestamp\":%lld,\"state\":\"%s\",\"instrument_name\":\"%s\"}",
		(long long)sim->market.now_ms, state, instrument->name);
	for (int i = 0; i < (is_new ? 2 : 1); i++)
		for (int any = 0; any < 2; any++) {
			snprintf(
				channel, sizeof(channel), forms[i], any ? "any" : kind, any ? "any" : currency);
			stream_send_notice(sim, channel, data);
		}
}

static int64_t next_strike_ms(struct simulator *sim)
{
	double every_ms = (double)sim->options->strikes_every_ns / FL_MS;

	return sim->market.now_ms + 1 + (int64_t)(every_ms * -log(1 - rng_unit(&sim->market.rng)));
}

void calendar_start(struct simulator *sim)
{
	int64_t now_ms = sim->market.now_ms, at_ms = sim->market.universe.expiry_ms_of_day;

	for (uint32_t i = 0; i < sim->market.universe.count; i++)
		if (market_is_open(&sim->market, i))
			ledger_listed(&sim->ledger, &sim->market, i, now_ms);
	if (!sim->options->calendar)
		return;
	sim->market.lag_ms = LAG_MS;
	sim->calendar = (struct calendar){
		.roll_ms = ((now_ms - at_ms) / DAY_MS + 1) * DAY_MS + at_ms,
		.strike_ms = next_strike_ms(sim),
	};
}

/* What is new is not listed yet: each has its moment. */
static void take_in(struct simulator *sim, uint32_t from, int64_t earliest_ms, uint32_t spread_ms)
{
	struct market *market = &sim->market;

	if (market_grow(market, from, market->now_ms / 1000 * 4) < 0 ||
		channels_grow(&sim->channels, from) < 0 || stream_grow(sim, from) < 0 ||
		faults_grow(sim, from) < 0) {
		fl_complain(sim->ctx, "calendar", "no memory for new instruments");
		market->universe.count = from;
		return;
	}
	for (uint32_t i = from; i < market->universe.count; i++) {
		int64_t at_ms = market->now_ms + earliest_ms + rng_below(&market->rng, spread_ms);

		market->states[i].list_at_ms = at_ms;
		if (sim->calendar.waiting_ms == 0 || at_ms < sim->calendar.waiting_ms)
			sim->calendar.waiting_ms = at_ms;
	}
	sim->stream.lanes_as_of--; /* the lanes are built anew */
}

static void roll(struct simulator *sim)
{
	struct market *market = &sim->market;
	uint32_t before = market->universe.count;
	double spots[CURRENCIES];

	for (uint32_t i = 0; i < before; i++) {
		int64_t ago_ms = market->now_ms - market->universe.instruments[i].expiry_ms;

		if (ago_ms >= 0 && ago_ms < DAY_MS / 2 && !market->states[i].is_unlisted)
			calendar_tell(sim, i, "closed");
	}
	for (int i = 0; i < CURRENCIES; i++)
		spots[i] = market->surface.currencies[i].spot;
	if (universe_roll(&market->universe, market->now_ms, spots) < 0)
		fl_complain(sim->ctx, "calendar", "no memory for new expiries");
	take_in(sim, before, 4000, 10000);
	market_refresh_open(market);
	sim->calendar.roll_ms += DAY_MS;
}

static void list_waiting(struct simulator *sim)
{
	struct market *market = &sim->market;
	int64_t next_ms = 0;

	for (uint32_t i = 0; i < market->universe.count; i++) {
		struct sim_state *state = &market->states[i];

		if (state->list_at_ms == 0)
			continue;
		if (state->list_at_ms > market->now_ms) {
			next_ms = next_ms == 0 || state->list_at_ms < next_ms ? state->list_at_ms : next_ms;
			continue;
		}
		state->list_at_ms = 0;
		state->is_unlisted = false;
		market->universe.instruments[i].creation_ms = market->now_ms;
		ledger_listed(&sim->ledger, market, i, market->now_ms);
		calendar_tell(sim, i, "created");
	}
	sim->calendar.waiting_ms = next_ms;
	market_refresh_open(market);
}

static void add_strike(struct simulator *sim)
{
	struct market *market = &sim->market;
	uint32_t before = market->universe.count;
	int currency = (int)rng_below(&market->rng, CURRENCIES);
	const struct sim_currency *of = &market->universe.currencies[currency];
	int expiry =
		of->expiry_count > 0 ? (int)rng_below(&market->rng, (uint32_t)of->expiry_count) : -1;

	/* Not into what is about to expire. */
	if (expiry >= 0 && of->expiries[expiry].ms > market->now_ms + DAY_MS / 24)
		(void)universe_extend(&market->universe, currency, expiry,
			market->surface.currencies[currency].spot, market->now_ms);
	if (market->universe.count > before)
		take_in(sim, before, 0, 1);
	sim->calendar.strike_ms = next_strike_ms(sim);
}

static void settle(struct simulator *sim)
{
	struct market *market = &sim->market;

	sim->calendar.settled_ms = market->now_ms;
	for (uint32_t i = 0; i < market->universe.count; i++) {
		int64_t ago_ms = market->now_ms - market->universe.instruments[i].expiry_ms;

		if (ago_ms >= 0 && ago_ms < SETTLING_MS && sim->channels.subscribers[i][SLOT_QUOTE] != 0)
			stream_emit_settlement(sim, i);
	}
}

void calendar_tick(struct simulator *sim)
{
	struct calendar *calendar = &sim->calendar;
	int64_t now_ms = sim->market.now_ms, since_ms;

	if (calendar->roll_ms == 0)
		return;
	if (now_ms >= calendar->roll_ms)
		roll(sim);
	if (calendar->waiting_ms != 0 && now_ms >= calendar->waiting_ms)
		list_waiting(sim);
	if (now_ms >= calendar->strike_ms)
		add_strike(sim);
	since_ms = now_ms - (calendar->roll_ms - DAY_MS);
	if (since_ms >= 0 && since_ms < SETTLING_MS && now_ms - calendar->settled_ms >= 1000)
		settle(sim);
}
