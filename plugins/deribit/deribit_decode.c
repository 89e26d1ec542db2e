/*
 * deribit_decode: what a message of Deribit says. See the header; the traps are the venue's:
 *
 * - an empty side is 0.0 on the wire and null in the documentation, its iv 0.0
 * - a price of 0 with an amount is a price (combos)
 * - numbers are 30, 30.0, 1e-05; estimated_delivery_price can be the text "expired"
 * - iv is percent, except in markprice.options, where it is a fraction
 * - a book "change" with prev_change_id 0 is a snapshot; windows (book.X.none.10.100ms) always are
 */
#include "deribit_decode.h"
#include "deribit_value.h"

#include <stdlib.h>

/* Messages up to this length are parsed in memory that is kept (12 bytes a byte at worst). */
enum { POOL_MESSAGE_BYTES = 16384 };
enum { GLANCE_BYTES = 64 }; /* of a channel's name */

void deribit_decoder_init(struct deribit_decoder *decoder)
{
	*decoder = (struct deribit_decoder){ 0 };
}

void deribit_decoder_release(struct deribit_decoder *decoder)
{
	if (decoder->doc == NULL)
		return;
	yyjson_doc_free(decoder->doc);
	decoder->doc = NULL;
}

void deribit_decoder_finish(struct deribit_decoder *decoder)
{
	deribit_decoder_release(decoder);
	free(decoder->pool);
	free(decoder->book);
	*decoder = (struct deribit_decoder){ 0 };
}

/* An empty side: no price, or a price of 0 without an amount. All of it is absent then. */
static void side(double *price, double *amount, double *iv)
{
	bool is_empty = isnan(*price) || (*price == 0 && !(*amount > 0));

	if (!is_empty)
		return;
	*price = *amount = NAN;
	if (iv != NULL && *iv == 0)
		*iv = NAN;
}

/* ---- quote, ticker ---- */

static enum deribit_kind decode_quote(yyjson_val *data, struct deribit_message *out)
{
	struct fl_quote *quote = &out->quote;
	yyjson_obj_iter iter;
	yyjson_val *name;

	fl_record_init(quote, FL_QUOTE);
	yyjson_obj_iter_init(data, &iter);
	while ((name = yyjson_obj_iter_next(&iter)) != NULL) {
		yyjson_val *value = yyjson_obj_iter_get_val(name);
		const char *key = yyjson_get_str(name);

		switch (yyjson_get_len(name)) {
		case 9:
			if (IS("timestamp") && !time_of(value, &quote->head.event_time_ns))
				return DERIBIT_MALFORMED;
			break;
		case 14:
			if (IS("best_bid_price"))
				quote->bid_price = real(value, &out->is_odd);
			else if (IS("best_ask_price"))
				quote->ask_price = real(value, &out->is_odd);
			break;
		case 15:
			if (IS("best_bid_amount"))
				quote->bid_amount = real(value, &out->is_odd);
			else if (IS("best_ask_amount"))
				quote->ask_amount = real(value, &out->is_odd);
			else if (IS("instrument_name"))
				out->instrument = text_of(value);
			break;
		default: break;
		}
	}
	side(&quote->bid_price, &quote->bid_amount, NULL);
	side(&quote->ask_price, &quote->ask_amount, NULL);
	if (out->instrument.length == 0 || quote->head.event_time_ns == 0)
		return DERIBIT_MALFORMED;
	return DERIBIT_QUOTE;
}

static void decode_greeks(yyjson_val *data, struct fl_ticker *ticker, bool *is_odd)
{
	yyjson_obj_iter iter;
	yyjson_val *name;

	if (!yyjson_obj_iter_init(data, &iter)) {
		*is_odd = *is_odd || !yyjson_is_null(data);
		return;
	}
	while ((name = yyjson_obj_iter_next(&iter)) != NULL) {
		yyjson_val *value = yyjson_obj_iter_get_val(name);
		const char *key = yyjson_get_str(name);

		switch (yyjson_get_len(name)) {
		case 3:
			if (IS("rho"))
				ticker->rho = real(value, is_odd);
			break;
		case 4:
			if (IS("vega"))
				ticker->vega = real(value, is_odd);
			break;
		case 5:
			if (IS("delta"))
				ticker->delta = real(value, is_odd);
			else if (IS("gamma"))
				ticker->gamma = real(value, is_odd);
			else if (IS("theta"))
				ticker->theta = real(value, is_odd);
			break;
		default: break;
		}
	}
}

