/* market_trade.c: trades happen, and are kept in one ring for all instruments. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "market.h"
#include "text.h"

static struct sim_trade *place_of(const struct market *market, uint64_t number)
{
	return &market->trades[(number - 1) % market->trade_capacity];
}

uint64_t market_first_trade(const struct market *market)
{
	if (market->trade_count <= market->trade_capacity)
		return 1;
	return market->trade_count - market->trade_capacity + 1;
}

const struct sim_trade *market_trade_at(const struct market *market, uint64_t number)
{
	if (number < market_first_trade(market) || number > market->trade_count)
		return NULL;
	return place_of(market, number);
}

uint64_t market_trade_from(const struct market *market, int64_t timestamp)
{
	uint64_t low = market_first_trade(market), high = market->trade_count + 1;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (place_of(market, middle)->timestamp < timestamp)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The ring doubles until it is at its limit; only then does it go round. Without memory it stays as
 * it is: the history is shorter then. */
static int grow(struct market *market)
{
	uint32_t capacity = market->trade_capacity ? market->trade_capacity * 2 : 1024;
	struct sim_trade *trades;

	if (capacity > market->trade_limit || capacity < market->trade_capacity)
		capacity = market->trade_limit;
	trades = realloc(market->trades, capacity * sizeof(*trades));
	if (trades == NULL)
		return market->trade_capacity > 0 ? 0 : -ENOMEM;
	market->trades = trades;
	market->trade_capacity = capacity;
	return 0;
}

static bool is_full(const struct market *market)
{
	return market->trade_count == market->trade_capacity &&
		market->trade_capacity < market->trade_limit;
}

static double draw_price(struct market *market, const struct sim_instrument *instrument,
	const struct sim_state *state, bool is_buy)
{
	const struct sim_side *side = is_buy ? &state->asks : &state->bids;
	double ticks = side->count > 0 ? (double)side->levels[0].ticks
								   : round(state->mark.price * instrument->ticks_per_unit);

	if (rng_once_in(&market->rng, 5))
		ticks += is_buy ? 1 : -1; /* through the best level */
	return fmax(1, ticks) / instrument->ticks_per_unit;
}

/* 0 plus, 1 zero-plus, 2 minus, 3 zero-minus. */
static uint8_t tick_direction(const struct sim_state *state, double price)
{
	if (isnan(state->last_price) || price > state->last_price)
		return 0;
	if (price < state->last_price)
		return 2;
	return state->tick_direction < 2 ? 1 : 3;
}

static void add_to_day(
	const struct sim_instrument *instrument, struct sim_state *state, const struct sim_trade *trade)
{
	double index = trade->index_price;

	if (state->volume <= 0) {
		state->first_price = state->low = state->high = trade->price;
		state->volume_usd = 0;
	}
	state->low = fmin(state->low, trade->price);
	state->high = fmax(state->high, trade->price);
	if (instrument->kind == FL_KIND_OPTION) {
		state->volume += trade->amount;
		state->volume_usd += trade->amount * trade->price * index;
	} else {
		state->volume += trade->amount / index;
		state->volume_usd += trade->amount;
	}
	state->last_price = trade->price;
	state->tick_direction = trade->tick_direction;
}

static void append_trade(struct market *market, uint32_t number, bool is_buy, int64_t block_id)
{
	const struct sim_instrument *instrument = &market->universe.instruments[number];
	struct sim_state *state = &market->states[number];
	int32_t units = (int32_t)(1 + rng_below(&market->rng, 50)) * instrument->amount_step;
	struct sim_trade *trade = place_of(market, ++market->trade_count);

	*trade = (struct sim_trade){ .previous = state->last_trade,
		.timestamp = state->timestamp,
		.seq = ++state->trade_seq,
		.block_id = block_id,
		.instrument = number,
		.is_buy = is_buy,
		.mark_price = state->mark.price,
		.index_price = state->mark.index_price,
		.iv = NAN };
	/* Counted per currency: one instrument sees holes. */
	market->trade_id[instrument->currency] += 1 + rng_below(&market->rng, 3);
	trade->id = market->trade_id[instrument->currency];
	trade->price = draw_price(market, instrument, state, is_buy);
	trade->amount = (double)units / instrument->amounts_per_unit;
	trade->contracts = text_rounded(trade->amount / instrument->contract_size, 1);
	if (instrument->kind == FL_KIND_OPTION)
		trade->iv = text_rounded(fmax(0.01, state->mark.iv + 2 * rng_unit(&market->rng) - 1), 2);
	if (rng_once_in(&market->rng, 300))
		trade->liquidation = rng_once_in(&market->rng, 2) ? LIQUIDATED_MAKER : LIQUIDATED_TAKER;
	trade->tick_direction = tick_direction(state, trade->price);
	add_to_day(instrument, state, trade);
	state->last_trade = market->trade_count;
}

int market_trade(struct market *market, uint32_t number, const struct sim_trade **out)
{
	struct sim_state *state = &market->states[number];
	int count = 1 + (int)rng_below(&market->rng, 8) / 6; /* mostly one */
	bool is_buy = rng_once_in(&market->rng, 2);
	int64_t block_id = 0;

	if (count == 2 && rng_once_in(&market->rng, 2))
		count = TRADES_AT_ONCE;
	if (rng_once_in(&market->rng, 250))
		block_id = market->now_ms / 1000 + (int64_t)rng_below(&market->rng, 1000);
	surface_mark(
		&market->surface, &market->universe.instruments[number], market->now_ms, &state->mark);
	state->timestamp = market->now_ms;
	for (int i = 0; i < count; i++) {
		if (is_full(market) && grow(market) < 0)
			return i;
		append_trade(market, number, is_buy, block_id);
		out[i] = place_of(market, market->trade_count);
	}
	/* The ring may have moved while it grew. */
	for (int i = 0; i < count; i++)
		out[i] = place_of(market, market->trade_count - (uint64_t)(count - 1 - i));
	return count;
}

uint32_t market_draw(struct market *market)
{
	uint32_t count = market->open_count;

	for (int tries = 0; count > 0 && tries < 64; tries++) {
		uint32_t number = market->open[rng_below(&market->rng, count)];

		if (market_is_open(market, number) &&
			rng_unit(&market->rng) < (double)market->universe.instruments[number].activity)
			return number;
	}
	return UINT32_MAX;
}
