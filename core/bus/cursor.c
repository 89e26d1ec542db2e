/*
 * cursor.c: a cursor's life, and its rule: a batch goes as soon as the store is idle and, unless it
 * is full, the commit floor has passed since its last commit. It never waits for more.
 */
#include "cursor.h"
#include "clock.h"
#include "log.h"
#include "reader.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BATCH_ROWS = 10000,
	BATCH_ROWS_MAX = 1000000,
	FLUSH_ROWS = 50,
	GIVE_BACK_BYTES = 256 * 1024
};
#define COMMIT_FLOOR_NS (5 * FL_MS)
#define FLUSH_INTERVAL_NS FL_SECOND
/* A floor up to here is a matter of latency; a longer one somebody has set to spare a disk. */
#define SHORT_FLOOR_NS (20 * FL_MS)

struct expectation {
	struct link link;
	char sink[64];
};

/* -- when ----------------------------------------------------------------------------- */

static bool has_something(const struct cursor *cursor)
{
	return !cursor->at.is_broken && (cursor->until == 0 || cursor->at.number < cursor->until) &&
		(cursor->at.segment != cursor->journal->current ||
			cursor->at.offset < cursor->at.segment->end);
}

static void note_waiting(struct cursor *cursor)
{
	if (cursor->waiting_since_ns != 0)
		return;
	cursor->waiting_since_ns = clock_monotonic_ns(cursor->journal->loop);
	cursor->waiting_received_ns = clock_real_ns(cursor->journal->loop);
}

/* How long until the next batch may go; 0: now. */
static int64_t wait_ns(const struct cursor *cursor, int64_t now_ns)
{
	int64_t floor_ns = cursor->last_commit_ns + cursor->commit_floor_ns - now_ns;
	int64_t retry_ns = cursor->not_before_ns - now_ns;

	if (retry_ns > 0)
		return retry_ns;
	if (floor_ns <= 0 || cursor->last_commit_ns == 0 || cursor->journal->is_hurried)
		return 0;
	/* A floor makes batches fuller: one that is full gains nothing by it. */
	if (cursor->journal->last_number - cursor->at.number >= cursor->batch_rows)
		return 0;
	if (cursor->commit_floor_ns > SHORT_FLOOR_NS) {
		int64_t flush_ns = cursor->waiting_since_ns + cursor->flush_interval_ns - now_ns;

		if (cursor->journal->last_number - cursor->at.number >= cursor->flush_rows)
			return 0;
		if (flush_ns < floor_ns)
			floor_ns = flush_ns;
	}
	return floor_ns > 0 ? floor_ns : 0;
}

/* Whether a batch is in flight, and the next one, full as well, is not wholly in the window. */
static bool is_window_short(const struct cursor *cursor)
{
	int64_t end = cursor->window_from + (int64_t)cursor->window_length;

	return cursor->is_in_flight && end < cursor_limit(cursor) &&
		cursor->journal->last_number - cursor->after.number >= cursor->batch_rows &&
		end - cursor->after.offset < (int64_t)cursor->batch.length;
}

static void deliver(struct cursor *cursor)
{
	int64_t page = (int64_t)file_page_bytes();
	struct segment *segment = cursor->after.segment;
	int64_t behind = cursor->after.offset / page * page - cursor->window_from;

	cursor->is_in_flight = true;
	timer_stop(cursor->timer);
	cursor->owner->on_batch(cursor->data, cursor, &cursor->batch);
	/* The batch is over: its pages need not stay. A batch that is repeated reads them again. */
	if (cursor->window_segment != segment || behind > (int64_t)cursor->window_length)
		return;
	if (is_window_short(cursor)) /* moved on meanwhile, so that nobody waits for it then */
		cursor_map(cursor, cursor->after.offset);
	else if (behind > GIVE_BACK_BYTES)
		file_give_back(cursor->window, (size_t)behind);
}

