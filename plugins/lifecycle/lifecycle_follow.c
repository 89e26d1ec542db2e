/*
 * lifecycle_follow: what each feed follows, against what it should.
 *
 * A feed subscribes by itself what its venue lists. Here it is corrected: what nears its expiry is
 * left, what is missing is asked for. What a feed says of its subscriptions is compared with what
 * it said before, and the difference told.
 */
#include "lifecycle.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN_NS (10 * FL_SECOND)
#define ENDED_NS (5 * FL_SECOND) /* a feed that has not said by then that it expired does not */
#define ANSWER_NS (15 * FL_SECOND)
#define PENDING_LOOK_NS (2 * FL_SECOND)

/* {"instruments": [...], "pin": false}, filled by lifecycle_add_name. */
struct request {
	yyjson_mut_doc *doc;
	yyjson_mut_val *names;
	size_t count;
};

static bool request_init(struct request *request)
{
	yyjson_mut_val *root;

	*request = (struct request){ .doc = yyjson_mut_doc_new(NULL) };
	root = yyjson_mut_obj(request->doc);
	yyjson_mut_doc_set_root(request->doc, root);
	request->names = yyjson_mut_obj_add_arr(request->doc, root, "instruments");
	yyjson_mut_obj_add_bool(request->doc, root, "pin", false);
	return request->names != NULL;
}

static void request_add(struct request *request, const char *name)
{
	request->count += yyjson_mut_arr_add_strcpy(request->doc, request->names, name);
}

/* Sends what has gathered, and ends the request. false: there was nothing to send. */
static bool request_send(struct lifecycle *self, const struct feed *feed, struct request *request,
	int ask, const char *command)
{
	char *json = request->count > 0 ? yyjson_mut_write(request->doc, 0, NULL) : NULL;

	if (json != NULL) /* -EBUSY: the one before is not answered, the next look asks again */
		(void)fl_command(
			self->ctx, ask + (int)feed_index(self, feed), feed->name, command, json, ANSWER_NS);
	free(json);
	yyjson_mut_doc_free(request->doc);
	return json != NULL;
}

/* ---- leaving ---- */

/* When something is next to be done by the clock alone. */
static int64_t next_due(const struct lifecycle *self, const struct feed *feed)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < self->universe.count; i++) {
		const struct member *member = &self->universe.members[i];
		int64_t at = member->record.expiry_ns;

		if (member->feed != feed_index(self, feed) || !(member->flags & MEMBER_ACTIVE) || at == 0)
			continue;
		if (member->flags & (MEMBER_RELEASED | MEMBER_PINNED))
			at += ENDED_NS;
		else
			at -= self->options->expiry_buffer_ns;
		next = at < next ? at : next;
	}
	return next;
}

/* The feed does not say so: it is said here, and heard like the rest. */
static void end_overdue(struct lifecycle *self, struct feed *feed, int64_t now)
{
	for (size_t i = 0; i < self->universe.count; i++) {
		const struct member *member = &self->universe.members[i];
		struct fl_instrument record = member->record;
		struct member *ended;

		if (member->feed != feed_index(self, feed) || !(member->flags & MEMBER_ACTIVE) ||
			record.expiry_ns == 0 || record.expiry_ns + ENDED_NS > now)
			continue;
		lifecycle_publish_ended(self, &record, now);
		record.is_active = 0;
		record.head.source = feed->source;
		lifecycle_on_record(self, SUBSCRIPTION_INSTRUMENTS, &record.head);
		ended = universe_find(&self->universe, record.head.instrument);
		if (ended == NULL)
			return;
	}
}

void lifecycle_leave(struct lifecycle *self, struct feed *feed)
{
	int64_t now = fl_now_ns(self->ctx), monotonic = fl_monotonic_ns(self->ctx);
	struct request request;

	if (feed->due_ns == 0)
		feed->due_ns = next_due(self, feed);
	if (feed->due_ns > now || feed->leave_ns > monotonic || !request_init(&request))
		return;
	for (size_t i = 0; i < self->universe.count; i++) {
		const struct member *member = &self->universe.members[i];

		if (member->feed == feed_index(self, feed) &&
			universe_is_due(member, self->options->expiry_buffer_ns, now))
			request_add(&request, member_name(self, member));
	}
	if (request_send(self, feed, &request, ASK_UNSUBSCRIBE, "unsubscribe"))
		feed->leave_ns = monotonic + AGAIN_NS; /* until it is answered */
	feed->due_ns = 0;
	end_overdue(self, feed, now);
}

/* ---- what came of it ---- */

static struct member *find(struct lifecycle *self, const struct feed *feed, yyjson_val *name)
{
	uint32_t instrument;

	if (!yyjson_is_str(name))
		return NULL;
	instrument =
		fl_instrument_id_at(self->ctx, feed->venue, yyjson_get_str(name), yyjson_get_len(name));
	return universe_find(&self->universe, instrument);
}

