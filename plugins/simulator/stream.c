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

#include "simulator.h"
#include "venue_deribit_print.h"

#define TICK_MIN_NS (5 * FL_MS)
#define TICK_MAX_NS FL_SECOND
/* Before the data lies room for the envelope of any channel. */
enum { HEADROOM = 256 };
enum { EMITTED_QUOTE, EMITTED_TICKER };

/** What a message holds, for the ledger. One of the pointers is set. */
struct content {
	const char *kind;
	const struct sim_instrument *instrument; /* NULL: of none, or of several */
	int64_t event_ms;
	const struct sim_quote *quote;
	const struct sim_ticker *ticker;
	const struct sim_book *book;
	const struct sim_trade *const *trades;
	int trade_count;
	const char *index;
	double index_price;
};

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

static void build_lanes(struct simulator *sim)
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

/* ---- sending ---- */

static void begin_message(struct simulator *sim)
{
	static const char room[HEADROOM];

	text_reset(&sim->message);
	text_bytes(&sim->message, room, sizeof(room));
}

static void enter_in_ledger(struct simulator *sim, struct session *session, const char *channel,
	size_t channel_length, const struct content *content)
{
	struct ledger *ledger = &sim->ledger;
	struct ledger_message message = { .connection = session->id,
		.number = session->message_count,
		.kind = content->kind,
		.channel = channel,
		.channel_length = channel_length,
		.instrument = content->instrument != NULL ? content->instrument->name : "",
		.event_ms = content->event_ms,
		.items = 1 };
	int64_t seq;

	if (!ledger->is_on)
		return;
	if (content->trades != NULL)
		message.items = content->trade_count;
	if (content->book != NULL)
		message.items = content->book->bid_count + content->book->ask_count;
	seq = ledger_sent(ledger, &message);
	if (content->quote != NULL)
		ledger_quote(ledger, seq, content->instrument, content->quote);
	if (content->ticker != NULL)
		ledger_ticker(ledger, seq, content->instrument, content->ticker);
	if (content->book != NULL)
		ledger_book(ledger, seq, content->instrument, content->book);
	for (int i = 0; i < content->trade_count; i++)
		ledger_trade(ledger, seq, i, &sim->market, content->trades[i]);
	if (content->index != NULL)
		ledger_index_price(ledger, seq, content->index, content->event_ms, content->index_price);
}

static int send_to(struct simulator *sim, uint64_t mask, const char *data, size_t length,
	const char *channel, size_t channel_length, const struct content *content)
{
	int count = 0;

	for (int i = 0; mask != 0; mask >>= 1, i++) {
		struct session *session = &sim->sessions[i];

		if (!(mask & 1) || session->conn == 0)
			continue;
		if (fl_send(sim->ctx, session->conn, data, length) < 0) {
			sim->stream.slow_count++;
			session_abort(sim, session, "connection_too_slow");
			continue;
		}
		session->message_count++;
		session->is_idle = false;
		sim->stream.sent_count++;
		sim->stream.sent_bytes += length;
		count++;
		enter_in_ledger(sim, session, channel, channel_length, content);
	}
	return count;
}

/* Sends the data that lies behind the headroom as a notification of `channel`. */
static int publish(
	struct simulator *sim, uint64_t mask, const char *channel, const struct content *content)
{
	static const char opening[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":\"";
	static const char closing[] = "\",\"data\":";
	size_t length = strlen(channel), envelope = sizeof(opening) + sizeof(closing) - 2 + length;
	struct text *message = &sim->message;
	char *at;

	if (mask == 0 || message->failed || envelope > HEADROOM)
		return 0;
	at = message->data + HEADROOM - envelope;
	memcpy(at, opening, sizeof(opening) - 1);
	memcpy(at + sizeof(opening) - 1, channel, length);
	memcpy(at + sizeof(opening) - 1 + length, closing, sizeof(closing) - 1);
	return send_to(
		sim, mask, at, message->length - (size_t)(at - message->data), channel, length, content);
}

static void instrument_channel(
	char *out, const char *word, const struct sim_instrument *instrument, const char *interval)
{
	size_t length = strlen(word);

	memcpy(out, word, length);
	memcpy(out + length, instrument->name, instrument->name_length);
	strcpy(out + length + instrument->name_length, interval);
}

static const char *const dotted[INTERVAL_COUNT] = { ".raw", ".100ms", ".agg2" };

/* On the three intervals of a channel, from `slot` on. */
static int publish_intervals(struct simulator *sim, uint32_t number, int slot, const char *word,
	const struct content *content)
{
	const struct sim_instrument *instrument = &sim->market.universe.instruments[number];
	char channel[96];
	int count = 0;

	for (int i = 0; i < INTERVAL_COUNT; i++) {
		uint64_t mask = sim->channels.subscribers[number][slot + i];

		if (mask == 0)
			continue;
		instrument_channel(channel, word, instrument, dotted[i]);
		count += publish(sim, mask, channel, content);
	}
	return count;
}

int stream_send_raw(
	struct simulator *sim, uint64_t mask, const char *channel, const char *data, size_t length)
{
	struct content content = { .kind = "replay", .event_ms = sim->market.now_ms };

