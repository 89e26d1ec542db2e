#include "observe.h"

#include "bus_link.h"
#include "clock.h"
#include "cursor.h"
#include "gap.h"
#include "latency.h"
#include "log.h"
#include "loop.h"
#include "mute.h"
#include "state.h"
#include "timer.h"

#include <stdio.h>
#include <string.h>

static const double SLOW_S = 0.5; /* p95 received to persisted */
static const double COVERAGE_MIN = 0.95;
static const int64_t SETTLED_NS =
	60 * FL_SECOND; /* a feed that has just connected is still subscribing */

static struct fl_metric *gauge(
	struct host *host, const char *name, const char *labels, const char *help)
{
	return metrics_find(host->parts.metrics, FL_GAUGE, name, labels, help);
}

/* ---- states ---- */

static void publish_status(struct fl_ctx *ctx, const char *type, const char *reason, bool is_well)
{
	struct fl_lifecycle event;

	fl_record_init(&event, FL_STATUS);
	event.head.event_time_ns = event.head.received_ns = clock_real_ns(ctx->host->parts.loop);
	snprintf(event.event_type, sizeof(event.event_type), "%s", type);
	snprintf(event.reason, sizeof(event.reason), "%.63s", reason);
	event.success = is_well;
	(void)bus_link_publish(ctx, &event.head);
}

static void publish_state(struct fl_ctx *ctx)
{
	static const char *const events[] = { "stream_connected", "stream_degraded",
		"stream_disconnected", "stream_stopped", "stream_quarantined" };

	publish_status(ctx, events[ctx->shown], ctx->shown_reason, ctx->shown == STATE_CONNECTED);
}

void observe_instance(struct fl_ctx *ctx)
{
	char reason[sizeof(ctx->shown_reason)];
	enum instance_state state = state_of(ctx, reason, sizeof(reason));
	const char *text = instance_state_text(state);
	bool is_filling = ctx->role == FL_FEED && ctx->host->backfill.what != NULL;
	bool is_said = *reason == '\0' || strcmp(reason, text) == 0;

	if (state == ctx->shown || is_filling) {
		memcpy(ctx->shown_reason, reason, sizeof(reason));
		return;
	}
	if (ctx->role != FL_SERVICE && !ctx->is_probe)
		log_line(state > ctx->shown && state != STATE_STOPPED ? FL_WARN : FL_INFO, ctx->name,
			"%s%s%s", text, is_said ? "" : ": ", is_said ? "" : reason);
	ctx->shown = state;
	ctx->shown_since_ns = clock_real_ns(ctx->host->parts.loop);
	memcpy(ctx->shown_reason, reason, sizeof(reason));
	if (ctx->role != FL_SERVICE)
		publish_state(ctx);
	if (state == STATE_CONNECTED && ctx->away_since_ns != 0)
		gap_away_end(ctx, ctx->shown_since_ns);
}

/* ---- metrics: brought up to date when somebody reads them ---- */

static double part_of(int part, int whole)
{
	return whole == 0 ? 1 : (double)part / whole;
}

static double coverage_ratio(const struct coverage *coverage)
{
	return part_of(coverage->counts.subscribed, coverage->counts.listed);
}

static void measure_coverage(struct fl_ctx *ctx, const struct coverage *coverage)
{
	const struct fl_coverage *counts = &coverage->counts;
	struct host *host = ctx->host;
	char labels[128];

	snprintf(labels, sizeof(labels), "feed=\"%s\",currency=\"%s\"", ctx->name, coverage->currency);
	fl_metric_set(
		gauge(host, "feedloom_coverage_ratio", labels, "Instruments subscribed of those listed."),
		coverage_ratio(coverage));
	fl_metric_set(gauge(host, "feedloom_coverage_live_ratio", labels,
					  "Instruments that are not silent, of those listed."),
		part_of(counts->live, counts->listed));
	fl_metric_set(gauge(host, "feedloom_coverage_quoted_ratio", labels,
					  "Instruments with data in the last hour, of those listed."),
		part_of(counts->quoted, counts->listed));
	fl_metric_set(gauge(host, "feedloom_listed_instruments", labels,
					  "Instruments the venue lists and that are to be followed."),
		counts->listed);
}

static void measure_feed(struct fl_ctx *ctx)
{
	static const double values[] = { 3, 2, 1, 0, -1 };
	struct host *host = ctx->host;
	struct link *item, *following;
	struct conn_sums sums;
	char labels[128];

	conn_sums(ctx, &sums);
	snprintf(labels, sizeof(labels), "feed=\"%s\"", ctx->name);
	fl_metric_set(gauge(host, "feedloom_feed_state", labels,
					  "-1 quarantined, 0 stopped, 1 disconnected, 2 degraded, 3 connected."),
		values[ctx->shown]);
	fl_metric_set(
		gauge(host, "feedloom_subscriptions", labels, "Channels acknowledged by the venue."),
		sums.channels);
	list_each (item, following, &ctx->coverages)
		measure_coverage(ctx, container_of(item, struct coverage, link));
}

