/*
 * deribit_subscribe: channels wanted against channels acknowledged.
 *
 * There is no list of orders: what is wanted is computed, what the venue has acknowledged is
 * remembered, and the difference is sent, in requests as large as the venue takes, whenever its
 * budget allows. An unknown channel is silently left out of the answer, so the answer is compared
 * with the request; what is missing is asked for again, ever more rarely.
 *
 * A book that lost its thread is unsubscribed first: a second subscribe alone brings no snapshot.
 */
#include "deribit_subscribe.h"

#include "deribit_parts.h"
#include "deribit_refill.h"
#include "deribit_session.h"
#include "deribit_universe.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { SUBSCRIBE_COST = 3000, MISSES_MAX = 6 };
#define MISSED_AGAIN_NS (5 * FL_SECOND) /* doubles with each miss */

/* ---- groups ---- */

static struct deribit_group *group_find(struct deribit *self, const char *channel, size_t length)
{
	for (size_t i = 0; i < self->group_count; i++)
		if (strlen(self->groups[i].channel) == length &&
			memcmp(self->groups[i].channel, channel, length) == 0)
			return &self->groups[i];
	return NULL;
}

static struct deribit_group *group_add(
	struct deribit *self, enum deribit_what what, const char *channel)
{
	struct deribit_group *group = group_find(self, channel, strlen(channel));

	if (group != NULL)
		return group;
	if (self->group_count == GROUPS_MAX || strlen(channel) >= sizeof(group->channel))
		return NULL;
	group = &self->groups[self->group_count++];
	*group = (struct deribit_group){ .what = what, .pair = PAIR_NONE };
	memcpy(group->channel, channel, strlen(channel) + 1);
	return group;
}

void deribit_groups_init(struct deribit *self)
{
	char name[64], channel[DERIBIT_CHANNEL_SIZE];

	for (size_t pair = 0; pair < PAIRS_MAX; pair++)
		self->pair_group[pair] = -1;
	for (size_t pair = 0; pair < deribit_pairs(self); pair++) {
		struct deribit_group *group;

		snprintf(name, sizeof(name), "%s.%s", deribit_pair_kind(self, pair),
			deribit_pair_currency(self, pair));
		if (self->has_trades &&
			deribit_channel_print(&self->trades, name, channel, sizeof(channel)) > 0 &&
			(group = group_add(self, DERIBIT_OF_TRADES, channel)) != NULL) {
			group->pair = (uint8_t)pair;
			self->pair_group[pair] = (int16_t)(group - self->groups);
		}
		snprintf(channel, sizeof(channel), "instrument.state.%s", name);
		if ((group = group_add(self, DERIBIT_OF_TRADES, channel)) != NULL)
			group->is_notice = true;
		snprintf(channel, sizeof(channel), "instrument.creation.%s", name);
		if ((group = group_add(self, DERIBIT_OF_TRADES, channel)) != NULL)
			group->is_notice = true;
	}
}

/* "btc_usd"; instruments of before 2022 do not name their index. */
static bool index_name(const struct deribit_item *item, char *out, size_t size)
{
	const struct fl_instrument *record = &item->record;
	size_t length;

	if (!(item->flags & ITEM_LISTED) || record->underlying[0] == '\0')
		return false;
	if (strchr(record->underlying, '_') != NULL)
		snprintf(out, size, "%s", record->underlying);
	else
		snprintf(out, size, "%s_usd", record->underlying);
	length = strlen(out);
	for (size_t i = 0; i < length; i++)
		if (out[i] >= 'A' && out[i] <= 'Z')
			out[i] = (char)(out[i] + ('a' - 'A'));
	return deribit_name_is_plain(out, length);
}

