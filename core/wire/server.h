/*
 * server.h: serves HTTP and lets WebSockets in: listens, checks Host, Origin and token, limits,
 * keeps alive, answers pipelined requests in order. Knows no routes: the owner does.
 */
#ifndef WIRE_SERVER_H
#define WIRE_SERVER_H

#include "conn.h"
#include "http1.h"
#include <feedloom/http.h>

struct server;
struct exchange; /* one request waiting for its answer */

struct server_owner {
	/** To be answered by exchange_respond*, now or later. `request` is borrowed for the call. */
	void (*on_request)(
		void *data, struct exchange *exchange, const struct fl_http_request *request);
	/** The client has gone before the answer's end: the exchange is no more after this call. */
	void (*on_gone)(void *data, struct exchange *exchange);
	/**
	 * An upgrade on one of websocket_paths. 0: accepted, then on_upgraded follows within this turn
	 * (unless the stream ends before: hold nothing for it); else the HTTP status to refuse with.
	 */
	int (*on_upgrade)(void *data, const struct fl_http_request *request);
	/**
	 * The upgrade was answered: the stream is the owner's, for conn_accept and conn_take_early, or
	 * stream_abort. It does not count as a connection of the server's any more.
	 */
	void (*on_upgraded)(
		void *data, struct stream *stream, char *early, size_t length, int64_t received_ns);
};

int server_open(struct loop *loop, const char *name, const struct fl_listen *how,
	const struct server_owner *owner, void *data, struct server **out);
/** Whether `how` says the same address and identity; limits and guards are taken over. */
bool server_adopt(struct server *server, const struct fl_listen *how);
uint16_t server_port(const struct server *server);
int server_connections(const struct server *server);
/** Stops accepting; idle connections are closed, unfinished answers go on until `deadline`. */
void server_drain(struct server *server);
void server_close(struct server *server); /* all at once, on_gone for each exchange; takes NULL */

void exchange_set_data(struct exchange *exchange, void *data);
void *exchange_data(const struct exchange *exchange);
/*
 * As fl_respond*; after exchange_respond, exchange_problem and exchange_end the exchange is no
 * more, unless they failed (-EINVAL: a header, or not in this order; -ENOMEM). exchange_more says
 * -EAGAIN past half of the send limit; when what it refused makes up the rest too, the client is
 * closed at the turn's end.
 */
int exchange_respond(struct exchange *exchange, int status, const char *type,
	const struct fl_header *headers, size_t count, const void *body, size_t length);
int exchange_problem(struct exchange *exchange, int status, const char *detail);
int exchange_begin(struct exchange *exchange, int status, const char *type);
int exchange_more(struct exchange *exchange, const void *data, size_t length);
int exchange_end(struct exchange *exchange);

/** Lookups behind fl_http_header and fl_http_query, fl_response_header. */
const char *server_request_header(const struct fl_http_request *request, const char *name);
int server_request_query(
	const struct fl_http_request *request, const char *name, char *out, size_t size);
const char *response_header(const struct fl_response *response, const char *name);

#endif
