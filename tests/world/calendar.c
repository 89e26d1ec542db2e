/* calendar.c: what the store says of listings and expiries, against the exchange's own calendar. */
#include <inttypes.h>
#include <stdio.h>

#include "month.h"

/* How late an event may be: a notice is followed at once; a second's tick, a batch of listings. */
#define TOLD_WITHIN_US "3000000"
/* From the moment it is to be left until the venue has acknowledged that. */
#define LEFT_WITHIN_US INT64_C(5000000)

static void must_be_none(struct month *month, sqlite3 *db, const char *what, const char *sql)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
		verdict_fault(&month->verdict, "%s: %s: %s", what, sqlite3_errmsg(db), sql);
		return;
	}
	if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int64(statement, 0) != 0)
		verdict_fault(&month->verdict, "%s: %" PRId64 ", such as %s", what,
			(int64_t)sqlite3_column_int64(statement, 0),
			sqlite3_column_text(statement, 1) == NULL
				? "?"
				: (const char *)sqlite3_column_text(statement, 1));
	sqlite3_finalize(statement);
}

void month_check_quotes(struct month *month, sqlite3 *db)
{
	char sql[640];

	snprintf(sql, sizeof(sql),
		"SELECT count(*), max(m.instrument_name || ' at ' || q.event_us) FROM ("
		"SELECT instrument_id, event_us FROM store.option_quotes_base UNION ALL "
		"SELECT instrument_id, event_us FROM store.tickers_base) AS q "
		"JOIN store.instrument_metadata AS m USING (instrument_id) "
		"WHERE m.kind = 'option' AND q.event_us >= "
		"min(m.expiration_timestamp * 1000 - %" PRId64 ", m.expiration_timestamp * 1000)",
		month->expiry_buffer_ns / FL_US - LEFT_WITHIN_US);
	must_be_none(month, db, "quotes or tickers of the settlement period", sql);
	month->quotes += check_number(db,
		"SELECT count(*) FROM store.option_quotes_base WHERE received_us > "
		"(SELECT max(received_us) FROM store.option_quotes_base) - 3600000000");
}

/* Options of the calendar that were listed before `until`, with the events there are of each. */
#define LISTED "main.calendar AS c WHERE c.kind = 'option' AND c.listed_us < %" PRId64
#define COUNT_OF(type)                                                                             \
	"(SELECT count(*) FROM store.lifecycle_events AS e WHERE e.instrument_name = "                 \
	"c.instrument_name AND e.event_type = '" type "')"
#define TIME_OF(type, which)                                                                       \
	"(SELECT " which "(event_us) FROM store.lifecycle_events AS e WHERE e.instrument_name = "      \
	"c.instrument_name AND e.event_type = '" type "')"

static void ask(struct month *month, sqlite3 *db, const char *what, const char *condition,
	int64_t until_us, int64_t from_us)
{
	char sql[2048];

	snprintf(sql, sizeof(sql), "SELECT count(*), max(c.instrument_name) FROM " LISTED " AND (%s)",
		until_us, condition);
	(void)from_us;
	must_be_none(month, db, what, sql);
}

static void check_events(struct month *month, sqlite3 *db, int64_t from_us, int64_t until_us)
{
	char condition[1024];

	ask(month, db, "not listed exactly once", COUNT_OF("instrument_listed") " <> 1", until_us, 0);
	snprintf(condition, sizeof(condition),
		"c.listed_us > %" PRId64 " AND " TIME_OF("instrument_listed",
			"min") " NOT BETWEEN c.listed_us AND c.listed_us + " TOLD_WITHIN_US,
		from_us + INT64_C(120000000));
	ask(month, db, "a listing told late", condition, until_us, 0);
	ask(month, db, "not subscribed exactly once", COUNT_OF("subscription_added") " <> 1", until_us,
		0);
	snprintf(condition, sizeof(condition),
		"c.expires_us < %" PRId64 " AND " COUNT_OF("instrument_expired") " <> 1",
		until_us - 10000000);
	ask(month, db, "expired, and not told exactly once", condition, until_us, 0);
	snprintf(condition, sizeof(condition),
		"c.expires_us >= %" PRId64
		" AND (" COUNT_OF("instrument_expired") " + " COUNT_OF("instrument_removed") " <> 0)",
		until_us);
	ask(month, db, "told as expired before its time", condition, until_us, 0);
	snprintf(condition, sizeof(condition),
		"c.expires_us < %" PRId64 " AND " TIME_OF("instrument_expired",
			"max") " NOT BETWEEN c.expires_us AND c.expires_us + " TOLD_WITHIN_US,
		until_us - 10000000);
	ask(month, db, "an expiry told late", condition, until_us, 0);
	snprintf(condition, sizeof(condition),
		"c.expires_us < %" PRId64 " AND (" COUNT_OF("subscription_removed") " <> 1 OR " TIME_OF(
			"subscription_removed", "max") " > c.expires_us + %" PRId64 ")",
		until_us - 10000000,
		month->expiry_buffer_ns > 0 ? LEFT_WITHIN_US - month->expiry_buffer_ns / FL_US
									: LEFT_WITHIN_US);
	ask(month, db, "still subscribed after its time", condition, until_us, 0);
	must_be_none(month, db, "events of what the calendar does not have",
		"SELECT count(*), max(instrument_name) FROM store.lifecycle_events WHERE instrument_name "
		"IS NOT NULL AND instrument_name NOT IN (SELECT instrument_name FROM main.calendar)");
	must_be_none(month, db, "events of trouble",
		"SELECT count(*), max(event_type || ' ' || reason) FROM store.lifecycle_events WHERE "
		"event_type IN ('sync_failed', 'drop_held', 'metadata_corrected', 'subscription_deferred', "
		"'instrument_removed') OR (success = 0 AND event_type NOT LIKE 'stream_%')");
}

