/* deribit_decode: on every message that was captured, and on what venues have been seen to send. */
#include "unit.h"
/* cmocka's fail() and friends first */
#include "deribit_decode.h"
#include "fake.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct deribit_decoder decoder;

static int setup(void **state)
{
	(void)state;
	deribit_decoder_init(&decoder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	deribit_decoder_finish(&decoder);
	return 0;
}

/* Decodes a copy of exactly the message and its padding, so that sanitizers see a step beyond. */
static char *copied;
static enum deribit_kind decode_part(const char *text, size_t length, struct deribit_message *out)
{
	free(copied);
	copied = fake_alloc(length + FL_MESSAGE_PADDING);
	memcpy(copied, text, length);
	memset(copied + length, 'x', FL_MESSAGE_PADDING);
	return deribit_decode(&decoder, copied, length, out);
}

static enum deribit_kind decode(const char *text, struct deribit_message *out)
{
	return decode_part(text, strlen(text), out);
}

static void text_equals(struct deribit_text text, const char *expected)
{
	assert_int_equal(text.length, strlen(expected));
	assert_memory_equal(text.data, expected, text.length);
}

static void same(double is, double should)
{
	if (isnan(should))
		assert_true(isnan(is));
	else
		assert_true(is == should);
}

/* ---- an oracle that reads field by field ---- */

static double plain(yyjson_val *object, const char *key)
{
	yyjson_val *value = yyjson_obj_get(object, key);

	return yyjson_is_num(value) ? yyjson_get_num(value) : NAN;
}

static double sided(yyjson_val *object, const char *side, const char *what)
{
	char price[32], amount[32], key[32];

	snprintf(price, sizeof(price), "best_%s_price", side);
	snprintf(amount, sizeof(amount), "best_%s_amount", side);
	snprintf(key, sizeof(key), strcmp(what, "iv") == 0 ? "%s_iv" : "best_%s_%s", side, what);
	if (strcmp(what, "iv") == 0)
		return plain(object, price) == 0 && plain(object, key) == 0 ? NAN
																	: plain(object, key) / 100;
	if (plain(object, price) == 0 && plain(object, amount) == 0)
		return NAN;
	return plain(object, key);
}

static void check_ticker(yyjson_val *data, const struct deribit_message *in)
{
	const struct fl_ticker *t = &in->ticker;
	yyjson_val *greeks = yyjson_obj_get(data, "greeks");

	text_equals(in->instrument, yyjson_get_str(yyjson_obj_get(data, "instrument_name")));
	assert_int_equal(
		t->head.event_time_ns, yyjson_get_uint(yyjson_obj_get(data, "timestamp")) * 1000000);
	assert_int_equal(t->state, FL_STATE_OPEN);
	if (yyjson_obj_get(data, "underlying_index") != NULL)
		text_equals(in->underlying, yyjson_get_str(yyjson_obj_get(data, "underlying_index")));
	same(t->mark_price, plain(data, "mark_price"));
	same(t->mark_iv, plain(data, "mark_iv") / 100);
	same(t->bid_iv, sided(data, "bid", "iv"));
	same(t->ask_iv, sided(data, "ask", "iv"));
	same(t->bid_price, sided(data, "bid", "price"));
	same(t->bid_amount, sided(data, "bid", "amount"));
	same(t->ask_price, sided(data, "ask", "price"));
	same(t->ask_amount, sided(data, "ask", "amount"));
	same(t->last_price, plain(data, "last_price"));
	same(t->underlying_price, plain(data, "underlying_price"));
	same(t->index_price, plain(data, "index_price"));
	same(t->interest_rate, plain(data, "interest_rate"));
	same(t->open_interest, plain(data, "open_interest"));
	same(t->volume, plain(yyjson_obj_get(data, "stats"), "volume"));
	same(t->delta, plain(greeks, "delta"));
	same(t->gamma, plain(greeks, "gamma"));
	same(t->theta, plain(greeks, "theta"));
	same(t->vega, plain(greeks, "vega"));
	same(t->rho, plain(greeks, "rho"));
	same(t->settlement_price, plain(data, "settlement_price"));
	same(t->delivery_price, plain(data, "delivery_price"));
	same(t->min_price, plain(data, "min_price"));
	same(t->max_price, plain(data, "max_price"));
	same(t->current_funding, plain(data, "current_funding"));
	same(t->funding_8h, plain(data, "funding_8h"));
	assert_false(in->is_odd);
}

static size_t check_levels(
	yyjson_val *rows, const struct fl_book *book, size_t at, enum fl_side side)
{
	size_t i, max;
	yyjson_val *row;

	yyjson_arr_foreach(rows, i, max, row)
	{
		size_t skip = yyjson_arr_size(row) - 2;

		assert_int_equal(book->levels[at].side, side);
		same(book->levels[at].price, yyjson_get_num(yyjson_arr_get(row, skip)));
		same(book->levels[at].amount, yyjson_get_num(yyjson_arr_get(row, skip + 1)));
		at++;
	}
	return at;
}

static void check_book(yyjson_val *data, const struct deribit_message *in)
{
	const struct fl_book *book = in->book;
	yyjson_val *prev = yyjson_obj_get(data, "prev_change_id");
	size_t count;

	text_equals(in->instrument, yyjson_get_str(yyjson_obj_get(data, "instrument_name")));
	assert_int_equal(
		book->head.event_time_ns, yyjson_get_uint(yyjson_obj_get(data, "timestamp")) * 1000000);
	assert_int_equal(book->change_id, yyjson_get_uint(yyjson_obj_get(data, "change_id")));
	assert_int_equal(book->prev_change_id, prev == NULL ? -1 : (int64_t)yyjson_get_uint(prev));
	assert_int_equal(book->is_snapshot, prev == NULL);
	count = check_levels(yyjson_obj_get(data, "bids"), book, 0, FL_BID);
	count = check_levels(yyjson_obj_get(data, "asks"), book, count, FL_ASK);
	assert_int_equal(book->level_count, count);
	assert_int_equal(book->head.length, sizeof(*book) + count * sizeof(book->levels[0]));
	assert_int_equal(book->head.length % 8, 0);
}

struct seen {
	int tickers, books, replies, others;
};

static struct seen check_file(const char *name)
{
	char path[512], *data, *line, *end;
	struct seen seen = { 0 };
	size_t length;

	snprintf(path, sizeof(path), FIXTURES "/ws/%s", name);
	data = fake_file(path, &length);
	for (line = data; line < data + length; line = end + 1) {
		struct deribit_message in;
		struct deribit_text glance;
		yyjson_doc *doc;
		yyjson_val *payload;

		end = strchr(line, '\n');
		if (end == NULL)
			end = data + length;
		doc = yyjson_read(line, (size_t)(end - line), 0);
		payload = yyjson_obj_get(yyjson_obj_get(yyjson_doc_get_root(doc), "params"), "data");
		glance = deribit_glance(line, (size_t)(end - line));
		switch (decode_part(line, (size_t)(end - line), &in)) {
		case DERIBIT_TICKER:
			check_ticker(payload, &in);
			assert_int_equal(glance.length, in.instrument.length);
			assert_memory_equal(glance.data, in.instrument.data, glance.length);
			seen.tickers++;
			break;
		case DERIBIT_BOOK:
			check_book(payload, &in);
			assert_int_equal(glance.length, 0);
			seen.books++;
			break;
		case DERIBIT_RESULT:
			assert_int_equal(in.id, 0);
			assert_int_equal(yyjson_arr_size(in.result), 30);
			seen.replies++;
			break;
		default: fail();
		}
		yyjson_doc_free(doc);
	}
	free(data);
	return seen;
}

static void every_captured_value_arrives(void **state)
{
	struct seen seen[3];

	(void)state;
	seen[0] = check_file("cryptofeed_2021-04-05_options_raw.wire.ndjson");
	seen[1] = check_file("cryptofeed_2021-04-17_options_raw.wire.ndjson");
	seen[2] = check_file("cryptofeed_2021-07-22_options_raw.wire.ndjson");
	assert_int_equal(seen[0].tickers + seen[1].tickers + seen[2].tickers, 454);
	assert_int_equal(seen[0].books + seen[1].books + seen[2].books, 289);
	assert_int_equal(seen[0].replies + seen[1].replies + seen[2].replies, 3);
}

static void a_glance_takes_what_stands_at_its_place_and_nothing_else(void **state)
{
	static const char quote[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":"
		"\"quote.BTC-26JUN26-1000-C\",\"data\":{\"timestamp\":1700000000124,"
		"\"instrument_name\":\"BTC-26JUN26-1000-C\",\"best_bid_price\":0.1}}}";
	static const char endless[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":"
		"\"ticker.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.agg2\"}}";

	(void)state;
	text_equals(deribit_glance(quote, strlen(quote)), "BTC-26JUN26-1000-C");
	assert_int_equal(deribit_glance(quote + 1, strlen(quote) - 1).length, 0);
	assert_int_equal(deribit_glance(endless, strlen(endless)).length, 0);
	for (size_t length = 0; length < strlen(quote); length++) {
		char *copy = fake_alloc(length);
		struct deribit_text glance;

		memcpy(copy, quote, length);
		glance = deribit_glance(copy, length);
		assert_true(glance.length == 0 || glance.data + glance.length <= copy + length);
		free(copy);
	}
}

static void every_other_captured_channel_is_understood(void **state)
{
	static const enum deribit_kind kinds[] = { DERIBIT_BOOK, DERIBIT_BOOK, DERIBIT_BOOK,
		DERIBIT_INDEX, DERIBIT_IGNORED, DERIBIT_IGNORED, DERIBIT_MARKPRICES, DERIBIT_PERPETUAL,
		DERIBIT_QUOTE, DERIBIT_TICKER, DERIBIT_TRADES, DERIBIT_STATE };
	struct deribit_message in;
	struct deribit_text name;
	struct deribit_trade trade;
	struct fl_ticker mark;
	size_t length, at = 0;
	char *data = fake_file(FIXTURES "/ws/kyber_2022-09.wire.ndjson", &length), *line = data, *end;

	(void)state;
	for (; line < data + length; line = end + 1, at++) {
		end = strchr(line, '\n');
		end = end == NULL ? data + length : end;
		assert_true(at < 12);
		assert_int_equal(decode_part(line, (size_t)(end - line), &in), kinds[at]);
		switch (in.kind) {
		case DERIBIT_BOOK:
			assert_int_equal(in.book->is_snapshot, at == 2); /* a window is always whole */
			assert_int_equal(in.book->level_count, at == 2 ? 2 : 5);
			break;
		case DERIBIT_INDEX:
			same(in.index.price, 20651.5);
			text_equals(in.instrument, "btc_usd");
			break;
		case DERIBIT_MARKPRICES:
			assert_int_equal(deribit_markprice_next(&in.rows, &mark, &name), 1);
			same(mark.mark_iv, 0.7686); /* a fraction already */
			assert_int_equal(deribit_markprice_next(&in.rows, &mark, &name), 1);
			text_equals(name, "BTC-28OCT22-23000-P");
			assert_int_equal(deribit_markprice_next(&in.rows, &mark, &name), 0);
			break;
		case DERIBIT_PERPETUAL:
			text_equals(in.instrument, "BTC-PERPETUAL");
			same(in.ticker.current_funding, -0.005);
			break;
		case DERIBIT_QUOTE: same(in.quote.ask_amount, 3730); break;
		case DERIBIT_TICKER:
			same(in.ticker.funding_8h, -0.001);
			assert_true(isnan(in.ticker.mark_iv));
			break;
		case DERIBIT_TRADES:
			assert_int_equal(deribit_trade_next(&in.rows, &trade), 1);
			assert_int_equal(trade.trade.trade_seq, 81769518);
			assert_string_equal(trade.trade.trade_id, "119810484");
			assert_int_equal(trade.trade.direction, FL_SELL);
			assert_int_equal(trade.trade.tick_direction, 2);
			assert_true(isnan(trade.trade.iv));
			break;
		case DERIBIT_STATE: assert_int_equal(in.state, FL_STATE_REMOVED); break;
		default: break;
		}
	}
	assert_int_equal(at, 12);
	free(data);
}

static void a_message_torn_anywhere_is_malformed(void **state)
{
	static const char *const texts[] = {
		"{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":\"ticker.A.raw\","
		"\"data\":{\"timestamp\":1,\"instrument_name\":\"A\",\"greeks\":{\"vega\":2.2e3}}}}",
		"{\"params\":{\"channel\":\"book.A.raw\",\"data\":{\"timestamp\":1,\"instrument_name\":\"A\","
		"\"change_id\":2,\"bids\":[[\"new\",1,2]],\"asks\":[]}},\"method\":\"subscription\"}",
		"{\"params\":{\"channel\":\"trades.A\",\"data\":[{\"trade_seq\":1}]},\"method\":"
		"\"subscription\"}",
		"{\"id\":1,\"error\":{\"code\":10028,\"message\":\"x\"}}",
	};
	struct deribit_message in;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (size_t length = 0; length < strlen(texts[i]); length++)
			assert_int_equal(decode_part(texts[i], length, &in), DERIBIT_MALFORMED);
		assert_int_not_equal(decode(texts[i], &in), DERIBIT_MALFORMED);
	}
}

/* Wraps data into a notification. */
static const char *notified(const char *channel, const char *data)
{
	static char text[8192];

	snprintf(text, sizeof(text),
		"{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":\"%s\","
		"\"data\":%s}}",
		channel, data);
	return text;
}

static void wrong_shapes_are_malformed(void **state)
{
	static const char *const texts[] = { "[]", "1", "null", "\"text\"",
		"{\"method\":\"subscription\"}", "{\"method\":\"subscription\",\"params\":[]}",
		"{\"method\":\"subscription\",\"params\":{\"channel\":7,\"data\":{}}}",
		"{\"method\":\"subscription\",\"params\":{\"channel\":\"quote.A\"}}",
		"{\"id\":1,\"error\":\"text\"}", "{\"id\":1,\"error\":{\"code\":\"1\"}}",
		"{\"id\":1,\"result\":1e999}", "{\"id\":1,\"result\":\"\xff\xfe\"}" };
	static const char *const data[][2] = {
		{ "ticker.A.raw", "[]" },
		{ "ticker.A.raw", "null" },
		{ "ticker.A.raw", "{}" },
		{ "ticker.A.raw", "{\"instrument_name\":\"A\"}" },
		{ "ticker.A.raw", "{\"instrument_name\":\"A\",\"timestamp\":\"1\"}" },
		{ "ticker.A.raw", "{\"instrument_name\":\"A\",\"timestamp\":-1}" },
		{ "ticker.A.raw", "{\"instrument_name\":\"A\",\"timestamp\":9223372036854}" },
		{ "ticker.A.raw", "{\"instrument_name\":\"A\",\"timestamp\":1e300}" },
		{ "ticker.A.raw", "{\"instrument_name\":1,\"timestamp\":1}" },
		{ "quote.A", "{\"timestamp\":1}" },
		{ "quote.A", "7" },
		{ "trades.A.raw", "{}" },
		{ "trades.A.raw", "null" },
		{ "markprice.options.a", "{}" },
		{ "book.A.raw", "{\"timestamp\":1,\"instrument_name\":\"A\",\"change_id\":1}" },
		{ "book.A.raw",
			"{\"timestamp\":1,\"instrument_name\":\"A\",\"change_id\":1,\"bids\":[1],"
			"\"asks\":[]}" },
		{ "book.A.raw",
			"{\"timestamp\":1,\"instrument_name\":\"A\",\"change_id\":1,"
			"\"bids\":[[\"new\",1]],\"asks\":[]}" },
		{ "book.A.raw",
			"{\"timestamp\":1,\"instrument_name\":\"A\",\"change_id\":1,"
			"\"bids\":[[\"what\",1,1]],\"asks\":[]}" },
		{ "book.A.raw",
			"{\"timestamp\":1,\"instrument_name\":\"A\",\"change_id\":1,"
			"\"bids\":[[\"new\",\"1\",1]],\"asks\":[]}" },
		{ "book.A.raw",
			"{\"timestamp\":1,\"instrument_name\":\"A\",\"change_id\":1,"
			"\"prev_change_id\":\"x\",\"bids\":[],\"asks\":[]}" },
		{ "book.A.raw",
			"{\"timestamp\":1,\"instrument_name\":\"A\",\"change_id\":1,"
			"\"bids\":[[\"new\",1,-1]],\"asks\":[]}" },
		{ "perpetual.A.raw", "{\"interest\":1}" },
		{ "deribit_price_index.a", "{\"price\":1}" },
		{ "instrument.state.option.BTC", "{\"state\":\"open\"}" },
	};
	struct deribit_message in;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(decode(texts[i], &in), DERIBIT_MALFORMED);
	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++)
		assert_int_equal(decode(notified(data[i][0], data[i][1]), &in), DERIBIT_MALFORMED);
	assert_int_equal(decode("{}", &in), DERIBIT_IGNORED);
	assert_int_equal(decode(notified("announcements", "{}"), &in), DERIBIT_IGNORED);
}

static void an_empty_side_is_absent(void **state)
{
	struct deribit_message in;

	(void)state;
	decode(notified("ticker.A.raw",
			   "{\"instrument_name\":\"A\",\"timestamp\":5,\"best_bid_price\":0.0,"
			   "\"best_bid_amount\":0.0,\"bid_iv\":0.0,\"best_ask_price\":null,"
			   "\"best_ask_amount\":null,\"ask_iv\":500.0}"),
		&in);
	assert_int_equal(in.kind, DERIBIT_TICKER);
	assert_true(isnan(in.ticker.bid_price) && isnan(in.ticker.bid_amount));
	assert_true(isnan(in.ticker.bid_iv));
	assert_true(isnan(in.ticker.ask_price) && isnan(in.ticker.ask_amount));
	same(in.ticker.ask_iv, 5);
	decode(notified("quote.A",
			   "{\"instrument_name\":\"A\",\"timestamp\":5,\"best_bid_price\":0,"
			   "\"best_bid_amount\":3,\"best_ask_price\":0,\"best_ask_amount\":0}"),
		&in);
	same(in.quote.bid_price, 0); /* a combo for nothing: a price */
	same(in.quote.bid_amount, 3);
	assert_true(isnan(in.quote.ask_price) && isnan(in.quote.ask_amount));
	decode(notified("quote.A",
			   "{\"instrument_name\":\"A\",\"timestamp\":5,"
			   "\"best_bid_price\":-13.5,\"best_bid_amount\":10}"),
		&in);
	same(in.quote.bid_price, -13.5);
}

static void numbers_come_in_every_form(void **state)
{
	struct deribit_message in;

	(void)state;
	decode(notified("ticker.A.raw",
			   "{\"instrument_name\":\"A\",\"timestamp\":1.5e12,\"mark_price\":1e-05,"
			   "\"open_interest\":2.2e3,\"current_funding\":-4.24e-7,\"index_price\":30,"
			   "\"min_price\":18446744073709551615,\"estimated_delivery_price\":\"expired\","
			   "\"delivery_price\":9728.65,\"state\":\"closed\",\"unknown\":{\"deep\":[1]}}"),
		&in);
	assert_int_equal(in.kind, DERIBIT_TICKER);
	assert_int_equal(in.ticker.head.event_time_ns, INT64_C(1500000000000) * FL_MS);
	same(in.ticker.mark_price, 1e-05);
	same(in.ticker.open_interest, 2200);
	same(in.ticker.current_funding, -4.24e-7);
	same(in.ticker.delivery_price, 9728.65);
	assert_int_equal(in.ticker.state, FL_STATE_CLOSED);
	assert_true(isnan(in.ticker.settlement_price)); /* not sent: unknown, not zero */
	assert_false(in.is_odd);
	decode(notified("ticker.A.raw",
			   "{\"instrument_name\":\"A\",\"timestamp\":1,"
			   "\"mark_price\":\"1\",\"greeks\":[]}"),
		&in);
	assert_int_equal(in.kind, DERIBIT_TICKER);
	assert_true(in.is_odd && isnan(in.ticker.mark_price));
}

static void states_of_both_vocabularies_are_known(void **state)
{
	static const struct {
		const char *word;
		enum fl_instrument_state state;
	} words[] = { { "created", FL_STATE_LISTED }, { "started", FL_STATE_OPEN },
		{ "open", FL_STATE_OPEN }, { "settled", FL_STATE_SETTLEMENT },
		{ "settlement", FL_STATE_SETTLEMENT }, { "closed", FL_STATE_CLOSED },
		{ "delivered", FL_STATE_CLOSED }, { "terminated", FL_STATE_REMOVED },
		{ "archivized", FL_STATE_REMOVED }, { "inactive", FL_STATE_SUSPENDED },
		{ "locked", FL_STATE_SUSPENDED }, { "halted", FL_STATE_SUSPENDED },
		{ "Open", FL_STATE_UNKNOWN }, { "ope", FL_STATE_UNKNOWN }, { "", FL_STATE_UNKNOWN } };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_int_equal(deribit_state(words[i].word, strlen(words[i].word)), words[i].state);
}

static void a_book_says_whether_it_is_whole(void **state)
{
	struct deribit_message in;

	(void)state;
	decode(
		notified("book.A.raw",
			"{\"type\":\"change\",\"timestamp\":1,\"prev_change_id\":0,"
			"\"instrument_name\":\"A\",\"change_id\":14617771529,\"bids\":[[\"new\",0.019,93.0]],"
			"\"asks\":[[\"delete\",0.037,93.0]]}"),
		&in);
	assert_int_equal(in.kind, DERIBIT_BOOK);
	assert_int_equal(in.book->is_snapshot, 1); /* prev 0: a book that starts anew */
	same(in.book->levels[1].amount, 0);        /* delete takes it out, whatever it says */
	decode(notified("book.A.raw",
			   "{\"type\":\"snapshot\",\"timestamp\":1,\"prev_change_id\":20,"
			   "\"instrument_name\":\"A\",\"change_id\":1232767964,\"bids\":[],\"asks\":[]}"),
		&in);
	assert_int_equal(in.book->is_snapshot, 1);
	assert_int_equal(in.book->prev_change_id, 20);
	decode(notified("book.A.raw",
			   "{\"type\":\"snapshot\",\"timestamp\":1,\"prev_change_id\":null,"
			   "\"instrument_name\":\"A\",\"change_id\":1,\"bids\":[],\"asks\":[]}"),
		&in);
	assert_int_equal(in.book->prev_change_id, -1);
	decode(notified("book.A.100ms",
			   "{\"type\":\"change\",\"timestamp\":1,\"prev_change_id\":5,"
			   "\"instrument_name\":\"A\",\"change_id\":6,\"bids\":[],\"asks\":[]}"),
		&in);
	assert_int_equal(in.book->is_snapshot, 0);
}

static void a_book_of_too_many_levels_is_malformed(void **state)
{
	size_t levels = DERIBIT_BOOK_LEVELS + 1, length = 0;
	char *text = fake_alloc(levels * 16 + 512);
	struct deribit_message in;

	(void)state;
	for (int over = 1; over >= 0; over--) {
		length = fake_print(text,
			"{\"method\":\"subscription\",\"params\":{\"channel\":\"book.A.raw\",\"data\":"
			"{\"timestamp\":1,\"instrument_name\":\"A\",\"change_id\":1,\"asks\":[],\"bids\":[");
		for (size_t i = 0; i + 1 < levels + (size_t)over; i++)
			length += fake_print(text + length, "%s[\"new\",1,2]", i == 0 ? "" : ",");
		length += fake_print(text + length, "]}}}");
		assert_int_equal(decode_part(text, length, &in), over ? DERIBIT_MALFORMED : DERIBIT_BOOK);
	}
	assert_int_equal(in.book->level_count, DERIBIT_BOOK_LEVELS);
	free(text);
}

static void trades_carry_all_their_tags(void **state)
{
	struct deribit_message in;
	struct deribit_trade t;

	(void)state;
	decode(notified("trades.option.BTC.100ms",
			   "[{\"trade_seq\":2,\"trade_id\":\"ETH-284830839\",\"timestamp\":1590484589306,"
			   "\"tick_direction\":3,\"price\":0.0075,\"mark_price\":0.01062686,\"iv\":47.58,"
			   "\"instrument_name\":\"BTC-27MAY20-9000-C\",\"index_price\":8956.17,"
			   "\"direction\":\"buy\",\"amount\":3,\"contracts\":3.0,\"liquidation\":\"MT\","
			   "\"combo_id\":\"BTC-CS-27MAY20-9000_9500\",\"combo_trade_id\":\"43\","
			   "\"block_trade_id\":\"BLOCK-77\",\"block_trade_leg_count\":2,\"legs\":[{}]},"
			   "{\"trade_seq\":\"3\"},7,"
			   "{\"trade_seq\":4,\"trade_id\":\"5\",\"timestamp\":1,\"price\":1,\"amount\":1,"
			   "\"instrument_name\":\"A\",\"direction\":\"zero\"},"
			   "{\"trade_seq\":4,\"trade_id\":\"5\",\"timestamp\":1,\"price\":null,\"amount\":1,"
			   "\"instrument_name\":\"A\"}]"),
		&in);
	assert_int_equal(in.kind, DERIBIT_TRADES);
	assert_int_equal(deribit_trade_next(&in.rows, &t), 1);
	text_equals(t.instrument, "BTC-27MAY20-9000-C");
	text_equals(t.combo, "BTC-CS-27MAY20-9000_9500");
	assert_string_equal(t.trade.trade_id, "ETH-284830839");
	assert_string_equal(t.trade.block_trade_id, "BLOCK-77");
	same(t.trade.iv, 47.58 / 100);
	same(t.trade.contracts, 3);
	same(t.trade.amount, 3);
	same(t.trade.mark_price, 0.01062686);
	same(t.trade.index_price, 8956.17);
	assert_int_equal(t.trade.flags, FL_TRADE_LIQUIDATION_MAKER | FL_TRADE_LIQUIDATION_TAKER);
	assert_int_equal(t.trade.direction, FL_BUY);
	assert_int_equal(deribit_trade_next(&in.rows, &t), -EINVAL);
	assert_int_equal(deribit_trade_next(&in.rows, &t), -EINVAL);
	assert_int_equal(deribit_trade_next(&in.rows, &t), 1);
	assert_int_equal(t.trade.direction, FL_DIRECTION_UNKNOWN);
	assert_int_equal(t.trade.tick_direction, -1);
	assert_true(isnan(t.trade.contracts));
	assert_int_equal(deribit_trade_next(&in.rows, &t), -EINVAL); /* a trade without a price */
	assert_int_equal(deribit_trade_next(&in.rows, &t), 0);
}

static void a_trade_id_too_long_is_malformed(void **state)
{
	struct deribit_message in;
	struct deribit_trade t;

	(void)state;
	decode(
		notified("trades.option.BTC.100ms",
			"[{\"trade_seq\":2,\"trade_id\":\"123456789012345678901234567890123456789012345678\","
			"\"timestamp\":1,\"price\":1,\"amount\":1,\"instrument_name\":\"A\"}]"),
		&in);
	assert_int_equal(deribit_trade_next(&in.rows, &t), -EINVAL);
}

static void replies_are_told_apart(void **state)
{
	struct deribit_message in;

	(void)state;
	decode("{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":[\"a\"],\"usIn\":1790133840888348,"
		   "\"usOut\":1790133840889867,\"usDiff\":1519,\"testnet\":false}",
		&in);
	assert_int_equal(in.kind, DERIBIT_RESULT);
	assert_int_equal(in.id, 3);
	assert_int_equal(in.server_ns, INT64_C(1790133840889867000));
	decode("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"request entity too "
		   "large\"},\"usOut\":-5}",
		&in);
	assert_int_equal(in.kind, DERIBIT_ERROR);
	assert_int_equal(in.id, -1); /* such errors have none */
	assert_int_equal(in.code, -32600);
	assert_int_equal(in.server_ns, 0);
	text_equals(in.text, "request entity too large");
	decode("{\"id\":\"text\",\"error\":{\"code\":13778}}", &in);
	assert_int_equal(in.id, -1);
	assert_int_equal(
		decode("{\"params\":{\"type\":\"test_request\"},\"method\":\"heartbeat\"}", &in),
		DERIBIT_TEST_REQUEST);
	assert_int_equal(decode("{\"params\":{\"type\":\"heartbeat\"},\"method\":\"heartbeat\"}", &in),
		DERIBIT_HEARTBEAT);
}

static int list(const char *file, struct fl_instrument **out, char (**names)[64])
{
	char path[512], *body;
	struct deribit_message answer;
	struct deribit_text name;
	yyjson_arr_iter rows;
	size_t length;
	int count = 0;

	snprintf(path, sizeof(path), FIXTURES "/rest/%s", file);
	body = fake_file(path, &length);
	if (body[0] == '[') {
		deribit_decoder_release(&decoder);
		decoder.doc = yyjson_read(body, length, 0);
		yyjson_arr_iter_init(yyjson_doc_get_root(decoder.doc), &rows);
	} else {
		assert_int_equal(deribit_decode_response(&decoder, body, length, &answer), DERIBIT_RESULT);
		yyjson_arr_iter_init(answer.result, &rows);
	}
	*out = calloc(2000, sizeof(**out));
	*names = calloc(2000, sizeof(**names));
	while (deribit_instrument_next(&rows, &(*out)[count], &name) == 1)
		memcpy((*names)[count++], name.data, name.length);
	free(body);
	return count;
}

static void instruments_arrive_as_listed(void **state)
{
	struct fl_instrument *rows;
	char(*names)[64];
	int kinds[8] = { 0 }, count, combos = 0;

	(void)state;
	count = list("get_instruments_BTC_2021-07-22.json", &rows, &names);
	assert_int_equal(count, 398);
	assert_string_equal(names[0], "BTC-24SEP21-40000-P");
	assert_int_equal(rows[0].instrument_kind, FL_KIND_OPTION);
	assert_int_equal(rows[0].option_type, FL_PUT);
	assert_int_equal(rows[0].expiry_ns, INT64_C(1632470400000) * FL_MS);
	assert_int_equal(rows[0].creation_ns, INT64_C(1606129458000) * FL_MS);
	assert_int_equal(rows[0].state, FL_STATE_OPEN);
	same(rows[0].strike, 40000);
	same(rows[0].tick_size, 0.0005);
	assert_string_equal(rows[0].price_currency, "BTC");
	for (int i = 0; i < count; i++)
		kinds[rows[i].instrument_kind]++;
	assert_int_equal(kinds[FL_KIND_OPTION], 390);
	assert_int_equal(kinds[FL_KIND_PERPETUAL], 1);
	free(rows), free(names);

	count = list("get_instruments_USDC_2022-05-29.json", &rows, &names);
	assert_int_equal(count, 16);
	for (int i = 0; i < count; i++) {
		assert_int_equal(rows[i].instrument_kind, FL_KIND_PERPETUAL);
		assert_int_equal(rows[i].expiry_ns, 0); /* the year 3000 is never */
		assert_string_equal(rows[i].price_currency, "USDC");
	}
	assert_string_equal(rows[0].underlying, "uni_usdc");
	free(rows), free(names);

	count = list("kyber_instruments_2022-09.json", &rows, &names);
	assert_int_equal(count, 1401);
	for (int i = 0; i < count; i++)
		combos += rows[i].instrument_kind == FL_KIND_OPTION_COMBO;
	assert_int_equal(combos, 100);
	free(rows), free(names);
}

static void pages_of_trades_are_checked(void **state)
{
	static const char good[] = "{\"result\":{\"trades\":[],\"has_more\":true}}";
	static const char bad[] = "{\"result\":{\"trades\":{}}}";
	struct deribit_message answer;
	yyjson_arr_iter rows;
	size_t count;
	bool has_more;

	(void)state;
	deribit_decode_response(&decoder, good, strlen(good), &answer);
	assert_int_equal(deribit_trades_page(answer.result, &rows, &count, &has_more), 0);
	assert_true(count == 0 && has_more);
	deribit_decode_response(&decoder, bad, strlen(bad), &answer);
	assert_int_equal(deribit_trades_page(answer.result, &rows, &count, &has_more), -EINVAL);
	assert_int_equal(deribit_decode_response(&decoder, "<html>", 6, &answer), DERIBIT_MALFORMED);
	assert_int_equal(deribit_decode_response(&decoder, "{}", 2, &answer), DERIBIT_MALFORMED);
}

static void large_and_small_messages_take_turns(void **state)
{
	size_t length = 0;
	char *text = fake_alloc(400000);
	struct deribit_message in;
	struct deribit_text name;
	struct fl_ticker mark;

	(void)state;
	length = fake_print(text,
		"{\"method\":\"subscription\",\"params\":{\"channel\":"
		"\"markprice.options.btc_usd\",\"data\":[");
	for (int i = 0; i < 2000; i++)
		length += fake_print(text + length,
			"%s{\"timestamp\":1662720695772,\"mark_price\":"
			"0.1523,\"iv\":0.7686,\"instrument_name\":\"BTC-31MAR23-%d-C\"}",
			i ? "," : "", i);
	length += fake_print(text + length, "]}}");
	for (int turn = 0; turn < 3; turn++) {
		int rows = 0;

		assert_int_equal(decode_part(text, length, &in), DERIBIT_MARKPRICES);
		while (deribit_markprice_next(&in.rows, &mark, &name) == 1)
			rows++;
		assert_int_equal(rows, 2000);
		assert_int_equal(decode("{\"id\":1,\"result\":1}", &in), DERIBIT_RESULT);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_captured_value_arrives),
		cmocka_unit_test(a_glance_takes_what_stands_at_its_place_and_nothing_else),
		cmocka_unit_test(every_other_captured_channel_is_understood),
		cmocka_unit_test(a_message_torn_anywhere_is_malformed),
		cmocka_unit_test(wrong_shapes_are_malformed),
		cmocka_unit_test(an_empty_side_is_absent),
		cmocka_unit_test(numbers_come_in_every_form),
		cmocka_unit_test(states_of_both_vocabularies_are_known),
		cmocka_unit_test(a_book_says_whether_it_is_whole),
		cmocka_unit_test(a_book_of_too_many_levels_is_malformed),
		cmocka_unit_test(trades_carry_all_their_tags),
		cmocka_unit_test(a_trade_id_too_long_is_malformed),
		cmocka_unit_test(replies_are_told_apart),
		cmocka_unit_test(instruments_arrive_as_listed),
		cmocka_unit_test(pages_of_trades_are_checked),
		cmocka_unit_test(large_and_small_messages_take_turns),
	};
	int failed = cmocka_run_group_tests(tests, setup, teardown);

	free(copied);
	return failed;
}
