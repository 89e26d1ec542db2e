/*
 * market.h: the simulated market: an order book, a mark and a trade history for each instrument,
 * all around the surface. Every call below that is an event changes the instrument and stamps it
 * with the market's time; what it returns is what a venue would then publish. Pure: time is handed
 * in.
 */
#ifndef SIMULATOR_MARKET_H
#define SIMULATOR_MARKET_H

#include "rng.h"
#include "surface.h"
#include "universe.h"

enum { BOOK_DEPTH = 8, TRADES_AT_ONCE = 3 };

/** A price level in the instrument's own ticks and amount units. */
struct sim_level {
	int32_t ticks, units;
};

struct sim_side {
	struct sim_level levels[BOOK_DEPTH]; /* best first */
	int count;
};

enum sim_action { LEVEL_NEW, LEVEL_CHANGE, LEVEL_DELETE };

struct sim_change {
	enum sim_action action;
	double price, amount;
};

/** What one event did to a book, or the whole of it. */
struct sim_book {
	int64_t timestamp, change_id, prev_change_id; /* prev: -1 in a snapshot */
	bool is_snapshot;
	bool is_top_changed; /* best price or amount of a side */
	struct sim_change bids[2 * BOOK_DEPTH], asks[2 * BOOK_DEPTH];
	int bid_count, ask_count;
};

/** Best bid and ask; an empty side is 0 and 0, as the venue says it. */
struct sim_quote {
	int64_t timestamp;
	double bid_price, bid_amount, ask_price, ask_amount;
};

/** NaN is null; settlement_price NaN is absent. */
struct sim_ticker {
	struct sim_quote quote;
	struct sim_mark mark;
	double bid_iv, ask_iv; /* percent; 0 when that side is empty */
	double last_price, settlement_price, open_interest;
	double volume, volume_usd, price_change, low, high; /* 24 h; NaN without trades */
	double min_price, max_price;
	double current_funding, funding_8h; /* fractions per 8 h; NaN: no perpetual */
};

enum sim_liquidation { NOT_LIQUIDATED, LIQUIDATED_MAKER, LIQUIDATED_TAKER };

struct sim_trade {
	uint64_t previous; /* number of this instrument's trade before, 0: none is kept */
	int64_t timestamp, seq, id;
	int64_t block_id; /* 0: no block trade */
	double price, amount, contracts, mark_price, index_price;
	double iv; /* percent; NaN: no option */
	uint32_t instrument;
	bool is_buy;
	uint8_t tick_direction;
	uint8_t liquidation; /* enum sim_liquidation */
};

/** What an instrument is at, besides what the universe says of it. */
struct sim_state {
	struct sim_side bids, asks;
	struct sim_mark mark;
	int64_t change_id, timestamp;
	int64_t trade_seq;   /* of the last trade */
	uint64_t last_trade; /* its number in the history, 0: none is kept */
	double last_price, open_interest, settlement_price; /* NaN: none */
	double first_price, low, high, volume, volume_usd;  /* since the start */
	uint8_t tick_direction;
	bool is_unlisted;   /* yet */
	int64_t list_at_ms; /* when it is to be, 0: nobody knows */
};

struct market {
	struct universe universe;
	struct surface surface;
	struct rng rng;
	struct sim_state *states; /* one an instrument */
	int64_t now_ms;           /* never goes back */
	int64_t change_id;        /* one counter for all books */
	int64_t trade_id[CURRENCIES];
	uint64_t trade_count;     /* trades so far; the last one's number */
	struct sim_trade *trades; /* number n lies at (n - 1) % trade_capacity */
	uint32_t trade_capacity;  /* of what is allocated: grows up to trade_limit */
	uint32_t trade_limit;
	uint32_t *open; /* who may trade; refreshed by market_refresh_open */
	uint32_t open_count;
	int64_t lag_ms; /* an instrument is listed so long after its expiry */
};

/**
 * @param first_seq    trade_seq the instruments' trades go on from
 * @param trade_limit  trades kept over all instruments
 */
int market_init(struct market *market, const struct universe_options *options, uint32_t trade_limit,
	int64_t first_seq, int64_t now_ms);
void market_finish(struct market *market);
/** Moves the time (never back) and, with it, the surface. */
void market_advance(struct market *market, int64_t now_ms, double seconds);

bool market_is_open(const struct market *market, uint32_t instrument);
/** Whether the venue's list has it as tradable: venues are slow to take it off. */
bool market_is_listed(const struct market *market, uint32_t instrument);
/** Takes in what the universe has from number `from` on, not listed yet. 0 or -ENOMEM. */
int market_grow(struct market *market, uint32_t from, int64_t first_seq);
/** Looks again for who may trade. */
void market_refresh_open(struct market *market);
/** Takes the last `count` options off the list, until they are listed. */
void market_unlist(struct market *market, int64_t count);
/** Lists the first of them now: its number, UINT32_MAX: there is none. */
uint32_t market_list_next(struct market *market);
/** Ends an instrument now. */
void market_expire(struct market *market, uint32_t instrument);

/* Events. The instrument is open. */
void market_ticker(struct market *market, uint32_t instrument, struct sim_ticker *out);
/** The best prices follow the mark; the rest of the book with them. */
void market_requote(struct market *market, uint32_t instrument, struct sim_book *out);
/** One to three trades at one instant, appended to the history; returns how many. */
int market_trade(struct market *market, uint32_t instrument, const struct sim_trade **out);
/** Whose turn it is to trade: drawn by activity. UINT32_MAX: nothing is open. */
uint32_t market_draw(struct market *market);

/* No events: as it stands since its last one. */
void market_ticker_now(const struct market *market, uint32_t instrument, struct sim_ticker *out);
void market_book_now(const struct market *market, uint32_t instrument, struct sim_book *out);
void market_quote_now(const struct market *market, uint32_t instrument, struct sim_quote *out);

/** A trade by its number, NULL when it is no longer kept. */
const struct sim_trade *market_trade_at(const struct market *market, uint64_t number);
/** The lowest number that is still kept; trade_count + 1 when there is none. */
uint64_t market_first_trade(const struct market *market);
/** The first kept trade at or after `timestamp`; trade_count + 1 when there is none. */
uint64_t market_trade_from(const struct market *market, int64_t timestamp);

#endif
