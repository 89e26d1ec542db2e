/*
 * journal_room.c: back-pressure. When the pages that are ready run low because the worker that
 * makes them lags behind, whoever brings records is asked to hold back: what nobody reads waits in
 * the sockets and at the venue instead of being lost here. Not for ever: a worker that does not
 * come back waits for a disk that hangs, and from then on losing, counted, is better than standing
 * still.
 */
#include "journal.h"
#include "log.h"

#define PATIENCE_NS (3 * FL_SECOND)

/* What one turn may still bring once nobody reads any more: 768 KiB of 16 MiB. */
static int64_t low_bytes(const struct journal *journal)
{
	return journal->segment_bytes / 64 * 3;
}

/* That can be written without waiting for the worker. */
static int64_t ready_bytes(const struct journal *journal)
{
	const struct segment *current = journal->current, *spare = journal->spare;
	int64_t ready = 0, begin;

	if (current != NULL && !current->damaged)
		ready = current->populated - current->end;
	if (spare == NULL || !spare->is_guarded)
		return ready;
	begin = journal_spare_needs(spare, 0);
	return spare->populated > begin ? ready + spare->populated - begin : ready;
}

static void tell(struct journal *journal, enum room room)
{
	bool had_room = journal->room != ROOM_SHORT, has_room = room != ROOM_SHORT;

	journal->room = room;
	if (has_room)
		timer_stop(journal->room_timer);
	else
		timer_start(journal->room_timer, PATIENCE_NS, 0);
	journal->holds += had_room && !has_room;
	if (had_room != has_room && journal->on_room != NULL)
		journal->on_room(journal->room_data, has_room);
}

void journal_mind_room(struct journal *journal)
{
	bool is_low = ready_bytes(journal) < low_bytes(journal);

	if (journal->is_closing)
		return; /* the timer is gone, and so is whoever brought records */
	if (is_low && journal_more_is_coming(journal)) {
		if (journal->room == ROOM_ENOUGH)
			tell(journal, ROOM_SHORT);
	} else if (journal->room != ROOM_ENOUGH) {
		tell(journal, ROOM_ENOUGH);
	}
}

void journal_give_up_room(void *data)
{
	struct journal *journal = data;

	log_warn("journal", "%s: the disk has not answered for %d s: the feeds are read again",
		journal->folder, (int)(PATIENCE_NS / FL_SECOND));
	tell(journal, ROOM_GIVEN_UP);
}