static const char *removal_reason(
	const struct lifecycle *self, const struct member *member, int64_t now)
{
	if (member->flags & MEMBER_REHEARSED)
		return "rehearsal";
	if (member->flags & MEMBER_EXCLUDED)
		return "manual";
	if (!(member->flags & MEMBER_ACTIVE))
		return member->record.expiry_ns != 0 && member->record.expiry_ns <= now
			? "expiry"
			: "not listed any more";
	return member->record.expiry_ns != 0 &&
			member->record.expiry_ns - self->options->expiry_buffer_ns <= now
		? "expiry_buffer"
		: "left by its feed";
}

static void tell_move(
	struct lifecycle *self, struct feed *feed, struct member *member, enum move move, int last)
{
	int64_t now = fl_now_ns(self->ctx);
	struct event event = { .feed = feed, .member = member, .connection = member->connection };

	switch (move) {
	case MOVE_NONE: return;
	case MOVE_MOVED: feed->moved++; return;
	case MOVE_ADDED:
		event.type = "subscription_added";
		event.reason = member->flags & MEMBER_REHEARSED ? "rehearsal"
			: member->flags & MEMBER_PINNED             ? "manual"
														: "listed";
		break;
	case MOVE_REMOVED:
		event.type = "subscription_removed";
		event.reason = removal_reason(self, member, now);
		if (universe_is_due(member, self->options->expiry_buffer_ns, now))
			member->flags |= MEMBER_RELEASED; /* a look was faster than the answer to leaving */
		event.connection = last;
		break;
	case MOVE_DEFERRED:
		event.type = "subscription_deferred";
		event.reason = "no room on any connection";
		event.connection = -1;
		event.is_failed = true;
		lifecycle_gather(self, GATHER_DEFERRED, member_name(self, member));
		break;
	}
	lifecycle_event(self, &event);
}

static void take_place(struct lifecycle *self, struct feed *feed, struct member *member,
	enum place place, int connection)
{
	int last = member->connection;
	enum move move = universe_place(member, place, connection);

	if (place == PLACE_NONE || place == PLACE_DEFERRED)
		member->connection = -1;
	tell_move(self, feed, member, move, last);
}

void lifecycle_left(struct lifecycle *self, struct feed *feed, int status, const char *json)
{
	yyjson_doc *doc;
	yyjson_val *root, *name, *row;
	size_t i, count;

	if (status >= 400)
		return; /* tried again; a feed that is stopped has nothing to leave */
	doc = yyjson_read(json, strlen(json), 0);
	root = yyjson_doc_get_root(doc);
	yyjson_arr_foreach(yyjson_obj_get(root, "rejected"), i, count, row)
	{
		struct member *member = find(self, feed, yyjson_obj_get(row, "instrument"));

		if (member != NULL) /* it is not followed anyway */
			member->flags |= MEMBER_RELEASED;
	}
	yyjson_arr_foreach(yyjson_obj_get(root, "unsubscribed"), i, count, name)
	{
		struct member *member = find(self, feed, name);

		if (member == NULL)
			continue;
		/* Also of what was followed for a moment only: why it is not is a row, once. */
		if (!(member->flags & MEMBER_RELEASED))
			member->flags |= MEMBER_RELEASED | MEMBER_FOLLOWED;
		lifecycle_gather(self, GATHER_LEFT, member_name(self, member));
		take_place(self, feed, member, PLACE_NONE, -1);
	}
	yyjson_doc_free(doc);
	feed->due_ns = feed->leave_ns = 0;
}

/* Its places are taken over with the next look. */
void lifecycle_followed(struct lifecycle *self, struct feed *feed, int status, const char *json)
{
	(void)status;
	(void)json;
	lifecycle_look_soon(self, feed, FL_SECOND);
}

/* ---- looking ---- */

void lifecycle_look_soon(struct lifecycle *self, struct feed *feed, int64_t in_ns)
{
	int64_t at = fl_monotonic_ns(self->ctx) + in_ns;

	if (feed->poll_ns != 0 && feed->poll_ns <= at)
		return;
	feed->poll_ns = at;
	fl_timer_start(self->ctx, TIMER_LOOK, in_ns, 0); /* a later one is seen by the tick */
}

void lifecycle_look_due(struct lifecycle *self)
{
	int64_t now = fl_monotonic_ns(self->ctx);

	for (size_t i = 0; i < self->feed_count; i++) {
		struct feed *feed = &self->feeds[i];

		if (feed->phase == PHASE_KNOWN && feed->poll_ns != 0 && feed->poll_ns <= now)
			lifecycle_look(self, feed);
	}
}

void lifecycle_look(struct lifecycle *self, struct feed *feed)
{
	feed->poll_ns = 0;
	(void)fl_command(self->ctx, ASK_SUBSCRIPTIONS + (int)feed_index(self, feed), feed->name,
		"subscriptions", NULL, ANSWER_NS);
}

