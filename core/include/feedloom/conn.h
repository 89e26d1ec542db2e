/*
 * conn.h: WebSocket connections and HTTP requests, by numbers that the plugin chooses.
 *
 * The core owns the socket. It resolves, dials (both address families), secures, upgrades, keeps
 * alive, and dials again when a connection ends; the plugin hears of it in on_connection and
 * on_message. A reload finds live connections by number: never renumber.
 */
#ifndef FEEDLOOM_CONN_H
#define FEEDLOOM_CONN_H

#include <feedloom/base.h>

enum fl_conn_state {
	FL_CONN_CLOSED = 0, /* by wish of its owner, for good */
	FL_CONN_DIALING,    /* resolving and connecting */
	FL_CONN_SECURING,   /* TLS handshake */
	FL_CONN_UPGRADING,  /* HTTP upgrade to WebSocket */
	FL_CONN_UP,         /* messages flow */
	FL_CONN_CLOSING,    /* close frame sent; messages still arrive */
	FL_CONN_BACKOFF     /* down; will dial again */
};

/** Why something happened to a connection or request. Words: fl_reason_text(). */
enum fl_reason {
	FL_REASON_NONE = 0,
	FL_REASON_ASKED,           /* the owner asked for it */
	FL_REASON_DONE,            /* the step before succeeded */
	FL_REASON_RETRY,           /* the backoff is over */
	FL_REASON_RESOLVE_FAILED,  /* the name has no address */
	FL_REASON_REFUSED,         /* connection refused */
	FL_REASON_UNREACHABLE,     /* no route, network down */
	FL_REASON_TIMED_OUT,       /* a deadline of dialing, securing, upgrading or answering passed */
	FL_REASON_TLS_FAILED,      /* handshake or record error */
	FL_REASON_CERTIFICATE,     /* not trusted, expired, revoked */
	FL_REASON_HOST_NAME,       /* the certificate is for another name */
	FL_REASON_UPGRADE_REFUSED, /* an HTTP answer other than 101 */
	FL_REASON_RATE_LIMITED,    /* HTTP 429 or the venue's own word for it */
	FL_REASON_PEER_CLOSED,     /* close frame from the peer */
	FL_REASON_END_OF_STREAM,   /* TCP end without close frame */
	FL_REASON_RESET,           /* reset by the peer or another socket error */
	FL_REASON_SILENT,          /* nothing arrived for idle_timeout */
	FL_REASON_PROTOCOL,        /* a frame or message against RFC 6455 or RFC 9112 */
	FL_REASON_BAD_TEXT,        /* text that is not UTF-8 */
	FL_REASON_TOO_LARGE,       /* message or answer over its limit */
	FL_REASON_SLOW_READER,     /* the peer does not take what it is sent */
	FL_REASON_STALE,           /* the owner found it useless: mute, out of step, heartbeat missed */
	FL_REASON_UNAUTHORIZED,    /* the venue refuses the credentials */
	FL_REASON_MAINTENANCE,     /* the venue says so */
	FL_REASON_MEMORY,
	FL_REASON_COUNT
};

FL_API const char *fl_reason_text(enum fl_reason reason); /* "end of stream" */
FL_API const char *fl_reason_word(
	enum fl_reason reason); /* "end_of_stream": metric labels, status */
FL_API const char *fl_conn_state_text(enum fl_conn_state state);

/** Trust of a TLS endpoint. Zeroed: verify against the system's store. */
struct fl_tls {
	const char *ca_file; /* NULL or "": the system's */
	bool skip_verify;    /* only with a loopback host, else -EPERM */
};

/** Where to connect and how long to wait. 0 takes the default. */
struct fl_endpoint {
	const char *url; /* ws://HOST[:PORT]/PATH or wss:// */
	struct fl_tls tls;
	int64_t dial_timeout_ns;  /* 10 s: from resolving to the upgrade's end */
	int64_t idle_timeout_ns;  /* 60 s: nothing received for so long is a fault; pings are sent at a
								 third */
	int64_t close_timeout_ns; /* 3 s: how long fl_close waits for the peer's close frame */
	int64_t backoff_min_ns;   /* 500 ms; grows by 2 with full jitter */
	int64_t backoff_max_ns;   /* 60 s */
	int64_t healthy_after_ns; /* 30 s up resets the backoff */
	size_t message_limit_bytes; /* 16 MiB */
	size_t send_limit_bytes;    /* 4 MiB waiting to be sent; beyond it fl_send says -EAGAIN */
};

/** Whether a URL's host is loopback: for checks of `verify: false`. False for what is no URL. Pure.
 */
FL_API bool fl_url_is_loopback(const char *url);

/** One whole WebSocket message. */
struct fl_message {
	char *data; /* may be overwritten; FL_MESSAGE_PADDING writable bytes follow (in-situ parsers) */
	size_t length; /* bytes, without the padding */
	bool is_text;  /* not checked for UTF-8: a JSON parser does that anyway; else fl_utf8_valid() */
	int64_t received_ns; /* when its last bytes left the socket */
};
enum { FL_MESSAGE_PADDING = 8 };

