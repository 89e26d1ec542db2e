/*
 * conn_send.c: messages out, frames in, and what ws.c has to say about them.
 */
#include "clock.h"
#include "conn_machine.h"

#include <stdio.h>
#include <string.h>

enum { ANSWERS_MAX = 256 * 1024 }; /* bytes of pongs that wait for a peer which does not read */

/* Answers of ws.c's own are not under the owner's limit; a peer that pings and never reads has
 * another. */
static void bound_answers(struct conn *conn, size_t length)
{
	if (stream_queued(conn->stream) == 0)
		conn->answer_bytes = 0;
	conn->answer_bytes += length;
	if (conn->answer_bytes > ANSWERS_MAX)
		conn_fail(conn, FL_REASON_SLOW_READER, "pings without reading the answers");
}

static void on_ws_send(void *data, const char *bytes, size_t length)
{
	struct conn *conn = data;
	int error;

	if (!conn->is_sending)
		bound_answers(conn, length);
	if (conn->drip != NULL)
		error = conn_drip_take(conn->drip, bytes, length);
	else
		error = stream_write(conn->stream, bytes, length);
	if (error == 0)
		return;
	conn->send_error = error;
	if (error != -ENOTCONN) /* part of a frame is lost; otherwise the stream itself will tell */
		conn_fail(conn, FL_REASON_MEMORY, "no memory to send");
}

static bool on_ws_message(void *data, const struct fl_message *message)
{
	struct conn *conn = data;
	unsigned epoch = conn->epoch;

	return conn_deliver(conn, message) && conn->epoch == epoch;
}

static bool on_ws_close(void *data, int code, const char *why, size_t length)
{
	struct conn *conn = data;
	char detail[192];

	if (code == 1005)
		snprintf(detail, sizeof(detail), "close frame without code");
	else
		snprintf(detail, sizeof(detail), length > 0 ? "close code %d: %.*s" : "close code %d", code,
			(int)length, why);
	for (char *at = detail; *at != '\0'; at++) /* goes to logs */
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	(void)!conn_lost(conn, FL_REASON_PEER_CLOSED, detail);
	return false; /* the ws is gone in either case */
}

int conn_open_ws(struct conn *conn)
{
	static const struct ws_events events = {
		.on_send = on_ws_send,
		.on_message = on_ws_message,
		.on_close = on_ws_close,
	};

	conn->answer_bytes = 0;
	return ws_open(conn->loop, !conn->is_accepted, conn->endpoint.message_limit_bytes,
		conn->is_accepted, &events, conn, &conn->ws);
}

void conn_feed(struct conn *conn, char *bytes, size_t length, int64_t received_ns)
{
	unsigned epoch = conn->epoch;
	enum fl_reason reason;
	char detail[128];

	if (ws_feed(conn->ws, bytes, length, received_ns) || conn->is_dead || conn->epoch != epoch)
		return;
	reason = ws_failure(conn->ws, detail, sizeof(detail));
	(void)!conn_lost(conn, reason, detail);
}

/* `piece` 0: in one frame. */
static int send_text(struct conn *conn, const void *data, size_t length, size_t piece, bool pings)
{
	size_t queued;
	int error;

	if (conn->state != FL_CONN_UP || conn->wish != WISH_NONE)
		return -ENOTCONN;
	queued = conn_queued(conn);
	if (queued > 0 &&
		(length > conn->endpoint.send_limit_bytes ||
			queued > conn->endpoint.send_limit_bytes - length))
		return -EAGAIN;
	conn->is_sending = true;
	conn->send_error = 0;
	error = piece == 0 ? ws_send(conn->ws, true, data, length)
					   : ws_send_pieces(conn->ws, data, length, piece, pings);
	conn->is_sending = false;
	if (error == 0)
		error = conn->send_error;
	if (error != 0)
		return error;
	conn->counters.sent_messages++;
	conn->counters.sent_bytes += length;
	return 0;
}

int conn_send(struct conn *conn, const void *data, size_t length)
{
	return send_text(conn, data, length, 0, false);
}

int conn_send_pieces(
	struct conn *conn, const void *data, size_t length, size_t piece_bytes, bool with_pings)
{
	return piece_bytes == 0 ? -EINVAL : send_text(conn, data, length, piece_bytes, with_pings);
}

size_t conn_queued(const struct conn *conn)
{
	if (conn->stream == NULL)
		return 0;
	return stream_queued(conn->stream) + conn_drip_waiting(conn->drip);
}
