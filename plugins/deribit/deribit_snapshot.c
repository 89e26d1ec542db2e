/*
 * deribit_snapshot: what a reload hands over: instruments with their places, acknowledgements,
 * trade_seq and books; trades that are held back and what is being fetched for them; groups with
 * their sweeps; connections; calls, listings and commands under way. So the new code asks nothing
 * again, and knows the answers to what the old code has asked.
 */
#include "deribit_parts.h"
#include "deribit_subscribe.h"
#include "deribit_trades.h"
#include "deribit_universe.h"
#include <feedloom/bytes.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 64, MISSES_MAX = 16 };

/* ---- what it all depends on ---- */

/*
 * Pairs, templates and their bits are numbered by these options: another configuration cannot read
 * the snapshot. The caller frees it; NULL: no memory.
 */
static char *options_text(const struct deribit *self)
{
	const struct fl_names *lists[] = { &self->options->currencies, &self->options->kinds,
		&self->options->channels };
	struct fl_writer text = { 0 };

	for (size_t l = 0; l < sizeof(lists) / sizeof(*lists); l++) {
		for (size_t i = 0; i < lists[l]->count; i++) {
			fl_write(&text, lists[l]->items[i], strlen(lists[l]->items[i]));
			fl_write(&text, ",", 1);
		}
		fl_write(&text, ";", 1);
	}
	fl_write(&text, self->options->url, strlen(self->options->url) + 1);
	if (!text.is_broken)
		return text.data;
	free(text.data);
	return NULL;
}

static int check_options(const struct deribit *self, struct fl_reader *from)
{
	char *mine = options_text(self);
	int error = mine == NULL                                                          ? -ENOMEM
		: from->left == strlen(mine) + 1 && memcmp(from->data, mine, from->left) == 0 ? 0
																					  : -ESTALE;

	free(mine);
	return error;
}

static int save_options(const struct deribit *self, struct fl_snapshot *to)
{
	char *mine = options_text(self);
	int error =
		mine == NULL ? -ENOMEM : fl_snapshot_put_bytes(to, "options", mine, strlen(mine) + 1);

	free(mine);
	return error;
}

/* ---- items ---- */

static void put_item(struct fl_writer *to, const struct deribit_item *item)
{
	fl_write_text(to, item->name);
	fl_write_int(to, item->place);
	fl_write_int(to, item->goal);
	fl_write_int(to, item->asked);
	fl_write_int(to, item->acked);
	fl_write_int(to, item->leaving);
	fl_write_int(to, item->renew);
	fl_write_int(to, item->flags);
	fl_write_int(to, item->pair);
	fl_write_int(to, item->misses);
	fl_write_int(to, item->generation);
	fl_write_int(to, item->call);
	fl_write_int(to, item->retry_at_ns);
	fl_write_int(to, item->last_seq);
	fl_write_int(to, item->last_trade_ns);
	fl_write_int(to, item->known_ns);
	fl_write_int(to, item->rehearsed_ns);
	fl_write_int(to, item->chain.state);
	fl_write_int(to, item->chain.last);
	fl_write_int(to, item->chain.last_ns);
	fl_write_int(to, item->chain.found);
	fl_write_int(to, item->chain.waiting_ns);
	/* A record has its kind's version and length: as the journal keeps it. */
	if (item->flags & ITEM_KNOWN)
		fl_write(to, &item->record, sizeof(item->record));
}

static bool get_record(struct fl_reader *from, uint32_t instrument, struct fl_record *record)
{
	struct fl_record like = *record; /* initialised: its kind, version and length */

	fl_read(from, record, like.length);
	record->instrument = instrument;
	return record->kind == like.kind && record->version == like.version &&
		record->length == like.length;
}

