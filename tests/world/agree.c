/*
 * agree.c: ledger against store, as design section 11 says: what is stored was sent, each once and
 * every field equal; what was sent is stored, but for the end of a connection that was cut, which
 * lies in a row of stream_gaps; every trade is there.
 */
#include "check_inside.h"
#include "tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDES "bid_price, bid_amount, ask_price, ask_amount"
#define TICKER                                                                                     \
	"state, mark_price, mark_iv, bid_iv, ask_iv, " SIDES ", last_price, underlying_price, "        \
	"underlying_index, index_price, interest_rate, open_interest, volume, delta, gamma, theta, "   \
	"vega, rho, settlement_price, delivery_price, min_price, max_price, current_funding, funding_8h"
#define BOOK "change_id, prev_change_id, is_snapshot, side, price, amount"
#define TRADE                                                                                      \
	"trade_seq, event_us, trade_id, price, amount, contracts, direction, iv, mark_price, "         \
	"index_price, tick_direction, liquidation, block_trade_id, combo_id"

enum { KIND_COUNT = 4 };

/* Sent: seq, instrument, what must be equal. Stored: instrument, the same. */
static const struct kind {
	const char *name, *sent, *stored;
} kinds[KIND_COUNT] = {
	{ "quotes", "SELECT seq, instrument_name, event_us, " SIDES " FROM sent_quotes",
		"SELECT instrument_id, event_us, " SIDES " FROM store.option_quotes_base" },
	{ "tickers", "SELECT seq, instrument_name, event_us, " TICKER " FROM sent_tickers",
		"SELECT instrument_id, event_us, " TICKER " FROM store.tickers_base" },
	{ "book rows", "SELECT seq, instrument_name, event_us, " BOOK " FROM sent_books",
		"SELECT instrument_id, event_us, " BOOK " FROM store.books_base WHERE side IS NOT NULL" },
	{ "index prices", "SELECT seq, index_name, event_us, price FROM sent_index_prices",
		"SELECT index_name, event_us, price FROM store.index_prices" },
};

/* A message: where it went, how many rows it had, and how many of them are stored. */
struct message {
	int64_t connection, number;
	uint32_t rows, stored;
	uint32_t twins; /* rows that are stored, of another message that had the same */
	bool is_due;    /* it must be stored, unless its connection was cut */
};

struct ref {
	uint64_t seq, hash;
};

/* The rows that were sent of one kind. */
struct sent {
	struct tally tally;
	struct ref *refs;
	size_t count, size;
};

struct comparison {
	struct verdict *verdict;
	sqlite3 *db;
	struct tally_names names;
	struct message *messages; /* by seq */
	size_t message_count;
	int64_t *ends;  /* by connection: the number of the last message that is stored */
	int64_t *holes; /* likewise: of the first one behind it that is not; INT64_MAX: none */
	struct sent sent[KIND_COUNT];
};

static void add_ref(struct sent *sent, uint64_t seq, uint64_t hash)
{
	if (sent->count == sent->size) {
		sent->size = sent->size == 0 ? 4096 : sent->size * 2;
		sent->refs = realloc(sent->refs, sent->size * sizeof(*sent->refs));
		if (sent->refs == NULL)
			abort();
	}
	sent->refs[sent->count++] = (struct ref){ seq, hash };
}

static void finish_sent(struct sent *sent)
{
	free(sent->refs);
	tally_finish(&sent->tally);
}

/* -- what is stored was sent, once ---------------------------------------------------- */

static void read_names(struct comparison *comparison)
{
	sqlite3_stmt *row = check_prepare(comparison->db,
		"SELECT instrument_id, instrument_name FROM store.instrument_metadata ORDER BY 1 DESC");

	while (sqlite3_step(row) == SQLITE_ROW)
		tally_names_add(&comparison->names, sqlite3_column_int64(row, 0),
			(const char *)sqlite3_column_text(row, 1));
	sqlite3_finalize(row);
}