static void forget_flags(struct lifecycle *self, const struct feed *feed)
{
	for (size_t i = 0; i < self->universe.count; i++)
		if (self->universe.members[i].feed == feed_index(self, feed))
			self->universe.members[i].flags &=
				(uint16_t)~(MEMBER_SEEN | MEMBER_PINNED | MEMBER_EXCLUDED);
}

static void take_flags(
	struct lifecycle *self, const struct feed *feed, yyjson_val *names, unsigned flag)
{
	yyjson_val *name;
	size_t i, count;

	yyjson_arr_foreach(names, i, count, name)
	{
		struct member *member = find(self, feed, name);

		if (member != NULL)
			member->flags |= (uint16_t)flag;
	}
}

static void take_names(
	struct lifecycle *self, struct feed *feed, yyjson_val *names, enum place place, int connection)
{
	yyjson_val *name;
	size_t i, count;

	yyjson_arr_foreach(names, i, count, name)
	{
		struct member *member = find(self, feed, name);

		if (member == NULL)
			continue;
		member->flags |= MEMBER_SEEN;
		take_place(self, feed, member, place, connection);
	}
}

static void tell_rebalanced(struct lifecycle *self, struct feed *feed, yyjson_val *connections)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *sizes;
	yyjson_val *row;
	size_t i, count;

	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_uint(doc, root, "moved", feed->moved);
	sizes = yyjson_mut_obj_add_arr(doc, root, "instruments");
	yyjson_arr_foreach(connections, i, count, row)
		yyjson_mut_arr_add_uint(doc, sizes, yyjson_arr_size(yyjson_obj_get(row, "instruments")));
	lifecycle_event(self,
		&(struct event){ .type = "rebalanced",
			.reason = "connections evened out",
			.feed = feed,
			.currency = "",
			.connection = -1,
			.metadata = doc });
	feed->moved = 0;
}

/* What is listed and nowhere, although it should be followed, is asked for. */
static void ask_for_missing(struct lifecycle *self, struct feed *feed)
{
	int64_t now = fl_now_ns(self->ctx);
	struct request request;

	if (!request_init(&request))
		return;
	for (size_t i = 0; i < self->universe.count; i++) {
		const struct member *member = &self->universe.members[i];

		if (member->feed == feed_index(self, feed) && member->place == PLACE_NONE &&
			universe_is_wanted(member, self->options->expiry_buffer_ns, now))
			request_add(&request, member_name(self, member));
	}
	(void)request_send(self, feed, &request, ASK_SUBSCRIBE, "subscribe");
}

/* A refresh also waits until what is gone has been left; else the next look is early enough. */
static bool are_some_on_their_way(const struct lifecycle *self, const struct feed *feed)
{
	for (size_t i = 0; i < self->universe.count; i++) {
		const struct member *member = &self->universe.members[i];

		if (member->feed == feed_index(self, feed) &&
			(member->place == PLACE_PENDING ||
				(feed->step == STEP_SETTLE && !universe_is_settled(member))))
			return true;
	}
	return false;
}

static void take_subscriptions(struct lifecycle *self, struct feed *feed, yyjson_val *root)
{
	yyjson_val *connections = yyjson_obj_get(root, "connections"), *row;
	size_t i, count;

	forget_flags(self, feed);
	take_flags(self, feed, yyjson_obj_get(root, "pinned"), MEMBER_PINNED);
	take_flags(self, feed, yyjson_obj_get(root, "excluded"), MEMBER_EXCLUDED);
	yyjson_arr_foreach(connections, i, count, row)
		take_names(self, feed, yyjson_obj_get(row, "instruments"), PLACE_SUBSCRIBED,
			(int)yyjson_get_int(yyjson_obj_get(row, "connection")));
	take_names(self, feed, yyjson_obj_get(root, "pending"), PLACE_PENDING, -1);
	take_names(self, feed, yyjson_obj_get(root, "deferred"), PLACE_DEFERRED, -1);
	for (i = 0; i < self->universe.count; i++) {
		struct member *member = &self->universe.members[i];

		if (member->feed == feed_index(self, feed) && !(member->flags & MEMBER_SEEN))
			take_place(self, feed, member, PLACE_NONE, -1);
	}
	if (feed->moved > 0)
		tell_rebalanced(self, feed, connections);
}

void lifecycle_looked(struct lifecycle *self, struct feed *feed, int status, const char *json)
{
	yyjson_doc *doc;

	if (status >= 400) {
		lifecycle_settle(self, feed);
		return;
	}
	doc = yyjson_read(json, strlen(json), 0);
	take_subscriptions(self, feed, yyjson_doc_get_root(doc));
	yyjson_doc_free(doc);
	feed->is_placed = true;
	ask_for_missing(self, feed);
	if (are_some_on_their_way(self, feed))
		lifecycle_look_soon(
			self, feed, feed->step == STEP_SETTLE ? FL_SECOND / 4 : PENDING_LOOK_NS);
	lifecycle_settle(self, feed);
}
