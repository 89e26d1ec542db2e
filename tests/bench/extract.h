/*
 * extract.h: the bare parser's part: a message's JSON, and every field that a row has. No record,
 * no check, no unit: what nobody who wants the fields can do without.
 */
#ifndef BENCH_EXTRACT_H
#define BENCH_EXTRACT_H

#include <stddef.h>
#include <stdint.h>

enum field {
	RHO,
	VEGA,
	DELTA,
	GAMMA,
	THETA,
	VOLUME,
	IV, /* in percent, as all of them are sent */
	PRICE,
	BID_IV,
	ASK_IV,
	AMOUNT,
	MARK_IV,
	MIN_PRICE,
	MAX_PRICE,
	MARK_PRICE,
	LAST_PRICE,
	INDEX_PRICE,
	OPEN_INTEREST,
	BID_PRICE,
	ASK_PRICE,
	BID_AMOUNT,
	ASK_AMOUNT,
	UNDERLYING_PRICE,
	SETTLEMENT_PRICE,
	FIELDS
};

struct row {
	double fields[FIELDS];
	uint64_t time, seq;
	const char *name, *index, *id;
};

struct extracted {
	uint64_t quotes, tickers, trades;
	double sum; /* of the prices: two readers of one stream must agree, and nothing is left out */
	void (*keep)(
		char kind, const struct row *row); /* 'q', 't' or 'T': a trade; NULL: for nothing */
};

/** `text` has four bytes of room behind it and is spoilt. */
void extract(struct extracted *to, char *text, size_t length);

#endif
