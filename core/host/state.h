/*
 * state.h: what an instance's state is, from its connections, its streams and what it says of
 * itself.
 */
#ifndef HOST_STATE_H
#define HOST_STATE_H

#include "instance.h"

#define LAG_LIMIT_S 60.0 /* a sink further behind is degraded, and not ready */

/** Derives the state now; `reason` is "" for connected, but for what
 * is mute. */
enum instance_state state_of(const struct fl_ctx *ctx, char *reason, size_t size);

/** Sums over an instance's connections. */
struct conn_sums {
	int conns, up, instruments, channels;
	uint64_t messages, reconnects;
	int64_t last_message_ns;
};
void conn_sums(const struct fl_ctx *ctx, struct conn_sums *out);

/** Sums over a sink's streams. */
struct stream_sums {
	int streams;
	uint64_t waiting, stored;
	uint64_t unplaced; /* without a stream: at least so many wait for one */
	double lag_s;      /* age of the oldest record waiting */
};
void stream_sums(const struct fl_ctx *ctx, struct stream_sums *out);

/** Whether everything is as it should be; otherwise the first reason why not. */
bool host_is_ready(const struct host *host, char *reason, size_t size);

#endif
