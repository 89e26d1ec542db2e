/*
 * conn.c: the state machine. States are what is going on, inputs are what has happened; they meet
 * in conn_enter. What an owner asks for is a wish, carried out by the loop, so that its callbacks
 * are never called from within its own calls. conn_dial.c brings a connection up, conn_send.c moves
 * its messages.
 */
#include "clock.h"
#include "conn_machine.h"
#include "random.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

static void destroy(struct conn *conn)
{
	timer_destroy(conn->deadline);
	timer_destroy(conn->errand);
	tls_trust_put(conn->trust);
	free((char *)conn->endpoint.url);
	free((char *)conn->endpoint.tls.ca_file);
	free(conn->name);
	free(conn);
}

void conn_hold(struct conn *conn)
{
	conn->depth++;
}

bool conn_release(struct conn *conn)
{
	bool is_alive = !conn->is_dead;

	if (--conn->depth == 0 && !is_alive)
		destroy(conn);
	return is_alive;
}

void conn_drop(struct conn *conn, bool in_order)
{
	if (conn->stream == NULL)
		return;
	conn->epoch++;
	if (in_order)
		stream_close(conn->stream);
	else
		stream_abort(conn->stream);
	conn_drip_free(conn->drip);
	conn->drip = NULL;
	http1_close(conn->http);
	ws_close(conn->ws);
	conn->stream = NULL;
	conn->http = NULL;
	conn->ws = NULL;
}

void conn_destroy(struct conn *conn)
{
	if (conn == NULL)
		return;
	if (conn->ws != NULL)
		ws_end(conn->ws, 1001, "");
	conn_drop(conn, true);
	timer_stop(conn->deadline);
	timer_stop(conn->errand);
	conn->is_dead = true;
	if (conn->depth == 0)
		destroy(conn);
}

/* ---- the machine ---- */

/* Between waits of a third of the idle timeout: a ping each, and at the third nothing was heard. */
static bool watch_silence(struct conn *conn)
{
	int64_t idle = conn->endpoint.idle_timeout_ns;
	int64_t third = idle / 3 > 0 ? idle / 3 : 1;
	int64_t now = clock_monotonic_ns(conn->loop);
	int64_t quiet, step, due;
	char detail[96];

	if (conn->paused != 0)
		conn->heard_ns = now; /* it is we who do not listen */
	quiet = now - conn->heard_ns;
	if (quiet >= idle) {
		snprintf(detail, sizeof(detail), "nothing received for %.1f s", (double)quiet / FL_SECOND);
		return conn_lost(conn, FL_REASON_SILENT, detail);
	}
	if (quiet >= third && ws_ping(conn->ws) == 0)
		conn->counters.pings++;
	step = quiet / third + 1;
	due = step >= 3 ? idle : step * third;
	timer_start(conn->deadline, due - quiet, 0);
	return true;
}

static void wait_before_dialing(struct conn *conn)
{
	int64_t delay_ns = backoff_next(&conn->backoff, random_u64(conn->loop));

	if (delay_ns < conn->retry_after_ns)
		delay_ns = conn->retry_after_ns;
	timer_start(conn->deadline, delay_ns, 0);
}

/* What a state needs, started before anyone hears of it. */
static void begin_state(struct conn *conn)
{
	switch (conn->state) {
	case FL_CONN_SECURING:
	case FL_CONN_UPGRADING: return; /* the dial's deadline still runs */
	case FL_CONN_DIALING:
		conn->counters.reconnects += conn->reason == FL_REASON_RETRY;
		conn->is_retargeting = false;
		timer_start(conn->deadline, conn->endpoint.dial_timeout_ns, 0);
		break;
	case FL_CONN_UP:
		conn->up_since_ns = conn->heard_ns = clock_monotonic_ns(conn->loop);
		timer_start(conn->deadline, conn->endpoint.idle_timeout_ns / 3, 0);
		if (conn->paused != 0)
			stream_pause(conn->stream);
		break;
	case FL_CONN_CLOSING: timer_start(conn->deadline, conn->endpoint.close_timeout_ns, 0); break;
	case FL_CONN_BACKOFF: wait_before_dialing(conn); break;
	case FL_CONN_CLOSED: timer_stop(conn->deadline); break;
	}
}

