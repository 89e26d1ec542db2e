/*
 * deribit_command: subscribe, unsubscribe, renew, subscriptions, refresh, rehearse.
 *
 * subscribe and unsubscribe are answered when the venue has acknowledged. By default they pin: a
 * refresh leaves such an instrument as it is until the opposite command or a restart. With "pin":
 * false they say what is right for now, and are the lifecycle's.
 */
#include "deribit_parts.h"
#include "deribit_session.h"
#include "deribit_subscribe.h"
#include "deribit_universe.h"

#include <stdlib.h>
#include <string.h>

#define WAITS_NS (10 * FL_SECOND) /* the core answers in our place then */
enum { INSTRUMENTS_MAX = 10000 };

/* ---- answers ---- */

static void reply(struct deribit *self, int command, yyjson_mut_doc *doc)
{
	char *text = yyjson_mut_write(doc, 0, NULL);

	if (text != NULL)
		fl_reply(self->ctx, command, FL_REPLY_OK, text, false);
	else
		fl_reply_detail(self->ctx, command, FL_REPLY_FAILED, "no memory for the answer");
	free(text);
	yyjson_mut_doc_free(doc);
}

static void reject(
	yyjson_mut_doc *doc, yyjson_mut_val *rejected, const char *name, const char *reason)
{
	yyjson_mut_val *row = yyjson_mut_arr_add_obj(doc, rejected);

	yyjson_mut_obj_add_strcpy(doc, row, "instrument", name);
	yyjson_mut_obj_add_strcpy(doc, row, "reason", reason);
}

static void waiter_free(struct deribit_waiter *waiter)
{
	free(waiter->items);
	yyjson_mut_doc_free(waiter->answer);
	*waiter = (struct deribit_waiter){ 0 };
}

enum progress { UNDER_WAY, DONE, REFUSED };

static enum progress progress(const struct deribit *self, const struct deribit_waiter *waiter,
	const struct deribit_item *item)
{
	uint8_t wanted = deribit_wanted(self, item);

	if (!waiter->is_subscribe)
		return item->acked == 0 && item->call == 0 ? DONE : UNDER_WAY;
	if (wanted == 0 || (item->acked & wanted) == wanted)
		return DONE;
	return item->misses > 0 && item->call == 0 ? REFUSED : UNDER_WAY;
}

static void waiter_answer(struct deribit *self, struct deribit_waiter *waiter)
{
	yyjson_mut_doc *doc = waiter->answer;
	yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
	yyjson_mut_val *rejected = yyjson_mut_obj_get(root, "rejected");
	yyjson_mut_val *done =
		yyjson_mut_obj_get(root, waiter->is_subscribe ? "subscribed" : "unsubscribed");
	int command = waiter->command;

	for (size_t i = 0; i < waiter->count; i++) {
		struct deribit_item *item = &self->items[waiter->items[i]];

		if (progress(self, waiter, item) == REFUSED) {
			reject(doc, rejected, item->name, "the venue did not acknowledge it");
			if (!(item->flags & ITEM_LISTED)) /* it does not know it: not asked again */
				item->flags &= (uint8_t)~ITEM_PINNED;
		} else {
			yyjson_mut_arr_add_strcpy(doc, done, item->name);
		}
	}
	waiter->answer = NULL;
	waiter_free(waiter);
	reply(self, command, doc);
}

void deribit_commands_check(struct deribit *self)
{
	int64_t now = deribit_now(self);

	for (size_t w = 0; w < WAITERS_MAX; w++) {
		struct deribit_waiter *waiter = &self->waiters[w];
		size_t open = 0;

		if (waiter->command == 0)
			continue;
		for (size_t i = 0; i < waiter->count; i++)
			open += progress(self, waiter, &self->items[waiter->items[i]]) == UNDER_WAY;
		if (open == 0)
			waiter_answer(self, waiter);
		else if (waiter->deadline_ns <= now)
			waiter_free(waiter);
	}
}

void deribit_commands_drop(struct deribit *self)
{
	for (size_t w = 0; w < WAITERS_MAX; w++)
		waiter_free(&self->waiters[w]);
	memset(self->refresh_waiters, 0, sizeof(self->refresh_waiters));
}

/* ---- subscribe, unsubscribe ---- */

static void follow(struct deribit_item *item, bool is_subscribe, bool is_pinning)
{
	if (is_subscribe) {
		item->flags &= (uint8_t)~(ITEM_EXCLUDED | ITEM_MANUAL);
		if (is_pinning || !(item->flags & ITEM_LISTED))
			item->flags |= ITEM_PINNED;
		item->misses = 0;
		item->retry_at_ns = 0;
	} else {
		item->flags &= (uint8_t)~(ITEM_PINNED | ITEM_MANUAL);
		item->flags |= ITEM_EXCLUDED | (is_pinning ? ITEM_MANUAL : 0);
	}
}

