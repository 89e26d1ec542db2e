/*
 * null_sink: a sink that stores nothing, for the benchmark. It looks at every record of a batch, as
 * whoever writes rows must, and acknowledges. Not installed.
 */
#include <feedloom/plugin.h>

#include <stdio.h>
#include <stdlib.h>

struct null_sink {
	struct fl_ctx *ctx;                      /* borrowed; outlives us */
	struct fl_metric *stored[FL_KIND_COUNT]; /* acknowledged, by kind */
};

struct options {
	int unused;
};

static const struct fl_option option_table[] = { { 0 } };

static int create(struct fl_ctx *ctx, const void *options, void **state)
{
	struct null_sink *sink = calloc(1, sizeof(*sink));

	(void)options;
	if (sink == NULL)
		return -ENOMEM;
	sink->ctx = ctx;
	*state = sink;
	return 0;
}

static int start(void *state)
{
	struct null_sink *sink = state;
	struct fl_stream how = { .batch_rows = 50000 }; /* nothing is to be gained by smaller ones */
	int error = fl_stream_open(sink->ctx, "main", &how);

	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		char labels[128];

		if (fl_kind_name(kind) == NULL)
			continue;
		snprintf(labels, sizeof(labels), "sink=\"%s\",kind=\"%s\",fate=\"stored\"",
			fl_instance_name(sink->ctx), fl_kind_name(kind));
		sink->stored[kind] =
			fl_metric(sink->ctx, FL_COUNTER, "feedloom_records_total", labels, "Records by fate.");
	}
	if (error >= 0)
		fl_set_health(sink->ctx, FL_HEALTHY, "taking");
	return error < 0 ? error : 0;
}

static void on_batch(void *state, const char *stream, const struct fl_batch *batch)
{
	struct null_sink *sink = state;
	const struct fl_record *record = NULL;
	uint32_t counts[FL_KIND_COUNT] = { 0 };

	while ((record = fl_batch_next(batch, record)) != NULL)
		counts[record->kind]++;
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		if (counts[kind] > 0)
			fl_metric_add(sink->stored[kind], counts[kind]);
	fl_ack(sink->ctx, stream, &batch->to);
}

FL_PLUGIN_EXPORT const struct fl_plugin feedloom_plugin = {
	.abi = FL_PLUGIN_ABI,
	.size = sizeof(struct fl_plugin),
	.name = "null_sink",
	.version = "1.0",
	.summary = "Takes every record and keeps none: for the benchmark.",
	.role = FL_SINK,
	.options = option_table,
	.options_size = sizeof(struct options),
	.create = create,
	.destroy = free,
	.start = start,
	.on_batch = on_batch,
};
