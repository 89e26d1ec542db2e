/*
 * journal_recover.c: reads what earlier processes have left. What is damaged is set aside or passed
 * by and said, never deleted; what is torn at the end is cut.
 */
#include "error.h"
#include "journal.h"
#include "log.h"
#include "scan.h"
#include "since.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- which files there are ------------------------------------------------------------ */

struct found {
	char *name;
	struct segment_head head;
	int64_t file_bytes;
};

struct recovery {
	struct journal *journal;
	uint64_t lock_id; /* 0: none */
	struct found *items;
	size_t count, room;
	int error;
	/* While scanning: */
	struct segment *segment;
	int64_t last_received_ns;
	uint64_t names_refused;
};

static void set_aside(const char *path, const char *why)
{
	char *aside = NULL;
	int error = asprintf(&aside, "%s.corrupt", path) < 0 ? -ENOMEM : file_rename(path, aside);

	if (error < 0)
		log_warn("journal", "%s: %s, and it cannot be renamed: %s; passed by", path, why,
			error_text(error));
	else
		log_warn("journal",
			"%s: %s; renamed to *.corrupt and passed by, its records are missing; "
			"look at it with: feedloom journal verify",
			path, why);
	free(aside);
}

/* What a crash left as a spare is a segment when it had been begun, else nothing was ever in it. */
static int adopt_spare(const struct journal *journal, const char *name)
{
	char *path = journal_path(journal->folder, name), *to = NULL;
	struct scan scan;
	int error;

	if (path == NULL)
		return -ENOMEM;
	error = scan_open(&scan, path);
	scan_close(&scan);
	if (error == 0) {
		to = segment_path(journal, scan.head.first_number, scan.head.generation);
		error = to == NULL ? -ENOMEM : file_exists(to) ? -EEXIST : file_rename(path, to);
	}
	if (error == -ENODATA || error == -EBADMSG || error == -EEXIST)
		error = file_remove(path);
	if (error < 0)
		log_error("journal", "%s: cannot be renamed or removed: %s", path, error_text(error));
	free(path);
	free(to);
	return error;
}

struct spares {
	char *names[64]; /* more than a process leaves behind; the next start finds the rest */
	size_t count;
};

static int on_spare(void *data, const char *name)
{
	struct spares *spares = data;

	if (spare_is_name(name) && spares->count < sizeof(spares->names) / sizeof(spares->names[0]))
		spares->names[spares->count++] = strdup(name);
	return 0;
}

static int adopt_spares(const struct journal *journal)
{
	struct spares spares = { .count = 0 };
	int error = file_list(journal->folder, on_spare, &spares);

	for (size_t i = 0; i < spares.count; i++) {
		if (error == 0)
			error = spares.names[i] != NULL ? adopt_spare(journal, spares.names[i]) : -ENOMEM;
		free(spares.names[i]);
	}
	return error;
}

static int keep_found(struct recovery *recovery, const char *name, const struct scan *scan)
{
	if (recovery->count == recovery->room) {
		size_t room = recovery->room > 0 ? recovery->room * 2 : 64;
		struct found *items = realloc(recovery->items, room * sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		recovery->items = items;
		recovery->room = room;
	}
	recovery->items[recovery->count] = (struct found){ strdup(name), scan->head, scan->file_bytes };
	if (recovery->items[recovery->count].name == NULL)
		return -ENOMEM;
	recovery->count++;
	return 0;
}

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), tail = strlen(end);

	return length >= tail && strcmp(name + length - tail, end) == 0;
}

static int on_name(void *data, const char *name)
{
	struct recovery *recovery = data;
	struct journal *journal = recovery->journal;
	uint64_t first;
	uint32_t generation;
	struct scan scan;
	char *path;
	int error;

	if (strcmp(name, JOURNAL_LOCK) == 0 || strcmp(name, SINCE_FILE) == 0 ||
		ends_with(name, ".corrupt"))
		return 0;
	path = journal_path(journal->folder, name);
	if (path == NULL)
		return -ENOMEM;
	if (!segment_parse_name(name, &first, &generation)) {
		log_warn("journal", "%s is no part of the journal; passed by, move it away", path);
		free(path);
		return 0;
	}
	error = scan_open(&scan, path);
	if (error == 0 && (scan.head.first_number != first || scan.head.generation != generation))
		error = -EBADMSG;
	scan_close(&scan);
	if (error == 0) {
		error = keep_found(recovery, name, &scan);
	} else if (error == -ENODATA && scan.file_bytes == 0) {
		log_warn("journal", "%s is empty; passed by, delete it", path);
		error = 0;
	} else if (error == -EBADMSG || error == -ENODATA) {
		set_aside(path, "its head is damaged");
		error = 0;
	} else if (error == -EPROTONOSUPPORT) {
		log_error("journal",
			"%s: format %u is not known to this feedloom; run the version that "
			"wrote it, or set another journal.dir",
			path, scan.head.version);
	} else {
		log_error("journal", "%s: %s", path, error_text(error));
	}
	free(path);
	return error;
}