static void decode_stats(yyjson_val *data, struct fl_ticker *ticker, bool *is_odd)
{
	yyjson_obj_iter iter;
	yyjson_val *name;

	if (!yyjson_obj_iter_init(data, &iter)) {
		*is_odd = *is_odd || !yyjson_is_null(data);
		return;
	}
	while ((name = yyjson_obj_iter_next(&iter)) != NULL) {
		const char *key = yyjson_get_str(name);

		if (yyjson_get_len(name) == 6 && IS("volume"))
			ticker->volume = real(yyjson_obj_iter_get_val(name), is_odd);
	}
}

/* One field of a ticker. false: the message is malformed. By length first: 30 fields a message. */
static bool ticker_field(
	const char *key, size_t length, yyjson_val *value, struct deribit_message *out)
{
	struct fl_ticker *ticker = &out->ticker;
	bool *is_odd = &out->is_odd;

	switch (length) {
	case 5:
		if (IS("state")) {
			struct deribit_text word = text_of(value);

			ticker->state = deribit_state(word.data, word.length);
		} else if (IS("stats")) {
			decode_stats(value, ticker, is_odd);
		}
		break;
	case 6:
		if (IS("bid_iv"))
			ticker->bid_iv = real(value, is_odd) / 100;
		else if (IS("ask_iv"))
			ticker->ask_iv = real(value, is_odd) / 100;
		else if (IS("greeks"))
			decode_greeks(value, ticker, is_odd);
		break;
	case 7:
		if (IS("mark_iv"))
			ticker->mark_iv = real(value, is_odd) / 100;
		break;
	case 9:
		if (IS("timestamp"))
			return time_of(value, &ticker->head.event_time_ns);
		if (IS("min_price"))
			ticker->min_price = real(value, is_odd);
		else if (IS("max_price"))
			ticker->max_price = real(value, is_odd);
		break;
	case 10:
		if (IS("mark_price"))
			ticker->mark_price = real(value, is_odd);
		else if (IS("last_price"))
			ticker->last_price = real(value, is_odd);
		else if (IS("funding_8h"))
			ticker->funding_8h = real(value, is_odd);
		break;
	case 11:
		if (IS("index_price"))
			ticker->index_price = real(value, is_odd);
		break;
	case 13:
		if (IS("open_interest"))
			ticker->open_interest = real(value, is_odd);
		else if (IS("interest_rate"))
			ticker->interest_rate = real(value, is_odd);
		break;
	case 14:
		if (IS("best_bid_price"))
			ticker->bid_price = real(value, is_odd);
		else if (IS("best_ask_price"))
			ticker->ask_price = real(value, is_odd);
		else if (IS("delivery_price"))
			ticker->delivery_price = real(value, is_odd);
		break;
	case 15:
		if (IS("best_bid_amount"))
			ticker->bid_amount = real(value, is_odd);
		else if (IS("best_ask_amount"))
			ticker->ask_amount = real(value, is_odd);
		else if (IS("instrument_name"))
			out->instrument = text_of(value);
		else if (IS("current_funding"))
			ticker->current_funding = real(value, is_odd);
		break;
	case 16:
		if (IS("underlying_price"))
			ticker->underlying_price = real(value, is_odd);
		else if (IS("underlying_index"))
			out->underlying = text_of(value);
		else if (IS("settlement_price"))
			ticker->settlement_price = real(value, is_odd);
		break;
	default: break;
	}
	return true;
}

static enum deribit_kind decode_ticker(yyjson_val *data, struct deribit_message *out)
{
	struct fl_ticker *ticker = &out->ticker;
	yyjson_obj_iter iter;
	yyjson_val *name;

	fl_record_init(ticker, FL_TICKER);
	yyjson_obj_iter_init(data, &iter);
	while ((name = yyjson_obj_iter_next(&iter)) != NULL)
		if (!ticker_field(
				yyjson_get_str(name), yyjson_get_len(name), yyjson_obj_iter_get_val(name), out))
			return DERIBIT_MALFORMED;
	side(&ticker->bid_price, &ticker->bid_amount, &ticker->bid_iv);
	side(&ticker->ask_price, &ticker->ask_amount, &ticker->ask_iv);
	if (out->instrument.length == 0 || ticker->head.event_time_ns == 0)
		return DERIBIT_MALFORMED;
	return DERIBIT_TICKER;
}

