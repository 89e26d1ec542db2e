/* audit_sqlite.c: the questions of an audit, asked of a SQLite store. */
#include "audit.h"
#include "file.h"
#include "sqlite_session.h"

enum { BUSY_MS = 30000 };

static const char *text_of(sqlite3_stmt *handle, int column)
{
	const char *text = (const char *)sqlite3_column_text(handle, column);

	return text == NULL ? "" : text;
}

static int ask(struct session *session, const struct audit_query *query,
	const struct audit_taker *taker, struct buf *why)
{
	sqlite3_stmt *handle = NULL;
	int code = sqlite3_prepare_v2(session->db, query->sql, -1, &handle, NULL);

	while (code == SQLITE_OK) {
		int step = sqlite3_step(handle);

		if (step == SQLITE_DONE)
			break;
		if (step == SQLITE_ROW)
			taker->take(taker->data, query->section, text_of(handle, 0), text_of(handle, 1),
				text_of(handle, 2));
		else
			code = step;
	}
	if (code != SQLITE_OK)
		(void)buf_printf(
			why, "%s: %s: %s", session->setup->path, query->section, sqlite3_errmsg(session->db));
	sqlite3_finalize(handle);
	return code == SQLITE_OK ? 0 : session_error(session->db, code);
}

int audit_sqlite(const char *path, const struct audit_queries *queries,
	const struct audit_taker *taker, struct buf *why)
{
	struct sqlite_setup setup = { .path = path, .read_only = true };
	struct session session;
	int error;

	if (!file_exists(path)) {
		(void)buf_printf(why, "%s: there is no such store", path);
		return -ENOENT;
	}
	session_library();
	error = session_open(&session, &setup, 0, why);
	if (error != 0)
		return error;
	sqlite3_busy_timeout(session.db, BUSY_MS);
	/* One state of the store for all of them, the cursor included. */
	(void)sqlite3_exec(session.db, "BEGIN", NULL, NULL, NULL);
	for (size_t i = 0; i < queries->count && error == 0; i++)
		error = ask(&session, &queries->items[i], taker, why);
	(void)sqlite3_exec(session.db, "COMMIT", NULL, NULL, NULL);
	session_close(&session);
	return error;
}
