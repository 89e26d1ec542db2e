/*
 * insert.c: the limit of an SQLite store: rows that are in memory already go through prepared
 * INSERTs into a file of the same schema, as settled as feedloom's.
 *
 *   bench_insert FROM TO SCHEMA.sql ROWS
 *
 * FROM is a store that feedloom filled; its rows are taken in the order in which it wrote them,
 * ROWS a transaction, of each table its share. Prints {"rows": N, "seconds": S, "cpu_s": C}.
 */
#include <math.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const names[] = { "option_quotes_base", "tickers_base", "option_trades_base" };
enum { TABLES = sizeof(names) / sizeof(names[0]) };

struct value {
	int type;
	int length;
	union {
		int64_t whole;
		double real;
		char *text;
	};
};

struct table {
	int columns;
	size_t rows, capacity, next;
	struct value *values;
	sqlite3_stmt *insert;
};

static void die(sqlite3 *db, const char *what)
{
	fprintf(stderr, "bench_insert: %s: %s\n", what, db == NULL ? "" : sqlite3_errmsg(db));
	exit(1);
}

static void execute(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		die(db, sql);
}

static struct value value_of(sqlite3_stmt *row, int column)
{
	struct value value = { .type = sqlite3_column_type(row, column) };

	switch (value.type) {
	case SQLITE_INTEGER: value.whole = sqlite3_column_int64(row, column); break;
	case SQLITE_FLOAT: value.real = sqlite3_column_double(row, column); break;
	case SQLITE_TEXT:
		value.length = sqlite3_column_bytes(row, column);
		value.text = strdup((const char *)sqlite3_column_text(row, column));
		break;
	default: break;
	}
	return value;
}

static void load(sqlite3 *db, const char *name, struct table *table)
{
	sqlite3_stmt *rows;
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT * FROM %s ORDER BY rowid", name);
	if (sqlite3_prepare_v2(db, sql, -1, &rows, NULL) != SQLITE_OK)
		die(db, sql);
	table->columns = sqlite3_column_count(rows);
	while (sqlite3_step(rows) == SQLITE_ROW) {
		if (table->rows == table->capacity) {
			table->capacity = table->capacity * 2 + 1024;
			table->values = realloc(
				table->values, table->capacity * (size_t)table->columns * sizeof(*table->values));
			if (table->values == NULL)
				die(NULL, "no memory");
		}
		for (int i = 0; i < table->columns; i++)
			table->values[table->rows * (size_t)table->columns + (size_t)i] = value_of(rows, i);
		table->rows++;
	}
	sqlite3_finalize(rows);
}

static void finish(struct table *table)
{
	for (size_t i = 0; i < table->rows * (size_t)table->columns; i++)
		if (table->values[i].type == SQLITE_TEXT)
			free(table->values[i].text);
	free(table->values);
	sqlite3_finalize(table->insert);
}

static void prepare(sqlite3 *db, const char *name, struct table *table)
{
	char sql[256];
	int length = snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES (?", name);

	for (int i = 1; i < table->columns; i++)
		length += snprintf(sql + length, sizeof(sql) - (size_t)length, ",?");
	snprintf(sql + length, sizeof(sql) - (size_t)length, ")");
	if (sqlite3_prepare_v2(db, sql, -1, &table->insert, NULL) != SQLITE_OK)
		die(db, sql);
}

static void bind(sqlite3_stmt *insert, int at, const struct value *value)
{
	switch (value->type) {
	case SQLITE_INTEGER: sqlite3_bind_int64(insert, at, value->whole); break;
	case SQLITE_FLOAT: sqlite3_bind_double(insert, at, value->real); break;
	case SQLITE_TEXT:
		sqlite3_bind_text(insert, at, value->text, value->length, SQLITE_STATIC);
		break;
	default: sqlite3_bind_null(insert, at); break;
	}
}

static void insert_rows(sqlite3 *db, struct table *table, size_t count)
{
	for (; count > 0 && table->next < table->rows; count--, table->next++) {
		const struct value *values = &table->values[table->next * (size_t)table->columns];

		for (int i = 0; i < table->columns; i++)
			bind(table->insert, i + 1, &values[i]);
		if (sqlite3_step(table->insert) != SQLITE_DONE)
			die(db, "insert");
		sqlite3_reset(table->insert);
	}
}

/* Not a mapped file: it is read once. */
static char *read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	size_t size = 1 << 20, length;
	char *text = malloc(size);

	if (file == NULL || text == NULL)
		die(NULL, path);
	length = fread(text, 1, size - 1, file);
	text[length] = '\0';
	fclose(file);
	return text;
}

/* What the rows refer to; not part of what is timed. */
static void copy_instruments(sqlite3 *db, const char *from)
{
	char sql[1024];

	snprintf(sql, sizeof(sql),
		"ATTACH '%s' AS source; INSERT INTO instrument_metadata (instrument_id, instrument_name) "
		"SELECT instrument_id, instrument_name FROM source.instrument_metadata; DETACH source",
		from);
	execute(db, sql);
}

static double now_s(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int count, char **arguments)
{
	struct table tables[TABLES] = { { 0 } };
	size_t total = 0, batch;
	char *schema;
	sqlite3 *from = NULL, *to = NULL;
	double begun, cpu_begun;

	if (count != 5) {
		fputs("usage: bench_insert FROM TO SCHEMA.sql ROWS\n", stderr);
		return 64;
	}
	batch = (size_t)atoi(arguments[4]);
	if (batch == 0 || sqlite3_open_v2(arguments[1], &from, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		die(from, arguments[1]);
	for (int i = 0; i < TABLES; i++) {
		load(from, names[i], &tables[i]);
		total += tables[i].rows;
	}
	sqlite3_close(from);
	if (sqlite3_open(arguments[2], &to) != SQLITE_OK)
		die(to, arguments[2]);
	/* feedloom's: durable commits, checked references, 8 MiB of cache, a checkpoint each 4 MiB. */
	execute(to,
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192; "
		"PRAGMA foreign_keys=ON; PRAGMA cell_size_check=ON; "
		"PRAGMA wal_autocheckpoint=1024");
	schema = read_file(arguments[3]);
	execute(to, schema);
	free(schema);
	copy_instruments(to, arguments[1]);
	for (int i = 0; i < TABLES; i++)
		prepare(to, names[i], &tables[i]);
	begun = now_s(CLOCK_MONOTONIC);
	cpu_begun = now_s(CLOCK_PROCESS_CPUTIME_ID);
	for (size_t done = 0; done < total; done += batch) {
		execute(to, "BEGIN IMMEDIATE");
		for (int i = 0; i < TABLES; i++)
			insert_rows(to, &tables[i],
				done + batch >= total
					? SIZE_MAX
					: (size_t)ceil((double)tables[i].rows * (double)batch / (double)total));
		execute(to, "COMMIT");
	}
	printf("{\"rows\":%zu,\"seconds\":%.6f,\"cpu_s\":%.6f}\n", total,
		now_s(CLOCK_MONOTONIC) - begun, now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_begun);
	for (int i = 0; i < TABLES; i++)
		finish(&tables[i]);
	sqlite3_close(to);
	return 0;
}