/* perpetual.X.100ms has no instrument_name: it is in the channel. */
static enum deribit_kind decode_perpetual(yyjson_val *data, struct deribit_message *out)
{
	const char *name = out->channel.data + sizeof("perpetual.") - 1;
	size_t length = out->channel.length - (sizeof("perpetual.") - 1);
	const char *dot = memchr(name, '.', length);

	fl_record_init(&out->ticker, FL_TICKER);
	out->instrument = (struct deribit_text){ name, dot == NULL ? length : (size_t)(dot - name) };
	out->ticker.current_funding = real(yyjson_obj_get(data, "interest"), &out->is_odd);
	out->ticker.index_price = real(yyjson_obj_get(data, "index_price"), &out->is_odd);
	if (out->instrument.length == 0 ||
		!time_of(yyjson_obj_get(data, "timestamp"), &out->ticker.head.event_time_ns))
		return DERIBIT_MALFORMED;
	return DERIBIT_PERPETUAL;
}

static enum deribit_kind decode_index(yyjson_val *data, struct deribit_message *out)
{
	fl_record_init(&out->index, FL_INDEX);
	out->instrument = text_of(yyjson_obj_get(data, "index_name"));
	out->index.price = real(yyjson_obj_get(data, "price"), &out->is_odd);
	if (out->instrument.length == 0 ||
		!time_of(yyjson_obj_get(data, "timestamp"), &out->index.head.event_time_ns))
		return DERIBIT_MALFORMED;
	return DERIBIT_INDEX;
}

static enum deribit_kind decode_state(yyjson_val *data, struct deribit_message *out)
{
	struct deribit_text word = text_of(yyjson_obj_get(data, "state"));

	out->instrument = text_of(yyjson_obj_get(data, "instrument_name"));
	out->state = deribit_state(word.data, word.length);
	if (out->instrument.length == 0 || word.length == 0 ||
		!time_of(yyjson_obj_get(data, "timestamp"), &out->time_ns))
		return DERIBIT_MALFORMED;
	return DERIBIT_STATE;
}

/* ---- book ---- */

static bool book_reserve(struct deribit_decoder *decoder, size_t levels)
{
	struct fl_book *book;

	if (levels > DERIBIT_BOOK_LEVELS)
		return false;
	if (decoder->book != NULL && levels <= decoder->book_levels)
		return true;
	levels = levels < 64 ? 64 : levels + levels / 2;
	book = realloc(decoder->book, sizeof(*book) + levels * sizeof(book->levels[0]));
	if (book == NULL)
		return false;
	decoder->book = book;
	decoder->book_levels = levels;
	return true;
}

/* [action, price, amount] of a book, [price, amount] of a window. */
static bool decode_level(yyjson_val *row, bool is_window, struct fl_book_level *out)
{
	size_t at = is_window ? 0 : 1;
	yyjson_val *price = yyjson_arr_get(row, at);
	yyjson_val *amount = yyjson_arr_get(row, at + 1);

	if (!yyjson_is_num(price) || !yyjson_is_num(amount) || yyjson_arr_size(row) != at + 2)
		return false;
	out->price = yyjson_get_num(price);
	out->amount = yyjson_get_num(amount);
	if (!is_window) {
		struct deribit_text action = text_of(yyjson_arr_get_first(row));

		if (text_is(action, "delete"))
			out->amount = 0;
		else if (!text_is(action, "new") && !text_is(action, "change"))
			return false;
	}
	return out->amount >= 0;
}

static bool decode_levels(yyjson_val *rows, bool is_window, enum fl_side of, struct fl_book *book)
{
	yyjson_arr_iter iter;
	yyjson_val *row;

	yyjson_arr_iter_init(rows, &iter);
	while ((row = yyjson_arr_iter_next(&iter)) != NULL) {
		struct fl_book_level *level = &book->levels[book->level_count];

		if (!decode_level(row, is_window, level))
			return false;
		level->side = of;
		book->level_count++;
	}
	return true;
}

/* book.NAME.100ms, or a window: book.NAME.none.10.100ms */
static bool is_window_channel(struct deribit_text channel)
{
	int dots = 0;

	for (size_t i = 0; i < channel.length; i++)
		dots += channel.data[i] == '.';
	return dots > 2;
}

