/*
 * sqlite_query.c: from a question in JSON to a statement, and from its rows to JSON.
 *
 * A page ends with the key of its last row, which is where the next begins: rows that come or go in
 * between neither repeat nor hide others.
 */
#include "sqlite_query.h"
#include "sink_sqlite.h"
#include <feedloom/kit.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

enum { LIMIT_DEFAULT = 500, LIMIT_MAX = 10000 };

/* ---- what can be asked ---- */

enum column_type { TEXT, REAL, INT, BOOL, TIME, KEY }; /* KEY: of the cursor, not shown */

struct column {
	const char *name;
	enum column_type type;
};

/* In the order of each statement's columns. */
static const struct column instrument_columns[] = { { "instrument_id", INT }, { "exchange", TEXT },
	{ "instrument_name", TEXT }, { "currency", TEXT }, { "kind", TEXT }, { "strike", REAL },
	{ "option_type", TEXT }, { "expiration_timestamp", INT }, { "creation_timestamp", INT },
	{ "is_active", BOOL }, { "listed_at", TIME }, { "last_seen", TIME }, { "expired_at", TIME },
	{ "tick_size", REAL }, { "contract_size", REAL }, { "base_currency", TEXT },
	{ "quote_currency", TEXT }, { "settlement_currency", TEXT }, { "price_currency", TEXT },
	{ "underlying", TEXT }, { "min_trade_amount", REAL }, { NULL, KEY } };

static const struct column trade_columns[] = { { "", KEY }, { "", KEY }, { "executed_at", TIME },
	{ "received_at", TIME }, { "broker", TEXT }, { "account", TEXT }, { "execution_id", TEXT },
	{ "order_id", TEXT }, { "contract", TEXT }, { "underlying", TEXT }, { "strike", REAL },
	{ "expiry", TEXT }, { "option_type", TEXT }, { "side", TEXT }, { "quantity", REAL },
	{ "price", REAL }, { "multiplier", REAL }, { "commission", REAL }, { "fees", REAL },
	{ "currency", TEXT }, { "persisted_at", TIME }, { NULL, KEY } };

static const struct column greek_columns[] = { { "", KEY }, { "", KEY }, { "", KEY },
	{ "received_at", TIME }, { "event_time", TIME }, { "broker", TEXT }, { "account", TEXT },
	{ "contract", TEXT }, { "underlying", TEXT }, { "strike", REAL }, { "expiry", TEXT },
	{ "option_type", TEXT }, { "position", REAL }, { "delta", REAL }, { "gamma", REAL },
	{ "theta", REAL }, { "vega", REAL }, { "rho", REAL }, { "iv", REAL }, { "bid", REAL },
	{ "ask", REAL }, { "mark", REAL }, { "underlying_price", REAL }, { "persisted_at", TIME },
	{ NULL, KEY } };

static const struct {
	const char *name;
	const struct column *columns;
	int key_count; /* numbers in its cursor */
} whats[] = {
	[QUERY_INSTRUMENTS] = { "instruments", instrument_columns, 1 },
	[QUERY_TRADES] = { "trades", trade_columns, 2 },
	[QUERY_GREEKS] = { "greeks", greek_columns, 3 },
};

/* A question as it was asked. Empty: not given. */
struct question {
	char underlying[64], contract[64], broker[64], account[64], currency[64];
	int active; /* 1, 0, -1: not given */
	int64_t from_us, to_us;
	int64_t limit;
	int64_t key[3];
	bool has_key;
};

/* ---- understanding ---- */

static int refuse(char *detail, const char *format, ...) FL_PRINTF(2, 3);

static int refuse(char *detail, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(detail, QUERY_DETAIL_BYTES, format, args);
	va_end(args);
	return -EINVAL;
}

static int take_text(const char *name, yyjson_val *value, char out[64], char *detail)
{
	const char *text = yyjson_get_str(value);
	size_t length = yyjson_get_len(value);

	if (text == NULL)
		return refuse(detail, "%s is a text", name);
	if (length == 0 || length >= 64 || strlen(text) != length)
		return refuse(detail, "%s has 1 to 63 characters", name);
	memcpy(out, text, length + 1);
	return 0;
}

static int take_time(const char *name, yyjson_val *value, int64_t *out_us, char *detail)
{
	const char *text = yyjson_get_str(value);
	int64_t ns;

	if (text == NULL || fl_time_parse(text, yyjson_get_len(value), &ns) != 0)
		return refuse(detail, "%s is a time like 2026-11-21T08:00:00Z", name);
	*out_us = ns / FL_US;
	return 0;
}

/* "12", "1795234291729000.12", "1795234291729000.1.12": the key of the row before. */
static int take_cursor(int key_count, yyjson_val *value, struct question *out, char *detail)
{
	const char *text = yyjson_get_str(value);
	int count = 0;

	while (text != NULL && count < key_count) {
		char *end;

		if (*text < '0' || *text > '9')
			break;
		errno = 0;
		out->key[count] = strtoll(text, &end, 10);
		if (errno != 0)
			break;
		count++;
		if (*end == '\0' && count == key_count) {
			out->has_key = true;
			return 0;
		}
		if (*end != '.')
			break;
		text = end + 1;
	}
	return refuse(detail, "cursor is the `next` of an earlier page of the same question");
}

