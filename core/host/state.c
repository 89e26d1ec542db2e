#include "state.h"

#include "bus.h"
#include "clock.h"
#include "cursor.h"
#include "host.h"
#include "instance_parts.h"
#include "mute.h"

#include <stdio.h>

static const int64_t STALE_NS = 60 * FL_SECOND;
static const double MUTE_MAX = 0.05; /* of the channels */

void conn_sums(const struct fl_ctx *ctx, struct conn_sums *out)
{
	struct instance_conn *entry;
	size_t at = 0;

	*out = (struct conn_sums){ 0 };
	while ((entry = map_next(ctx->conns, &at, NULL, NULL)) != NULL) {
		const struct conn_counters *counters = conn_counters(entry->conn);

		out->conns++;
		out->up += conn_state(entry->conn) == FL_CONN_UP;
		out->instruments += entry->instruments;
		out->channels += entry->channels;
		out->messages += counters->messages;
		out->reconnects += counters->reconnects;
		if (counters->last_message_ns > out->last_message_ns)
			out->last_message_ns = counters->last_message_ns;
	}
}

/* A store that is not reached lags, too: by what came since it was, or since the start. */
static void sum_unplaced(const struct fl_ctx *ctx, int64_t now_ns, struct stream_sums *out)
{
	struct fl_position newest;

	if (ctx->role != FL_SINK || ctx->phase != INSTANCE_RUNNING || ctx->host->parts.bus == NULL)
		return;
	bus_position(ctx->host->parts.bus, &newest);
	if (newest.number <= ctx->known_number)
		return;
	out->unplaced = newest.number - ctx->known_number;
	out->lag_s = (double)(now_ns - ctx->known_ns) / 1e9;
}

void stream_sums(const struct fl_ctx *ctx, struct stream_sums *out)
{
	int64_t now_ns = clock_real_ns(ctx->host->parts.loop);
	struct instance_stream *entry;
	size_t at = 0;

	*out = (struct stream_sums){ 0 };
	while ((entry = map_next(ctx->streams, &at, NULL, NULL)) != NULL) {
		struct cursor_status status;

		cursor_status(entry->cursor, &status);
		out->streams++;
		out->waiting += status.waiting_records;
		for (int kind = 0; kind < FL_KIND_COUNT; kind++)
			out->stored += status.consumed[kind];
		if (status.oldest_received_ns > 0) {
			double lag_s = (double)(now_ns - status.oldest_received_ns) / 1e9;

			out->lag_s = lag_s > out->lag_s ? lag_s : out->lag_s;
		}
	}
	if (out->streams == 0)
		sum_unplaced(ctx, now_ns, out);
}

/* The detail of the first connection that is not up. */
static void say_down(
	const struct fl_ctx *ctx, const struct conn_sums *sums, char *reason, size_t size)
{
	struct instance_conn *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->conns, &at, NULL, NULL)) != NULL) {
		const char *detail = conn_detail(entry->conn);

		if (conn_state(entry->conn) == FL_CONN_UP)
			continue;
		if (conn_state(entry->conn) == FL_CONN_BACKOFF && *detail == '\0')
			detail = fl_reason_text(conn_reason(entry->conn));
		snprintf(reason, size, "%d of %d connections are not up: %s", sums->conns - sums->up,
			sums->conns, *detail != '\0' ? detail : fl_conn_state_text(conn_state(entry->conn)));
		return;
	}
}

static enum instance_state feed_state(const struct fl_ctx *ctx, char *reason, size_t size)
{
	struct conn_sums sums;

	conn_sums(ctx, &sums);
	if (sums.conns > 0 && sums.up < sums.conns) {
		say_down(ctx, &sums, reason, size);
		return sums.up == 0 ? STATE_DISCONNECTED : STATE_DEGRADED;
	}
	if (ctx->health == FL_HEALTHY && sums.conns > 0) {
		mute_reason(ctx, reason, size);
		return (double)mute_count(ctx) > MUTE_MAX * sums.channels ? STATE_DEGRADED
																  : STATE_CONNECTED;
	}
	snprintf(
		reason, size, "%s", ctx->health == FL_HEALTHY ? "no connection yet" : ctx->health_reason);
	return ctx->health == FL_DEGRADED || (ctx->health == FL_NOT_READY && sums.up > 0)
		? STATE_DEGRADED
		: STATE_DISCONNECTED;
}

static enum instance_state sink_state(const struct fl_ctx *ctx, char *reason, size_t size)
{
	struct stream_sums sums;

	stream_sums(ctx, &sums);
	if (ctx->health == FL_DISCONNECTED || ctx->health == FL_NOT_READY || sums.streams == 0) {
		snprintf(reason, size, "%s", ctx->health == FL_HEALTHY ? "opening" : ctx->health_reason);
		return STATE_DISCONNECTED;
	}
	if (ctx->health == FL_DEGRADED) {
		snprintf(reason, size, "%s", ctx->health_reason);
		return STATE_DEGRADED;
	}
	if (sums.lag_s > LAG_LIMIT_S) {
		snprintf(reason, size, "%.0f s behind, %llu records waiting", sums.lag_s,
			(unsigned long long)sums.waiting);
		return STATE_DEGRADED;
	}
	return STATE_CONNECTED;
}

enum instance_state state_of(const struct fl_ctx *ctx, char *reason, size_t size)
{
	reason[0] = '\0';
	if (ctx->is_quarantined) {
		snprintf(reason, size, "%s", ctx->health_reason);
		return STATE_QUARANTINED;
	}
	if (ctx->phase == INSTANCE_FAILED) {
		snprintf(reason, size, "%s", ctx->health_reason);
		return STATE_DISCONNECTED;
	}
	if (ctx->phase != INSTANCE_RUNNING) {
		snprintf(reason, size, "%s",
			ctx->is_held                          ? "stopped by request"
				: ctx->is_orphan                  ? "the file of its plugin is gone"
				: ctx->phase == INSTANCE_STOPPING ? "stopping"
				: ctx->phase == INSTANCE_STOPPED  ? "stopped"
												  : "not started");
		return STATE_STOPPED;
	}
	switch (ctx->role) {
	case FL_FEED: return feed_state(ctx, reason, size);
	case FL_SINK: return sink_state(ctx, reason, size);
	case FL_SERVICE: break;
	}
	snprintf(reason, size, "%s", ctx->health_reason);
	return ctx->health == FL_HEALTHY ? STATE_CONNECTED
		: ctx->health == FL_DEGRADED ? STATE_DEGRADED
									 : STATE_DISCONNECTED;
}

static bool is_fresh(const struct fl_ctx *ctx)
{
	struct conn_sums sums;

	conn_sums(ctx, &sums);
	return clock_real_ns(ctx->host->parts.loop) - sums.last_message_ns < STALE_NS;
}

bool host_is_ready(const struct host *host, char *reason, size_t size)
{
	struct link *item, *following;
	char why[600];

	list_each (item, following, &host->instances) {
		const struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);
		enum instance_state state;

		if (ctx->role == FL_SERVICE || ctx->is_held)
			continue;
		state = state_of(ctx, why, sizeof(why));
		if (state != STATE_CONNECTED) {
			snprintf(reason, size, "%s is %s: %s", ctx->name, instance_state_text(state), why);
			return false;
		}
		if (ctx->role == FL_FEED && !is_fresh(ctx)) {
			snprintf(reason, size, "%s is connected but silent", ctx->name);
			return false;
		}
	}
	reason[0] = '\0';
	return true;
}
