/*
 * tls.h: one TLS 1.2/1.3 session over bytes that others bring (mbedTLS). Knows no socket.
 */
#ifndef WIRE_TLS_H
#define WIRE_TLS_H

#include "buf.h"
#include "loop.h"
#include <feedloom/conn.h>

struct tls_trust;    /* who is believed: read once, shared, counted */
struct tls_identity; /* a server's certificate and key */
struct tls;

/** Loads and shares. `ca_file` NULL or "": /etc/ssl/certs/ca-certificates.crt. Says in `problem`
 * what failed. */
int tls_trust_get(const char *ca_file, struct tls_trust **out, char *problem, size_t size);
void tls_trust_put(struct tls_trust *trust); /* takes NULL */
int tls_identity_load(const char *cert_file, const char *key_file, struct tls_identity **out,
	char *problem, size_t size);
void tls_identity_free(struct tls_identity *identity); /* takes NULL */

struct tls_events {
	/** Ciphertext to send. */
	void (*on_send)(void *data, const char *bytes, size_t length);
	/** Plaintext. @return false: the tls was closed inside. */
	bool (*on_read)(void *data, char *bytes, size_t length) FL_MUSTCHECK;
	/** The handshake is done. @return as on_read. */
	bool (*on_secured)(void *data) FL_MUSTCHECK;
};

/**
 * A client's session; `host` is sent (SNI) and verified unless skip_verify. Sessions are resumed by
 * host and port where the server gives tickets. ChaCha20-Poly1305 first. TLS 1.3 tickets are no
 * errors; renegotiation is off.
 */
int tls_open_client(struct loop *loop, struct tls_trust *trust, const char *host, uint16_t port,
	bool skip_verify, const struct tls_events *events, void *data, struct tls **out);
int tls_open_server(struct loop *loop, struct tls_identity *identity,
	const struct tls_events *events, void *data, struct tls **out);

/** Begins the handshake (client). 0 or negative errno. */
int tls_begin(struct tls *tls);
/**
 * Takes ciphertext. Returns true and leaves the session alive; false when it was closed inside an
 * upcall, or, with tls_failure set, when it has failed or the peer has ended it.
 */
bool tls_feed(struct tls *tls, const char *bytes, size_t length) FL_MUSTCHECK;
/** After false of tls_feed with the tls still the caller's: why. FL_REASON_NONE: closed by an
 * upcall. */
enum fl_reason tls_failure(const struct tls *tls, char *detail, size_t size);
int tls_send(struct tls *tls, const void *bytes, size_t length);
/** Sends close_notify. */
void tls_end(struct tls *tls);
/** Frees; safe inside its own upcalls. Takes NULL. */
void tls_close(struct tls *tls);

#endif