void cursor_due(struct cursor *cursor)
{
	int64_t wait;

	if (cursor->is_closed || cursor->is_gone || cursor->is_in_flight || cursor->job != NULL)
		return;
	if (cursor->at.offset == 0 && !cursor->at.segment->is_retired) {
		if (cursor->not_before_ns <= clock_monotonic_ns(cursor->journal->loop))
			cursor_search(cursor); /* else the tick comes by */
		return;
	}
	cursor_step(cursor);
	if (!has_something(cursor)) {
		cursor->waiting_since_ns = 0;
		return;
	}
	note_waiting(cursor);
	wait = wait_ns(cursor, clock_monotonic_ns(cursor->journal->loop));
	if (wait > 0) {
		timer_start(cursor->timer, wait, 0);
		return;
	}
	if (!cursor_sees(cursor)) {
		cursor_map(cursor, cursor->at.offset);
		return;
	}
	switch (cursor_make_batch(cursor)) {
	case MADE_BATCH: deliver(cursor); break;
	case MADE_NOTHING: journal_wake(cursor->journal); break;
	case MADE_DAMAGE:
		log_warn("journal",
			"%s/%s: damaged behind record %" PRIu64 ", at byte %" PRId64
			" of its segment: the rest of the segment is passed by; run: feedloom "
			"journal verify",
			cursor->sink, cursor->stream, cursor->at.number, cursor->at.offset);
		cursor_skip_rest(cursor);
		journal_wake(cursor->journal);
		break;
	}
}

static void on_timer(void *data)
{
	struct cursor *cursor = data;

	journal_wake(cursor->journal); /* at the end of this turn, with what else it brings */
}

/* -- the answers ---------------------------------------------------------------------- */

static void move_on(struct cursor *cursor)
{
	struct segment *segment = cursor->at.segment;

	cursor->at = cursor->after;
	memset(&cursor->after, 0, sizeof(cursor->after));
	segment_release(segment);
	memset(cursor->pending_dropped, 0, sizeof(cursor->pending_dropped));
	memset(cursor->pending_filtered, 0, sizeof(cursor->pending_filtered));
	cursor->pending_skipped = 0;
	memcpy(cursor->settled, cursor->at.passed, sizeof(cursor->settled));
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		cursor->consumed[kind] += cursor->taken[kind] + cursor->batch.dropped[kind];
		cursor->dropped[kind] += cursor->batch.dropped[kind];
		cursor->filtered[kind] += cursor->batch.filtered[kind];
	}
}

void cursor_ack(struct cursor *cursor, const struct fl_position *position)
{
	const struct fl_position *to = &cursor->batch.to;

	if (!cursor->is_in_flight || position->journal_id != to->journal_id ||
		position->generation != to->generation || position->number != to->number) {
		log_warn("journal", "%s/%s: acknowledged record %" PRIu64 ", which ends no batch; ignored",
			cursor->sink, cursor->stream, position->number);
		return;
	}
	cursor->is_in_flight = false;
	cursor->position = *position;
	cursor->batches++;
	cursor->records += cursor->batch.count;
	cursor_observe(cursor);
	move_on(cursor);
	cursor->last_commit_ns = clock_monotonic_ns(cursor->journal->loop);
	cursor->waiting_since_ns = 0;
	if (has_something(cursor)) {
		note_waiting(cursor);
		/* The next one came after the last one we have seen. */
		cursor->waiting_received_ns = cursor->newest_received_ns;
	}
	journal_wake(cursor->journal);
}

void cursor_retry(struct cursor *cursor, int64_t delay_ns)
{
	if (!cursor->is_in_flight)
		return;
	cursor->is_in_flight = false;
	if (cursor->batch.count > 0)
		cursor->waiting_received_ns = cursor->batch.oldest_received_ns;
	place_clear(&cursor->after);
	cursor->not_before_ns =
		clock_monotonic_ns(cursor->journal->loop) + (delay_ns > 0 ? delay_ns : 0);
	journal_wake(cursor->journal);
}

