/*
 * deribit_channel: names of channels, and requests made of them. Pure.
 */
#ifndef DERIBIT_CHANNEL_H
#define DERIBIT_CHANNEL_H

#include <feedloom/base.h>

enum deribit_what {
	DERIBIT_OF_TICKER = 0, /* by instrument up to OF_PERPETUAL */
	DERIBIT_OF_QUOTE,
	DERIBIT_OF_BOOK,
	DERIBIT_OF_PERPETUAL,
	DERIBIT_OF_TRADES, /* by kind and currency */
	DERIBIT_OF_INDEX,  /* by index from here on */
	DERIBIT_OF_MARKPRICE
};

/** A template of `channels:`, into which an instrument, a kind and currency, or an index is put. */
struct deribit_template {
	enum deribit_what what;
	char tail[32]; /* what follows the name: "agg2", "none.10.100ms", "" */
	bool is_raw;   /* the venue wants credentials for it */
};

enum { DERIBIT_CHANNEL_SIZE = 128 };

/** NULL, or what is wrong with it and what would be right. */
const char *deribit_template_parse(const char *text, struct deribit_template *out);

/** "ticker.BTC-27DEC24-100000-C.agg2". Returns its length, or -EINVAL when it does not fit. */
int deribit_channel_print(
	const struct deribit_template *of, const char *name, char *out, size_t size);

/** Whether `channel` is of this template; `name` is then what was put into it. */
bool deribit_channel_match(const struct deribit_template *of, const char *channel, size_t length,
	const char **name, size_t *name_length);

/** Letters, digits, dot, dash, underscore: all that may go into a channel, and harmless in JSON. */
bool deribit_name_is_plain(const char *name, size_t length);

/*
 * A subscribe or unsubscribe request: at most 500 channels, under the venue's 32 kB.
 */
enum { DERIBIT_BATCH_CHANNELS = 500, DERIBIT_BATCH_BYTES = 32000 };

struct deribit_batch {
	size_t length;
	int channels;
	char text[DERIBIT_BATCH_BYTES];
};
/** @param method "public/subscribe" */
void deribit_batch_begin(struct deribit_batch *batch, const char *method, int64_t id);
/** false: it is full, nothing was added. */
bool deribit_batch_add(struct deribit_batch *batch, const char *channel, size_t length);
/** Whether `channels` of at most `bytes` together still fit. */
bool deribit_batch_has_room(const struct deribit_batch *batch, int channels, size_t bytes);
void deribit_batch_end(struct deribit_batch *batch);

#endif
