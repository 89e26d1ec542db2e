/* store.c: one thread fills the buffers of three tables, the other takes them away. */
#include "store.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TABLES = 3, PLACES = 8192, FLOOR_MS = 5, COLUMNS_MAX = 32 };
/* PostgreSQL's times begin in 2000. */
#define EPOCH_2000_US INT64_C(946684800000000)

/* Beside the fields of a row. */
enum { END = -7, ID, TIME, RECEIVED, SEQUENCE, INDEX_NAME, TRADE_ID };

struct column {
	const char *name;
	int what;
	double scale; /* 0: 1 */
};

static const struct table {
	char kind;
	const char *name;
	struct column columns[COLUMNS_MAX];
} tables[TABLES] = {
	{ 'q', "option_quotes_base",
		{ { "instrument_id", ID, 0 }, { "event_time", TIME, 0 }, { "received_at", RECEIVED, 0 },
			{ "bid_price", BID_PRICE, 0 }, { "bid_amount", BID_AMOUNT, 0 },
			{ "ask_price", ASK_PRICE, 0 }, { "ask_amount", ASK_AMOUNT, 0 }, { NULL, END, 0 } } },
	{ 't', "tickers_base",
		{ { "instrument_id", ID, 0 }, { "event_time", TIME, 0 }, { "received_at", RECEIVED, 0 },
			{ "mark_price", MARK_PRICE, 0 }, { "mark_iv", MARK_IV, 0.01 },
			{ "bid_iv", BID_IV, 0.01 }, { "ask_iv", ASK_IV, 0.01 }, { "bid_price", BID_PRICE, 0 },
			{ "bid_amount", BID_AMOUNT, 0 }, { "ask_price", ASK_PRICE, 0 },
			{ "ask_amount", ASK_AMOUNT, 0 }, { "last_price", LAST_PRICE, 0 },
			{ "underlying_price", UNDERLYING_PRICE, 0 }, { "underlying_index", INDEX_NAME, 0 },
			{ "index_price", INDEX_PRICE, 0 }, { "open_interest", OPEN_INTEREST, 0 },
			{ "volume", VOLUME, 0 }, { "delta", DELTA, 0 }, { "gamma", GAMMA, 0 },
			{ "theta", THETA, 0 }, { "vega", VEGA, 0 }, { "rho", RHO, 0 },
			{ "settlement_price", SETTLEMENT_PRICE, 0 }, { "min_price", MIN_PRICE, 0 },
			{ "max_price", MAX_PRICE, 0 }, { NULL, END, 0 } } },
	{ 'T', "option_trades_base",
		{ { "instrument_id", ID, 0 }, { "event_time", TIME, 0 }, { "received_at", RECEIVED, 0 },
			{ "trade_id", TRADE_ID, 0 }, { "trade_seq", SEQUENCE, 0 }, { "price", PRICE, 0 },
			{ "amount", AMOUNT, 0 }, { "iv", IV, 0.01 }, { "mark_price", MARK_PRICE, 0 },
			{ "index_price", INDEX_PRICE, 0 }, { NULL, END, 0 } } },
};

struct copy {
	char *bytes;
	size_t length, capacity;
};

static PGconn *session;
static struct {
	char name[32];
	int32_t id;
} ids[PLACES];
static struct copy filling[TABLES]; /* under the lock */
static bool is_writing;             /* under the lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int64_t received_us;

static void die(const char *what)
{
	fprintf(stderr, "bench_reader: %s: %s\n", what, session == NULL ? "" : PQerrorMessage(session));
	exit(1);
}

static int64_t now_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- rows ---- */

static size_t place_of(const char *name)
{
	uint32_t hash = 2166136261U;

	for (const char *letter = name; *letter != '\0'; letter++)
		hash = (hash ^ (unsigned char)*letter) * 16777619U;
	hash %= PLACES;
	while (ids[hash].name[0] != '\0' && strcmp(ids[hash].name, name) != 0)
		hash = (hash + 1) % PLACES;
	return hash;
}

static void put(struct copy *to, const void *bytes, size_t length)
{
	if (to->length + length > to->capacity) {
		to->capacity = to->capacity * 2 + 65536;
		to->bytes = realloc(to->bytes, to->capacity);
		if (to->bytes == NULL)
			die("no memory");
	}
	memcpy(to->bytes + to->length, bytes, length);
	to->length += length;
}

static void put_number(struct copy *to, uint64_t value, unsigned bytes)
{
	unsigned char text[8];

	for (unsigned i = 0; i < bytes; i++)
		text[i] = (unsigned char)(value >> (8 * (bytes - 1 - i)));
	put(to, text, bytes);
}

static void put_value(struct copy *to, uint64_t value, unsigned bytes)
{
	put_number(to, bytes, 4);
	put_number(to, value, bytes);
}

static void put_text(struct copy *to, const char *text)
{
	size_t length = text == NULL ? 0 : strlen(text);

	put_number(to, text == NULL ? UINT32_MAX : length, 4);
	put(to, text == NULL ? "" : text, length);
}

