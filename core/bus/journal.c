/*
 * journal.c: the writer. An append is a copy into a mapped page that a worker has made ready;
 * nothing here waits for the disk. What cannot be taken is counted, by kind, and told to every
 * reader.
 */
#include "journal.h"
#include "clock.h"
#include "error.h"
#include "log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- state ---------------------------------------------------------------------------- */

const char *counts_text(const uint64_t counts[FL_KIND_COUNT], char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		int length;

		if (counts[kind] == 0 || fl_kind_name(kind) == NULL)
			continue;
		length = snprintf(text + used, size - used, "%s%s %" PRIu64, used > 0 ? ", " : "",
			fl_kind_name(kind), counts[kind]);
		if (length < 0 || (size_t)length >= size - used)
			break;
		used += (size_t)length;
	}
	return text;
}

static FL_PRINTF(2, 3) void complain(const char *what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_complain("journal", what, format, args);
	va_end(args);
}

void journal_degrade(struct journal *journal, const char *format, ...)
{
	va_list args;

	journal->lost_since_tick = true;
	if (journal->state == BUS_DEGRADED)
		return;
	va_start(args, format);
	(void)vsnprintf(journal->reason, sizeof(journal->reason), format, args);
	va_end(args);
	journal->state = BUS_DEGRADED;
	journal->state_is_news = true;
	complain("degraded", "degraded: %s", journal->reason);
	journal_wake(journal);
}

static void recover_state(struct journal *journal)
{
	if (journal->state == BUS_OK || journal->lost_since_tick || journal->has_untold ||
		journal->spare_error != 0 || journal->pages_error != 0)
		return;
	journal->state = BUS_OK;
	journal->reason[0] = '\0';
	journal->state_is_news = true;
	log_resolved("journal", "degraded");
	journal_wake(journal);
}

static void report_losses(struct journal *journal)
{
	uint64_t lost[FL_KIND_COUNT];
	char text[256];

	if (!journal->has_unreported)
		return;
	memcpy(lost, journal->unreported, sizeof(lost));
	memset(journal->unreported, 0, sizeof(journal->unreported));
	journal->has_unreported = false;
	log_warn("journal", "lost: %s: %s", counts_text(lost, text, sizeof(text)), journal->reason);
	if (journal->owner != NULL && journal->owner->on_lost != NULL)
		journal->owner->on_lost(journal->data, "", "", journal->reason, lost);
}

static int lose(struct journal *journal, unsigned kind, int error)
{
	journal->published[kind]++;
	journal->lost[kind]++;
	journal->untold[kind]++;
	journal->unreported[kind]++;
	journal->has_untold = journal->has_unreported = true;
	if (error == -EAGAIN)
		journal_degrade(journal, "the disk does not keep up: %s", journal->folder);
	else if (error == -EMSGSIZE)
		journal_degrade(journal, "a record is larger than a segment");
	else
		journal_degrade(journal, "%s: %s", error_text(error), journal->folder);
	return -ENOSPC;
}

/* -- segments ------------------------------------------------------------------------- */

struct segment *segment_create(void)
{
	struct segment *segment = calloc(1, sizeof(*segment));

	if (segment == NULL)
		return NULL;
	list_init(&segment->link);
	list_init(&segment->finish);
	return segment;
}

void segment_release(struct segment *segment)
{
	segment->users--;
	if (segment->users == 0 && segment->is_retired)
		free(segment);
}

char *journal_path(const char *folder, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

char *segment_path(const struct journal *journal, uint64_t first, uint32_t generation)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%020" PRIu64 "-%08" PRIx32 ".segment", first, generation);
	return journal_path(journal->folder, name);
}

char *spare_path(const struct journal *journal, uint32_t spare)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "spare-%08" PRIx32 ".segment", spare);
	return journal_path(journal->folder, name);
}

bool spare_is_name(const char *name)
{
	return strncmp(name, "spare-", 6) == 0;
}

bool segment_parse_name(const char *name, uint64_t *first, uint32_t *generation)
{
	int end = 0;

	return strlen(name) == 37 &&
		sscanf(name, "%20" SCNu64 "-%8" SCNx32 ".segment%n", first, generation, &end) == 2 &&
		end == 37;
}

