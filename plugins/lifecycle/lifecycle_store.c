/*
 * lifecycle_store: what the store knows.
 *
 * After a start its rows say what was known before, so that only what is new is told; what they
 * hold as active and the venue no longer lists ended while we were away. Before each refresh they
 * are compared: the venue is the truth, and what somebody has edited is told and put right.
 *
 * A store that is behind would seem to be wrong. So it is asked only once it has all that the
 * journal held when we began, and not compared while it lags.
 */
#include "lifecycle.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAG_MAX_S 5.0
#define STEADY_NS (15 * FL_SECOND) /* what changed later may not be stored yet */

enum { PAGE_ROWS = 2000 };

/* ---- asking ---- */

static void ask_position(struct lifecycle *self, struct feed *feed)
{
	feed->cursor[0] = '\0';
	(void)fl_command(self->ctx, ASK_POSITION + (int)feed_index(self, feed), "core", "status", NULL,
		10 * FL_SECOND);
}

static void ask_page(struct lifecycle *self, struct feed *feed)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);
	char *json;

	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_str(doc, root, "what", "instruments");
	yyjson_mut_obj_add_str(doc, root, "broker", feed->venue);
	yyjson_mut_obj_add_bool(doc, root, "active", true);
	yyjson_mut_obj_add_int(doc, root, "limit", PAGE_ROWS);
	if (feed->cursor[0] != '\0')
		yyjson_mut_obj_add_str(doc, root, "cursor", feed->cursor);
	json = yyjson_mut_write(doc, 0, NULL);
	(void)fl_command(self->ctx, ASK_STORE + (int)feed_index(self, feed), "role:sink", "query", json,
		20 * FL_SECOND);
	free(json);
	yyjson_mut_doc_free(doc);
}

static void mark(struct lifecycle *self, const struct feed *feed, unsigned take, unsigned add)
{
	for (size_t i = 0; i < self->universe.count; i++) {
		struct member *member = &self->universe.members[i];

		if (member->feed != feed_index(self, feed))
			continue;
		member->flags &= (uint16_t)~take;
		if (member->flags & MEMBER_ACTIVE)
			member->flags |= (uint16_t)add;
	}
}

void lifecycle_know(struct lifecycle *self, struct feed *feed)
{
	feed->phase = PHASE_STORE;
	feed->is_comparing = false;
	ask_position(self, feed);
}

void lifecycle_compare(struct lifecycle *self, struct feed *feed)
{
	feed->step = STEP_STORE;
	feed->is_comparing = true;
	mark(self, feed, MEMBER_STORED, 0);
	ask_position(self, feed);
}

/* From now on what happens is news. */
static void known(struct lifecycle *self, struct feed *feed)
{
	feed->phase = PHASE_KNOWN;
	feed->due_ns = 0;
	lifecycle_look(self, feed);
}

/* Nobody can say what was known: nothing is told rather than everything. */
static void known_without_store(struct lifecycle *self, struct feed *feed)
{
	mark(self, feed, 0, MEMBER_TOLD | MEMBER_FOLLOWED);
	known(self, feed);
}

/* The store cannot be asked now. */
static void without_store(struct lifecycle *self, struct feed *feed, bool is_for_good)
{
	if (feed->is_comparing)
		lifecycle_list(self, feed);
	else if (is_for_good || fl_monotonic_ns(self->ctx) >= feed->known_by_ns)
		known_without_store(self, feed);
	else
		feed->retry_ns = fl_monotonic_ns(self->ctx) + FL_SECOND;
}

/* ---- where it is ---- */

/* How far the first store is: the least of its streams, -1: it is not open. */
static int64_t stored_number(yyjson_val *sink)
{
	yyjson_val *stream;
	int64_t least = INT64_MAX;
	size_t i, count;

	yyjson_arr_foreach(yyjson_obj_get(sink, "streams"), i, count, stream)
	{
		int64_t number = yyjson_get_sint(yyjson_obj_get(stream, "position"));

		least = number < least ? number : least;
	}
	return least == INT64_MAX ? -1 : least;
}

void lifecycle_positioned(struct lifecycle *self, struct feed *feed, int status, const char *json)
{
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	yyjson_val *root = yyjson_doc_get_root(doc);
	yyjson_val *sink = yyjson_arr_get_first(yyjson_obj_get(root, "sinks"));
	double lag_s = yyjson_get_num(yyjson_obj_get(sink, "lag_seconds"));
	int64_t number = stored_number(sink);
	bool is_there = sink != NULL;

	yyjson_doc_free(doc);
	if (status >= 400 || self->start_number < 0)
		without_store(self, feed, false);
	else if (!is_there)
		without_store(self, feed, true);
	else if (number < self->start_number || (feed->is_comparing && lag_s > LAG_MAX_S))
		without_store(self, feed, false);
	else
		ask_page(self, feed);
}

/* ---- rows ---- */

