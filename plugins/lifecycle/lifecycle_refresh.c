/*
 * lifecycle_refresh: the full reconciliation: the store's rows are compared, the feed lists its
 * venue's instruments, what is new is subscribed, and what came of it is told.
 *
 * It happens on whole multiples of refresh_interval, so that there are 288 of five minutes in a day
 * whenever the program began.
 */
#include "lifecycle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_NS (60 * FL_SECOND)
#define LIST_WITHIN_NS (90 * FL_SECOND) /* four attempts of 10 s, and the pauses between */
#define SETTLE_NS (8 * FL_SECOND)
#define KEEP_ENDED_NS FL_HOUR

void lifecycle_arm(struct lifecycle *self)
{
	int64_t every = self->options->refresh_interval_ns, now = fl_now_ns(self->ctx);

	fl_timer_start(self->ctx, TIMER_REFRESH, every - now % every, 0);
}

/* ---- who waits for it ---- */

static void put_tally(yyjson_mut_doc *doc, yyjson_mut_val *to, const struct tally *tally)
{
	yyjson_mut_obj_add_uint(doc, to, "listed", tally->listed);
	yyjson_mut_obj_add_uint(doc, to, "subscribed", tally->subscribed);
	yyjson_mut_obj_add_uint(doc, to, "new", tally->fresh);
	yyjson_mut_obj_add_uint(doc, to, "expired", tally->expired);
	yyjson_mut_obj_add_uint(doc, to, "failed", tally->failed);
	yyjson_mut_obj_add_uint(doc, to, "deferred", tally->deferred);
	yyjson_mut_obj_add_uint(doc, to, "held", tally->held);
}

static void put_feed(yyjson_mut_doc *doc, yyjson_mut_val *to, const struct feed *feed)
{
	yyjson_mut_val *row = yyjson_mut_arr_add_obj(doc, to), *rows;

	yyjson_mut_obj_add_str(doc, row, "feed", feed->name);
	rows = yyjson_mut_obj_add_arr(doc, row, "currencies");
	for (size_t i = 0; i < feed->tally_count; i++) {
		yyjson_mut_val *each = yyjson_mut_arr_add_obj(doc, rows);

		yyjson_mut_obj_add_str(doc, each, "currency", feed->tallies[i].currency);
		put_tally(doc, each, &feed->tallies[i]);
	}
}

static void answer(struct lifecycle *self, struct waiter *waiter)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *feeds;
	char *json;

	yyjson_mut_doc_set_root(doc, root);
	feeds = yyjson_mut_obj_add_arr(doc, root, "feeds");
	for (size_t i = 0; i < self->feed_count; i++)
		if (waiter->is_all || waiter->feed == (int)i)
			put_feed(doc, feeds, &self->feeds[i]);
	json = yyjson_mut_write(doc, 0, NULL);
	if (json != NULL)
		fl_reply(self->ctx, waiter->command, FL_REPLY_OK, json, false);
	else
		fl_reply_detail(self->ctx, waiter->command, FL_REPLY_FAILED, "no memory for the answer");
	free(json);
	yyjson_mut_doc_free(doc);
	*waiter = (struct waiter){ 0 };
}

/* A feed's refresh is over; `detail` NULL: it went well. */
static void release_waiters(
	struct lifecycle *self, const struct feed *feed, int status, const char *detail)
{
	uint32_t bit = UINT32_C(1) << feed_index(self, feed);

	for (size_t i = 0; i < WAITERS_MAX; i++) {
		struct waiter *waiter = &self->waiters[i];

		if (waiter->command == 0 || !(waiter->open & bit))
			continue;
		waiter->open &= ~bit;
		if (detail != NULL) {
			fl_reply_detail(self->ctx, waiter->command, status, "%s: %.400s", feed->name, detail);
			*waiter = (struct waiter){ 0 };
		} else if (waiter->open == 0) {
			answer(self, waiter);
		}
	}
}

