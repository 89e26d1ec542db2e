/*
 * stream.c: the market's events at the asked rate, each made once and sent to whoever subscribes.
 *
 * Trades come first and happen whether anybody listens or not; the rest of the rate goes to
 * instruments somebody is subscribed to, in turn, the lively ones more often. Within one
 * millisecond an instrument has one quote and one ticker at most.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "simulator.h"

#define TICK_MIN_NS (5 * FL_MS)
#define TICK_MAX_NS FL_SECOND

/* ---- lanes ---- */

int stream_init(struct simulator *sim)
{
	struct stream *stream = &sim->stream;
	size_t count = (size_t)sim->market.universe.count + 1;

	stream->emitted_ms = calloc(count, sizeof(*stream->emitted_ms));
	if (stream->emitted_ms == NULL)
		return -ENOMEM;
	for (int i = 0; i < LANE_COUNT; i++) {
		stream->lanes[i].members = calloc(count, sizeof(uint32_t));
		if (stream->lanes[i].members == NULL)
			return -ENOMEM;
	}
	return 0;
}

int stream_grow(struct simulator *sim, uint32_t from)
{
	struct stream *stream = &sim->stream;
	size_t capacity = sim->market.universe.capacity;
	int64_t(*emitted)[EMITTED_COUNT] =
		realloc(stream->emitted_ms, capacity * sizeof(*stream->emitted_ms));

	if (emitted == NULL)
		return -ENOMEM;
	stream->emitted_ms = emitted;
	memset(emitted + from, 0, (capacity - from) * sizeof(*emitted));
	for (int i = 0; i < LANE_COUNT; i++) {
		uint32_t *members = realloc(stream->lanes[i].members, capacity * sizeof(*members));

		if (members == NULL)
			return -ENOMEM;
		stream->lanes[i].members = members;
	}
	return 0;
}