void deribit_groups_of_indexes(struct deribit *self)
{
	char name[48], last[48] = "", channel[DERIBIT_CHANNEL_SIZE];

	if (!self->has_index && !self->has_markprice)
		return;
	for (size_t i = 0; i < self->item_count; i++) {
		if (!index_name(&self->items[i], name, sizeof(name)) || strcmp(name, last) == 0)
			continue;
		memcpy(last, name, sizeof(last));
		if (self->has_index &&
			deribit_channel_print(&self->index, name, channel, sizeof(channel)) > 0)
			group_add(self, DERIBIT_OF_INDEX, channel);
		if (self->has_markprice && self->items[i].record.instrument_kind == FL_KIND_OPTION &&
			deribit_channel_print(&self->markprice, name, channel, sizeof(channel)) > 0)
			group_add(self, DERIBIT_OF_MARKPRICE, channel);
	}
}

/* ---- what is to be sent ---- */

uint8_t deribit_wanted(const struct deribit *self, const struct deribit_item *item)
{
	uint8_t all = (uint8_t)((1U << self->template_count) - 1);

	if (!deribit_item_is_followed(item))
		return 0;
	if (item->record.instrument_kind != FL_KIND_PERPETUAL)
		all &= (uint8_t)~self->perpetual_bit;
	return all;
}

/* It leaves its connection only for one that can take it at once. */
static bool is_leaving(const struct deribit *self, const struct deribit_item *item)
{
	if (item->place == item->goal)
		return false;
	return item->goal < 0 || (self->links[item->goal].is_up && self->links[item->goal].is_ready);
}

/* What an item needs on the connection it is on. */
static uint8_t item_due(
	const struct deribit *self, const struct deribit_item *item, bool subscribe, int64_t now)
{
	uint8_t wanted = is_leaving(self, item) ? 0 : deribit_wanted(self, item);

	if (item->call != 0 || item->retry_at_ns > now)
		return 0;
	if (subscribe)
		return (uint8_t)(wanted & ~item->acked);
	return (uint8_t)(item->acked & (~wanted | item->renew));
}

static int bit_count(uint8_t bits)
{
	int count = 0;

	for (; bits != 0; bits &= (uint8_t)(bits - 1))
		count++;
	return count;
}

/* All channels of an item in one request, or none. */
static bool gather_item(struct deribit *self, struct deribit_item *item, uint8_t bits)
{
	char channel[DERIBIT_CHANNEL_SIZE];

	if (!deribit_batch_has_room(
			&self->batch, bit_count(bits), (size_t)bit_count(bits) * sizeof(channel)))
		return false;
	for (int i = 0; i < self->template_count; i++) {
		int length;

		if (!(bits & (1U << i)))
			continue;
		length = deribit_channel_print(&self->templates[i], item->name, channel, sizeof(channel));
		if (length > 0)
			deribit_batch_add(&self->batch, channel, (size_t)length);
	}
	return true;
}

/* Groups are unsubscribed only to be subscribed anew: else they end with the instance. */
static bool group_is_due(const struct deribit_group *group, bool subscribe, int64_t now)
{
	return group->call == 0 && group->retry_at_ns <= now &&
		(subscribe ? !group->acked : group->acked && group->renew);
}

static void gather_groups(struct deribit *self, bool subscribe, int64_t id, int64_t now)
{
	for (size_t i = 0; i < self->group_count; i++) {
		struct deribit_group *group = &self->groups[i];

		if (!group_is_due(group, subscribe, now))
			continue;
		if (!deribit_batch_add(&self->batch, group->channel, strlen(group->channel)))
			return;
		group->call = id;
		group->asked = subscribe;
		group->leaving = !subscribe;
	}
}

static void gather(struct deribit *self, int link, bool subscribe, int64_t id, int64_t now)
{
	deribit_batch_begin(&self->batch, subscribe ? "public/subscribe" : "public/unsubscribe", id);
	if (link == self->group_link)
		gather_groups(self, subscribe, id, now);
	for (size_t i = 0; i < self->item_count; i++) {
		struct deribit_item *item = &self->items[i];
		uint8_t bits = item->place == link ? item_due(self, item, subscribe, now) : 0;

		if (bits == 0)
			continue;
		if (!gather_item(self, item, bits))
			break;
		item->call = id;
		if (subscribe)
			item->asked = bits;
		else
			item->leaving = bits;
	}
	deribit_batch_end(&self->batch);
}

