/*
 * dictionary.c: an open-addressing table from (venue, name) to the id, and blocks of entries by id.
 */
#include "dictionary.h"
#include <stdlib.h>
#include <string.h>

enum {
	BLOCK_COUNT = 4096, /* entries; a block never moves */
	BLOCKS_MAX = DICTIONARY_INSTRUMENT_MAX / BLOCK_COUNT + 1,
	TEXT_BLOCK_BYTES = 64 * 1024,
	VENUES_MAX = 1024,
	CACHE_LINE_BYTES = 64
};

/* A line of the cache: with its name, where that is short, as nearly all are. */
struct entry {
	const char *name; /* NULL: the id was never given out */
	uint32_t hash;
	uint32_t named_in; /* serial of the last segment that names it */
	uint16_t venue;
	uint16_t length;
	char own[44];
};

_Static_assert(sizeof(struct entry) == CACHE_LINE_BYTES, "an entry is a line of the cache");

struct source {
	const char *name; /* NULL: never given out */
	uint32_t named_in;
	uint16_t venue; /* 0: "" */
};

struct slot {
	uint32_t hash;
	uint32_t id; /* 0: empty */
};

struct text_block {
	struct text_block *next;
	char bytes[TEXT_BLOCK_BYTES];
};

struct dictionary {
	uint64_t seed;
	struct slot *slots;
	uint32_t slot_mask;
	uint32_t count;     /* instruments with an id */
	uint32_t top;       /* the highest id given out */
	uint32_t next_free; /* no id below it is free */
	struct entry *blocks[BLOCKS_MAX];
	const char *venues[VENUES_MAX]; /* from 1 */
	uint16_t venue_count;
	struct source *sources; /* from 1 */
	uint32_t source_count;  /* the highest id */
	uint32_t source_room;
	struct text_block *texts;
	size_t text_used;
	uint64_t refused;
};

struct dictionary *dictionary_create(uint64_t seed)
{
	struct dictionary *dictionary = calloc(1, sizeof(*dictionary));

	if (dictionary == NULL)
		return NULL;
	dictionary->seed = seed;
	dictionary->next_free = 1;
	dictionary->slot_mask = 4095;
	dictionary->slots = calloc(dictionary->slot_mask + 1, sizeof(struct slot));
	if (dictionary->slots == NULL) {
		free(dictionary);
		return NULL;
	}
	return dictionary;
}

