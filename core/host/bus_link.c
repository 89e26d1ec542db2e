#include "bus_link.h"

#include "clock.h"
#include "cursor.h"
#include "gap.h"
#include "host.h"
#include "instance_parts.h"
#include "kept.h"
#include "log.h"
#include "mute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint16_t bus_link_source(struct fl_ctx *ctx)
{
	struct dictionary *dictionary;
	const char *venue = ctx->plugin->venue;

	if (ctx->host->parts.bus == NULL)
		return 0;
	dictionary = bus_dictionary(ctx->host->parts.bus);
	if (venue == NULL || *venue == '\0')
		venue = ctx->plugin->name;
	ctx->venue = dictionary_venue(dictionary, venue);
	return dictionary_source(dictionary, ctx->name, venue);
}

int bus_link_publish(struct fl_ctx *ctx, struct fl_record *record)
{
	return ctx->host->parts.bus == NULL ? 0
										: bus_publish(ctx->host->parts.bus, ctx->source, record);
}

/* The record is the caller's to change, and aligned as one. */
static int run_publish(struct fl_ctx *ctx, const struct kept_call *call)
{
	return fl_publish(ctx, (struct fl_record *)(uintptr_t)call->data);
}

int fl_publish(struct fl_ctx *ctx, struct fl_record *record)
{
	if (kept_is_on(ctx))
		return kept_add(ctx,
			&(struct kept_call){ .run = run_publish, .data = record, .length = record->length });
	instance_conn_published(ctx, record);
	if (record->kind == FL_INSTRUMENT && ((struct fl_instrument *)(void *)record)->is_active == 0)
		mute_forget(ctx, record->instrument);
	return bus_link_publish(ctx, record);
}

/* ---- names ---- */

static struct dictionary *names(const struct fl_ctx *ctx)
{
	return bus_dictionary(ctx->host->parts.bus);
}

uint32_t fl_instrument_id(struct fl_ctx *ctx, const char *name, size_t length)
{
	return ctx->host->parts.bus == NULL
		? 0
		: dictionary_instrument(names(ctx), ctx->venue, name, length);
}

uint32_t fl_instrument_expect(struct fl_ctx *ctx, const char *name, size_t length)
{
	uint32_t id =
		ctx->host->parts.bus == NULL ? 0 : dictionary_expect(names(ctx), ctx->venue, name, length);

	mute_expect(ctx, id);
	return id;
}

uint32_t fl_instrument_id_at(struct fl_ctx *ctx, const char *venue, const char *name, size_t length)
{
	if (ctx->host->parts.bus == NULL)
		return 0;
	return dictionary_instrument(names(ctx), dictionary_venue(names(ctx), venue), name, length);
}

const char *fl_instrument_name(const struct fl_ctx *ctx, uint32_t instrument)
{
	return ctx->host->parts.bus == NULL ? "" : dictionary_instrument_name(names(ctx), instrument);
}

const char *fl_instrument_venue(const struct fl_ctx *ctx, uint32_t instrument)
{
	return ctx->host->parts.bus == NULL ? "" : dictionary_instrument_venue(names(ctx), instrument);
}

const char *fl_source_name(const struct fl_ctx *ctx, uint16_t source)
{
	return ctx->host->parts.bus == NULL ? "" : dictionary_source_name(names(ctx), source);
}

int fl_last_trade(const struct fl_ctx *ctx, uint32_t instrument, struct fl_last_trade *out)
{
	return ctx->host->parts.bus == NULL
		? -ENOENT
		: bus_last_trade(ctx->host->parts.bus, ctx->source, instrument, out);
}

/* ---- streams of sinks ---- */

struct instance_stream *instance_stream_find(const struct fl_ctx *ctx, const char *name)
{
	return map_get(ctx->streams, name, strlen(name));
}

/* Until code that is about to be swapped has gone, or stays. */
static const int64_t SWAP_DELAY_NS = 2 * FL_MS;

static void on_batch(void *data, struct cursor *cursor, const struct fl_batch *batch)
{
	struct instance_stream *stream = data;
	char name[sizeof(stream->name)];

	/* The plugin may close the stream, and still go by its name. */
	memcpy(name, stream->name, sizeof(name));
	if (!instance_on_batch(stream->owner, name, batch))
		cursor_retry(cursor, stream->owner->is_waiting ? SWAP_DELAY_NS : FL_SECOND);
}

/* The histogram of the feed that received a record. */
static struct fl_metric *latency_of(void *data, uint16_t source)
{
	const struct instance_stream *stream = data;
	struct link *item, *following;

