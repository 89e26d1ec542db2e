/* timescale_batch.c: from a batch to a job, and from its answer to counts. */
#include "timescale_batch.h"
#include <feedloom/kit.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

enum { VALUES_ROWS = 500 }; /* of one statement */
enum { AHEAD = 6 };         /* records that are fetched from memory before their turn */

void batch_init(struct batch *batch)
{
	*batch = (struct batch){ 0 };
	refs_init(&batch->refs);
}

void batch_finish(struct batch *batch)
{
	refs_finish(&batch->refs);
	free(batch->unknown);
	batch_init(batch);
}

/* ---- instruments ---- */

struct naming {
	struct batch *batch;
	struct ids *ids;
	const struct fl_ctx *ctx;
	bool failed;
};

static bool is_noted(const struct batch *batch, uint32_t instrument)
{
	/* Those of one batch that are new are few but at the start, when they come in a row. */
	for (size_t i = batch->unknown_count; i > 0 && i + 64 > batch->unknown_count; i--)
		if (batch->unknown[i - 1] == instrument)
			return true;
	return false;
}

static void note_unknown(struct naming *naming, uint32_t instrument)
{
	struct batch *batch = naming->batch;

	if (is_noted(batch, instrument))
		return;
	if (batch->unknown_count == batch->unknown_size) {
		size_t size = batch->unknown_size == 0 ? 256 : batch->unknown_size * 2;
		uint32_t *unknown = realloc(batch->unknown, size * sizeof(*unknown));

		naming->failed = naming->failed || unknown == NULL;
		if (unknown == NULL)
			return;
		batch->unknown = unknown;
		batch->unknown_size = size;
	}
	batch->unknown[batch->unknown_count++] = instrument;
}

static uint32_t id_of(void *data, uint32_t instrument)
{
	struct naming *naming = data;
	bool is_new;
	uint32_t id = ids_known(naming->ids, naming->ctx, instrument, &is_new);
	const char *name = is_new ? fl_instrument_name(naming->ctx, instrument) : "";

	/* What is no text to PostgreSQL is not asked for: its records are refused. */
	if (is_new && fl_utf8_valid(name, strlen(name)))
		note_unknown(naming, instrument);
	return id;
}

int batch_take(
	struct batch *batch, const struct fl_ctx *ctx, struct ids *ids, const struct fl_batch *from)
{
	struct naming naming = { .batch = batch, .ids = ids, .ctx = ctx };

	batch->unknown_count = 0;
	batch->from = from->from;
	batch->to = from->to;
	batch->is_live = from->is_live;
	batch->oldest_received_ns = from->oldest_received_ns;
	batch->sent_ns = fl_now_ns(ctx);
	if (refs_collect(&batch->refs, from, id_of, &naming) != 0 || naming.failed)
		return -ENOMEM;
	return 0;
}

/* sink_put_new's values as an object's, by the names of these columns. */
static const char *const new_columns[] = { "exchange", "instrument_name", "currency", "kind",
	"strike", "option_type", "expiration_timestamp", "is_active", "base_currency",
	"quote_currency" };

struct object_to {
	yyjson_mut_doc *doc;
	yyjson_mut_val *object;
	size_t at;
};

static void add(void *data, yyjson_mut_val *value)
{
	struct object_to *to = data;
	size_t count = sizeof(new_columns) / sizeof(*new_columns);

	if (to->at < count)
		(void)yyjson_mut_obj_add(to->object, yyjson_mut_str(to->doc, new_columns[to->at++]), value);
}

static void add_null(void *data)
{
	add(data, yyjson_mut_null(((struct object_to *)data)->doc));
}

static void add_integer(void *data, int64_t value)
{
	add(data, yyjson_mut_sint(((struct object_to *)data)->doc, value));
}

static void add_real(void *data, double value)
{
	char text[32];

	if (value != value || value - value != 0)
		add_null(data);
	else /* as text, exact: it becomes a numeric */
		add(data,
			yyjson_mut_strncpy(
				((struct object_to *)data)->doc, text, (size_t)fl_real_print(text, value)));
}

static void add_text(void *data, const char *text, size_t length)
{
	add(data, yyjson_mut_strncpy(((struct object_to *)data)->doc, text, length));
}

static void add_time(void *data, int64_t ns)
{
	add_integer(data, ns / FL_US);
}