static int get_item(struct deribit *self, struct fl_reader *from)
{
	struct deribit_item read, *item;
	char name[NAME_BYTES];

	fl_read_text(from, name, sizeof(name));
	item = deribit_item(self, name, strlen(name));
	if (item == NULL)
		return from->is_broken ? -EINVAL : -ENOMEM;
	read = *item;
	read.place = (int16_t)fl_read_int(from);
	read.goal = (int16_t)fl_read_int(from);
	read.asked = (uint8_t)fl_read_int(from);
	read.acked = (uint8_t)fl_read_int(from);
	read.leaving = (uint8_t)fl_read_int(from);
	read.renew = (uint8_t)fl_read_int(from);
	read.flags = (uint8_t)fl_read_int(from);
	read.pair = (uint8_t)fl_read_int(from);
	read.misses = (uint8_t)fl_read_int(from);
	read.generation = (uint32_t)fl_read_int(from);
	read.call = fl_read_int(from);
	read.retry_at_ns = fl_read_int(from);
	read.last_seq = fl_read_int(from);
	read.last_trade_ns = fl_read_int(from);
	read.known_ns = fl_read_int(from);
	read.rehearsed_ns = fl_read_int(from);
	read.chain.state = (enum deribit_chain_state)fl_read_int(from);
	read.chain.last = fl_read_int(from);
	read.chain.last_ns = fl_read_int(from);
	read.chain.found = fl_read_int(from);
	read.chain.waiting_ns = fl_read_int(from);
	if ((read.flags & ITEM_KNOWN) && !get_record(from, item->id, &read.record.head))
		return -EINVAL;
	if (from->is_broken || read.place >= LINKS_MAX || read.goal >= LINKS_MAX ||
		(read.pair != PAIR_NONE && read.pair >= deribit_pairs(self)) || read.misses > MISSES_MAX)
		return -EINVAL;
	*item = read;
	return 0;
}

/* ---- trades held back ---- */

static void put_hold(
	struct fl_writer *to, const struct deribit *self, const struct deribit_hold *hold)
{
	fl_write_text(to, self->items[hold->item].name);
	fl_write_int(to, hold->until);
	fl_write_int(to, hold->first_seq);
	fl_write_int(to, hold->missing_to);
	fl_write_int(to, hold->started_ns);
	fl_write_int(to, hold->retry_at_ns);
	fl_write_int(to, hold->refilled);
	fl_write_int(to, hold->attempts);
	fl_write_int(to, hold->failures);
	fl_write_int(to, hold->slot);
	fl_write_int(to, hold->complained);
	fl_write_int(to, (int64_t)hold->count);
	for (size_t i = 0; i < hold->count; i++)
		fl_write(to, &hold->trades[i], sizeof(hold->trades[i]));
}

static int get_hold(struct deribit *self, struct fl_reader *from)
{
	struct deribit_item *item;
	struct deribit_hold *hold;
	char name[NAME_BYTES];
	int64_t count;

	fl_read_text(from, name, sizeof(name));
	item = deribit_item(self, name, strlen(name));
	hold = item == NULL ? NULL : deribit_hold_restore(self, item);
	if (hold == NULL)
		return -ENOMEM;
	hold->until = fl_read_int(from);
	hold->first_seq = fl_read_int(from);
	hold->missing_to = fl_read_int(from);
	hold->started_ns = fl_read_int(from);
	hold->retry_at_ns = fl_read_int(from);
	hold->refilled = (uint32_t)fl_read_int(from);
	hold->attempts = (uint8_t)fl_read_int(from);
	hold->failures = (uint8_t)fl_read_int(from);
	hold->slot = (int8_t)fl_read_int(from);
	hold->complained = fl_read_int(from) != 0;
	count = fl_read_int(from);
	if (from->is_broken || hold->slot < -1 || hold->slot >= SEQ_SLOTS)
		return -EINVAL;
	for (int64_t i = 0; i < count; i++) {
		struct fl_trade trade;

		fl_record_init(&trade, FL_TRADE);
		if (!get_record(from, item->id, &trade.head) || from->is_broken)
			return -EINVAL;
		if (!deribit_hold_restore_trade(self, hold, &trade))
			return -ENOMEM;
	}
	return 0;
}

/* Whose trades are being fetched by trade_seq; "": the slot is free. */
static int save_slots(const struct deribit *self, struct fl_snapshot *to)
{
	struct fl_writer writer = { 0 };

	for (size_t slot = 0; slot < SEQ_SLOTS; slot++)
		fl_write_text(
			&writer, self->slot_item[slot] == 0 ? "" : self->items[self->slot_item[slot] - 1].name);
	return fl_writer_save(&writer, to, "slots");
}