static void read_sent(struct comparison *comparison, const char *sql, struct sent *sent)
{
	sqlite3_stmt *row = check_prepare(comparison->db, sql);

	while (sqlite3_step(row) == SQLITE_ROW) {
		uint64_t hash = tally_hash(row, 1, &comparison->names);

		tally_sent(&sent->tally, hash);
		add_ref(sent, (uint64_t)sqlite3_column_int64(row, 0), hash);
	}
	sqlite3_finalize(row);
}

static void read_stored(
	struct comparison *comparison, const char *what, const char *sql, struct tally *tally)
{
	sqlite3_stmt *row = check_prepare(comparison->db, sql);
	unsigned more = 0;
	char example[96] = "";

	while (sqlite3_step(row) == SQLITE_ROW) {
		if (tally_stored(tally, tally_hash(row, 0, &comparison->names)))
			continue;
		if (more++ == 0)
			snprintf(example, sizeof(example), "instrument %s, %s",
				(const char *)sqlite3_column_text(row, 0),
				(const char *)sqlite3_column_text(row, 1));
	}
	sqlite3_finalize(row);
	if (more > 0)
		verdict_fault(comparison->verdict, "%s repeated or not as sent: %u, such as of %s", what,
			more, example);
}

/* -- which messages are stored -------------------------------------------------------- */

static void read_messages(struct comparison *comparison)
{
	int64_t connections = check_number(comparison->db, "SELECT max(connection) FROM sent");
	sqlite3_stmt *row;

	comparison->message_count =
		(size_t)check_number(comparison->db, "SELECT max(seq) FROM sent") + 1;
	comparison->messages = calloc(comparison->message_count, sizeof(*comparison->messages));
	comparison->ends = calloc((size_t)connections + 1, sizeof(*comparison->ends));
	comparison->holes = calloc((size_t)connections + 1, sizeof(*comparison->holes));
	if (comparison->messages == NULL || comparison->ends == NULL || comparison->holes == NULL)
		abort();
	for (int64_t i = 0; i <= connections; i++)
		comparison->holes[i] = INT64_MAX;
	row = check_prepare(comparison->db,
		"SELECT seq, connection, number_on_connection, kind NOT IN ('trade', 'replay', 'repeat') "
		"AND items > 0 FROM sent");
	while (sqlite3_step(row) == SQLITE_ROW)
		comparison->messages[sqlite3_column_int64(row, 0)] =
			(struct message){ .connection = sqlite3_column_int64(row, 1),
				.number = sqlite3_column_int64(row, 2),
				.is_due = sqlite3_column_int(row, 3) != 0 };
	sqlite3_finalize(row);
}

static bool is_behind_end(const struct comparison *comparison, const struct message *message)
{
	return message->number > comparison->ends[message->connection];
}

static void take(struct comparison *comparison, struct message *message)
{
	message->stored++;
	if (is_behind_end(comparison, message))
		comparison->ends[message->connection] = message->number;
}

/* Rows that all are stored, or none of. */
static void take_clear(struct comparison *comparison, struct sent *sent)
{
	for (size_t i = 0; i < sent->count; i++) {
		struct message *message = &comparison->messages[sent->refs[i].seq];
		struct tally_entry *entry = tally_find(&sent->tally, sent->refs[i].hash);

		message->rows++;
		if (entry->stored >= entry->sent)
			take(comparison, message);
		else if (entry->stored > 0)
			message->twins++;
		if (message->connection > entry->latest)
			entry->latest = (uint32_t)message->connection;
	}
}

/* What is lost for sure behind the end: nothing else behind it is taken for stored. */
static void find_holes(struct comparison *comparison)
{
	for (size_t seq = 0; seq < comparison->message_count; seq++) {
		const struct message *message = &comparison->messages[seq];
		int64_t *hole = &comparison->holes[message->connection];

		if (message->is_due && message->stored == 0 && message->twins == 0 &&
			is_behind_end(comparison, message) && message->number < *hole)
			*hole = message->number;
	}
}

