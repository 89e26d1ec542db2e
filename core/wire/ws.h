/*
 * ws.h: WebSocket frames to messages and back (RFC 6455), client and server, over bytes that others
 * bring. ws_frame.h reads the heads of frames, wslay's frame API makes those that are sent; this
 * file assembles messages, answers pings and close frames, and checks.
 */
#ifndef WIRE_WS_H
#define WIRE_WS_H

#include "buf.h"
#include "loop.h"
#include <feedloom/conn.h>

struct ws;

struct ws_events {
	void (*on_send)(void *data, const char *bytes, size_t length); /* frames to send */
	/** A whole message, padded (FL_MESSAGE_PADDING). @return false: the ws was closed inside. */
	bool (*on_message)(void *data, const struct fl_message *message) FL_MUSTCHECK;
	/** A ping or pong arrived (ping already answered). May be NULL. @return as above. */
	bool (*on_control)(void *data, bool is_pong) FL_MUSTCHECK;
	/** The peer's close frame (already answered). `code` 1005: none given. @return as above. */
	bool (*on_close)(void *data, int code, const char *why, size_t length) FL_MUSTCHECK;
};

/** `check_text`: text messages are checked for UTF-8 here (servers); else whoever parses them does.
 */
int ws_open(struct loop *loop, bool is_client, size_t message_limit_bytes, bool check_text,
	const struct ws_events *events, void *data, struct ws **out);
/** Takes bytes, and may write into them. false: closed inside an upcall, or failed (ws_failure says
 * why; a close frame was sent). */
bool ws_feed(struct ws *ws, char *bytes, size_t length, int64_t received_ns) FL_MUSTCHECK;
enum fl_reason ws_failure(const struct ws *ws, char *detail, size_t size); /* NONE: not failed */
int ws_send(struct ws *ws, bool is_text, const void *data, size_t length);
/** As ws_send of text, in frames of `piece` bytes at most; `pings`: one between any two. */
int ws_send_pieces(struct ws *ws, const void *data, size_t length, size_t piece, bool pings);
int ws_ping(struct ws *ws);
/** Sends a close frame, once. */
void ws_end(struct ws *ws, int code, const char *why);
/** The Sec-WebSocket-Accept that answers `key`. */
void ws_accept_key(const char *key, char out[32]);
void ws_close(struct ws *ws); /* frees; safe in upcalls; takes NULL */

#endif
