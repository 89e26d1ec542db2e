/*
 * sqlite_query.c: from a question to a statement, asked of a second, read-only session, so that
 * readers never hold up the writer.
 */
#include "sink_sqlite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUERY_ARGS_MAX = 24, QUERY_SQL_BYTES = 4096 };

/* The row's number; its time and number; its time, table and number. */
static const int key_counts[QUERY_WHATS] = { 1, 2, 3 };

struct query_arg {
	bool is_text;
	int64_t whole;
	char text[64];
};

/* A statement with its parameters. */
struct query {
	char sql[QUERY_SQL_BYTES];
	size_t length;
	struct query_arg args[QUERY_ARGS_MAX];
	size_t arg_count;
};

/* ---- statements ---- */

static void add(struct query *query, const char *sql)
{
	size_t length = strlen(sql);

	if (query->length + length >= sizeof(query->sql))
		return; /* cannot be: the parts are ours, and few */
	memcpy(query->sql + query->length, sql, length + 1);
	query->length += length;
}

static void add_int(struct query *query, const char *sql, int64_t value)
{
	add(query, sql);
	query->args[query->arg_count++] = (struct query_arg){ .whole = value };
}

static void add_text(struct query *query, const char *sql, const char *value)
{
	struct query_arg *arg;

	if (value[0] == '\0')
		return;
	add(query, sql);
	arg = &query->args[query->arg_count++];
	*arg = (struct query_arg){ .is_text = true };
	(void)snprintf(arg->text, sizeof(arg->text), "%s", value);
}

#define UNDERLYING "coalesce(m.base_currency, m.underlying, nullif(m.currency, ''))"

static void ask_instruments(struct query *query, const struct question *question)
{
	add(query,
		"SELECT m.instrument_id, m.instrument_id, m.exchange, m.instrument_name, m.currency, m.kind, m.strike, "
		"m.option_type, m.expiration_timestamp, m.creation_timestamp, m.is_active, m.listed_us, "
		"m.last_seen_us, m.expired_us, m.tick_size, m.contract_size, m.base_currency, "
		"m.quote_currency, m.settlement_currency, m.price_currency, m.underlying, "
		"m.min_trade_amount FROM instrument_metadata AS m");
	add_int(query, " WHERE m.instrument_id > ?", question->has_key ? question->key[0] : INT64_MIN);
	add_text(query, " AND m.currency = ?", question->currency);
	add_text(query, " AND " UNDERLYING " = ?", question->underlying);
	add_text(query, " AND m.instrument_name = ?", question->contract);
	add_text(query, " AND m.exchange = ?", question->broker);
	if (question->active >= 0)
		add_int(query, " AND m.is_active = ?", question->active);
	add_int(query, " ORDER BY m.instrument_id LIMIT ?", question->limit + 1);
}

static void ask_trades(struct query *query, const struct question *question)
{
	add(query,
		"SELECT executed_us, rowid, executed_us, received_us, broker, account, execution_id, "
		"order_id, contract, underlying, strike, expiry, option_type, side, quantity, price, "
		"multiplier, commission, fees, currency, persisted_us FROM trades");
	add_int(query, " WHERE executed_us >= ?", question->from_us);
	add_int(query, " AND executed_us < ?", question->to_us);
	if (question->has_key) {
		add_int(query, " AND (executed_us, rowid) > (?", question->key[0]);
		add_int(query, ", ?)", question->key[1]);
	}
	add_text(query, " AND broker = ?", question->broker);
	add_text(query, " AND account = ?", question->account);
	add_text(query, " AND contract = ?", question->contract);
	add_text(query, " AND underlying = ?", question->underlying);
	add_text(query, " AND currency = ?", question->currency);
	add_int(query, " ORDER BY executed_us, rowid LIMIT ?", question->limit + 1);
}

/* The same instruments as the rows': asked once before any row is looked at, it ends a question
 * that has no answer, where a walk through the times would go through the whole table. */
static void add_instruments(struct query *query, const struct question *question, int part)
{
	add(query, part == 0 ? " WHERE m.kind = 'option'" : " WHERE true");
	add_text(query, " AND m.exchange = ?", question->broker);
	add_text(query, " AND m.instrument_name = ?", question->contract);
	add_text(query, " AND " UNDERLYING " = ?", question->underlying);
	add_text(query, " AND m.currency = ?", question->currency);
}

/* Where a part goes on, by the part of the last row. */
static void add_greek_key(struct query *query, const struct question *question, int part)
{
	int64_t row = question->key[2];

	if (!question->has_key)
		return;
	if (question->key[1] != part)
		row = question->key[1] < part ? -1 : INT64_MAX;
	add_int(query, " AND (s.event_us, s.rowid) > (?", question->key[0]);
	add_int(query, ", ?)", row);
}

