/*
 * server_parts.h: what the files of the server share. server.c listens and keeps the configuration,
 * server_peer.c is one connection, server_exchange.c its answers, server_request.c takes requests
 * apart, server_guard.c lets in.
 */
#ifndef WIRE_SERVER_PARTS_H
#define WIRE_SERVER_PARTS_H

#include "list.h"
#include "server.h"
#include "server_guard.h"
#include "timer.h"

enum {
	PATH_SIZE = 8 * 1024 + 1,
	HOLD_BYTES =
		64 * 1024, /* unsent beyond this holds the next request back; tcp's low-water mark */
	ACCEPT_KEY_SIZE = 32,
};

/** fl_listen, copied, with its defaults filled in. */
struct server_config {
	char *address, *cert_file, *key_file, *token; /* "" where none is given */
	char **open_paths, **websocket_paths;
	struct network *trust;
	struct guard guard; /* points into this config */
	struct fl_names websockets;
	size_t header_limit_bytes, body_limit_bytes, send_limit_bytes;
	int64_t request_timeout_ns, idle_timeout_ns;
	int connection_limit;
};

struct server {
	struct loop *loop;
	char *name;
	struct server_owner owner;
	void *data;
	struct server_config config;
	struct tls_identity *identity; /* NULL: plain */
	struct tcp_listener *listener; /* NULL: draining */
	uint16_t port;
	struct link peers;
	struct link due; /* peers that go on at the turn's end */
	int count;       /* of peers */
	bool is_scheduled, is_draining, is_closed;
};

/** What a peer's timer waits for. */
enum peer_wait {
	WAIT_REQUEST, /* a request, begun or the first one: request_timeout */
	WAIT_IDLE,    /* the next request; this and the others: idle_timeout */
	WAIT_ANSWER,  /* the owner; looks now and then whether the client reads */
	WAIT_END,     /* the last answer is being taken; what arrives is ignored */
};

struct peer {
	struct link link; /* server->peers */
	struct link due;  /* server->due */
	struct server *server;
	struct stream *stream;
	struct http1 *http;
	struct timer *timer;
	struct exchange *exchange; /* the one that is being answered */
	struct buf waiting;        /* received and not yet taken */
	int64_t received_ns;
	enum peer_wait wait;
	uint64_t written, sent_before; /* bytes to the stream; those it had sent at the last tick */
	int busy;                      /* upcalls on the stack: the memory stays */
	bool is_closed, is_surplus, is_paused, is_upgraded, is_slow;
};

struct exchange {
	struct peer *peer;
	void *data;
	bool is_head, keep_alive, has_begun, is_until_close;
	size_t refused; /* bytes that exchange_more did not take since the client last kept up */
};

/* server.c */
void server_schedule(struct server *server, struct peer *peer);

/* server_peer.c */
void peer_open(struct server *server, struct tcp *tcp, bool is_surplus);
void peer_go_on(struct peer *peer); /* from the turn's end */
bool peer_is_idle(const struct peer *peer);
/** Frees, with on_gone when an answer was owed. */
void peer_close(struct peer *peer, bool is_abort);
int peer_write(struct peer *peer, const void *bytes, size_t length);
/** The answer of the present exchange is written; what comes next is this one's to see to. */
void peer_answered(struct peer *peer, bool keep_alive);

/* server_exchange.c */
struct exchange *exchange_create(struct peer *peer, const struct http1_message *message);
/** A whole answer without an exchange. */
int peer_answer(struct peer *peer, int status, const char *type, const struct fl_header *headers,
	size_t count, const void *body, size_t length, bool is_head, bool keep_alive);
int peer_problem(struct peer *peer, int status, const char *detail, const struct fl_header *headers,
	size_t count, bool is_head, bool keep_alive);

/* server_request.c */
/** The path of a target, decoded, and its query. 0 or -EINVAL: not a path, or badly encoded. */
int request_path(const char *target, char path[PATH_SIZE], const char **query);
/** Whether it asks for a WebSocket, rather than for another protocol that we pass over. */
bool request_is_websocket(const struct http1_message *message);
/** 0 and the key that accepts it, or the status to refuse a WebSocket's handshake with. */
int request_websocket_check(
	const struct http1_message *message, char accept[ACCEPT_KEY_SIZE], const char **why);

#endif