struct segment *journal_after(const struct journal *journal, const struct segment *segment)
{
	const struct link *next = segment->is_retired ? journal->segments.next : segment->link.next;

	if (next == &journal->segments)
		return NULL;
	return container_of(next, struct segment, link);
}

/* Writes a frame whose payload is at its place already. */
static void seal(struct journal *journal, enum frame_type type, uint32_t length)
{
	struct segment *segment = journal->current;

	frame_seal(segment->map + segment->end, segment->seed, journal->last_number + 1, type, length);
	segment->end += FRAME_BYTES + (int64_t)length;
	journal->tick_bytes += FRAME_BYTES + (int64_t)length;
}

static char *payload(struct journal *journal)
{
	return journal->current->map + journal->current->end + FRAME_BYTES;
}

static void name_instrument(struct journal *journal, uint32_t id)
{
	struct dictionary *dictionary = journal->dictionary;

	if (!dictionary_must_name_instrument(dictionary, id, journal->serial))
		return;
	seal(journal, FRAME_INSTRUMENT,
		frame_write_name(payload(journal), id, dictionary_instrument_name(dictionary, id),
			dictionary_instrument_venue(dictionary, id)));
}

static void name_source(struct journal *journal, uint16_t id)
{
	struct dictionary *dictionary = journal->dictionary;

	if (!dictionary_must_name_source(dictionary, id, journal->serial))
		return;
	seal(journal, FRAME_SOURCE,
		frame_write_name(payload(journal), id, dictionary_source_name(dictionary, id),
			dictionary_source_venue(dictionary, id)));
}

struct trade_writer {
	struct journal *journal;
	int64_t limit; /* bytes of the segment that they may reach */
};

static bool write_trade(
	void *data, uint16_t source, uint32_t instrument, const struct fl_last_trade *trade)
{
	struct trade_writer *writer = data;
	struct journal *journal = writer->journal;
	struct frame_trade frame = { .source = source,
		.instrument = instrument,
		.trade_seq = trade->trade_seq,
		.event_time_ns = trade->event_time_ns };

	if (journal->current->end + JOURNAL_RESERVE_BYTES > writer->limit)
		return false;
	memcpy(frame.trade_id, trade->trade_id, sizeof(frame.trade_id));
	name_source(journal, source);
	name_instrument(journal, instrument);
	memcpy(payload(journal), &frame, sizeof(frame));
	seal(journal, FRAME_TRADE, sizeof(frame));
	return true;
}

/* So that the segment can be understood when the ones before it are gone. Bounded: the latest. */
static void write_last_trades(struct journal *journal)
{
	struct segment *segment = journal->current;
	struct trade_writer writer = { journal, HEAD_BYTES + segment->capacity / 16 };

	if (writer.limit > segment->populated)
		writer.limit = segment->populated;
	last_trades_each(journal->trades, write_trade, &writer);
}

int64_t journal_spare_needs(const struct segment *spare, int64_t bytes)
{
	return HEAD_BYTES + spare->capacity / 16 + bytes + JOURNAL_RESERVE_BYTES;
}

bool journal_spare_is_ready(const struct journal *journal, int64_t bytes)
{
	const struct segment *spare = journal->spare;

	return spare != NULL && spare->is_guarded &&
		journal_spare_needs(spare, bytes) <= spare->populated;
}

void journal_roll(struct journal *journal)
{
	struct segment *old = journal->current, *segment = journal->spare;
	struct segment_head head = { .journal_id = journal->id,
		.generation = journal->generation,
		.first_number = journal->last_number + 1,
		.created_ns = clock_real_ns(journal->loop) };

	memcpy(head.published, journal->published, sizeof(head.published));
	memcpy(head.lost, journal->lost, sizeof(head.lost));
	/* What was lost is in the head's numbers: no frame needs to tell it any more. */
	memset(journal->untold, 0, sizeof(journal->untold));
	journal->has_untold = false;
	head_seal(&head);
	memcpy(segment->map, &head, sizeof(head));

	segment->generation = head.generation;
	segment->first = head.first_number;
	segment->last = segment->first - 1;
	segment->seed = head.checksum;
	segment->end = HEAD_BYTES;
	segment->created_ns = head.created_ns;
	memcpy(segment->published, head.published, sizeof(head.published));
	journal->spare = NULL;
	journal->current = segment;
	journal->serial++;
	list_append(&journal->segments, &segment->link);
	journal->segment_count++;
	if (old != NULL) {
		old->ended_ns = head.created_ns;
		list_append(&journal->finishing, &old->finish);
	}
	write_last_trades(journal);
	journal_tend_disk(journal);
	journal_look_ahead(journal);
}

