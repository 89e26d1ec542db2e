/* sqlite_session.c: opening a database and keeping it in order. */
#include "sqlite_session.h"
#include "error.h"
#include "file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/*
	 * A commit costs the pages it touches, and the index by instrument touches one for each
	 * instrument: small pages write half as much as 8 KiB ones, and they are the file systems' own
	 * size.
	 */
	PAGE_BYTES = 4096,
	/* The pages that each commit touches: those of two indexes by instrument, 1,548 each. */
	CACHE_KIB = 14 * 1024,
	CHECKPOINT_BYTES = 4 << 20,
	LOG_LIMIT_BYTES = 16 << 20 /* what the log is cut to when it begins anew */
};

#define MEASURE_EVERY_NS FL_SECOND
#define MEMORY_PLENTY (INT64_C(1) << 50)

void session_library(void)
{
	static bool is_done; /* the library has its settings once a process; only the loop comes here */

	if (is_done)
		return;
	is_done = true;
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* no shared counter to fight about */
	sqlite3_initialize();
}

/* ---- errors ---- */

static int by_cause(sqlite3 *db, int otherwise)
{
	int cause = db == NULL ? 0 : sqlite3_system_errno(db);

	switch (cause) {
	case ENOSPC:
	case EDQUOT: return -ENOSPC;
	case EACCES:
	case EPERM:
	case EROFS: return -EROFS;
	default: return otherwise;
	}
}

static bool is_missing(const char *words)
{
	return strncmp(words, "no such table", 13) == 0 || strncmp(words, "no such column", 14) == 0 ||
		strstr(words, "has no column named") != NULL;
}

int session_error(sqlite3 *db, int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE: return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return -EAGAIN;
	case SQLITE_FULL: return -ENOSPC;
	case SQLITE_READONLY:
	case SQLITE_PERM: return -EROFS;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR: return by_cause(db, -EIO);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return -EILSEQ;
	case SQLITE_NOMEM: return -ENOMEM;
	case SQLITE_ERROR: return db != NULL && is_missing(sqlite3_errmsg(db)) ? -ENOENT : -EINVAL;
	default: return -EINVAL;
	}
}

const char *session_cause(sqlite3 *db, int code, char text[CAUSE_BYTES])
{
	int cause = db == NULL ? 0 : sqlite3_system_errno(db);
	int kind = code & 0xff;

	text[0] = '\0';
	if (cause > 0 && (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN))
		(void)snprintf(text, CAUSE_BYTES, " (%s)", error_text(-cause));
	return text;
}

static const char *remedy(int error)
{
	switch (error) {
	case -EAGAIN: return "; another process is using it";
	case -EROFS: return "; make it writable for this user, or point `path` elsewhere";
	case -ENOSPC: return "; free some space";
	case -EILSEQ: return "; move it away or restore a backup, or point `path` elsewhere";
	default: return "";
	}
}

static int fail(struct session *session, int code, struct buf *why)
{
	int error = session_error(session->db, code);
	char cause[CAUSE_BYTES];

	buf_printf(why, "%s: %s%s%s", session->setup->path,
		session->db == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(session->db),
		session_cause(session->db, code, cause), remedy(error));
	return error;
}

/* ---- the place ---- */

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* The folder must be there and be one where locks and shared memory work. */
static int check_folder(struct session *session, const char *folder, struct buf *why)
{
	enum file_system kind;
	const char *name;
	int error = session->setup->read_only ? 0 : file_make_folder(folder);

	if (error != 0) {
		buf_printf(why, "%s: cannot create the folder %s: %s; make it, or point `path` elsewhere",
			session->setup->path, folder, error_text(error));
		return error == -ENOSPC ? error : -EROFS;
	}
	if (file_system_kind(folder, &kind, &name) != 0 || kind == FILE_SYSTEM_LOCAL)
		return 0;
	buf_printf(why,
		"%s lies on a %s file system (%s), where SQLite's locks and shared memory cannot be relied "
		"on; point `path` at a local disk",
		session->setup->path, kind == FILE_SYSTEM_NETWORK ? "network" : "FUSE", name);
	return -EMEDIUMTYPE;
}

