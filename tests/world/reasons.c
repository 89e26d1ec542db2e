/* reasons.c: what was done to a collector against what it says of it. */
#include "check_inside.h"

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
		"CREATE TEMP TABLE IF NOT EXISTS disturbed (from_us INTEGER, to_us INTEGER, what TEXT); "
		"CREATE TEMP TABLE IF NOT EXISTS killed (at_us INTEGER, back_us INTEGER, keeps_us INTEGER)");
}

void check_disturbed(sqlite3 *db, const char *what, int64_t from_us, int64_t to_us)
{
	check_tables(db);
	add(db, "INSERT INTO temp.disturbed VALUES (?, ?, ?)", what, (int64_t[]){ from_us, to_us }, 2);
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
 * An exchange that has begun anew has another market: what was learned of each instrument's pauses
 * is wrong for it, until each alarm has doubled what is expected as often as it takes.
 */
#define ANEW_US "10800000000"
#define OF_ANOTHER_MARKET(time)                                                                    \
	"(g.cause IN ('mute', 'stale') AND EXISTS (SELECT 1 FROM temp.disturbed d WHERE d.what = "     \
	"'exchange down' AND " time " BETWEEN d.from_us AND d.to_us + " ANEW_US "))"
/* How long a venue counts what nobody has closed: two heartbeats at most, and the answer's way. */
#define GHOST_US "150000000"

static void check_gaps(struct verdict *verdict, sqlite3 *db)
{
	check_none(verdict, db, "gaps of which nothing that was done is the cause",
		"SELECT count(*), min(cause || ' at ' || started_us || ': ' || ifnull(detail, '')) FROM "
		"store.stream_gaps g WHERE cause NOT IN ('trade_seq', 'change_id') AND NOT EXISTS (SELECT 1 "
		"FROM temp.disturbed d WHERE g.started_us BETWEEN d.from_us - " BEFORE_US
		" AND d.to_us + " BEHIND_US ") AND NOT " OF_ANOTHER_MARKET("g.started_us"));
	check_none(verdict, db, "gaps that end long after their cause",
		"SELECT count(*), min(cause || ' at ' || started_us || ': ' || ifnull(detail, '')) FROM "
		"store.stream_gaps g WHERE ended_us IS NOT NULL AND instrument_name IS NULL AND NOT EXISTS "
		"(SELECT 1 FROM temp.disturbed d WHERE g.ended_us <= d.to_us + " BEHIND_US
		" AND g.ended_us >= d.from_us) AND NOT " OF_ANOTHER_MARKET("g.ended_us"));
	/* One that a store has and a power cut took from the journal is nobody's to end. */
	check_none(verdict, db, "gaps that have not ended",
		"SELECT count(*), min(cause || ' at ' || started_us || ': ' || ifnull(detail, '')) FROM "
		"store.stream_gaps g WHERE ended_us IS NULL AND NOT EXISTS (SELECT 1 FROM temp.killed k WHERE "
		"k.keeps_us > 0 AND g.started_us BETWEEN k.at_us - 1200000000 AND k.at_us)");
}

static void check_kills(struct verdict *verdict, sqlite3 *db)
{
	check_none(verdict, db, "kills that left no row of stream_gaps",
		"SELECT count(*), min(at_us) FROM temp.killed k WHERE EXISTS (SELECT 1 FROM sent WHERE sent_us "
		"< k.at_us - 60000000) AND NOT EXISTS (SELECT 1 FROM store.stream_gaps g WHERE g.cause = "
		"'process' AND g.started_us <= k.at_us AND g.ended_us >= k.back_us)");
	/* Nothing else was wrong shortly before, so all had arrived but for the last moments. */
	check_none(verdict, db, "messages lost that should have been on the disk",
		"SELECT count(*), min(l.kind || ' of ' || l.instrument_name || ' at ' || l.event_us) FROM "
		"temp.killed k JOIN temp.lost l ON l.sent_us BETWEEN k.at_us - 600000000 AND k.at_us - "
		"k.keeps_us - 10000000 WHERE NOT EXISTS (SELECT 1 FROM temp.disturbed d WHERE d.from_us < "
		"k.at_us - 1000000 AND d.to_us > k.at_us - 1800000000)");
}

/*
 * Nothing is refused, but connections where the venue still counts those of a machine that lost its
 * power, or of a line that was cut: nobody could close them. Those that live are never more than
 * allowed (moment.c).
 */
static void check_refusals(struct verdict *verdict, sqlite3 *db)
{
	check_none(verdict, db, "refused by the venue for going beyond its limits",
		"SELECT count(*), min(what || ' at ' || at_us || ': ' || ifnull(detail, '')) FROM refusals r "
		"WHERE NOT (what = 'connections' AND EXISTS (SELECT 1 FROM temp.disturbed d WHERE d.what IN "
		"('power cut', 'killed twice', 'half open', 'partition', 'latency') AND r.at_us BETWEEN "
		"d.from_us AND d.to_us + " GHOST_US "))");
}

void check_reasons(struct verdict *verdict, sqlite3 *db)
{
	check_tables(db);
	check_gaps(verdict, db);
	check_kills(verdict, db);
	check_refusals(verdict, db);
}
