#include "unit.h"
#include "ws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 200 * 1000 };

/* One end: what it sent, what it heard. */
struct end {
	struct ws *ws;
	struct buf sent;
	struct buf heard; /* a line each: "text hello", "binary 3", "ping", "pong", "close 1000 why" */
	bool closes_in_message;
	size_t last_length;
};

static void on_send(void *data, const char *bytes, size_t length)
{
	assert_int_equal(buf_append(&((struct end *)data)->sent, bytes, length), 0);
}

static bool on_message(void *data, const struct fl_message *message)
{
	struct end *end = data;

	end->last_length = message->length;
	memset(message->data + message->length, 'x', FL_MESSAGE_PADDING); /* must be ours to write */
	if (message->is_text && message->length < 1000)
		buf_printf(&end->heard, "text %.*s\n", (int)message->length, message->data);
	else
		buf_printf(
			&end->heard, "%s of %zu\n", message->is_text ? "text" : "binary", message->length);
	if (!end->closes_in_message)
		return true;
	ws_close(end->ws);
	end->ws = NULL;
	return false;
}

static bool on_control(void *data, bool is_pong)
{
	buf_text(&((struct end *)data)->heard, is_pong ? "pong\n" : "ping\n");
	return true;
}

static bool on_close(void *data, int code, const char *why, size_t length)
{
	buf_printf(&((struct end *)data)->heard, "close %d %.*s\n", code, (int)length, why);
	return true;
}

static const struct ws_events events = { on_send, on_message, on_control, on_close };

static void open_end(struct end *end, bool is_client)
{
	memset(end, 0, sizeof(*end));
	buf_init(&end->sent, 0);
	buf_init(&end->heard, 0);
	assert_int_equal(ws_open(NULL, is_client, LIMIT, true, &events, end, &end->ws), 0);
}

static void close_end(struct end *end)
{
	ws_close(end->ws);
	buf_finish(&end->sent);
	buf_finish(&end->heard);
}

static bool feed(struct end *end, const void *bytes, size_t length)
{
	char *copy = malloc(length); /* exactly as much: what is written behind it would be seen */
	bool is_fine;

	assert_true(copy != NULL || length == 0);
	if (length > 0)
		memcpy(copy, bytes, length);
	is_fine = ws_feed(end->ws, copy, length, 1);
	free(copy);
	return is_fine;
}

/* Moves what `from` sent to `to`, in pieces. */
static bool carry(struct end *from, struct end *to, size_t piece)
{
	bool is_fine = true;

	while (is_fine && buf_length(&from->sent) > 0) {
		size_t length = buf_length(&from->sent) < piece ? buf_length(&from->sent) : piece;
		char *copy = malloc(length); /* so that sanitizers see a read beyond it */

		memcpy(copy, buf_bytes(&from->sent), length);
		is_fine = feed(to, copy, length);
		free(copy);
		buf_consume(&from->sent, length);
	}
	buf_clear(&from->sent, 0);
	return is_fine;
}

/* ---- frames made by hand ---- */

/* A frame: first byte, payload; masked (with zeros) when the receiver is a server. */
static size_t frame(
	unsigned char *to, int first, bool is_masked, const void *payload, size_t length)
{
	size_t at = 0;

	to[at++] = (unsigned char)first;
	if (length < 126) {
		to[at++] = (unsigned char)length;
	} else {
		to[at++] = 126;
		to[at++] = (unsigned char)(length >> 8);
		to[at++] = (unsigned char)length;
	}
	if (is_masked) {
		to[1] |= 0x80;
		memset(to + at, 0, 4);
		at += 4;
	}
	if (length > 0)
		memcpy(to + at, payload, length);
	return at + length;
}

/* The code of the close frame a server sent last; 0: none, -1: something else. */
static int close_code(const struct end *end)
{
	const unsigned char *bytes = (const unsigned char *)buf_bytes(&end->sent);

	if (buf_length(&end->sent) == 0)
		return 0;
	if (buf_length(&end->sent) < 4 || bytes[0] != 0x88 || bytes[1] != buf_length(&end->sent) - 2)
		return -1;
	return bytes[2] << 8 | bytes[3];
}

/* Feeds a new server `bytes`, whole and in single bytes; wants that code and reason. */
static void want_failure_at(
	int line, const void *bytes, size_t length, int code, enum fl_reason reason)
{
	char detail[128];

	for (int is_torn = 0; is_torn < 2; is_torn++) {
		bool is_fine = true;
		struct end server;

		open_end(&server, false);
		for (size_t i = 0; is_fine && i < length; i += is_torn ? 1 : length)
			is_fine = feed(&server, (const char *)bytes + i, is_torn ? 1 : length);
		if (is_fine || close_code(&server) != code ||
			ws_failure(server.ws, detail, sizeof(detail)) != reason)
			fail_msg("line %d: torn %d, fine %d, close code %d, reason %s", line, is_torn, is_fine,
				close_code(&server), fl_reason_word(ws_failure(server.ws, detail, sizeof(detail))));
		assert_true(detail[0] != '\0');
		assert_false(feed(&server, bytes, length)); /* and nothing more is taken */
		assert_int_equal(ws_send(server.ws, true, "x", 1), -ENOTCONN);
		close_end(&server);
	}
}
#define want_failure(bytes, length, code, reason)                                                  \
	want_failure_at(__LINE__, bytes, length, code, reason)
