/*
 * host_stop.c: the orderly stop: feeds first, then sinks drain, then services.
 */
#include "clock.h"
#include "host.h"
#include "instance_parts.h"
#include "log.h"
#include "observe.h"
#include "state.h"
#include "timer.h"

#include <inttypes.h>

static const int64_t LOOK_NS = 10 * FL_MS;
static const int64_t CLOSE_TIMEOUT_NS = 5 * FL_SECOND;

enum stage { STOP_FEEDS, STOP_DRAIN, STOP_SINKS, STOP_SERVICES, STOP_FILES, STOP_DONE };

static void stop_role(struct host *host, enum fl_role role)
{
	struct link *item, *following;

	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->role == role)
			instance_stop(ctx);
	}
}

static bool is_role_quiet(const struct host *host, enum fl_role role)
{
	struct link *item, *following;

	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->role == role && ctx->phase == INSTANCE_STOPPING && !instance_is_quiet(ctx))
			return false;
	}
	return true;
}

static void halt_role(struct host *host, enum fl_role role)
{
	struct link *item, *following;

	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->role == role)
			instance_halt(ctx);
	}
}

/* Records that a working sink has still to store. One that is down is not waited for: the journal
 * holds. */
static uint64_t waiting(const struct host *host)
{
	struct link *item, *following;
	struct stream_sums sums;
	uint64_t count = 0;
	char reason[200];

	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->role != FL_SINK || state_of(ctx, reason, sizeof(reason)) == STATE_DISCONNECTED)
			continue;
		stream_sums(ctx, &sums);
		count += sums.waiting;
	}
	return count;
}

/* What no sink has stored; a sink without a stream does not even know. */
static uint64_t left_behind(const struct host *host, bool *is_unknown)
{
	struct link *item, *following;
	struct stream_sums sums;
	uint64_t count = 0;

	*is_unknown = false;
	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->role != FL_SINK)
			continue;
		stream_sums(ctx, &sums);
		count += sums.waiting;
		*is_unknown |= sums.streams == 0;
	}
	return count;
}

static void give_up_the_rest(struct host *host)
{
	bool is_unknown;
	uint64_t count = left_behind(host, &is_unknown);

	host->is_drained = count == 0 && !is_unknown;
	if (count > 0)
		log_warn("feedloom", "%" PRIu64 " records wait in the journal for the next start", count);
	else if (is_unknown)
		log_warn("feedloom",
			"a sink has no store: what it lacks waits in the journal for the next start");
	/* What is published from here on would only be left behind too. */
	if (host->observer != NULL)
		timer_stop(host->observer);
}

/* Their last states go with the records that drain. */
static void say_stopped(struct host *host)
{
	struct link *item, *following;

	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->role == FL_FEED)
			observe_instance(ctx);
	}
}

/* What a stage begins with. */
static void enter(struct host *host, enum stage stage)
{
	host->stop_stage = stage;
	host->stage_deadline_ns = clock_monotonic_ns(host->parts.loop) + CLOSE_TIMEOUT_NS;
	switch (stage) {
	case STOP_FEEDS: stop_role(host, FL_FEED); break;
	case STOP_DRAIN:
		halt_role(host, FL_FEED);
		say_stopped(host);
		if (host->parts.bus != NULL)
			bus_hurry(host->parts.bus);
		host->stage_deadline_ns = host->stop_deadline_ns;
		break;
	case STOP_SINKS:
		give_up_the_rest(host);
		stop_role(host, FL_SINK);
		break;
	case STOP_SERVICES:
		halt_role(host, FL_SINK);
		stop_role(host, FL_SERVICE);
		break;
	case STOP_FILES: halt_role(host, FL_SERVICE); break;
	case STOP_DONE: break;
	}
}

static bool is_done(const struct host *host)
{
	switch ((enum stage)host->stop_stage) {
	case STOP_FEEDS: return is_role_quiet(host, FL_FEED);
	case STOP_DRAIN: return waiting(host) == 0;
	case STOP_SINKS: return is_role_quiet(host, FL_SINK);
	case STOP_SERVICES: return is_role_quiet(host, FL_SERVICE);
	case STOP_FILES: return host->databases_closing == 0;
	case STOP_DONE: break;
	}
	return true;
}

static void on_look(void *data)
{
	struct host *host = data;

	while (host->stop_stage != STOP_DONE) {
		bool is_late = clock_monotonic_ns(host->parts.loop) >= host->stage_deadline_ns;

		if (!is_done(host) && !is_late)
			return;
		enter(host, (enum stage)(host->stop_stage + 1));
	}
	timer_stop(host->stopping);
	host->on_stopped(host->on_stopped_data, host->is_drained);
}

void host_stop(struct host *host, int64_t deadline_ns,
	void (*on_stopped)(void *data, bool is_drained), void *data)
{
	if (host->is_stopping)
		return;
	host->is_stopping = true;
	host->on_stopped = on_stopped;
	host->on_stopped_data = data;
	host->stop_deadline_ns = clock_monotonic_ns(host->parts.loop) + deadline_ns;
	timer_destroy(host->reconciler);
	host->reconciler = NULL;
	enter(host, STOP_FEEDS);
	host->stopping = timer_create(host->parts.loop, on_look, host);
	if (host->stopping == NULL)
		on_stopped(data, false);
	else
		timer_start(host->stopping, LOOK_NS, LOOK_NS);
}
