/*
 * mix.h: a venue's options and a stream of them, encoded before it is played: 60 % quotes, 37 %
 * tickers of some 778 bytes, 3 % messages of trades, as WebSocket frames of a server, one behind
 * the other.
 *
 * The stream is one block that is played again and again. What must differ from one time to the
 * next (times, trade_seq, trade ids) is written with a fixed number of digits and raised in place.
 */
#ifndef BENCH_MIX_H
#define BENCH_MIX_H

#include <stddef.h>
#include <stdint.h>

enum {
	MIX_INSTRUMENTS = 1548, /* 728 of BTC, 820 of ETH */
	MIX_MESSAGES = 20000    /* of a block */
};

struct mix_counts {
	uint64_t messages, quotes, tickers, trades, bytes;
};

struct mix_message {
	uint32_t end;   /* of its frame: where the next one begins */
	uint16_t kind;  /* 'q', 't' or 'x' for trades */
	uint16_t count; /* records in it */
};

struct mix_number {
	uint32_t at; /* of its first digit, in the block */
	uint16_t digits;
	uint16_t is_time;
	uint64_t step; /* what it grows by from one time to the next */
};

struct mix {
	char *block;
	size_t length;
	struct mix_message messages[MIX_MESSAGES];
	struct mix_number *numbers;
	size_t number_count, number_capacity;
	int64_t block_ms; /* a block's time in the venue's clock */
	int64_t now_ms;   /* of its first message */
};

/** `rate`: messages a second that the venue's clock shows. NULL: no memory. */
struct mix *mix_create(int64_t now_ms, int64_t rate);
void mix_destroy(struct mix *mix);
/** The block once more, later. */
void mix_advance(struct mix *mix);
void mix_count(struct mix_counts *counts, const struct mix_message *message, size_t bytes);
/** The venue's answer to get_instruments, malloc'd. */
char *mix_listing(const char *currency);

#endif
