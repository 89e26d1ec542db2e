/*
 * extract.h: the bare parser's part: a message's JSON, and every field that a row has. No record,
 * no check, no unit: what nobody who wants the fields can do without.
 */
#ifndef BENCH_EXTRACT_H
#define BENCH_EXTRACT_H

#include <stddef.h>
#include <stdint.h>

struct extracted {
	uint64_t quotes, tickers, trades;
	double sum; /* of the prices: two readers of one stream must agree, and nothing is left out */
};

/** `text` has four bytes of room behind it and is spoilt. */
void extract(struct extracted *to, char *text, size_t length);

#endif
