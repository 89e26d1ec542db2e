/*
 * echo.c: a plugin that does what a test asks of it. Built three times, with ROLE set: echo (a
 * service), echo_feed, echo_sink.
 *
 * Built further times as what its file may become: with VERSION, STATE_VERSION, and FAIL_AT set to
 * the step of a swap at which it fails.
 *
 * What happens to it is told by metrics, which outlive it: echo_calls{instance, call} counts, and
 * echo_order{instance, call} has the place of the last such call among all calls of all instances.
 */
#include <feedloom/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#ifndef VERSION
#define VERSION "1.0"
#endif
#ifndef STATE_VERSION
#define STATE_VERSION 1
#endif
#define AT_SAVE 1
#define AT_CREATE 2
#define AT_RESTORE 3
#define AT_START 4
#ifndef FAIL_AT
#define FAIL_AT 0
#endif

enum { CONN = 1, LISTENER = 1, TIMER_LATER = 1, DB = 1, SUBSCRIPTION = 1, LATER_MAX = 16 };
enum store { STORE_ACK, STORE_HOLD, STORE_RETRY };

struct options {
#ifdef WIDE
	int64_t in_front; /* as a later version of the file may have it: all others move */
#endif
	const char *text;
	int64_t count;
	bool refuses_live;
	int fail, store;
	const char *url, *listen, *database, *subscribe;
};

static const char *const fails[] = { "nowhere", "create", "start", "late_start", NULL };
static const char *const stores[] = { "ack", "hold", "retry", NULL };

/* clang-format off */
static const struct fl_option option_table[] = {
#ifdef WIDE
	{ "in_front", FL_INT, offsetof(struct options, in_front), .preset = "1", .help = "new" },
#endif
	{ "text", FL_STRING, offsetof(struct options, text), .preset = "hello",
	  .flags = FL_OPTION_LIVE, .help = "changes while it runs" },
	{ "count", FL_INT, offsetof(struct options, count), .preset = "1", .min = "0", .max = "10",
	  .help = "needs a restart" },
	{ "refuses_live", FL_BOOL, offsetof(struct options, refuses_live), .preset = "false",
	  .help = "wants to be restarted for everything" },
	{ "fail", FL_CHOICE, offsetof(struct options, fail), .preset = "nowhere", .choices = fails,
	  .help = "where it fails" },
	{ "store", FL_CHOICE, offsetof(struct options, store), .preset = "ack", .choices = stores,
	  .help = "what it does with a batch" },
	{ "url", FL_STRING, offsetof(struct options, url), .preset = "", .help = "to connect to" },
	{ "listen", FL_STRING, offsetof(struct options, listen), .preset = "", .help = "where to serve" },
	{ "database", FL_STRING, offsetof(struct options, database), .preset = "", .help = "to open" },
	{ "subscribe", FL_STRING, offsetof(struct options, subscribe), .preset = "", .help = "live" },
	{ 0 },
};
/* clang-format on */

struct echo {
	struct fl_ctx *ctx;
	const struct options *options;
	int later[LATER_MAX]; /* commands to answer when the timer comes */
	int later_count;
	int exchange; /* one that waits for its answer */
	struct fl_position held;
	int last_status, replies;
	int64_t kept; /* handed over */
	bool is_restored;
	char last_reply[256];
};

static void tell(struct fl_ctx *ctx, const char *call)
{
	struct fl_metric *all = fl_metric(ctx, FL_COUNTER, "echo_all", NULL, "calls of all instances");
	char labels[160];

	fl_metric_add(all, 1);
	snprintf(labels, sizeof(labels), "instance=\"%s\",call=\"%s\"", fl_instance_name(ctx), call);
	fl_metric_add(fl_metric(ctx, FL_COUNTER, "echo_calls", labels, "calls"), 1);
	fl_metric_set(fl_metric(ctx, FL_GAUGE, "echo_order", labels, "place"), fl_metric_value(all));
}

static void check(const void *options, struct fl_check *check)
{
	const struct options *given = options;

	if (strcmp(given->text, "bad") == 0)
		fl_check_error(check, "text", "bad is not good");
}

/* ---- life ---- */

