/*
 * server_peer.c: one client's connection: reads requests one at a time, asks the guard and the
 * owner, keeps the deadlines.
 *
 * What arrives goes through `waiting`; it is fed to http1 while no answer is owed and the client
 * takes what it was sent. Upcalls of the owner may close the peer, even the server: `busy` keeps
 * its memory, `is_closed` says that nothing else of it is left.
 */
#include "log.h"
#include "server_parts.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FIRST_WAIT_SURPLUS = 2 }; /* seconds for a client beyond the limit to be told so */

static void set_wait(struct peer *peer, enum peer_wait wait)
{
	const struct server_config *config = &peer->server->config;
	int64_t delay_ns = wait == WAIT_REQUEST ? config->request_timeout_ns : config->idle_timeout_ns;

	if (peer->is_surplus && delay_ns > FIRST_WAIT_SURPLUS * FL_SECOND)
		delay_ns = FIRST_WAIT_SURPLUS * FL_SECOND;
	peer->wait = wait;
	peer->sent_before = peer->written - stream_queued(peer->stream);
	timer_start(peer->timer, delay_ns, 0);
}

/* ---- life ---- */

static void destroy(struct peer *peer)
{
	buf_finish(&peer->waiting);
	free(peer);
}

void peer_close(struct peer *peer, bool is_abort)
{
	const struct server_owner *owner = &peer->server->owner;
	struct exchange *exchange = peer->exchange;

	if (peer->is_closed)
		return;
	peer->is_closed = true;
	peer->exchange = NULL;
	peer->server->count--;
	list_remove(&peer->link);
	list_remove(&peer->due);
	timer_destroy(peer->timer);
	http1_close(peer->http);
	if (is_abort)
		stream_abort(peer->stream);
	else
		stream_close(peer->stream);
	if (exchange != NULL) {
		peer->busy++;
		owner->on_gone(peer->server->data, exchange); /* may close the server */
		peer->busy--;
		free(exchange);
	}
	if (peer->busy == 0)
		destroy(peer);
}

bool peer_is_idle(const struct peer *peer)
{
	return peer->exchange == NULL && !peer->is_upgraded && peer->wait != WAIT_END &&
		http1_is_idle(peer->http) && buf_length(&peer->waiting) == 0;
}

int peer_write(struct peer *peer, const void *bytes, size_t length)
{
	int error = stream_write(peer->stream, bytes, length);

	if (error == -ENOTCONN) /* its end is on the way to on_end */
		return 0;
	if (error == 0)
		peer->written += length;
	return error;
}

/** The last answer is written: closes as soon as the client has most of it. */
static void end(struct peer *peer)
{
	set_wait(peer, WAIT_END);
	buf_clear(&peer->waiting, 0);
	if (stream_queued(peer->stream) <= HOLD_BYTES)
		peer_close(peer, false);
}

void peer_answered(struct peer *peer, bool keep_alive)
{
	if (!keep_alive) {
		end(peer);
		return;
	}
	set_wait(peer, WAIT_IDLE);
	if (peer->busy == 0 && buf_length(&peer->waiting) > 0)
		server_schedule(peer->server, peer);
}

/** For what cannot be answered otherwise: says why and closes. */
static void refuse(struct peer *peer, int status, const char *detail)
{
	(void)peer_problem(peer, status, detail, NULL, 0, false, false);
	end(peer);
}

/* ---- one request ---- */

/** Answers a well-formed request with a problem. */
static void reject(
	struct peer *peer, const struct http1_message *message, int status, const char *detail)
{
	static const struct fl_header bearer = { "WWW-Authenticate", "Bearer" };
	static const struct fl_header websocket[] = { { "Sec-WebSocket-Version", "13" },
		{ "Upgrade", "websocket" } };
	const struct fl_header *headers = status == 401 ? &bearer : status == 426 ? websocket : NULL;
	size_t count = status == 401 ? 1 : status == 426 ? 2 : 0;
	bool keep_alive = message->keep_alive && message->minor > 0 && !message->is_upgrade &&
		!peer->server->is_draining;

	if (peer_problem(peer, status, detail, headers, count, strcmp(message->method, "HEAD") == 0,
			keep_alive) < 0)
		keep_alive = false;
	peer_answered(peer, keep_alive);
}

static bool is_listed(const struct fl_names *names, const char *text)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i], text) == 0)
			return true;
	return false;
}