static enum deribit_kind decode_book(
	struct deribit_decoder *decoder, yyjson_val *data, struct deribit_message *out)
{
	bool is_window = is_window_channel(out->channel);
	yyjson_val *bids = yyjson_obj_get(data, "bids");
	yyjson_val *asks = yyjson_obj_get(data, "asks");
	yyjson_val *prev = yyjson_obj_get(data, "prev_change_id");
	struct fl_book *book;

	out->instrument = text_of(yyjson_obj_get(data, "instrument_name"));
	if (!yyjson_is_arr(bids) || !yyjson_is_arr(asks) || out->instrument.length == 0)
		return DERIBIT_MALFORMED;
	if (!book_reserve(decoder, yyjson_arr_size(bids) + yyjson_arr_size(asks)))
		return DERIBIT_MALFORMED;
	book = out->book = decoder->book;
	fl_record_init(book, FL_BOOK);
	book->prev_change_id = -1;
	book->level_count = 0;
	if (!time_of(yyjson_obj_get(data, "timestamp"), &book->head.event_time_ns) ||
		!whole(yyjson_obj_get(data, "change_id"), &book->change_id))
		return DERIBIT_MALFORMED;
	if (prev != NULL && !yyjson_is_null(prev) && !whole(prev, &book->prev_change_id))
		return DERIBIT_MALFORMED;
	if (!decode_levels(bids, is_window, FL_BID, book) ||
		!decode_levels(asks, is_window, FL_ASK, book))
		return DERIBIT_MALFORMED;
	book->is_snapshot = is_window || book->prev_change_id <= 0 ||
		text_is(text_of(yyjson_obj_get(data, "type")), "snapshot");
	book->head.length = (uint32_t)(sizeof(*book) + book->level_count * sizeof(book->levels[0]));
	return DERIBIT_BOOK;
}

/* ---- envelopes ---- */

static inline bool channel_is(struct deribit_text channel, const char *head)
{
	size_t length = strlen(head);

	return channel.length > length && is_key(channel.data, head, length);
}

static enum deribit_kind decode_rows(
	yyjson_val *data, enum deribit_kind kind, struct deribit_message *out)
{
	if (!yyjson_is_arr(data))
		return DERIBIT_MALFORMED;
	yyjson_arr_iter_init(data, &out->rows);
	return kind;
}

static enum deribit_kind decode_subscription(
	struct deribit_decoder *decoder, yyjson_val *params, struct deribit_message *out)
{
	yyjson_val *data = yyjson_obj_get(params, "data");

	out->channel = text_of(yyjson_obj_get(params, "channel"));
	if (out->channel.length == 0 || data == NULL)
		return DERIBIT_MALFORMED;
	if (channel_is(out->channel, "trades."))
		return decode_rows(data, DERIBIT_TRADES, out);
	if (channel_is(out->channel, "markprice.options."))
		return decode_rows(data, DERIBIT_MARKPRICES, out);
	if (!yyjson_is_obj(data)) /* what is left to be known has one object */
		return channel_is(out->channel, "deribit_price_ranking.") ? DERIBIT_IGNORED
																  : DERIBIT_MALFORMED;
	if (channel_is(out->channel, "quote."))
		return decode_quote(data, out);
	if (channel_is(out->channel, "ticker."))
		return decode_ticker(data, out);
	if (channel_is(out->channel, "book."))
		return decode_book(decoder, data, out);
	if (channel_is(out->channel, "perpetual."))
		return decode_perpetual(data, out);
	if (channel_is(out->channel, "deribit_price_index."))
		return decode_index(data, out);
	if (channel_is(out->channel, "instrument.state."))
		return decode_state(data, out);
	if (channel_is(out->channel, "instrument.creation."))
		return DERIBIT_CREATION;
	return DERIBIT_IGNORED;
}

static enum deribit_kind decode_error(yyjson_val *error, struct deribit_message *out)
{
	if (!yyjson_is_obj(error) || !whole(yyjson_obj_get(error, "code"), &out->code))
		return DERIBIT_MALFORMED;
	out->text = text_of(yyjson_obj_get(error, "message"));
	return DERIBIT_ERROR;
}

static enum deribit_kind decode_envelope(
	struct deribit_decoder *decoder, yyjson_val *root, struct deribit_message *out)
{
	struct deribit_text method = text_of(yyjson_obj_get(root, "method"));
	yyjson_val *params = yyjson_obj_get(root, "params"), *error;
	int64_t out_us = 0;

