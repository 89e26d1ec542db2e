/* sqlite_metrics.c: what /metrics says of this sink. */
#include "sink_sqlite.h"
#include "sqlite_rows.h"
#include <stdio.h>

static struct fl_metric *records(const struct sink *sink, const char *fate, unsigned kind)
{
	char labels[192];

	(void)snprintf(labels, sizeof(labels), "fate=\"%s\",sink=\"%s\",kind=\"%s\"", fate,
		fl_instance_name(sink->ctx), fl_kind_name(kind));
	return fl_metric(sink->ctx, FL_COUNTER, "feedloom_records_total", labels,
		"Records since the journal began, by fate.");
}

void metrics_find_all(struct sink *sink)
{
	const char *name = fl_instance_name(sink->ctx);
	char labels[192];

	(void)snprintf(labels, sizeof(labels), "sink=\"%s\"", name);
	sink->commit_seconds = fl_metric(sink->ctx, FL_HISTOGRAM, "feedloom_commit_seconds", labels,
		"A batch's transaction, from its first statement to its commit.");
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		if (fl_kind_name(kind) == NULL || rows_table(kind) == NULL)
			continue;
		(void)snprintf(labels, sizeof(labels), "sink=\"%s\",table=\"%s\"", name, rows_table(kind));
		sink->rows[kind] = fl_metric(sink->ctx, FL_COUNTER, "feedloom_sink_rows_total", labels,
			"Rows stored, since the start.");
		sink->stored[kind] = records(sink, "stored", kind);
		sink->repeated[kind] = records(sink, "repeated", kind);
		sink->rejected[kind] = records(sink, "rejected", kind);
		sink->dropped[kind] = records(sink, "dropped", kind);
	}
}

void metrics_set_counts(struct sink *sink)
{
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		if (sink->stored[kind] == NULL)
			continue;
		fl_metric_set(sink->stored[kind], (double)sink->counts.stored[kind]);
		fl_metric_set(sink->repeated[kind], (double)sink->counts.repeated[kind]);
		fl_metric_set(sink->rejected[kind], (double)sink->counts.rejected[kind]);
		fl_metric_set(sink->dropped[kind], (double)sink->counts.dropped[kind]);
	}
}