static int write_upgrade(struct peer *peer, const char *accept)
{
	const struct fl_header headers[] = { { "Upgrade", "websocket" }, { "Connection", "Upgrade" },
		{ "Sec-WebSocket-Accept", accept } };
	struct buf buf;

	buf_init(&buf, 0);
	int error = http1_write_response(&buf, 101, NULL, headers, 3, 0, true);
	if (error == 0)
		error = peer_write(peer, buf_bytes(&buf), buf_length(&buf));
	buf_finish(&buf);
	return error;
}

static void upgrade(
	struct peer *peer, const struct http1_message *message, const struct fl_http_request *request)
{
	struct server *server = peer->server;
	const char *why = "no WebSocket is served at this path";
	char accept[ACCEPT_KEY_SIZE];
	int status = 404;

	if (is_listed(&server->config.websockets, request->path))
		status = request_websocket_check(message, accept, &why);
	if (status == 0) {
		why = "the WebSocket was refused";
		status = server->owner.on_upgrade == NULL ? 404
												  : server->owner.on_upgrade(server->data, request);
		if (peer->is_closed)
			return;
	}
	if (status != 0) {
		reject(peer, message, status, why);
		return;
	}
	if (write_upgrade(peer, accept) < 0) {
		peer_close(peer, true);
		return;
	}
	/* The stream goes over at the turn's end: here it is on the stack. */
	peer->is_upgraded = true;
	server_schedule(server, peer);
}

static void ask(struct peer *peer, const struct http1_message *message)
{
	struct server *server = peer->server;
	struct fl_http_request request = { .method = message->method,
		.body = message->body,
		.length = message->length,
		.headers = &message->headers };
	char path[PATH_SIZE];
	const char *why = NULL;

	if (request_path(message->target, path, &request.query) < 0) {
		reject(peer, message, 400, "the target must be a path in UTF-8 without control characters");
		return;
	}
	request.path = path;
	request.peer = stream_peer(peer->stream);
	int status = guard_check(
		&server->config.guard, request.peer, path, message->minor, &message->headers, &why);
	if (status != 0) {
		reject(peer, message, status, why);
		return;
	}
	if (request_is_websocket(message)) {
		upgrade(peer, message, &request);
		return;
	}
	struct exchange *exchange = exchange_create(peer, message);
	if (exchange == NULL) {
		peer_close(peer, true);
		return;
	}
	peer->exchange = exchange;
	server->owner.on_request(server->data, exchange, &request);
}

static bool on_message(void *data, const struct http1_message *message)
{
	struct peer *peer = data;

	http1_pause(peer->http);
	set_wait(peer, WAIT_ANSWER);
	if (peer->is_surplus)
		refuse(peer, 503, "too many connections; close some, or try again later");
	else
		ask(peer, message);
	return !peer->is_closed;
}

static bool on_head(void *data)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct peer *peer = data;
	struct http1_headers headers;

	http1_head(peer->http, &headers);
	const char *expect = http1_header(&headers, "Expect");
	if (expect != NULL && strcasecmp(expect, "100-continue") == 0)
		(void)peer_write(peer, go_on, sizeof(go_on) - 1);
	return true;
}

static const struct http1_events http1_events = { .on_head = on_head, .on_message = on_message };

/* ---- bytes ---- */

static bool may_feed(const struct peer *peer)
{
	return !peer->is_closed && peer->exchange == NULL && !peer->is_upgraded &&
		peer->wait != WAIT_END && buf_length(&peer->waiting) > 0 &&
		stream_queued(peer->stream) <= HOLD_BYTES;
}

/** More than can be used now is left in the socket. */
static void balance(struct peer *peer)
{
	bool is_full = buf_length(&peer->waiting) > HOLD_BYTES;

	if (is_full == peer->is_paused)
		return;
	peer->is_paused = is_full;
	if (is_full)
		stream_pause(peer->stream);
	else
		stream_resume(peer->stream);
}

/** Feeds what waits. false: closed. */
static bool pump(struct peer *peer)
{
	peer->busy++;
	while (may_feed(peer)) {
		const char *detail;

		http1_resume(peer->http);
		int64_t used =
			http1_feed(peer->http, buf_bytes(&peer->waiting), buf_length(&peer->waiting));
		if (used < 0 || peer->is_closed)
			break;
		buf_consume(&peer->waiting, (size_t)used);
		int failure = http1_failure(peer->http, &detail);
		if (failure != 0)
			refuse(peer, failure, detail);
	}
	peer->busy--;
	if (peer->is_closed) {
		if (peer->busy == 0)
			destroy(peer);
		return false;
	}
	if (peer->wait == WAIT_IDLE && !http1_is_idle(peer->http))
		set_wait(peer, WAIT_REQUEST);
	balance(peer);
	return true;
}

