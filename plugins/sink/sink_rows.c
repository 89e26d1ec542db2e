/*
 * sink_rows.c: one function a record kind, each putting its columns in the order of its list.
 */
#include "sink_rows.h"
#include <feedloom/kit.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- columns ---- */

static const char *const quote_columns[] = { "instrument_id", "event_time", "received_at",
	"bid_price", "bid_amount", "ask_price", "ask_amount", NULL };

static const char *const ticker_columns[] = { "instrument_id", "event_time", "received_at", "state",
	"mark_price", "mark_iv", "bid_iv", "ask_iv", "bid_price", "bid_amount", "ask_price",
	"ask_amount", "last_price", "underlying_price", "underlying_index", "index_price",
	"interest_rate", "open_interest", "volume", "delta", "gamma", "theta", "vega", "rho",
	"settlement_price", "delivery_price", "min_price", "max_price", "current_funding", "funding_8h",
	NULL };

static const char *const trade_columns[] = { "instrument_id", "event_time", "received_at",
	"trade_id", "trade_seq", "price", "amount", "contracts", "direction", "iv", "mark_price",
	"index_price", "tick_direction", "liquidation", "block_trade_id", "combo_id", "refilled",
	NULL };

static const char *const book_columns[] = { "instrument_id", "event_time", "received_at",
	"change_id", "prev_change_id", "is_snapshot", "side", "price", "amount", NULL };

static const char *const greeks_columns[] = { "instrument_id", "event_time", "received_at",
	"account", "position", "delta", "gamma", "theta", "vega", "rho", "iv", "bid", "ask", "mark",
	"underlying_price", "persisted_at", NULL };

static const char *const candle_columns[] = { "instrument_id", "event_time", "received_at",
	"resolution_s", "open", "high", "low", "close", "volume", "cost", NULL };

static const char *const index_columns[] = { "index_name", "event_time", "received_at", "price",
	NULL };

static const char *const lifecycle_columns[] = { "event_time", "event_type", "currency",
	"instrument_name", "connection_id", "reason", "success", "metadata", "feed", NULL };

static const char *const gap_columns[] = { "feed", "instrument_name", "channel", "started_at",
	"ended_at", "first_seq", "last_seq", "cause", "filled_at", "detail", NULL };

static const char *const instrument_columns[] = { "instrument_id", "exchange", "instrument_name",
	"currency", "kind", "strike", "option_type", "expiration_timestamp", "creation_timestamp",
	"is_active", "listed_at", "last_seen", "expired_at", "tick_size", "contract_size",
	"base_currency", "quote_currency", "settlement_currency", "price_currency", "underlying",
	"min_trade_amount", NULL };

/* What is known of the contract comes from its row of instrument_metadata, by its number. */
static const char *const account_trade_columns[] = { "executed_at", "received_at", "broker",
	"account", "execution_id", "order_id", "side", "quantity", "price", "multiplier", "commission",
	"fees", "currency", "persisted_at", "instrument_id", NULL };

/* ---- values ---- */

static void put_time(const struct sink_row *row, int64_t ns)
{
	if (ns == 0)
		row->out->null(row->to);
	else
		row->out->time(row->to, ns);
}

static void put_ms(const struct sink_row *row, int64_t ns)
{
	if (ns == 0)
		row->out->null(row->to);
	else
		row->out->integer(row->to, ns / FL_MS);
}

static void put_counter(const struct sink_row *row, int64_t value)
{
	if (value < 0)
		row->out->null(row->to);
	else
		row->out->integer(row->to, value);
}

static void put_text(const struct sink_row *row, const char *text)
{
	if (text == NULL || text[0] == '\0')
		row->out->null(row->to);
	else
		row->out->text(row->to, text, strlen(text));
}

/* A field of fixed size. */
static void put_field(const struct sink_row *row, const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	if (length == 0)
		row->out->null(row->to);
	else
		row->out->text(row->to, text, length);
}

static void put_reals(const struct sink_row *row, const double *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		row->out->real(row->to, values[i]);
}

