/* TLS over memory: what one end sends is fed to the other, here. FIXTURES: tests/fixtures. */
#include "tls.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define PEM(name) FIXTURES "/tls/" name ".pem"

struct end {
	struct tls *tls;
	struct buf sent;   /* ciphertext that waits to be carried */
	struct buf heard;  /* plaintext */
	size_t sent_bytes; /* in all */
	bool is_secured, closes_when_secured, closes_in_read;
	bool is_over; /* tls_feed said false */
	enum fl_reason reason;
	char detail[768];
};

static void on_send(void *data, const char *bytes, size_t length)
{
	struct end *end = data;

	end->sent_bytes += length;
	assert_int_equal(buf_append(&end->sent, bytes, length), 0);
}

static bool close_here(struct end *end)
{
	tls_close(end->tls);
	end->tls = NULL;
	return false;
}

static bool on_read(void *data, char *bytes, size_t length)
{
	struct end *end = data;

	assert_int_equal(buf_append(&end->heard, bytes, length), 0);
	return end->closes_in_read ? close_here(end) : true;
}

static bool on_secured(void *data)
{
	struct end *end = data;

	end->is_secured = true;
	return end->closes_when_secured ? close_here(end) : true;
}

static const struct tls_events events = { on_send, on_read, on_secured };

/* A client and a server that talk to each other. */
struct pair {
	struct tls_trust *trust;
	struct tls_identity *identity;
	struct end client, server;
};

static void open_pair(struct pair *pair, const char *ca_file, const char *certificate,
	const char *key, const char *host, bool skip_verify)
{
	char problem[512];

	memset(pair, 0, sizeof(*pair));
	if (tls_trust_get(ca_file, &pair->trust, problem, sizeof(problem)) != 0 ||
		tls_identity_load(certificate, key, &pair->identity, problem, sizeof(problem)) != 0)
		fail_msg("%s", problem);
	assert_int_equal(tls_open_client(NULL, pair->trust, host, 8443, skip_verify, &events,
						 &pair->client, &pair->client.tls),
		0);
	assert_int_equal(
		tls_open_server(NULL, pair->identity, &events, &pair->server, &pair->server.tls), 0);
}

static void close_pair(struct pair *pair)
{
	tls_close(pair->client.tls);
	tls_close(pair->server.tls);
	tls_trust_put(pair->trust);
	tls_identity_free(pair->identity);
	buf_finish(&pair->client.sent);
	buf_finish(&pair->client.heard);
	buf_finish(&pair->server.sent);
	buf_finish(&pair->server.heard);
}

static void carry(struct end *from, struct end *to, size_t piece)
{
	while (buf_length(&from->sent) > 0 && to->tls != NULL && !to->is_over) {
		size_t length = buf_length(&from->sent) < piece ? buf_length(&from->sent) : piece;
		char *copy = malloc(length); /* so that sanitizers see a read beyond it */

		memcpy(copy, buf_bytes(&from->sent), length);
		buf_consume(&from->sent, length);
		if (!tls_feed(to->tls, copy, length) && to->tls != NULL) {
			to->is_over = true;
			to->reason = tls_failure(to->tls, to->detail, sizeof(to->detail));
		}
		free(copy);
	}
	buf_clear(&from->sent, 0);
}

/* Until neither has anything more to say. */
static void talk(struct pair *pair, size_t piece)
{
	do {
		carry(&pair->client, &pair->server, piece);
		carry(&pair->server, &pair->client, piece);
	} while (buf_length(&pair->client.sent) > 0);
}

static void shake_hands(struct pair *pair)
{
	assert_int_equal(tls_begin(pair->client.tls), 0);
	talk(pair, 1 << 20);
}

static void want_refusal(const char *ca_file, const char *certificate, const char *key,
	const char *host, enum fl_reason reason, const char *const *words)
{
	struct pair pair;

	open_pair(&pair, ca_file, certificate, key, host, false);
	shake_hands(&pair);
	assert_false(pair.client.is_secured);
	assert_true(pair.client.is_over);
	assert_string_equal(fl_reason_word(pair.client.reason), fl_reason_word(reason));
	for (; *words != NULL; words++)
		if (strstr(pair.client.detail, *words) == NULL)
			fail_msg("\"%s\" is not in: %s", *words, pair.client.detail);
	assert_int_equal(tls_send(pair.client.tls, "secret", 6), -ENOTCONN);
	close_pair(&pair);
}

