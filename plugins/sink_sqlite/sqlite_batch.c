/* sqlite_batch.c: from a batch to a job, and from its answer to counts. */
#include "sqlite_batch.h"
#include "sqlite_rows.h"
#include <stdlib.h>
#include <string.h>

/*
 * The compare and set. It stands first: its row lock is what holds when another session of this
 * sink is at work, and a job whose first statement changes nothing ends there.
 */
static const char move_sql[] =
	"UPDATE feedloom_cursor SET journal_id = ?1, generation = ?2, position = ?3, updated_us = ?4, "
	"counts = iif(journal_id = ?1, counts, '{}') WHERE sink = ?5 AND stream = ?6 AND "
	"journal_id = ?7 AND generation = ?8 AND position = ?9";

/*
 * ?3 kind, ?4 records, ?5 rows that came in (NULL: all that were not refused), ?6 rows refused,
 * ?7 dropped by the journal. A record of several rows that lost some of them counts as rejected.
 */
static const char count_sql[] =
	"UPDATE feedloom_cursor SET counts = json_set(counts, '$.' || ?3, json_object("
	"'stored', ifnull(counts ->> ('$.' || ?3 || '.stored'), 0) + ifnull(?5, ?4 - min(?4, ?6)), "
	"'repeated', ifnull(counts ->> ('$.' || ?3 || '.repeated'), 0) + "
	"iif(?5 IS NULL, 0, ?4 - min(?4, ?6) - ?5), "
	"'rejected', ifnull(counts ->> ('$.' || ?3 || '.rejected'), 0) + min(?4, ?6), "
	"'dropped', ifnull(counts ->> ('$.' || ?3 || '.dropped'), 0) + ?7)) "
	"WHERE sink = ?1 AND stream = ?2";

/* The same numbers for us. */
static const char told_sql[] = "SELECT ?1, ?2, ?3, ?4, ?5";
enum { TOLD_KIND, TOLD_RECORDS, TOLD_ROWS, TOLD_REFUSED, TOLD_DROPPED };

void batch_init(struct batch *batch)
{
	*batch = (struct batch){ 0 };
}

void batch_finish(struct batch *batch)
{
	refs_finish(&batch->refs);
	batch_init(batch);
}

/* ---- the job ---- */

struct naming {
	struct ids *ids;
	const struct fl_ctx *ctx;
};

static uint32_t id_of(void *data, uint32_t instrument)
{
	const struct naming *naming = data;

	return ids_of(naming->ids, naming->ctx, instrument);
}

static void put_key(struct fl_sqlite_job *job, const struct fl_ctx *ctx, const char *stream)
{
	const char *sink = fl_instance_name(ctx);

	fl_sqlite_text(job, sink, strlen(sink));
	fl_sqlite_text(job, stream, strlen(stream));
}

static void put_position(struct fl_sqlite_job *job, const struct fl_position *position)
{
	fl_sqlite_int(job, (int64_t)position->journal_id);
	fl_sqlite_int(job, position->generation);
	fl_sqlite_int(job, (int64_t)position->number);
}

static void put_cursor(
	struct batch *batch, struct fl_sqlite_job *job, const struct fl_ctx *ctx, const char *stream)
{
	(void)fl_sqlite_statement(job, move_sql, FL_SQL_MUST_CHANGE);
	put_position(job, &batch->to);
	fl_sqlite_int(job, batch->sent_ns / FL_US);
	put_key(job, ctx, stream);
	put_position(job, &batch->from);
	fl_sqlite_row_end(job);
}

/* Returns the number of the next statement. */
static int put_new(struct batch *batch, struct fl_sqlite_job *job, const struct fl_ctx *ctx,
	const struct ids *ids, int statement)
{
	struct sink_row row = rows_to(job, ctx, batch->sent_ns);

	if (ids->fresh_count == 0)
		return statement;
	(void)fl_sqlite_statement(job, rows_new_sql(), 0);
	for (size_t i = 0; i < ids->fresh_count; i++) {
		fl_sqlite_int(job, ids->of_journal[ids->fresh[i]]);
		sink_put_new(&row, ids->fresh[i]);
	}
	return statement + 1;
}

