/*
 * journal_open.c: takes the folder, has it read (journal_recover.c) and begins a new generation
 * behind what is there; and puts everything away at the end.
 */
#include "clock.h"
#include "error.h"
#include "journal.h"
#include "log.h"
#include "process.h"
#include "random.h"
#include "since.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- the folder and its lock ---------------------------------------------------------- */

static int check_folder(const struct journal *journal)
{
	enum file_system kind;
	const char *name;
	int error = file_make_folder(journal->folder);

	if (error < 0) {
		log_error("journal",
			"%s: cannot make the folder: %s; set journal.dir to one that can be "
			"written",
			journal->folder, error_text(error));
		return error;
	}
	error = file_system_kind(journal->folder, &kind, &name);
	if (error < 0) {
		log_error("journal", "%s: %s", journal->folder, error_text(error));
		return error;
	}
	if (kind == FILE_SYSTEM_LOCAL)
		return 0;
	log_error("journal",
		"%s is on %s (%s), where a mapped journal can lose data; set journal.dir "
		"to a local disk",
		journal->folder, name, kind == FILE_SYSTEM_FUSE ? "FUSE" : "a network file system");
	return -EMEDIUMTYPE;
}

/* The lock file says who has the journal, and which one it is, in case heads disagree. */
static void read_lock(const char *path, long *pid, uint64_t *id)
{
	char *text, *end;
	size_t length;

	*pid = 0;
	*id = 0;
	if (file_load(path, 256, &text, &length) < 0)
		return;
	*pid = strtol(text, &end, 10);
	if (*end == '\n')
		*id = strtoull(end + 1, NULL, 10);
	free(text);
}

static int take_lock(struct journal *journal, long *other_pid, uint64_t *id)
{
	char *path = journal_path(journal->folder, JOURNAL_LOCK);
	long pid;
	int error;

	if (path == NULL)
		return -ENOMEM;
	error = file_open(path, FILE_READ | FILE_WRITE | FILE_CREATE, &journal->lock);
	if (error < 0) {
		log_error("journal", "%s: %s; set journal.dir to a folder that can be written", path,
			error_text(error));
		goto free_path;
	}
	error = file_lock(journal->lock);
	read_lock(path, &pid, id);
	if (error == -EWOULDBLOCK && pid > 0)
		log_error("journal", "%s is in use by process %ld; stop it, or set another journal.dir",
			journal->folder, pid);
	else if (error < 0)
		log_error("journal", "%s: %s; stop the process that uses it, or set another journal.dir",
			path, error_text(error));
	if (error < 0 && other_pid != NULL)
		*other_pid = pid;

free_path:
	free(path);
	return error;
}

static int write_lock(struct journal *journal)
{
	char text[64];
	int length = snprintf(text, sizeof(text), "%d\n%" PRIu64 "\n", process_id(), journal->id);
	int error = file_truncate(journal->lock, 0);
	int64_t wrote = error < 0 ? error : file_write(journal->lock, 0, text, (size_t)length);

	if (wrote == length)
		return 0;
	error = wrote < 0 ? (int)wrote : -ENOSPC;
	log_error("journal", "%s: cannot write the lock: %s", journal->folder, error_text(error));
	return error;
}

/* -- the new generation --------------------------------------------------------------- */

/* Synced before any record: a generation that a power cut could take back would be used twice. */
static int begin(struct journal *journal)
{
	char *path = spare_path(journal, 0), *to = NULL;
	struct segment *spare = segment_create();
	int64_t ready = journal->segment_bytes < JOURNAL_AHEAD_MIN_BYTES ? journal->segment_bytes
																	 : JOURNAL_AHEAD_MIN_BYTES;
	int error = -ENOMEM;

	if (path == NULL || spare == NULL)
		goto free_spare;
	error = spare_make(path, journal->segment_bytes, &spare->file, &spare->map);
	if (error < 0)
		goto free_spare;
	spare->capacity = spare->file_bytes = journal->segment_bytes;
	spare->is_guarded = file_guard(spare->map, (size_t)spare->capacity, &spare->damaged) == 0;
	error = file_populate(spare->map, (size_t)ready);
	if (error < 0)
		goto unmap;
	spare->populated = ready;
	journal->bytes += spare->file_bytes;
	journal->spare = spare;
	spare->is_named = true; /* in a moment; not by the worker */
	do {                    /* a file that is not ours may have its name */
		free(to);
		to = segment_path(journal, journal->last_number + 1, ++journal->generation);
	} while (to != NULL && file_exists(to));
	journal->is_closing = true; /* no worker yet */
	journal->disk_waits = true;
	journal_roll(journal);
	journal->is_closing = journal->disk_waits = false;
	error = to == NULL ? -ENOMEM : file_map_sync(spare->map, file_page_bytes());
	if (error == 0)
		error = file_sync(spare->file);
	if (error == 0)
		error = file_rename(path, to);
	if (error == 0)
		error = file_sync_folder(journal->folder);
	free(path);
	free(to);
	if (error < 0)
		log_error("journal", "%s: cannot begin a segment: %s", journal->folder, error_text(error));
	return error; /* journal_close puts the segment away */

unmap:
	if (spare->is_guarded)
		file_unguard(spare->map);
	file_unmap(spare->map, (size_t)spare->capacity);
	file_close(spare->file);
	(void)file_remove(path);
free_spare:
	log_error("journal", "%s: cannot make a segment of %" PRId64 " MiB: %s%s", journal->folder,
		journal->segment_bytes >> 20, error_text(error),
		error == -ENOSPC || error == -EDQUOT ? "; free some space or set another journal.dir" : "");
	free(spare);
	free(path);
	return error;
}

