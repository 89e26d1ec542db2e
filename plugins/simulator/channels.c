/* channels.c: names to channels, channels to subscribers. */
#include "channels.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const channel_intervals[INTERVAL_COUNT] = { "raw", "100ms", "agg2" };

/* Taken, but nothing is ever sent on them (yet). */
static const char *const quiet[] = { "platform_state", "platform_state.public_methods_state",
	"announcements", "instrument.state.any.any", "instrument.state.option.BTC",
	"instrument.state.option.ETH", "instrument.state.option.any", "instrument.state.future.BTC",
	"instrument.state.future.ETH", "instrument.creation.any.any", "instrument.creation.option.BTC",
	"instrument.creation.option.ETH", "instrument.creation.option.any" };

static bool ends_raw(const char *name, size_t length)
{
	return length > 4 && memcmp(name + length - 4, ".raw", 4) == 0;
}

int64_t channels_add_wide(struct channels *channels, const char *name, size_t length)
{
	int64_t found = names_find(&channels->wide_names, name, length);
	struct wide_channel *wide;

	if (found >= 0)
		return found;
	if (length == 0 || length > 128)
		return -EINVAL;
	if (channels->wide_count == MAX_WIDE)
		return -ENOSPC;
	if (channels->wide_count == channels->wide_capacity) {
		uint32_t capacity = channels->wide_capacity ? channels->wide_capacity * 2 : 64;

		wide = realloc(channels->wide, capacity * sizeof(*wide));
		if (wide == NULL)
			return -ENOMEM;
		channels->wide = wide;
		channels->wide_capacity = capacity;
	}
	wide = &channels->wide[channels->wide_count];
	*wide = (struct wide_channel){ .name = calloc(1, length + 1),
		.needs_auth = ends_raw(name, length) };
	if (wide->name == NULL)
		return -ENOMEM;
	memcpy(wide->name, name, length);
	if (names_add(&channels->wide_names, wide->name, length, channels->wide_count) < 0) {
		free(wide->name);
		return -ENOMEM;
	}
	return channels->wide_count++;
}

int channels_add_foreign(struct channels *channels, const char *name, size_t length)
{
	char *copy;

	if (names_find(&channels->foreign_names, name, length) >= 0)
		return 0;
	if (channels->foreign_count == MAX_FOREIGN)
		return -ENOSPC;
	if (channels->foreign_count == channels->foreign_capacity) {
		uint32_t capacity = channels->foreign_capacity ? channels->foreign_capacity * 2 : 64;
		char **foreign = realloc(channels->foreign, capacity * sizeof(*foreign));

		if (foreign == NULL)
			return -ENOMEM;
		channels->foreign = foreign;
		channels->foreign_capacity = capacity;
	}
	copy = calloc(1, length + 1);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, name, length);
	if (names_add(&channels->foreign_names, copy, length, channels->foreign_count) < 0) {
		free(copy);
		return -ENOMEM;
	}
	channels->foreign[channels->foreign_count++] = copy;
	return 0;
}

static int64_t add_named(
	struct channels *channels, const char *format, const char *a, const char *b, const char *c)
{
	char name[96];
	int length = snprintf(name, sizeof(name), format, a, b, c);

	return channels_add_wide(channels, name, (size_t)length);
}

static int add_wide_channels(struct channels *channels)
{
	static const char *const kinds[WIDE_KINDS] = { "option", "future", "any" };
	int64_t number;

	for (int k = 0; k < WIDE_KINDS; k++)
		for (int c = 0; c < WIDE_CURRENCIES; c++)
			for (int i = 0; i < INTERVAL_COUNT; i++) {
				number = add_named(channels, "trades.%s.%s.%s", kinds[k],
					c < CURRENCIES ? channels->universe->currencies[c].name : "any",
					channel_intervals[i]);
				if (number < 0)
					return (int)number;
				channels->trades[k][c][i] = (uint32_t)number;
			}
	for (int c = 0; c < CURRENCIES; c++) {
		number = add_named(channels, "deribit_price_index.%s%s%s",
			channels->universe->currencies[c].index, "", "");
		if (number < 0)
			return (int)number;
		channels->index_prices[c] = (uint32_t)number;
	}
	for (size_t i = 0; i < sizeof(quiet) / sizeof(*quiet); i++) {
		number = channels_add_wide(channels, quiet[i], strlen(quiet[i]));
		if (number < 0)
			return (int)number;
	}
	return 0;
}

int channels_init(struct channels *channels, const struct universe *universe)
{
	int error = -ENOMEM;

	*channels = (struct channels){ .universe = universe };
	channels->subscribers = calloc((size_t)universe->count + 1, sizeof(*channels->subscribers));
	if (channels->subscribers == NULL)
		goto finish;
	for (uint32_t i = 0; i < universe->count; i++)
		if (names_add(&channels->instruments, universe->instruments[i].name,
				universe->instruments[i].name_length, i) < 0)
			goto finish;
	error = add_wide_channels(channels);
	if (error == 0)
		return 0;
finish:
	channels_finish(channels);
	return error;
}

