/* fake_core.c: the core as far as the simulator can tell. */
#include "fake_core.h"
#include "snapshot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- time, log, health ---- */

int64_t fl_now_ns(const struct fl_ctx *ctx)
{
	return ctx->now_ns;
}

int64_t fl_monotonic_ns(const struct fl_ctx *ctx)
{
	return ctx->monotonic_ns;
}

void fl_log(struct fl_ctx *ctx, enum fl_level level, const char *format, ...)
{
	(void)ctx;
	(void)level;
	(void)format;
}

void fl_log_limited(struct fl_ctx *ctx, enum fl_level level, const char *format, ...)
{
	(void)ctx;
	(void)level;
	(void)format;
}

void fl_complain(struct fl_ctx *ctx, const char *what, const char *format, ...)
{
	(void)ctx;
	(void)what;
	(void)format;
}

void fl_set_health(struct fl_ctx *ctx, enum fl_health health, const char *reason, ...)
{
	(void)ctx;
	(void)health;
	(void)reason;
}

const char *fl_reason_word(enum fl_reason reason)
{
	return reason == FL_REASON_RESET ? "reset" : "peer_closed";
}

void fl_check_error(struct fl_check *check, const char *option, const char *format, ...)
{
	(void)check;
	(void)option;
	(void)format;
}

void fl_reply(struct fl_ctx *ctx, int command, int status, const char *json, bool more)
{
	(void)command;
	(void)more;
	ctx->status = status;
	free(ctx->body);
	ctx->body = strdup(json);
}

void fl_reply_detail(struct fl_ctx *ctx, int command, int status, const char *format, ...)
{
	(void)format;
	fl_reply(ctx, command, status, "{}", false);
}

/* ---- timers ---- */

int fl_timer_start(struct fl_ctx *ctx, int timer, int64_t delay_ns, int64_t repeat_ns)
{
	ctx->timers[timer].is_running = true;
	ctx->timers[timer].at_ns = ctx->monotonic_ns + delay_ns;
	ctx->timers[timer].repeat_ns = repeat_ns;
	return 0;
}

void fl_timer_stop(struct fl_ctx *ctx, int timer)
{
	ctx->timers[timer].is_running = false;
}

static int next_timer(const struct fl_ctx *ctx, int64_t until_ns)
{
	int next = -1;

	for (int i = 0; i < FAKE_TIMERS; i++)
		if (ctx->timers[i].is_running && ctx->timers[i].at_ns <= until_ns &&
			(next < 0 || ctx->timers[i].at_ns < ctx->timers[next].at_ns))
			next = i;
	return next;
}

static void move_to(struct fl_ctx *ctx, int64_t monotonic_ns)
{
	if (monotonic_ns <= ctx->monotonic_ns)
		return;
	ctx->now_ns += monotonic_ns - ctx->monotonic_ns;
	ctx->monotonic_ns = monotonic_ns;
}

void fake_pass(struct fl_ctx *ctx, struct simulator *sim, int64_t ns)
{
	int64_t until_ns = ctx->monotonic_ns + ns;
	int timer;

	while ((timer = next_timer(ctx, until_ns)) >= 0) {
		move_to(ctx, ctx->timers[timer].at_ns);
		if (ctx->timers[timer].repeat_ns > 0)
			ctx->timers[timer].at_ns += ctx->timers[timer].repeat_ns;
		else
			ctx->timers[timer].is_running = false;
		feedloom_plugin.on_timer(sim, timer);
		if (!ctx->is_database_held)
			fake_answer_jobs(ctx, sim);
	}
	move_to(ctx, until_ns);
}

/* ---- connections ---- */

int fl_send(struct fl_ctx *ctx, int conn, const void *data, size_t length)
{
	struct fake_message *message;

	if (ctx->send_error != 0)
		return ctx->send_error;
	if (ctx->sent_count == ctx->sent_capacity) {
		ctx->sent_capacity = ctx->sent_capacity ? ctx->sent_capacity * 2 : 64;
		ctx->sent = realloc(ctx->sent, ctx->sent_capacity * sizeof(*ctx->sent));
	}
	message = &ctx->sent[ctx->sent_count++];
	message->conn = conn;
	message->length = length;
	message->text = calloc(1, length + 1);
	memcpy(message->text, data, length);
	return 0;
}

