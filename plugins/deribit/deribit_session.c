/*
 * deribit_session: the life of a connection, replies, and everything that waits for time to pass.
 *
 * A connection that comes up asks for heartbeats, logs in when there are credentials, and
 * subscribes. The venue wants a test_request answered within its interval, else it hangs up. It may
 * refuse heartbeats for a while (in maintenance): they are asked for until it agrees, since without
 * them a quiet connection and a dead one look alike.
 */
#include "deribit_session.h"

#include "deribit_parts.h"
#include "deribit_refill.h"
#include "deribit_subscribe.h"
#include "deribit_universe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_WITHIN_NS (10 * FL_SECOND)
#define LOGIN_AGAIN_NS (5 * FL_MINUTE) /* wrong credentials do not become right by asking often */
#define HEARTBEAT_AGAIN_NS (2 * FL_SECOND)
#define LEAST_PACE_NS (5 * FL_MS)
#define BOOK_WAITS_NS (10 * FL_SECOND)
#define CLOSE_NORMAL 1000

enum { COVERAGE_EVERY_TICKS = 5, FORGET_EVERY_TICKS = 600, TIMEOUTS_MAX = 2 };

/* ---- calls ---- */

struct deribit_call *deribit_call_begin(struct deribit *self, int link, enum deribit_call_what what)
{
	for (size_t i = 0; i < CALLS_MAX; i++) {
		struct deribit_call *call = &self->calls[i];

		if (call->id != 0)
			continue;
		*call = (struct deribit_call){ .id = ++self->request_id,
			.deadline_ns = deribit_now(self) + ANSWER_WITHIN_NS,
			.what = (uint8_t)what,
			.link = (uint8_t)link };
		return call;
	}
	return NULL;
}

static struct deribit_call *call_find(struct deribit *self, int link, int64_t id)
{
	for (size_t i = 0; i < CALLS_MAX && id > 0; i++)
		if (self->calls[i].id == id && self->calls[i].link == link)
			return &self->calls[i];
	return NULL;
}

static void calls_forget(struct deribit *self, int link)
{
	for (size_t i = 0; i < CALLS_MAX; i++)
		if (self->calls[i].link == link)
			self->calls[i].id = 0;
}

/* ---- coming up ---- */

static void send_login(struct deribit *self, int link)
{
	struct deribit_call *call = deribit_call_begin(self, link, CALL_LOGIN);
	size_t length = 0;
	char *text = call == NULL ? NULL : deribit_login_text(self, call->id, &length);

	if (text != NULL && fl_send(self->ctx, link + 1, text, length) == 0) {
		self->links[link].login = LOGIN_ASKED;
	} else {
		if (call != NULL)
			call->id = 0;
		self->links[link].login_retry_ns = deribit_now(self) + FL_SECOND;
	}
	if (text != NULL)
		memset(text, 0, length);
	free(text);
}

static void send_heartbeat(struct deribit *self, int link)
{
	struct deribit_call *call = deribit_call_begin(self, link, CALL_HEARTBEAT);

	if (call != NULL &&
		fl_sendf(self->ctx, link + 1,
			"{\"jsonrpc\":\"2.0\",\"id\":%" PRId64
			",\"method\":\"public/set_heartbeat\",\"params\":{\"interval\":%" PRId64 "}}",
			call->id, self->options->heartbeat_interval_ns / FL_SECOND) == 0)
		return;
	if (call != NULL)
		call->id = 0;
	self->links[link].heartbeat_retry_ns = deribit_now(self) + HEARTBEAT_AGAIN_NS;
}

static void link_up(struct deribit *self, int link)
{
	struct deribit_link *it = &self->links[link];

	it->is_up = true;
	it->is_heartbeat_refused = false;
	it->down_since_ns = 0;
	it->login = LOGIN_NONE;
	it->login_retry_ns = it->heartbeat_retry_ns = 0;
	it->timeouts = 0;
	send_heartbeat(self, link);
	it->is_ready = !deribit_has_credentials(self->options);
	if (!it->is_ready)
		send_login(self, link);
}

int deribit_link_open(struct deribit *self, int link)
{
	int error = fl_connect(self->ctx, link + 1, &self->endpoint);
	bool is_up;

	if (error != 0)
		return error;
	if (!self->links[link].is_open)
		self->links[link].down_since_ns = deribit_now(self);
	self->links[link].is_open = true;
	if (self->link_count <= link)
		self->link_count = link + 1;
	/* Adopted after a reload: nobody tells that it is up, and the snapshot knows its channels. */
	is_up = fl_conn_state(self->ctx, link + 1) == FL_CONN_UP;
	if (is_up && !self->links[link].is_up) {
		deribit_link_forget(self, link);
		link_up(self, link);
	} else if (!is_up && self->links[link].is_up) { /* a snapshot of another life */
		self->links[link].is_up = self->links[link].is_ready = false;
		calls_forget(self, link);
		deribit_link_forget(self, link);
	}
	return 0;
}

