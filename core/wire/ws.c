/*
 * ws.c: frames to messages. A message of one frame that lies whole in what ws_feed was given is
 * handed on from there, without a copy; others are put together in one buffer that is used again
 * for each. wslay makes the frames that are sent.
 */
#include "ws.h"
#include "random.h"
#include "ws_frame.h"

#include <feedloom/kit.h>
#include <mbedtls/base64.h>
#include <mbedtls/sha1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

enum {
	CONTROL_MAX = 125,      /* bytes of a control frame */
	KEPT_BYTES = 64 * 1024, /* of buffers, after a larger message */
	PONGS_A_FEED = 64,      /* answered one by one; beyond that only the last ping is */
	CLOSE_NONE = 1005       /* "no code given": never on the wire */
};

struct ws {
	struct loop *loop;
	bool is_client, check_text;
	size_t limit;
	const struct ws_events *events;
	void *data;
	wslay_frame_context_ptr frames;

	char *in; /* what ws_feed was given and is not yet used */
	size_t in_length;
	int64_t received_ns;
	uint8_t head[WS_HEAD_MAX]; /* of a frame, as much as has come of one that was torn */
	size_t head_length;
	bool is_in_frame;
	struct ws_head frame;   /* the present one */
	uint64_t missing;       /* payload bytes of it still to come */
	struct buf message;     /* assembled so far */
	uint8_t message_opcode; /* text or binary while one is being assembled, else 0 */
	uint8_t control[CONTROL_MAX];
	size_t control_length;
	uint8_t ping[CONTROL_MAX]; /* not yet answered: the last of a flood */
	size_t ping_length;
	bool ping_waits;
	int pongs; /* in this feed */

	struct buf out; /* one frame on its way to on_send */
	bool close_sent, close_received;
	enum fl_reason reason;
	char detail[96];
	int depth;    /* upcalls on the stack */
	bool is_dead; /* closed in one of them */
};

/* ---- wslay's callbacks ---- */

static ssize_t take_bytes(const uint8_t *bytes, size_t length, int flags, void *data)
{
	struct ws *ws = data;

	(void)flags;
	return buf_append(&ws->out, bytes, length) == 0 ? (ssize_t)length : -1;
}

static int make_mask(uint8_t *mask, size_t length, void *data)
{
	struct ws *ws = data;

	random_bytes(ws->loop, mask, length);
	return 0;
}

/* ---- life ---- */

int ws_open(struct loop *loop, bool is_client, size_t message_limit_bytes, bool check_text,
	const struct ws_events *events, void *data, struct ws **out)
{
	static const struct wslay_frame_callbacks callbacks = { take_bytes, NULL, make_mask };
	struct ws *ws = calloc(1, sizeof(*ws));

	if (ws == NULL)
		return -ENOMEM;
	ws->loop = loop;
	ws->is_client = is_client;
	ws->check_text = check_text;
	ws->limit = message_limit_bytes;
	ws->events = events;
	ws->data = data;
	if (wslay_frame_context_init(&ws->frames, &callbacks, ws) != 0) {
		free(ws);
		return -ENOMEM;
	}
	buf_init(&ws->message, 0); /* the limit is checked frame by frame */
	buf_init(&ws->out, 0);
	*out = ws;
	return 0;
}

static void destroy(struct ws *ws)
{
	wslay_frame_context_free(ws->frames);
	buf_finish(&ws->message);
	buf_finish(&ws->out);
	free(ws);
}

void ws_close(struct ws *ws)
{
	if (ws == NULL)
		return;
	ws->is_dead = true;
	if (ws->depth == 0)
		destroy(ws);
}

/* ---- sending ---- */

static int send_part(struct ws *ws, uint8_t opcode, bool is_final, const void *data, size_t length)
{
	struct wslay_frame_iocb frame = {
		.fin = is_final,
		.opcode = opcode,
		.mask = ws->is_client,
		.payload_length = length,
		.data = data,
		.data_length = length,
	};

	buf_clear(&ws->out, KEPT_BYTES);
	if (wslay_frame_send(ws->frames, &frame) != (ssize_t)length) {
		/* Half a frame is lost inside wslay: nothing can follow it. */
		ws->close_sent = true;
		ws->reason = FL_REASON_MEMORY;
		return -ENOMEM;
	}
	ws->events->on_send(ws->data, buf_bytes(&ws->out), buf_length(&ws->out));
	return 0;
}

