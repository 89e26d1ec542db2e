/* deribit_trades: each trade once, in the order of its instrument's trade_seq. */
#include "deribit_trades.h"

#include "deribit_session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Waiting trades are 200 bytes each; what does not fit is fetched again instead. */
enum { HELD_MAX = 8192, HELD_EACH_MAX = 2048 };
/* A late neighbour may still arrive by itself: ask only then. */
#define SETTLE_NS (200 * FL_MS)
/* A lower trade_seq with a time so much later: the venue counts anew. */
#define RESTART_NS (5 * FL_SECOND)

static void trade_publish(struct deribit *self, struct deribit_item *item, struct fl_trade *trade)
{
	fl_publish(self->ctx, &trade->head);
	item->last_seq = trade->trade_seq;
	if (trade->head.event_time_ns > item->last_trade_ns)
		item->last_trade_ns = trade->head.event_time_ns;
	if (item->pair != PAIR_NONE && self->pair_group[item->pair] >= 0) {
		struct deribit_group *group = &self->groups[self->pair_group[item->pair]];

		/* Until its channel is acknowledged, and swept from there, the hole before it stays in
		 * sight. */
		if (group->acked && trade->head.event_time_ns > group->newest_ns)
			group->newest_ns = trade->head.event_time_ns;
	}
}

bool deribit_trades_are_swept(const struct deribit *self, const struct deribit_item *item)
{
	const struct deribit_group *group;

	if (item->pair == PAIR_NONE || self->pair_group[item->pair] < 0)
		return false;
	group = &self->groups[self->pair_group[item->pair]];
	return !group->acked || group->sweep_at_ns != 0;
}

/* ---- holds ---- */

static struct deribit_hold *hold_begin(struct deribit *self, struct deribit_item *item)
{
	struct deribit_hold *hold;

	if (item->hold != NULL)
		return item->hold;
	if (self->hold_count == self->hold_capacity) {
		size_t capacity = self->hold_capacity == 0 ? 16 : self->hold_capacity * 2;
		struct deribit_hold **grown =
			realloc(self->holds, capacity * sizeof(struct deribit_hold *));

		if (grown == NULL)
			return NULL;
		self->holds = grown;
		self->hold_capacity = capacity;
	}
	hold = calloc(1, sizeof(*hold));
	if (hold == NULL)
		return NULL;
	hold->item = (uint32_t)(item - self->items);
	hold->until = item->last_seq;
	hold->first_seq = item->last_seq + 1;
	hold->missing_to = -1;
	hold->started_ns = item->last_trade_ns;
	hold->retry_at_ns = deribit_now(self) + SETTLE_NS;
	hold->slot = -1;
	self->holds[self->hold_count++] = hold;
	item->hold = hold;
	return hold;
}

static void hold_end(struct deribit *self, struct deribit_item *item)
{
	struct deribit_hold *hold = item->hold;

	for (size_t i = 0; i < self->hold_count; i++)
		if (self->holds[i] == hold) {
			self->holds[i] = self->holds[--self->hold_count];
			break;
		}
	if (hold->complained)
		fl_resolved(self->ctx, "refill");
	self->held_trades -= hold->count;
	free(hold->trades);
	free(hold);
	item->hold = NULL;
}

void deribit_holds_free(struct deribit *self)
{
	for (size_t i = 0; i < self->hold_count; i++) {
		self->items[self->holds[i]->item].hold = NULL;
		free(self->holds[i]->trades);
		free(self->holds[i]);
	}
	free(self->holds);
	self->holds = NULL;
	self->hold_count = self->hold_capacity = self->held_trades = 0;
}

struct deribit_hold *deribit_hold_restore(struct deribit *self, struct deribit_item *item)
{
	return hold_begin(self, item);
}

static bool hold_reserve(struct deribit *self, struct deribit_hold *hold)
{
	size_t capacity = hold->capacity == 0 ? 4 : hold->capacity * 2;
	struct fl_trade *grown;

	if (hold->count < hold->capacity)
		return true;
	if (hold->count >= HELD_EACH_MAX || self->held_trades >= HELD_MAX)
		return false;
	grown = realloc(hold->trades, capacity * sizeof(*grown));
	if (grown == NULL)
		return false;
	hold->trades = grown;
	hold->capacity = capacity;
	return true;
}

