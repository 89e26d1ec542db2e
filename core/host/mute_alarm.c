/* mute_alarm: an alarm's life: begun when somebody is late, told once the feed has taken it on. */
#include "bus_link.h"
#include "gap.h"
#include "log.h"
#include "mute_parts.h"

#include <stdio.h>
#include <stdlib.h>

struct alarm *mute_alarm_find(const struct mute *mute, uint32_t instrument, int kind)
{
	struct link *item, *following;

	list_each (item, following, &mute->alarms) {
		struct alarm *alarm = container_of(item, struct alarm, link);

		if (alarm->instrument == instrument && alarm->kind == kind)
			return alarm;
	}
	return NULL;
}

void mute_alarm_end(struct mute *mute, struct alarm *alarm)
{
	struct heard *item = heard_find(&mute->heard, alarm->instrument, alarm->kind);

	if (item != NULL)
		item->is_mute = false;
	list_remove(&alarm->link);
	free(alarm);
	mute->alarm_count--;
	fl_metric_set(mute->mute_now, (double)mute->alarm_count);
}

void mute_alarm_begin(struct fl_ctx *ctx, struct heard *item, int64_t since_ns, int64_t limit_ns)
{
	struct mute *mute = ctx->mute;
	struct alarm *alarm = calloc(1, sizeof(*alarm));

	if (alarm == NULL)
		return;
	*alarm = (struct alarm){ .instrument = item->instrument,
		.kind = item->kind,
		.since_ns = clock_real_ns(ctx->host->parts.loop) - (mute_now_ns(ctx) - since_ns),
		.limit_ns = limit_ns,
		.connection = item->conn - 1 };
	item->is_mute = true;
	list_append(&mute->alarms, &alarm->link);
	mute->alarm_count++;
	fl_metric_set(mute->mute_now, (double)mute->alarm_count);
}

static void publish_event(struct fl_ctx *ctx, const struct alarm *alarm, const char *type)
{
	struct fl_lifecycle event;

	fl_record_init(&event, FL_LIFECYCLE);
	event.head.instrument = alarm->instrument;
	event.head.event_time_ns = event.head.received_ns = clock_real_ns(ctx->host->parts.loop);
	snprintf(event.event_type, sizeof(event.event_type), "%s", type);
	snprintf(
		event.reason, sizeof(event.reason), "mute: %s", heard_kind_name((unsigned)alarm->kind));
	event.connection_id = alarm->connection;
	event.success = 1;
	(void)bus_link_publish(ctx, &event.head);
}

void mute_alarm_say(struct fl_ctx *ctx, struct alarm *alarm)
{
	if (!alarm->is_said)
		gap_mute(
			ctx, alarm->instrument, heard_kind_name((unsigned)alarm->kind), alarm->since_ns, 0);
	alarm->is_said = true;
	publish_event(ctx, alarm, "subscription_renewed");
}

void mute_strike(struct heard *item)
{
	if (item->strikes < UINT8_MAX)
		item->strikes++;
	item->calm = 0;
}

void mute_alarm_heard(struct fl_ctx *ctx, struct heard *item)
{
	struct alarm *alarm = mute_alarm_find(ctx->mute, item->instrument, item->kind);
	int64_t now_ns = clock_real_ns(ctx->host->parts.loop);

	if (alarm == NULL)
		return;
	if (alarm->stage != STAGE_WANTED) {
		item->silence.last_ns = 0; /* a fault, or an answer of ours: no habit of its own */
		mute_strike(item);
	}
	if (alarm->is_said) {
		gap_mute(ctx, alarm->instrument, heard_kind_name(item->kind), alarm->since_ns, now_ns);
		log_info(ctx->name, "%s: %s heard again after %.0f s",
			fl_instrument_name(ctx, item->instrument), heard_kind_name(item->kind),
			(double)(now_ns - alarm->since_ns) / 1e9);
	}
	mute_alarm_end(ctx->mute, alarm);
}

void mute_alarm_close(struct fl_ctx *ctx, struct alarm *alarm)
{
	if (alarm->is_said)
		gap_mute(ctx, alarm->instrument, heard_kind_name((unsigned)alarm->kind), alarm->since_ns,
			clock_real_ns(ctx->host->parts.loop));
	mute_alarm_end(ctx->mute, alarm);
}