int fl_send_pieces(struct fl_ctx *ctx, int conn, const void *data, size_t length,
	size_t piece_bytes, bool with_pings)
{
	(void)with_pings;
	ctx->pieces += (length + piece_bytes - 1) / piece_bytes;
	return fl_send(ctx, conn, data, length);
}

int fl_drip(struct fl_ctx *ctx, int conn, size_t bytes, int64_t every_ns)
{
	(void)every_ns;
	ctx->dripping = bytes > 0 ? conn : 0;
	return 0;
}

int fl_freeze(struct fl_ctx *ctx, int conn, bool on)
{
	ctx->frozen = on ? conn : 0;
	return 0;
}

void fake_forget_sent(struct fl_ctx *ctx)
{
	for (size_t i = 0; i < ctx->sent_count; i++)
		free(ctx->sent[i].text);
	ctx->sent_count = 0;
}

size_t fl_send_queued(const struct fl_ctx *ctx, int conn)
{
	(void)conn;
	return ctx->queued;
}

enum fl_conn_state fl_conn_state(const struct fl_ctx *ctx, int conn)
{
	return conn == ctx->aborted || conn == ctx->closed ? FL_CONN_CLOSED : FL_CONN_UP;
}

void fl_abort(struct fl_ctx *ctx, int conn)
{
	ctx->aborted = conn;
}

void fl_close(struct fl_ctx *ctx, int conn, int code, const char *why)
{
	ctx->closed = conn;
	ctx->close_code = code;
	snprintf(ctx->close_reason, sizeof(ctx->close_reason), "%s", why);
}

int fl_listen(struct fl_ctx *ctx, int listener, const struct fl_listen *how)
{
	(void)ctx;
	(void)listener;
	(void)how;
	return 0;
}

int fl_listen_port(const struct fl_ctx *ctx, int listener)
{
	(void)ctx;
	return listener;
}

void fl_unlisten(struct fl_ctx *ctx, int listener)
{
	(void)ctx;
	(void)listener;
}

int fake_accept(struct simulator *sim, int conn, const char *peer)
{
	struct fl_http_request request = {
		.method = "GET", .path = "/ws/api/v2", .query = "", .body = "", .peer = peer
	};
	int answer = feedloom_plugin.on_accept(sim, LISTENER_VENUE, conn, &request);

	if (answer == 0)
		feedloom_plugin.on_connection(sim, conn, FL_CONN_UP, FL_REASON_DONE);
	return answer;
}

void fake_say(struct simulator *sim, int conn, const char *text)
{
	char *copy = calloc(1, strlen(text) + FL_MESSAGE_PADDING + 1);
	struct fl_message message = {
		.data = copy, .length = strlen(text), .is_text = true, .received_ns = sim->ctx->now_ns
	};

	memcpy(copy, text, message.length);
	feedloom_plugin.on_message(sim, conn, &message);
	free(copy);
}

yyjson_doc *fake_ask(struct fl_ctx *ctx, struct simulator *sim, int conn, const char *text)
{
	size_t before = ctx->sent_count;

	fake_say(sim, conn, text);
	if (ctx->sent_count == before)
		return NULL;
	return yyjson_read(ctx->sent[before].text, ctx->sent[before].length, 0);
}

/* ---- HTTP ---- */

int fl_respond(
	struct fl_ctx *ctx, int exchange, int status, const char *type, const void *body, size_t length)
{
	(void)exchange;
	(void)type;
	ctx->status = status;
	free(ctx->body);
	ctx->body = calloc(1, length + 1);
	memcpy(ctx->body, body, length);
	return 0;
}

int fl_respond_with(struct fl_ctx *ctx, int exchange, int status, const char *type,
	const struct fl_header *headers, size_t header_count, const void *body, size_t length)
{
	(void)headers;
	ctx->header_count = header_count;
	return fl_respond(ctx, exchange, status, type, body, length);
}

int fl_respond_begin(struct fl_ctx *ctx, int exchange, int status, const char *type)
{
	return fl_respond(ctx, exchange, status, type, "", 0);
}

int fl_respond_more(struct fl_ctx *ctx, int exchange, const void *data, size_t length)
{
	return fl_respond(ctx, exchange, ctx->status, "", data, length);
}

int fl_respond_problem(struct fl_ctx *ctx, int exchange, int status, const char *detail, ...)
{
	(void)detail;
	return fl_respond(ctx, exchange, status, "application/problem+json", "{}", 2);
}