/*
 * Of equal rows not all are stored: what a connection was sent at its end comes again as the
 * snapshot of the next one, and on one whose client is gone the same is sent as to its successor.
 * They go first to whom they must belong, then to the latest connection, then to who is next in
 * line; of the others nobody can say, and nothing hangs on it.
 */
enum whose { WHOSE_IT_MUST_BE, OF_THE_LATEST, NEXT_IN_LINE };
enum { IN_LINE = 16 }; /* messages between, such as trades, that say nothing of the end */

static bool is_candidate(const struct comparison *comparison, const struct message *message,
	const struct tally_entry *entry, enum whose whose)
{
	if (entry->stored >= entry->sent || entry->taken >= entry->stored || message->twins == 0 ||
		message->number > comparison->holes[message->connection])
		return false;
	switch (whose) {
	case WHOSE_IT_MUST_BE: return !is_behind_end(comparison, message);
	case OF_THE_LATEST: return message->connection == entry->latest;
	case NEXT_IN_LINE: return message->number <= comparison->ends[message->connection] + IN_LINE;
	}
	return false;
}

/* From the latest on: of two in line it is the one whose client lived longer. True: some were. */
static bool take_alike(struct comparison *comparison, struct sent *sent, enum whose whose)
{
	bool has_taken = false;

	for (size_t i = sent->count; i-- > 0;) {
		struct message *message = &comparison->messages[sent->refs[i].seq];
		struct tally_entry *entry = tally_find(&sent->tally, sent->refs[i].hash);

		if (!is_candidate(comparison, message, entry, whose))
			continue;
		entry->taken++;
		message->twins--;
		take(comparison, message);
		has_taken = true;
	}
	return has_taken;
}

static bool take_all_alike(struct comparison *comparison, enum whose whose)
{
	bool has_taken = false;

	for (size_t i = 0; i < KIND_COUNT; i++)
		has_taken |= take_alike(comparison, &comparison->sent[i], whose);
	return has_taken;
}

static void find_stored(struct comparison *comparison)
{
	for (size_t i = 0; i < KIND_COUNT; i++) {
		read_sent(comparison, kinds[i].sent, &comparison->sent[i]);
		read_stored(comparison, kinds[i].name, kinds[i].stored, &comparison->sent[i].tally);
	}
	for (size_t i = 0; i < KIND_COUNT; i++)
		take_clear(comparison, &comparison->sent[i]);
	find_holes(comparison);
	(void)take_all_alike(comparison, WHOSE_IT_MUST_BE);
	(void)take_all_alike(comparison, OF_THE_LATEST);
	for (int i = 0; i < 100 && take_all_alike(comparison, NEXT_IN_LINE); i++)
		; /* each moves the line on */
	for (size_t seq = 0; seq < comparison->message_count; seq++) {
		const struct message *message = &comparison->messages[seq];

		comparison->verdict->messages += message->connection != 0;
		comparison->verdict->stored += message->stored > 0;
		if (message->stored > 0 && message->stored < message->rows)
			verdict_fault(comparison->verdict, "message %zu is stored in part: %u of %u rows", seq,
				message->stored, message->rows);
	}
}

/* temp.lost: what was sent and is not stored; is_hole: something behind it on its connection is. */
static void find_lost(struct comparison *comparison)
{
	sqlite3_stmt *add;

	check_run(comparison->db,
		"DROP TABLE IF EXISTS temp.lost; CREATE TEMP TABLE lost AS SELECT *, 0 AS is_hole FROM sent "
		"WHERE false");
	add = check_prepare(
		comparison->db, "INSERT INTO temp.lost SELECT *, ?2 FROM sent WHERE seq = ?1");
	for (size_t seq = 0; seq < comparison->message_count; seq++) {
		const struct message *message = &comparison->messages[seq];

		if (!message->is_due || message->stored > 0 || message->twins > 0)
			continue;
		sqlite3_bind_int64(add, 1, (int64_t)seq);
		sqlite3_bind_int(add, 2, !is_behind_end(comparison, message));
		(void)sqlite3_step(add);
		sqlite3_reset(add);
		comparison->verdict->missing++;
	}
	sqlite3_finalize(add);
}

