/*
 * http1: any bytes as HTTP, as a server reads requests and a client reads responses. In pieces they
 * say the same as at once; no message is beyond its limits.
 *
 * input: flags, three sizes of pieces, the bytes
 */
#include "fuzz.h"
#include "http1.h"

enum { IS_SERVER = 1, NO_BODY = 2, PAUSES = 4, IS_TIGHT = 8, ENDS = 16, CLOSES_INSIDE = 32 };

struct run {
	struct http1 *http;
	struct http1_limits limits;
	int flags, messages;
	bool is_upgrade; /* the last message was one */
	struct buf heard;
};

static void hear(struct run *run, const char *what, const char *text)
{
	CHECK(buf_printf(&run->heard, "%s %zu %s\n", what, strlen(text), text) == 0);
}

static bool on_head(void *data)
{
	struct run *run = data;
	struct http1_headers headers;

	http1_head(run->http, &headers);
	CHECK(buf_printf(&run->heard, "head %zu\n", headers.count) == 0);
	return true;
}

static void hear_headers(struct run *run, const struct http1_headers *headers)
{
	CHECK(headers->count <= 100);
	for (size_t i = 0; i < headers->count; i++) {
		const char *name = headers->items[i].name, *value = headers->items[i].value;

		CHECK(strpbrk(name, "\r\n: ") == NULL && name[0] != '\0');
		CHECK(strpbrk(value, "\r\n") == NULL);
		CHECK(http1_header(headers, name) != NULL);
		hear(run, name, value);
	}
}

static bool on_message(void *data, const struct http1_message *message)
{
	struct run *run = data;

	CHECK(message->body != NULL && message->body[message->length] == '\0');
	CHECK(message->length <= run->limits.body_bytes);
	CHECK(message->minor == 0 || message->minor == 1);
	CHECK(strpbrk(message->target, "\r\n ") == NULL);
	hear(run, "method", message->method);
	hear(run, "target", message->target);
	CHECK(
		buf_printf(&run->heard, "status %d minor %d keep %d upgrade %d body %zu ", message->status,
			message->minor, message->keep_alive, message->is_upgrade, message->length) == 0);
	CHECK(buf_append(&run->heard, message->body, message->length) == 0);
	hear_headers(run, &message->headers);
	run->is_upgrade = message->is_upgrade;
	run->messages++;
	if (run->flags & CLOSES_INSIDE && run->messages == 2) {
		http1_close(run->http);
		run->http = NULL;
		return false;
	}
	if (run->flags & PAUSES)
		http1_pause(run->http);
	return true;
}

static void open_run(struct run *run, int flags)
{
	static const struct http1_events events = { on_head, on_message };

	*run = (struct run){ .flags = flags };
	run->limits.header_bytes = flags & IS_TIGHT ? 64 : 4096;
	run->limits.body_bytes = flags & IS_TIGHT ? 16 : 2048;
	buf_init(&run->heard, 0);
	CHECK(http1_open(flags & IS_SERVER, &run->limits, &events, run, &run->http) == 0);
	if (flags & NO_BODY)
		http1_expect_no_body(run->http);
}

static void close_run(struct run *run)
{
	http1_close(run->http);
	buf_finish(&run->heard);
}

/** Feeds one piece until it is used up. false: nothing more is wanted. */
static bool feed(struct run *run, const uint8_t *bytes, size_t length)
{
	size_t at = 0;
	bool has_resumed = false;

	while (at < length) {
		char *copy = fuzz_copy(bytes + at, length - at);
		int64_t used = http1_feed(run->http, copy, length - at);

		free(copy);
		if (used < 0)
			return false;
		CHECK((size_t)used <= length - at);
		if (http1_failure(run->http, NULL) != 0)
			return false;
		CHECK(used > 0 || !has_resumed); /* it gets on */
		at += (size_t)used;
		if (at == length)
			break;
		CHECK(run->is_upgrade || run->flags & PAUSES);
		http1_resume(run->http);
		has_resumed = used == 0;
		run->is_upgrade = false;
	}
	return true;
}

static void end_run(struct run *run)
{
	const char *detail = "";

	if (run->http != NULL && run->flags & ENDS && !http1_finish(run->http))
		CHECK(run->http == NULL);
	if (run->http == NULL)
		return;
	/* Which of two mistakes is met first depends on the pieces. */
	CHECK(buf_text(&run->heard, http1_failure(run->http, &detail) != 0 ? "failed" : "fine") == 0);
	CHECK(detail != NULL);
}

static void check_same(struct buf *whole, struct buf *parts)
{
	size_t length = buf_length(whole);

	if (length == buf_length(parts) && memcmp(buf_string(whole), buf_string(parts), length) == 0)
		return;
	fprintf(stderr, "at once:\n%s\nin pieces:\n%s\n", buf_string(whole), buf_string(parts));
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	int flags = fuzz_byte(&in);
	size_t pieces[3], piece = 0;
	struct run whole, parts;

	for (size_t i = 0; i < 3; i++)
		pieces[i] = (size_t)fuzz_byte(&in) + 1;
	open_run(&whole, flags);
	open_run(&parts, flags);
	(void)feed(&whole, in.at, in.left);
	while (in.left > 0) {
		size_t length = pieces[piece++ % 3];

		length = length < in.left ? length : in.left;
		if (!feed(&parts, in.at, length))
			break;
		in.at += length;
		in.left -= length;
	}
	end_run(&whole);
	end_run(&parts);
	check_same(&whole.heard, &parts.heard);
	close_run(&whole);
	close_run(&parts);
	return 0;
}
