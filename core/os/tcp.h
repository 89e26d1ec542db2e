/*
 * tcp.h: connect, listen, read, write. TCP_NODELAY is set; writes of one turn leave together.
 */
#ifndef OS_TCP_H
#define OS_TCP_H

#include "resolve.h"

struct tcp;
struct tcp_listener;

struct tcp_events {
	/** The dial's end: 0, or the negative errno of the last address tried. Not for accepted ones.
	 */
	void (*on_connected)(void *data, int error);
	/**
	 * Bytes arrived; borrowed for the call, and may be written to. `received_ns`: real time of this
	 * turn, when they left the socket. @return false: the tcp was closed or aborted inside, touch
	 * nothing more.
	 */
	bool (*on_read)(void *data, char *bytes, size_t length, int64_t received_ns) FL_MUSTCHECK;
	/** The peer has ended its side (0) or the socket failed (negative errno). Called once; close
	 * it. */
	void (*on_end)(void *data, int error);
	/** What was queued has gone below the low-water mark (64 KiB) after it was above. May be NULL.
	 */
	void (*on_drained)(void *data);
};

/**
 * Dials: tries the addresses as RFC 8305 says (families in turn, the next 250 ms after the last
 * that has not answered, the first that connects wins). `out` is set before any event.
 */
int tcp_dial(struct loop *loop, const struct address *addresses, size_t count,
	const struct tcp_events *events, void *data, struct tcp **out);

/** Binds and listens. `host` is numeric; port 0 takes a free one. -EADDRINUSE, -EACCES,
 * -EADDRNOTAVAIL, ... */
int tcp_listen(struct loop *loop, const char *host, uint16_t port, int backlog,
	void (*on_accept)(void *data, struct tcp *tcp), void *data, struct tcp_listener **out);
uint16_t tcp_listener_port(const struct tcp_listener *listener);
void tcp_listener_close(struct tcp_listener *listener); /* takes NULL */

/** Gives an accepted (or any) tcp its events and starts reading. Accepted ones have none before. */
void tcp_attach(struct tcp *tcp, const struct tcp_events *events, void *data);

/** Queues bytes (copied). 0; -ENOTCONN; -ENOMEM. Never calls back. */
int tcp_write(struct tcp *tcp, const void *bytes, size_t length);
size_t tcp_queued(const struct tcp *tcp);
/** Stops and resumes reading: back-pressure. */
void tcp_pause(struct tcp *tcp);
void tcp_resume(struct tcp *tcp);

/** Peer's and own address: "127.0.0.1:50312", "[::1]:443". Lives as long as the tcp. */
const char *tcp_peer(const struct tcp *tcp);

/** Sends what is queued (at most 3 s), then FIN. No more events. The handle is gone for the caller.
 * Takes NULL. */
void tcp_close(struct tcp *tcp);
/** Reset: what is queued is lost. No more events. Takes NULL. */
void tcp_abort(struct tcp *tcp);

#endif