static int create(struct fl_ctx *ctx, const void *options, void **state)
{
	struct echo *self = calloc(1, sizeof(*self));

	tell(ctx, "create");
	if (self == NULL)
		return -ENOMEM;
	*self = (struct echo){ .ctx = ctx, .options = options };
	if (self->options->fail == 1 || FAIL_AT == AT_CREATE) {
		free(self);
		return -EIO;
	}
	*state = self;
	return 0;
}

static void destroy(void *state)
{
	struct echo *self = state;

	if (self == NULL)
		return;
	tell(self->ctx, "destroy");
	free(self);
}

/* Everything that an instance can have open. */
static int open_all(struct echo *self)
{
	static const char *const paths[] = { "/ws", NULL };
	const struct options *options = self->options;
	struct fl_endpoint endpoint = { .url = options->url, .close_timeout_ns = FL_SECOND / 2 };
	struct fl_listen listen = {
		.address = options->listen, .guarded = true, .websocket_paths = { paths, 1 }
	};
	struct fl_sqlite_options database = { .path = options->database };
	struct fl_filter filter = { options->subscribe };
	int result = 0;

	if (*options->listen != '\0')
		result = fl_listen(self->ctx, LISTENER, &listen);
	if (result == 0 && *options->url != '\0')
		result = fl_connect(self->ctx, CONN, &endpoint);
	if (result == 0 && *options->database != '\0')
		result = fl_sqlite_open(self->ctx, DB, &database);
	if (result == 0 && *options->subscribe != '\0')
		result = fl_subscribe(self->ctx, SUBSCRIPTION, &filter);
	return result;
}

static void publish(struct echo *self);

/* One call of each kind: all are carried out when the swap has succeeded, none when it has not. */
static void use_all(struct echo *self)
{
	struct fl_ctx *ctx = self->ctx;
	struct fl_request request = { .url = "http://127.0.0.1:9/" };

	fl_sendf(ctx, CONN, "swapped %s", VERSION);
	fl_set_health(ctx, FL_HEALTHY, "%s", "");
	fl_set_coverage(ctx, "BTC", &(struct fl_coverage){ .listed = 9, .subscribed = 8, .live = 7 });
	fl_conn_load(ctx, CONN, 5, 6);
	fl_timer_start(ctx, TIMER_LATER + 2, FL_MS, 0);
	(void)fl_request(ctx, 7, &request);
	(void)fl_command(ctx, 77, "core", "ready", NULL, 0);
	publish(self);
}

static int start(void *state)
{
	struct echo *self = state;
	struct fl_stream stream = { .commit_floor_ns = FL_MS };
	int result;

	tell(self->ctx, "start");
	if (self->options->fail == 2)
		return -ECONNREFUSED;
	if (self->is_restored)
		use_all(self);
	result = open_all(self);
	if (result == 0 && ROLE == FL_SINK)
		result = fl_stream_open(self->ctx, "main", &stream);
	fl_timer_start(self->ctx, TIMER_LATER + 1, FL_HOUR, 0);
	if (FAIL_AT == AT_START)
		return -EPROTO; /* after it has asked for everything */
	return result < 0 ? result : self->options->fail == 3 ? -EPROTO : 0;
}

static int save(const void *state, struct fl_snapshot *to)
{
	const struct echo *self = state;

	tell(self->ctx, "save");
	if (FAIL_AT == AT_SAVE)
		return -ENOSPC;
	fl_snapshot_put_int(to, "exchange", self->exchange);
	fl_snapshot_put_int(to, "later_count", self->later_count);
	fl_snapshot_put_bytes(to, "later", self->later, sizeof(self->later));
	return fl_snapshot_put_int(to, "kept", self->kept);
}

static int restore(void *state, uint32_t version, const struct fl_snapshot *from)
{
	struct echo *self = state;
	const void *later;
	int64_t number = 0;
	size_t length;

	tell(self->ctx, "restore");
	if (FAIL_AT == AT_RESTORE || version > STATE_VERSION)
		return -EPROTO;
	self->is_restored = true;
	fl_snapshot_get_int(from, "kept", &self->kept);
	if (fl_snapshot_get_int(from, "exchange", &number) == 0)
		self->exchange = (int)number;
	if (fl_snapshot_get_int(from, "later_count", &number) == 0)
		self->later_count = (int)number;
	if (fl_snapshot_get_bytes(from, "later", &later, &length) == 0 && length == sizeof(self->later))
		memcpy(self->later, later, length);
	return 0;
}

