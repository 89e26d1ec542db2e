/*
 * request.h: HTTP requests on kept-alive streams: deadlines, one at a time a stream, retry-after.
 */
#ifndef WIRE_REQUEST_H
#define WIRE_REQUEST_H

#include "http1.h"
#include "stream.h"

struct requests; /* a pool of streams by origin; at most 4 an origin, kept for 60 s */
struct request;

typedef void (*request_done)(void *data, const struct fl_response *response);

int requests_open(struct loop *loop, struct requests **out);
void requests_close(struct requests *requests); /* cancels all; takes NULL */

/**
 * Starts; `done` is called once, never within. A kept stream that the server closed under an
 * idempotent request is tried once more on a fresh one. Copies all it is given. Errors as
 * fl_request.
 */
int request_start(struct requests *requests, const struct fl_request *what, request_done done,
	void *data, struct request **out);
void request_cancel(struct request *request); /* `done` will not be called; takes NULL */
/** As stream_timing, for probes: of the stream it went over; 0 for a kept one. */
void request_timing(
	const struct request *request, int64_t *resolve_ns, int64_t *connect_ns, int64_t *secure_ns);

#endif
