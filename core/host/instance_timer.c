/*
 * instance_timer.c: an instance's timers and requests by number.
 */
#include "host.h"
#include "instance_parts.h"
#include "log.h"
#include "timer.h"
#include "url.h"

#include <stdlib.h>

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

int fl_timer_start(struct fl_ctx *ctx, int number, int64_t delay_ns, int64_t repeat_ns)
{
	struct instance_timer *entry = find_timer(ctx, number);

	if (entry == NULL)
		entry = add_timer(ctx, number);
	if (entry == NULL)
		return -ENOMEM;
	timer_start(entry->timer, delay_ns, repeat_ns);
	return 0;
}

void fl_timer_stop(struct fl_ctx *ctx, int number)
{
	struct instance_timer *entry = find_timer(ctx, number);

	if (entry != NULL)
		forget_timer(entry);
}

bool fl_timer_is_running(const struct fl_ctx *ctx, int number)
{
	struct instance_timer *entry = find_timer(ctx, number);

	return entry != NULL && timer_is_running(entry->timer);
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

int fl_request(struct fl_ctx *ctx, int number, const struct fl_request *request)
{
	struct instance_request *entry;
	int result;

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
	struct instance_request *entry = map_remove_number(ctx->requests, (uint64_t)number);

	if (entry == NULL)
		return;
	request_cancel(entry->request);
	free(entry);
}

void instance_requests_close(struct fl_ctx *ctx)
{
	struct instance_request *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->requests, &at, NULL, NULL)) != NULL)
		fl_request_cancel(ctx, entry->number);
}

const char *fl_response_header(const struct fl_response *response, const char *name)
{
	return response_header(response, name);
}
