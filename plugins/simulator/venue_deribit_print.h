/*
 * venue_deribit_print.h: the market's events in Deribit's words: the `data` of notifications and
 * the results of REST calls. Pure.
 */
#ifndef SIMULATOR_VENUE_DERIBIT_PRINT_H
#define SIMULATOR_VENUE_DERIBIT_PRINT_H

#include "market.h"
#include "text.h"

/** Now and then numbers are written with an exponent or without a point, drawn from `rng` (NULL:
 * never). */
void print_quote(struct text *text, const struct sim_instrument *instrument,
	const struct sim_quote *quote, struct rng *rng);
/** The whole object; print_ticker_fields is the same without its braces. */
void print_ticker(struct text *text, const struct sim_instrument *instrument,
	const struct sim_ticker *ticker, struct rng *rng);
void print_ticker_fields(struct text *text, const struct sim_instrument *instrument,
	const struct sim_ticker *ticker, struct rng *rng);
void print_trade(struct text *text, const struct market *market, const struct sim_trade *trade);
/** Trade ids are strings; outside BTC they carry their currency. Returns the length (< 32). */
int print_trade_id(char out[32], const struct market *market, const struct sim_trade *trade);
/** Of a block trade. */
int print_block_id(char out[32], const struct sim_trade *trade);
void print_book(
	struct text *text, const struct sim_instrument *instrument, const struct sim_book *book);
void print_index(struct text *text, const char *index, double price, int64_t timestamp);
/** As get_instruments lists it. */
void print_instrument(struct text *text, const struct market *market, uint32_t number);
/** "future" for perpetuals too. */
const char *print_kind(const struct sim_instrument *instrument);

#endif
