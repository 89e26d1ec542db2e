/*
 * simulator: an options exchange on this machine, for demonstrations and tests.
 *
 * Serves     Deribit's JSON-RPC over WebSocket (/ws/api/v2) and REST (/api/v2/public/...), and
 * /sim/... for whoever steers it, on one listener, plain or TLS Makes      some 1,548 options of
 * BTC and ETH from a seed; one surface moves, everything follows it Keeps      a ledger of every
 * stream message it has handed to a socket, in an SQLite database Config     services: { simulator:
 * { listen: 127.0.0.1:8090, message_rate: 500 } } Reload     sessions,
 * subscriptions, market and ledger are handed over: clients do not notice
 *
 * here: on_timer > stream.c > stream_emit.c > market.c (what happens) > venue_deribit_print.c >
 * fl_send, ledger.c
 */
#include "simulator.h"
#include "faults.h"
#include "handover.h"

#include <stdlib.h>
#include <string.h>

#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION "1.0" /* the tests of reloading build a second one */
#endif

static const char *const credit_choices[] = { "ip", "connection", "off", NULL };

/* clang-format off */
#define AT(field) offsetof(struct options, faults.field) - offsetof(struct options, faults)
static const struct fl_option fault_options[] = {
	{ "seed", FL_INT, AT(seed), .preset = "1", .min = "0", .help = "draws which and when" },
	{ "every", FL_DURATION, AT(every_ns), .preset = "0", .max = "1d",
	  .help = "about so often something goes wrong; 0: only when POST /sim/fault asks" },
	{ 0 },
};
#undef AT

static const struct fl_option option_table[] = {
	{ "listen", FL_STRING, offsetof(struct options, listen), .preset = "127.0.0.1:8090",
	  .help = "address and port of the venue: WebSocket on /ws/api/v2, REST on /api/v2, control on /sim" },
	{ "cert_file", FL_PATH, offsetof(struct options, cert_file),
	  .help = "PEM certificate: serves TLS when set, together with key_file" },
	{ "key_file", FL_PATH, offsetof(struct options, key_file), .help = "PEM private key" },
	{ "secret", FL_SECRET, offsetof(struct options, secret), .preset = "secret",
	  .help = "client_secret that public/auth accepts, with any client_id" },
	{ "seed", FL_INT, offsetof(struct options, seed), .preset = "1", .min = "0",
	  .help = "draws the universe and everything that happens in it" },
	{ "btc_options", FL_INT, offsetof(struct options, btc_options), .preset = "728", .min = "0",
	  .max = "20000", .help = "how many BTC options are listed" },
	{ "eth_options", FL_INT, offsetof(struct options, eth_options), .preset = "820", .min = "0",
	  .max = "20000", .help = "how many ETH options are listed" },
	{ "futures", FL_INT, offsetof(struct options, futures), .preset = "8", .min = "0", .max = "17",
	  .help = "futures of each currency, the perpetual included" },
	{ "message_rate", FL_INT, offsetof(struct options, message_rate), .preset = "500", .min = "0",
	  .max = "100000", .flags = FL_OPTION_LIVE,
	  .help = "messages a second over all clients' subscriptions" },
	{ "trade_share", FL_INT, offsetof(struct options, trade_share), .preset = "30", .min = "0",
	  .max = "1000", .flags = FL_OPTION_LIVE,
	  .help = "per mille of the rate that are trades; they happen even when nobody listens" },
	{ "quote_share", FL_INT, offsetof(struct options, quote_share), .preset = "600", .min = "0",
	  .max = "1000", .flags = FL_OPTION_LIVE, .help = "weight of quotes in the rest" },
	{ "ticker_share", FL_INT, offsetof(struct options, ticker_share), .preset = "370", .min = "0",
	  .max = "1000", .flags = FL_OPTION_LIVE, .help = "weight of tickers in the rest" },
	{ "book_share", FL_INT, offsetof(struct options, book_share), .preset = "300", .min = "0",
	  .max = "1000", .flags = FL_OPTION_LIVE, .help = "weight of books in the rest" },
	{ "index_interval", FL_DURATION, offsetof(struct options, index_interval_ns), .preset = "1s",
	  .min = "100ms", .flags = FL_OPTION_LIVE, .help = "between two prices of an index" },
	{ "trade_history", FL_INT, offsetof(struct options, trade_history), .preset = "100000",
	  .min = "3", .max = "10000000", .help = "trades kept for REST, over all instruments (96 bytes each)" },
	{ "max_connections", FL_INT, offsetof(struct options, max_connections), .preset = "32",
	  .min = "1", .max = "64", .help = "WebSocket connections of one host; the next is answered 429" },
	{ "max_channels", FL_INT, offsetof(struct options, max_channels), .preset = "500", .min = "1",
	  .max = "100000", .help = "channels of one connection; more are not acknowledged" },
	{ "credits", FL_CHOICE, offsetof(struct options, credits), .preset = "ip",
	  .choices = credit_choices, .help = "who shares the venue's credit pools" },
	{ "idle_timeout", FL_DURATION, offsetof(struct options, idle_timeout_ns), .preset = "60s",
	  .min = "1s", .help = "a connection without subscription and heartbeat is dropped after it" },
	{ "slow_limit", FL_SIZE, offsetof(struct options, slow_limit_bytes), .preset = "8MiB",
	  .min = "64KiB", .help = "unsent bytes beyond which a client is dropped as too slow" },
	{ "unlisted", FL_INT, offsetof(struct options, unlisted), .preset = "0", .min = "0",
	  .max = "1000", .help = "options that are not listed yet: the fault `list` brings the next one in" },
	{ "expiry_hour", FL_INT, offsetof(struct options, expiry_hour), .preset = "8", .min = "0",
	  .max = "23", .help = "hour of the day (UTC) at which options and futures expire" },
	{ "calendar", FL_BOOL, offsetof(struct options, calendar), .preset = "false",
	  .help = "expiries are followed by new ones, and strikes are added in between" },
	{ "strikes_every", FL_DURATION, offsetof(struct options, strikes_every_ns), .preset = "2h",
	  .min = "1s", .max = "30d", .help = "with the calendar: about so often two options are added" },
	{ "faults", FL_GROUP, offsetof(struct options, faults), .group = fault_options,
	  .help = "what goes wrong by chance" },
	{ "ledger", FL_STRING, offsetof(struct options, ledger), .preset = "",
	  .help = "SQLite file of what was sent, \":memory:NAME\" in simulations; empty: none. It grows "
			  "with every message" },
	{ "ledger_flush", FL_DURATION, offsetof(struct options, ledger_flush_ns), .preset = "250ms",
	  .min = "1ms", .max = "10m", .help = "how long the ledger's rows gather before they are written" },
	{ 0 },
};
/* clang-format on */

