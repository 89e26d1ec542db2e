/*
 * instance_parts.h: what an instance has named by number: connections, requests, timers, listeners,
 * exchanges, databases, streams, subscriptions. Each kind is one file, instance_KIND.c.
 */
#ifndef HOST_INSTANCE_PARTS_H
#define HOST_INSTANCE_PARTS_H

#include "instance.h"
#include "server.h"
#include <feedloom/kit.h>

struct cursor;
struct migrate_pg;
struct pg;
struct sqlite;
struct subscriber;
struct timer;

struct instance_conn {
	struct fl_ctx *owner;
	int number;
	struct conn *conn;
	bool is_peer;  /* accepted by a listener */
	bool streams;  /* its end is a hole in the stream */
	unsigned life; /* of the code whose start named it last: ctx->life */
	int instruments, channels;
	struct fl_silence silence;       /* of records from it */
	uint32_t session;                /* a number of its own each time it is up */
	uint32_t records, begun_records; /* that came on it; before this session; they come round */
	int64_t begun_ns;                /* this session; monotonic */
	int64_t replaced_ns;             /* because something on it stayed mute; monotonic, 0: never */
	int64_t last_event_ns;           /* the latest event time published from it */
	int64_t gap_started_ns;          /* a hole is open since, 0: none */
	int64_t *since;                  /* its entry in bus_since, from when it is up on; NULL: none */
	enum fl_reason gap_reason;
	char gap_detail[96];
};

struct instance_timer {
	struct fl_ctx *owner;
	int number;
	struct timer *timer;
	unsigned life;
	int64_t due_ns, repeat_ns; /* monotonic; repeat 0: once */
};

struct instance_request {
	struct fl_ctx *owner;
	int number;
	struct request *request;
};

struct instance_listener {
	struct fl_ctx *owner;
	int number;
	uint64_t key; /* in the table: its number, until it is unlistened */
	struct server *server;
	unsigned life;
	size_t message_limit_bytes, send_limit_bytes;
	struct link accepting; /* struct accepting: peers between on_upgrade and on_upgraded */
};

/** A WebSocket peer that was let in and whose stream has not come yet; several may come in a turn.
 */
struct accepting {
	struct link link;
	int number;
	int64_t since_ns; /* monotonic */
	char peer[64];
};

struct instance_exchange {
	struct fl_ctx *owner;
	int number;
	struct exchange *exchange;
};

/** One of the two is set. */
struct instance_database {
	struct fl_ctx *owner;
	int number;
	struct sqlite *sqlite;
	struct pg *pg;
	unsigned life;
	char *schema, *search_path; /* of pg: the folder of its migrations; NULL: none */
	struct migrate_pg *migrate; /* under way: the opening is answered behind it */
};

struct instance_stream {
	struct fl_ctx *owner;
	char name[32];
	struct cursor *cursor;
	unsigned life;
};

struct instance_subscription {
	struct fl_ctx *owner;
	int number;
	struct subscriber *subscriber;
	unsigned life;
};

struct instance_conn *instance_conn_find(const struct fl_ctx *ctx, int number);
struct instance_exchange *instance_exchange_find(const struct fl_ctx *ctx, int number);
struct instance_stream *instance_stream_find(const struct fl_ctx *ctx, const char *name);
struct instance_database *instance_database_find(const struct fl_ctx *ctx, int number);

/** A place for database `number`; what had the number before is closed. NULL: no memory. */
struct instance_database *instance_database_add(struct fl_ctx *ctx, int number);
void instance_database_close(struct fl_ctx *ctx, int number);
/** For a plugin: within a reload that is still on trial it happens when the new code is taken. */
void instance_database_close_in_turn(struct fl_ctx *ctx, int number);
/** For a session's owner. */
void instance_database_on_result(void *data, int number, const struct fl_result *result);

/** The server's side of an upgrade becomes connection `number`. */
int instance_conn_accept(struct instance_listener *listener, int number, struct stream *stream);
/** A record was published by `ctx`: keeps the connection's latest event time, ends its open hole.
 */
void instance_conn_published(struct fl_ctx *ctx, const struct fl_record *record);

/** After the plugin's stop: ends what it left, in order. Timers and databases serve until it is
 * quiet. */
void instance_parts_stop(struct fl_ctx *ctx);
/**
 * After a swap: closes what stood open and the new code's start did not name. What is in flight
 * (requests, answers, peers, commands, timers that come once) stays and is the new code's.
 */
void instance_parts_sweep(struct fl_ctx *ctx);
/** Closes all at once, without calls into the plugin. */
void instance_parts_close(struct fl_ctx *ctx);

/** The journal is short of room, or not any more: feeds' connections are not read meanwhile. */
void instance_conns_hold(struct fl_ctx *ctx, bool on);

/* One of each kind, for instance_parts_*. */
void instance_conns_stop(struct fl_ctx *ctx);
void instance_conns_close(struct fl_ctx *ctx);
void instance_conns_sweep(struct fl_ctx *ctx);
void instance_timers_close(struct fl_ctx *ctx);
void instance_timers_sweep(struct fl_ctx *ctx);
void instance_requests_close(struct fl_ctx *ctx);
void instance_listeners_close(struct fl_ctx *ctx);
void instance_listeners_sweep(struct fl_ctx *ctx);
void instance_databases_sweep(struct fl_ctx *ctx);
void instance_databases_close(struct fl_ctx *ctx);
/** Every job that was given has been answered. */
bool instance_databases_are_idle(const struct fl_ctx *ctx);
void instance_streams_close(struct fl_ctx *ctx);
void instance_streams_sweep(struct fl_ctx *ctx);
/** No batch of a sink is with its store. */
bool instance_streams_are_idle(const struct fl_ctx *ctx);
void instance_subscriptions_close(struct fl_ctx *ctx);
void instance_subscriptions_sweep(struct fl_ctx *ctx);

#endif