/* -- open and close ------------------------------------------------------------------- */

static struct cursor *find(
	const struct journal *journal, const char *sink, const char *stream, bool is_closed)
{
	for (struct link *at = journal->cursors.next; at != &journal->cursors; at = at->next) {
		struct cursor *cursor = container_of(at, struct cursor, link);

		if (!cursor->is_gone && cursor->is_closed == is_closed && strcmp(cursor->sink, sink) == 0 &&
			(stream == NULL || strcmp(cursor->stream, stream) == 0))
			return cursor;
	}
	return NULL;
}

struct cursor *cursor_find(struct bus *bus, const char *sink, const char *stream)
{
	return find(bus_journal(bus), sink, stream, false);
}

static void destroy(struct cursor *cursor)
{
	list_remove(&cursor->link);
	if (cursor->job != NULL)
		cursor->job->cursor = NULL; /* it finds nobody and cleans up */
	cursor_drop_window(cursor);
	place_clear(&cursor->at);
	place_clear(&cursor->after);
	timer_destroy(cursor->timer);
	filter_destroy(cursor->filter);
	free(cursor->received);
	free(cursor);
}

static void let_go(struct cursor *cursor)
{
	cursor->is_gone = true;
	if (cursor->journal->cursor_depth == 0)
		destroy(cursor);
	else
		timer_stop(cursor->timer);
}

static void apply(struct cursor *cursor, const struct cursor_setup *setup, struct filter *filter)
{
	const struct fl_stream *how = setup->how;

	cursor->owner = setup->owner;
	cursor->data = setup->data;
	cursor->latency = setup->latency;
	filter_destroy(cursor->filter);
	cursor->filter = filter;
	cursor->batch_rows = how->batch_rows > 0 ? how->batch_rows : BATCH_ROWS;
	if (cursor->batch_rows > BATCH_ROWS_MAX)
		cursor->batch_rows = BATCH_ROWS_MAX;
	cursor->until = how->until;
	cursor->flush_rows = how->flush_rows > 0 ? how->flush_rows : FLUSH_ROWS;
	cursor->commit_floor_ns = how->commit_floor_ns > 0 ? how->commit_floor_ns : COMMIT_FLOOR_NS;
	cursor->flush_interval_ns =
		how->flush_interval_ns > 0 ? how->flush_interval_ns : FLUSH_INTERVAL_NS;
}

static struct cursor *create(struct journal *journal, const struct cursor_setup *setup)
{
	struct cursor *cursor = calloc(1, sizeof(*cursor));

	if (cursor == NULL)
		return NULL;
	cursor->timer = timer_create(journal->loop, on_timer, cursor);
	if (cursor->timer == NULL) {
		free(cursor);
		return NULL;
	}
	cursor->journal = journal;
	(void)snprintf(cursor->sink, sizeof(cursor->sink), "%s", setup->sink);
	(void)snprintf(cursor->stream, sizeof(cursor->stream), "%s", setup->stream);
	list_append(&journal->cursors, &cursor->link);
	return cursor;
}

static bool is_good_stream(const char *name)
{
	size_t length =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	return length > 0 && length < sizeof(((struct cursor *)NULL)->stream) && name[length] == '\0';
}

static bool is_same(const struct fl_position *left, const struct fl_position *right)
{
	return left->journal_id == right->journal_id && left->generation == right->generation &&
		left->number == right->number;
}

/* In place: whoever holds the cursor goes on holding it. */
static int start_over(struct cursor *cursor, const struct fl_stream *how)
{
	int answer;

	cursor->is_in_flight = false;
	place_clear(&cursor->after);
	cursor->not_before_ns = 0;
	cursor->waiting_since_ns = 0;
	memcpy(cursor->consumed, how->consumed, sizeof(cursor->consumed));
	answer = cursor_locate(cursor, &how->position);
	cursor->newest_received_ns = cursor->at.segment->created_ns;
	return answer;
}