/* Trade counters begin where an earlier run cannot have come to: clients remember them. */
static int64_t first_seq(int64_t now_ns)
{
	int64_t seconds = now_ns / FL_SECOND - INT64_C(1700000000);

	return seconds > 0 ? seconds * 4 : 0;
}

/* ---- life ---- */

static void check(const void *of, struct fl_check *check)
{
	const struct options *options = of;
	bool has_cert = options->cert_file != NULL && options->cert_file[0] != '\0';
	bool has_key = options->key_file != NULL && options->key_file[0] != '\0';

	if (has_cert && !has_key)
		fl_check_error(check, "cert_file", "needs key_file beside it");
	if (has_key && !has_cert)
		fl_check_error(check, "key_file", "needs cert_file beside it");
}

static void forget_market(struct simulator *sim)
{
	faults_finish(sim);
	stream_finish(sim);
	channels_finish(&sim->channels);
	market_finish(&sim->market);
	sim->faults = (struct faults){ 0 };
	sim->stream = (struct stream){ 0 };
}

static void destroy(void *state)
{
	struct simulator *sim = state;

	if (sim == NULL)
		return;
	forget_market(sim);
	replay_finish(&sim->replay);
	text_finish(&sim->message);
	text_finish(&sim->reply);
	free(sim->fresh);
	free(sim);
}

int simulator_list(struct simulator *sim, int64_t at_ns)
{
	const struct options *options = sim->options;
	struct universe_options universe = { .seed = (uint64_t)options->seed,
		.options = { options->btc_options, options->eth_options },
		.futures = options->futures,
		.expiry_ms_of_day = options->expiry_hour * 3600000 };
	int error;

	forget_market(sim);
	sim->listed_ns = at_ns;
	error = market_init(
		&sim->market, &universe, (uint32_t)options->trade_history, first_seq(at_ns), at_ns / FL_MS);
	if (error == 0)
		error = channels_init(&sim->channels, &sim->market.universe);
	if (error == 0)
		error = stream_init(sim);
	return error == 0 ? faults_init(sim) : error;
}

