#include "reconcile.h"

#include "clock.h"
#include "diff.h"
#include "gap.h"
#include "log.h"
#include "observe.h"
#include "quarantine.h"
#include "timer.h"

#include <string.h>

static const int64_t STOP_TIMEOUT_NS = 5 * FL_SECOND;
static const int64_t LOOK_NS = 20 * FL_MS;

/* ---- instances that stop ---- */

/* The journal keeps what the store of a configured sink may lack. */
static void expect(struct host *host, const char *name, bool is_sink)
{
	if (host->parts.bus != NULL)
		(void)bus_expect(host->parts.bus, name, is_sink);
}

static bool is_departing(const struct fl_ctx *ctx)
{
	return ctx->phase == INSTANCE_STOPPING;
}

/* The end of a stop: what was to follow it. */
static void arrive(struct fl_ctx *ctx)
{
	struct planned *next = ctx->next;

	instance_halt(ctx);
	ctx->next = NULL;
	if (ctx->is_leaving) {
		log_info(ctx->name, "removed");
		if (ctx->role == FL_SINK)
			expect(ctx->host, ctx->name, false);
		planned_destroy(next);
		instance_destroy(ctx);
		return;
	}
	if (next != NULL && next->role != ctx->role)
		expect(ctx->host, ctx->name, next->role == FL_SINK);
	if (next != NULL)
		instance_replace(ctx, next);
	/* A stop by request outlasts a new configuration. */
	if (!ctx->is_held && !ctx->is_orphan && !ctx->host->is_stopping)
		(void)instance_start(ctx);
}

static void on_look(void *data)
{
	struct host *host = data;
	int64_t now_ns = clock_monotonic_ns(host->parts.loop);
	struct link *item, *following;
	bool is_any = false;

	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (!is_departing(ctx))
			continue;
		if (instance_is_quiet(ctx) || now_ns >= ctx->stop_deadline_ns)
			arrive(ctx);
		else
			is_any = true;
	}
	if (!is_any)
		timer_stop(host->reconciler);
}

void reconcile_watch(struct host *host)
{
	if (host->reconciler == NULL)
		host->reconciler = timer_create(host->parts.loop, on_look, host);
	if (host->reconciler != NULL)
		timer_start(host->reconciler, LOOK_NS, LOOK_NS);
}

static void depart(struct fl_ctx *ctx)
{
	ctx->stop_deadline_ns = clock_monotonic_ns(ctx->host->parts.loop) + STOP_TIMEOUT_NS;
	if (ctx->phase == INSTANCE_RUNNING)
		instance_stop(ctx);
	else if (ctx->phase != INSTANCE_STOPPING)
		ctx->phase =
			INSTANCE_STOPPING; /* failed or held: nothing is open, it arrives at the next look */
	reconcile_watch(ctx->host);
}

void reconcile_orphan(struct fl_ctx *ctx)
{
	ctx->is_orphan = true;
	log_warn(ctx->name, "stopped: the file of its plugin is gone (%s); it starts when it is back",
		image_path(ctx->image));
	gap_restart_begin(ctx);
	depart(ctx);
	observe_instance(ctx);
}

int host_hold(struct host *host, struct fl_ctx *ctx)
{
	if (ctx->is_held)
		return 0;
	ctx->is_held = true;
	ctx->stopped_ns = clock_real_ns(host->parts.loop);
	gap_feed(ctx, "stopped", ctx->stopped_ns, 0, "stopped by request");
	log_info(
		ctx->name, "stopped by request; it stays so until it is started or the process restarts");
	depart(ctx);
	observe_instance(ctx);
	return 0;
}

/* Somebody wants to see whether it goes well now. */
static void lift(struct host *host, struct fl_ctx *ctx)
{
	quarantine_clear(host->parts.quarantine, ctx->name);
	ctx->is_quarantined = false;
	log_info(ctx->name, "out of quarantine by request");
	if (!ctx->is_held && !ctx->is_orphan)
		(void)instance_start(ctx);
	observe_instance(ctx);
}

void host_lift_forgotten(struct host *host)
{
	struct link *item, *following;
	char reason[256];

	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->is_quarantined &&
			!quarantine_holds(host->parts.quarantine, ctx->name, reason, sizeof(reason)))
			lift(host, ctx);
	}
}

int host_release(struct host *host, struct fl_ctx *ctx)
{
	if (ctx->is_quarantined)
		lift(host, ctx);
	if (!ctx->is_held) {
		if (ctx->phase == INSTANCE_FAILED)
			(void)instance_start(ctx); /* what it failed for may be put right */
		return 0;
	}
	ctx->is_held = false;
	gap_feed(
		ctx, "stopped", ctx->stopped_ns, clock_real_ns(host->parts.loop), "stopped by request");
	ctx->stopped_ns = 0;
	log_info(ctx->name, "started by request");
	if (ctx->phase == INSTANCE_STOPPED && !ctx->is_orphan)
		(void)instance_start(ctx);
	observe_instance(ctx);
	return 0; /* still stopping: arrive() starts it */
}

