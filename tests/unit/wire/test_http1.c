/* http1: whole, torn, pipelined, smuggled, oversized. */
#include "unit.h"

#include "http1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** What arrived, as text: "GET /x keep [body];". */
struct seen {
	struct http1 *http;
	char text[2048];
	char header[256]; /* the value of X-Test in the last message */
	int heads;
	bool close_in_message, close_in_head, pause_in_message;
};

static bool on_head(void *data)
{
	struct seen *seen = data;
	struct http1_headers headers;

	seen->heads++;
	http1_head(seen->http, &headers);
	if (http1_header(&headers, "x-test") != NULL)
		assert_true(headers.count > 0);
	if (!seen->close_in_head)
		return true;
	http1_close(seen->http);
	seen->http = NULL;
	return false;
}

static bool on_message(void *data, const struct http1_message *message)
{
	struct seen *seen = data;
	size_t at = strlen(seen->text);
	const char *value = http1_header(&message->headers, "X-TEST");

	assert_int_equal(strlen(message->body), message->length);
	if (message->status != 0)
		snprintf(seen->text + at, sizeof(seen->text) - at, "%d ", message->status);
	else
		snprintf(
			seen->text + at, sizeof(seen->text) - at, "%s %s ", message->method, message->target);
	at = strlen(seen->text);
	snprintf(seen->text + at, sizeof(seen->text) - at, "%s[%s];",
		message->is_upgrade       ? "upgrade "
			: message->keep_alive ? "keep "
								  : "close ",
		message->body);
	snprintf(seen->header, sizeof(seen->header), "%s", value == NULL ? "(none)" : value);
	if (seen->pause_in_message)
		http1_pause(seen->http);
	if (!seen->close_in_message)
		return true;
	http1_close(seen->http);
	seen->http = NULL;
	return false;
}

static const struct http1_events events = { on_head, on_message };

static struct http1 *open_with(struct seen *seen, bool is_server, size_t header, size_t body)
{
	struct http1_limits limits = { header, body };

	assert_int_equal(http1_open(is_server, &limits, &events, seen, &seen->http), 0);
	return seen->http;
}

static struct http1 *open_server(struct seen *seen)
{
	*seen = (struct seen){ 0 };
	return open_with(seen, true, 4096, 1000);
}

static struct http1 *open_client(struct seen *seen)
{
	*seen = (struct seen){ 0 };
	return open_with(seen, false, 4096, 1000);
}

static void request_arrives_whole_however_torn(void **state)
{
	static const char text[] = "POST /v1/x?y=1 HTTP/1.1\r\nHost: h\r\nX-Test:  a b \t \r\n"
							   "Empty:\r\nContent-Length: 5\r\n\r\nhello"
							   "\r\nPUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
							   "3;a=b\r\nabc\r\n4\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n";
	struct seen seen;

	(void)state;
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		struct http1 *http = open_server(&seen);

		for (size_t at = 0; at < sizeof(text) - 1; at += piece) {
			size_t rest = sizeof(text) - 1 - at;
			size_t length = piece < rest ? piece : rest;

			assert_int_equal(http1_feed(http, text + at, length), (int64_t)length);
			if (at + length == strlen("POST /v1/x?y=1 HTTP/1.1\r\nHost: h\r\nX-Test: a"))
				assert_false(http1_is_idle(http));
		}
		assert_string_equal(seen.text, "POST /v1/x?y=1 keep [hello];PUT / keep [abcdefg];");
		assert_int_equal(seen.heads, 2);
		assert_true(http1_is_idle(http));
		http1_close(http);
	}
}

static void header_values_lose_white_space_around_them(void **state)
{
	static const char text[] =
		"GET / HTTP/1.1\r\nX-Empty:\r\nX-Test: \t a  b\t \r\nHost: h\r\n\r\n";
	struct seen seen;
	struct http1 *http = open_server(&seen);

	(void)state;
	assert_int_equal(http1_feed(http, text, sizeof(text) - 1), sizeof(text) - 1);
	assert_string_equal(seen.header, "a  b");
	http1_close(http);
}

/** Feeds all and returns the failure. */
static int failure_of(struct seen *seen, const char *text, size_t length)
{
	struct http1 *http = open_server(seen);
	const char *detail;

	assert_true(http1_feed(http, text, length) >= 0);
	int failure = http1_failure(http, &detail);
	if (failure != 0)
		assert_true(strlen(detail) > 0);
	http1_close(http);
	return failure;
}