static const char *text_of(yyjson_val *row, const char *column)
{
	const char *text = yyjson_get_str(yyjson_obj_get(row, column));

	return text != NULL ? text : "";
}

static const char *kind_word(unsigned kind)
{
	static const char *const words[] = { "unknown", "option", "future", "perpetual", "spot",
		"option_combo", "future_combo", "stock", "index" };

	return kind < sizeof(words) / sizeof(*words) ? words[kind] : words[0];
}

/* Whether the feed lists such things at all: what it is no longer told to list has not ended. */
static bool is_listed_sort(const struct lifecycle *self, const struct feed *feed, yyjson_val *row)
{
	const char *currency = text_of(row, "currency"), *kind = text_of(row, "kind");

	for (size_t i = 0; i < self->universe.count; i++) {
		const struct member *member = &self->universe.members[i];

		if (member->feed == feed_index(self, feed) && (member->flags & MEMBER_ACTIVE) &&
			strcmp(member->record.currency, currency) == 0 &&
			strcmp(kind_word(member->record.instrument_kind), kind) == 0)
			return true;
	}
	return false;
}

/* A row says that it is active, and the venue does not list it. */
static void end_row(struct lifecycle *self, struct feed *feed, uint32_t instrument, yyjson_val *row)
{
	int64_t now = fl_now_ns(self->ctx);
	int64_t expiry_ns = yyjson_get_sint(yyjson_obj_get(row, "expiration_timestamp")) * FL_MS;
	bool has_expired = expiry_ns != 0 && expiry_ns <= now;
	struct fl_instrument record;

	if (instrument == 0 || (!has_expired && !is_listed_sort(self, feed, row)))
		return;
	fl_record_init(&record, FL_INSTRUMENT);
	record.head.instrument = instrument;
	record.expiry_ns = expiry_ns;
	snprintf(record.currency, sizeof(record.currency), "%s", text_of(row, "currency"));
	lifecycle_publish_ended(self, &record, now);
	lifecycle_gather(self, GATHER_EXPIRED, fl_instrument_name(self->ctx, instrument));
	lifecycle_event(self,
		&(struct event){ .type = feed->is_comparing ? "metadata_corrected"
				: has_expired                       ? "instrument_expired"
													: "instrument_removed",
			.reason = feed->is_comparing ? "active in the store, ended at the venue" : "while away",
			.feed = feed,
			.instrument = instrument,
			.currency = record.currency,
			.connection = -1 });
}

/* ---- comparing ---- */

struct difference {
	yyjson_mut_doc *doc;
	yyjson_mut_val *columns;
	int count;
};

static void add(struct difference *to, const char *column, yyjson_val *was, yyjson_mut_val *is)
{
	yyjson_mut_val *each = yyjson_mut_obj_add_obj(to->doc, to->columns, column);

	yyjson_mut_obj_add_val(to->doc, each, "was",
		was != NULL ? yyjson_val_mut_copy(to->doc, was) : yyjson_mut_null(to->doc));
	yyjson_mut_obj_add_val(to->doc, each, "is", is);
	to->count++;
}

/* What the venue does not say is no difference. */
static void compare_real(struct difference *to, yyjson_val *row, const char *column, double is)
{
	yyjson_val *was = yyjson_obj_get(row, column);

	if (isnan(is) || (yyjson_is_num(was) && yyjson_get_num(was) == is))
		return;
	add(to, column, was, yyjson_mut_real(to->doc, is));
}

static void compare_int(struct difference *to, yyjson_val *row, const char *column, int64_t is)
{
	yyjson_val *was = yyjson_obj_get(row, column);

	if (is != 0 && !(yyjson_is_int(was) && yyjson_get_sint(was) == is))
		add(to, column, was, yyjson_mut_sint(to->doc, is));
}

static void compare_text(struct difference *to, yyjson_val *row, const char *column, const char *is)
{
	yyjson_val *was = yyjson_obj_get(row, column);

	if (*is != '\0' && !yyjson_equals_str(was, is))
		add(to, column, was, yyjson_mut_strcpy(to->doc, is));
}

static void tell_corrected(struct lifecycle *self, const struct feed *feed,
	const struct member *member, yyjson_mut_doc *metadata, const char *reason)
{
	fl_log(self->ctx, FL_INFO, "instrument_metadata of %s is put right: %s",
		member_name(self, member), reason);
	lifecycle_event(self,
		&(struct event){ .type = "metadata_corrected",
			.reason = reason,
			.feed = feed,
			.member = member,
			.connection = -1,
			.metadata = metadata });
}

static void compare_row(
	struct lifecycle *self, const struct feed *feed, const struct member *member, yyjson_val *row)
{
	const struct fl_instrument *is = &member->record;
	struct difference to = { .doc = yyjson_mut_doc_new(NULL) };
	yyjson_mut_val *root = yyjson_mut_obj(to.doc);

