/*
 * migrate_pg.c: the steps of bringing a PostgreSQL database up to date.
 *
 *     look > (make the schema) > read what is applied > (find what is in the way) > apply, one by
 * one > about > adopt, all at once > restore
 */
#include "migrate_pg.h"
#include "error.h"
#include "file.h"
#include "result.h"
#include <feedloom/kit.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_FILE_BYTES = 1 << 20,
	MAX_APPLIED = 10000,
	MAX_LOOKS = 100 /* others may be at work on the same database */
};

enum step { LOOK, MAKE_SCHEMA, READ, FIND, APPLY, ADOPT, RESTORE, ABOUT, DONE };

/* Files beside the migrations; an absent one is NULL. */
enum script { NAMES, FIND_OLDER, RENAME, TAKE_OVER, RESTORE_OLDER, SERVER, SCRIPTS };

static const char *const script_files[SCRIPTS] = { "older/names.sql", "older/find.sql",
	"older/rename.sql", "older/take_over.sql", "older/restore.sql", "about/server.sql" };

struct migrate_pg {
	struct migrate_pg_setup setup;
	char *search_path;
	struct migrations files;
	char *scripts[SCRIPTS];
	enum step step;
	int looks;
	size_t next; /* of the files, to be applied */
	size_t pending;
	bool is_looked_at, has_table, is_to_adopt;
};

/* ---- files ---- */

static int load_scripts(struct migrate_pg *migrate, const char *folder, struct buf *why)
{
	for (int i = 0; i < SCRIPTS; i++) {
		char path[4400];
		size_t length;
		int error;

		(void)snprintf(path, sizeof(path), "%s/%s", folder, script_files[i]);
		error = file_load(path, MAX_FILE_BYTES, &migrate->scripts[i], &length);
		if (error == 0 || error == -ENOENT)
			continue;
		(void)buf_printf(why, "%s: %s", path, error_text(error));
		return error;
	}
	return 0;
}

int migrate_pg_create(
	const struct migrate_pg_setup *setup, struct buf *why, struct migrate_pg **out)
{
	struct migrate_pg *migrate = calloc(1, sizeof(*migrate));
	int error;

	if (migrate == NULL)
		return -ENOMEM;
	migrate->setup = *setup;
	migrate->search_path = strdup(setup->search_path == NULL ? "" : setup->search_path);
	error = migrate->search_path == NULL ? -ENOMEM
										 : migrations_load(setup->folder, &migrate->files, why);
	if (error == 0)
		error = load_scripts(migrate, setup->folder, why);
	if (error == 0)
		*out = migrate;
	else
		migrate_pg_destroy(migrate);
	return error;
}

void migrate_pg_destroy(struct migrate_pg *migrate)
{
	if (migrate == NULL)
		return;
	migrations_finish(&migrate->files);
	for (int i = 0; i < SCRIPTS; i++)
		free(migrate->scripts[i]);
	free(migrate->search_path);
	free(migrate);
}

size_t migrate_pg_pending(const struct migrate_pg *migrate)
{
	return migrate->pending;
}

/* ---- what a step asks ---- */

#define HAS_TABLE "to_regclass(quote_ident(current_schema()) || '.feedloom_migration') IS NOT NULL"

/* Without a schema that is there, current_schema() is null, and so is what is looked for in it. */
static void put_look(struct fl_pg_job *job)
{
	pg_job_statement(job, "SELECT current_schema() IS NOT NULL, " HAS_TABLE, FL_SQL_ROWS);
}

static void put_quoted_name(struct fl_pg_job *job, const char *name)
{
	char text[2 * 64 + 3];
	size_t length = 0;

	text[length++] = '"';
	for (; *name != '\0' && length + 3 < sizeof(text); name++) {
		if (*name == '"')
			text[length++] = '"';
		text[length++] = *name;
	}
	text[length++] = '"';
	text[length] = '\0';
	pg_job_sql(job, text);
}

static void put_begin(struct fl_pg_job *job)
{
	pg_job_statement(job, "BEGIN", 0);
	/* As long as it takes, but for the locks of others. */
	pg_job_statement(job, "SET LOCAL statement_timeout = 0", 0);
	pg_job_statement(
		job, "SELECT pg_advisory_xact_lock(hashtext('feedloom'), hashtext(current_schema()))", 0);
}

