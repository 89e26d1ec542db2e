/* reasons.c: what was done to a collector against what it says of it. */
#include "check_inside.h"

#include <stdio.h>

static void add(sqlite3 *db, const char *sql, const char *what, const int64_t *numbers, int count)
{
	sqlite3_stmt *row = check_prepare(db, sql);

	for (int i = 0; i < count; i++)
		sqlite3_bind_int64(row, i + 1, numbers[i]);
	if (what != NULL)
		sqlite3_bind_text(row, count + 1, what, -1, SQLITE_STATIC);
	(void)sqlite3_step(row);
	sqlite3_finalize(row);
}

void check_tables(sqlite3 *db)
{
	check_run(db,
		"CREATE TEMP TABLE IF NOT EXISTS disturbed (from_us INTEGER, to_us INTEGER, has_effect "
		"INTEGER, what TEXT); CREATE TEMP TABLE IF NOT EXISTS said (at_us INTEGER, line TEXT); "
		/* A clock that is off makes no hole. */
		"CREATE TEMP VIEW IF NOT EXISTS cut AS SELECT * FROM temp.disturbed WHERE what NOT IN "
		"('clock', 'venue clock'); "
		"CREATE TEMP TABLE IF NOT EXISTS killed (at_us INTEGER, back_us INTEGER, keeps_us INTEGER)");
}

void check_disturbed(sqlite3 *db, const char *what, int64_t from_us, int64_t to_us, bool has_effect)
{
	check_tables(db);
	add(db, "INSERT INTO temp.disturbed VALUES (?, ?, ?, ?)", what,
		(int64_t[]){ from_us, to_us, has_effect }, 3);
}

void check_said(sqlite3 *db, int64_t at_us, const char *line)
{
	check_tables(db);
	add(db, "INSERT INTO temp.said VALUES (?, ?)", line, &at_us, 1);
}

void check_killed(sqlite3 *db, int64_t at_us, int64_t back_us, int64_t keeps_us)
{
	check_tables(db);
	add(db, "INSERT INTO temp.killed VALUES (?, ?, ?)", NULL,
		(int64_t[]){ at_us, back_us, keeps_us }, 3);
}

/*
 * A gap begins at the last message before the trouble, on a thin stream a while before it; the
 * longest silence until it is noticed is the kernel's own patience.
 */
#define BEFORE_US "300000000"
#define BEHIND_US "1200000000"
/*
 * An instrument may fall silent for longer than ever by itself, as an option does whose price has
 * come to the least there is: nothing of it was sent then.
 */
#define IS_SILENCE(gap)                                                                            \
	"(" gap                                                                                        \
	".cause = 'mute' AND NOT EXISTS (SELECT 1 FROM main.sent s WHERE s.instrument_name = " gap     \
	".instrument_name AND s.kind = " gap ".channel AND s.sent_us BETWEEN " gap                     \
	".started_us + 5000000 + clocks_off() AND " gap ".ended_us - 5000000 - clocks_off()))"
/* For such a one the whole connection is replaced in the end. */
#define STAYS_SILENT                                                                                 \
	"(g.cause = 'stale' AND EXISTS (SELECT 1 FROM store.stream_gaps m WHERE " IS_SILENCE(            \
		"m") " AND g.detail = m.instrument_name || ' stays mute' AND m.started_us < g.ended_us AND " \
			 "m.ended_us > g.started_us - " BEHIND_US "))"
/*
 * An exchange that has begun anew has another market: what was learned of each connection's pauses
 * is wrong for it, until each alarm has doubled what is expected as often as it takes.
 */
#define ANEW_US "10800000000"
#define OF_ANOTHER_MARKET                                                                          \
	"(g.cause = 'stale' AND g.detail LIKE 'no records for %' AND EXISTS (SELECT 1 FROM "           \
	"temp.disturbed d WHERE d.what = 'exchange down' AND g.started_us BETWEEN d.from_us AND "      \
	"d.to_us + " ANEW_US "))"
/* Behind a power cut the page that says since when is as old as the disk had it: told too long. */
#define OF_A_POWER_CUT                                                                               \
	"(g.cause = 'process' AND EXISTS (SELECT 1 FROM temp.killed k WHERE k.keeps_us > 0 AND k.at_us " \
	"BETWEEN g.started_us AND g.ended_us + clocks_off() AND k.at_us < g.started_us + " BEHIND_US     \
	"))"
/* What was traded while a connection was replaced: whether that had a cause is asked of its own
 * row. */
#define OF_A_REPLACEMENT                                                                            \
	"(g.cause = 'trade_seq' AND EXISTS (SELECT 1 FROM store.stream_gaps s WHERE s.cause = 'stale' " \
	"AND s.started_us - clocks_off() <= g.ended_us AND s.ended_us + clocks_off() >= "               \
	"g.started_us))"
