/*
 * tls.c: mbedTLS under a push reactor. mbedTLS asks for ciphertext by a callback, which is served
 * from what tls_feed was given; it keeps what makes no whole record, so nothing is stored here.
 */
#include "tls_trust.h"

#include <mbedtls/error.h>
#include <mbedtls/psa_util.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 16 * 1024 }; /* a record's most */

struct tls {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config config;
	struct tls_trust *trust;       /* clients; counted */
	struct tls_identity *identity; /* servers; counted, as sessions outlive their listener */
	char host[sizeof(((struct url *)0)->host)];
	uint16_t port;
	bool skip_verify;
	const struct tls_events *events;
	void *data;

	const char *in; /* what tls_feed was given and mbedTLS has not yet taken */
	size_t in_length;
	bool is_starved; /* mbedTLS asked for more than there was */
	bool is_secured, has_ended;
	struct tls_verdict verdict;
	enum fl_reason reason;
	char detail[768];
	int depth;    /* upcalls on the stack */
	bool is_dead; /* closed in one of them */
	char piece[PIECE_BYTES];
};

/* ChaCha20 first: faster than AES where the processor has no instructions for that (a NAS). */
static const int ciphersuites[] = {
	MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
	MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	0,
};

/* ---- mbedTLS's callbacks ---- */

static int give_bytes(void *data, unsigned char *to, size_t length)
{
	struct tls *tls = data;

	tls->is_starved = tls->in_length == 0;
	if (tls->is_starved)
		return MBEDTLS_ERR_SSL_WANT_READ;
	if (length > tls->in_length)
		length = tls->in_length;
	memcpy(to, tls->in, length);
	tls->in += length;
	tls->in_length -= length;
	return (int)length;
}

static int take_bytes(void *data, const unsigned char *bytes, size_t length)
{
	struct tls *tls = data;

	tls->events->on_send(tls->data, (const char *)bytes, length);
	return (int)length;
}

/* ---- life ---- */

static void destroy(struct tls *tls)
{
	mbedtls_ssl_free(&tls->ssl);
	mbedtls_ssl_config_free(&tls->config);
	tls_trust_put(tls->trust);
	tls_identity_free(tls->identity);
	explicit_bzero(tls->piece, sizeof(tls->piece));
	free(tls);
}

