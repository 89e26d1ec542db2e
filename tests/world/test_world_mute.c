/*
 * test_world_mute.c: an instrument that goes mute though its connection lives, on a virtual clock:
 * noticed, subscribed anew, its connection replaced when that does not help; and nobody else.
 */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "check.h"
#include "json.h"
#include "metrics.h"
#include "mute.h"
#include "os_inside.h"
#include "request.h"
#include "state.h"

static const char exchange_yaml[] =
	"services:\n"
	"  simulator: { listen: 127.0.0.1:8090, btc_options: 24, eth_options: 16, futures: 1,\n"
	"               message_rate: %d, trade_share: 20 }\n";
static const char collector_yaml[] =
	"feeds:\n"
	"  deribit: { url: ws://127.0.0.1:8090/ws/api/v2, currencies: [BTC, ETH],\n"
	"             channels: [ticker.agg2, trades.100ms, quote], max_instruments: 10 }\n"
	"sinks:\n"
	"  store: { plugin: sink_sqlite, path: ':memory:mute%d' }\n";

static struct machine *exchange, *collector;
static sqlite3 *db;
static struct request *asking;

static struct fl_ctx *feed(void)
{
	return host_find(machine_host(collector), "deribit");
}

/* A database of its own each time: what a daemon opened lives as long as the process. */
static int begin_with(int message_rate, int64_t learning_ns)
{
	static int number;
	char yaml[1024], venue[1024], attach[96];

	snprintf(yaml, sizeof(yaml), collector_yaml, ++number);
	snprintf(venue, sizeof(venue), exchange_yaml, message_rate);
	snprintf(attach, sizeof(attach), "ATTACH 'file:/mute%d?vfs=memdb' AS store", number);
	world_open(5);
	assert_int_equal(
		sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, attach, NULL, NULL, NULL), SQLITE_OK);
	exchange = world_machine("exchange");
	collector = world_machine("collector");
	assert_int_equal(machine_start(exchange, venue), 0);
	world_run(FL_SECOND);
	assert_int_equal(machine_start(collector, yaml), 0);
	world_run(learning_ns);
	assert_int_equal(mute_count(feed()), 0);
	return 0;
}

static int begin(void **state)
{
	(void)state;
	return begin_with(5, 30 * FL_MINUTE);
}

static int begin_lively(void **state)
{
	(void)state;
	return begin_with(80, 4 * FL_MINUTE);
}

static int end(void **state)
{
	(void)state;
	world_close();
	check_close(db);
	return 0;
}

static void on_done(void *data, const struct fl_response *response)
{
	*(int *)data = response->status;
	asking = NULL;
}

/* Over the simulated network, as a test of the real one does. */
static void ask(const char *url, const char *body)
{
	int status = 0;
	struct fl_request request = {
		.method = "POST", .url = url, .body = body, .body_length = strlen(body)
	};

	os.current = (struct machine *)collector;
	assert_int_equal(
		request_start(machine_host(collector)->requests, &request, on_done, &status, &asking), 0);
	os.current = NULL;
	world_run(FL_SECOND);
	assert_int_equal(status, 200);
}

static void fault(const char *body)
{
	ask("http://127.0.0.1:8090/sim/fault", body);
}

static const char *name_of(int64_t offset)
{
	static char name[64];
	sqlite3_stmt *statement;
	char sql[256];

	snprintf(sql, sizeof(sql),
		"SELECT instrument_name FROM store.option_quotes GROUP BY 1 HAVING count(*) > 40 ORDER BY 1"
		" LIMIT 1 OFFSET %" PRId64,
		offset);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	snprintf(name, sizeof(name), "%s", (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return name;
}

static double metric(const char *name, const char *labels)
{
	return fl_metric_value(
		metrics_find(machine_host(collector)->parts.metrics, FL_COUNTER, name, labels, ""));
}

static double renewed(const char *what)
{
	char labels[64];

	snprintf(labels, sizeof(labels), "feed=\"deribit\",what=\"%s\"", what);
	return metric("feedloom_renewals_total", labels);
}

static int64_t count_mute_gaps(const char *which)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM store.stream_gaps WHERE cause = 'mute' AND %s",
		which);
	return check_number(db, sql);
}