static void smuggled_and_malformed_requests_are_refused(void **state)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc", 400 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc", 400 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x3\r\n\r\nabc", 400 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "0\r\n\r\n",
			400 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
		  "0\r\n\r\n",
			400 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
			400 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n", 501 },
		{ "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc\r\n0\r\n\r\n",
			400 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "fffffffffffffffff\r\n",
			400 },
		{ "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: h\r\nX:\r\n b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\nHost: h\n\n", 505 }, /* so llhttp calls it */
		{ "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: h\r\nX: a\001b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: h\r\nX: a\177b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: h\r\n: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", 400 },
		{ "GET /\001 HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505 },
		{ "GET / HTTP/1.9\r\nHost: h\r\n\r\n", 505 },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505 },
		{ "GET /\r\n\r\n", 505 },
		{ "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 501 },
		{ "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501 },
		{ "\026\003\001\002", 501 },
	};
	struct seen seen;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int failure = failure_of(&seen, cases[i].text, strlen(cases[i].text));

		if (failure != cases[i].status || seen.text[0] != '\0')
			fail_msg("%s: %d [%s]", cases[i].text, failure, seen.text);
	}
	assert_int_equal(failure_of(&seen, "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 40), 400);
}

static void limits_say_what_is_too_large(void **state)
{
	char text[20000];
	struct seen seen;
	size_t length;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	struct http1 *http = open_with(&seen, true, 16384, 1000); /* under the header's limit */
	assert_true(http1_feed(http, text, 9000) >= 0);
	assert_int_equal(http1_failure(http, NULL), 414);
	http1_close(http);

	length = (size_t)sprintf(text, "GET / HTTP/1.1\r\nX: ");
	memset(text + length, 'a', sizeof(text) - length);
	assert_int_equal(failure_of(&seen, text, 4000), 0);
	assert_int_equal(failure_of(&seen, text, 4097), 431);
	memset(text + length, ' ', sizeof(text) - length); /* not stored, counted all the same */
	assert_int_equal(failure_of(&seen, text, 4000), 0);
	assert_int_equal(failure_of(&seen, text, 4097), 431);
	memset(text, '\n', sizeof(text));
	for (size_t i = 0; i < sizeof(text); i += 2)
		text[i] = '\r';
	assert_int_equal(failure_of(&seen, text, 5000), 431);

	length = (size_t)sprintf(text, "GET / HTTP/1.1\r\n");
	for (int i = 0; i < 100; i++)
		length += (size_t)sprintf(text + length, "X: y\r\n");
	assert_int_equal(failure_of(&seen, text, length), 0);
	length += (size_t)sprintf(text + length, "X: y\r\n");
	assert_int_equal(failure_of(&seen, text, length), 431);

	length = (size_t)sprintf(text, "POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n");
	assert_int_equal(failure_of(&seen, text, length), 413); /* before a byte of it has come */
	assert_int_equal(seen.heads, 0);
	length = (size_t)sprintf(text, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
	memset(text + length, 'a', 1001);
	assert_int_equal(failure_of(&seen, text, length + 1000), 0);
	assert_int_equal(failure_of(&seen, text, length + 1001), 413);
	length -= strlen("3e9\r\n");
	length += (size_t)sprintf(text + length, "1;");
	memset(text + length, 'a', 5000);
	assert_int_equal(failure_of(&seen, text, length + 5000), 431); /* an extension without end */
	length -= strlen("1;");
	length += (size_t)sprintf(text + length, "0\r\nX: ");
	memset(text + length, 'a', 5000);
	assert_int_equal(failure_of(&seen, text, length + 5000), 431); /* a trailer without end */
}

static void pipelined_requests_wait_for_resume(void **state)
{
	static const char text[] = "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
							   "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"
							   "GET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
							   "GET /4 HTTP/1.1\r\nHost: h\r\n\r\n";
	struct seen seen;
	struct http1 *http = open_server(&seen);
	size_t at = 0, all = sizeof(text) - 1;

	(void)state;
	seen.pause_in_message = true;
	at += (size_t)http1_feed(http, text, all);
	assert_int_equal(at, strlen("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"));
	assert_string_equal(seen.text, "GET /1 keep [];");
	assert_int_equal(http1_feed(http, text + at, all - at), 0);
	http1_resume(http);
	at += (size_t)http1_feed(http, text + at, all - at);
	assert_string_equal(seen.text, "GET /1 keep [];POST /2 keep [ab];");
	assert_memory_equal(text + at, "GET /3", 6);
	http1_resume(http);
	at += (size_t)http1_feed(http, text + at, all - at);
	assert_string_equal(seen.text, "GET /1 keep [];POST /2 keep [ab];GET /3 close [];");
	http1_resume(http); /* behind "Connection: close" nothing is read */
	assert_int_equal(http1_feed(http, text + at, all - at), (int64_t)(all - at));
	assert_string_equal(seen.text, "GET /1 keep [];POST /2 keep [ab];GET /3 close [];");
	assert_int_equal(http1_failure(http, NULL), 0);
	http1_close(http);
}

static void upgrade_leaves_the_bytes_behind_it(void **state)
{
	static const char head[] = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\n"
							   "Upgrade: websocket\r\n\r\n";
	static const char reply[] = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
								"Upgrade: websocket\r\n\r\n";
	char text[300];
	struct seen seen;

	(void)state;
	snprintf(text, sizeof(text), "%s\x81\x05hello", head);
	struct http1 *http = open_server(&seen);
	assert_int_equal(http1_feed(http, text, strlen(text)), sizeof(head) - 1);
	assert_string_equal(seen.text, "GET /ws upgrade [];");
	http1_resume(http); /* declined: what follows is HTTP again */
	assert_int_equal(http1_feed(http, "GET / HTTP/1.1\r\n\r\n", 18), 18);
	assert_string_equal(seen.text, "GET /ws upgrade [];GET / keep [];");
	http1_close(http);

	snprintf(text, sizeof(text), "%s\x81\x05hello", reply);
	http = open_client(&seen);
	assert_int_equal(http1_feed(http, text, strlen(text)), sizeof(reply) - 1);
	assert_string_equal(seen.text, "101 upgrade [];");
	http1_close(http);

	/* A 101 that says nothing of an upgrade ends HTTP too; going on behind it comes to an end. */
	static const char bare[] = "HTTP/1.1 101 x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	http = open_client(&seen);
	assert_int_equal(http1_feed(http, bare, sizeof(bare) - 1), strlen("HTTP/1.1 101 x\r\n\r\n"));
	http1_resume(http);
	assert_int_equal(http1_feed(http, bare + 18, sizeof(bare) - 1 - 18), sizeof(bare) - 1 - 18);
	assert_string_equal(seen.text, "101 upgrade [];200 keep [];");
	http1_close(http);
}

static void responses_end_by_length_chunk_or_stream(void **state)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n"
							   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Test: 1\r\n\r\nok"
							   "HTTP/1.1 204 No Content\r\n\r\n"
							   "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
							   "2\r\nno\r\n0\r\n\r\n"
							   "HTTP/1.1 200 OK\r\n\r\nuntil the end";
	struct seen seen;

	(void)state;
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		struct http1 *http = open_client(&seen);

		for (size_t at = 0; at < sizeof(text) - 1; at += piece) {
			size_t rest = sizeof(text) - 1 - at;
			size_t length = piece < rest ? piece : rest;

			assert_int_equal(http1_feed(http, text + at, length), (int64_t)length);
		}
		assert_string_equal(seen.text, "200 keep [ok];204 keep [];404 keep [no];");
		assert_true(http1_finish(http));
		assert_string_equal(
			seen.text, "200 keep [ok];204 keep [];404 keep [no];200 close [until the end];");
		assert_int_equal(http1_failure(http, NULL), 0);
		http1_close(http);
	}
}