static int open_file(struct session *session, struct buf *why)
{
	char *folder = folder_of(session->setup->path);
	int flags = session->setup->read_only ? SQLITE_OPEN_READONLY
										  : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	int error = folder == NULL ? -ENOMEM : check_folder(session, folder, why);
	int code;

	free(folder);
	if (error != 0)
		return error;
	code = sqlite3_open_v2(session->setup->path, &session->db,
		flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	return code == SQLITE_OK ? 0 : fail(session, code, why);
}

/* ":memory:NAME": shared by all who open that name in this process, gone with the last. */
static int open_memory(struct session *session, struct buf *why)
{
	const char *name = session->setup->path + strlen(":memory:");
	char uri[160] = ":memory:";
	int code;

	if (strlen(name) > 100 ||
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") !=
			strlen(name)) {
		buf_printf(why, ":memory: needs a name of at most 100 letters, digits, _, - and .");
		return -EINVAL;
	}
	if (name[0] != '\0')
		snprintf(uri, sizeof(uri), "file:/%s?vfs=memdb", name);
	code = sqlite3_open_v2(uri, &session->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_EXRESCODE,
		NULL);
	return code == SQLITE_OK ? 0 : fail(session, code, why);
}

/* ---- settings ---- */

static int on_commit(void *data, sqlite3 *db, const char *name, int pages)
{
	struct session *session = data;

	(void)db;
	(void)name;
	session->wal_bytes = pages * session->page_bytes;
	return SQLITE_OK;
}

static int keep_text(void *data, int count, char **values, char **names)
{
	(void)names;
	snprintf(data, 16, "%s", count > 0 && values[0] != NULL ? values[0] : "");
	return 0;
}

static int set_journal(struct session *session, struct buf *why)
{
	char mode[16] = "";
	int code;

	if (session->is_memory || session->setup->read_only)
		return 0;
	code = sqlite3_exec(session->db, "PRAGMA journal_mode=WAL", keep_text, mode, NULL);
	if (code != SQLITE_OK)
		return fail(session, code, why);
	if (strcmp(mode, "wal") == 0)
		return 0;
	buf_printf(why,
		"%s: the file system does not let SQLite keep a write-ahead log (%s); point "
		"`path` at a local disk",
		session->setup->path, mode);
	return -EMEDIUMTYPE;
}

static int keep_number(void *data, int count, char **values, char **names)
{
	(void)names;
	*(int64_t *)data = count > 0 && values[0] != NULL ? strtoll(values[0], NULL, 10) : 0;
	return 0;
}

static int pragma(struct session *session, const char *sql, int64_t *out, struct buf *why)
{
	int code = sqlite3_exec(session->db, sql, out == NULL ? NULL : keep_number, out, NULL);

	return code == SQLITE_OK ? 0 : fail(session, code, why);
}

/* What can only be chosen while the file has no page; on another it would take the write lock for
 * nothing. */
static int prepare_new(struct session *session, struct buf *why)
{
	int64_t pages = 0;
	char sql[80];
	int error = pragma(session, "PRAGMA page_count", &pages, why);

	if (error != 0 || pages > 0 || session->setup->read_only)
		return error;
	snprintf(sql, sizeof(sql), "PRAGMA page_size=%d; PRAGMA auto_vacuum=INCREMENTAL", PAGE_BYTES);
	return pragma(session, sql, NULL, why);
}

static int set_up(struct session *session, struct buf *why)
{
	char sql[400];

	snprintf(sql, sizeof(sql),
		"PRAGMA cache_size=-%d; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; "
		"PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; "
		"PRAGMA synchronous=%s; PRAGMA journal_size_limit=%d; SELECT count(*) FROM sqlite_schema",
		CACHE_KIB, session->setup->fast ? "OFF" : "FULL", LOG_LIMIT_BYTES);
	return pragma(session, sql, NULL, why);
}

static int configure(struct session *session, struct buf *why)
{
	const struct sqlite_setup *setup = session->setup;
	int error;

	sqlite3_busy_timeout(session->db,
		(int)((setup->busy_timeout_ns > 0 ? setup->busy_timeout_ns : 5 * FL_SECOND) / FL_MS));
	sqlite3_db_config(session->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	error = prepare_new(session, why);
	if (error == 0)
		error = set_up(session, why);
	if (error == 0 && !setup->read_only && sqlite3_db_readonly(session->db, "main") == 1) {
		buf_printf(why, "%s: the file cannot be written%s", setup->path, remedy(-EROFS));
		error = -EROFS;
	}
	if (error == 0)
		error = set_journal(session, why);
	if (error == 0)
		error = pragma(session, "PRAGMA page_size", &session->page_bytes, why);
	/* In place of autocheckpoint, which would run within a commit. */
	sqlite3_wal_hook(session->db, on_commit, session);
	session->checkpoint_at_bytes = CHECKPOINT_BYTES;
	return error;
}

int session_open(
	struct session *session, const struct sqlite_setup *setup, int64_t now_ns, struct buf *why)
{
	int error;

	*session = (struct session){ .setup = setup };
	session->is_memory = strncmp(setup->path, ":memory:", 8) == 0;
	error = session->is_memory ? open_memory(session, why) : open_file(session, why);
	if (error == 0)
		error = configure(session, why);
	if (error == 0 && setup->schema_folder != NULL)
		error = session_migrate(session, setup->schema_folder, now_ns, why);
	if (error != 0)
		session_close(session);
	return error;
}

void session_close(struct session *session)
{
	for (size_t i = 0; i < SESSION_STATEMENTS; i++)
		sqlite3_finalize(session->statements[i].handle);
	sqlite3_close(session->db);
	memset(session->statements, 0, sizeof(session->statements));
	session->db = NULL;
}

/* ---- statements ---- */

static uint32_t hash_of(const char *text, size_t length)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)text[i]) * 16777619U;
	return hash;
}