	list_each (item, following, &stream->owner->host->instances) {
		const struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->source == source)
			return ctx->latency;
	}
	return NULL;
}

static const struct cursor_owner cursor_owner = { .on_batch = on_batch };

static struct instance_stream *add_stream(struct fl_ctx *ctx, const char *name)
{
	struct instance_stream *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		return NULL;
	entry->owner = ctx;
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	if (map_set(ctx->streams, entry->name, strlen(entry->name), entry) == 0)
		return entry;
	free(entry);
	return NULL;
}

void bus_link_begin(struct fl_ctx *ctx)
{
	struct fl_position newest;

	if (ctx->role != FL_SINK || ctx->host->parts.bus == NULL)
		return;
	bus_position(ctx->host->parts.bus, &newest);
	ctx->known_number = newest.number;
	ctx->known_ns = clock_real_ns(ctx->host->parts.loop);
}

static void note_known(struct instance_stream *entry)
{
	struct fl_ctx *ctx = entry->owner;
	struct cursor_status status;

	cursor_status(entry->cursor, &status);
	ctx->known_number = status.position.number;
	ctx->known_ns = status.oldest_received_ns > 0 ? status.oldest_received_ns
												  : clock_real_ns(ctx->host->parts.loop);
}

static void forget_stream(struct instance_stream *entry)
{
	map_remove(entry->owner->streams, entry->name, strlen(entry->name));
	free(entry);
}

/* A store whose cursor is of another journal has missed what lies between: said for every feed. */
static void publish_replaced(struct fl_ctx *sink)
{
	struct host *host = sink->host;
	struct link *item, *following;
	int64_t now_ns = clock_real_ns(host->parts.loop);

	log_warn(sink->name,
		"its cursor is of another journal: it goes on at this journal's oldest record; what lies between "
		"is a row of stream_gaps");
	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->role == FL_FEED)
			gap_feed(ctx, "journal_replaced", now_ns, now_ns, sink->name);
	}
}

static int run_stream(struct fl_ctx *ctx, const struct kept_call *call)
{
	struct fl_stream how;

	memcpy(&how, call->data, sizeof(how));
	how.filter.patterns = call->texts[1];
	return fl_stream_open(ctx, call->texts[0], &how);
}

int fl_stream_open(struct fl_ctx *ctx, const char *stream, const struct fl_stream *how)
{
	struct instance_stream *entry = instance_stream_find(ctx, stream);
	bool is_new = entry == NULL;
	struct cursor_setup setup = {
		.sink = ctx->name, .stream = stream, .how = how, .owner = &cursor_owner
	};
	int result;

	if (ctx->phase != INSTANCE_RUNNING || ctx->host->parts.bus == NULL)
		return -ECANCELED;
	if (kept_is_on(ctx))
		return kept_add(ctx,
			&(struct kept_call){ .run = run_stream,
				.data = how,
				.length = sizeof(*how),
				.texts = (const char *const[]){ stream, how->filter.patterns },
				.text_count = 2 });
	if (is_new)
		entry = add_stream(ctx, stream);
	if (entry == NULL)
		return -ENOMEM;
	entry->life = ctx->life;
	setup.data = entry;
	setup.latency = latency_of;
	result = cursor_open(ctx->host->parts.bus, &setup, &entry->cursor);
	if (result < 0 && is_new)
		forget_stream(entry); /* one that was open before goes on as it was */
	else if (result == 1 && how->position.journal_id != 0)
		publish_replaced(ctx);
	return result;
}

static int run_ack(struct fl_ctx *ctx, const struct kept_call *call)
{
	struct fl_position position;

	memcpy(&position, call->data, sizeof(position));
	fl_ack(ctx, call->texts[0], &position);
	return 0;
}

void fl_ack(struct fl_ctx *ctx, const char *stream, const struct fl_position *position)
{
	struct instance_stream *entry = instance_stream_find(ctx, stream);

	if (kept_is_on(ctx))
		(void)kept_add(ctx,
			&(struct kept_call){ .run = run_ack,
				.data = position,
				.length = sizeof(*position),
				.texts = &stream,
				.text_count = 1 });
	else if (entry != NULL)
		cursor_ack(entry->cursor, position);
}

static int run_retry(struct fl_ctx *ctx, const struct kept_call *call)
{
	fl_retry(ctx, call->texts[0], call->x);
	return 0;
}