/* How long it had been silent when it was noticed, and how long it might have been. */
static void look_at_first(const char *name, double *silent_s, double *expected_s)
{
	struct buf text;
	struct json json;
	yyjson_doc *doc;
	yyjson_val *row;
	char reason[600];

	buf_init(&text, 1 << 16);
	json_init(&json, &text);
	json_open(&json, NULL, '{');
	mute_print(feed(), &json);
	json_close(&json, '}');
	doc = yyjson_read(buf_string(&text), buf_length(&text), 0);
	row = yyjson_ptr_get(yyjson_doc_get_root(doc), "/mute/0");
	assert_string_equal(yyjson_get_str(yyjson_obj_get(row, "instrument")), name);
	*expected_s = yyjson_get_num(yyjson_obj_get(row, "expected_seconds"));
	yyjson_doc_free(doc);
	buf_finish(&text);
	*silent_s = (double)(world_real_ns() / FL_US -
					check_number(
						db, "SELECT max(started_us) FROM store.stream_gaps WHERE cause = 'mute'")) /
		1e6;
	assert_int_equal(state_of(feed(), reason, sizeof(reason)), STATE_CONNECTED);
	assert_non_null(strstr(reason, name));
}

static void wait_until_mute(void)
{
	for (int second = 0; second < 3600 && mute_count(feed()) == 0; second++)
		world_run(FL_SECOND);
	world_run(2 * FL_SECOND); /* and is stored */
	assert_true(mute_count(feed()) > 0);
}

static void a_mute_instrument_is_subscribed_anew_alone(void **state)
{
	double silent_s, expected_s;
	char body[160], only[160];
	const char *name = name_of(3);
	int64_t quotes;

	(void)state;
	snprintf(body, sizeof(body), "{\"fault\":\"mute\",\"instrument\":\"%s\"}", name);
	snprintf(only, sizeof(only), "instrument_name <> '%s'", name);
	fault(body);
	for (int second = 0; second < 3600 && renewed("instrument") == 0; second++)
		world_run(FL_SECOND);
	world_run(2 * FL_SECOND);
	look_at_first(name, &silent_s, &expected_s);
	assert_true(silent_s >= expected_s && silent_s <= 3 * expected_s);
	snprintf(body, sizeof(body),
		"SELECT count(*) FROM store.option_quotes WHERE instrument_name = '%s'", name);
	quotes = check_number(db, body);
	world_run(30 * FL_MINUTE);
	assert_true(check_number(db, body) > quotes); /* it speaks again */
	assert_int_equal(mute_count(feed()), 0);
	assert_int_equal(count_mute_gaps("ended_us IS NULL"), 0);
	assert_int_equal(count_mute_gaps(only), 0);
	assert_true(renewed("connection") == 0);
	assert_true(check_number(db,
					"SELECT count(*) FROM store.lifecycle_events WHERE event_type ="
					" 'subscription_renewed'") > 0);
}

static void one_that_stays_mute_gets_another_connection(void **state)
{
	char body[160], only[160];
	const char *name = name_of(9);
	int64_t before = check_number(db, "SELECT count(*) FROM store.option_quotes");
	double silent_s, expected_s;

	(void)state;
	snprintf(body, sizeof(body),
		"{\"fault\":\"mute\",\"instrument\":\"%s\",\"heals\":\"reconnect\"}", name);
	snprintf(only, sizeof(only), "instrument_name <> '%s'", name);
	fault(body);
	wait_until_mute();
	look_at_first(name, &silent_s, &expected_s);
	assert_true(silent_s >= expected_s && silent_s <= 3 * expected_s);
	assert_true(renewed("connection") == 0); /* that comes second */
	for (int second = 0; second < 7200 && renewed("connection") == 0; second++)
		world_run(FL_SECOND);
	assert_true(renewed("connection") == 1);
	world_run(30 * FL_MINUTE);
	assert_int_equal(mute_count(feed()), 0);
	assert_int_equal(count_mute_gaps(only), 0);
	assert_true(renewed("connection") == 1);
	assert_true(metric("feedloom_reconnects_total", "feed=\"deribit\",reason=\"stale\"") == 1);
	assert_true(check_number(db, "SELECT count(*) FROM store.option_quotes") > before);
}

