/*
 * journal_ahead.c: what a worker does before the writer gets there: makes the next segment (create,
 * allocate, map) and has the pages ready to be written, a piece at a time. On the way it gives back
 * the pages that the writer has left behind.
 */
#include "clock.h"
#include "error.h"
#include "journal.h"
#include "log.h"
#include "worker.h"
#include <stdlib.h>

enum { HELP_BYTES = 256 * 1024 };
#define SLOW_NS (50 * FL_MS) /* a worker that takes longer for a piece waits for the disk */

int spare_make(const char *path, int64_t bytes, struct file **file, char **map)
{
	void *address;
	int error;

	error =
		file_open(path, FILE_READ | FILE_WRITE | FILE_CREATE | FILE_EXCLUSIVE | FILE_NOCOW, file);
	if (error < 0)
		return error;
	error = file_allocate(*file, bytes);
	if (error == 0 && file_size(*file) < bytes)
		error = file_truncate(*file, bytes);
	if (error == 0)
		error = file_map(*file, 0, (size_t)bytes, true, &address);
	if (error == 0) {
		*map = address;
		return 0;
	}
	file_close(*file);
	*file = NULL;
	(void)file_remove(path); /* half an allocation would only take room */
	return error;
}

static void work(void *data)
{
	struct journal_job *job = data;

	job->work(job);
	atomic_store(&job->is_over, true);
}

static void done(void *data)
{
	struct journal_job *job = data;

	free(job->path);
	job->path = NULL;
	job->is_busy = false;
	job->done(job);
}

/* false: the worker cannot take it. */
static bool start(struct journal *journal)
{
	struct journal_job *job = &journal->ahead;

	job->journal = journal;
	job->error = 0;
	atomic_store(&job->is_over, false);
	journal->ahead_since_ns = clock_monotonic_ns(journal->loop);
	job->is_busy = worker_run(journal->loop, work, done, job) == 0;
	if (!job->is_busy) {
		free(job->path);
		job->path = NULL;
	}
	return job->is_busy;
}

/* A disk without room for a spare may still have the pages of what it has given. */
static void note_error(struct journal *journal, int *kept, int error)
{
	if (error == *kept)
		return;
	*kept = error;
	if (error != 0)
		log_warn("journal", "%s: cannot make room ahead: %s; tried again each second",
			journal->folder, error_text(error));
}

/* -- the next segment ----------------------------------------------------------------- */

static void make_work(struct journal_job *job)
{
	job->error = spare_make(job->path, job->to, &job->file, &job->map);
}

static void make_done(struct journal_job *job)
{
	struct journal *journal = job->journal;
	struct segment *spare = job->segment;

	note_error(journal, &journal->spare_error, job->error);
	if (job->error < 0) {
		free(spare);
		journal->spare_waits = true;
		if (job->error == -ENOSPC || job->error == -EDQUOT)
			journal_retire_passed(journal);
		journal_look_ahead(journal);
		return;
	}
	spare->file = job->file;
	spare->map = job->map;
	spare->capacity = spare->file_bytes = job->to;
	spare->spare = journal->spares;
	journal->spare = spare;
	journal->bytes += spare->file_bytes;
	journal_look_ahead(journal);
	journal_mind_room(journal);
}

static void make_spare(struct journal *journal)
{
	struct journal_job *job = &journal->ahead;

	job->left = NULL;
	job->segment = segment_create();
	job->path = spare_path(journal, ++journal->spares);
	if (job->segment == NULL || job->path == NULL) {
		free(job->segment);
		free(job->path);
		job->path = NULL;
		return; /* the tick tries again */
	}
	job->to = journal->segment_bytes;
	job->work = make_work;
	job->done = make_done;
	if (start(journal))
		return;
	free(job->segment);
	note_error(journal, &journal->spare_error, -ENOMEM);
	journal->spare_waits = true;
}

/* -- pages ---------------------------------------------------------------------------- */

static void populate_work(struct journal_job *job)
{
	if (job->left != NULL)
		file_give_back(job->left_map + job->left_from, (size_t)(job->left_to - job->left_from));
	for (int64_t at = job->from, next; at < job->to && job->error == 0; at = next) {
		next = at + JOURNAL_CHUNK_BYTES < job->to ? at + JOURNAL_CHUNK_BYTES : job->to;
		job->error = file_populate(job->map + at, (size_t)(next - at));
		if (job->error == 0)
			atomic_store(&job->reached, next);
	}
}

void journal_note_reached(struct journal *journal)
{
	struct journal_job *job = &journal->ahead;
	int64_t reached;

	if (!job->is_busy || job->work != populate_work)
		return;
	reached = atomic_load(&job->reached);
	if (reached <= job->segment->populated)
		return;
	job->segment->populated = reached;
	journal->ahead_since_ns = clock_monotonic_ns(journal->loop); /* it is not stuck */
}

static void populate_done(struct journal_job *job)
{
	struct journal *journal = job->journal;
	struct segment *segment = job->segment;

	if (job->left != NULL) {
		job->left->given_back = job->left_to;
		segment_release(job->left);
	}
	if (job->error < 0)
		journal->pages_wait = true;
	if (atomic_load(&job->reached) > segment->populated) /* the loop may have helped */
		segment->populated = atomic_load(&job->reached);
	note_error(journal, &journal->pages_error, job->error);
	segment_release(segment);
	journal_look_ahead(journal);
	journal_mind_room(journal);
	journal_tend_disk(journal); /* it may wait for this one to be left alone */
}