	yyjson_mut_doc_set_root(to.doc, root);
	to.columns = yyjson_mut_obj_add_obj(to.doc, root, "columns");
	compare_text(&to, row, "currency", is->currency);
	compare_text(&to, row, "kind", is->instrument_kind == 0 ? "" : kind_word(is->instrument_kind));
	compare_real(&to, row, "strike", is->strike);
	compare_text(&to, row, "option_type",
		is->option_type == FL_CALL      ? "call"
			: is->option_type == FL_PUT ? "put"
										: "");
	compare_int(&to, row, "expiration_timestamp", is->expiry_ns / FL_MS);
	compare_int(&to, row, "creation_timestamp", is->creation_ns / FL_MS);
	compare_real(&to, row, "tick_size", is->tick_size);
	compare_real(&to, row, "contract_size", is->contract_size);
	compare_text(&to, row, "base_currency", is->base_currency);
	compare_text(&to, row, "quote_currency", is->quote_currency);
	compare_text(&to, row, "settlement_currency", is->settlement_currency);
	if (to.count > 0)
		tell_corrected(self, feed, member, to.doc, "not as the venue lists it");
	else
		yyjson_mut_doc_free(to.doc);
}

/*
 * The rows of our own first listing may be there by now. So may be rows that have only a name: the
 * store gives it a number before the batch that says more.
 */
static bool was_there_before(const struct lifecycle *self, yyjson_val *row)
{
	yyjson_val *listed = yyjson_obj_get(row, "listed_at");
	yyjson_val *value = yyjson_is_str(listed) ? listed : yyjson_obj_get(row, "last_seen");
	int64_t at_ns;

	return yyjson_is_str(value) &&
		fl_time_parse(yyjson_get_str(value), yyjson_get_len(value), &at_ns) == 0 &&
		at_ns < self->started_ns;
}

static void take_row(struct lifecycle *self, struct feed *feed, yyjson_val *row)
{
	const char *name = text_of(row, "instrument_name");
	uint32_t instrument = fl_instrument_id_at(self->ctx, feed->venue, name, strlen(name));
	struct member *member = universe_find(&self->universe, instrument);
	bool is_steady = member == NULL || fl_now_ns(self->ctx) - member->changed_ns > STEADY_NS;

	if (member != NULL && (member->flags & MEMBER_ACTIVE)) {
		member->flags |= MEMBER_STORED;
		if (!feed->is_comparing && was_there_before(self, row))
			member->flags |= MEMBER_TOLD | MEMBER_FOLLOWED;
		else if (feed->is_comparing && is_steady)
			compare_row(self, feed, member, row);
	} else if (is_steady || !feed->is_comparing) {
		end_row(self, feed, instrument, row);
	}
}

/* Listed for long, and not among the store's active rows. */
static void tell_absent(struct lifecycle *self, const struct feed *feed)
{
	int64_t now = fl_now_ns(self->ctx);

	for (size_t i = 0; i < self->universe.count; i++) {
		const struct member *member = &self->universe.members[i];

		if (member->feed == feed_index(self, feed) && (member->flags & MEMBER_ACTIVE) &&
			!(member->flags & MEMBER_STORED) && now - member->changed_ns > STEADY_NS)
			tell_corrected(
				self, feed, member, NULL, "not active in the store, listed at the venue");
	}
}

/* What the store did not know is a listing. */
static void tell_new(struct lifecycle *self, struct feed *feed)
{
	for (size_t i = 0; i < self->universe.count; i++) {
		struct member *member = &self->universe.members[i];

		if (member->feed != feed_index(self, feed) || !(member->flags & MEMBER_ACTIVE) ||
			(member->flags & MEMBER_TOLD))
			continue;
		member->flags |= MEMBER_TOLD;
		lifecycle_tally(feed, member->record.currency)->fresh++;
		lifecycle_gather(self, GATHER_LISTED, member_name(self, member));
		lifecycle_event(self,
			&(struct event){ .type = "instrument_listed",
				.reason = "listed",
				.feed = feed,
				.member = member,
				.connection = -1 });
	}
}

void lifecycle_stored(struct lifecycle *self, struct feed *feed, int status, const char *json)
{
	yyjson_doc *doc;
	yyjson_val *root, *row;
	const char *next;
	size_t i, count;

	if (status >= 400) {
		without_store(self, feed, status == FL_REPLY_NOT_FOUND);
		return;
	}
	doc = yyjson_read(json, strlen(json), 0);
	root = yyjson_doc_get_root(doc);
	yyjson_arr_foreach(yyjson_obj_get(root, "rows"), i, count, row) take_row(self, feed, row);
	next = yyjson_get_str(yyjson_obj_get(root, "next"));
	snprintf(feed->cursor, sizeof(feed->cursor), "%s", next != NULL ? next : "");
	yyjson_doc_free(doc);
	if (feed->cursor[0] != '\0') {
		ask_page(self, feed);
	} else if (feed->is_comparing) {
		tell_absent(self, feed);
		lifecycle_list(self, feed);
	} else {
		tell_new(self, feed);
		known(self, feed);
	}
}
