/*
 * deribit_snapshot: what a reload hands over: instruments with their places, acknowledgements and
 * trade_seq, groups with their sweeps, calls under way. Not handed over: trades that are held back
 * (fetched again) and books (their chains go on with their last change_id).
 *
 * Bytes are written field by field, little-endian as the machine is; never an image of a struct.
 */
#include "deribit_parts.h"
#include "deribit_subscribe.h"
#include "deribit_trades.h"
#include "deribit_universe.h"

#include <stdlib.h>
#include <string.h>

/* ---- bytes ---- */

struct writer {
	char *data;
	size_t length, capacity;
	bool is_broken; /* no memory */
};

static void put(struct writer *to, const void *bytes, size_t length)
{
	if (to->length + length > to->capacity && !to->is_broken) {
		size_t capacity = (to->capacity + length) * 2 + 256;
		char *grown = realloc(to->data, capacity);

		to->is_broken = grown == NULL;
		if (grown != NULL) {
			to->data = grown;
			to->capacity = capacity;
		}
	}
	if (to->is_broken)
		return;
	memcpy(to->data + to->length, bytes, length);
	to->length += length;
}

static void put_int(struct writer *to, int64_t value)
{
	put(to, &value, sizeof(value));
}

static void put_byte(struct writer *to, unsigned value)
{
	uint8_t byte = (uint8_t)value;

	put(to, &byte, 1);
}

static void put_real(struct writer *to, double value)
{
	put(to, &value, sizeof(value));
}

static void put_text(struct writer *to, const char *text)
{
	size_t length = strlen(text);

	put_byte(to, (unsigned)(length < 255 ? length : 255));
	put(to, text, length < 255 ? length : 255);
}

struct reader {
	const char *data;
	size_t left;
	bool is_broken; /* shorter than it should be */
};

static void get(struct reader *from, void *bytes, size_t length)
{
	if (from->left < length) {
		from->is_broken = true;
		from->left = 0;
		memset(bytes, 0, length);
		return;
	}
	memcpy(bytes, from->data, length);
	from->data += length;
	from->left -= length;
}

static int64_t get_int(struct reader *from)
{
	int64_t value;

	get(from, &value, sizeof(value));
	return value;
}

static uint8_t get_byte(struct reader *from)
{
	uint8_t value;

	get(from, &value, 1);
	return value;
}

static double get_real(struct reader *from)
{
	double value;

	get(from, &value, sizeof(value));
	return value;
}

static void get_text(struct reader *from, char *text, size_t size)
{
	char whole[256] = "";
	size_t length = get_byte(from);

	get(from, whole, length);
	length = length < size ? length : size - 1;
	memcpy(text, whole, length);
	text[length] = '\0';
}

/* ---- items ---- */

static void put_record(struct writer *to, const struct fl_instrument *record)
{
	put_byte(to, record->instrument_kind);
	put_byte(to, record->option_type);
	put_byte(to, record->is_active);
	put_byte(to, record->state);
	put_real(to, record->strike);
	put_int(to, record->expiry_ns);
	put_int(to, record->creation_ns);
	put_real(to, record->tick_size);
	put_real(to, record->contract_size);
	put_real(to, record->min_trade_amount);
	put_text(to, record->currency);
	put_text(to, record->base_currency);
	put_text(to, record->quote_currency);
	put_text(to, record->settlement_currency);
	put_text(to, record->price_currency);
	put_text(to, record->underlying);
}

static void get_record(struct reader *from, struct fl_instrument *record)
{
	record->instrument_kind = get_byte(from);
	record->option_type = get_byte(from);
	record->is_active = get_byte(from);
	record->state = get_byte(from);
	record->strike = get_real(from);
	record->expiry_ns = get_int(from);
	record->creation_ns = get_int(from);
	record->tick_size = get_real(from);
	record->contract_size = get_real(from);
	record->min_trade_amount = get_real(from);
	get_text(from, record->currency, sizeof(record->currency));
	get_text(from, record->base_currency, sizeof(record->base_currency));
	get_text(from, record->quote_currency, sizeof(record->quote_currency));
	get_text(from, record->settlement_currency, sizeof(record->settlement_currency));
	get_text(from, record->price_currency, sizeof(record->price_currency));
	get_text(from, record->underlying, sizeof(record->underlying));
}