/* -- what was sent is stored ---------------------------------------------------------- */

#define EXAMPLE                                                                                    \
	"SELECT count(*), min(kind || ' of ' || instrument_name || ' at ' || event_us || ', seq ' || " \
	"seq || ', connection ' || connection) FROM lost"
/* A snapshot may tell of a time long before it was sent: the gap is of the sending then. */
#define IN_A_GAP(condition)                                                                        \
	"EXISTS (SELECT 1 FROM store.stream_gaps g WHERE ((g.started_us - clocks_off() <= "            \
	"lost.event_us AND g.ended_us + clocks_off() >= lost.event_us) OR (g.started_us - "            \
	"clocks_off() <= lost.sent_us AND g.ended_us + clocks_off() >= lost.sent_us)) AND " condition  \
	")"
/* The process that had dialled was gone: the venue had not noticed. */
#define TO_NOBODY                                                                                  \
	"EXISTS (SELECT 1 FROM temp.killed k JOIN main.connections c ON c.connection = "               \
	"lost.connection WHERE c.opened_us - venue_off() < k.at_us AND lost.sent_us - venue_off() > "  \
	"k.at_us)"
/* What the journal had no room for, and a book that has lost its thread, may be missing amidst. */
#define AMIDST                                                                                     \
	"(g.cause = 'journal_full' OR (g.cause = 'change_id' AND g.instrument_name = "                 \
	"lost.instrument_name))"

static void check_missing(struct verdict *verdict, sqlite3 *db, bool has_faults)
{
	if (!has_faults) {
		check_none(verdict, db, "messages missing though nothing went wrong", EXAMPLE);
		check_none(verdict, db, "gaps though nothing went wrong",
			"SELECT count(*), min(cause || ' ' || coalesce(detail, '')) FROM store.stream_gaps");
		return;
	}
	check_none(verdict, db, "messages missing outside of any row of stream_gaps",
		EXAMPLE " WHERE NOT " IN_A_GAP("true") " AND NOT " TO_NOBODY);
	check_none(verdict, db, "messages missing amidst a connection",
		EXAMPLE " WHERE is_hole AND NOT " IN_A_GAP(AMIDST));
	/* Of what expired meanwhile there is no later one. */
	check_none(verdict, db, "book changes missing that no later snapshot covers",
		"SELECT count(*), min(instrument_name || ' ' || change_id) FROM sent_books b WHERE seq IN "
		"(SELECT seq FROM lost) AND NOT EXISTS (SELECT 1 FROM store.books s WHERE s.instrument_name "
		"= b.instrument_name AND s.is_snapshot AND s.change_id >= b.change_id) AND NOT EXISTS (SELECT 1 FROM "
		"lost l JOIN store.instrument_metadata m USING (instrument_name) WHERE l.seq = b.seq AND "
		"m.expiration_timestamp * 1000 < l.sent_us + 1200000000)");
}

/* -- trades: of the market, however they came ----------------------------------------- */

static void find_untaken_trades(struct comparison *comparison)
{
	struct sent sent = { 0 };
	sqlite3_stmt *add;

	read_sent(comparison, "SELECT rowid, instrument_name, " TRADE " FROM temp.happened", &sent);
	read_stored(comparison, "trades",
		"SELECT instrument_id, " TRADE " FROM store.option_trades_base", &sent.tally);
	check_run(comparison->db,
		"DROP TABLE IF EXISTS temp.untaken; CREATE TEMP TABLE untaken (id INTEGER PRIMARY KEY)");
	add = check_prepare(comparison->db, "INSERT INTO untaken VALUES (?)");
	for (size_t i = 0; i < sent.count; i++) {
		if (tally_find(&sent.tally, sent.refs[i].hash)->stored > 0)
			continue;
		sqlite3_bind_int64(add, 1, (int64_t)sent.refs[i].seq);
		(void)sqlite3_step(add);
		sqlite3_reset(add);
	}
	sqlite3_finalize(add);
	finish_sent(&sent);
}