static void add_end(void *data)
{
	((struct object_to *)data)->at = 0;
}

static char *unknown_as_json(const struct batch *batch, const struct fl_ctx *ctx)
{
	static const struct sink_out out = { add_null, add_integer, add_real, add_text, add_time,
		add_end };
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *array = yyjson_mut_arr(doc);
	char *text;

	for (size_t i = 0; i < batch->unknown_count; i++) {
		struct object_to to = { .doc = doc, .object = yyjson_mut_obj(doc) };
		struct sink_row row = { .out = &out, .to = &to, .ctx = ctx, .now_ns = batch->sent_ns };

		sink_put_new(&row, batch->unknown[i]);
		(void)yyjson_mut_arr_append(array, to.object);
	}
	yyjson_mut_doc_set_root(doc, array);
	text = yyjson_mut_write(doc, 0, NULL);
	yyjson_mut_doc_free(doc);
	return text;
}

#define WANTED " FROM jsonb_to_recordset("
#define WANTED_COLUMNS                                                                              \
	"::jsonb) AS w(exchange text, instrument_name text, currency text, kind text, strike numeric, " \
	"option_type text, expiration_timestamp bigint, is_active boolean, base_currency text, "        \
	"quote_currency text)"

int batch_put_unknown(const struct batch *batch, struct fl_pg_job *job, const struct fl_ctx *ctx)
{
	char *json = unknown_as_json(batch, ctx);

	if (json == NULL)
		return -ENOMEM;
	/* Asked for first: a number is not used up for a name that is there. */
	fl_pg_statement(job,
		"INSERT INTO instrument_metadata (exchange, instrument_name, currency, kind, strike, "
		"option_type, expiration_timestamp, is_active, base_currency, quote_currency) "
		"SELECT w.*" WANTED,
		0);
	fl_pg_sql_text(job, json, strlen(json));
	fl_pg_sql(job,
		WANTED_COLUMNS " WHERE NOT EXISTS (SELECT 1 FROM instrument_metadata AS m "
					   "WHERE m.instrument_name = w.instrument_name AND m.exchange = w.exchange) "
					   "ON CONFLICT DO NOTHING");
	fl_pg_statement(
		job, "SELECT m.instrument_id, m.exchange, m.instrument_name" WANTED, FL_SQL_ROWS);
	fl_pg_sql_text(job, json, strlen(json));
	fl_pg_sql(job,
		WANTED_COLUMNS " JOIN instrument_metadata AS m ON m.instrument_name = w.instrument_name "
					   "AND m.exchange = w.exchange");
	free(json);
	return 0;
}

/* ---- what is refused before it is sent ---- */

/* What every table of the kind demands. NULL: nothing is missing. */
static const char *lack_of(const struct row_ref *ref)
{
	const struct sink_kind *kind = sink_kind(ref->kind);

	if (kind->table == NULL)
		return "a record of no kind that is known here";
	if (kind->needs_id && ref->kind != FL_ACCOUNT_TRADE && ref->id == 0)
		return "it has no instrument";
	if ((kind->needs_id || ref->kind == FL_INDEX) && ref->kind != FL_INSTRUMENT &&
		ref->event_ns == 0)
		return "it has no event time";
	return NULL;
}

static const char *refusal_of(const struct row_ref *ref, const struct batch_how *how)
{
	return how->refusal != NULL ? how->refusal : lack_of(ref);
}

/* ---- counts ---- */

static void count(struct batch *batch, const struct batch_how *how, const struct fl_batch *from)
{
	if (batch->from.journal_id == batch->to.journal_id)
		batch->counts = *how->counts;
	else
		batch->counts = (struct counts){ 0 };
	memset(batch->records, 0, sizeof(batch->records));
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		batch->counts.dropped[kind] += from->dropped[kind];
	for (size_t i = 0; i < batch->refs.count; i++) {
		const struct row_ref *ref = &batch->refs.items[i];

		if (refusal_of(ref, how) != NULL) {
			batch->counts.rejected[ref->kind]++;
		} else {
			batch->counts.stored[ref->kind]++;
			batch->records[ref->kind]++;
		}
	}
}

/* ---- the job ---- */

static void put_key(struct fl_pg_job *job, const struct batch_how *how)
{
	const char *sink = fl_instance_name(how->ctx);

	fl_pg_sql(job, " WHERE sink = ");
	fl_pg_sql_text(job, sink, strlen(sink));
	fl_pg_sql(job, " AND stream = ");
	fl_pg_sql_text(job, how->stream, strlen(how->stream));
}

