/*
 * timescale_query.c: from a question to a statement, asked in a session of its own, so that readers
 * never hold up the writer.
 */
#include "sink_timescale.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The number of an instrument; a fill's time and what is made of its names; a snapshot's time,
 * table and instrument, and where the row lies: two of one instrument at one time lie in one day's
 * table.
 */
static const int key_counts[QUERY_WHATS] = { 1, 2, 4 };

#define US(column) "(extract(epoch FROM " column ") * 1000000)::bigint"
#define TRADE_KEY                                                                                  \
	"(hashtextextended(concat_ws(' ', broker, account, execution_id), 0) & x'7fffffffffffffff'::bigint)"
#define ROW_KEY "((s.ctid::text::point)[0]::bigint * 65536 + (s.ctid::text::point)[1]::bigint)"
#define UNDERLYING "coalesce(m.base_currency, m.underlying, nullif(m.currency, ''))"
#define EXPIRY "(to_timestamp(m.expiration_timestamp / 1000) AT TIME ZONE 'UTC')::date"

/* ---- statements ---- */

static void add_int(struct fl_pg_job *job, const char *sql, int64_t value)
{
	fl_pg_sql(job, sql);
	fl_pg_sql_int(job, value);
}

static void add_text(struct fl_pg_job *job, const char *sql, const char *value)
{
	if (value[0] == '\0')
		return;
	fl_pg_sql(job, sql);
	fl_pg_sql_text(job, value, strlen(value));
}

/* Not given: no condition, so that the server need not think of it. */
static void add_time(struct fl_pg_job *job, const char *sql, int64_t us)
{
	if (us == INT64_MIN || us == INT64_MAX)
		return;
	fl_pg_sql(job, sql);
	add_int(job, "(timestamptz 'epoch' + ", us);
	fl_pg_sql(job, " * interval '1 microsecond')");
}

static void ask_instruments(struct fl_pg_job *job, const struct question *question)
{
	fl_pg_statement(job,
		"SELECT m.instrument_id, m.instrument_id, m.exchange, m.instrument_name, m.currency, m.kind, "
		"m.strike, m.option_type, m.expiration_timestamp, m.creation_timestamp, m.is_active::int, " US(
			"m.listed_at") ", " US("m.last_seen") ", " US("m.expired_at") ", m.tick_size, "
																		  "m.contract_size, m.base_currency, m.quote_currency, m.settlement_currency, "
																		  "m.price_currency, m.underlying, m.min_trade_amount FROM instrument_metadata AS m "
																		  "WHERE true",
		FL_SQL_ROWS);
	if (question->has_key)
		add_int(job, " AND m.instrument_id > ", question->key[0]);
	add_text(job, " AND m.currency = ", question->currency);
	add_text(job, " AND " UNDERLYING " = ", question->underlying);
	add_text(job, " AND m.instrument_name = ", question->contract);
	add_text(job, " AND m.exchange = ", question->broker);
	if (question->active >= 0)
		fl_pg_sql(job, question->active != 0 ? " AND m.is_active" : " AND NOT m.is_active");
	add_int(job, " ORDER BY m.instrument_id LIMIT ", question->limit + 1);
}

static void ask_trades(struct fl_pg_job *job, const struct question *question)
{
	fl_pg_statement(job,
		"SELECT " US("executed_at") ", " TRADE_KEY ", " US("executed_at") ", " US(
			"received_at") ", broker, account, execution_id, order_id, contract, underlying, strike, "
						   "expiry, option_type, side, quantity, price, multiplier, commission, fees, currency, " US(
							   "persisted_at") " FROM trades WHERE true",
		FL_SQL_ROWS);
	add_time(job, " AND executed_at >= ", question->from_us);
	add_time(job, " AND executed_at < ", question->to_us);
	if (question->has_key) {
		add_time(job, " AND (executed_at, " TRADE_KEY ") > (", question->key[0]);
		add_int(job, ", ", question->key[1]);
		fl_pg_sql(job, ")");
	}
	add_text(job, " AND broker = ", question->broker);
	add_text(job, " AND account = ", question->account);
	add_text(job, " AND contract = ", question->contract);
	add_text(job, " AND underlying = ", question->underlying);
	add_text(job, " AND currency = ", question->currency);
	add_int(job, " ORDER BY executed_at, " TRADE_KEY " LIMIT ", question->limit + 1);
}

/* Where a part goes on, by the part of the last row. */
static void add_greek_key(struct fl_pg_job *job, const struct question *question, int part)
{
	if (!question->has_key)
		return;
	if (question->key[1] != part) {
		add_time(job, question->key[1] < part ? " AND s.event_time >= " : " AND s.event_time > ",
			question->key[0]);
		return;
	}
	add_time(job, " AND (s.event_time, s.instrument_id, " ROW_KEY ") > (", question->key[0]);
	add_int(job, ", ", question->key[2]);
	add_int(job, ", ", question->key[3]);
	fl_pg_sql(job, ")");
}