	return send_to(sim, mask, data, length, channel, strlen(channel), &content);
}

/* ---- events ---- */

static int emit_ticker(struct simulator *sim, uint32_t number)
{
	struct sim_ticker ticker;
	struct content content = {
		.kind = "ticker", .instrument = &sim->market.universe.instruments[number], .ticker = &ticker
	};

	market_ticker(&sim->market, number, &ticker);
	content.event_ms = ticker.quote.timestamp;
	sim->stream.emitted_ms[number][EMITTED_TICKER] = sim->market.now_ms;
	begin_message(sim);
	print_ticker(&sim->message, content.instrument, &ticker, &sim->market.rng);
	text_put(&sim->message, "}}");
	return publish_intervals(sim, number, SLOT_TICKER, "ticker.", &content);
}

static int emit_quote(struct simulator *sim, uint32_t number)
{
	struct sim_quote quote;
	struct content content = {
		.kind = "quote", .instrument = &sim->market.universe.instruments[number], .quote = &quote
	};
	char channel[96];

	market_quote_now(&sim->market, number, &quote);
	content.event_ms = quote.timestamp;
	begin_message(sim);
	print_quote(&sim->message, content.instrument, &quote, &sim->market.rng);
	text_put(&sim->message, "}}");
	instrument_channel(channel, "quote.", content.instrument, "");
	return publish(sim, sim->channels.subscribers[number][SLOT_QUOTE], channel, &content);
}

/* The book moves, and the quote with it when that is its top. */
static int emit_book(struct simulator *sim, uint32_t number)
{
	struct sim_book book;
	struct content content = {
		.kind = "book", .instrument = &sim->market.universe.instruments[number], .book = &book
	};
	const uint64_t *of = sim->channels.subscribers[number];
	int count = 0;

	market_requote(&sim->market, number, &book);
	content.event_ms = book.timestamp;
	sim->stream.emitted_ms[number][EMITTED_QUOTE] = sim->market.now_ms;
	if ((of[SLOT_BOOK] | of[SLOT_BOOK + 1] | of[SLOT_BOOK + 2]) != 0) {
		begin_message(sim);
		print_book(&sim->message, content.instrument, &book);
		text_put(&sim->message, "}}");
		count = publish_intervals(sim, number, SLOT_BOOK, "book.", &content);
	}
	if (book.is_top_changed && of[SLOT_QUOTE] != 0)
		count += emit_quote(sim, number);
	return count;
}

static int publish_wide_trades(
	struct simulator *sim, uint32_t number, const struct content *content)
{
	const struct sim_instrument *instrument = &sim->market.universe.instruments[number];
	int kinds[2] = { instrument->kind == FL_KIND_OPTION ? 0 : 1, 2 };
	int currencies[2] = { instrument->currency, CURRENCIES };
	int count = 0;

	for (int k = 0; k < 2; k++)
		for (int c = 0; c < 2; c++)
			for (int i = 0; i < INTERVAL_COUNT; i++) {
				const struct wide_channel *wide =
					&sim->channels.wide[sim->channels.trades[kinds[k]][currencies[c]][i]];

				count += publish(sim, wide->subscribers, wide->name, content);
			}
	return count;
}

static int emit_trades(struct simulator *sim, uint32_t number)
{
	const struct sim_trade *trades[TRADES_AT_ONCE];
	struct content content = {
		.kind = "trade", .instrument = &sim->market.universe.instruments[number], .trades = trades
	};
	int count = market_trade(&sim->market, number, trades);

	if (count == 0)
		return 0;
	content.trade_count = count;
	content.event_ms = trades[0]->timestamp;
	begin_message(sim);
	for (int i = 0; i < count; i++) {
		ledger_market_trade(&sim->ledger, &sim->market, trades[i]);
		text_put(&sim->message, i == 0 ? "[" : ",");
		print_trade(&sim->message, &sim->market, trades[i]);
	}
	text_put(&sim->message, "]}}");
	return publish_intervals(sim, number, SLOT_TRADES, "trades.", &content) +
		publish_wide_trades(sim, number, &content);
}

static void emit_index_prices(struct simulator *sim)
{
	for (int i = 0; i < CURRENCIES; i++) {
		const struct wide_channel *wide = &sim->channels.wide[sim->channels.index_prices[i]];
		struct content content = { .kind = "index",
			.event_ms = sim->market.now_ms,
			.index = sim->market.universe.currencies[i].index,
			.index_price = surface_index(&sim->market.surface, i) };

		if (wide->subscribers == 0)
			continue;
		begin_message(sim);
		print_index(&sim->message, content.index, content.index_price, content.event_ms);
		text_put(&sim->message, "}}");
		publish(sim, wide->subscribers, wide->name, &content);
	}
}

/* ---- first messages ---- */

static void send_ticker_snapshot(
	struct simulator *sim, struct session *session, uint32_t number, int interval)
{
	struct sim_ticker ticker;
	struct content content = {
		.kind = "ticker", .instrument = &sim->market.universe.instruments[number], .ticker = &ticker
	};
	char channel[96];

