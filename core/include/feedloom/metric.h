/*
 * metric.h: counters, gauges and histograms, exported as Prometheus text on /metrics.
 */
#ifndef FEEDLOOM_METRIC_H
#define FEEDLOOM_METRIC_H

#include <feedloom/base.h>

/** A counter, gauge or histogram. Core's; lives as long as the process, also across reloads. */
struct fl_metric;

enum fl_metric_kind { FL_COUNTER = 1, FL_GAUGE, FL_HISTOGRAM };

/**
 * Finds or makes a metric.
 *
 * @param name    "feedloom_messages_total": letters, digits, underscore; base units (seconds,
 * bytes)
 * @param labels  `feed="deribit",kind="ticker"`, or NULL. Values are escaped by the caller's choice
 * of words: no quotes, backslashes or line breaks
 * @return never NULL: beyond 10,000 metrics, or with a bad name, one that counts for nobody (logged
 * once)
 */
FL_API struct fl_metric *fl_metric(struct fl_ctx *ctx, enum fl_metric_kind kind, const char *name,
	const char *labels, const char *help);

FL_API void fl_metric_add(struct fl_metric *counter, double amount);
FL_API void fl_metric_set(struct fl_metric *gauge, double value);
/** Log-linear buckets, 2 % wide, from 1 us to 1,000 s. */
FL_API void fl_metric_observe(struct fl_metric *histogram, double seconds);
FL_API double fl_metric_value(const struct fl_metric *metric);
/** The value below which `quantile` (0 to 1) of the observations lie, NaN without any. */
FL_API double fl_metric_quantile(const struct fl_metric *histogram, double quantile);

#endif