void journal_abandon(struct journal *journal)
{
	journal_degrade(journal, "a page of the journal is damaged: %s", journal->folder);
	if (journal->current != NULL)
		journal->current->damaged = true; /* the next record goes to another segment */
	journal_look_ahead(journal);
}

/* -- append --------------------------------------------------------------------------- */

/* The current segment cannot take `bytes` now: the next one can, or the record is lost. */
static int make_room(struct journal *journal, int64_t bytes)
{
	struct segment *segment = journal->current;

	if (HEAD_BYTES + journal->segment_bytes / 16 + bytes + JOURNAL_RESERVE_BYTES >
		journal->segment_bytes)
		return -EMSGSIZE;
	journal_note_reached(journal);
	if (segment != NULL && !segment->damaged &&
		segment->end + bytes + JOURNAL_RESERVE_BYTES <= segment->capacity) {
		if (segment->end + bytes + JOURNAL_RESERVE_BYTES <= segment->populated)
			return 0;
		journal_look_ahead(journal);
		if (journal_help(journal, segment, segment->end + bytes + JOURNAL_RESERVE_BYTES))
			return 0;
		return journal->pages_error != 0 ? journal->pages_error : -EAGAIN;
	}
	if (!journal_spare_is_ready(journal, bytes)) {
		journal_look_ahead(journal);
		if (journal->spare == NULL)
			return journal->spare_error != 0 ? journal->spare_error : -EAGAIN;
		if (!journal_help(journal, journal->spare, journal_spare_needs(journal->spare, bytes)))
			return journal->pages_error != 0 ? journal->pages_error : -EAGAIN;
	}
	journal_roll(journal);
	return 0;
}

static void write_loss(struct journal *journal)
{
	memcpy(payload(journal), journal->untold, sizeof(journal->untold));
	seal(journal, FRAME_LOSS, sizeof(journal->untold));
	memset(journal->untold, 0, sizeof(journal->untold));
	journal->has_untold = false;
}

void journal_tell_loss(struct journal *journal, unsigned more)
{
	const struct segment *segment = journal->current;
	int64_t bytes = FRAME_BYTES + (int64_t)sizeof(journal->untold);

	if (journal->has_untold && segment != NULL && segment->map != NULL && !segment->damaged &&
		segment->end + bytes * (1 + more) <= segment->populated)
		write_loss(journal);
}

/* Names that the record uses are in its segment before it, and so are losses that came before it.
 */
static void write_before(struct journal *journal, const struct fl_record *record)
{
	name_source(journal, record->source);
	name_instrument(journal, record->instrument);
	if (record->kind == FL_TICKER)
		name_instrument(
			journal, ((const struct fl_ticker *)(const void *)record)->underlying_index);
	else if (record->kind == FL_TRADE)
		name_instrument(journal, ((const struct fl_trade *)(const void *)record)->combo);
	if (journal->has_untold)
		write_loss(journal);
}

int journal_append(struct journal *journal, const struct fl_record *record)
{
	int64_t bytes = FRAME_BYTES + (int64_t)record->length;
	struct segment *segment = journal->current;

	if (!journal->wake_is_pending)
		journal_turn_begins(journal);
	for (int attempt = 0; attempt < 2; attempt++) {
		if (segment == NULL || segment->damaged ||
			segment->end + bytes + JOURNAL_RESERVE_BYTES > segment->populated) {
			int error = make_room(journal, bytes);

			if (error < 0)
				return lose(journal, record->kind, error);
			segment = journal->current;
		}
		write_before(journal, record);
		memcpy(payload(journal), record, record->length);
		seal(journal, FRAME_RECORD, record->length);
		if (!segment->damaged)
			break;
		/* A page could not be had although it was promised: it goes to another segment. */
		journal_abandon(journal);
		if (attempt == 1)
			return lose(journal, record->kind, -EIO);
	}
	journal->last_number++;
	segment->last = journal->last_number;
	journal->published[record->kind]++;
	if (record->kind == FL_TRADE) {
		const struct fl_trade *trade = (const void *)record;

		last_trades_note(journal->trades, record->source, record->instrument, trade->trade_seq,
			record->event_time_ns, trade->trade_id);
	}
	if (segment->end >= segment->look_at &&
		segment->populated - segment->end < journal->ahead_bytes) {
		segment->look_at = segment->end + journal->segment_bytes / 256; /* not for each record */
		journal_note_reached(journal);
		journal_look_ahead(journal); /* nothing, while it is busy */
		journal_mind_room(journal);
	}
	if (!journal->wake_is_pending)
		journal_wake(journal);
	return 0;
}

