/* timescale_rows.c: values in the forms that PostgreSQL takes. */
#include "timescale_rows.h"
#include <feedloom/kit.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- forms ---- */

enum form form_of(int64_t oid)
{
	switch (oid) { /* of pg_type: the same in every database */
	case 16: return FORM_BOOL;
	case 21: return FORM_INT2;
	case 23: return FORM_INT4;
	case 20: return FORM_INT8;
	case 700: return FORM_REAL4;
	case 701: return FORM_REAL8;
	case 25:   /* text */
	case 1042: /* char(n) */
	case 1043: /* varchar */ return FORM_TEXT;
	case 3802: return FORM_JSONB;
	case 1184: return FORM_TIME;
	default: return FORM_OTHER;
	}
}

enum way way_of(unsigned kind)
{
	switch (kind) {
	case FL_QUOTE:
	case FL_TICKER:
	case FL_BOOK:
	case FL_GREEKS:
	case FL_CANDLE:
	case FL_INDEX:
	case FL_LIFECYCLE:
	case FL_STATUS: return WAY_COPY;
	case FL_TRADE: return WAY_STAGE;
	case FL_INSTRUMENT:
	case FL_GAP: return WAY_VALUES;
	case FL_ACCOUNT_TRADE: return WAY_ONCE;
	default: return WAY_NONE;
	}
}

const char *column_list(unsigned kind, char *out, size_t size)
{
	const char *const *columns = sink_kind(kind)->columns;
	size_t length = 0;

	out[0] = '\0';
	for (size_t i = 0; columns != NULL && columns[i] != NULL && length < size; i++)
		length +=
			(size_t)snprintf(out + length, size - length, "%s%s", i == 0 ? "" : ", ", columns[i]);
	return out;
}

/* ---- statements ---- */

static const char gap_end[] =
	" ON CONFLICT (coalesce(feed, ''), coalesce(instrument_name, ''), coalesce(channel, ''), "
	"coalesce(started_at, timestamptz '1970-01-01 00:00:00Z'), cause) DO UPDATE SET "
	"ended_at = coalesce(excluded.ended_at, stream_gaps.ended_at), "
	"first_seq = coalesce(stream_gaps.first_seq, excluded.first_seq), "
	"last_seq = coalesce(excluded.last_seq, stream_gaps.last_seq), "
	"filled_at = coalesce(excluded.filled_at, stream_gaps.filled_at), "
	"detail = coalesce(excluded.detail, stream_gaps.detail)";

/* What the venue does not say this time stays as it was. */
static const char instrument_end[] =
	" ON CONFLICT (instrument_id) DO UPDATE SET "
	"currency = coalesce(nullif(excluded.currency, ''), m.currency), "
	"kind = coalesce(nullif(excluded.kind, 'unknown'), m.kind), "
	"strike = coalesce(excluded.strike, m.strike), "
	"option_type = coalesce(excluded.option_type, m.option_type), "
	"expiration_timestamp = coalesce(excluded.expiration_timestamp, m.expiration_timestamp), "
	"creation_timestamp = coalesce(excluded.creation_timestamp, m.creation_timestamp), "
	"is_active = excluded.is_active, "
	"listed_at = coalesce(m.listed_at, excluded.listed_at), "
	"last_seen = coalesce(excluded.last_seen, m.last_seen), "
	"expired_at = CASE WHEN excluded.is_active THEN NULL "
	"ELSE coalesce(m.expired_at, excluded.expired_at) END, "
	"tick_size = coalesce(excluded.tick_size, m.tick_size), "
	"contract_size = coalesce(excluded.contract_size, m.contract_size), "
	"base_currency = coalesce(excluded.base_currency, m.base_currency), "
	"quote_currency = coalesce(excluded.quote_currency, m.quote_currency), "
	"settlement_currency = coalesce(excluded.settlement_currency, m.settlement_currency), "
	"price_currency = coalesce(excluded.price_currency, m.price_currency), "
	"underlying = coalesce(excluded.underlying, m.underlying), "
	"min_trade_amount = coalesce(excluded.min_trade_amount, m.min_trade_amount)";

/* A fill of no contract that is known is kept all the same. */
static const char account_trade_begin[] =
	"INSERT INTO trades (executed_at, received_at, broker, account, execution_id, order_id, side, "
	"quantity, price, multiplier, commission, fees, currency, persisted_at, contract, underlying, "
	"strike, expiry, option_type) SELECT v.executed_at::timestamptz, v.received_at::timestamptz, "
	"v.broker, v.account, v.execution_id, v.order_id, v.side, v.quantity::float8, v.price::float8, "
	"v.multiplier::float8, v.commission::float8, v.fees::float8, v.currency, "
	"v.persisted_at::timestamptz, m.instrument_name, "
	"coalesce(m.base_currency, m.underlying, nullif(m.currency, '')), m.strike, "
	"(to_timestamp(m.expiration_timestamp / 1000) AT TIME ZONE 'UTC')::date, m.option_type "
	"FROM (VALUES ";
static const char account_trade_end[] =
	") AS v(executed_at, received_at, broker, account, execution_id, order_id, side, quantity, "
	"price, multiplier, commission, fees, currency, persisted_at, instrument_id) "
	"LEFT JOIN instrument_metadata AS m ON m.instrument_id = v.instrument_id::integer "
	"ON CONFLICT DO NOTHING";

