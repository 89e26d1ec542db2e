/*
 * cursor_place.c: where a cursor stands in the journal, and its window on it. What may wait for the
 * disk (searching a segment, opening, mapping and warming) is a worker's.
 */
#include "clock.h"
#include "error.h"
#include "log.h"
#include "reader.h"
#include "scan.h"
#include "worker.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* -- places --------------------------------------------------------------------------- */

void place_clear(struct place *place)
{
	if (place->segment != NULL)
		segment_release(place->segment);
	memset(place, 0, sizeof(*place));
}

static void place_set(struct place *place, struct segment *segment, int64_t offset, uint64_t number)
{
	struct segment *before = place->segment;

	segment->users++;
	place->segment = segment;
	place->offset = offset;
	place->number = number;
	place->is_broken = false;
	if (before != NULL)
		segment_release(before);
}

/* What went missing between the place and the segment's start is dropped, or would not have passed.
 */
static void note_hole(struct cursor *cursor, const struct segment *segment, const char *why)
{
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		uint64_t published = segment->published[kind], passed = cursor->at.passed[kind];

		if (published <= passed)
			continue;
		if (!filter_takes_kind(cursor->filter, kind)) {
			cursor->pending_filtered[kind] += published - passed;
			continue;
		}
		cursor->pending_dropped[kind] += published - passed;
		if (why == NULL)
			continue;
		cursor->unreported[kind] += published - passed;
		cursor->unreported_why = why;
	}
	memcpy(cursor->at.passed, segment->published, sizeof(cursor->at.passed));
}

static void move_to(struct cursor *cursor, struct segment *segment, const char *why)
{
	note_hole(cursor, segment, why);
	place_set(&cursor->at, segment, HEAD_BYTES, segment->first - 1);
}

int64_t cursor_limit(const struct cursor *cursor)
{
	return cursor->at.segment->end;
}

void cursor_skip_rest(struct cursor *cursor)
{
	cursor->at.is_broken = true;
	/* The one being written: the next record begins another, and there the cursor goes on. */
	if (cursor->at.segment == cursor->journal->current)
		journal_abandon(cursor->journal);
	cursor_step(cursor);
}

void cursor_leave(struct cursor *cursor)
{
	struct segment *next = journal_after(cursor->journal, cursor->at.segment);

	if (next != NULL)
		move_to(cursor, next, "full");
}

void cursor_step(struct cursor *cursor)
{
	for (;;) {
		struct segment *segment = cursor->at.segment;
		struct segment *next = journal_after(cursor->journal, segment);
		const char *why = NULL;

		if (next == NULL)
			return;
		if (segment->is_retired)
			why = "full";
		else if (cursor->at.is_broken || next->first != segment->last + 1)
			why = "damaged";
		if (!segment->is_retired && !cursor->at.is_broken && cursor->at.offset < segment->end)
			return;
		move_to(cursor, next, why);
	}
}

/* -- at open -------------------------------------------------------------------------- */

/* The first segment that has something behind the position, or reaches up to it. */
static struct segment *segment_for(
	const struct journal *journal, uint32_t generation, uint64_t number)
{
	for (struct link *at = journal->segments.next; at != &journal->segments; at = at->next) {
		struct segment *segment = container_of(at, struct segment, link);

		if (segment->generation > generation ||
			(segment->generation == generation && segment->last >= number))
			return segment;
	}
	return NULL;
}

static struct segment *start_of_generation(const struct journal *journal, uint32_t generation)
{
	return segment_for(journal, generation, 0);
}

static bool is_within(const struct cursor *cursor, const struct journal *journal)
{
	return cursor->at.segment != NULL && cursor->at.segment->generation == journal->generation;
}

/* What a power cut took was published all the same: the counts of this generation begin behind it.
 */
static void remember(struct journal *journal, unsigned kind, uint64_t more, struct cursor *who)
{
	journal->forgotten[kind] += more;
	journal->published[kind] += more;
	for (struct link *at = journal->segments.next; at != &journal->segments; at = at->next) {
		struct segment *segment = container_of(at, struct segment, link);

		if (segment->generation == journal->generation)
			segment->published[kind] += more;
	}
	for (struct link *at = journal->cursors.next; at != &journal->cursors; at = at->next) {
		struct cursor *cursor = container_of(at, struct cursor, link);

		if (cursor != who && is_within(cursor, journal))
			cursor->forgotten[kind] += more;
	}
}

