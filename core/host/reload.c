/*
 * reload.c: load > check > each instance: wait for rest > swap. A step that fails ends it, and the
 * code before goes on.
 */
#include "reload.h"

#include "clock.h"
#include "command.h"
#include "dropin.h"
#include "json.h"
#include "log.h"
#include "plan.h"
#include "plugin_record.h"
#include "status.h"
#include "swap.h"
#include "timer.h"
#include "worker.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t WAIT_NS = 8 * FL_SECOND; /* less than a command's deadline */
static const int64_t LOOK_NS = 2 * FL_MS;

struct reload {
	struct link link; /* in host.reloads */
	struct host *host;
	uint64_t number; /* marks the instances it has come to */
	char plugin[64], path[4096];
	int command;
	struct timer *timer;
	int64_t deadline_ns;
	struct image_rules rules; /* as they were when it began: the worker's */
	struct image *image;      /* the worker's until it has answered */
	int result;
	char problem[SWAP_PROBLEM_BYTES];
	bool is_loading, is_given_up;
	int failed;
	char first_problem[SWAP_PROBLEM_BYTES + 80];
};

static void fail(struct reload *reload, const char *instance, const char *problem)
{
	struct plugin_record *record = plugin_record(reload->host, reload->plugin);

	if (reload->failed++ == 0)
		snprintf(reload->first_problem, sizeof(reload->first_problem), "%s%s%s", instance,
			*instance == '\0' ? "" : ": ", problem);
	if (record != NULL)
		plugin_record_failed(reload->host, record, instance, problem);
}

static void answer(struct reload *reload)
{
	struct buf text;
	struct json json;

	if (reload->command == 0)
		return;
	if (reload->failed > 0) {
		command_reply_detail(reload->host, reload->command, FL_REPLY_CONFLICT,
			"%s is not reloaded, the code before goes on: %s", reload->plugin,
			reload->first_problem);
		return;
	}
	buf_init(&text, 1 << 20);
	json_init(&json, &text);
	status_plugin(reload->host, reload->plugin, &json);
	command_reply(reload->host, reload->command, FL_REPLY_OK, buf_string(&text), false);
	buf_finish(&text);
}

static void destroy(struct reload *reload)
{
	list_remove(&reload->link);
	timer_destroy(reload->timer);
	image_close(reload->image);
	free(reload);
}

static void finish(struct reload *reload)
{
	struct host *host = reload->host;

	answer(reload);
	destroy(reload);
	dropin_look(host); /* the file may have changed meanwhile */
}

/* ---- versions ---- */

/* "1.10" is newer than "1.9": numbers by value, the rest by letters. */
static int compare_versions(const char *a, const char *b)
{
	while (*a != '\0' && *b != '\0') {
		if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
			char *after_a, *after_b;
			unsigned long long left = strtoull(a, &after_a, 10), right = strtoull(b, &after_b, 10);

			if (left != right)
				return left < right ? -1 : 1;
			a = after_a;
			b = after_b;
		} else if (*a != *b) {
			return *a < *b ? -1 : 1;
		} else {
			a++;
			b++;
		}
	}
	return (*a != '\0') - (*b != '\0');
}

static void say(
	const struct fl_ctx *ctx, const char *from, const char *to, const struct swap_cost *cost)
{
	int order = compare_versions(to, from);

	log_info(ctx->name,
		"plugin %s: version %s takes over from %s%s, from %s, in %.1f ms, %.1f of them work",
		ctx->plugin->name, to, from,
		order < 0        ? ", an older one"
			: order == 0 ? ", another build of it"
						 : "",
		image_path(ctx->image), (double)cost->pause_ns / 1e6, (double)cost->processor_ns / 1e6);
}

/* ---- one instance ---- */

static bool is_late(const struct reload *reload)
{
	return clock_monotonic_ns(reload->host->parts.loop) >= reload->deadline_ns;
}

/* Returns whether it is done with, one way or the other. */
static bool swap_one(struct reload *reload, struct fl_ctx *ctx)
{
	struct plugin_record *record = plugin_record(reload->host, reload->plugin);
	bool is_running = ctx->phase == INSTANCE_RUNNING;
	char problem[SWAP_PROBLEM_BYTES], from[64];
	struct swap_cost cost = { 0, 0 };
	int result;

	snprintf(from, sizeof(from), "%s", ctx->plugin->version);
	result = is_running ? swap_instance(ctx, reload->image, problem, &cost)
						: swap_stopped(ctx, reload->image, problem);
	if (result == -EBUSY && !is_late(reload))
		return false; /* it asks for a moment */
	ctx->reload_seen = reload->number;
	ctx->is_waiting = false;
	if (result < 0) {
		fail(reload, ctx->name, problem);
		return true;
	}
	images_add(&reload->host->images, reload->image); /* what a configuration means from now on */
	if (record != NULL)
		plugin_record_done(reload->host, record, &cost);
	say(ctx, from, ctx->plugin->version, &cost);
	/* What it failed for, or lacked, may have been mended with it. */
	if ((ctx->is_orphan || ctx->phase == INSTANCE_FAILED) && !ctx->is_held) {
		ctx->is_orphan = false;
		(void)instance_start(ctx);
	}
	ctx->is_orphan = false;
	return true;
}