int cursor_open(struct bus *bus, const struct cursor_setup *setup, struct cursor **out)
{
	struct journal *journal = bus_journal(bus);
	struct cursor *cursor, *ghost;
	struct filter *filter;
	int error;

	if (!is_good_stream(setup->stream) || setup->sink[0] == '\0' ||
		strlen(setup->sink) >= sizeof(cursor->sink))
		return -EINVAL;
	error = filter_create(setup->how->filter.patterns, journal->dictionary, &filter);
	if (error < 0)
		return error;
	cursor = find(journal, setup->sink, setup->stream, false);
	if (cursor != NULL && is_same(&cursor->position, &setup->how->position)) {
		apply(cursor, setup, filter);
		journal_wake(journal);
		*out = cursor;
		return 0;
	}
	if (cursor == NULL)
		cursor = create(journal, setup);
	if (cursor == NULL) {
		filter_destroy(filter);
		return -ENOMEM;
	}
	ghost = find(journal, setup->sink, setup->stream, true);
	apply(cursor, setup, filter);
	error = start_over(cursor, setup->how);
	if (ghost != NULL)
		let_go(ghost);
	journal_wake(journal);
	*out = cursor;
	return error;
}

static bool is_expected(const struct journal *journal, const char *sink)
{
	for (struct link *at = journal->expected.next; at != &journal->expected; at = at->next)
		if (strcmp(container_of(at, struct expectation, link)->sink, sink) == 0)
			return true;
	return false;
}

void cursor_close(struct cursor *cursor)
{
	if (cursor == NULL)
		return;
	timer_stop(cursor->timer);
	cursor->is_in_flight = false;
	place_clear(&cursor->after);
	if (is_expected(cursor->journal, cursor->sink))
		cursor->is_closed = true; /* its window stays until it is gone: it may be in a walk */
	else
		let_go(cursor);
}

int bus_expect(struct bus *bus, const char *sink, bool expect)
{
	struct journal *journal = bus_journal(bus);
	struct link *at, *following;
	struct expectation *expectation;

	if (strlen(sink) >= sizeof(expectation->sink))
		return -EINVAL;
	if (expect) {
		if (is_expected(journal, sink))
			return 0;
		expectation = calloc(1, sizeof(*expectation));
		if (expectation == NULL)
			return -ENOMEM;
		(void)snprintf(expectation->sink, sizeof(expectation->sink), "%s", sink);
		list_append(&journal->expected, &expectation->link);
		return 0;
	}
	list_each (at, following, &journal->expected) {
		expectation = container_of(at, struct expectation, link);
		if (strcmp(expectation->sink, sink) != 0)
			continue;
		list_remove(at);
		free(expectation);
	}
	for (struct cursor *ghost; (ghost = find(journal, sink, NULL, true)) != NULL;)
		let_go(ghost);
	return 0;
}

/* -- for the journal ------------------------------------------------------------------ */

static void sweep(struct journal *journal)
{
	struct link *at, *following;

	if (journal->cursor_depth > 0)
		return;
	list_each (at, following, &journal->cursors) {
		struct cursor *cursor = container_of(at, struct cursor, link);

		if (cursor->is_gone)
			destroy(cursor);
		else if (cursor->is_closed)
			cursor_drop_window(cursor);
	}
}

void cursors_run(struct journal *journal)
{
	journal->cursor_depth++;
	for (struct link *at = journal->cursors.next; at != &journal->cursors; at = at->next)
		cursor_due(container_of(at, struct cursor, link));
	journal->cursor_depth--;
	sweep(journal);
}

bool cursors_have_passed(const struct journal *journal, const struct segment *segment)
{
	for (struct link *at = journal->expected.next; at != &journal->expected; at = at->next) {
		const struct expectation *expectation = container_of(at, struct expectation, link);

		if (find(journal, expectation->sink, NULL, false) == NULL)
			return false;
	}
	for (struct link *at = journal->cursors.next; at != &journal->cursors; at = at->next) {
		const struct cursor *cursor = container_of(at, struct cursor, link);

		if (!cursor->is_gone && !cursor->at.segment->is_retired &&
			cursor->at.segment->first <= segment->first &&
			cursor->at.segment->generation <= segment->generation)
			return false;
	}
	return true;
}