int channels_grow(struct channels *channels, uint32_t from)
{
	const struct universe *universe = channels->universe;
	uint64_t(*grown)[SLOT_COUNT] =
		realloc(channels->subscribers, universe->capacity * sizeof(*channels->subscribers));

	if (grown == NULL)
		return -ENOMEM;
	channels->subscribers = grown;
	memset(grown + from, 0, (universe->capacity - from) * sizeof(*grown));
	names_finish(&channels->instruments);
	for (uint32_t i = 0; i < universe->count; i++)
		if (names_add(&channels->instruments, universe->instruments[i].name,
				universe->instruments[i].name_length, i) < 0)
			return -ENOMEM;
	return 0;
}

void channels_finish(struct channels *channels)
{
	for (uint32_t i = 0; i < channels->wide_count; i++)
		free(channels->wide[i].name);
	for (uint32_t i = 0; i < channels->foreign_count; i++)
		free(channels->foreign[i]);
	free(channels->wide);
	free(channels->foreign);
	free(channels->subscribers);
	names_finish(&channels->instruments);
	names_finish(&channels->wide_names);
	names_finish(&channels->foreign_names);
	*channels = (struct channels){ 0 };
}

/* "100ms" > 1; -1: no interval. */
static int interval_of(const char *text, size_t length)
{
	for (int i = 0; i < INTERVAL_COUNT; i++)
		if (strlen(channel_intervals[i]) == length &&
			memcmp(text, channel_intervals[i], length) == 0)
			return i;
	return -1;
}

/* Splits "ticker.NAME.100ms"; the slot, or -1: no channel of an instrument. */
static int split(
	const char *name, size_t length, const char **instrument, size_t *instrument_length)
{
	static const struct {
		const char *word;
		int slot;
	} forms[] = { { "quote.", SLOT_QUOTE }, { "ticker.", SLOT_TICKER }, { "book.", SLOT_BOOK },
		{ "trades.", SLOT_TRADES } };
	const char *dot, *end = name + length;

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		size_t word = strlen(forms[i].word);
		int interval;

		if (length <= word || memcmp(name, forms[i].word, word) != 0)
			continue;
		*instrument = name + word;
		dot = memchr(*instrument, '.', length - word);
		*instrument_length = (size_t)((dot != NULL ? dot : end) - *instrument);
		if (forms[i].slot == SLOT_QUOTE)
			return dot == NULL ? SLOT_QUOTE : -1;
		interval = dot != NULL ? interval_of(dot + 1, (size_t)(end - dot - 1)) : -1;
		return interval >= 0 ? forms[i].slot + interval : -1;
	}
	return -1;
}

struct channel channels_find(struct channels *channels, const char *name, size_t length)
{
	struct channel channel = { .type = CHANNEL_NONE };
	const char *instrument;
	size_t instrument_length;
	int slot = split(name, length, &instrument, &instrument_length);
	int64_t number = -ENOENT;

	if (slot >= 0)
		number = names_find(&channels->instruments, instrument, instrument_length);
	if (number >= 0) {
		channel.type = CHANNEL_OF_INSTRUMENT;
		channel.number = (uint32_t)number;
		channel.slot = (uint8_t)slot;
		channel.needs_auth = ends_raw(name, length);
		return channel;
	}
	number = names_find(&channels->wide_names, name, length);
	if (number < 0 && slot >= 0 &&
		names_find(&channels->foreign_names, instrument, instrument_length) >= 0)
		number = channels_add_wide(channels, name, length);
	if (number >= 0) {
		channel.type = CHANNEL_WIDE;
		channel.number = (uint32_t)number;
		channel.needs_auth = ends_raw(name, length);
	}
	return channel;
}

uint64_t *channels_of(struct channels *channels, struct channel channel)
{
	return channel.type == CHANNEL_WIDE ? &channels->wide[channel.number].subscribers
										: &channels->subscribers[channel.number][channel.slot];
}

bool channels_subscribe(struct channels *channels, struct channel channel, int session)
{
	uint64_t *subscribers = channels_of(channels, channel), bit = UINT64_C(1) << session;

	if (*subscribers & bit)
		return false;
	*subscribers |= bit;
	channels->changes++;
	return true;
}

bool channels_unsubscribe(struct channels *channels, struct channel channel, int session)
{
	uint64_t *subscribers = channels_of(channels, channel), bit = UINT64_C(1) << session;

	if (!(*subscribers & bit))
		return false;
	*subscribers &= ~bit;
	channels->changes++;
	return true;
}

void channels_unsubscribe_all(struct channels *channels, int session)
{
	uint64_t others = ~(UINT64_C(1) << session);

	for (uint32_t i = 0; i < channels->universe->count; i++)
		for (int slot = 0; slot < SLOT_COUNT; slot++)
			channels->subscribers[i][slot] &= others;
	for (uint32_t i = 0; i < channels->wide_count; i++)
		channels->wide[i].subscribers &= others;
	channels->changes++;
}