/* One statement a kind, from number `statement` on; its refs stand together. */
static void put_rows(
	struct batch *batch, struct fl_sqlite_job *job, const struct fl_ctx *ctx, int statement)
{
	struct sink_row row = rows_to(job, ctx, batch->sent_ns);

	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		batch->statement[kind] = -1;
		batch->rows[kind] = 0;
		/* One that is no kind of ours is counted as rejected. */
		if (refs_of(&batch->refs, kind) == 0 || rows_sql(kind) == NULL)
			continue;
		batch->statement[kind] = statement++;
		(void)fl_sqlite_statement(job, rows_sql(kind), FL_SQL_SET_ASIDE);
		if (rows_else_sql(kind) != NULL)
			(void)fl_sqlite_or_else(job, rows_else_sql(kind));
		for (size_t at = batch->refs.first[kind]; at < batch->refs.first[kind + 1]; at++) {
			struct row_ref *ref = &batch->refs.items[at];

			ref->first_row = batch->rows[kind];
			batch->rows[kind] += sink_put(&row, ref->record, ref->id);
		}
	}
}

static bool has_any(const uint64_t counts[FL_KIND_COUNT])
{
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		if (counts[kind] > 0)
			return true;
	return false;
}

static void put_numbers(
	const struct batch *batch, struct fl_sqlite_job *job, unsigned kind, uint64_t dropped)
{
	int statement = batch->statement[kind];
	size_t records = refs_of(&batch->refs, kind);

	fl_sqlite_int(job, (int64_t)records);
	if (statement >= 0 && sink_kind(kind)->may_repeat)
		fl_sqlite_changes(job, statement);
	else
		fl_sqlite_null(job);
	if (statement >= 0)
		fl_sqlite_refused(job, statement);
	else
		fl_sqlite_int(job, (int64_t)records);
	fl_sqlite_int(job, (int64_t)dropped);
	fl_sqlite_row_end(job);
}

static bool is_counted(const struct batch *batch, unsigned kind, const uint64_t *dropped)
{
	return fl_kind_name(kind) != NULL && (refs_of(&batch->refs, kind) > 0 || dropped[kind] > 0);
}

static void put_counts(const struct batch *batch, struct fl_sqlite_job *job,
	const struct fl_ctx *ctx, const char *stream, const uint64_t dropped[FL_KIND_COUNT])
{
	(void)fl_sqlite_statement(job, count_sql, FL_SQL_MUST_CHANGE);
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		if (!is_counted(batch, kind, dropped))
			continue;
		put_key(job, ctx, stream);
		fl_sqlite_text(job, fl_kind_name(kind), strlen(fl_kind_name(kind)));
		put_numbers(batch, job, kind, dropped[kind]);
	}
	(void)fl_sqlite_statement(job, told_sql, FL_SQL_ROWS);
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		if (!is_counted(batch, kind, dropped))
			continue;
		fl_sqlite_int(job, kind);
		put_numbers(batch, job, kind, dropped[kind]);
	}
}

int batch_put(struct batch *batch, struct fl_sqlite_job *job, struct fl_ctx *ctx, struct ids *ids,
	const char *stream, const struct fl_batch *from, int64_t last_ns)
{
	struct sink_row row;

	batch->from = from->from;
	batch->to = from->to;
	batch->skipped = from->skipped;
	batch->is_live = from->is_live;
	batch->oldest_received_ns = from->oldest_received_ns;
	batch->sent_ns = fl_now_ns(ctx);
	if (refs_collect(&batch->refs, from, id_of, &(struct naming){ ids, ctx }) != 0)
		return -ENOMEM;
	row = rows_to(job, ctx, batch->sent_ns);
	put_cursor(batch, job, ctx, stream);
	put_rows(batch, job, ctx, put_new(batch, job, ctx, ids, 1));
	put_counts(batch, job, ctx, stream, from->dropped);
	if (has_any(from->dropped)) {
		(void)fl_sqlite_statement(job, rows_sql(FL_GAP), 0);
		sink_put_dropped(&row, from->dropped, last_ns, from->oldest_received_ns);
	}
	return 0;
}

/* ---- the answer ---- */