static int take_limit(yyjson_val *value, int64_t *out, char *detail)
{
	if (!yyjson_is_int(value) || yyjson_get_sint(value) < 1 || yyjson_get_sint(value) > LIMIT_MAX)
		return refuse(detail, "limit is a number from 1 to %d", LIMIT_MAX);
	*out = yyjson_get_sint(value);
	return 0;
}

static int take(
	enum query_what what, const char *name, yyjson_val *value, struct question *out, char *detail)
{
	if (strcmp(name, "what") == 0)
		return 0;
	if (strcmp(name, "limit") == 0)
		return take_limit(value, &out->limit, detail);
	if (strcmp(name, "cursor") == 0)
		return take_cursor(whats[what].key_count, value, out, detail);
	if (strcmp(name, "underlying") == 0)
		return take_text(name, value, out->underlying, detail);
	if (strcmp(name, "instrument") == 0 || strcmp(name, "contract") == 0)
		return take_text(name, value, out->contract, detail);
	if (strcmp(name, "broker") == 0)
		return take_text(name, value, out->broker, detail);
	if (strcmp(name, "account") == 0 && what != QUERY_INSTRUMENTS)
		return take_text(name, value, out->account, detail);
	if (strcmp(name, "currency") == 0)
		return take_text(name, value, out->currency, detail);
	if (strcmp(name, "from") == 0 && what != QUERY_INSTRUMENTS)
		return take_time(name, value, &out->from_us, detail);
	if (strcmp(name, "to") == 0 && what != QUERY_INSTRUMENTS)
		return take_time(name, value, &out->to_us, detail);
	if (strcmp(name, "active") == 0 && what == QUERY_INSTRUMENTS) {
		if (!yyjson_is_bool(value))
			return refuse(detail, "active is true or false");
		out->active = yyjson_get_bool(value);
		return 0;
	}
	return refuse(detail, "%.40s: %s cannot be asked by that", name, whats[what].name);
}

static int take_what(yyjson_val *root, enum query_what *out, char *detail)
{
	const char *name = yyjson_get_str(yyjson_obj_get(root, "what"));

	for (size_t i = 0; name != NULL && i < sizeof(whats) / sizeof(*whats); i++) {
		if (strcmp(name, whats[i].name) == 0) {
			*out = (enum query_what)i;
			return 0;
		}
	}
	return refuse(detail, "what is one of instruments, trades, greeks");
}

static int understand(yyjson_val *root, enum query_what *what, struct question *out, char *detail)
{
	yyjson_obj_iter iter;
	yyjson_val *key;
	int error;

	*out = (struct question){
		.active = -1, .from_us = INT64_MIN, .to_us = INT64_MAX, .limit = LIMIT_DEFAULT
	};
	if (!yyjson_is_obj(root))
		return refuse(detail, "a query is a JSON object");
	error = take_what(root, what, detail);
	if (error != 0)
		return error;
	iter = yyjson_obj_iter_with(root);
	while (error == 0 && (key = yyjson_obj_iter_next(&iter)) != NULL)
		error = take(*what, yyjson_get_str(key), yyjson_obj_iter_get_val(key), out, detail);
	return error;
}

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
		"SELECT m.instrument_id, m.exchange, m.instrument_name, m.currency, m.kind, m.strike, "
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

int query_parse(const char *json, struct query *out, char *detail)
{
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	struct question question;
	int error;

	*out = (struct query){ 0 };
	error = understand(yyjson_doc_get_root(doc), &out->what, &question, detail);
	yyjson_doc_free(doc);
	if (error != 0)
		return error;
	out->limit = question.limit;
	switch (out->what) {
	case QUERY_INSTRUMENTS: ask_instruments(out, &question); break;
	case QUERY_TRADES: ask_trades(out, &question); break;
	case QUERY_GREEKS: ask_greeks(out, &question); break;
	}
	return 0;
}

/* ---- answers ---- */

static yyjson_mut_val *value_of(yyjson_mut_doc *doc, enum column_type type,
	const struct fl_result *result, size_t row, size_t column)
{
	int64_t whole = fl_result_int(result, row, column);
	double real;
	char text[40];

	switch (type) {
	case TEXT: return yyjson_mut_strcpy(doc, fl_result_text(result, row, column));
	case REAL:
		real = fl_result_real(result, row, column);
		return isfinite(real) ? yyjson_mut_real(doc, real) : NULL;
	case INT: return whole == INT64_MIN ? NULL : yyjson_mut_sint(doc, whole);
	case BOOL: return whole == INT64_MIN ? NULL : yyjson_mut_bool(doc, whole != 0);
	case TIME:
		if (whole == INT64_MIN)
			return NULL;
		(void)fl_time_print(text, whole * FL_US, 6);
		return yyjson_mut_strcpy(doc, text);
	case KEY: break;
	}
	return NULL;
}