static void put_item(struct writer *to, const struct deribit_item *item)
{
	put_text(to, item->name);
	put_int(to, item->place);
	put_int(to, item->goal);
	put_byte(to, item->asked);
	put_byte(to, item->acked);
	put_byte(to, item->leaving);
	put_byte(to, item->renew);
	put_byte(to, item->flags);
	put_byte(to, item->pair);
	put_byte(to, item->misses);
	put_int(to, item->generation);
	put_int(to, item->call);
	put_int(to, item->retry_at_ns);
	put_int(to, item->last_seq);
	put_int(to, item->last_trade_ns);
	put_int(to, item->hold != NULL ? item->hold->until : -1);
	put_byte(to, (unsigned)item->chain.state);
	put_int(to, item->chain.last);
	put_int(to, item->chain.last_ns);
	put_int(to, item->chain.found);
	put_int(to, item->silence.last_ns);
	put_real(to, (double)item->silence.mean_gap_s);
	put_real(to, (double)item->silence.longest_gap_s);
	put_int(to, item->silence.count);
	if (item->flags & ITEM_KNOWN)
		put_record(to, &item->record);
}

static int get_item(struct deribit *self, struct reader *from)
{
	struct deribit_item read = { 0 }, *item;
	uint32_t generation, count;
	char name[64];
	int64_t until;

	get_text(from, name, sizeof(name));
	item = deribit_item(self, name, strlen(name));
	if (item == NULL)
		return -ENOMEM;
	read = *item;
	read.place = (int16_t)get_int(from);
	read.goal = (int16_t)get_int(from);
	read.asked = get_byte(from);
	read.acked = get_byte(from);
	read.leaving = get_byte(from);
	read.renew = get_byte(from);
	read.flags = get_byte(from);
	read.pair = get_byte(from);
	read.misses = get_byte(from);
	generation = (uint32_t)get_int(from);
	read.generation = generation;
	read.call = get_int(from);
	read.retry_at_ns = get_int(from);
	read.last_seq = get_int(from);
	read.last_trade_ns = get_int(from);
	until = get_int(from);
	read.chain.state = (enum deribit_chain_state)get_byte(from);
	read.chain.last = get_int(from);
	read.chain.last_ns = get_int(from);
	read.chain.found = get_int(from);
	read.silence.last_ns = get_int(from);
	read.silence.mean_gap_s = (float)get_real(from);
	read.silence.longest_gap_s = (float)get_real(from);
	count = (uint32_t)get_int(from);
	read.silence.count = count;
	if (read.flags & ITEM_KNOWN)
		get_record(from, &read.record);
	if (from->is_broken || read.place >= LINKS_MAX || read.goal >= LINKS_MAX ||
		(read.pair != PAIR_NONE && read.pair >= deribit_pairs(self)) || read.misses > 16)
		return -EINVAL;
	/* The journal is the better witness: it may know of trades after the snapshot. */
	if (item->last_seq > read.last_seq && item->last_trade_ns >= read.last_trade_ns) {
		read.last_seq = item->last_seq;
		read.last_trade_ns = item->last_trade_ns;
	}
	*item = read;
	return until > item->last_seq && item->last_seq >= 0 ? deribit_hold_restore(self, item, until)
														 : 0;
}

/* ---- groups, links, calls ---- */

static void put_group(struct writer *to, const struct deribit_group *group)
{
	put_text(to, group->channel);
	put_byte(to, (unsigned)group->what);
	put_byte(to, group->is_notice);
	put_byte(to, group->asked);
	put_byte(to, group->acked);
	put_byte(to, group->pair);
	put_byte(to, group->misses);
	put_int(to, group->call);
	put_int(to, group->retry_at_ns);
	put_int(to, group->newest_ns);
	put_int(to, group->since_ns);
	put_int(to, group->sweep_at_ns);
	put_int(to, group->sweep_from_ns);
	put_int(to, group->sweep_to_ns);
	put_int(to, group->sweep_count);
}

