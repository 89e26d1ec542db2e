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
	deribit_coverage_update(self);
	deribit_coverage_update(self); /* who looks because of the one sees the other as of now */
	fl_set_health(self->ctx, health, "%s", reason);
}

/* Channels wanted and acknowledged; whether any is still to be asked for the first time. */
static void count(const struct deribit *self, size_t *wanted, size_t *acked, bool *is_starting)
{
	*wanted = *acked = 0;
	*is_starting = false;
	for (size_t i = 0; i < self->group_count; i++) {
		const struct deribit_group *group = &self->groups[i];

		if (group->is_notice)
			continue;
		++*wanted;
		*acked += group->acked;
		*is_starting = *is_starting || (!group->acked && group->misses == 0);
	}
	for (size_t i = 0; i < self->item_count; i++) {
		const struct deribit_item *item = &self->items[i];
		uint8_t bits = deribit_wanted(self, item);

		if (bits == 0)
			continue;
		++*wanted;
		if ((item->acked & bits) == bits || (item->flags & ITEM_RENEWING))
			++*acked;
		else if (item->misses == 0)
			*is_starting = true;
	}
}

void deribit_health_update(struct deribit *self)
{
	int open = 0, up = 0, refused = 0, down = -1, unbeaten = -1;
	size_t wanted, acked;
	bool is_starting;
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
	count(self, &wanted, &acked, &is_starting);
	if (is_starting && (double)acked < ENOUGH * (double)wanted)
		say(self, FL_NOT_READY, "subscribing");
	else if ((double)acked < ENOUGH * (double)wanted)
		say(self, FL_DEGRADED, "the venue does not acknowledge all channels");
	else
		say(self, FL_HEALTHY, "");
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
