/*
 * sink_query.h: the command `query` as every store understands and answers it: rows in pages. A
 * page ends with the key of its last row, which is where the next begins: rows that come or go in
 * between neither repeat nor hide others. What the key is, and the statement, are the store's.
 */
#ifndef SINK_QUERY_H
#define SINK_QUERY_H

#include <feedloom/plugin.h>

enum { QUERIES_MAX = 16, QUERY_DETAIL_BYTES = 200, QUERY_KEYS_MAX = 4 };

enum query_what { QUERY_INSTRUMENTS, QUERY_TRADES, QUERY_GREEKS, QUERY_WHATS };

/** A question as it was asked. Empty: not given. */
struct question {
	enum query_what what;
	char underlying[64], contract[64], broker[64], account[64], currency[64];
	int active; /* 1, 0, -1: not given */
	int64_t from_us, to_us;
	int64_t limit; /* rows of a page; the statement asks for one more */
	int64_t key[QUERY_KEYS_MAX];
	bool has_key;
};

/** The command's description, for the descriptor. */
#define QUERY_HELP                                                                                    \
	"rows in pages: {\"what\": \"instruments\", \"trades\" (fills) or \"greeks\", and as it applies " \
	"underlying, instrument or contract, broker, account, currency, active, from, to, limit "         \
	"(500, at most 10000), cursor} gives {\"rows\": [...], \"next\": cursor or null}"

/**
 * Understands a question. Pure.
 * @param key_counts  how many numbers the key of each has
 * @param detail      of QUERY_DETAIL_BYTES; what is wrong with it
 * @return 0 or -EINVAL
 */
int question_parse(
	const char *json, const int key_counts[QUERY_WHATS], struct question *out, char *detail);
/**
 * {"rows":[...],"next":...}, to be freed; NULL: no memory. The result's columns are those of the
 * key, then: instruments: instrument_id, exchange, instrument_name, currency, kind, strike,
 * option_type, expiration_timestamp, creation_timestamp, is_active, listed_at, last_seen,
 * expired_at, tick_size, contract_size, base_currency, quote_currency, settlement_currency,
 * price_currency, underlying, min_trade_amount; trades: executed_at, received_at, broker, account,
 * execution_id, order_id, contract, underlying, strike, expiry, option_type, side, quantity, price,
 * multiplier, commission, fees, currency, persisted_at; greeks: received_at, event_time, broker,
 * account, contract, underlying, strike, expiry, option_type, position, delta, gamma, theta, vega,
 * rho, iv, bid, ask, mark, underlying_price, persisted_at. Times as microseconds, truths as 0
 * and 1.
 */
char *question_answer(
	enum query_what what, int key_count, int64_t limit, const struct fl_result *result);

/**
 * Questions that wait for their rows, each with a number: from 1 on, which is its job's. A reload
 * hands them over: the answer comes to the new code.
 */
struct questions {
	bool is_open; /* the session they are asked in */
	struct {
		int command; /* 0: free */
		enum query_what what;
		int64_t limit;
	} asked[QUERIES_MAX];
};

/** Understands a question, and finds a number for it. 0: it cannot be asked, and is replied to. */
int questions_take(const struct questions *questions, struct fl_ctx *ctx, int command,
	const char *json, const int key_counts[QUERY_WHATS], struct question *out);
/** `error`: of putting it to the store. 0: it waits; else it is replied to. */
void questions_put(struct questions *questions, struct fl_ctx *ctx, int number, int command,
	const struct question *question, int error);
/** Replies to the one of this number, if it waits, with its rows or the error. */
void questions_answer(struct questions *questions, struct fl_ctx *ctx, int number,
	const int key_counts[QUERY_WHATS], const struct fl_result *result);
/** Replies to all that wait: nothing more comes of them. */
void questions_fail(struct questions *questions, struct fl_ctx *ctx, const char *detail);
/** 0 or -ENOMEM. */
int questions_save(const struct questions *questions, struct fl_snapshot *to);
/** 0, or -EINVAL: it is cut short. */
int questions_restore(
	struct questions *questions, uint32_t version, const struct fl_snapshot *from);

#endif