static void put_name(const struct sink_row *row, uint32_t instrument)
{
	put_text(row, instrument == 0 ? "" : fl_instrument_name(row->ctx, instrument));
}

/* What the rows by instrument begin with. */
static void put_head(const struct sink_row *row, const struct fl_record *head, uint32_t id)
{
	if (id == 0)
		row->out->null(row->to);
	else
		row->out->integer(row->to, id);
	put_time(row, head->event_time_ns);
	put_time(row, head->received_ns);
}

static const char *state_word(uint32_t state)
{
	static const char *const words[] = { NULL, "listed", "open", "settlement", "closed", "removed",
		"suspended" };

	return state < sizeof(words) / sizeof(*words) ? words[state] : NULL;
}

static const char *kind_word(unsigned kind)
{
	static const char *const words[] = { "unknown", "option", "future", "perpetual", "spot",
		"option_combo", "future_combo", "stock", "index" };

	return kind < sizeof(words) / sizeof(*words) ? words[kind] : "unknown";
}

static const char *option_word(unsigned type)
{
	return type == FL_CALL ? "call" : type == FL_PUT ? "put" : NULL;
}

static const char *direction_word(unsigned direction)
{
	return direction == FL_BUY ? "buy" : direction == FL_SELL ? "sell" : NULL;
}

/* ---- kinds ---- */

static uint32_t put_quote(const struct sink_row *row, const struct fl_quote *quote, uint32_t id)
{
	put_head(row, &quote->head, id);
	row->out->real(row->to, quote->bid_price);
	row->out->real(row->to, quote->bid_amount);
	row->out->real(row->to, quote->ask_price);
	row->out->real(row->to, quote->ask_amount);
	row->out->end(row->to);
	return 1;
}

static uint32_t put_ticker(const struct sink_row *row, const struct fl_ticker *ticker, uint32_t id)
{
	const double before[] = { ticker->mark_price, ticker->mark_iv, ticker->bid_iv, ticker->ask_iv,
		ticker->bid_price, ticker->bid_amount, ticker->ask_price, ticker->ask_amount,
		ticker->last_price, ticker->underlying_price };
	const double behind[] = { ticker->index_price, ticker->interest_rate, ticker->open_interest,
		ticker->volume, ticker->delta, ticker->gamma, ticker->theta, ticker->vega, ticker->rho,
		ticker->settlement_price, ticker->delivery_price, ticker->min_price, ticker->max_price,
		ticker->current_funding, ticker->funding_8h };

	put_head(row, &ticker->head, id);
	put_text(row, state_word(ticker->state));
	put_reals(row, before, sizeof(before) / sizeof(*before));
	put_name(row, ticker->underlying_index);
	put_reals(row, behind, sizeof(behind) / sizeof(*behind));
	row->out->end(row->to);
	return 1;
}

static uint32_t put_trade(const struct sink_row *row, const struct fl_trade *trade, uint32_t id)
{
	static const char *const liquidations[] = { NULL, "M", "T", "MT" };

	put_head(row, &trade->head, id);
	put_field(row, trade->trade_id, sizeof(trade->trade_id));
	put_counter(row, trade->trade_seq);
	row->out->real(row->to, trade->price);
	row->out->real(row->to, trade->amount);
	row->out->real(row->to, trade->contracts);
	put_text(row, direction_word(trade->direction));
	row->out->real(row->to, trade->iv);
	row->out->real(row->to, trade->mark_price);
	row->out->real(row->to, trade->index_price);
	put_counter(row, trade->tick_direction);
	put_text(row, liquidations[trade->flags & 3]);
	put_field(row, trade->block_trade_id, sizeof(trade->block_trade_id));
	put_name(row, trade->combo);
	row->out->integer(row->to, (trade->flags & FL_TRADE_REFILLED) != 0);
	row->out->end(row->to);
	return 1;
}

static void put_book_head(const struct sink_row *row, const struct fl_book *book, uint32_t id)
{
	put_head(row, &book->head, id);
	row->out->integer(row->to, book->change_id);
	put_counter(row, book->prev_change_id);
	row->out->integer(row->to, book->is_snapshot != 0);
}

