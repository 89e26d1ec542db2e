/*
 * conn.h: one WebSocket connection as a state machine: dialing, securing, upgrading, up, backoff;
 * its deadlines, reasons and counters. The only reconnect machine there is. Also the server's side
 * of an accepted peer, which is up from the start and never dialled again.
 */
#ifndef WIRE_CONN_H
#define WIRE_CONN_H

#include "stream.h"
#include <feedloom/conn.h>

struct conn;

struct conn_owner {
	/**
	 * Each change of state, for logs, metrics and the plugin. `detail` in words ("" if none). The
	 * conn may be closed inside. @return false: it was destroyed inside.
	 */
	bool (*on_state)(void *data, struct conn *conn, enum fl_conn_state from, enum fl_conn_state to,
		enum fl_reason reason, const char *detail) FL_MUSTCHECK;
	/** @return false: the conn was destroyed inside. */
	bool (*on_message)(
		void *data, struct conn *conn, const struct fl_message *message) FL_MUSTCHECK;
};

struct conn_counters {
	uint64_t messages, bytes, sent_messages, sent_bytes, pings, reconnects, state_changes;
	int64_t last_message_ns; /* real time, 0: none */
	int64_t since_ns;        /* of the present state, real time */
};

/** Makes a connection and begins to dial (from the loop, not within). `name` for logs: "deribit/1".
 * Copies all. */
int conn_open(struct loop *loop, const char *name, const struct fl_endpoint *endpoint,
	const struct conn_owner *owner, void *data, struct conn **out);
/** The server's side of an upgrade: up at once; `early` are bytes that came behind the request. */
int conn_accept(struct loop *loop, const char *name, struct stream *stream,
	size_t message_limit_bytes, size_t send_limit_bytes, const struct conn_owner *owner, void *data,
	struct conn **out);
bool conn_take_early(
	struct conn *conn, char *early, size_t length, int64_t received_ns) FL_MUSTCHECK;

/** Whether `endpoint` has the same target and trust (then a reload adopts); timeouts are taken
 * over. */
bool conn_adopt(struct conn *conn, const struct fl_endpoint *endpoint);
/** Whether conn_adopt would do so; changes nothing. */
bool conn_can_adopt(const struct conn *conn, const struct fl_endpoint *endpoint);
/** Another target: closes in order and dials the new one. */
int conn_retarget(struct conn *conn, const struct fl_endpoint *endpoint);

int conn_send(struct conn *conn, const void *data, size_t length); /* as fl_send */
/** As fl_send_pieces, fl_drip, fl_freeze. */
int conn_send_pieces(
	struct conn *conn, const void *data, size_t length, size_t piece_bytes, bool with_pings);
int conn_drip(struct conn *conn, size_t bytes, int64_t every_ns);
int conn_freeze(struct conn *conn, bool on);
size_t conn_queued(const struct conn *conn);
void conn_shut(
	struct conn *conn, int code, const char *why); /* as fl_close: ends in FL_CONN_CLOSED */
void conn_fail(struct conn *conn, enum fl_reason reason,
	const char *detail);            /* as fl_reconnect; accepted: closed */
void conn_abort(struct conn *conn); /* as fl_abort: ends in FL_CONN_CLOSED (asked) */

/** Who has stopped reading. */
enum conn_pause {
	CONN_FROZEN = 1, /* conn_freeze */
	CONN_HELD = 2    /* back-pressure */
};

/** Stops reading; what is there already is still delivered. It is read again when nobody pauses it.
 */
void conn_pause(struct conn *conn, enum conn_pause who);
void conn_resume(struct conn *conn, enum conn_pause who);

enum fl_conn_state conn_state(const struct conn *conn);
enum fl_reason conn_reason(const struct conn *conn); /* of the last transition */
const char *conn_detail(const struct conn *conn);
const struct conn_counters *conn_counters(const struct conn *conn);
const char *conn_url(const struct conn *conn); /* "" for accepted ones */
const char *conn_peer(const struct conn *conn);
/** As stream_timing, and upgrading. */
void conn_timing(const struct conn *conn, int64_t *resolve_ns, int64_t *connect_ns,
	int64_t *secure_ns, int64_t *upgrade_ns);
/** Frees at once, without events. Safe in its own upcalls. Takes NULL. */
void conn_destroy(struct conn *conn);

#endif