static bool is_only_space(const char *text)
{
	return text[strspn(text, " \t\r\n;")] == '\0';
}

/* SQLite keeps the text up to the statement's end. */
static bool is_of(sqlite3_stmt *handle, const char *sql)
{
	const char *kept = sqlite3_sql(handle);
	size_t length = strlen(kept);

	return strncmp(kept, sql, length) == 0 && is_only_space(sql + length);
}

/* The one of this text, or the one to be replaced: an empty one, else the longest unused. */
static struct session_statement *find(struct session *session, const char *sql, uint32_t hash)
{
	struct session_statement *oldest = &session->statements[0];

	for (size_t i = 0; i < SESSION_STATEMENTS; i++) {
		struct session_statement *statement = &session->statements[i];

		if (statement->handle != NULL && statement->hash == hash && is_of(statement->handle, sql))
			return statement;
		if (statement->used_at < oldest->used_at)
			oldest = statement;
	}
	sqlite3_finalize(oldest->handle);
	*oldest = (struct session_statement){ .hash = hash };
	return oldest;
}

int session_prepare(struct session *session, const char *sql, size_t length, sqlite3_stmt **out)
{
	struct session_statement *statement = find(session, sql, hash_of(sql, length));
	const char *rest = "";

	*out = NULL;
	if (statement->handle == NULL) {
		int code = sqlite3_prepare_v3(session->db, sql, (int)length + 1, SQLITE_PREPARE_PERSISTENT,
			&statement->handle, &rest);

		if (code != SQLITE_OK)
			return code;
		if (statement->handle == NULL || !is_only_space(rest)) {
			sqlite3_finalize(statement->handle);
			*statement = (struct session_statement){ 0 };
			return SQLITE_MISUSE;
		}
	}
	statement->used_at = ++session->uses;
	*out = statement->handle;
	return SQLITE_OK;
}

/* ---- between jobs ---- */

bool session_wants_checkpoint(const struct session *session)
{
	return session->wal_bytes >= session->checkpoint_at_bytes;
}

void session_checkpoint(struct session *session)
{
	int in_log = 0, carried = 0;

	sqlite3_wal_checkpoint_v2(session->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &carried);
	/*
	 * A reader may hold up the rest, and the log then grows on: ask again only after as much more,
	 * not after every commit.
	 */
	session->checkpoint_at_bytes =
		carried < in_log ? session->wal_bytes + CHECKPOINT_BYTES : CHECKPOINT_BYTES;
	session->wal_bytes = 0;
}

static int64_t size_of(struct session *session, int which)
{
	sqlite3_file *file = NULL;
	sqlite3_int64 bytes = 0;

	/* Through SQLite: closing a descriptor of our own would drop its locks on the file. */
	if (sqlite3_file_control(session->db, "main", which, &file) != SQLITE_OK || file == NULL ||
		file->pMethods == NULL || file->pMethods->xFileSize(file, &bytes) != SQLITE_OK)
		return 0;
	return bytes;
}

void session_measure(struct session *session, int64_t now_ns)
{
	if (session->db == NULL ||
		(session->measured_ns != 0 && now_ns - session->measured_ns < MEASURE_EVERY_NS))
		return;
	session->measured_ns = now_ns == 0 ? 1 : now_ns;
	session->file_bytes = size_of(session, SQLITE_FCNTL_FILE_POINTER);
	if (session->is_memory) {
		session->free_bytes = session->total_bytes = MEMORY_PLENTY;
		return;
	}
	session->file_bytes += size_of(session, SQLITE_FCNTL_JOURNAL_POINTER);
	file_space(session->setup->path, &session->free_bytes, &session->total_bytes);
}