static int by_age(const void *left, const void *right)
{
	const struct segment_head *a = &((const struct found *)left)->head;
	const struct segment_head *b = &((const struct found *)right)->head;

	if (a->generation != b->generation)
		return a->generation < b->generation ? -1 : 1;
	return a->first_number < b->first_number ? -1 : a->first_number > b->first_number;
}

/* All segments of a journal bear its id; others were put here by somebody. */
static void choose_id(struct recovery *recovery)
{
	const struct segment_head *newest = NULL;

	for (size_t i = 0; i < recovery->count; i++) {
		const struct segment_head *head = &recovery->items[i].head;

		if (head->journal_id == recovery->lock_id) {
			recovery->journal->id = recovery->lock_id;
			return;
		}
		if (newest == NULL || head->created_ns > newest->created_ns)
			newest = head;
	}
	if (newest != NULL)
		recovery->journal->id = newest->journal_id;
}

/* -- reading them --------------------------------------------------------------------- */

/* Books and below are market data: their times are the venue's. */
static void note_event(struct journal *journal, const struct fl_record *record)
{
	if (record->kind <= FL_BOOK && record->source < JOURNAL_SOURCE_MAX &&
		record->event_time_ns > journal->last_event_ns[record->source])
		journal->last_event_ns[record->source] = record->event_time_ns;
}

static int on_frame(
	void *data, unsigned type, const void *payload, uint32_t length, uint64_t number)
{
	struct recovery *recovery = data;
	struct journal *journal = recovery->journal;
	const struct fl_record *record = payload;
	const struct frame_trade *last = payload;
	const uint64_t *lost = payload;
	const char *name, *venue;
	struct frame_name ids;
	int error = 0;

	(void)number;
	switch (type) {
	case FRAME_RECORD:
		journal->published[record->kind]++;
		recovery->last_received_ns = record->received_ns;
		note_event(journal, record);
		if (record->kind == FL_GAP)
			open_gaps_note(&journal->open_gaps, record, length);
		if (record->kind == FL_TRADE) {
			const struct fl_trade *trade = payload;

			last_trades_note(journal->trades, record->source, record->instrument, trade->trade_seq,
				record->event_time_ns, trade->trade_id);
		}
		break;
	case FRAME_TRADE:
		last_trades_note(journal->trades, last->source, last->instrument, last->trade_seq,
			last->event_time_ns, last->trade_id);
		break;
	case FRAME_LOSS:
		for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
			journal->published[kind] += lost[kind];
			journal->lost[kind] += lost[kind];
		}
		break;
	default:
		if (!frame_read_name(payload, length, &ids, &name, &venue))
			error = -EINVAL;
		else if (type == FRAME_SOURCE)
			error = dictionary_restore_source(journal->dictionary, (uint16_t)ids.id, venue,
				ids.venue_length, name, ids.name_length);
		else
			error = dictionary_restore_instrument(
				journal->dictionary, ids.id, venue, ids.venue_length, name, ids.name_length);
		if (error == -ENOMEM)
			return error;
		recovery->names_refused += error < 0;
		break;
	}
	return 0;
}

/* The head's numbers are the truth at its place: what they are ahead of ours by went missing. */
static void compare_head(struct recovery *recovery, const struct found *found, const char *path)
{
	struct journal *journal = recovery->journal;
	bool is_first = list_is_empty(&journal->segments);
	char text[256];
	uint64_t missing[FL_KIND_COUNT] = { 0 }, sum = 0;

	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		if (found->head.published[kind] > journal->published[kind])
			missing[kind] = found->head.published[kind] - journal->published[kind];
		/* What could not be taken is missing too, but is known and was said. */
		if (found->head.lost[kind] > journal->lost[kind])
			missing[kind] -= found->head.lost[kind] - journal->lost[kind] < missing[kind]
				? found->head.lost[kind] - journal->lost[kind]
				: missing[kind];
		sum += missing[kind];
	}
	memcpy(journal->published, found->head.published, sizeof(journal->published));
	memcpy(journal->lost, found->head.lost, sizeof(journal->lost));
	if (!is_first && sum > 0)
		log_warn("journal",
			"%" PRIu64 " records before %s are missing (%s): readers count them as "
			"dropped; for where, run: feedloom journal verify",
			sum, path, counts_text(missing, text, sizeof(text)));
}

