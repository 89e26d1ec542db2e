/*
 * ws: any bytes as WebSocket frames, as a client and as a server reads them. In pieces they say the
 * same as at once, and what is answered can be read by the other side.
 *
 * input: flags, three sizes of pieces, the bytes
 */
#include "fuzz.h"
#include "ws.h"

#include <feedloom/kit.h>

enum { IS_CLIENT = 1, CHECKS_TEXT = 2, CLOSES_INSIDE = 4, LIMIT_SHIFT = 3 };
enum { ONE_BY_ONE = 64 }; /* pings in one feed; beyond that only the last is answered */

struct end {
	struct ws *ws;
	bool checks_text, closes_inside;
	size_t limit;
	int messages, pings;
	struct buf heard, sent;
};

static void on_send(void *data, const char *bytes, size_t length)
{
	CHECK(buf_append(&((struct end *)data)->sent, bytes, length) == 0);
}

static bool close_inside(struct end *end)
{
	if (!end->closes_inside)
		return true;
	ws_close(end->ws);
	end->ws = NULL;
	return false;
}

static bool on_message(void *data, const struct fl_message *message)
{
	struct end *end = data;

	CHECK(message->length <= end->limit);
	CHECK(!message->is_text || !end->checks_text || fl_utf8_valid(message->data, message->length));
	memset(message->data + message->length, 'x', FL_MESSAGE_PADDING); /* must be ours to write */
	CHECK(buf_printf(&end->heard, "message %d %zu ", message->is_text, message->length) == 0);
	CHECK(buf_append(&end->heard, message->data, message->length) == 0);
	return ++end->messages < 2 || close_inside(end);
}

static bool on_control(void *data, bool is_pong)
{
	struct end *end = data;

	end->pings += !is_pong;
	CHECK(buf_text(&end->heard, is_pong ? "pong " : "ping ") == 0);
	return true;
}

static bool on_close(void *data, int code, const char *why, size_t length)
{
	struct end *end = data;

	CHECK(length <= 123 && fl_utf8_valid(why, length));
	CHECK(buf_printf(&end->heard, "close %d %.*s ", code, (int)length, why) == 0);
	return close_inside(end);
}

static const struct ws_events events = { on_send, on_message, on_control, on_close };

static void open_end(struct end *end, bool is_client, int flags)
{
	static const size_t limits[] = { 0, 10, 125, 1000, 70000, 200000, 125, 70000 };

	*end = (struct end){ .checks_text = flags & CHECKS_TEXT,
		.closes_inside = flags & CLOSES_INSIDE,
		.limit = limits[flags >> LIMIT_SHIFT & 7] };
	buf_init(&end->heard, 0);
	buf_init(&end->sent, 0);
	CHECK(ws_open(NULL, is_client, end->limit, end->checks_text, &events, end, &end->ws) == 0);
}

static void close_end(struct end *end)
{
	ws_close(end->ws);
	buf_finish(&end->heard);
	buf_finish(&end->sent);
}

/** Feeds a copy; what comes of it at the end goes into `heard`. false: nothing more is wanted. */
static bool feed(struct end *end, const uint8_t *bytes, size_t length)
{
	char *copy = fuzz_copy(bytes, length);
	char detail[96];
	bool is_fine = ws_feed(end->ws, copy, length, 1);

	free(copy);
	if (!is_fine && end->ws != NULL) {
		enum fl_reason reason = ws_failure(end->ws, detail, sizeof(detail));

		CHECK(reason != FL_REASON_NONE);
		CHECK(buf_printf(&end->heard, "failed %d %s", (int)reason, detail) == 0);
		/* Once failed, it stays so. */
		CHECK(!ws_feed(end->ws, (char[]){ 0 }, 0, 1));
		CHECK(ws_send(end->ws, true, "x", 1) == -ENOTCONN);
	}
	return is_fine;
}

/* What `end` has sent, as the other side reads it. */
static void check_sent(struct end *end, bool is_client)
{
	struct end other;

	open_end(&other, !is_client, CHECKS_TEXT | 5 << LIMIT_SHIFT);
	CHECK(feed(&other, (const uint8_t *)buf_string(&end->sent), buf_length(&end->sent)));
	close_end(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	int flags = fuzz_byte(&in);
	size_t pieces[3], piece = 0;
	bool is_client = flags & IS_CLIENT;
	struct end whole, parts;

	for (size_t i = 0; i < 3; i++)
		pieces[i] = (size_t)fuzz_byte(&in) + 1;
	open_end(&whole, is_client, flags & ~IS_CLIENT);
	open_end(&parts, is_client, flags & ~IS_CLIENT);
	(void)feed(&whole, in.at, in.left);
	while (in.left > 0) {
		size_t length = pieces[piece++ % 3];

		length = length < in.left ? length : in.left;
		if (!feed(&parts, in.at, length))
			break;
		in.at += length;
		in.left -= length;
	}
	CHECK(strcmp(buf_string(&whole.heard), buf_string(&parts.heard)) == 0);
	CHECK(buf_length(&whole.heard) == buf_length(&parts.heard));
	CHECK(memcmp(buf_bytes(&whole.heard), buf_bytes(&parts.heard), buf_length(&parts.heard)) == 0);
	if (whole.pings < ONE_BY_ONE)
		CHECK(buf_length(&whole.sent) == buf_length(&parts.sent));
	check_sent(&whole, is_client);
	check_sent(&parts, is_client);
	close_end(&whole);
	close_end(&parts);
	return 0;
}