static void one_that_says_nothing_for_hours_is_not_hammered(void **state)
{
	char body[160];
	const char *name = name_of(12);

	(void)state;
	snprintf(body, sizeof(body),
		"{\"fault\":\"mute\",\"instrument\":\"%s\",\"heals\":\"never\",\"seconds\":14400}", name);
	fault(body);
	world_run(3 * FL_HOUR);
	assert_true(mute_count(feed()) > 0);
	assert_true(renewed("instrument") <= 4);
	assert_true(renewed("connection") == 1);
	world_run(2 * FL_HOUR);
	assert_int_equal(mute_count(feed()), 0);
	assert_int_equal(count_mute_gaps("ended_us IS NULL"), 0);
}

static int64_t trades_since(int64_t since_us, const char *which)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		"SELECT count(*) FROM store.option_trades WHERE event_us > %" PRId64 " AND %s", since_us,
		which);
	return check_number(db, sql);
}

/* While quotes and tickers flow. Nobody knows when a trade is due, so the venue is asked. */
static void mute_trades_channels_are_found_and_their_trades_fetched(void **state)
{
	static const char name[] = "feedloom_renewed_channels_total", labels[] = "feed=\"deribit\"";
	int64_t muted_us;
	double before;

	(void)state;
	assert_true(metric(name, labels) == 0);
	/* Until a connection is another one. */
	fault("{\"fault\":\"lose\",\"kind\":\"trade\",\"count\":1000000,\"connection\":\"all\"}");
	muted_us = world_real_ns() / FL_US;
	for (int second = 0; second < 3600 && metric(name, labels) == 0; second++)
		world_run(FL_SECOND);
	assert_true(metric(name, labels) > 0);
	world_run(2 * FL_SECOND);
	assert_true(check_number(db,
					"SELECT count(*) FROM store.lifecycle_events WHERE event_type ="
					" 'subscription_renewed' AND reason LIKE 'mute: trades.option.%'") > 0);
	/* None came by itself, and they are there all the same: nothing is missing. */
	assert_true(trades_since(muted_us, "refilled") > 5);
	assert_int_equal(trades_since(muted_us, "NOT refilled"), 0);
	assert_int_equal(count_mute_gaps("1"), 0);
	/* Subscribing anew does not help: the connection that carries them is replaced. */
	for (int second = 0; second < 7200 && trades_since(muted_us, "NOT refilled") == 0; second++)
		world_run(FL_SECOND);
	assert_true(trades_since(muted_us, "NOT refilled") > 0);
	assert_true(metric("feedloom_reconnects_total", "feed=\"deribit\",reason=\"stale\"") == 1);
	before = metric(name, labels);
	world_run(2 * FL_HOUR);
	assert_true(metric(name, labels) == before);
	assert_true(renewed("instrument") == 0);
}

static void what_is_left_by_command_is_not_missed(void **state)
{
	char body[160], only[160];
	const char *name = name_of(6);

	(void)state;
	snprintf(body, sizeof(body), "{\"instruments\":[\"%s\"]}", name);
	snprintf(only, sizeof(only), "instrument_name = '%s'", name);
	os.current = (struct machine *)collector;
	assert_true(instance_on_command(feed(), 999999, "unsubscribe", body));
	os.current = NULL;
	world_run(2 * FL_HOUR);
	assert_int_equal(mute_count(feed()), 0);
	assert_int_equal(count_mute_gaps("1"), 0);
	assert_true(renewed("instrument") == 0);
}

