/* check.c: the verdict, the databases, and what must hold at any moment. */
#include "check_inside.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"

enum { CONNECTIONS_MAX = 32 }; /* what the venue allows an address */

void verdict_fault(struct verdict *verdict, const char *format, ...)
{
	va_list args;

	if (++verdict->problems > 12)
		return;
	va_start(args, format);
	fprintf(stderr, "violation at %.3f s: ", (double)world_now_ns() / 1e9);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

/* -- the databases -------------------------------------------------------------------- */

void check_run(sqlite3 *db, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) == SQLITE_OK)
		return;
	fprintf(stderr, "check: %s: %s\n", why, sql);
	abort();
}

sqlite3 *check_open(void)
{
	sqlite3 *db;

	if (sqlite3_open_v2("file:/ledger?vfs=memdb", &db,
			SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
			NULL) != SQLITE_OK)
		abort();
	check_run(db, "ATTACH 'file:/store?vfs=memdb' AS store");
	check_run(db, "PRAGMA temp_store = MEMORY");
	return db;
}

void check_close(sqlite3 *db)
{
	if (sqlite3_close(db) != SQLITE_OK)
		abort();
}

sqlite3_stmt *check_prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK)
		return statement;
	fprintf(stderr, "check: %s: %s\n", sqlite3_errmsg(db), sql);
	abort();
}

int64_t check_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = check_prepare(db, sql);
	int64_t number = 0;

	if (sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

void check_none(struct verdict *verdict, sqlite3 *db, const char *what, const char *sql)
{
	sqlite3_stmt *statement = check_prepare(db, sql);

	if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int64(statement, 0) != 0)
		verdict_fault(verdict, "%s: %" PRId64 ", such as %s", what,
			(int64_t)sqlite3_column_int64(statement, 0),
			sqlite3_column_text(statement, 1) == NULL
				? "?"
				: (const char *)sqlite3_column_text(statement, 1));
	sqlite3_finalize(statement);
}

/* -- at any moment -------------------------------------------------------------------- */

struct moment {
	struct verdict *verdict;
	struct bus_status bus;
};

static void check_identity(
	struct verdict *verdict, int kind, uint64_t published, const struct cursor_status *status)
{
	int64_t more = (int64_t)(status->consumed[kind] + status->filtered[kind] +
		status->waiting[kind] - published);

	if (verdict->may_tell_anew && more >= 0)
		verdict->taken_back[kind] = more;
	if (more != verdict->taken_back[kind])
		verdict_fault(verdict,
			"loss identity of %s: published %" PRIu64 ", consumed %" PRIu64 ", filtered %" PRIu64
			", waiting %" PRIu64 ", of which a power cut has taken %" PRId64,
			fl_kind_name((enum fl_kind)kind), published, status->consumed[kind],
			status->filtered[kind], status->waiting[kind], verdict->taken_back[kind]);
}

static void check_cursor(void *data, struct cursor *cursor)
{
	struct moment *moment = data;
	struct cursor_status status;

	cursor_status(cursor, &status);
	for (int kind = 0; kind < FL_KIND_COUNT; kind++)
		check_identity(moment->verdict, kind, moment->bus.published[kind], &status);
	moment->verdict->may_tell_anew = false;
	if (status.position.number > moment->bus.last_number)
		verdict_fault(moment->verdict, "cursor at %" PRIu64 ", the journal ends at %" PRIu64,
			status.position.number, moment->bus.last_number);
}

void check_moment(struct verdict *verdict, const struct machine *collector, sqlite3 *db)
{
	struct bus *bus = machine_bus(collector);
	struct moment moment = { .verdict = verdict };
	char sql[256];

	if (world_connections() > CONNECTIONS_MAX)
		verdict_fault(
			verdict, "%u connections, the venue allows %d", world_connections(), CONNECTIONS_MAX);
	if (bus == NULL)
		return;
	bus_status(bus, &moment.bus);
	cursor_each(bus, check_cursor, &moment);
	if (check_number(
			db, "SELECT count(*) FROM store.sqlite_schema WHERE name = 'feedloom_cursor'") == 0)
		return;
	snprintf(sql, sizeof(sql),
		"SELECT count(*) FROM store.feedloom_cursor WHERE journal_id = %" PRIu64
		" AND generation = %u AND position > %" PRIu64,
		moment.bus.journal_id, moment.bus.generation, moment.bus.last_number);
	if (check_number(db, sql) > 0)
		verdict_fault(verdict, "the store's cursor is ahead of the journal");
}