static int send_frame(struct ws *ws, uint8_t opcode, const void *data, size_t length)
{
	return send_part(ws, opcode, true, data, length);
}

int ws_send(struct ws *ws, bool is_text, const void *data, size_t length)
{
	if (ws->close_sent)
		return -ENOTCONN;
	return send_frame(ws, is_text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, data, length);
}

int ws_send_pieces(struct ws *ws, const void *data, size_t length, size_t piece, bool pings)
{
	const char *bytes = data;
	size_t at = 0;
	int error;

	if (piece == 0)
		return -EINVAL;
	do {
		size_t part = length - at < piece ? length - at : piece;

		if (ws->close_sent)
			return -ENOTCONN;
		error = at > 0 && pings ? send_frame(ws, WSLAY_PING, "between", 7) : 0;
		if (error == 0)
			error = send_part(ws, at == 0 ? WSLAY_TEXT_FRAME : WSLAY_CONTINUATION_FRAME,
				at + part == length, bytes + at, part);
		at += part;
	} while (error == 0 && at < length);
	return error;
}

int ws_ping(struct ws *ws)
{
	return ws->close_sent ? -ENOTCONN : send_frame(ws, WSLAY_PING, NULL, 0);
}

static void send_close(struct ws *ws, int code, const char *why, size_t length)
{
	uint8_t payload[CONTROL_MAX];

	if (ws->close_sent)
		return;
	if (length > CONTROL_MAX - 2)
		length = CONTROL_MAX - 2;
	while (length > 0 && !fl_utf8_valid(why, length)) /* cut within a letter */
		length--;
	payload[0] = (uint8_t)(code >> 8);
	payload[1] = (uint8_t)code;
	if (length > 0)
		memcpy(payload + 2, why, length);
	(void)send_frame(ws, WSLAY_CONNECTION_CLOSE, payload, code == CLOSE_NONE ? 0 : length + 2);
	ws->close_sent = true;
}

void ws_end(struct ws *ws, int code, const char *why)
{
	send_close(ws, code, why == NULL ? "" : why, why == NULL ? 0 : strlen(why));
}

/* ---- receiving ---- */

/* Always false, so that a check can end in it. */
static bool fail(struct ws *ws, int code, enum fl_reason reason, const char *detail)
{
	if (ws->reason == FL_REASON_NONE) {
		ws->reason = reason;
		snprintf(ws->detail, sizeof(ws->detail), "%s", detail);
	}
	send_close(ws, code, detail, strlen(detail));
	return false;
}

static bool violation(struct ws *ws, const char *detail)
{
	return fail(ws, 1002, FL_REASON_PROTOCOL, detail);
}

/* Leaves an upcall. false: the ws was closed in it. */
static bool after_upcall(struct ws *ws, bool is_alive)
{
	ws->depth--;
	return is_alive && !ws->is_dead;
}

/* What a new frame says of itself, before any of its payload is taken. */
static bool begin_frame(struct ws *ws, const uint8_t *bytes)
{
	struct ws_head *head = &ws->frame;
	bool is_control;

	if (!ws_head_read(bytes, head))
		return violation(ws, "malformed frame");
	is_control = wslay_is_ctrl_frame(head->opcode);
	if (head->reserved != 0)
		return violation(ws, "reserved bit set without an extension");
	if (head->is_masked == ws->is_client)
		return violation(
			ws, ws->is_client ? "masked frame from a server" : "unmasked frame from a client");
	switch (head->opcode) {
	case WSLAY_CONTINUATION_FRAME:
		if (ws->message_opcode == 0)
			return violation(ws, "continuation of nothing");
		break;
	case WSLAY_TEXT_FRAME:
	case WSLAY_BINARY_FRAME:
		if (ws->message_opcode != 0)
			return violation(ws, "new message inside a fragmented one");
		ws->message_opcode = head->opcode;
		break;
	case WSLAY_CONNECTION_CLOSE:
	case WSLAY_PING:
	case WSLAY_PONG: break;
	default: return violation(ws, "reserved opcode");
	}
	if (is_control && (!head->is_final || head->payload_bytes > CONTROL_MAX))
		return violation(ws, "fragmented or oversized control frame");
	if (!is_control && head->payload_bytes > ws->limit - buf_length(&ws->message))
		return fail(ws, 1009, FL_REASON_TOO_LARGE, "message over the size limit");
	ws->missing = head->payload_bytes;
	ws->control_length = is_control ? 0 : ws->control_length;
	ws->is_in_frame = true;
	return true;
}

