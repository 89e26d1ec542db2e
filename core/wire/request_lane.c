/*
 * request_lane.c: one stream to an origin: dials, sends a request, reads its response, and is kept
 * for the next. One deadline at a time runs on it.
 *
 * `done` may close the pool, and with it the lane it is called from: `busy` keeps the memory then.
 */
#include "clock.h"
#include "request_parts.h"
#include "retry_after.h"

#include <stdio.h>
#include <stdlib.h>

enum { HEADER_LIMIT = 64 * 1024 };
static const int64_t keep_ns = 60 * FL_SECOND;

enum phase { DIALING, SENT, READING, KEPT };

struct lane {
	struct link link; /* origin->lanes; the one idle for longest comes first */
	struct origin *origin;
	struct stream *stream;
	struct http1 *http; /* of the present request */
	struct timer *timer;
	struct request *request; /* NULL: kept, or being answered right now */
	enum phase phase;
	int64_t received_ns;
	bool was_kept; /* an earlier request went over it */
	bool is_reusable;
	bool is_closed;
	int busy;
};

static struct requests *pool(const struct lane *lane)
{
	return lane->origin->requests;
}

static void release(struct lane *lane)
{
	if (--lane->busy == 0 && lane->is_closed)
		free(lane);
}

static void lane_close(struct lane *lane)
{
	if (lane->is_closed)
		return;
	lane->is_closed = true;
	list_remove(&lane->link);
	lane->origin->lane_count--;
	timer_destroy(lane->timer);
	http1_close(lane->http);
	stream_close(lane->stream);
	requests_schedule(pool(lane));
	if (lane->busy == 0)
		free(lane);
}

/**
 * A kept stream that its server closed before it can have seen the request: once more, if the
 * request may be repeated.
 */
static bool may_retry(const struct lane *lane, const struct request *request, enum fl_reason reason)
{
	return lane->was_kept && lane->phase == SENT && request->is_idempotent &&
		(reason == FL_REASON_END_OF_STREAM || reason == FL_REASON_RESET);
}

static void fail(struct lane *lane, enum fl_reason reason, const char *detail)
{
	struct request *request = lane->request;

	lane->busy++;
	lane->request = NULL;
	lane_close(lane);
	if (request != NULL && may_retry(lane, request, reason)) {
		request->is_retry = true;
		request_requeue(request);
	} else if (request != NULL) {
		request_fail(request, reason, detail);
	}
	release(lane);
}

/* ---- responses ---- */

static int64_t retry_after(const struct http1_headers *headers, int64_t now_ns)
{
	const char *date = http1_header(headers, "Date");

	/* By the server's own clock, where it tells it. */
	if (date != NULL)
		(void)http_date_parse(date, &now_ns);
	return retry_after_parse(http1_header(headers, "Retry-After"), now_ns);
}

static bool on_message(void *data, const struct http1_message *message)
{
	struct lane *lane = data;
	struct request *request = lane->request;
	const struct fl_response response = {
		.status = message->status,
		.detail = "",
		.body = message->body,
		.length = message->length,
		.retry_after_ns = retry_after(&message->headers, lane->received_ns),
		.received_ns = lane->received_ns,
		.headers = &message->headers,
	};

	http1_pause(lane->http); /* one response: what follows was not asked for */
	lane->is_reusable = message->keep_alive && !message->is_upgrade;
	lane->request = NULL;
	request_finish(request, &response);
	return !lane->is_closed;
}

static const struct http1_events http1_events = { .on_message = on_message };

static void keep(struct lane *lane)
{
	http1_close(lane->http);
	lane->http = NULL;
	lane->phase = KEPT;
	lane->was_kept = true;
	list_remove(&lane->link);
	list_append(&lane->origin->lanes, &lane->link);
	timer_start(lane->timer, keep_ns, 0);
	requests_schedule(pool(lane));
}

static void fail_by_http(struct lane *lane)
{
	const char *detail;
	int failure = http1_failure(lane->http, &detail);
	char text[160];

	snprintf(text, sizeof(text), "the response is no proper HTTP/1.1: %s", detail);
	if (failure == 413 || failure == 431)
		fail(lane, FL_REASON_TOO_LARGE, "the response is larger than the limit");
	else
		fail(lane, FL_REASON_PROTOCOL, text);
}

/* ---- the stream ---- */

static void send_request(struct lane *lane)
{
	struct request *request = lane->request;
	struct http1_limits limits = { HEADER_LIMIT, request->response_limit_bytes };

	if (http1_open(false, &limits, &http1_events, lane, &lane->http) < 0) {
		fail(lane, FL_REASON_MEMORY, "no memory");
		return;
	}
	if (request->is_head)
		http1_expect_no_body(lane->http);
	lane->phase = SENT;
	timer_start(lane->timer, request->first_byte_timeout_ns, 0);
	int error =
		stream_write(lane->stream, buf_bytes(&request->message), buf_length(&request->message));
	if (error == -ENOMEM)
		fail(lane, FL_REASON_MEMORY, "no memory");
	else if (error < 0)
		fail(lane, FL_REASON_RESET, "the connection is gone");
}