/* What is listed comes with the start, or out of a snapshot. */
static int create(struct fl_ctx *ctx, const void *options, void **state)
{
	struct simulator *sim = calloc(1, sizeof(*sim));

	if (sim == NULL)
		return -ENOMEM;
	sim->ctx = ctx;
	sim->options = options;
	*state = sim;
	return 0;
}

static int open_listener(struct simulator *sim)
{
	static const char *const paths[] = { "/ws/api/v2", NULL };
	const struct options *options = sim->options;
	bool is_tls = options->cert_file != NULL && options->cert_file[0] != '\0';
	struct fl_listen how = {
		.address = options->listen,
		.cert_file = is_tls ? options->cert_file : NULL,
		.key_file = is_tls ? options->key_file : NULL,
		.websocket_paths = { paths, 1 },
		.body_limit_bytes = 8 << 20, /* captures */
		/* Ours goes first: the client is told by its end, the ledger by its reason. */
		.send_limit_bytes = (size_t)options->slow_limit_bytes + (4 << 20),
		.message_limit_bytes = 1 << 20, /* what is over 32 KiB gets an answer */
	};

	return fl_listen(sim->ctx, LISTENER_VENUE, &how);
}

static int go_live(struct simulator *sim)
{
	int error = open_listener(sim);

	if (error < 0) {
		fl_set_health(sim->ctx, FL_DISCONNECTED, "cannot listen on %s", sim->options->listen);
		return error;
	}
	calendar_start(sim);
	stream_set_rate(sim, sim->options->message_rate);
	faults_schedule(sim, sim->options->faults.seed, sim->options->faults.every_ns);
	fl_set_health(sim->ctx, FL_HEALTHY, "%s", "");
	fl_log(sim->ctx, FL_INFO,
		"simulating Deribit on %s (port %d): %u instruments, %lld messages a second, seed %lld",
		sim->options->listen, fl_listen_port(sim->ctx, LISTENER_VENUE),
		(unsigned)sim->market.universe.count, (long long)sim->options->message_rate,
		(long long)sim->options->seed);
	return 0;
}

/* After a reload everything stands open: it is named, and goes on. */
static int go_on(struct simulator *sim)
{
	int error = ledger_adopt(&sim->ledger, sim->options->ledger);

	sim->is_restored = false;
	if (error == 0 && sim->ledger.is_ready)
		error = open_listener(sim);
	if (error == 0 && sim->ledger.is_ready)
		stream_resume(sim);
	return error;
}

static int begin(struct simulator *sim)
{
	int error = simulator_list(sim, fl_now_ns(sim->ctx));

	if (error < 0)
		return error;
	error =
		ledger_open(&sim->ledger, sim->ctx, sim->options->ledger, sim->options->ledger_flush_ns);
	if (error < 0) {
		fl_log(sim->ctx, FL_ERROR, "the ledger cannot be opened: %s; check the option `ledger`",
			sim->options->ledger);
		return error;
	}
	if (sim->ledger.is_ready)
		return go_live(sim);
	fl_set_health(sim->ctx, FL_NOT_READY, "opening the ledger");
	return 0;
}

static int start(void *state)
{
	struct simulator *sim = state;

	return sim->is_restored ? go_on(sim) : begin(sim);
}

static void stop(void *state)
{
	struct simulator *sim = state;

	sim->is_stopping = true;
	sim->stream.is_quiesced = true;
	fl_timer_stop(sim->ctx, TIMER_TICK);
	fl_timer_stop(sim->ctx, TIMER_SESSIONS);
	fl_timer_stop(sim->ctx, TIMER_REPLAY);
	fl_timer_stop(sim->ctx, TIMER_FAULTS);
	for (int i = 0; i < MAX_SESSIONS; i++)
		if (sim->sessions[i].conn != 0)
			session_close(sim, &sim->sessions[i], 1001, "going away");
	ledger_flush(&sim->ledger, true);
	control_check_quiesced(sim);
	fl_unlisten(sim->ctx, LISTENER_VENUE);
	if (ledger_lag(&sim->ledger) == 0)
		ledger_close(&sim->ledger);
}