/*
 * The store has records that a power cut took from the journal, and may have more or fewer of them
 * than another store. The journal's count catches up with whoever has most; what it has not is
 * dropped for it.
 */
static void catch_up_counts(struct cursor *cursor)
{
	struct journal *journal = cursor->journal;

	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		uint64_t passed = cursor->at.passed[kind], consumed = cursor->consumed[kind];
		uint64_t lacking = passed > consumed ? passed - consumed : 0;

		if (consumed > passed)
			remember(journal, kind, consumed - passed, cursor);
		/* A filter may have passed them by: nobody knows. */
		if (!filter_takes_all(cursor->filter))
			lacking = 0;
		if (lacking > journal->forgotten[kind])
			lacking = journal->forgotten[kind];
		cursor->forgotten[kind] = lacking;
		cursor->at.passed[kind] = consumed > passed ? consumed : passed - lacking;
	}
}

void cursor_take_forgotten(struct cursor *cursor)
{
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		cursor->at.passed[kind] += cursor->forgotten[kind];
		if (filter_takes_kind(cursor->filter, kind))
			cursor->pending_dropped[kind] += cursor->forgotten[kind];
		else
			cursor->pending_filtered[kind] += cursor->forgotten[kind];
		cursor->forgotten[kind] = 0;
	}
}

/* The place is exact: what was passed and not consumed was filtered out. */
static void settle(struct cursor *cursor)
{
	memcpy(cursor->settled, cursor->at.passed, sizeof(cursor->settled));
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		uint64_t passed = cursor->settled[kind], consumed = cursor->consumed[kind];

		cursor->filtered[kind] = passed > consumed ? passed - consumed : 0;
	}
}

/* At a segment's start, when what lies before it is not known otherwise. */
static void begin_at(struct cursor *cursor, struct segment *segment, const char *why)
{
	memcpy(cursor->at.passed, cursor->consumed, sizeof(cursor->at.passed));
	memcpy(cursor->settled, cursor->consumed, sizeof(cursor->settled));
	move_to(cursor, segment, why);
}

/* At a segment's start, with nothing missing before it. */
static void continue_at(struct cursor *cursor, struct segment *segment, bool was_cut)
{
	memcpy(cursor->at.passed, segment->published, sizeof(cursor->at.passed));
	place_set(&cursor->at, segment, HEAD_BYTES, segment->first - 1);
	if (was_cut)
		catch_up_counts(cursor);
	settle(cursor);
}

int cursor_locate(struct cursor *cursor, const struct fl_position *position)
{
	struct journal *journal = cursor->journal;
	struct segment *oldest = container_of(journal->segments.next, struct segment, link);
	struct segment *segment;

	cursor->position = *position;
	cursor->is_first_search = false;
	memset(cursor->pending_dropped, 0, sizeof(cursor->pending_dropped));
	memset(cursor->pending_filtered, 0, sizeof(cursor->pending_filtered));
	memset(cursor->filtered, 0, sizeof(cursor->filtered));
	memset(cursor->forgotten, 0, sizeof(cursor->forgotten));
	cursor->pending_skipped = 0;
	if (position->journal_id != journal->id) {
		/* What the store counted was of another journal. */
		if (position->journal_id != 0)
			memset(cursor->consumed, 0, sizeof(cursor->consumed));
		begin_at(cursor, oldest, NULL);
		return position->journal_id != 0;
	}
	segment = segment_for(journal, position->generation, position->number);
	if (segment == NULL) {
		/* An older copy of the journal: what it has, the store has; only this start's is new. */
		log_warn("journal",
			"%s/%s: its position (generation %" PRIu32 ", record %" PRIu64
			") is beyond the journal's; it goes on at this start's first record",
			cursor->sink, cursor->stream, position->generation, position->number);
		continue_at(cursor, start_of_generation(journal, journal->generation), true);
		return 0;
	}
	if (segment->generation > position->generation || segment->first > position->number + 1) {
		if (segment->first > position->number + 1)
			begin_at(cursor, segment, segment == oldest ? "full" : "damaged");
		else
			continue_at(cursor, segment, segment->first <= position->number);
		return 0;
	}
	if (segment->first == position->number + 1) {
		continue_at(cursor, segment, false);
		return 0;
	}
	memcpy(cursor->settled, cursor->consumed, sizeof(cursor->settled));
	memcpy(cursor->at.passed, cursor->consumed, sizeof(cursor->at.passed));
	place_set(&cursor->at, segment, 0, position->number);
	cursor->is_first_search = true;
	return 0;
}

