/*
 * instance_conn.c: an instance's connections by number: open or adopt, what happens to them, and
 * the hole in the stream that each end of one leaves.
 */
#include "clock.h"
#include "gap.h"
#include "host.h"
#include "instance_parts.h"
#include "kept.h"
#include "log.h"
#include "mute.h"
#include "since.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONN_NUMBER_MAX = 65535 };

struct instance_conn *instance_conn_find(const struct fl_ctx *ctx, int number)
{
	return map_get_number(ctx->conns, (uint64_t)number);
}

static void forget(struct instance_conn *entry)
{
	if (entry->owner->publishing == entry)
		entry->owner->publishing = NULL;
	map_remove_number(entry->owner->conns, (uint64_t)entry->number);
	free(entry);
}

/* ---- the hole that an ended connection leaves ---- */

static bool is_watched(const struct instance_conn *entry)
{
	return entry->owner->role == FL_FEED && !entry->is_peer && entry->streams &&
		!entry->owner->is_probe;
}

static void open_gap(struct instance_conn *entry, enum fl_reason reason, const char *detail)
{
	const struct conn_counters *counters = conn_counters(entry->conn);

	if (!is_watched(entry) || entry->gap_started_ns != 0 || counters->last_message_ns == 0)
		return;
	/* What was lost may carry times a little before the moment its predecessor was received. */
	entry->gap_started_ns = counters->last_message_ns;
	if (entry->last_event_ns != 0 && entry->last_event_ns < entry->gap_started_ns)
		entry->gap_started_ns = entry->last_event_ns;
	entry->gap_reason = reason;
	snprintf(entry->gap_detail, sizeof(entry->gap_detail), "%s", detail);
	gap_conn(entry, 0);
}

static void end_gap(struct instance_conn *entry, int64_t ended_ns)
{
	if (entry->gap_started_ns == 0)
		return;
	gap_conn(entry, ended_ns);
	entry->gap_started_ns = 0;
}

/*
 * Should the process be killed now: since when may something be missing of this connection? Of one
 * that is up, behind the last event that was read; of one that was lost, since the hole that it
 * left.
 */
static void note_since(struct instance_conn *entry, int64_t up_ns)
{
	if (entry->since == NULL)
		return;
	if (entry->gap_started_ns != 0)
		*entry->since = entry->gap_started_ns;
	else
		*entry->since = up_ns != 0 ? up_ns : entry->last_event_ns;
}

static void begin_since(struct instance_conn *entry)
{
	struct since *since =
		entry->owner->host->parts.bus == NULL ? NULL : bus_since(entry->owner->host->parts.bus);

	if (since == NULL || !is_watched(entry))
		return;
	if (entry->since == NULL)
		entry->since = since_take(since, entry->owner->name);
	note_since(entry, clock_real_ns(entry->owner->host->parts.loop));
}

void instance_conn_published(struct fl_ctx *ctx, const struct fl_record *record)
{
	struct instance_conn *entry = ctx->publishing;

	if (entry == NULL)
		return;
	if (record->kind <= FL_BOOK && record->event_time_ns > entry->last_event_ns)
		entry->last_event_ns = record->event_time_ns;
	if (record->kind <= FL_BOOK) {
		end_gap(entry, record->received_ns);
		note_since(entry, 0);
	}
	if (is_watched(entry))
		mute_heard(entry, record);
}

/* ---- what happens to a connection ---- */

static void count_reconnect(const struct instance_conn *entry, enum fl_reason reason)
{
	char labels[128];

	snprintf(labels, sizeof(labels), "feed=\"%s\",reason=\"%s\"", entry->owner->name,
		fl_reason_word(reason));
	fl_metric_add(metrics_find(entry->owner->host->parts.metrics, FL_COUNTER,
					  "feedloom_reconnects_total", labels, "Connections lost, by reason."),
		1);
}

/* Users count connections from 0, as the status does. */
static void log_change(const struct instance_conn *entry, enum fl_conn_state from,
	enum fl_conn_state to, enum fl_reason reason, const char *detail)
{
	bool was_up = from == FL_CONN_UP, is_up = to == FL_CONN_UP;
	enum fl_level level = was_up || is_up ? FL_INFO : FL_DEBUG;
	char what[32];

	if (entry->is_peer) {
		log_debug(entry->owner->name, "peer %d: %s (%s)", entry->number, fl_conn_state_text(to),
			fl_reason_text(reason));
		return;
	}
	log_line(level, entry->owner->name, "connection %d: %s > %s, %s%s%s", entry->number - 1,
		fl_conn_state_text(from), fl_conn_state_text(to), fl_reason_text(reason),
		*detail != '\0' ? ": " : "", detail);
	/* An outage is said once when it begins and once when it ends, however often is dialled
	 * meanwhile. */
	snprintf(what, sizeof(what), "connection %d", entry->number - 1);
	if (is_up)
		fl_resolved(entry->owner, what);
	else if (to == FL_CONN_BACKOFF && !was_up)
		fl_complain(entry->owner, what,
			"connection %d to %s: %s; dialling again quietly until it is up", entry->number - 1,
			conn_url(entry->conn), *detail != '\0' ? detail : fl_reason_text(reason));
}

