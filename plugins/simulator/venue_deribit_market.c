/* venue_deribit_market.c: the public methods that ask for instruments, tickers, books and trades.
 */
#include <stdlib.h>
#include <string.h>

#include "venue_deribit.h"
#include "venue_deribit_print.h"

enum { DEFAULT_COUNT = 10, MAX_COUNT = 1000 };
#define HORIZON_MS INT64_C(86400000) /* how far back `www` tells of trades */

/* "BTC" > 0, "any" > -1; -2: no such currency. */
static int currency_of(const struct simulator *sim, const char *name)
{
	for (int i = 0; i < CURRENCIES; i++)
		if (strcmp(name, sim->market.universe.currencies[i].name) == 0)
			return i;
	return strcmp(name, "any") == 0 ? -1 : -2;
}

/* ---- instruments ---- */

static bool is_word(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static int read_kind(struct rpc_call *call, char *kind, size_t size)
{
	static const char *const kinds[] = { "option", "future", "spot", "option_combo", "future_combo",
		"combo", "any", NULL };

	if (rpc_text(call, "kind", kind, size) < 0)
		kind[0] = '\0';
	else if (!is_word(kind, kinds))
		return rpc_invalid(call, "kind", "invalid kind");
	return 0;
}

static bool is_kind(const char *asked, const char *kind)
{
	return asked[0] == '\0' || strcmp(asked, "any") == 0 || strcmp(asked, kind) == 0;
}

/* A captured list takes the universe's place. */
static void put_captured(struct rpc_call *call, const char *currency, const char *kind)
{
	const struct replay *replay = &call->sim->replay;
	bool is_any = currency[0] == '\0' || strcmp(currency, "any") == 0, is_first = true;
	size_t index, count, length;
	yyjson_val *entry;
	char *json;

	text_put(call->out, "[");
	for (int i = 0; i < replay->instruments_count; i++) {
		yyjson_val *list = yyjson_obj_get(yyjson_doc_get_root(replay->instruments[i]), "result");

		yyjson_arr_foreach(list, index, count, entry)
		{
			const char *of = yyjson_get_str(yyjson_obj_get(entry, "settlement_currency"));
			const char *is = yyjson_get_str(yyjson_obj_get(entry, "kind"));

			if (of == NULL)
				of = yyjson_get_str(yyjson_obj_get(entry, "base_currency"));
			if (is == NULL || of == NULL || !is_kind(kind, is) ||
				(!is_any && strcmp(of, currency) != 0))
				continue;
			json = yyjson_val_write(entry, 0, &length);
			if (json == NULL) {
				call->out->failed = true;
				return;
			}
			if (!is_first)
				text_put(call->out, ",");
			is_first = false;
			text_bytes(call->out, json, length);
			free(json);
		}
	}
	text_put(call->out, "]");
}

/* "expired" is false by default; recently expired ones stay listed for who asks. */
static bool read_expired(const struct rpc_call *call)
{
	char word[8];

	if (call->query == NULL)
		return yyjson_get_bool(yyjson_obj_get(call->params, "expired"));
	return rpc_text(call, "expired", word, sizeof(word)) == 0 && strcmp(word, "true") == 0;
}

int method_get_instruments(struct rpc_call *call)
{
	static const char *const others[] = { "USDC", "USDT", "EURR", "SOL", NULL };
	struct simulator *sim = call->sim;
	bool is_expired = read_expired(call), is_first = true;
	char currency[16] = "", kind[16];
	int wanted = -1;

	if (rpc_text(call, "currency", currency, sizeof(currency)) == -EINVAL)
		return rpc_invalid(call, "currency", "invalid currency");
	if (currency[0] != '\0')
		wanted = currency_of(sim, currency);
	if (wanted == -2 && !is_word(currency, others))
		return rpc_invalid(call, "currency", "invalid currency");
	if (read_kind(call, kind, sizeof(kind)) < 0)
		return -1;
	if (sim->replay.instruments_count > 0) {
		put_captured(call, currency, kind);
		return 0;
	}
	text_put(call->out, "[");
	for (uint32_t i = 0; i < sim->market.universe.count; i++) {
		const struct sim_instrument *instrument = &sim->market.universe.instruments[i];

		if ((wanted != -1 && instrument->currency != wanted) ||
			!is_kind(kind, print_kind(instrument)) || sim->market.states[i].is_unlisted ||
			market_is_listed(&sim->market, i) == is_expired)
			continue;
		if (!is_first)
			text_put(call->out, ",");
		is_first = false;
		print_instrument(call->out, &sim->market, i);
	}
	text_put(call->out, "]");
	return 0;
}

/* The instrument a call is about; -1: the error is filled in. */
static int64_t find_instrument(struct rpc_call *call)
{
	char name[64];
	int64_t number;
	int error = rpc_text(call, "instrument_name", name, sizeof(name));

	if (error == -ENOENT)
		return rpc_invalid(call, "instrument_name", "value is required");
	number = error < 0 ? -1 : names_find(&call->sim->channels.instruments, name, strlen(name));
	if (number < 0 || call->sim->market.states[number].is_unlisted)
		return rpc_invalid(call, "instrument_name", "instrument not found");
	return number;
}

int method_get_instrument(struct rpc_call *call)
{
	int64_t number = find_instrument(call);

	if (number < 0)
		return -1;
	print_instrument(call->out, &call->sim->market, (uint32_t)number);
	return 0;
}

static int find_open(struct rpc_call *call, uint32_t *out)
{
	int64_t number = find_instrument(call);

	if (number < 0)
		return -1;
	*out = (uint32_t)number;
	if (!market_is_open(&call->sim->market, *out))
		return rpc_invalid(call, "instrument_name", "instrument is not open");
	return 0;
}

int method_ticker(struct rpc_call *call)
{
	struct sim_ticker ticker;
	uint32_t number;

	if (find_open(call, &number) < 0)
		return -1;
	market_ticker_now(&call->sim->market, number, &ticker);
	print_ticker(call->out, &call->sim->market.universe.instruments[number], &ticker, NULL);
	return 0;
}

static void put_levels(struct text *out, const struct sim_change *levels, int count, int64_t depth)
{
	for (int i = 0; i < count && i < depth; i++) {
		text_put(out, i > 0 ? ",[" : "[");
		text_real(out, levels[i].price, 4);
		text_put(out, ",");
		text_real(out, levels[i].amount, 1);
		text_put(out, "]");
	}
}

int method_get_order_book(struct rpc_call *call)
{
	struct sim_ticker ticker;
	struct sim_book book;
	int64_t depth = 5;
	uint32_t number;

	if (find_open(call, &number) < 0)
		return -1;
	if (rpc_int(call, "depth", &depth) == -EINVAL || depth < 1 || depth > 10000)
		return rpc_invalid(call, "depth", "invalid depth");
	market_ticker_now(&call->sim->market, number, &ticker);
	market_book_now(&call->sim->market, number, &book);
	text_put(call->out, "{");
	print_ticker_fields(call->out, &call->sim->market.universe.instruments[number], &ticker, NULL);
	text_put(call->out, ",\"change_id\":");
	text_int(call->out, book.change_id);
	text_put(call->out, ",\"bids\":[");
	put_levels(call->out, book.bids, book.bid_count, depth);
	text_put(call->out, "],\"asks\":[");
	put_levels(call->out, book.asks, book.ask_count, depth);
	text_put(call->out, "]}");
	return 0;
}

/* ---- trades ---- */

/* A request for trades. Ranges are inclusive; the widest when not given. */
struct range {
	int64_t start_seq, end_seq, start_ms, end_ms;
	int64_t start_id, end_id;
	int64_t count;
	bool is_ascending;
	bool is_too_old; /* begins before the horizon */
	int currency;    /* -1: any */
	char kind[16];
	const struct sim_instrument *instrument; /* NULL: of a currency */
};

static bool has_trade(
	const struct market *market, const struct range *range, const struct sim_trade *trade)
{
	const struct sim_instrument *of = &market->universe.instruments[trade->instrument];

	if (trade->seq < range->start_seq || trade->seq > range->end_seq ||
		trade->timestamp < range->start_ms || trade->timestamp > range->end_ms ||
		trade->id < range->start_id || trade->id > range->end_id)
		return false;
	if (range->instrument != NULL)
		return of == range->instrument;
	return (range->currency < 0 || of->currency == range->currency) &&
		is_kind(range->kind, print_kind(of));
}

static int read_range(struct rpc_call *call, struct range *range)
{
	char sorting[16] = "default";
	bool has_start;
	int64_t value;

	*range = (struct range){ .end_seq = INT64_MAX,
		.end_ms = INT64_MAX,
		.end_id = INT64_MAX,
		.count = DEFAULT_COUNT,
		.currency = -1 };
	has_start = rpc_int(call, "start_seq", &range->start_seq) == 0;
	has_start |= rpc_int(call, "start_timestamp", &range->start_ms) == 0;
	rpc_int(call, "end_seq", &range->end_seq);
	rpc_int(call, "end_timestamp", &range->end_ms);
	switch (rpc_int(call, "count", &value)) {
	case 0:
		if (value < 1 || value > MAX_COUNT)
			return rpc_invalid(call, "count", "must be between 1 and 1000");
		range->count = value;
		break;
	case -EINVAL: return rpc_invalid(call, "count", "must be an integer");
	default: break;
	}
	rpc_text(call, "sorting", sorting, sizeof(sorting));
	range->is_ascending =
		strcmp(sorting, "asc") == 0 || (strcmp(sorting, "desc") != 0 && has_start);
	value = call->sim->market.now_ms - HORIZON_MS;
	range->is_too_old = range->start_ms > 0 && range->start_ms < value;
	if (range->start_ms < value)
		range->start_ms = value;
	return 0;
}

/* "ETH-15" or "15". */
static int64_t read_id(const struct rpc_call *call, const char *name, int64_t otherwise)
{
	char text[48];
	const char *digits;
	int64_t value;
	int scale;

	if (rpc_text(call, name, text, sizeof(text)) < 0)
		return otherwise;
	digits = strrchr(text, '-');
	digits = digits != NULL ? digits + 1 : text;
	return fl_decimal_parse(digits, strlen(digits), &value, &scale) == 0 && scale == 0 ? value
																					   : otherwise;
}

/* Trades one behind the other with a comma before all but the first. */
static void put_found(struct rpc_call *call, const struct sim_trade *trade, int64_t before)
{
	if (before > 0)
		text_put(call->out, ",");
	print_trade(call->out, &call->sim->market, trade);
}

/* Through the whole history in the order asked; `first` and `last` bound it by time. */
static void list_by_time(struct rpc_call *call, const struct range *range)
{
	const struct market *market = &call->sim->market;
	uint64_t first = market_trade_from(market, range->start_ms), last = market->trade_count;
	uint64_t left;
	int64_t found = 0;
	bool has_more = false;

	if (range->end_ms < INT64_MAX)
		last = market_trade_from(market, range->end_ms + 1) - 1;
	/* What begins before the horizon is empty, without an error. */
	left = last >= first && !range->is_too_old ? last - first + 1 : 0;
	text_put(call->out, "{\"trades\":[");
	for (uint64_t i = 0; i < left && !has_more; i++) {
		const struct sim_trade *trade =
			market_trade_at(market, range->is_ascending ? first + i : last - i);

		if (trade == NULL || !has_trade(market, range, trade))
			continue;
		has_more = found == range->count;
		if (!has_more)
			put_found(call, trade, found++);
	}
	text_put(call->out, has_more ? "],\"has_more\":true}" : "],\"has_more\":false}");
}

/* Along the instrument's own chain, newest first. Ascending answers turn it round: the places of
 * the oldest matches are kept in a ring of one more than asked. */
static void list_by_instrument(struct rpc_call *call, const struct range *range)
{
	const struct market *market = &call->sim->market;
	const struct sim_trade *kept[MAX_COUNT + 1];
	int64_t size = range->count + 1, found = 0, shown;
	uint32_t number = (uint32_t)(range->instrument - market->universe.instruments);
	const struct sim_trade *trade = market_trade_at(market, market->states[number].last_trade);

	for (; trade != NULL; trade = market_trade_at(market, trade->previous)) {
		if (trade->seq < range->start_seq || trade->timestamp < range->start_ms)
			break; /* further back there is nothing more */
		if (!has_trade(market, range, trade))
			continue;
		kept[found++ % size] = trade;
		if (!range->is_ascending && found == size)
			break;
	}
	shown = found < range->count ? found : range->count;
	text_put(call->out, "{\"trades\":[");
	for (int64_t i = 0; i < shown; i++)
		put_found(call, kept[(range->is_ascending ? found - 1 - i : i) % size], i);
	text_put(call->out, found > shown ? "],\"has_more\":true}" : "],\"has_more\":false}");
}

static int need_times(struct rpc_call *call)
{
	int64_t value;

	if (rpc_int(call, "start_timestamp", &value) < 0)
		return rpc_invalid(call, "start_timestamp", "value is required");
	if (rpc_int(call, "end_timestamp", &value) < 0)
		return rpc_invalid(call, "end_timestamp", "value is required");
	return 0;
}

static bool is_foreign(const struct rpc_call *call)
{
	char name[64];

	return rpc_text(call, "instrument_name", name, sizeof(name)) == 0 &&
		names_find(&call->sim->channels.foreign_names, name, strlen(name)) >= 0;
}

int method_trades_by_instrument(struct rpc_call *call)
{
	struct range range;
	int64_t number;

	if (read_range(call, &range) < 0)
		return -1;
	if (is_foreign(call)) { /* of a capture: what is not in it has not happened */
		text_put(call->out, "{\"trades\":[],\"has_more\":false}");
		return 0;
	}
	number = find_instrument(call);
	if (number < 0)
		return -1;
	range.instrument = &call->sim->market.universe.instruments[number];
	list_by_instrument(call, &range);
	return 0;
}

int method_trades_by_instrument_and_time(struct rpc_call *call)
{
	return need_times(call) < 0 ? -1 : method_trades_by_instrument(call);
}

int method_trades_by_currency(struct rpc_call *call)
{
	struct range range;
	char currency[16];

	if (rpc_text(call, "currency", currency, sizeof(currency)) < 0)
		return rpc_invalid(call, "currency", "value is required");
	if (read_range(call, &range) < 0 || read_kind(call, range.kind, sizeof(range.kind)) < 0)
		return -1;
	range.currency = currency_of(call->sim, currency);
	if (range.currency == -2)
		return rpc_invalid(call, "currency", "invalid currency");
	range.start_id = read_id(call, "start_id", 0);
	range.end_id = read_id(call, "end_id", INT64_MAX);
	list_by_time(call, &range);
	return 0;
}

int method_trades_by_currency_and_time(struct rpc_call *call)
{
	return need_times(call) < 0 ? -1 : method_trades_by_currency(call);
}

/* ---- the rest ---- */

int method_get_currencies(struct rpc_call *call)
{
	text_put(call->out,
		"[{\"currency\":\"BTC\",\"currency_long\":\"Bitcoin\",\"coin_type\":\"BITCOIN\","
		"\"decimals\":4,\"fee_precision\":4,\"min_confirmations\":1},"
		"{\"currency\":\"ETH\",\"currency_long\":\"Ethereum\",\"coin_type\":\"ETHER\","
		"\"decimals\":6,\"fee_precision\":4,\"min_confirmations\":1}]");
	return 0;
}

int method_get_index_price(struct rpc_call *call)
{
	struct simulator *sim = call->sim;
	char index[32];

	if (rpc_text(call, "index_name", index, sizeof(index)) < 0)
		return rpc_invalid(call, "index_name", "value is required");
	for (int i = 0; i < CURRENCIES; i++) {
		double price = surface_index(&sim->market.surface, i);

		if (strcmp(index, sim->market.universe.currencies[i].index) != 0)
			continue;
		text_put(call->out, "{\"index_price\":");
		text_real(call->out, price, 2);
		text_put(call->out, ",\"estimated_delivery_price\":");
		text_real(call->out, price, 2);
		text_put(call->out, "}");
		return 0;
	}
	return rpc_invalid(call, "index_name", "invalid index name");
}