/* As if it had not been tried. */
static void ungather(struct deribit *self, int64_t id)
{
	for (size_t i = 0; i < self->group_count; i++)
		if (self->groups[i].call == id) {
			self->groups[i].call = 0;
			self->groups[i].asked = self->groups[i].leaving = false;
		}
	for (size_t i = 0; i < self->item_count; i++)
		if (self->items[i].call == id) {
			self->items[i].call = 0;
			self->items[i].asked = self->items[i].leaving = 0;
		}
}

static bool are_groups_due(const struct deribit *self, bool subscribe, int64_t now)
{
	for (size_t i = 0; i < self->group_count; i++)
		if (group_is_due(&self->groups[i], subscribe, now))
			return true;
	return false;
}

static bool is_due(const struct deribit *self, int link, bool subscribe, int64_t now)
{
	if (link == self->group_link && are_groups_due(self, subscribe, now))
		return true;
	for (size_t i = 0; i < self->item_count; i++)
		if (self->items[i].place == link && item_due(self, &self->items[i], subscribe, now) != 0)
			return true;
	return false;
}

/* For which connections, as bits: what is to be unsubscribed and subscribed, in one pass. */
struct due {
	uint64_t of[2];
};

static_assert(LINKS_MAX <= 64, "a connection is a bit");

static struct due find_due(const struct deribit *self, int64_t now)
{
	struct due due = { { 0, 0 } };

	for (size_t i = 0; i < self->item_count; i++) {
		const struct deribit_item *item = &self->items[i];

		if (item->place < 0)
			continue;
		for (int subscribe = 0; subscribe <= 1; subscribe++)
			if (item_due(self, item, subscribe != 0, now) != 0)
				due.of[subscribe] |= UINT64_C(1) << item->place;
	}
	for (int subscribe = 0; self->group_link >= 0 && subscribe <= 1; subscribe++)
		if (are_groups_due(self, subscribe != 0, now))
			due.of[subscribe] |= UINT64_C(1) << self->group_link;
	return due;
}

/* One request. Returns ns to wait, 0: sent. */
static int64_t send_batch(struct deribit *self, int link, bool subscribe, int64_t now)
{
	struct deribit_call *call;
	int64_t wait = fl_rate_take(&self->subscribe_rate, SUBSCRIBE_COST, now);
	int error;

	if (wait > 0)
		return wait;
	call = deribit_call_begin(self, link, subscribe ? CALL_SUBSCRIBE : CALL_UNSUBSCRIBE);
	if (call == NULL)
		return FL_SECOND;
	gather(self, link, subscribe, call->id, now);
	error = self->batch.channels == 0
		? -EINVAL
		: fl_send(self->ctx, link + 1, self->batch.text, self->batch.length);
	if (error == 0)
		return 0;
	ungather(self, call->id); /* not up any more, or its queue is full */
	call->id = 0;
	return FL_SECOND;
}

int64_t deribit_subscribe_pump(struct deribit *self)
{
	int64_t now = deribit_now(self);
	struct due due = find_due(self, now);

	for (int link = 0; link < self->link_count; link++) {
		if (!self->links[link].is_up || !self->links[link].is_ready)
			continue;
		for (int subscribe = 0; subscribe <= 1; subscribe++) {
			bool is_more = (due.of[subscribe] >> link & 1) != 0;

			while (is_more) {
				int64_t wait = send_batch(self, link, subscribe != 0, now);

				if (wait > 0)
					return wait;
				is_more = is_due(self, link, subscribe != 0, now);
			}
		}
	}
	return 0;
}

/* ---- what came of it ---- */