static bool are_known(const struct lifecycle *self, const struct feed *feed)
{
	for (size_t i = 0; i < self->feed_count; i++)
		if ((feed == NULL || feed == &self->feeds[i]) && self->feeds[i].phase != PHASE_KNOWN)
			return false;
	return self->feed_count > 0;
}

void lifecycle_on_refresh(struct lifecycle *self, int command, yyjson_val *root)
{
	const char *name = yyjson_get_str(yyjson_obj_get(root, "feed"));
	struct feed *feed = name != NULL ? lifecycle_feed(self, name) : NULL;
	struct waiter *waiter = NULL;

	if (name != NULL && feed == NULL) {
		fl_reply_detail(self->ctx, command, FL_REPLY_NOT_FOUND,
			"no feed %.63s has published instruments; GET /v1/streaming/status lists the feeds",
			name);
		return;
	}
	for (size_t i = 0; i < WAITERS_MAX && waiter == NULL; i++)
		if (self->waiters[i].command == 0)
			waiter = &self->waiters[i];
	if (waiter == NULL || !are_known(self, feed)) {
		fl_reply_detail(self->ctx, command, FL_REPLY_CONFLICT, "%s; try again in some seconds",
			waiter == NULL ? "too many refreshes are waited for" : "still starting");
		return;
	}
	*waiter = (struct waiter){ .command = command,
		.feed = feed != NULL ? (int)feed_index(self, feed) : -1,
		.is_all = feed == NULL,
		.open = feed != NULL ? UINT32_C(1) << feed_index(self, feed)
							 : (UINT32_C(1) << self->feed_count) - 1 };
	for (size_t i = 0; i < self->feed_count; i++)
		if (waiter->is_all || waiter->feed == (int)i)
			lifecycle_refresh(self, &self->feeds[i], "requested");
}

/* ---- the way ---- */

void lifecycle_refresh(struct lifecycle *self, struct feed *feed, const char *reason)
{
	if (feed->step != STEP_IDLE || feed->phase == PHASE_STORE)
		return;
	feed->reason = reason;
	feed->began_ns = fl_monotonic_ns(self->ctx);
	feed->retry_ns = 0;
	lifecycle_unhide(self, feed);
	if (feed->phase == PHASE_KNOWN)
		lifecycle_compare(self, feed);
	else
		lifecycle_list(self, feed);
}

void lifecycle_list(struct lifecycle *self, struct feed *feed)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);
	char *json;

	feed->step = STEP_LIST;
	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_real(doc, root, "max_drop", self->options->max_drop);
	json = yyjson_mut_write(doc, 0, NULL);
	(void)fl_command(self->ctx, ASK_REFRESH + (int)feed_index(self, feed), feed->name, "refresh",
		json, LIST_WITHIN_NS);
	free(json);
	yyjson_mut_doc_free(doc);
}

static void take_counts(struct feed *feed, yyjson_val *rows)
{
	yyjson_val *row;
	size_t i, count;

	yyjson_arr_foreach(rows, i, count, row)
	{
		const char *currency = yyjson_get_str(yyjson_obj_get(row, "currency"));
		struct tally *tally = lifecycle_tally(feed, currency != NULL ? currency : "");

		tally->listed = (uint32_t)yyjson_get_uint(yyjson_obj_get(row, "listed"));
		tally->held = (uint32_t)yyjson_get_uint(yyjson_obj_get(row, "held"));
	}
}

static void fail(struct lifecycle *self, struct feed *feed, int status, const char *json)
{
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	const char *detail = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "detail"));
	bool is_stopped =
		status == FL_REPLY_STOPPED || status == FL_REPLY_CONFLICT || status == FL_REPLY_NOT_FOUND;

	detail = detail != NULL ? detail : "the feed does not answer";
	feed->step = STEP_IDLE;
	feed->retry_ns = is_stopped ? 0 : fl_monotonic_ns(self->ctx) + AGAIN_NS;
	if (!is_stopped) /* the feed itself complains of its venue */
		lifecycle_event(self,
			&(struct event){ .type = "sync_failed",
				.reason = detail,
				.feed = feed,
				.currency = "",
				.connection = -1,
				.is_failed = true });
	release_waiters(self, feed, status, detail);
	yyjson_doc_free(doc);
}

