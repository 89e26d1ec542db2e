/*
 * journal_inspect.h: looks at a journal without its lock, read only: for `feedloom journal info`,
 * `verify` and `dump`. A running daemon may write meanwhile; what it has published by then is seen.
 * Blocks: not for the loop.
 */
#ifndef BUS_JOURNAL_INSPECT_H
#define BUS_JOURNAL_INSPECT_H

#include "record.h"

enum journal_finding {
	JOURNAL_WHOLE,     /* every frame is good up to the end of what was written */
	JOURNAL_TORN,      /* the newest segment ends within a frame: cut at the next start, no loss */
	JOURNAL_DAMAGED,   /* a bad frame with more behind it; what follows in this file is lost */
	JOURNAL_BAD_HEAD,  /* named like a segment, but not one, or its head is damaged */
	JOURNAL_FOREIGN,   /* a segment of another journal, or of a format this program does not know */
	JOURNAL_UNREADABLE /* the file system refused; `detail` says why */
};

/** One file of the folder. Texts are borrowed for the call. */
struct journal_segment_info {
	const char *name;
	enum journal_finding finding;
	const char *detail; /* "bad checksum at byte 8192", "" */
	uint64_t journal_id;
	uint32_t generation;
	uint64_t first_number, last_number; /* last < first: no record */
	uint64_t missing_before;            /* numbers between the segment before and this one */
	int64_t file_bytes, used_bytes;
	int64_t created_ns;
	int64_t first_received_ns, last_received_ns; /* 0: no record */
	uint64_t counts[FL_KIND_COUNT];              /* records in it */
	uint64_t lost[FL_KIND_COUNT];      /* losses told in it: records the journal could not take */
	uint64_t published[FL_KIND_COUNT]; /* at its start, since the journal began */
};

/** Each may be NULL. */
struct journal_visitor {
	/** After the segment's records, in the order of numbers. */
	void (*on_segment)(void *data, const struct journal_segment_info *info);
	/** Each record in order. A non-zero return ends the walk. */
	int (*on_record)(void *data, const struct fl_record *record, uint64_t number,
		uint32_t generation, const struct record_names *names);
	void *data;
};

/**
 * Walks the journal in `folder`.
 *
 * @return 0; -ENOENT: no such folder; what on_record returned; other errors of the file system.
 *         Findings are told, not returned.
 */
int journal_inspect(const char *folder, const struct journal_visitor *visitor);

/** "whole", "torn", "damaged", "bad head", "foreign", "unreadable". */
const char *journal_finding_name(enum journal_finding finding);

#endif
