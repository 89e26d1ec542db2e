/*
 * dictionary.h: ids of instruments and sources. An id is good for the life of the process and of
 * the journal, which carries the dictionary: it is rebuilt from there at open.
 *
 * Names are compared by bytes. Texts returned live as long as the dictionary.
 */
#ifndef BUS_DICTIONARY_H
#define BUS_DICTIONARY_H

#include <feedloom/base.h>

enum {
	DICTIONARY_NAME_MAX = 63, /* bytes of a name or a venue */
	DICTIONARY_INSTRUMENT_MAX = 1000000,
	DICTIONARY_SOURCE_MAX = 65535
};

struct dictionary;

/** @param seed  random: makes what collides unpredictable */
struct dictionary *dictionary_create(uint64_t seed);    /* NULL: no memory */
void dictionary_destroy(struct dictionary *dictionary); /* takes NULL */

/** A venue's number, to be kept by the caller, so that a lookup compares one name only. 0: bad
 * name. */
uint16_t dictionary_venue(struct dictionary *dictionary, const char *venue);

/** As fl_instrument_id: gives an id out at first sight; 0: bad name, or the table is full. */
uint32_t dictionary_instrument(
	struct dictionary *dictionary, uint16_t venue, const char *name, size_t length);
/** The id of a name, 0 when it has none. */
uint32_t dictionary_find(
	const struct dictionary *dictionary, uint16_t venue, const char *name, size_t length);
/**
 * The id of a name, 0 when it has none, but by its hash alone: the entry, which tells whether it
 * is, is only on its way from memory.
 */
uint32_t dictionary_expect(
	const struct dictionary *dictionary, uint16_t venue, const char *name, size_t length);
/** "" for an id never given out. */
const char *dictionary_instrument_name(const struct dictionary *dictionary, uint32_t instrument);
const char *dictionary_instrument_venue(const struct dictionary *dictionary, uint32_t instrument);

/** A source's id: an instance and the venue its records are of. 0: bad name, or full. */
uint16_t dictionary_source(struct dictionary *dictionary, const char *name, const char *venue);
const char *dictionary_source_name(const struct dictionary *dictionary, uint16_t source);
const char *dictionary_source_venue(const struct dictionary *dictionary, uint16_t source);

/** Ids given out so far and the highest of them. */
uint32_t dictionary_instrument_count(const struct dictionary *dictionary);
uint32_t dictionary_instrument_top(const struct dictionary *dictionary);
/** Names asked for and refused since the start: bad ones, and those that found the table full. */
uint64_t dictionary_refused(const struct dictionary *dictionary);

/**
 * For recovery: what the journal says of an id. 0; -EEXIST: the id or the name is taken otherwise;
 * -EINVAL: a bad id or name; -ENOMEM.
 */
int dictionary_restore_instrument(struct dictionary *dictionary, uint32_t id, const char *venue,
	size_t venue_length, const char *name, size_t name_length);
int dictionary_restore_source(struct dictionary *dictionary, uint16_t id, const char *venue,
	size_t venue_length, const char *name, size_t name_length);

/**
 * For the journal: whether the segment with this serial has named the id already; and that it has
 * now. Serials begin at 1. False for id 0 and ids never given out, which need no naming.
 */
bool dictionary_must_name_instrument(struct dictionary *dictionary, uint32_t id, uint32_t serial);
bool dictionary_must_name_source(struct dictionary *dictionary, uint16_t id, uint32_t serial);

#endif
