/*
 * sqlite_rows.c: one function a record kind, each putting its columns in the order of its
 * statement.
 */
#include "sqlite_rows.h"
#include <feedloom/kit.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- statements ---- */

static const char quote_sql[] =
	"INSERT INTO option_quotes_base(instrument_id, event_us, received_us, bid_price, bid_amount, "
	"ask_price, ask_amount) VALUES(?,?,?,?,?,?,?)";

static const char ticker_sql[] =
	"INSERT INTO tickers_base(instrument_id, event_us, received_us, state, mark_price, mark_iv, "
	"bid_iv, ask_iv, bid_price, bid_amount, ask_price, ask_amount, last_price, underlying_price, "
	"underlying_index, index_price, interest_rate, open_interest, volume, delta, gamma, theta, "
	"vega, rho, settlement_price, delivery_price, min_price, max_price, current_funding, "
	"funding_8h) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

/* Not OR IGNORE, which would also pass over a row that lacks what the table demands. */
static const char trade_sql[] =
	"INSERT INTO option_trades_base(instrument_id, event_us, received_us, trade_id, trade_seq, "
	"price, amount, contracts, direction, iv, mark_price, index_price, tick_direction, "
	"liquidation, block_trade_id, combo_id, refilled) "
	"VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING";

static const char book_sql[] =
	"INSERT INTO books_base(instrument_id, event_us, received_us, change_id, prev_change_id, "
	"is_snapshot, side, price, amount) VALUES(?,?,?,?,?,?,?,?,?)";

static const char greeks_sql[] =
	"INSERT INTO greek_snapshots_base(instrument_id, event_us, received_us, account, position, "
	"delta, gamma, theta, vega, rho, iv, bid, ask, mark, underlying_price, persisted_us) "
	"VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

static const char candle_sql[] =
	"INSERT INTO candles_base(instrument_id, event_us, received_us, resolution_s, open, high, "
	"low, close, volume, cost) VALUES(?,?,?,?,?,?,?,?,?,?)";

static const char index_sql[] =
	"INSERT INTO index_prices(index_name, event_us, received_us, price) VALUES(?,?,?,?)";

static const char lifecycle_sql[] =
	"INSERT INTO lifecycle_events(event_us, event_type, currency, instrument_name, "
	"connection_id, reason, success, metadata, feed) VALUES(?,?,?,?,?,?,?,?,?)";

static const char gap_sql[] =
	"INSERT INTO stream_gaps(feed, instrument_name, channel, started_us, ended_us, first_seq, "
	"last_seq, cause, filled_us, detail) VALUES(?,?,?,?,?,?,?,?,?,?) "
	"ON CONFLICT(ifnull(feed, ''), ifnull(instrument_name, ''), ifnull(channel, ''), "
	"ifnull(started_us, 0), cause) DO UPDATE SET ended_us = coalesce(excluded.ended_us, ended_us), "
	"first_seq = coalesce(first_seq, excluded.first_seq), "
	"last_seq = coalesce(excluded.last_seq, last_seq), "
	"filled_us = coalesce(excluded.filled_us, filled_us), "
	"detail = coalesce(excluded.detail, detail)";