static yyjson_mut_val *row_of(
	yyjson_mut_doc *doc, const struct column *columns, const struct fl_result *result, size_t row)
{
	yyjson_mut_val *out = yyjson_mut_obj(doc);

	for (size_t i = 0; columns[i].name != NULL; i++) {
		yyjson_mut_val *value;

		if (columns[i].type == KEY)
			continue;
		value = value_of(doc, columns[i].type, result, row, i);
		if (value == NULL)
			value = yyjson_mut_null(doc);
		if (!yyjson_mut_obj_add(out, yyjson_mut_str(doc, columns[i].name), value))
			return NULL;
	}
	return out;
}

static yyjson_mut_val *cursor_of(
	yyjson_mut_doc *doc, int key_count, const struct fl_result *result, size_t row)
{
	char text[80];
	size_t length = 0;

	for (int i = 0; i < key_count && length < sizeof(text); i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%" PRId64,
			i == 0 ? "" : ".", fl_result_int(result, row, (size_t)i));
	return yyjson_mut_strcpy(doc, text);
}

char *query_answer(enum query_what what, int64_t limit, const struct fl_result *result)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *rows = yyjson_mut_arr(doc), *next;
	size_t count = result->row_count;
	char *text;

	if (count > (size_t)limit)
		count = (size_t)limit;
	for (size_t row = 0; row < count; row++)
		(void)yyjson_mut_arr_append(rows, row_of(doc, whats[what].columns, result, row));
	next = result->row_count > count ? cursor_of(doc, whats[what].key_count, result, count - 1)
									 : yyjson_mut_null(doc);
	(void)yyjson_mut_obj_add(root, yyjson_mut_str(doc, "rows"), rows);
	(void)yyjson_mut_obj_add(root, yyjson_mut_str(doc, "next"), next);
	yyjson_mut_doc_set_root(doc, root);
	text = yyjson_mut_write(doc, 0, NULL);
	yyjson_mut_doc_free(doc);
	return text;
}

/* ---- asking the store ---- */

static int open_session(struct sink *sink)
{
	struct fl_sqlite_options how = { .path = sink->options->path,
		.read_only = true,
		.busy_timeout_ns = sink->options->busy_timeout_ns };
	int error;

	if (sink->is_query_open)
		return 0;
	error = fl_sqlite_open(sink->ctx, DB_QUERY, &how);
	sink->is_query_open = error == 0;
	return error;
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
	struct query query;
	char detail[QUERY_DETAIL_BYTES];
	int slot = 0;

	if (query_parse(json, &query, detail) != 0) {
		fl_reply_detail(sink->ctx, command, FL_REPLY_BAD, "%s", detail);
		return;
	}
	while (slot < QUERIES_MAX && sink->asked[slot].command != 0)
		slot++;
	if (slot == QUERIES_MAX) {
		fl_reply_detail(sink->ctx, command, FL_REPLY_STOPPED,
			"%d queries are being answered already; ask again", QUERIES_MAX);
		return;
	}
	if (sink->stage != STAGE_TAKING || open_session(sink) != 0 ||
		run(sink, &query, slot + 1) != 0) {
		fl_reply_detail(sink->ctx, command, FL_REPLY_STOPPED, "the store is not open");
		return;
	}
	sink->asked[slot].command = command;
	sink->asked[slot].what = query.what;
	sink->asked[slot].limit = query.limit;
}

static void give_up(struct sink *sink, const char *detail)
{
	for (int slot = 0; slot < QUERIES_MAX; slot++) {
		if (sink->asked[slot].command != 0)
			fl_reply_detail(sink->ctx, sink->asked[slot].command, FL_REPLY_FAILED, "%s", detail);
		sink->asked[slot].command = 0;
	}
	fl_sqlite_close(sink->ctx, DB_QUERY);
	sink->is_query_open = false;
}

void query_on_result(struct sink *sink, int number, const struct fl_result *result)
{
	int slot = number - 1, command;
	char *json;

	if (number == 0 && result->error != 0)
		give_up(sink, result->detail);
	if (number < 1 || number > QUERIES_MAX || sink->asked[slot].command == 0)
		return;
	command = sink->asked[slot].command;
	sink->asked[slot].command = 0;
	if (result->error != 0) {
		fl_reply_detail(sink->ctx, command, FL_REPLY_FAILED, "%s", result->detail);
		return;
	}
	json = query_answer(sink->asked[slot].what, sink->asked[slot].limit, result);
	if (json == NULL)
		fl_reply_detail(sink->ctx, command, FL_REPLY_FAILED, "out of memory");
	else
		fl_reply(sink->ctx, command, FL_REPLY_OK, json, false);
	free(json);
}