static void responses_cut_off_or_too_large_fail(void **state)
{
	static const char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc";
	static const char large[] = "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nabc";
	struct seen seen;
	struct http1 *http = open_client(&seen);

	(void)state;
	assert_int_equal(http1_feed(http, cut, sizeof(cut) - 1), sizeof(cut) - 1);
	assert_true(http1_finish(http));
	assert_int_equal(http1_failure(http, NULL), 502);
	assert_string_equal(seen.text, "");
	http1_close(http);
	http = open_client(&seen);
	assert_true(http1_feed(http, large, sizeof(large) - 1) >= 0);
	assert_int_equal(http1_failure(http, NULL), 413);
	http1_close(http);
	http = open_client(&seen);
	assert_true(http1_feed(http, "SSH-2.0-x\r\n", 11) >= 0);
	assert_int_equal(http1_failure(http, NULL), 502);
	http1_close(http);
}

static void response_to_head_has_no_body(void **state)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n"
							   "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
							   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	struct seen seen;
	struct http1 *http = open_client(&seen);

	(void)state;
	http1_expect_no_body(http);
	assert_int_equal(http1_feed(http, text, sizeof(text) - 1), sizeof(text) - 1);
	assert_string_equal(seen.text, "200 keep [];200 keep [ok];");
	http1_close(http);
}

static void closing_inside_is_safe(void **state)
{
	static const char text[] = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\naGET ";
	struct seen seen;
	struct http1 *http = open_server(&seen);

	(void)state;
	seen.close_in_message = true;
	assert_int_equal(http1_feed(http, text, sizeof(text) - 1), -1);
	http = open_server(&seen);
	seen.close_in_head = true;
	assert_int_equal(http1_feed(http, text, sizeof(text) - 1), -1);
	assert_string_equal(seen.text, "");
	http = open_client(&seen);
	seen.close_in_message = true;
	assert_int_equal(http1_feed(http, "HTTP/1.1 200 OK\r\n\r\nx", 20), 20);
	assert_false(http1_finish(http));
	http1_close(NULL);
}

