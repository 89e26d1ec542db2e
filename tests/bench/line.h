/*
 * line.h: one blocking connection, plain or TLS: whole buffers out, what has come in. OpenSSL, so
 * that what is measured at the other end is that end: its records are several times cheaper than
 * those of the library under test.
 */
#ifndef BENCH_LINE_H
#define BENCH_LINE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

struct line {
	int socket;
	SSL *ssl; /* NULL: plain */
	BIO *out; /* records that have not been sent yet */
};

/** A server's context, NULL with the reason on stderr. */
SSL_CTX *line_context(const char *certificate, const char *key);
/** Takes the socket over. `context` NULL: plain. false: no handshake, the socket is closed. */
bool line_open(struct line *line, int socket, SSL_CTX *context);
void line_close(struct line *line);
/** As recv(). */
long line_read(struct line *line, void *to, size_t size);
/** Whether line_read would give something without waiting for the socket. */
bool line_has_read(const struct line *line);
/** All of it, one TLS record; what is due leaves with line_flush, or when much has gathered. */
bool line_put(struct line *line, const void *data, size_t length);
bool line_flush(struct line *line);
/** Plain: out at once. TLS: line_put, line_flush. */
bool line_write(struct line *line, const void *data, size_t length);

#endif
