/*
 * mute_parts.h: what the files of mute.h share.
 *
 *   mute.c         what is heard, and who is late
 *   mute_alarm.c   an alarm's life: begun, told, over
 *   mute_remedy.c  what is done about it: the feed is asked, a connection replaced
 *   mute_print.c   what the status says
 */
#ifndef HOST_MUTE_PARTS_H
#define HOST_MUTE_PARTS_H

#include "clock.h"
#include "heard.h"
#include "host.h"
#include "mute.h"

#define MUTE_FLOOR_NS (10 * FL_SECOND) /* no silence shorter than this is odd */

/* What is being done about it. */
enum stage {
	STAGE_WANTED,   /* the feed is to be asked, or has not answered yet */
	STAGE_RENEWED,  /* subscribed anew */
	STAGE_REPLACED, /* its connection is a new one since; nothing more can be done */
};

struct alarm {
	struct link link;
	uint32_t instrument;
	int kind;
	enum stage stage;
	bool is_said;
	int64_t asked_ns;           /* of the stage; monotonic */
	int64_t since_ns, limit_ns; /* silent since, real time; what was expected */
	int connection;
};

struct mute {
	struct heard_table heard;
	struct link alarms;
	size_t alarm_count;
	int64_t look_at_ns, looked_ns;
	bool is_asking;
	struct fl_metric *mute_now, *renewed, *replaced;
};

static inline int64_t mute_now_ns(const struct fl_ctx *ctx)
{
	return clock_monotonic_ns(ctx->host->parts.loop);
}

/* ---- mute.c ---- */

/**
 * Whether as many others came on its connection while `item` was silent as make its silence odd:
 * otherwise the silence is the connection's, which stands still, drips after an outage, or has
 * calmed down with its market.
 */
bool mute_does_live(
	const struct instance_conn *entry, const struct heard *item, int64_t limit_ns, int64_t now_ns);

/* ---- mute_alarm.c ---- */

/** NULL: there is none. */
struct alarm *mute_alarm_find(const struct mute *mute, uint32_t instrument, int kind);
/** Both times monotonic; what is late is not told before the feed has taken it on. */
void mute_alarm_begin(struct fl_ctx *ctx, struct heard *item, int64_t since_ns, int64_t limit_ns);
/** The feed has taken it on: now it is a fact, no longer a guess. */
void mute_alarm_say(struct fl_ctx *ctx, struct alarm *alarm);
/** It is heard again. */
void mute_alarm_heard(struct fl_ctx *ctx, struct heard *item);
/** Over, for whatever reason: a gap that was told of is closed. */
void mute_alarm_close(struct fl_ctx *ctx, struct alarm *alarm);
/** Over, and nothing is told. */
void mute_alarm_end(struct mute *mute, struct alarm *alarm);
/** Each renewal doubles what it may be silent, for a while. */
void mute_strike(struct heard *item);

/* ---- mute_remedy.c ---- */

/** Asks the feed to subscribe anew what no one has asked for yet. */
void mute_ask(struct fl_ctx *ctx);
/** Renewed, and still silent after the same time again. */
void mute_escalate(struct fl_ctx *ctx, struct alarm *alarm, struct heard *item, int64_t now_ns);
/** Whether this connection has not been replaced lately. */
bool mute_may_replace(const struct instance_conn *entry, int64_t now_ns);

#endif
