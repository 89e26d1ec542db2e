/* endless_gap: a feed is back, and its gap goes on. */
#include "gap.h"
#include "plant.h"

void __real_gap_away_end(struct fl_ctx *ctx, int64_t now_ns);
void __wrap_gap_away_end(struct fl_ctx *ctx, int64_t now_ns);

void __wrap_gap_away_end(struct fl_ctx *ctx, int64_t now_ns)
{
	(void)now_ns;
	ctx->away_since_ns = 0;
}
