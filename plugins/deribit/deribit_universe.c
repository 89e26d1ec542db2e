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
#define LIST_SOON_NS (250 * FL_MS)  /* many are listed within seconds: asked together */
#define CONFIRM_NS (60 * FL_SECOND) /* a list of less than so much later confirms nothing; */
									/* where refreshes come faster: than one of them */
#define OVER_NS FL_DAY              /* how long an expired instrument is remembered */
#define EXPIRED_NS FL_HOUR          /* later than that: a recorded session, which is followed */

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
		.name_length = (uint8_t)length,
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

/* Nobody asks for it any more, and nothing under way names it. */
static bool is_over(const struct deribit_item *item, int64_t now_ns)
{
	return !deribit_item_is_followed(item) && item->acked == 0 && item->call == 0 &&
		item->hold == NULL && item->rehearsed_ns == 0 && item->record.expiry_ns != 0 &&
		item->record.expiry_ns < now_ns - OVER_NS &&
		!(item->flags & (ITEM_PINNED | ITEM_MANUAL | ITEM_HIDDEN));
}

static bool are_named(const struct deribit *self)
{
	for (size_t i = 0; i < WAITERS_MAX; i++)
		if (self->waiters[i].command != 0)
			return true;
	for (size_t i = 0; i < SEQ_SLOTS; i++)
		if (self->slot_item[i] != 0)
			return true;
	return self->hold_count > 0;
}

void deribit_forget_over(struct deribit *self)
{
	int64_t now = fl_now_ns(self->ctx);

	if (are_named(self))
		return;
	for (size_t i = self->item_count; i-- > 0;) {
		struct deribit_item *item = &self->items[i], *last;

		if (!is_over(item, now))
			continue;
		last = &self->items[--self->item_count];
		self->index_of[item->id] = 0;
		if (item == last)
			continue;
		*item = *last;
		self->index_of[item->id] = (uint32_t)i + 1;
	}
}

static void item_publish(
	struct deribit *self, struct deribit_item *item, int64_t time_ns, int64_t received_ns)
{
	item->record.head.event_time_ns = time_ns;
	item->record.head.received_ns = received_ns;
	fl_publish(self->ctx, &item->record.head);
}

bool deribit_item_state(struct deribit *self, struct deribit_item *item,
	enum fl_instrument_state state, int64_t time_ns, int64_t received_ns)
{
	if (!(item->flags & ITEM_KNOWN))
		return false; /* not listed yet: the listing says the rest */
	if (state == FL_STATE_UNKNOWN || item->record.state == state ||
		(item->flags & (ITEM_EXPIRED | ITEM_HIDDEN)))
		return true;
	item->record.state = (uint8_t)state;
	item->record.is_active = state == FL_STATE_OPEN || state == FL_STATE_SETTLEMENT;
	item_publish(self, item, time_ns, received_ns);
	/* The list decides whether it is followed. */
	return (item->record.is_active != 0) == ((item->flags & ITEM_LISTED) != 0);
}

/* ---- expiry ---- */

/* Only what expires under our eyes: a recorded session of long ago is listed and streams. */
static bool has_just_expired(int64_t expiry_ns, int64_t now_ns)
{
	return expiry_ns != 0 && expiry_ns <= now_ns && expiry_ns > now_ns - EXPIRED_NS;
}

void deribit_expire(struct deribit *self)
{
	int64_t now = fl_now_ns(self->ctx);

	for (size_t i = 0; i < self->item_count; i++) {
		struct deribit_item *item = &self->items[i];

		if ((item->flags & ITEM_EXPIRED) || !has_just_expired(item->record.expiry_ns, now))
			continue;
		item->flags |= ITEM_EXPIRED;
		if (!(item->flags & ITEM_KNOWN) || !item->record.is_active)
			continue;
		item->record.is_active = 0;
		item->record.state = FL_STATE_CLOSED;
		item_publish(self, item, item->record.expiry_ns, now);
	}
}

/* What is rehearsed stands in for what the venue says; an expiry that has passed stays passed. */
static void settle_record(struct deribit_item *item, int64_t now_ns)
{
	struct fl_instrument *record = &item->record;

	if (item->rehearsed_ns != 0)
		record->expiry_ns = item->rehearsed_ns;
	if (has_just_expired(record->expiry_ns, now_ns))
		item->flags |= ITEM_EXPIRED;
	if (record->is_active && (item->flags & ITEM_EXPIRED))
		record->state = FL_STATE_CLOSED;
	else if (record->is_active && (item->flags & ITEM_HIDDEN))
		record->state = FL_STATE_REMOVED;
	else
		return;
	record->is_active = 0;
}

void deribit_rehearse(
	struct deribit *self, struct deribit_item *item, int64_t expiry_ns, bool is_hidden)
{
	int64_t now = fl_now_ns(self->ctx);