static void measure_cursor(void *data, struct cursor *cursor)
{
	static const char *const fates[] = { "waiting", "dropped", "filtered" };
	struct host *host = data;
	struct cursor_status status;
	char labels[160];

	cursor_status(cursor, &status);
	for (unsigned kind = 1; kind < FL_KIND_COUNT; kind++) {
		uint64_t values[] = { status.waiting[kind], status.dropped[kind], status.filtered[kind] };

		if (fl_kind_name(kind) == NULL)
			continue;
		for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
			snprintf(labels, sizeof(labels), "sink=\"%s\",stream=\"%s\",kind=\"%s\",fate=\"%s\"",
				cursor_sink(cursor), cursor_stream(cursor), fl_kind_name(kind), fates[i]);
			fl_metric_set(gauge(host, "feedloom_records", labels,
							  "Where records are on their way to a sink."),
				(double)values[i]);
		}
	}
}

static void measure_sink(struct fl_ctx *ctx)
{
	struct stream_sums sums;
	char labels[96];

	stream_sums(ctx, &sums);
	snprintf(labels, sizeof(labels), "sink=\"%s\"", ctx->name);
	fl_metric_set(gauge(ctx->host, "feedloom_sink_lag_seconds", labels,
					  "Age of the oldest record that is not stored yet."),
		sums.lag_s);
}

static void measure_loop(struct host *host)
{
	fl_metric_set(gauge(host, "feedloom_loop_handles", NULL,
					  "Timers, sockets, listeners and watches of the reactor."),
		(double)loop_handles(host->parts.loop));
}

static void measure_bus(struct host *host)
{
	struct bus_status status;
	char labels[64];

	if (host->parts.bus == NULL)
		return;
	bus_status(host->parts.bus, &status);
	fl_metric_set(gauge(host, "feedloom_journal_bytes", NULL, "Bytes of the journal on disk."),
		(double)status.bytes);
	fl_metric_set(gauge(host, "feedloom_journal_degraded", NULL, "1 while records are being lost."),
		status.state == BUS_DEGRADED);
	fl_metric_set(metrics_find(host->parts.metrics, FL_COUNTER, "feedloom_journal_holds_total",
					  NULL, "Times the feeds were not read because the disk lagged behind."),
		(double)status.holds);
	for (unsigned kind = 1; kind < FL_KIND_COUNT; kind++) {
		if (fl_kind_name(kind) == NULL)
			continue;
		snprintf(labels, sizeof(labels), "fate=\"published\",kind=\"%s\"", fl_kind_name(kind));
		fl_metric_set(metrics_find(host->parts.metrics, FL_COUNTER, "feedloom_records_total",
						  labels, "Records since the journal began, by fate."),
			(double)status.published[kind]);
	}
	cursor_each(host->parts.bus, measure_cursor, host);
}

void observe_measure(struct host *host)
{
	struct link *item, *following;

	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->role == FL_FEED)
			measure_feed(ctx);
		if (ctx->role == FL_SINK)
			measure_sink(ctx);
	}
	measure_bus(host);
	measure_loop(host);
}

/* ---- thresholds ---- */

static void watch_coverage(struct fl_ctx *ctx)
{
	struct link *item, *following;
	char topic[64];
	bool is_settled = ctx->shown == STATE_CONNECTED &&
		clock_real_ns(ctx->host->parts.loop) - ctx->shown_since_ns > SETTLED_NS;

	list_each (item, following, &ctx->coverages) {
		struct coverage *coverage = container_of(item, struct coverage, link);
		double ratio = coverage_ratio(coverage);

		snprintf(topic, sizeof(topic), "coverage %s", coverage->currency);
		if (is_settled && ratio < COVERAGE_MIN)
			fl_complain(ctx, topic, "coverage of %s is %.1f %%: %d of %d instruments subscribed",
				coverage->currency, ratio * 100, coverage->counts.subscribed,
				coverage->counts.listed);
		else if (ratio >= COVERAGE_MIN)
			fl_resolved(ctx, topic);
	}
}

static void watch_latency(struct fl_ctx *ctx)
{
	double p95;

	if (!latency_step(ctx))
		return;
	p95 = latency_quantile(ctx, 0.95);
	if (p95 > SLOW_S)
		fl_complain(ctx, "latency", "received to persisted takes %.0f ms (p95), over %.0f",
			p95 * 1e3, SLOW_S * 1e3);
	else
		fl_resolved(ctx, "latency");
}

/* Records carry our time of receipt: who reads them must know where it jumped. */
static void watch_clock(struct host *host)
{
	int64_t step_ns = clock_step_ns(host->parts.loop);
	struct link *item, *following;
	char by[32];

	if (step_ns == 0)
		return;
	snprintf(by, sizeof(by), "%+.3f s", (double)step_ns / 1e9);
	log_warn("clock", "the system's clock has stepped by %s", by);
	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->role == FL_FEED && ctx->phase == INSTANCE_RUNNING && !ctx->is_probe)
			publish_status(ctx, "clock_stepped", by, false);
	}
}

static void on_second(void *data)
{
	struct host *host = data;
	struct link *item, *following;

	watch_clock(host);
	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		observe_instance(ctx);
		if (ctx->role == FL_FEED) {
			mute_look(ctx);
			watch_coverage(ctx);
			watch_latency(ctx);
		}
	}
}

int observe_start(struct host *host)
{
	host->observer = timer_create(host->parts.loop, on_second, host);
	if (host->observer == NULL)
		return -ENOMEM;
	timer_start(host->observer, FL_SECOND, FL_SECOND);
	return 0;
}