static int restore_slots(struct deribit *self, struct fl_reader *from)
{
	for (size_t slot = 0; slot < SEQ_SLOTS && from->left > 0; slot++) {
		struct deribit_item *item;
		char name[NAME_BYTES];

		fl_read_text(from, name, sizeof(name));
		item = name[0] == '\0' ? NULL : deribit_item(self, name, strlen(name));
		self->slot_item[slot] = item == NULL ? 0 : (uint32_t)(item - self->items) + 1;
	}
	return from->is_broken ? -EINVAL : 0;
}

/* ---- groups ---- */

static void put_group(struct fl_writer *to, const struct deribit_group *group)
{
	fl_write_text(to, group->channel);
	fl_write_int(to, (int64_t)group->what);
	fl_write_int(to, group->is_notice);
	fl_write_int(to, group->asked);
	fl_write_int(to, group->acked);
	fl_write_int(to, group->leaving);
	fl_write_int(to, group->pair);
	fl_write_int(to, group->misses);
	fl_write_int(to, group->call);
	fl_write_int(to, group->retry_at_ns);
	fl_write_int(to, group->newest_ns);
	fl_write_int(to, group->since_ns);
	fl_write_int(to, group->sweep_at_ns);
	fl_write_int(to, group->sweep_from_ns);
	fl_write_int(to, group->sweep_to_ns);
	fl_write_int(to, group->sweep_retry_ns);
	fl_write_int(to, group->sweep_count);
	fl_write_int(to, group->sweep_failures);
	fl_write_int(to, group->sweep_in_flight);
}

/*
 * In the order in which they were: an answer to a sweep goes by the group's number. Those of the
 * options are there already, at the same places; those by index come anew.
 */
static int get_group(struct deribit *self, struct fl_reader *from)
{
	struct deribit_group read = { 0 };
	size_t at = 0;

	fl_read_text(from, read.channel, sizeof(read.channel));
	read.what = (enum deribit_what)fl_read_int(from);
	read.is_notice = fl_read_int(from) != 0;
	read.asked = fl_read_int(from) != 0;
	read.acked = fl_read_int(from) != 0;
	read.leaving = fl_read_int(from) != 0;
	read.pair = (uint8_t)fl_read_int(from);
	read.misses = (uint8_t)fl_read_int(from);
	read.call = fl_read_int(from);
	read.retry_at_ns = fl_read_int(from);
	read.newest_ns = fl_read_int(from);
	read.since_ns = fl_read_int(from);
	read.sweep_at_ns = fl_read_int(from);
	read.sweep_from_ns = fl_read_int(from);
	read.sweep_to_ns = fl_read_int(from);
	read.sweep_retry_ns = fl_read_int(from);
	read.sweep_count = (uint32_t)fl_read_int(from);
	read.sweep_failures = (uint8_t)fl_read_int(from);
	read.sweep_in_flight = fl_read_int(from) != 0;
	if (from->is_broken || read.misses > MISSES_MAX ||
		(read.pair != PAIR_NONE && read.pair >= deribit_pairs(self)))
		return -EINVAL;
	while (at < self->group_count && strcmp(self->groups[at].channel, read.channel) != 0)
		at++;
	if (at == GROUPS_MAX)
		return -EINVAL;
	if (at == self->group_count)
		self->group_count++;
	self->groups[at] = read;
	return 0;
}

/* ---- connections and calls ---- */

static void put_session(struct fl_writer *to, const struct deribit *self)
{
	fl_write_int(to, self->link_count);
	for (int i = 0; i < self->link_count; i++) {
		const struct deribit_link *link = &self->links[i];

		fl_write_int(to, link->is_open);
		fl_write_int(to, link->is_up);
		fl_write_int(to, link->was_down);
		fl_write_int(to, link->is_ready);
		fl_write_int(to, link->is_heartbeat_refused);
		fl_write_int(to, link->login);
		fl_write_int(to, link->timeouts);
		fl_write_int(to, (int64_t)link->reason);
		fl_write_int(to, link->down_since_ns);
		fl_write_int(to, link->login_retry_ns);
		fl_write_int(to, link->heartbeat_retry_ns);
		fl_write_int(to, link->instruments);
		fl_write_int(to, link->channels);
	}
	for (size_t i = 0; i < CALLS_MAX; i++) {
		if (self->calls[i].id == 0)
			continue;
		fl_write_int(to, self->calls[i].id);
		fl_write_int(to, self->calls[i].deadline_ns);
		fl_write_int(to, self->calls[i].what);
		fl_write_int(to, self->calls[i].link);
	}
}

