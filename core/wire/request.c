/*
 * request.c: requests and the queue of each origin. Lanes are given out at the turn's end, so
 * nothing is called back within request_start.
 */
#include "request.h"
#include "clock.h"
#include "request_parts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	LANES_MAX = 4,       /* of an origin */
	REQUESTS_MAX = 1000, /* not yet answered, of all origins */
	HEADERS_MAX = 64,    /* of a request */
	RESPONSE_LIMIT = 32 * 1024 * 1024,
};

/* ---- origins ---- */

static void origin_destroy(struct origin *origin)
{
	list_remove(&origin->link);
	free(origin->ca_file);
	free(origin);
}

static bool is_same(const struct origin *origin, const struct url *url, const struct fl_tls *tls)
{
	return origin->url.is_secure == url->is_secure && origin->url.port == url->port &&
		origin->skip_verify == tls->skip_verify && strcmp(origin->url.host, url->host) == 0 &&
		strcmp(origin->ca_file, tls->ca_file == NULL ? "" : tls->ca_file) == 0;
}

static struct origin *origin_get(
	struct requests *requests, const struct url *url, const struct fl_tls *tls)
{
	struct link *item, *following;

	list_each (item, following, &requests->origins) {
		struct origin *origin = container_of(item, struct origin, link);

		if (is_same(origin, url, tls))
			return origin;
	}
	struct origin *origin = calloc(1, sizeof(*origin));
	if (origin == NULL)
		return NULL;
	origin->requests = requests;
	origin->url = *url;
	origin->skip_verify = tls->skip_verify;
	origin->ca_file = strdup(tls->ca_file == NULL ? "" : tls->ca_file);
	if (origin->ca_file == NULL) {
		free(origin);
		return NULL;
	}
	list_init(&origin->queue);
	list_init(&origin->lanes);
	list_append(&requests->origins, &origin->link);
	return origin;
}

/** Gives lanes to those that wait. Failures call back, so the pool may be closed inside. */
static void dispatch(struct origin *origin)
{
	struct requests *requests = origin->requests;

	while (!requests->is_closed && !list_is_empty(&origin->queue)) {
		struct request *request = container_of(origin->queue.next, struct request, link);

		if (!request->is_retry && lane_take(origin, request))
			continue;
		if (origin->lane_count >= LANES_MAX && !lane_drop_idle(origin))
			return;
		lane_open(origin, request);
	}
}

static bool is_unused(const struct origin *origin)
{
	return list_is_empty(&origin->queue) && list_is_empty(&origin->lanes);
}

static void run(void *data)
{
	struct requests *requests = data;
	struct link *item, *following;

	requests->is_scheduled = false;
	requests->is_running = true;
	list_each (item, following, &requests->origins) {
		struct origin *origin = container_of(item, struct origin, link);

		dispatch(origin);
		if (is_unused(origin))
			origin_destroy(origin);
	}
	requests->is_running = false;
	if (requests->is_closed && !requests->is_scheduled)
		free(requests);
}

void requests_schedule(struct requests *requests)
{
	if (!requests->is_scheduled)
		requests->is_scheduled = loop_defer(requests->loop, run, requests) == 0;
}

int requests_open(struct loop *loop, struct requests **out)
{
	struct requests *requests = calloc(1, sizeof(*requests));

	if (requests == NULL)
		return -ENOMEM;
	requests->loop = loop;
	list_init(&requests->origins);
	*out = requests;
	return 0;
}

/* ---- one request ---- */

static void destroy(struct request *request)
{
	buf_finish(&request->message);
	free(request);
}

void request_requeue(struct request *request)
{
	request->lane = NULL;
	list_append(request->origin->queue.next, &request->link);
	requests_schedule(request->requests);
}

void request_finish(struct request *request, const struct fl_response *response)
{
	list_remove(&request->link);
	request->requests->count--;
	request->lane = NULL;
	request->is_done = true;
	request->done(request->data, response);
	destroy(request);
}

void request_fail(struct request *request, enum fl_reason reason, const char *detail)
{
	const struct fl_response response = { .reason = reason,
		.detail = detail,
		.body = "",
		.retry_after_ns = -1,
		.received_ns = clock_real_ns(request->requests->loop) };

	request_finish(request, &response);
}