static void acknowledge_channel(
	struct deribit *self, int64_t id, const char *channel, size_t length)
{
	struct deribit_group *group = group_find(self, channel, length);

	if (group != NULL) {
		group->acked = group->acked || group->call == id;
		return;
	}
	for (int i = 0; i < self->template_count; i++) {
		struct deribit_item *item;
		size_t name_length;
		const char *name;

		if (!deribit_channel_match(&self->templates[i], channel, length, &name, &name_length))
			continue;
		item = deribit_item_by_id(self, fl_instrument_id(self->ctx, name, name_length));
		if (item != NULL && item->call == id)
			item->acked |= (uint8_t)(item->asked & (1U << i));
		return;
	}
}

static void missed(struct deribit *self, uint8_t *misses, int64_t *retry_at_ns)
{
	*retry_at_ns = deribit_now(self) + (MISSED_AGAIN_NS << *misses);
	if (*misses < MISSES_MAX)
		++*misses;
}

static size_t settle_groups(struct deribit *self, int64_t id, int64_t server_ns)
{
	size_t missing = 0;

	for (size_t i = 0; i < self->group_count; i++) {
		struct deribit_group *group = &self->groups[i];

		if (group->call != id)
			continue;
		group->call = 0;
		group->asked = false;
		if (group->leaving) { /* also when that was not answered: subscribing again does no harm */
			group->leaving = group->renew = group->acked = false;
			continue;
		}
		if (group->acked) {
			group->misses = 0;
			if (group->what == DERIBIT_OF_TRADES && !group->is_notice)
				deribit_sweep_begin(self, group, server_ns);
			continue;
		}
		missing += !group->is_notice;
		missed(self, &group->misses, &group->retry_at_ns);
	}
	return missing;
}

static size_t settle_items(struct deribit *self, int64_t id, int link)
{
	size_t missing = 0;

	for (size_t i = 0; i < self->item_count; i++) {
		struct deribit_item *item = &self->items[i];
		uint8_t unmet = (uint8_t)(item->asked & ~item->acked);

		if (item->call != id || item->place != link)
			continue;
		item->call = 0;
		item->acked &= (uint8_t)~item->leaving;
		item->renew &= (uint8_t)~item->leaving;
		item->asked = item->leaving = 0;
		if (((item->acked | deribit_wanted(self, item)) & self->book_bit) == 0)
			deribit_chain_end(self, item);
		if (item->acked == 0 && item->place != item->goal)
			item->place = item->goal;
		if (unmet != 0 || (deribit_wanted(self, item) & ~item->acked) == 0)
			item->flags &= (uint8_t)~ITEM_RENEWING;
		if (unmet != 0) {
			missing += (size_t)bit_count(unmet);
			missed(self, &item->misses, &item->retry_at_ns);
		} else {
			item->misses = 0;
		}
	}
	return missing;
}

/* How many channels the venue has refused lately: counted while it lasts, complained of once. */
static void count_missing(struct deribit *self)
{
	char first[DERIBIT_CHANNEL_SIZE] = "";
	size_t missing = 0;

	for (size_t i = 0; i < self->group_count; i++) {
		const struct deribit_group *group = &self->groups[i];

		if (group->acked || group->misses == 0 || group->is_notice)
			continue;
		missing++;
		snprintf(first, sizeof(first), "%s", group->channel);
	}
	for (size_t i = 0; i < self->item_count; i++) {
		const struct deribit_item *item = &self->items[i];
		uint8_t unmet = (uint8_t)(deribit_wanted(self, item) & ~item->acked);

		if (item->misses == 0 || unmet == 0)
			continue;
		missing += (size_t)bit_count(unmet);
		snprintf(first, sizeof(first), "%s", item->name);
	}
	fl_metric_set(self->refused, (double)missing);
	if (missing > 0)
		fl_complain(self->ctx, "acknowledgement",
			"the venue did not acknowledge %zu channels, of %s for one; asked for again", missing,
			first);
	else
		fl_resolved(self->ctx, "acknowledgement");
}