/* -- work off the loop ---------------------------------------------------------------- */

static int count_frame(
	void *data, unsigned type, const void *payload, uint32_t length, uint64_t number)
{
	struct cursor_job *job = data;
	const uint64_t *lost = payload;

	(void)length;
	if (number > job->number)
		return 1;
	if (type == FRAME_RECORD) {
		job->passed[((const struct fl_record *)payload)->kind]++;
		job->reached = number;
	} else if (type == FRAME_LOSS) {
		for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
			job->passed[kind] += lost[kind];
	}
	return 0;
}

static void search(struct cursor_job *job)
{
	struct scan scan;

	job->error = scan_open(&scan, job->path);
	if (job->error == 0)
		job->error = scan_frames(&scan, count_frame, job);
	if (job->error > 0)
		job->error = 0;
	job->offset = scan.end;
	scan_close(&scan);
}

/* Into the page cache, so that the loop does not wait for the disk at each page. */
static void warm(struct cursor_job *job)
{
	enum { PIECE = 256 * 1024 };
	char *piece = malloc(PIECE);

	if (piece == NULL)
		return; /* then the loop waits */
	for (int64_t at = job->from; at < job->warm_to; at += PIECE)
		if (file_read(job->file, at, piece, PIECE) <= 0)
			break;
	free(piece);
}

static void map_window(struct cursor_job *job)
{
	if (job->file == NULL)
		job->error = file_open(job->path, FILE_READ, &job->file);
	if (job->error == 0)
		job->error = file_map(job->file, job->from, job->length, false, &job->address);
	if (job->error == 0 && job->warm_to > job->from)
		warm(job);
}

static void work(void *data)
{
	struct cursor_job *job = data;

	if (job->is_search)
		search(job);
	else
		map_window(job);
}

/* -- and its answers ------------------------------------------------------------------ */

/* Of the process, not of the file: it passes. */
static bool is_passing(struct cursor *cursor, int error)
{
	if (error != -ENOMEM && error != -EMFILE && error != -ENFILE)
		return false;
	cursor->not_before_ns = clock_monotonic_ns(cursor->journal->loop) + FL_SECOND;
	return true;
}

static void take_search(struct cursor *cursor, const struct cursor_job *job)
{
	if (cursor->at.segment != job->segment || cursor->at.offset != 0 ||
		cursor->at.number != job->number || is_passing(cursor, job->error))
		return; /* it has been moved meanwhile, or tries again */
	if (job->error < 0 || job->reached != job->number) {
		log_warn("journal", "%s/%s: record %" PRIu64 " cannot be found again: %s", cursor->sink,
			cursor->stream, job->number, job->error < 0 ? error_text(job->error) : "damaged");
		cursor->at.offset = HEAD_BYTES;
		cursor->is_first_search = false;
		cursor_skip_rest(cursor);
		return;
	}
	cursor->at.offset = job->offset;
	memcpy(cursor->at.passed, job->passed, sizeof(cursor->at.passed));
	if (!cursor->is_first_search)
		return;
	cursor->is_first_search = false;
	settle(cursor);
}

static void take_window(struct cursor *cursor, struct cursor_job *job)
{
	struct segment *segment = job->segment;

	if (is_passing(cursor, job->error))
		return;
	if (job->error < 0 && cursor->is_in_flight)
		return; /* it was for the next batch, which asks again */
	if (job->error < 0) {
		log_warn("journal", "%s/%s: cannot map a segment: %s", cursor->sink, cursor->stream,
			error_text(job->error));
		if (cursor->at.segment == segment)
			cursor_skip_rest(cursor);
		return;
	}
	cursor->window_segment = segment;
	cursor->window = job->address;
	cursor->window_length = job->length;
	cursor->window_from = job->from;
	cursor->window_damaged = false;
	cursor->window_is_guarded = file_guard(job->address, job->length, &cursor->window_damaged) == 0;
	segment->users++;
	segment->file_users++;
	job->address = NULL;
}

static void leave_file(struct segment *segment, struct file **closing)
{
	segment->file_users--;
	if (segment->file_users > 0 || segment->map != NULL)
		return;
	*closing = segment->file;
	segment->file = NULL;
}

