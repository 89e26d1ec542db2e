/*
 * journal_ahead.c: what a worker does before the writer gets there: makes the next segment (create,
 * allocate, map) and has the pages ready to be written, a piece at a time. On the way it gives back
 * the pages that the writer has left behind.
 */
#include "error.h"
#include "journal.h"
#include "log.h"
#include "worker.h"
#include <stdlib.h>

int spare_make(const char *path, int64_t bytes, struct file **file, char **map)
{
	void *address;
	int error;

	(void)file_remove(path); /* a crash has left it */
	error = file_open(path, FILE_READ | FILE_WRITE | FILE_CREATE | FILE_NOCOW, file);
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
}

static void done(void *data)
{
	struct journal_job *job = data;

	free(job->path);
	job->path = NULL;
	job->is_busy = false;
	job->done(job);
}

static void start(struct journal *journal)
{
	struct journal_job *job = &journal->ahead;

	job->journal = journal;
	job->error = 0;
	job->is_busy = worker_run(journal->loop, work, done, job) == 0;
	if (!job->is_busy) {
		free(job->path);
		job->path = NULL;
		journal->ahead_error = -ENOMEM;
		journal->ahead_waits = true;
	}
}

static void note_error(struct journal *journal, int error)
{
	if (error == journal->ahead_error)
		return;
	journal->ahead_error = error;
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

	note_error(journal, job->error);
	if (job->error < 0) {
		free(spare);
		journal->ahead_waits = true;
		if (job->error == -ENOSPC || job->error == -EDQUOT)
			journal_retire_passed(journal);
		return;
	}
	spare->file = job->file;
	spare->map = job->map;
	spare->capacity = spare->file_bytes = job->to;
	journal->spare = spare;
	journal->bytes += spare->file_bytes;
	journal_look_ahead(journal);
}

static void make_spare(struct journal *journal)
{
	struct journal_job *job = &journal->ahead;

	job->segment = segment_create();
	job->path = journal_path(journal->folder, JOURNAL_SPARE);
	if (job->segment == NULL || job->path == NULL) {
		free(job->segment);
		free(job->path);
		job->path = NULL;
		return; /* the tick tries again */
	}
	job->to = journal->segment_bytes;
	job->work = make_work;
	job->done = make_done;
	start(journal);
	if (!job->is_busy)
		free(job->segment);
}

/* -- pages ---------------------------------------------------------------------------- */

static void populate_work(struct journal_job *job)
{
	if (job->give_back_to > job->give_back_from)
		file_give_back(
			job->map + job->give_back_from, (size_t)(job->give_back_to - job->give_back_from));
	job->error = file_populate(job->map + job->from, (size_t)(job->to - job->from));
}

static void populate_done(struct journal_job *job)
{
	struct journal *journal = job->journal;
	struct segment *segment = job->segment;

	segment->given_back = job->give_back_to;
	if (job->error == 0)
		segment->populated = job->to;
	else
		journal->ahead_waits = true;
	note_error(journal, job->error);
	segment_release(segment);
	journal_look_ahead(journal);
	journal_tend_disk(journal); /* it may wait for this one to be left alone */
}

static void populate(struct journal *journal, struct segment *segment)
{
	struct journal_job *job = &journal->ahead;
	int64_t page = (int64_t)file_page_bytes();
	int64_t to = segment->populated + JOURNAL_CHUNK_BYTES;

	if (!segment->is_guarded &&
		file_guard(segment->map, (size_t)segment->capacity, &segment->damaged) < 0)
		return; /* too many are guarded: the tick tries again */
	segment->is_guarded = true;
	job->segment = segment;
	job->map = segment->map;
	job->from = segment->populated;
	job->to = to < segment->capacity ? to : segment->capacity;
	job->give_back_from = segment->given_back;
	job->give_back_to = segment->end / page * page;
	if (job->give_back_to < job->give_back_from)
		job->give_back_to = job->give_back_from;
	job->work = populate_work;
	job->done = populate_done;
	segment->users++;
	start(journal);
	if (!job->is_busy)
		segment_release(segment);
}

void journal_look_ahead(struct journal *journal)
{
	struct segment *current = journal->current, *spare = journal->spare;
	int64_t ahead = 0;

	if (journal->ahead.is_busy || journal->ahead_waits || journal->is_closing)
		return;
	if (current != NULL && !current->damaged) {
		ahead = current->populated - current->end;
		/* Nearly caught up by the writer: it is faster than was thought. */
		if (ahead < journal->ahead_bytes / 4 && current->populated < current->capacity) {
			journal->ahead_bytes *= 2;
			if (journal->ahead_bytes > JOURNAL_AHEAD_MAX_BYTES)
				journal->ahead_bytes = JOURNAL_AHEAD_MAX_BYTES;
		}
		if (ahead < journal->ahead_bytes && current->populated < current->capacity) {
			populate(journal, current);
			return;
		}
	}
	if (spare == NULL) {
		/* The spare's name is still that of the current one until the other worker has been there.
		 */
		if (current != NULL && !current->is_named)
			return;
		journal_retire(journal); /* room for it within max_size */
		make_spare(journal);
		return;
	}
	if (ahead + spare->populated < journal->ahead_bytes && spare->populated < spare->capacity)
		populate(journal, spare);
}