/* All of them at once: that is the connection's silence, and it is replaced at once. */
static void a_connection_that_brings_nothing_is_replaced(void **state)
{
	(void)state;
	fault("{\"fault\":\"stall\",\"seconds\":3000,\"answers\":true}");
	world_run(20 * FL_MINUTE);
	assert_true(renewed("connection") == 1);
	assert_true(renewed("instrument") == 0);
	assert_true(metric("feedloom_reconnects_total", "feed=\"deribit\",reason=\"stale\"") == 1);
	assert_int_equal(mute_count(feed()), 0);
}

/* Neither a network that stands still nor a process that does makes anybody mute. */
static void a_pause_of_everything_is_nobodys_silence(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		world_partition((int64_t)(15 + 10 * i) * FL_SECOND);
		world_run(2 * FL_MINUTE);
	}
	assert_true(renewed("instrument") == 0);
	assert_int_equal(count_mute_gaps("1"), 0);
	assert_int_equal(mute_count(feed()), 0);
}

/* An option whose price has come to the least there is. */
static void one_whose_prices_stay_is_not_mute(void **state)
{
	char body[160], quotes[160], tickers[160];
	const char *name = name_of(7);
	int64_t quotes_before, tickers_before;

	(void)state;
	snprintf(
		body, sizeof(body), "{\"fault\":\"still\",\"instrument\":\"%s\",\"seconds\":14400}", name);
	snprintf(quotes, sizeof(quotes),
		"SELECT count(*) FROM store.option_quotes WHERE instrument_name = '%s'", name);
	snprintf(tickers, sizeof(tickers),
		"SELECT count(*) FROM store.tickers WHERE instrument_name = '%s'", name);
	fault(body);
	world_run(FL_MINUTE);
	quotes_before = check_number(db, quotes);
	tickers_before = check_number(db, tickers);
	world_run(3 * FL_HOUR);
	assert_int_equal(check_number(db, quotes), quotes_before);
	assert_true(check_number(db, tickers) > tickers_before + 100);
	assert_true(renewed("instrument") == 0 && renewed("connection") == 0);
	assert_int_equal(count_mute_gaps("1"), 0);
	/* And whoever is silent in all is found as before. */
	snprintf(body, sizeof(body), "{\"fault\":\"mute\",\"instrument\":\"%s\"}", name);
	fault(body);
	wait_until_mute();
}

/* Their tickers go on and tell of prices that no quote has told of. */
static void quotes_that_are_kept_back_are_missed(void **state)
{
	(void)state;
	fault("{\"fault\":\"lose\",\"kind\":\"quote\",\"count\":1000000,\"connection\":\"all\"}");
	wait_until_mute();
	assert_true(renewed("instrument") > 0);
	assert_true(count_mute_gaps("channel = 'quote'") > 0);
	assert_int_equal(count_mute_gaps("channel = 'ticker'"), 0);
}

/* What was learned in a lively hour is long ago in a quiet one by the clock, not by the messages.
 */
static void a_market_that_calms_down_mutes_nobody(void **state)
{
	(void)state;
	for (int i = 0; i < 12; i++) {
		ask("http://127.0.0.1:8090/sim/rate", "{\"messages_per_second\":80}");
		world_run(5 * FL_MINUTE);
		ask("http://127.0.0.1:8090/sim/rate", "{\"messages_per_second\":6}");
		world_run(10 * FL_MINUTE);
	}
	assert_true(renewed("instrument") == 0);
	assert_int_equal(count_mute_gaps("1"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_mute_instrument_is_subscribed_anew_alone),
		TEST(one_that_stays_mute_gets_another_connection),
		TEST(one_that_says_nothing_for_hours_is_not_hammered),
		TEST(mute_trades_channels_are_found_and_their_trades_fetched),
		TEST(what_is_left_by_command_is_not_missed),
		TEST(a_connection_that_brings_nothing_is_replaced),
		TEST(one_whose_prices_stay_is_not_mute),
		TEST(quotes_that_are_kept_back_are_missed),
		cmocka_unit_test_setup_teardown(
			a_pause_of_everything_is_nobodys_silence, begin_lively, end),
		cmocka_unit_test_setup_teardown(a_market_that_calms_down_mutes_nobody, begin_lively, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
