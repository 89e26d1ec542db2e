/*
 * tally.h: two piles of rows, counted against each other by what is in them: which of the one are
 * in the other, and what is in the other only.
 */
#ifndef WORLD_TALLY_H
#define WORLD_TALLY_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally_entry {
	uint64_t hash; /* 0: free */
	uint32_t sent, stored;
	uint32_t taken, latest; /* for the caller */
};

struct tally {
	struct tally_entry *entries;
	size_t count, size;
};

/** What an instrument_id of a store is called, as a hash. */
struct tally_names {
	uint64_t *of_id;
	size_t count;
};

void tally_finish(struct tally *tally);
void tally_sent(struct tally *tally, uint64_t hash);
/** False: there are more of it now than were sent. */
bool tally_stored(struct tally *tally, uint64_t hash);
/** How many there are of it; NULL: none were ever told of. */
struct tally_entry *tally_find(const struct tally *tally, uint64_t hash);

void tally_names_finish(struct tally_names *names);
void tally_names_add(struct tally_names *names, int64_t id, const char *name);

/**
 * Of the row's columns from `first` on. The first of them is an instrument: its name, or the id
 * that `names` knows. Numbers are alike when they are equal, as for SQLite's IS.
 */
uint64_t tally_hash(sqlite3_stmt *row, int first, const struct tally_names *names);

#endif
