/* migrate.c: the files of a schema folder, and what is to be done with them. */
#include "migrate.h"
#include "error.h"
#include "file.h"
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 20, MAX_FILES = 9999, DIGITS = 4 };

/* ---- files ---- */

struct loading {
	const char *folder;
	struct migrations *out;
	struct buf *why;
};

static bool is_sql(const char *name)
{
	size_t length = strlen(name);

	return length > 4 && strcmp(name + length - 4, ".sql") == 0;
}

/* NNNN of NNNN_words.sql; 0: not such a name. */
static int version_of(const char *name)
{
	size_t words = strspn(name + (strlen(name) > DIGITS ? DIGITS : 0),
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	if (strspn(name, "0123456789") != DIGITS || name[DIGITS] != '_' || words < 2 ||
		strcmp(name + DIGITS + words, ".sql") != 0 || strlen(name) > 100)
		return 0;
	return atoi(name);
}

static int checksum(const char *bytes, size_t length, char out[65])
{
	unsigned char hash[32];

	if (mbedtls_sha256((const unsigned char *)bytes, length, hash, 0) != 0)
		return -EIO;
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
	return 0;
}

static int load_one(struct loading *loading, const char *name, int version)
{
	struct migration *migration = &loading->out->items[loading->out->count];
	char path[4096];
	int error;

	snprintf(path, sizeof(path), "%s/%s", loading->folder, name);
	*migration = (struct migration){ .version = version, .file = strdup(name) };
	error = migration->file == NULL
		? -ENOMEM
		: file_load(path, MAX_FILE_BYTES, &migration->sql, &migration->length);
	if (error == 0)
		error = checksum(migration->sql, migration->length, migration->checksum);
	loading->out->count++; /* migrations_finish frees it, whole or not */
	if (error != 0)
		buf_printf(loading->why, "%s: %s", path,
			error == -EFBIG ? "larger than 1 MiB" : error_text(error));
	return error;
}

static int on_name(void *data, const char *name)
{
	struct loading *loading = data;
	struct migrations *out = loading->out;
	int version, expected = (int)out->count + 1;
	struct migration *items;

	if (!is_sql(name) || name[0] == '.')
		return 0;
	version = version_of(name);
	if (version != expected) {
		/* Names come sorted, so a hole or a repetition shows here. */
		buf_printf(loading->why,
			version == 0 ? "%s/%s: a migration is named NNNN_words.sql"
						 : "%s/%s: its number should be %04d; each comes once, without a hole",
			loading->folder, name, expected);
		return -EINVAL;
	}
	items = realloc(out->items, (out->count + 1) * sizeof(*items));
	if (items == NULL) {
		buf_text(loading->why, error_text(-ENOMEM));
		return -ENOMEM;
	}
	out->items = items;
	return load_one(loading, name, version);
}

int migrations_load(const char *folder, struct migrations *out, struct buf *why)
{
	struct loading loading = { .folder = folder, .out = out, .why = why };
	int error;

	*out = (struct migrations){ 0 };
	error = file_list(folder, on_name, &loading);
	if (error == 0 && out->count == 0)
		error = -ENOENT;
	if (error != 0 && buf_length(why) == 0)
		buf_printf(why, "%s: %s; the schema's files are installed with feedloom", folder,
			error == -ENOENT ? "no migrations there" : error_text(error));
	if (error != 0)
		migrations_finish(out);
	return error;
}

void migrations_finish(struct migrations *migrations)
{
	for (size_t i = 0; i < migrations->count; i++) {
		free(migrations->items[i].file);
		free(migrations->items[i].sql);
	}
	free(migrations->items);
	*migrations = (struct migrations){ 0 };
}

/* ---- what to do ---- */

static int plan_one(const struct migrations *files, const struct migration_applied *applied,
	size_t i, const char *label, struct buf *why)
{
	const struct migration *file = &files->items[i];

	if (applied->version != file->version) {
		buf_printf(why,
			"%s: schema %d was never applied, but %d was; restore a backup, or use another "
			"database",
			label, file->version, applied->version);
		return -EINVAL;
	}
	if (strcmp(applied->checksum, file->checksum) != 0) {
		buf_printf(why,
			"%s: %s has changed since it was applied; put back what it was, and write "
			"the change as a new file",
			label, file->file);
		return -EINVAL;
	}
	return 0;
}

int migration_plan(const struct migrations *files, const struct migration_applied *applied,
	size_t count, const char *label, size_t *next, struct buf *why)
{
	int newest = count == 0 ? 0 : applied[count - 1].version;
	int ours = files->count == 0 ? 0 : files->items[files->count - 1].version;

	*next = 0;
	if (newest > ours) {
		buf_printf(why,
			"%s: schema %d is newer than this program knows (%d): upgrade feedloom, or "
			"use another database",
			label, newest, ours);
		return -EPROTO;
	}
	for (size_t i = 0; i < count && i < files->count; i++) {
		int error = plan_one(files, &applied[i], i, label, why);

		if (error != 0)
			return error;
	}
	*next = count;
	return 0;
}
