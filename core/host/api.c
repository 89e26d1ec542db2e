/*
 * api.c: the calls of plugins that concern no resource of theirs: time, random, log, metrics,
 * health. The others stand beside what they reach: bus_link.c, instance_conn.c, instance_timer.c,
 * instance_server.c, instance_database.c, command.c, snapshot.c.
 */
#include "clock.h"
#include "host.h"
#include "kept.h"
#include "log.h"
#include "observe.h"
#include "probe.h"
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- time and chance ---- */

int64_t fl_now_ns(const struct fl_ctx *ctx)
{
	return clock_real_ns(ctx->host->parts.loop);
}

int64_t fl_monotonic_ns(const struct fl_ctx *ctx)
{
	return clock_monotonic_ns(ctx->host->parts.loop);
}

uint64_t fl_random(struct fl_ctx *ctx)
{
	return random_u64(ctx->host->parts.loop);
}

void fl_random_bytes(struct fl_ctx *ctx, void *bytes, size_t length)
{
	random_bytes(ctx->host->parts.loop, bytes, length);
}

const char *fl_instance_name(const struct fl_ctx *ctx)
{
	return ctx->name;
}

/* ---- log ---- */

void fl_log(struct fl_ctx *ctx, enum fl_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vline(level, ctx->name, format, args);
	va_end(args);
}

void fl_log_limited(struct fl_ctx *ctx, enum fl_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_limited(level, ctx->name, format, args);
	va_end(args);
}

void fl_complain(struct fl_ctx *ctx, const char *what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_complain(ctx->name, what, format, args);
	va_end(args);
}

void fl_resolved(struct fl_ctx *ctx, const char *what)
{
	log_resolved(ctx->name, what);
}

bool fl_debug_is_on(const struct fl_ctx *ctx)
{
	(void)ctx;
	return log_is_on(FL_DEBUG);
}

/* ---- metrics and health ---- */

struct fl_metric *fl_metric(struct fl_ctx *ctx, enum fl_metric_kind kind, const char *name,
	const char *labels, const char *help)
{
	return metrics_find(ctx->host->parts.metrics, kind, name, labels, help);
}

static int run_health(struct fl_ctx *ctx, const struct kept_call *call)
{
	fl_set_health(ctx, (enum fl_health)call->a, "%s", call->texts[0]);
	return 0;
}

void fl_set_health(struct fl_ctx *ctx, enum fl_health health, const char *reason, ...)
{
	char text[sizeof(ctx->health_reason)];
	va_list args;

	va_start(args, reason);
	vsnprintf(text, sizeof(text), reason, args);
	va_end(args);
	if (kept_is_on(ctx)) {
		(void)kept_add(ctx,
			&(struct kept_call){ .run = run_health,
				.a = (int)health,
				.texts = &(const char *){ text },
				.text_count = 1 });
		return;
	}
	ctx->health = health;
	memcpy(ctx->health_reason, text, sizeof(text));
	if (health == FL_HEALTHY)
		ctx->health_reason[0] = '\0';
	observe_instance(ctx);
}

static struct coverage *find_coverage(struct fl_ctx *ctx, const char *currency)
{
	struct link *item, *following;
	struct coverage *coverage;

	list_each (item, following, &ctx->coverages) {
		coverage = container_of(item, struct coverage, link);
		if (strncmp(coverage->currency, currency, sizeof(coverage->currency) - 1) == 0)
			return coverage;
	}
	coverage = calloc(1, sizeof(*coverage));
	if (coverage == NULL)
		return NULL;
	snprintf(coverage->currency, sizeof(coverage->currency), "%s", currency);
	list_append(&ctx->coverages, &coverage->link);
	return coverage;
}

static int run_coverage(struct fl_ctx *ctx, const struct kept_call *call)
{
	struct fl_coverage coverage;

	memcpy(&coverage, call->data, sizeof(coverage));
	fl_set_coverage(ctx, call->texts[0], &coverage);
	return 0;
}

void fl_set_coverage(struct fl_ctx *ctx, const char *currency, const struct fl_coverage *coverage)
{
	struct coverage *entry;

	if (kept_is_on(ctx)) {
		(void)kept_add(ctx,
			&(struct kept_call){ .run = run_coverage,
				.data = coverage,
				.length = sizeof(*coverage),
				.texts = &currency,
				.text_count = 1 });
		return;
	}
	entry = find_coverage(ctx, currency);
	if (entry != NULL)
		entry->counts = *coverage;
}

/* ---- probes ---- */

void fl_probe_step(struct fl_ctx *ctx, int status, const char *what, ...)
{
	char text[512];
	va_list args;

	va_start(args, what);
	vsnprintf(text, sizeof(text), what, args);
	va_end(args);
	probe_step(ctx, status, text);
}

void fl_backfill_line(struct fl_ctx *ctx, const char *format, ...)
{
	const struct backfill *backfill = &ctx->host->backfill;
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (backfill->what != NULL)
		backfill->on_line(backfill->data, ctx->name, text);
}

void fl_backfill_done(struct fl_ctx *ctx, int error)
{
	const struct backfill *backfill = &ctx->host->backfill;

	if (backfill->what != NULL)
		backfill->on_done(backfill->data, ctx->name, error);
}

void fl_probe_done(struct fl_ctx *ctx)
{
	probe_done(ctx);
}
