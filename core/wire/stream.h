/*
 * stream.h: a stream of bytes to or from a peer, plain or TLS: resolve, dial, secure, read, write.
 * What conn.c, request.c and server.c stand on, so that none of them can tell whether there is TLS.
 */
#ifndef WIRE_STREAM_H
#define WIRE_STREAM_H

#include "tcp.h"
#include "tls.h"

struct stream;

struct stream_target {
	const char *host;
	uint16_t port;
	bool is_secure;
	struct fl_tls tls;
};

struct stream_events {
	/** A dialled stream goes on to FL_CONN_SECURING. May be NULL. */
	void (*on_securing)(void *data);
	/** Bytes can be sent and will arrive. @return false: the stream was closed inside. */
	bool (*on_open)(void *data) FL_MUSTCHECK;
	bool (*on_read)(void *data, char *bytes, size_t length, int64_t received_ns) FL_MUSTCHECK;
	/** It ended or could not be opened. `detail` in words. Once; nothing follows; the owner closes
	 * it. */
	void (*on_end)(void *data, enum fl_reason reason, const char *detail);
	void (*on_drained)(void *data); /* may be NULL */
};

/** Dials. Events come later, never from within. -EPERM: skip_verify off loopback. No deadlines: the
 * owner's. */
int stream_dial(struct loop *loop, const struct stream_target *target,
	const struct stream_events *events, void *data, struct stream **out);
/** Takes an accepted tcp over; `identity` NULL: plain. */
int stream_accept(struct loop *loop, struct tcp *tcp, struct tls_identity *identity,
	const struct stream_events *events, void *data, struct stream **out);
/** Hands the events to another owner (an HTTP server's stream that becomes a WebSocket). */
void stream_attach(struct stream *stream, const struct stream_events *events, void *data);

int stream_write(struct stream *stream, const void *bytes, size_t length);
size_t stream_queued(const struct stream *stream);
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);
const char *stream_peer(const struct stream *stream); /* "" while dialing */
/** What it took so far, for probes: ns of resolving, connecting, securing; 0 while not done. */
void stream_timing(
	const struct stream *stream, int64_t *resolve_ns, int64_t *connect_ns, int64_t *secure_ns);
void stream_close(struct stream *stream); /* flushes; takes NULL; safe in upcalls */
void stream_abort(struct stream *stream);

#endif
