#include "gap.h"

#include "bus_link.h"
#include "clock.h"
#include "host.h"

#include <stdio.h>

static void publish(struct fl_ctx *ctx, struct fl_gap *gap, bool is_new)
{
	char labels[128];

	gap->head.event_time_ns = gap->started_ns;
	gap->head.received_ns = clock_real_ns(ctx->host->parts.loop);
	bus_link_publish(ctx, &gap->head);
	if (!is_new)
		return;
	snprintf(labels, sizeof(labels), "feed=\"%s\",cause=\"%s\"", ctx->name, gap->cause);
	fl_metric_add(metrics_find(ctx->host->parts.metrics, FL_COUNTER, "feedloom_gaps_total", labels,
					  "Holes in the stream, by cause."),
		1);
}

void gap_conn(const struct instance_conn *entry, int64_t ended_ns)
{
	struct fl_gap gap;

	fl_record_init(&gap, FL_GAP);
	gap.started_ns = entry->gap_started_ns;
	gap.ended_ns = ended_ns;
	snprintf(gap.channel, sizeof(gap.channel), "connection %d", entry->number - 1);
	snprintf(gap.cause, sizeof(gap.cause), "%s", fl_reason_word(entry->gap_reason));
	snprintf(gap.detail, sizeof(gap.detail), "%s", entry->gap_detail);
	publish(entry->owner, &gap, ended_ns == 0);
}

void gap_feed(
	struct fl_ctx *ctx, const char *cause, int64_t started_ns, int64_t ended_ns, const char *detail)
{
	struct fl_gap gap;

	fl_record_init(&gap, FL_GAP);
	gap.started_ns = started_ns;
	gap.ended_ns = ended_ns;
	snprintf(gap.cause, sizeof(gap.cause), "%s", cause);
	snprintf(gap.detail, sizeof(gap.detail), "%s", detail);
	publish(ctx, &gap, ended_ns == 0);
}

/*
 * The connections of a process that was killed ended at slightly different places in their streams;
 * the hole begins before the first of them.
 */
static const int64_t SPREAD_NS = FL_SECOND;

static void away_begin(struct fl_ctx *ctx, const char *cause, int64_t since_ns)
{
	ctx->away_since_ns = since_ns;
	ctx->away_cause = cause;
	gap_feed(ctx, cause, since_ns, 0, "nothing was streaming");
}

void gap_process_begin(struct fl_ctx *ctx)
{
	struct bus *bus = ctx->host->parts.bus;
	int64_t last_ns = bus == NULL ? 0 : bus_last_event_ns(bus, ctx->source);

	if (ctx->role == FL_FEED && !ctx->has_started && last_ns != 0)
		away_begin(ctx, "process", last_ns - SPREAD_NS);
}

void gap_restart_begin(struct fl_ctx *ctx)
{
	if (ctx->role == FL_FEED && ctx->phase == INSTANCE_RUNNING && ctx->away_since_ns == 0)
		away_begin(ctx, "reconfigured", clock_real_ns(ctx->host->parts.loop) - SPREAD_NS);
}

void gap_away_end(struct fl_ctx *ctx, int64_t now_ns)
{
	int64_t started_ns = ctx->away_since_ns;

	ctx->away_since_ns = 0;
	gap_feed(ctx, ctx->away_cause, started_ns, now_ns, "nothing was streaming");
}
