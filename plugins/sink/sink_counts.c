/* sink_counts.c: counts read, added, and shown. */
#include "sink_counts.h"
#include "sink_rows.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <yyjson.h>

static uint64_t count_of(yyjson_val *kind, const char *fate)
{
	return yyjson_get_uint(yyjson_obj_get(kind, fate));
}

void counts_read(struct counts *counts, const char *json)
{
	yyjson_doc *doc = json == NULL ? NULL : yyjson_read(json, strlen(json), 0);
	yyjson_val *root = yyjson_doc_get_root(doc);

	*counts = (struct counts){ 0 };
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		yyjson_val *entry =
			fl_kind_name(kind) == NULL ? NULL : yyjson_obj_get(root, fl_kind_name(kind));

		counts->stored[kind] = count_of(entry, "stored");
		counts->repeated[kind] = count_of(entry, "repeated");
		counts->rejected[kind] = count_of(entry, "rejected");
		counts->dropped[kind] = count_of(entry, "dropped");
	}
	yyjson_doc_free(doc);
}

void counts_consumed(const struct counts *counts, uint64_t consumed[FL_KIND_COUNT])
{
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		consumed[kind] = counts->stored[kind] + counts->repeated[kind] + counts->rejected[kind] +
			counts->dropped[kind];
}

void counts_add(struct counts *to, const struct counts *more)
{
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		to->stored[kind] += more->stored[kind];
		to->repeated[kind] += more->repeated[kind];
		to->rejected[kind] += more->rejected[kind];
		to->dropped[kind] += more->dropped[kind];
	}
}

static int print_kind(
	char *out, size_t size, const struct counts *counts, unsigned kind, const char *name)
{
	return snprintf(out, size,
		"%s\"%s\":{\"stored\":%" PRIu64 ",\"repeated\":%" PRIu64 ",\"rejected\":%" PRIu64
		",\"dropped\":%" PRIu64 "}",
		name, fl_kind_name(kind), counts->stored[kind], counts->repeated[kind],
		counts->rejected[kind], counts->dropped[kind]);
}

void counts_print(const struct counts *counts, char *out, size_t size)
{
	size_t length = 1;

	(void)snprintf(out, size, "{");
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		if (fl_kind_name(kind) == NULL || length + 200 > size ||
			counts->stored[kind] + counts->repeated[kind] + counts->rejected[kind] +
					counts->dropped[kind] ==
				0)
			continue;
		length +=
			(size_t)print_kind(out + length, size - length, counts, kind, length > 1 ? "," : "");
	}
	(void)snprintf(out + length, size - length, "}");
}

/* ---- metrics ---- */

static struct fl_metric *records(struct fl_ctx *ctx, const char *fate, unsigned kind)
{
	char labels[192];

	(void)snprintf(labels, sizeof(labels), "fate=\"%s\",sink=\"%s\",kind=\"%s\"", fate,
		fl_instance_name(ctx), fl_kind_name(kind));
	return fl_metric(ctx, FL_COUNTER, "feedloom_records_total", labels,
		"Records since the journal began, by fate.");
}

void sink_metrics_find(struct sink_metrics *metrics, struct fl_ctx *ctx)
{
	const char *name = fl_instance_name(ctx);
	char labels[192];

	(void)snprintf(labels, sizeof(labels), "sink=\"%s\"", name);
	metrics->commit_seconds = fl_metric(ctx, FL_HISTOGRAM, "feedloom_commit_seconds", labels,
		"A batch's transaction, from its first statement to its commit.");
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		if (fl_kind_name(kind) == NULL || sink_kind(kind)->table == NULL)
			continue;
		(void)snprintf(
			labels, sizeof(labels), "sink=\"%s\",table=\"%s\"", name, sink_kind(kind)->table);
		metrics->rows[kind] = fl_metric(
			ctx, FL_COUNTER, "feedloom_sink_rows_total", labels, "Rows stored, since the start.");
		metrics->stored[kind] = records(ctx, "stored", kind);
		metrics->repeated[kind] = records(ctx, "repeated", kind);
		metrics->rejected[kind] = records(ctx, "rejected", kind);
		metrics->dropped[kind] = records(ctx, "dropped", kind);
	}
}

void sink_metrics_set(const struct sink_metrics *metrics, const struct counts *counts)
{
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		if (metrics->stored[kind] == NULL)
			continue;
		fl_metric_set(metrics->stored[kind], (double)counts->stored[kind]);
		fl_metric_set(metrics->repeated[kind], (double)counts->repeated[kind]);
		fl_metric_set(metrics->rejected[kind], (double)counts->rejected[kind]);
		fl_metric_set(metrics->dropped[kind], (double)counts->dropped[kind]);
	}
}