static int reconfigure(void *state, const void *options)
{
	struct simulator *sim = state;

	sim->options = options;
	if (sim->ledger.is_ready && sim->options->message_rate != sim->stream.rate)
		stream_set_rate(sim, sim->options->message_rate);
	return 0;
}

/* ---- what happens ---- */

static int on_accept(void *state, int listener, int conn, const struct fl_http_request *request)
{
	(void)listener;
	return session_accept(state, conn, request);
}

static void on_connection(void *state, int conn, enum fl_conn_state now, enum fl_reason reason)
{
	struct simulator *sim = state;
	struct session *session = session_find(sim, conn);

	if (session != NULL && now != FL_CONN_UP)
		session_forget(sim, session, fl_reason_word(reason));
}

static void on_message(void *state, int conn, const struct fl_message *message)
{
	struct simulator *sim = state;
	struct session *session = session_find(sim, conn);

	if (session != NULL)
		session_on_message(sim, session, message);
	else if (fl_conn_state(sim->ctx, conn) == FL_CONN_UP)
		fl_abort(sim->ctx, conn); /* of a life before this one */
}

static void on_request(
	void *state, int listener, int exchange, const struct fl_http_request *request)
{
	struct simulator *sim = state;

	(void)listener;
	if (strncmp(request->path, "/api/v2", 7) == 0)
		rest_on_request(sim, exchange, request);
	else
		control_on_request(sim, exchange, request);
}

static void on_timer(void *state, int timer)
{
	struct simulator *sim = state;

	switch (timer) {
	case TIMER_TICK: stream_tick(sim); break;
	case TIMER_SESSIONS: sessions_on_timer(sim); break;
	case TIMER_REPLAY: replay_on_timer(sim); break;
	case TIMER_FAULTS: faults_on_timer(sim); break;
	default: break;
	}
}

static void on_result(void *state, int db, int number, const struct fl_result *result)
{
	struct simulator *sim = state;

	(void)db;
	if (ledger_on_result(&sim->ledger, number, result, &sim->market) == 1 && !sim->is_stopping) {
		if (sim->ledger.is_failed)
			fl_set_health(sim->ctx, FL_DISCONNECTED, "the ledger cannot be opened");
		else
			go_live(sim);
	}
	control_check_quiesced(sim);
	if (!sim->is_stopping)
		return;
	ledger_flush(&sim->ledger, true);
	if (ledger_lag(&sim->ledger) == 0)
		ledger_close(&sim->ledger);
}

static const struct fl_command_info commands[] = {
	{ "status", "connections, what was sent, how far the ledger is behind: as GET /sim/status" },
	{ 0 },
};

static void on_command(void *state, int command, const char *name, const char *json)
{
	struct simulator *sim = state;

	(void)json;
	if (strcmp(name, "status") != 0) {
		fl_reply_detail(sim->ctx, command, FL_REPLY_NOT_FOUND,
			"the simulator does not know %s; it takes status", name);
		return;
	}
	control_status(sim, &sim->reply);
	text_bytes(&sim->reply, "", 1);
	if (sim->reply.failed)
		fl_reply_detail(sim->ctx, command, FL_REPLY_FAILED, "out of memory");
	else
		fl_reply(sim->ctx, command, FL_REPLY_OK, sim->reply.data, false);
}

/* clang-format off */
FL_PLUGIN_EXPORT const struct fl_plugin feedloom_plugin = {
	.abi = FL_PLUGIN_ABI, .size = sizeof(struct fl_plugin),
	.name = "simulator", .version = PLUGIN_VERSION, .role = FL_SERVICE,
	.state_version = SIMULATOR_STATE_VERSION,
	.summary = "an exchange simulator that speaks Deribit's protocol, with a ledger of what it sent",
	.options = option_table, .options_size = sizeof(struct options), .check = check,
	.create = create, .destroy = destroy, .start = start, .stop = stop, .reconfigure = reconfigure,
	.on_connection = on_connection, .on_message = on_message, .on_timer = on_timer,
	.on_accept = on_accept, .on_request = on_request, .on_result = on_result,
	.commands = commands, .on_command = on_command,
	.save = handover_save, .restore = handover_restore,
};
/* clang-format on */