static void plaintext_passes_both_ways(void **state)
{
	static const size_t pieces[] = { 1, 1000, 1 << 20 };
	enum { BIG = 100 * 1000 };
	char *big = malloc(BIG);

	(void)state;
	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)(i * 7);
	for (size_t i = 0; i < 3; i++) {
		struct pair pair;

		open_pair(&pair, PEM("ca"), PEM("server"), PEM("server-key"), "localhost", false);
		assert_int_equal(tls_send(pair.client.tls, "early", 5), -ENOTCONN);
		assert_int_equal(tls_begin(pair.client.tls), 0);
		talk(&pair, pieces[i]);
		assert_true(pair.client.is_secured);
		assert_true(pair.server.is_secured);
		assert_int_equal(tls_send(pair.client.tls, "hello", 5), 0);
		assert_int_equal(tls_send(pair.server.tls, big, BIG), 0);
		assert_null(
			memmem(buf_bytes(&pair.client.sent), buf_length(&pair.client.sent), "hello", 5));
		talk(&pair, pieces[i]);
		assert_string_equal(buf_string(&pair.server.heard), "hello");
		assert_int_equal(buf_length(&pair.client.heard), BIG);
		assert_memory_equal(buf_bytes(&pair.client.heard), big, BIG);
		close_pair(&pair);
	}
	free(big);
}

static void addresses_are_names_too(void **state)
{
	struct pair pair;

	(void)state;
	open_pair(&pair, PEM("ca"), PEM("server"), PEM("server-key"), "127.0.0.1", false);
	shake_hands(&pair);
	assert_true(pair.client.is_secured);
	close_pair(&pair);
}

static void a_stranger_is_not_trusted(void **state)
{
	(void)state;
	want_refusal(PEM("stranger"), PEM("server"), PEM("server-key"), "localhost",
		FL_REASON_CERTIFICATE,
		(const char *const[]){ "not trusted", "CN=server", "ca_file", "stranger.pem", NULL });
}

static void an_expired_certificate_is_said_with_its_dates(void **state)
{
	(void)state;
	want_refusal(PEM("ca"), PEM("expired"), PEM("expired-key"), "localhost", FL_REASON_CERTIFICATE,
		(const char *const[]){ "expired", "2021-01-01T00:00:00Z", "CN=expired", NULL });
}

static void another_hosts_certificate_is_said_with_its_names(void **state)
{
	(void)state;
	want_refusal(PEM("ca"), PEM("other_host"), PEM("other_host-key"), "localhost",
		FL_REASON_HOST_NAME,
		(const char *const[]){ "venue.example, www.venue.example", "localhost", NULL });
}

static void verification_can_be_left_out(void **state)
{
	struct pair pair;

	(void)state;
	open_pair(&pair, PEM("stranger"), PEM("expired"), PEM("expired-key"), "localhost", true);
	shake_hands(&pair);
	assert_true(pair.client.is_secured);
	close_pair(&pair);
}

/* Another handshake with the same server; returns how much the server sent in it. */
static size_t handshake_again(struct pair *pair, bool skip_verify)
{
	size_t bytes;

	tls_close(pair->client.tls);
	tls_close(pair->server.tls);
	pair->client.is_secured = pair->server.is_secured = false;
	pair->client.is_over = pair->server.is_over = false;
	pair->server.sent_bytes = 0;
	assert_int_equal(tls_open_client(NULL, pair->trust, "localhost", 8443, skip_verify, &events,
						 &pair->client, &pair->client.tls),
		0);
	assert_int_equal(
		tls_open_server(NULL, pair->identity, &events, &pair->server, &pair->server.tls), 0);
	assert_int_equal(tls_begin(pair->client.tls), 0);
	talk(pair, 1 << 20);
	assert_true(pair->client.is_secured);
	bytes = pair->server.sent_bytes;
	assert_int_equal(tls_send(pair->server.tls, "x", 1), 0);
	talk(pair, 1 << 20); /* the tickets are read with it */
	return bytes;
}

static void sessions_are_resumed(void **state)
{
	struct pair pair;
	size_t first, second, unverified;

	(void)state;
	open_pair(&pair, PEM("ca"), PEM("server"), PEM("server-key"), "localhost", false);
	first = handshake_again(&pair, false);
	second = handshake_again(&pair, false);
	assert_true(second + 300 < first);         /* no certificate was sent */
	unverified = handshake_again(&pair, true); /* has its own sessions */
	assert_true(second + 300 < unverified);
	close_pair(&pair);
}

static void an_orderly_end_is_one(void **state)
{
	struct pair pair;

	(void)state;
	open_pair(&pair, PEM("ca"), PEM("server"), PEM("server-key"), "localhost", false);
	shake_hands(&pair);
	assert_int_equal(tls_send(pair.server.tls, "last words", 10), 0);
	tls_end(pair.server.tls);
	assert_int_equal(tls_send(pair.server.tls, "more", 4), -ENOTCONN);
	talk(&pair, 1 << 20);
	assert_string_equal(buf_string(&pair.client.heard), "last words");
	assert_true(pair.client.is_over);
	assert_int_equal(pair.client.reason, FL_REASON_END_OF_STREAM);
	close_pair(&pair);
}

