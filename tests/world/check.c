/* check.c: the verdict, and the databases. */
#include "check_inside.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int64_t clocks_off_us, venue_off_us;

void check_clocks(int64_t off_ns, int64_t venue_ns)
{
	clocks_off_us = off_ns / FL_US;
	venue_off_us = venue_ns / FL_US;
}

static void return_number(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	(void)values;
	sqlite3_result_int64(context, *(const int64_t *)sqlite3_user_data(context));
}

static void make_function(sqlite3 *db, const char *name, int64_t *number)
{
	if (sqlite3_create_function(db, name, 0, SQLITE_UTF8, number, return_number, NULL, NULL) !=
		SQLITE_OK)
		abort();
}

sqlite3 *check_open(const char *store)
{
	char sql[128];
	sqlite3 *db;

	if (sqlite3_open_v2("file:/ledger?vfs=memdb", &db,
			SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
			NULL) != SQLITE_OK)
		abort();
	snprintf(sql, sizeof(sql), "ATTACH 'file:/%s?vfs=memdb' AS store", store);
	check_run(db, sql);
	clocks_off_us = venue_off_us = 0;
	make_function(db, "clocks_off", &clocks_off_us);
	make_function(db, "venue_off", &venue_off_us);
	check_run(db, "PRAGMA temp_store = MEMORY");
	return db;
}

void check_close(sqlite3 *db)
{
	sqlite3_stmt *left;

	while ((left = sqlite3_next_stmt(db, NULL)) != NULL)
		sqlite3_finalize(left);
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
