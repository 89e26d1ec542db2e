/*
 * tls_trust.h: what tls.c and tls_trust.c share: the certificates and keys behind sessions, and why
 * one was not believed. Nobody else includes it.
 */
#ifndef WIRE_TLS_TRUST_H
#define WIRE_TLS_TRUST_H

#include "tls.h"
#include "url.h"

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>

enum { SESSIONS_MAX = 16 };

/* A session to resume: of one host and port, and of one way of verifying. */
struct tls_session {
	char host[sizeof(((struct url *)0)->host)]; /* "": free */
	uint16_t port;
	bool skip_verify;
	mbedtls_ssl_session session;
};

struct tls_trust {
	struct tls_trust *next;
	unsigned uses;
	char *path;
	mbedtls_x509_crt authorities;
	struct tls_session sessions[SESSIONS_MAX];
	unsigned next_session; /* the slot that is overwritten when all are taken */
};

struct tls_identity {
	unsigned uses; /* its owner's, and one a session */
	mbedtls_x509_crt chain;
	mbedtls_pk_context key;
	mbedtls_ssl_ticket_context tickets;
};

/** The session kept for a host, NULL if none. */
struct tls_session *tls_session_find(
	struct tls_trust *trust, const char *host, uint16_t port, bool skip_verify);
/** Keeps what `ssl` has last agreed on, in place of what was kept. */
void tls_session_keep(struct tls_trust *trust, const char *host, uint16_t port, bool skip_verify,
	const mbedtls_ssl_context *ssl);
void tls_session_forget(struct tls_session *session); /* takes NULL */

/** A certificate that was not believed: filled by tls_note_certificate (an
 * mbedtls_ssl_conf_verify). */
struct tls_verdict {
	uint32_t flags; /* of the certificate noted */
	char text[512]; /* whose it is, from when to when, for which names */
};
int tls_note_certificate(void *data, mbedtls_x509_crt *certificate, int depth, uint32_t *flags);
/** The verdict over all certificates in words, with the remedy. */
enum fl_reason tls_verdict_text(const struct tls_verdict *verdict, uint32_t flags, const char *host,
	const char *ca_file, char *detail, size_t size);

#endif