bool deribit_hold_restore_trade(
	struct deribit *self, struct deribit_hold *hold, const struct fl_trade *trade)
{
	if (!hold_reserve(self, hold))
		return false;
	hold->trades[hold->count++] = *trade;
	self->held_trades++;
	return true;
}

static enum deribit_taken hold_add(
	struct deribit *self, struct deribit_item *item, const struct fl_trade *trade)
{
	struct deribit_hold *hold = hold_begin(self, item);
	size_t at;

	if (hold == NULL) /* no memory: rather a hole in the order than a lost trade */
		return DERIBIT_TAKEN_PUBLISHED;
	for (at = hold->count; at > 0 && hold->trades[at - 1].trade_seq >= trade->trade_seq; at--)
		if (hold->trades[at - 1].trade_seq == trade->trade_seq)
			return DERIBIT_TAKEN_REPEATED;
	if (hold->until < trade->trade_seq)
		hold->until = trade->trade_seq;
	if (hold->missing_to < 0)
		hold->missing_to = trade->trade_seq - 1;
	if (!hold_reserve(self, hold)) /* `until` remembers that it must be fetched */
		return item->last_seq < 0 ? DERIBIT_TAKEN_PUBLISHED : DERIBIT_TAKEN_HELD;
	memmove(&hold->trades[at + 1], &hold->trades[at], (hold->count - at) * sizeof(*trade));
	hold->trades[at] = *trade;
	hold->count++;
	self->held_trades++;
	return DERIBIT_TAKEN_HELD;
}

/* What was missing is there, or is known not to be had: a row of stream_gaps either way. */
static void hold_gap(struct deribit *self, const struct deribit_item *item, int64_t first,
	int64_t last, int64_t ended_ns, bool is_filled, const char *why)
{
	int64_t now = fl_now_ns(self->ctx);
	struct fl_gap gap;

	fl_record_init(&gap, FL_GAP);
	gap.head.instrument = item->id;
	gap.head.event_time_ns = gap.head.received_ns = now;
	gap.started_ns = item->hold->started_ns;
	gap.ended_ns = ended_ns;
	gap.first_seq = first;
	gap.last_seq = last;
	gap.filled_ns = is_filled ? now : 0;
	if (item->pair != PAIR_NONE && self->pair_group[item->pair] >= 0)
		snprintf(gap.channel, sizeof(gap.channel), "%.63s",
			self->groups[self->pair_group[item->pair]].channel);
	snprintf(gap.cause, sizeof(gap.cause), "trade_seq");
	snprintf(gap.detail, sizeof(gap.detail), "%s", why);
	fl_publish(self->ctx, &gap.head);
}

/* The hole before the held trades is closed, if it was one that had to be fetched. */
static void hold_closed(struct deribit *self, struct deribit_item *item, int64_t ended_ns)
{
	struct deribit_hold *hold = item->hold;
	char how[96];

	if (hold->refilled > 0 && hold->missing_to >= hold->first_seq) {
		snprintf(how, sizeof(how), "fetched by trade_seq%s%s",
			hold->failure[0] != '\0' ? " after " : "", hold->failure);
		hold_gap(self, item, hold->first_seq, hold->missing_to, ended_ns, true, how);
	}
	hold->refilled = 0;
	hold->attempts = 0;
	hold->failure[0] = '\0';
}