#define violates(bytes) want_failure(bytes, sizeof(bytes) - 1, 1002, FL_REASON_PROTOCOL)

/* ---- tests ---- */

/* Handed on where they lie, with padding on the next one; cut anywhere, to either end. */
static void messages_that_come_together_do_not_touch_each_other(void **state)
{
	static const char *const texts[] = { "first", "", "the second is longer", "3", "fourth" };
	static const char heard[] =
		"text first\ntext \ntext the second is longer\nping\ntext 3\ntext fourth\n";
	unsigned char bytes[256];

	(void)state;
	for (int is_client = 0; is_client < 2; is_client++) {
		size_t length = 0;

		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
			if (i == 3)
				length += frame(bytes + length, 0x89, !is_client, "", 0);
			length += frame(bytes + length, 0x81, !is_client, texts[i], strlen(texts[i]));
		}
		for (size_t cut = 0; cut <= length; cut++) {
			struct end end;

			open_end(&end, is_client != 0);
			assert_true(feed(&end, bytes, cut));
			assert_true(feed(&end, bytes + cut, length - cut));
			assert_string_equal(buf_string(&end.heard), heard);
			close_end(&end);
		}
	}
}

static void the_rfcs_examples_are_understood(void **state)
{
	static const char hello[] = "\x81\x05Hello";
	static const char masked[] = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
	static const char pieces[] = "\x01\x03Hel\x80\x02lo";
	static const char ping[] = "\x89\x05Hello";
	struct end client, server;

	(void)state;
	open_end(&client, true);
	open_end(&server, false);
	assert_true(feed(&client, hello, sizeof(hello) - 1));
	assert_true(feed(&server, masked, sizeof(masked) - 1));
	assert_true(feed(&client, pieces, sizeof(pieces) - 1));
	assert_string_equal(buf_string(&client.heard), "text Hello\ntext Hello\n");
	assert_string_equal(buf_string(&server.heard), "text Hello\n");
	assert_true(feed(&client, ping, sizeof(ping) - 1));
	assert_int_equal(buf_length(&client.sent), 2 + 4 + 5);
	assert_true(carry(&client, &server, 100));
	assert_string_equal(buf_string(&server.heard), "text Hello\npong\n");
	close_end(&client);
	close_end(&server);
}

static void the_accept_key_is_the_rfcs(void **state)
{
	char out[32];

	(void)state;
	ws_accept_key("dGhlIHNhbXBsZSBub25jZQ==", out);
	assert_string_equal(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void messages_of_every_length_arrive(void **state)
{
	static const size_t lengths[] = { 0, 1, 125, 126, 4095, 4096, 65535, 65536, LIMIT };
	char *text = malloc(LIMIT);
	size_t pieces[] = { 1, 7, 4096, LIMIT * 2 };
	struct end client, server;

	(void)state;
	for (size_t i = 0; i < LIMIT; i++)
		text[i] = (char)('a' + i % 26);
	open_end(&client, true);
	open_end(&server, false);
	for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			server.last_length = client.last_length = SIZE_MAX;
			assert_int_equal(ws_send(client.ws, true, text, lengths[i]), 0);
			assert_true(carry(&client, &server, pieces[p]));
			assert_int_equal(server.last_length, lengths[i]);
			assert_int_equal(ws_send(server.ws, false, text, lengths[i]), 0);
			assert_true(carry(&server, &client, pieces[p]));
			assert_int_equal(client.last_length, lengths[i]);
		}
	}
	free(text);
	close_end(&client);
	close_end(&server);
}

static void what_is_sent_is_what_arrives(void **state)
{
	struct end client, server;

	(void)state;
	open_end(&client, true);
	open_end(&server, false);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ws_send(client.ws, true, "{\"id\":1}", 8), 0);
		assert_int_equal(ws_ping(client.ws), 0);
		assert_int_equal(ws_send(server.ws, true, "h\xc3\xa9", 3), 0);
	}
	assert_null(
		memmem(buf_bytes(&client.sent), buf_length(&client.sent), "\"id\"", 4)); /* masked */
	assert_true(carry(&client, &server, 3));
	assert_true(carry(&server, &client, 3));
	assert_string_equal(buf_string(&server.heard),
		"text {\"id\":1}\nping\ntext {\"id\":1}\nping\ntext {\"id\":1}\nping\n");
	assert_string_equal(buf_string(&client.heard),
		"text h\xc3\xa9\ntext h\xc3\xa9\ntext h\xc3\xa9\npong\npong\npong\n");
	close_end(&client);
	close_end(&server);
}

