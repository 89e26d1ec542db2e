/*
 * os_net.h: what os_tcp.c and os_tcp_dial.c share: one end of a connection, and what lies between
 * both.
 *
 * Bytes travel as chunks with a time of arrival and wait at the receiving end until it reads. An
 * end whose owner has closed it lives on until its bytes are on their way; then only the other is
 * left.
 */
#ifndef WORLD_OS_NET_H
#define WORLD_OS_NET_H

#include "os_inside.h"
#include "tcp.h"

enum tcp_state {
	TCP_DIALING,
	TCP_OPEN,
	TCP_FLUSHING, /* closed by its owner: what is queued goes out, then the end */
};

/** What arrives: bytes, or the end of them. */
struct chunk {
	struct link link;
	int64_t due_ns;
	size_t length;
	bool is_end;
	int error; /* with is_end: 0 in order, -ECONNRESET, ... */
	char data[];
};

struct tcp {
	struct link link; /* in loop.tcps */
	struct loop *loop;
	const struct tcp_events *events;
	void *data;
	struct tcp *other; /* the other end; NULL: there is none any more */
	enum tcp_state state;
	struct turn_end flush;
	struct event arrival;  /* the next chunk's */
	struct event progress; /* dialing: the answer; later: room at the other end, a time-out */
	struct link arriving;  /* of struct chunk, sent by the other end */
	size_t arriving_bytes;
	int64_t last_due_ns; /* of the chunks sent to us: they stay in order */
	int64_t latency_ns;  /* one way */
	char *queued;
	size_t queued_length, queued_size;
	struct machine *other_machine;
	int64_t lost_since_ns; /* bytes go nowhere since; 0: they do not */
	bool is_black_hole;    /* what is sent is never seen again, and nobody says so */
	bool other_rebooted;   /* ... but the other's machine will, once it is back */
	bool is_dialled;       /* by us, not accepted */
	bool is_stream;        /* dialled, and a WebSocket by now */
	bool is_paused, has_ended, is_end_sent, was_high;
	int error; /* told at the turn's end */
	/* Dialing: */
	struct address target;
	struct tcp *accepted;
	char peer[64];
};

struct tcp_listener {
	struct link link; /* in loop.listeners */
	struct loop *loop;
	void (*on_accept)(void *data, struct tcp *tcp);
	void *data;
	char host[46];
	uint16_t port;
};

struct tcp *tcp_new(struct loop *loop, struct machine *other_machine);
void tcp_free(struct tcp *tcp);
/** Tells its owner at once, from an event or a turn's end. */
void tcp_end(struct tcp *tcp, int error);
/** Lets what has arrived be read when it is time. */
void tcp_look(struct tcp *tcp);
/** Room at the other end, or the end of waiting for it. */
void tcp_on_progress(struct event *event);
/** Sends the end: 0, or a reset. */
void tcp_send_end(struct tcp *tcp, int error);

/** When what is sent now over this connection arrives; past any partition. */
int64_t net_arrival_ns(const struct tcp *from);
bool net_is_partitioned(const struct loop *loop, const struct machine *other);

#endif