static void check_metadata(struct month *month, sqlite3 *db, int64_t until_us)
{
	char sql[1024];

	snprintf(sql, sizeof(sql),
		"SELECT count(*), max(c.instrument_name) FROM main.calendar AS c LEFT JOIN "
		"store.instrument_metadata AS m USING (instrument_name) WHERE c.kind = 'option' AND "
		"c.listed_us < %" PRId64
		" AND (m.instrument_name IS NULL OR m.is_active <> (c.expires_us > "
		"%" PRId64 ") OR m.expiration_timestamp * 1000 <> c.expires_us OR m.strike <> c.strike OR "
		"m.tick_size <> c.tick_size OR m.contract_size <> c.contract_size OR m.currency <> "
		"c.currency OR m.kind <> 'option' OR (m.expired_us IS NULL) <> (c.expires_us > %" PRId64
		") OR m.expired_us > c.expires_us + " TOLD_WITHIN_US " OR m.last_seen_us < m.listed_us)",
		until_us - 10000000, until_us, until_us);
	must_be_none(month, db, "rows that are not as the calendar has them", sql);
	must_be_none(month, db, "rows of what the calendar does not have",
		"SELECT count(*), max(instrument_name) FROM store.instrument_metadata WHERE kind = 'option' "
		"AND instrument_name NOT IN (SELECT instrument_name FROM main.calendar)");
}

/* One a whole multiple of five minutes, feed and currency. */
static void check_refreshes(struct month *month, sqlite3 *db, int64_t from_us, int64_t until_us)
{
	int64_t every_us = 300 * INT64_C(1000000);
	int64_t first = (from_us + INT64_C(60000000)) / every_us + 1, last = until_us / every_us;
	int64_t expected = 2 * (last - first + 1), found;
	char sql[512];

	snprintf(sql, sizeof(sql),
		"SELECT count(*) FROM store.lifecycle_events WHERE event_type = 'sync_completed' AND success "
		"AND reason = 'scheduled' AND event_us >= %" PRId64 " AND event_us %% %" PRId64
		" < 10000000",
		first * every_us, every_us);
	found = check_number(db, sql);
	/* One that is due at the very end may not be over. */
	if (found != expected && found != expected - 2)
		verdict_fault(
			&month->verdict, "%" PRId64 " refreshes, %" PRId64 " expected", found, expected);
	must_be_none(month, db, "refreshes that do not add up",
		"SELECT count(*), max(metadata) FROM store.lifecycle_events WHERE event_type = "
		"'sync_completed' AND (metadata ->> 'failed' > 0 OR metadata ->> 'subscribed' > "
		"metadata ->> 'listed')");
}

void month_check(struct month *month, sqlite3 *db, int64_t from_us, int64_t until_us)
{
	char sql[256];

	check_events(month, db, from_us, until_us);
	check_metadata(month, db, until_us);
	check_refreshes(month, db, from_us, until_us);
	if (check_number(db, "SELECT count(*) FROM store.stream_gaps WHERE cause = 'mute'") > 0 ||
		check_number(db,
			"SELECT count(*) FROM store.lifecycle_events WHERE event_type ="
			" 'subscription_renewed'") > 0)
		verdict_fault(&month->verdict, "somebody was called mute, and nobody was");
	month->listed = check_number(db, "SELECT count(*) FROM main.calendar WHERE kind = 'option'");
	snprintf(sql, sizeof(sql),
		"SELECT count(*) FROM main.calendar WHERE kind = 'option' AND expires_us < %" PRId64,
		until_us);
	month->expired = check_number(db, sql);
	if (month->expired == 0 && month->days > 0)
		verdict_fault(&month->verdict, "nothing has expired: there was nothing to see");
}