#define OF_ITSELF                                                                                  \
	"(" IS_SILENCE("g") " OR " STAYS_SILENT " OR " OF_ANOTHER_MARKET " OR " OF_A_POWER_CUT         \
						" OR " OF_A_REPLACEMENT ")"
/* The row of a kill begins where the least read connection had come to; on a thin stream that is
 * long before. */
#define BEGINS_QUIETLY                                                                             \
	"(g.cause = 'process' AND EXISTS (SELECT 1 FROM temp.killed k WHERE k.at_us BETWEEN "          \
	"g.started_us - clocks_off() AND g.started_us + " BEHIND_US "))"
/* How long a venue counts what nobody has closed: two heartbeats at most, and the answer's way. */
#define GHOST_US "150000000"

/* The row of a kill begins with the last record before it, and a power cut soon after may take it.
 */
#define OF_A_PROCESS_CUT_SHORT                                                                     \
	"EXISTS (SELECT 1 FROM temp.killed k JOIN temp.killed later ON later.keeps_us > 0 AND "        \
	"later.at_us BETWEEN k.back_us AND k.back_us + 1200000000 WHERE g.started_us - clocks_off() "  \
	"<= k.at_us AND g.started_us > k.at_us - 86400000000)"

static void check_gaps(struct verdict *verdict, sqlite3 *db)
{
	check_none(verdict, db, "gaps of which nothing that was done is the cause",
		"SELECT count(*), min(cause || ' from ' || started_us || ' to ' || ifnull(ended_us, '?') || ': ' || ifnull(detail, '')) FROM "
		"store.stream_gaps g WHERE cause NOT IN ('trade_seq', 'change_id') AND CASE WHEN EXISTS "
		"(SELECT 1 FROM temp.cut d WHERE g.started_us BETWEEN d.from_us - " BEFORE_US
		" AND d.to_us + " BEHIND_US ") THEN false ELSE NOT (" OF_ITSELF " OR " BEGINS_QUIETLY
		") END");
	check_none(verdict, db, "gaps that end long after their cause",
		"SELECT count(*), min(cause || ' from ' || started_us || ' to ' || ifnull(ended_us, '?') || ': ' || ifnull(detail, '')) FROM "
		"store.stream_gaps g WHERE ended_us IS NOT NULL AND instrument_name IS NULL AND CASE WHEN "
		"EXISTS (SELECT 1 FROM temp.cut d WHERE g.ended_us - clocks_off() <= d.to_us + " BEHIND_US
		" AND g.ended_us + clocks_off() >= d.from_us) THEN false ELSE NOT " OF_ITSELF " END");
	/* One that a store has and a power cut took from the journal is nobody's to end. */
	check_none(verdict, db, "gaps that have not ended",
		"SELECT count(*), min(cause || ' from ' || started_us || ' to ' || ifnull(ended_us, '?') || ': ' || ifnull(detail, '')) FROM "
		"store.stream_gaps g WHERE ended_us IS NULL AND NOT EXISTS (SELECT 1 FROM temp.killed k WHERE "
		"k.keeps_us > 0 AND g.started_us BETWEEN k.at_us - 1200000000 AND k.at_us) AND NOT (cause = "
		"'process' AND " OF_A_PROCESS_CUT_SHORT ")");
}

static void check_kills(struct verdict *verdict, sqlite3 *db)
{
	check_none(verdict, db, "kills that left no row of stream_gaps",
		"SELECT count(*), min(at_us) FROM temp.killed k WHERE EXISTS (SELECT 1 FROM sent WHERE sent_us "
		"< k.at_us - 60000000) AND NOT EXISTS (SELECT 1 FROM store.stream_gaps g WHERE g.cause = "
		"'process' AND g.started_us - clocks_off() <= k.at_us AND g.ended_us + clocks_off() >= k.back_us)");
	/*
	 * Nothing else was wrong shortly before, so all had arrived but for the last moments; where the
	 * kill is the second of two within a second, but for those before the first.
	 */
	check_none(verdict, db, "messages lost that should have been on the disk",
		"SELECT count(*), min(l.kind || ' of ' || l.instrument_name || ' at ' || l.event_us) FROM "
		"temp.killed k JOIN temp.lost l ON l.sent_us - venue_off() BETWEEN k.at_us - 600000000 AND k.at_us - "
		"k.keeps_us - 10000000 WHERE NOT EXISTS (SELECT 1 FROM temp.cut d WHERE d.from_us < "
		"k.at_us - 1000000 AND d.to_us > k.at_us - 1800000000) AND NOT EXISTS (SELECT 1 FROM "
		"temp.killed f WHERE f.at_us < k.at_us AND l.sent_us - venue_off() BETWEEN f.at_us - f.keeps_us - "
		"10000000 AND f.at_us)");
}

