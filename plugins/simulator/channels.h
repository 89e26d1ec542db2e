/*
 * channels.h: Deribit's channel names and who is subscribed to what. A set of subscribers is a
 * word: bit n is session n. Pure.
 */
#ifndef SIMULATOR_CHANNELS_H
#define SIMULATOR_CHANNELS_H

#include "names.h"
#include "universe.h"

enum { MAX_SESSIONS = 64, MAX_FOREIGN = 20000, MAX_WIDE = 40000 };

/** The channels of one instrument. */
enum channel_slot {
	SLOT_QUOTE,
	SLOT_TICKER, /* and the two after it: raw, 100ms, agg2 */
	SLOT_BOOK = SLOT_TICKER + 3,
	SLOT_TRADES = SLOT_BOOK + 3,
	SLOT_COUNT = SLOT_TRADES + 3
};
enum { INTERVAL_COUNT = 3 };
extern const char *const channel_intervals[INTERVAL_COUNT]; /* "raw", "100ms", "agg2" */

/** One channel: of an instrument, or "wide" (by kind and currency, indices, replayed ones). */
struct channel {
	enum { CHANNEL_NONE, CHANNEL_OF_INSTRUMENT, CHANNEL_WIDE } type;
	uint32_t number; /* of the instrument, or of the wide channel */
	uint8_t slot;
	bool needs_auth;
};

struct wide_channel {
	char *name;
	uint64_t subscribers;
	bool needs_auth;
};

/** Kinds in wide trades channels: option, future, any; currencies: BTC, ETH, any. */
enum { WIDE_KINDS = 3, WIDE_CURRENCIES = CURRENCIES + 1 };

struct channels {
	const struct universe *universe; /* borrowed */
	struct names instruments;
	uint64_t (*subscribers)[SLOT_COUNT]; /* of each instrument */
	struct wide_channel *wide;
	uint32_t wide_count, wide_capacity;
	struct names wide_names;
	uint32_t trades[WIDE_KINDS][WIDE_CURRENCIES][INTERVAL_COUNT]; /* numbers of wide channels */
	uint32_t index_prices[CURRENCIES];
	/* Instruments of a capture: their channels are taken, though the universe knows none. */
	char **foreign;
	uint32_t foreign_count, foreign_capacity;
	struct names foreign_names;
	uint32_t changes; /* counts subscriptions made and ended */
};

int channels_init(struct channels *channels, const struct universe *universe);
void channels_finish(struct channels *channels);
/** Takes in what the universe has from number `from` on; all names may have moved. 0 or -ENOMEM. */
int channels_grow(struct channels *channels, uint32_t from);
/** Lets the channels of an instrument outside the universe be subscribed. 0, -ENOMEM, -ENOSPC. */
int channels_add_foreign(struct channels *channels, const char *name, size_t length);
/** Makes a wide channel of that name, or finds it. Its number, or -ENOMEM, -ENOSPC, -EINVAL. */
int64_t channels_add_wide(struct channels *channels, const char *name, size_t length);

/**
 * What a name means; CHANNEL_NONE: the venue drops it without a word. Makes the wide channel where
 * a foreign instrument has none yet.
 */
struct channel channels_find(struct channels *channels, const char *name, size_t length);

/** A channel's subscribers; valid until the next channel is made. */
uint64_t *channels_of(struct channels *channels, struct channel channel);
/** True when this made a difference. */
bool channels_subscribe(struct channels *channels, struct channel channel, int session);
bool channels_unsubscribe(struct channels *channels, struct channel channel, int session);
void channels_unsubscribe_all(struct channels *channels, int session);

#endif
