/*
 * deribit_universe: what the venue lists, and on which connection each instrument lies.
 *
 * A refresh asks get_instruments for each currency and kind, publishes what came, and compares: new
 * ones are placed and subscribed, those that are gone are unsubscribed. A pair that cannot be asked
 * keeps what it had.
 */
#include "deribit_universe.h"

#include "deribit_parts.h"
#include "deribit_session.h"
#include "deribit_subscribe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_COST = 10000, LIST_RETRIES = 3 };
#define LIST_AGAIN_NS (60 * FL_SECOND)
#define LIST_SOON_NS (1 * FL_SECOND)

/* ---- items ---- */

static bool index_reserve(struct deribit *self, uint32_t id)
{
	size_t capacity = self->index_capacity == 0 ? 4096 : self->index_capacity;
	uint32_t *grown;

	if (id < self->index_capacity)
		return true;
	while (capacity <= id)
		capacity *= 2;
	grown = realloc(self->index_of, capacity * sizeof(*grown));
	if (grown == NULL)
		return false;
	memset(grown + self->index_capacity, 0, (capacity - self->index_capacity) * sizeof(*grown));
	self->index_of = grown;
	self->index_capacity = capacity;
	return true;
}

struct deribit_item *deribit_item_by_id(struct deribit *self, uint32_t id)
{
	if (id >= self->index_capacity || self->index_of[id] == 0)
		return NULL;
	return &self->items[self->index_of[id] - 1];
}

struct deribit_item *deribit_item(struct deribit *self, const char *name, size_t length)
{
	uint32_t id = fl_instrument_id(self->ctx, name, length);
	struct deribit_item *item = deribit_item_by_id(self, id);
	struct fl_last_trade last;

	if (item != NULL || id == 0)
		return item;
	if (!index_reserve(self, id))
		return NULL;
	if (self->item_count == self->item_capacity) {
		size_t capacity = self->item_capacity == 0 ? 256 : self->item_capacity * 3 / 2;
		struct deribit_item *grown = realloc(self->items, capacity * sizeof(*grown));

		if (grown == NULL)
			return NULL;
		self->items = grown;
		self->item_capacity = capacity;
	}
	item = &self->items[self->item_count];
	*item = (struct deribit_item){ .name = fl_instrument_name(self->ctx, id),
		.id = id,
		.place = -1,
		.goal = -1,
		.pair = PAIR_NONE,
		.last_seq = -1 };
	fl_record_init(&item->record, FL_INSTRUMENT);
	item->record.head.instrument = id;
	if (fl_last_trade(self->ctx, id, &last) == 0) {
		item->last_seq = last.trade_seq;
		item->last_trade_ns = last.event_time_ns;
	}
	self->index_of[id] = (uint32_t)++self->item_count;
	return item;
}

bool deribit_item_is_followed(const struct deribit_item *item)
{
	if (item->flags & (ITEM_EXCLUDED | ITEM_EXPIRED))
		return false;
	return (item->flags & (ITEM_LISTED | ITEM_PINNED)) != 0;
}

static void item_publish(
	struct deribit *self, struct deribit_item *item, int64_t time_ns, int64_t received_ns)
{
	item->record.head.event_time_ns = time_ns;
	item->record.head.received_ns = received_ns;
	fl_publish(self->ctx, &item->record.head);
}

void deribit_item_state(struct deribit *self, struct deribit_item *item,
	enum fl_instrument_state state, int64_t time_ns, int64_t received_ns)
{
	if (!(item->flags & ITEM_KNOWN)) {
		deribit_list_soon(self); /* not listed yet: the listing says the rest */
		return;
	}
	if (state == FL_STATE_UNKNOWN || item->record.state == state)
		return;
	item->record.state = (uint8_t)state;
	item->record.is_active = state == FL_STATE_OPEN || state == FL_STATE_SETTLEMENT;
	item_publish(self, item, time_ns, received_ns);
	/* The list decides whether it is followed. */
	if ((item->record.is_active != 0) != ((item->flags & ITEM_LISTED) != 0))
		deribit_list_soon(self);
}

/* ---- listing ---- */