static void ask_greek_part(struct fl_pg_job *job, const struct question *question, int part)
{
	fl_pg_sql(job,
		part == 0
			? "(SELECT " US("s.event_time") ", 0, s.instrument_id, " ROW_KEY ", " US("s.received_at") ", " US(
				  "s.event_time") ", m.exchange, NULL::text, "
								  "m.instrument_name, " UNDERLYING ", m.strike, " EXPIRY
								  ", m.option_type, "
								  "NULL::float8, s.delta, s.gamma, s.theta, s.vega, s.rho, s.mark_iv, s.bid_price, "
								  "s.ask_price, s.mark_price, s.underlying_price, NULL::bigint FROM tickers_base AS s "
								  "JOIN instrument_metadata AS m USING (instrument_id) WHERE m.kind = 'option'"
			: "(SELECT " US("s.event_time") ", 1, s.instrument_id, " ROW_KEY ", " US("s.received_at") ", " US(
				  "s.event_time") ", m.exchange, s.account, "
								  "m.instrument_name, " UNDERLYING ", m.strike, " EXPIRY
								  ", m.option_type, s.position, "
								  "s.delta, s.gamma, s.theta, s.vega, s.rho, s.iv, s.bid, s.ask, s.mark, "
								  "s.underlying_price, " US(
									  "s.persisted_at") " FROM greek_snapshots_base AS s "
														"JOIN instrument_metadata AS m USING (instrument_id) WHERE true");
	add_text(job, " AND m.exchange = ", question->broker);
	add_text(job, " AND m.instrument_name = ", question->contract);
	add_text(job, " AND " UNDERLYING " = ", question->underlying);
	add_text(job, " AND m.currency = ", question->currency);
	add_time(job, " AND s.event_time >= ", question->from_us);
	add_time(job, " AND s.event_time < ", question->to_us);
	add_greek_key(job, question, part);
	if (part == 1)
		add_text(job, " AND s.account = ", question->account);
	add_int(
		job, " ORDER BY s.event_time, s.instrument_id, " ROW_KEY " LIMIT ", question->limit + 1);
	fl_pg_sql(job, ")");
}

/* The venues' tickers belong to no account. */
static void ask_greeks(struct fl_pg_job *job, const struct question *question)
{
	fl_pg_statement(job, "", FL_SQL_ROWS);
	if (question->account[0] == '\0') {
		ask_greek_part(job, question, 0);
		fl_pg_sql(job, " UNION ALL ");
	}
	ask_greek_part(job, question, 1);
	add_int(job, " ORDER BY 1, 2, 3, 4 LIMIT ", question->limit + 1);
}

/* ---- asking ---- */

static int open_session(struct sink *sink)
{
	const struct options *options = sink->options;
	struct fl_pg_options how = { .url = options->url,
		.application = "feedloom queries",
		.connect_timeout_ns = options->connect_timeout_ns,
		.statement_timeout_ns = options->statement_timeout_ns,
		.lock_timeout_ns = options->lock_timeout_ns,
		.read_only = true,
		.search_path = options->schema };
	int error;

	if (sink->questions.is_open)
		return 0;
	error = fl_pg_open(sink->ctx, DB_QUERY, &how);
	sink->questions.is_open = error == 0;
	return error;
}

int query_adopt(struct sink *sink)
{
	bool was_open = sink->questions.is_open;

	sink->questions.is_open = false;
	return was_open ? open_session(sink) : 0;
}

static int ask(struct sink *sink, const struct question *question, int number)
{
	struct fl_pg_job *job = fl_pg_job(sink->ctx, DB_QUERY);

	if (job == NULL)
		return -ENOMEM;
	switch (question->what) {
	case QUERY_INSTRUMENTS: ask_instruments(job, question); break;
	case QUERY_TRADES: ask_trades(job, question); break;
	case QUERY_GREEKS: ask_greeks(job, question); break;
	case QUERY_WHATS: break;
	}
	return fl_pg_run(sink->ctx, job, number);
}

void query_ask(struct sink *sink, int command, const char *json)
{
	struct question question;
	int number = questions_take(&sink->questions, sink->ctx, command, json, key_counts, &question);
	int error;

	if (number == 0)
		return;
	/* In a session that is open, whatever the writer is at: after a reload it reads its cursors. */
	error = sink->questions.is_open || sink_main(sink)->stage == STAGE_TAKING ? open_session(sink)
																			  : -ENOTCONN;
	if (error == 0)
		error = ask(sink, &question, number);
	questions_put(&sink->questions, sink->ctx, number, command, &question, error);
}

void query_on_result(struct sink *sink, int number, const struct fl_result *result)
{
	if (number == 0 && result->error != 0) { /* every question was answered with it before */
		fl_pg_close(sink->ctx, DB_QUERY);
		sink->questions.is_open = false;
	}
	questions_answer(&sink->questions, sink->ctx, number, key_counts, result);
}