static bool has_header(const struct fl_request *what, const char *name)
{
	for (size_t i = 0; i < what->header_count; i++)
		if (what->headers[i].name != NULL && strcasecmp(what->headers[i].name, name) == 0)
			return true;
	return false;
}

static int write_message(struct request *request, const struct fl_request *what, const char *method,
	const struct url *url)
{
	struct fl_header headers[HEADERS_MAX + 2];
	size_t count = 0;

	if (what->header_count > HEADERS_MAX || has_header(what, "Host"))
		return -EINVAL;
	if (!has_header(what, "Accept"))
		headers[count++] = (struct fl_header){ "Accept", "application/json" };
	if (!has_header(what, "User-Agent"))
		headers[count++] = (struct fl_header){ "User-Agent", "feedloom" };
	for (size_t i = 0; i < what->header_count; i++)
		headers[count++] = what->headers[i];
	return http1_write_request(&request->message, method, url->path, url->authority, headers, count,
		what->body, what->body_length);
}

static int64_t or_ns(int64_t value)
{
	return value > 0 ? value : 10 * FL_SECOND;
}

static int prepare(struct request *request, const struct fl_request *what, const struct url *url)
{
	const char *method = what->method != NULL ? what->method : "GET";
	int error = write_message(request, what, method, url);

	if (error < 0)
		return error;
	request->origin = origin_get(request->requests, url, &what->tls);
	if (request->origin == NULL)
		return -ENOMEM;
	request->is_head = strcmp(method, "HEAD") == 0;
	request->is_idempotent = request->is_head || strcmp(method, "GET") == 0;
	request->connect_timeout_ns = or_ns(what->connect_timeout_ns);
	request->first_byte_timeout_ns = or_ns(what->first_byte_timeout_ns);
	request->idle_timeout_ns = or_ns(what->idle_timeout_ns);
	request->response_limit_bytes =
		what->response_limit_bytes > 0 ? what->response_limit_bytes : RESPONSE_LIMIT;
	return 0;
}

int request_start(struct requests *requests, const struct fl_request *what, request_done done,
	void *data, struct request **out)
{
	struct url url;

	if (what->url == NULL || url_parse(what->url, &url) < 0 || url.is_websocket)
		return -EINVAL;
	if (what->tls.skip_verify && !url_is_loopback(url.host))
		return -EPERM;
	if (requests->is_closed || requests->count >= REQUESTS_MAX)
		return -EAGAIN;
	struct request *request = calloc(1, sizeof(*request));
	if (request == NULL)
		return -ENOMEM;
	request->requests = requests;
	request->done = done;
	request->data = data;
	list_init(&request->link);
	buf_init(&request->message, 0);
	int error = prepare(request, what, &url);
	if (error < 0) {
		destroy(request);
		return error;
	}
	list_append(&request->origin->queue, &request->link);
	requests->count++;
	requests_schedule(requests);
	*out = request;
	return 0;
}

void request_cancel(struct request *request)
{
	if (request == NULL || request->is_done)
		return;
	list_remove(&request->link);
	request->requests->count--;
	requests_schedule(request->requests); /* an origin may be unused now */
	if (request->lane != NULL)
		lane_drop_request(request->lane);
	destroy(request);
}

void request_timing(
	const struct request *request, int64_t *resolve_ns, int64_t *connect_ns, int64_t *secure_ns)
{
	*resolve_ns = request->resolve_ns;
	*connect_ns = request->connect_ns;
	*secure_ns = request->secure_ns;
}

void requests_close(struct requests *requests)
{
	struct link *item, *following;

	if (requests == NULL || requests->is_closed)
		return;
	list_each (item, following, &requests->origins) {
		struct origin *origin = container_of(item, struct origin, link);

		while (!list_is_empty(&origin->queue))
			request_cancel(container_of(origin->queue.next, struct request, link));
		lanes_close(origin);
		if (!requests->is_running)
			origin_destroy(origin);
	}
	requests->is_closed = true;
	if (!requests->is_scheduled && !requests->is_running)
		free(requests);
}

const char *response_header(const struct fl_response *response, const char *name)
{
	return response->headers == NULL ? NULL : http1_header(response->headers, name);
}