int deribit_request(struct deribit *self, int number, const char *method, const char *query)
{
	char url[768];
	int length = snprintf(url, sizeof(url), "%s/%s%s", self->rest_url, method, query);
	struct fl_request request = { .url = url,
		.tls = self->endpoint.tls,
		.connect_timeout_ns = self->options->request_timeout_ns,
		.first_byte_timeout_ns = self->options->request_timeout_ns,
		.idle_timeout_ns = self->options->request_timeout_ns };

	if (length < 0 || (size_t)length >= sizeof(url))
		return -EINVAL;
	return fl_request(self->ctx, number, &request);
}

void deribit_list_begin(struct deribit *self)
{
	if (self->list_waiting != 0 || self->list_in_flight != 0)
		return;
	self->generation++;
	self->refresh_number++;
	self->list_waiting = (UINT64_C(1) << deribit_pairs(self)) - 1;
	self->list_failed = 0;
	memset(self->list_new, 0, sizeof(self->list_new));
	memset(self->list_gone, 0, sizeof(self->list_gone));
	self->list_started_ns = deribit_now(self);
	self->list_again_ns = 0;
	memset(self->list_attempts, 0, sizeof(self->list_attempts));
	memset(self->list_retry_ns, 0, sizeof(self->list_retry_ns));
}

void deribit_list_soon(struct deribit *self)
{
	int64_t due = deribit_now(self) + LIST_SOON_NS;

	if (self->list_again_ns == 0 || self->list_again_ns > due)
		self->list_again_ns = due;
	deribit_pump(self);
}

static int list_send(struct deribit *self, size_t pair)
{
	char query[96];

	snprintf(query, sizeof(query), "?currency=%s&kind=%s&expired=false",
		deribit_pair_currency(self, pair), deribit_pair_kind(self, pair));
	return deribit_request(self, REQUEST_LIST + (int)pair, "public/get_instruments", query);
}

int64_t deribit_list_pump(struct deribit *self)
{
	int64_t now = deribit_now(self), least = 0;

	if (self->list_again_ns != 0) {
		if (self->list_again_ns > now)
			least = self->list_again_ns - now;
		else
			deribit_list_begin(self); /* when one is under way this stays due */
	}
	for (size_t pair = 0; pair < deribit_pairs(self); pair++) {
		uint64_t bit = UINT64_C(1) << pair;
		int64_t wait = self->list_retry_ns[pair] - now;

		if (!(self->list_waiting & bit))
			continue;
		if (wait <= 0)
			wait = fl_rate_take(&self->list_rate, LIST_COST, now);
		if (wait <= 0 && list_send(self, pair) != 0)
			wait = FL_SECOND;
		if (wait <= 0) {
			self->list_waiting &= ~bit;
			self->list_in_flight |= bit;
		} else if (least == 0 || wait < least) {
			least = wait;
		}
	}
	return least;
}

static void list_row(struct deribit *self, size_t pair, const struct fl_instrument *row,
	struct deribit_text name, int64_t time_ns, int64_t received_ns)
{
	struct deribit_item *item;
	struct fl_record head;

	if (name.length >= 64 || !deribit_name_is_plain(name.data, name.length) ||
		(item = deribit_item(self, name.data, name.length)) == NULL) {
		deribit_malformed(self, "get_instruments");
		return;
	}
	head = item->record.head;
	item->record = *row;
	item->record.head.instrument = head.instrument;
	snprintf(item->record.currency, sizeof(item->record.currency), "%s",
		deribit_pair_currency(self, pair));
	if (row->is_active && !(item->flags & ITEM_LISTED) && !(item->flags & ITEM_EXPIRED)) {
		item->flags |= ITEM_LISTED;
		item->misses = 0;
		item->retry_at_ns = 0;
		self->list_new[pair]++;
	} else if (!row->is_active) {
		item->flags &= (uint8_t)~ITEM_LISTED;
	}
	item->flags |= ITEM_KNOWN;
	item->pair = (uint8_t)pair;
	item->generation = self->generation;
	item_publish(self, item, time_ns, received_ns);
}

/* What the venue no longer lists, of a pair that could be asked. */
static void list_gone(struct deribit *self, size_t pair, int64_t time_ns, int64_t received_ns)
{
	for (size_t i = 0; i < self->item_count; i++) {
		struct deribit_item *item = &self->items[i];

		if (item->pair != pair || item->generation == self->generation ||
			!(item->flags & ITEM_KNOWN) ||
			(!item->record.is_active && !(item->flags & ITEM_LISTED)))
			continue;
		item->flags &= (uint8_t)~ITEM_LISTED;
		self->list_gone[pair]++;
		if (!item->record.is_active) /* a notice has said so before the list */
			continue;
		item->record.is_active = 0;
		item->record.state = item->record.expiry_ns != 0 && item->record.expiry_ns <= time_ns
			? FL_STATE_CLOSED
			: FL_STATE_REMOVED;
		item_publish(self, item, time_ns, received_ns);
	}
}