static uint32_t put_book(const struct sink_row *row, const struct fl_book *book, uint32_t id)
{
	/* Refused or empty: one row stands for all, so that what is counted are records. */
	if (book->level_count == 0 || id == 0 || book->head.event_time_ns == 0) {
		put_book_head(row, book, id);
		row->out->null(row->to);
		row->out->null(row->to);
		row->out->null(row->to);
		row->out->end(row->to);
		return 1;
	}
	for (uint32_t i = 0; i < book->level_count; i++) {
		const struct fl_book_level *level = &book->levels[i];

		put_book_head(row, book, id);
		put_text(row, level->side == FL_BID ? "bid" : level->side == FL_ASK ? "ask" : NULL);
		row->out->real(row->to, level->price);
		row->out->real(row->to, level->amount);
		row->out->end(row->to);
	}
	return book->level_count;
}

static uint32_t put_greeks(const struct sink_row *row, const struct fl_greeks *greeks, uint32_t id)
{
	const double values[] = { greeks->position, greeks->delta, greeks->gamma, greeks->theta,
		greeks->vega, greeks->rho, greeks->iv, greeks->bid, greeks->ask, greeks->mark,
		greeks->underlying_price };

	put_head(row, &greeks->head, id);
	put_field(row, greeks->account, sizeof(greeks->account));
	put_reals(row, values, sizeof(values) / sizeof(*values));
	put_time(row, row->now_ns);
	row->out->end(row->to);
	return 1;
}

static uint32_t put_candle(const struct sink_row *row, const struct fl_candle *candle, uint32_t id)
{
	put_head(row, &candle->head, id);
	put_counter(row, candle->resolution_s == 0 ? -1 : (int64_t)candle->resolution_s);
	row->out->real(row->to, candle->open);
	row->out->real(row->to, candle->high);
	row->out->real(row->to, candle->low);
	row->out->real(row->to, candle->close);
	row->out->real(row->to, candle->volume);
	row->out->real(row->to, candle->cost);
	row->out->end(row->to);
	return 1;
}

static uint32_t put_index(const struct sink_row *row, const struct fl_index *index)
{
	put_name(row, index->head.instrument);
	put_time(row, index->head.event_time_ns);
	put_time(row, index->head.received_ns);
	row->out->real(row->to, index->price);
	row->out->end(row->to);
	return 1;
}

static uint32_t put_lifecycle(const struct sink_row *row, const struct fl_lifecycle *event)
{
	const struct fl_record *head = &event->head;

	put_time(row, head->event_time_ns != 0 ? head->event_time_ns : head->received_ns);
	put_field(row, event->event_type, sizeof(event->event_type));
	put_field(row, event->currency, sizeof(event->currency));
	put_name(row, head->instrument);
	put_counter(row, event->connection_id);
	put_field(row, event->reason, sizeof(event->reason));
	row->out->integer(row->to, event->success != 0);
	if (event->metadata_length == 0)
		row->out->null(row->to);
	else
		row->out->text(row->to, event->metadata, event->metadata_length);
	put_text(row, fl_source_name(row->ctx, head->source));
	row->out->end(row->to);
	return 1;
}

static uint32_t put_gap(const struct sink_row *row, const struct fl_gap *gap)
{
	put_text(row, fl_source_name(row->ctx, gap->head.source));
	put_name(row, gap->head.instrument);
	put_field(row, gap->channel, sizeof(gap->channel));
	put_time(row, gap->started_ns);
	put_time(row, gap->ended_ns);
	put_counter(row, gap->first_seq);
	put_counter(row, gap->last_seq);
	put_text(row, gap->cause[0] == '\0' ? "unknown" : gap->cause);
	put_time(row, gap->filled_ns);
	put_field(row, gap->detail, sizeof(gap->detail));
	row->out->end(row->to);
	return 1;
}