static bool on_open(void *data)
{
	(void)data;
	return true;
}

static bool on_read(void *data, char *bytes, size_t length, int64_t received_ns)
{
	struct peer *peer = data;

	if (peer->wait == WAIT_END)
		return true;
	peer->received_ns = received_ns;
	if (buf_append(&peer->waiting, bytes, length) < 0) {
		peer_close(peer, true);
		return false;
	}
	return pump(peer);
}

static void on_end(void *data, enum fl_reason reason, const char *detail)
{
	(void)reason;
	(void)detail;
	peer_close(data, false);
}

static void on_drained(void *data)
{
	struct peer *peer = data;

	if (peer->wait == WAIT_END)
		peer_close(peer, false);
	else if (buf_length(&peer->waiting) > 0)
		server_schedule(peer->server, peer);
}

static const struct stream_events stream_events = {
	.on_open = on_open,
	.on_read = on_read,
	.on_end = on_end,
	.on_drained = on_drained,
};

/* ---- the turn's end ---- */

static void hand_over(struct peer *peer)
{
	struct server *server = peer->server;
	void (*on_upgraded)(void *, struct stream *, char *, size_t, int64_t) =
		server->owner.on_upgraded;
	void *data = server->data;
	struct stream *stream = peer->stream;
	struct buf early = peer->waiting;
	int64_t received_ns = peer->received_ns;

	if (peer->is_paused)
		stream_resume(stream);
	peer->stream = NULL;
	buf_init(&peer->waiting, 0);
	peer_close(peer, false);
	on_upgraded(data, stream, buf_bytes(&early), buf_length(&early), received_ns);
	buf_finish(&early);
}

void peer_go_on(struct peer *peer)
{
	if (peer->is_slow)
		peer_close(peer, true);
	else if (peer->is_upgraded)
		hand_over(peer);
	else
		(void)!pump(peer);
}

/* ---- deadlines ---- */

/** Whether the client has taken something since the last look, if there was something to take. */
static bool is_reading(const struct peer *peer)
{
	size_t queued = stream_queued(peer->stream);

	return queued == 0 || (int64_t)(peer->written - queued - peer->sent_before) > 0;
}

static void on_due(void *data)
{
	struct peer *peer = data;
	bool is_stuck = !is_reading(peer);

	if (is_stuck)
		log_debug(peer->server->name, "%s: closed, it does not read its answers",
			stream_peer(peer->stream));
	if (is_stuck)
		peer_close(peer, true);
	else if (peer->wait == WAIT_REQUEST && !http1_is_idle(peer->http))
		refuse(peer, 408, "the request did not arrive in time");
	else if (peer->wait == WAIT_REQUEST)
		peer_close(peer, false);
	else if (peer->wait == WAIT_IDLE && stream_queued(peer->stream) == 0)
		peer_close(peer, false);
	else
		set_wait(peer, peer->wait); /* looks again */
}

void peer_open(struct server *server, struct tcp *tcp, bool is_surplus)
{
	const struct http1_limits limits = { server->config.header_limit_bytes,
		server->config.body_limit_bytes };
	struct peer *peer = calloc(1, sizeof(*peer));

	if (peer == NULL)
		goto abort_tcp;
	peer->server = server;
	peer->is_surplus = is_surplus;
	buf_init(&peer->waiting, 0); /* bounded by balance */
	list_init(&peer->link);
	list_init(&peer->due);
	if (http1_open(true, &limits, &http1_events, peer, &peer->http) < 0)
		goto free_peer;
	peer->timer = timer_create(server->loop, on_due, peer);
	if (peer->timer == NULL)
		goto close_http;
	if (stream_accept(server->loop, tcp, server->identity, &stream_events, peer, &peer->stream) < 0)
		goto destroy_timer;
	list_append(&server->peers, &peer->link);
	server->count++;
	set_wait(peer, WAIT_REQUEST);
	return;

destroy_timer:
	timer_destroy(peer->timer);
close_http:
	http1_close(peer->http);
free_peer:
	free(peer);
abort_tcp:
	tcp_abort(tcp);
}