	if (!yyjson_is_obj(root))
		return DERIBIT_MALFORMED;
	if (text_is(method, "subscription"))
		return decode_subscription(decoder, params, out);
	if (text_is(method, "heartbeat"))
		return text_is(text_of(yyjson_obj_get(params, "type")), "test_request")
			? DERIBIT_TEST_REQUEST
			: DERIBIT_HEARTBEAT;
	if (!whole(yyjson_obj_get(root, "id"), &out->id) || out->id < 0)
		out->id = -1;
	if (whole(yyjson_obj_get(root, "usOut"), &out_us) && out_us > 0 && out_us <= LATEST_MS * 1000)
		out->server_ns = out_us * FL_US;
	error = yyjson_obj_get(root, "error");
	if (error != NULL)
		return decode_error(error, out);
	out->result = yyjson_obj_get(root, "result");
	return out->result != NULL ? DERIBIT_RESULT : DERIBIT_IGNORED;
}

struct deribit_text deribit_glance(const char *data, size_t length)
{
	static const char opening[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":\"";
	const char *name = data + sizeof(opening) - 1, *end = NULL;

	if (length < sizeof(opening) + GLANCE_BYTES || memcmp(data, opening, sizeof(opening) - 1) != 0)
		return (struct deribit_text){ "", 0 };
	if (is_key(name, "quote.", 6)) {
		name += 6;
		end = memchr(name, '"', GLANCE_BYTES - 6);
	} else if (is_key(name, "ticker.", 7)) {
		name += 7;
		end = memchr(name, '.', GLANCE_BYTES - 7);
	}
	if (end == NULL)
		return (struct deribit_text){ "", 0 };
	return (struct deribit_text){ name, (size_t)(end - name) };
}

static void message_init(struct deribit_message *out)
{
	static const struct deribit_text none = { "", 0 };

	out->kind = DERIBIT_MALFORMED;
	out->is_odd = false;
	/* Not one from the other: that is compiled to reading back, in one word, what was stored in
	 * two. */
	out->channel = none;
	out->instrument = none;
	out->underlying = none;
	out->text = none;
	out->book = NULL;
	out->rows = (yyjson_arr_iter){ 0 };
	out->time_ns = out->server_ns = out->code = 0;
	out->id = -1;
	out->result = NULL;
}

/* Small messages, which is nearly all, are parsed in memory that is kept. */
static yyjson_doc *parse(struct deribit_decoder *decoder, char *data, size_t length)
{
	yyjson_alc pool;

	/* In place, a text that is not closed ends here and nowhere else. */
	memset(data + length, 0, YYJSON_PADDING_SIZE);
	if (length > POOL_MESSAGE_BYTES)
		return decoder->doc = yyjson_read_opts(data, length, YYJSON_READ_INSITU, NULL, NULL);
	if (decoder->pool == NULL) {
		decoder->pool_bytes = yyjson_read_max_memory_usage(POOL_MESSAGE_BYTES, YYJSON_READ_INSITU);
		decoder->pool = malloc(decoder->pool_bytes);
		if (decoder->pool == NULL)
			return NULL;
	}
	/* Nothing is freed in the pool: the next message begins it anew. */
	yyjson_alc_pool_init(&pool, decoder->pool, decoder->pool_bytes);
	return yyjson_read_opts(data, length, YYJSON_READ_INSITU, &pool, NULL);
}

enum deribit_kind deribit_decode(
	struct deribit_decoder *decoder, char *data, size_t length, struct deribit_message *out)
{
	yyjson_doc *doc;

	deribit_decoder_release(decoder);
	message_init(out);
	if (length == 0 || (doc = parse(decoder, data, length)) == NULL)
		return DERIBIT_MALFORMED;
	return out->kind = decode_envelope(decoder, yyjson_doc_get_root(doc), out);
}

enum deribit_kind deribit_decode_response(
	struct deribit_decoder *decoder, const char *body, size_t length, struct deribit_message *out)
{
	enum deribit_kind kind;

	deribit_decoder_release(decoder);
	message_init(out);
	decoder->doc = yyjson_read(body, length, 0);
	if (decoder->doc == NULL)
		return DERIBIT_MALFORMED;
	kind = decode_envelope(decoder, yyjson_doc_get_root(decoder->doc), out);
	if (kind != DERIBIT_RESULT && kind != DERIBIT_ERROR)
		kind = DERIBIT_MALFORMED;
	return out->kind = kind;
}