static bool on_open(void *data)
{
	struct lane *lane = data;
	struct request *request = lane->request;

	stream_timing(lane->stream, &request->resolve_ns, &request->connect_ns, &request->secure_ns);
	lane->busy++;
	send_request(lane);
	bool is_alive = !lane->is_closed;
	release(lane);
	return is_alive;
}

/** What a piece of the response has led to. */
static void settle(struct lane *lane, bool is_all_used)
{
	if (lane->is_closed)
		return;
	if (lane->request != NULL && http1_failure(lane->http, NULL) != 0)
		fail_by_http(lane);
	else if (lane->request != NULL)
		timer_start(lane->timer, lane->request->idle_timeout_ns, 0);
	else if (lane->is_reusable && is_all_used)
		keep(lane);
	else
		lane_close(lane);
}

static bool on_read(void *data, char *bytes, size_t length, int64_t received_ns)
{
	struct lane *lane = data;

	if (lane->phase == KEPT) { /* nothing was asked */
		lane_close(lane);
		return false;
	}
	lane->busy++;
	lane->received_ns = received_ns;
	lane->phase = READING;
	int64_t used = http1_feed(lane->http, bytes, length);
	settle(lane, used == (int64_t)length);
	bool is_alive = !lane->is_closed;
	release(lane);
	return is_alive;
}

static void on_end(void *data, enum fl_reason reason, const char *detail)
{
	struct lane *lane = data;

	lane->busy++;
	if (reason == FL_REASON_END_OF_STREAM && lane->phase == READING && !http1_finish(lane->http)) {
		release(lane); /* closed inside */
		return;
	}
	if (lane->request != NULL)
		fail(lane, reason, detail);
	else
		lane_close(lane);
	release(lane);
}

static const struct stream_events stream_events = {
	.on_open = on_open,
	.on_read = on_read,
	.on_end = on_end,
};

static void on_due(void *data)
{
	struct lane *lane = data;
	const char *authority = lane->origin->url.authority;
	char detail[384];

	if (lane->phase == KEPT) {
		lane_close(lane);
		return;
	}
	const struct request *request = lane->request;
	int64_t waited_ns = lane->phase == DIALING ? request->connect_timeout_ns
		: lane->phase == SENT                  ? request->first_byte_timeout_ns
											   : request->idle_timeout_ns;
	const char *what = lane->phase == DIALING ? "no connection to %s within %.3g s"
		: lane->phase == SENT                 ? "no answer from %s within %.3g s"
											  : "the answer from %s stopped for %.3g s";
	snprintf(detail, sizeof(detail), what, authority, (double)waited_ns / (double)FL_SECOND);
	fail(lane, lane->phase == READING ? FL_REASON_SILENT : FL_REASON_TIMED_OUT, detail);
}

/* ---- for request.c ---- */

void lane_open(struct origin *origin, struct request *request)
{
	const struct stream_target target = { .host = origin->url.host,
		.port = origin->url.port,
		.is_secure = origin->url.is_secure,
		.tls = { .ca_file = origin->ca_file, .skip_verify = origin->skip_verify } };
	struct loop *loop = origin->requests->loop;
	struct lane *lane = calloc(1, sizeof(*lane));
	int error = -ENOMEM;

	if (lane == NULL)
		goto fail_request;
	lane->origin = origin;
	lane->phase = DIALING;
	list_init(&lane->link);
	lane->timer = timer_create(loop, on_due, lane);
	if (lane->timer == NULL)
		goto free_lane;
	error = stream_dial(loop, &target, &stream_events, lane, &lane->stream);
	if (error < 0)
		goto destroy_timer;
	list_append(&origin->lanes, &lane->link);
	origin->lane_count++;
	list_remove(&request->link);
	request->lane = lane;
	lane->request = request;
	timer_start(lane->timer, request->connect_timeout_ns, 0);
	return;

destroy_timer:
	timer_destroy(lane->timer);
free_lane:
	free(lane);
fail_request:
	request_fail(request, error == -ENOMEM ? FL_REASON_MEMORY : FL_REASON_UNREACHABLE,
		error == -ENOMEM ? "no memory" : "the host cannot be dialled");
}

bool lane_take(struct origin *origin, struct request *request)
{
	/* The one used last: the others grow old and are closed. */
	for (struct link *item = origin->lanes.prev; item != &origin->lanes; item = item->prev) {
		struct lane *lane = container_of(item, struct lane, link);

		if (lane->phase != KEPT)
			continue;
		list_remove(&request->link);
		request->lane = lane;
		lane->request = request;
		send_request(lane);
		return true;
	}
	return false;
}

bool lane_drop_idle(struct origin *origin)
{
	struct link *item, *following;

	list_each (item, following, &origin->lanes) {
		struct lane *lane = container_of(item, struct lane, link);

		if (lane->phase != KEPT)
			continue;
		lane_close(lane);
		return true;
	}
	return false;
}

void lane_drop_request(struct lane *lane)
{
	lane->request = NULL;
	lane_close(lane);
}

void lanes_close(struct origin *origin)
{
	while (!list_is_empty(&origin->lanes)) {
		struct lane *lane = container_of(origin->lanes.next, struct lane, link);

		if (lane->request != NULL)
			request_cancel(lane->request); /* closes the lane too */
		else
			lane_close(lane);
	}
}
