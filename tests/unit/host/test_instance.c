/* An instance's life: what it opens is closed with it, in order, whatever is in flight. */
#include "rig.h"

#include "clock.h"

static struct rig rig;

static int open_rig(void **state)
{
	(void)state;
	rig_open(&rig, true);
	return 0;
}

static int close_rig(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

static const char venue_yaml[] = "  venue: { plugin: echo, listen: \"127.0.0.1:0\" }\n";

/* A venue, and the port it has. */
static int start_venue(void)
{
	char yaml[256];

	(void)snprintf(yaml, sizeof(yaml), "services:\n%s", venue_yaml);
	rig_run(&rig, yaml);
	return fl_listen_port(rig_find(&rig, "venue"), 1);
}

/* The venue, and a feed that is connected to it. */
static void start_feed(void)
{
	char yaml[512];

	(void)snprintf(yaml, sizeof(yaml),
		"services:\n%sfeeds:\n  feed: { plugin: echo_feed, url: \"ws://127.0.0.1:%d/ws\" }\n",
		venue_yaml, start_venue());
	rig_run(&rig, yaml);
	rig_until_calls(&rig, "feed", "message", 1); /* its greeting came back */
}

static void assert_nothing_open(const char *name)
{
	struct fl_ctx *ctx = rig_find(&rig, name);

	assert_int_equal(map_count(ctx->conns), 0);
	assert_int_equal(map_count(ctx->requests), 0);
	assert_int_equal(map_count(ctx->timers), 0);
	assert_int_equal(map_count(ctx->listeners), 0);
	assert_int_equal(map_count(ctx->streams), 0);
	assert_int_equal(map_count(ctx->databases), 0);
	assert_int_equal(map_count(ctx->subscriptions), 0);
	assert_int_equal(map_count(ctx->questions), 0);
	assert_null(ctx->state);
}

/* ---- start ---- */

static void a_create_that_fails_is_said_and_leaves_no_state(void **state)
{
	(void)state;
	rig_run(&rig, "services: { one: { plugin: echo, fail: create } }\n");
	assert_int_equal(rig_find(&rig, "one")->phase, INSTANCE_FAILED);
	assert_int_equal(rig_calls(&rig, "one", "start"), 0);
	assert_int_equal(rig_calls(&rig, "one", "destroy"), 0);
	assert_nothing_open("one");
	assert_true(rig_logged(&rig, "one: start failed: "));
}

static bool files_are_closed(struct rig *all)
{
	return all->host->databases_closing == 0;
}

static void a_start_that_fails_leaves_nothing_open(void **state)
{
	char yaml[512];
	int port = start_venue();

	(void)state;
	(void)snprintf(yaml, sizeof(yaml),
		"services:\n%s  one: { plugin: echo, fail: late_start, listen: \"127.0.0.1:0\", database: "
		"one.db, subscribe: ticker, url: \"ws://127.0.0.1:%d/ws\" }\n"
		"sinks:\n  store: { plugin: echo_sink, fail: late_start }\n",
		venue_yaml, port);
	rig_run(&rig, yaml);
	assert_int_equal(rig_find(&rig, "one")->phase, INSTANCE_FAILED);
	assert_int_equal(rig_calls(&rig, "one", "destroy"), 1);
	assert_nothing_open("one");
	assert_nothing_open("store");
	rig_wait(&rig, 50 * FL_MS);
	assert_int_equal(rig_calls(&rig, "venue", "accept"), 0);
	assert_int_equal(rig_calls(&rig, "one", "db_open"), 0); /* nor is it told of anything */
	rig_until(&rig, files_are_closed);
	assert_int_equal(rig_calls(&rig, "one", "stop"), 0);
}

/* ---- connections ---- */

static void a_connection_tells_its_states_and_messages(void **state)
{
	(void)state;
	start_feed();
	assert_int_equal(rig_calls(&rig, "feed", "up"), 1);
	assert_int_equal(rig_calls(&rig, "venue", "accept"), 1);
	assert_int_equal(rig_calls(&rig, "venue", "up"), 1);
	assert_int_equal(fl_conn_state(rig_find(&rig, "feed"), 1), FL_CONN_UP);
	assert_true(fl_metric_value(rig_find(&rig, "feed")->messages) == 1);
	assert_int_equal(rig_ask(&rig, "feed", "reconnect", "{}"), FL_REPLY_OK);
	rig_until_calls(&rig, "feed", "up", 2);
	assert_int_equal(rig_calls(&rig, "feed", "down"), 1);
	rig_until_calls(&rig, "venue", "closed", 1);
}

struct heard_gaps {
	unsigned begun, ended;
};

static void on_gap(void *data, const struct fl_record *record)
{
	const struct fl_gap *gap = (const void *)record;
	struct heard_gaps *heard = data;

	if (strcmp(gap->channel, "connection 0") != 0)
		return;
	assert_string_equal(gap->cause, "stale");
	heard->begun += gap->ended_ns == 0;
	heard->ended += gap->ended_ns >= gap->started_ns;
}

static const struct subscriber_owner hears_gaps = { .on_record = on_gap };

/* A record would have ended it; none comes any more. */
static void a_connection_that_is_given_up_ends_its_gap(void **state)
{
	struct heard_gaps heard = { 0 };
	struct subscriber *subscriber;

	(void)state;
	start_feed();
	assert_int_equal(bus_subscribe(rig.bus, "gap", &hears_gaps, &heard, &subscriber), 0);
	assert_int_equal(rig_ask(&rig, "feed", "reconnect", "{}"), FL_REPLY_OK);
	rig_until_calls(&rig, "feed", "up", 2);
	assert_int_equal(heard.begun, 1);
	assert_int_equal(heard.ended, 0);
	assert_int_equal(rig_ask(&rig, "feed", "close", "{\"number\":1}"), FL_REPLY_OK);
	rig_until_calls(&rig, "feed", "closed", 1);
	assert_int_equal(heard.begun, 1);
	assert_int_equal(heard.ended, 1);
	bus_unsubscribe(subscriber);
}

static void the_same_connection_is_adopted(void **state)
{
	(void)state;
	start_feed();
	assert_int_equal(rig_ask(&rig, "feed", "open", "{}"), FL_REPLY_OK);
	assert_int_equal(rig_number(&rig, "/result"), 0);
	rig_wait(&rig, 30 * FL_MS);
	assert_int_equal(rig_calls(&rig, "feed", "up"), 1);
	assert_int_equal(rig_calls(&rig, "venue", "accept"), 1);
}

static void peers_of_one_turn_have_their_own_numbers(void **state)
{
	char question[128];
	int port = start_venue();
	enum { PEERS = 12 };

	(void)state;
	rig_run(&rig,
		"services:\n  venue: { plugin: echo, listen: \"127.0.0.1:0\" }\n"
		"feeds:\n  feed: { plugin: echo_feed }\n");
	for (int i = 1; i <= PEERS; i++) {
		(void)snprintf(question, sizeof(question),
			"{\"number\":%d,\"url\":\"ws://127.0.0.1:%d/ws\"}", i, port);
		assert_int_equal(command_ask(rig.host, "feed", "connect", question, 0, NULL, NULL), 0);
	}
	rig_until_calls(&rig, "feed", "up", PEERS);
	rig_until_calls(&rig, "venue", "up", PEERS);
	assert_int_equal(map_count(rig_find(&rig, "venue")->conns), PEERS);
	assert_int_equal(map_count(rig_find(&rig, "feed")->conns), PEERS);
}

static bool is_up(struct rig *of)
{
	return fl_conn_state(rig_find(of, "feed"), 1) == FL_CONN_UP;
}

static void a_number_can_be_opened_anew_while_it_closes_and_after(void **state)
{
	struct fl_endpoint endpoint = { .close_timeout_ns = FL_SECOND };
	struct fl_ctx *ctx;
	char url[64];

	(void)state;
	start_feed();
	ctx = rig_find(&rig, "feed");
	(void)snprintf(
		url, sizeof(url), "ws://127.0.0.1:%d/ws", fl_listen_port(rig_find(&rig, "venue"), 1));
	endpoint.url = url;
	fl_close(ctx, 1, 1000, "");
	assert_int_equal(fl_connect(ctx, 1, &endpoint), 0); /* nothing has been done about it yet */
	rig_until(&rig, is_up);
	for (int i = 0; i < 8; i++) { /* the peer's answer may come in the very turn of the wish */
		int up = rig_calls(&rig, "feed", "up");

		fl_close(ctx, 1, 1000, "");
		while (fl_conn_state(ctx, 1) == FL_CONN_UP)
			loop_turn(rig.loop, false);
		for (int turn = 0; turn < i && fl_conn_state(ctx, 1) == FL_CONN_CLOSING; turn++)
			loop_turn(rig.loop, false);
		assert_int_equal(fl_connect(ctx, 1, &endpoint), 0);
		rig_until_calls(&rig, "feed", "up", up + 1);
	}
	fl_close(ctx, 1, 1000, "");
	rig_until_calls(&rig, "feed", "closed", rig_calls(&rig, "feed", "closed") + 1);
	assert_int_equal(map_count(ctx->conns), 0);
	assert_int_equal(fl_conn_state(ctx, 1), FL_CONN_CLOSED);
}

static void an_address_that_cannot_be_used_is_said(void **state)
{
	(void)state;
	rig_run(&rig, "feeds: { feed: { plugin: echo_feed } }\n");
	assert_int_equal(
		rig_ask(&rig, "feed", "connect", "{\"number\":1,\"url\":\"http://x\"}"), FL_REPLY_OK);
	assert_int_equal(rig_number(&rig, "/result"), -EINVAL);
	assert_int_equal(
		rig_ask(&rig, "feed", "connect", "{\"number\":70000,\"url\":\"ws://x\"}"), FL_REPLY_OK);
	assert_int_equal(rig_number(&rig, "/result"), -EINVAL);
	assert_true(rig_logged(&rig, "http://x"));
	assert_int_equal(map_count(rig_find(&rig, "feed")->conns), 0);
}

/* ---- stop ---- */

static void a_stop_ends_the_connections_in_order(void **state)
{
	(void)state;
	start_feed();
	assert_int_equal(host_hold(rig.host, rig_find(&rig, "feed")), 0);
	assert_int_equal(rig_find(&rig, "feed")->phase, INSTANCE_STOPPING);
	rig_until_phase(&rig, "feed", INSTANCE_STOPPED);
	assert_int_equal(rig_calls(&rig, "feed", "closed"), 1);
	assert_true(rig_order(&rig, "feed", "stop") < rig_order(&rig, "feed", "closed"));
	assert_true(rig_order(&rig, "feed", "closed") < rig_order(&rig, "feed", "destroy"));
	assert_nothing_open("feed");
	rig_until_calls(&rig, "venue", "closed", 1);
}

static void a_stop_while_dialing_ends_too(void **state)
{
	char yaml[512];

	(void)state;
	(void)snprintf(yaml, sizeof(yaml),
		"services:\n%sfeeds:\n  feed: { plugin: echo_feed, url: \"ws://127.0.0.1:%d/ws\" }\n",
		venue_yaml, start_venue());
	rig_run(&rig, yaml);
	assert_int_equal(host_hold(rig.host, rig_find(&rig, "feed")), 0); /* not one turn later */
	rig_until_phase(&rig, "feed", INSTANCE_STOPPED);
	assert_int_equal(rig_calls(&rig, "feed", "up"), 0);
	assert_nothing_open("feed");
}

static void a_stop_ends_what_was_about_to_be_dialled_anew(void **state)
{
	struct fl_endpoint endpoint = { .close_timeout_ns = FL_SECOND };
	struct fl_ctx *ctx;
	char url[64];

	(void)state;
	start_feed();
	ctx = rig_find(&rig, "feed");
	(void)snprintf(
		url, sizeof(url), "ws://127.0.0.1:%d/ws", fl_listen_port(rig_find(&rig, "venue"), 1));
	endpoint.url = url;
	fl_close(ctx, 1, 1000, "");
	while (fl_conn_state(ctx, 1) == FL_CONN_UP)
		loop_turn(rig.loop, false);
	assert_int_equal(fl_conn_state(ctx, 1), FL_CONN_CLOSING);
	assert_int_equal(fl_connect(ctx, 1, &endpoint), 0);
	assert_int_equal(host_hold(rig.host, ctx), 0);
	rig_until_phase(&rig, "feed", INSTANCE_STOPPED);
	assert_int_equal(rig_calls(&rig, "feed", "up"), 1);
	assert_int_equal(rig_calls(&rig, "feed", "closed"), 1); /* not cut off at the deadline */
}

static void a_stop_waits_for_what_the_database_is_at(void **state)
{
	(void)state;
	rig_run(&rig, "feeds: { feed: { plugin: echo_feed, database: feed.db } }\n");
	rig_until_calls(&rig, "feed", "db_open", 1);
	assert_int_equal(rig_ask(&rig, "feed", "work", "{\"rows\":200000}"), FL_REPLY_OK);
	assert_int_equal(host_hold(rig.host, rig_find(&rig, "feed")), 0);
	rig_until_phase(&rig, "feed", INSTANCE_STOPPED);
	assert_int_equal(rig_calls(&rig, "feed", "db_done"), 1);
	assert_true(rig_order(&rig, "feed", "db_done") < rig_order(&rig, "feed", "destroy"));
}

static void a_stop_that_takes_too_long_is_cut_short(void **state)
{
	(void)state;
	rig_run(&rig, "feeds: { feed: { plugin: echo_feed, database: feed.db } }\n");
	rig_until_calls(&rig, "feed", "db_open", 1);
	assert_int_equal(rig_ask(&rig, "feed", "work", "{\"rows\":4000000}"), FL_REPLY_OK);
	assert_int_equal(host_hold(rig.host, rig_find(&rig, "feed")), 0);
	rig_find(&rig, "feed")->stop_deadline_ns = 0;
	rig_until_phase(&rig, "feed", INSTANCE_STOPPED);
	assert_nothing_open("feed");
	assert_int_equal(rig.host->databases_closing, 1);
	rig_until(&rig, files_are_closed);
	assert_int_equal(rig_calls(&rig, "feed", "db_done"), 0); /* the code may be gone by then */
}

static void a_stopped_instance_can_be_started_again(void **state)
{
	(void)state;
	start_feed();
	for (int i = 2; i < 5; i++) {
		assert_int_equal(host_hold(rig.host, rig_find(&rig, "feed")), 0);
		rig_until_phase(&rig, "feed", INSTANCE_STOPPED);
		assert_int_equal(host_release(rig.host, rig_find(&rig, "feed")), 0);
		rig_until_calls(&rig, "feed", "up", i);
		assert_int_equal(rig_calls(&rig, "feed", "create"), i);
	}
}

static void the_host_may_go_with_everything_in_flight(void **state)
{
	(void)state;
	start_feed();
	rig_run(&rig,
		"services:\n  venue: { plugin: echo, listen: \"127.0.0.1:0\" }\n"
		"feeds:\n  other: { plugin: echo_feed, database: o.db }\n");
	assert_int_equal(rig_ask(&rig, "other", "work", "{\"rows\":200000}"), FL_REPLY_OK);
	assert_int_equal(
		rig_ask(&rig, "other", "request", "{\"url\":\"http://127.0.0.1:9/\"}"), FL_REPLY_OK);
	/* close_rig: `feed` is leaving, `other` has a job and a request under way */
}

/* ---- timers and databases ---- */

static void timers_that_are_over_leave_the_table(void **state)
{
	(void)state;
	rig_run(&rig, "services: { one: { plugin: echo } }\n");
	assert_int_equal(rig_ask(&rig, "one", "later", "{}"), FL_REPLY_OK);
	assert_int_equal(map_count(rig_find(&rig, "one")->timers), 1); /* one that is long to come */
	assert_true(fl_timer_is_running(rig_find(&rig, "one"), 2));
	fl_timer_stop(rig_find(&rig, "one"), 2);
	assert_false(fl_timer_is_running(rig_find(&rig, "one"), 2));
	assert_int_equal(map_count(rig_find(&rig, "one")->timers), 0);
}

static void an_open_database_is_adopted_with_an_answer(void **state)
{
	struct fl_sqlite_options options = { .path = "one.db" };
	struct fl_ctx *ctx;

	(void)state;
	rig_run(&rig, "services: { one: { plugin: echo } }\n");
	ctx = rig_find(&rig, "one");
	assert_int_equal(fl_sqlite_open(ctx, 7, &options), 0);
	assert_int_equal(fl_sqlite_open(ctx, 7, &options), 0); /* still opening: one answer for both */
	rig_until_calls(&rig, "one", "db_open", 1);
	rig_wait(&rig, 30 * FL_MS);
	assert_int_equal(rig_calls(&rig, "one", "db_open"), 1);
	assert_int_equal(fl_sqlite_open(ctx, 7, &options), 0);
	rig_until_calls(&rig, "one", "db_open", 2);
	options.path = "other.db"; /* another file: closed and opened */
	assert_int_equal(fl_sqlite_open(ctx, 7, &options), 0);
	rig_until_calls(&rig, "one", "db_open", 3);
	assert_int_equal(map_count(ctx->databases), 1);
}

static void a_job_of_a_closed_database_is_dropped(void **state)
{
	struct fl_sqlite_options options = { .path = "one.db" };
	struct fl_sqlite_job *job;
	struct fl_ctx *ctx;

	(void)state;
	rig_run(&rig, "services: { one: { plugin: echo } }\n");
	ctx = rig_find(&rig, "one");
	assert_int_equal(fl_sqlite_open(ctx, 7, &options), 0);
	job = fl_sqlite_job(ctx, 7);
	assert_non_null(job);
	fl_sqlite_close(ctx, 7);
	assert_null(fl_sqlite_job(ctx, 7));
	assert_int_equal(fl_sqlite_run(ctx, job, 1), -ENOTCONN);
}

/* ---- servers ---- */

static void let_get(int port, const char *path)
{
	char question[128];

	(void)snprintf(question, sizeof(question), "{\"url\":\"http://127.0.0.1:%d%s\"}", port, path);
	assert_int_equal(rig_ask(&rig, "client", "request", question), FL_REPLY_OK);
	assert_int_equal(rig_number(&rig, "/result"), 0);
}

static int start_client(void)
{
	int port = start_venue();
	char yaml[256];

	(void)snprintf(yaml, sizeof(yaml), "services:\n%s  client: { plugin: echo }\n", venue_yaml);
	rig_run(&rig, yaml);
	return port;
}

static int64_t let_respond(const char *how, const char *json)
{
	assert_int_equal(rig_ask(&rig, "venue", how, json), FL_REPLY_OK);
	return rig_number(&rig, "/result");
}

static void a_request_is_answered_now_or_later_once(void **state)
{
	int port = start_client();

	(void)state;
	let_get(port, "/now");
	rig_until_calls(&rig, "client", "response", 1);
	assert_int_equal(let_respond("respond", "{\"status\":200}"), -ENOENT);
	let_get(port, "/never");
	rig_until_calls(&rig, "venue", "request", 2);
	assert_int_equal(let_respond("respond", "{\"status\":100}"), -EINVAL); /* and is still owed */
	assert_int_equal(let_respond("respond", "{\"status\":200}"), 0);
	assert_int_equal(let_respond("respond", "{\"status\":200}"), -ENOENT);
	rig_until_calls(&rig, "client", "response", 2);
	let_get(port, "/pieces");
	rig_until_calls(&rig, "venue", "request", 3);
	assert_int_equal(let_respond("respond", "{\"status\":200}"), -EINVAL); /* it has begun */
	assert_int_equal(let_respond("end", "{}"), 0);
	rig_until_calls(&rig, "client", "response", 3);
	assert_int_equal(map_count(rig.host->exchanges), 0);
}

static void numbers_of_exchanges_come_round(void **state)
{
	int port = start_client();

	(void)state;
	rig.host->last_exchange = 0;
	let_get(port, "/never");
	rig_until_calls(&rig, "venue", "request", 1);
	rig.host->last_exchange = INT32_MAX;
	assert_int_equal(rig_ask(&rig, "venue", "echo", "{}"), FL_REPLY_OK);
	assert_int_equal(
		rig_ask(&rig, "client", "request", "{\"url\":\"http://127.0.0.1:9/\"}"), FL_REPLY_OK);
	assert_int_equal(rig_number(&rig, "/result"), -EBUSY); /* its number waits for the answer */
	rig_run(&rig,
		"services:\n  venue: { plugin: echo, listen: \"127.0.0.1:0\" }\n"
		"  client: { plugin: echo }\n  more: { plugin: echo }\n");
	{
		char question[128];

		(void)snprintf(question, sizeof(question), "{\"url\":\"http://127.0.0.1:%d/now\"}", port);
		assert_int_equal(rig_ask(&rig, "more", "request", question), FL_REPLY_OK);
	}
	rig_until_calls(&rig, "more", "response", 1);
	assert_int_equal(rig.host->last_exchange, 2);
	assert_int_equal(map_count(rig.host->exchanges), 1);
}

static void a_closed_listener_ends_its_unfinished_answers(void **state)
{
	int port = start_client();

	(void)state;
	let_get(port, "/never");
	rig_until_calls(&rig, "venue", "request", 1);
	assert_int_equal(rig_ask(&rig, "venue", "unlisten", "{}"), FL_REPLY_OK);
	assert_int_equal(fl_listen_port(rig_find(&rig, "venue"), 1), 0);
	assert_int_equal(let_respond("respond", "{\"status\":200}"), 0);
	rig_until_calls(&rig, "client", "response", 1);
	let_get(port, "/now");
	rig_until_calls(&rig, "client", "no_response", 1); /* nobody listens any more */
	assert_int_equal(rig_ask(&rig, "venue", "open", "{}"), FL_REPLY_OK); /* the number is free */
	assert_true(fl_listen_port(rig_find(&rig, "venue"), 1) > 0);
}

static void who_stops_with_a_request_open_hangs_up(void **state)
{
	int port = start_client();

	(void)state;
	let_get(port, "/never");
	rig_until_calls(&rig, "venue", "request", 1);
	rig_run(&rig, "services: { client: { plugin: echo } }\n");
	rig_until_calls(&rig, "client", "no_response", 1);
	assert_int_equal(map_count(rig.host->exchanges), 0);
}

/* ---- the bus ---- */

static void a_live_subscriber_hears_what_fits(void **state)
{
	(void)state;
	rig_run(&rig,
		"services: { one: { plugin: echo, subscribe: ticker }, two: { plugin: echo, "
		"subscribe: trade } }\nfeeds: { feed: { plugin: echo_feed } }\n");
	assert_int_equal(rig_ask(&rig, "feed", "publish", "{}"), FL_REPLY_OK);
	assert_int_equal(rig_calls(&rig, "one", "ticker"), 1);
	assert_int_equal(rig_calls(&rig, "two", "ticker"), 0);
}

static void a_stream_opened_with_a_bad_filter_goes_on_as_it_was(void **state)
{
	(void)state;
	rig_run(
		&rig, "sinks: { store: { plugin: echo_sink } }\nfeeds: { feed: { plugin: echo_feed } }\n");
	assert_int_equal(
		rig_ask(&rig, "store", "stream", "{\"filter\":\"no such kind\"}"), FL_REPLY_OK);
	assert_true(rig_number(&rig, "/result") < 0);
	assert_int_equal(map_count(rig_find(&rig, "store")->streams), 1);
	assert_int_equal(rig_ask(&rig, "feed", "publish", "{}"), FL_REPLY_OK);
	rig_until_calls(&rig, "store", "batch", 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
	const struct CMUnitTest tests[] = {
		TEST(a_create_that_fails_is_said_and_leaves_no_state),
		TEST(a_start_that_fails_leaves_nothing_open),
		TEST(a_connection_tells_its_states_and_messages),
		TEST(a_connection_that_is_given_up_ends_its_gap),
		TEST(the_same_connection_is_adopted),
		TEST(peers_of_one_turn_have_their_own_numbers),
		TEST(a_number_can_be_opened_anew_while_it_closes_and_after),
		TEST(an_address_that_cannot_be_used_is_said),
		TEST(a_stop_ends_the_connections_in_order),
		TEST(a_stop_while_dialing_ends_too),
		TEST(a_stop_ends_what_was_about_to_be_dialled_anew),
		TEST(a_stop_waits_for_what_the_database_is_at),
		TEST(a_stop_that_takes_too_long_is_cut_short),
		TEST(a_stopped_instance_can_be_started_again),
		TEST(the_host_may_go_with_everything_in_flight),
		TEST(timers_that_are_over_leave_the_table),
		TEST(an_open_database_is_adopted_with_an_answer),
		TEST(a_job_of_a_closed_database_is_dropped),
		TEST(a_request_is_answered_now_or_later_once),
		TEST(numbers_of_exchanges_come_round),
		TEST(a_closed_listener_ends_its_unfinished_answers),
		TEST(who_stops_with_a_request_open_hangs_up),
		TEST(a_live_subscriber_hears_what_fits),
		TEST(a_stream_opened_with_a_bad_filter_goes_on_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