/* Before any page of it is touched. False: too many are guarded; the tick tries again. */
static bool guard(struct segment *segment)
{
	if (!segment->is_guarded)
		segment->is_guarded =
			file_guard(segment->map, (size_t)segment->capacity, &segment->damaged) == 0;
	return segment->is_guarded;
}

/* Pages that the writer has left stay in the file, and need not stay in memory. */
static void give_back(struct journal_job *job, struct segment *current)
{
	int64_t page = (int64_t)file_page_bytes();

	job->left = NULL;
	if (current == NULL || current->end / page * page <= current->given_back)
		return;
	job->left = current;
	job->left_map = current->map;
	job->left_from = current->given_back;
	job->left_to = current->end / page * page;
	current->users++;
}

/* `wanted` bytes more, which is what is missing ahead of the writer. */
static void populate(struct journal *journal, struct segment *segment, int64_t wanted)
{
	struct journal_job *job = &journal->ahead;
	int64_t page = (int64_t)file_page_bytes();
	int64_t to = segment->populated +
		(wanted > JOURNAL_CHUNK_BYTES ? (wanted + page - 1) / page * page : JOURNAL_CHUNK_BYTES);

	if (!guard(segment))
		return;
	job->segment = segment;
	job->map = segment->map;
	job->from = segment->populated;
	atomic_store(&job->reached, job->from);
	job->to = to < segment->capacity ? to : segment->capacity;
	give_back(job, journal->current);
	job->work = populate_work;
	job->done = populate_done;
	segment->users++;
	if (start(journal))
		return;
	note_error(journal, &journal->pages_error, -ENOMEM);
	journal->pages_wait = true;
	segment_release(segment);
	if (job->left != NULL)
		segment_release(job->left);
}

bool journal_more_is_coming(const struct journal *journal)
{
	const struct journal_job *job = &journal->ahead;

	return job->is_busy &&
		(job->work == populate_work ? journal->pages_error : journal->spare_error) == 0;
}

/* What it was asked for is not there although there was time: it waits for the disk. */
static bool is_worker_slow(struct journal *journal, int64_t now_ns)
{
	return journal->ahead.is_busy && !atomic_load(&journal->ahead.is_over) &&
		now_ns - journal->ahead_since_ns > SLOW_NS;
}

void journal_turn_begins(struct journal *journal)
{
	int64_t now_ns = clock_monotonic_ns(journal->loop);

	/* After a pause of the whole process (suspended, starved) the worker's age says nothing. */
	if (now_ns - journal->turn_ns > SLOW_NS)
		journal->ahead_since_ns = now_ns;
	journal->turn_ns = now_ns;
}

bool journal_help(struct journal *journal, struct segment *segment, int64_t bytes)
{
	int64_t page = (int64_t)file_page_bytes();
	int64_t to = (bytes + HELP_BYTES + page - 1) / page * page;
	int64_t began_ns;

	if (journal->pages_error != 0 || journal->pages_wait || !guard(segment))
		return false;
	clock_refresh(journal->loop);
	began_ns = clock_monotonic_ns(journal->loop);
	if (began_ns < journal->no_help_until_ns || is_worker_slow(journal, began_ns))
		return false;
	if (to > segment->capacity)
		to = segment->capacity;
	if (to > segment->populated &&
		file_populate(segment->map + segment->populated, (size_t)(to - segment->populated)) < 0)
		return false; /* the worker will meet it too, and say so */
	if (to > segment->populated)
		segment->populated = to;
	clock_refresh(journal->loop);
	/* One stall is enough to know that it is the disk: from now on losing is better. */
	if (clock_monotonic_ns(journal->loop) - began_ns > SLOW_NS)
		journal->no_help_until_ns = began_ns + 10 * FL_SECOND;
	return segment->populated >= bytes;
}

void journal_look_ahead(struct journal *journal)
{
	struct segment *current = journal->current, *spare = journal->spare;
	int64_t ahead = 0;

	if (journal->ahead.is_busy || journal->is_closing)
		return;
	if (current != NULL && !current->damaged) {
		ahead = current->populated - current->end;
		/* Nearly caught up by the writer: it is faster than was thought. */
		if (ahead < journal->ahead_bytes / 4 && current->populated < current->capacity) {
			journal->ahead_bytes *= 2;
			if (journal->ahead_bytes > JOURNAL_AHEAD_MAX_BYTES)
				journal->ahead_bytes = JOURNAL_AHEAD_MAX_BYTES;
		}
		if (ahead < journal->ahead_bytes && current->populated < current->capacity &&
			!journal->pages_wait) {
			populate(journal, current, journal->ahead_bytes - ahead);
			return;
		}
	}
	if (spare == NULL && journal->spare_waits)
		return;
	if (spare == NULL) {
		journal_retire(journal); /* room for it within max_size */
		make_spare(journal);
		return;
	}
	ahead += spare->populated;
	if (ahead < journal->ahead_bytes && spare->populated < spare->capacity && !journal->pages_wait)
		populate(journal, spare, journal->ahead_bytes - ahead);
}
