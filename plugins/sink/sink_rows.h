/*
 * sink_rows.h: a record's rows, the same for every store: which table, which columns, which value
 * where. Whoever stores them says where the values go.
 *
 * Absent is null: NaN, times of 0, texts of "", counters of -1. What the table demands and the
 * record lacks (its time, its instrument) goes as null too: the table refuses it, and it is counted
 * there.
 */
#ifndef SINK_ROWS_H
#define SINK_ROWS_H

#include <feedloom/plugin.h>

/** Where values go, in the order of the kind's columns. */
struct sink_out {
	void (*null)(void *to);
	void (*integer)(void *to, int64_t value); /* numbers, and truths as 0 and 1 */
	void (*real)(void *to, double value);     /* NaN: null */
	void (*text)(void *to, const char *text, size_t length);
	void (*time)(void *to, int64_t ns); /* never 0 */
	void (*end)(void *to);              /* the row is complete */
};

/** What it takes to put rows: all borrowed. */
struct sink_row {
	const struct sink_out *out;
	void *to;
	const struct fl_ctx *ctx; /* knows the names */
	int64_t now_ns;           /* feedloom's clock as the batch goes */
};

/** Where records of a kind go. All zero: no kind of ours. */
struct sink_kind {
	const char *table;          /* by the name people query */
	const char *relation;       /* what is written to */
	const char *const *columns; /* of `relation`, NULL-terminated; times by their SQL names */
	bool may_repeat; /* the store may have such a record already: then it is repeated, not stored */
	bool needs_id;   /* its rows hold an instrument's number */
	bool keeps_order; /* stored in their order: a later one corrects an earlier */
};

const struct sink_kind *sink_kind(unsigned kind);

/**
 * Puts a record's rows.
 * @param id  the store's number of its instrument, 0: none
 * @return how many rows: one, or one a level of a book
 */
uint32_t sink_put(const struct sink_row *row, const struct fl_record *record, uint32_t id);

/**
 * What a name alone says of an instrument: exchange, instrument_name, currency, kind, strike,
 * option_type, expiration_timestamp, is_active, base_currency, quote_currency.
 */
void sink_put_new(const struct sink_row *row, uint32_t instrument);

/** A row of stream_gaps made of `dropped`: what the journal had to drop before this sink had it. */
void sink_put_dropped(const struct sink_row *row, const uint64_t dropped[FL_KIND_COUNT],
	int64_t started_ns, int64_t ended_ns);

#endif