static void ask_greek_part(struct query *query, const struct question *question, int part)
{
	add(query,
		part == 0
			? "SELECT * FROM (SELECT s.event_us, 0, s.rowid, s.received_us, s.event_us, m.exchange, "
			  "NULL, m.instrument_name, " UNDERLYING ", m.strike, "
			  "strftime('%Y-%m-%d', m.expiration_timestamp / 1000, 'unixepoch'), m.option_type, "
			  "NULL, s.delta, s.gamma, s.theta, s.vega, s.rho, s.mark_iv, s.bid_price, s.ask_price, "
			  "s.mark_price, s.underlying_price, NULL FROM tickers_base AS s CROSS JOIN "
			  "instrument_metadata AS m ON m.instrument_id = s.instrument_id"
			: "SELECT * FROM (SELECT s.event_us, 1, s.rowid, s.received_us, s.event_us, m.exchange, "
			  "s.account, m.instrument_name, " UNDERLYING ", m.strike, "
			  "strftime('%Y-%m-%d', m.expiration_timestamp / 1000, 'unixepoch'), m.option_type, "
			  "s.position, s.delta, s.gamma, s.theta, s.vega, s.rho, s.iv, s.bid, s.ask, s.mark, "
			  "s.underlying_price, s.persisted_us FROM greek_snapshots_base AS s CROSS JOIN "
			  "instrument_metadata AS m ON m.instrument_id = s.instrument_id");
	add_instruments(query, question, part);
	add_int(query, " AND s.event_us >= ?", question->from_us);
	add_int(query, " AND s.event_us < ?", question->to_us);
	add_greek_key(query, question, part);
	if (part == 1)
		add_text(query, " AND s.account = ?", question->account);
	if (question->contract[0] != '\0')
		add_text(query,
			" AND s.instrument_id IN (SELECT instrument_id FROM instrument_metadata WHERE "
			"instrument_name = ?)",
			question->contract);
	else {
		add(query, " AND EXISTS (SELECT 1 FROM instrument_metadata AS m");
		add_instruments(query, question, part);
		add(query, ")");
	}
	add_int(query, " ORDER BY s.event_us, s.rowid LIMIT ?)", question->limit + 1);
}

/* The venues' tickers belong to no account. */
static void ask_greeks(struct query *query, const struct question *question)
{
	if (question->account[0] == '\0') {
		ask_greek_part(query, question, 0);
		add(query, " UNION ALL ");
	}
	ask_greek_part(query, question, 1);
	add_int(query, " ORDER BY 1, 2, 3 LIMIT ?", question->limit + 1);
}

static void put(struct query *query, const struct question *question)
{
	*query = (struct query){ 0 };
	switch (question->what) {
	case QUERY_INSTRUMENTS: ask_instruments(query, question); break;
	case QUERY_TRADES: ask_trades(query, question); break;
	case QUERY_GREEKS: ask_greeks(query, question); break;
	case QUERY_WHATS: break;
	}
}

/* ---- asking the store ---- */

static int open_session(struct sink *sink)
{
	struct fl_sqlite_options how = { .path = sink->options->path,
		.read_only = true,
		.busy_timeout_ns = sink->options->busy_timeout_ns };
	int error;

	if (sink->questions.is_open)
		return 0;
	error = fl_sqlite_open(sink->ctx, DB_QUERY, &how);
	sink->questions.is_open = error == 0;
	return error;
}

int query_adopt(struct sink *sink)
{
	sink->questions.is_open = false;
	return open_session(sink);
}

static int run(struct sink *sink, const struct query *query, int number)
{
	struct fl_sqlite_job *job = fl_sqlite_job(sink->ctx, DB_QUERY);

	if (job == NULL)
		return -ENOMEM;
	(void)fl_sqlite_statement(job, query->sql, FL_SQL_ROWS);
	for (size_t i = 0; i < query->arg_count; i++) {
		if (query->args[i].is_text)
			fl_sqlite_text(job, query->args[i].text, strlen(query->args[i].text));
		else
			fl_sqlite_int(job, query->args[i].whole);
	}
	fl_sqlite_row_end(job);
	return fl_sqlite_run(sink->ctx, job, number);
}

void query_ask(struct sink *sink, int command, const char *json)
{
	struct question question;
	struct query query;
	int number = questions_take(&sink->questions, sink->ctx, command, json, key_counts, &question);
	int error;

	if (number == 0)
		return;
	error = sink->stage != STAGE_TAKING ? -ENOTCONN : open_session(sink);
	if (error == 0) {
		put(&query, &question);
		error = run(sink, &query, number);
	}
	questions_put(&sink->questions, sink->ctx, number, command, &question, error);
}

void query_on_result(struct sink *sink, int number, const struct fl_result *result)
{
	if (number == 0 && result->error != 0) {
		questions_fail(&sink->questions, sink->ctx, result->detail);
		fl_sqlite_close(sink->ctx, DB_QUERY);
		sink->questions.is_open = false;
	}
	questions_answer(&sink->questions, sink->ctx, number, key_counts, result);
}
