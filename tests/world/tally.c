/* tally.c: rows as 64-bit hashes in an open table. A million rows collide once in 37 million runs.
 */
#include "tally.h"

#include <stdlib.h>
#include <string.h>

/* -- the table ------------------------------------------------------------------------ */

static struct tally_entry *find(const struct tally *tally, uint64_t hash)
{
	size_t at = hash & (tally->size - 1);

	while (tally->entries[at].hash != 0 && tally->entries[at].hash != hash)
		at = (at + 1) & (tally->size - 1);
	return &tally->entries[at];
}

static void grow(struct tally *tally)
{
	struct tally larger = { .size = tally->size == 0 ? 4096 : tally->size * 4 };

	larger.entries = calloc(larger.size, sizeof(*larger.entries));
	if (larger.entries == NULL)
		abort();
	for (size_t i = 0; i < tally->size; i++)
		if (tally->entries[i].hash != 0)
			*find(&larger, tally->entries[i].hash) = tally->entries[i];
	larger.count = tally->count;
	free(tally->entries);
	*tally = larger;
}

static struct tally_entry *entry_of(struct tally *tally, uint64_t hash)
{
	struct tally_entry *entry;

	if (tally->count * 2 >= tally->size)
		grow(tally);
	entry = find(tally, hash);
	if (entry->hash == 0) {
		entry->hash = hash;
		tally->count++;
	}
	return entry;
}

void tally_finish(struct tally *tally)
{
	free(tally->entries);
	*tally = (struct tally){ 0 };
}

void tally_sent(struct tally *tally, uint64_t hash)
{
	entry_of(tally, hash)->sent++;
}

bool tally_stored(struct tally *tally, uint64_t hash)
{
	struct tally_entry *entry = entry_of(tally, hash);

	return ++entry->stored <= entry->sent;
}

struct tally_entry *tally_find(const struct tally *tally, uint64_t hash)
{
	struct tally_entry *entry = tally->size == 0 ? NULL : find(tally, hash);

	return entry == NULL || entry->hash == 0 ? NULL : entry;
}

/* -- rows ----------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

static uint64_t mix_text(uint64_t hash, const char *text, size_t length)
{
	uint64_t word;

	hash = mix(hash, length + 1);
	for (; length >= sizeof(word); text += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		hash = mix(hash, word);
	}
	word = 0;
	if (length > 0)
		memcpy(&word, text, length);
	return mix(hash, word);
}

static uint64_t mix_number(uint64_t hash, double number)
{
	uint64_t word;

	if (number == 0)
		number = 0; /* as zero without a sign */
	memcpy(&word, &number, sizeof(word));
	return mix(hash, word);
}

static uint64_t mix_column(uint64_t hash, sqlite3_stmt *row, int column)
{
	switch (sqlite3_column_type(row, column)) {
	case SQLITE_NULL: return mix(hash, UINT64_C(0x6e756c6c));
	case SQLITE_TEXT:
		return mix_text(hash, (const char *)sqlite3_column_text(row, column),
			(size_t)sqlite3_column_bytes(row, column));
	default: return mix_number(hash, sqlite3_column_double(row, column));
	}
}

static uint64_t hash_name(const char *name)
{
	return mix_text(1, name, strlen(name));
}

void tally_names_finish(struct tally_names *names)
{
	free(names->of_id);
	*names = (struct tally_names){ 0 };
}

void tally_names_add(struct tally_names *names, int64_t id, const char *name)
{
	size_t count = (size_t)id + 1;

	if (count > names->count) {
		names->of_id = realloc(names->of_id, count * sizeof(*names->of_id));
		if (names->of_id == NULL)
			abort();
		memset(names->of_id + names->count, 0, (count - names->count) * sizeof(*names->of_id));
		names->count = count;
	}
	names->of_id[id] = hash_name(name);
}

static uint64_t instrument(sqlite3_stmt *row, int column, const struct tally_names *names)
{
	const char *name;
	int64_t id;

	if (sqlite3_column_type(row, column) != SQLITE_INTEGER) {
		name = (const char *)sqlite3_column_text(row, column);
		return hash_name(name == NULL ? "" : name);
	}
	id = sqlite3_column_int64(row, column);
	return id >= 0 && (size_t)id < names->count ? names->of_id[id] : 0;
}

uint64_t tally_hash(sqlite3_stmt *row, int first, const struct tally_names *names)
{
	uint64_t hash = instrument(row, first, names);
	int count = sqlite3_column_count(row);

	for (int column = first + 1; column < count; column++)
		hash = mix_column(hash, row, column);
	return hash == 0 ? 1 : hash;
}