/* The groups of the options are there already; those by index come anew. */
static int get_group(struct deribit *self, struct reader *from)
{
	struct deribit_group read = { 0 };

	get_text(from, read.channel, sizeof(read.channel));
	read.what = (enum deribit_what)get_byte(from);
	read.is_notice = get_byte(from) != 0;
	read.asked = get_byte(from) != 0;
	read.acked = get_byte(from) != 0;
	read.pair = get_byte(from);
	read.misses = get_byte(from);
	read.call = get_int(from);
	read.retry_at_ns = get_int(from);
	read.newest_ns = get_int(from);
	read.since_ns = get_int(from);
	read.sweep_at_ns = get_int(from);
	read.sweep_from_ns = get_int(from);
	read.sweep_to_ns = get_int(from);
	read.sweep_count = (uint32_t)get_int(from);
	if (from->is_broken || read.misses > 16)
		return -EINVAL;
	for (size_t i = 0; i < self->group_count; i++)
		if (strcmp(self->groups[i].channel, read.channel) == 0) {
			read.pair = self->groups[i].pair;
			self->groups[i] = read;
			return 0;
		}
	if ((read.what == DERIBIT_OF_INDEX || read.what == DERIBIT_OF_MARKPRICE) &&
		self->group_count < GROUPS_MAX) {
		read.pair = PAIR_NONE;
		self->groups[self->group_count++] = read;
	}
	return 0;
}

static void put_session(struct writer *to, const struct deribit *self)
{
	put_int(to, self->link_count);
	for (int i = 0; i < self->link_count; i++) {
		const struct deribit_link *link = &self->links[i];

		put_byte(to, link->is_open);
		put_byte(to, link->is_up);
		put_byte(to, link->was_down);
		put_byte(to, link->is_ready);
		put_byte(to, link->login);
		put_byte(to, (unsigned)link->reason);
		put_int(to, link->login_retry_ns);
		put_int(to, link->silence.last_ns);
		put_real(to, (double)link->silence.mean_gap_s);
		put_real(to, (double)link->silence.longest_gap_s);
		put_int(to, link->silence.count);
	}
	for (size_t i = 0; i < CALLS_MAX; i++) {
		if (self->calls[i].id == 0)
			continue;
		put_int(to, self->calls[i].id);
		put_int(to, self->calls[i].deadline_ns);
		put_byte(to, self->calls[i].what);
		put_byte(to, self->calls[i].link);
	}
}

static int get_session(struct deribit *self, struct reader *from)
{
	int64_t count = get_int(from);

	if (count < 0 || count > LINKS_MAX)
		return -EINVAL;
	self->link_count = (int)count;
	for (int i = 0; i < self->link_count; i++) {
		struct deribit_link *link = &self->links[i];

		link->is_open = get_byte(from) != 0;
		link->is_up = get_byte(from) != 0;
		link->was_down = get_byte(from) != 0;
		link->is_ready = get_byte(from) != 0;
		link->login = get_byte(from);
		link->reason = (enum fl_reason)get_byte(from);
		link->login_retry_ns = get_int(from);
		link->silence.last_ns = get_int(from);
		link->silence.mean_gap_s = (float)get_real(from);
		link->silence.longest_gap_s = (float)get_real(from);
		link->silence.count = (uint32_t)get_int(from);
	}
	for (size_t i = 0; i < CALLS_MAX && from->left > 0; i++) {
		struct deribit_call *call = &self->calls[i];

		call->id = get_int(from);
		call->deadline_ns = get_int(from);
		call->what = get_byte(from);
		call->link = get_byte(from);
		if (call->link >= LINKS_MAX)
			return -EINVAL;
	}
	return from->is_broken ? -EINVAL : 0;
}

/* Links whose heartbeat is to be asked for again, as bits. */
static int64_t unbeaten_links(const struct deribit *self)
{
	int64_t links = 0;

	for (int i = 0; i < self->link_count; i++)
		if (self->links[i].heartbeat_retry_ns != 0 || self->links[i].is_heartbeat_refused)
			links |= INT64_C(1) << i;
	return links;
}

static void ask_heartbeats(struct deribit *self, int64_t links)
{
	for (int i = 0; i < self->link_count; i++)
		if (links & (INT64_C(1) << i)) {
			self->links[i].is_heartbeat_refused = true;
			self->links[i].heartbeat_retry_ns = deribit_now(self);
		}
}

/* ---- the snapshot ---- */

static int put_bytes(struct fl_snapshot *to, const char *key, struct writer *writer)
{
	int error =
		writer->is_broken ? -ENOMEM : fl_snapshot_put_bytes(to, key, writer->data, writer->length);

	free(writer->data);
	*writer = (struct writer){ 0 };
	return error;
}

