/*
 * sqlite_rows.c: the statements that store each kind's row, and values on their way to them.
 */
#include "sqlite_rows.h"

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

/*
 * An instrument of which a refresh tells nothing new but that it is still there, as of nearly all:
 * writing the row as a whole would write four indices for nothing. It is the row that
 * instrument_sql would write.
 */
static const char instrument_seen_sql[] =
	"UPDATE instrument_metadata SET last_seen_us = coalesce(?12, last_seen_us) "
	"WHERE instrument_id = ?1 AND is_active = ?10 AND (?4 = '' OR currency = ?4) "
	"AND (?5 = 'unknown' OR kind = ?5) AND (?6 IS NULL OR strike = ?6) "
	"AND (?7 IS NULL OR option_type = ?7) AND (?8 IS NULL OR expiration_timestamp = ?8) "
	"AND (?9 IS NULL OR creation_timestamp = ?9) AND (?11 IS NULL OR listed_us IS NOT NULL) "
	"AND iif(?10, expired_us IS NULL, ?13 IS NULL OR expired_us IS NOT NULL) "
	"AND (?14 IS NULL OR tick_size = ?14) AND (?15 IS NULL OR contract_size = ?15) "
	"AND (?16 IS NULL OR base_currency = ?16) AND (?17 IS NULL OR quote_currency = ?17) "
	"AND (?18 IS NULL OR settlement_currency = ?18) AND (?19 IS NULL OR price_currency = ?19) "
	"AND (?20 IS NULL OR underlying = ?20) AND (?21 IS NULL OR min_trade_amount = ?21)";

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

static void null(void *to)
{
	fl_sqlite_null(to);
}

static void integer(void *to, int64_t value)
{
	fl_sqlite_int(to, value);
}

static void real(void *to, double value)
{
	fl_sqlite_real(to, value);
}

static void text(void *to, const char *text, size_t length)
{
	fl_sqlite_text(to, text, length);
}

static void time_us(void *to, int64_t ns)
{
	fl_sqlite_int(to, ns / FL_US);
}

static void end(void *to)
{
	fl_sqlite_row_end(to);
}

struct sink_row rows_to(struct fl_sqlite_job *job, const struct fl_ctx *ctx, int64_t now_ns)
{
	static const struct sink_out out = { null, integer, real, text, time_us, end };

	return (struct sink_row){ .out = &out, .to = job, .ctx = ctx, .now_ns = now_ns };
}

/* ---- by kind ---- */

const char *rows_sql(unsigned kind)
{
	static const char *const statements[FL_KIND_COUNT] = {
		[FL_QUOTE] = quote_sql,
		[FL_TICKER] = ticker_sql,
		[FL_TRADE] = trade_sql,
		[FL_BOOK] = book_sql,
		[FL_GREEKS] = greeks_sql,
		[FL_CANDLE] = candle_sql,
		[FL_INDEX] = index_sql,
		[FL_INSTRUMENT] = instrument_seen_sql,
		[FL_LIFECYCLE] = lifecycle_sql,
		[FL_STATUS] = lifecycle_sql,
		[FL_GAP] = gap_sql,
		[FL_ACCOUNT_TRADE] = account_trade_sql,
	};

	return kind < FL_KIND_COUNT ? statements[kind] : NULL;
}

const char *rows_else_sql(unsigned kind)
{
	return kind == FL_INSTRUMENT ? instrument_sql : NULL;
}

const char *rows_new_sql(void)
{
	return new_sql;
}
