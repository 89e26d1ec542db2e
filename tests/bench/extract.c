/* extract.c: one pass over the object, by the length of the key first. */
#include "extract.h"

#include <stdbool.h>
#include <string.h>
#include <yyjson.h>

enum { POOL_BYTES = 64 * 1024 };

#define IS(word) (memcmp(key, word, sizeof(word) - 1) == 0)

static void greek(struct row *row, const char *key, size_t length, yyjson_val *value)
{
	switch (length) {
	case 3: row->fields[RHO] = yyjson_get_num(value); break;
	case 4: row->fields[VEGA] = yyjson_get_num(value); break;
	default:
		if (IS("delta"))
			row->fields[DELTA] = yyjson_get_num(value);
		else if (IS("gamma"))
			row->fields[GAMMA] = yyjson_get_num(value);
		else if (IS("theta"))
			row->fields[THETA] = yyjson_get_num(value);
	}
}

static void field(struct row *row, const char *key, size_t length, yyjson_val *value);

static void each(struct row *row, yyjson_val *object,
	void (*take)(struct row *, const char *, size_t, yyjson_val *))
{
	yyjson_obj_iter iter;
	yyjson_val *name;

	yyjson_obj_iter_init(object, &iter);
	while ((name = yyjson_obj_iter_next(&iter)) != NULL)
		take(row, yyjson_get_str(name), yyjson_get_len(name), yyjson_obj_iter_get_val(name));
}

static void stat(struct row *row, const char *key, size_t length, yyjson_val *value)
{
	if (length == 6 && IS("volume"))
		row->fields[VOLUME] = yyjson_get_num(value);
}

static void field(struct row *row, const char *key, size_t length, yyjson_val *value)
{
	switch (length) {
	case 2: row->fields[IV] = yyjson_get_num(value); break;
	case 5:
		if (IS("price"))
			row->fields[PRICE] = yyjson_get_num(value);
		else if (IS("stats"))
			each(row, value, stat);
		break;
	case 6:
		if (IS("bid_iv"))
			row->fields[BID_IV] = yyjson_get_num(value);
		else if (IS("ask_iv"))
			row->fields[ASK_IV] = yyjson_get_num(value);
		else if (IS("greeks"))
			each(row, value, greek);
		else if (IS("amount"))
			row->fields[AMOUNT] = yyjson_get_num(value);
		break;
	case 7: row->fields[MARK_IV] = yyjson_get_num(value); break;
	case 8: row->id = yyjson_get_str(value); break;
	case 9:
		if (IS("timestamp"))
			row->time = yyjson_get_uint(value);
		else if (IS("trade_seq"))
			row->seq = yyjson_get_uint(value);
		else if (IS("min_price"))
			row->fields[MIN_PRICE] = yyjson_get_num(value);
		else if (IS("max_price"))
			row->fields[MAX_PRICE] = yyjson_get_num(value);
		break;
	case 10:
		if (IS("mark_price"))
			row->fields[MARK_PRICE] = yyjson_get_num(value);
		else if (IS("last_price"))
			row->fields[LAST_PRICE] = yyjson_get_num(value);
		break;
	case 11: row->fields[INDEX_PRICE] = yyjson_get_num(value); break;
	case 13:
		if (IS("open_interest"))
			row->fields[OPEN_INTEREST] = yyjson_get_num(value);
		break;
	case 14:
		if (IS("best_bid_price"))
			row->fields[BID_PRICE] = yyjson_get_num(value);
		else if (IS("best_ask_price"))
			row->fields[ASK_PRICE] = yyjson_get_num(value);
		break;
	case 15:
		if (IS("best_bid_amount"))
			row->fields[BID_AMOUNT] = yyjson_get_num(value);
		else if (IS("best_ask_amount"))
			row->fields[ASK_AMOUNT] = yyjson_get_num(value);
		else if (IS("instrument_name"))
			row->name = yyjson_get_str(value);
		break;
	case 16:
		if (IS("underlying_price"))
			row->fields[UNDERLYING_PRICE] = yyjson_get_num(value);
		else if (IS("settlement_price"))
			row->fields[SETTLEMENT_PRICE] = yyjson_get_num(value);
		else if (IS("underlying_index"))
			row->index = yyjson_get_str(value);
		break;
	default: break;
	}
}

static void take_row(struct extracted *to, char kind, yyjson_val *value)
{
	struct row row;

	memset(&row, 0, sizeof(row));
	each(&row, value, field);
	/* What an optimizer must not find unused. */
	for (int i = 0; i < FIELDS; i++)
		to->sum += row.fields[i];
	to->sum += (double)(row.time & 1) + (row.name != NULL) + (row.index != NULL) +
		(row.id != NULL) + (double)(row.seq & 1);
	if (to->keep != NULL)
		to->keep(kind, &row);
}

void extract(struct extracted *to, char *text, size_t length)
{
	static char pool[POOL_BYTES];
	yyjson_alc memory;
	yyjson_val *params, *data;
	const char *channel;
	yyjson_doc *doc;

	yyjson_alc_pool_init(&memory, pool, sizeof(pool));
	doc = yyjson_read_opts(text, length, YYJSON_READ_INSITU, &memory, NULL);
	params = yyjson_obj_get(yyjson_doc_get_root(doc), "params");
	channel = yyjson_get_str(yyjson_obj_get(params, "channel"));
	data = yyjson_obj_get(params, "data");
	if (channel == NULL)
		return;
	if (yyjson_is_arr(data)) {
		yyjson_arr_iter iter;
		yyjson_val *value;

		yyjson_arr_iter_init(data, &iter);
		while ((value = yyjson_arr_iter_next(&iter)) != NULL) {
			take_row(to, 'T', value);
			to->trades++;
		}
		return;
	}
	take_row(to, channel[0], data);
	if (channel[0] == 'q')
		to->quotes++;
	else
		to->tickers++;
}
