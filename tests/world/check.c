/* check.c: the questions, most of them to both databases at once. */
#include "check.h"

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

static void run(sqlite3 *db, const char *sql)
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
	run(db, "ATTACH 'file:/store?vfs=memdb' AS store");
	run(db, "PRAGMA temp_store = MEMORY");
	return db;
}

void check_close(sqlite3 *db)
{
	if (sqlite3_close(db) != SQLITE_OK)
		abort();
}

int64_t check_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	int64_t number = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
		fprintf(stderr, "check: %s: %s\n", sqlite3_errmsg(db), sql);
		abort();
	}
	if (sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

/* The first column counts, the second is an example. */
static void must_be_none(struct verdict *verdict, sqlite3 *db, const char *what, const char *sql)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
		fprintf(stderr, "check: %s: %s\n", sqlite3_errmsg(db), sql);
		abort();
	}
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

/* -- ledger against store ------------------------------------------------------------- */

#define SIDES "bid_price, bid_amount, ask_price, ask_amount"
#define TICKER                                                                                     \
	"state, mark_price, mark_iv, bid_iv, ask_iv, " SIDES ", last_price, underlying_price, "        \
	"underlying_index, index_price, interest_rate, open_interest, volume, delta, gamma, theta, "   \
	"vega, rho, settlement_price, delivery_price, min_price, max_price, current_funding, funding_8h"
#define BOOK "change_id, prev_change_id, is_snapshot, side, price, amount"
#define TRADE                                                                                      \
	"trade_seq, event_us, trade_id, price, amount, contracts, direction, iv, mark_price, "         \
	"index_price, tick_direction, liquidation, block_trade_id, combo_id"

/* Rows that are stored more often than they were sent: repeated, or not what was sent. */
#define MORE_THAN_SENT(name, fields, stored, sent)                                                 \
	"SELECT count(*), max(" name " || ' at ' || event_us) FROM (SELECT " name ", event_us, "       \
	"sum(n) AS more FROM (SELECT " name ", event_us, " fields ", 1 AS n FROM store." stored        \
	" UNION ALL SELECT " name ", event_us, " fields ", -1 FROM " sent ") GROUP BY " name           \
	", event_us, " fields " HAVING more > 0)"

static void check_excess(struct verdict *verdict, sqlite3 *db)
{
	must_be_none(verdict, db, "quotes repeated or not as sent",
		MORE_THAN_SENT("instrument_name", SIDES, "option_quotes", "sent_quotes"));
	must_be_none(verdict, db, "tickers repeated or not as sent",
		MORE_THAN_SENT("instrument_name", TICKER, "tickers", "sent_tickers"));
	must_be_none(verdict, db, "book rows repeated or not as sent",
		MORE_THAN_SENT("instrument_name", BOOK, "books WHERE side IS NOT NULL", "sent_books"));
	must_be_none(verdict, db, "index prices repeated or not as sent",
		MORE_THAN_SENT("index_name", "price", "index_prices", "sent_index_prices"));
	must_be_none(verdict, db, "trades repeated or not as they happened",
		"SELECT count(*), max(instrument_name || ' ' || trade_seq) FROM (SELECT instrument_name, "
		"trade_seq, sum(n) AS more FROM (SELECT instrument_name, " TRADE
		", 1 AS n FROM store.option_trades UNION ALL SELECT instrument_name, " TRADE
		", -1 FROM market_trades) GROUP BY instrument_name, " TRADE " HAVING more > 0)");
}

/* The messages that are in the store, wholly or in part. */
static void find_stored(sqlite3 *db)
{
	run(db, "DROP TABLE IF EXISTS temp.got; CREATE TEMP TABLE got (seq INTEGER PRIMARY KEY)");
	run(db,
		"INSERT INTO got SELECT s.seq FROM sent_quotes s JOIN store.instrument_metadata i USING "
		"(instrument_name) WHERE EXISTS (SELECT 1 FROM store.option_quotes_base q WHERE "
		"q.instrument_id = i.instrument_id AND q.event_us = s.event_us AND q.bid_price IS s.bid_price "
		"AND q.bid_amount IS s.bid_amount AND q.ask_price IS s.ask_price AND q.ask_amount IS "
		"s.ask_amount)");
	run(db,
		"INSERT INTO got SELECT s.seq FROM sent_tickers s JOIN store.instrument_metadata i USING "
		"(instrument_name) WHERE EXISTS (SELECT 1 FROM store.tickers_base q WHERE "
		"q.instrument_id = i.instrument_id AND q.event_us = s.event_us AND q.mark_price IS "
		"s.mark_price AND q.open_interest IS s.open_interest AND q.delta IS s.delta)");
	run(db,
		"INSERT OR IGNORE INTO got SELECT s.seq FROM sent_books s JOIN store.instrument_metadata i "
		"USING (instrument_name) WHERE EXISTS (SELECT 1 FROM store.books_base q WHERE "
		"q.instrument_id = i.instrument_id AND q.event_us = s.event_us AND q.change_id IS s.change_id)");
	run(db,
		"INSERT INTO got SELECT s.seq FROM sent_index_prices s WHERE EXISTS (SELECT 1 FROM "
		"store.index_prices q WHERE q.index_name = s.index_name AND q.event_us = s.event_us)");
	run(db,
		"DROP TABLE IF EXISTS temp.lost; CREATE TEMP TABLE lost AS SELECT * FROM sent WHERE kind "
		"NOT IN ('trade', 'replay') AND items > 0 AND seq NOT IN (SELECT seq FROM got)");
}

