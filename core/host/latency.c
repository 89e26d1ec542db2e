#include "latency.h"

#include "clock.h"
#include "host.h"
#include "metrics.h"

#include <math.h>

static const int64_t WINDOW_NS = 5 * FL_MINUTE;

/* Two marks, each a window apart: what is shown is since the older one, so it is never too few. */
static bool move_marks(struct fl_ctx *ctx, int64_t now_ns)
{
	struct metrics_mark *oldest = ctx->latency_since[0];

	if (ctx->latency_marked_ns == 0)
		ctx->latency_marked_ns = now_ns;
	if (now_ns - ctx->latency_marked_ns < WINDOW_NS)
		return false;
	if (oldest == NULL)
		oldest = metrics_mark_create();
	if (oldest == NULL)
		return false;
	metrics_mark_set(oldest, ctx->latency);
	ctx->latency_since[0] = ctx->latency_since[1];
	ctx->latency_since[1] = oldest;
	ctx->latency_marked_ns = now_ns;
	return true;
}

bool latency_step(struct fl_ctx *ctx)
{
	uint64_t seen = ctx->latency_seen;
	bool has_moved;

	if (ctx->latency == NULL)
		return false;
	has_moved = move_marks(ctx, clock_monotonic_ns(ctx->host->parts.loop));
	ctx->latency_seen = metrics_count(ctx->latency);
	return has_moved || ctx->latency_seen != seen;
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