const char *values_begin(unsigned kind)
{
	switch (kind) {
	case FL_INSTRUMENT: return "INSERT INTO instrument_metadata AS m";
	case FL_GAP: return "INSERT INTO stream_gaps";
	default: return account_trade_begin;
	}
}

const char *values_end(unsigned kind)
{
	switch (kind) {
	case FL_INSTRUMENT: return instrument_end;
	case FL_GAP: return gap_end;
	default: return account_trade_end;
	}
}

/* ---- fields of a COPY ---- */

static enum form next_form(struct copy_to *to)
{
	if (to->at == 0)
		fl_pg_row(to->job, to->columns);
	return to->forms[to->at++];
}

static void copy_null(void *data)
{
	struct copy_to *to = data;

	(void)next_form(to);
	fl_pg_null(to->job);
}

static void copy_text(void *data, const char *text, size_t length)
{
	struct copy_to *to = data;

	if (next_form(to) == FORM_JSONB)
		fl_pg_jsonb(to->job, text, length);
	else
		fl_pg_text(to->job, text, length);
}

/* What does not fit its column is told by the server, as for any other row it refuses. */
static void copy_integer(void *data, int64_t value)
{
	struct copy_to *to = data;
	char text[24];

	switch (next_form(to)) {
	case FORM_BOOL: fl_pg_bool(to->job, value != 0); break;
	case FORM_INT2:
		if (value == (int16_t)value)
			fl_pg_int2(to->job, (int16_t)value);
		else
			fl_pg_int8(to->job, value);
		break;
	case FORM_INT4:
		if (value == (int32_t)value)
			fl_pg_int4(to->job, (int32_t)value);
		else
			fl_pg_int8(to->job, value);
		break;
	case FORM_REAL4: fl_pg_real4(to->job, (double)value); break;
	case FORM_REAL8: fl_pg_real8(to->job, (double)value); break;
	case FORM_TEXT:
		fl_pg_text(to->job, text, (size_t)snprintf(text, sizeof(text), "%" PRId64, value));
		break;
	default: fl_pg_int8(to->job, value); break;
	}
}

static void copy_real(void *data, double value)
{
	struct copy_to *to = data;
	char text[32];

	switch (next_form(to)) {
	case FORM_REAL4: fl_pg_real4(to->job, value); break;
	case FORM_TEXT:
		if (isnan(value))
			fl_pg_null(to->job);
		else
			fl_pg_text(to->job, text, (size_t)fl_real_print(text, value));
		break;
	default: fl_pg_real8(to->job, value); break;
	}
}

static void copy_time(void *data, int64_t ns)
{
	struct copy_to *to = data;

	(void)next_form(to);
	fl_pg_time(to->job, ns);
}

static void copy_end(void *data)
{
	struct copy_to *to = data;

	to->at = 0;
}

struct sink_row copy_row(struct copy_to *to, struct fl_pg_job *job, const struct table_form *form,
	unsigned kind, const struct fl_ctx *ctx, int64_t now_ns)
{
	static const struct sink_out out = { copy_null, copy_integer, copy_real, copy_text, copy_time,
		copy_end };

	*to = (struct copy_to){ .job = job, .forms = form->columns };
	while (sink_kind(kind)->columns[to->columns] != NULL)
		to->columns++;
	return (struct sink_row){ .out = &out, .to = to, .ctx = ctx, .now_ns = now_ns };
}

/* ---- values of a statement ---- */

static struct fl_pg_job *next_value(void *data)
{
	struct values_to *to = data;

	if (to->is_in_row)
		fl_pg_sql(to->job, ", ");
	else
		fl_pg_sql(to->job, to->has_any ? ",\n(" : "(");
	to->has_any = to->is_in_row = true;
	return to->job;
}

static void value_null(void *data)
{
	fl_pg_sql(next_value(data), "null");
}

static void value_text(void *data, const char *text, size_t length)
{
	fl_pg_sql_text(next_value(data), text, length);
}

/* In quotes, so that it becomes whatever the column is: a truth as well. */
static void value_integer(void *data, int64_t value)
{
	char text[24];

	value_text(data, text, (size_t)snprintf(text, sizeof(text), "%" PRId64, value));
}

static void value_real(void *data, double value)
{
	char text[32];

	if (isnan(value))
		value_null(data);
	else if (isinf(value))
		value_text(data, value < 0 ? "-infinity" : "infinity", 9);
	else
		value_text(data, text, (size_t)fl_real_print(text, value));
}

static void value_time(void *data, int64_t ns)
{
	char text[40];

	value_text(data, text, (size_t)fl_time_print(text, ns, 6));
}

static void value_end(void *data)
{
	struct values_to *to = data;

	fl_pg_sql(to->job, ")");
	to->is_in_row = false;
}

struct sink_row values_row(
	struct values_to *to, struct fl_pg_job *job, const struct fl_ctx *ctx, int64_t now_ns)
{
	static const struct sink_out out = { value_null, value_integer, value_real, value_text,
		value_time, value_end };

	*to = (struct values_to){ .job = job };
	return (struct sink_row){ .out = &out, .to = to, .ctx = ctx, .now_ns = now_ns };
}
