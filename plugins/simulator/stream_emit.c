/*
 * stream_emit.c: one event of the market to its subscribers: the message is put together once, goes
 * out on each of its channels, and into the ledger for each session that got it.
 */
#include "stream_emit.h"

#include <string.h>

#include "faults.h"
#include "venue_deribit_print.h"

/* Before the data lies room for the envelope of any channel. */
enum { HEADROOM = 256 };

/* ---- sending ---- */

static void begin_message(struct simulator *sim)
{
	static const char room[HEADROOM];

	text_reset(&sim->message);
	text_bytes(&sim->message, room, sizeof(room));
}

static void enter_in_ledger(struct simulator *sim, struct session *session,
	const struct stream_message *sent, const struct content *content)
{
	struct ledger *ledger = &sim->ledger;
	struct ledger_message message = { .connection = session->id,
		.number = session->message_count,
		.kind = content->kind,
		.channel = sent->channel,
		.channel_length = sent->channel_length,
		.bytes = sent->length,
		.instrument = content->instrument != NULL ? content->instrument->name : "",
		.event_ms = content->event_ms,
		.items = 1 };
	int64_t seq;

	if (!ledger->is_on)
		return;
	if (content->trades != NULL)
		message.items = content->trade_count;
	if (content->is_empty)
		message.items = 0;
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

bool stream_hand_over(struct simulator *sim, struct session *session,
	const struct stream_message *message, const struct content *content, size_t pieces)
{
	int error = pieces == 0
		? fl_send(sim->ctx, session->conn, message->data, message->length)
		: fl_send_pieces(sim->ctx, session->conn, message->data, message->length, pieces, true);

	if (error < 0) {
		sim->stream.slow_count++;
		session_abort(sim, session, "connection_too_slow");
		return false;
	}
	session->message_count++;
	session->is_idle = false;
	sim->stream.sent_count++;
	sim->stream.sent_bytes += message->length;
	enter_in_ledger(sim, session, message, content);
	return true;
}

static int send_to(struct simulator *sim, uint64_t mask, const struct stream_message *message,
	const struct content *content)
{
	int count = 0;

	for (int i = 0; mask != 0; mask >>= 1, i++) {
		struct session *session = &sim->sessions[i];

		if (!(mask & 1) || session->conn == 0)
			continue;
		if (faults_are_on(sim, session))
			count += faults_send(sim, session, message, content);
		else
			count += stream_hand_over(sim, session, message, content, 0);
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
	struct text *text = &sim->message;
	struct stream_message message = { .channel = channel, .channel_length = length };
	char *at;

	if (mask == 0 || text->failed || envelope > HEADROOM)
		return 0;
	at = text->data + HEADROOM - envelope;
	memcpy(at, opening, sizeof(opening) - 1);
	memcpy(at + sizeof(opening) - 1, channel, length);
	memcpy(at + sizeof(opening) - 1 + length, closing, sizeof(closing) - 1);
	message.data = at;
	message.length = text->length - (size_t)(at - text->data);
	return send_to(sim, mask, &message, content);
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

	struct stream_message message = { data, length, channel, strlen(channel) };

	return send_to(sim, mask, &message, &content);
}

void stream_send_notice(struct simulator *sim, const char *channel, const char *data)
{
	int64_t number = names_find(&sim->channels.wide_names, channel, strlen(channel));
	struct content content = { .kind = "notice", .event_ms = sim->market.now_ms, .is_empty = true };

	if (number < 0)
		return;
	begin_message(sim);
	text_put(&sim->message, data);
	text_put(&sim->message, "}}");
	publish(sim, sim->channels.wide[number].subscribers, channel, &content);
}

/* ---- events ---- */

int stream_emit_ticker(struct simulator *sim, uint32_t number)
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

void stream_emit_settlement(struct simulator *sim, uint32_t number)
{
	const struct sim_quote quote = { .timestamp = sim->market.now_ms };
	struct content content = { .kind = "settlement",
		.instrument = &sim->market.universe.instruments[number],
		.event_ms = quote.timestamp,
		.is_empty = true };
	char channel[96];

	begin_message(sim);
	print_quote(&sim->message, content.instrument, &quote, &sim->market.rng);
	text_put(&sim->message, "}}");
	instrument_channel(channel, "quote.", content.instrument, "");
	publish(sim, sim->channels.subscribers[number][SLOT_QUOTE], channel, &content);
}

/* The book moves, and the quote with it when that is its top. */
int stream_emit_book(struct simulator *sim, uint32_t number)
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

int stream_emit_trades(struct simulator *sim, uint32_t number)
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

void stream_emit_index_prices(struct simulator *sim)
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

		if (channel->type != CHANNEL_OF_INSTRUMENT ||
			faults_mute_snapshot(sim, session, channel->number))
			continue;
		if (channel->slot >= SLOT_TICKER && channel->slot < SLOT_BOOK)
			send_ticker_snapshot(sim, session, channel->number, channel->slot - SLOT_TICKER);
		else if (channel->slot >= SLOT_BOOK && channel->slot < SLOT_TRADES)
			send_book_snapshot(sim, session, channel->number, channel->slot - SLOT_BOOK);
	}
	sim->fresh_count = 0;
}
