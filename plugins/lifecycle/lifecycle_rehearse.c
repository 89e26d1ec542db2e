/*
 * lifecycle_rehearse: one instrument's expiry brought forward, or its listing hidden, in the memory
 * of its feed; from there it goes the whole way, and after a while it is taken back.
 */
#include "lifecycle.h"

#include <stdlib.h>
#include <string.h>

#define LASTS_NS (10 * FL_MINUTE)
#define LONGEST_NS FL_DAY

/* "90s", "2m", "1h", "500ms" */
static int64_t duration_of(const char *text)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = { { "ms", FL_MS }, { "s", FL_SECOND }, { "m", FL_MINUTE }, { "h", FL_HOUR } };
	char *end = NULL;
	long long number = text != NULL && *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : -1;

	for (size_t i = 0; i < sizeof(units) / sizeof(*units) && number >= 0; i++)
		if (strcmp(end, units[i].unit) == 0 && number <= LONGEST_NS / units[i].ns)
			return number * units[i].ns;
	return -1;
}

/* Has the feed take it on; an expiry of 0 and no hiding is the truth again. */
static int send(struct lifecycle *self, const struct rehearsal *rehearsal, int64_t expiry_ns,
	bool is_hidden, int number)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);
	char time[40], *json;
	int error;

	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_str(
		doc, root, "instrument", fl_instrument_name(self->ctx, rehearsal->instrument));
	if (expiry_ns != 0) {
		fl_time_print(time, expiry_ns, 3);
		yyjson_mut_obj_add_str(doc, root, "expires_at", time);
	}
	if (is_hidden)
		yyjson_mut_obj_add_bool(doc, root, "hide", true);
	json = yyjson_mut_write(doc, 0, NULL);
	error = json == NULL
		? -ENOMEM
		: fl_command(self->ctx, number, self->feeds[rehearsal->feed].name, "rehearse", json, 0);
	free(json);
	yyjson_mut_doc_free(doc);
	return error;
}

static struct rehearsal *free_place(struct lifecycle *self, uint32_t instrument)
{
	struct rehearsal *place = NULL;

	for (size_t i = 0; i < REHEARSALS_MAX; i++) {
		if (self->rehearsals[i].instrument == instrument)
			return NULL;
		if (self->rehearsals[i].instrument == 0 && place == NULL)
			place = &self->rehearsals[i];
	}
	return place;
}

void lifecycle_on_rehearsal(struct lifecycle *self, int command, yyjson_val *root)
{
	const char *feed_name = yyjson_get_str(yyjson_obj_get(root, "feed"));
	const char *name = yyjson_get_str(yyjson_obj_get(root, "instrument"));
	const char *in = yyjson_get_str(yyjson_obj_get(root, "expires_in"));
	bool is_hidden = yyjson_is_true(yyjson_obj_get(root, "hide"));
	int64_t in_ns = duration_of(in);
	struct feed *feed = feed_name != NULL ? lifecycle_feed(self, feed_name) : NULL;
	struct rehearsal *place;
	struct member *member = NULL;

	if (feed_name == NULL || name == NULL || is_hidden == (in_ns >= 0)) {
		fl_reply_detail(self->ctx, command, FL_REPLY_BAD,
			"write {\"feed\": \"deribit\", \"instrument\": \"BTC-27DEC24-100000-C\", "
			"\"expires_in\": \"2m\"} (ms, s, m or h, at most a day), or \"hide\": true instead");
		return;
	}
	if (feed != NULL)
		member = universe_find(
			&self->universe, fl_instrument_id_at(self->ctx, feed->venue, name, strlen(name)));
	if (member == NULL || !(member->flags & MEMBER_ACTIVE)) {
		fl_reply_detail(
			self->ctx, command, FL_REPLY_NOT_FOUND, "%.63s lists no %.63s", feed_name, name);
		return;
	}
	place = free_place(self, member->record.head.instrument);
	if (place == NULL) {
		fl_reply_detail(self->ctx, command, FL_REPLY_CONFLICT,
			"%.63s is being rehearsed already, or %d others are", name, REHEARSALS_MAX);
		return;
	}
	*place = (struct rehearsal){ .instrument = member->record.head.instrument,
		.feed = member->feed,
		.is_hidden = is_hidden,
		.command = command,
		.until_ns = fl_monotonic_ns(self->ctx) + LASTS_NS + (is_hidden ? 0 : in_ns) };
	member->flags |= MEMBER_REHEARSED;
	if (send(self, place, is_hidden ? 0 : fl_now_ns(self->ctx) + in_ns, is_hidden,
			ASK_REHEARSE + (int)(place - self->rehearsals)) != 0)
		lifecycle_rehearsed(self, (size_t)(place - self->rehearsals), FL_REPLY_FAILED, "{}");
}

static void end(struct lifecycle *self, struct rehearsal *rehearsal)
{
	struct member *member = universe_find(&self->universe, rehearsal->instrument);

	if (member != NULL)
		member->flags &= (uint16_t)~MEMBER_REHEARSED;
	*rehearsal = (struct rehearsal){ 0 };
}

void lifecycle_rehearsed(struct lifecycle *self, size_t number, int status, const char *json)
{
	struct rehearsal *rehearsal = &self->rehearsals[number];
	int command = rehearsal->command;

	if (rehearsal->instrument == 0 || command == 0)
		return;
	rehearsal->command = 0;
	if (status < 400)
		fl_log(self->ctx, FL_INFO, "%s: rehearsed, taken back after %d minutes at most",
			fl_instrument_name(self->ctx, rehearsal->instrument), (int)(LASTS_NS / FL_MINUTE));
	else
		end(self, rehearsal);
	fl_reply(self->ctx, command, status, json, false);
}

static void take_back(struct lifecycle *self, struct rehearsal *rehearsal)
{
	/* Listed, subscribed: all under the rehearsal's name, then it is over. */
	rehearsal->is_over = true;
	rehearsal->until_ns = fl_monotonic_ns(self->ctx) + FL_MINUTE;
	(void)send(self, rehearsal, 0, false, 0);
}

void lifecycle_unhide(struct lifecycle *self, const struct feed *feed)
{
	for (size_t i = 0; i < REHEARSALS_MAX; i++) {
		struct rehearsal *rehearsal = &self->rehearsals[i];

		if (rehearsal->instrument != 0 && rehearsal->feed == feed_index(self, feed) &&
			rehearsal->is_hidden && !rehearsal->is_over)
			take_back(self, rehearsal);
	}
}

void lifecycle_rehearsals_check(struct lifecycle *self)
{
	int64_t now = fl_monotonic_ns(self->ctx);

	for (size_t i = 0; i < REHEARSALS_MAX; i++) {
		struct rehearsal *rehearsal = &self->rehearsals[i];

		if (rehearsal->instrument == 0 || rehearsal->until_ns > now)
			continue;
		if (rehearsal->is_over)
			end(self, rehearsal);
		else
			take_back(self, rehearsal);
	}
}