/*
 * What must tell of each kind of fault, at the time of it. A row of stream_gaps for what cuts the
 * stream off, an event for what else happens to the data, a warning in the log for the rest.
 * Latency alone has no effect for sure; where it breaks a connection, that has its row.
 */
#define GAP_OF_IT                                                                                  \
	"SELECT 1 FROM store.stream_gaps g WHERE g.started_us <= d.to_us + " BEHIND_US                 \
	" AND g.ended_us + clocks_off() >= d.from_us"
#define SAID(words)                                                                                \
	"SELECT 1 FROM temp.said s WHERE s.at_us BETWEEN d.from_us AND d.to_us + 10000000 AND s.line " \
	"LIKE '%" words "%'"

static const struct {
	const char *what, *told;
} evidence[] = {
	{ "reset", GAP_OF_IT },
	{ "half open", GAP_OF_IT },
	{ "partition", GAP_OF_IT },
	{ "kill", GAP_OF_IT " AND g.cause = 'process'" },
	{ "power cut", GAP_OF_IT " AND g.cause = 'process'" },
	{ "killed twice", GAP_OF_IT " AND g.cause = 'process'" },
	{ "restart", GAP_OF_IT " AND g.cause = 'process'" },
	{ "disk", SAID("journal: ") },
	{ "exchange down", GAP_OF_IT },
	{ "names", SAID("dialling again quietly") },
	{ "clock",
		"SELECT 1 FROM store.lifecycle_events e WHERE e.event_type = 'clock_stepped' AND e.event_us "
		"BETWEEN d.from_us - clocks_off() AND d.to_us + clocks_off() + 10000000" },
	{ "venue clock", SAID("the venue_s time is") },
};

static void check_told(struct verdict *verdict, sqlite3 *db)
{
	char sql[1000], what[80];

	for (size_t i = 0; i < sizeof(evidence) / sizeof(*evidence); i++) {
		snprintf(what, sizeof(what), "%s: nothing tells of it", evidence[i].what);
		snprintf(sql, sizeof(sql),
			"SELECT count(*), min('from ' || d.from_us || ' to ' || d.to_us) FROM temp.disturbed d "
			"WHERE d.has_effect AND d.what = '%s' AND NOT EXISTS (%s)",
			evidence[i].what, evidence[i].told);
		check_none(verdict, db, what, sql);
	}
}

/* Where the venue saw a connection break, the collector has a hole in its stream. */
static void check_ended(struct verdict *verdict, sqlite3 *db)
{
	check_none(verdict, db, "connections that broke and left no row of stream_gaps",
		"SELECT count(*), min(c.connection || ', ' || c.reason || ' at ' || c.closed_us) FROM "
		"main.connections c WHERE c.messages > 0 AND c.closed_us IS NOT NULL AND c.reason <> "
		"'peer_closed' AND NOT EXISTS (SELECT 1 FROM store.stream_gaps g WHERE g.started_us <= "
		"c.closed_us + 60000000 + clocks_off() AND g.ended_us + clocks_off() >= c.closed_us - " BEHIND_US
		")");
}

/*
 * Nothing is refused, but connections where the venue still counts those of a machine that lost its
 * power, or of a line that was cut: nobody could close them. Those that live are never more than
 * allowed (moment.c). Nor does one know that the process before it, killed within seconds of its
 * own start, has used the credits up.
 */
#define SECOND_START                                                                                 \
	"SELECT 1 FROM temp.killed a JOIN temp.killed b ON b.at_us > a.at_us AND b.at_us < a.back_us + " \
	"3000000 WHERE r.at_us - venue_off() BETWEEN b.back_us AND b.back_us + 3000000"

static void check_refusals(struct verdict *verdict, sqlite3 *db)
{
	check_none(verdict, db, "refused by the venue for going beyond its limits",
		"SELECT count(*), min(what || ' at ' || at_us || ': ' || ifnull(detail, '')) FROM refusals r "
		"WHERE NOT (what = 'connections' AND EXISTS (SELECT 1 FROM temp.disturbed d WHERE d.what IN "
		"('power cut', 'killed twice', 'half open', 'partition', 'latency') AND r.at_us - venue_off() BETWEEN "
		"d.from_us AND d.to_us + " GHOST_US ")) AND NOT (what = 'credits' AND EXISTS (" SECOND_START
		"))");
}

void check_reasons(struct verdict *verdict, sqlite3 *db)
{
	check_tables(db);
	check_gaps(verdict, db);
	check_kills(verdict, db);
	check_told(verdict, db);
	check_ended(verdict, db);
	check_refusals(verdict, db);
}
