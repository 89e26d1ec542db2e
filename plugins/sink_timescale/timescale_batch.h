/*
 * timescale_batch.h: a batch as one job, one transaction: the cursor moves first, then the rows go
 * table by table in the order of their index.
 */
#ifndef TIMESCALE_BATCH_H
#define TIMESCALE_BATCH_H

#include "sink_counts.h"
#include "sink_ids.h"
#include "sink_refs.h"
#include "timescale_rows.h"

enum { KNOWN_MAX = 1000 }; /* records of a batch that are listed in rejected_records; all count */

/** A batch that was sent, until its answer has come. */
struct batch {
	struct refs refs;
	struct fl_position from, to;
	struct counts counts; /* with this batch, when nothing of it repeats */
	uint32_t rows[FL_KIND_COUNT], records[FL_KIND_COUNT];
	int first_statement[FL_KIND_COUNT + 1]; /* of a kind; the next kind's ends it */
	int64_t sent_ns, oldest_received_ns;
	bool is_live;
	size_t rejected_count;
	uint32_t *unknown; /* journal's ids of instruments the store has no number for yet */
	size_t unknown_count, unknown_size;
};

void batch_init(struct batch *batch);
void batch_finish(struct batch *batch);

/** What goes with a batch. */
struct batch_how {
	struct fl_ctx *ctx;
	const char *stream;
	const struct counts *counts;    /* before it */
	const struct table_form *forms; /* by kind */
	int64_t last_ns;                /* until when the store has everything, 0: not known */
	const char *refusal;            /* the only record is refused with these words; NULL: none is */
};

/**
 * Takes the batch's records and looks their instruments up; `unknown` are to be asked for first.
 * 0 or -ENOMEM.
 */
int batch_take(
	struct batch *batch, const struct fl_ctx *ctx, struct ids *ids, const struct fl_batch *from);
/** Asks the store for the unknown ones: its answers are rows of number, exchange and name. */
int batch_put_unknown(const struct batch *batch, struct fl_pg_job *job, const struct fl_ctx *ctx);
/** Puts the whole transaction into the job, but for the rows of its COPYs. */
void batch_put(struct batch *batch, struct fl_pg_job *job, const struct batch_how *how,
	const struct fl_batch *from);
/** And these. */
void batch_put_rows(struct batch *batch, struct fl_pg_job *job, const struct batch_how *how);

/**
 * Adds what the committed job says.
 * @param rows  by kind, rows that came in; set
 */
void batch_count(const struct batch *batch, const struct fl_result *result, struct counts *counts,
	uint64_t rows[FL_KIND_COUNT]);

/** No statement of a failed job is one of a table's. */
void batch_forget_statements(struct batch *batch);
/** Whose statement it is; FL_KIND_COUNT: nobody's. */
unsigned batch_kind_of(const struct batch *batch, int statement);

#endif