int deribit_save(const void *state, struct fl_snapshot *to)
{
	const struct deribit *self = state;
	struct writer writer = { 0 };
	int error;

	if ((error = fl_snapshot_put_int(to, "request_id", self->request_id)) != 0 ||
		(error = fl_snapshot_put_int(to, "generation", self->generation)) != 0 ||
		(error = fl_snapshot_put_int(to, "refresh_number", self->refresh_number)) != 0 ||
		(error = fl_snapshot_put_int(to, "refresh_at_ns", self->refresh_at_ns)) != 0 ||
		(error = fl_snapshot_put_int(to, "list_again_ns", self->list_again_ns)) != 0 ||
		(error = fl_snapshot_put_int(to, "is_listed", self->is_listed)) != 0 ||
		(error = fl_snapshot_put_int(to, "group_link", self->group_link)) != 0 ||
		(error = fl_snapshot_put_int(
			 to, "is_listing", (self->list_waiting | self->list_in_flight) != 0)) != 0 ||
		(error = fl_snapshot_put_int(to, "unbeaten_links", unbeaten_links(self))) != 0 ||
		(error = fl_snapshot_put_real(to, "subscribe_level", self->subscribe_rate.level)) != 0 ||
		(error = fl_snapshot_put_real(to, "list_level", self->list_rate.level)) != 0)
		return error;
	for (size_t i = 0; i < self->item_count; i++)
		put_item(&writer, &self->items[i]);
	if ((error = put_bytes(to, "items", &writer)) != 0)
		return error;
	for (size_t i = 0; i < self->group_count; i++)
		put_group(&writer, &self->groups[i]);
	if ((error = put_bytes(to, "groups", &writer)) != 0)
		return error;
	put_session(&writer, self);
	return put_bytes(to, "session", &writer);
}

typedef int get_function(struct deribit *self, struct reader *from);

static int get_all(
	struct deribit *self, const struct fl_snapshot *from, const char *key, get_function *get_one)
{
	struct reader reader = { 0 };
	const void *data;
	int error;

	if (fl_snapshot_get_bytes(from, key, &data, &reader.left) != 0)
		return 0;
	reader.data = data;
	while (reader.left > 0)
		if ((error = get_one(self, &reader)) != 0)
			return error;
	return 0;
}

int deribit_restore(void *state, uint32_t version, const struct fl_snapshot *from)
{
	struct deribit *self = state;
	int64_t number = 0, unbeaten = 0;
	int error;

	if (version != DERIBIT_STATE_VERSION)
		return -EPROTO;
	fl_snapshot_get_int(from, "request_id", &self->request_id);
	if (fl_snapshot_get_int(from, "generation", &number) == 0)
		self->generation = (uint32_t)number;
	if (fl_snapshot_get_int(from, "refresh_number", &number) == 0)
		self->refresh_number = (uint32_t)number;
	fl_snapshot_get_int(from, "refresh_at_ns", &self->refresh_at_ns);
	fl_snapshot_get_int(from, "list_again_ns", &self->list_again_ns);
	self->list_again_pairs = self->list_again_ns != 0 ? deribit_all_pairs(self) : 0;
	number = 0;
	fl_snapshot_get_int(from, "group_link", &number);
	self->group_link = number >= 0 && number < LINKS_MAX ? (int)number : 0;
	if (fl_snapshot_get_int(from, "is_listed", &number) == 0)
		self->is_listed = number != 0;
	number = 0;
	fl_snapshot_get_int(from, "is_listing", &number);
	fl_snapshot_get_real(from, "subscribe_level", &self->subscribe_rate.level);
	fl_snapshot_get_real(from, "list_level", &self->list_rate.level);
	if ((error = get_all(self, from, "items", get_item)) != 0 ||
		(error = get_all(self, from, "groups", get_group)) != 0 ||
		(error = get_all(self, from, "session", get_session)) != 0)
		return error;
	fl_snapshot_get_int(from, "unbeaten_links", &unbeaten);
	ask_heartbeats(self, unbeaten);
	if (number != 0)
		deribit_list_begin(self, deribit_all_pairs(self));
	self->is_restored = true;
	return 0;
}