int fl_http_query(const struct fl_http_request *request, const char *name, char *out, size_t size)
{
	size_t length = strlen(name);

	for (const char *at = request->query; at != NULL && *at != '\0';) {
		const char *next = strchr(at, '&');
		size_t part = next != NULL ? (size_t)(next - at) : strlen(at);

		if (part > length && memcmp(at, name, length) == 0 && at[length] == '=') {
			part -= length + 1;
			if (part >= size)
				return -EINVAL;
			memcpy(out, at + length + 1, part);
			out[part] = '\0';
			return (int)part;
		}
		at = next != NULL ? next + 1 : NULL;
	}
	return -ENOENT;
}

yyjson_doc *fake_http(struct fl_ctx *ctx, struct simulator *sim, const char *method,
	const char *path, const char *query, const char *body)
{
	struct fl_http_request request = { .method = method,
		.path = path,
		.query = query,
		.body = body,
		.length = strlen(body),
		.peer = "127.0.0.1:9" };

	ctx->status = 0;
	free(ctx->body);
	ctx->body = NULL;
	feedloom_plugin.on_request(sim, LISTENER_VENUE, 7, &request);
	return ctx->body != NULL ? yyjson_read(ctx->body, strlen(ctx->body), 0) : NULL;
}

/* ---- the ledger's database ---- */

struct fl_sqlite_job {
	struct fl_ctx *ctx;
	int table; /* -1: no insert */
	char row[512];
	size_t length;
};

int fl_sqlite_open(struct fl_ctx *ctx, int db, const struct fl_sqlite_options *options)
{
	(void)db;
	(void)options;
	ctx->database_is_open = true;
	ctx->jobs[ctx->job_count++] = 0;
	return 0;
}

void fl_sqlite_close(struct fl_ctx *ctx, int db)
{
	(void)db;
	ctx->database_is_open = false;
}

struct fl_sqlite_job *fl_sqlite_job(struct fl_ctx *ctx, int db)
{
	struct fl_sqlite_job *job = calloc(1, sizeof(*job));

	(void)db;
	job->ctx = ctx;
	job->table = -1;
	return job;
}

int fl_sqlite_statement(struct fl_sqlite_job *job, const char *sql, unsigned flags)
{
	const char *into = strstr(sql, "INTO ");
	size_t length;

	(void)flags;
	job->table = -1;
	if (into == NULL)
		return 0;
	into += 5;
	length = strcspn(into, " ");
	for (int i = 0; i < FAKE_TABLES; i++) {
		char *table = job->ctx->tables[i].table;

		if (table[0] == '\0')
			memcpy(table, into, length);
		if (strlen(table) == length && memcmp(table, into, length) == 0) {
			job->table = i;
			return 0;
		}
	}
	return -ENOMEM;
}

static void add_value(struct fl_sqlite_job *job, const char *value, size_t length)
{
	job->length += (size_t)snprintf(job->row + job->length, sizeof(job->row) - job->length,
		"%s%.*s", job->length > 0 ? "|" : "", (int)length, value);
}

void fl_sqlite_null(struct fl_sqlite_job *job)
{
	add_value(job, "NULL", 4);
}

void fl_sqlite_int(struct fl_sqlite_job *job, int64_t value)
{
	char text[32];

	add_value(job, text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)value));
}

void fl_sqlite_real(struct fl_sqlite_job *job, double value)
{
	char text[32];

	if (isnan(value))
		fl_sqlite_null(job);
	else
		add_value(job, text, (size_t)snprintf(text, sizeof(text), "%.17g", value));
}

void fl_sqlite_text(struct fl_sqlite_job *job, const char *text, size_t length)
{
	add_value(job, text, length);
}

void fl_sqlite_row_end(struct fl_sqlite_job *job)
{
	if (job->table >= 0) {
		job->ctx->tables[job->table].rows++;
		snprintf(job->ctx->tables[job->table].last_row,
			sizeof(job->ctx->tables[job->table].last_row), "%s", job->row);
	}
	job->length = 0;
	job->row[0] = '\0';
}

int fl_sqlite_run(struct fl_ctx *ctx, struct fl_sqlite_job *job, int number)
{
	free(job);
	ctx->jobs[ctx->job_count++] = number;
	return 0;
}