static uint32_t put_account_trade(
	const struct sink_row *row, const struct fl_account_trade *trade, uint32_t id)
{
	uint32_t instrument = trade->head.instrument;

	put_time(row, trade->head.event_time_ns);
	put_time(row, trade->head.received_ns);
	put_text(row,
		id != 0 ? fl_instrument_venue(row->ctx, instrument)
				: fl_source_name(row->ctx, trade->head.source));
	row->out->text(row->to, trade->account, strnlen(trade->account, sizeof(trade->account)));
	put_field(row, trade->execution_id, sizeof(trade->execution_id));
	put_field(row, trade->order_id, sizeof(trade->order_id));
	put_text(row, direction_word((unsigned)trade->side));
	row->out->real(row->to, trade->quantity);
	row->out->real(row->to, trade->price);
	row->out->real(row->to, trade->multiplier);
	row->out->real(row->to, trade->commission);
	row->out->real(row->to, trade->fees);
	put_field(row, trade->currency, sizeof(trade->currency));
	put_time(row, row->now_ns);
	put_counter(row, id == 0 ? -1 : (int64_t)id);
	row->out->end(row->to);
	return 1;
}

static uint32_t put_instrument(
	const struct sink_row *row, const struct fl_instrument *instrument, uint32_t id)
{
	int64_t seen_ns = instrument->head.received_ns;
	bool is_active = instrument->is_active != 0;
	bool has_expired = instrument->expiry_ns != 0 && instrument->expiry_ns <= seen_ns;

	put_counter(row, id == 0 ? -1 : (int64_t)id);
	put_text(row, fl_instrument_venue(row->ctx, instrument->head.instrument));
	put_name(row, instrument->head.instrument);
	row->out->text(
		row->to, instrument->currency, strnlen(instrument->currency, sizeof(instrument->currency)));
	put_text(row, kind_word(instrument->instrument_kind));
	row->out->real(row->to, instrument->strike);
	put_text(row, option_word(instrument->option_type));
	put_ms(row, instrument->expiry_ns);
	put_ms(row, instrument->creation_ns);
	row->out->integer(row->to, is_active);
	put_time(row, seen_ns);
	put_time(row, is_active ? seen_ns : 0);
	put_time(row, !is_active && has_expired ? seen_ns : 0);
	row->out->real(row->to, instrument->tick_size);
	row->out->real(row->to, instrument->contract_size);
	put_field(row, instrument->base_currency, sizeof(instrument->base_currency));
	put_field(row, instrument->quote_currency, sizeof(instrument->quote_currency));
	put_field(row, instrument->settlement_currency, sizeof(instrument->settlement_currency));
	put_field(row, instrument->price_currency, sizeof(instrument->price_currency));
	put_field(row, instrument->underlying, sizeof(instrument->underlying));
	row->out->real(row->to, instrument->min_trade_amount);
	row->out->end(row->to);
	return 1;
}

uint32_t sink_put(const struct sink_row *row, const struct fl_record *record, uint32_t id)
{
	const void *any = record;

	switch ((enum fl_kind)record->kind) {
	case FL_QUOTE: return put_quote(row, any, id);
	case FL_TICKER: return put_ticker(row, any, id);
	case FL_TRADE: return put_trade(row, any, id);
	case FL_BOOK: return put_book(row, any, id);
	case FL_GREEKS: return put_greeks(row, any, id);
	case FL_CANDLE: return put_candle(row, any, id);
	case FL_INDEX: return put_index(row, any);
	case FL_INSTRUMENT: return put_instrument(row, any, id);
	case FL_LIFECYCLE:
	case FL_STATUS: return put_lifecycle(row, any);
	case FL_GAP: return put_gap(row, any);
	case FL_ACCOUNT_TRADE: return put_account_trade(row, any, id);
	}
	return 0;
}

/* ---- by kind ---- */

