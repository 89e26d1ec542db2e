/*
 * filter.c: patterns compiled to bits. A record passes when some pattern's bit is set in its
 * kind's, its source's and its instrument's mask; the latter two are worked out once for each id
 * and kept.
 */
#include "filter.h"
#include <stdlib.h>
#include <string.h>

enum {
	PATTERNS_MAX = 63,
	BLOCK_COUNT = 1024, /* masks of instruments come in blocks, made at first sight */
	BLOCKS_MAX = DICTIONARY_INSTRUMENT_MAX / BLOCK_COUNT + 1,
	SOURCE_BLOCK = 256
};

#define KNOWN (UINT64_C(1) << 63)

/* A part of a pattern: a word, or what a name must begin with. */
struct part {
	const char *word;
	size_t length;
	bool is_prefix;
};

struct filter {
	const struct dictionary *dictionary;
	char *text; /* the patterns; parts point into it */
	unsigned count;
	struct part sources[PATTERNS_MAX], instruments[PATTERNS_MAX];
	uint64_t by_kind[FL_KIND_COUNT];
	uint64_t any_source, any_instrument; /* patterns whose part takes every name, also none */
	uint64_t all;                        /* every pattern's bit */
	bool takes_all;
	/* Kept decisions; KNOWN tells a mask of zero from one not worked out. */
	uint64_t *by_source[DICTIONARY_SOURCE_MAX / SOURCE_BLOCK + 1];
	uint64_t *by_instrument[BLOCKS_MAX];
};

static bool fits(const struct part *part, const char *name)
{
	if (strncmp(name, part->word, part->length) != 0)
		return false;
	return part->is_prefix || name[part->length] == '\0';
}

static int parse_part(const char *text, size_t length, struct part *out)
{
	const char *star = memchr(text, '*', length);

	if (length == 0 || (star != NULL && star != text + length - 1))
		return -EINVAL;
	*out = (struct part){ text, star != NULL ? length - 1 : length, star != NULL };
	return 0;
}

static int take_kinds(struct filter *filter, const struct part *part, uint64_t bit)
{
	bool found = false;

	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		const char *name = fl_kind_name(kind);

		if (name == NULL || !fits(part, name))
			continue;
		filter->by_kind[kind] |= bit;
		found = true;
	}
	return found ? 0 : -EINVAL;
}

static int parse_pattern(struct filter *filter, const char *text, size_t length)
{
	struct part parts[3] = { { "", 0, true }, { "", 0, true }, { "", 0, true } };
	const char *end = text + length;
	uint64_t bit = UINT64_C(1) << filter->count;
	int error;

	for (unsigned i = 0;; i++) {
		const char *slash = memchr(text, '/', (size_t)(end - text));
		const char *stop = slash != NULL && i < 2 ? slash : end;

		/* The third part is the rest: a name may hold a slash ("BTC/USD"). */
		error = parse_part(text, (size_t)(stop - text), &parts[i]);
		if (error < 0)
			return error;
		if (stop == end)
			break;
		text = stop + 1;
	}
	error = take_kinds(filter, &parts[0], bit);
	if (error < 0)
		return error;
	filter->sources[filter->count] = parts[1];
	filter->instruments[filter->count] = parts[2];
	if (parts[1].length == 0)
		filter->any_source |= bit;
	if (parts[2].length == 0)
		filter->any_instrument |= bit;
	filter->all |= bit;
	filter->count++;
	return 0;
}

static int parse(struct filter *filter)
{
	for (const char *at = filter->text;; at++) {
		size_t length = strcspn(at, ","), skip = strspn(at, " \t");
		int error;

		if (filter->count == PATTERNS_MAX)
			return -E2BIG;
		if (skip > length)
			skip = length;
		while (length > skip && (at[length - 1] == ' ' || at[length - 1] == '\t'))
			length--;
		error = parse_pattern(filter, at + skip, length - skip);
		if (error < 0)
			return error;
		at += strcspn(at, ",");
		if (*at == '\0')
			return 0;
	}
}