/* "refresh 12: listed 728, subscribed 728, new 3, expired 2, failed 0, 412 ms", one a currency. */
static void list_log(struct deribit *self)
{
	const struct fl_names *currencies = &self->options->currencies;
	int64_t took = (deribit_now(self) - self->list_started_ns) / FL_MS;
	uint32_t all_listed = 0, all_subscribed = 0;

	for (size_t c = 0; c < currencies->count; c++) {
		uint32_t listed = 0, subscribed = 0, failed = 0, new = 0, gone = 0;
		size_t kinds = self->options->kinds.count;

		for (size_t i = 0; i < self->item_count; i++) {
			const struct deribit_item *item = &self->items[i];
			uint8_t wanted = deribit_wanted(self, item);

			if (item->pair == PAIR_NONE || item->pair / kinds != c)
				continue;
			listed += (item->flags & ITEM_LISTED) != 0;
			subscribed += wanted != 0 && (item->acked & wanted) == wanted;
		}
		for (size_t pair = c * kinds; pair < (c + 1) * kinds; pair++) {
			failed += (uint32_t)((self->list_failed >> pair) & 1);
			new += self->list_new[pair];
			gone += self->list_gone[pair];
		}
		fl_log(self->ctx, FL_INFO,
			"refresh %u %s: listed %u, subscribed %u, new %u, expired %u, failed %u, %" PRId64
			" ms",
			self->refresh_number, currencies->items[c], listed, subscribed, new, gone, failed,
			took);
		all_listed += listed;
		all_subscribed += subscribed;
	}
	deribit_commands_refreshed(self, all_listed, all_subscribed);
}

static void list_end(struct deribit *self)
{
	uint64_t all = (UINT64_C(1) << deribit_pairs(self)) - 1;

	if (self->list_failed != all) {
		self->is_listed = true;
		deribit_groups_of_indexes(self);
		deribit_place(self);
	}
	if (self->list_failed != 0) {
		fl_complain(self->ctx, "listing",
			"instruments cannot be listed: %s; tried again each minute", self->list_error);
		self->list_again_ns = deribit_now(self) + LIST_AGAIN_NS;
	} else {
		self->list_error[0] = '\0';
		fl_resolved(self->ctx, "listing");
	}
	if (self->is_listed)
		list_log(self);
	else
		deribit_commands_refreshed(self, 0, 0);
	deribit_coverage_update(self);
	deribit_health_update(self);
}

/* 1, 2, 4 s with jitter, then it has failed for this refresh. */
static void list_failed(struct deribit *self, size_t pair, int64_t retry_after_ns)
{
	uint64_t bit = UINT64_C(1) << pair;
	int64_t delay;

	if (self->list_attempts[pair] >= LIST_RETRIES) {
		self->list_failed |= bit;
		return;
	}
	delay = FL_SECOND << self->list_attempts[pair]++;
	delay = delay / 2 + (int64_t)(fl_random(self->ctx) % (uint64_t)(delay / 2));
	if (retry_after_ns > delay)
		delay = retry_after_ns < LIST_AGAIN_NS ? retry_after_ns : LIST_AGAIN_NS;
	self->list_retry_ns[pair] = deribit_now(self) + delay;
	self->list_waiting |= bit;
}