static int get_session(struct deribit *self, struct fl_reader *from)
{
	int64_t count = fl_read_int(from);

	if (count < 0 || count > LINKS_MAX)
		return -EINVAL;
	self->link_count = (int)count;
	for (int i = 0; i < self->link_count; i++) {
		struct deribit_link *link = &self->links[i];

		link->is_open = fl_read_int(from) != 0;
		link->is_up = fl_read_int(from) != 0;
		link->was_down = fl_read_int(from) != 0;
		link->is_ready = fl_read_int(from) != 0;
		link->is_heartbeat_refused = fl_read_int(from) != 0;
		link->login = (uint8_t)fl_read_int(from);
		link->timeouts = (uint8_t)fl_read_int(from);
		link->reason = (enum fl_reason)fl_read_int(from);
		link->down_since_ns = fl_read_int(from);
		link->login_retry_ns = fl_read_int(from);
		link->heartbeat_retry_ns = fl_read_int(from);
		link->instruments = (int)fl_read_int(from);
		link->channels = (int)fl_read_int(from);
	}
	for (size_t i = 0; i < CALLS_MAX && from->left > 0; i++) {
		struct deribit_call *call = &self->calls[i];

		call->id = fl_read_int(from);
		call->deadline_ns = fl_read_int(from);
		call->what = (uint8_t)fl_read_int(from);
		call->link = (uint8_t)fl_read_int(from);
		if (call->link >= LINKS_MAX)
			return -EINVAL;
	}
	return from->is_broken ? -EINVAL : 0;
}

/* ---- the listing under way ---- */

static void put_listing(struct fl_writer *to, const struct deribit *self)
{
	fl_write_int(to, (int64_t)self->list_waiting);
	fl_write_int(to, (int64_t)self->list_in_flight);
	fl_write_int(to, (int64_t)self->list_failed);
	fl_write_int(to, (int64_t)self->list_pairs);
	fl_write_int(to, (int64_t)self->list_again_pairs);
	fl_write_int(to, self->list_started_ns);
	fl_write_text(to, self->list_error);
	for (size_t pair = 0; pair < deribit_pairs(self); pair++) {
		fl_write_int(to, self->list_attempts[pair]);
		fl_write_int(to, self->list_retry_ns[pair]);
		fl_write_int(to, self->list_new[pair]);
		fl_write_int(to, self->list_gone[pair]);
		fl_write_int(to, self->list_held[pair]);
		fl_write_int(to, self->list_held_ns[pair]);
	}
}

static int get_listing(struct deribit *self, struct fl_reader *from)
{
	self->list_waiting = (uint64_t)fl_read_int(from);
	self->list_in_flight = (uint64_t)fl_read_int(from);
	self->list_failed = (uint64_t)fl_read_int(from);
	self->list_pairs = (uint64_t)fl_read_int(from);
	self->list_again_pairs = (uint64_t)fl_read_int(from);
	self->list_started_ns = fl_read_int(from);
	fl_read_text(from, self->list_error, sizeof(self->list_error));
	for (size_t pair = 0; pair < deribit_pairs(self); pair++) {
		self->list_attempts[pair] = (uint8_t)fl_read_int(from);
		self->list_retry_ns[pair] = fl_read_int(from);
		self->list_new[pair] = (uint32_t)fl_read_int(from);
		self->list_gone[pair] = (uint32_t)fl_read_int(from);
		self->list_held[pair] = (uint32_t)fl_read_int(from);
		self->list_held_ns[pair] = fl_read_int(from);
	}
	return from->is_broken ? -EINVAL : 0;
}

/* ---- commands that wait ---- */

static int put_waiter(
	struct fl_writer *to, const struct deribit *self, const struct deribit_waiter *waiter)
{
	size_t length = 0;
	char *answer;

	fl_write_int(to, waiter->command);
	if (waiter->command == 0)
		return 0;
	answer = yyjson_mut_write(waiter->answer, 0, &length);
	if (answer == NULL)
		return -ENOMEM;
	fl_write_int(to, waiter->is_subscribe);
	fl_write_int(to, waiter->is_pinning);
	fl_write_int(to, waiter->deadline_ns);
	fl_write_int(to, (int64_t)length);
	fl_write(to, answer, length);
	fl_write_int(to, (int64_t)waiter->count);
	for (size_t i = 0; i < waiter->count; i++)
		fl_write_text(to, self->items[waiter->items[i]].name);
	free(answer);
	return 0;
}