static int cut(const char *path, const struct scan *scan)
{
	struct file *file;
	int error = file_open(path, FILE_READ | FILE_WRITE, &file);

	if (error == 0) {
		error = file_truncate(file, scan->end);
		if (error == 0)
			error = file_sync(file);
		file_close(file);
	}
	if (error < 0)
		log_error("journal", "%s: cannot be cut at byte %" PRId64 ": %s", path, scan->end,
			error_text(error));
	return error;
}

static int read_segment(struct recovery *recovery, const struct found *found, bool is_newest)
{
	struct journal *journal = recovery->journal;
	char *path = journal_path(journal->folder, found->name);
	struct segment *segment = segment_create();
	struct scan scan;
	bool is_cut;
	int error = -ENOMEM;

	if (path == NULL || segment == NULL)
		goto free_segment;
	error = scan_open(&scan, path);
	if (error < 0)
		goto close_scan;
	compare_head(recovery, found, path);
	recovery->last_received_ns = found->head.created_ns;
	error = scan_frames(&scan, on_frame, recovery);
	if (error < 0)
		goto close_scan;
	if (scan.how == SCAN_DAMAGED)
		log_warn("journal",
			"%s: damaged at byte %" PRId64 ": what is before it is kept (up to "
			"record %" PRIu64 "), the rest is lost; run: feedloom journal verify",
			path, scan.end, scan.next_number - 1);
	else if (scan.how == SCAN_TORN)
		log_info("journal", "%s: the last record was torn and is cut", path);
	/* A damaged file stays as it is, for verify and for whoever can mend it. */
	is_cut = is_newest && scan.how != SCAN_DAMAGED && scan.end < scan.file_bytes;
	if (is_cut)
		error = cut(path, &scan);
	if (error < 0)
		goto close_scan;

	segment->first = found->head.first_number;
	segment->last = scan.next_number - 1;
	segment->generation = found->head.generation;
	segment->seed = found->head.checksum;
	segment->end = scan.end;
	segment->file_bytes = is_cut ? scan.end : scan.file_bytes;
	segment->created_ns = found->head.created_ns;
	segment->ended_ns = recovery->last_received_ns;
	segment->is_named = true;
	memcpy(segment->published, found->head.published, sizeof(segment->published));
	list_append(&journal->segments, &segment->link);
	journal->segment_count++;
	journal->bytes += segment->file_bytes;
	if (segment->last > journal->last_number)
		journal->last_number = segment->last;
	segment = NULL;

close_scan:
	scan_close(&scan);
free_segment:
	free(segment);
	free(path);
	return error;
}

int journal_recover(struct journal *journal, uint64_t lock_id)
{
	struct recovery recovery = { .journal = journal, .lock_id = lock_id };
	size_t newest = SIZE_MAX;
	int error = adopt_spares(journal);

	if (error == 0)
		error = file_list(journal->folder, on_name, &recovery);
	if (error < 0)
		goto free_items;
	if (recovery.count > 1)
		qsort(recovery.items, recovery.count, sizeof(recovery.items[0]), by_age);
	choose_id(&recovery);
	for (size_t i = 0; i < recovery.count; i++)
		if (recovery.items[i].head.journal_id == journal->id)
			newest = i;
	for (size_t i = 0; i < recovery.count && error == 0; i++) {
		const struct found *found = &recovery.items[i];

		if (found->head.journal_id != journal->id) {
			log_warn("journal", "%s/%s belongs to another journal; passed by, move it away",
				journal->folder, found->name);
			continue;
		}
		journal->generation = found->head.generation;
		error = read_segment(&recovery, found, i == newest);
	}
	if (recovery.names_refused > 0)
		log_warn("journal", "%s: %" PRIu64 " entries of the dictionary contradict others",
			journal->folder, recovery.names_refused);

free_items:
	for (size_t i = 0; i < recovery.count; i++)
		free(recovery.items[i].name);
	free(recovery.items);
	return error;
}
