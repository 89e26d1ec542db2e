/*
 * deribit_decode: any bytes as a message or an answer of Deribit; every record that comes of it is
 * one that the bus takes, every text lies within the message.
 *
 * input: one byte (odd: an answer over HTTP), the bytes
 */
#include "deribit_decode.h"
#include "fuzz.h"
#include "record.h"

#include <feedloom/conn.h>
#include <math.h>

static struct deribit_decoder decoder; /* its memory is used again, as in the plugin */

static void check_text(struct deribit_text text)
{
	CHECK(text.data != NULL && text.data[text.length] == '\0');
}

static void check_record(const void *record)
{
	const struct fl_record *head = record;

	CHECK(record_is_valid(head) && head->event_time_ns > 0);
}

static void check_trades(yyjson_arr_iter rows)
{
	struct deribit_trade trade;

	for (int found; (found = deribit_trade_next(&rows, &trade)) != 0;) {
		CHECK(found == 1 || found == -EINVAL);
		if (found != 1)
			continue;
		check_record(&trade.trade);
		check_text(trade.instrument);
		if (trade.combo.length > 0)
			check_text(trade.combo);
		CHECK(trade.instrument.length > 0 && trade.trade.trade_seq >= 0);
		CHECK(!isnan(trade.trade.price) && !isnan(trade.trade.amount));
	}
}

static void check_markprices(yyjson_arr_iter rows)
{
	struct deribit_text name;
	struct fl_ticker ticker;

	for (int found; (found = deribit_markprice_next(&rows, &ticker, &name)) != 0;) {
		CHECK(found == 1 || found == -EINVAL);
		if (found == 1) {
			check_record(&ticker);
			check_text(name);
		}
	}
}

static void check_instruments(yyjson_arr_iter rows)
{
	struct deribit_text name;
	struct fl_instrument instrument;

	for (int found; (found = deribit_instrument_next(&rows, &instrument, &name)) != 0;) {
		CHECK(found == 1 || found == -EINVAL);
		if (found == 1) {
			CHECK(record_is_valid(&instrument.head) && name.length > 0);
			check_text(name);
			CHECK(instrument.expiry_ns >= 0 && instrument.creation_ns >= 0);
		}
	}
}

static void check_result(const struct deribit_message *message)
{
	yyjson_arr_iter rows;
	bool has_more;
	size_t count;

	CHECK(message->result != NULL);
	if (deribit_trades_page(message->result, &rows, &count, &has_more) == 0)
		check_trades(rows);
	if (yyjson_arr_iter_init(message->result, &rows)) {
		check_instruments(rows);
		check_trades(rows);
	}
}

static void check_book(const struct fl_book *book)
{
	check_record(book);
	for (uint32_t i = 0; i < book->level_count; i++)
		CHECK(book->levels[i].amount >= 0 && !isnan(book->levels[i].price));
}

static void check_message(const struct deribit_message *message)
{
	switch (message->kind) {
	case DERIBIT_QUOTE: check_record(&message->quote); break;
	case DERIBIT_PERPETUAL:
	case DERIBIT_TICKER: check_record(&message->ticker); break;
	case DERIBIT_INDEX: check_record(&message->index); break;
	case DERIBIT_BOOK: check_book(message->book); break;
	case DERIBIT_TRADES: check_trades(message->rows); break;
	case DERIBIT_MARKPRICES: check_markprices(message->rows); break;
	case DERIBIT_STATE: CHECK(message->time_ns > 0); break;
	case DERIBIT_RESULT: check_result(message); break;
	case DERIBIT_ERROR: check_text(message->text); break;
	default: break;
	}
	if (message->kind >= DERIBIT_QUOTE && message->kind <= DERIBIT_STATE &&
		message->kind != DERIBIT_TRADES && message->kind != DERIBIT_MARKPRICES)
		CHECK(message->instrument.length > 0);
}

static bool is_valid(const char *text, size_t length)
{
	yyjson_doc *doc = yyjson_read(text, length, 0);

	yyjson_doc_free(doc);
	return doc != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	bool is_answer = fuzz_byte(&in) & 1;
	size_t padding = is_answer ? 0 : FL_MESSAGE_PADDING;
	struct deribit_message message;
	struct deribit_text glance;
	enum deribit_kind kind;
	bool is_json;
	char *copy = fuzz_alloc(in.left + padding);

	if (in.left > 0)
		memcpy(copy, in.at, in.left);
	/* What lies behind the message must not become part of it. */
	memcpy(copy + in.left, "\"}}}}}}}", padding);
	glance = deribit_glance(copy, in.left);
	CHECK(glance.length == 0 || glance.data + glance.length < copy + in.left);
	is_json = is_valid(copy, in.left);
	kind = is_answer ? deribit_decode_response(&decoder, copy, in.left, &message)
					 : deribit_decode(&decoder, copy, in.left, &message);
	CHECK(kind == message.kind && (is_json || kind == DERIBIT_MALFORMED));
	CHECK(
		!is_answer || kind == DERIBIT_RESULT || kind == DERIBIT_ERROR || kind == DERIBIT_MALFORMED);
	check_message(&message);
	deribit_decoder_release(&decoder);
	free(copy);
	return 0;
}
