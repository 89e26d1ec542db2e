/*
 * bus.c: publishing. A record goes into the journal, then to the live subscribers, in the order of
 * their subscription. Durable readers are woken by the journal, once a turn.
 */
#include "bus.h"
#include "filter.h"
#include "journal.h"
#include "log.h"
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 8 };

struct subscriber {
	struct link link;
	struct bus *bus;
	struct filter *filter;
	const struct subscriber_owner *owner;
	void *data;
	bool is_gone; /* freed when nobody walks the list */
};

struct bus {
	struct journal *journal;
	struct link subscribers;
	unsigned depth; /* publishes under way, one inside the other */
	bool has_gone;  /* subscribers to be freed */
	uint64_t malformed;
};

int bus_open(struct loop *loop, const struct bus_setup *setup, long *other_pid, struct bus **out)
{
	struct bus *bus = calloc(1, sizeof(*bus));
	int error;

	if (bus == NULL)
		return -ENOMEM;
	list_init(&bus->subscribers);
	error = journal_open(loop, setup, other_pid, &bus->journal);
	if (error < 0) {
		free(bus);
		return error;
	}
	*out = bus;
	return 0;
}

struct since *bus_since(struct bus *bus)
{
	return bus->journal->since;
}

void bus_watch_room(struct bus *bus, void (*on_room)(void *data, bool has_room), void *data)
{
	bus->journal->on_room = on_room;
	bus->journal->room_data = data;
}

static void free_subscriber(struct subscriber *subscriber)
{
	list_remove(&subscriber->link);
	filter_destroy(subscriber->filter);
	free(subscriber);
}

static void sweep(struct bus *bus, bool all)
{
	struct link *at, *following;

	bus->has_gone = false;
	list_each (at, following, &bus->subscribers) {
		struct subscriber *subscriber = container_of(at, struct subscriber, link);

		if (all || subscriber->is_gone)
			free_subscriber(subscriber);
	}
}

void bus_close(struct bus *bus)
{
	if (bus == NULL)
		return;
	sweep(bus, true);
	journal_close(bus->journal);
	free(bus);
}

void bus_configure(struct bus *bus, int64_t max_bytes, int64_t sync_ns, int64_t keep_ns)
{
	journal_configure(bus->journal, max_bytes, sync_ns, keep_ns);
}

struct dictionary *bus_dictionary(struct bus *bus)
{
	return bus->journal->dictionary;
}

struct journal *bus_journal(struct bus *bus)
{
	return bus->journal;
}

static void tell_subscribers(struct bus *bus, const struct fl_record *record)
{
	/* Who subscribes meanwhile is at the end, and gets this one too only if it is behind the last.
	 */
	const struct link *last = bus->subscribers.prev;
	struct link *at = &bus->subscribers;

	while (at != last) {
		struct subscriber *subscriber;

		at = at->next;
		subscriber = container_of(at, struct subscriber, link);
		if (!subscriber->is_gone && filter_takes(subscriber->filter, record))
			subscriber->owner->on_record(subscriber->data, record);
	}
}

int bus_publish(struct bus *bus, uint16_t source, struct fl_record *record)
{
	int error;

	record->source = source;
	if (!record_is_valid(record)) {
		bus->malformed++;
		return -EINVAL;
	}
	error = journal_append(bus->journal, record);
	/* Also when the journal could not take it: who lives on the moment is not to miss it. */
	if (list_is_empty(&bus->subscribers) || bus->depth >= DEPTH_MAX)
		return error;
	bus->depth++;
	tell_subscribers(bus, record);
	bus->depth--;
	if (bus->depth == 0 && bus->has_gone)
		sweep(bus, false);
	return error;
}

void bus_hurry(struct bus *bus)
{
	bus->journal->is_hurried = true;
	journal_wake(bus->journal);
}

int64_t bus_last_event_ns(const struct bus *bus, uint16_t source)
{
	return source < JOURNAL_SOURCE_MAX ? bus->journal->last_event_ns[source] : 0;
}

const struct fl_gap *bus_open_gaps(const struct bus *bus, size_t *count)
{
	*count = bus->journal->open_gaps.count;
	return bus->journal->open_gaps.items;
}

int bus_last_trade(
	const struct bus *bus, uint16_t source, uint32_t instrument, struct fl_last_trade *out)
{
	return last_trades_find(bus->journal->trades, source, instrument, out);
}

int bus_subscribe(struct bus *bus, const char *patterns, const struct subscriber_owner *owner,
	void *data, struct subscriber **out)
{
	struct subscriber *subscriber = calloc(1, sizeof(*subscriber));
	int error;

	if (subscriber == NULL)
		return -ENOMEM;
	subscriber->bus = bus;
	subscriber->owner = owner;
	subscriber->data = data;
	error = filter_create(patterns, bus->journal->dictionary, &subscriber->filter);
	if (error < 0) {
		free(subscriber);
		return error;
	}
	list_append(&bus->subscribers, &subscriber->link);
	*out = subscriber;
	return 0;
}

void bus_unsubscribe(struct subscriber *subscriber)
{
	if (subscriber == NULL)
		return;
	if (subscriber->bus->depth == 0) {
		free_subscriber(subscriber);
		return;
	}
	subscriber->is_gone = true;
	subscriber->bus->has_gone = true;
}

void bus_status(const struct bus *bus, struct bus_status *out)
{
	const struct journal *journal = bus->journal;

	*out = (struct bus_status){
		.state = journal->state,
		.reason = journal->reason,
		.bytes = journal->bytes,
		.max_bytes = journal->max_bytes,
		.bytes_per_second = (int64_t)journal->bytes_per_second,
		.oldest_ns = container_of(journal->segments.next, struct segment, link)->created_ns,
		.segments = journal->segment_count,
		.journal_id = journal->id,
		.generation = journal->generation,
		.last_number = journal->last_number,
		.synced_number = journal->synced_number,
		.malformed = bus->malformed,
		.holds = journal->holds,
	};
	memcpy(out->published, journal->published, sizeof(out->published));
	memcpy(out->lost, journal->lost, sizeof(out->lost));
}

void bus_position(const struct bus *bus, struct fl_position *out)
{
	const struct journal *journal = bus->journal;

	*out = (struct fl_position){ journal->id, journal->generation, journal->last_number };
}
