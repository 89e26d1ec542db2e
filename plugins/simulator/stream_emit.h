/*
 * stream_emit.h: a stream message and what is in it, between the files that make, spoil and send
 * it.
 */
#ifndef SIMULATOR_STREAM_EMIT_H
#define SIMULATOR_STREAM_EMIT_H

#include "simulator.h"

/** What a message holds, for the ledger. One of the pointers is set, or none: then it is empty. */
struct content {
	const char *kind;
	const struct sim_instrument *instrument; /* NULL: of none, or of several */
	int64_t event_ms;
	bool is_empty; /* nothing in it is to be found in a store */
	const struct sim_quote *quote;
	const struct sim_ticker *ticker;
	const struct sim_book *book;
	const struct sim_trade *const *trades;
	int trade_count;
	const char *index;
	double index_price;
};

/** The whole message, and its channel; borrowed for the call. */
struct stream_message {
	const char *data;
	size_t length;
	const char *channel;
	size_t channel_length;
};

/**
 * Hands a message to the socket and enters it in the ledger.
 *
 * @param pieces  send it in frames of so many bytes with pings between; 0: in one
 * @return whether it was taken; else the session is over
 */
bool stream_hand_over(struct simulator *sim, struct session *session,
	const struct stream_message *message, const struct content *content, size_t pieces);

#endif