static yyjson_mut_doc *get_answer(struct fl_reader *from)
{
	size_t length = (size_t)fl_read_int(from);
	yyjson_doc *doc;
	yyjson_mut_doc *answer;

	if (length > from->left)
		return NULL;
	doc = yyjson_read(from->data, length, 0);
	answer = yyjson_doc_mut_copy(doc, NULL);
	yyjson_doc_free(doc);
	from->data += length;
	from->left -= length;
	return answer;
}

static int get_waiter(struct deribit *self, struct fl_reader *from, struct deribit_waiter *waiter)
{
	int64_t count;

	waiter->command = (int)fl_read_int(from);
	if (waiter->command == 0)
		return 0;
	waiter->is_subscribe = fl_read_int(from) != 0;
	waiter->is_pinning = fl_read_int(from) != 0;
	waiter->deadline_ns = fl_read_int(from);
	waiter->answer = get_answer(from);
	count = fl_read_int(from);
	if (waiter->answer == NULL || count < 0 || (uint64_t)count > from->left)
		return -EINVAL;
	waiter->items = malloc(((size_t)count + 1) * sizeof(*waiter->items));
	if (waiter->items == NULL)
		return -ENOMEM;
	while (waiter->count < (size_t)count) {
		struct deribit_item *item;
		char name[NAME_BYTES];

		fl_read_text(from, name, sizeof(name));
		item = deribit_item(self, name, strlen(name));
		if (item == NULL)
			return -EINVAL;
		waiter->items[waiter->count++] = (uint32_t)(item - self->items);
	}
	return 0;
}

static int save_waiters(const struct deribit *self, struct fl_snapshot *to)
{
	struct fl_writer writer = { 0 };

	for (size_t w = 0; w < WAITERS_MAX; w++) {
		fl_write_int(&writer, self->refresh_waiters[w]);
		if (put_waiter(&writer, self, &self->waiters[w]) != 0)
			writer.is_broken = true;
	}
	return fl_writer_save(&writer, to, "waiters");
}

static int restore_waiters(struct deribit *self, struct fl_reader *from)
{
	int error = 0;

	for (size_t w = 0; w < WAITERS_MAX && from->left > 0 && error == 0; w++) {
		self->refresh_waiters[w] = (int)fl_read_int(from);
		error = get_waiter(self, from, &self->waiters[w]);
	}
	return error != 0 ? error : from->is_broken ? -EINVAL : 0;
}

/* ---- the snapshot ---- */

static int save_numbers(const struct deribit *self, struct fl_snapshot *to)
{
	int error;

	if ((error = fl_snapshot_put_int(to, "request_id", self->request_id)) != 0 ||
		(error = fl_snapshot_put_int(to, "generation", self->generation)) != 0 ||
		(error = fl_snapshot_put_int(to, "refresh_number", self->refresh_number)) != 0 ||
		(error = fl_snapshot_put_int(to, "refresh_at_ns", self->refresh_at_ns)) != 0 ||
		(error = fl_snapshot_put_int(to, "list_again_ns", self->list_again_ns)) != 0 ||
		(error = fl_snapshot_put_int(to, "is_listed", self->is_listed)) != 0 ||
		(error = fl_snapshot_put_int(to, "ticks", self->ticks)) != 0 ||
		(error = fl_snapshot_put_int(to, "doubt_ns", self->doubt_ns)) != 0 ||
		(error = fl_snapshot_put_int(to, "doubt_again_ns", self->doubt_again_ns)) != 0 ||
		(error = fl_snapshot_put_int(to, "group_link", self->group_link)) != 0 ||
		(error = fl_snapshot_put_int(to, "failed_links", self->failed_links)) != 0 ||
		(error = fl_snapshot_put_int(to, "deferred", (int64_t)self->deferred)) != 0 ||
		(error = fl_snapshot_put_real(to, "max_drop", self->max_drop)) != 0 ||
		(error = fl_snapshot_put_real(to, "subscribe_level", self->subscribe_rate.level)) != 0 ||
		(error = fl_snapshot_put_real(to, "call_level", self->call_rate.level)) != 0)
		return error;
	return fl_snapshot_put_real(to, "list_level", self->list_rate.level);
}