static int list_apply(struct deribit *self, size_t pair, const struct fl_response *response)
{
	struct deribit_message answer;
	struct fl_instrument row;
	struct deribit_text name;
	yyjson_arr_iter rows;
	int64_t time_ns;
	int more;

	if (response->status == 0) {
		snprintf(self->list_error, sizeof(self->list_error), "%s", response->detail);
		return -EIO;
	}
	switch (deribit_decode_response(
		&self->response_decoder, response->body, response->length, &answer)) {
	case DERIBIT_RESULT: break;
	case DERIBIT_ERROR:
		snprintf(self->list_error, sizeof(self->list_error), "%s %s: %.*s (%" PRId64 ")",
			deribit_pair_currency(self, pair), deribit_pair_kind(self, pair),
			(int)(answer.text.length < 64 ? answer.text.length : 64), answer.text.data,
			answer.code);
		return -EPROTO;
	default:
		snprintf(self->list_error, sizeof(self->list_error), "HTTP %d without a JSON-RPC answer",
			response->status);
		return -EPROTO;
	}
	if (!yyjson_arr_iter_init(answer.result, &rows)) {
		snprintf(self->list_error, sizeof(self->list_error), "get_instruments has no list");
		return -EPROTO;
	}
	time_ns = answer.server_ns != 0 ? answer.server_ns : response->received_ns;
	while ((more = deribit_instrument_next(&rows, &row, &name)) != 0) {
		if (more == 1)
			list_row(self, pair, &row, name, time_ns, response->received_ns);
		else
			deribit_malformed(self, "get_instruments");
	}
	list_gone(self, pair, time_ns, response->received_ns);
	return 0;
}

void deribit_list_response(struct deribit *self, size_t pair, const struct fl_response *response)
{
	if (pair >= deribit_pairs(self) || !(self->list_in_flight & (UINT64_C(1) << pair)))
		return;
	self->list_in_flight &= ~(UINT64_C(1) << pair);
	if (list_apply(self, pair, response) != 0)
		list_failed(self, pair, response->retry_after_ns);
	deribit_decoder_release(&self->response_decoder);
	if (self->list_waiting == 0 && self->list_in_flight == 0)
		list_end(self);
	else
		deribit_health_update(self);
	deribit_pump(self);
}

void deribit_expire(struct deribit *self)
{
	int64_t now = fl_now_ns(self->ctx);

	/* Only what expires under our eyes: a recorded session of long ago is listed and streams. */
	for (size_t i = 0; i < self->item_count; i++) {
		struct deribit_item *item = &self->items[i];
		int64_t expiry = item->record.expiry_ns;

		if (expiry == 0 || (item->flags & ITEM_EXPIRED) || !deribit_item_is_followed(item))
			continue;
		if (expiry <= now && expiry > now - FL_HOUR)
			item->flags |= ITEM_EXPIRED;
	}
}

/* ---- placement ---- */

static void open_links(struct deribit *self, int used)
{
	self->link_count = used > self->link_count ? used : self->link_count;
	for (int i = 0; i < used; i++)
		if (!self->links[i].is_open)
			deribit_link_open(self, i);
	for (int i = used; i < self->link_count; i++)
		if (self->links[i].is_open)
			deribit_link_close(self, i);
}

void deribit_place(struct deribit *self)
{
	const struct deribit_options *options = self->options;
	struct fl_placement_limits limits = { .max_channels = (int)options->max_channels,
		.max_instruments = (int)options->max_instruments,
		.max_connections = (int)options->max_connections,
		.channels_each = self->template_count,
		.reserved_channels = (int)self->group_count };
	int scratch[LINKS_MAX + 2] = { 0 };
	size_t count = 0, homeless = 0;
	int *place, used;

	place = malloc((self->item_count + 1) * sizeof(*place));
	if (place == NULL) {
		fl_log(self->ctx, FL_ERROR, "no memory to place %zu instruments", self->item_count);
		return;
	}
	for (size_t i = 0; i < self->item_count; i++)
		if (deribit_wanted(self, &self->items[i]) != 0)
			place[count++] = self->items[i].goal;
	used = count == 0 ? 1 : fl_place(&limits, place, count, scratch);
	if (used < 0) {
		fl_complain(self->ctx, "placement",
			"%zu instruments cannot be placed: max_channels %d is less than what one needs", count,
			limits.max_channels);
		goto out;
	}
	used = used < 1 ? 1 : used > LINKS_MAX ? LINKS_MAX : used;
	count = 0;
	for (size_t i = 0; i < self->item_count; i++) {
		struct deribit_item *item = &self->items[i];

		if (deribit_wanted(self, item) == 0)
			continue;
		item->goal = (int16_t)place[count++];
		homeless += item->goal < 0;
		if (item->place != item->goal && item->acked == 0 && item->call == 0)
			item->place = item->goal;
	}
	if (homeless > 0)
		fl_complain(self->ctx, "placement",
			"%zu instruments have no room on %d connections: raise max_connections, "
			"max_channels or max_instruments, or follow fewer channels",
			homeless, limits.max_connections);
	else
		fl_resolved(self->ctx, "placement");
	open_links(self, used);
out:
	free(place);
}
