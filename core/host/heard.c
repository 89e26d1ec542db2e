#include "heard.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STRIKES_MAX = 8, CALM = 16, MEAN_OVER = 32 };

int heard_kind(unsigned record_kind)
{
	switch (record_kind) {
	case FL_QUOTE: return HEARD_QUOTE;
	case FL_TICKER: return HEARD_TICKER;
	case FL_BOOK: return HEARD_BOOK;
	case FL_GREEKS: return HEARD_GREEKS;
	case FL_TRADE: return HEARD_TRADE;
	default: return -1;
	}
}

const char *heard_kind_name(unsigned kind)
{
	static const char *const names[HEARD_KINDS] = { "quote", "ticker", "book", "greeks", "trade" };

	return names[kind];
}

static bool make_row(struct heard_table *table, uint32_t instrument)
{
	size_t count = table->row_count == 0 ? 256 : table->row_count;
	uint32_t(*rows)[HEARD_KINDS];

	if (instrument < table->row_count)
		return true;
	while (count <= instrument)
		count *= 2;
	rows = realloc(table->rows, count * sizeof(*rows));
	if (rows == NULL)
		return false;
	memset(rows + table->row_count, 0, (count - table->row_count) * sizeof(*rows));
	table->rows = rows;
	table->row_count = count;
	return true;
}

/* The number of a free entry + 1, 0: no memory. */
static uint32_t take_free(struct heard_table *table)
{
	uint32_t number = table->free;

	if (number != 0) {
		table->free = table->items[number - 1].session;
		return number;
	}
	if (table->count == table->capacity) {
		uint32_t capacity = table->capacity == 0 ? 256 : table->capacity * 2;
		struct heard *items = realloc(table->items, capacity * sizeof(*items));

		if (items == NULL)
			return 0;
		table->items = items;
		table->capacity = capacity;
	}
	return ++table->count;
}

struct heard *heard_find(const struct heard_table *table, uint32_t instrument, int kind)
{
	uint32_t number = instrument < table->row_count ? table->rows[instrument][kind] : 0;

	return number == 0 ? NULL : &table->items[number - 1];
}

void heard_expect(const struct heard_table *table, uint32_t instrument)
{
	if (instrument >= table->row_count)
		return;
	for (int kind = 0; kind <= HEARD_TICKER; kind++) { /* the frequent ones */
		uint32_t number = table->rows[instrument][kind];

		if (number != 0)
			__builtin_prefetch(&table->items[number - 1], 1);
	}
}

struct heard *heard_entry(struct heard_table *table, uint32_t instrument, int kind)
{
	struct heard *item = heard_find(table, instrument, kind);
	uint32_t number;

	if (item != NULL || instrument == 0 || !make_row(table, instrument))
		return item;
	number = take_free(table);
	if (number == 0)
		return NULL;
	table->rows[instrument][kind] = number;
	item = &table->items[number - 1];
	*item = (struct heard){ .instrument = instrument, .kind = (uint8_t)kind };
	return item;
}

static void learn_records(struct heard *item, uint32_t records)
{
	uint32_t gaps = item->silence.count;
	float share = 1.0f / (float)MEAN_OVER; /* mostly no division */

	if (gaps < MEAN_OVER)
		share = 1.0f / (float)(gaps > 0 ? gaps : 1);
	item->mean_records += ((float)(records - item->at_record) - item->mean_records) * share;
}

void heard_now(
	struct heard *item, uint16_t conn, uint32_t session, uint32_t records, int64_t now_ns)
{
	if (item->session != session)
		item->silence.last_ns = 0;
	if (item->silence.last_ns != 0)
		learn_records(item, records);
	item->session = session;
	item->conn = conn;
	item->at_record = records;
	fl_silence_heard(&item->silence, now_ns);
	if (item->strikes > 0 && ++item->calm >= CALM) {
		item->strikes--;
		item->calm = 0;
	}
}

uint64_t heard_best(double bid_price, double bid_amount, double ask_price, double ask_amount)
{
	const double values[4] = { bid_price, bid_amount, ask_price, ask_amount };
	uint64_t best = 1, bits;

	for (int i = 0; i < 4; i++) {
		double value = isnan(values[i]) ? -1 : values[i]; /* an empty side is one */

		memcpy(&bits, &value, sizeof(bits));
		best = (best ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
		best ^= best >> 29;
	}
	return best | 1; /* never 0 */
}

void heard_ticker(
	struct heard *quote, uint16_t conn, uint64_t best, uint32_t records, int64_t now_ns)
{
	if (quote->best != best || quote->conn != conn)
		return;
	quote->agreed_ns = now_ns;
	quote->agreed_record = records;
}

int64_t heard_since_ns(const struct heard *item)
{
	int64_t last_ns = item->silence.last_ns;

	return last_ns != 0 && item->agreed_ns > last_ns ? item->agreed_ns : last_ns;
}

int64_t heard_limit_ns(const struct heard *item, int64_t floor_ns)
{
	int64_t limit = fl_silence_limit_ns(&item->silence, floor_ns);
	unsigned strikes = item->strikes < STRIKES_MAX ? item->strikes : STRIKES_MAX;

	return limit > INT64_MAX >> strikes ? INT64_MAX : limit << strikes;
}

void heard_forget(struct heard_table *table, uint32_t instrument)
{
	for (int kind = 0; kind < HEARD_KINDS; kind++) {
		struct heard *item = heard_find(table, instrument, kind);
		uint32_t number;

		if (item == NULL)
			continue;
		number = table->rows[instrument][kind];
		table->rows[instrument][kind] = 0;
		*item = (struct heard){ .session = table->free };
		table->free = number;
	}
}

void heard_finish(struct heard_table *table)
{
	free(table->rows);
	free(table->items);
	*table = (struct heard_table){ 0 };
}