bool conn_enter(
	struct conn *conn, enum fl_conn_state next, enum fl_reason reason, const char *detail)
{
	enum fl_conn_state from = conn->state;
	int error = 0;

	assert(conn->depth > 0);
	conn->state = next;
	conn->reason = reason;
	snprintf(conn->detail, sizeof(conn->detail), "%s", detail);
	conn->counters.state_changes++;
	conn->counters.since_ns = clock_real_ns(conn->loop);
	begin_state(conn);
	if (next == FL_CONN_DIALING)
		error = conn_dial(conn);
	if (!conn->owner->on_state(conn->data, conn, from, next, reason, conn->detail) || conn->is_dead)
		return false;
	return error == 0 || conn_lost(conn, FL_REASON_MEMORY, "no memory to dial");
}

/* Whether what was queued is worth sending: a peer that does not read will not read that either. */
static bool is_worth_flushing(enum fl_reason reason)
{
	return reason != FL_REASON_SILENT && reason != FL_REASON_TIMED_OUT &&
		reason != FL_REASON_SLOW_READER;
}

bool conn_lost(struct conn *conn, enum fl_reason reason, const char *detail)
{
	bool was_closing = conn->state == FL_CONN_CLOSING;

	conn_drop(conn, is_worth_flushing(reason));
	/* A venue that accepts and hangs up at once must not be dialled in a tight loop. */
	if (conn->state == FL_CONN_UP &&
		clock_monotonic_ns(conn->loop) - conn->up_since_ns >= conn->endpoint.healthy_after_ns)
		backoff_reset(&conn->backoff);
	if (reason ==
		FL_REASON_CERTIFICATE) { /* the authorities are read anew: they may be put right */
		tls_trust_put(conn->trust);
		conn->trust = NULL;
	}
	if (was_closing && (conn->is_retargeting || conn->wish == WISH_DIAL)) {
		/* Opened anew while it was closing, perhaps in this very turn. */
		if (conn->wish == WISH_DIAL)
			conn->wish = WISH_NONE;
		return conn_enter(conn, FL_CONN_DIALING, FL_REASON_ASKED, "");
	}
	if (was_closing && reason == FL_REASON_PEER_CLOSED)
		return conn_enter(conn, FL_CONN_CLOSED, FL_REASON_ASKED, "");
	return conn_enter(
		conn, was_closing || conn->is_accepted ? FL_CONN_CLOSED : FL_CONN_BACKOFF, reason, detail);
}

static void on_deadline(void *data)
{
	struct conn *conn = data;
	char detail[96];

	conn_hold(conn);
	switch (conn->state) {
	case FL_CONN_DIALING:
	case FL_CONN_SECURING:
	case FL_CONN_UPGRADING:
		snprintf(detail, sizeof(detail), "%.1f s have passed, still %s",
			(double)conn->endpoint.dial_timeout_ns / FL_SECOND, fl_conn_state_text(conn->state));
		(void)!conn_lost(conn, FL_REASON_TIMED_OUT, detail);
		break;
	case FL_CONN_UP: (void)!watch_silence(conn); break;
	case FL_CONN_CLOSING:
		snprintf(detail, sizeof(detail), "no close frame from the peer within %.1f s",
			(double)conn->endpoint.close_timeout_ns / FL_SECOND);
		(void)!conn_lost(conn, FL_REASON_TIMED_OUT, detail);
		break;
	case FL_CONN_BACKOFF: (void)!conn_enter(conn, FL_CONN_DIALING, FL_REASON_RETRY, ""); break;
	case FL_CONN_CLOSED: break;
	}
	(void)conn_release(conn);
}

bool conn_deliver(struct conn *conn, const struct fl_message *message)
{
	if (conn->wish == WISH_FAIL || conn->wish == WISH_ABORT)
		return true; /* given up: what comes now would only confuse */
	conn->counters.messages++;
	conn->counters.bytes += message->length;
	conn->counters.last_message_ns = message->received_ns;
	return conn->owner->on_message(conn->data, conn, message) && !conn->is_dead;
}

