/*
 * sink_query.c: from a question in JSON to what it asks, and from rows to JSON.
 */
#include "sink_query.h"
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

enum column_type { TEXT, REAL, INT, BOOL, TIME };

struct column {
	const char *name;
	enum column_type type;
};

/* In the order of each statement's columns, behind those of its key. */
static const struct column instrument_columns[] = { { "instrument_id", INT }, { "exchange", TEXT },
	{ "instrument_name", TEXT }, { "currency", TEXT }, { "kind", TEXT }, { "strike", REAL },
	{ "option_type", TEXT }, { "expiration_timestamp", INT }, { "creation_timestamp", INT },
	{ "is_active", BOOL }, { "listed_at", TIME }, { "last_seen", TIME }, { "expired_at", TIME },
	{ "tick_size", REAL }, { "contract_size", REAL }, { "base_currency", TEXT },
	{ "quote_currency", TEXT }, { "settlement_currency", TEXT }, { "price_currency", TEXT },
	{ "underlying", TEXT }, { "min_trade_amount", REAL }, { NULL, TEXT } };

static const struct column trade_columns[] = { { "executed_at", TIME }, { "received_at", TIME },
	{ "broker", TEXT }, { "account", TEXT }, { "execution_id", TEXT }, { "order_id", TEXT },
	{ "contract", TEXT }, { "underlying", TEXT }, { "strike", REAL }, { "expiry", TEXT },
	{ "option_type", TEXT }, { "side", TEXT }, { "quantity", REAL }, { "price", REAL },
	{ "multiplier", REAL }, { "commission", REAL }, { "fees", REAL }, { "currency", TEXT },
	{ "persisted_at", TIME }, { NULL, TEXT } };

static const struct column greek_columns[] = { { "received_at", TIME }, { "event_time", TIME },
	{ "broker", TEXT }, { "account", TEXT }, { "contract", TEXT }, { "underlying", TEXT },
	{ "strike", REAL }, { "expiry", TEXT }, { "option_type", TEXT }, { "position", REAL },
	{ "delta", REAL }, { "gamma", REAL }, { "theta", REAL }, { "vega", REAL }, { "rho", REAL },
	{ "iv", REAL }, { "bid", REAL }, { "ask", REAL }, { "mark", REAL },
	{ "underlying_price", REAL }, { "persisted_at", TIME }, { NULL, TEXT } };

static const struct {
	const char *name;
	const struct column *columns;
} whats[QUERY_WHATS] = {
	[QUERY_INSTRUMENTS] = { "instruments", instrument_columns },
	[QUERY_TRADES] = { "trades", trade_columns },
	[QUERY_GREEKS] = { "greeks", greek_columns },
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
	const char *name, yyjson_val *value, int key_count, struct question *out, char *detail)
{
	enum query_what what = out->what;

	if (strcmp(name, "what") == 0)
		return 0;
	if (strcmp(name, "limit") == 0)
		return take_limit(value, &out->limit, detail);
	if (strcmp(name, "cursor") == 0)
		return take_cursor(key_count, value, out, detail);
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

static int understand(
	yyjson_val *root, const int key_counts[QUERY_WHATS], struct question *out, char *detail)
{
	yyjson_obj_iter iter;
	yyjson_val *key;
	int error;

	*out = (struct question){
		.active = -1, .from_us = INT64_MIN, .to_us = INT64_MAX, .limit = LIMIT_DEFAULT
	};
	if (!yyjson_is_obj(root))
		return refuse(detail, "a query is a JSON object");
	error = take_what(root, &out->what, detail);
	if (error != 0)
		return error;
	iter = yyjson_obj_iter_with(root);
	while (error == 0 && (key = yyjson_obj_iter_next(&iter)) != NULL)
		error = take(
			yyjson_get_str(key), yyjson_obj_iter_get_val(key), key_counts[out->what], out, detail);
	return error;
}

int question_parse(
	const char *json, const int key_counts[QUERY_WHATS], struct question *out, char *detail)
{
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	int error = understand(yyjson_doc_get_root(doc), key_counts, out, detail);

	yyjson_doc_free(doc);
	return error;
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
	}
	return NULL;
}

static yyjson_mut_val *row_of(yyjson_mut_doc *doc, const struct column *columns, int key_count,
	const struct fl_result *result, size_t row)
{
	yyjson_mut_val *out = yyjson_mut_obj(doc);

	for (size_t i = 0; columns[i].name != NULL; i++) {
		yyjson_mut_val *value;

		value = value_of(doc, columns[i].type, result, row, i + (size_t)key_count);
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
	char text[100];
	size_t length = 0;

	for (int i = 0; i < key_count && length < sizeof(text); i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%" PRId64,
			i == 0 ? "" : ".", fl_result_int(result, row, (size_t)i));
	return yyjson_mut_strcpy(doc, text);
}

char *question_answer(
	enum query_what what, int key_count, int64_t limit, const struct fl_result *result)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *rows = yyjson_mut_arr(doc), *next;
	size_t count = result->row_count;
	char *text;

	if (count > (size_t)limit)
		count = (size_t)limit;
	for (size_t row = 0; row < count; row++)
		(void)yyjson_mut_arr_append(rows, row_of(doc, whats[what].columns, key_count, result, row));
	next = result->row_count > count ? cursor_of(doc, key_count, result, count - 1)
									 : yyjson_mut_null(doc);
	(void)yyjson_mut_obj_add(root, yyjson_mut_str(doc, "rows"), rows);
	(void)yyjson_mut_obj_add(root, yyjson_mut_str(doc, "next"), next);
	yyjson_mut_doc_set_root(doc, root);
	text = yyjson_mut_write(doc, 0, NULL);
	yyjson_mut_doc_free(doc);
	return text;
}