/* NULL: it may be followed; else why not. */
static const char *refusal(
	const struct deribit_item *item, const char *name, size_t length, bool is_subscribe)
{
	struct fl_symbol symbol;

	if (!deribit_name_is_plain(name, length) || fl_symbol_deribit(name, length, &symbol) != 0)
		return "no name of a Deribit instrument";
	if (item == NULL)
		return "it cannot be taken on";
	if (is_subscribe && (item->flags & ITEM_EXPIRED))
		return "it has expired";
	if (!is_subscribe && !(item->flags & (ITEM_LISTED | ITEM_PINNED | ITEM_EXCLUDED)))
		return "it is not subscribed";
	return NULL;
}

static void take_names(struct deribit *self, struct deribit_waiter *waiter, yyjson_val *names)
{
	yyjson_mut_val *rejected =
		yyjson_mut_obj_get(yyjson_mut_doc_get_root(waiter->answer), "rejected");
	yyjson_arr_iter iter;
	yyjson_val *value;

	yyjson_arr_iter_init(names, &iter);
	while ((value = yyjson_arr_iter_next(&iter)) != NULL) {
		const char *name = yyjson_get_str(value);
		size_t length = yyjson_get_len(value);
		struct deribit_item *item = NULL;
		struct fl_symbol symbol;
		const char *why;

		if (name != NULL && fl_symbol_deribit(name, length, &symbol) == 0)
			item = deribit_item(self, name, length);
		why = name == NULL ? "no text" : refusal(item, name, length, waiter->is_subscribe);
		if (why != NULL) {
			reject(waiter->answer, rejected, name != NULL ? name : "", why);
			continue;
		}
		follow(item, waiter->is_subscribe, waiter->is_pinning);
		waiter->items[waiter->count++] = (uint32_t)(item - self->items);
	}
}

static bool waiter_init(struct deribit *self, struct deribit_waiter *waiter, int command,
	bool is_subscribe, yyjson_val *root, size_t count)
{
	yyjson_val *pin = yyjson_obj_get(root, "pin");
	yyjson_mut_val *object;

	*waiter = (struct deribit_waiter){ .command = command,
		.is_subscribe = is_subscribe,
		.is_pinning = pin == NULL || yyjson_is_true(pin),
		.deadline_ns = deribit_now(self) + WAITS_NS,
		.items = malloc((count + 1) * sizeof(*waiter->items)),
		.answer = yyjson_mut_doc_new(NULL) };
	object = yyjson_mut_obj(waiter->answer);
	if (waiter->items == NULL || object == NULL) {
		waiter_free(waiter);
		return false;
	}
	yyjson_mut_doc_set_root(waiter->answer, object);
	yyjson_mut_obj_add_arr(waiter->answer, object, is_subscribe ? "subscribed" : "unsubscribed");
	yyjson_mut_obj_add_arr(waiter->answer, object, "rejected");
	return true;
}

static void on_follow(struct deribit *self, int command, bool is_subscribe, yyjson_val *root)
{
	yyjson_val *names = yyjson_obj_get(root, "instruments");
	struct deribit_waiter *waiter = NULL;

	if (!yyjson_is_arr(names) || yyjson_arr_size(names) > INSTRUMENTS_MAX) {
		fl_reply_detail(self->ctx, command, FL_REPLY_BAD,
			"write {\"instruments\": [\"BTC-27DEC24-100000-C\"]}, at most %d names",
			INSTRUMENTS_MAX);
		return;
	}
	for (size_t w = 0; w < WAITERS_MAX && waiter == NULL; w++)
		if (self->waiters[w].command == 0)
			waiter = &self->waiters[w];
	if (waiter == NULL ||
		!waiter_init(self, waiter, command, is_subscribe, root, yyjson_arr_size(names))) {
		fl_reply_detail(self->ctx, command, FL_REPLY_STOPPED,
			"too many commands wait for the venue; try again in some seconds");
		return;
	}
	take_names(self, waiter, names);
	deribit_place(self);
	deribit_pump(self);
	deribit_commands_check(self);
}

/* ---- renew ---- */

/* All channels of its own are left and subscribed again; what is on its way already is. */
static bool renew(struct deribit *self, const char *name, size_t length)
{
	struct fl_symbol symbol;
	struct deribit_item *item;

	if (name == NULL || fl_symbol_deribit(name, length, &symbol) != 0)
		return false;
	item = deribit_item(self, name, length);
	if (item == NULL || deribit_wanted(self, item) == 0)
		return false;
	item->renew |= item->acked;
	item->flags |= ITEM_RENEWING;
	return true;
}