void stream_finish(struct simulator *sim)
{
	free(sim->stream.emitted_ms);
	for (int i = 0; i < LANE_COUNT; i++)
		free(sim->stream.lanes[i].members);
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
	while (b != 0) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* A stride that visits every member before it comes round, far from the one before. */
static void set_stride(struct lane *lane)
{
	lane->cursor = 0;
	lane->stride = (uint32_t)(lane->count * 0.618) | 1;
	while (lane->count > 1 && common_divisor(lane->stride, lane->count) != 1)
		lane->stride++;
}

void stream_build_lanes(struct simulator *sim)
{
	struct stream *stream = &sim->stream;
	struct lane *lanes = stream->lanes;

	for (int i = 0; i < LANE_COUNT; i++)
		lanes[i].count = 0;
	for (uint32_t i = 0; i < sim->market.universe.count; i++) {
		const uint64_t *of = sim->channels.subscribers[i];

		if (of[SLOT_QUOTE] != 0)
			lanes[LANE_QUOTE].members[lanes[LANE_QUOTE].count++] = i;
		if ((of[SLOT_TICKER] | of[SLOT_TICKER + 1] | of[SLOT_TICKER + 2]) != 0)
			lanes[LANE_TICKER].members[lanes[LANE_TICKER].count++] = i;
		if ((of[SLOT_BOOK] | of[SLOT_BOOK + 1] | of[SLOT_BOOK + 2]) != 0)
			lanes[LANE_BOOK].members[lanes[LANE_BOOK].count++] = i;
	}
	for (int i = 0; i < LANE_COUNT; i++)
		set_stride(&lanes[i]);
	stream->lanes_as_of = sim->channels.changes;
}

/* Whose turn it is: quiet ones are passed over now and then. UINT32_MAX: nobody's in this
 * millisecond. */
static uint32_t next_of_lane(struct simulator *sim, struct lane *lane, int emitted)
{
	uint32_t fallback = UINT32_MAX;

	for (uint32_t tries = 0; tries < lane->count && tries < 64; tries++) {
		uint32_t number = lane->members[lane->cursor];

		lane->cursor = (lane->cursor + lane->stride) % lane->count;
		if (!market_is_open(&sim->market, number) ||
			faults_keep_quiet(
				sim, number, emitted == EMITTED_TICKER ? SENT_OF_TICKER : SENT_OF_BOOK) ||
			sim->stream.emitted_ms[number][emitted] == sim->market.now_ms)
			continue;
		if (rng_unit(&sim->market.rng) < (double)sim->market.universe.instruments[number].activity)
			return number;
		fallback = number;
		if (tries > 8)
			break;
	}
	return fallback;
}

/* ---- the tick ---- */

void stream_resume(struct simulator *sim)
{
	int64_t tick = sim->stream.rate > 0 ? FL_SECOND / sim->stream.rate : TICK_MAX_NS;

	if (tick < TICK_MIN_NS)
		tick = TICK_MIN_NS;
	if (tick > TICK_MAX_NS)
		tick = TICK_MAX_NS;
	fl_timer_start(sim->ctx, TIMER_TICK, tick, tick);
}

void stream_set_rate(struct simulator *sim, int64_t rate)
{
	sim->stream.rate = rate;
	sim->stream.ticked_ns = fl_monotonic_ns(sim->ctx);
	stream_resume(sim);
}

static int draw_lane(struct simulator *sim)
{
	const int64_t shares[LANE_COUNT] = { [LANE_QUOTE] = sim->options->quote_share,
		[LANE_TICKER] = sim->options->ticker_share,
		[LANE_BOOK] = sim->options->book_share };
	int64_t sum = 0, at;

	for (int i = 0; i < LANE_COUNT; i++)
		sum += sim->stream.lanes[i].count > 0 ? shares[i] : 0;
	if (sum == 0)
		return -1;
	at = (int64_t)rng_below(&sim->market.rng, (uint32_t)sum);
	for (int i = 0; i < LANE_COUNT; i++) {
		if (sim->stream.lanes[i].count == 0)
			continue;
		if (at < shares[i])
			return i;
		at -= shares[i];
	}
	return -1;
}

static void spend_on_trades(struct simulator *sim)
{
	struct stream *stream = &sim->stream;

	while (stream->trade_budget >= 1) {
		uint32_t number = market_draw(&sim->market);
		int sent;

		if (number == UINT32_MAX)
			break;
		if (faults_keep_quiet(sim, number, SENT_OF_TRADES)) {
			stream->trade_budget -= 1;
			continue;
		}
		sent = stream_emit_trades(sim, number);
		stream->event_count++;
		stream->trade_budget -= sent > 1 ? sent : 1;
	}
}

static void spend_on_lanes(struct simulator *sim)
{
	struct stream *stream = &sim->stream;
	int misses = 0;

	while (stream->budget >= 1 && misses < 8) {
		int lane = draw_lane(sim), sent;
		uint32_t number;

		if (lane < 0) {
			stream->budget = 0; /* nobody is subscribed */
			return;
		}
		number = next_of_lane(
			sim, &stream->lanes[lane], lane == LANE_TICKER ? EMITTED_TICKER : EMITTED_QUOTE);
		if (number == UINT32_MAX) {
			misses++;
			continue;
		}
		sent =
			lane == LANE_TICKER ? stream_emit_ticker(sim, number) : stream_emit_book(sim, number);
		stream->event_count++;
		stream->budget -= sent > 1 ? sent : 1;
		if (stream->lanes_as_of != sim->channels.changes)
			stream_build_lanes(sim); /* a session has ended on the way */
	}
}

/* A client that does not read is dropped, as the venue does. */
static void drop_slow_sessions(struct simulator *sim)
{
	for (int i = 0; i < MAX_SESSIONS; i++) {
		struct session *session = &sim->sessions[i];

		if (session->conn == 0 ||
			fl_send_queued(sim->ctx, session->conn) <= (size_t)sim->options->slow_limit_bytes ||
			faults_is_slow_by_wish(sim, session))
			continue;
		sim->stream.slow_count++;
		session_abort(sim, session, "connection_too_slow");
	}
}

/* What was not spent in a quarter of a second is forgotten: no bursts after a pause. */
static void fill_budgets(struct stream *stream, const struct options *options, double seconds)
{
	double trades = (double)options->trade_share / 1000, rate = (double)stream->rate;

	stream->trade_budget =
		fmin(stream->trade_budget + rate * trades * seconds, 1 + rate * trades * 0.25);
	stream->budget =
		fmin(stream->budget + rate * (1 - trades) * seconds, 1 + rate * (1 - trades) * 0.25);
}

void stream_tick(struct simulator *sim)
{
	struct stream *stream = &sim->stream;
	int64_t now_ns = fl_monotonic_ns(sim->ctx);
	double seconds = (double)(now_ns - stream->ticked_ns) / 1e9;

	ledger_flush(&sim->ledger, stream->is_quiesced);
	drop_slow_sessions(sim);
	stream->ticked_ns = now_ns;
	if (stream->is_quiesced || sim->replay.instruments_count > 0)
		return;
	if (ledger_is_full(&sim->ledger)) {
		stream->skipped_ticks++;
		return;
	}
	market_advance(&sim->market, venue_now_ns(sim) / FL_MS, seconds);
	calendar_tick(sim);
	if (stream->lanes_as_of != sim->channels.changes)
		stream_build_lanes(sim);
	fill_budgets(stream, sim->options, seconds);
	spend_on_trades(sim);
	spend_on_lanes(sim);
	if (now_ns - stream->index_ns >= sim->options->index_interval_ns) {
		stream->index_ns = now_ns;
		stream_emit_index_prices(sim);
	}
}
