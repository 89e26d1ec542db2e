/* sink_ids.c: from the journal's ids and from names to the store's numbers. */
#include "sink_ids.h"
#include <feedloom/bytes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The dictionary holds a million names, a store that has seen several journals more. */
enum { JOURNAL_IDS_MAX = 4000000, KEY_BYTES = 192 };
/* More names than these are read from the store again: handing them over would stall the loop. */
enum { HANDED_OVER_MAX = 20000 };

struct ids_name {
	uint32_t hash, id; /* id 0: free */
	size_t text;
};

void ids_init(struct ids *ids)
{
	*ids = (struct ids){ .next = 1 };
}

void ids_finish(struct ids *ids)
{
	free(ids->of_journal);
	free(ids->names);
	free(ids->texts);
	free(ids->fresh);
	ids_init(ids);
}

void ids_clear(struct ids *ids)
{
	ids_finish(ids);
}

/* ---- names ---- */

static uint32_t hash_of(const char *text)
{
	uint32_t hash = 2166136261U;

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619U;
	return hash;
}

static void make_key(char key[KEY_BYTES], const char *exchange, const char *name)
{
	(void)snprintf(key, KEY_BYTES, "%s\n%s", exchange, name);
}

/* The place of a key, or the free place where it belongs. */
static struct ids_name *find(const struct ids *ids, const char *key, uint32_t hash)
{
	size_t at = hash & (ids->name_size - 1);

	while (ids->names[at].id != 0 &&
		(ids->names[at].hash != hash || strcmp(ids->texts + ids->names[at].text, key) != 0))
		at = (at + 1) & (ids->name_size - 1);
	return &ids->names[at];
}

static int grow_names(struct ids *ids)
{
	struct ids larger = *ids;

	if (ids->name_count * 2 < ids->name_size)
		return 0;
	larger.name_size = ids->name_size == 0 ? 1024 : ids->name_size * 2;
	larger.names = calloc(larger.name_size, sizeof(*larger.names));
	if (larger.names == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < ids->name_size; i++)
		if (ids->names[i].id != 0)
			*find(&larger, ids->texts + ids->names[i].text, ids->names[i].hash) = ids->names[i];
	free(ids->names);
	*ids = larger;
	return 0;
}

static int keep_text(struct ids *ids, const char *text, size_t *at)
{
	size_t length = strlen(text) + 1;

	if (ids->texts_length + length > ids->texts_size) {
		size_t size = ids->texts_size == 0 ? 32768 : ids->texts_size * 2;
		char *texts = realloc(ids->texts, size);

		if (texts == NULL)
			return -ENOMEM;
		ids->texts = texts;
		ids->texts_size = size;
	}
	memcpy(ids->texts + ids->texts_length, text, length);
	*at = ids->texts_length;
	ids->texts_length += length;
	return 0;
}

int ids_add(struct ids *ids, const char *exchange, const char *name, uint32_t id)
{
	char key[KEY_BYTES];
	struct ids_name *place;
	uint32_t hash;
	size_t text;

	if (id >= ids->next)
		ids->next = id + 1;
	make_key(key, exchange, name);
	if (grow_names(ids) != 0)
		return -ENOMEM;
	hash = hash_of(key);
	place = find(ids, key, hash);
	if (place->id != 0) {
		place->id = id;
		return 0;
	}
	if (keep_text(ids, key, &text) != 0)
		return -ENOMEM;
	*place = (struct ids_name){ .hash = hash, .id = id, .text = text };
	ids->name_count++;
	return 0;
}

static uint32_t by_name(const struct ids *ids, const char *exchange, const char *name)
{
	char key[KEY_BYTES];

	if (ids->name_count == 0)
		return 0;
	make_key(key, exchange, name);
	return find(ids, key, hash_of(key))->id;
}

/* ---- the journal's ids ---- */

static bool has_room(struct ids *ids, uint32_t instrument)
{
	size_t size = ids->of_journal_size == 0 ? 4096 : ids->of_journal_size;
	uint32_t *larger;

	if (instrument < ids->of_journal_size)
		return true;
	if (instrument >= JOURNAL_IDS_MAX)
		return false;
	while (size <= instrument)
		size *= 2;
	larger = realloc(ids->of_journal, size * sizeof(*larger));
	if (larger == NULL)
		return false;
	memset(larger + ids->of_journal_size, 0, (size - ids->of_journal_size) * sizeof(*larger));
	ids->of_journal = larger;
	ids->of_journal_size = size;
	return true;
}