/**
 * Opens connection `conn`, or adopts it: the same endpoint as the live one's changes nothing and
 * tells nothing (on_connection is not called). Another URL or trust closes and dials.
 *
 * @param conn  1 to 65,535
 * @return 0; -EINVAL: the URL cannot be used (logged with the reason); -EPERM: skip_verify
 */
FL_API int fl_connect(struct fl_ctx *ctx, int conn, const struct fl_endpoint *endpoint);

/**
 * Sends one text message. Never blocks.
 * @return 0; -ENOTCONN: not up; -EAGAIN: too much is waiting, nothing was taken
 */
FL_API int fl_send(struct fl_ctx *ctx, int conn, const void *data, size_t length);
FL_API int fl_sendf(struct fl_ctx *ctx, int conn, const char *format, ...) FL_PRINTF(3, 4);

/*
 * What only the simulator and tests want: a connection that behaves badly without being wrong. All
 * return 0; -ENOTCONN: not up; -EINVAL: an amount that makes no sense; -ENOMEM.
 */

/** As fl_send, in frames of at most `piece_bytes`; `with_pings`: a ping between any two. */
FL_API int fl_send_pieces(struct fl_ctx *ctx, int conn, const void *data, size_t length,
	size_t piece_bytes, bool with_pings);

/**
 * From now on at most `bytes` go out every `every_ns`, whatever frames they belong to. `bytes` 0
 * ends it: all that waits goes at once. What waits counts as queued; with the connection it is
 * lost.
 */
FL_API int fl_drip(struct fl_ctx *ctx, int conn, size_t bytes, int64_t every_ns);

/** Neither reads nor writes, and does not close: half-open, as far as the peer can tell. */
FL_API int fl_freeze(struct fl_ctx *ctx, int conn, bool on);

/** Bytes accepted by fl_send and not yet taken by the network. */
FL_API size_t fl_send_queued(const struct fl_ctx *ctx, int conn);

FL_API enum fl_conn_state fl_conn_state(const struct fl_ctx *ctx, int conn);

/** Why a connection ended or could not be made: the text that goes with the last reason. "" if
 * none. */
FL_API const char *fl_conn_detail(const struct fl_ctx *ctx, int conn);

/**
 * Closes in order: sends a close frame, delivers what still arrives until the peer's close frame or
 * close_timeout, then on_connection says FL_CONN_CLOSED. Not dialled again.
 */
FL_API void fl_close(struct fl_ctx *ctx, int conn, int code, const char *why);

/** Closes at once with a reset, without close frame. Servers and tests of faults. */
FL_API void fl_abort(struct fl_ctx *ctx, int conn);

/** Gives the connection up for `reason` and dials again after the backoff. Clients. */
FL_API void fl_reconnect(struct fl_ctx *ctx, int conn, enum fl_reason reason);

/** One header line. */
struct fl_header {
	const char *name, *value;
};

/** An HTTP request to send. 0 takes the default. */
struct fl_request {
	const char *method; /* NULL: GET */
	const char *url;    /* http:// or https:// */
	struct fl_tls tls;
	const struct fl_header *headers; /* beyond Host, Accept, Content-Length, User-Agent */
	size_t header_count;
	const void *body;
	size_t body_length;
	int64_t connect_timeout_ns;    /* 10 s, resolving and TLS included */
	int64_t first_byte_timeout_ns; /* 10 s */
	int64_t idle_timeout_ns;       /* 10 s between bytes */
	size_t response_limit_bytes;   /* 32 MiB */
};

/** What came back. Redirects are not followed: 3xx is delivered as it is. */
struct fl_response {
	int status; /* 0: no answer, `reason` says why */
	enum fl_reason reason;
	const char *detail; /* with status 0: what exactly failed, never NULL */
	const char *body;   /* never NULL; a 0 byte follows */
	size_t length;
	int64_t retry_after_ns; /* from Retry-After, -1: absent */
	int64_t received_ns;
	const void *headers; /* core's */
};

/** A header of a response, NULL when absent; names compare without case. */
FL_API const char *fl_response_header(const struct fl_response *response, const char *name);

/**
 * Sends an HTTP request on a kept-alive connection; on_response(state, number, response) is called
 * once, never within this call.
 *
 * @param number  the plugin's own; one request in flight each
 * @return 0; -EBUSY: that number is in flight; -EINVAL: the URL; -EPERM: skip_verify;
 *         -EAGAIN: 1,000 are waiting
 */
FL_API int fl_request(struct fl_ctx *ctx, int number, const struct fl_request *request);

/** Forgets a request: on_response will not be called. */
FL_API void fl_request_cancel(struct fl_ctx *ctx, int number);

#endif