static void control_frames_come_between_fragments(void **state)
{
	static const char bytes[] = "\x01\x02He\x89\x01p\x00\x01l\x8a\x00\x80\x02lo";
	struct end client;

	(void)state;
	open_end(&client, true);
	assert_true(feed(&client, bytes, sizeof(bytes) - 1));
	assert_string_equal(buf_string(&client.heard), "ping\npong\ntext Hello\n");
	close_end(&client);
}

static void violations_are_answered_with_1002(void **state)
{
	unsigned char bytes[400], big[126] = { 0 };
	char detail[128];
	struct end client;

	(void)state;
	violates("\x81\x01x");        /* unmasked */
	violates("\xc1\x80\0\0\0\0"); /* RSV1 */
	violates("\xa1\x80\0\0\0\0"); /* RSV2 */
	violates("\x91\x80\0\0\0\0"); /* RSV3 */
	violates("\x83\x80\0\0\0\0"); /* reserved opcodes */
	violates("\x87\x80\0\0\0\0");
	violates("\x8b\x80\0\0\0\0");
	violates("\x8f\x80\0\0\0\0");
	violates("\x80\x80\0\0\0\0"); /* continues nothing */
	violates("\x00\x80\0\0\0\0");
	violates("\x01\x80\0\0\0\0\x81\x80\0\0\0\0"); /* a message in a message */
	violates("\x02\x80\0\0\0\0\x01\x80\0\0\0\0");
	violates("\x09\x80\0\0\0\0");                   /* a ping in pieces */
	violates("\x08\x80\0\0\0\0");                   /* a close in pieces */
	violates("\x88\x81\0\0\0\0x");                  /* half a close code */
	violates("\x81\xfe\x00\x7d\0\0\0\0");           /* length not in its shortest form */
	violates("\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0"); /* length of 2^63 */
	want_failure(bytes, frame(bytes, 0x89, true, big, 126), 1002, FL_REASON_PROTOCOL);
	want_failure(bytes, frame(bytes, 0x88, true, big, 126), 1002, FL_REASON_PROTOCOL);
	open_end(&client, true); /* clients refuse the mask */
	assert_false(feed(&client, bytes, frame(bytes, 0x81, true, "x", 1)));
	assert_int_equal(ws_failure(client.ws, detail, sizeof(detail)), FL_REASON_PROTOCOL);
	close_end(&client);
}

static void close_codes_are_checked(void **state)
{
	static const int bad[] = { 0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000,
		65535 };
	static const int good[] = { 1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999 };
	unsigned char bytes[16];
	struct end server;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		unsigned char code[] = { (unsigned char)(bad[i] >> 8), (unsigned char)bad[i] };

		want_failure(bytes, frame(bytes, 0x88, true, code, 2), 1002, FL_REASON_PROTOCOL);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		unsigned char code[] = { (unsigned char)(good[i] >> 8), (unsigned char)good[i] };

		open_end(&server, false);
		assert_true(feed(&server, bytes, frame(bytes, 0x88, true, code, 2)));
		assert_int_equal(close_code(&server), good[i]);
		close_end(&server);
	}
}

static void a_close_is_answered_once_and_ends_all(void **state)
{
	struct end client, server;

	(void)state;
	open_end(&client, true);
	open_end(&server, false);
	ws_end(client.ws, 1001, "going away");
	ws_end(client.ws, 1002, "again");
	assert_int_equal(ws_send(client.ws, true, "x", 1), -ENOTCONN);
	assert_int_equal(ws_send(server.ws, true, "still", 5), 0); /* crosses it */
	assert_true(carry(&client, &server, 1));
	assert_string_equal(buf_string(&server.heard), "close 1001 going away\n");
	assert_int_equal(ws_ping(server.ws), -ENOTCONN);
	assert_true(feed(&server, "behind a close frame", 20));
	assert_true(carry(&server, &client, 1));
	assert_string_equal(buf_string(&client.heard), "text still\nclose 1001 \n");
	assert_int_equal(buf_length(&client.sent), 0);
	close_end(&client);
	close_end(&server);
}

static void a_close_without_code_is_answered_so(void **state)
{
	unsigned char bytes[16];
	struct end server;

	(void)state;
	open_end(&server, false);
	assert_true(feed(&server, bytes, frame(bytes, 0x88, true, "", 0)));
	assert_string_equal(buf_string(&server.heard), "close 1005 \n");
	assert_int_equal(buf_length(&server.sent), 2);
	close_end(&server);
}