/* Answered at once: what comes of it is heard, or not. */
static void on_renew(struct deribit *self, int command, yyjson_val *root)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *answer = yyjson_mut_obj(doc), *renewed, *rejected;
	yyjson_arr_iter iter;
	yyjson_val *value;

	yyjson_mut_doc_set_root(doc, answer);
	renewed = yyjson_mut_obj_add_arr(doc, answer, "renewed");
	rejected = yyjson_mut_obj_add_arr(doc, answer, "rejected");
	yyjson_arr_iter_init(yyjson_obj_get(root, "instruments"), &iter);
	while ((value = yyjson_arr_iter_next(&iter)) != NULL) {
		const char *name = yyjson_get_str(value);

		if (renew(self, name, yyjson_get_len(value)))
			yyjson_mut_arr_add_strcpy(doc, renewed, name);
		else
			reject(doc, rejected, name != NULL ? name : "", "it is not followed");
	}
	reply(self, command, doc);
	deribit_pump(self);
}

/* ---- subscriptions ---- */

/* One connection's row; with a currency when all it carries are of one. */
static void put_link(const struct deribit *self, yyjson_mut_doc *doc, yyjson_mut_val *to, int link)
{
	yyjson_mut_val *row = yyjson_mut_arr_add_obj(doc, to), *instruments = yyjson_mut_arr(doc);
	const char *currency = NULL;
	bool is_mixed = false;

	yyjson_mut_obj_add_int(doc, row, "connection", link);
	for (size_t i = 0; i < self->item_count; i++) {
		const struct deribit_item *item = &self->items[i];

		if (item->place != link || item->acked == 0)
			continue;
		yyjson_mut_arr_add_str(doc, instruments, item->name);
		is_mixed = is_mixed || (currency != NULL && strcmp(currency, item->record.currency) != 0);
		currency = item->record.currency;
	}
	if (currency != NULL && !is_mixed)
		yyjson_mut_obj_add_str(doc, row, "currency", currency);
	else
		yyjson_mut_obj_add_null(doc, row, "currency");
	yyjson_mut_obj_add_val(doc, row, "instruments", instruments);
	yyjson_mut_obj_add_int(doc, row, "channel_count", self->links[link].channels);
}

/* Wanted and on no connection yet, or taken by hand: what is not to be seen on the connections. */
static void put_others(const struct deribit *self, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	yyjson_mut_val *pending = yyjson_mut_obj_add_arr(doc, root, "pending");
	yyjson_mut_val *deferred = yyjson_mut_obj_add_arr(doc, root, "deferred");
	yyjson_mut_val *pinned = yyjson_mut_obj_add_arr(doc, root, "pinned");
	yyjson_mut_val *excluded = yyjson_mut_obj_add_arr(doc, root, "excluded");

	for (size_t i = 0; i < self->item_count; i++) {
		const struct deribit_item *item = &self->items[i];
		uint8_t wanted = deribit_wanted(self, item);

		if (item->flags & ITEM_PINNED)
			yyjson_mut_arr_add_str(doc, pinned, item->name);
		if (item->flags & ITEM_MANUAL)
			yyjson_mut_arr_add_str(doc, excluded, item->name);
		if (wanted == 0 || item->acked != 0)
			continue;
		yyjson_mut_arr_add_str(doc, item->goal < 0 ? deferred : pending, item->name);
	}
}

static void on_subscriptions(struct deribit *self, int command)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);
	yyjson_mut_val *connections;

	yyjson_mut_doc_set_root(doc, root);
	connections = yyjson_mut_obj_add_arr(doc, root, "connections");
	for (int link = 0; link < self->link_count; link++)
		if (self->links[link].is_open)
			put_link(self, doc, connections, link);
	put_others(self, doc, root);
	reply(self, command, doc);
}

/* ---- refresh ---- */

static void on_refresh(struct deribit *self, int command, yyjson_val *root)
{
	yyjson_val *max_drop = yyjson_obj_get(root, "max_drop");
	int64_t every = self->options->refresh_interval_ns;

	if (max_drop != NULL && (!yyjson_is_num(max_drop) || yyjson_get_num(max_drop) < 0)) {
		fl_reply_detail(self->ctx, command, FL_REPLY_BAD, "max_drop is a fraction, such as 0.2");
		return;
	}
	if (max_drop != NULL)
		self->max_drop = yyjson_get_num(max_drop);
	for (size_t w = 0; w < WAITERS_MAX; w++) {
		if (self->refresh_waiters[w] != 0)
			continue;
		self->refresh_waiters[w] = command;
		/* Who asks in time of its own accord leaves nothing for ours to do. */
		self->refresh_at_ns = deribit_now(self) + every + every / 2;
		fl_timer_start(self->ctx, TIMER_REFRESH, every + every / 2, every);
		deribit_list_begin(self, deribit_all_pairs(self));
		deribit_pump(self);
		return;
	}
	fl_reply_detail(self->ctx, command, FL_REPLY_CONFLICT, "a refresh is under way");
}