/* ---- wishes ---- */

static void close_in_order(struct conn *conn, int code, const char *why)
{
	if (conn->state == FL_CONN_UP) {
		ws_end(conn->ws, code, why);
		(void)!conn_enter(conn, FL_CONN_CLOSING, FL_REASON_ASKED, "");
	} else if (conn->state != FL_CONN_CLOSING) { /* there is nobody to say it to */
		conn_drop(conn, true);
		(void)!conn_enter(
			conn, conn->is_retargeting ? FL_CONN_DIALING : FL_CONN_CLOSED, FL_REASON_ASKED, "");
	}
}

static void give_up(struct conn *conn)
{
	char detail[sizeof(conn->fail_detail)];

	if (conn->state == FL_CONN_CLOSED || conn->state == FL_CONN_CLOSING ||
		conn->state == FL_CONN_BACKOFF)
		return;
	if (conn->ws != NULL)
		ws_end(conn->ws, 1001, "");
	snprintf(detail, sizeof(detail), "%s", conn->fail_detail);
	(void)!conn_lost(conn, conn->fail_reason, detail);
}

static void on_errand(void *data)
{
	struct conn *conn = data;
	enum wish wish = conn->wish;

	conn_hold(conn);
	conn->wish = WISH_NONE;
	switch (wish) {
	case WISH_DIAL:
		conn->is_retargeting = true;
		close_in_order(conn, 1000, "");
		break;
	case WISH_SHUT:
		conn->is_retargeting = false;
		close_in_order(conn, conn->shut_code, conn->shut_why);
		break;
	case WISH_FAIL: give_up(conn); break;
	case WISH_ABORT:
		conn_drop(conn, false);
		(void)!conn_enter(conn, FL_CONN_CLOSED, FL_REASON_ASKED, "");
		break;
	case WISH_NONE: break;
	}
	(void)conn_release(conn);
}

void conn_wish(struct conn *conn, enum wish wish)
{
	conn->wish = wish;
	timer_start(conn->errand, 0, 0);
}

/* Whether it is down for good, or about to be. */
static bool is_ending(const struct conn *conn)
{
	if (conn->wish == WISH_DIAL)
		return false;
	return conn->wish == WISH_SHUT || conn->wish == WISH_ABORT || conn->state == FL_CONN_CLOSED ||
		(conn->state == FL_CONN_CLOSING && !conn->is_retargeting);
}

void conn_shut(struct conn *conn, int code, const char *why)
{
	if (conn->wish == WISH_ABORT || (conn->state == FL_CONN_CLOSED && conn->wish == WISH_NONE))
		return;
	conn->shut_code = code > 0 ? code : 1000;
	snprintf(conn->shut_why, sizeof(conn->shut_why), "%s", why == NULL ? "" : why);
	conn_wish(conn, WISH_SHUT);
}

void conn_fail(struct conn *conn, enum fl_reason reason, const char *detail)
{
	if (conn->wish != WISH_NONE || is_ending(conn))
		return;
	conn->fail_reason = reason;
	snprintf(conn->fail_detail, sizeof(conn->fail_detail), "%s", detail == NULL ? "" : detail);
	conn_wish(conn, WISH_FAIL);
}

void conn_abort(struct conn *conn)
{
	if (conn->state != FL_CONN_CLOSED || conn->wish != WISH_NONE)
		conn_wish(conn, WISH_ABORT);
}

/* ---- making ---- */

static struct conn *create(
	struct loop *loop, const char *name, const struct conn_owner *owner, void *data)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		return NULL;
	conn->loop = loop;
	conn->owner = owner;
	conn->data = data;
	conn->counters.since_ns = clock_real_ns(loop);
	conn->name = strdup(name);
	conn->deadline = timer_create(loop, on_deadline, conn);
	conn->errand = timer_create(loop, on_errand, conn);
	if (conn->name == NULL || conn->deadline == NULL || conn->errand == NULL) {
		destroy(conn);
		return NULL;
	}
	return conn;
}

