#include "gap.h"

#include "bus_link.h"
#include "clock.h"
#include "host.h"
#include "since.h"

#include <stdio.h>
#include <string.h>

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

void gap_mute(struct fl_ctx *ctx, uint32_t instrument, const char *channel, int64_t started_ns,
	int64_t ended_ns)
{
	struct fl_gap gap;

	fl_record_init(&gap, FL_GAP);
	gap.head.instrument = instrument;
	gap.started_ns = started_ns;
	gap.ended_ns = ended_ns;
	snprintf(gap.channel, sizeof(gap.channel), "%s", channel);
	snprintf(gap.cause, sizeof(gap.cause), "mute");
	snprintf(gap.detail, sizeof(gap.detail), "silent for longer than ever on a living connection");
	publish(ctx, &gap, ended_ns == 0);
}

/* What a connection brings is only about in the order of its times. */
static const int64_t SPREAD_NS = FL_SECOND;

static void away_begin(struct fl_ctx *ctx, const char *cause, int64_t since_ns)
{
	ctx->away_since_ns = since_ns;
	if (ctx->since != NULL)
		*ctx->since = since_ns;
	ctx->away_cause = cause;
	gap_feed(ctx, cause, since_ns, 0, "nothing was streaming");
}

/*
 * Where what earlier processes left ends: with the last record, or earlier, where a connection had
 * not been read as far as the others when the process was killed.
 */
static int64_t end_of_earlier_ns(struct fl_ctx *ctx, struct bus *bus)
{
	struct since *since = bus_since(bus);
	int64_t last_ns = bus_last_event_ns(bus, ctx->source);
	int64_t left_ns = since == NULL ? 0 : since_left(since, ctx->name);

	return left_ns != 0 && (last_ns == 0 || left_ns < last_ns) ? left_ns : last_ns;
}

/* An earlier process that did not get as far as being connected was away since then already. */
static int64_t away_since_ns(const struct fl_ctx *ctx, int64_t end_ns)
{
	int64_t since_ns = end_ns == 0 ? 0 : end_ns - SPREAD_NS;
	size_t count;
	const struct fl_gap *gaps = bus_open_gaps(ctx->host->parts.bus, &count);

	for (size_t i = 0; i < count; i++)
		if (gaps[i].head.source == ctx->source && strcmp(gaps[i].cause, "process") == 0 &&
			(since_ns == 0 || gaps[i].started_ns <= since_ns + SPREAD_NS))
			since_ns = gaps[i].started_ns;
	return since_ns;
}

void gap_process_begin(struct fl_ctx *ctx)
{
	struct bus *bus = ctx->host->parts.bus;
	int64_t since_ns;

	if (ctx->role != FL_FEED || ctx->has_started || bus == NULL || ctx->is_probe)
		return;
	since_ns = away_since_ns(ctx, end_of_earlier_ns(ctx, bus));
	if (bus_since(bus) != NULL && ctx->since == NULL)
		ctx->since = since_take(bus_since(bus), ctx->name);
	if (since_ns != 0)
		away_begin(ctx, "process", since_ns);
	ctx->has_older_gaps = since_ns != 0;
	if (bus_since(bus) != NULL)
		since_forget(bus_since(bus), ctx->name); /* now in this process's own entry */
}

/* What earlier processes have left open ends too, now that all streams again. */
static void end_older(struct fl_ctx *ctx, int64_t ours_ns, int64_t now_ns)
{
	size_t count;
	const struct fl_gap *gaps = bus_open_gaps(ctx->host->parts.bus, &count);

	for (size_t i = 0; i < count; i++) {
		struct fl_gap gap;

		if (gaps[i].head.source != ctx->source ||
			(gaps[i].started_ns == ours_ns && strcmp(gaps[i].cause, ctx->away_cause) == 0))
			continue;
		fl_record_init(&gap, FL_GAP);
		gap.head.instrument = gaps[i].head.instrument;
		gap.started_ns = gaps[i].started_ns;
		gap.ended_ns = now_ns;
		memcpy(gap.channel, gaps[i].channel, sizeof(gap.channel));
		memcpy(gap.cause, gaps[i].cause, sizeof(gap.cause));
		memcpy(gap.detail, gaps[i].detail, sizeof(gap.detail));
		publish(ctx, &gap, false);
	}
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
	if (ctx->since != NULL)
		*ctx->since = 0;
	gap_feed(ctx, ctx->away_cause, started_ns, now_ns, "nothing was streaming");
	if (ctx->has_older_gaps)
		end_older(ctx, started_ns, now_ns);
	ctx->has_older_gaps = false;
}