static void stop(void *state)
{
	tell(((struct echo *)state)->ctx, "stop");
}

static int reconfigure(void *state, const void *options)
{
	struct echo *self = state;

	tell(self->ctx, "reconfigure");
	if (((const struct options *)options)->refuses_live)
		return -EBUSY;
	self->options = options;
	return 0;
}

static int probe(void *state)
{
	struct echo *self = state;

	if (self->options->fail == 2)
		return -ECONNREFUSED;
	fl_probe_step(self->ctx, 0, "%s", self->options->text);
	if (self->options->fail == 3)
		fl_probe_step(self->ctx, -EIO, "second step");
	fl_probe_done(self->ctx);
	return 0;
}

/* ---- what happens to it ---- */

static void on_connection(void *state, int conn, enum fl_conn_state now, enum fl_reason reason)
{
	struct echo *self = state;

	(void)reason;
	tell(self->ctx, now == FL_CONN_UP ? "up" : now == FL_CONN_CLOSED ? "closed" : "down");
	if (now != FL_CONN_UP)
		return;
	if (conn == CONN)
		fl_sendf(self->ctx, conn, "hello from %s", fl_instance_name(self->ctx));
	if (conn == CONN)
		fl_conn_load(self->ctx, conn, 3, 7);
}

static void on_message(void *state, int conn, const struct fl_message *message)
{
	struct echo *self = state;

	tell(self->ctx, "message");
	if (conn != CONN) /* a peer: it hears what it says */
		fl_send(self->ctx, conn, message->data, message->length);
}

static int on_accept(void *state, int listener, int conn, const struct fl_http_request *request)
{
	struct echo *self = state;

	(void)listener;
	(void)conn;
	(void)request;
	tell(self->ctx, "accept");
	return 0;
}

static void on_request(
	void *state, int listener, int exchange, const struct fl_http_request *request)
{
	struct echo *self = state;

	(void)listener;
	tell(self->ctx, "request");
	if (strcmp(request->path, "/now") == 0)
		fl_respond(self->ctx, exchange, 200, "text/plain", self->options->text,
			strlen(self->options->text));
	else if (strcmp(request->path, "/pieces") == 0)
		fl_respond_begin(self->ctx, exchange, 200, "text/plain");
	self->exchange = exchange;
}

static void on_response(void *state, int number, const struct fl_response *response)
{
	struct echo *self = state;

	(void)number;
	tell(self->ctx, response->status == 0 ? "no_response" : "response");
}

static void on_timer(void *state, int timer)
{
	struct echo *self = state;

	tell(self->ctx, timer == TIMER_LATER + 2 ? "timer_swapped" : "timer");
	for (int i = 0; i < self->later_count; i++)
		fl_reply(self->ctx, self->later[i], FL_REPLY_OK, "{\"late\":true}", false);
	self->later_count = 0;
}

static void on_result(void *state, int db, int number, const struct fl_result *result)
{
	struct echo *self = state;

	(void)db;
	tell(self->ctx, result->error != 0 ? "db_error" : number == 0 ? "db_open" : "db_done");
}

static void on_record(void *state, int subscription, const struct fl_record *record)
{
	struct echo *self = state;

	(void)subscription;
	tell(self->ctx, fl_kind_name(record->kind));
}

static void on_batch(void *state, const char *stream, const struct fl_batch *batch)
{
	struct echo *self = state;

	tell(self->ctx, "batch");
	self->held = batch->to;
	if (self->options->store == STORE_ACK)
		fl_ack(self->ctx, stream, &batch->to);
	else if (self->options->store == STORE_RETRY)
		fl_retry(self->ctx, stream, FL_HOUR);
}

/* ---- commands ---- */

static const char *text_of(yyjson_val *root, const char *key)
{
	return yyjson_get_str(yyjson_obj_get(root, key));
}

static int64_t number_of(yyjson_val *root, const char *key)
{
	return yyjson_get_sint(yyjson_obj_get(root, key));
}