int filter_create(const char *patterns, const struct dictionary *dictionary, struct filter **out)
{
	struct filter *filter = calloc(1, sizeof(*filter));
	int error = -ENOMEM;

	if (filter == NULL)
		return -ENOMEM;
	filter->dictionary = dictionary;
	filter->text = strdup(patterns != NULL && patterns[0] != '\0' ? patterns : "*");
	if (filter->text == NULL)
		goto destroy;
	error = parse(filter);
	if (error < 0)
		goto destroy;
	for (unsigned i = 0; i < filter->count; i++)
		if ((filter->any_source & filter->any_instrument & (UINT64_C(1) << i)) != 0 &&
			memcmp(filter->text, "*", 2) == 0)
			filter->takes_all = true;
	*out = filter;
	return 0;

destroy:
	filter_destroy(filter);
	return error;
}

void filter_destroy(struct filter *filter)
{
	if (filter == NULL)
		return;
	for (size_t i = 0; i < sizeof(filter->by_source) / sizeof(filter->by_source[0]); i++)
		free(filter->by_source[i]);
	for (size_t i = 0; i < BLOCKS_MAX; i++)
		free(filter->by_instrument[i]);
	free(filter->text);
	free(filter);
}

static uint64_t match(const struct filter *filter, const struct part *parts, const char *name)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < filter->count; i++)
		if (fits(&parts[i], name))
			mask |= UINT64_C(1) << i;
	return mask;
}

/* The kept mask of an id, or where to keep it; NULL without memory: then it is worked out each
 * time. */
static uint64_t *kept(uint64_t **blocks, uint32_t id, uint32_t block_count)
{
	uint64_t **block = &blocks[id / block_count];

	if (*block == NULL)
		*block = calloc(block_count, sizeof(uint64_t));
	return *block != NULL ? &(*block)[id % block_count] : NULL;
}

static uint64_t source_mask(struct filter *filter, uint16_t source)
{
	uint64_t *mask = kept(filter->by_source, source, SOURCE_BLOCK);
	uint64_t found;

	if (mask != NULL && (*mask & KNOWN) != 0)
		return *mask;
	found = match(filter, filter->sources, dictionary_source_name(filter->dictionary, source));
	/* An id without a name may get one yet: not kept. */
	if (mask != NULL && dictionary_source_name(filter->dictionary, source)[0] != '\0')
		*mask = found | KNOWN;
	return found;
}

static uint64_t instrument_mask(struct filter *filter, uint32_t instrument)
{
	const char *name;
	uint64_t *mask;
	uint64_t found;

	if (instrument > DICTIONARY_INSTRUMENT_MAX)
		return filter->any_instrument;
	mask = kept(filter->by_instrument, instrument, BLOCK_COUNT);
	if (mask != NULL && (*mask & KNOWN) != 0)
		return *mask;
	name = dictionary_instrument_name(filter->dictionary, instrument);
	found = match(filter, filter->instruments, name);
	if (mask != NULL && name[0] != '\0')
		*mask = found | KNOWN;
	return found;
}

bool filter_takes(const struct filter *filter, const struct fl_record *record)
{
	struct filter *keeping = (struct filter *)filter; /* what is kept does not change the answer */
	uint64_t mask;

	if (filter->takes_all)
		return true;
	mask = filter->by_kind[record->kind % FL_KIND_COUNT];
	if (mask == 0)
		return false;
	if ((mask & filter->any_source & filter->any_instrument) != 0)
		return true;
	if (filter->any_source != filter->all)
		mask &= source_mask(keeping, record->source);
	if (mask != 0 && filter->any_instrument != filter->all)
		mask &= instrument_mask(keeping, record->instrument);
	return mask != 0;
}

bool filter_takes_kind(const struct filter *filter, unsigned kind)
{
	return kind < FL_KIND_COUNT && (filter->takes_all || filter->by_kind[kind] != 0);
}

bool filter_takes_all(const struct filter *filter)
{
	return filter->takes_all;
}
