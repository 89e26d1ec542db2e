/*
 * gap.h: publishes the holes that the core itself knows of: connections that ended, feeds that were
 * stopped, the time a process was away.
 */
#ifndef HOST_GAP_H
#define HOST_GAP_H

#include "instance_parts.h"

/** A connection's hole; ended_ns 0: it has begun. The same hole is published again when it ends. */
void gap_conn(const struct instance_conn *entry, int64_t ended_ns);
/** A hole of a whole feed: cause "stopped" or "process". */
void gap_feed(struct fl_ctx *ctx, const char *cause, int64_t started_ns, int64_t ended_ns,
	const char *detail);

/** An instrument's: one kind of its records did not come though its connection lived. */
void gap_mute(struct fl_ctx *ctx, uint32_t instrument, const char *channel, int64_t started_ns,
	int64_t ended_ns);

/** A feed starts: from the last process's records until it is connected there is a hole. */
void gap_process_begin(struct fl_ctx *ctx);
/** A feed is about to be restarted: a hole until it is connected again. */
void gap_restart_begin(struct fl_ctx *ctx);
/** Every connection of the feed is up and subscribed again. */
void gap_away_end(struct fl_ctx *ctx, int64_t now_ns);

#endif