static void say_open(const struct journal *journal)
{
	log_info("journal",
		"%s: journal %016" PRIx64 ", generation %" PRIu32 ", %" PRIu32 " segments, %" PRId64
		" MiB of %" PRId64 ", next record %" PRIu64 "%s",
		journal->folder, journal->id, journal->generation, journal->segment_count,
		journal->bytes >> 20, journal->max_bytes >> 20, journal->last_number + 1,
		journal->sync_ns > 0 ? "" : "; sync 0: a power cut may take what was written last");
}

/* Without it a hole that a kill leaves is told from where the records end. */
static void open_since(struct journal *journal)
{
	int error = since_open(journal->folder, journal->generation, &journal->since);

	if (error < 0)
		log_warn("journal", "%s/" SINCE_FILE ": %s; the begin of what a kill loses is a guess",
			journal->folder, error_text(error));
}

int journal_open(
	struct loop *loop, const struct bus_setup *setup, long *other_pid, struct journal **out)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	uint64_t lock_id = 0;
	int error = -ENOMEM;

	if (journal == NULL)
		return -ENOMEM;
	journal->loop = loop;
	journal->opened_ns = clock_real_ns(loop);
	journal->owner = setup->owner;
	journal->data = setup->data;
	journal->segment_bytes =
		setup->segment_bytes > 0 ? setup->segment_bytes : JOURNAL_SEGMENT_BYTES;
	journal->ahead_bytes = JOURNAL_AHEAD_MIN_BYTES;
	list_init(&journal->segments);
	list_init(&journal->finishing);
	list_init(&journal->removing);
	list_init(&journal->cursors);
	list_init(&journal->expected);
	journal->folder = strdup(setup->folder);
	journal->dictionary = dictionary_create(random_u64(loop));
	journal->trades = last_trades_create();
	if (journal->folder == NULL || journal->dictionary == NULL || journal->trades == NULL)
		goto close;
	error = check_folder(journal);
	if (error == 0)
		error = take_lock(journal, other_pid, &lock_id);
	if (error == 0)
		error = journal_recover(journal, lock_id);
	if (error < 0)
		goto close;
	while (journal->id == 0)
		journal->id = random_u64(loop) >> 1; /* 63 bits: SQL's bigint holds it */
	error = write_lock(journal);
	if (error == 0)
		error = begin(journal);
	if (error == 0)
		error = journal_start_timers(journal);
	if (error == 0)
		open_since(journal);
	if (error < 0)
		goto close;
	journal_configure(journal, setup->max_bytes, setup->sync_ns, setup->keep_ns);
	journal->synced_number = journal->last_number;
	say_open(journal);
	journal_look_ahead(journal);
	*out = journal;
	return 0;

close:
	journal_close(journal);
	return error;
}

/* -- close ---------------------------------------------------------------------------- */

static void drain(struct journal *journal)
{
	while (journal->ahead.is_busy || journal->disk.is_busy || journal->cursor_jobs > 0 ||
		journal->wake_is_pending || !list_is_empty(&journal->finishing) ||
		!list_is_empty(&journal->removing) || journal->has_new_names) {
		if (journal->disk_waits) /* the disk refuses: what is left is found at the next start */
			break;
		journal_tend_disk(journal);
		loop_turn(journal->loop, true);
	}
	while (journal->ahead.is_busy || journal->disk.is_busy || journal->cursor_jobs > 0 ||
		journal->wake_is_pending)
		loop_turn(journal->loop, true);
}

/* Puts away a segment that is mapped; its file is as long as what is in it. */
static void put_away(struct journal *journal, struct segment *segment)
{
	int error = 0;

	if (segment->is_guarded)
		file_unguard(segment->map);
	if (segment->map != NULL)
		file_unmap(segment->map, (size_t)segment->capacity);
	segment->map = NULL;
	if (segment->file == NULL)
		return;
	if (segment->end >= HEAD_BYTES)
		error = file_truncate(segment->file, segment->end);
	if (error == 0 && journal->sync_ns > 0)
		error = file_sync(segment->file);
	if (error < 0)
		log_warn("journal",
			"%s: cannot close the last segment in good order: %s; the next start "
			"looks after it",
			journal->folder, error_text(error));
	file_close(segment->file);
	segment->file = NULL;
}

static void drop_spare(struct journal *journal)
{
	char *path = spare_path(journal, journal->spare->spare);

	if (journal->spare->is_guarded)
		file_unguard(journal->spare->map);
	file_unmap(journal->spare->map, (size_t)journal->spare->capacity);
	file_close(journal->spare->file);
	if (path != NULL)
		(void)file_remove(path);
	free(path);
	free(journal->spare);
	journal->spare = NULL;
}

void journal_close(struct journal *journal)
{
	struct link *at, *following;

	if (journal == NULL)
		return;
	journal_tell_loss(journal, 0);
	journal->is_closing = true;
	timer_destroy(journal->tick);
	timer_destroy(journal->sync_timer);
	timer_destroy(journal->room_timer);
	cursors_close(journal);
	drain(journal);
	if (journal->spare != NULL)
		drop_spare(journal);
	list_each (at, following, &journal->segments) {
		struct segment *segment = container_of(at, struct segment, link);

		put_away(journal, segment);
		free(segment);
	}
	since_close(journal->since);
	file_close(journal->lock);
	last_trades_destroy(journal->trades);
	open_gaps_finish(&journal->open_gaps);
	dictionary_destroy(journal->dictionary);
	free(journal->folder);
	free(journal);
}