static bool on_state(void *data, struct conn *conn, enum fl_conn_state from, enum fl_conn_state to,
	enum fl_reason reason, const char *detail)
{
	struct instance_conn *entry = data;
	struct fl_ctx *ctx = entry->owner;
	int number = entry->number;

	log_change(entry, from, to, reason, detail);
	if ((from == FL_CONN_UP || from == FL_CONN_CLOSING) && to == FL_CONN_BACKOFF) {
		count_reconnect(entry, reason);
		open_gap(entry, reason, detail);
		note_since(entry, 0);
	}
	if (to == FL_CONN_UP)
		begin_since(entry);
	if (to != FL_CONN_UP) {
		entry->instruments = 0;
		entry->channels = 0;
	} else {
		mute_conn_begins(entry);
	}
	if (to == FL_CONN_UP || to == FL_CONN_BACKOFF) {
		instance_on_connection(ctx, number, to, reason);
		return instance_conn_find(ctx, number) == entry && entry->conn == conn;
	}
	if (to != FL_CONN_CLOSED)
		return true;
	/* What it brought comes elsewhere by now, or the feed has stopped, which is a gap of its own.
	 */
	end_gap(entry, clock_real_ns(ctx->host->parts.loop));
	since_give(entry->since); /* it was read to its end */
	/* Out of the table first: the plugin may open the same number anew in this call. */
	forget(entry);
	instance_on_connection(ctx, number, to, reason);
	conn_destroy(conn);
	return false;
}

static bool on_message(void *data, struct conn *conn, const struct fl_message *message)
{
	struct instance_conn *entry = data;
	struct fl_ctx *ctx = entry->owner;
	bool is_alive;

	ctx->publishing = entry;
	instance_message(ctx, entry->number, message);
	is_alive = ctx->publishing == entry && entry->conn == conn; /* forget() takes it out */
	ctx->publishing = NULL;
	return is_alive;
}

static const struct conn_owner conn_owner = { .on_state = on_state, .on_message = on_message };

/* ---- what plugins ask ---- */

static struct instance_conn *add(struct fl_ctx *ctx, int number)
{
	struct instance_conn *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		return NULL;
	*entry = (struct instance_conn){
		.owner = ctx, .number = number, .streams = true, .life = ctx->life
	};
	if (map_set_number(ctx->conns, (uint64_t)number, entry) == 0)
		return entry;
	free(entry);
	return NULL;
}

/* Says why an endpoint cannot be used; returns `result`. */
static int complain(const struct fl_ctx *ctx, const struct fl_endpoint *endpoint, int result)
{
	const char *url = endpoint->url == NULL ? "(no URL)" : endpoint->url;

	if (result == -EPERM)
		log_error(ctx->name,
			"%s: `verify: false` is only for loopback hosts; give `tls: { ca_file: ... }`", url);
	else if (result == -EINVAL)
		log_error(ctx->name, "%s: not a ws:// or wss:// URL", url);
	return result;
}

static int run_connect(struct fl_ctx *ctx, const struct kept_call *call)
{
	struct fl_endpoint endpoint;

	memcpy(&endpoint, call->data, sizeof(endpoint));
	endpoint.url = call->texts[0];
	endpoint.tls.ca_file = call->texts[1];
	return fl_connect(ctx, call->number, &endpoint);
}

int fl_connect(struct fl_ctx *ctx, int number, const struct fl_endpoint *endpoint)
{
	struct instance_conn *entry = instance_conn_find(ctx, number);
	const char *const texts[] = { endpoint->url, endpoint->tls.ca_file };
	char name[96];
	int result;

	if (number < 1 || number > CONN_NUMBER_MAX)
		return -EINVAL;
	if (ctx->phase != INSTANCE_RUNNING)
		return -ECANCELED;
	if (kept_is_on(ctx))
		return kept_add(ctx,
			&(struct kept_call){ .run = run_connect,
				.number = number,
				/* Whether it will be the same connection still: fl_conn_state says so. */
				.a = entry != NULL && conn_can_adopt(entry->conn, endpoint),
				.data = endpoint,
				.length = sizeof(*endpoint),
				.texts = texts,
				.text_count = 2 });
	if (entry != NULL)
		entry->life = ctx->life;
	if (entry != NULL && conn_adopt(entry->conn, endpoint))
		return 0;
	if (entry != NULL)
		return complain(ctx, endpoint, conn_retarget(entry->conn, endpoint));
	entry = add(ctx, number);
	if (entry == NULL)
		return -ENOMEM;
	snprintf(name, sizeof(name), "%s/%d", ctx->name, number);
	result = conn_open(ctx->host->parts.loop, name, endpoint, &conn_owner, entry, &entry->conn);
	if (result < 0)
		forget(entry);
	else if (ctx->host->is_held && ctx->role == FL_FEED)
		conn_pause(entry->conn, CONN_HELD);
	return complain(ctx, endpoint, result);
}