	item->rehearsed_ns = expiry_ns;
	item->flags &= (uint8_t)~(ITEM_HIDDEN | ITEM_EXPIRED);
	if (is_hidden)
		item->flags |= ITEM_HIDDEN;
	if (expiry_ns == 0 && !is_hidden) { /* the list says what it is in truth */
		deribit_list_begin(self, UINT64_C(1) << item->pair);
		deribit_pump(self);
		return;
	}
	settle_record(item, now);
	if (!item->record.is_active)
		item->flags &= (uint8_t)~ITEM_LISTED;
	item_publish(self, item, now, now);
	deribit_place(self);
	deribit_pump(self);
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

static void list_again(struct deribit *self, uint64_t pairs, int64_t in_ns)
{
	int64_t due = deribit_now(self) + in_ns;

	self->list_again_pairs |= pairs;
	if (self->list_again_ns == 0 || self->list_again_ns > due)
		self->list_again_ns = due;
}

void deribit_list_begin(struct deribit *self, uint64_t pairs)
{
	uint64_t under_way = self->list_waiting | self->list_in_flight;

	if (under_way != 0) {
		if ((pairs & ~self->list_pairs) != 0)
			list_again(self, pairs, 0);
		return;
	}
	self->generation++;
	self->refresh_number++;
	self->list_pairs = self->list_waiting = pairs;
	self->list_failed = 0;
	memset(self->list_new, 0, sizeof(self->list_new));
	memset(self->list_gone, 0, sizeof(self->list_gone));
	self->list_started_ns = deribit_now(self);
	self->list_again_pairs &= ~pairs;
	if (self->list_again_pairs == 0)
		self->list_again_ns = 0;
	memset(self->list_attempts, 0, sizeof(self->list_attempts));
	memset(self->list_retry_ns, 0, sizeof(self->list_retry_ns));
}

void deribit_list_soon(struct deribit *self, const char *channel, size_t length)
{
	uint64_t pairs = 0;
	char tail[48];

	for (size_t pair = 0; pair < deribit_pairs(self); pair++) {
		size_t size = (size_t)snprintf(tail, sizeof(tail), ".%s.%s", deribit_pair_kind(self, pair),
			deribit_pair_currency(self, pair));

		if (size < length && memcmp(channel + length - size, tail, size) == 0)
			pairs |= UINT64_C(1) << pair;
	}
	list_again(self, pairs != 0 ? pairs : deribit_all_pairs(self), LIST_SOON_NS);
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
		else /* when one is under way this stays due */
			deribit_list_begin(self, self->list_again_pairs);
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
	settle_record(item, fl_now_ns(self->ctx));
	if (item->record.is_active && !(item->flags & ITEM_LISTED)) {
		item->flags |= ITEM_LISTED;
		item->misses = 0;
		item->retry_at_ns = 0;
		item->known_ns = self->is_listed ? deribit_now(self) : 0;
		self->list_new[pair]++;
	} else if (!item->record.is_active) {
		item->flags &= (uint8_t)~ITEM_LISTED;
	}
	item->flags |= ITEM_KNOWN;
	item->pair = (uint8_t)pair;
	item->generation = self->generation;
	item_publish(self, item, time_ns, received_ns);
	deribit_filled(self, pair);
}

static bool is_gone(const struct deribit *self, const struct deribit_item *item, size_t pair)
{
	return item->pair == pair && item->generation != self->generation &&
		(item->flags & ITEM_KNOWN) && (item->record.is_active || (item->flags & ITEM_LISTED));
}

/* Its time had come, or a notice has said so before the list. */
static bool is_explained(const struct deribit_item *item, int64_t time_ns)
{
	return !item->record.is_active ||
		(item->record.expiry_ns != 0 && item->record.expiry_ns <= time_ns);
}

/*
 * A venue that answers an empty or a truncated list must not end everything: when more is missing
 * than max_drop and nothing explains it, it stays until a later refresh says the same.
 */
static bool must_hold(struct deribit *self, size_t pair, int64_t time_ns)
{
	int64_t now = deribit_now(self), every = self->options->refresh_interval_ns;
	int64_t confirm_ns = every < CONFIRM_NS ? every : CONFIRM_NS;
	uint32_t listed = 0, missing = 0;

	for (size_t i = 0; i < self->item_count; i++) {
		const struct deribit_item *item = &self->items[i];

		listed += item->pair == pair && (item->flags & ITEM_LISTED);
		missing += is_gone(self, item, pair) && !is_explained(item, time_ns);
	}
	self->list_held[pair] = 0;
	if ((double)missing <= self->max_drop * (double)listed ||
		(self->list_held_ns[pair] != 0 && now - self->list_held_ns[pair] >= confirm_ns)) {
		self->list_held_ns[pair] = 0;
		return false;
	}
	if (self->list_held_ns[pair] == 0)
		self->list_held_ns[pair] = now;
	self->list_held[pair] = missing;
	return true;
}

/* What the venue no longer lists, of a pair that could be asked. */
static void list_gone(struct deribit *self, size_t pair, int64_t time_ns, int64_t received_ns)
{
	bool is_held = must_hold(self, pair, time_ns);

	for (size_t i = 0; i < self->item_count; i++) {
		struct deribit_item *item = &self->items[i];

		if (!is_gone(self, item, pair) || (is_held && !is_explained(item, time_ns)))
			continue;
		item->flags &= (uint8_t)~ITEM_LISTED;
		self->list_gone[pair]++;
		if (!item->record.is_active)
			continue;
		item->record.is_active = 0;
		item->record.state = item->record.expiry_ns != 0 && item->record.expiry_ns <= time_ns
			? FL_STATE_CLOSED
			: FL_STATE_REMOVED;
		item_publish(self, item, time_ns, received_ns);
	}
}

static void say_held(struct deribit *self)
{
	char text[256] = "";
	size_t length = 0;

	for (size_t pair = 0; pair < deribit_pairs(self); pair++)
		if (self->list_held[pair] > 0 && length < sizeof(text))
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%u of %s %s",
				length > 0 ? ", " : "", self->list_held[pair], deribit_pair_currency(self, pair),
				deribit_pair_kind(self, pair));
	if (length > 0)
		fl_complain(self->ctx, "drop",
			"the venue's list lacks %s before their expiry: kept until the next refresh says the "
			"same",
			text);
	else
		fl_resolved(self->ctx, "drop");
}