static void publish(struct echo *self)
{
	struct fl_ticker ticker;

	fl_record_init(&ticker, FL_TICKER);
	ticker.head.instrument = fl_instrument_id(self->ctx, "BTC-1", 5);
	ticker.head.event_time_ns = ticker.head.received_ns = fl_now_ns(self->ctx);
	(void)fl_publish(self->ctx, &ticker.head);
}

static void ask(struct echo *self, int command, yyjson_val *root)
{
	char answer[64];
	int result = fl_command(self->ctx, (int)number_of(root, "number"), text_of(root, "to"),
		text_of(root, "name"), text_of(root, "json"), number_of(root, "deadline_ms") * FL_MS);

	snprintf(answer, sizeof(answer), "{\"result\":%d}", result);
	fl_reply(self->ctx, command, FL_REPLY_OK, answer, false);
}

static void reply_replies(struct echo *self, int command)
{
	char answer[400];

	snprintf(answer, sizeof(answer), "{\"status\":%d,\"count\":%d,\"json\":%s}", self->last_status,
		self->replies, *self->last_reply != '\0' ? self->last_reply : "null");
	fl_reply(self->ctx, command, FL_REPLY_OK, answer, false);
}

static void work(struct echo *self, int64_t rows)
{
	struct fl_sqlite_job *job = fl_sqlite_job(self->ctx, DB);

	fl_sqlite_statement(job,
		"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < ?) "
		"SELECT count(*) FROM t",
		FL_SQL_ROWS);
	fl_sqlite_int(job, rows);
	fl_sqlite_row_end(job);
	(void)fl_sqlite_run(self->ctx, job, 1);
}

/* Things that have no answer of their own. */
static int act(struct echo *self, const char *name, yyjson_val *root)
{
	struct fl_request request = { .url = text_of(root, "url") };
	struct fl_endpoint endpoint = { .url = text_of(root, "url") };
	struct fl_stream stream = { .filter = { text_of(root, "filter") } };

	if (strcmp(name, "publish") == 0)
		publish(self);
	else if (strcmp(name, "health") == 0)
		fl_set_health(
			self->ctx, (enum fl_health)number_of(root, "health"), "%s", text_of(root, "reason"));
	else if (strcmp(name, "coverage") == 0)
		fl_set_coverage(self->ctx, text_of(root, "currency"),
			&(struct fl_coverage){ .listed = (int)number_of(root, "listed"),
				.subscribed = (int)number_of(root, "subscribed"),
				.live = (int)number_of(root, "live") });
	else if (strcmp(name, "request") == 0)
		return fl_request(self->ctx, 1, &request);
	else if (strcmp(name, "connect") == 0)
		return fl_connect(self->ctx, (int)number_of(root, "number"), &endpoint);
	else if (strcmp(name, "close") == 0)
		fl_close(self->ctx, (int)number_of(root, "number"), 1000, "asked");
	else if (strcmp(name, "reconnect") == 0)
		fl_reconnect(self->ctx, CONN, FL_REASON_STALE);
	else if (strcmp(name, "work") == 0)
		work(self, number_of(root, "rows"));
	else if (strcmp(name, "open") == 0)
		return open_all(self);
	else if (strcmp(name, "stream") == 0)
		return fl_stream_open(self->ctx, "main", &stream);
	else if (strcmp(name, "unstream") == 0)
		fl_stream_close(self->ctx, "main");
	else if (strcmp(name, "ack") == 0)
		fl_ack(self->ctx, "main", &self->held);
	else if (strcmp(name, "respond") == 0)
		return fl_respond(
			self->ctx, self->exchange, (int)number_of(root, "status"), "text/plain", "later", 5);
	else if (strcmp(name, "end") == 0)
		return fl_respond_end(self->ctx, self->exchange);
	else if (strcmp(name, "keep") == 0)
		self->kept = number_of(root, "value");
	else if (strcmp(name, "kept") == 0)
		return (int)self->kept;
	else if (strcmp(name, "unlisten") == 0)
		fl_unlisten(self->ctx, LISTENER);
	return 0;
}

