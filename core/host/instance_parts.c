/* instance_parts.c: the ends of all that an instance has opened. */
#include "instance_parts.h"

void instance_parts_stop(struct fl_ctx *ctx)
{
	instance_requests_close(ctx);
	instance_listeners_close(ctx);
	instance_conns_stop(ctx);
	instance_streams_close(ctx);
}

void instance_parts_sweep(struct fl_ctx *ctx)
{
	instance_listeners_sweep(ctx);
	instance_conns_sweep(ctx);
	instance_streams_sweep(ctx);
	instance_subscriptions_sweep(ctx);
	instance_databases_sweep(ctx);
	instance_timers_sweep(ctx);
}

void instance_parts_close(struct fl_ctx *ctx)
{
	instance_requests_close(ctx);
	instance_listeners_close(ctx);
	instance_conns_close(ctx);
	instance_streams_close(ctx);
	instance_subscriptions_close(ctx);
	instance_databases_close(ctx);
	instance_timers_close(ctx);
}
