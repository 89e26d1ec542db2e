/*
 * metrics.h: the registry behind <feedloom/metric.h>, and its Prometheus text.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "buf.h"
#include <feedloom/metric.h>

struct metrics;

struct metrics *metrics_create(void);
void metrics_destroy(struct metrics *metrics); /* takes NULL */
/** As fl_metric. */
struct fl_metric *metrics_find(struct metrics *metrics, enum fl_metric_kind kind, const char *name,
	const char *labels, const char *help);
/** Removes one that will not be counted any more (a label that is gone). */
void metrics_drop(struct metrics *metrics, struct fl_metric *metric);
/** Prometheus text format 0.0.4; histograms as cumulative buckets at powers of two-ish, sum and
 * count. */
int metrics_print(const struct metrics *metrics, struct buf *to);
/** A histogram's counts at a moment: what has come since can be told apart. */
/** As fl_metric_observe, so many times. */
void metrics_observe(struct fl_metric *histogram, double seconds, uint32_t times);

struct metrics_mark;
struct metrics_mark *metrics_mark_create(void);       /* of an empty one; NULL: no memory */
void metrics_mark_destroy(struct metrics_mark *mark); /* takes NULL */
void metrics_mark_set(struct metrics_mark *mark, const struct fl_metric *histogram);
/** As fl_metric_quantile, of what was observed since the mark; NULL: since the beginning. */
double metrics_quantile_since(
	const struct fl_metric *histogram, const struct metrics_mark *mark, double quantile);
/** Observations so far. */
uint64_t metrics_count(const struct fl_metric *histogram);

#endif