static uint32_t give_out(struct ids *ids, uint32_t instrument)
{
	if (ids->fresh_count == ids->fresh_size) {
		size_t size = ids->fresh_size == 0 ? 256 : ids->fresh_size * 2;
		uint32_t *fresh = realloc(ids->fresh, size * sizeof(*fresh));

		if (fresh == NULL)
			return 0;
		ids->fresh = fresh;
		ids->fresh_size = size;
	}
	ids->fresh[ids->fresh_count++] = instrument;
	return ids->next++;
}

/* False: no instrument, or no memory. */
static bool look(struct ids *ids, const struct fl_ctx *ctx, uint32_t instrument, uint32_t *id)
{
	const char *name;

	*id = instrument < ids->of_journal_size ? ids->of_journal[instrument] : 0;
	if (*id != 0)
		return true;
	name = fl_instrument_name(ctx, instrument);
	if (name[0] == '\0' || !has_room(ids, instrument))
		return false;
	*id = by_name(ids, fl_instrument_venue(ctx, instrument), name);
	return true;
}

uint32_t ids_of(struct ids *ids, const struct fl_ctx *ctx, uint32_t instrument)
{
	uint32_t id;

	if (!look(ids, ctx, instrument, &id))
		return 0;
	if (id == 0)
		id = give_out(ids, instrument);
	ids->of_journal[instrument] = id;
	return id;
}

uint32_t ids_known(struct ids *ids, const struct fl_ctx *ctx, uint32_t instrument, bool *is_new)
{
	uint32_t id;

	*is_new = false;
	if (!look(ids, ctx, instrument, &id))
		return 0;
	*is_new = id == 0;
	ids->of_journal[instrument] = id;
	return id;
}

int ids_keep(struct ids *ids, const struct fl_ctx *ctx)
{
	int error = 0;

	for (size_t i = 0; i < ids->fresh_count && error == 0; i++) {
		uint32_t instrument = ids->fresh[i];

		error = ids_add(ids, fl_instrument_venue(ctx, instrument),
			fl_instrument_name(ctx, instrument), ids->of_journal[instrument]);
	}
	ids->fresh_count = 0;
	return error;
}

void ids_undo(struct ids *ids)
{
	for (size_t i = 0; i < ids->fresh_count; i++)
		ids->of_journal[ids->fresh[i]] = 0;
	ids->next -= (uint32_t)ids->fresh_count;
	ids->fresh_count = 0;
}

/* ---- reload ---- */

static const char names_key[] = "names";

bool ids_are_few(const struct ids *ids)
{
	return ids->name_count <= HANDED_OVER_MAX;
}

int ids_save(const struct ids *ids, struct fl_snapshot *to)
{
	struct fl_writer writer = { 0 };
	char exchange[KEY_BYTES];

	if (!ids_are_few(ids))
		return 0;
	for (size_t i = 0; i < ids->name_size; i++) {
		const char *key = ids->texts + ids->names[i].text;

		if (ids->names[i].id == 0)
			continue;
		(void)snprintf(exchange, sizeof(exchange), "%.*s", (int)strcspn(key, "\n"), key);
		fl_write_int(&writer, ids->names[i].id);
		fl_write_text(&writer, exchange);
		fl_write_text(&writer, key + strcspn(key, "\n") + 1);
	}
	return fl_writer_save(&writer, to, names_key);
}

int ids_restore(struct ids *ids, uint32_t version, const struct fl_snapshot *from, bool *are_there)
{
	struct fl_reader reader = fl_reader_open(from, names_key, version);
	char exchange[KEY_BYTES], name[KEY_BYTES];
	int error = 0;

	*are_there = reader.data != NULL;
	while (reader.left > 0 && error == 0) {
		uint32_t id = (uint32_t)fl_read_int(&reader);

		fl_read_text(&reader, exchange, sizeof(exchange));
		fl_read_text(&reader, name, sizeof(name));
		error = reader.is_broken ? -EINVAL : ids_add(ids, exchange, name, id);
	}
	return error;
}
