/*
 * ledger.h: what was sent, to the last field, in an SQLite database: the other side of every test
 * that asks what has been stored.
 *
 * Values are as the store will have them: iv as a fraction, an empty side NULL, times in
 * microseconds. Rows are handed to the core in batches; nothing here waits for a disk.
 *
 *   connections     each WebSocket session: when, who, why it ended, messages sent
 *   sent            each stream message that was handed to the socket, in order (seq)
 *   sent_quotes, sent_tickers, sent_trades, sent_books, sent_index_prices   what was in it
 *   market_trades   each trade that happened, sent or not
 *   faults          what was made to go wrong
 *   refusals        what a client asked beyond the venue's limits: connections, credits, channels,
 *                   size
 *   calendar        what was listed when, and when it expires
 */
#ifndef SIMULATOR_LEDGER_H
#define SIMULATOR_LEDGER_H

#include <feedloom/plugin.h>

#include "market.h"

enum ledger_table {
	LEDGER_SENT,
	LEDGER_QUOTES,
	LEDGER_TICKERS,
	LEDGER_TRADES,
	LEDGER_BOOKS,
	LEDGER_INDEX_PRICES,
	LEDGER_MARKET_TRADES,
	LEDGER_CONNECTIONS,
	LEDGER_FAULTS,
	LEDGER_REFUSALS,
	LEDGER_CALENDAR,
	LEDGER_TABLE_COUNT
};

enum { LEDGER_IN_FLIGHT = 256 };

struct ledger {
	struct fl_ctx *ctx; /* borrowed */
	bool is_on;         /* there is one */
	bool is_ready;      /* open, its tables made, its counters read */
	bool is_failed;
	bool is_open;       /* the database is */
	int adopting;       /* answers to come that say so once more */
	int64_t seq;        /* of the last message */
	int64_t connection; /* of the last session */
	struct fl_sqlite_job *jobs[LEDGER_TABLE_COUNT];
	uint64_t rows_made, rows_written, rows_lost;
	uint32_t rows_building[LEDGER_TABLE_COUNT], building;
	uint32_t in_flight[LEDGER_IN_FLIGHT]; /* rows of each job under way, oldest first */
	uint32_t in_flight_first, in_flight_count;
	int64_t flushed_ns, flush_ns;
};

/** A stream message, as the table `sent` has it. */
struct ledger_message {
	int64_t connection, number; /* the session, and its how-many-eth message this is */
	/* "quote", "ticker", "trade", "book", "index", "replay"; "notice" and "malformed" have no
	 * items, "repeat" is the second copy of the one before it. */
	const char *kind;
	const char *channel;
	size_t channel_length;
	const char *instrument; /* "" when it is of none */
	int64_t event_ms;
	int items;
	size_t bytes; /* of the message, without its frame */
};

/**
 * Opens `path` ("": there is no ledger and everything below does nothing).
 * @param flush_ns  rows gather for at most so long
 * @return 0, or a negative errno
 */
int ledger_open(struct ledger *ledger, struct fl_ctx *ctx, const char *path, int64_t flush_ns);

/** Over a reload: counters, and the rows that are still being put together. */
int ledger_save(const struct ledger *ledger, struct fl_snapshot *to);
int ledger_restore(struct ledger *ledger, struct fl_ctx *ctx, const struct fl_snapshot *from);
/** Names the database that is open. */
int ledger_adopt(struct ledger *ledger, const char *path);

/** What on_result must hand on. 1: the ledger has just become ready, or has failed. */
int ledger_on_result(
	struct ledger *ledger, int number, const struct fl_result *result, struct market *market);

/** Too much waits for the disk: make nothing new until it is less. */
bool ledger_is_full(const struct ledger *ledger);
/** Rows made and not yet known to be written. */
uint64_t ledger_lag(const struct ledger *ledger);

/** Hands on what has gathered if it is a thousand rows or flush_ns old, or anyway (`now`). */
void ledger_flush(struct ledger *ledger, bool now);
/** Closes it; only what has been written by then is in it. */
void ledger_close(struct ledger *ledger);

/** Returns the message's seq, 0 without a ledger. What was in it follows under that seq. */
int64_t ledger_sent(struct ledger *ledger, const struct ledger_message *message);
void ledger_quote(struct ledger *ledger, int64_t seq, const struct sim_instrument *instrument,
	const struct sim_quote *quote);
void ledger_ticker(struct ledger *ledger, int64_t seq, const struct sim_instrument *instrument,
	const struct sim_ticker *ticker);
void ledger_trade(struct ledger *ledger, int64_t seq, int item, const struct market *market,
	const struct sim_trade *trade);
void ledger_book(struct ledger *ledger, int64_t seq, const struct sim_instrument *instrument,
	const struct sim_book *book);
void ledger_index_price(
	struct ledger *ledger, int64_t seq, const char *index, int64_t event_ms, double price);
void ledger_market_trade(
	struct ledger *ledger, const struct market *market, const struct sim_trade *trade);
/** Written at a session's begin and again at its end (closed_ns and reason then). */
void ledger_connection(struct ledger *ledger, int64_t connection, const char *peer,
	int64_t opened_ns, int64_t closed_ns, const char *reason, int64_t messages);

/** An instrument is listed. One that an earlier run has entered keeps its time. */
void ledger_listed(
	struct ledger *ledger, const struct market *market, uint32_t number, int64_t listed_ms);

/** `connection` 0: of the venue. */
void ledger_fault(struct ledger *ledger, const char *fault, int64_t connection, const char *detail);
/** A client went beyond a limit of the venue; a fault that was asked for is none. */
void ledger_refusal(
	struct ledger *ledger, const char *what, int64_t connection, const char *detail);

#endif