void fl_sqlite_drop(struct fl_sqlite_job *job)
{
	free(job);
}

/* A database of an earlier run: its last message was number 41. */
int64_t fl_result_int(const struct fl_result *result, size_t row, size_t column)
{
	(void)result;
	(void)row;
	return column == 0 ? 41 : 5;
}

const char *fl_result_text(const struct fl_result *result, size_t row, size_t column)
{
	(void)result;
	(void)row;
	(void)column;
	return NULL;
}

void fake_answer_jobs(struct fl_ctx *ctx, struct simulator *sim)
{
	while (ctx->job_count > 0) {
		struct fl_result result = { .detail = "", .row_count = ctx->jobs[0] == 2 };
		int number = ctx->jobs[0];

		memmove(ctx->jobs, ctx->jobs + 1, --ctx->job_count * sizeof(*ctx->jobs));
		feedloom_plugin.on_result(sim, 1, number, &result);
	}
}

uint64_t fake_rows(const struct fl_ctx *ctx, const char *name)
{
	for (int i = 0; i < FAKE_TABLES; i++)
		if (strcmp(ctx->tables[i].table, name) == 0)
			return ctx->tables[i].rows;
	return 0;
}

const char *fake_last_row(const struct fl_ctx *ctx, const char *name)
{
	for (int i = 0; i < FAKE_TABLES; i++)
		if (strcmp(ctx->tables[i].table, name) == 0)
			return ctx->tables[i].last_row;
	return "";
}

/* ---- a simulator on it ---- */

struct simulator *fake_start(struct fl_ctx *ctx, void (*change)(struct options *options))
{
	struct options *options = calloc(1, sizeof(*options));
	void *state = NULL;

	*options = (struct options){ .listen = "127.0.0.1:0",
		.secret = "secret",
		.ledger = "",
		.seed = 7,
		.btc_options = 728,
		.eth_options = 820,
		.futures = 8,
		.expiry_hour = 8,
		.message_rate = 1000,
		.trade_share = 30,
		.quote_share = 600,
		.ticker_share = 370,
		.book_share = 300,
		.index_interval_ns = FL_SECOND,
		.trade_history = 100000,
		.max_connections = 32,
		.max_channels = 500,
		.idle_timeout_ns = 60 * FL_SECOND,
		.slow_limit_bytes = 8 << 20 };
	if (change != NULL)
		change(options);
	*ctx = (struct fl_ctx){ .now_ns = INT64_C(1795231800) * FL_SECOND, .monotonic_ns = FL_HOUR };
	if (feedloom_plugin.create(ctx, options, &state) < 0 || feedloom_plugin.start(state) < 0)
		abort();
	fake_answer_jobs(ctx, state);
	return state;
}

struct simulator *fake_reload(struct fl_ctx *ctx, struct simulator *sim)
{
	struct fl_snapshot *snapshot = snapshot_create();
	struct fl_ctx before = *ctx;
	void *state = NULL;

	if (feedloom_plugin.save(sim, snapshot) != 0 ||
		feedloom_plugin.create(ctx, sim->options, &state) != 0 ||
		feedloom_plugin.restore(state, feedloom_plugin.state_version, snapshot) != 0 ||
		feedloom_plugin.start(state) != 0)
		abort();
	/* As the host: a timer that runs is adopted, and comes when it was to come. */
	for (int i = 0; i < FAKE_TIMERS; i++)
		if (before.timers[i].is_running && ctx->timers[i].is_running &&
			before.timers[i].repeat_ns == ctx->timers[i].repeat_ns &&
			before.timers[i].at_ns < ctx->timers[i].at_ns)
			ctx->timers[i].at_ns = before.timers[i].at_ns;
	feedloom_plugin.destroy(sim);
	snapshot_destroy(snapshot);
	return state;
}

void fake_stop(struct fl_ctx *ctx, struct simulator *sim)
{
	void *options = (void *)(uintptr_t)sim->options;

	feedloom_plugin.stop(sim);
	fake_answer_jobs(ctx, sim);
	feedloom_plugin.destroy(sim);
	free(options);
	fake_forget_sent(ctx);
	free(ctx->sent);
	free(ctx->body);
}

yyjson_val *at(yyjson_doc *doc, const char *pointer)
{
	return yyjson_doc_ptr_get(doc, pointer);
}
