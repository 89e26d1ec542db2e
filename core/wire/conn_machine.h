/*
 * conn_machine.h: what conn.c, conn_dial.c, conn_send.c, conn_drip.c and conn_endpoint.c share: the
 * connection itself. Nobody else includes it.
 */
#ifndef WIRE_CONN_MACHINE_H
#define WIRE_CONN_MACHINE_H

#include "backoff.h"
#include "conn.h"
#include "http1.h"
#include "timer.h"
#include "url.h"
#include "ws.h"

/* What the owner has asked for, carried out from the loop: so that no verb calls back from within.
 */
enum wish {
	WISH_NONE,
	WISH_DIAL,  /* a new one, or another target */
	WISH_SHUT,  /* in order */
	WISH_FAIL,  /* given up: messages are no longer delivered */
	WISH_ABORT, /* likewise */
};

struct conn {
	struct loop *loop;
	char *name;
	const struct conn_owner *owner;
	void *data;
	bool is_accepted;
	struct fl_endpoint endpoint; /* own copies, defaults filled in */
	struct url url;
	struct tls_trust *trust; /* held between dials, so that sessions can be resumed */

	enum fl_conn_state state;
	enum fl_reason reason;
	char detail[768];
	struct conn_counters counters;
	struct backoff backoff;
	int64_t retry_after_ns; /* the least delay that the peer has asked for */
	int64_t up_since_ns, heard_ns, upgrade_began_ns; /* monotonic */
	int64_t resolve_ns, connect_ns, secure_ns, upgrade_ns;
	struct timer *deadline; /* of the present state */

	struct stream *stream;
	struct conn_drip *drip; /* what is sent waits there; NULL: it does not wait */
	struct http1 *http;     /* while upgrading */
	struct ws *ws;          /* while up or closing */
	unsigned epoch;         /* rises when these are let go: who was called by them sees it */
	char accept_key[32];
	enum fl_reason answer_reason; /* of the upgrade; DONE: it was 101 */
	char answer_detail[256];
	size_t answer_bytes; /* pongs that the peer has not taken */
	bool is_sending;     /* in conn_send, not in an answer of ws.c's own */
	int send_error;
	unsigned paused;     /* enum conn_pause, or-ed */
	bool is_retargeting; /* dials again when closed */

	enum wish wish;
	struct timer *errand;
	int shut_code;
	char shut_why[124];
	enum fl_reason fail_reason;
	char fail_detail[256];

	int depth;    /* frames of this conn on the stack */
	bool is_dead; /* destroyed in one of them */
};

/* conn.c: the machine. Each returns false when the conn was destroyed inside. */

/** The only place where the state changes. */
bool conn_enter(struct conn *conn, enum fl_conn_state next, enum fl_reason reason,
	const char *detail) FL_MUSTCHECK;
/** The connection is over, by itself or the peer: goes where its state goes from here. */
bool conn_lost(struct conn *conn, enum fl_reason reason, const char *detail) FL_MUSTCHECK;
/** Counts a message and hands it on. Messages are delivered while up and closing. */
bool conn_deliver(struct conn *conn, const struct fl_message *message) FL_MUSTCHECK;
/** Lets go of stream, http and ws; `in_order` flushes. */
void conn_drop(struct conn *conn, bool in_order);
void conn_hold(struct conn *conn);
bool conn_release(struct conn *conn); /* whether it lives; may be ignored at the end of an entry */
void conn_wish(struct conn *conn, enum wish wish);

/* conn_dial.c: from the address to the upgrade. */
int conn_dial(struct conn *conn);
/** Makes the stream this conn's. */
extern const struct stream_events conn_stream_events;

/* conn_send.c: messages and frames. */
int conn_open_ws(struct conn *conn);
/** Feeds frames. The conn may be destroyed inside: hold it. */
void conn_feed(struct conn *conn, char *bytes, size_t length, int64_t received_ns);

/* conn_drip.c: bytes held back. */

/** Takes bytes that are to be sent. */
int conn_drip_take(struct conn_drip *drip, const char *bytes, size_t length);
size_t conn_drip_waiting(const struct conn_drip *drip);
/** Forgets what waits. Takes NULL. */
void conn_drip_free(struct conn_drip *drip);

/* conn_endpoint.c: targets. */
int conn_set_endpoint(struct conn *conn, const struct fl_endpoint *endpoint);
void conn_set_timeouts(struct conn *conn, const struct fl_endpoint *endpoint);
bool conn_is_same_target(const struct conn *conn, const struct fl_endpoint *endpoint);

#endif