static struct tls *create(int endpoint, const struct tls_events *events, void *data)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (tls == NULL)
		return NULL;
	mbedtls_ssl_init(&tls->ssl);
	mbedtls_ssl_config_init(&tls->config);
	tls->events = events;
	tls->data = data;
	if (psa_crypto_init() != PSA_SUCCESS ||
		mbedtls_ssl_config_defaults(&tls->config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
			MBEDTLS_SSL_PRESET_DEFAULT) != 0) {
		destroy(tls);
		return NULL;
	}
	mbedtls_ssl_conf_rng(&tls->config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
	mbedtls_ssl_conf_min_tls_version(&tls->config, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_ciphersuites(&tls->config, ciphersuites);
#ifdef MBEDTLS_SSL_RENEGOTIATION
	mbedtls_ssl_conf_renegotiation(&tls->config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
	return tls;
}

static void resume(struct tls *tls)
{
	struct tls_session *session =
		tls_session_find(tls->trust, tls->host, tls->port, tls->skip_verify);

	if (session != NULL && mbedtls_ssl_set_session(&tls->ssl, &session->session) != 0)
		tls_session_forget(session);
}

int tls_open_client(struct loop *loop, struct tls_trust *trust, const char *host, uint16_t port,
	bool skip_verify, const struct tls_events *events, void *data, struct tls **out)
{
	struct tls *tls = create(MBEDTLS_SSL_IS_CLIENT, events, data);

	(void)loop; /* mbedTLS has its own clock and generator */
	if (tls == NULL)
		return -ENOMEM;
	tls->trust = trust;
	trust->uses++;
	snprintf(tls->host, sizeof(tls->host), "%s", host);
	tls->port = port;
	tls->skip_verify = skip_verify;
	mbedtls_ssl_conf_ca_chain(&tls->config, &trust->authorities, NULL);
	mbedtls_ssl_conf_authmode(
		&tls->config, skip_verify ? MBEDTLS_SSL_VERIFY_NONE : MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_verify(&tls->config, tls_note_certificate, &tls->verdict);
	mbedtls_ssl_conf_session_tickets(&tls->config, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
#ifdef MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED
	mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
		&tls->config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
	if (mbedtls_ssl_setup(&tls->ssl, &tls->config) != 0 ||
		mbedtls_ssl_set_hostname(&tls->ssl, tls->host) != 0) {
		destroy(tls);
		return -ENOMEM;
	}
	mbedtls_ssl_set_bio(&tls->ssl, tls, take_bytes, give_bytes, NULL);
	resume(tls);
	*out = tls;
	return 0;
}

int tls_open_server(struct loop *loop, struct tls_identity *identity,
	const struct tls_events *events, void *data, struct tls **out)
{
	struct tls *tls = create(MBEDTLS_SSL_IS_SERVER, events, data);

	(void)loop;
	if (tls == NULL)
		return -ENOMEM;
	tls->identity = identity;
	identity->uses++;
	mbedtls_ssl_conf_authmode(&tls->config, MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_session_tickets_cb(
		&tls->config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse, &identity->tickets);
	if (mbedtls_ssl_conf_own_cert(&tls->config, &identity->chain, &identity->key) != 0 ||
		mbedtls_ssl_setup(&tls->ssl, &tls->config) != 0) {
		destroy(tls);
		return -ENOMEM;
	}
	mbedtls_ssl_set_bio(&tls->ssl, tls, take_bytes, give_bytes, NULL);
	*out = tls;
	return 0;
}

void tls_close(struct tls *tls)
{
	if (tls == NULL)
		return;
	tls->is_dead = true;
	if (tls->depth == 0)
		destroy(tls);
}

/* ---- failing ---- */

static void fail_certificate(struct tls *tls, uint32_t flags)
{
	tls->reason = tls_verdict_text(
		&tls->verdict, flags, tls->host, tls->trust->path, tls->detail, sizeof(tls->detail));
	/* A kept session may belong to a server that has changed. */
	tls_session_forget(tls_session_find(tls->trust, tls->host, tls->port, tls->skip_verify));
}

/* Always false, so that a step can end in it. */
static bool fail(struct tls *tls, int error)
{
	uint32_t flags = tls->is_secured ? 0 : mbedtls_ssl_get_verify_result(&tls->ssl);
	const char *hint = "";
	char text[256];

	if (error == 0 || error == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY ||
		error == MBEDTLS_ERR_SSL_CONN_EOF) {
		tls->reason = FL_REASON_END_OF_STREAM;
		snprintf(tls->detail, sizeof(tls->detail), "TLS ended by the peer");
		return false;
	}
	if (tls->trust != NULL && !tls->skip_verify && flags != 0 && flags != UINT32_MAX) {
		fail_certificate(tls, flags);
		return false;
	}
	if (!tls->is_secured && error == MBEDTLS_ERR_SSL_INVALID_RECORD)
		hint = tls->trust != NULL ? "; is TLS spoken on this port?" : "";
	mbedtls_strerror(error, text, sizeof(text));
	tls->reason = error == MBEDTLS_ERR_SSL_ALLOC_FAILED ? FL_REASON_MEMORY : FL_REASON_TLS_FAILED;
	snprintf(tls->detail, sizeof(tls->detail), "%s: %s%s",
		tls->is_secured ? "TLS failed" : "TLS handshake failed", text, hint);
	return false;
}

enum fl_reason tls_failure(const struct tls *tls, char *detail, size_t size)
{
	snprintf(detail, size, "%s", tls->detail);
	return tls->reason;
}

/* ---- the session ---- */

static void keep_session(struct tls *tls)
{
	if (tls->trust != NULL)
		tls_session_keep(tls->trust, tls->host, tls->port, tls->skip_verify, &tls->ssl);
}

/* Leaves an upcall. false: the tls was closed in it. */
static bool after_upcall(struct tls *tls, bool is_alive)
{
	tls->depth--;
	return is_alive && !tls->is_dead;
}

/* One step of the handshake. false: it waits for bytes, has failed, or was closed. */
static bool shake_hands(struct tls *tls)
{
	bool is_alive;
	int error;

	tls->is_starved = false;
	error = mbedtls_ssl_handshake(&tls->ssl);

	if (error == MBEDTLS_ERR_SSL_WANT_READ)
		return !tls->is_starved;
	if (error == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
		return true;
	if (error != 0)
		return fail(tls, error);
	tls->is_secured = true;
	if (mbedtls_ssl_get_version_number(&tls->ssl) == MBEDTLS_SSL_VERSION_TLS1_2)
		keep_session(tls); /* 1.3 gives its tickets later */
	tls->depth++;
	is_alive = tls->events->on_secured(tls->data);
	return after_upcall(tls, is_alive);
}

/* One piece of plaintext. false as above. */
static bool read_piece(struct tls *tls)
{
	bool is_alive;
	int got;

	tls->is_starved = false;
	got = mbedtls_ssl_read(&tls->ssl, (unsigned char *)tls->piece, sizeof(tls->piece));

	/* It also says so on meeting a ticket, which it takes in the next call. */
	if (got == MBEDTLS_ERR_SSL_WANT_READ)
		return !tls->is_starved;
	if (got == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
		keep_session(tls);
		return true;
	}
	if (got <= 0)
		return fail(tls, got);
	tls->depth++;
	is_alive = tls->events->on_read(tls->data, tls->piece, (size_t)got);
	return after_upcall(tls, is_alive);
}

int tls_begin(struct tls *tls)
{
	int error = mbedtls_ssl_handshake(&tls->ssl);

	return error == MBEDTLS_ERR_SSL_WANT_READ ? 0 : -EPROTO;
}

bool tls_feed(struct tls *tls, const char *bytes, size_t length)
{
	if (tls->reason != FL_REASON_NONE)
		return false;
	tls->in = bytes;
	tls->in_length = length;
	tls->depth++; /* keeps it through the loop; upcalls that close it end the loop */
	while (tls->is_secured ? read_piece(tls) : shake_hands(tls))
		;
	tls->in_length = 0;
	tls->depth--;
	if (tls->is_dead) {
		if (tls->depth == 0)
			destroy(tls);
		return false;
	}
	return tls->reason == FL_REASON_NONE;
}

int tls_send(struct tls *tls, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	if (!tls->is_secured || tls->has_ended || tls->reason != FL_REASON_NONE)
		return -ENOTCONN;
	while (length > 0) {
		int sent = mbedtls_ssl_write(&tls->ssl, at, length);

		if (sent == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
			continue;
		if (sent <= 0)
			return sent == MBEDTLS_ERR_SSL_ALLOC_FAILED ? -ENOMEM : -EPROTO;
		at += sent;
		length -= (size_t)sent;
	}
	return 0;
}

void tls_end(struct tls *tls)
{
	if (tls->has_ended || !tls->is_secured || tls->reason == FL_REASON_TLS_FAILED)
		return;
	tls->has_ended = true;
	(void)mbedtls_ssl_close_notify(&tls->ssl);
}
