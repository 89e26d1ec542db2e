/*
 * instance_timer.c: an instance's timers and requests by number.
 */
#include "clock.h"
#include "host.h"
#include "instance_parts.h"
#include "kept.h"
#include "log.h"
#include "timer.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>

enum { REQUESTS_MAX = 1000 };

/* ---- timers ---- */

static void forget_timer(struct instance_timer *entry)
{
	map_remove_number(entry->owner->timers, (uint64_t)entry->number);
	timer_destroy(entry->timer);
	free(entry);
}

static void on_due(void *data)
{
	struct instance_timer *entry = data;
	struct fl_ctx *ctx = entry->owner;
	int number = entry->number;

	/* One that is over leaves the table: who counts his timers up must not fill it. */
	if (!timer_is_running(entry->timer))
		forget_timer(entry);
	else
		entry->due_ns = clock_monotonic_ns(ctx->host->parts.loop) + entry->repeat_ns;
	instance_on_timer(ctx, number);
}

static struct instance_timer *find_timer(const struct fl_ctx *ctx, int number)
{
	return map_get_number(ctx->timers, (uint64_t)number);
}

static struct instance_timer *add_timer(struct fl_ctx *ctx, int number)
{
	struct instance_timer *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		return NULL;
	*entry = (struct instance_timer){ .owner = ctx, .number = number };
	entry->timer = timer_create(ctx->host->parts.loop, on_due, entry);
	if (entry->timer == NULL)
		goto free_entry;
	if (map_set_number(ctx->timers, (uint64_t)number, entry) == 0)
		return entry;
	timer_destroy(entry->timer);
free_entry:
	free(entry);
	return NULL;
}

static int start_timer(struct fl_ctx *ctx, int number, int64_t delay_ns, int64_t repeat_ns)
{
	struct instance_timer *entry = find_timer(ctx, number);

	if (entry == NULL)
		entry = add_timer(ctx, number);
	if (entry == NULL)
		return -ENOMEM;
	entry->life = ctx->life;
	entry->repeat_ns = repeat_ns;
	entry->due_ns = clock_monotonic_ns(ctx->host->parts.loop) + delay_ns;
	timer_start(entry->timer, delay_ns, repeat_ns);
	return 0;
}

/* Of a new life's start: one that runs with this repeat is adopted, and comes when it was to come
 * if that is sooner, else reloads in a row would put it off for ever. */
static int run_timer_start(struct fl_ctx *ctx, const struct kept_call *call)
{
	struct instance_timer *entry = find_timer(ctx, call->number);
	int64_t due_ns = clock_monotonic_ns(ctx->host->parts.loop) + call->x;

	if (entry != NULL && timer_is_running(entry->timer) && entry->repeat_ns == call->y &&
		entry->due_ns <= due_ns) {
		entry->life = ctx->life;
		return 0;
	}
	return start_timer(ctx, call->number, call->x, call->y);
}

int fl_timer_start(struct fl_ctx *ctx, int number, int64_t delay_ns, int64_t repeat_ns)
{
	if (!kept_is_on(ctx))
		return start_timer(ctx, number, delay_ns, repeat_ns);
	return kept_add(ctx,
		&(struct kept_call){
			.run = run_timer_start, .number = number, .x = delay_ns, .y = repeat_ns });
}

static int run_timer_stop(struct fl_ctx *ctx, const struct kept_call *call)
{
	fl_timer_stop(ctx, call->number);
	return 0;
}

void fl_timer_stop(struct fl_ctx *ctx, int number)
{
	struct instance_timer *entry = find_timer(ctx, number);

	if (kept_is_on(ctx))
		(void)kept_add(ctx, &(struct kept_call){ .run = run_timer_stop, .number = number });
	else if (entry != NULL)
		forget_timer(entry);
}

bool fl_timer_is_running(const struct fl_ctx *ctx, int number)
{
	const struct kept_call *asked = kept_find(ctx, run_timer_start, run_timer_stop, number);
	struct instance_timer *entry = find_timer(ctx, number);

	if (asked != NULL)
		return asked->run == run_timer_start;
	return entry != NULL && timer_is_running(entry->timer);
}

void instance_timers_sweep(struct fl_ctx *ctx)
{
	struct instance_timer *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->timers, &at, NULL, NULL)) != NULL)
		if (entry->life != ctx->life && entry->repeat_ns != 0)
			forget_timer(entry);
}

void instance_timers_close(struct fl_ctx *ctx)
{
	struct instance_timer *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->timers, &at, NULL, NULL)) != NULL)
		forget_timer(entry);
}

