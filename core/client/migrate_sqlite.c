/* migrate_sqlite.c: migrations carried out on SQLite, each in its own transaction. */
#include "file.h"
#include "migrate.h"
#include "sqlite_session.h"
#include <feedloom/kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_APPLIED = 10000 };

struct applied {
	struct migration_applied *items;
	int64_t *times_us;
	size_t count;
};

static int fail(struct session *session, int code, const char *what, struct buf *why)
{
	int error = session_error(session->db, code);

	buf_printf(why, "%s: %s%s%s", session->setup->path, what, what[0] == '\0' ? "" : ": ",
		sqlite3_errmsg(session->db));
	return error;
}

static int execute(struct session *session, const char *sql, const char *what, struct buf *why)
{
	int code = sqlite3_exec(session->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : fail(session, code, what, why);
}

/* ---- what has been applied ---- */

static void applied_finish(struct applied *applied)
{
	free(applied->items);
	free(applied->times_us);
	*applied = (struct applied){ 0 };
}

static bool add_applied(struct applied *applied, sqlite3_stmt *handle)
{
	size_t size = applied->count + 1;
	struct migration_applied *items = realloc(applied->items, size * sizeof(*items));
	int64_t *times = items == NULL ? NULL : realloc(applied->times_us, size * sizeof(*times));
	const char *name = (const char *)sqlite3_column_text(handle, 1);
	const char *checksum = (const char *)sqlite3_column_text(handle, 2);

	if (items != NULL)
		applied->items = items;
	if (times == NULL)
		return false;
	applied->times_us = times;
	items[applied->count].version = sqlite3_column_int(handle, 0);
	snprintf(items[applied->count].name, sizeof(items->name), "%s", name == NULL ? "" : name);
	snprintf(items[applied->count].checksum, sizeof(items->checksum), "%s",
		checksum == NULL ? "" : checksum);
	times[applied->count] = sqlite3_column_int64(handle, 3);
	applied->count++;
	return true;
}

/* None, where there is no table yet. */
static int read_applied(struct session *session, struct applied *out, struct buf *why)
{
	sqlite3_stmt *handle = NULL;
	int code = sqlite3_prepare_v2(session->db,
		"SELECT version, name, checksum, applied_at FROM feedloom_migration ORDER BY version", -1,
		&handle, NULL);
	int error = 0;

	*out = (struct applied){ 0 };
	if (code != SQLITE_OK && session_error(session->db, code) == -ENOENT)
		return 0;
	while (code == SQLITE_OK && error == 0) {
		int step = sqlite3_step(handle);

		if (step == SQLITE_DONE)
			break;
		if (step != SQLITE_ROW)
			code = step;
		else if (out->count == MAX_APPLIED || !add_applied(out, handle))
			error = -ENOMEM;
	}
	if (code != SQLITE_OK)
		error = fail(session, code, "", why);
	else if (error != 0)
		buf_printf(why, "%s: out of memory", session->setup->path);
	sqlite3_finalize(handle);
	if (error != 0)
		applied_finish(out);
	return error;
}

/* ---- applying ---- */

static int note(
	struct session *session, const struct migration *file, int64_t now_ns, struct buf *why)
{
	sqlite3_stmt *handle = NULL;
	int code = sqlite3_prepare_v2(session->db,
		"INSERT INTO feedloom_migration(version, name, checksum, applied_at) VALUES(?,?,?,?)", -1,
		&handle, NULL);

	if (code == SQLITE_OK) {
		sqlite3_bind_int(handle, 1, file->version);
		sqlite3_bind_text(handle, 2, file->file, -1, SQLITE_STATIC);
		sqlite3_bind_text(handle, 3, file->checksum, -1, SQLITE_STATIC);
		sqlite3_bind_int64(handle, 4, now_ns / FL_US);
		code = sqlite3_step(handle);
	}
	sqlite3_finalize(handle);
	return code == SQLITE_DONE ? 0 : fail(session, code, file->file, why);
}

static int apply(
	struct session *session, const struct migration *file, int64_t now_ns, struct buf *why)
{
	int error = execute(session, file->sql, file->file, why);

	if (error == 0 && sqlite3_get_autocommit(session->db)) {
		buf_printf(why, "%s: must not begin or end a transaction itself", file->file);
		error = -EINVAL;
	}
	return error != 0 ? error : note(session, file, now_ns, why);
}

static const char table_sql[] = "CREATE TABLE IF NOT EXISTS feedloom_migration("
								"version INTEGER PRIMARY KEY, " /* NNNN of the file's name */
								"name TEXT NOT NULL, "          /* the file */
								"checksum TEXT NOT NULL, "      /* SHA-256 of its bytes, hex */
								"applied_at INTEGER NOT NULL)"; /* microseconds since 1970, UTC */

/* What is left to do, as the database says now. */
static int plan(
	struct session *session, const struct migrations *files, size_t *next, struct buf *why)
{
	struct applied applied;
	int error = read_applied(session, &applied, why);

	if (error != 0)
		return error;
	error = migration_plan(files, applied.items, applied.count, session->setup->path, next, why);
	applied_finish(&applied);
	return error;
}

/* One migration under the write lock, so that two processes cannot both apply it. `*next`: what is
 * done. */
static int apply_next(struct session *session, const struct migrations *files, int64_t now_ns,
	size_t *next, struct buf *why)
{
	int error = execute(session, "BEGIN IMMEDIATE", "", why);

	if (error == 0)
		error = execute(session, table_sql, "", why);
	if (error == 0)
		error = plan(session, files, next, why);
	if (error == 0 && *next < files->count)
		error = apply(session, &files->items[*next], now_ns, why);
	if (error == 0)
		error = execute(session, "COMMIT", "", why);
	if (!sqlite3_get_autocommit(session->db))
		sqlite3_exec(session->db, "ROLLBACK", NULL, NULL, NULL);
	return error;
}

static int apply_all(struct session *session, const struct migrations *files, int64_t now_ns,
	struct buf *report, struct buf *why)
{
	size_t next;
	int error = plan(session, files, &next, why);

	while (error == 0 && next < files->count) {
		error = apply_next(session, files, now_ns, &next, why);
		if (error == 0 && next < files->count && report != NULL)
			buf_printf(report, "%s: applied\n", files->items[next].file);
	}
	return error;
}

int session_migrate(struct session *session, const char *folder, int64_t now_ns, struct buf *why)
{
	struct migrations files;
	size_t next;
	int error = migrations_load(folder, &files, why);

	if (error != 0)
		return error == -ENOENT || error == -EFBIG ? -EINVAL : error;
	if (!session->setup->read_only) {
		error = apply_all(session, &files, now_ns, NULL, why);
	} else {
		error = plan(session, &files, &next, why);
		if (error == 0 && next < files.count) {
			buf_printf(why, "%s: its schema is %zu and must be %zu; run feedloom migrate",
				session->setup->path, next, files.count);
			error = -EROFS;
		}
	}
	migrations_finish(&files);
	return error;
}

/* ---- feedloom migrate ---- */

static void report_pending(
	const struct migrations *files, size_t next, enum migrate_mode mode, struct buf *report)
{
	for (; next < files->count; next++)
		buf_printf(report, "%s: %s\n", files->items[next].file,
			mode == MIGRATE_DRY_RUN ? "would be applied" : "pending");
}

static int report_open(struct session *session, const struct migrations *files,
	enum migrate_mode mode, struct buf *report, size_t *pending, struct buf *why)
{
	struct applied applied;
	size_t next = 0;
	int error = read_applied(session, &applied, why);

	if (error != 0)
		return error;
	for (size_t i = 0; i < applied.count && mode == MIGRATE_STATUS; i++) {
		char time[40];

		fl_time_print(time, applied.times_us[i] * FL_US, 0);
		buf_printf(report, "%s: applied %s\n", applied.items[i].name, time);
	}
	error = migration_plan(files, applied.items, applied.count, session->setup->path, &next, why);
	applied_finish(&applied);
	if (error != 0)
		return error;
	report_pending(files, next, mode, report);
	*pending = files->count - next;
	return 0;
}

static int migrate_open(const char *path, const struct migrations *files, enum migrate_mode mode,
	struct buf *report, size_t *pending, struct buf *why)
{
	struct sqlite_setup setup = { .path = path, .read_only = mode != MIGRATE_APPLY };
	struct session session;
	struct timespec now = { 0 };
	size_t next = 0;
	int error;

	session_library();
	clock_gettime(CLOCK_REALTIME, &now);
	error = session_open(&session, &setup, 0, why);
	if (error != 0)
		return error;
	if (mode == MIGRATE_APPLY) {
		error = plan(&session, files, &next, why);
		*pending = files->count - next;
		if (error == 0)
			error = apply_all(&session, files, (int64_t)now.tv_sec * FL_SECOND, report, why);
	} else {
		error = report_open(&session, files, mode, report, pending, why);
	}
	session_close(&session);
	return error;
}

int migrate_sqlite(const char *path, const char *folder, enum migrate_mode mode, struct buf *report,
	size_t *pending, struct buf *why)
{
	struct migrations files;
	size_t count = 0;
	int error = migrations_load(folder, &files, why);

	if (error != 0)
		return error;
	if (mode != MIGRATE_APPLY && !file_exists(path)) {
		report_pending(&files, 0, mode, report);
		count = files.count;
	} else {
		error = migrate_open(path, &files, mode, report, &count, why);
	}
	migrations_finish(&files);
	if (pending != NULL)
		*pending = count;
	return error;
}