static yyjson_mut_doc *refreshed(const struct deribit *self)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *rows;
	uint64_t listed = 0, subscribed = 0;

	yyjson_mut_doc_set_root(doc, root);
	rows = yyjson_mut_obj_add_arr(doc, root, "currencies");
	for (size_t c = 0; c < self->options->currencies.count; c++) {
		yyjson_mut_val *row = yyjson_mut_arr_add_obj(doc, rows);
		struct deribit_counts counts;

		deribit_list_counts(self, c, &counts);
		yyjson_mut_obj_add_str(doc, row, "currency", self->options->currencies.items[c]);
		yyjson_mut_obj_add_uint(doc, row, "listed", counts.listed);
		yyjson_mut_obj_add_uint(doc, row, "subscribed", counts.subscribed);
		yyjson_mut_obj_add_uint(doc, row, "new", counts.new);
		yyjson_mut_obj_add_uint(doc, row, "expired", counts.gone);
		yyjson_mut_obj_add_uint(doc, row, "failed", counts.failed);
		yyjson_mut_obj_add_uint(doc, row, "held", counts.held);
		listed += counts.listed;
		subscribed += counts.subscribed;
	}
	yyjson_mut_obj_add_uint(doc, root, "listed", listed);
	yyjson_mut_obj_add_uint(doc, root, "subscribed", subscribed);
	return doc;
}

void deribit_commands_refreshed(struct deribit *self)
{
	if (self->list_pairs != deribit_all_pairs(self))
		return; /* after a notice: of a part only */
	for (size_t w = 0; w < WAITERS_MAX; w++) {
		int command = self->refresh_waiters[w];

		if (command == 0)
			continue;
		self->refresh_waiters[w] = 0;
		if (self->list_failed != 0)
			fl_reply_detail(self->ctx, command, FL_REPLY_FAILED, "%s", self->list_error);
		else
			reply(self, command, refreshed(self));
	}
}

/* ---- rehearse ---- */

static void on_rehearse(struct deribit *self, int command, yyjson_val *root)
{
	yyjson_val *name = yyjson_obj_get(root, "instrument"), *at = yyjson_obj_get(root, "expires_at");
	struct deribit_item *item = NULL;
	struct fl_symbol symbol;
	int64_t expiry_ns = 0;

	if (yyjson_is_str(name) &&
		fl_symbol_deribit(yyjson_get_str(name), yyjson_get_len(name), &symbol) == 0)
		item = deribit_item(self, yyjson_get_str(name), yyjson_get_len(name));
	if (item == NULL || !(item->flags & ITEM_KNOWN)) {
		fl_reply_detail(self->ctx, command, FL_REPLY_NOT_FOUND,
			"the venue does not list \"%.63s\"; GET /v1/instruments?active=true says what it does",
			yyjson_is_str(name) ? yyjson_get_str(name) : "");
		return;
	}
	if (at != NULL &&
		(!yyjson_is_str(at) ||
			fl_time_parse(yyjson_get_str(at), yyjson_get_len(at), &expiry_ns) != 0)) {
		fl_reply_detail(
			self->ctx, command, FL_REPLY_BAD, "expires_at is a time like 2026-03-27T08:00:00Z");
		return;
	}
	deribit_rehearse(self, item, expiry_ns, yyjson_is_true(yyjson_obj_get(root, "hide")));
	fl_reply(self->ctx, command, FL_REPLY_OK, "{}", false);
}

void deribit_on_command(void *state, int command, const char *name, const char *json)
{
	struct deribit *self = state;
	yyjson_doc *doc = yyjson_read(json != NULL ? json : "{}", json != NULL ? strlen(json) : 2, 0);
	yyjson_val *root = yyjson_doc_get_root(doc);

	if (!yyjson_is_obj(root))
		fl_reply_detail(self->ctx, command, FL_REPLY_BAD, "the body must be a JSON object");
	else if (!self->is_running)
		fl_reply_detail(self->ctx, command, FL_REPLY_CONFLICT, "the feed is stopped");
	else if (strcmp(name, "subscribe") == 0)
		on_follow(self, command, true, root);
	else if (strcmp(name, "unsubscribe") == 0)
		on_follow(self, command, false, root);
	else if (strcmp(name, "renew") == 0)
		on_renew(self, command, root);
	else if (strcmp(name, "subscriptions") == 0)
		on_subscriptions(self, command);
	else if (strcmp(name, "refresh") == 0)
		on_refresh(self, command, root);
	else if (strcmp(name, "rehearse") == 0)
		on_rehearse(self, command, root);
	else
		fl_reply_detail(self->ctx, command, FL_REPLY_NOT_FOUND,
			"this feed takes subscribe, unsubscribe, renew, subscriptions, refresh and rehearse");
	yyjson_doc_free(doc);
}
