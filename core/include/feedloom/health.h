/*
 * health.h: what a feed or sink tells of itself, for status, readiness and coverage. The core adds
 * what it knows: connections, messages, latencies, lags.
 */
#ifndef FEEDLOOM_HEALTH_H
#define FEEDLOOM_HEALTH_H

#include <feedloom/conn.h>

enum fl_health {
	FL_HEALTHY = 0, /* as far as the instance can tell */
	FL_NOT_READY,   /* starting: not authenticated, not subscribed yet */
	FL_DEGRADED,    /* works in part */
	FL_DISCONNECTED /* does not work: no connection, no store */
};

/** Sets this instance's health; a change is logged and published as a status record by the core. */
FL_API void fl_set_health(struct fl_ctx *ctx, enum fl_health health, const char *reason, ...)
	FL_PRINTF(3, 4);

/** What connection `conn` carries: instruments and channels acknowledged by the venue. */
FL_API void fl_conn_load(struct fl_ctx *ctx, int conn, int instruments, int channels);

/**
 * Whether a connection's end is a hole in the stream: the core then publishes a gap record from the
 * connection's last message to its return. Default true; false for connections without a stream.
 */
FL_API void fl_conn_streams(struct fl_ctx *ctx, int conn, bool streams);

/** Coverage of one currency, in instruments. */
struct fl_coverage {
	int listed;     /* by the venue as tradable, for a minute, and not left out on purpose */
	int subscribed; /* of those: acknowledged by the venue */
	int live;       /* of these: not silent for longer than is usual for them */
	int quoted;     /* of the listed: with data in the last hour */
};
FL_API void fl_set_coverage(
	struct fl_ctx *ctx, const char *currency, const struct fl_coverage *coverage);

/**
 * Whether an instrument has been heard on a connection that is up, by any kind of record this feed
 * published of it, within what it may be silent (the core learns that from its traffic; at least a
 * minute). A feed that takes the command `renew` is asked to subscribe anew what has gone mute:
 * {"instruments": [names]} is answered {"renewed": [names], "rejected": [{"instrument",
 * "reason"}]}; what is rejected is not watched any more.
 */
FL_API bool fl_is_live(struct fl_ctx *ctx, uint32_t instrument);
/** When that was, by any kind of record and on whichever connection; monotonic, 0: never. */
FL_API int64_t fl_heard_ns(struct fl_ctx *ctx, uint32_t instrument);

/** A step of `feedloom check --connect`; on_probe is over with the call of fl_probe_done. */
FL_API void fl_probe_step(struct fl_ctx *ctx, int status, const char *what, ...) FL_PRINTF(3, 4);
FL_API void fl_probe_done(struct fl_ctx *ctx);

/** A line for who watches `feedloom backfill`. */
FL_API void fl_backfill_line(struct fl_ctx *ctx, const char *format, ...) FL_PRINTF(2, 3);
/** It is over: 0, or a negative errno that a line has explained. */
FL_API void fl_backfill_done(struct fl_ctx *ctx, int error);

#endif
