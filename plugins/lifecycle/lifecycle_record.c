/* lifecycle_record: what the feeds publish of instruments: listings, expiries. */
#include "lifecycle.h"

#include <stdio.h>
#include <string.h>

#define KNOWN_WITHIN_NS (5 * FL_MINUTE) /* a store that is away longer is not waited for */
#define LOOK_SOON_NS (300 * FL_MS)      /* what comes together is looked at together */

struct feed *lifecycle_feed(struct lifecycle *self, const char *name)
{
	for (size_t i = 0; i < self->feed_count; i++)
		if (strcmp(self->feeds[i].name, name) == 0)
			return &self->feeds[i];
	return NULL;
}

static bool is_ours(const struct lifecycle *self, const char *name)
{
	const struct fl_names *feeds = &self->options->feeds;

	for (size_t i = 0; i < feeds->count; i++)
		if (strcmp(feeds->items[i], name) == 0)
			return true;
	return feeds->count == 0 && strcmp(name, fl_instance_name(self->ctx)) != 0;
}

struct feed *lifecycle_add_feed(struct lifecycle *self, const char *name, uint16_t source)
{
	struct feed *feed;

	if (!is_ours(self, name))
		return NULL;
	if (self->feed_count == FEEDS_MAX) {
		fl_complain(self->ctx, "feeds", "%s is not looked after: %d feeds are all there can be",
			name, FEEDS_MAX);
		return NULL;
	}
	feed = &self->feeds[self->feed_count++];
	*feed = (struct feed){ .source = source,
		.known_by_ns = fl_monotonic_ns(self->ctx) + KNOWN_WITHIN_NS };
	snprintf(feed->name, sizeof(feed->name), "%s", name);
	return feed;
}

static struct feed *feed_of(struct lifecycle *self, uint16_t source)
{
	const char *name = fl_source_name(self->ctx, source);
	struct feed *feed;

	for (size_t i = 0; i < self->feed_count; i++)
		if (self->feeds[i].source == source && source != 0)
			return &self->feeds[i];
	feed = lifecycle_feed(self, name);
	if (feed != NULL)
		feed->source = source;
	else
		feed = lifecycle_add_feed(self, name, source);
	return feed;
}

struct tally *lifecycle_tally(struct feed *feed, const char *currency)
{
	struct tally *tally;

	for (size_t i = 0; i < feed->tally_count; i++)
		if (strcmp(feed->tallies[i].currency, currency) == 0)
			return &feed->tallies[i];
	if (feed->tally_count == CURRENCIES_MAX)
		return &feed->tallies[CURRENCIES_MAX - 1];
	tally = &feed->tallies[feed->tally_count++];
	*tally = (struct tally){ 0 };
	snprintf(tally->currency, sizeof(tally->currency), "%s", currency);
	return tally;
}

static void on_listed(struct lifecycle *self, struct feed *feed, struct member *member)
{
	bool is_rehearsed = (member->flags & MEMBER_REHEARSED) != 0;

	if (feed->phase != PHASE_KNOWN)
		return; /* whether that is news, the store will say */
	member->flags |= MEMBER_TOLD;
	lifecycle_tally(feed, member->record.currency)->fresh++;
	lifecycle_gather(self, GATHER_LISTED, member_name(self, member));
	lifecycle_event(self,
		&(struct event){ .type = "instrument_listed",
			.reason = is_rehearsed ? "rehearsal" : "listed",
			.feed = feed,
			.member = member,
			.connection = -1 });
}

static void on_ended(
	struct lifecycle *self, struct feed *feed, struct member *member, enum change change)
{
	bool is_rehearsed = (member->flags & MEMBER_REHEARSED) != 0;
	bool is_expiry = change == CHANGE_EXPIRED;

	lifecycle_tally(feed, member->record.currency)->expired++;
	lifecycle_gather(self, GATHER_EXPIRED, member_name(self, member));
	lifecycle_event(self,
		&(struct event){ .type = is_expiry ? "instrument_expired" : "instrument_removed",
			.reason = is_rehearsed ? "rehearsal"
				: is_expiry        ? "expiry"
								   : "not listed any more",
			.feed = feed,
			.member = member,
			.connection = member->connection });
}

void lifecycle_on_record(void *state, int subscription, const struct fl_record *record)
{
	const struct fl_instrument *instrument = (const struct fl_instrument *)record;
	struct lifecycle *self = state;
	struct member *member;
	enum change change;
	struct feed *feed;

	(void)subscription;
	if (record->kind != FL_INSTRUMENT || (feed = feed_of(self, record->source)) == NULL)
		return;
	if (feed->venue[0] == '\0')
		snprintf(feed->venue, sizeof(feed->venue), "%s",
			fl_instrument_venue(self->ctx, record->instrument));
	change = universe_take(&self->universe, (uint16_t)feed_index(self, feed), instrument,
		fl_now_ns(self->ctx), &member);
	if (feed->phase == PHASE_LISTING && feed->step == STEP_IDLE)
		lifecycle_refresh(self, feed, "start");
	if (member == NULL)
		return;
	feed->due_ns = 0;
	switch (change) {
	case CHANGE_NONE: return;
	case CHANGE_LISTED: on_listed(self, feed, member); break;
	case CHANGE_EXPIRED:
	case CHANGE_REMOVED: on_ended(self, feed, member, change); break;
	}
	lifecycle_look_soon(self, feed, LOOK_SOON_NS);
}

void lifecycle_publish_ended(
	struct lifecycle *self, const struct fl_instrument *record, int64_t now_ns)
{
	struct fl_instrument ended = *record;

	ended.is_active = 0;
	ended.state = FL_STATE_CLOSED;
	ended.head.event_time_ns = ended.head.received_ns = now_ns;
	fl_publish(self->ctx, &ended.head);
}