void deribit_link_close(struct deribit *self, int link)
{
	self->links[link].is_open = false;
	fl_close(self->ctx, link + 1, CLOSE_NORMAL, "done");
}

void deribit_on_connection(void *state, int conn, enum fl_conn_state now, enum fl_reason reason)
{
	struct deribit *self = state;
	int link = conn - 1;

	if (self->is_probing) {
		deribit_probe_connection(self, now, reason);
		return;
	}
	if (link < 0 || link >= LINKS_MAX)
		return;
	calls_forget(self, link);
	if (self->links[link].is_up)
		self->links[link].down_since_ns = deribit_now(self);
	self->links[link].is_up = self->links[link].is_ready = false;
	self->links[link].reason = reason;
	deribit_link_forget(self, link);
	if (now == FL_CONN_UP)
		link_up(self, link);
	else if (now == FL_CONN_BACKOFF)
		self->links[link].was_down = true;
	if (!self->is_running)
		return;
	deribit_health_update(self);
	deribit_pump(self);
}

/* ---- replies ---- */

static void login_answered(struct deribit *self, int link, const struct deribit_message *message)
{
	struct deribit_link *it = &self->links[link];

	if (message->kind == DERIBIT_RESULT) {
		it->login = LOGIN_DONE;
		it->is_ready = true;
		fl_resolved(self->ctx, "login");
	} else {
		it->login = LOGIN_REFUSED;
		it->login_retry_ns = deribit_now(self) + LOGIN_AGAIN_NS;
		it->is_ready = !self->has_raw; /* what is public can be had all the same */
		fl_complain(self->ctx, "login",
			"%s refuses api_key and api_secret: %.*s (%" PRId64
			"); correct them in the configuration",
			self->options->url, (int)(message->text.length < 64 ? message->text.length : 64),
			message->text.data, message->code);
	}
	deribit_health_update(self);
	deribit_pump(self);
}

static void heartbeat_answered(
	struct deribit *self, int link, const struct deribit_message *message)
{
	struct deribit_link *it = &self->links[link];

	it->timeouts = 0;
	it->is_heartbeat_refused = message->kind != DERIBIT_RESULT;
	if (it->is_heartbeat_refused)
		it->heartbeat_retry_ns = deribit_now(self) + HEARTBEAT_AGAIN_NS;
	deribit_health_update(self);
}

/* Errors that concern the connection, whatever was asked. true: the connection is given up. */
static bool on_session_error(struct deribit *self, int link, const struct deribit_message *message)
{
	switch (message->code) {
	case 10028: /* too_many_requests: the venue ends the session anyway */
		fl_log_limited(self->ctx, FL_WARN,
			"connection %d: too many requests (10028), waiting before the next attempt", link);
		self->subscribe_rate.level = 0; /* ours thought there was some left */
		self->subscribe_rate.at_ns = deribit_now(self);
		fl_reconnect(self->ctx, link + 1, FL_REASON_RATE_LIMITED);
		return true;
	case 11051: /* system_maintenance */
		fl_log_limited(self->ctx, FL_WARN, "connection %d: the venue is in maintenance", link);
		return false;
	case 13009: /* unauthorized: a token that is no longer good */
	case 10000:
		if (deribit_has_credentials(self->options) && self->links[link].login == LOGIN_DONE)
			send_login(self, link);
		return false;
	default: return false;
	}
}

void deribit_on_reply(struct deribit *self, int link, const struct deribit_message *message)
{
	struct deribit_call *found = call_find(self, link, message->id);
	struct deribit_call call = { 0 };

	if (found != NULL) {
		call = *found;
		found->id = 0;
	}
	if (call.what == CALL_LOGIN && message->code != 10028) {
		login_answered(self, link, message);
		return;
	}
	if (call.what == CALL_HEARTBEAT)
		heartbeat_answered(self, link, message);
	if (message->kind == DERIBIT_RESULT) {
		if (call.what == CALL_SUBSCRIBE || call.what == CALL_UNSUBSCRIBE)
			deribit_acknowledge(self, &call, message);
		return;
	}
	if (on_session_error(self, link, message))
		return;
	fl_log_limited(self->ctx, FL_WARN, "connection %d: the venue says %.*s (%" PRId64 ")%s", link,
		(int)(message->text.length < 96 ? message->text.length : 96), message->text.data,
		message->code, message->code == 13778 ? "; raw channels need api_key and api_secret" : "");
	if (call.what == CALL_SUBSCRIBE || call.what == CALL_UNSUBSCRIBE)
		deribit_unanswered(self, &call);
}