static void on_command(void *state, int command, const char *name, const char *json)
{
	struct echo *self = state;
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	yyjson_val *root = yyjson_doc_get_root(doc);
	char answer[64];

	tell(self->ctx, name);
	if (strcmp(name, "echo") == 0) {
		fl_reply(self->ctx, command, FL_REPLY_OK, json, false);
		tell(self->ctx, strlen(json) > 0 ? name : json); /* both still there after the answer */
	} else if (strcmp(name, "text") == 0) {
		snprintf(answer, sizeof(answer), "{\"text\":\"%.40s\"}", self->options->text);
		fl_reply(self->ctx, command, FL_REPLY_OK, answer, false);
	} else if (strcmp(name, "twice") == 0) {
		fl_reply(self->ctx, command, FL_REPLY_OK, "[1]", true);
		fl_reply(self->ctx, command, FL_REPLY_OK, "[2]", false);
		fl_reply(self->ctx, command, FL_REPLY_OK, "[3]", false); /* nobody waits any more */
	} else if (strcmp(name, "refuse") == 0) {
		fl_reply_detail(self->ctx, command, FL_REPLY_CONFLICT, "not \"now\"");
	} else if (strcmp(name, "ask") == 0) {
		ask(self, command, root);
	} else if (strcmp(name, "replies") == 0) {
		reply_replies(self, command);
	} else if (strcmp(name, "later") == 0 && self->later_count < LATER_MAX) {
		self->later[self->later_count++] = command;
		fl_timer_start(self->ctx, TIMER_LATER, FL_MS, 0);
	} else if (strcmp(name, "never") != 0) {
		snprintf(answer, sizeof(answer), "{\"result\":%d}", act(self, name, root));
		fl_reply(self->ctx, command, FL_REPLY_OK, answer, false);
	}
	yyjson_doc_free(doc);
}

static void on_reply(void *state, int number, int status, const char *json, bool more)
{
	struct echo *self = state;

	tell(self->ctx, "reply");
	self->last_status = status;
	self->replies++;
	snprintf(self->last_reply, sizeof(self->last_reply), "%s", strlen(json) < 200 ? json : "null");
	/* The number is free again, within the answer. */
	if (!more && number == 99)
		(void)fl_command(self->ctx, number, "nobody", "echo", NULL, 0);
}

/* clang-format off */
static const struct fl_command_info commands[] = {
	{ "echo", "answers with what it was sent" }, { "text", "its live option" },
	{ "later", "answers from a timer" }, { "never", "does not answer" },
	{ "twice", "answers in two pieces" }, { "refuse", "says no" },
	{ "ask", "asks another" }, { "replies", "what it was answered" },
	{ "publish", "a ticker" }, { "health", "of itself" }, { "coverage", "of a currency" },
	{ "request", "over HTTP" }, { "connect", "a WebSocket" }, { "close", "one" }, { "reconnect", "the first" },
	{ "work", "in the database" }, { "open", "all that the options name, again" },
	{ "stream", "opens the stream again" }, { "unstream", "closes it" }, { "ack", "the batch that it holds" },
	{ "respond", "to the request that waits" }, { "end", "the answer in pieces" },
	{ "unlisten", "stops serving" }, { "keep", "a number" }, { "kept", "that number" },
	{ 0 },
};

FL_PLUGIN_EXPORT const struct fl_plugin feedloom_plugin = {
	.abi = FL_PLUGIN_ABI, .size = sizeof(struct fl_plugin),
	.name = "echo", .version = VERSION, .state_version = STATE_VERSION, .summary = "does what a test asks", .role = ROLE, .venue = "echo",
	.options = option_table, .options_size = sizeof(struct options), .check = check,
	.create = create, .destroy = destroy, .start = start, .stop = stop, .reconfigure = reconfigure,
	.probe = ROLE == FL_SERVICE ? NULL : probe,
	.on_connection = on_connection, .on_message = on_message, .on_response = on_response,
	.on_timer = on_timer, .on_accept = on_accept, .on_request = on_request, .on_result = on_result,
	.on_record = on_record, .on_batch = on_batch,
	.commands = commands, .on_command = on_command, .on_reply = on_reply,
	.save = save, .restore = restore,
};
/* clang-format on */
