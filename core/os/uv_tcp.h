/*
 * uv_tcp.h: what tcp.c, tcp_dial.c and tcp_listen.c share: a tcp and the socket under it.
 */
#ifndef OS_UV_TCP_H
#define OS_UV_TCP_H

#include "tcp.h"
#include "uv_loop.h"

/** A handle and its connect request. Apart from the tcp, because a dial tries several. */
struct socket {
	uv_tcp_t handle;
	uv_connect_t request;
	struct tcp *tcp;  /* NULL: nobody's any more */
	struct link link; /* in its dial's attempts */
	bool is_closing;
};

struct bytes {
	char *data;
	size_t length, size;
};

enum tcp_state {
	TCP_DIALING,
	TCP_OPEN,
	TCP_FLUSHING, /* closed by the owner: what is queued goes out, then FIN */
	TCP_ENDING,   /* FIN is out, the peer's is awaited */
	TCP_GONE,     /* handles are closing; freed after the last */
};

struct tcp {
	struct loop *loop;
	const struct tcp_events *events;
	void *data;
	struct socket *socket; /* NULL while dialing */
	struct dial *dial;     /* NULL unless dialing */
	uv_timer_t timer;      /* dialing: the next attempt; closed: the last moment */
	struct turn_end flush;
	struct lingerer lingerer;
	uv_write_t write;
	uv_shutdown_t shutdown;
	struct bytes queued;  /* not yet given to libuv */
	struct bytes writing; /* libuv's until the write is done */
	enum tcp_state state;
	unsigned handles; /* open ones: the timer, and the socket */
	int write_error;
	size_t discarded_bytes; /* read behind our end */
	size_t taken_bytes;     /* read since it rested last */
	bool is_writing, is_paused, is_reading, is_resting, has_ended;
	bool was_high; /* above the low-water mark since on_drained was last called */
	char peer[64];
};

/** A socket of nobody; NULL: no memory. */
struct socket *socket_create(struct loop *loop);
void socket_close(struct socket *socket);
void socket_reset(struct socket *socket);

/** A tcp in TCP_DIALING, its timer ready, held by its owner. NULL: no memory. */
struct tcp *tcp_create(struct loop *loop);
/** Gives a connected socket to a tcp, which is TCP_OPEN from here on. */
void tcp_adopt(struct tcp *tcp, struct socket *socket);
void tcp_start_reading(struct tcp *tcp);

/** Ends a dial without an event. */
void dial_destroy(struct dial *dial);

/** Numeric text to a sockaddr; -EINVAL. */
int address_to_sockaddr(const char *text, uint16_t port, struct sockaddr_storage *out);

#endif