void fl_retry(struct fl_ctx *ctx, const char *stream, int64_t delay_ns)
{
	struct instance_stream *entry = instance_stream_find(ctx, stream);

	if (kept_is_on(ctx))
		(void)kept_add(ctx,
			&(struct kept_call){
				.run = run_retry, .x = delay_ns, .texts = &stream, .text_count = 1 });
	else if (entry != NULL)
		cursor_retry(entry->cursor, delay_ns);
}

static int run_stream_close(struct fl_ctx *ctx, const struct kept_call *call)
{
	fl_stream_close(ctx, call->texts[0]);
	return 0;
}

void fl_stream_close(struct fl_ctx *ctx, const char *stream)
{
	struct instance_stream *entry = instance_stream_find(ctx, stream);

	if (kept_is_on(ctx)) {
		(void)kept_add(
			ctx, &(struct kept_call){ .run = run_stream_close, .texts = &stream, .text_count = 1 });
		return;
	}
	if (entry == NULL)
		return;
	note_known(entry);
	cursor_close(entry->cursor);
	forget_stream(entry);
}

void instance_streams_sweep(struct fl_ctx *ctx)
{
	struct instance_stream *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->streams, &at, NULL, NULL)) != NULL)
		if (entry->life != ctx->life) {
			cursor_close(entry->cursor);
			forget_stream(entry);
		}
}

bool instance_streams_are_idle(const struct fl_ctx *ctx)
{
	struct instance_stream *entry;
	struct cursor_status status;
	size_t at = 0;

	while ((entry = map_next(ctx->streams, &at, NULL, NULL)) != NULL) {
		cursor_status(entry->cursor, &status);
		if (status.is_in_flight)
			return false;
	}
	return true;
}

void instance_streams_close(struct fl_ctx *ctx)
{
	struct instance_stream *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->streams, &at, NULL, NULL)) != NULL) {
		cursor_close(entry->cursor);
		forget_stream(entry);
	}
}

/* ---- live subscribers ---- */

static void on_record(void *data, const struct fl_record *record)
{
	struct instance_subscription *entry = data;

	instance_on_record(entry->owner, entry->number, record);
}

static const struct subscriber_owner subscriber_owner = { .on_record = on_record };

static int run_subscribe(struct fl_ctx *ctx, const struct kept_call *call)
{
	return fl_subscribe(ctx, call->number, &(struct fl_filter){ call->texts[0] });
}

int fl_subscribe(struct fl_ctx *ctx, int number, const struct fl_filter *filter)
{
	struct instance_subscription *entry;
	int result;

	if (kept_is_on(ctx))
		return kept_add(ctx,
			&(struct kept_call){ .run = run_subscribe,
				.number = number,
				.texts = (const char *const[]){ filter == NULL ? NULL : filter->patterns },
				.text_count = 1 });
	fl_unsubscribe(ctx, number);
	if (ctx->phase != INSTANCE_RUNNING || ctx->host->parts.bus == NULL)
		return -ECANCELED;
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return -ENOMEM;
	*entry = (struct instance_subscription){ .owner = ctx, .number = number, .life = ctx->life };
	result = map_set_number(ctx->subscriptions, (uint64_t)number, entry);
	if (result < 0)
		goto free_entry;
	result = bus_subscribe(ctx->host->parts.bus, filter == NULL ? NULL : filter->patterns,
		&subscriber_owner, entry, &entry->subscriber);
	if (result == 0)
		return 0;
	map_remove_number(ctx->subscriptions, (uint64_t)number);
free_entry:
	free(entry);
	return result;
}

static int run_unsubscribe(struct fl_ctx *ctx, const struct kept_call *call)
{
	fl_unsubscribe(ctx, call->number);
	return 0;
}

void fl_unsubscribe(struct fl_ctx *ctx, int number)
{
	struct instance_subscription *entry;

	if (kept_is_on(ctx)) {
		(void)kept_add(ctx, &(struct kept_call){ .run = run_unsubscribe, .number = number });
		return;
	}
	entry = map_remove_number(ctx->subscriptions, (uint64_t)number);
	if (entry == NULL)
		return;
	bus_unsubscribe(entry->subscriber);
	free(entry);
}

void instance_subscriptions_sweep(struct fl_ctx *ctx)
{
	struct instance_subscription *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->subscriptions, &at, NULL, NULL)) != NULL)
		if (entry->life != ctx->life)
			fl_unsubscribe(ctx, entry->number);
}

void instance_subscriptions_close(struct fl_ctx *ctx)
{
	struct instance_subscription *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->subscriptions, &at, NULL, NULL)) != NULL)
		fl_unsubscribe(ctx, entry->number);
}
