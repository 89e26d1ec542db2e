/* The schema as people query it, made by the client as `feedloom migrate` does. */
#include "unit.h"

#include "migrate.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
	char folder[64], path[128];
	sqlite3 *db;
};

static int setup(void **state)
{
	static struct fixture fixture;
	struct buf report, why;

	strcpy(fixture.folder, "/tmp/test_schema.XXXXXX");
	assert_non_null(mkdtemp(fixture.folder));
	snprintf(fixture.path, sizeof(fixture.path), "%s/x.db", fixture.folder);
	buf_init(&report, 4096);
	buf_init(&why, 4096);
	if (migrate_sqlite(fixture.path, SCHEMA "/sqlite", MIGRATE_APPLY, &report, NULL, &why) != 0)
		fail_msg("%s", buf_string(&why));
	buf_finish(&report);
	buf_finish(&why);
	assert_int_equal(sqlite3_open(fixture.path, &fixture.db), SQLITE_OK);
	sqlite3_exec(fixture.db, "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF", NULL, NULL, NULL);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	char command[128];

	sqlite3_close(fixture->db);
	snprintf(command, sizeof(command), "rm -rf %s", fixture->folder);
	return system(command) == 0 ? 0 : -1;
}

static void execute(struct fixture *fixture, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(fixture->db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
}

static const char *text(struct fixture *fixture, const char *sql)
{
	static char out[512];
	sqlite3_stmt *handle;
	const char *value;

	if (sqlite3_prepare_v2(fixture->db, sql, -1, &handle, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(fixture->db));
	assert_int_equal(sqlite3_step(handle), SQLITE_ROW);
	value = (const char *)sqlite3_column_text(handle, 0);
	snprintf(out, sizeof(out), "%s", value == NULL ? "NULL" : value);
	sqlite3_finalize(handle);
	return out;
}

/* Design section 9, word by word; in SQLite the _us beside them. */
static const struct {
	const char *name, *columns;
} relations[] = {
	{ "option_quotes",
		"event_time, received_at, event_us, received_us, instrument_name, bid_price, bid_amount, "
		"ask_price, ask_amount" },
	{ "option_trades",
		"event_time, received_at, event_us, received_us, instrument_name, trade_id, trade_seq, price, "
		"amount, contracts, direction, iv, mark_price, index_price, tick_direction, liquidation, "
		"block_trade_id, combo_id, refilled" },
	{ "tickers",
		"event_time, received_at, event_us, received_us, instrument_name, state, mark_price, mark_iv, "
		"bid_iv, ask_iv, bid_price, bid_amount, ask_price, ask_amount, last_price, underlying_price, "
		"underlying_index, index_price, interest_rate, open_interest, volume, delta, gamma, theta, "
		"vega, rho, settlement_price, delivery_price, min_price, max_price, current_funding, "
		"funding_8h" },
	{ "books",
		"event_time, received_at, event_us, received_us, instrument_name, change_id, prev_change_id, "
		"is_snapshot, side, price, amount" },
	{ "index_prices", "event_time, received_at, event_us, received_us, index_name, price" },
	{ "candles",
		"event_time, received_at, event_us, received_us, instrument_name, resolution_s, open, high, "
		"low, close, volume, cost" },
	{ "trades",
		"executed_at, received_at, broker, account, execution_id, order_id, contract, underlying, "
		"strike, expiry, option_type, side, quantity, price, multiplier, commission, fees, currency, "
		"persisted_at" },
	{ "stream_gaps",
		"feed, instrument_name, channel, started_at, ended_at, first_seq, last_seq, cause, filled_at, "
		"detail" },
	{ "instrument_metadata",
		"instrument_id, exchange, instrument_name, currency, kind, strike, option_type, "
		"expiration_timestamp, creation_timestamp, is_active, listed_at, last_seen, expired_at, "
		"tick_size, contract_size, base_currency, quote_currency, settlement_currency" },
	{ "lifecycle_events",
		"event_time, event_type, currency, instrument_name, connection_id, reason, success, metadata, "
		"timestamp" },
	{ "greek_snapshots",
		"received_at, event_time, broker, account, contract, underlying, strike, expiry, option_type, "
		"position, delta, gamma, theta, vega, rho, iv, bid, ask, mark, underlying_price, "
		"persisted_at" },
	{ "feedloom_cursor", "sink, stream, journal_id, generation, position, counts, updated_at" },
	{ "feedloom_migration", "version, name, checksum, applied_at" },
	{ "rejected_records", "event_time, received_at, feed, instrument_name, kind, reason" },
	{ "option_quotes_base", "instrument_id, event_us, received_us" },
	{ "option_trades_base", "instrument_id, event_us, received_us" },
	{ "tickers_base", "instrument_id, event_us, received_us" },
	{ "books_base", "instrument_id, event_us, received_us" },
	{ "candles_base", "instrument_id, event_us, received_us" },
	{ "greek_snapshots_base", "instrument_id, event_us, received_us" },
	{ "btc_option_quotes",
		"timestamp, instrument, instrument_name, best_bid_price, best_bid_amount, best_ask_price, "
		"best_ask_amount" },
	{ "eth_option_quotes",
		"timestamp, instrument, instrument_name, best_bid_price, best_bid_amount, best_ask_price, "
		"best_ask_amount" },
	{ "btc_option_trades",
		"timestamp, instrument, instrument_name, trade_id, price, amount, direction, iv, "
		"index_price" },
	{ "eth_option_trades",
		"timestamp, instrument, instrument_name, trade_id, price, amount, direction, iv, "
		"index_price" },
};

static void every_table_view_and_column_is_there(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(relations) / sizeof(*relations); i++) {
		char sql[1024];

		snprintf(sql, sizeof(sql), "SELECT %s FROM %s", relations[i].columns, relations[i].name);
		execute(fixture, sql);
	}
}

static void tables_by_instrument_have_both_indexes(void **state)
{
	static const char *const tables[] = { "option_quotes_base", "option_trades_base",
		"tickers_base", "books_base", "candles_base", "greek_snapshots_base" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		char sql[512];

		snprintf(sql, sizeof(sql),
			"SELECT group_concat(columns, ';') FROM (SELECT (SELECT group_concat(name) FROM "
			"pragma_index_info(l.name)) AS columns FROM pragma_index_list('%s') AS l "
			"WHERE NOT l.\"unique\" ORDER BY columns)",
			tables[i]);
		assert_string_equal(text(fixture, sql), "event_us;instrument_id,event_us");
	}
}

static void an_instrument_needs_only_its_name(void **state)
{
	struct fixture *fixture = *state;

	execute(fixture, "INSERT INTO instrument_metadata(instrument_name) VALUES('BTC-27NOV26-1-C')");
	execute(fixture,
		"INSERT INTO instrument_metadata(instrument_name, currency, kind, expiration_timestamp, "
		"is_active) VALUES('ETH-27NOV26-1-C', 'ETH', 'option', 1795766400000, 1)");
	assert_string_equal(
		text(fixture, "SELECT exchange || is_active FROM instrument_metadata LIMIT 1"), "deribit1");
	assert_int_equal(
		sqlite3_exec(fixture->db,
			"INSERT INTO instrument_metadata(instrument_name) VALUES('BTC-27NOV26-1-C')", NULL,
			NULL, NULL),
		SQLITE_CONSTRAINT);
}

static void times_show_every_microsecond(void **state)
{
	struct fixture *fixture = *state;

	execute(fixture,
		"INSERT INTO instrument_metadata(instrument_id, instrument_name) VALUES(1, 'X'); "
		"INSERT INTO option_quotes_base(instrument_id, event_us, received_us) "
		"VALUES(1, 1795248000000001, 1795248000999999), (1, 1795248001000000, NULL)");
	assert_string_equal(
		text(fixture,
			"SELECT group_concat(event_time || ' ' || ifnull(received_at, '-'), '; ') "
			"FROM option_quotes"),
		"2026-11-21T08:00:00.000001Z 2026-11-21T08:00:00.999999Z; 2026-11-21T08:00:01.000000Z -");
	execute(fixture,
		"INSERT INTO lifecycle_events(event_us, event_type) VALUES(1795248000123456, 'x')");
	assert_string_equal(
		text(fixture, "SELECT timestamp FROM lifecycle_events"), "2026-11-21T08:00:00.123456Z");
}

static void older_views_show_percent_and_one_currency_only(void **state)
{
	struct fixture *fixture = *state;

	execute(fixture,
		"INSERT INTO instrument_metadata(instrument_id, instrument_name, currency, kind) VALUES"
		"(1, 'BTC-27NOV26-1-C', 'BTC', 'option'), (2, 'ETH-27NOV26-1-C', 'ETH', 'option'), "
		"(3, 'BTC-PERPETUAL', 'BTC', 'perpetual'); "
		"INSERT INTO option_trades_base(instrument_id, event_us, trade_id, trade_seq, iv) VALUES"
		"(1, 1, 'a', 1, 0.5728), (2, 1, 'b', 1, 0.65), (3, 1, 'c', 1, NULL); "
		"INSERT INTO option_quotes_base(instrument_id, event_us, bid_price) VALUES(2, 5, 0.25)");
	assert_string_equal(
		text(fixture, "SELECT trade_id || ' ' || iv FROM btc_option_trades"), "a 57.28");
	assert_string_equal(text(fixture, "SELECT count(*) FROM btc_option_trades"), "1");
	assert_string_equal(
		text(fixture, "SELECT trade_id || ' ' || iv FROM eth_option_trades"), "b 65.0");
	assert_string_equal(text(fixture, "SELECT best_bid_price FROM eth_option_quotes"), "0.25");
	assert_string_equal(text(fixture, "SELECT count(*) FROM btc_option_quotes"), "0");
	assert_string_equal(text(fixture, "SELECT iv FROM option_trades WHERE trade_id = 'b'"), "0.65");
}

static void a_trade_is_there_once(void **state)
{
	struct fixture *fixture = *state;

	execute(fixture,
		"INSERT INTO instrument_metadata(instrument_id, instrument_name) VALUES(1, 'X'); "
		"INSERT INTO option_trades_base(instrument_id, event_us, trade_id, trade_seq) VALUES"
		"(1, 1, 'a', 1), (1, 1, 'b', 2), (1, 1, 'c', NULL), (1, 1, 'd', NULL), (1, 1, 'c', NULL), "
		"(1, 1, 'e', 2) ON CONFLICT DO NOTHING");
	assert_string_equal(
		text(fixture, "SELECT group_concat(trade_id, '') FROM option_trades"), "abcd");
}

static void greeks_are_those_of_options_and_of_brokers(void **state)
{
	struct fixture *fixture = *state;

	execute(fixture,
		"INSERT INTO instrument_metadata(instrument_id, exchange, instrument_name, kind, strike, "
		"option_type, expiration_timestamp, base_currency) VALUES"
		"(1, 'deribit', 'BTC-27NOV26-90000-C', 'option', 90000.0, 'call', 1795766400000, 'BTC'), "
		"(2, 'deribit', 'BTC-PERPETUAL', 'perpetual', NULL, NULL, NULL, 'BTC'); "
		"INSERT INTO tickers_base(instrument_id, event_us, delta, mark_iv) VALUES(1, 1, 0.5, 0.6), "
		"(2, 1, NULL, NULL); "
		"INSERT INTO greek_snapshots_base(instrument_id, event_us, account, position, delta) "
		"VALUES(1, 2, 'DU1', -3, 0.25)");
	assert_string_equal(
		text(fixture,
			"SELECT group_concat(concat_ws('|', broker, contract, underlying, strike, "
			"expiry, option_type, account, position, delta, iv), '; ') FROM "
			"(SELECT * FROM greek_snapshots ORDER BY event_us)"),
		"deribit|BTC-27NOV26-90000-C|BTC|90000|2026-11-27|call|0.5|0.6; "
		"deribit|BTC-27NOV26-90000-C|BTC|90000|2026-11-27|call|DU1|-3.0|0.25");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_table_view_and_column_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(tables_by_instrument_have_both_indexes, setup, teardown),
		cmocka_unit_test_setup_teardown(an_instrument_needs_only_its_name, setup, teardown),
		cmocka_unit_test_setup_teardown(times_show_every_microsecond, setup, teardown),
		cmocka_unit_test_setup_teardown(
			older_views_show_percent_and_one_currency_only, setup, teardown),
		cmocka_unit_test_setup_teardown(a_trade_is_there_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			greeks_are_those_of_options_and_of_brokers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
