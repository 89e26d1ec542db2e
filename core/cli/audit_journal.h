/*
 * audit_journal.h: the journal against the store: published = stored + repeated + rejected +
 * dropped + waiting, for each kind.
 */
#ifndef CLI_AUDIT_JOURNAL_H
#define CLI_AUDIT_JOURNAL_H

#include "audit_report.h"
#include "record.h"

enum { AUDIT_STREAMS_MAX = 32 };

/** Where a stream of the sink stands, and what it has made of the journal's records. */
struct audit_cursor {
	int64_t journal_id;
	uint32_t generation;
	uint64_t position;
	uint64_t counts[FL_KIND_COUNT]; /* stored, repeated, rejected and dropped */
};

struct audit_cursors {
	struct audit_cursor items[AUDIT_STREAMS_MAX];
	size_t count;
};

/** Reads a stream as the audit file `cursor` gives it. False: it is not understood. */
bool audit_cursor_read(struct audit_cursors *cursors, const char *json);

/** Compares; blocks. `folder` is the journal's. A journal that is not there is a note. */
void audit_journal(
	const struct audit_cursors *cursors, const char *folder, struct audit_report *report);

#endif