/*
 * An exchange with faults of its own may swallow a trade, and begun anew it does not remember it:
 * nobody can know. From the first one on that the feed was sent; what the venue could not give
 * again has a row. Nor does anybody know what was sent to a process that was dead.
 */
static void check_trades(struct comparison *comparison, int64_t until_us)
{
	sqlite3 *db = comparison->db;
	char sql[1800];

	check_run(db,
		"DROP TABLE IF EXISTS temp.happened; CREATE TEMP TABLE happened AS SELECT * FROM "
		"market_trades; DROP TABLE IF EXISTS temp.first_trade; CREATE TEMP TABLE first_trade AS "
		"SELECT substr(channel, 15, 3) AS currency, min(event_us) AS event_us FROM sent WHERE kind = "
		"'trade' AND channel LIKE 'trades.option.%' GROUP BY 1");
	find_untaken_trades(comparison);
	check_run(db,
		"CREATE INDEX IF NOT EXISTS sent_trades_of ON sent_trades (instrument_name, trade_seq)");
	snprintf(sql, sizeof(sql),
		"SELECT count(*), min(m.instrument_name || ' ' || m.trade_seq || ' at ' || m.event_us) FROM "
		"untaken JOIN happened m ON m.rowid = untaken.id JOIN first_trade f ON f.currency = "
		"substr(m.instrument_name, 1, 3) WHERE (m.instrument_name LIKE '%%-C' OR m.instrument_name "
		"LIKE '%%-P') AND m.event_us < %" PRId64 " AND m.event_us >= f.event_us AND NOT EXISTS "
		"(SELECT 1 FROM store.stream_gaps g WHERE g.instrument_name = m.instrument_name AND "
		"g.first_seq <= m.trade_seq AND g.last_seq >= m.trade_seq AND g.filled_us IS NULL) AND NOT "
		"(EXISTS (SELECT 1 FROM temp.disturbed d WHERE d.what = 'venue' AND m.event_us < d.to_us) AND "
		"NOT EXISTS (SELECT 1 FROM sent_trades s JOIN main.sent lost USING (seq) WHERE "
		"s.instrument_name = m.instrument_name AND s.trade_seq = m.trade_seq AND NOT " TO_NOBODY
		"))",
		until_us);
	check_none(comparison->verdict, db, "trades missing", sql);
	comparison->verdict->refilled =
		check_number(db, "SELECT count(*) FROM store.option_trades_base WHERE refilled");
}

/* -- all of it ------------------------------------------------------------------------ */

void check_agreement(struct verdict *verdict, sqlite3 *db, int64_t trades_until_us, bool has_faults)
{
	struct comparison comparison = { .verdict = verdict, .db = db };

	check_tables(db);
	read_messages(&comparison);
	read_names(&comparison);
	find_stored(&comparison);
	find_lost(&comparison);
	check_missing(verdict, db, has_faults);
	check_trades(&comparison, trades_until_us);
	check_none(verdict, db, "records rejected",
		"SELECT count(*), min(kind || ': ' || reason) FROM store.rejected_records");
	if (!has_faults)
		check_none(verdict, db, "quiet instruments taken for mute",
			"SELECT count(*), min(instrument_name) FROM store.stream_gaps WHERE cause = 'mute'");
	if (verdict->messages == 0)
		verdict_fault(verdict, "nothing was sent at all");
	tally_names_finish(&comparison.names);
	for (size_t i = 0; i < KIND_COUNT; i++)
		finish_sent(&comparison.sent[i]);
	free(comparison.messages);
	free(comparison.ends);
	free(comparison.holes);
}