	market_ticker_now(&sim->market, number, &ticker);
	content.event_ms = ticker.quote.timestamp;
	begin_message(sim);
	print_ticker(&sim->message, content.instrument, &ticker, &sim->market.rng);
	text_put(&sim->message, "}}");
	instrument_channel(channel, "ticker.", content.instrument, dotted[interval]);
	publish(sim, UINT64_C(1) << session_number(sim, session), channel, &content);
}

static void send_book_snapshot(
	struct simulator *sim, struct session *session, uint32_t number, int interval)
{
	struct sim_book book;
	struct content content = {
		.kind = "book", .instrument = &sim->market.universe.instruments[number], .book = &book
	};
	char channel[96];

	market_book_now(&sim->market, number, &book);
	content.event_ms = book.timestamp;
	begin_message(sim);
	print_book(&sim->message, content.instrument, &book);
	text_put(&sim->message, "}}");
	instrument_channel(channel, "book.", content.instrument, dotted[interval]);
	publish(sim, UINT64_C(1) << session_number(sim, session), channel, &content);
}

void stream_send_snapshots(struct simulator *sim, struct session *session)
{
	int64_t id = session->id;

	/* session->id: it ends when the client does not read. */
	for (uint32_t i = 0; i < sim->fresh_count && session->id == id; i++) {
		const struct channel *channel = &sim->fresh[i];

		if (channel->type != CHANNEL_OF_INSTRUMENT)
			continue;
		if (channel->slot >= SLOT_TICKER && channel->slot < SLOT_BOOK)
			send_ticker_snapshot(sim, session, channel->number, channel->slot - SLOT_TICKER);
		else if (channel->slot >= SLOT_BOOK && channel->slot < SLOT_TRADES)
			send_book_snapshot(sim, session, channel->number, channel->slot - SLOT_BOOK);
	}
	sim->fresh_count = 0;
}

/* ---- the tick ---- */

void stream_set_rate(struct simulator *sim, int64_t rate)
{
	int64_t tick = rate > 0 ? FL_SECOND / rate : TICK_MAX_NS;

	if (tick < TICK_MIN_NS)
		tick = TICK_MIN_NS;
	if (tick > TICK_MAX_NS)
		tick = TICK_MAX_NS;
	sim->stream.rate = rate;
	sim->stream.ticked_ns = fl_monotonic_ns(sim->ctx);
	fl_timer_start(sim->ctx, TIMER_TICK, tick, tick);
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
		sent = emit_trades(sim, number);
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
		sent = lane == LANE_TICKER ? emit_ticker(sim, number) : emit_book(sim, number);
		stream->event_count++;
		stream->budget -= sent > 1 ? sent : 1;
		if (stream->lanes_as_of != sim->channels.changes)
			build_lanes(sim); /* a session has ended on the way */
	}
}

/* A client that does not read is dropped, as the venue does. */
static void drop_slow_sessions(struct simulator *sim)
{
	for (int i = 0; i < MAX_SESSIONS; i++) {
		struct session *session = &sim->sessions[i];

		if (session->conn == 0 ||
			fl_send_queued(sim->ctx, session->conn) <= (size_t)sim->options->slow_limit_bytes)
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
	market_advance(&sim->market, fl_now_ns(sim->ctx) / FL_MS, seconds);
	if (stream->lanes_as_of != sim->channels.changes)
		build_lanes(sim);
	fill_budgets(stream, sim->options, seconds);
	spend_on_trades(sim);
	spend_on_lanes(sim);
	if (now_ns - stream->index_ns >= FL_SECOND) {
		stream->index_ns = now_ns;
		emit_index_prices(sim);
	}
}
