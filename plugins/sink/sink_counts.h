/*
 * sink_counts.h: what became of a sink's records, beside the cursor and in /metrics.
 */
#ifndef SINK_COUNTS_H
#define SINK_COUNTS_H

#include <feedloom/plugin.h>

enum { COUNTS_BYTES = FL_KIND_COUNT * 200 };

/** What became of records, by kind, since the journal began. */
struct counts {
	uint64_t stored[FL_KIND_COUNT], repeated[FL_KIND_COUNT];
	uint64_t rejected[FL_KIND_COUNT], dropped[FL_KIND_COUNT];
};

/** From the cursor's JSON; what cannot be read counts as nothing: the records are there all the
 * same. */
void counts_read(struct counts *counts, const char *json);
/** As the cursor's JSON; COUNTS_BYTES hold it. */
void counts_print(const struct counts *counts, char *out, size_t size);
/** All that a store accounts for, for fl_stream_open. */
void counts_consumed(const struct counts *counts, uint64_t consumed[FL_KIND_COUNT]);
void counts_add(struct counts *to, const struct counts *more);

/** A sink's metrics; core's. */
struct sink_metrics {
	struct fl_metric *commit_seconds;
	struct fl_metric *rows[FL_KIND_COUNT]; /* NULL: no kind of ours */
	struct fl_metric *stored[FL_KIND_COUNT], *repeated[FL_KIND_COUNT];
	struct fl_metric *rejected[FL_KIND_COUNT], *dropped[FL_KIND_COUNT];
};

void sink_metrics_find(struct sink_metrics *metrics, struct fl_ctx *ctx);
void sink_metrics_set(const struct sink_metrics *metrics, const struct counts *counts);

#endif
