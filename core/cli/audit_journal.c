#include "audit_journal.h"

#include "error.h"
#include "journal_inspect.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <yyjson.h>

#define SECTION "journal"

bool audit_cursor_read(struct audit_cursors *cursors, const char *json)
{
	static const char *const fates[] = { "stored", "repeated", "rejected", "dropped" };
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	yyjson_val *root = yyjson_doc_get_root(doc), *counts = yyjson_obj_get(root, "counts");
	bool is_good = cursors->count < AUDIT_STREAMS_MAX && yyjson_is_obj(counts);
	struct audit_cursor *cursor = &cursors->items[is_good ? cursors->count++ : 0];

	if (is_good) {
		*cursor = (struct audit_cursor){
			.journal_id = yyjson_get_sint(yyjson_obj_get(root, "journal_id")),
			.generation = (uint32_t)yyjson_get_sint(yyjson_obj_get(root, "generation")),
			.position = (uint64_t)yyjson_get_sint(yyjson_obj_get(root, "position")),
		};
		for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
			for (size_t i = 0; i < 4; i++)
				cursor->counts[kind] += yyjson_get_uint(
					yyjson_obj_get(yyjson_obj_get(counts, fl_kind_name(kind)), fates[i]));
	}
	yyjson_doc_free(doc);
	return is_good;
}

struct walk {
	const struct audit_cursors *cursors;
	bool is_found; /* a segment of the cursors' journal */
	int damaged;
	uint64_t published[FL_KIND_COUNT];
	/* Records behind the stream that is furthest, and behind the one that is least far. */
	uint64_t behind_first[FL_KIND_COUNT], behind_last[FL_KIND_COUNT];
};

static bool is_behind(const struct audit_cursor *cursor, uint64_t number, uint32_t generation)
{
	return generation > cursor->generation ||
		(generation == cursor->generation && number > cursor->position);
}

static int on_record(void *data, const struct fl_record *record, uint64_t number,
	uint32_t generation, const struct record_names *names)
{
	struct walk *walk = data;
	size_t behind = 0;

	(void)names;
	for (size_t i = 0; i < walk->cursors->count; i++)
		behind += is_behind(&walk->cursors->items[i], number, generation);
	walk->behind_first[record->kind] += behind == walk->cursors->count;
	walk->behind_last[record->kind] += behind > 0;
	return 0;
}

static void on_segment(void *data, const struct journal_segment_info *info)
{
	struct walk *walk = data;

	walk->damaged += info->finding != JOURNAL_WHOLE && info->finding != JOURNAL_TORN;
	if ((int64_t)info->journal_id != walk->cursors->items[0].journal_id)
		return;
	walk->is_found = true;
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		walk->published[kind] = info->published[kind] + info->counts[kind];
}

static void add(struct audit_report *report, enum audit_verdict verdict, const char *kind,
	uint64_t published, uint64_t accounted, uint64_t waiting, const char *words)
{
	char line[320], json[320];

	(void)snprintf(line, sizeof(line),
		"%s: published %" PRIu64 ", accounted for in the store %" PRIu64 ", waiting %" PRIu64
		"%s%s",
		kind, published, accounted, waiting, *words == '\0' ? "" : ": ", words);
	(void)snprintf(json, sizeof(json),
		"{\"kind\":\"%s\",\"published\":%" PRIu64 ",\"accounted\":%" PRIu64 ",\"waiting\":%" PRIu64
		"}",
		kind, published, accounted, waiting);
	audit_report_add(report, SECTION, verdict, line, json);
}

/*
 * With several streams it is not known here which of them a kind belongs to, so what waits lies
 * between two figures; with one they are the same.
 */
static void compare(const struct walk *walk, struct audit_report *report)
{
	uint64_t all_published = 0, all_accounted = 0, all_waiting = 0;

	for (unsigned kind = 1; kind < FL_KIND_COUNT; kind++) {
		uint64_t published = walk->published[kind], accounted = 0;

		for (size_t i = 0; i < walk->cursors->count; i++)
			accounted += walk->cursors->items[i].counts[kind];
		all_published += published;
		all_accounted += accounted;
		all_waiting += walk->behind_last[kind];
		if (accounted + walk->behind_last[kind] < published)
			add(report, AUDIT_UNEXPLAINED, fl_kind_name(kind), published, accounted,
				walk->behind_last[kind], "records are missing");
		else if (accounted + walk->behind_first[kind] > published)
			add(report, AUDIT_NOTE, fl_kind_name(kind), published, accounted,
				walk->behind_first[kind],
				"the store has more: a power cut took them from the journal");
	}
	add(report, AUDIT_SUM, "all kinds", all_published, all_accounted, all_waiting, "");
}

static void note(struct audit_report *report, enum audit_verdict verdict, const char *words)
{
	audit_report_add(report, SECTION, verdict, words, "{}");
}

void audit_journal(
	const struct audit_cursors *cursors, const char *folder, struct audit_report *report)
{
	struct walk walk = { .cursors = cursors };
	struct journal_visitor visitor = { on_segment, on_record, &walk };
	char words[4400];
	int error;

	if (cursors->count == 0) {
		note(report, AUDIT_NOTE, "the sink has stored nothing yet");
		return;
	}
	error = journal_inspect(folder, &visitor);
	if (error != 0 || !walk.is_found) {
		(void)snprintf(words, sizeof(words), "%s: %s", folder,
			error != 0 ? error_text(error) : "holds nothing of the journal that the store is of");
		note(report, AUDIT_NOTE, words);
		return;
	}
	if (walk.damaged > 0)
		note(report, AUDIT_UNEXPLAINED,
			"the journal is damaged: feedloom journal verify says where");
	compare(&walk, report);
}
