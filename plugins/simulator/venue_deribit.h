/*
 * venue_deribit.h: one JSON-RPC call, however it came: over a WebSocket, as a POST or as a GET.
 */
#ifndef SIMULATOR_VENUE_DERIBIT_H
#define SIMULATOR_VENUE_DERIBIT_H

#include "simulator.h"

/** Codes of the venue (its documentation lists them all). */
enum {
	RPC_TOO_LARGE = -32600,
	RPC_NO_METHOD = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_MISSING_PARAMS = -32000,
	RPC_TOO_MANY_REQUESTS = 10028,
	RPC_MUST_BE_WEBSOCKET = 10030,
	RPC_BAD_REQUEST = 11050,
	RPC_MAINTENANCE = 11051,
	RPC_INVALID_CREDENTIALS = 13004,
	RPC_UNAUTHORIZED = 13009,
	RPC_NOT_FOUND = 13020,
	RPC_NO_RAW = 13778
};

enum { REQUEST_LIMIT = 32768 }; /* bytes of a client's frame or body */

struct rpc_error {
	int code; /* 0: none */
	const char *message;
	const char *reason, *param; /* data: {"reason", "param"}, either may be NULL */
	const char *data;           /* data: a plain string */
};

struct rpc_call {
	struct simulator *sim;
	struct session *session;             /* NULL: over HTTP */
	yyjson_val *params;                  /* an object, or NULL */
	const struct fl_http_request *query; /* a GET: parameters are there instead */
	const char *host;                    /* of the client */
	struct text *out;                    /* the result's JSON */
	struct rpc_error error;              /* filled in when a method returns -1 */
};

/** Parameters, whichever way they came. -ENOENT: absent; -EINVAL: of another type or too long. */
int rpc_text(const struct rpc_call *call, const char *name, char *out, size_t size);
int rpc_int(const struct rpc_call *call, const char *name, int64_t *out);
/** Fills the error; returns -1 so that a method can return it. */
int rpc_invalid(struct rpc_call *call, const char *param, const char *reason);
int rpc_fail(struct rpc_call *call, int code, const char *message);

/**
 * Does `method` and leaves the whole response in `out`.
 *
 * @param id  echoed with its type; NULL: none
 * @return the error's code, 0: none
 */
int rpc_respond(struct rpc_call *call, const char *method, yyjson_val *id, int64_t received_ns);
/** A response that is an error, for what never became a call. */
void rpc_print_error(struct simulator *sim, struct text *out, yyjson_val *id,
	const struct rpc_error *error, int64_t received_ns);

/** Sends such a response to a session. */
void session_refuse(struct simulator *sim, struct session *session, yyjson_val *id,
	const struct rpc_error *error, int64_t received_ns);

/* venue_deribit_market.c; each leaves its result in call->out and returns 0, or -1. */
int method_get_instruments(struct rpc_call *call);
int method_get_instrument(struct rpc_call *call);
int method_ticker(struct rpc_call *call);
int method_get_order_book(struct rpc_call *call);
int method_trades_by_instrument(struct rpc_call *call);
int method_trades_by_instrument_and_time(struct rpc_call *call);
int method_trades_by_currency(struct rpc_call *call);
int method_trades_by_currency_and_time(struct rpc_call *call);
int method_get_currencies(struct rpc_call *call);
int method_get_index_price(struct rpc_call *call);

/* venue_deribit_ws.c; of a session. */
int method_set_heartbeat(struct rpc_call *call);
int method_disable_heartbeat(struct rpc_call *call);
int method_auth(struct rpc_call *call);
int method_subscribe(struct rpc_call *call);
int method_unsubscribe(struct rpc_call *call);
int method_unsubscribe_all(struct rpc_call *call);

#endif