/* ---- requests ---- */

static void on_response(void *data, const struct fl_response *response)
{
	struct instance_request *entry = data;
	struct fl_ctx *ctx = entry->owner;
	int number = entry->number;

	/* Out of the table first: the plugin may send the next one under the same number. */
	map_remove_number(ctx->requests, (uint64_t)number);
	free(entry);
	instance_on_response(ctx, number, response);
}

static void cancel(struct fl_ctx *ctx, int number)
{
	struct instance_request *entry = map_remove_number(ctx->requests, (uint64_t)number);

	if (entry == NULL)
		return;
	request_cancel(entry->request);
	free(entry);
}

static int run_cancel(struct fl_ctx *ctx, const struct kept_call *call)
{
	cancel(ctx, call->number);
	return 0;
}

enum { KEPT_HEADERS = 32 };

static int run_request(struct fl_ctx *ctx, const struct kept_call *call)
{
	struct fl_header headers[KEPT_HEADERS];
	struct fl_request request;

	memcpy(&request, call->data, sizeof(request));
	request.method = call->texts[0];
	request.url = call->texts[1];
	request.tls.ca_file = call->texts[2];
	for (size_t i = 0; i < request.header_count; i++)
		headers[i] = (struct fl_header){ call->texts[3 + 2 * i], call->texts[4 + 2 * i] };
	request.headers = headers;
	request.body = (const char *)call->data + sizeof(request);
	return fl_request(ctx, call->number, &request);
}

static int keep_request(struct fl_ctx *ctx, int number, const struct fl_request *request)
{
	const char *texts[3 + 2 * KEPT_HEADERS] = { request->method, request->url,
		request->tls.ca_file };
	struct kept_call call = { .run = run_request,
		.number = number,
		.length = sizeof(*request) + request->body_length,
		.texts = texts,
		.text_count = 3 + 2 * request->header_count };
	char *data;
	int result;

	if (request->header_count > KEPT_HEADERS)
		return -E2BIG;
	data = malloc(call.length);
	if (data == NULL)
		return -ENOMEM;
	memcpy(data, request, sizeof(*request));
	if (request->body_length > 0)
		memcpy(data + sizeof(*request), request->body, request->body_length);
	for (size_t i = 0; i < request->header_count; i++) {
		texts[3 + 2 * i] = request->headers[i].name;
		texts[4 + 2 * i] = request->headers[i].value;
	}
	call.data = data;
	result = kept_add(ctx, &call);
	free(data);
	return result;
}

int fl_request(struct fl_ctx *ctx, int number, const struct fl_request *request)
{
	struct instance_request *entry;
	int result;

	if (kept_is_on(ctx)) {
		if (map_get_number(ctx->requests, (uint64_t)number) != NULL &&
			kept_find(ctx, run_cancel, NULL, number) == NULL)
			return -EBUSY;
		return keep_request(ctx, number, request);
	}

	if (map_get_number(ctx->requests, (uint64_t)number) != NULL)
		return -EBUSY;
	if (map_count(ctx->requests) >= REQUESTS_MAX)
		return -EAGAIN;
	if (ctx->phase != INSTANCE_RUNNING)
		return -ECANCELED;
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return -ENOMEM;
	*entry = (struct instance_request){ .owner = ctx, .number = number };
	result = map_set_number(ctx->requests, (uint64_t)number, entry);
	if (result < 0)
		goto free_entry;
	result = request_start(ctx->host->requests, request, on_response, entry, &entry->request);
	if (result == 0)
		return 0;
	if (result == -EPERM || result == -EINVAL)
		log_error(ctx->name, "%s: %s", request->url == NULL ? "(no URL)" : request->url,
			result == -EPERM
				? "`verify: false` is only for loopback hosts; give `tls: { ca_file: ... }`"
				: "not a request: the URL must be http:// or https://, Host is not to be set");
	map_remove_number(ctx->requests, (uint64_t)number);
free_entry:
	free(entry);
	return result;
}

void fl_request_cancel(struct fl_ctx *ctx, int number)
{
	if (kept_is_on(ctx))
		(void)kept_add(ctx, &(struct kept_call){ .run = run_cancel, .number = number });
	else
		cancel(ctx, number);
}

void instance_requests_close(struct fl_ctx *ctx)
{
	struct instance_request *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->requests, &at, NULL, NULL)) != NULL)
		cancel(ctx, entry->number);
}

const char *fl_response_header(const struct fl_response *response, const char *name)
{
	return response_header(response, name);
}
