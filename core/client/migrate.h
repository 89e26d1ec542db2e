/*
 * migrate.h: the numbered files of schema/NAME, applied in order, each once, with their checksums
 * kept.
 *
 * The planning is pure and the same for every database; migrate_sqlite.h carries it out for SQLite.
 */
#ifndef CLIENT_MIGRATE_H
#define CLIENT_MIGRATE_H

#include "buf.h"

/** A file NNNN_words.sql. */
struct migration {
	int version; /* NNNN, from 1 */
	char *file;  /* its name in the folder, "0001_tables.sql" */
	char *sql;
	size_t length;
	char checksum[65]; /* SHA-256, hex */
};

/** Files in the order of their versions; without holes. */
struct migrations {
	struct migration *items;
	size_t count;
};

/** A row of feedloom_migration. */
struct migration_applied {
	int version;
	char name[128];
	char checksum[65];
};

/**
 * Reads a schema folder. Files that do not end in .sql are passed over.
 * @return 0; -ENOENT: no folder, no file; -EINVAL: a bad name, a version twice or left out;
 * -ENOMEM, -EFBIG, -EIO; the reason in `why`
 */
int migrations_load(const char *folder, struct migrations *out, struct buf *why);
void migrations_finish(struct migrations *migrations);

/**
 * What is to be done: files[*next] onwards are to be applied (`*next` == count: nothing). Pure.
 *
 * @param applied  in the order of versions
 * @param label    how to call the database in messages: its path
 * @return 0; -EPROTO: the database is newer than these files; -EINVAL: an applied file has changed
 * or is not there; the reason and the remedy in `why`
 */
int migration_plan(const struct migrations *files, const struct migration_applied *applied,
	size_t count, const char *label, size_t *next, struct buf *why);

enum migrate_mode {
	MIGRATE_APPLY,
	MIGRATE_DRY_RUN, /* says what would be applied */
	MIGRATE_STATUS   /* says every version: applied when, or pending */
};

/**
 * For `feedloom migrate`: blocks. Opens (creates only in MIGRATE_APPLY) and closes the database
 * itself.
 *
 * @param report  gets a line for each migration
 * @param pending how many were not applied before; may be NULL
 * @return 0 or as struct fl_result's error, with the reason in `why`
 */
int migrate_sqlite(const char *path, const char *folder, enum migrate_mode mode, struct buf *report,
	size_t *pending, struct buf *why);

#endif