/* What the venue does not say this time stays as it was. */
static const char instrument_sql[] =
	"INSERT INTO instrument_metadata(instrument_id, exchange, instrument_name, currency, kind, "
	"strike, option_type, expiration_timestamp, creation_timestamp, is_active, listed_us, "
	"last_seen_us, expired_us, tick_size, contract_size, base_currency, quote_currency, "
	"settlement_currency, price_currency, underlying, min_trade_amount) "
	"VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(instrument_id) DO UPDATE SET "
	"currency = coalesce(nullif(excluded.currency, ''), currency), "
	"kind = coalesce(nullif(excluded.kind, 'unknown'), kind), "
	"strike = coalesce(excluded.strike, strike), "
	"option_type = coalesce(excluded.option_type, option_type), "
	"expiration_timestamp = coalesce(excluded.expiration_timestamp, expiration_timestamp), "
	"creation_timestamp = coalesce(excluded.creation_timestamp, creation_timestamp), "
	"is_active = excluded.is_active, "
	"listed_us = coalesce(listed_us, excluded.listed_us), "
	"last_seen_us = coalesce(excluded.last_seen_us, last_seen_us), "
	"expired_us = iif(excluded.is_active, NULL, coalesce(expired_us, excluded.expired_us)), "
	"tick_size = coalesce(excluded.tick_size, tick_size), "
	"contract_size = coalesce(excluded.contract_size, contract_size), "
	"base_currency = coalesce(excluded.base_currency, base_currency), "
	"quote_currency = coalesce(excluded.quote_currency, quote_currency), "
	"settlement_currency = coalesce(excluded.settlement_currency, settlement_currency), "
	"price_currency = coalesce(excluded.price_currency, price_currency), "
	"underlying = coalesce(excluded.underlying, underlying), "
	"min_trade_amount = coalesce(excluded.min_trade_amount, min_trade_amount)";

/* No conflict clause: a number or a name that another writer was faster with ends the job. */
static const char new_sql[] =
	"INSERT INTO instrument_metadata(instrument_id, exchange, instrument_name, currency, kind, "
	"strike, option_type, expiration_timestamp, is_active, base_currency, quote_currency) "
	"VALUES(?,?,?,?,?,?,?,?,?,?,?)";

/* What is known of the contract comes from its row; a fill of none is kept all the same. */
static const char account_trade_sql[] =
	"INSERT INTO trades(executed_us, received_us, broker, account, execution_id, order_id, side, "
	"quantity, price, multiplier, commission, fees, currency, persisted_us, contract, underlying, "
	"strike, expiry, option_type) "
	"SELECT ?,?,?,?,?,?,?,?,?,?,?,?,?,?, m.instrument_name, "
	"coalesce(m.base_currency, m.underlying, nullif(m.currency, '')), m.strike, "
	"strftime('%Y-%m-%d', m.expiration_timestamp / 1000, 'unixepoch'), m.option_type "
	"FROM (SELECT 1) LEFT JOIN instrument_metadata AS m ON m.instrument_id = ? WHERE true "
	"ON CONFLICT DO NOTHING";

/* ---- values ---- */

static void put_us(struct fl_sqlite_job *job, int64_t ns)
{
	if (ns == 0)
		fl_sqlite_null(job);
	else
		fl_sqlite_int(job, ns / FL_US);
}

static void put_ms(struct fl_sqlite_job *job, int64_t ns)
{
	if (ns == 0)
		fl_sqlite_null(job);
	else
		fl_sqlite_int(job, ns / FL_MS);
}

static void put_counter(struct fl_sqlite_job *job, int64_t value)
{
	if (value < 0)
		fl_sqlite_null(job);
	else
		fl_sqlite_int(job, value);
}

static void put_text(struct fl_sqlite_job *job, const char *text)
{
	if (text == NULL || text[0] == '\0')
		fl_sqlite_null(job);
	else
		fl_sqlite_text(job, text, strlen(text));
}

/* A field of fixed size. */
static void put_field(struct fl_sqlite_job *job, const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	if (length == 0)
		fl_sqlite_null(job);
	else
		fl_sqlite_text(job, text, length);
}

static void put_reals(struct fl_sqlite_job *job, const double *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fl_sqlite_real(job, values[i]);
}

static void put_name(struct fl_sqlite_job *job, const struct fl_ctx *ctx, uint32_t instrument)
{
	put_text(job, instrument == 0 ? "" : fl_instrument_name(ctx, instrument));
}

