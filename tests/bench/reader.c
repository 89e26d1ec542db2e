/*
 * reader.c: the limits that feedloom is measured by: one thread, one connection, one buffer of
 * 256 KiB, wslay's frame API.
 *
 *   bench_reader read|parse PORT [tls]
 *   bench_reader store PORT URL
 *
 * "read" receives, takes frames apart and throws them away; "parse" also parses each and takes out
 * its fields; "store" writes them to PostgreSQL besides. After each ping it is asked to answer: one
 * line of JSON with what came until then, and is stored.
 */
#include "extract.h"
#include "store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <netinet/tcp.h>
#include <psa/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wslay/wslay.h>

enum { RECEIVE_BYTES = 256 * 1024, RECORD_BYTES = 16 * 1024, MESSAGE_BYTES = 64 * 1024 };

struct reader {
	int socket;
	bool is_secure, is_parsing, is_storing;
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config config;
	char received[RECEIVE_BYTES]; /* off the socket: plaintext, or records */
	size_t received_at, received_end;
	char plain[RECORD_BYTES]; /* TLS: one record's */
	const char *in;           /* what wslay has not taken */
	size_t in_length;
	wslay_frame_context_ptr frames;
	char message[MESSAGE_BYTES];
	size_t length;
	uint64_t missing;
	uint8_t opcode;
	bool is_in_frame;
	uint64_t messages, bytes;
	struct extracted extracted;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_reader: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- bytes ---- */

static bool receive(struct reader *reader)
{
	ssize_t got = recv(reader->socket, reader->received, sizeof(reader->received), 0);

	if (got <= 0)
		return false;
	if (reader->is_storing)
		store_stamp();
	reader->received_at = 0;
	reader->received_end = (size_t)got;
	return true;
}

static int give_record(void *data, unsigned char *to, size_t length)
{
	struct reader *reader = data;
	size_t there = reader->received_end - reader->received_at;

	if (there == 0 && !receive(reader))
		return MBEDTLS_ERR_SSL_CONN_EOF;
	there = reader->received_end - reader->received_at;
	if (length > there)
		length = there;
	memcpy(to, reader->received + reader->received_at, length);
	reader->received_at += length;
	return (int)length;
}

static int send_record(void *data, const unsigned char *bytes, size_t length)
{
	struct reader *reader = data;

	return send(reader->socket, bytes, length, MSG_NOSIGNAL) == (ssize_t)length ? (int)length : -1;
}

static void write_all(struct reader *reader, const void *bytes, size_t length)
{
	const unsigned char *data = bytes;

	if (!reader->is_secure) {
		if (send(reader->socket, data, length, MSG_NOSIGNAL) != (ssize_t)length)
			die("send");
	} else if (mbedtls_ssl_write(&reader->ssl, data, length) != (int)length) {
		die("TLS");
	}
}

/* More plaintext, in `in`. false: the end. */
static bool read_some(struct reader *reader)
{
	int got;

	if (!reader->is_secure) {
		if (!receive(reader))
			return false;
		reader->in = reader->received;
		reader->in_length = reader->received_end;
		return true;
	}
	do
		got = mbedtls_ssl_read(&reader->ssl, (unsigned char *)reader->plain, sizeof(reader->plain));
	while (got == MBEDTLS_ERR_SSL_WANT_READ || got == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET);
	if (got <= 0)
		return false;
	reader->in = reader->plain;
	reader->in_length = (size_t)got;
	return true;
}

/* ---- opening ---- */

static void secure(struct reader *reader)
{
	static const int suites[] = { MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
		MBEDTLS_TLS1_3_AES_128_GCM_SHA256, 0 }; /* the daemon's order */

	mbedtls_ssl_init(&reader->ssl);
	mbedtls_ssl_config_init(&reader->config);
	if (psa_crypto_init() != PSA_SUCCESS ||
		mbedtls_ssl_config_defaults(&reader->config, MBEDTLS_SSL_IS_CLIENT,
			MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0)
		die("TLS");
	mbedtls_ssl_conf_rng(&reader->config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
	mbedtls_ssl_conf_authmode(&reader->config, MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_ciphersuites(&reader->config, suites);
	if (mbedtls_ssl_setup(&reader->ssl, &reader->config) != 0 ||
		mbedtls_ssl_set_hostname(&reader->ssl, "localhost") != 0)
		die("TLS");
	mbedtls_ssl_set_bio(&reader->ssl, reader, send_record, give_record, NULL);
	if (mbedtls_ssl_handshake(&reader->ssl) != 0)
		die("TLS handshake");
	reader->is_secure = true;
}

static void open_up(struct reader *reader, const char *port, bool is_secure)
{
	static const char request[] =
		"GET /ws/api/v2 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)atoi(port)) };
	int on = 1;

	reader->socket = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(reader->socket, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("connect");
	setsockopt(reader->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (is_secure)
		secure(reader);
	write_all(reader, request, sizeof(request) - 1);
	if (!read_some(reader) || reader->in_length < 12 || memcmp(reader->in + 9, "101", 3) != 0)
		die("upgrade"); /* the venue says nothing behind it until it is asked */
	reader->in_length = 0;
}

/* ---- frames ---- */

static ssize_t give_bytes(uint8_t *to, size_t length, int flags, void *data)
{
	struct reader *reader = data;

	(void)flags;
	if (reader->in_length == 0)
		return -1;
	if (length > reader->in_length)
		length = reader->in_length;
	memcpy(to, reader->in, length);
	reader->in += length;
	reader->in_length -= length;
	return (ssize_t)length;
}

static void answer_ping(struct reader *reader)
{
	unsigned char pong[6 + 125] = { 0x8a, (unsigned char)(0x80 | reader->length) };

	if (reader->is_storing)
		store_settle();
	memcpy(pong + 6, reader->message, reader->length); /* the mask is zero */
	write_all(reader, pong, 6 + reader->length);
	printf("{\"messages\":%llu,\"bytes\":%llu,\"quotes\":%llu,\"tickers\":%llu,\"trades\":%llu,"
		   "\"sum\":%.6f}\n",
		(unsigned long long)reader->messages, (unsigned long long)reader->bytes,
		(unsigned long long)reader->extracted.quotes, (unsigned long long)reader->extracted.tickers,
		(unsigned long long)reader->extracted.trades, reader->extracted.sum);
	fflush(stdout);
}

static void finish_frame(struct reader *reader)
{
	if (reader->opcode == WSLAY_PING) {
		answer_ping(reader);
	} else {
		reader->messages++;
		reader->bytes += reader->length;
		if (reader->is_parsing) {
			memset(reader->message + reader->length, 0, 4);
			extract(&reader->extracted, reader->message, reader->length);
		}
	}
	reader->length = 0;
	reader->is_in_frame = false;
}

static bool take_piece(struct reader *reader)
{
	struct wslay_frame_iocb piece = { 0 };
	ssize_t got = wslay_frame_recv(reader->frames, &piece);

	if (got < 0)
		return false;
	if (!reader->is_in_frame) {
		reader->is_in_frame = true;
		reader->opcode = piece.opcode;
		reader->missing = piece.payload_length;
		if (reader->missing > sizeof(reader->message) - 4)
			die("a message too long");
	}
	if (reader->is_parsing || reader->opcode == WSLAY_PING) /* else it is thrown away as it lies */
		memcpy(reader->message + reader->length, piece.data, (size_t)got);
	reader->length += (size_t)got;
	reader->missing -= (uint64_t)got;
	if (reader->missing == 0)
		finish_frame(reader);
	return true;
}

int main(int count, char **arguments)
{
	static const struct wslay_frame_callbacks callbacks = { NULL, give_bytes, NULL };
	static struct reader reader;

	if (count < 3) {
		fputs("usage: bench_reader read|parse PORT [tls], or store PORT URL\n", stderr);
		return 64;
	}
	reader.is_storing = count > 3 && strcmp(arguments[1], "store") == 0;
	reader.is_parsing = reader.is_storing || strcmp(arguments[1], "parse") == 0;
	if (reader.is_storing) {
		store_open(arguments[3]);
		reader.extracted.keep = store_keep;
	}
	open_up(&reader, arguments[2], count > 3 && !reader.is_storing);
	if (wslay_frame_context_init(&reader.frames, &callbacks, &reader) != 0)
		die("wslay");
	while (read_some(&reader))
		while (take_piece(&reader))
			;
	wslay_frame_context_free(reader.frames);
	return 0;
}