static void put_table(struct fl_pg_job *job)
{
	pg_job_statement(job,
		"CREATE TABLE IF NOT EXISTS feedloom_migration (version integer PRIMARY KEY, "
		"name text NOT NULL, checksum text NOT NULL, "
		"applied_at timestamptz NOT NULL DEFAULT now())",
		0);
	pg_job_statement(
		job, "COMMENT ON TABLE feedloom_migration IS 'The migrations applied here, each once'", 0);
	pg_job_statement(
		job, "COMMENT ON COLUMN feedloom_migration.version IS 'NNNN of the file''s name'", 0);
	pg_job_statement(job, "COMMENT ON COLUMN feedloom_migration.name IS 'the file'", 0);
	pg_job_statement(
		job, "COMMENT ON COLUMN feedloom_migration.checksum IS 'SHA-256 of its bytes, hex'", 0);
	pg_job_statement(job, "COMMENT ON COLUMN feedloom_migration.applied_at IS 'time'", 0);
}

/* Fails when another process was faster. */
static void put_guard(struct fl_pg_job *job, size_t applied)
{
	pg_job_statement(job, "SELECT 1 / (CASE WHEN count(*) = ", FL_SQL_MUST_CHANGE);
	pg_job_sql_int(job, (int64_t)applied);
	pg_job_sql(job, " THEN 1 ELSE 0 END) FROM feedloom_migration");
}

/*
 * Many statements as one of the job's. EXECUTE permits neither COMMIT nor ROLLBACK, so a file
 * cannot leave its transaction.
 */
static void put_text(struct fl_pg_job *job, const char *name, const char *sql)
{
	pg_job_statement(job, "/* ", 0); /* an error shows how the statement begins */
	pg_job_sql(job, name);
	pg_job_sql(job, " */ DO $feedloom_do$ BEGIN EXECUTE $feedloom_file$");
	pg_job_sql(job, sql);
	pg_job_sql(job, "$feedloom_file$; END $feedloom_do$");
}

static void put_script(const struct migrate_pg *migrate, struct fl_pg_job *job, enum script script)
{
	put_text(job, script_files[script], migrate->scripts[script]);
}

static void put_file(struct fl_pg_job *job, const struct migration *file)
{
	put_text(job, file->file, file->sql);
	pg_job_statement(job, "INSERT INTO feedloom_migration (version, name, checksum) VALUES (", 0);
	pg_job_sql_int(job, file->version);
	pg_job_sql(job, ", ");
	pg_job_sql_text(job, file->file, strlen(file->file));
	pg_job_sql(job, ", ");
	pg_job_sql_text(job, file->checksum, strlen(file->checksum));
	pg_job_sql(job, ")");
}

/* Nobody else at work, nor since it was looked: tables that are just being made are no older ones.
 */
static void put_find(const struct migrate_pg *migrate, struct fl_pg_job *job)
{
	put_begin(job);
	pg_job_statement(job, "SELECT 1 / (CASE WHEN (" HAS_TABLE ") = ", FL_SQL_MUST_CHANGE);
	pg_job_sql(job, migrate->has_table ? "true" : "false");
	pg_job_sql(job, " THEN 1 ELSE 0 END)");
	put_script(migrate, job, NAMES);
	pg_job_statement(job, migrate->scripts[FIND_OLDER], FL_SQL_ROWS);
	pg_job_statement(job, "\nROLLBACK", 0);
}

static void put_adopt(const struct migrate_pg *migrate, struct fl_pg_job *job)
{
	put_begin(job);
	put_table(job);
	put_guard(job, 0);
	put_script(migrate, job, NAMES);
	put_script(migrate, job, RENAME);
	for (size_t i = 0; i < migrate->files.count; i++)
		put_file(job, &migrate->files.items[i]);
	put_script(migrate, job, TAKE_OVER);
	pg_job_statement(job, "COMMIT", 0);
}

