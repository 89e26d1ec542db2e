/*
 * handover_market.c: the market over a reload: the universe is listed again as of the time it was
 * listed first, what has happened since is handed over.
 */
#include <stdlib.h>
#include <string.h>

#include "handover.h"

enum { TRADE_BYTES = 8 * 12 + 8 }; /* of one in the history */

/* ---- what is one a market ---- */

static void put_totals(struct fl_writer *to, const struct simulator *sim)
{
	const struct market *market = &sim->market;

	fl_write_int(to, sim->listed_ns);
	fl_write_int(to, market->universe.count);
	fl_write_int(to, (int64_t)market->rng.state);
	fl_write_int(to, market->now_ms);
	fl_write_int(to, market->change_id);
	fl_write_int(to, (int64_t)market->trade_count);
	fl_write_int(to, market->trade_capacity);
	for (int i = 0; i < CURRENCIES; i++) {
		fl_write_int(to, market->trade_id[i]);
		fl_write_real(to, market->surface.currencies[i].spot);
		fl_write_real(to, market->surface.currencies[i].level);
		fl_write_real(to, market->surface.currencies[i].skew);
		fl_write_real(to, market->surface.currencies[i].basis);
	}
}

static int get_totals(struct simulator *sim, struct fl_reader *from)
{
	struct market *market = &sim->market;
	int64_t listed_ns = fl_read_int(from), count = fl_read_int(from), capacity;
	int error = simulator_list(sim, listed_ns);

	if (error != 0)
		return error;
	if (market->universe.count != count)
		return -ESTALE; /* other options, or another way to draw it */
	market->rng.state = (uint64_t)fl_read_int(from);
	market->now_ms = fl_read_int(from);
	market->change_id = fl_read_int(from);
	market->trade_count = (uint64_t)fl_read_int(from);
	capacity = fl_read_int(from);
	for (int i = 0; i < CURRENCIES; i++) {
		market->trade_id[i] = fl_read_int(from);
		market->surface.currencies[i].spot = fl_read_real(from);
		market->surface.currencies[i].level = fl_read_real(from);
		market->surface.currencies[i].skew = fl_read_real(from);
		market->surface.currencies[i].basis = fl_read_real(from);
	}
	if (from->is_broken || capacity < 0 || capacity > market->trade_limit)
		return -EINVAL;
	market->trade_capacity = (uint32_t)capacity;
	market->trades = malloc(((size_t)capacity + 1) * sizeof(*market->trades));
	return market->trades == NULL ? -ENOMEM : 0;
}

/* ---- what is one an instrument ---- */

static void put_side(struct fl_writer *to, const struct sim_side *side)
{
	fl_write_int(to, side->count);
	for (int i = 0; i < side->count; i++) {
		fl_write_int(to, side->levels[i].ticks);
		fl_write_int(to, side->levels[i].units);
	}
}

static bool get_side(struct fl_reader *from, struct sim_side *side)
{
	side->count = (int)fl_read_int(from);
	if (side->count < 0 || side->count > BOOK_DEPTH)
		return false;
	for (int i = 0; i < side->count; i++) {
		side->levels[i].ticks = (int32_t)fl_read_int(from);
		side->levels[i].units = (int32_t)fl_read_int(from);
	}
	return true;
}

/* Where the numbers of a state lie, in the order in which they are written. */
static void list_reals(struct sim_state *state, double *out[static 16])
{
	double *const reals[16] = { &state->mark.underlying_price, &state->mark.index_price,
		&state->mark.iv, &state->mark.price, &state->mark.delta, &state->mark.gamma,
		&state->mark.vega, &state->mark.theta, &state->mark.rho, &state->last_price,
		&state->open_interest, &state->settlement_price, &state->first_price, &state->low,
		&state->high, &state->volume };

	memcpy(out, reals, sizeof(reals));
}

static void put_state(struct fl_writer *to, const struct simulator *sim, uint32_t number)
{
	const struct sim_instrument *instrument = &sim->market.universe.instruments[number];
	struct sim_state state = sim->market.states[number];
	double *reals[16];

	fl_write_int(to, instrument->expiry_ms);
	fl_write_int(to, instrument->creation_ms);
	put_side(to, &state.bids);
	put_side(to, &state.asks);
	list_reals(&state, reals);
	for (size_t i = 0; i < 16; i++)
		fl_write_real(to, *reals[i]);
	fl_write_real(to, state.volume_usd);
	fl_write_int(to, state.change_id);
	fl_write_int(to, state.timestamp);
	fl_write_int(to, state.trade_seq);
	fl_write_int(to, (int64_t)state.last_trade);
	fl_write_int(to, state.tick_direction);
	fl_write_int(to, state.is_unlisted);
	for (int i = 0; i < EMITTED_COUNT; i++)
		fl_write_int(to, sim->stream.emitted_ms[number][i]);
	fl_write_int(to, sim->faults.muted[number]);
	for (int i = 0; i < SLOT_COUNT; i++)
		fl_write_int(to, (int64_t)sim->channels.subscribers[number][i]);
}

