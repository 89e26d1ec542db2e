/*
 * heard.h: when each instrument of a feed was last heard, by kind of record, and how long it may be
 * silent before that is odd, learned from its own traffic. A table lookup and a few operations for
 * each record.
 */
#ifndef HOST_HEARD_H
#define HOST_HEARD_H

#include <feedloom/kit.h>

enum heard_kind {
	HEARD_QUOTE,
	HEARD_TICKER,
	HEARD_BOOK,
	HEARD_GREEKS,
	HEARD_TRADE, /* says that an instrument lives; having none says nothing */
	HEARD_KINDS
};

/** One kind of record of one instrument. Times are monotonic. */
struct heard {
	struct fl_silence silence;
	uint32_t instrument; /* 0: the entry is free */
	uint32_t session;    /* of the connection it was last heard on */
	uint32_t at_record;  /* how many records had come on it then */
	float mean_records;  /* of the whole connection between two of its own */
	uint16_t conn;
	uint8_t kind;
	uint8_t strikes; /* renewals lately: each doubles what it may be silent */
	uint8_t calm;    /* records since the last of them */
	bool is_mute;    /* somebody has been alarmed about it */
	/* Of quotes alone: an option whose price has come to the least there is has none to send for
	 * hours, and its ticker, which has the best prices too, goes on and says so. */
	uint64_t best;          /* what its last one said, see heard_best; 0: nothing */
	int64_t agreed_ns;      /* when a ticker last said the same, 0: never */
	uint32_t agreed_record; /* `at_record` then */
};

/** Zeroed: empty. Entries are named by number, since they move. */
struct heard_table {
	uint32_t (*rows)[HEARD_KINDS]; /* by instrument: number + 1, 0: never heard */
	size_t row_count;
	struct heard *items;
	uint32_t count, capacity, free; /* free: number + 1 of the first, 0: none */
};

/** The kind a record is heard as, or -1. */
int heard_kind(unsigned record_kind);
const char *heard_kind_name(unsigned kind);

/** Its entry, made when it is not there. NULL: no memory, or no instrument. */
struct heard *heard_entry(struct heard_table *table, uint32_t instrument, int kind);
/** NULL: it was never heard. */
struct heard *heard_find(const struct heard_table *table, uint32_t instrument, int kind);
/** A record of the instrument is about to come: what will be looked at is fetched from memory
 * meanwhile. */
void heard_expect(const struct heard_table *table, uint32_t instrument);
/**
 * A record came: what was silent while its connection was away is no gap.
 *
 * @param session  of its connection, which has brought so many `records` since the process began;
 *                 comes round
 */
void heard_now(
	struct heard *item, uint16_t conn, uint32_t session, uint32_t records, int64_t now_ns);
/** Best prices and amounts as one number that another set hardly has. */
uint64_t heard_best(double bid_price, double bid_amount, double ask_price, double ask_amount);
/** A ticker came whose best prices are `best`: when the last quote has the same, none is missing.
 */
void heard_ticker(
	struct heard *quote, uint16_t conn, uint64_t best, uint32_t records, int64_t now_ns);
/** When there was last no doubt of it: it was heard, or a ticker said the same. 0: not known. */
int64_t heard_since_ns(const struct heard *item);
/** What it has learned; INT64_MAX: not enough. */
int64_t heard_limit_ns(const struct heard *item, int64_t floor_ns);
void heard_forget(struct heard_table *table, uint32_t instrument);
void heard_finish(struct heard_table *table);

#endif
