/*
 * journal_retire.c: which segments go. What every cursor has passed is kept for a while, so that a
 * store that comes back older than it was gets again what it lost; beyond max_size the oldest goes
 * first, read or not.
 */
#include "clock.h"
#include "journal.h"
#include "log.h"
#include <inttypes.h>
#include <stdlib.h>

static struct segment *oldest(const struct journal *journal)
{
	return container_of(journal->segments.next, struct segment, link);
}

static void retire(struct journal *journal, struct segment *segment)
{
	char *path = segment_path(journal, segment->first, segment->generation);

	segment->users++;
	cursors_leave(journal, segment); /* while it is still in the list */
	list_remove(&segment->link);
	segment->is_retired = true;
	journal->segment_count--;
	journal->bytes -= segment->file_bytes;
	journal_remove_file(journal, path);
	segment_release(segment);
}

/* The one being written stays, and so does what the workers are not done with. */
static bool can_go(const struct journal *journal, const struct segment *segment)
{
	return segment != journal->current && segment->map == NULL && segment->is_named;
}

static bool is_over(const struct journal *journal)
{
	int64_t needed = journal->spare == NULL ? journal->segment_bytes : 0;

	return journal->bytes + needed > journal->max_bytes;
}

void journal_retire(struct journal *journal)
{
	int64_t now_ns = clock_real_ns(journal->loop);

	while (can_go(journal, oldest(journal))) {
		struct segment *segment = oldest(journal);
		/* ended_ns is what a record says: not to be trusted in a difference. */
		bool is_old = segment->ended_ns < now_ns - journal->keep_ns;

		if (!is_over(journal) && !(is_old && cursors_have_passed(journal, segment)))
			return;
		retire(journal, segment);
	}
}

void journal_retire_passed(struct journal *journal)
{
	while (can_go(journal, oldest(journal)) && cursors_have_passed(journal, oldest(journal)))
		retire(journal, oldest(journal));
}