/*
 * The compare and set. It stands first: its row lock is what holds when another session of this
 * sink is at work, and no row changed is an error, here and not behind everything.
 */
static void put_cursor(
	const struct batch *batch, struct fl_pg_job *job, const struct batch_how *how)
{
	char text[400], counts[COUNTS_BYTES];

	counts_print(&batch->counts, counts, sizeof(counts));
	fl_pg_statement(job, "WITH moved AS (UPDATE feedloom_cursor SET ", FL_SQL_MUST_CHANGE);
	(void)snprintf(text, sizeof(text),
		"journal_id = %" PRIu64 ", generation = %" PRIu32 ", position = %" PRIu64 ", updated_at = ",
		batch->to.journal_id, batch->to.generation, batch->to.number);
	fl_pg_sql(job, text);
	fl_pg_sql_time(job, batch->sent_ns);
	fl_pg_sql(job, ", counts = ");
	fl_pg_sql_text(job, counts, strlen(counts));
	put_key(job, how);
	(void)snprintf(text, sizeof(text),
		" AND journal_id = %" PRIu64 " AND generation = %" PRIu32 " AND position = %" PRIu64
		" RETURNING 1) SELECT 1 / count(*) FROM moved",
		batch->from.journal_id, batch->from.generation, batch->from.number);
	fl_pg_sql(job, text);
}

static void put_copy(struct fl_pg_job *job, unsigned kind, const char *relation)
{
	char columns[800], sql[1000];

	(void)snprintf(sql, sizeof(sql), "COPY %s (%s) FROM STDIN (FORMAT binary)", relation,
		column_list(kind, columns, sizeof(columns)));
	fl_pg_copy(job, sql);
}

static void put_rows(
	struct batch *batch, struct fl_pg_job *job, const struct batch_how *how, unsigned kind)
{
	struct copy_to to;
	struct sink_row row = copy_row(&to, job, &how->forms[kind], kind, how->ctx, batch->sent_ns);

	fl_pg_rows(job);
	for (size_t at = batch->refs.first[kind]; at < batch->refs.first[kind + 1]; at++) {
		const struct row_ref *ref = &batch->refs.items[at];

		/* Sorted as they are, they lie here and there in a batch larger than the caches. */
		if (at + AHEAD < batch->refs.first[kind + 1]) {
			__builtin_prefetch(batch->refs.items[at + AHEAD].record);
			__builtin_prefetch((const char *)batch->refs.items[at + AHEAD].record + 64);
		}
		if (refusal_of(ref, how) == NULL)
			batch->rows[kind] += sink_put(&row, ref->record, ref->id);
	}
}

/*
 * Behind an INSERT that passes over what is there: how many came in, and the counts put right when
 * that are not all.
 */
static void put_came(
	const struct batch *batch, struct fl_pg_job *job, const struct batch_how *how, unsigned kind)
{
	char text[700];
	const struct counts *counts = &batch->counts;
	uint64_t sent = batch->records[kind];

	(void)snprintf(text, sizeof(text),
		" RETURNING 1), n AS (SELECT count(*) AS c FROM came), told AS (UPDATE feedloom_cursor "
		"SET counts = jsonb_set(counts, '{%s}', jsonb_build_object('stored', %" PRIu64
		" + n.c, 'repeated', %" PRIu64 " - n.c, 'rejected', %" PRIu64 ", 'dropped', %" PRIu64
		")) FROM n",
		fl_kind_name(kind), counts->stored[kind] - sent, counts->repeated[kind] + sent,
		counts->rejected[kind], counts->dropped[kind]);
	fl_pg_sql(job, text);
	put_key(job, how);
	(void)snprintf(text, sizeof(text), " AND n.c < %" PRIu64 ") SELECT %u, c FROM n", sent, kind);
	fl_pg_sql(job, text);
}

static void put_staged(
	struct batch *batch, struct fl_pg_job *job, const struct batch_how *how, unsigned kind)
{
	char columns[800], sql[2000];