void deribit_list_counts(const struct deribit *self, size_t currency, struct deribit_counts *out)
{
	size_t kinds = self->options->kinds.count;

	*out = (struct deribit_counts){ 0 };
	for (size_t i = 0; i < self->item_count; i++) {
		const struct deribit_item *item = &self->items[i];
		uint8_t wanted = deribit_wanted(self, item);

		if (item->pair == PAIR_NONE || item->pair / kinds != currency)
			continue;
		out->listed += (item->flags & ITEM_LISTED) != 0;
		out->subscribed += wanted != 0 && (item->acked & wanted) == wanted;
		out->failed += (wanted & ~item->acked) != 0 && item->misses > 0;
	}
	for (size_t pair = currency * kinds; pair < (currency + 1) * kinds; pair++) {
		out->is_asked = out->is_asked || ((self->list_pairs >> pair) & 1);
		out->new += self->list_new[pair];
		out->gone += self->list_gone[pair];
		out->held += self->list_held[pair];
	}
}

/* "refresh 12 BTC: listed 728, subscribed 728, new 3, expired 2, failed 0, 412 ms" */
static void list_log(const struct deribit *self)
{
	const struct fl_names *currencies = &self->options->currencies;
	int64_t took = (deribit_now(self) - self->list_started_ns) / FL_MS;

	for (size_t c = 0; c < currencies->count; c++) {
		struct deribit_counts counts;

		deribit_list_counts(self, c, &counts);
		if (counts.is_asked)
			fl_log(self->ctx, FL_INFO,
				"refresh %u %s: listed %u, subscribed %u, new %u, expired %u, failed %u, %" PRId64
				" ms",
				self->refresh_number, currencies->items[c], counts.listed, counts.subscribed,
				counts.new, counts.gone, counts.failed, took);
	}
}

static void list_end(struct deribit *self)
{
	if (self->is_filling) {
		deribit_fill_end(self);
		return;
	}
	if (self->list_failed != self->list_pairs) {
		self->is_listed = true;
		deribit_groups_of_indexes(self);
		deribit_place(self);
	}
	if (self->list_failed != 0) {
		fl_complain(self->ctx, "listing",
			"instruments cannot be listed: %s; tried again each minute", self->list_error);
		list_again(self, self->list_failed, LIST_AGAIN_NS);
	} else if (self->list_again_pairs == 0) {
		self->list_error[0] = '\0';
		fl_resolved(self->ctx, "listing");
	}
	say_held(self);
	if (self->is_listed)
		list_log(self);
	deribit_commands_refreshed(self);
	deribit_coverage_update(self);
	deribit_health_update(self);
}

/* After up to 1, 2 and 4 s, drawn, then it has failed for this refresh. */
static void list_failed(struct deribit *self, size_t pair, int64_t retry_after_ns)
{
	uint64_t bit = UINT64_C(1) << pair;
	int64_t delay;

	if (self->list_attempts[pair] >= LIST_RETRIES) {
		self->list_failed |= bit;
		return;
	}
	delay = FL_SECOND << self->list_attempts[pair]++;
	delay = 1 + (int64_t)(fl_random(self->ctx) % (uint64_t)delay);
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
