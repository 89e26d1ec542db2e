/* market.c: books and tickers that follow the surface. Trades are in market_trade.c. */
#include "market.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

bool market_is_open(const struct market *market, uint32_t instrument)
{
	return market->now_ms < market->universe.instruments[instrument].expiry_ms &&
		!market->states[instrument].is_unlisted;
}

bool market_is_listed(const struct market *market, uint32_t instrument)
{
	return market->now_ms < market->universe.instruments[instrument].expiry_ms + market->lag_ms &&
		!market->states[instrument].is_unlisted;
}

void market_refresh_open(struct market *market)
{
	market->open_count = 0;
	for (uint32_t i = 0; i < market->universe.count; i++)
		if (market_is_open(market, i))
			market->open[market->open_count++] = i;
}

void market_unlist(struct market *market, int64_t count)
{
	for (uint32_t i = market->universe.count; i > 0 && count > 0; i--)
		if (market->universe.instruments[i - 1].kind == FL_KIND_OPTION) {
			market->states[i - 1].is_unlisted = true;
			count--;
		}
}

uint32_t market_list_next(struct market *market)
{
	for (uint32_t i = 0; i < market->universe.count; i++)
		if (market->states[i].is_unlisted) {
			market->states[i].is_unlisted = false;
			market->universe.instruments[i].creation_ms = market->now_ms;
			return i;
		}
	return UINT32_MAX;
}

void market_expire(struct market *market, uint32_t instrument)
{
	market->universe.instruments[instrument].expiry_ms = market->now_ms;
}

static double price_of(const struct sim_instrument *instrument, int32_t ticks)
{
	return (double)ticks / instrument->ticks_per_unit;
}

static double amount_of(const struct sim_instrument *instrument, int32_t units)
{
	return (double)units / instrument->amounts_per_unit;
}

/* Many small orders, a few large ones. */
static int32_t draw_units(struct market *market, const struct sim_instrument *instrument)
{
	uint32_t scale = rng_once_in(&market->rng, 8) ? 5000 : 200;

	return (int32_t)(1 + rng_below(&market->rng, scale)) * instrument->amount_step;
}

static void renew_mark(struct market *market, uint32_t number)
{
	struct sim_state *state = &market->states[number];

	surface_mark(
		&market->surface, &market->universe.instruments[number], market->now_ms, &state->mark);
	state->timestamp = market->now_ms;
}

/* One side with `best` as its best level: what lies behind it stays, what it crosses goes.
 * `away` is -1 for bids, 1 for asks: the direction in which prices get worse. */
static void requote_side(struct market *market, const struct sim_instrument *instrument,
	struct sim_side *side, int32_t best, int away)
{
	struct sim_side old = *side;
	int at = 0;

	side->count = 0;
	if (best < 1)
		return;
	side->levels[side->count++] = (struct sim_level){ best, draw_units(market, instrument) };
	while (at < old.count && (old.levels[at].ticks - best) * away <= 0)
		at++;
	for (; at < old.count && side->count < BOOK_DEPTH; at++)
		side->levels[side->count++] = old.levels[at];
	while (side->count < 4) {
		int32_t gap = 1 + (int32_t)rng_below(&market->rng, (uint32_t)(2 + best / 40));
		int32_t ticks = side->levels[side->count - 1].ticks + away * gap;

		if (ticks < 1)
			break;
		side->levels[side->count++] = (struct sim_level){ ticks, draw_units(market, instrument) };
	}
	if (side->count > 1 && rng_once_in(&market->rng, 4)) {
		int deep = 1 + (int)rng_below(&market->rng, (uint32_t)side->count - 1);

		side->levels[deep].units = draw_units(market, instrument);
	}
}

/* Where the best prices belong: around the mark, wider for what is cheap, now and then nowhere. */
static void find_best(struct market *market, uint32_t number, int32_t *bid, int32_t *ask)
{
	const struct sim_instrument *instrument = &market->universe.instruments[number];
	double mark = market->states[number].mark.price * instrument->ticks_per_unit;
	double half = instrument->kind == FL_KIND_OPTION
		? 0.5 + mark * 0.01 + 3 * rng_unit(&market->rng)
		: 0.5 + rng_unit(&market->rng);

	mark = fmin(mark, 1e8);
	*bid = (int32_t)floor(mark - half);
	*ask = (int32_t)ceil(mark + half);
	if (*ask <= *bid)
		*ask = *bid + 1;
	if (*ask < 1)
		*ask = 1;
	if (instrument->kind == FL_KIND_OPTION && rng_once_in(&market->rng, 150)) {
		if (rng_once_in(&market->rng, 2))
			*bid = 0;
		else
			*ask = 0;
	}
}

static void put_change(const struct sim_instrument *instrument, struct sim_change *changes,
	int *count, enum sim_action action, struct sim_level level)
{
	changes[(*count)++] = (struct sim_change){ action, price_of(instrument, level.ticks),
		action == LEVEL_DELETE ? 0 : amount_of(instrument, level.units) };
}