	(void)snprintf(sql, sizeof(sql),
		"CREATE TEMPORARY TABLE IF NOT EXISTS feedloom_stage (LIKE %s) ON COMMIT DELETE ROWS",
		sink_kind(kind)->relation);
	fl_pg_statement(job, sql, 0);
	put_copy(job, kind, STAGE);
	column_list(kind, columns, sizeof(columns));
	(void)snprintf(sql, sizeof(sql),
		"WITH came AS (INSERT INTO %s (%s) SELECT %s FROM " STAGE " ON CONFLICT DO NOTHING",
		sink_kind(kind)->relation, columns, columns);
	fl_pg_statement(job, sql, FL_SQL_ROWS);
	put_came(batch, job, how, kind);
}

/* ---- rows in statements ---- */

static void begin_values(struct fl_pg_job *job, unsigned kind)
{
	char columns[800];

	if (way_of(kind) == WAY_ONCE) {
		fl_pg_statement(job, "WITH came AS (", FL_SQL_ROWS);
		fl_pg_sql(job, values_begin(kind));
		return;
	}
	fl_pg_statement(job, values_begin(kind), 0);
	fl_pg_sql(job, " (");
	fl_pg_sql(job, column_list(kind, columns, sizeof(columns)));
	fl_pg_sql(job, ") VALUES ");
}

static void end_values(
	const struct batch *batch, struct fl_pg_job *job, const struct batch_how *how, unsigned kind)
{
	fl_pg_sql(job, values_end(kind));
	if (way_of(kind) == WAY_ONCE)
		put_came(batch, job, how, kind);
}

/* A statement cannot touch a row twice: what may be the same as one before begins another. */
static bool is_alone(const struct batch *batch, unsigned kind, size_t begin, size_t at)
{
	if (kind == FL_GAP)
		return at > begin;
	if (kind != FL_INSTRUMENT)
		return false;
	if (at - begin >= VALUES_ROWS)
		return true;
	for (size_t i = begin; i < at; i++)
		if (batch->refs.items[i].id == batch->refs.items[at].id)
			return true;
	return false;
}

static void put_values(
	struct batch *batch, struct fl_pg_job *job, const struct batch_how *how, unsigned kind)
{
	struct values_to to;
	struct sink_row row = values_row(&to, job, how->ctx, batch->sent_ns);
	size_t begin = batch->refs.first[kind];
	bool is_open = false;

	for (size_t at = begin; at < batch->refs.first[kind + 1]; at++) {
		const struct row_ref *ref = &batch->refs.items[at];

		if (refusal_of(ref, how) != NULL)
			continue;
		if (is_open && is_alone(batch, kind, begin, at)) {
			end_values(batch, job, how, kind);
			is_open = false;
		}
		if (!is_open) {
			begin_values(job, kind);
			to = (struct values_to){ .job = job };
			begin = at;
			is_open = true;
		}
		batch->rows[kind] += sink_put(&row, ref->record, ref->id);
	}
	if (is_open)
		end_values(batch, job, how, kind);
}

/* ---- refused ---- */

static void put_rejected_row(const struct sink_row *row, const struct batch *batch,
	const struct batch_how *how, const struct fl_batch *from, const struct row_ref *ref)
{
	const struct sink_out *out = row->out;
	const char *feed = fl_source_name(how->ctx, ref->source);
	const char *name = ref->instrument == 0 ? "" : fl_instrument_name(how->ctx, ref->instrument);
	const char *sink = fl_instance_name(how->ctx), *words = refusal_of(ref, how);
	const char *texts[] = { feed, fl_utf8_valid(name, strlen(name)) ? name : "",
		fl_kind_name(ref->kind) != NULL ? fl_kind_name(ref->kind) : "unknown",
		sink_kind(ref->kind)->table != NULL ? sink_kind(ref->kind)->table : "", words };

	out->time(row->to, batch->sent_ns);
	if (ref->event_ns != 0)
		out->time(row->to, ref->event_ns);
	else
		out->null(row->to);
	out->time(row->to, ref->received_ns != 0 ? ref->received_ns : batch->sent_ns);
	out->text(row->to, sink, strlen(sink));
	out->text(row->to, how->stream, strlen(how->stream));
	out->integer(row->to, (int64_t)batch->to.journal_id);
	out->integer(row->to, batch->to.generation);
	out->integer(row->to, (int64_t)fl_batch_number(from, ref->record));
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (i < 2 && texts[i][0] == '\0')
			out->null(row->to);
		else
			out->text(row->to, texts[i], strlen(texts[i]));
	}
	out->end(row->to);
}

