/*
 * conn_dial.c: from an address to the 101 that makes it a WebSocket, and what the stream beneath
 * tells.
 */
#include "clock.h"
#include "conn_machine.h"
#include "random.h"
#include "retry_after.h"

#include <mbedtls/base64.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { HEADER_LIMIT = 16 * 1024, BODY_LIMIT = 256 * 1024, SAID_MAX = 80 };
static const int64_t LEAST_DELAY_MAX_NS = FL_HOUR;

int conn_dial(struct conn *conn)
{
	struct stream_target target = {
		.host = conn->url.host,
		.port = conn->url.port,
		.is_secure = conn->url.is_secure,
		.tls = conn->endpoint.tls,
	};

	conn->resolve_ns = conn->connect_ns = conn->secure_ns = conn->upgrade_ns = 0;
	conn->retry_after_ns = 0;
	return stream_dial(conn->loop, &target, &conn_stream_events, conn, &conn->stream);
}

/* ---- the upgrade ---- */

/* Bounded: a venue that errs by a year must not keep us away for one. */
static int64_t least_delay_ns(struct conn *conn, const char *retry_after)
{
	int64_t delay_ns = retry_after_parse(retry_after, clock_real_ns(conn->loop));

	if (delay_ns < 0)
		return 0;
	return delay_ns < LEAST_DELAY_MAX_NS ? delay_ns : LEAST_DELAY_MAX_NS;
}

static void refuse(struct conn *conn, enum fl_reason reason, const char *detail)
{
	conn->answer_reason = reason;
	snprintf(conn->answer_detail, sizeof(conn->answer_detail), "%s", detail);
}

/* The status, and the beginning of what the server says about it, as far as it is plain text. */
static void refuse_by_status(struct conn *conn, const struct http1_message *answer)
{
	char detail[256], said[SAID_MAX + 1];
	size_t length = 0;

	while (length < SAID_MAX && length < answer->length) {
		char c = answer->body[length];

		said[length++] = c == '\r' || c == '\n' || c == '\t' ? ' ' : c;
		if (c == '<' || c > '~' || (c < ' ' && said[length - 1] != ' ')) {
			length = 0; /* a page, not a word */
			break;
		}
	}
	said[length] = '\0';
	snprintf(detail, sizeof(detail), "HTTP %d %s%s%s", answer->status,
		http1_status_text(answer->status), length > 0 ? ": " : "", said);
	conn->retry_after_ns = least_delay_ns(conn, http1_header(&answer->headers, "Retry-After"));
	refuse(
		conn, answer->status == 429 ? FL_REASON_RATE_LIMITED : FL_REASON_UPGRADE_REFUSED, detail);
}

/* RFC 6455 4.1: what a client must check of the answer. */
static bool on_answer(void *data, const struct http1_message *answer)
{
	struct conn *conn = data;
	const struct http1_headers *headers = &answer->headers;
	const char *upgrade = http1_header(headers, "Upgrade");
	const char *connection = http1_header(headers, "Connection");
	const char *accept_key = http1_header(headers, "Sec-WebSocket-Accept");

	if (answer->status != 101)
		refuse_by_status(conn, answer);
	else if (upgrade == NULL || strcasecmp(upgrade, "websocket") != 0 || connection == NULL ||
		strcasestr(connection, "upgrade") == NULL)
		refuse(conn, FL_REASON_PROTOCOL, "the 101 answer does not upgrade to websocket");
	else if (accept_key == NULL || strcmp(accept_key, conn->accept_key) != 0)
		refuse(conn, FL_REASON_PROTOCOL, "the 101 answer has a wrong Sec-WebSocket-Accept");
	else if (http1_header(headers, "Sec-WebSocket-Extensions") != NULL ||
		http1_header(headers, "Sec-WebSocket-Protocol") != NULL)
		refuse(conn, FL_REASON_PROTOCOL, "the 101 answer has an extension that was not asked for");
	else
		refuse(conn, FL_REASON_DONE, "");
	return true;
}

static int send_upgrade(struct conn *conn)
{
	unsigned char nonce[16];
	char key[32] = "";
	size_t length;
	struct buf request;
	int error;

	random_bytes(conn->loop, nonce, sizeof(nonce));
	mbedtls_base64_encode((unsigned char *)key, sizeof(key), &length, nonce, sizeof(nonce));
	ws_accept_key(key, conn->accept_key);
	const struct fl_header headers[] = {
		{ "Upgrade", "websocket" },
		{ "Connection", "Upgrade" },
		{ "Sec-WebSocket-Version", "13" },
		{ "Sec-WebSocket-Key", key },
		{ "User-Agent", "feedloom" },
	};
	buf_init(&request, HEADER_LIMIT);
	error = http1_write_request(&request, "GET", conn->url.path, conn->url.authority, headers,
		sizeof(headers) / sizeof(headers[0]), NULL, 0);
	if (error == 0)
		error = stream_write(conn->stream, buf_bytes(&request), buf_length(&request));
	buf_finish(&request);
	return error;
}