#define IN_A_GAP(row)                                                                              \
	"EXISTS (SELECT 1 FROM store.stream_gaps g WHERE g.started_us <= " row ".event_us AND "        \
	"g.ended_us >= " row ".event_us)"

static void check_missing(struct verdict *verdict, sqlite3 *db, bool has_faults)
{
	find_stored(db);
	verdict->messages = check_number(db, "SELECT count(*) FROM sent");
	verdict->stored = check_number(db, "SELECT count(*) FROM got");
	verdict->missing = check_number(db, "SELECT count(*) FROM lost");
	if (!has_faults)
		must_be_none(verdict, db, "messages missing though nothing went wrong",
			"SELECT count(*), min(kind || ' of ' || instrument_name || ' at ' || event_us || ', seq ' "
			"|| seq || ', connection ' || connection) FROM lost");
	else
		must_be_none(verdict, db, "messages missing outside of any row of stream_gaps",
			"SELECT count(*), min(kind || ' of ' || instrument_name || ' at ' || event_us || ', seq ' "
			"|| seq || ', connection ' || connection) FROM lost WHERE NOT " IN_A_GAP("lost"));
	must_be_none(verdict, db, "book changes missing that no later snapshot covers",
		"SELECT count(*), min(instrument_name || ' ' || change_id) FROM sent_books b WHERE seq IN "
		"(SELECT seq FROM lost) AND NOT EXISTS (SELECT 1 FROM store.books s WHERE s.instrument_name "
		"= b.instrument_name AND s.is_snapshot AND s.change_id >= b.change_id)");
}

/* When the feed was first sent a trade of each currency; before, it had not asked for them. */
static void find_first_trades(sqlite3 *db)
{
	run(db,
		"DROP TABLE IF EXISTS temp.first_trade; CREATE TEMP TABLE first_trade AS SELECT "
		"substr(channel, 15, 3) AS currency, min(event_us) AS event_us FROM sent WHERE kind = "
		"'trade' AND channel LIKE 'trades.option.%' GROUP BY 1");
}

/* What the venue could not give again has a row. */
static void check_trades(struct verdict *verdict, sqlite3 *db, int64_t until_us)
{
	char sql[1200];

	find_first_trades(db);
	snprintf(sql, sizeof(sql),
		"SELECT count(*), min(m.instrument_name || ' ' || m.trade_seq || ' at ' || m.event_us) FROM "
		"market_trades m JOIN temp.first_trade f ON f.currency = substr(m.instrument_name, 1, 3) "
		"WHERE (m.instrument_name LIKE '%%-C' OR m.instrument_name LIKE '%%-P') AND "
		"m.event_us < %" PRId64 " AND m.event_us >= f.event_us AND NOT "
		"EXISTS (SELECT 1 FROM store.option_trades_base t JOIN store.instrument_metadata i USING "
		"(instrument_id) WHERE i.instrument_name = m.instrument_name AND t.trade_seq = m.trade_seq AND "
		"t.event_us = m.event_us) AND NOT EXISTS (SELECT 1 FROM store.stream_gaps g WHERE "
		"g.instrument_name = m.instrument_name AND g.first_seq <= m.trade_seq AND g.last_seq >= "
		"m.trade_seq AND g.filled_us IS NULL)",
		until_us);
	must_be_none(verdict, db, "trades missing", sql);
	verdict->refilled = check_number(db, "SELECT count(*) FROM store.option_trades WHERE refilled");
}

void check_agreement(struct verdict *verdict, sqlite3 *db, int64_t trades_until_us, bool has_faults)
{
	check_excess(verdict, db);
	check_missing(verdict, db, has_faults);
	check_trades(verdict, db, trades_until_us);
	must_be_none(verdict, db, "records rejected",
		"SELECT count(*), min(kind || ': ' || reason) FROM store.rejected_records");
	if (check_number(db, "SELECT count(*) FROM sent") == 0)
		verdict_fault(verdict, "nothing was sent at all");
}