static const struct sink_kind kinds[FL_KIND_COUNT] = {
	[FL_QUOTE] = { "option_quotes", "option_quotes_base", quote_columns, false, true, false },
	[FL_TICKER] = { "tickers", "tickers_base", ticker_columns, false, true, false },
	[FL_TRADE] = { "option_trades", "option_trades_base", trade_columns, true, true, false },
	[FL_BOOK] = { "books", "books_base", book_columns, false, true, false },
	[FL_GREEKS] = { "greek_snapshots", "greek_snapshots_base", greeks_columns, false, true, false },
	[FL_CANDLE] = { "candles", "candles_base", candle_columns, false, true, false },
	[FL_INDEX] = { "index_prices", "index_prices", index_columns, false, false, false },
	[FL_INSTRUMENT] = { "instrument_metadata", "instrument_metadata", instrument_columns, false,
		true, true },
	[FL_LIFECYCLE] = { "lifecycle_events", "lifecycle_events", lifecycle_columns, false, false,
		true },
	[FL_STATUS] = { "lifecycle_events", "lifecycle_events", lifecycle_columns, false, false, true },
	[FL_GAP] = { "stream_gaps", "stream_gaps", gap_columns, false, false, true },
	[FL_ACCOUNT_TRADE] = { "trades", "trades", account_trade_columns, true, true, true },
};

const struct sink_kind *sink_kind(unsigned kind)
{
	static const struct sink_kind none = { 0 };

	return kind < FL_KIND_COUNT ? &kinds[kind] : &none;
}

/* ---- instruments known by name ---- */

/* Names of the venue's own kind first; a broker's are OCC's or dxFeed's. */
static bool parse(const char *venue, const char *name, struct fl_symbol *out)
{
	size_t length = strlen(name);

	if (strcmp(venue, "deribit") == 0)
		return fl_symbol_deribit(name, length, out) == 0;
	return fl_symbol_occ(name, length, out) == 0 || fl_symbol_dxfeed(name, length, out) == 0 ||
		fl_symbol_deribit(name, length, out) == 0;
}

void sink_put_new(const struct sink_row *row, uint32_t instrument)
{
	const char *venue = fl_instrument_venue(row->ctx, instrument);
	const char *name = fl_instrument_name(row->ctx, instrument);
	struct fl_symbol symbol = { .strike = NAN };
	const char *currency;

	if (!parse(venue, name, &symbol))
		symbol = (struct fl_symbol){ .strike = NAN };
	currency = symbol.quote[0] != '\0' ? symbol.quote : symbol.underlying;
	row->out->text(row->to, venue, strlen(venue));
	row->out->text(row->to, name, strlen(name));
	row->out->text(row->to, currency, strlen(currency));
	put_text(row, kind_word(symbol.kind));
	row->out->real(row->to, symbol.strike);
	put_text(row, option_word(symbol.option_type));
	put_ms(row, symbol.expiry_ns);
	row->out->integer(row->to, symbol.expiry_ns == 0 || symbol.expiry_ns > row->now_ns);
	put_text(row, symbol.underlying);
	put_text(row, symbol.quote);
	row->out->end(row->to);
}

/* ---- what the journal dropped ---- */

void sink_put_dropped(const struct sink_row *row, const uint64_t dropped[FL_KIND_COUNT],
	int64_t started_ns, int64_t ended_ns)
{
	char detail[400];
	size_t length = 0;

	length += (size_t)snprintf(detail, sizeof(detail), "%s:", fl_instance_name(row->ctx));
	if (length >= sizeof(detail))
		length = 0;
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		const char *word = fl_kind_name(kind);

		if (dropped[kind] == 0 || length + 48 > sizeof(detail))
			continue;
		length += (size_t)snprintf(detail + length, sizeof(detail) - length, " %s %" PRIu64,
			word == NULL ? "other" : word, dropped[kind]);
	}
	row->out->null(row->to);
	row->out->null(row->to);
	row->out->null(row->to);
	put_time(row, started_ns);
	put_time(row, ended_ns);
	row->out->null(row->to);
	row->out->null(row->to);
	put_text(row, "journal_full");
	row->out->null(row->to);
	row->out->text(row->to, detail, length);
	row->out->end(row->to);
}