int instance_conn_accept(struct instance_listener *listener, int number, struct stream *stream)
{
	struct fl_ctx *ctx = listener->owner;
	struct instance_conn *entry = add(ctx, number);
	char name[96];
	int result = -ENOMEM;

	if (entry == NULL)
		return result;
	entry->is_peer = true;
	snprintf(name, sizeof(name), "%s/%d", ctx->name, entry->number);
	result = conn_accept(ctx->host->parts.loop, name, stream, listener->message_limit_bytes,
		listener->send_limit_bytes, &conn_owner, entry, &entry->conn);
	if (result < 0)
		forget(entry);
	return result;
}

static struct conn *find(const struct fl_ctx *ctx, int number)
{
	struct instance_conn *entry = instance_conn_find(ctx, number);

	return entry == NULL ? NULL : entry->conn;
}

static int run_send(struct fl_ctx *ctx, const struct kept_call *call)
{
	return fl_send(ctx, call->number, call->data, call->length);
}

int fl_send(struct fl_ctx *ctx, int number, const void *data, size_t length)
{
	struct conn *conn = find(ctx, number);

	if (conn == NULL || (kept_is_on(ctx) && conn_state(conn) != FL_CONN_UP))
		return -ENOTCONN;
	if (kept_is_on(ctx))
		return kept_add(ctx,
			&(struct kept_call){
				.run = run_send, .number = number, .data = data, .length = length });
	return conn_send(conn, data, length);
}

int fl_sendf(struct fl_ctx *ctx, int number, const char *format, ...)
{
	struct buf text;
	va_list args;
	int result;

	buf_init(&text, 0);
	va_start(args, format);
	result = buf_vprintf(&text, format, args);
	va_end(args);
	if (result == 0)
		result = fl_send(ctx, number, buf_bytes(&text), buf_length(&text));
	buf_finish(&text);
	return result;
}

static int run_send_pieces(struct fl_ctx *ctx, const struct kept_call *call)
{
	return fl_send_pieces(
		ctx, call->number, call->data, call->length, (size_t)call->x, call->a != 0);
}

int fl_send_pieces(struct fl_ctx *ctx, int number, const void *data, size_t length,
	size_t piece_bytes, bool with_pings)
{
	struct conn *conn = find(ctx, number);

	if (conn != NULL && kept_is_on(ctx))
		return kept_add(ctx,
			&(struct kept_call){ .run = run_send_pieces,
				.number = number,
				.a = with_pings,
				.x = (int64_t)piece_bytes,
				.data = data,
				.length = length });
	return conn == NULL ? -ENOTCONN : conn_send_pieces(conn, data, length, piece_bytes, with_pings);
}

static int run_drip(struct fl_ctx *ctx, const struct kept_call *call)
{
	return fl_drip(ctx, call->number, (size_t)call->x, call->y);
}

int fl_drip(struct fl_ctx *ctx, int number, size_t bytes, int64_t every_ns)
{
	struct conn *conn = find(ctx, number);

	if (conn != NULL && kept_is_on(ctx))
		return kept_add(ctx,
			&(struct kept_call){
				.run = run_drip, .number = number, .x = (int64_t)bytes, .y = every_ns });
	return conn == NULL ? -ENOTCONN : conn_drip(conn, bytes, every_ns);
}

static int run_freeze(struct fl_ctx *ctx, const struct kept_call *call)
{
	return fl_freeze(ctx, call->number, call->a != 0);
}

int fl_freeze(struct fl_ctx *ctx, int number, bool on)
{
	struct conn *conn = find(ctx, number);

	if (conn != NULL && kept_is_on(ctx))
		return kept_add(ctx, &(struct kept_call){ .run = run_freeze, .number = number, .a = on });
	return conn == NULL ? -ENOTCONN : conn_freeze(conn, on);
}

size_t fl_send_queued(const struct fl_ctx *ctx, int number)
{
	struct conn *conn = find(ctx, number);

	return conn == NULL ? 0 : conn_queued(conn);
}

enum fl_conn_state fl_conn_state(const struct fl_ctx *ctx, int number)
{
	const struct kept_call *asked = kept_find(ctx, run_connect, NULL, number);
	struct conn *conn = find(ctx, number);