/* The position makes it the same row when it is told again. */
static void put_rejected(struct batch *batch, struct fl_pg_job *job, const struct batch_how *how,
	const struct fl_batch *from)
{
	struct values_to to;
	struct sink_row row = values_row(&to, job, how->ctx, batch->sent_ns);

	batch->rejected_count = 0;
	for (size_t i = 0; i < batch->refs.count; i++) {
		const struct row_ref *ref = &batch->refs.items[i];

		if (refusal_of(ref, how) == NULL || batch->rejected_count++ >= KNOWN_MAX)
			continue;
		if (!to.has_any)
			fl_pg_statement(job,
				"INSERT INTO rejected_records (rejected_at, event_time, received_at, sink, stream, "
				"journal_id, generation, position, feed, instrument_name, kind, table_name, reason) "
				"VALUES ",
				0);
		put_rejected_row(&row, batch, how, from, ref);
	}
	if (to.has_any)
		fl_pg_sql(job, " ON CONFLICT DO NOTHING");
}

/* ---- the whole ---- */

static bool has_any(const uint64_t numbers[FL_KIND_COUNT])
{
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		if (numbers[kind] > 0)
			return true;
	return false;
}

static void put_dropped(struct batch *batch, struct fl_pg_job *job, const struct batch_how *how,
	const struct fl_batch *from)
{
	struct values_to to;
	struct sink_row row = values_row(&to, job, how->ctx, batch->sent_ns);

	if (!has_any(from->dropped))
		return;
	begin_values(job, FL_GAP);
	sink_put_dropped(&row, from->dropped, how->last_ns, from->oldest_received_ns);
	fl_pg_sql(job, values_end(FL_GAP));
}

static void put_kind(
	struct batch *batch, struct fl_pg_job *job, const struct batch_how *how, unsigned kind)
{
	switch (way_of(kind)) {
	case WAY_NONE: break;
	case WAY_COPY: put_copy(job, kind, sink_kind(kind)->relation); break;
	case WAY_STAGE: put_staged(batch, job, how, kind); break;
	case WAY_VALUES:
	case WAY_ONCE: put_values(batch, job, how, kind); break;
	}
}

void batch_put(struct batch *batch, struct fl_pg_job *job, const struct batch_how *how,
	const struct fl_batch *from)
{
	count(batch, how, from);
	memset(batch->rows, 0, sizeof(batch->rows));
	fl_pg_statement(job, "BEGIN", 0);
	put_cursor(batch, job, how);
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		batch->first_statement[kind] = fl_pg_statements(job);
		if (batch->records[kind] > 0)
			put_kind(batch, job, how, kind);
	}
	batch->first_statement[FL_KIND_COUNT] = fl_pg_statements(job);
	put_dropped(batch, job, how, from);
	put_rejected(batch, job, how, from);
	fl_pg_statement(job, "COMMIT", 0);
}

void batch_put_rows(struct batch *batch, struct fl_pg_job *job, const struct batch_how *how)
{
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		if (batch->records[kind] > 0 && (way_of(kind) == WAY_COPY || way_of(kind) == WAY_STAGE))
			put_rows(batch, job, how, kind);
}

/* ---- the answer ---- */

void batch_count(const struct batch *batch, const struct fl_result *result, struct counts *counts,
	uint64_t rows[FL_KIND_COUNT])
{
	*counts = batch->counts;
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		rows[kind] = batch->rows[kind];
	for (size_t row = 0; row < result->row_count; row++) {
		int64_t kind = fl_result_int(result, row, 0), came = fl_result_int(result, row, 1);
		uint64_t repeated;

		if (kind < 0 || kind >= FL_KIND_COUNT || came < 0 || result->column_count != 2)
			continue;
		repeated = batch->records[kind] - (uint64_t)came;
		counts->stored[kind] -= repeated;
		counts->repeated[kind] += repeated;
		rows[kind] = (uint64_t)came;
	}
}

void batch_forget_statements(struct batch *batch)
{
	for (unsigned kind = 0; kind <= FL_KIND_COUNT; kind++)
		batch->first_statement[kind] = 0;
}

unsigned batch_kind_of(const struct batch *batch, int statement)
{
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		if (statement >= batch->first_statement[kind] &&
			statement < batch->first_statement[kind + 1])
			return kind;
	return FL_KIND_COUNT;
}