static void restore_numbers(struct deribit *self, const struct fl_snapshot *from)
{
	int64_t number = 0;

	fl_snapshot_get_int(from, "request_id", &self->request_id);
	if (fl_snapshot_get_int(from, "generation", &number) == 0)
		self->generation = (uint32_t)number;
	if (fl_snapshot_get_int(from, "refresh_number", &number) == 0)
		self->refresh_number = (uint32_t)number;
	fl_snapshot_get_int(from, "refresh_at_ns", &self->refresh_at_ns);
	fl_snapshot_get_int(from, "list_again_ns", &self->list_again_ns);
	if (fl_snapshot_get_int(from, "is_listed", &number) == 0)
		self->is_listed = number != 0;
	if (fl_snapshot_get_int(from, "ticks", &number) == 0)
		self->ticks = (uint32_t)number;
	if (fl_snapshot_get_int(from, "group_link", &number) == 0 && number >= 0 && number < LINKS_MAX)
		self->group_link = (int)number;
	if (fl_snapshot_get_int(from, "failed_links", &number) == 0)
		self->failed_links = (uint32_t)number;
	if (fl_snapshot_get_int(from, "deferred", &number) == 0)
		self->deferred = (size_t)number;
	fl_snapshot_get_int(from, "doubt_ns", &self->doubt_ns);
	fl_snapshot_get_int(from, "doubt_again_ns", &self->doubt_again_ns);
	fl_snapshot_get_real(from, "max_drop", &self->max_drop);
	fl_snapshot_get_real(from, "subscribe_level", &self->subscribe_rate.level);
	fl_snapshot_get_real(from, "call_level", &self->call_rate.level);
	fl_snapshot_get_real(from, "list_level", &self->list_rate.level);
}

int deribit_save(const void *state, struct fl_snapshot *to)
{
	const struct deribit *self = state;
	struct fl_writer writer = { 0 };
	int error = save_options(self, to);

	if (error != 0 || (error = save_numbers(self, to)) != 0)
		return error;
	for (size_t i = 0; i < self->item_count; i++)
		put_item(&writer, &self->items[i]);
	if ((error = fl_writer_save(&writer, to, "items")) != 0)
		return error;
	for (size_t i = 0; i < self->hold_count; i++)
		put_hold(&writer, self, self->holds[i]);
	if ((error = fl_writer_save(&writer, to, "holds")) != 0 || (error = save_slots(self, to)) != 0)
		return error;
	for (size_t i = 0; i < self->group_count; i++)
		put_group(&writer, &self->groups[i]);
	if ((error = fl_writer_save(&writer, to, "groups")) != 0)
		return error;
	put_session(&writer, self);
	if ((error = fl_writer_save(&writer, to, "session")) != 0)
		return error;
	put_listing(&writer, self);
	if ((error = fl_writer_save(&writer, to, "listing")) != 0)
		return error;
	return save_waiters(self, to);
}

/* What is one after the other under a key, or one thing that is read whole. */
static int get_all(struct deribit *self, const struct fl_snapshot *from, const char *key,
	int (*get_one)(struct deribit *self, struct fl_reader *from))
{
	struct fl_reader reader = fl_reader_open(from, key, DERIBIT_STATE_VERSION);
	int error = 0;

	while (reader.left > 0 && error == 0)
		error = get_one(self, &reader);
	return error;
}

int deribit_restore(void *state, uint32_t version, const struct fl_snapshot *from)
{
	struct deribit *self = state;
	struct fl_reader options = fl_reader_open(from, "options", version);
	int error;

	if (version != DERIBIT_STATE_VERSION)
		return -EPROTO;
	if ((error = check_options(self, &options)) != 0)
		return error;
	restore_numbers(self, from);
	if ((error = get_all(self, from, "items", get_item)) != 0 ||
		(error = get_all(self, from, "holds", get_hold)) != 0 ||
		(error = get_all(self, from, "slots", restore_slots)) != 0 ||
		(error = get_all(self, from, "groups", get_group)) != 0 ||
		(error = get_all(self, from, "session", get_session)) != 0 ||
		(error = get_all(self, from, "listing", get_listing)) != 0 ||
		(error = get_all(self, from, "waiters", restore_waiters)) != 0)
		return error;
	self->is_restored = true;
	return 0;
}
