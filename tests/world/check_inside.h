/* check_inside.h: how the checks ask the two databases. A query that does not work ends the run. */
#ifndef WORLD_CHECK_INSIDE_H
#define WORLD_CHECK_INSIDE_H

#include "check.h"

/** temp.disturbed and temp.killed, of check_disturbed and check_killed. */
void check_tables(sqlite3 *db);
void check_run(sqlite3 *db, const char *sql);
sqlite3_stmt *check_prepare(sqlite3 *db, const char *sql);
/** The query counts what must not be (first column) and gives an example (second). */
void check_none(struct verdict *verdict, sqlite3 *db, const char *what, const char *sql);

#endif
