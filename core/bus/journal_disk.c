/*
 * journal_disk.c: what a worker does behind the writer, one thing at a time since each may take as
 * long as the disk likes: gives a segment its name, syncs both, unmaps it, removes what is retired.
 */
#include "error.h"
#include "journal.h"
#include "log.h"
#include "worker.h"
#include <stdlib.h>
#include <string.h>

struct removal {
	struct link link;
	char *path;
};

static void work(void *data)
{
	struct journal_job *job = data;

	job->work(job);
}

static void done(void *data)
{
	struct journal_job *job = data;

	free(job->path);
	free(job->other_path);
	job->path = job->other_path = NULL;
	job->is_busy = false;
	job->done(job);
	journal_tend_disk(job->journal);
}

/* False: no memory for it; the tick tries again. */
static bool start(struct journal *journal)
{
	struct journal_job *job = &journal->disk;

	job->journal = journal;
	job->error = 0;
	job->is_busy = worker_run(journal->loop, work, done, job) == 0;
	if (job->is_busy)
		return true;
	free(job->path);
	free(job->other_path);
	job->path = job->other_path = NULL;
	return false;
}

static void say_error(const struct journal_job *job, const char *what)
{
	if (job->error < 0)
		log_warn(
			"journal", "%s: cannot %s: %s", job->journal->folder, what, error_text(job->error));
}

/* -- its name ------------------------------------------------------------------------- */

static void name_work(struct journal_job *job)
{
	job->error = file_rename(job->other_path, job->path);
}

static void name_done(struct journal_job *job)
{
	struct journal *journal = job->journal;

	if (job->error < 0) {
		journal_degrade(
			journal, "cannot rename a segment: %s: %s", error_text(job->error), journal->folder);
		journal->disk_waits = true;
	} else {
		job->segment->is_named = true;
		journal->has_new_names = journal->sync_ns > 0;
	}
	segment_release(job->segment);
	journal_wake(journal); /* readers may wait for the name */
}

static bool give_name(struct journal *journal, struct segment *segment)
{
	struct journal_job *job = &journal->disk;

	job->path = segment_path(journal, segment->first, segment->generation);
	job->other_path = spare_path(journal, segment->spare);
	job->segment = segment;
	job->work = name_work;
	job->done = name_done;
	segment->users++;
	if (start(journal))
		return true;
	segment_release(segment);
	return false;
}

/* Until its folder is synced a power cut may take a file whatever was synced of it. */
static void folder_work(struct journal_job *job)
{
	job->error = file_sync_folder(job->journal->folder);
}

static void folder_done(struct journal_job *job)
{
	say_error(job, "sync the names of segments");
	job->journal->has_new_names = job->error < 0;
	job->journal->disk_waits = job->error < 0;
}

static void sync_folder(struct journal *journal)
{
	struct journal_job *job = &journal->disk;

	job->work = folder_work;
	job->done = folder_done;
	(void)start(journal);
}

/* -- a segment that the writer has left ----------------------------------------------- */

static void finish_work(struct journal_job *job)
{
	if (job->must_sync)
		job->error = file_sync(job->file);
	file_unmap(job->map, (size_t)job->to);
}

static void finish_done(struct journal_job *job)
{
	struct journal *journal = job->journal;
	struct segment *segment = job->segment;

	if (job->error == 0 && job->must_sync && job->number > journal->synced_number)
		journal->synced_number = job->number;
	say_error(job, "sync a segment");
	segment->map = NULL;
	if (segment->file_users == 0) {
		file_close(segment->file);
		segment->file = NULL;
	}
	segment_release(segment);
}

static bool finish(struct journal *journal, struct segment *segment)
{
	struct journal_job *job = &journal->disk;

	if (segment->is_guarded)
		file_unguard(segment->map);
	segment->is_guarded = false;
	job->segment = segment;
	job->file = segment->file;
	job->map = segment->map;
	job->to = segment->capacity;
	job->number = segment->last;
	job->must_sync = journal->sync_ns > 0;
	job->work = finish_work;
	job->done = finish_done;
	segment->users++;
	if (start(journal)) {
		list_remove(&segment->finish);
		return true;
	}
	segment_release(segment);
	return false;
}

/* -- what was written since the last time --------------------------------------------- */

static void sync_work(struct journal_job *job)
{
	/* Only this part: syncing pages ahead would have each written twice, and protected from us. */
	job->error = file_map_sync(job->map + job->from, (size_t)(job->to - job->from));
}

static void sync_done(struct journal_job *job)
{
	struct journal *journal = job->journal;

	say_error(job, "sync");
	if (job->error == 0) {
		job->segment->synced = job->left_to;
		if (job->number > journal->synced_number)
			journal->synced_number = job->number;
	}
	segment_release(job->segment);
}

static bool sync_current(struct journal *journal)
{
	struct journal_job *job = &journal->disk;
	struct segment *segment = journal->current;
	int64_t page = (int64_t)file_page_bytes();

	journal->sync_is_due = false;
	if (segment == NULL || segment->damaged || segment->synced == segment->end)
		return false;
	job->segment = segment;
	job->map = segment->map;
	job->from = segment->synced / page * page;
	job->to = (segment->end + page - 1) / page * page;
	job->left_to = segment->end; /* carried to sync_done */
	job->number = segment->last;
	job->work = sync_work;
	job->done = sync_done;
	segment->users++;
	if (start(journal))
		return true;
	segment_release(segment);
	return false;
}

/* -- files that go -------------------------------------------------------------------- */

static void remove_work(struct journal_job *job)
{
	job->error = file_remove(job->path);
}

static void remove_done(struct journal_job *job)
{
	say_error(job, "remove a segment");
}

static bool remove_next(struct journal *journal)
{
	struct journal_job *job = &journal->disk;
	struct removal *removal = container_of(journal->removing.next, struct removal, link);

	list_remove(&removal->link);
	job->path = removal->path;
	job->work = remove_work;
	job->done = remove_done;
	free(removal);
	return start(journal);
}

void journal_remove_file(struct journal *journal, char *path)
{
	struct removal *removal = path != NULL ? malloc(sizeof(*removal)) : NULL;

	if (removal == NULL) { /* found and retired again at the next start */
		free(path);
		return;
	}
	removal->path = path;
	list_append(&journal->removing, &removal->link);
	journal_tend_disk(journal);
}

static bool is_left_alone(const struct journal *journal, const struct segment *segment)
{
	const struct journal_job *ahead = &journal->ahead;

	return !ahead->is_busy || (ahead->segment != segment && ahead->left != segment);
}

void journal_tend_disk(struct journal *journal)
{
	struct segment *left = list_is_empty(&journal->finishing)
		? NULL
		: container_of(journal->finishing.next, struct segment, finish);

	if (journal->disk.is_busy || journal->disk_waits)
		return;
	/* Names first, oldest first: readers open by name what the writer has left. */
	if (left != NULL && !left->is_named)
		(void)give_name(journal, left);
	else if (journal->has_new_names)
		sync_folder(journal);
	else if (left != NULL && is_left_alone(journal, left))
		(void)finish(journal, left);
	else if (journal->current != NULL && !journal->current->is_named)
		(void)give_name(journal, journal->current);
	else if (!list_is_empty(&journal->removing))
		(void)remove_next(journal);
	else if (journal->sync_is_due && left == NULL)
		(void)sync_current(journal);
}