void deribit_hold_release(struct deribit *self, struct deribit_item *item)
{
	struct deribit_hold *hold = item->hold;
	size_t gone = 0;

	if (hold == NULL)
		return;
	if (hold->count > 0 && hold->trades[0].trade_seq <= item->last_seq + 1)
		hold_closed(self, item, hold->trades[0].head.event_time_ns);
	while (gone < hold->count && hold->trades[gone].trade_seq <= item->last_seq + 1) {
		struct fl_trade *trade = &hold->trades[gone++];

		if (trade->trade_seq <= item->last_seq)
			continue;
		if (trade->flags & FL_TRADE_REFILLED)
			fl_metric_add(self->refills, 1);
		trade_publish(self, item, trade);
	}
	if (gone > 0) {
		hold->count -= gone;
		self->held_trades -= gone;
		memmove(hold->trades, hold->trades + gone, hold->count * sizeof(*hold->trades));
		hold->first_seq = item->last_seq + 1;
		hold->missing_to = hold->count > 0 ? hold->trades[0].trade_seq - 1 : hold->until;
		hold->started_ns = item->last_trade_ns;
	}
	if (hold->count > 0 || hold->until > item->last_seq)
		return;
	hold_closed(self, item, item->last_trade_ns);
	hold_end(self, item);
}

void deribit_hold_give_up(struct deribit *self, struct deribit_item *item, const char *why)
{
	struct deribit_hold *hold = item->hold;
	int64_t last;

	if (hold == NULL)
		return;
	last = hold->count > 0 ? hold->trades[0].trade_seq - 1 : hold->until;
	if (last > item->last_seq) {
		fl_log_limited(self->ctx, FL_WARN, "%s: trades %" PRId64 " to %" PRId64 " are lost: %s",
			item->name, item->last_seq + 1, last, why);
		hold_gap(self, item, item->last_seq + 1, last,
			hold->count > 0 ? hold->trades[0].head.event_time_ns : 0, false, why);
		item->last_seq = last;
	}
	hold->first_seq = item->last_seq + 1;
	hold->refilled = 0;
	hold->attempts = 0;
	deribit_hold_release(self, item);
}

/* ---- trades as they come ---- */

/* The venue counts anew (a test system was set up again): what we knew of it is worth nothing. */
static void seq_restart(
	struct deribit *self, struct deribit_item *item, const struct fl_trade *trade)
{
	fl_log_limited(self->ctx, FL_WARN,
		"%s: the venue counts its trades anew: %" PRId64 " after %" PRId64, item->name,
		trade->trade_seq, item->last_seq);
	if (item->hold != NULL)
		hold_end(self, item);
	item->last_seq = trade->trade_seq - 1;
}

enum deribit_taken deribit_trade_take(
	struct deribit *self, struct deribit_item *item, struct fl_trade *trade)
{
	bool was_holding = item->hold != NULL;
	enum deribit_taken taken;

	if (item->last_seq >= 0 && trade->trade_seq <= item->last_seq) {
		if (trade->head.event_time_ns <= item->last_trade_ns + RESTART_NS)
			return DERIBIT_TAKEN_REPEATED;
		seq_restart(self, item, trade);
	}
	if (item->last_seq < 0 ? !deribit_trades_are_swept(self, item)
						   : trade->trade_seq == item->last_seq + 1) {
		if (item->hold != NULL && (trade->flags & FL_TRADE_REFILLED))
			item->hold->refilled++;
		trade_publish(self, item, trade);
		deribit_hold_release(self, item);
		return DERIBIT_TAKEN_PUBLISHED;
	}
	taken = hold_add(self, item, trade);
	if (taken == DERIBIT_TAKEN_PUBLISHED)
		trade_publish(self, item, trade);
	else if (taken == DERIBIT_TAKEN_HELD && !was_holding)
		deribit_pump(self);
	return taken;
}

void deribit_trades_settle(struct deribit *self, const struct deribit_group *group)
{
	for (size_t i = self->hold_count; i > 0; i--) {
		struct deribit_hold *hold = self->holds[i - 1];
		struct deribit_item *item = &self->items[hold->item];

		if (item->pair != group->pair)
			continue;
		if (item->last_seq < 0 && hold->count > 0) {
			item->last_seq = hold->trades[0].trade_seq - 1;
			hold->first_seq = hold->trades[0].trade_seq;
			hold->missing_to = -1;
		}
		hold->retry_at_ns = deribit_now(self);
		deribit_hold_release(self, item);
	}
}
