#include "dropin.h"

#include "clock.h"
#include "gap.h"
#include "log.h"
#include "observe.h"
#include "plugin_record.h"
#include "reconcile.h"
#include "reload.h"
#include "timer.h"
#include "watch.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A package upgrade takes a file away and puts another in its place. */
static const int64_t GRACE_NS = 5 * FL_SECOND;

/* What a worker found of one plugin. */
struct found {
	char name[64], path[4096];
	bool is_there;
	struct dynamic_stamp stamp;
};

struct dropin {
	struct host *host;
	struct watch **watches;
	size_t watch_count;
	struct timer *grace;
	bool is_looking, is_due, is_stopped;
	uint64_t reloads; /* host.reload_count as the look began: what it saw may be older */
	bool has_changed; /* a folder has: what the configuration lacked may be there now */
	struct found *found;
	size_t found_count;
};

/* ---- what to do about a plugin ---- */

static bool is_other(const struct fl_ctx *ctx, const struct found *found)
{
	return ctx->is_orphan || strcmp(image_path(ctx->image), found->path) != 0 ||
		!image_stamp_equals(image_stamp(ctx->image), &found->stamp);
}

/* Asks for a reload when an instance runs other code than that of the file, tried ones excepted. */
static void compare(struct dropin *dropin, const struct found *found, struct plugin_record *record)
{
	struct link *item, *following;
	bool is_due = false, is_tried = image_stamp_equals(&record->refused, &found->stamp);

	list_each (item, following, &dropin->host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		is_due |= !ctx->is_leaving && strcmp(plugin_of(ctx), found->name) == 0 &&
			is_other(ctx, found) && (!is_tried || ctx->is_orphan);
	}
	if (is_due)
		(void)reload_begin(dropin->host, found->name, 0); /* one under way looks again at its end */
}

static void orphan(struct dropin *dropin, const char *name)
{
	struct link *item, *following;

	list_each (item, following, &dropin->host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (strcmp(plugin_of(ctx), name) == 0 && !ctx->is_orphan && !ctx->is_leaving)
			reconcile_orphan(ctx);
	}
}

/* The file is gone: after a while its instances are stopped. */
static void miss(struct dropin *dropin, struct plugin_record *record)
{
	int64_t now_ns = clock_monotonic_ns(dropin->host->parts.loop);

	if (record->missing_since_ns == 0) {
		record->missing_since_ns = now_ns;
		log_warn(record->name, "its file is gone; its instances stop unless it is back in 5 s");
		timer_start(dropin->grace, GRACE_NS, 0);
	} else if (now_ns - record->missing_since_ns >= GRACE_NS) {
		orphan(dropin, record->name);
	} else if (!timer_is_running(dropin->grace)) {
		timer_start(dropin->grace, GRACE_NS - (now_ns - record->missing_since_ns), 0);
	}
}

static void settle(struct dropin *dropin, const struct found *found)
{
	struct plugin_record *record = plugin_record(dropin->host, found->name);

	if (record == NULL)
		return;
	if (!found->is_there) {
		miss(dropin, record);
		return;
	}
	if (record->missing_since_ns != 0)
		log_info(record->name, "its file is back");
	record->missing_since_ns = 0;
	compare(dropin, found, record);
}

/* ---- looking, on a worker ---- */

static void look(void *data)
{
	struct dropin *dropin = data;
	struct image_folders folders = dropin->host->parts.folders;

	folders.loaded = NULL;
	for (size_t i = 0; i < dropin->found_count; i++) {
		struct found *found = &dropin->found[i];

		found->is_there =
			image_find(&folders, found->name, found->path, sizeof(found->path)) == 0 &&
			dynamic_stamp(found->path, &found->stamp) == 0;
	}
}

static void destroy(struct dropin *dropin)
{
	dropin->host->dropin = NULL;
	free(dropin->found);
	free(dropin->watches);
	free(dropin);
}

static void on_looked(void *data)
{
	struct dropin *dropin = data;
	struct host *host = dropin->host;

	dropin->is_looking = false;
	if (dropin->is_stopped) {
		destroy(dropin);
		return;
	}
	if (!list_is_empty(&host->reloads))
		return;                                              /* its end looks again */
	dropin->is_due |= dropin->reloads != host->reload_count; /* what was seen is older than that */
	for (size_t i = 0; i < dropin->found_count && !host->is_stopping && !dropin->is_due; i++)
		settle(dropin, &dropin->found[i]);
	if (dropin->is_due) {
		dropin_look(host);
		return;
	}
	if (dropin->has_changed && host->config_error[0] != '\0' && host->on_reload != NULL &&
		!host->is_stopping)
		host->on_reload(host->on_reload_data, 0);
	dropin->has_changed = false;
}

static bool add_name(struct dropin *dropin, const char *name)
{
	struct found *grown;

	for (size_t i = 0; i < dropin->found_count; i++)
		if (strcmp(dropin->found[i].name, name) == 0)
			return true;
	grown = realloc(dropin->found, (dropin->found_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return false;
	dropin->found = grown;
	grown[dropin->found_count] = (struct found){ .is_there = false };
	snprintf(grown[dropin->found_count++].name, sizeof(grown->name), "%s", name);
	return true;
}

void dropin_look(struct host *host)
{
	struct dropin *dropin = host->dropin;
	struct link *item, *following;

	if (dropin == NULL || dropin->is_stopped)
		return;
	dropin->is_due = dropin->is_looking;
	if (dropin->is_looking)
		return;
	dropin->found_count = 0;
	list_each (item, following, &host->instances)
		if (!add_name(dropin, plugin_of(container_of(item, struct fl_ctx, link))))
			return;
	dropin->reloads = host->reload_count;
	dropin->is_looking = worker_run(host->parts.loop, look, on_looked, dropin) == 0;
}

/* ---- its life ---- */

static void on_change(void *data)
{
	struct dropin *dropin = data;

	dropin->has_changed = true;
	dropin_look(dropin->host);
}

static void on_grace(void *data)
{
	dropin_look(((struct dropin *)data)->host);
}

static bool watch_all(struct dropin *dropin)
{
	const struct image_folders *folders = &dropin->host->parts.folders;

	dropin->watches = calloc(folders->count + 1, sizeof(struct watch *));
	for (size_t i = 0; dropin->watches != NULL && i < folders->count; i++) {
		struct watch *watch =
			watch_create(dropin->host->parts.loop, folders->paths[i], on_change, dropin);

		if (watch == NULL)
			return false;
		dropin->watches[dropin->watch_count++] = watch;
	}
	return dropin->watches != NULL;
}

int dropin_start(struct host *host)
{
	struct dropin *dropin = calloc(1, sizeof(*dropin));

	if (dropin == NULL)
		return -ENOMEM;
	dropin->host = host;
	host->dropin = dropin;
	dropin->grace = timer_create(host->parts.loop, on_grace, dropin);
	if (dropin->grace != NULL && watch_all(dropin))
		return 0;
	dropin_stop(host);
	return -ENOMEM;
}

void dropin_stop(struct host *host)
{
	struct dropin *dropin = host->dropin;

	if (dropin == NULL || dropin->is_stopped)
		return;
	dropin->is_stopped = true;
	for (size_t i = 0; i < dropin->watch_count; i++)
		watch_destroy(dropin->watches[i]);
	timer_destroy(dropin->grace);
	if (!dropin->is_looking)
		destroy(dropin);
}
