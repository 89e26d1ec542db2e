/*
 * migrate_pg.h: migrations carried out on PostgreSQL, step by step over an open session: a step is
 * a job, its answer says what the next one is. Each migration is a transaction under an advisory
 * lock.
 *
 * Beside the migrations a folder may have `older/`, for a database in which another program has
 * tables of the same names (see schema/postgresql/older/names.sql), and `about/server.sql`, which
 * says in words what the database is.
 */
#ifndef CLIENT_MIGRATE_PG_H
#define CLIENT_MIGRATE_PG_H

#include "migrate.h"
#include "pg.h"

/** What to do with tables of our names that are not ours. */
enum migrate_older {
	OLDER_REFUSE, /* stop, naming them */
	OLDER_ADOPT,  /* put them aside, take over what the folder says */
	OLDER_RESTORE /* give them their names back; ours move away */
};

struct migrate_pg_setup {
	const char *folder;      /* copied, as all of it */
	const char *search_path; /* the schema to work in, made if need be; NULL or "": as it is */
	enum migrate_mode mode;
	enum migrate_older older;
};

struct migrate_pg;

/** Reads the files. As migrations_load, with `why`. */
int migrate_pg_create(
	const struct migrate_pg_setup *setup, struct buf *why, struct migrate_pg **out);
void migrate_pg_destroy(struct migrate_pg *migrate); /* takes NULL */

/** Puts the next step into `job`. False: nothing is left to do, all is well. */
bool migrate_pg_next(struct migrate_pg *migrate, struct fl_pg_job *job);

/**
 * Takes the answer to it.
 *
 * @param label   how to call the database in messages
 * @param report  gets a line for each migration, and for what is said of the database
 * @return 0: go on; -EEXIST: tables of our names are in the way; -EPROTO, -EINVAL: as
 * migration_plan; else as struct fl_result's error; the reason and the remedy in `why`
 */
int migrate_pg_take(struct migrate_pg *migrate, const struct fl_result *result, const char *label,
	struct buf *report, struct buf *why);

/** How many migrations the database lacked when it was looked at. */
size_t migrate_pg_pending(const struct migrate_pg *migrate);

#endif