/* -- turns and ticks ------------------------------------------------------------------ */

static void tell_state(struct journal *journal)
{
	if (!journal->state_is_news)
		return;
	journal->state_is_news = false;
	if (journal->owner != NULL && journal->owner->on_state != NULL)
		journal->owner->on_state(journal->data, journal->state, journal->reason);
}

static void on_wake(void *data)
{
	struct journal *journal = data;

	journal->wake_is_pending = false;
	if (journal->is_closing)
		return;
	tell_state(journal);
	cursors_run(journal);
}

void journal_wake(struct journal *journal)
{
	if (journal->wake_is_pending || journal->is_closing)
		return;
	/* Without memory the next record or tick tries again. */
	journal->wake_is_pending = loop_defer(journal->loop, on_wake, journal) == 0;
}

/* Once a second. */
static void on_tick(void *data)
{
	struct journal *journal = data;
	int64_t target = journal->tick_bytes;

	journal_mind_room(journal);
	journal_tell_loss(journal, 1); /* and one more at the close */
	report_losses(journal);
	recover_state(journal);
	journal->lost_since_tick = false;

	/* A second's worth of pages bridges a stall of the disk as long; it shrinks slowly. */
	if (target < journal->ahead_bytes * 3 / 4)
		target = journal->ahead_bytes * 3 / 4;
	if (target < JOURNAL_AHEAD_MIN_BYTES)
		target = JOURNAL_AHEAD_MIN_BYTES;
	if (target > JOURNAL_AHEAD_MAX_BYTES)
		target = JOURNAL_AHEAD_MAX_BYTES;
	journal->ahead_bytes = target;
	journal->bytes_per_second += ((double)journal->tick_bytes - journal->bytes_per_second) / 60;
	journal->tick_bytes = 0;

	journal->spare_waits = journal->pages_wait = journal->disk_waits = false;
	journal_retire(journal);
	journal_look_ahead(journal);
	journal_tend_disk(journal);
	cursors_report(journal);
	journal_wake(journal);
}

static void on_sync(void *data)
{
	struct journal *journal = data;

	journal->sync_is_due = true;
	journal_tend_disk(journal);
}

int journal_start_timers(struct journal *journal)
{
	journal->tick = timer_create(journal->loop, on_tick, journal);
	journal->sync_timer = timer_create(journal->loop, on_sync, journal);
	journal->room_timer = timer_create(journal->loop, journal_give_up_room, journal);
	if (journal->tick == NULL || journal->sync_timer == NULL || journal->room_timer == NULL)
		return -ENOMEM;
	timer_start(journal->tick, JOURNAL_TICK_NS, JOURNAL_TICK_NS);
	return 0;
}

void journal_configure(struct journal *journal, int64_t max_bytes, int64_t sync_ns, int64_t keep_ns)
{
	journal->max_bytes = max_bytes > 0 ? max_bytes : INT64_C(4) << 30;
	if (journal->max_bytes < 4 * journal->segment_bytes)
		journal->max_bytes = 4 * journal->segment_bytes;
	journal->keep_ns = keep_ns >= 0 ? keep_ns : FL_HOUR;
	if (sync_ns == journal->sync_ns)
		return;
	journal->sync_ns = sync_ns;
	if (sync_ns > 0)
		timer_start(journal->sync_timer, sync_ns, sync_ns);
	else
		timer_stop(journal->sync_timer);
}