void cursors_leave(struct journal *journal, struct segment *segment)
{
	journal->cursor_depth++;
	for (struct link *at = journal->cursors.next; at != &journal->cursors; at = at->next) {
		struct cursor *cursor = container_of(at, struct cursor, link);

		/* One that has a batch out, or a worker at work, steps over when that is back. */
		if (!cursor->is_gone && cursor->at.segment == segment && !cursor->is_in_flight &&
			cursor->job == NULL)
			cursor_leave(cursor);
	}
	journal->cursor_depth--;
}

void cursors_report(struct journal *journal)
{
	char text[256];

	journal->cursor_depth++;
	for (struct link *at = journal->cursors.next; at != &journal->cursors; at = at->next) {
		struct cursor *cursor = container_of(at, struct cursor, link);
		const char *why = cursor->unreported_why;
		uint64_t lost[FL_KIND_COUNT];

		if (why == NULL || cursor->is_gone)
			continue;
		memcpy(lost, cursor->unreported, sizeof(lost));
		memset(cursor->unreported, 0, sizeof(cursor->unreported));
		cursor->unreported_why = NULL;
		log_warn("journal", "%s/%s: dropped before it had them: %s (the journal is %s)",
			cursor->sink, cursor->stream, counts_text(lost, text, sizeof(text)), why);
		if (journal->owner != NULL && journal->owner->on_lost != NULL)
			journal->owner->on_lost(journal->data, cursor->sink, cursor->stream, why, lost);
	}
	journal->cursor_depth--;
	sweep(journal);
}

void cursors_close(struct journal *journal)
{
	struct link *at, *following;

	list_each (at, following, &journal->cursors)
		destroy(container_of(at, struct cursor, link));
	list_each (at, following, &journal->expected) {
		list_remove(at);
		free(container_of(at, struct expectation, link));
	}
}

/* -- how it stands -------------------------------------------------------------------- */

const char *cursor_sink(const struct cursor *cursor)
{
	return cursor->sink;
}

const char *cursor_stream(const struct cursor *cursor)
{
	return cursor->stream;
}

void cursor_status(const struct cursor *cursor, struct cursor_status *out)
{
	const struct journal *journal = cursor->journal;

	*out = (struct cursor_status){ .position = cursor->position,
		.is_in_flight = cursor->is_in_flight,
		.waiting_records = journal->last_number - cursor->at.number,
		.batches = cursor->batches,
		.records = cursor->records };
	if (cursor->is_in_flight && cursor->batch.count > 0)
		out->oldest_received_ns = cursor->batch.oldest_received_ns;
	else if (cursor->waiting_since_ns != 0)
		out->oldest_received_ns = cursor->waiting_received_ns;
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		if (journal->published[kind] > cursor->settled[kind])
			out->waiting[kind] = journal->published[kind] - cursor->settled[kind];
	memcpy(out->consumed, cursor->consumed, sizeof(out->consumed));
	memcpy(out->dropped, cursor->dropped, sizeof(out->dropped));
	memcpy(out->filtered, cursor->filtered, sizeof(out->filtered));
}

void cursor_each(struct bus *bus, void (*each)(void *data, struct cursor *cursor), void *data)
{
	struct journal *journal = bus_journal(bus);

	journal->cursor_depth++;
	for (struct link *at = journal->cursors.next; at != &journal->cursors; at = at->next) {
		struct cursor *cursor = container_of(at, struct cursor, link);

		if (!cursor->is_gone && !cursor->is_closed)
			each(data, cursor);
	}
	journal->cursor_depth--;
	sweep(journal);
}
