/*
 * journal_inspect.c: walks a journal's folder as recovery does, but changes nothing and goes on.
 */
#include "journal_inspect.h"
#include "error.h"
#include "journal.h"
#include "scan.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct seen {
	char *name;
	uint64_t journal_id, first;
	uint32_t generation;
	int64_t created_ns;
	int error; /* of its head */
};

struct inspection {
	const char *folder;
	const struct journal_visitor *visitor;
	struct record_names names;
	struct dictionary *dictionary;
	struct seen *items;
	size_t count, room;
	uint64_t journal_id;
	uint64_t next_number; /* expected; 0: any */
	struct journal_segment_info *info;
};

const char *journal_finding_name(enum journal_finding finding)
{
	static const char *const names[] = { "whole", "torn", "damaged", "bad head", "foreign",
		"unreadable" };

	return names[finding];
}

static const char *source_name(void *data, uint16_t source)
{
	return dictionary_source_name(data, source);
}

static const char *instrument_name(void *data, uint32_t instrument)
{
	return dictionary_instrument_name(data, instrument);
}

static const char *venue_name(void *data, uint32_t instrument)
{
	return dictionary_instrument_venue(data, instrument);
}

static int on_name(void *data, const char *name)
{
	struct inspection *inspection = data;
	struct seen *seen;
	struct scan scan;
	uint64_t first;
	uint32_t generation;
	bool is_spare = spare_is_name(name);
	char *path;
	int error;

	if (!is_spare && !segment_parse_name(name, &first, &generation))
		return 0;
	path = journal_path(inspection->folder, name);
	if (path == NULL)
		return -ENOMEM;
	error = scan_open(&scan, path);
	scan_close(&scan);
	free(path);
	/* A spare is a segment from the moment its head is written until it gets its name. */
	if (error == -ENOENT || (is_spare && error < 0))
		return 0;
	if (inspection->count == inspection->room) {
		size_t room = inspection->room > 0 ? inspection->room * 2 : 64;
		struct seen *items = realloc(inspection->items, room * sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		inspection->items = items;
		inspection->room = room;
	}
	if (error == 0 && !is_spare &&
		(scan.head.first_number != first || scan.head.generation != generation))
		error = -EBADMSG;
	seen = &inspection->items[inspection->count];
	*seen = (struct seen){ .name = strdup(name),
		.journal_id = error == 0 ? scan.head.journal_id : 0,
		.first = error == 0 ? scan.head.first_number : first,
		.generation = error == 0 ? scan.head.generation : generation,
		.created_ns = error == 0 ? scan.head.created_ns : 0,
		.error = error };
	if (seen->name == NULL)
		return -ENOMEM;
	inspection->count++;
	return 0;
}

static int by_age(const void *left, const void *right)
{
	const struct seen *a = left, *b = right;

	if (a->generation != b->generation)
		return a->generation < b->generation ? -1 : 1;
	return a->first < b->first ? -1 : a->first > b->first;
}

static int on_frame(
	void *data, unsigned type, const void *payload, uint32_t length, uint64_t number)
{
	struct inspection *inspection = data;
	struct journal_segment_info *info = inspection->info;
	const struct fl_record *record = payload;
	const uint64_t *lost = payload;
	const char *name, *venue;
	struct frame_name ids;

	switch (type) {
	case FRAME_RECORD:
		info->counts[record->kind]++;
		info->last_number = number;
		if (info->first_received_ns == 0)
			info->first_received_ns = record->received_ns;
		info->last_received_ns = record->received_ns;
		if (inspection->visitor->on_record != NULL)
			return inspection->visitor->on_record(
				inspection->visitor->data, record, number, info->generation, &inspection->names);
		return 0;
	case FRAME_LOSS:
		for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
			info->lost[kind] += lost[kind];
		return 0;
	case FRAME_SOURCE:
		if (frame_read_name(payload, length, &ids, &name, &venue))
			(void)dictionary_restore_source(inspection->dictionary, (uint16_t)ids.id, venue,
				ids.venue_length, name, ids.name_length);
		return 0;
	case FRAME_INSTRUMENT:
		if (frame_read_name(payload, length, &ids, &name, &venue))
			(void)dictionary_restore_instrument(
				inspection->dictionary, ids.id, venue, ids.venue_length, name, ids.name_length);
		return 0;
	default: return 0;
	}
}

static int walk_segment(struct inspection *inspection, struct scan *scan,
	struct journal_segment_info *info, char *detail)
{
	int answer;

	info->journal_id = scan->head.journal_id;
	info->generation = scan->head.generation;
	info->first_number = scan->head.first_number;
	info->last_number = scan->head.first_number - 1;
	info->created_ns = scan->head.created_ns;
	info->file_bytes = scan->file_bytes;
	memcpy(info->published, scan->head.published, sizeof(info->published));
	if (inspection->next_number != 0 && info->first_number > inspection->next_number)
		info->missing_before = info->first_number - inspection->next_number;
	if (info->journal_id != inspection->journal_id) {
		info->finding = JOURNAL_FOREIGN;
		return 0;
	}
	inspection->info = info;
	answer = scan_frames(scan, on_frame, inspection);
	/* A daemon may have been at work on this frame: then it is whole by now, and there is more. */
	for (int64_t end = 0; answer == 0 && scan->how != SCAN_WHOLE && scan->end != end;) {
		end = scan->end;
		answer = scan_frames(scan, on_frame, inspection);
	}
	if (answer != 0)
		return answer;
	inspection->next_number = scan->next_number;
	info->used_bytes = scan->end;
	if (scan->how == SCAN_TORN)
		info->finding = JOURNAL_TORN;
	else if (scan->how == SCAN_DAMAGED)
		info->finding = JOURNAL_DAMAGED;
	if (scan->how != SCAN_WHOLE)
		(void)snprintf(detail, 96, "no whole record at byte %" PRId64 ", behind record %" PRIu64,
			scan->end, scan->next_number - 1);
	return 0;
}

static enum journal_finding finding_of(int error)
{
	switch (error) {
	case -EBADMSG:
	case -ENODATA: return JOURNAL_BAD_HEAD;
	case -EPROTONOSUPPORT: return JOURNAL_FOREIGN;
	default: return JOURNAL_UNREADABLE;
	}
}

static int inspect_segment(struct inspection *inspection, const struct seen *seen)
{
	char detail[96] = "";
	struct journal_segment_info info = { .name = seen->name,
		.detail = detail,
		.first_number = seen->first,
		.last_number = seen->first - 1,
		.generation = seen->generation };
	char *path = journal_path(inspection->folder, seen->name);
	struct scan scan;
	int error, answer = 0;

	if (path == NULL)
		return -ENOMEM;
	error = scan_open(&scan, path);
	info.file_bytes = scan.file_bytes;
	if (error == 0)
		error = seen->error;
	if (error == 0) {
		answer = walk_segment(inspection, &scan, &info, detail);
	} else if (error != -ENOENT) { /* retired meanwhile */
		info.finding = finding_of(error);
		(void)snprintf(detail, sizeof(detail), "%s",
			error == -EBADMSG       ? "checksum of the head is wrong"
				: error == -ENODATA ? "empty"
									: error_text(error));
	}
	scan_close(&scan);
	free(path);
	if (error != -ENOENT && inspection->visitor->on_segment != NULL && answer == 0)
		inspection->visitor->on_segment(inspection->visitor->data, &info);
	return answer;
}

int journal_inspect(const char *folder, const struct journal_visitor *visitor)
{
	struct inspection inspection = { .folder = folder, .visitor = visitor };
	int64_t newest_ns = INT64_MIN;
	int answer = -ENOMEM;

	inspection.dictionary = dictionary_create(1);
	if (inspection.dictionary == NULL)
		return -ENOMEM;
	inspection.names =
		(struct record_names){ source_name, instrument_name, venue_name, inspection.dictionary };
	answer = file_list(folder, on_name, &inspection);
	if (answer != 0)
		goto free_items;
	if (inspection.count > 1)
		qsort(inspection.items, inspection.count, sizeof(inspection.items[0]), by_age);
	for (size_t i = 0; i < inspection.count; i++)
		if (inspection.items[i].journal_id != 0 && inspection.items[i].created_ns > newest_ns) {
			newest_ns = inspection.items[i].created_ns;
			inspection.journal_id = inspection.items[i].journal_id;
		}
	for (size_t i = 0; i < inspection.count && answer == 0; i++)
		answer = inspect_segment(&inspection, &inspection.items[i]);

free_items:
	for (size_t i = 0; i < inspection.count; i++)
		free(inspection.items[i].name);
	free(inspection.items);
	dictionary_destroy(inspection.dictionary);
	return answer;
}