static struct fl_ctx *next_instance(const struct reload *reload)
{
	struct link *item, *following;

	list_each (item, following, &reload->host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->reload_seen != reload->number && !ctx->is_leaving &&
			strcmp(plugin_of(ctx), reload->plugin) == 0)
			return ctx;
	}
	return NULL;
}

/* One instance a turn: the loop stands still for one swap at a time. */
static void on_look(void *data)
{
	struct reload *reload = data;
	struct fl_ctx *ctx = next_instance(reload);

	if (ctx == NULL) {
		finish(reload);
		return;
	}
	if (ctx->phase != INSTANCE_STOPPING &&
		(ctx->phase != INSTANCE_RUNNING || swap_is_possible(ctx)) && swap_one(reload, ctx)) {
		reload->deadline_ns = clock_monotonic_ns(reload->host->parts.loop) + WAIT_NS;
		timer_start(reload->timer, 0, 0);
		return;
	}
	ctx->is_waiting = true;
	if (is_late(reload) && ctx->reload_seen != reload->number) {
		ctx->reload_seen = reload->number;
		ctx->is_waiting = false;
		fail(reload, ctx->name,
			ctx->phase == INSTANCE_STOPPING ? "wait: it has not stopped within 8 s"
											: "wait: its store has not answered within 8 s");
	}
	timer_start(reload->timer, LOOK_NS, 0);
}

/* ---- the file ---- */

static void load(void *data)
{
	struct reload *reload = data;

	reload->result = image_open(
		reload->path, &reload->rules, &reload->image, reload->problem, sizeof(reload->problem));
}

static void on_loaded(void *data)
{
	struct reload *reload = data;
	struct plugin_record *record = plugin_record(reload->host, reload->plugin);
	char problem[SWAP_PROBLEM_BYTES + sizeof(reload->path) + 16];

	reload->is_loading = false;
	if (reload->is_given_up) {
		destroy(reload);
		return;
	}
	if (reload->result < 0) {
		if (record != NULL)
			(void)dynamic_stamp(reload->path, &record->refused);
		snprintf(problem, sizeof(problem), "load: %s: %s", reload->path, reload->problem);
		fail(reload, "", problem);
		finish(reload);
		return;
	}
	if (record != NULL)
		record->refused = *image_stamp(reload->image); /* tried: it is not the watcher's any more */
	plan_say_unsealed(reload->plugin, reload->image);
	reload->deadline_ns = clock_monotonic_ns(reload->host->parts.loop) + WAIT_NS;
	timer_start(reload->timer, 0, 0);
}

bool reload_is_under_way(const struct host *host, const char *plugin)
{
	struct link *item, *following;

	list_each (item, following, &host->reloads)
		if (strcmp(container_of(item, struct reload, link)->plugin, plugin) == 0)
			return true;
	return false;
}

int reload_begin(struct host *host, const char *plugin, int command)
{
	struct image_folders folders = host->parts.folders;
	struct reload *reload;
	int result;

	if (reload_is_under_way(host, plugin))
		return -EBUSY;
	reload = calloc(1, sizeof(*reload));
	if (reload == NULL)
		return -ENOMEM;
	reload->host = host;
	reload->number = ++host->reload_count;
	reload->command = command;
	if (folders.rules != NULL)
		reload->rules = *folders.rules;
	folders.loaded = NULL;
	snprintf(reload->plugin, sizeof(reload->plugin), "%s", plugin);
	result = image_find(&folders, plugin, reload->path, sizeof(reload->path));
	if (result < 0)
		goto free_reload;
	reload->timer = timer_create(host->parts.loop, on_look, reload);
	result =
		reload->timer == NULL ? -ENOMEM : worker_run(host->parts.loop, load, on_loaded, reload);
	if (result < 0)
		goto destroy_timer;
	reload->is_loading = true;
	list_append(&host->reloads, &reload->link);
	return 0;

destroy_timer:
	timer_destroy(reload->timer);
free_reload:
	free(reload);
	return result;
}

void reload_close(struct host *host)
{
	struct link *item, *following;

	list_each (item, following, &host->reloads) {
		struct reload *reload = container_of(item, struct reload, link);

		reload->is_given_up = true;
		if (!reload->is_loading)
			destroy(reload);
	}
}