static void put_field(struct copy *to, const struct column *column, const struct row *row)
{
	double value;
	uint64_t bits;

	switch (column->what) {
	case ID: put_value(to, (uint64_t)ids[place_of(row->name)].id, 4); break;
	case TIME: put_value(to, row->time * 1000 - (uint64_t)EPOCH_2000_US, 8); break;
	case RECEIVED: put_value(to, (uint64_t)(received_us - EPOCH_2000_US), 8); break;
	case SEQUENCE: put_value(to, row->seq, 8); break;
	case INDEX_NAME: put_text(to, row->index); break;
	case TRADE_ID: put_text(to, row->id); break;
	default:
		value = row->fields[column->what] * (column->scale == 0 ? 1 : column->scale);
		memcpy(&bits, &value, sizeof(bits));
		put_value(to, bits, 8);
	}
}

static int columns_of(const struct table *table)
{
	int count = 0;

	while (table->columns[count].name != NULL)
		count++;
	return count;
}

void store_stamp(void)
{
	received_us = now_us(CLOCK_REALTIME);
}

void store_keep(char kind, const struct row *row)
{
	int which = 0;

	while (tables[which].kind != kind)
		which++;
	pthread_mutex_lock(&lock);
	put_number(&filling[which], (uint64_t)columns_of(&tables[which]), 2);
	for (const struct column *column = tables[which].columns; column->name != NULL; column++)
		put_field(&filling[which], column, row);
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

/* ---- transactions ---- */

static bool is_empty(void)
{
	for (int i = 0; i < TABLES; i++)
		if (filling[i].length > 0)
			return false;
	return true;
}

static void put_copy(char *sql, size_t size, const struct table *table)
{
	size_t length = strlen(sql);

	length += (size_t)snprintf(sql + length, size - length, "COPY %s (", table->name);
	for (int i = 0; i < columns_of(table); i++)
		length += (size_t)snprintf(
			sql + length, size - length, "%s%s", i == 0 ? "" : ", ", table->columns[i].name);
	(void)snprintf(sql + length, size - length, ") FROM STDIN (FORMAT binary); ");
}

static void give(const struct copy *copy)
{
	if (PQputCopyData(session, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19) != 1 ||
		PQputCopyData(session, copy->bytes, (int)copy->length) != 1 ||
		PQputCopyData(session, "\377\377", 2) != 1 || PQputCopyEnd(session, NULL) != 1)
		die("COPY");
}

static void commit(const struct copy copies[TABLES])
{
	char sql[4096] = "BEGIN; ";
	PGresult *result;
	int next = 0;

	for (int i = 0; i < TABLES; i++)
		if (copies[i].length > 0)
			put_copy(sql, sizeof(sql), &tables[i]);
	strncat(sql, "COMMIT", sizeof(sql) - strlen(sql) - 1);
	if (PQsendQuery(session, sql) != 1)
		die("send");
	while ((result = PQgetResult(session)) != NULL) {
		switch (PQresultStatus(result)) {
		case PGRES_COPY_IN:
			while (copies[next].length == 0)
				next++;
			give(&copies[next++]);
			break;
		case PGRES_COMMAND_OK: break;
		default: die("transaction");
		}
		PQclear(result);
	}
}

static void *write_on(void *data)
{
	struct copy taken[TABLES] = { { 0 } };
	int64_t committed_us = 0;

	(void)data;
	for (;;) {
		int64_t floor_us;

		pthread_mutex_lock(&lock);
		is_writing = false;
		pthread_cond_broadcast(&changed);
		while (is_empty())
			pthread_cond_wait(&changed, &lock);
		is_writing = true;
		pthread_mutex_unlock(&lock);
		floor_us = committed_us + FLOOR_MS * 1000 - now_us(CLOCK_MONOTONIC);
		if (floor_us > 0)
			nanosleep(&(struct timespec){ .tv_nsec = floor_us * 1000 }, NULL);
		pthread_mutex_lock(&lock);
		for (int i = 0; i < TABLES; i++) {
			struct copy other = filling[i];

			filling[i] = taken[i];
			filling[i].length = 0;
			taken[i] = other;
		}
		pthread_mutex_unlock(&lock);
		commit(taken);
		committed_us = now_us(CLOCK_MONOTONIC);
	}
	return NULL;
}

void store_settle(void)
{
	pthread_mutex_lock(&lock);
	while (is_writing || !is_empty())
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

void store_open(const char *url)
{
	PGresult *names;
	pthread_t thread;

	session = PQconnectdb(url);
	names = PQexec(session, "SELECT instrument_id, instrument_name FROM instrument_metadata");
	if (PQresultStatus(names) != PGRES_TUPLES_OK || PQntuples(names) >= PLACES)
		die("instruments");
	for (int i = 0; i < PQntuples(names); i++) {
		size_t place = place_of(PQgetvalue(names, i, 1));

		(void)snprintf(ids[place].name, sizeof(ids[place].name), "%s", PQgetvalue(names, i, 1));
		ids[place].id = atoi(PQgetvalue(names, i, 0));
	}
	PQclear(names);
	if (pthread_create(&thread, NULL, write_on, NULL) != 0)
		die("thread");
}