bool migrate_pg_next(struct migrate_pg *migrate, struct fl_pg_job *job)
{
	switch (migrate->step) {
	case LOOK: put_look(job); break;
	case MAKE_SCHEMA:
		pg_job_statement(job, "CREATE SCHEMA IF NOT EXISTS ", 0);
		put_quoted_name(job, migrate->search_path);
		break;
	case READ:
		pg_job_statement(job,
			"SELECT version, name, checksum, (extract(epoch FROM applied_at) * 1000000)::bigint "
			"FROM feedloom_migration ORDER BY version",
			FL_SQL_ROWS);
		break;
	case FIND: put_find(migrate, job); break;
	case APPLY:
		put_begin(job);
		put_table(job);
		put_guard(job, migrate->next);
		put_file(job, &migrate->files.items[migrate->next]);
		pg_job_statement(job, "COMMIT", 0);
		break;
	case ADOPT: put_adopt(migrate, job); break;
	case RESTORE:
		put_begin(job);
		put_script(migrate, job, NAMES);
		put_script(migrate, job, RESTORE_OLDER);
		pg_job_statement(job, "COMMIT", 0);
		break;
	case ABOUT: pg_job_statement(job, migrate->scripts[SERVER], FL_SQL_ROWS); break;
	case DONE: return false;
	}
	return true;
}

/* ---- what its answer says ---- */

static void report_pending(struct migrate_pg *migrate, struct buf *report)
{
	bool is_dry = migrate->setup.mode == MIGRATE_DRY_RUN;

	for (size_t i = migrate->next; i < migrate->files.count; i++)
		(void)buf_printf(report, "%s: %s\n", migrate->files.items[i].file,
			is_dry ? "would be applied" : "pending");
}

/* What is applied is known: `next` says how far. */
static void go_on(struct migrate_pg *migrate, struct buf *report)
{
	bool is_whole = migrate->next == migrate->files.count;

	if (!migrate->is_looked_at)
		migrate->pending = migrate->files.count - migrate->next;
	migrate->is_looked_at = true;
	if (migrate->setup.mode != MIGRATE_APPLY) {
		report_pending(migrate, report);
		migrate->step = is_whole && migrate->scripts[SERVER] != NULL ? ABOUT : DONE;
	} else if (!is_whole) {
		migrate->step = migrate->is_to_adopt ? ADOPT : APPLY;
	} else {
		migrate->step = migrate->scripts[SERVER] != NULL ? ABOUT : DONE;
	}
}

/* Nothing of ours is there yet. */
static void begin_empty(struct migrate_pg *migrate, struct buf *report)
{
	migrate->next = 0;
	if (migrate->scripts[NAMES] != NULL && migrate->scripts[FIND_OLDER] != NULL)
		migrate->step = FIND;
	else
		go_on(migrate, report);
}

static int on_look(struct migrate_pg *migrate, const struct fl_result *result, const char *label,
	struct buf *report, struct buf *why)
{
	const char *has_schema = result_text(result, 0, 0), *has_table = result_text(result, 0, 1);
	bool is_there = has_schema != NULL && has_schema[0] == 't';

	migrate->has_table = has_table != NULL && has_table[0] == 't';
	if (migrate->setup.older == OLDER_RESTORE && !migrate->has_table) {
		(void)buf_printf(why, "%s: nothing was adopted here", label);
		return -EINVAL;
	}
	if (!is_there && migrate->search_path[0] == '\0') {
		(void)buf_printf(
			why, "%s: its search_path names no schema that is there; say `schema`", label);
		return -EINVAL;
	}
	if (migrate->has_table)
		migrate->step = migrate->setup.older == OLDER_RESTORE ? RESTORE : READ;
	else if (is_there)
		begin_empty(migrate, report);
	else if (migrate->setup.mode == MIGRATE_APPLY)
		migrate->step = MAKE_SCHEMA;
	else
		go_on(migrate, report);
	return 0;
}

static bool read_row(const struct fl_result *result, size_t row, struct migration_applied *out)
{
	const char *name = result_text(result, row, 1), *checksum = result_text(result, row, 2);

	if (name == NULL || checksum == NULL)
		return false;
	out->version = (int)result_int(result, row, 0);
	(void)snprintf(out->name, sizeof(out->name), "%s", name);
	(void)snprintf(out->checksum, sizeof(out->checksum), "%s", checksum);
	return true;
}