static void done(void *data)
{
	struct cursor_job *job = data;
	struct cursor *cursor = job->cursor;
	struct segment *segment = job->segment;
	struct file *closing = NULL;

	job->journal->cursor_jobs--;
	if (!job->is_search && job->file != NULL && segment->file == NULL)
		segment->file = job->file;
	else if (!job->is_search && job->file != NULL && segment->file != job->file)
		closing = job->file;
	file_close(closing);
	closing = NULL;
	if (cursor != NULL) {
		cursor->job = NULL;
		if (job->is_search)
			take_search(cursor, job);
		else
			take_window(cursor, job);
	}
	if (job->address != NULL) /* nobody wants it any more */
		file_unmap(job->address, job->length);
	if (!job->is_search)
		leave_file(segment, &closing);
	file_close(closing);
	segment_release(segment);
	journal_wake(job->journal);
	free(job->path);
	free(job);
}

static struct cursor_job *make_job(struct cursor *cursor)
{
	struct cursor_job *job = calloc(1, sizeof(*job));
	struct segment *segment = cursor->at.segment;

	if (job == NULL)
		return NULL;
	job->journal = cursor->journal;
	job->cursor = cursor;
	job->segment = segment;
	job->path = segment_path(cursor->journal, segment->first, segment->generation);
	if (job->path == NULL) {
		free(job);
		return NULL;
	}
	segment->users++;
	return job;
}

static void run_job(struct cursor *cursor, struct cursor_job *job)
{
	if (worker_run(cursor->journal->loop, work, done, job) == 0) {
		cursor->job = job;
		cursor->journal->cursor_jobs++;
		return;
	}
	/* No memory: the next tick tries again. */
	if (!job->is_search)
		job->segment->file_users--;
	segment_release(job->segment);
	free(job->path);
	free(job);
}

void cursor_search(struct cursor *cursor)
{
	struct cursor_job *job;

	if (!cursor->at.segment->is_named)
		return; /* in a moment it is */
	job = make_job(cursor);
	if (job == NULL)
		return;
	job->is_search = true;
	job->number = cursor->at.number;
	memcpy(job->passed, cursor->at.segment->published, sizeof(job->passed));
	memset(cursor->forgotten, 0, sizeof(cursor->forgotten)); /* the segment's count has it */
	run_job(cursor, job);
}

void cursor_map(struct cursor *cursor, int64_t offset)
{
	struct segment *segment = cursor->at.segment;
	int64_t page = (int64_t)file_page_bytes();
	int64_t from = offset / page * page;
	int64_t size = (segment->file_bytes + page - 1) / page * page;
	struct cursor_job *job;

	if (segment->file == NULL && !segment->is_named)
		return;
	cursor_drop_window(cursor);
	job = make_job(cursor);
	if (job == NULL)
		return;
	job->file = segment->file;
	job->from = from;
	job->length = (size_t)(size - from < CURSOR_WINDOW_BYTES ? size - from : CURSOR_WINDOW_BYTES);
	if (segment != cursor->journal->current) {
		job->warm_to = from + (int64_t)job->length;
		if (job->warm_to > segment->end)
			job->warm_to = segment->end;
	}
	segment->file_users++;
	run_job(cursor, job);
}

/* -- the window ----------------------------------------------------------------------- */

void cursor_drop_window(struct cursor *cursor)
{
	struct file *closing = NULL;

	if (cursor->window_segment == NULL)
		return;
	if (cursor->window_is_guarded)
		file_unguard(cursor->window);
	file_unmap(cursor->window, cursor->window_length);
	leave_file(cursor->window_segment, &closing);
	file_close(closing);
	segment_release(cursor->window_segment);
	cursor->window_segment = NULL;
}

bool cursor_sees(const struct cursor *cursor)
{
	int64_t end = cursor->window_from + (int64_t)cursor->window_length;
	int64_t left = end - cursor->at.offset;
	const struct frame *frame;

	if (cursor->window_segment != cursor->at.segment || cursor->at.offset < cursor->window_from)
		return false;
	if (end >= cursor_limit(cursor))
		return true;
	if (left < FRAME_BYTES)
		return false;
	frame = (const void *)(cursor->window + (cursor->at.offset - cursor->window_from));
	/* A length that is none is found out by whoever reads the frame. */
	return left >= FRAME_BYTES + (int64_t)frame_length(frame->word) ||
		frame_length(frame->word) > FRAME_MAX_PAYLOAD;
}