int conn_open(struct loop *loop, const char *name, const struct fl_endpoint *endpoint,
	const struct conn_owner *owner, void *data, struct conn **out)
{
	struct conn *conn = create(loop, name, owner, data);
	int error;

	if (conn == NULL)
		return -ENOMEM;
	error = conn_set_endpoint(conn, endpoint);
	if (error != 0) {
		destroy(conn);
		return error;
	}
	conn_wish(conn, WISH_DIAL);
	*out = conn;
	return 0;
}

int conn_accept(struct loop *loop, const char *name, struct stream *stream,
	size_t message_limit_bytes, size_t send_limit_bytes, const struct conn_owner *owner, void *data,
	struct conn **out)
{
	struct conn *conn = create(loop, name, owner, data);
	struct fl_endpoint endpoint = {
		.message_limit_bytes = message_limit_bytes,
		.send_limit_bytes = send_limit_bytes,
	};

	if (conn == NULL)
		return -ENOMEM;
	conn->is_accepted = true;
	conn_set_timeouts(conn, &endpoint);
	if (conn_open_ws(conn) != 0) {
		destroy(conn);
		return -ENOMEM;
	}
	conn->stream = stream;
	stream_attach(stream, &conn_stream_events, conn);
	conn->state = FL_CONN_UP;
	conn->reason = FL_REASON_DONE;
	begin_state(conn);
	*out = conn;
	return 0;
}

bool conn_take_early(struct conn *conn, char *early, size_t length, int64_t received_ns)
{
	conn_hold(conn);
	if (conn->ws != NULL && length > 0)
		conn_feed(conn, early, length, received_ns);
	return conn_release(conn);
}

bool conn_can_adopt(const struct conn *conn, const struct fl_endpoint *endpoint)
{
	return !conn->is_accepted && !is_ending(conn) && conn_is_same_target(conn, endpoint);
}

bool conn_adopt(struct conn *conn, const struct fl_endpoint *endpoint)
{
	if (!conn_can_adopt(conn, endpoint))
		return false;
	conn_set_timeouts(conn, endpoint);
	if (conn->state == FL_CONN_UP)
		timer_start(conn->deadline, conn->endpoint.idle_timeout_ns / 3, 0);
	return true;
}

int conn_retarget(struct conn *conn, const struct fl_endpoint *endpoint)
{
	int error = conn_set_endpoint(conn, endpoint);

	if (error == 0)
		conn_wish(conn, WISH_DIAL);
	return error;
}

/* ---- the rest of the verbs ---- */

void conn_pause(struct conn *conn, enum conn_pause who)
{
	conn->paused |= who;
	if (conn->ws != NULL) /* an upgrade is let through first */
		stream_pause(conn->stream);
}

void conn_resume(struct conn *conn, enum conn_pause who)
{
	if ((conn->paused & who) == 0)
		return;
	conn->paused &= ~(unsigned)who;
	if (conn->paused != 0)
		return;
	conn->heard_ns = clock_monotonic_ns(conn->loop);
	if (conn->stream != NULL)
		stream_resume(conn->stream);
}

enum fl_conn_state conn_state(const struct conn *conn)
{
	bool is_about_to_dial = conn->state == FL_CONN_CLOSED && conn->wish == WISH_DIAL;

	return is_about_to_dial ? FL_CONN_DIALING : conn->state;
}

enum fl_reason conn_reason(const struct conn *conn)
{
	return conn->reason;
}

const char *conn_detail(const struct conn *conn)
{
	return conn->detail;
}

const struct conn_counters *conn_counters(const struct conn *conn)
{
	return &conn->counters;
}

const char *conn_url(const struct conn *conn)
{
	return conn->endpoint.url == NULL ? "" : conn->endpoint.url;
}

const char *conn_peer(const struct conn *conn)
{
	return conn->stream == NULL ? "" : stream_peer(conn->stream);
}

void conn_timing(const struct conn *conn, int64_t *resolve_ns, int64_t *connect_ns,
	int64_t *secure_ns, int64_t *upgrade_ns)
{
	*resolve_ns = conn->resolve_ns;
	*connect_ns = conn->connect_ns;
	*secure_ns = conn->secure_ns;
	*upgrade_ns = conn->upgrade_ns;
}