static int on_read(struct migrate_pg *migrate, const struct fl_result *result, const char *label,
	struct buf *report, struct buf *why)
{
	size_t count = result->row_count > MAX_APPLIED ? MAX_APPLIED : result->row_count;
	struct migration_applied *applied = calloc(count + 1, sizeof(*applied));
	int error = applied == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < count && error == 0; i++) {
		char time[40];

		if (!read_row(result, i, &applied[i]))
			error = -EINVAL;
		(void)fl_time_print(time, result_int(result, i, 3) * FL_US, 0);
		if (error == 0 && migrate->setup.mode == MIGRATE_STATUS && !migrate->is_looked_at)
			(void)buf_printf(report, "%s: applied %s\n", applied[i].name, time);
	}
	if (error == 0)
		error = migration_plan(&migrate->files, applied, count, label, &migrate->next, why);
	free(applied);
	if (error == 0 && migrate->setup.older == OLDER_ADOPT && count > 0 && !migrate->is_looked_at)
		(void)buf_printf(report, "nothing to adopt: the tables are feedloom's own\n");
	if (error == 0 && count == 0)
		begin_empty(migrate, report);
	else if (error == 0)
		go_on(migrate, report);
	return error;
}

static void name_older(const struct fl_result *result, const char *label, struct buf *why)
{
	(void)buf_printf(why, "%s: tables that are not feedloom's have its names: ", label);
	for (size_t i = 0; i < result->row_count; i++)
		(void)buf_printf(why, "%s%s", i == 0 ? "" : ", ", result_text(result, i, 0));
	(void)buf_text(why,
		"; `feedloom migrate --adopt` takes them over (with --dry-run it says how), `schema: "
		"feedloom` in the sink's options keeps apart");
}

static int on_found(struct migrate_pg *migrate, const struct fl_result *result, const char *label,
	struct buf *report, struct buf *why)
{
	if (result->row_count > 0 && migrate->setup.older != OLDER_ADOPT) {
		name_older(result, label, why);
		return -EEXIST;
	}
	migrate->is_to_adopt = result->row_count > 0;
	for (size_t i = 0; i < result->row_count && !migrate->is_looked_at; i++)
		(void)buf_printf(report, "%s: %s\n", result_text(result, i, 0), result_text(result, i, 1));
	go_on(migrate, report);
	return 0;
}

static void report_applied(struct migrate_pg *migrate, size_t count, struct buf *report)
{
	for (; count > 0; count--)
		(void)buf_printf(report, "%s: applied\n", migrate->files.items[migrate->next++].file);
	go_on(migrate, report);
}

static int on_error(
	struct migrate_pg *migrate, const struct fl_result *result, const char *label, struct buf *why)
{
	bool is_applying = migrate->step == APPLY;

	/* Another process was faster: see what is left. */
	if (result->error == -ESTALE && ++migrate->looks < MAX_LOOKS) {
		migrate->step = LOOK;
		return 0;
	}
	(void)buf_printf(why, "%s: %s%s%s", label,
		is_applying ? migrate->files.items[migrate->next].file : "", is_applying ? ": " : "",
		result->detail);
	return result->error;
}

int migrate_pg_take(struct migrate_pg *migrate, const struct fl_result *result, const char *label,
	struct buf *report, struct buf *why)
{
	if (result->error != 0)
		return on_error(migrate, result, label, why);
	switch (migrate->step) {
	case LOOK: return on_look(migrate, result, label, report, why);
	case MAKE_SCHEMA: begin_empty(migrate, report); break;
	case READ: return on_read(migrate, result, label, report, why);
	case FIND: return on_found(migrate, result, label, report, why);
	case APPLY: report_applied(migrate, 1, report); break;
	case ADOPT: report_applied(migrate, migrate->files.count, report); break;
	case RESTORE:
		(void)buf_text(report, "the older tables have their names back\n");
		migrate->step = DONE;
		break;
	case ABOUT:
		if (result_text(result, 0, 0) != NULL)
			(void)buf_printf(report, "%s\n", result_text(result, 0, 0));
		migrate->step = DONE;
		break;
	case DONE: break;
	}
	return 0;
}
