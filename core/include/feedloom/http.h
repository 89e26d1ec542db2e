/*
 * http.h: serving HTTP and WebSocket: listeners, routed requests, answers, problem documents.
 */
#ifndef FEEDLOOM_HTTP_H
#define FEEDLOOM_HTTP_H

#include <feedloom/conn.h>

/** What to listen on. 0 takes the default. */
struct fl_listen {
	const char *address;   /* "127.0.0.1:8080", "[::1]:8080", "0.0.0.0:0" (0: any free port) */
	const char *cert_file; /* PEM; NULL: plain */
	const char *key_file;
	/**
	 * Host and Origin are checked: on a loopback address Host must be localhost, 127.0.0.1 or
	 * [::1]; on any other a bearer token is required. false leaves all of that out (the simulator).
	 */
	bool guarded;
	const char *token;               /* bearer token, "" or NULL: none */
	struct fl_names trust;           /* networks in CIDR form that need no token */
	struct fl_names open_paths;      /* answered without a token: "/livez" */
	struct fl_names websocket_paths; /* upgrades on these become peers by on_accept */
	size_t header_limit_bytes;       /* 16 KiB */
	size_t body_limit_bytes;         /* 1 MiB */
	int64_t request_timeout_ns;      /* 10 s for head and body to arrive (408) */
	int64_t idle_timeout_ns;         /* 60 s between requests */
	int connection_limit;            /* 256; what comes beyond is answered 503 and closed */
	size_t send_limit_bytes;         /* 4 MiB unsent to one peer; a slower one is closed */
	size_t message_limit_bytes;      /* 64 KiB: of a peer's WebSocket message */
};

/**
 * Listens, or adopts the listener that does so already.
 *
 * @param listener  the plugin's own number
 * @return 0; -EADDRINUSE, -EACCES, ... (logged with the address); -EINVAL: the address or the
 *         certificate cannot be used; -EPERM: guarded, not loopback, and neither token nor trust
 */
FL_API int fl_listen(struct fl_ctx *ctx, int listener, const struct fl_listen *how);

/** The port a listener has (after port 0), 0: no such listener. */
FL_API int fl_listen_port(const struct fl_ctx *ctx, int listener);

/** Stops accepting. Peers and unfinished answers live on. */
FL_API void fl_unlisten(struct fl_ctx *ctx, int listener);

/** A request as it arrived: complete, within its limits, its Host checked. Borrowed for the call.
 */
struct fl_http_request {
	const char *method; /* "GET" */
	const char *path;   /* decoded, without query: "/v1/feeds/deribit/subscribe" */
	const char *query;  /* raw, after the '?'; "" when there is none */
	const char *body;   /* a 0 byte follows */
	size_t length;
	const char *peer;    /* "127.0.0.1:50312" */
	const void *headers; /* core's */
};

/** A header of a request, NULL when absent; names compare without case. */
FL_API const char *fl_http_header(const struct fl_http_request *request, const char *name);

/**
 * A parameter of a query string, percent-decoded.
 *
 * @return its length, at most size - 1 and 0-terminated; -ENOENT: absent; -EINVAL: it does not fit,
 * or is badly encoded
 */
FL_API int fl_http_query(
	const struct fl_http_request *request, const char *name, char *out, size_t size);

/*
 * Answers. `exchange` is the number on_request was given; each is answered once, now or later. All
 * return 0; -ENOENT: the client has gone (drop the work); -EAGAIN: it does not read fast enough,
 * nothing was taken, and past its limit it is closed.
 */

/** Answers whole. `type` is the content type. */
FL_API int fl_respond(struct fl_ctx *ctx, int exchange, int status, const char *type,
	const void *body, size_t length);

/** Answers with headers of one's own besides; `headers` may be NULL. */
FL_API int fl_respond_with(struct fl_ctx *ctx, int exchange, int status, const char *type,
	const struct fl_header *headers, size_t header_count, const void *body, size_t length);

/** Answers with an RFC 9457 problem document. `detail` says what to do about it. */
FL_API int fl_respond_problem(struct fl_ctx *ctx, int exchange, int status, const char *detail, ...)
	FL_PRINTF(4, 5);

/** Begins an answer in pieces (chunked); server-sent events are one that does not end. */
FL_API int fl_respond_begin(struct fl_ctx *ctx, int exchange, int status, const char *type);
FL_API int fl_respond_more(struct fl_ctx *ctx, int exchange, const void *data, size_t length);
FL_API int fl_respond_end(struct fl_ctx *ctx, int exchange);

#endif
