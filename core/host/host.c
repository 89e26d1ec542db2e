#include "host.h"

#include "clock.h"
#include "command.h"
#include "dropin.h"
#include "instance_parts.h"
#include "log.h"
#include "observe.h"
#include "plan.h"
#include "plugin_record.h"
#include "quarantine.h"
#include "reconcile.h"
#include "reload.h"
#include "state.h"
#include "timer.h"

#include <stdlib.h>
#include <string.h>

static void on_room(void *data, bool has_room)
{
	struct host *host = data;
	struct link *item, *following;

	host->is_held = !has_room;
	list_each (item, following, &host->instances)
		instance_conns_hold(container_of(item, struct fl_ctx, link), host->is_held);
}

int host_open(const struct host_parts *parts, struct host **out)
{
	struct host *host = calloc(1, sizeof(*host));
	int result;

	if (host == NULL)
		return -ENOMEM;
	host->parts = *parts;
	host->on_stack =
		parts->quarantine == NULL ? &host->own_word : quarantine_word(parts->quarantine);
	list_init(&host->instances);
	list_init(&host->commands);
	list_init(&host->plugins);
	list_init(&host->reloads);
	images_init(&host->images);
	host->parts.folders.loaded = &host->images;
	host->started_ns = clock_real_ns(parts->loop);
	host->exchanges = map_create();
	if (host->exchanges == NULL) {
		result = -ENOMEM;
		goto free_host;
	}
	result = requests_open(parts->loop, &host->requests);
	if (result < 0)
		goto free_exchanges;
	if (parts->bus != NULL)
		bus_watch_room(parts->bus, on_room, host);
	*out = host;
	return 0;

free_exchanges:
	map_destroy(host->exchanges);
free_host:
	free(host);
	return result;
}

struct fl_ctx *host_find(const struct host *host, const char *name)
{
	struct link *item, *following;

	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (strcmp(ctx->name, name) == 0)
			return ctx;
	}
	return NULL;
}

int host_configure(struct host *host, const struct node *root, const struct prepared *prepared,
	struct config_errors *errors)
{
	struct image_folders folders = host->parts.folders;
	struct plan plan;
	int result;

	folders.prepared = prepared;
	result = plan_make(&folders, host->parts.state_folder, root, errors, &plan);
	if (result == 0)
		reconcile_apply(host, &plan);
	plan_finish(&plan);
	if (result == 0 && host->observer == NULL)
		result = observe_start(host);
	return result;
}

void host_close(struct host *host)
{
	struct link *item, *following;

	if (host == NULL)
		return;
	host->is_stopping = true;
	dropin_stop(host);
	reload_close(host);
	list_each (item, following, &host->instances)
		instance_destroy(container_of(item, struct fl_ctx, link));
	command_close(host);
	timer_destroy(host->observer);
	timer_destroy(host->reconciler);
	timer_destroy(host->stopping);
	requests_close(host->requests);
	map_destroy(host->exchanges);
	if (host->parts.bus != NULL)
		bus_watch_room(host->parts.bus, NULL, NULL);
	while (host->databases_closing > 0 || host->is_delivery_due || host->retiring > 0 ||
		!list_is_empty(&host->reloads) || host->dropin != NULL)
		loop_turn(host->parts.loop, true);
	plugin_records_free(host);
	free(host);
}