/* ---- time ---- */

static void pace(struct deribit *self, int64_t wait)
{
	int64_t due;

	wait = wait < LEAST_PACE_NS ? LEAST_PACE_NS : wait;
	due = deribit_now(self) + wait;
	if (self->pace_at_ns != 0 && self->pace_at_ns <= due)
		return;
	self->pace_at_ns = due;
	fl_timer_start(self->ctx, TIMER_PACE, wait, 0);
}

void deribit_pump(struct deribit *self)
{
	int64_t waits[3];

	if (!self->is_running)
		return;
	if (self->is_pumping) { /* called by what the pump did: once more, shortly */
		pace(self, LEAST_PACE_NS);
		return;
	}
	self->is_pumping = true;
	waits[0] = deribit_list_pump(self);
	waits[1] = deribit_subscribe_pump(self);
	waits[2] = deribit_refill_pump(self);
	self->is_pumping = false;
	for (int i = 0; i < 3; i++)
		if (waits[i] > 0)
			pace(self, waits[i]);
}

static void calls_late(struct deribit *self, int64_t now)
{
	uint32_t counted = 0; /* links, as bits: what was asked together is one sign of trouble */

	for (size_t i = 0; i < CALLS_MAX; i++) {
		struct deribit_call call = self->calls[i];
		struct deribit_link *link = &self->links[call.link];

		if (call.id == 0 || call.deadline_ns > now)
			continue;
		self->calls[i].id = 0;
		fl_log_limited(self->ctx, FL_WARN, "connection %d: a request was not answered", call.link);
		if ((counted & (1U << call.link)) == 0)
			link->timeouts++;
		counted |= 1U << call.link;
		if (link->timeouts >= TIMEOUTS_MAX || call.what == CALL_LOGIN)
			fl_reconnect(self->ctx, call.link + 1, FL_REASON_STALE);
		else if (call.what == CALL_HEARTBEAT)
			send_heartbeat(self, call.link);
		else
			deribit_unanswered(self, &call);
	}
}

static void links_late(struct deribit *self, int64_t now)
{
	for (int i = 0; i < self->link_count; i++) {
		struct deribit_link *link = &self->links[i];

		if (!link->is_up)
			continue;
		if (link->login_retry_ns != 0 && link->login_retry_ns <= now) {
			link->login_retry_ns = 0;
			send_login(self, i);
		}
		if (link->heartbeat_retry_ns != 0 && link->heartbeat_retry_ns <= now) {
			link->heartbeat_retry_ns = 0;
			send_heartbeat(self, i);
		}
	}
}

/* A book whose snapshot does not come although changes do: its subscription is renewed. */
static void books_late(struct deribit *self, int64_t now)
{
	for (size_t i = 0; i < self->item_count && self->book_bit != 0; i++) {
		struct deribit_item *item = &self->items[i];

		if (item->chain.waiting_ns != 0 && now - item->chain.waiting_ns >= BOOK_WAITS_NS)
			deribit_chain_late(self, item);
	}
}

static void on_tick(struct deribit *self)
{
	int64_t now = deribit_now(self);

	deribit_expire(self);
	if (self->ticks % FORGET_EVERY_TICKS == 0)
		deribit_forget_over(self);
	deribit_failover(self);
	deribit_even_out(self);
	calls_late(self, now);
	links_late(self, now);
	books_late(self, now);
	deribit_commands_check(self);
	deribit_doubt_check(self, now);
	deribit_quiet_check(self, now);
	if (++self->ticks % COVERAGE_EVERY_TICKS == 0)
		deribit_coverage_update(self);
	deribit_pump(self);
}

void deribit_on_timer(void *state, int timer)
{
	struct deribit *self = state;

	if (self->is_probing) {
		deribit_probe_late(self);
		return;
	}
	if (!self->is_running)
		return;
	switch (timer) {
	case TIMER_PACE:
		self->pace_at_ns = 0;
		deribit_pump(self);
		break;
	case TIMER_TICK: on_tick(self); break;
	case TIMER_REFRESH:
		self->refresh_at_ns = deribit_now(self) + self->options->refresh_interval_ns;
		deribit_list_begin(self, deribit_all_pairs(self));
		deribit_pump(self);
		break;
	default: break;
	}
}