/* Both sides are sorted best first, so a merge finds what is new, changed and gone, in that order.
 */
static int compare_sides(const struct sim_instrument *instrument, const struct sim_side *old,
	const struct sim_side *now, int away, struct sim_change *changes)
{
	int i = 0, j = 0, count = 0;

	while (i < old->count || j < now->count) {
		int order = i == old->count ? 1
			: j == now->count       ? -1
									: (old->levels[i].ticks - now->levels[j].ticks) * away;

		if (order < 0) {
			put_change(instrument, changes, &count, LEVEL_DELETE, old->levels[i++]);
		} else if (order > 0) {
			put_change(instrument, changes, &count, LEVEL_NEW, now->levels[j++]);
		} else {
			if (old->levels[i].units != now->levels[j].units)
				put_change(instrument, changes, &count, LEVEL_CHANGE, now->levels[j]);
			i++;
			j++;
		}
	}
	return count;
}

static bool is_top_equal(const struct sim_side *a, const struct sim_side *b)
{
	if (a->count == 0 || b->count == 0)
		return a->count == b->count;
	return a->levels[0].ticks == b->levels[0].ticks && a->levels[0].units == b->levels[0].units;
}

/* A change with both sides empty is never published, so something changes always. */
static void change_something(struct sim_side *bids, struct sim_side *asks)
{
	struct sim_side *side = asks->count > 0 ? asks : bids;

	if (side->count > 0)
		side->levels[0].units += 10;
}

void market_requote(struct market *market, uint32_t number, struct sim_book *out)
{
	const struct sim_instrument *instrument = &market->universe.instruments[number];
	struct sim_state *state = &market->states[number];
	struct sim_side bids = state->bids, asks = state->asks;
	int32_t bid, ask;

	renew_mark(market, number);
	find_best(market, number, &bid, &ask);
	requote_side(market, instrument, &state->bids, bid, -1);
	requote_side(market, instrument, &state->asks, ask, 1);
	*out = (struct sim_book){ .timestamp = state->timestamp, .prev_change_id = state->change_id };
	out->bid_count = compare_sides(instrument, &bids, &state->bids, -1, out->bids);
	out->ask_count = compare_sides(instrument, &asks, &state->asks, 1, out->asks);
	if (out->bid_count + out->ask_count == 0) {
		change_something(&state->bids, &state->asks);
		out->bid_count = compare_sides(instrument, &bids, &state->bids, -1, out->bids);
		out->ask_count = compare_sides(instrument, &asks, &state->asks, 1, out->asks);
	}
	out->is_top_changed = !is_top_equal(&bids, &state->bids) || !is_top_equal(&asks, &state->asks);
	market->change_id += 1 + rng_below(&market->rng, 2000);
	state->change_id = out->change_id = market->change_id;
}

void market_book_now(const struct market *market, uint32_t number, struct sim_book *out)
{
	const struct sim_instrument *instrument = &market->universe.instruments[number];
	const struct sim_state *state = &market->states[number];
	const struct sim_side none = { 0 };

	*out = (struct sim_book){ .timestamp = state->timestamp,
		.change_id = state->change_id,
		.prev_change_id = -1,
		.is_snapshot = true };
	out->bid_count = compare_sides(instrument, &none, &state->bids, -1, out->bids);
	out->ask_count = compare_sides(instrument, &none, &state->asks, 1, out->asks);
}

void market_quote_now(const struct market *market, uint32_t number, struct sim_quote *out)
{
	const struct sim_instrument *instrument = &market->universe.instruments[number];
	const struct sim_state *state = &market->states[number];

	*out = (struct sim_quote){ .timestamp = state->timestamp };
	if (state->bids.count > 0) {
		out->bid_price = price_of(instrument, state->bids.levels[0].ticks);
		out->bid_amount = amount_of(instrument, state->bids.levels[0].units);
	}
	if (state->asks.count > 0) {
		out->ask_price = price_of(instrument, state->asks.levels[0].ticks);
		out->ask_amount = amount_of(instrument, state->asks.levels[0].units);
	}
}

/* Near enough to the iv of that price: the mark's, shifted by what vega says. A side that is there
 * has an iv above 0, since 0 says that it is not. */
static double side_iv(const struct sim_mark *mark, double price)
{
	double vega = fmax(mark->vega, mark->underlying_price * 1e-5);
	double iv;

	if (price <= 0 || mark->iv <= 0)
		return 0;
	iv = mark->iv + (price - mark->price) * mark->underlying_price / vega;
	return text_rounded(fmax(0.01, fmin(500, iv)), 2);
}

static void fill_stats(
	const struct sim_instrument *instrument, const struct sim_state *state, struct sim_ticker *out)
{
	out->volume = out->volume_usd = out->price_change = out->low = out->high = NAN;
	if (state->volume <= 0)
		return;
	out->volume = text_rounded(state->volume, instrument->kind == FL_KIND_OPTION ? 2 : 8);
	out->volume_usd = text_rounded(state->volume_usd, 2);
	out->price_change =
		text_rounded((state->last_price - state->first_price) / state->first_price * 100, 4);
	out->low = state->low;
	out->high = state->high;
}