/* What the rows by instrument begin with. */
static void put_head(struct fl_sqlite_job *job, const struct fl_record *head, uint32_t id)
{
	if (id == 0)
		fl_sqlite_null(job);
	else
		fl_sqlite_int(job, id);
	put_us(job, head->event_time_ns);
	put_us(job, head->received_ns);
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

static uint32_t put_quote(
	struct fl_sqlite_job *job, const struct fl_ctx *ctx, const struct fl_quote *quote, uint32_t id)
{
	(void)ctx;
	put_head(job, &quote->head, id);
	fl_sqlite_real(job, quote->bid_price);
	fl_sqlite_real(job, quote->bid_amount);
	fl_sqlite_real(job, quote->ask_price);
	fl_sqlite_real(job, quote->ask_amount);
	fl_sqlite_row_end(job);
	return 1;
}

static uint32_t put_ticker(struct fl_sqlite_job *job, const struct fl_ctx *ctx,
	const struct fl_ticker *ticker, uint32_t id)
{
	const double before[] = { ticker->mark_price, ticker->mark_iv, ticker->bid_iv, ticker->ask_iv,
		ticker->bid_price, ticker->bid_amount, ticker->ask_price, ticker->ask_amount,
		ticker->last_price, ticker->underlying_price };
	const double behind[] = { ticker->index_price, ticker->interest_rate, ticker->open_interest,
		ticker->volume, ticker->delta, ticker->gamma, ticker->theta, ticker->vega, ticker->rho,
		ticker->settlement_price, ticker->delivery_price, ticker->min_price, ticker->max_price,
		ticker->current_funding, ticker->funding_8h };

	put_head(job, &ticker->head, id);
	put_text(job, state_word(ticker->state));
	put_reals(job, before, sizeof(before) / sizeof(*before));
	put_name(job, ctx, ticker->underlying_index);
	put_reals(job, behind, sizeof(behind) / sizeof(*behind));
	fl_sqlite_row_end(job);
	return 1;
}

static uint32_t put_trade(
	struct fl_sqlite_job *job, const struct fl_ctx *ctx, const struct fl_trade *trade, uint32_t id)
{
	static const char *const liquidations[] = { NULL, "M", "T", "MT" };

	put_head(job, &trade->head, id);
	put_field(job, trade->trade_id, sizeof(trade->trade_id));
	put_counter(job, trade->trade_seq);
	fl_sqlite_real(job, trade->price);
	fl_sqlite_real(job, trade->amount);
	fl_sqlite_real(job, trade->contracts);
	put_text(job, direction_word(trade->direction));
	fl_sqlite_real(job, trade->iv);
	fl_sqlite_real(job, trade->mark_price);
	fl_sqlite_real(job, trade->index_price);
	put_counter(job, trade->tick_direction);
	put_text(job, liquidations[trade->flags & 3]);
	put_field(job, trade->block_trade_id, sizeof(trade->block_trade_id));
	put_name(job, ctx, trade->combo);
	fl_sqlite_int(job, (trade->flags & FL_TRADE_REFILLED) != 0);
	fl_sqlite_row_end(job);
	return 1;
}

static void put_book_head(struct fl_sqlite_job *job, const struct fl_book *book, uint32_t id)
{
	put_head(job, &book->head, id);
	fl_sqlite_int(job, book->change_id);
	put_counter(job, book->prev_change_id);
	fl_sqlite_int(job, book->is_snapshot != 0);
}

static uint32_t put_book(
	struct fl_sqlite_job *job, const struct fl_ctx *ctx, const struct fl_book *book, uint32_t id)
{
	(void)ctx;
	/* Refused or empty: one row stands for all, so that what is counted are records. */
	if (book->level_count == 0 || id == 0 || book->head.event_time_ns == 0) {
		put_book_head(job, book, id);
		fl_sqlite_null(job);
		fl_sqlite_null(job);
		fl_sqlite_null(job);
		fl_sqlite_row_end(job);
		return 1;
	}
	for (uint32_t i = 0; i < book->level_count; i++) {
		const struct fl_book_level *level = &book->levels[i];

		put_book_head(job, book, id);
		put_text(job, level->side == FL_BID ? "bid" : level->side == FL_ASK ? "ask" : NULL);
		fl_sqlite_real(job, level->price);
		fl_sqlite_real(job, level->amount);
		fl_sqlite_row_end(job);
	}
	return book->level_count;
}

static uint32_t put_greeks(
	struct fl_sqlite_job *job, const struct fl_greeks *greeks, uint32_t id, int64_t now_ns)
{
	const double values[] = { greeks->position, greeks->delta, greeks->gamma, greeks->theta,
		greeks->vega, greeks->rho, greeks->iv, greeks->bid, greeks->ask, greeks->mark,
		greeks->underlying_price };

	put_head(job, &greeks->head, id);
	put_field(job, greeks->account, sizeof(greeks->account));
	put_reals(job, values, sizeof(values) / sizeof(*values));
	put_us(job, now_ns);
	fl_sqlite_row_end(job);
	return 1;
}

static uint32_t put_candle(struct fl_sqlite_job *job, const struct fl_candle *candle, uint32_t id)
{
	put_head(job, &candle->head, id);
	put_counter(job, candle->resolution_s == 0 ? -1 : (int64_t)candle->resolution_s);
	fl_sqlite_real(job, candle->open);
	fl_sqlite_real(job, candle->high);
	fl_sqlite_real(job, candle->low);
	fl_sqlite_real(job, candle->close);
	fl_sqlite_real(job, candle->volume);
	fl_sqlite_real(job, candle->cost);
	fl_sqlite_row_end(job);
	return 1;
}

static uint32_t put_index(
	struct fl_sqlite_job *job, const struct fl_ctx *ctx, const struct fl_index *index)
{
	put_name(job, ctx, index->head.instrument);
	put_us(job, index->head.event_time_ns);
	put_us(job, index->head.received_ns);
	fl_sqlite_real(job, index->price);
	fl_sqlite_row_end(job);
	return 1;
}

static uint32_t put_lifecycle(
	struct fl_sqlite_job *job, const struct fl_ctx *ctx, const struct fl_lifecycle *event)
{
	const struct fl_record *head = &event->head;

	put_us(job, head->event_time_ns != 0 ? head->event_time_ns : head->received_ns);
	put_field(job, event->event_type, sizeof(event->event_type));
	put_field(job, event->currency, sizeof(event->currency));
	put_name(job, ctx, head->instrument);
	put_counter(job, event->connection_id);
	put_field(job, event->reason, sizeof(event->reason));
	fl_sqlite_int(job, event->success != 0);
	if (event->metadata_length == 0)
		fl_sqlite_null(job);
	else
		fl_sqlite_text(job, event->metadata, event->metadata_length);
	put_text(job, fl_source_name(ctx, head->source));
	fl_sqlite_row_end(job);
	return 1;
}

static uint32_t put_gap(
	struct fl_sqlite_job *job, const struct fl_ctx *ctx, const struct fl_gap *gap)
{
	put_text(job, fl_source_name(ctx, gap->head.source));
	put_name(job, ctx, gap->head.instrument);
	put_field(job, gap->channel, sizeof(gap->channel));
	put_us(job, gap->started_ns);
	put_us(job, gap->ended_ns);
	put_counter(job, gap->first_seq);
	put_counter(job, gap->last_seq);
	put_text(job, gap->cause[0] == '\0' ? "unknown" : gap->cause);
	put_us(job, gap->filled_ns);
	put_field(job, gap->detail, sizeof(gap->detail));
	fl_sqlite_row_end(job);
	return 1;
}

static uint32_t put_account_trade(struct fl_sqlite_job *job, const struct fl_ctx *ctx,
	const struct fl_account_trade *trade, uint32_t id, int64_t now_ns)
{
	uint32_t instrument = trade->head.instrument;

	put_us(job, trade->head.event_time_ns);
	put_us(job, trade->head.received_ns);
	put_text(job,
		id != 0 ? fl_instrument_venue(ctx, instrument) : fl_source_name(ctx, trade->head.source));
	fl_sqlite_text(job, trade->account, strnlen(trade->account, sizeof(trade->account)));
	put_field(job, trade->execution_id, sizeof(trade->execution_id));
	put_field(job, trade->order_id, sizeof(trade->order_id));
	put_text(job, direction_word((unsigned)trade->side));
	fl_sqlite_real(job, trade->quantity);
	fl_sqlite_real(job, trade->price);
	fl_sqlite_real(job, trade->multiplier);
	fl_sqlite_real(job, trade->commission);
	fl_sqlite_real(job, trade->fees);
	put_field(job, trade->currency, sizeof(trade->currency));
	put_us(job, now_ns);
	put_counter(job, id == 0 ? -1 : (int64_t)id);
	fl_sqlite_row_end(job);
	return 1;
}

static uint32_t put_instrument(struct fl_sqlite_job *job, const struct fl_ctx *ctx,
	const struct fl_instrument *instrument, uint32_t id)
{
	int64_t seen_ns = instrument->head.received_ns;
	bool is_active = instrument->is_active != 0;
	bool has_expired = instrument->expiry_ns != 0 && instrument->expiry_ns <= seen_ns;

	put_counter(job, id == 0 ? -1 : (int64_t)id);
	put_text(job, fl_instrument_venue(ctx, instrument->head.instrument));
	put_name(job, ctx, instrument->head.instrument);
	fl_sqlite_text(
		job, instrument->currency, strnlen(instrument->currency, sizeof(instrument->currency)));
	put_text(job, kind_word(instrument->instrument_kind));
	fl_sqlite_real(job, instrument->strike);
	put_text(job, option_word(instrument->option_type));
	put_ms(job, instrument->expiry_ns);
	put_ms(job, instrument->creation_ns);
	fl_sqlite_int(job, is_active);
	put_us(job, seen_ns);
	put_us(job, is_active ? seen_ns : 0);
	put_us(job, !is_active && has_expired ? seen_ns : 0);
	fl_sqlite_real(job, instrument->tick_size);
	fl_sqlite_real(job, instrument->contract_size);
	put_field(job, instrument->base_currency, sizeof(instrument->base_currency));
	put_field(job, instrument->quote_currency, sizeof(instrument->quote_currency));
	put_field(job, instrument->settlement_currency, sizeof(instrument->settlement_currency));
	put_field(job, instrument->price_currency, sizeof(instrument->price_currency));
	put_field(job, instrument->underlying, sizeof(instrument->underlying));
	fl_sqlite_real(job, instrument->min_trade_amount);
	fl_sqlite_row_end(job);
	return 1;
}

uint32_t rows_put(struct fl_sqlite_job *job, const struct fl_ctx *ctx,
	const struct fl_record *record, uint32_t id, int64_t now_ns)
{
	const void *any = record;

	switch ((enum fl_kind)record->kind) {
	case FL_QUOTE: return put_quote(job, ctx, any, id);
	case FL_TICKER: return put_ticker(job, ctx, any, id);
	case FL_TRADE: return put_trade(job, ctx, any, id);
	case FL_BOOK: return put_book(job, ctx, any, id);
	case FL_GREEKS: return put_greeks(job, any, id, now_ns);
	case FL_CANDLE: return put_candle(job, any, id);
	case FL_INDEX: return put_index(job, ctx, any);
	case FL_INSTRUMENT: return put_instrument(job, ctx, any, id);
	case FL_LIFECYCLE:
	case FL_STATUS: return put_lifecycle(job, ctx, any);
	case FL_GAP: return put_gap(job, ctx, any);
	case FL_ACCOUNT_TRADE: return put_account_trade(job, ctx, any, id, now_ns);
	}
	return 0;
}

/* ---- by kind ---- */

static const struct {
	const char *table, *sql;
	bool may_repeat, needs_id, keeps_order;
} kinds[FL_KIND_COUNT] = {
	[FL_QUOTE] = { "option_quotes", quote_sql, false, true, false },
	[FL_TICKER] = { "tickers", ticker_sql, false, true, false },
	[FL_TRADE] = { "option_trades", trade_sql, true, true, false },
	[FL_BOOK] = { "books", book_sql, false, true, false },
	[FL_GREEKS] = { "greek_snapshots", greeks_sql, false, true, false },
	[FL_CANDLE] = { "candles", candle_sql, false, true, false },
	[FL_INDEX] = { "index_prices", index_sql, false, false, false },
	[FL_INSTRUMENT] = { "instrument_metadata", instrument_sql, false, true, true },
	[FL_LIFECYCLE] = { "lifecycle_events", lifecycle_sql, false, false, true },
	[FL_STATUS] = { "lifecycle_events", lifecycle_sql, false, false, true },
	[FL_GAP] = { "stream_gaps", gap_sql, false, false, true },
	[FL_ACCOUNT_TRADE] = { "trades", account_trade_sql, true, true, true },
};

const char *rows_table(unsigned kind)
{
	return kind < FL_KIND_COUNT ? kinds[kind].table : NULL;
}

const char *rows_sql(unsigned kind)
{
	return kind < FL_KIND_COUNT ? kinds[kind].sql : NULL;
}

bool rows_may_repeat(unsigned kind)
{
	return kind < FL_KIND_COUNT && kinds[kind].may_repeat;
}

bool rows_need_id(unsigned kind)
{
	return kind < FL_KIND_COUNT && kinds[kind].needs_id;
}

bool rows_keep_order(unsigned kind)
{
	return kind < FL_KIND_COUNT && kinds[kind].keeps_order;
}

/* ---- instruments known by name ---- */

const char *rows_new_sql(void)
{
	return new_sql;
}

/* Names of the venue's own kind first; a broker's are OCC's or dxFeed's. */
static bool parse(const char *venue, const char *name, struct fl_symbol *out)
{
	size_t length = strlen(name);

	if (strcmp(venue, "deribit") == 0)
		return fl_symbol_deribit(name, length, out) == 0;
	return fl_symbol_occ(name, length, out) == 0 || fl_symbol_dxfeed(name, length, out) == 0 ||
		fl_symbol_deribit(name, length, out) == 0;
}

void rows_put_new(struct fl_sqlite_job *job, const struct fl_ctx *ctx, uint32_t instrument,
	uint32_t id, int64_t now_ns)
{
	const char *venue = fl_instrument_venue(ctx, instrument);
	const char *name = fl_instrument_name(ctx, instrument);
	struct fl_symbol symbol = { .strike = NAN };
	const char *currency;

	if (!parse(venue, name, &symbol))
		symbol = (struct fl_symbol){ .strike = NAN };
	currency = symbol.quote[0] != '\0' ? symbol.quote : symbol.underlying;
	fl_sqlite_int(job, id);
	fl_sqlite_text(job, venue, strlen(venue));
	fl_sqlite_text(job, name, strlen(name));
	fl_sqlite_text(job, currency, strlen(currency));
	put_text(job, kind_word(symbol.kind));
	fl_sqlite_real(job, symbol.strike);
	put_text(job, option_word(symbol.option_type));
	put_ms(job, symbol.expiry_ns);
	fl_sqlite_int(job, symbol.expiry_ns == 0 || symbol.expiry_ns > now_ns);
	put_text(job, symbol.underlying);
	put_text(job, symbol.quote);
	fl_sqlite_row_end(job);
}

/* ---- what the journal dropped ---- */

void rows_put_dropped(struct fl_sqlite_job *job, const struct fl_ctx *ctx,
	const uint64_t dropped[FL_KIND_COUNT], int64_t started_ns, int64_t ended_ns)
{
	char detail[400];
	size_t length = 0;

	length += (size_t)snprintf(detail, sizeof(detail), "%s:", fl_instance_name(ctx));
	if (length >= sizeof(detail))
		length = 0;
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		const char *word = fl_kind_name(kind);

		if (dropped[kind] == 0 || length + 48 > sizeof(detail))
			continue;
		length += (size_t)snprintf(detail + length, sizeof(detail) - length, " %s %" PRIu64,
			word == NULL ? "other" : word, dropped[kind]);
	}
	fl_sqlite_null(job);
	fl_sqlite_null(job);
	fl_sqlite_null(job);
	put_us(job, started_ns);
	put_us(job, ended_ns);
	fl_sqlite_null(job);
	fl_sqlite_null(job);
	put_text(job, "journal_full");
	fl_sqlite_null(job);
	fl_sqlite_text(job, detail, length);
	fl_sqlite_row_end(job);
}
