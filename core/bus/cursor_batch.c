/*
 * cursor_batch.c: a batch is a stretch of the window, records one behind the other as they lie in
 * the journal; what the filter leaves out is stepped over by fl_batch_next.
 */
#include "clock.h"
#include "metrics.h"
#include "reader.h"
#include <stdlib.h>
#include <string.h>

/* Frames looked at in one go: what the filter leaves out is not to hold up the loop. */
enum { FRAMES_MAX = 50000 };
#define QUIET_NS (10 * FL_SECOND) /* the store's position stands still no longer than this */

struct making {
	struct cursor *cursor;
	const char *data; /* of the first frame */
	struct place at;  /* no use of the segment */
	uint32_t count, skipped, frames;
	int64_t oldest_ns, newest_ns;
	uint64_t taken[FL_KIND_COUNT], filtered[FL_KIND_COUNT];
};

static bool keep_received(struct cursor *cursor, const struct fl_record *record)
{
	uint32_t count = cursor->received_count;
	struct received *last = count > 0 ? &cursor->received[count - 1] : NULL;

	if (cursor->latency == NULL)
		return true;
	if (last != NULL && last->ns == record->received_ns && last->source == record->source) {
		last->count++;
		return true;
	}
	if (count == cursor->received_room) {
		uint32_t room = count > 0 ? count * 2 : 256;
		struct received *items = realloc(cursor->received, room * sizeof(*items));

		if (items == NULL)
			return false;
		cursor->received = items;
		cursor->received_room = room;
	}
	cursor->received[count] = (struct received){ record->received_ns, record->source, 1 };
	cursor->received_count++;
	return true;
}

/* False: the batch ends before this record. */
static bool take_record(struct making *making, const struct fl_record *record)
{
	struct cursor *cursor = making->cursor;

	if (cursor->until != 0 && making->at.number >= cursor->until)
		return false;
	if (filter_takes(cursor->filter, record)) {
		if (making->count == cursor->batch_rows || !keep_received(cursor, record))
			return false;
		if (making->count == 0 || record->received_ns < making->oldest_ns)
			making->oldest_ns = record->received_ns;
		making->count++;
		making->taken[record->kind]++;
	} else {
		making->skipped++;
		making->filtered[record->kind]++;
	}
	making->newest_ns = record->received_ns;
	making->at.passed[record->kind]++;
	making->at.number++;
	return true;
}

/* Told with the batch that begins here. */
static void take_loss(struct making *making, const uint64_t *lost)
{
	struct cursor *cursor = making->cursor;

	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		making->at.passed[kind] += lost[kind];
		if (filter_takes_kind(cursor->filter, kind))
			cursor->pending_dropped[kind] += lost[kind];
		else
			making->filtered[kind] += lost[kind];
	}
}

/* False: the next frame is damaged, and nothing is before it. */
static bool take_frames(struct making *making)
{
	struct cursor *cursor = making->cursor;
	const struct segment *segment = cursor->at.segment;
	int64_t end = cursor->window_from + (int64_t)cursor->window_length;

	if (end > cursor_limit(cursor))
		end = cursor_limit(cursor);
	for (; making->at.offset < end && making->frames < FRAMES_MAX; making->frames++) {
		const char *at = cursor->window + (making->at.offset - cursor->window_from);
		const struct frame *frame = (const void *)at;
		size_t room = (size_t)(end - making->at.offset);
		int type;

		if (end < cursor_limit(cursor) &&
			(room < FRAME_BYTES ||
				(frame_length(frame->word) <= FRAME_MAX_PAYLOAD &&
					frame_length(frame->word) > room - FRAME_BYTES)))
			return true; /* it goes on behind the window */
		type = frame_check(at, room, segment->seed, making->at.number + 1);
		if (type <= FRAME_END)
			return making->frames > 0;
		if (type == FRAME_RECORD && !take_record(making, (const void *)(at + FRAME_BYTES)))
			return true;
		if (type == FRAME_LOSS) {
			if (making->count + making->skipped > 0)
				return true; /* a batch begins behind a loss, so that it can tell it */
			take_loss(making, (const void *)(at + FRAME_BYTES));
			/* Noted for good: a search for this place would find it again, nobody else. */
			making->data = at + FRAME_BYTES + frame_length(frame->word);
		}
		making->at.offset += FRAME_BYTES + (int64_t)frame_length(frame->word);
	}
	return true;
}

static bool has_any(const uint64_t counts[FL_KIND_COUNT])
{
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		if (counts[kind] > 0)
			return true;
	return false;
}

/*
 * Whether a stretch without a record of ours is a batch all the same: to tell of a loss, or because
 * the store's position has stood still while others' records went by. Not where the number stays:
 * such a position could not be told from the one before.
 */