void market_ticker_now(const struct market *market, uint32_t number, struct sim_ticker *out)
{
	const struct sim_instrument *instrument = &market->universe.instruments[number];
	const struct sim_state *state = &market->states[number];
	const struct sim_mark *mark = &state->mark;
	bool is_option = instrument->kind == FL_KIND_OPTION;

	*out = (struct sim_ticker){
		.mark = *mark, .last_price = state->last_price, .settlement_price = state->settlement_price
	};
	market_quote_now(market, number, &out->quote);
	out->open_interest = text_rounded(state->open_interest, 1);
	fill_stats(instrument, state, out);
	out->current_funding = out->funding_8h = NAN;
	if (instrument->kind == FL_KIND_PERPETUAL) {
		out->current_funding = text_scaled(125, 7);
		out->funding_8h = text_scaled(5149, 8);
	}
	if (is_option) {
		out->bid_iv = side_iv(mark, out->quote.bid_price);
		out->ask_iv = side_iv(mark, out->quote.ask_price);
		out->min_price = fmax(0.0001, text_rounded(mark->price * 0.7 - 0.02, 4));
		out->max_price = text_rounded(mark->price * 1.3 + 0.02, 4);
	} else {
		out->min_price = text_rounded(mark->price * 0.985, 1);
		out->max_price = text_rounded(mark->price * 1.015, 1);
	}
}

void market_ticker(struct market *market, uint32_t number, struct sim_ticker *out)
{
	struct sim_state *state = &market->states[number];

	renew_mark(market, number);
	if (rng_once_in(&market->rng, 16))
		state->open_interest =
			fmax(0, state->open_interest + (double)rng_below(&market->rng, 21) - 10);
	market_ticker_now(market, number, out);
}

void market_advance(struct market *market, int64_t now_ms, double seconds)
{
	if (now_ms > market->now_ms)
		market->now_ms = now_ms;
	surface_advance(&market->surface, seconds, &market->rng);
}

static void init_state(struct market *market, uint32_t number, int64_t first_seq)
{
	const struct sim_instrument *instrument = &market->universe.instruments[number];
	struct sim_state *state = &market->states[number];
	struct sim_book book;

	state->trade_seq = first_seq;
	state->last_price = state->settlement_price = NAN;
	market_requote(market, number, &book);
	if (!instrument->is_new)
		state->settlement_price = state->mark.price;
	/* One in six has never been traded and says so. */
	if (instrument->kind != FL_KIND_OPTION || !rng_once_in(&market->rng, 6))
		state->last_price = state->mark.price;
	state->open_interest = instrument->is_new ? 0 : (double)rng_below(&market->rng, 40000) / 10;
}

int market_grow(struct market *market, uint32_t from, int64_t first_seq)
{
	size_t capacity = market->universe.capacity;
	struct sim_state *states = realloc(market->states, capacity * sizeof(*states));
	uint32_t *open;

	if (states == NULL)
		return -ENOMEM;
	market->states = states;
	open = realloc(market->open, capacity * sizeof(*open));
	if (open == NULL)
		return -ENOMEM;
	market->open = open;
	memset(states + from, 0, (capacity - from) * sizeof(*states));
	for (uint32_t i = from; i < market->universe.count; i++) {
		market->universe.instruments[i].is_new = true;
		init_state(market, i, first_seq);
		states[i].is_unlisted = true;
	}
	return 0;
}

int market_init(struct market *market, const struct universe_options *options, uint32_t trade_limit,
	int64_t first_seq, int64_t now_ms)
{
	int error;

	*market = (struct market){ .rng = { options->seed ^ UINT64_C(0x5eed) },
		.now_ms = now_ms,
		.trade_limit = trade_limit > TRADES_AT_ONCE ? trade_limit : TRADES_AT_ONCE };
	error = universe_init(&market->universe, options, now_ms);
	if (error < 0)
		return error;
	market->states = calloc((size_t)market->universe.count + 1, sizeof(*market->states));
	market->open = calloc((size_t)market->universe.count + 1, sizeof(*market->open));
	if (market->states == NULL || market->open == NULL) {
		market_finish(market);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < market->universe.count; i++)
		market->open[market->open_count++] = i;
	surface_init(&market->surface, &market->universe);
	market->change_id = now_ms / 8; /* as large as the venue's, and ahead of an earlier run's */
	for (int i = 0; i < CURRENCIES; i++)
		market->trade_id[i] = now_ms / 1000;
	for (uint32_t i = 0; i < market->universe.count; i++)
		init_state(market, i, first_seq);
	return 0;
}

void market_finish(struct market *market)
{
	universe_finish(&market->universe);
	free(market->states);
	free(market->trades);
	free(market->open);
	*market = (struct market){ 0 };
}
