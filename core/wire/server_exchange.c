/*
 * server_exchange.c: answers, whole or in pieces, and problem documents (RFC 9457).
 */
#include "json.h"
#include "server_parts.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>

struct exchange *exchange_create(struct peer *peer, const struct http1_message *message)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (exchange == NULL)
		return NULL;
	exchange->peer = peer;
	exchange->is_head = strcmp(message->method, "HEAD") == 0;
	exchange->keep_alive = message->keep_alive && message->minor > 0;
	exchange->is_until_close = message->minor == 0;
	return exchange;
}

void exchange_set_data(struct exchange *exchange, void *data)
{
	exchange->data = data;
}

void *exchange_data(const struct exchange *exchange)
{
	return exchange->data;
}

/** What has been written so far leaves by peer_write; `buf` is finished. */
static int send_off(struct peer *peer, struct buf *buf, int error)
{
	if (error == 0)
		error = peer_write(peer, buf_bytes(buf), buf_length(buf));
	buf_finish(buf);
	return error;
}

int peer_answer(struct peer *peer, int status, const char *type, const struct fl_header *headers,
	size_t count, const void *body, size_t length, bool is_head, bool keep_alive)
{
	bool has_body = !is_head && length > 0 && status != 204 && status != 304;
	struct buf buf;

	buf_init(&buf, 0);
	int error =
		http1_write_response(&buf, status, type, headers, count, (int64_t)length, keep_alive);
	if (error == 0 && has_body)
		error = buf_append(&buf, body, length);
	return send_off(peer, &buf, error);
}

int peer_problem(struct peer *peer, int status, const char *detail, const struct fl_header *headers,
	size_t count, bool is_head, bool keep_alive)
{
	struct json json;
	struct buf body;

	buf_init(&body, 0);
	json_init(&json, &body);
	json_open(&json, NULL, '{');
	json_text(&json, "type", "about:blank");
	json_text(&json, "title", http1_status_text(status));
	json_int(&json, "status", status);
	json_text(&json, "detail", detail);
	json_close(&json, '}');
	int error = body.failed ? -ENOMEM : 0;
	if (error == 0)
		error = peer_answer(peer, status, "application/problem+json", headers, count,
			buf_bytes(&body), buf_length(&body), is_head, keep_alive);
	buf_finish(&body);
	return error;
}

static bool keeps_alive(const struct exchange *exchange)
{
	return exchange->keep_alive && !exchange->peer->server->is_draining;
}

/** The exchange is no more. */
static void finish(struct exchange *exchange)
{
	struct peer *peer = exchange->peer;
	bool keep_alive = keeps_alive(exchange);

	peer->exchange = NULL;
	free(exchange);
	peer_answered(peer, keep_alive);
}

int exchange_respond(struct exchange *exchange, int status, const char *type,
	const struct fl_header *headers, size_t count, const void *body, size_t length)
{
	if (exchange->has_begun || status < 200)
		return -EINVAL;
	int error = peer_answer(exchange->peer, status, type, headers, count, body, length,
		exchange->is_head, keeps_alive(exchange));
	if (error == 0)
		finish(exchange);
	return error;
}

int exchange_problem(struct exchange *exchange, int status, const char *detail)
{
	if (exchange->has_begun || status < 200)
		return -EINVAL;
	int error = peer_problem(
		exchange->peer, status, detail, NULL, 0, exchange->is_head, keeps_alive(exchange));
	if (error == 0)
		finish(exchange);
	return error;
}

int exchange_begin(struct exchange *exchange, int status, const char *type)
{
	struct buf buf;

	if (exchange->has_begun || status < 200 || status == 204 || status == 304)
		return -EINVAL;
	/* Caches would hold events back that are to be seen as they come. */
	static const struct fl_header headers[] = { { "Cache-Control", "no-cache" } };
	int64_t length = exchange->is_until_close ? HTTP1_UNTIL_CLOSE : -1;

	buf_init(&buf, 0);
	int error = http1_write_response(&buf, status, type, headers, 1, length, keeps_alive(exchange));
	error = send_off(exchange->peer, &buf, error);
	exchange->has_begun = error == 0;
	return error;
}

/**
 * Half of the limit may wait unsent; more is refused. A client for whom more than the limit is
 * waiting or was refused will not catch up: it is closed at the turn's end.
 */
static int check_reader(struct exchange *exchange, size_t length)
{
	struct peer *peer = exchange->peer;
	size_t limit = peer->server->config.send_limit_bytes;
	size_t queued = stream_queued(peer->stream);

	if (queued == 0 || queued + length <= limit / 2) {
		exchange->refused = 0;
		return 0;
	}
	exchange->refused += length;
	if (queued + exchange->refused > limit) {
		peer->is_slow = true;
		server_schedule(peer->server, peer);
	}
	return -EAGAIN;
}

int exchange_more(struct exchange *exchange, const void *data, size_t length)
{
	struct buf buf;

	if (!exchange->has_begun)
		return -EINVAL;
	if (length == 0 || exchange->is_head) /* an empty chunk would be the last */
		return 0;
	int error = check_reader(exchange, length);
	if (error < 0)
		return error;
	if (exchange->is_until_close)
		return peer_write(exchange->peer, data, length);
	buf_init(&buf, 0);
	error = http1_write_chunk(&buf, data, length);
	return send_off(exchange->peer, &buf, error);
}

int exchange_end(struct exchange *exchange)
{
	int error = 0;
	struct buf buf;

	if (!exchange->has_begun)
		return -EINVAL;
	if (!exchange->is_head && !exchange->is_until_close) {
		buf_init(&buf, 0);
		error = http1_write_chunk(&buf, "", 0);
		error = send_off(exchange->peer, &buf, error);
	}
	if (error == 0)
		finish(exchange);
	return error;
}
