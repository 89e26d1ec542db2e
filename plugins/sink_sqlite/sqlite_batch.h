/*
 * sqlite_batch.h: a batch as one job, one transaction: the cursor moves first, then new
 * instruments, then the rows table by table in the order of their index, then the counts by kind.
 */
#ifndef SQLITE_BATCH_H
#define SQLITE_BATCH_H

#include "sink_counts.h"
#include "sink_ids.h"
#include "sink_refs.h"

/** A batch that was sent, until its answer has come. */
struct batch {
	struct refs refs;
	int statement[FL_KIND_COUNT]; /* that stores a kind, -1: none in this batch */
	uint32_t rows[FL_KIND_COUNT];
	struct fl_position from, to;
	uint32_t skipped;
	int64_t sent_ns, oldest_received_ns;
	bool is_live;
};

void batch_init(struct batch *batch);
void batch_finish(struct batch *batch);

/**
 * Puts the whole batch into the job.
 * @param last_ns  until when the store has everything, for the gap of what was dropped
 * @return 0 or -ENOMEM
 */
int batch_put(struct batch *batch, struct fl_sqlite_job *job, struct fl_ctx *ctx, struct ids *ids,
	const char *stream, const struct fl_batch *from, int64_t last_ns);

/**
 * Adds what the committed job's result says to the counts (another journal's begin at zero).
 * @param stored_rows  by kind, rows that came in; set
 */
void batch_count(const struct batch *batch, const struct fl_result *result, struct counts *counts,
	uint64_t stored_rows[FL_KIND_COUNT]);

/** The record that the i-th refusal of the result is about, and the words. NULL: not known. */
const struct row_ref *batch_refused(
	const struct batch *batch, const struct fl_result *result, size_t i, const char **reason);
/** Puts the refused records with their reasons. */
void batch_put_rejected(const struct batch *batch, struct fl_sqlite_job *job,
	const struct fl_ctx *ctx, const char *stream, const struct fl_result *result);

#endif