static bool is_worth_telling(const struct making *making)
{
	const struct cursor *cursor = making->cursor;
	int64_t now_ns = clock_monotonic_ns(cursor->journal->loop);

	if (making->count > 0)
		return true;
	if (cursor->position.journal_id == cursor->journal->id &&
		making->at.number <= cursor->position.number)
		return false;
	if (cursor->until != 0 && making->at.number >= cursor->until)
		return true; /* its owner waits for it to come here */
	return has_any(cursor->pending_dropped) || now_ns - cursor->last_commit_ns > QUIET_NS;
}

static void fill(struct cursor *cursor, const struct making *making)
{
	const struct journal *journal = cursor->journal;
	struct fl_batch *batch = &cursor->batch;
	const struct segment *segment = cursor->at.segment;
	const char *end = cursor->window + (making->at.offset - cursor->window_from);

	*batch = (struct fl_batch){
		.from = cursor->position,
		.to = { journal->id, segment->generation, making->at.number },
		.data = making->data,
		.length = (size_t)(end - making->data),
		.count = making->count,
		.skipped = cursor->pending_skipped + making->skipped,
		.first = cursor->at.number + 1,
		.oldest_received_ns = making->oldest_ns,
		.is_live = segment == journal->current && making->at.offset == segment->end,
		.filter = filter_takes_all(cursor->filter) ? NULL : cursor->filter,
	};
	memcpy(batch->dropped, cursor->pending_dropped, sizeof(batch->dropped));
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		batch->filtered[kind] = cursor->pending_filtered[kind] + making->filtered[kind];
	memcpy(cursor->taken, making->taken, sizeof(cursor->taken));
}

static void pass_by(struct cursor *cursor, const struct making *making)
{
	struct segment *segment = cursor->at.segment;

	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		cursor->pending_filtered[kind] += making->filtered[kind];
	cursor->pending_skipped += making->skipped;
	cursor->at = making->at;
	cursor->at.segment = segment;
}

enum make_result cursor_make_batch(struct cursor *cursor)
{
	struct making making = { .cursor = cursor };
	struct segment *segment = cursor->at.segment;
	uint64_t dropped_before[FL_KIND_COUNT];

	cursor_take_forgotten(cursor);
	making.at = cursor->at;
	making.data = cursor->window + (cursor->at.offset - cursor->window_from);
	cursor->received_count = 0;
	memcpy(dropped_before, cursor->pending_dropped, sizeof(dropped_before));
	if (!take_frames(&making))
		return MADE_DAMAGE;
	if (making.newest_ns != 0)
		cursor->newest_received_ns = making.newest_ns;
	if (!is_worth_telling(&making)) {
		pass_by(cursor, &making);
		return MADE_NOTHING;
	}
	fill(cursor, &making);
	/* A retry makes the batch anew from `at`: what it meets on the way is noted again. */
	memcpy(cursor->pending_dropped, dropped_before, sizeof(dropped_before));
	place_clear(&cursor->after);
	cursor->after = making.at;
	cursor->after.segment = segment;
	segment->users++;
	return MADE_BATCH;
}

void cursor_observe(struct cursor *cursor)
{
	int64_t now_ns = clock_real_ns(cursor->journal->loop);
	struct fl_metric *latency = NULL;
	int source = -1;

	if (cursor->latency == NULL)
		return;
	for (uint32_t i = 0; i < cursor->received_count; i++) {
		const struct received *received = &cursor->received[i];

		if (received->source != source)
			latency = cursor->latency(cursor->data, received->source);
		source = received->source;
		if (latency != NULL && received->ns >= cursor->journal->opened_ns)
			metrics_observe(latency, (double)(now_ns - received->ns) / 1e9, received->count);
	}
}

const struct fl_record *fl_batch_next(const struct fl_batch *batch, const struct fl_record *record)
{
	const char *at = batch->data, *end = at + batch->length;

	if (record != NULL)
		at = (const char *)record + record->length;
	while (at < end) {
		const struct frame *frame = (const void *)at;
		const struct fl_record *next = (const void *)(at + FRAME_BYTES);

		if (frame_type(frame->word) == FRAME_RECORD &&
			(batch->filter == NULL || filter_takes(batch->filter, next)))
			return next;
		at += FRAME_BYTES + frame_length(frame->word);
	}
	return NULL;
}

uint64_t fl_batch_number(const struct fl_batch *batch, const struct fl_record *record)
{
	const char *at = batch->data, *end = (const char *)record - FRAME_BYTES;
	uint64_t number = batch->first;

	while (at < end) {
		const struct frame *frame = (const void *)at;

		if (frame_type(frame->word) == FRAME_RECORD)
			number++;
		at += FRAME_BYTES + frame_length(frame->word);
	}
	return number;
}