static int begin_upgrade(struct conn *conn)
{
	static const struct http1_limits limits = { HEADER_LIMIT, BODY_LIMIT };
	static const struct http1_events events = { .on_message = on_answer };
	int error = http1_open(false, &limits, &events, conn, &conn->http);

	conn->answer_reason = FL_REASON_NONE;
	conn->upgrade_began_ns = clock_monotonic_ns(conn->loop);
	return error != 0 ? error : send_upgrade(conn);
}

/* What the answer has decided, once it is whole. `rest` came behind it and is WebSocket already. */
static void end_upgrade(struct conn *conn, char *rest, size_t length, int64_t received_ns)
{
	unsigned epoch = conn->epoch;
	const char *problem = "";
	char detail[256];

	if (conn->answer_reason == FL_REASON_NONE) {
		if (http1_failure(conn->http, &problem) == 0)
			return; /* more is to come */
		snprintf(detail, sizeof(detail), "answer to the upgrade: %s", problem);
		refuse(conn, FL_REASON_PROTOCOL, detail);
	}
	if (conn->answer_reason == FL_REASON_DONE && conn_open_ws(conn) != 0)
		refuse(conn, FL_REASON_MEMORY, "no memory for a WebSocket");
	http1_close(conn->http);
	conn->http = NULL;
	if (conn->answer_reason != FL_REASON_DONE) {
		snprintf(detail, sizeof(detail), "%s", conn->answer_detail);
		(void)!conn_lost(conn, conn->answer_reason, detail);
		return;
	}
	conn->upgrade_ns = clock_monotonic_ns(conn->loop) - conn->upgrade_began_ns;
	if (conn_enter(conn, FL_CONN_UP, FL_REASON_DONE, "") && conn->epoch == epoch && length > 0)
		conn_feed(conn, rest, length, received_ns);
}

static void feed_answer(struct conn *conn, char *bytes, size_t length, int64_t received_ns)
{
	int64_t used = http1_feed(conn->http, bytes, length);

	if (used >= 0)
		end_upgrade(conn, bytes + used, length - (size_t)used, received_ns);
}

/* ---- what the stream tells ---- */

static void on_securing(void *data)
{
	struct conn *conn = data;
	char problem[512];

	conn_hold(conn);
	/* The stream gets the same one, or says why not. */
	if (conn->trust == NULL)
		(void)tls_trust_get(conn->endpoint.tls.ca_file, &conn->trust, problem, sizeof(problem));
	(void)!conn_enter(conn, FL_CONN_SECURING, FL_REASON_DONE, "");
	(void)conn_release(conn);
}

static bool on_open(void *data)
{
	struct conn *conn = data;
	unsigned epoch = conn->epoch;
	bool is_same;

	conn_hold(conn);
	stream_timing(conn->stream, &conn->resolve_ns, &conn->connect_ns, &conn->secure_ns);
	if (conn_enter(conn, FL_CONN_UPGRADING, FL_REASON_DONE, "") && begin_upgrade(conn) != 0)
		(void)!conn_lost(conn, FL_REASON_MEMORY, "the upgrade cannot be sent");
	is_same = conn->epoch == epoch;
	(void)conn_release(conn);
	return is_same;
}

static bool on_read(void *data, char *bytes, size_t length, int64_t received_ns)
{
	struct conn *conn = data;
	unsigned epoch = conn->epoch;
	bool is_same;

	conn_hold(conn);
	conn->heard_ns = clock_monotonic_ns(conn->loop);
	if (conn->http != NULL)
		feed_answer(conn, bytes, length, received_ns);
	else
		conn_feed(conn, bytes, length, received_ns);
	is_same = conn->epoch == epoch;
	(void)conn_release(conn);
	return is_same;
}

static void on_end(void *data, enum fl_reason reason, const char *detail)
{
	struct conn *conn = data;
	unsigned epoch = conn->epoch;

	conn_hold(conn);
	/* An answer without length ends with the stream. */
	if (conn->http != NULL && http1_finish(conn->http) && conn->answer_reason != FL_REASON_NONE)
		end_upgrade(conn, "", 0, 0);
	if (conn->epoch == epoch)
		(void)!conn_lost(conn, reason, detail);
	(void)conn_release(conn);
}

const struct stream_events conn_stream_events = {
	.on_securing = on_securing,
	.on_open = on_open,
	.on_read = on_read,
	.on_end = on_end,
};
