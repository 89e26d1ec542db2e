/*
 * record.c: the kinds, by one table of their fields: what is absent at first, and how each is
 * printed.
 */
#include "record.h"
#include "json.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

enum field_type {
	REAL,    /* double, NaN when absent */
	COUNTER, /* int64_t, -1 when absent */
	NUMBER,  /* int64_t */
	UINT64,
	UINT32,
	UINT16,
	FLAG,    /* uint32_t, 0 or 1 */
	FLAG8,   /* uint8_t, 0 or 1 */
	INT32,   /* -1 when absent */
	INT8,    /* -1 when absent */
	TIME,    /* int64_t, 0 when absent */
	TEXT,    /* char[], 0-terminated */
	NAME,    /* uint32_t, interned */
	STATE,   /* uint32_t */
	STATE8,  /* uint8_t */
	SIDE,    /* uint64_t, enum fl_direction */
	TAKER,   /* uint8_t, enum fl_direction */
	KIND8,   /* uint8_t, enum fl_instrument_kind */
	OPTION8, /* uint8_t, enum fl_option_kind */
};

struct field {
	const char *name;
	enum field_type type;
	uint16_t offset, size;
};

/* clang-format off */
#define FIELD(record, type, name) \
	{ #name, type, offsetof(struct record, name), sizeof(((struct record *)NULL)->name) }

static const struct field quote_fields[] = {
	FIELD(fl_quote, REAL, bid_price), FIELD(fl_quote, REAL, bid_amount),
	FIELD(fl_quote, REAL, ask_price), FIELD(fl_quote, REAL, ask_amount),
	{ 0 },
};

static const struct field ticker_fields[] = {
	FIELD(fl_ticker, STATE, state), FIELD(fl_ticker, NAME, underlying_index),
	FIELD(fl_ticker, REAL, mark_price), FIELD(fl_ticker, REAL, mark_iv),
	FIELD(fl_ticker, REAL, bid_iv), FIELD(fl_ticker, REAL, ask_iv),
	FIELD(fl_ticker, REAL, bid_price), FIELD(fl_ticker, REAL, bid_amount),
	FIELD(fl_ticker, REAL, ask_price), FIELD(fl_ticker, REAL, ask_amount),
	FIELD(fl_ticker, REAL, last_price), FIELD(fl_ticker, REAL, underlying_price),
	FIELD(fl_ticker, REAL, index_price), FIELD(fl_ticker, REAL, interest_rate),
	FIELD(fl_ticker, REAL, open_interest), FIELD(fl_ticker, REAL, volume),
	FIELD(fl_ticker, REAL, delta), FIELD(fl_ticker, REAL, gamma),
	FIELD(fl_ticker, REAL, theta), FIELD(fl_ticker, REAL, vega), FIELD(fl_ticker, REAL, rho),
	FIELD(fl_ticker, REAL, settlement_price), FIELD(fl_ticker, REAL, delivery_price),
	FIELD(fl_ticker, REAL, min_price), FIELD(fl_ticker, REAL, max_price),
	FIELD(fl_ticker, REAL, current_funding), FIELD(fl_ticker, REAL, funding_8h),
	{ 0 },
};

static const struct field trade_fields[] = {
	FIELD(fl_trade, COUNTER, trade_seq), FIELD(fl_trade, TEXT, trade_id),
	FIELD(fl_trade, REAL, price), FIELD(fl_trade, REAL, amount), FIELD(fl_trade, REAL, contracts),
	FIELD(fl_trade, REAL, iv), FIELD(fl_trade, REAL, mark_price), FIELD(fl_trade, REAL, index_price),
	FIELD(fl_trade, TAKER, direction), FIELD(fl_trade, INT8, tick_direction),
	FIELD(fl_trade, UINT16, flags), FIELD(fl_trade, NAME, combo),
	FIELD(fl_trade, TEXT, block_trade_id),
	{ 0 },
};

static const struct field book_fields[] = {
	FIELD(fl_book, COUNTER, change_id), FIELD(fl_book, COUNTER, prev_change_id),
	FIELD(fl_book, FLAG, is_snapshot), FIELD(fl_book, UINT32, level_count),
	{ 0 },
};

static const struct field greeks_fields[] = {
	FIELD(fl_greeks, TEXT, account), FIELD(fl_greeks, REAL, position),
	FIELD(fl_greeks, REAL, delta), FIELD(fl_greeks, REAL, gamma), FIELD(fl_greeks, REAL, theta),
	FIELD(fl_greeks, REAL, vega), FIELD(fl_greeks, REAL, rho), FIELD(fl_greeks, REAL, iv),
	FIELD(fl_greeks, REAL, bid), FIELD(fl_greeks, REAL, ask), FIELD(fl_greeks, REAL, mark),
	FIELD(fl_greeks, REAL, underlying_price),
	{ 0 },
};

static const struct field candle_fields[] = {
	FIELD(fl_candle, UINT64, resolution_s), FIELD(fl_candle, REAL, open),
	FIELD(fl_candle, REAL, high), FIELD(fl_candle, REAL, low), FIELD(fl_candle, REAL, close),
	FIELD(fl_candle, REAL, volume), FIELD(fl_candle, REAL, cost),
	{ 0 },
};

static const struct field index_fields[] = {
	FIELD(fl_index, REAL, price),
	{ 0 },
};

static const struct field instrument_fields[] = {
	FIELD(fl_instrument, KIND8, instrument_kind), FIELD(fl_instrument, OPTION8, option_type),
	FIELD(fl_instrument, FLAG8, is_active), FIELD(fl_instrument, STATE8, state),
	FIELD(fl_instrument, REAL, strike), FIELD(fl_instrument, TIME, expiry_ns),
	FIELD(fl_instrument, TIME, creation_ns), FIELD(fl_instrument, REAL, tick_size),
	FIELD(fl_instrument, REAL, contract_size), FIELD(fl_instrument, REAL, min_trade_amount),
	FIELD(fl_instrument, TEXT, currency), FIELD(fl_instrument, TEXT, base_currency),
	FIELD(fl_instrument, TEXT, quote_currency), FIELD(fl_instrument, TEXT, settlement_currency),
	FIELD(fl_instrument, TEXT, price_currency), FIELD(fl_instrument, TEXT, underlying),
	{ 0 },
};

static const struct field lifecycle_fields[] = {
	FIELD(fl_lifecycle, TEXT, event_type), FIELD(fl_lifecycle, TEXT, currency),
	FIELD(fl_lifecycle, TEXT, reason), FIELD(fl_lifecycle, INT32, connection_id),
	FIELD(fl_lifecycle, FLAG, success),
	{ 0 },
};

static const struct field gap_fields[] = {
	FIELD(fl_gap, TIME, started_ns), FIELD(fl_gap, TIME, ended_ns),
	FIELD(fl_gap, COUNTER, first_seq), FIELD(fl_gap, COUNTER, last_seq),
	FIELD(fl_gap, TIME, filled_ns), FIELD(fl_gap, TEXT, channel), FIELD(fl_gap, TEXT, cause),
	FIELD(fl_gap, TEXT, detail),
	{ 0 },
};

static const struct field account_trade_fields[] = {
	FIELD(fl_account_trade, TEXT, account), FIELD(fl_account_trade, TEXT, execution_id),
	FIELD(fl_account_trade, TEXT, order_id), FIELD(fl_account_trade, TEXT, currency),
	FIELD(fl_account_trade, SIDE, side), FIELD(fl_account_trade, REAL, quantity),
	FIELD(fl_account_trade, REAL, price), FIELD(fl_account_trade, REAL, multiplier),
	FIELD(fl_account_trade, REAL, commission), FIELD(fl_account_trade, REAL, fees),
	{ 0 },
};

static const struct {
	const char *name;
	const struct field *fields;
	uint16_t size;
	uint8_t version;
} kinds[FL_KIND_COUNT] = {
	[FL_QUOTE] = { "quote", quote_fields, sizeof(struct fl_quote), 1 },
	[FL_TICKER] = { "ticker", ticker_fields, sizeof(struct fl_ticker), 1 },
	[FL_TRADE] = { "trade", trade_fields, sizeof(struct fl_trade), 1 },
	[FL_BOOK] = { "book", book_fields, sizeof(struct fl_book), 1 },
	[FL_GREEKS] = { "greeks", greeks_fields, sizeof(struct fl_greeks), 1 },
	[FL_CANDLE] = { "candle", candle_fields, sizeof(struct fl_candle), 1 },
	[FL_INDEX] = { "index", index_fields, sizeof(struct fl_index), 1 },
	[FL_INSTRUMENT] = { "instrument", instrument_fields, sizeof(struct fl_instrument), 1 },
	[FL_LIFECYCLE] = { "lifecycle", lifecycle_fields, sizeof(struct fl_lifecycle), 1 },
	[FL_STATUS] = { "status", lifecycle_fields, sizeof(struct fl_lifecycle), 1 },
	[FL_GAP] = { "gap", gap_fields, sizeof(struct fl_gap), 1 },
	[FL_ACCOUNT_TRADE] = { "account_trade", account_trade_fields, sizeof(struct fl_account_trade), 1 },
};
/* clang-format on */

enum { LARGEST_FIXED = 512 };
_Static_assert(sizeof(struct fl_gap) <= LARGEST_FIXED, "a kind outgrew its template");
_Static_assert(sizeof(struct fl_record) == 32, "stored: the head has 32 bytes");

const char *fl_kind_name(unsigned kind)
{
	return kind < FL_KIND_COUNT ? kinds[kind].name : NULL;
}

size_t fl_kind_size(unsigned kind)
{
	return kind < FL_KIND_COUNT ? kinds[kind].size : 0;
}

static void make_absent(char *record, const struct field *fields)
{
	for (; fields->name != NULL; fields++) {
		switch (fields->type) {
		case REAL: memcpy(record + fields->offset, &(double){ NAN }, sizeof(double)); break;
		case COUNTER: memset(record + fields->offset, 0xff, sizeof(int64_t)); break;
		case INT32: memset(record + fields->offset, 0xff, sizeof(int32_t)); break;
		case INT8: memset(record + fields->offset, 0xff, sizeof(int8_t)); break;
		default: break; /* zero */
		}
	}
}

void fl_record_init(void *record, enum fl_kind kind)
{
	/* Made once, since this runs for every message: a copy costs less than a walk over the fields.
	 */
	static char absent[FL_KIND_COUNT][LARGEST_FIXED];
	static bool is_made;

	if (!is_made) {
		for (unsigned k = 1; k < FL_KIND_COUNT; k++) {
			struct fl_record head = { .length = kinds[k].size, .kind = (uint8_t)k };

			if (kinds[k].name == NULL)
				continue;
			head.version = kinds[k].version;
			memcpy(absent[k], &head, sizeof(head));
			make_absent(absent[k], kinds[k].fields);
		}
		is_made = true;
	}
	memcpy(record, absent[kind], kinds[kind].size);
}

static bool ends(const char *text, size_t size)
{
	return text[size - 1] == '\0';
}

#define ENDS(record, field) ends((record)->field, sizeof((record)->field))

static bool texts_end(const struct fl_record *head)
{
	const struct fl_trade *trade = (const void *)head;
	const struct fl_instrument *instrument = (const void *)head;
	const struct fl_lifecycle *lifecycle = (const void *)head;
	const struct fl_gap *gap = (const void *)head;
	const struct fl_account_trade *fill = (const void *)head;

	switch (head->kind) {
	case FL_TRADE: return ENDS(trade, trade_id) && ENDS(trade, block_trade_id);
	case FL_GREEKS: return ENDS((const struct fl_greeks *)(const void *)head, account);
	case FL_INSTRUMENT:
		return ENDS(instrument, currency) && ENDS(instrument, base_currency) &&
			ENDS(instrument, quote_currency) && ENDS(instrument, settlement_currency) &&
			ENDS(instrument, price_currency) && ENDS(instrument, underlying);
	case FL_LIFECYCLE:
	case FL_STATUS:
		return ENDS(lifecycle, event_type) && ENDS(lifecycle, currency) && ENDS(lifecycle, reason);
	case FL_GAP: return ENDS(gap, channel) && ENDS(gap, cause) && ENDS(gap, detail);
	case FL_ACCOUNT_TRADE:
		return ENDS(fill, account) && ENDS(fill, execution_id) && ENDS(fill, order_id) &&
			ENDS(fill, currency);
	default: return true;
	}
}

bool record_is_valid(const struct fl_record *record)
{
	size_t size = fl_kind_size(record->kind);

	if (size == 0 || record->length < size || record->length > RECORD_MAX_BYTES ||
		record->length % 8 != 0)
		return false;
	if (record->kind == FL_BOOK) {
		uint64_t levels = ((const struct fl_book *)(const void *)record)->level_count;

		if (levels * sizeof(struct fl_book_level) > record->length - size)
			return false;
	} else if (record->kind == FL_LIFECYCLE || record->kind == FL_STATUS) {
		if (((const struct fl_lifecycle *)(const void *)record)->metadata_length >
			record->length - size)
			return false;
	}
	return texts_end(record);
}

static const char *word(const char *const *words, size_t count, uint64_t value)
{
	return value < count ? words[value] : NULL;
}

#define WORD(words, value) word(words, sizeof(words) / sizeof((words)[0]), value)

static const char *name_of(const struct record_names *names, uint32_t instrument)
{
	if (instrument == 0 || names == NULL || names->instrument == NULL)
		return NULL;
	return names->instrument(names->data, instrument);
}

/* Of an integer field, whatever its width; texts and reals are not asked for. */
static int64_t integer(const char *at, const struct field *field)
{
	int64_t wide = 0;

	memcpy(&wide, at, field->size); /* little-endian, as the record is */
	if (field->type == INT8)
		return (int8_t)wide;
	if (field->type == INT32)
		return (int32_t)wide;
	return wide;
}

static void print_field(struct json *json, const char *record, const struct field *field,
	const struct record_names *names)
{
	static const char *const states[] = { NULL, "listed", "open", "settlement", "closed", "removed",
		"suspended" };
	static const char *const directions[] = { NULL, "buy", "sell" };
	static const char *const instrument_kinds[] = { NULL, "option", "future", "perpetual", "spot",
		"option_combo", "future_combo", "stock", "index" };
	static const char *const options[] = { NULL, "call", "put" };
	const char *at = record + field->offset;
	int64_t value = 0;
	double real;

	if (field->type != TEXT && field->type != REAL)
		value = integer(at, field);
	switch (field->type) {
	case REAL:
		memcpy(&real, at, sizeof(real));
		json_real(json, field->name, real);
		break;
	case TEXT: json_text_n(json, field->name, at, strnlen(at, field->size)); break;
	case NAME: json_text(json, field->name, name_of(names, (uint32_t)value)); break;
	case STATE:
	case STATE8: json_text(json, field->name, WORD(states, (uint64_t)value)); break;
	case SIDE:
	case TAKER: json_text(json, field->name, WORD(directions, (uint64_t)value)); break;
	case KIND8: json_text(json, field->name, WORD(instrument_kinds, (uint64_t)value)); break;
	case OPTION8: json_text(json, field->name, WORD(options, (uint64_t)value)); break;
	case FLAG:
	case FLAG8: json_bool(json, field->name, value != 0); break;
	case COUNTER:
	case INT32:
	case INT8:
		if (value == -1)
			json_null(json, field->name);
		else
			json_int(json, field->name, value);
		break;
	case TIME:
		if (value == 0)
			json_null(json, field->name);
		else
			json_int(json, field->name, value);
		break;
	case NUMBER:
	case UINT64:
	case UINT32:
	case UINT16: json_int(json, field->name, value); break;
	}
}

static void print_levels(struct json *json, const struct fl_book *book)
{
	json_open(json, "levels", '[');
	for (uint32_t i = 0; i < book->level_count; i++) {
		json_open(json, NULL, '{');
		json_text(json, "side", book->levels[i].side == FL_BID ? "bid" : "ask");
		json_real(json, "price", book->levels[i].price);
		json_real(json, "amount", book->levels[i].amount);
		json_close(json, '}');
	}
	json_close(json, ']');
}

/* Written by a plugin: only what is JSON goes in as JSON, and on one line; else it is shown as
 * text. */
static void print_metadata(struct json *json, const struct fl_lifecycle *event)
{
	yyjson_doc *doc = NULL;
	char *line = NULL;
	size_t length;

	if (event->metadata_length == 0) {
		json_null(json, "metadata");
		return;
	}
	doc = yyjson_read(event->metadata, event->metadata_length, 0);
	if (doc != NULL)
		line = yyjson_write(doc, 0, &length);
	if (line != NULL)
		json_raw(json, "metadata", line, length);
	else
		json_text_n(json, "metadata", event->metadata, event->metadata_length);
	free(line);
	yyjson_doc_free(doc);
}

void record_print(const struct fl_record *record, uint64_t number, const struct record_names *names,
	struct buf *to)
{
	struct json json;
	const char *source = NULL, *venue = NULL;

	if (names != NULL && names->source != NULL)
		source = names->source(names->data, record->source);
	if (names != NULL && names->venue != NULL && record->instrument != 0)
		venue = names->venue(names->data, record->instrument);
	json_init(&json, to);
	json_open(&json, NULL, '{');
	json_int(&json, "number", (int64_t)number);
	json_text(&json, "kind", kinds[record->kind].name);
	json_text(&json, "source", source);
	json_text(&json, "venue", venue);
	json_text(&json, "instrument", name_of(names, record->instrument));
	json_time(&json, "event_time", record->event_time_ns);
	json_int(&json, "event_time_ns", record->event_time_ns);
	json_int(&json, "received_ns", record->received_ns);
	for (const struct field *f = kinds[record->kind].fields; f->name != NULL; f++)
		print_field(&json, (const char *)record, f, names);
	if (record->kind == FL_BOOK)
		print_levels(&json, (const void *)record);
	else if (record->kind == FL_LIFECYCLE || record->kind == FL_STATUS)
		print_metadata(&json, (const void *)record);
	json_close(&json, '}');
	buf_text(to, "\n");
}
