/*
 * deribit_decode: what a message of Deribit says, in the units of record.h. Pure: bytes in, records
 * out.
 *
 * Here the venue's units end: percent become fractions, 0 or null of an empty side becomes NaN,
 * milliseconds become nanoseconds. Interning of names, continuity and publishing are the callers'.
 */
#ifndef DERIBIT_DECODE_H
#define DERIBIT_DECODE_H

#include <feedloom/record.h>
#include <yyjson.h>

/** Most levels of one order book message; a longer one is malformed. The bus takes no more. */
enum { DERIBIT_BOOK_LEVELS = 40000 };

enum deribit_kind {
	DERIBIT_MALFORMED = 0, /* no JSON, or not the shape of its kind */
	DERIBIT_IGNORED,       /* well-formed, of a channel that is not followed */
	DERIBIT_QUOTE,         /* .quote */
	DERIBIT_TICKER,        /* .ticker; .underlying names what .ticker.underlying_index will hold */
	DERIBIT_TRADES,        /* .rows: deribit_trade_next */
	DERIBIT_BOOK,          /* .book */
	DERIBIT_INDEX,         /* .index; .instrument is the index's name */
	DERIBIT_MARKPRICES,    /* .rows: deribit_markprice_next */
	DERIBIT_PERPETUAL,     /* .ticker with current_funding and index_price alone */
	DERIBIT_STATE,         /* .state, .time_ns: an instrument changed its state */
	DERIBIT_CREATION,      /* an instrument was created */
	DERIBIT_HEARTBEAT,     /* nothing to do */
	DERIBIT_TEST_REQUEST,  /* to be answered at once, or the venue hangs up */
	DERIBIT_RESULT,        /* .id, .result */
	DERIBIT_ERROR          /* .id (may be -1), .code, .text */
};

/** Borrowed text, not 0-terminated. */
struct deribit_text {
	const char *data;
	size_t length;
};

/** Everything points into the decoder or the message: valid until the next decode. */
struct deribit_message {
	enum deribit_kind kind;
	bool is_odd; /* understood, but a value was of a type it should not be: taken as absent */
	struct deribit_text channel, instrument, underlying;
	union {
		struct fl_quote quote;
		struct fl_ticker ticker;
		struct fl_index index;
		enum fl_instrument_state state;
	};
	struct fl_book *book; /* in the decoder's memory */
	int64_t time_ns;
	yyjson_arr_iter rows;
	/* replies */
	int64_t id;        /* -1: none */
	int64_t server_ns; /* usOut, 0: absent */
	int64_t code;
	struct deribit_text text; /* the error's message */
	yyjson_val *result;
};

/** Memory that is used again for each message. */
struct deribit_decoder {
	void *pool;
	size_t pool_bytes;
	yyjson_doc *doc; /* of a message too large for the pool */
	struct fl_book *book;
	size_t book_levels;
};
void deribit_decoder_init(struct deribit_decoder *decoder);
void deribit_decoder_finish(struct deribit_decoder *decoder);

/**
 * The instrument of a quote or a ticker, which is what nearly all messages are, as it stands in the
 * name of the channel at the beginning; empty: it does not. Only a guess, before anything is
 * parsed.
 */
struct deribit_text deribit_glance(const char *data, size_t length);

/**
 * Decodes one WebSocket message, in place.
 *
 * @param data  overwritten; YYJSON_PADDING_SIZE writable bytes follow
 * @return out->kind
 */
enum deribit_kind deribit_decode(
	struct deribit_decoder *decoder, char *data, size_t length, struct deribit_message *out);

/**
 * Decodes an answer over HTTP: DERIBIT_RESULT, DERIBIT_ERROR or DERIBIT_MALFORMED (no JSON-RPC).
 * deribit_decoder_release gives its memory back early: answers can be megabytes.
 */
enum deribit_kind deribit_decode_response(
	struct deribit_decoder *decoder, const char *body, size_t length, struct deribit_message *out);
void deribit_decoder_release(struct deribit_decoder *decoder);

/** One trade; `combo` is the combo whose leg it is, empty for none. */
struct deribit_trade {
	struct fl_trade trade;
	struct deribit_text instrument, combo;
};

/** The next trade of rows: 1; 0 at the end; -EINVAL: this one is malformed, go on. */
int deribit_trade_next(yyjson_arr_iter *rows, struct deribit_trade *out);

/** The next row of markprice.options, as a ticker with mark_price and mark_iv alone; as above. */
int deribit_markprice_next(
	yyjson_arr_iter *rows, struct fl_ticker *out, struct deribit_text *instrument);

/** The trades of an answer of get_last_trades_by_*. -EINVAL: not that shape. */
int deribit_trades_page(yyjson_val *result, yyjson_arr_iter *rows, size_t *count, bool *has_more);

/** One row of get_instruments, without the currency it was asked for. 1, 0 and -EINVAL as above. */
int deribit_instrument_next(
	yyjson_arr_iter *rows, struct fl_instrument *out, struct deribit_text *name);

/** A state in the old or the new vocabulary. */
enum fl_instrument_state deribit_state(const char *word, size_t length);

#endif