void batch_count(const struct batch *batch, const struct fl_result *result, struct counts *counts,
	uint64_t stored_rows[FL_KIND_COUNT])
{
	if (batch->from.journal_id != batch->to.journal_id)
		*counts = (struct counts){ 0 };
	memset(stored_rows, 0, FL_KIND_COUNT * sizeof(*stored_rows));
	for (size_t row = 0; row < result->row_count; row++) {
		int64_t kind = fl_result_int(result, row, TOLD_KIND);
		int64_t records = fl_result_int(result, row, TOLD_RECORDS);
		int64_t rows = fl_result_int(result, row, TOLD_ROWS);
		int64_t refused = fl_result_int(result, row, TOLD_REFUSED);
		int64_t rejected = refused < records ? refused : records;

		if (kind < 0 || kind >= FL_KIND_COUNT)
			continue;
		stored_rows[kind] = (uint64_t)(rows == INT64_MIN ? batch->rows[kind] - refused : rows);
		if (rows == INT64_MIN)
			rows = records - rejected;
		counts->stored[kind] += (uint64_t)rows;
		counts->repeated[kind] += (uint64_t)(records - rejected - rows);
		counts->rejected[kind] += (uint64_t)rejected;
		counts->dropped[kind] += (uint64_t)fl_result_int(result, row, TOLD_DROPPED);
	}
}

const struct row_ref *batch_refused(
	const struct batch *batch, const struct fl_result *result, size_t i, const char **reason)
{
	const struct row_ref *found = NULL;
	int statement;
	size_t row;

	fl_result_refused(result, i, &statement, &row, reason);
	if (*reason == NULL)
		return NULL;
	for (unsigned kind = 0; kind < FL_KIND_COUNT && found == NULL; kind++) {
		size_t low = batch->refs.first[kind], high = batch->refs.first[kind + 1];

		if (batch->statement[kind] != statement || low == high)
			continue;
		while (high - low > 1) { /* the last that begins at or before the row */
			size_t middle = low + (high - low) / 2;

			if (batch->refs.items[middle].first_row <= row)
				low = middle;
			else
				high = middle;
		}
		found = &batch->refs.items[low];
	}
	return found;
}

static void put_us(struct fl_sqlite_job *job, int64_t ns)
{
	if (ns == 0)
		fl_sqlite_null(job);
	else
		fl_sqlite_int(job, ns / FL_US);
}

static void put_text(struct fl_sqlite_job *job, const char *text)
{
	if (text[0] == '\0')
		fl_sqlite_null(job);
	else
		fl_sqlite_text(job, text, strlen(text));
}

void batch_put_rejected(const struct batch *batch, struct fl_sqlite_job *job,
	const struct fl_ctx *ctx, const char *stream, const struct fl_result *result)
{
	/* The position makes it the same row when it is told again. */
	(void)fl_sqlite_statement(job,
		"INSERT INTO rejected_records(rejected_us, event_us, received_us, sink, stream, journal_id, "
		"generation, position, feed, instrument_name, kind, table_name, reason) "
		"VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
		0);
	for (size_t i = 0; i < result->refused_count; i++) {
		const char *reason;
		const struct row_ref *ref = batch_refused(batch, result, i, &reason);

		if (ref == NULL)
			continue;
		put_us(job, batch->sent_ns);
		put_us(job, ref->event_ns);
		put_us(job, ref->received_ns);
		put_key(job, ctx, stream);
		fl_sqlite_int(job, (int64_t)batch->to.journal_id);
		fl_sqlite_int(job, batch->to.generation);
		/* The stream takes every record, so the batch's last has the batch's number. */
		fl_sqlite_int(job, (int64_t)(batch->to.number - (batch->refs.count - 1 - ref->ordinal)));
		put_text(job, fl_source_name(ctx, ref->source));
		put_text(job, ref->instrument == 0 ? "" : fl_instrument_name(ctx, ref->instrument));
		fl_sqlite_text(job, fl_kind_name(ref->kind), strlen(fl_kind_name(ref->kind)));
		fl_sqlite_text(job, sink_kind(ref->kind)->table, strlen(sink_kind(ref->kind)->table));
		fl_sqlite_text(job, reason, strlen(reason));
		fl_sqlite_row_end(job);
	}
}
