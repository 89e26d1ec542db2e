#include "instance.h"

#include "bus_link.h"
#include "clock.h"
#include "command.h"
#include "error.h"
#include "gap.h"
#include "host.h"
#include "image.h"
#include "instance_parts.h"
#include "latency.h"
#include "log.h"
#include "mute.h"
#include "options.h"
#include "plan.h"
#include "quarantine.h"
#include "since.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_texts[] = { "connected", "degraded", "disconnected", "stopped",
	"quarantined" };

const char *instance_state_text(enum instance_state state)
{
	return state_texts[state];
}

static int make_maps(struct fl_ctx *ctx)
{
	struct map **maps[] = { &ctx->conns, &ctx->requests, &ctx->timers, &ctx->listeners,
		&ctx->streams, &ctx->databases, &ctx->subscriptions, &ctx->questions };

	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++) {
		*maps[i] = map_create();
		if (*maps[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static void free_maps(struct fl_ctx *ctx)
{
	map_destroy(ctx->conns);
	map_destroy(ctx->requests);
	map_destroy(ctx->timers);
	map_destroy(ctx->listeners);
	map_destroy(ctx->streams);
	map_destroy(ctx->databases);
	map_destroy(ctx->subscriptions);
	map_destroy(ctx->questions);
}

void instance_take(struct fl_ctx *ctx, struct image *image, void *options)
{
	char labels[96];

	ctx->image = image;
	ctx->plugin = image_plugin(image);
	ctx->role = ctx->plugin->role;
	ctx->options = options;
	snprintf(labels, sizeof(labels), "feed=\"%s\"", ctx->name);
	ctx->latency = ctx->role != FL_FEED
		? NULL
		: metrics_find(ctx->host->parts.metrics, FL_HISTOGRAM, "feedloom_persist_latency_seconds",
			  labels, "From the bytes leaving the socket to the commit of the row.");
	ctx->messages = ctx->role != FL_FEED
		? NULL
		: metrics_find(ctx->host->parts.metrics, FL_COUNTER, "feedloom_messages_total", labels,
			  "Messages received from the venue.");
}

/* Moves image, options and what they were read from. */
static void take_planned(struct fl_ctx *ctx, struct planned *planned)
{
	instance_take(ctx, planned->image, planned->options);
	ctx->written = planned->written;
	planned->image = NULL;
	planned->options = NULL;
	planned->written = NULL;
}

int instance_create(struct host *host, struct planned *planned, struct fl_ctx **out)
{
	struct fl_ctx *ctx = calloc(1, sizeof(*ctx));

	if (ctx == NULL || make_maps(ctx) < 0) {
		if (ctx != NULL)
			free_maps(ctx);
		free(ctx);
		return -ENOMEM;
	}
	ctx->host = host;
	snprintf(ctx->name, sizeof(ctx->name), "%s", planned->name);
	take_planned(ctx, planned);
	ctx->shown = STATE_DISCONNECTED;
	ctx->shown_since_ns = clock_real_ns(host->parts.loop);
	snprintf(ctx->shown_reason, sizeof(ctx->shown_reason), "starting");
	list_init(&ctx->coverages);
	ctx->number = quarantine_number(host->parts.quarantine, ctx->name);
	list_append(&host->instances, &ctx->link);
	*out = ctx;
	return 0;
}

/* ---- life ---- */

uint32_t instance_enter(struct fl_ctx *ctx)
{
	volatile uint32_t *on_stack = ctx->host->on_stack;
	uint32_t before = *on_stack;

	*on_stack = ctx->number;
	ctx->depth++;
	return before;
}

void instance_leave(struct fl_ctx *ctx, uint32_t before)
{
	ctx->depth--;
	*ctx->host->on_stack = before;
}

static int make_state(struct fl_ctx *ctx)
{
	uint32_t before;
	int result;

	if (ctx->state != NULL)
		return 0;
	before = instance_enter(ctx);
	result = ctx->plugin->create(ctx, ctx->options, &ctx->state);
	instance_leave(ctx, before);
	return result;
}

static int enter_start(struct fl_ctx *ctx)
{
	return ctx->plugin->start(ctx->state);
}

static int enter_probe(struct fl_ctx *ctx)
{
	return ctx->plugin->probe(ctx->state);
}

static int enter_backfill(struct fl_ctx *ctx)
{
	const struct backfill *backfill = &ctx->host->backfill;

	if (ctx->plugin->backfill == NULL)
		return -ENOTSUP;
	return ctx->plugin->backfill(ctx->state, backfill->what, backfill->json);
}

static int begin(struct fl_ctx *ctx, int (*enter)(struct fl_ctx *ctx), const char *what)
{
	uint32_t before;
	int result;

	ctx->source = bus_link_source(ctx);
	result = make_state(ctx);
	if (result == 0) {
		ctx->phase = INSTANCE_RUNNING;
		bus_link_begin(ctx);
		gap_process_begin(ctx);
		ctx->has_started = true;
		before = instance_enter(ctx);
		result = enter(ctx);
		instance_leave(ctx, before);
	}
	if (result == 0)
		return 0;
	log_error(ctx->name, "%s failed: %s", what, error_text(result));
	instance_halt(ctx);
	ctx->phase = INSTANCE_FAILED;
	ctx->health = FL_DISCONNECTED;
	snprintf(
		ctx->health_reason, sizeof(ctx->health_reason), "%s failed: %s", what, error_text(result));
	return result;
}

int instance_start(struct fl_ctx *ctx)
{
	ctx->health = FL_HEALTHY;
	ctx->health_reason[0] = '\0';
	ctx->is_quarantined = quarantine_holds(
		ctx->host->parts.quarantine, ctx->name, ctx->health_reason, sizeof(ctx->health_reason));
	if (ctx->is_quarantined) {
		log_error(ctx->name, "quarantined, not started: %s", ctx->health_reason);
		return -EPERM;
	}
	if (ctx->host->backfill.what != NULL && ctx->role == FL_FEED)
		return begin(ctx, enter_backfill, "backfill");
	return begin(ctx, enter_start, "start");
}

int instance_probe(struct fl_ctx *ctx)
{
	ctx->is_probe = true;
	return begin(ctx, enter_probe, "probe");
}

void instance_stop(struct fl_ctx *ctx)
{
	uint32_t before;

	if (ctx->phase != INSTANCE_RUNNING)
		return;
	ctx->phase = INSTANCE_STOPPING;
	if (ctx->plugin->stop != NULL) {
		before = instance_enter(ctx);
		ctx->plugin->stop(ctx->state);
		instance_leave(ctx, before);
	}
	instance_parts_stop(ctx);
}

bool instance_is_quiet(const struct fl_ctx *ctx)
{
	return ctx->depth == 0 && map_count(ctx->conns) == 0 && instance_databases_are_idle(ctx);
}

/* What it said of itself goes with it: what is stopped is not in the coverage. */
static void forget_coverage(struct fl_ctx *ctx)
{
	struct link *item, *following;

	list_each (item, following, &ctx->coverages) {
		list_remove(item);
		free(container_of(item, struct coverage, link));
	}
}

void instance_halt(struct fl_ctx *ctx)
{
	uint32_t before;

	mute_stop(ctx);
	instance_parts_close(ctx);
	forget_coverage(ctx);
	command_forget(ctx);
	if (ctx->state != NULL) {
		before = instance_enter(ctx);
		ctx->plugin->destroy(ctx->state);
		instance_leave(ctx, before);
	}
	ctx->state = NULL;
	ctx->phase = INSTANCE_STOPPED;
}

int instance_reconfigure(struct fl_ctx *ctx, const void *options)
{
	uint32_t before;
	int result;

	if (ctx->phase != INSTANCE_RUNNING || ctx->plugin->reconfigure == NULL)
		return -ENOTSUP;
	before = instance_enter(ctx);
	result = ctx->plugin->reconfigure(ctx->state, options);
	instance_leave(ctx, before);
	return result;
}

void instance_replace(struct fl_ctx *ctx, struct planned *planned)
{
	options_free(ctx->options);
	image_close(ctx->image);
	written_free(ctx->written);
	take_planned(ctx, planned);
	planned_destroy(planned);
}

void instance_destroy(struct fl_ctx *ctx)
{
	if (ctx == NULL)
		return;
	instance_halt(ctx);
	planned_destroy(ctx->next);
	latency_finish(ctx);
	mute_finish(ctx);
	free_maps(ctx);
	options_free(ctx->options);
	image_close(ctx->image);
	written_free(ctx->written);
	if (ctx->since != NULL && *ctx->since == 0) /* else the next process needs to know */
		since_give(ctx->since);
	list_remove(&ctx->link);
	free(ctx);
}

/* ---- calls into the plugin ---- */

static bool can_call(const struct fl_ctx *ctx)
{
	return ctx->state != NULL &&
		(ctx->phase == INSTANCE_RUNNING || ctx->phase == INSTANCE_STOPPING);
}

/* Calls a callback if the plugin has it; the depth tells a swap that code is on the stack. */
#define CALL(ctx, callback, ...)                                                                   \
	do {                                                                                           \
		if (can_call(ctx) && (ctx)->plugin->callback != NULL) {                                    \
			uint32_t before_call = instance_enter(ctx);                                            \
			(ctx)->plugin->callback((ctx)->state, __VA_ARGS__);                                    \
			instance_leave(ctx, before_call);                                                      \
		}                                                                                          \
	} while (0)

void instance_on_connection(
	struct fl_ctx *ctx, int conn, enum fl_conn_state now, enum fl_reason reason)
{
	CALL(ctx, on_connection, conn, now, reason);
}

void instance_message(struct fl_ctx *ctx, int conn, const struct fl_message *message)
{
	if (ctx->messages != NULL)
		fl_metric_add(ctx->messages, 1);
	CALL(ctx, on_message, conn, message);
}

void instance_on_response(struct fl_ctx *ctx, int number, const struct fl_response *response)
{
	CALL(ctx, on_response, number, response);
}

void instance_on_timer(struct fl_ctx *ctx, int timer)
{
	CALL(ctx, on_timer, timer);
}

int instance_on_accept(
	struct fl_ctx *ctx, int listener, int conn, const struct fl_http_request *request)
{
	uint32_t before;
	int status = 503;

	if (ctx->phase != INSTANCE_RUNNING || ctx->state == NULL || ctx->plugin->on_accept == NULL)
		return status;
	before = instance_enter(ctx);
	status = ctx->plugin->on_accept(ctx->state, listener, conn, request);
	instance_leave(ctx, before);
	return status;
}

bool instance_on_request(
	struct fl_ctx *ctx, int listener, int exchange, const struct fl_http_request *request)
{
	if (!can_call(ctx) || ctx->plugin->on_request == NULL)
		return false;
	CALL(ctx, on_request, listener, exchange, request);
	return true;
}

void instance_on_result(struct fl_ctx *ctx, int db, int number, const struct fl_result *result)
{
	CALL(ctx, on_result, db, number, result);
}

void instance_on_record(struct fl_ctx *ctx, int subscription, const struct fl_record *record)
{
	CALL(ctx, on_record, subscription, record);
}

bool instance_on_batch(struct fl_ctx *ctx, const char *stream, const struct fl_batch *batch)
{
	if (!can_call(ctx) || ctx->is_waiting)
		return false;
	CALL(ctx, on_batch, stream, batch);
	return true;
}

bool instance_takes_command(const struct fl_ctx *ctx, const char *name)
{
	const struct fl_command_info *info = ctx->plugin->commands;

	if (ctx->plugin->on_command == NULL || info == NULL)
		return false;
	for (; info->name != NULL; info++)
		if (strcmp(info->name, name) == 0)
			return true;
	return false;
}

bool instance_on_command(struct fl_ctx *ctx, int command, const char *name, const char *json)
{
	if (ctx->phase != INSTANCE_RUNNING)
		return false;
	CALL(ctx, on_command, command, name, json);
	return true;
}

void instance_on_reply(struct fl_ctx *ctx, int number, int status, const char *json, bool more)
{
	CALL(ctx, on_reply, number, status, json, more);
}
