/*
 * request_parts.h: what request.c (requests, queues) and request_lane.c (one kept stream) share.
 */
#ifndef WIRE_REQUEST_PARTS_H
#define WIRE_REQUEST_PARTS_H

#include "list.h"
#include "request.h"
#include "timer.h"
#include "url.h"

struct requests {
	struct loop *loop;
	struct link origins; /* freed by the turn's end only */
	size_t count;        /* of requests not yet answered */
	bool is_scheduled, is_running, is_closed;
};

struct origin {
	struct link link;
	struct requests *requests;
	struct url url; /* scheme, host, port, authority; the path is the first request's */
	char *ca_file;  /* "": the system's */
	bool skip_verify;
	struct link queue; /* requests waiting for a lane */
	struct link lanes;
	int lane_count;
};

struct request {
	struct link link; /* origin->queue */
	struct requests *requests;
	struct origin *origin;
	struct lane *lane;  /* NULL: in the queue */
	struct buf message; /* as it is sent */
	request_done done;
	void *data;
	int64_t connect_timeout_ns, first_byte_timeout_ns, idle_timeout_ns;
	size_t response_limit_bytes;
	int64_t resolve_ns, connect_ns, secure_ns;
	bool is_head, is_idempotent;
	bool is_retry; /* goes over a fresh lane */
	bool is_done;  /* within `done` */
};

/* request.c */
/** At the turn's end: what waits gets a lane, if there is one. */
void requests_schedule(struct requests *requests);
/** Back to the head of the queue. */
void request_requeue(struct request *request);
/** Calls `done` and frees. The pool may be gone afterwards. */
void request_finish(struct request *request, const struct fl_response *response);
void request_fail(struct request *request, enum fl_reason reason, const char *detail);

/* request_lane.c */
/** Dials one for `request`, or fails that. */
void lane_open(struct origin *origin, struct request *request);
/** Whether an idle lane took it. */
bool lane_take(struct origin *origin, struct request *request);
/** Closes the lane that has been idle for longest. */
bool lane_drop_idle(struct origin *origin);
/** With the request that is on it, without calling back. */
void lane_drop_request(struct lane *lane);
void lanes_close(struct origin *origin);

#endif