/* ---- differences ---- */

static void log_change(void *data, const char *name, bool is_live)
{
	const struct fl_ctx *ctx = data;

	log_info(ctx->name, "option %s changed%s", name,
		is_live ? "" : ": needs a restart of this instance");
}

/* How the instance is written now: other code would be given its options from there. */
static void remember(struct fl_ctx *ctx, struct planned *planned)
{
	written_free(ctx->written);
	ctx->written = planned->written;
	planned->written = NULL;
}

/* Takes the new options over in place, or says that it cannot. */
static bool reconfigure(struct fl_ctx *ctx, struct planned *planned)
{
	void *old = ctx->options;

	if (instance_reconfigure(ctx, planned->options) != 0)
		return false;
	ctx->options = planned->options;
	planned->options = NULL;
	options_free(old);
	remember(ctx, planned);
	log_info(ctx->name, "reconfigured without interruption");
	return true;
}

static void restart(struct fl_ctx *ctx, struct planned *planned)
{
	planned_destroy(ctx->next);
	ctx->next = planned;
	log_info(ctx->name, "restarting with its new options");
	gap_restart_begin(ctx);
	depart(ctx);
	observe_instance(ctx);
}

static bool is_same_table(const struct fl_option *left, const struct fl_option *right)
{
	if (left == NULL || right == NULL)
		return left == right;
	for (; left->name != NULL && right->name != NULL; left++, right++)
		if (strcmp(left->name, right->name) != 0 || left->type != right->type ||
			left->offset != right->offset || !is_same_table(left->group, right->group))
			return false;
	return left->name == right->name;
}

/* The file may have changed since it was loaded: options of another table cannot be compared. */
static bool is_same_plugin(const struct fl_ctx *ctx, const struct planned *planned)
{
	const struct fl_plugin *plugin = image_plugin(planned->image);

	return ctx->role == planned->role &&
		strcmp(image_path(ctx->image), image_path(planned->image)) == 0 &&
		ctx->plugin->options_size == plugin->options_size &&
		is_same_table(ctx->plugin->options, plugin->options);
}

/* Returns whether the plan's entry was taken. */
static bool update(struct fl_ctx *ctx, struct planned *planned)
{
	static const struct fl_option none[] = { { 0 } };
	const struct fl_option *table = ctx->plugin->options == NULL ? none : ctx->plugin->options;
	enum options_change change = !is_same_plugin(ctx, planned)
		? OPTIONS_RESTART
		: options_compare(table, ctx->options, planned->options, log_change, ctx);

	ctx->is_leaving = false;
	if (change == OPTIONS_SAME && ctx->next == NULL) {
		remember(ctx, planned);
		return false;
	}
	if (change == OPTIONS_LIVE && reconfigure(ctx, planned))
		return false;
	restart(ctx, planned);
	return true;
}

static void begin(struct host *host, struct planned *planned)
{
	struct fl_ctx *ctx;

	if (planned->role == FL_SERVICE && host->backfill.what != NULL)
		return; /* nobody is to be served, nothing to be followed */
	if (planned->role == FL_SINK)
		expect(host, planned->name, true);
	if (instance_create(host, planned, &ctx) < 0) {
		log_error(planned->name, "out of memory");
		return;
	}
	log_info(ctx->name, "plugin %s %s from %s", ctx->plugin->name, ctx->plugin->version,
		image_path(ctx->image));
	if (instance_start(ctx) != 0 && ctx->role == FL_FEED && host->backfill.what != NULL)
		fl_backfill_done(ctx, -ENOTSUP);
}

static bool is_planned(const struct plan *plan, const char *name)
{
	struct link *item, *following;

	list_each (item, following, &plan->items)
		if (strcmp(container_of(item, struct planned, link)->name, name) == 0)
			return true;
	return false;
}

void reconcile_apply(struct host *host, struct plan *plan)
{
	struct link *item, *following;

	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (is_planned(plan, ctx->name) || ctx->is_leaving)
			continue;
		ctx->is_leaving = true;
		depart(ctx);
	}
	list_each (item, following, &plan->items) {
		struct planned *planned = container_of(item, struct planned, link);
		struct fl_ctx *ctx = host_find(host, planned->name);

		list_remove(&planned->link);
		if (ctx == NULL)
			begin(host, planned);
		else if (update(ctx, planned))
			continue; /* it is the instance's now */
		planned_destroy(planned);
	}
}