void dictionary_destroy(struct dictionary *dictionary)
{
	if (dictionary == NULL)
		return;
	for (struct text_block *block = dictionary->texts, *next; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	for (size_t i = 0; i < BLOCKS_MAX; i++)
		free(dictionary->blocks[i]);
	free(dictionary->sources);
	free(dictionary->slots);
	free(dictionary);
}

static bool is_good(const char *name, size_t length)
{
	if (length == 0 || length > DICTIONARY_NAME_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (name[i] < 0x20 || name[i] > 0x7e)
			return false;
	return true;
}

/* A copy that stays where it is. */
static const char *keep_text(struct dictionary *dictionary, const char *text, size_t length)
{
	char *copy;

	if (dictionary->texts == NULL || dictionary->text_used + length + 1 > TEXT_BLOCK_BYTES) {
		struct text_block *block = malloc(sizeof(*block));

		if (block == NULL)
			return NULL;
		block->next = dictionary->texts;
		dictionary->texts = block;
		dictionary->text_used = 0;
	}
	copy = dictionary->texts->bytes + dictionary->text_used;
	memcpy(copy, text, length);
	copy[length] = '\0';
	dictionary->text_used += length + 1;
	return copy;
}

/*
 * Eight bytes a step, the last of which overlap those before; seeded, so that names from outside
 * cannot be chosen to collide.
 */
static uint32_t hash_name(
	const struct dictionary *dictionary, uint16_t venue, const char *name, size_t length)
{
	uint64_t hash = dictionary->seed ^ ((uint64_t)venue << 48) ^ length;
	uint64_t part = 0;
	size_t at = 0;

	for (; at + sizeof(part) < length; at += sizeof(part)) {
		memcpy(&part, name + at, sizeof(part));
		hash = (hash ^ part) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	if (length >= sizeof(part))
		memcpy(&part, name + length - sizeof(part), sizeof(part));
	else
		memcpy(&part, name, length);
	hash = (hash ^ part) * UINT64_C(0xbf58476d1ce4e5b9);
	hash ^= hash >> 32;
	hash *= UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(hash >> 32);
}

static struct entry *entry_of(const struct dictionary *dictionary, uint32_t id)
{
	struct entry *block;

	if (id == 0 || id > dictionary->top)
		return NULL;
	block = dictionary->blocks[id / BLOCK_COUNT];
	if (block == NULL || block[id % BLOCK_COUNT].name == NULL)
		return NULL;
	return &block[id % BLOCK_COUNT];
}

/* The next id whose name has this hash, from slot `at` on, which moves behind it; 0: no more. */
static uint32_t next_with(const struct dictionary *dictionary, uint32_t hash, uint32_t *at)
{
	for (;;) {
		const struct slot *slot = &dictionary->slots[(*at)++ & dictionary->slot_mask];

		if (slot->id == 0 || slot->hash == hash)
			return slot->id;
	}
}

static uint32_t find(const struct dictionary *dictionary, uint32_t hash, uint16_t venue,
	const char *name, size_t length)
{
	uint32_t at = hash, id;

	while ((id = next_with(dictionary, hash, &at)) != 0) {
		const struct entry *entry = &dictionary->blocks[id / BLOCK_COUNT][id % BLOCK_COUNT];

		if (entry->length == length && entry->venue == venue &&
			memcmp(entry->name, name, length) == 0)
			break;
	}
	return id;
}

static void place(struct slot *slots, uint32_t mask, uint32_t hash, uint32_t id)
{
	uint32_t i = hash;

	while (slots[i & mask].id != 0)
		i++;
	slots[i & mask] = (struct slot){ hash, id };
}

/* Keeps the table at most two thirds full, so that a search ends soon. */
static int make_room(struct dictionary *dictionary)
{
	uint32_t mask = dictionary->slot_mask * 2 + 1;
	struct slot *slots;

	if ((uint64_t)dictionary->count * 3 < (uint64_t)dictionary->slot_mask * 2)
		return 0;
	slots = calloc((size_t)mask + 1, sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i <= dictionary->slot_mask; i++)
		if (dictionary->slots[i].id != 0)
			place(slots, mask, dictionary->slots[i].hash, dictionary->slots[i].id);
	free(dictionary->slots);
	dictionary->slots = slots;
	dictionary->slot_mask = mask;
	return 0;
}

static struct entry *block_create(void)
{
	struct entry *block = aligned_alloc(CACHE_LINE_BYTES, BLOCK_COUNT * sizeof(*block));

	if (block != NULL)
		memset(block, 0, BLOCK_COUNT * sizeof(*block));
	return block;
}

static int entry_set(
	struct dictionary *dictionary, struct entry *entry, const char *name, size_t length)
{
	if (length < sizeof(entry->own)) {
		memcpy(entry->own, name, length);
		entry->name = entry->own;
	} else {
		entry->name = keep_text(dictionary, name, length);
	}
	entry->length = (uint16_t)length;
	return entry->name == NULL ? -ENOMEM : 0;
}

static int add(struct dictionary *dictionary, uint32_t id, uint32_t hash, uint16_t venue,
	const char *name, size_t length)
{
	struct entry **block = &dictionary->blocks[id / BLOCK_COUNT], *entry;

	if (make_room(dictionary) < 0)
		return -ENOMEM;
	if (*block == NULL)
		*block = block_create();
	if (*block == NULL)
		return -ENOMEM;
	entry = &(*block)[id % BLOCK_COUNT];
	*entry = (struct entry){ .hash = hash, .venue = venue };
	if (entry_set(dictionary, entry, name, length) < 0)
		return -ENOMEM;
	place(dictionary->slots, dictionary->slot_mask, hash, id);
	dictionary->count++;
	if (id > dictionary->top)
		dictionary->top = id;
	return 0;
}

static uint16_t venue_of(struct dictionary *dictionary, const char *venue, size_t length)
{
	const char *copy;

	for (uint16_t i = 1; i <= dictionary->venue_count; i++)
		if (strncmp(dictionary->venues[i], venue, length) == 0 &&
			dictionary->venues[i][length] == '\0')
			return i;
	if (!is_good(venue, length) || dictionary->venue_count + 1 >= VENUES_MAX)
		return 0;
	copy = keep_text(dictionary, venue, length);
	if (copy == NULL)
		return 0;
	dictionary->venues[++dictionary->venue_count] = copy;
	return dictionary->venue_count;
}

uint16_t dictionary_venue(struct dictionary *dictionary, const char *venue)
{
	return venue_of(dictionary, venue, strnlen(venue, DICTIONARY_NAME_MAX + 1));
}

uint32_t dictionary_find(
	const struct dictionary *dictionary, uint16_t venue, const char *name, size_t length)
{
	if (length == 0 || length > DICTIONARY_NAME_MAX)
		return 0;
	return find(dictionary, hash_name(dictionary, venue, name, length), venue, name, length);
}

uint32_t dictionary_instrument(
	struct dictionary *dictionary, uint16_t venue, const char *name, size_t length)
{
	uint32_t hash, id;

	if (length == 0 || length > DICTIONARY_NAME_MAX)
		goto refuse;
	hash = hash_name(dictionary, venue, name, length);
	id = find(dictionary, hash, venue, name, length);
	if (id != 0)
		return id;
	if (venue == 0 || venue > dictionary->venue_count || !is_good(name, length))
		goto refuse;
	/* After a restart there are holes: ids that no segment uses any more. */
	while (entry_of(dictionary, dictionary->next_free) != NULL)
		dictionary->next_free++;
	id = dictionary->next_free;
	if (id > DICTIONARY_INSTRUMENT_MAX || add(dictionary, id, hash, venue, name, length) < 0)
		goto refuse;
	return id;

refuse:
	dictionary->refused++;
	return 0;
}

uint32_t dictionary_expect(
	const struct dictionary *dictionary, uint16_t venue, const char *name, size_t length)
{
	uint32_t hash, at, id;

	if (length == 0 || length > DICTIONARY_NAME_MAX)
		return 0;
	hash = at = hash_name(dictionary, venue, name, length);
	id = next_with(dictionary, hash, &at);
	if (id != 0)
		__builtin_prefetch(&dictionary->blocks[id / BLOCK_COUNT][id % BLOCK_COUNT]);
	return id;
}

const char *dictionary_instrument_name(const struct dictionary *dictionary, uint32_t instrument)
{
	const struct entry *entry = entry_of(dictionary, instrument);

	return entry != NULL ? entry->name : "";
}

const char *dictionary_instrument_venue(const struct dictionary *dictionary, uint32_t instrument)
{
	const struct entry *entry = entry_of(dictionary, instrument);

	return entry != NULL ? dictionary->venues[entry->venue] : "";
}

static int source_room(struct dictionary *dictionary, uint32_t id)
{
	uint32_t room = dictionary->source_room > 0 ? dictionary->source_room : 16;
	struct source *sources;

	while (room <= id)
		room *= 2;
	if (room == dictionary->source_room)
		return 0;
	sources = realloc(dictionary->sources, room * sizeof(*sources));
	if (sources == NULL)
		return -ENOMEM;
	memset(
		sources + dictionary->source_room, 0, (room - dictionary->source_room) * sizeof(*sources));
	dictionary->sources = sources;
	dictionary->source_room = room;
	return 0;
}

static int add_source(struct dictionary *dictionary, uint32_t id, const char *venue,
	size_t venue_length, const char *name, size_t name_length)
{
	uint16_t venue_id = 0;
	const char *copy;

	if (!is_good(name, name_length))
		return -EINVAL;
	if (venue_length > 0) {
		venue_id = venue_of(dictionary, venue, venue_length);
		if (venue_id == 0)
			return -EINVAL;
	}
	if (source_room(dictionary, id) < 0)
		return -ENOMEM;
	copy = keep_text(dictionary, name, name_length);
	if (copy == NULL)
		return -ENOMEM;
	dictionary->sources[id] = (struct source){ .name = copy, .venue = venue_id };
	if (id > dictionary->source_count)
		dictionary->source_count = id;
	return 0;
}

static const struct source *source_of(const struct dictionary *dictionary, uint16_t id)
{
	if (id == 0 || id > dictionary->source_count || dictionary->sources[id].name == NULL)
		return NULL;
	return &dictionary->sources[id];
}

static uint16_t find_source(const struct dictionary *dictionary, const char *venue,
	size_t venue_length, const char *name, size_t length)
{
	for (uint32_t i = 1; i <= dictionary->source_count; i++) {
		const struct source *source = source_of(dictionary, (uint16_t)i);
		const char *its_venue = dictionary_source_venue(dictionary, (uint16_t)i);

		if (source != NULL && strlen(source->name) == length &&
			memcmp(source->name, name, length) == 0 && strlen(its_venue) == venue_length &&
			memcmp(its_venue, venue, venue_length) == 0)
			return (uint16_t)i;
	}
	return 0;
}

uint16_t dictionary_source(struct dictionary *dictionary, const char *name, const char *venue)
{
	size_t length = strnlen(name, DICTIONARY_NAME_MAX + 1);
	size_t venue_length = strnlen(venue, DICTIONARY_NAME_MAX + 1);
	uint16_t found = find_source(dictionary, venue, venue_length, name, length);
	uint32_t id = 1;

	if (found != 0)
		return found;
	while (source_of(dictionary, (uint16_t)id) != NULL)
		id++;
	if (id > DICTIONARY_SOURCE_MAX ||
		add_source(dictionary, id, venue, venue_length, name, length) < 0) {
		dictionary->refused++;
		return 0;
	}
	return (uint16_t)id;
}

const char *dictionary_source_name(const struct dictionary *dictionary, uint16_t source)
{
	const struct source *it = source_of(dictionary, source);

	return it != NULL ? it->name : "";
}

const char *dictionary_source_venue(const struct dictionary *dictionary, uint16_t source)
{
	const struct source *it = source_of(dictionary, source);

	return it != NULL && it->venue != 0 ? dictionary->venues[it->venue] : "";
}

uint32_t dictionary_instrument_count(const struct dictionary *dictionary)
{
	return dictionary->count;
}

uint32_t dictionary_instrument_top(const struct dictionary *dictionary)
{
	return dictionary->top;
}

uint64_t dictionary_refused(const struct dictionary *dictionary)
{
	return dictionary->refused;
}

int dictionary_restore_instrument(struct dictionary *dictionary, uint32_t id, const char *venue,
	size_t venue_length, const char *name, size_t name_length)
{
	const struct entry *entry = entry_of(dictionary, id);
	uint16_t venue_id;
	uint32_t hash, found;

	if (id == 0 || id > DICTIONARY_INSTRUMENT_MAX || !is_good(name, name_length))
		return -EINVAL;
	venue_id = venue_of(dictionary, venue, venue_length);
	if (venue_id == 0)
		return -EINVAL;
	hash = hash_name(dictionary, venue_id, name, name_length);
	found = find(dictionary, hash, venue_id, name, name_length);
	if (found != 0)
		return found == id ? 0 : -EEXIST;
	if (entry != NULL)
		return -EEXIST;
	return add(dictionary, id, hash, venue_id, name, name_length);
}

int dictionary_restore_source(struct dictionary *dictionary, uint16_t id, const char *venue,
	size_t venue_length, const char *name, size_t name_length)
{
	uint16_t found;

	if (id == 0 || venue_length > DICTIONARY_NAME_MAX || name_length > DICTIONARY_NAME_MAX)
		return -EINVAL;
	found = find_source(dictionary, venue, venue_length, name, name_length);
	if (found != 0)
		return found == id ? 0 : -EEXIST;
	if (source_of(dictionary, id) != NULL)
		return -EEXIST;
	return add_source(dictionary, id, venue, venue_length, name, name_length);
}

bool dictionary_must_name_instrument(struct dictionary *dictionary, uint32_t id, uint32_t serial)
{
	struct entry *entry = entry_of(dictionary, id);

	if (entry == NULL || entry->named_in == serial)
		return false;
	entry->named_in = serial;
	return true;
}

bool dictionary_must_name_source(struct dictionary *dictionary, uint16_t id, uint32_t serial)
{
	struct source *source = (struct source *)source_of(dictionary, id);

	if (source == NULL || source->named_in == serial)
		return false;
	source->named_in = serial;
	return true;
}
