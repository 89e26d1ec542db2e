/*
 * http1.h: HTTP/1.1 messages in and out (llhttp), with limits. Knows no socket. Requests of
 * servers, responses of clients, and the upgrade that becomes a WebSocket.
 */
#ifndef WIRE_HTTP1_H
#define WIRE_HTTP1_H

#include "buf.h"
#include <feedloom/conn.h>

struct http1;

/** Header lines of a message: names and values 0-terminated, owned by the message. */
struct http1_headers {
	const struct fl_header *items;
	size_t count;
};
/** Without case; several lines of one name: the first. NULL: absent. */
const char *http1_header(const struct http1_headers *headers, const char *name);

/** One complete message. Borrowed for the call. */
struct http1_message {
	const char *method; /* requests */
	const char *target; /* requests: as sent, "/v1/x?y=1" */
	int status;         /* responses; 1xx other than 101 are not delivered */
	int minor;          /* of HTTP/1.x */
	struct http1_headers headers;
	const char *body; /* never NULL; a 0 follows; chunked bodies joined */
	size_t length;
	bool keep_alive;
	bool is_upgrade; /* the bytes behind it are another protocol's */
};

struct http1_limits {
	size_t header_bytes, body_bytes;
};

struct http1_events {
	/** The head is complete: for "100-continue" and first-byte deadlines. May be NULL. */
	bool (*on_head)(void *data) FL_MUSTCHECK;
	/** @return false: the http1 was closed inside; feeding stops. */
	bool (*on_message)(void *data, const struct http1_message *message) FL_MUSTCHECK;
};

int http1_open(bool is_server, const struct http1_limits *limits, const struct http1_events *events,
	void *data, struct http1 **out);
/**
 * Takes bytes. Returns how many were used: all of them, or fewer after an upgrade message, after
 * http1_pause, or after a failure; -1: closed inside an upcall.
 */
int64_t http1_feed(struct http1 *http, const char *bytes, size_t length) FL_MUSTCHECK;
/** The peer ended its side: a response without length is complete now. false as above. */
bool http1_finish(struct http1 *http) FL_MUSTCHECK;
/**
 * 0, or the HTTP status that says what is wrong (400, 413, 414, 431, 501, 505); responses: 413 or
 * 431 over a limit, else 502.
 */
int http1_failure(const struct http1 *http, const char **detail);
/**
 * Stops behind the present message (pipelining: one answer at a time); and goes on, behind an
 * upgrade that was declined too.
 */
void http1_pause(struct http1 *http);
void http1_resume(struct http1 *http);
/** A response to HEAD has no body. */
void http1_expect_no_body(struct http1 *http);
/** The header lines of the present message, within on_head. */
void http1_head(struct http1 *http, struct http1_headers *out);
/** Between messages? */
bool http1_is_idle(const struct http1 *http);
void http1_close(struct http1 *http); /* frees; safe in upcalls; takes NULL */

/** Writes a request or response head; refuses (-EINVAL) names or values with control characters. */
int http1_write_request(struct buf *to, const char *method, const char *target,
	const char *authority, const struct fl_header *headers, size_t count, const void *body,
	size_t length);
/** Length of a response whose end is the connection's end (HTTP/1.0 knows no chunks). */
#define HTTP1_UNTIL_CLOSE INT64_C(-2)
/** length -1: chunked follows. The body, if any, is the caller's to append. */
int http1_write_response(struct buf *to, int status, const char *type,
	const struct fl_header *headers, size_t count, int64_t length, bool keep_alive);
int http1_write_chunk(struct buf *to, const void *bytes, size_t length); /* length 0: the last */
const char *http1_status_text(int status);

#endif