static void settle(struct deribit *self, const struct deribit_call *call, int64_t server_ns)
{
	size_t missing = settle_groups(self, call->id, server_ns);

	missing += settle_items(self, call->id, call->link);
	fl_log(self->ctx, FL_DEBUG, "connection %d: %s, %zu channels missing in the answer", call->link,
		call->what == CALL_SUBSCRIBE ? "subscribed" : "unsubscribed", missing);
	count_missing(self);
	deribit_link_count(self, call->link);
	deribit_health_update(self);
	deribit_commands_check(self);
	deribit_pump(self);
}

void deribit_acknowledge(
	struct deribit *self, const struct deribit_call *call, const struct deribit_message *answer)
{
	yyjson_arr_iter iter;
	yyjson_val *channel;

	if (!yyjson_arr_iter_init(answer->result, &iter))
		deribit_malformed(self, "an acknowledgement");
	while (call->what == CALL_SUBSCRIBE && (channel = yyjson_arr_iter_next(&iter)) != NULL)
		if (yyjson_is_str(channel))
			acknowledge_channel(self, call->id, yyjson_get_str(channel), yyjson_get_len(channel));
	self->links[call->link].timeouts = 0;
	settle(self, call, answer->server_ns != 0 ? answer->server_ns : fl_now_ns(self->ctx));
}

void deribit_unanswered(struct deribit *self, const struct deribit_call *call)
{
	if (call->what == CALL_UNSUBSCRIBE)
		for (size_t i = 0; i < self->item_count; i++) /* still there: asked again later */
			if (self->items[i].call == call->id) {
				self->items[i].leaving = 0;
				missed(self, &self->items[i].misses, &self->items[i].retry_at_ns);
				self->items[i].call = 0;
			}
	settle(self, call, 0);
}

/* ---- connections ---- */

/* A broken book stays broken until its snapshot on the next connection, which ends its gap. */
static void forget_chain(struct deribit *self, struct deribit_item *item)
{
	if (item->chain.state == DERIBIT_CHAIN_BROKEN && self->is_running &&
		(deribit_wanted(self, item) & self->book_bit) != 0)
		item->chain.waiting_ns = 0;
	else
		deribit_chain_end(self, item);
}

void deribit_link_forget(struct deribit *self, int link)
{
	for (size_t i = 0; i < self->item_count; i++) {
		struct deribit_item *item = &self->items[i];

		if (item->place != link)
			continue;
		item->asked = item->acked = item->leaving = item->renew = 0;
		item->call = item->retry_at_ns = 0;
		item->misses = 0;
		item->flags &= (uint8_t)~ITEM_RENEWING;
		item->place = item->goal;
		forget_chain(self, item);
	}
	for (size_t i = 0; link == self->group_link && i < self->group_count; i++) {
		struct deribit_group *group = &self->groups[i];

		group->asked = group->acked = group->leaving = group->renew = false;
		group->call = group->retry_at_ns = 0;
		group->misses = 0;
	}
	if (link == self->group_link)
		deribit_quiet_forget(self);
	deribit_link_count(self, link);
}

void deribit_link_count(struct deribit *self, int link)
{
	int instruments = 0, channels = 0, all = 0;

	for (size_t i = 0; link == self->group_link && i < self->group_count; i++)
		channels += self->groups[i].acked && !self->groups[i].is_notice;
	for (size_t i = 0; i < self->item_count; i++) {
		const struct deribit_item *item = &self->items[i];

		if (item->place != link || item->acked == 0)
			continue;
		instruments++;
		channels += bit_count(item->acked);
	}
	self->links[link].instruments = instruments;
	self->links[link].channels = channels;
	fl_conn_load(self->ctx, link + 1, instruments, channels);
	for (int i = 0; i < self->link_count; i++)
		all += self->links[i].channels;
	fl_metric_set(self->subscriptions, all);
}