void lifecycle_listed(struct lifecycle *self, struct feed *feed, int status, const char *json)
{
	yyjson_doc *doc;

	if (feed->step != STEP_LIST)
		return;
	if (status >= 400) {
		fail(self, feed, status, json);
		return;
	}
	doc = yyjson_read(json, strlen(json), 0);
	take_counts(feed, yyjson_obj_get(yyjson_doc_get_root(doc), "currencies"));
	yyjson_doc_free(doc);
	if (feed->phase == PHASE_LISTING) {
		feed->step = STEP_IDLE;
		release_waiters(self, feed, 0, NULL);
		lifecycle_know(self, feed);
		return;
	}
	feed->step = STEP_SETTLE;
	feed->is_placed = false;
	feed->settle_until_ns = fl_monotonic_ns(self->ctx) + SETTLE_NS;
	lifecycle_look(self, feed);
}

/* Who is where, by currency; whether all that is asked for is there, and what is gone is left. */
static bool count_places(struct lifecycle *self, struct feed *feed)
{
	bool is_settled = true;

	for (size_t i = 0; i < feed->tally_count; i++)
		feed->tallies[i].subscribed = feed->tallies[i].failed = feed->tallies[i].deferred = 0;
	for (size_t i = 0; i < self->universe.count; i++) {
		const struct member *member = &self->universe.members[i];
		struct tally *tally;

		if (member->feed != feed_index(self, feed))
			continue;
		tally = lifecycle_tally(feed, member->record.currency);
		tally->subscribed += member->place == PLACE_SUBSCRIBED;
		tally->failed += member->place == PLACE_PENDING;
		tally->deferred += member->place == PLACE_DEFERRED;
		is_settled = is_settled && universe_is_settled(member);
	}
	return is_settled;
}

static void tell_held(struct lifecycle *self, const struct feed *feed, const struct tally *tally)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

	yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
	yyjson_mut_obj_add_uint(doc, yyjson_mut_doc_get_root(doc), "held", tally->held);
	lifecycle_event(self,
		&(struct event){ .type = "drop_held",
			.reason = "more than max_drop is missing from the list",
			.feed = feed,
			.currency = tally->currency,
			.connection = -1,
			.is_failed = true,
			.metadata = doc });
}

/* One row a currency, and counting begins anew. */
static void tell_completed(struct lifecycle *self, struct feed *feed)
{
	int64_t took_ms = (fl_monotonic_ns(self->ctx) - feed->began_ns) / FL_MS;

	for (size_t i = 0; i < feed->tally_count; i++) {
		struct tally *tally = &feed->tallies[i];
		yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
		yyjson_mut_val *root = yyjson_mut_obj(doc);

		if (tally->held > 0)
			tell_held(self, feed, tally);
		yyjson_mut_doc_set_root(doc, root);
		put_tally(doc, root, tally);
		yyjson_mut_obj_add_int(doc, root, "took_ms", took_ms);
		lifecycle_event(self,
			&(struct event){ .type = "sync_completed",
				.reason = feed->reason,
				.feed = feed,
				.currency = tally->currency,
				.connection = -1,
				.is_failed = tally->failed > 0,
				.metadata = doc });
	}
}

void lifecycle_settle(struct lifecycle *self, struct feed *feed)
{
	bool is_late = fl_monotonic_ns(self->ctx) >= feed->settle_until_ns;

	if (feed->step != STEP_SETTLE || (!feed->is_placed && !is_late) ||
		(!count_places(self, feed) && !is_late))
		return;
	feed->step = STEP_IDLE;
	tell_completed(self, feed);
	release_waiters(self, feed, 0, NULL);
	for (size_t i = 0; i < feed->tally_count; i++)
		feed->tallies[i].fresh = feed->tallies[i].expired = 0;
	universe_forget(&self->universe, KEEP_ENDED_NS, fl_now_ns(self->ctx));
}