static void what_is_not_tls_is_said_so(void **state)
{
	static const char plain[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	struct pair pair;
	char detail[768];

	(void)state;
	open_pair(&pair, PEM("ca"), PEM("server"), PEM("server-key"), "localhost", false);
	assert_int_equal(tls_begin(pair.client.tls), 0);
	assert_false(tls_feed(pair.client.tls, plain, sizeof(plain) - 1));
	assert_int_equal(tls_failure(pair.client.tls, detail, sizeof(detail)), FL_REASON_TLS_FAILED);
	assert_non_null(strstr(detail, "handshake"));
	assert_false(tls_feed(pair.server.tls, plain, sizeof(plain) - 1));
	assert_int_equal(tls_failure(pair.server.tls, detail, sizeof(detail)), FL_REASON_TLS_FAILED);
	close_pair(&pair);
}

static void a_changed_byte_is_noticed(void **state)
{
	struct pair pair;

	(void)state;
	open_pair(&pair, PEM("ca"), PEM("server"), PEM("server-key"), "localhost", false);
	shake_hands(&pair);
	assert_int_equal(tls_send(pair.client.tls, "sell 1", 6), 0);
	buf_bytes(&pair.client.sent)[8] ^= 1;
	talk(&pair, 1 << 20);
	assert_true(pair.server.is_over);
	assert_int_equal(pair.server.reason, FL_REASON_TLS_FAILED);
	assert_int_equal(buf_length(&pair.server.heard), 0);
	close_pair(&pair);
}

static void closing_inside_an_upcall_is_safe(void **state)
{
	struct pair pair;

	(void)state;
	open_pair(&pair, PEM("ca"), PEM("server"), PEM("server-key"), "localhost", false);
	pair.client.closes_when_secured = true;
	shake_hands(&pair);
	assert_true(pair.client.is_secured);
	assert_null(pair.client.tls);
	close_pair(&pair);
	open_pair(&pair, PEM("ca"), PEM("server"), PEM("server-key"), "localhost", false);
	pair.server.closes_in_read = true;
	shake_hands(&pair);
	assert_int_equal(tls_send(pair.client.tls, "one", 3), 0);
	assert_int_equal(tls_send(pair.client.tls, "two", 3), 0);
	talk(&pair, 1 << 20);
	assert_string_equal(buf_string(&pair.server.heard), "one");
	close_pair(&pair);
}

static void an_identity_outlives_its_owner(void **state)
{
	struct pair pair;

	(void)state;
	open_pair(&pair, PEM("ca"), PEM("server"), PEM("server-key"), "localhost", false);
	tls_identity_free(pair.identity); /* the listener has gone; its peer goes on */
	pair.identity = NULL;
	shake_hands(&pair);
	assert_true(pair.server.is_secured);
	close_pair(&pair);
}

static void trust_is_read_once_and_shared(void **state)
{
	struct tls_trust *one, *two;
	char problem[512];

	(void)state;
	assert_int_equal(tls_trust_get(PEM("ca"), &one, problem, sizeof(problem)), 0);
	assert_int_equal(tls_trust_get(PEM("ca"), &two, problem, sizeof(problem)), 0);
	assert_ptr_equal(one, two);
	tls_trust_put(one);
	tls_trust_put(two);
	tls_trust_put(NULL);
}

static void what_cannot_be_loaded_is_named(void **state)
{
	struct tls_identity *identity;
	struct tls_trust *trust;
	char problem[512];

	(void)state;
	assert_int_equal(tls_trust_get("/nowhere/ca.pem", &trust, problem, sizeof(problem)), -ENOENT);
	assert_non_null(strstr(problem, "/nowhere/ca.pem: "));
	assert_int_equal(tls_trust_get(PEM("server-key"), &trust, problem, sizeof(problem)), -EINVAL);
	assert_non_null(strstr(problem, "server-key.pem: no certificate"));
	assert_int_equal(
		tls_identity_load(PEM("server"), PEM("expired-key"), &identity, problem, sizeof(problem)),
		-EINVAL);
	assert_non_null(strstr(problem, "expired-key.pem: not the key"));
	assert_int_equal(
		tls_identity_load(PEM("server"), PEM("ca"), &identity, problem, sizeof(problem)), -EINVAL);
	assert_non_null(strstr(problem, "no private key"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plaintext_passes_both_ways),
		cmocka_unit_test(addresses_are_names_too),
		cmocka_unit_test(a_stranger_is_not_trusted),
		cmocka_unit_test(an_expired_certificate_is_said_with_its_dates),
		cmocka_unit_test(another_hosts_certificate_is_said_with_its_names),
		cmocka_unit_test(verification_can_be_left_out),
		cmocka_unit_test(sessions_are_resumed),
		cmocka_unit_test(an_orderly_end_is_one),
		cmocka_unit_test(what_is_not_tls_is_said_so),
		cmocka_unit_test(a_changed_byte_is_noticed),
		cmocka_unit_test(closing_inside_an_upcall_is_safe),
		cmocka_unit_test(an_identity_outlives_its_owner),
		cmocka_unit_test(trust_is_read_once_and_shared),
		cmocka_unit_test(what_cannot_be_loaded_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
