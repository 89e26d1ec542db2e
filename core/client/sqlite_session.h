/*
 * sqlite_session.h: one open database, as a worker sees it. Everything here blocks and runs on one
 * thread at a time.
 */
#ifndef CLIENT_SQLITE_SESSION_H
#define CLIENT_SQLITE_SESSION_H

#include "sqlite_job.h"
#include <sqlite3.h>

enum { SESSION_STATEMENTS = 64 };

struct session_statement {
	sqlite3_stmt *handle;
	uint32_t hash;    /* of its text */
	uint64_t used_at; /* by session.uses */
};

struct session {
	sqlite3 *db;                      /* NULL: not open */
	const struct sqlite_setup *setup; /* borrowed */
	bool is_memory;
	int64_t page_bytes;
	struct session_statement statements[SESSION_STATEMENTS];
	uint64_t uses;
	int64_t wal_bytes, checkpoint_at_bytes; /* when to carry the log into the file */
	int64_t measured_ns;                    /* monotonic; 0: never */
	int64_t free_bytes, total_bytes, file_bytes;
};

/** Settings of the library as a whole; before its first use. */
void session_library(void);

/**
 * Opens, creates, sets up, and brings the schema up to date.
 * @param now_ns  the real time, for feedloom_migration
 * @return 0, or negative errno as in struct fl_result with the reason in `why`
 */
int session_open(
	struct session *session, const struct sqlite_setup *setup, int64_t now_ns, struct buf *why);
void session_close(struct session *session);
/** Runs a job in one transaction (sqlite_run.c). */
void session_run(struct session *session, const struct fl_sqlite_job *job, struct result *result);
bool session_wants_checkpoint(const struct session *session);
void session_checkpoint(struct session *session);
/** Reads the disk's figures anew when they are older than a second. */
void session_measure(struct session *session, int64_t now_ns);

/** The statement of a text, prepared, kept. SQLite's code; `*out` is NULL unless it is SQLITE_OK.
 */
int session_prepare(struct session *session, const char *sql, size_t length, sqlite3_stmt **out);

/** A result code, and the words that came with it, as negative errno. */
int session_error(sqlite3 *db, int code);

enum { CAUSE_BYTES = 80 };
/** What the system said where SQLite only says "disk I/O error": " (read-only file system)", or "".
 */
const char *session_cause(sqlite3 *db, int code, char text[CAUSE_BYTES]);

/* migrate_sqlite.c */
int session_migrate(struct session *session, const char *folder, int64_t now_ns, struct buf *why);

#endif
