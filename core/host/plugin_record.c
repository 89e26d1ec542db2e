#include "plugin_record.h"

#include "clock.h"
#include "log.h"
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plugin_record *plugin_record(struct host *host, const char *name)
{
	struct plugin_record *record;
	struct link *item, *following;

	list_each (item, following, &host->plugins) {
		record = container_of(item, struct plugin_record, link);
		if (strcmp(record->name, name) == 0)
			return record;
	}
	record = calloc(1, sizeof(*record));
	if (record == NULL)
		return NULL;
	snprintf(record->name, sizeof(record->name), "%s", name);
	list_append(&host->plugins, &record->link);
	return record;
}

void plugin_records_free(struct host *host)
{
	struct link *item, *following;

	list_each (item, following, &host->plugins)
		free(container_of(item, struct plugin_record, link));
	list_init(&host->plugins);
}

const char *plugin_of(const struct fl_ctx *ctx)
{
	return written_plugin(ctx->written);
}

static void count(struct host *host, const struct plugin_record *record, const char *result)
{
	char labels[128];

	snprintf(labels, sizeof(labels), "plugin=\"%s\",result=\"%s\"", record->name, result);
	fl_metric_add(metrics_find(host->parts.metrics, FL_COUNTER, "feedloom_reloads_total", labels,
					  "Swaps of a plugin's code under a running instance."),
		1);
}

void plugin_record_done(
	struct host *host, struct plugin_record *record, const struct swap_cost *cost)
{
	char labels[96];

	record->reloads++;
	record->error[0] = '\0';
	if (cost->pause_ns > record->longest_pause_ns)
		record->longest_pause_ns = cost->pause_ns;
	count(host, record, "done");
	snprintf(labels, sizeof(labels), "plugin=\"%s\"", record->name);
	fl_metric_set(metrics_find(host->parts.metrics, FL_GAUGE, "feedloom_reload_pause_seconds",
					  labels, "The longest the loop stood still in a swap, since the start."),
		(double)record->longest_pause_ns / 1e9);
}

void plugin_record_failed(
	struct host *host, struct plugin_record *record, const char *instance, const char *problem)
{
	record->failures++;
	record->error_ns = clock_real_ns(host->parts.loop);
	snprintf(record->error, sizeof(record->error), "%s%s%s", instance,
		*instance == '\0' ? "" : ": ", problem);
	count(host, record, "failed");
	log_error(record->name, "not reloaded, the code before goes on: %s", record->error);
}