static void consume(struct ws *ws, size_t length)
{
	ws->in += length;
	ws->in_length -= length;
}

/* As much of the present frame as has come. */
static bool take_payload(struct ws *ws)
{
	size_t length = ws->missing < ws->in_length ? (size_t)ws->missing : ws->in_length;
	uint8_t *bytes = (uint8_t *)ws->in;

	if (ws->frame.is_masked)
		ws_mask(ws->frame.mask, ws->frame.payload_bytes - ws->missing, bytes, length);
	consume(ws, length);
	ws->missing -= length;
	if (wslay_is_ctrl_frame(ws->frame.opcode)) {
		memcpy(ws->control + ws->control_length, bytes, length);
		ws->control_length += length;
	} else if (buf_append(&ws->message, bytes, length) != 0) {
		return fail(ws, 1011, FL_REASON_MEMORY, "no memory for a message");
	}
	return true;
}

/* Whoever gets it may write into it, and into the padding behind it. */
static bool hand_on(struct ws *ws, char *data, size_t length)
{
	struct fl_message message = {
		.data = data,
		.length = length,
		.is_text = ws->message_opcode == WSLAY_TEXT_FRAME,
		.received_ns = ws->received_ns,
	};
	bool is_alive;

	ws->message_opcode = 0;
	memset(data + length, 0, FL_MESSAGE_PADDING);
	if (message.is_text && ws->check_text && !fl_utf8_valid(data, length))
		return fail(ws, 1007, FL_REASON_BAD_TEXT, "text is not UTF-8");
	ws->depth++;
	is_alive = ws->events->on_message(ws->data, &message);
	return after_upcall(ws, is_alive);
}

static bool finish_message(struct ws *ws)
{
	if (!ws->frame.is_final)
		return true;
	if (buf_reserve(&ws->message, FL_MESSAGE_PADDING) == NULL)
		return fail(ws, 1011, FL_REASON_MEMORY, "no memory for a message");
	if (!hand_on(ws, buf_bytes(&ws->message), buf_length(&ws->message)))
		return false;
	buf_clear(&ws->message, KEPT_BYTES);
	return true;
}

/* Whether the frame that begins is a whole message, with room for the padding behind it. */
static bool is_all_there(const struct ws *ws)
{
	return !wslay_is_ctrl_frame(ws->frame.opcode) && ws->frame.is_final &&
		ws->frame.opcode != WSLAY_CONTINUATION_FRAME && ws->in_length >= FL_MESSAGE_PADDING &&
		ws->missing <= ws->in_length - FL_MESSAGE_PADDING;
}

/* The padding lies on the next frame, whose bytes are kept meanwhile. */
static bool take_whole(struct ws *ws)
{
	size_t length = (size_t)ws->missing;
	char *data = ws->in, kept[FL_MESSAGE_PADDING];

	if (ws->frame.is_masked)
		ws_mask(ws->frame.mask, 0, (uint8_t *)data, length);
	consume(ws, length);
	ws->is_in_frame = false;
	memcpy(kept, ws->in, sizeof(kept));
	if (!hand_on(ws, data, length))
		return false;
	memcpy(ws->in, kept, sizeof(kept));
	return true;
}

static bool is_close_code(int code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
		(code >= 3000 && code <= 4999);
}

static bool finish_close(struct ws *ws)
{
	const char *why = (const char *)ws->control + 2;
	size_t length = 0;
	int code = CLOSE_NONE;
	bool is_alive;

	if (ws->control_length == 1)
		return violation(ws, "close frame of one byte");
	if (ws->control_length >= 2) {
		code = ws->control[0] << 8 | ws->control[1];
		length = ws->control_length - 2;
		if (!is_close_code(code))
			return violation(ws, "close code that must not be sent");
		if (!fl_utf8_valid(why, length))
			return fail(ws, 1007, FL_REASON_BAD_TEXT, "close reason is not UTF-8");
	}
	ws->close_received = true;
	send_close(ws, code, "", 0);
	ws->depth++;
	is_alive = ws->events->on_close(ws->data, code, why, length);
	return after_upcall(ws, is_alive);
}

