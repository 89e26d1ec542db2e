/*
 * deribit_quiet: channels by kind and currency that say nothing although their connection lives.
 *
 * The core watches each instrument's quotes, tickers and books. Trades and indexes have channels
 * of their own, and when the next trade is due nobody knows; so the venue is asked. A channel that
 * is silent for longer than it ever was is swept by time (deribit_refill.c); trades it finds, that
 * the channel then does not bring although other messages come on its connection, prove it mute.
 * It is left and subscribed anew, and if that does not help its connection is replaced. A quiet
 * market costs one question now and then, and no alarm.
 */
#include "deribit_parts.h"
#include "deribit_refill.h"
#include "deribit_session.h"

#include <stdio.h>

#define FLOOR_NS FL_MINUTE            /* no silence shorter than this is odd */
#define ON_ITS_WAY_NS (5 * FL_SECOND) /* what is younger may still come by itself */
#define LIVES_NS (2 * FL_SECOND)
#define AWAY_NS (5 * FL_SECOND) /* between two looks: we stood still, and have not read yet */
#define REPLACE_AGAIN_NS (10 * FL_MINUTE)

void deribit_quiet_forget(struct deribit *self)
{
	for (size_t i = 0; i < self->group_count; i++) {
		self->groups[i].silence.last_ns = 0;
		self->groups[i].suspect_ns = 0;
		self->groups[i].is_questioned = false;
	}
}

void deribit_quiet_heard(struct deribit *self, struct deribit_group *group)
{
	if (group->renewals > 0) {
		fl_resolved(self->ctx, group->channel);
		group->renewals = 0;
		group->silence.last_ns = 0; /* a fault, no habit of its own */
	}
	group->suspect_ns = 0;
	fl_silence_heard(&group->silence, deribit_now(self));
}

static void publish_renewed(struct deribit *self, const struct deribit_group *group)
{
	struct fl_lifecycle event;

	fl_record_init(&event, FL_LIFECYCLE);
	event.head.event_time_ns = event.head.received_ns = fl_now_ns(self->ctx);
	snprintf(event.event_type, sizeof(event.event_type), "subscription_renewed");
	snprintf(event.reason, sizeof(event.reason), "mute: %.50s", group->channel);
	event.connection_id = self->group_link;
	event.success = 1;
	fl_publish(self->ctx, &event.head);
}

static void is_mute(struct deribit *self, struct deribit_group *group, int64_t now)
{
	bool may_replace = self->replaced_ns == 0 || now - self->replaced_ns > REPLACE_AGAIN_NS;

	group->suspect_ns = 0;
	group->asked_ns = now;
	fl_complain(self->ctx, group->channel,
		"%s: mute for %.0f s although connection %d lives: subscribed anew", group->channel,
		(double)(now - group->silence.last_ns) / 1e9, self->group_link);
	fl_metric_add(self->renewed, 1);
	publish_renewed(self, group);
	if (group->renewals > 0 && may_replace) {
		self->replaced_ns = now;
		fl_reconnect(self->ctx, self->group_link + 1, FL_REASON_STALE);
	} else {
		group->renew = true;
	}
	if (group->renewals < UINT8_MAX)
		group->renewals++;
}

/* Only trades can be asked for; of an index, which is due each second, silence is proof enough. */
static void suspect(struct deribit *self, struct deribit_group *group, int64_t now)
{
	group->asked_ns = now;
	if (group->what != DERIBIT_OF_TRADES) {
		group->suspect_ns = now;
		return;
	}
	deribit_sweep_begin(self, group, fl_now_ns(self->ctx) - FL_SECOND - ON_ITS_WAY_NS);
	group->is_questioned = group->sweep_at_ns != 0;
}

void deribit_quiet_swept(struct deribit *self, struct deribit_group *group)
{
	if (group->is_questioned && group->sweep_count > 0)
		group->suspect_ns = deribit_now(self);
	group->is_questioned = false;
}

static void look_at(struct deribit *self, struct deribit_group *group, int64_t now)
{
	int64_t limit_ns = fl_silence_limit_ns(&group->silence, FLOOR_NS);
	int64_t heard_ns = self->links[self->group_link].heard_ns;
	int64_t since_ns =
		group->silence.last_ns > group->asked_ns ? group->silence.last_ns : group->asked_ns;

	if (!group->acked || group->call != 0 || group->silence.last_ns == 0)
		return;
	if (group->suspect_ns != 0) {
		if (now - group->suspect_ns >= ON_ITS_WAY_NS && heard_ns - group->suspect_ns >= LIVES_NS)
			is_mute(self, group, now);
	} else if (limit_ns != INT64_MAX && group->sweep_at_ns == 0 && now - since_ns > limit_ns) {
		suspect(self, group, now);
	}
}

void deribit_quiet_check(struct deribit *self, int64_t now)
{
	int64_t before_ns = self->looked_ns;

	self->looked_ns = now;
	if (before_ns != 0 && now - before_ns > AWAY_NS) {
		deribit_quiet_forget(self);
		return;
	}
	for (size_t i = 0; i < self->group_count; i++)
		if (!self->groups[i].is_notice)
			look_at(self, &self->groups[i], now);
}