	if (asked != NULL && asked->a == 0)
		return FL_CONN_DIALING; /* another than the one that is there, or none is */
	return conn == NULL ? FL_CONN_CLOSED : conn_state(conn);
}

const char *fl_conn_detail(const struct fl_ctx *ctx, int number)
{
	struct conn *conn = find(ctx, number);

	return conn == NULL ? "" : conn_detail(conn);
}

static int run_close(struct fl_ctx *ctx, const struct kept_call *call)
{
	fl_close(ctx, call->number, call->a, call->texts[0]);
	return 0;
}

void fl_close(struct fl_ctx *ctx, int number, int code, const char *why)
{
	struct conn *conn = find(ctx, number);

	if (kept_is_on(ctx))
		(void)kept_add(ctx,
			&(struct kept_call){
				.run = run_close, .number = number, .a = code, .texts = &why, .text_count = 1 });
	else if (conn != NULL)
		conn_shut(conn, code, why);
}

static int run_abort(struct fl_ctx *ctx, const struct kept_call *call)
{
	fl_abort(ctx, call->number);
	return 0;
}

void fl_abort(struct fl_ctx *ctx, int number)
{
	struct conn *conn = find(ctx, number);

	if (kept_is_on(ctx))
		(void)kept_add(ctx, &(struct kept_call){ .run = run_abort, .number = number });
	else if (conn != NULL)
		conn_abort(conn);
}

static int run_reconnect(struct fl_ctx *ctx, const struct kept_call *call)
{
	fl_reconnect(ctx, call->number, (enum fl_reason)call->a);
	return 0;
}

void fl_reconnect(struct fl_ctx *ctx, int number, enum fl_reason reason)
{
	struct conn *conn = find(ctx, number);

	if (kept_is_on(ctx))
		(void)kept_add(
			ctx, &(struct kept_call){ .run = run_reconnect, .number = number, .a = (int)reason });
	else if (conn != NULL)
		conn_fail(conn, reason, "");
}

static int run_load(struct fl_ctx *ctx, const struct kept_call *call)
{
	fl_conn_load(ctx, call->number, call->a, call->b);
	return 0;
}

void fl_conn_load(struct fl_ctx *ctx, int number, int instruments, int channels)
{
	struct instance_conn *entry = instance_conn_find(ctx, number);

	if (kept_is_on(ctx)) {
		(void)kept_add(ctx,
			&(struct kept_call){
				.run = run_load, .number = number, .a = instruments, .b = channels });
		return;
	}
	if (entry == NULL)
		return;
	entry->instruments = instruments;
	entry->channels = channels;
}

static void set_streams(struct instance_conn *entry, bool streams)
{
	entry->streams = streams;
	if (streams)
		return;
	since_give(entry->since);
	entry->since = NULL;
}

static int run_streams(struct fl_ctx *ctx, const struct kept_call *call)
{
	fl_conn_streams(ctx, call->number, call->a != 0);
	return 0;
}

void fl_conn_streams(struct fl_ctx *ctx, int number, bool streams)
{
	struct instance_conn *entry = instance_conn_find(ctx, number);

	if (kept_is_on(ctx))
		(void)kept_add(
			ctx, &(struct kept_call){ .run = run_streams, .number = number, .a = streams });
	else if (entry != NULL)
		set_streams(entry, streams);
}

/* ---- back-pressure ---- */

void instance_conns_hold(struct fl_ctx *ctx, bool on)
{
	struct instance_conn *entry;
	size_t at = 0;

	if (ctx->role != FL_FEED)
		return;
	while ((entry = map_next(ctx->conns, &at, NULL, NULL)) != NULL) {
		if (on)
			conn_pause(entry->conn, CONN_HELD);
		else
			conn_resume(entry->conn, CONN_HELD);
		mute_conn_begins(entry);
	}
}

/* ---- the end ---- */

void instance_conns_stop(struct fl_ctx *ctx)
{
	struct instance_conn *entry;
	size_t at = 0;

	/* Also what is closing already: it might be about to be dialled anew. */
	while ((entry = map_next(ctx->conns, &at, NULL, NULL)) != NULL)
		conn_shut(entry->conn, 1001, "stopping");
}

void instance_conns_sweep(struct fl_ctx *ctx)
{
	struct instance_conn *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->conns, &at, NULL, NULL)) != NULL)
		if (!entry->is_peer && entry->life != ctx->life)
			conn_shut(entry->conn, 1000, "not needed any more");
}

void instance_conns_close(struct fl_ctx *ctx)
{
	struct instance_conn *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->conns, &at, NULL, NULL)) != NULL) {
		struct conn *conn = entry->conn;

		forget(entry);
		conn_destroy(conn);
	}
}