static void answer_ping(struct ws *ws)
{
	if (ws->close_sent)
		return;
	if (ws->pongs < PONGS_A_FEED) {
		ws->pongs++;
		(void)send_frame(ws, WSLAY_PONG, ws->control, ws->control_length);
		return;
	}
	/* A flood: RFC 6455 5.5.3 lets us answer only the most recent one. */
	memcpy(ws->ping, ws->control, ws->control_length);
	ws->ping_length = ws->control_length;
	ws->ping_waits = true;
}

static bool finish_control(struct ws *ws)
{
	bool is_alive;

	if (ws->frame.opcode == WSLAY_CONNECTION_CLOSE)
		return finish_close(ws);
	if (ws->frame.opcode == WSLAY_PING)
		answer_ping(ws);
	if (ws->events->on_control == NULL)
		return true;
	ws->depth++;
	is_alive = ws->events->on_control(ws->data, ws->frame.opcode == WSLAY_PONG);
	return after_upcall(ws, is_alive);
}

/* NULL: more of the head must come. */
static const uint8_t *take_head(struct ws *ws)
{
	const uint8_t *in = (const uint8_t *)ws->in;
	size_t bytes = ws_head_bytes(in, ws->in_length);

	if (ws->head_length == 0 && bytes > 0 && bytes <= ws->in_length) {
		consume(ws, bytes);
		return in;
	}
	/* Torn: byte by byte, until the head says how long it is and is so long. */
	while (ws->in_length > 0) {
		ws->head[ws->head_length++] = (uint8_t)*ws->in;
		consume(ws, 1);
		if (ws_head_bytes(ws->head, ws->head_length) == ws->head_length) {
			ws->head_length = 0;
			return ws->head;
		}
	}
	return NULL;
}

/* Takes one piece of a frame. false: failed, closed, or all bytes are used. */
static bool step(struct ws *ws)
{
	if (!ws->is_in_frame) {
		const uint8_t *head = take_head(ws);

		if (head == NULL || !begin_frame(ws, head))
			return false;
		if (is_all_there(ws))
			return take_whole(ws);
	} else if (ws->in_length == 0) {
		return false;
	}
	if (!take_payload(ws))
		return false;
	if (ws->missing > 0)
		return true;
	ws->is_in_frame = false;
	return wslay_is_ctrl_frame(ws->frame.opcode) ? finish_control(ws) : finish_message(ws);
}

bool ws_feed(struct ws *ws, char *bytes, size_t length, int64_t received_ns)
{
	if (ws->reason != FL_REASON_NONE)
		return false;
	ws->in = bytes;
	ws->in_length = length;
	ws->received_ns = received_ns;
	ws->pongs = 0;
	ws->depth++; /* keeps it through the loop; upcalls that close it end the loop */
	while (!ws->close_received && step(ws))
		;
	if (!ws->is_dead && ws->ping_waits && !ws->close_sent)
		(void)send_frame(ws, WSLAY_PONG, ws->ping, ws->ping_length);
	ws->ping_waits = false;
	ws->in_length = 0;
	ws->depth--;
	if (ws->is_dead) {
		if (ws->depth == 0)
			destroy(ws);
		return false;
	}
	return ws->reason == FL_REASON_NONE;
}

enum fl_reason ws_failure(const struct ws *ws, char *detail, size_t size)
{
	snprintf(detail, size, "%s", ws->detail);
	return ws->reason;
}

void ws_accept_key(const char *key, char out[32])
{
	static const char salt[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 1.3 */
	mbedtls_sha1_context sha;
	unsigned char digest[20];
	size_t length = 0;

	mbedtls_sha1_init(&sha);
	if (mbedtls_sha1_starts(&sha) != 0 ||
		mbedtls_sha1_update(&sha, (const unsigned char *)key, strlen(key)) != 0 ||
		mbedtls_sha1_update(&sha, (const unsigned char *)salt, sizeof(salt) - 1) != 0 ||
		mbedtls_sha1_finish(&sha, digest) != 0 ||
		mbedtls_base64_encode((unsigned char *)out, 32, &length, digest, sizeof(digest)) != 0)
		length = 0;
	out[length] = '\0';
	mbedtls_sha1_free(&sha);
}
