/*
 * latency.h: from the bytes leaving the socket to the commit of the row, by feed, over its last
 * minutes.
 */
#ifndef HOST_LATENCY_H
#define HOST_LATENCY_H

#include "instance.h"

/** Once a second: lets what is older than some minutes go. False: all is as it was at the last. */
bool latency_step(struct fl_ctx *ctx);
/** Seconds below which `quantile` of the last 5 to 10 minutes' records lie; NaN: none was stored.
 */
double latency_quantile(const struct fl_ctx *ctx, double quantile);
void latency_finish(struct fl_ctx *ctx);

#endif
