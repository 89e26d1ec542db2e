#include "latency.h"

#include "clock.h"
#include "host.h"
#include "metrics.h"

#include <math.h>

static const int64_t WINDOW_NS = 5 * FL_MINUTE;

/* Two marks, each a window apart: what is shown is since the older one, so it is never too few. */
void latency_step(struct fl_ctx *ctx)
{
	int64_t now_ns = clock_monotonic_ns(ctx->host->parts.loop);
	struct metrics_mark *oldest = ctx->latency_since[0];

	if (ctx->latency == NULL)
		return;
	if (ctx->latency_marked_ns == 0)
		ctx->latency_marked_ns = now_ns;
	if (now_ns - ctx->latency_marked_ns < WINDOW_NS)
		return;
	if (oldest == NULL)
		oldest = metrics_mark_create();
	if (oldest == NULL)
		return;
	metrics_mark_set(oldest, ctx->latency);
	ctx->latency_since[0] = ctx->latency_since[1];
	ctx->latency_since[1] = oldest;
	ctx->latency_marked_ns = now_ns;
}

double latency_quantile(const struct fl_ctx *ctx, double quantile)
{
	return ctx->latency == NULL
		? NAN
		: metrics_quantile_since(ctx->latency, ctx->latency_since[0], quantile);
}

void latency_finish(struct fl_ctx *ctx)
{
	metrics_mark_destroy(ctx->latency_since[0]);
	metrics_mark_destroy(ctx->latency_since[1]);
}