static bool get_state(struct simulator *sim, struct fl_reader *from, uint32_t number)
{
	struct sim_instrument *instrument = &sim->market.universe.instruments[number];
	struct sim_state *state = &sim->market.states[number];
	double *reals[16];

	instrument->expiry_ms = fl_read_int(from);
	instrument->creation_ms = fl_read_int(from);
	if (!get_side(from, &state->bids) || !get_side(from, &state->asks))
		return false;
	list_reals(state, reals);
	for (size_t i = 0; i < 16; i++)
		*reals[i] = fl_read_real(from);
	state->volume_usd = fl_read_real(from);
	state->change_id = fl_read_int(from);
	state->timestamp = fl_read_int(from);
	state->trade_seq = fl_read_int(from);
	state->last_trade = (uint64_t)fl_read_int(from);
	state->tick_direction = (uint8_t)fl_read_int(from);
	state->is_unlisted = fl_read_int(from) != 0;
	for (int i = 0; i < EMITTED_COUNT; i++)
		sim->stream.emitted_ms[number][i] = fl_read_int(from);
	sim->faults.muted[number] = (uint8_t)fl_read_int(from);
	for (int i = 0; i < SLOT_COUNT; i++)
		sim->channels.subscribers[number][i] = (uint64_t)fl_read_int(from);
	return !from->is_broken;
}

/* ---- the history: many, so they are written and read as blocks of numbers ---- */

static void put_trade(struct fl_writer *to, const struct sim_trade *trade)
{
	const int64_t whole[6] = { (int64_t)trade->previous, trade->timestamp, trade->seq, trade->id,
		trade->block_id, trade->instrument };
	const double real[6] = { trade->price, trade->amount, trade->contracts, trade->mark_price,
		trade->index_price, trade->iv };
	const uint8_t flags[8] = { trade->is_buy, trade->tick_direction, trade->liquidation };
	char bytes[TRADE_BYTES];

	memcpy(bytes, whole, sizeof(whole));
	memcpy(bytes + sizeof(whole), real, sizeof(real));
	memcpy(bytes + sizeof(whole) + sizeof(real), flags, sizeof(flags));
	fl_write(to, bytes, sizeof(bytes));
}

static void get_trade(const char *bytes, struct sim_trade *trade)
{
	int64_t whole[6];
	double real[6];
	uint8_t flags[8];

	memcpy(whole, bytes, sizeof(whole));
	memcpy(real, bytes + sizeof(whole), sizeof(real));
	memcpy(flags, bytes + sizeof(whole) + sizeof(real), sizeof(flags));
	*trade = (struct sim_trade){ .previous = (uint64_t)whole[0],
		.timestamp = whole[1],
		.seq = whole[2],
		.id = whole[3],
		.block_id = whole[4],
		.instrument = (uint32_t)whole[5],
		.price = real[0],
		.amount = real[1],
		.contracts = real[2],
		.mark_price = real[3],
		.index_price = real[4],
		.iv = real[5],
		.is_buy = flags[0] != 0,
		.tick_direction = flags[1],
		.liquidation = flags[2] };
}

static uint64_t count_trades(const struct market *market)
{
	return market->trade_count + 1 - market_first_trade(market);
}

static int get_trades(struct market *market, const struct fl_reader *from)
{
	uint64_t first = market_first_trade(market);
	const char *at = from->data;

	if ((market->trade_count > 0 && market->trade_capacity == 0) ||
		from->left != count_trades(market) * TRADE_BYTES)
		return -EINVAL;
	for (uint64_t number = first; number <= market->trade_count; number++, at += TRADE_BYTES) {
		struct sim_trade *trade = &market->trades[(number - 1) % market->trade_capacity];

		get_trade(at, trade);
		if (trade->instrument >= market->universe.count)
			return -EINVAL;
	}
	return 0;
}

/* ---- the market ---- */

int handover_save_market(const struct simulator *sim, struct fl_snapshot *to)
{
	const struct market *market = &sim->market;
	struct fl_writer writer = { 0 };
	int error;

	put_totals(&writer, sim);
	if ((error = fl_writer_save(&writer, to, "market")) != 0)
		return error;
	for (uint32_t i = 0; i < market->universe.count; i++)
		put_state(&writer, sim, i);
	if ((error = fl_writer_save(&writer, to, "instruments")) != 0)
		return error;
	fl_writer_reserve(&writer, (size_t)count_trades(market) * TRADE_BYTES);
	for (uint64_t number = market_first_trade(market); number <= market->trade_count; number++)
		put_trade(&writer, market_trade_at(market, number));
	return fl_writer_save(&writer, to, "trades");
}

int handover_restore_market(struct simulator *sim, const struct fl_snapshot *from)
{
	struct fl_reader totals = fl_reader_open(from, "market", SIMULATOR_STATE_VERSION);
	struct fl_reader states = fl_reader_open(from, "instruments", SIMULATOR_STATE_VERSION);
	struct fl_reader trades = fl_reader_open(from, "trades", SIMULATOR_STATE_VERSION);
	int error = get_totals(sim, &totals);

	if (error != 0)
		return error;
	for (uint32_t i = 0; i < sim->market.universe.count; i++)
		if (!get_state(sim, &states, i))
			return -EINVAL;
	return get_trades(&sim->market, &trades);
}