static void written_heads_read_back(void **state)
{
	static const struct fl_header headers[] = { { "X-Test", "v" } };
	struct seen seen;
	struct http1 *http = open_server(&seen);
	struct buf buf;

	(void)state;
	buf_init(&buf, 0);
	assert_int_equal(http1_write_request(&buf, "POST", "/a?b=c", "h:1", headers, 1, NULL, 0), 0);
	assert_string_equal(buf_string(&buf),
		"POST /a?b=c HTTP/1.1\r\nHost: h:1\r\nX-Test: v\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(http1_write_request(&buf, "PUT", "/", "h", NULL, 0, "body", 4), 0);
	assert_int_equal(http1_write_request(&buf, "GET", "/", "h", NULL, 0, NULL, 0), 0);
	assert_int_equal(http1_feed(http, buf_bytes(&buf), buf_length(&buf)), buf_length(&buf));
	assert_string_equal(seen.text, "POST /a?b=c keep [];PUT / keep [body];GET / keep [];");
	http1_close(http);

	http = open_client(&seen);
	buf_clear(&buf, 0);
	assert_int_equal(http1_write_response(&buf, 200, "text/plain", headers, 1, 2, true), 0);
	buf_text(&buf, "ok");
	assert_int_equal(http1_write_response(&buf, 200, "text/plain", NULL, 0, -1, true), 0);
	assert_int_equal(http1_write_chunk(&buf, "abc", 3), 0);
	assert_int_equal(http1_write_chunk(&buf, "0123456789abcdefg", 17), 0);
	assert_int_equal(http1_write_chunk(&buf, "", 0), 0);
	assert_int_equal(http1_write_response(&buf, 204, NULL, NULL, 0, 0, true), 0);
	assert_int_equal(http1_write_response(&buf, 404, "", NULL, 0, 0, false), 0);
	assert_int_equal(http1_feed(http, buf_bytes(&buf), buf_length(&buf)), buf_length(&buf));
	assert_string_equal(
		seen.text, "200 keep [ok];200 keep [abc0123456789abcdefg];204 keep [];404 close [];");
	http1_close(http);
	buf_finish(&buf);
}

static void what_would_split_a_head_is_not_written(void **state)
{
	static const struct fl_header bad[] = { { "X", "a\r\nY: b" }, { "X", "a\nb" },
		{ "X\r\nY", "b" }, { "X:", "b" }, { "", "b" }, { "X Y", "b" }, { "X", "\177" },
		{ "Content-Length", "5" }, { "transfer-encoding", "chunked" }, { "X", NULL } };
	struct buf buf;

	(void)state;
	buf_init(&buf, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(http1_write_response(&buf, 200, "t", bad + i, 1, 0, true), -EINVAL);
		assert_int_equal(http1_write_request(&buf, "GET", "/", "h", bad + i, 1, "", 0), -EINVAL);
	}
	assert_int_equal(http1_write_response(&buf, 200, "a\r\nb", NULL, 0, 0, true), -EINVAL);
	assert_int_equal(http1_write_request(&buf, "GET", "/ x", "h", NULL, 0, "", 0), -EINVAL);
	assert_int_equal(http1_write_request(&buf, "GET", "/", "h\r\n", NULL, 0, "", 0), -EINVAL);
	assert_int_equal(http1_write_request(&buf, "GET /", "/", "h", NULL, 0, "", 0), -EINVAL);
	assert_int_equal(buf_length(&buf), 0);
	buf_finish(&buf);

	buf_init(&buf, 10); /* and a head that does not fit leaves nothing behind */
	buf_text(&buf, "abc");
	assert_int_equal(http1_write_response(&buf, 200, "t", NULL, 0, 0, true), -ENOBUFS);
	assert_int_equal(buf_length(&buf), 3);
	buf_finish(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_arrives_whole_however_torn),
		cmocka_unit_test(header_values_lose_white_space_around_them),
		cmocka_unit_test(smuggled_and_malformed_requests_are_refused),
		cmocka_unit_test(limits_say_what_is_too_large),
		cmocka_unit_test(pipelined_requests_wait_for_resume),
		cmocka_unit_test(upgrade_leaves_the_bytes_behind_it),
		cmocka_unit_test(responses_end_by_length_chunk_or_stream),
		cmocka_unit_test(responses_cut_off_or_too_large_fail),
		cmocka_unit_test(response_to_head_has_no_body),
		cmocka_unit_test(closing_inside_is_safe),
		cmocka_unit_test(written_heads_read_back),
		cmocka_unit_test(what_would_split_a_head_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
