/* deribit_health: what the feed tells of itself. */
#include "deribit_parts.h"
#include "deribit_subscribe.h"

#include <stdio.h>
#include <string.h>

/* Below this part of what is wanted, the feed does not call itself healthy. */
#define ENOUGH 0.95
#define KNOWN_NS (60 * FL_SECOND)

/* Said when it changes: the core logs each call that differs. */
static void say(struct deribit *self, enum fl_health health, const char *reason)
{
	if (self->health == health && strcmp(self->health_reason, reason) == 0)
		return;
	self->health = health;
	snprintf(self->health_reason, sizeof(self->health_reason), "%s", reason);
	deribit_coverage_update(self); /* who looks because of the one sees the other as of now */
	fl_set_health(self->ctx, health, "%s", reason);
}

/* What is wanted, of instruments and channels of their own alike. */
struct counts {
	size_t wanted, there;
	size_t under_way; /* asked for the first time on its connection, or books to be asked anew */
};

static void count_groups(const struct deribit *self, struct counts *counts)
{
	for (size_t i = 0; i < self->group_count; i++) {
		const struct deribit_group *group = &self->groups[i];

		if (group->is_notice)
			continue;
		counts->wanted++;
		counts->there += group->acked;
		counts->under_way += !group->acked && group->misses == 0;
	}
}

static void count_items(const struct deribit *self, struct counts *counts)
{
	for (size_t i = 0; i < self->item_count; i++) {
		const struct deribit_item *item = &self->items[i];
		uint8_t bits = deribit_wanted(self, item);

		if (bits == 0)
			continue;
		counts->wanted++;
		if (item->flags & ITEM_RENEWING) /* because it is mute: told elsewhere */
			counts->there++;
		else if ((item->acked & bits) == bits && !(item->renew & bits))
			counts->there++;
		else
			counts->under_way += item->misses == 0 && item->goal >= 0;
	}
}

/*
 * Many answers bring it there, at the venue's pace: one period, which begins when too much is
 * missing and ends when nothing is under way any more, not a new one with each answer.
 */
static void say_subscribed(struct deribit *self)
{
	struct counts counts = { 0 };
	bool is_enough;
	char reason[96];

	count_groups(self, &counts);
	count_items(self, &counts);
	is_enough = (double)counts.there >= ENOUGH * (double)counts.wanted;
	self->is_subscribing = counts.under_way > 0 && (!is_enough || self->is_subscribing);
	if (self->is_subscribing) {
		say(self, FL_NOT_READY, "subscribing");
	} else if (is_enough) {
		say(self, FL_HEALTHY, "");
	} else if ((double)(counts.there + self->deferred) >= ENOUGH * (double)counts.wanted) {
		snprintf(reason, sizeof(reason), "%zu instruments have no room on any connection",
			self->deferred);
		say(self, FL_DEGRADED, reason);
	} else {
		say(self, FL_DEGRADED, "the venue does not acknowledge all channels");
	}
}

void deribit_health_update(struct deribit *self)
{
	int open = 0, up = 0, refused = 0, down = -1, unbeaten = -1;
	char reason[640];

	if (!self->is_running)
		return;
	for (int i = 0; i < self->link_count; i++) {
		const struct deribit_link *link = &self->links[i];

		if (!link->is_open)
			continue;
		open++;
		up += link->is_up;
		refused += link->is_up && link->login == LOGIN_REFUSED;
		if (link->is_up && link->is_heartbeat_refused && unbeaten < 0)
			unbeaten = i;
		if (!link->is_up && down < 0)
			down = i;
	}
	if (!self->is_listed) {
		snprintf(reason, sizeof(reason), "listing instruments%s%.512s",
			self->list_error[0] != '\0' ? ": " : "", self->list_error);
		say(self, self->list_error[0] != '\0' ? FL_DISCONNECTED : FL_NOT_READY, reason);
		return;
	}
	if (refused > 0) {
		snprintf(reason, sizeof(reason), "%s: api_key and api_secret are refused",
			fl_reason_text(FL_REASON_UNAUTHORIZED));
		say(self, self->has_raw ? FL_DISCONNECTED : FL_DEGRADED, reason);
		return;
	}
	if (up < open) {
		const struct deribit_link *link = &self->links[down];

		snprintf(reason, sizeof(reason), "connection %d: %s", down,
			link->was_down ? fl_reason_text(link->reason) : "connecting");
		say(self, !link->was_down ? FL_NOT_READY : up == 0 ? FL_DISCONNECTED : FL_DEGRADED, reason);
		return;
	}
	if (unbeaten >= 0) {
		snprintf(reason, sizeof(reason), "connection %d: the venue refuses heartbeats", unbeaten);
		say(self, FL_DEGRADED, reason);
		return;
	}
	say_subscribed(self);
}

/* What is listed, not for a moment only, and not left out on purpose. */
static bool is_due(const struct deribit_item *item, int64_t now)
{
	return (item->flags & ITEM_LISTED) && !(item->flags & (ITEM_EXCLUDED | ITEM_EXPIRED)) &&
		(item->known_ns == 0 || now - item->known_ns >= KNOWN_NS);
}

static void cover(const struct deribit *self, const struct deribit_item *item, int64_t now,
	struct fl_coverage *coverage)
{
	uint8_t bits = deribit_wanted(self, item);
	int64_t heard_ns = fl_heard_ns(self->ctx, item->id);

	coverage->listed++;
	coverage->quoted += heard_ns != 0 && now - heard_ns <= FL_HOUR;
	if (bits == 0 || (item->acked & bits) != bits)
		return;
	coverage->subscribed++;
	coverage->live += fl_is_live(self->ctx, item->id);
}

void deribit_coverage_update(struct deribit *self)
{
	struct fl_coverage of_currency[PAIRS_MAX] = { 0 };
	int64_t now = deribit_now(self);

	if (!self->is_listed)
		return;
	for (size_t i = 0; i < self->item_count; i++) {
		const struct deribit_item *item = &self->items[i];

		if (item->pair != PAIR_NONE && is_due(item, now))
			cover(self, item, now, &of_currency[item->pair / self->options->kinds.count]);
	}
	for (size_t c = 0; c < self->options->currencies.count; c++)
		fl_set_coverage(self->ctx, self->options->currencies.items[c], &of_currency[c]);
}