static void long_reasons_are_cut_between_letters(void **state)
{
	char why[200] = "x";
	struct end client, server;

	(void)state;
	for (size_t i = 1; i + 2 < sizeof(why); i += 2)
		memcpy(why + i, "\xc3\xa9", 3);
	open_end(&client, true);
	open_end(&server, false);
	ws_end(client.ws, 4000, why);
	assert_true(carry(&client, &server, 1000));
	assert_int_equal(buf_length(&server.heard), strlen("close 4000 \n") + 123);
	close_end(&client);
	close_end(&server);
}

static void text_is_checked_across_fragments(void **state)
{
	static const char split[] = "\x01\x81\0\0\0\0\xc3\x80\x81\0\0\0\0\xa9"; /* one letter in two */
	struct end server, client;

	(void)state;
	open_end(&server, false);
	assert_true(feed(&server, split, sizeof(split) - 1));
	assert_string_equal(buf_string(&server.heard), "text \xc3\xa9\n");
	close_end(&server);
	want_failure("\x81\x81\0\0\0\0\xc3", 7, 1007, FL_REASON_BAD_TEXT);
	want_failure("\x01\x81\0\0\0\0\xc3\x80\x81\0\0\0\0x", 14, 1007, FL_REASON_BAD_TEXT);
	want_failure("\x81\x83\0\0\0\0\xed\xa0\x80", 9, 1007, FL_REASON_BAD_TEXT); /* a surrogate */
	want_failure(
		"\x88\x83\0\0\0\0\x03\xe8\xff", 9, 1007, FL_REASON_BAD_TEXT); /* in a close reason */
	memset(&client, 0, sizeof(client)); /* unchecked where a parser does it */
	assert_int_equal(ws_open(NULL, true, LIMIT, false, &events, &client, &client.ws), 0);
	assert_true(feed(&client, "\x81\x01\xff", 3));
	close_end(&client);
}

static void a_message_over_the_limit_is_refused_at_its_head(void **state)
{
	static const char whole[] = "\x82\xff\0\0\0\0\x7f\xff\xff\xff\0\0\0\0x";
	unsigned char *bytes = malloc(LIMIT + 100);
	char *zeros = calloc(1, LIMIT);
	size_t length = 0;

	(void)state;
	want_failure(whole, sizeof(whole) - 1, 1009, FL_REASON_TOO_LARGE);
	for (size_t got = 0; got <= LIMIT;
		got += 50000) /* fragments that only together are too large */
		length +=
			frame(bytes + length, got == 0 ? 0x02 : 0x00, true, zeros, got < LIMIT ? 50000 : 1);
	want_failure(bytes, length, 1009, FL_REASON_TOO_LARGE);
	free(bytes);
	free(zeros);
}

static void a_flood_of_pings_is_answered_within_bounds(void **state)
{
	enum { PINGS = 1000 };
	char *bytes = malloc(PINGS * 6);
	struct end server;

	(void)state;
	open_end(&server, false);
	for (int i = 0; i < PINGS; i++)
		memcpy(bytes + (size_t)i * 6, "\x89\x80\0\0\0\0", 6);
	assert_true(feed(&server, bytes, 10 * 6));
	assert_int_equal(buf_length(&server.sent), 10 * 2); /* one each */
	buf_clear(&server.sent, 0);
	assert_true(feed(&server, bytes, PINGS * 6));
	assert_in_range(buf_length(&server.sent), 2, 100 * 2);
	free(bytes);
	close_end(&server);
}

static void closing_inside_an_upcall_is_safe(void **state)
{
	static const char two[] = "\x81\x03one\x81\x03two";
	struct end client;

	(void)state;
	open_end(&client, true);
	client.closes_in_message = true;
	assert_false(feed(&client, two, sizeof(two) - 1));
	assert_string_equal(buf_string(&client.heard), "text one\n");
	close_end(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rfcs_examples_are_understood),
		cmocka_unit_test(messages_that_come_together_do_not_touch_each_other),
		cmocka_unit_test(the_accept_key_is_the_rfcs),
		cmocka_unit_test(messages_of_every_length_arrive),
		cmocka_unit_test(what_is_sent_is_what_arrives),
		cmocka_unit_test(control_frames_come_between_fragments),
		cmocka_unit_test(violations_are_answered_with_1002),
		cmocka_unit_test(close_codes_are_checked),
		cmocka_unit_test(a_close_is_answered_once_and_ends_all),
		cmocka_unit_test(a_close_without_code_is_answered_so),
		cmocka_unit_test(long_reasons_are_cut_between_letters),
		cmocka_unit_test(text_is_checked_across_fragments),
		cmocka_unit_test(a_message_over_the_limit_is_refused_at_its_head),
		cmocka_unit_test(a_flood_of_pings_is_answered_within_bounds),
		cmocka_unit_test(closing_inside_an_upcall_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
