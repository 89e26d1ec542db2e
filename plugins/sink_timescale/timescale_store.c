/*
 * timescale_store.c: a stream's way to its first batch, and back to it when the session is lost.
 *
 *     session > what the tables have, and may be written > the cursor's row > fl_stream_open
 */
#include "sink_timescale.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OPEN_DELAY_MIN_NS (500 * FL_MS)
#define OPEN_DELAY_MAX_NS (15 * FL_SECOND)

/* ---- what is said of it ---- */

/* The worst comes first: no store, then main's trouble, then a table that waits. */
static const struct stream *worst(struct sink *sink)
{
	const struct stream *found = NULL;

	for (int i = STREAMS_MAX - 1; i >= 0; i--) {
		const struct stream *stream = &sink->streams[i];

		if (stream->sink == NULL || (stream->trouble[0] == '\0' && stream->blocked[0] == '\0'))
			continue;
		if (found == NULL || stream->is_down || !found->is_down)
			found = stream;
	}
	return found;
}

void store_tell(struct sink *sink)
{
	const struct stream *stream = worst(sink);
	bool is_main = stream == sink_main(sink);
	const char *words;

	if (stream == NULL) {
		if (sink_main(sink)->stage == STAGE_TAKING) {
			fl_resolved(sink->ctx, "store");
			fl_set_health(sink->ctx, FL_HEALTHY, "%s", "");
		}
		return;
	}
	words = stream->trouble[0] != '\0' ? stream->trouble : stream->blocked;
	fl_set_health(sink->ctx, is_main && stream->is_down ? FL_DISCONNECTED : FL_DEGRADED, "%s%s%s",
		is_main ? "" : stream->name, is_main ? "" : " waits: ", words);
	fl_complain(sink->ctx, "store", "%s%s%s; the journal holds what comes",
		is_main ? "" : stream->name, is_main ? "" : ": ", words);
}

/* ---- the session ---- */

int store_open(struct stream *stream)
{
	struct sink *sink = stream->sink;
	const struct options *options = sink->options;
	char application[96];
	struct fl_pg_options how = { .url = options->url,
		.application = application,
		.connect_timeout_ns = options->connect_timeout_ns,
		.statement_timeout_ns = options->statement_timeout_ns,
		.lock_timeout_ns = options->lock_timeout_ns,
		.search_path = options->schema,
		.schema = stream == sink_main(sink) ? "postgresql" : NULL };

	(void)snprintf(application, sizeof(application), "feedloom %s/%s", fl_instance_name(sink->ctx),
		stream->name);
	stream->stage = STAGE_OPENING;
	return fl_pg_open(sink->ctx, DB_STREAM + stream_place(stream), &how);
}

/* The number of the stream's timer is its place's. */
static void open_later(struct stream *stream)
{
	struct sink *sink = stream->sink;
	int64_t delay_ns = stream->open_delay_ns;

	if (delay_ns == 0)
		delay_ns = OPEN_DELAY_MIN_NS;
	stream->open_delay_ns = delay_ns * 2 > OPEN_DELAY_MAX_NS ? OPEN_DELAY_MAX_NS : delay_ns * 2;
	/* Not all sinks of a site at once. */
	delay_ns += (int64_t)(fl_random(sink->ctx) % (uint64_t)(delay_ns / 4));
	(void)fl_timer_start(sink->ctx, TIMER_STREAM + stream_place(stream), delay_ns, 0);
}

static void forget_flight(struct stream *stream)
{
	stream->is_in_flight = stream->is_working = false;
	stream->refusal[0] = '\0';
}

void store_lost(struct stream *stream, int error, const char *detail)
{
	struct sink *sink = stream->sink;

	forget_flight(stream);
	streams_forget_join(sink);
	stream->stage = STAGE_CLOSED;
	stream->is_down = true;
	(void)snprintf(stream->trouble, sizeof(stream->trouble), "%s", detail);
	/* The stream stays open: what waits is seen, and kept. */
	fl_retry(sink->ctx, stream->name, AWAY_DELAY_NS);
	/* One that is lost already is dialled anew, and remembers what it left behind. */
	if (fl_pg_server_version(sink->ctx, DB_STREAM + stream_place(stream)) != 0)
		fl_pg_close(sink->ctx, DB_STREAM + stream_place(stream));
	if (error == -EACCES || error == -EINVAL || error == -ENOENT || error == -EPROTO ||
		error == -EEXIST)
		stream->open_delay_ns = OPEN_DELAY_MAX_NS; /* somebody has to do something */
	open_later(stream);
	store_tell(sink);
}

/* ---- what the tables have ---- */

static void put_tables(struct fl_pg_job *job)
{
	const char *before = "";

	fl_pg_sql(job, "ARRAY[");
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		const char *relation = sink_kind(kind)->relation;

		if (relation == NULL || kind == FL_STATUS) /* the same table as FL_LIFECYCLE's */
			continue;
		fl_pg_sql(job, before);
		fl_pg_sql_text(job, relation, strlen(relation));
		before = ", ";
	}
	fl_pg_sql(job, "]");
}

int store_ask_layout(struct stream *stream, int number)
{
	struct sink *sink = stream->sink;
	struct fl_pg_job *job = fl_pg_job(sink->ctx, DB_STREAM + stream_place(stream));

	if (job == NULL)
		return -ENOMEM;
	fl_pg_statement(job,
		"SELECT t.name, a.attname, a.atttypid::bigint, has_table_privilege(c.oid, 'INSERT')::int, "
		"format_type(a.atttypid, a.atttypmod) FROM unnest(",
		FL_SQL_ROWS);
	put_tables(job);
	fl_pg_sql(job,
		") AS t(name) JOIN pg_class AS c ON c.oid = to_regclass(quote_ident(t.name)) "
		"JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped");
	return fl_pg_run(sink->ctx, job, number);
}

static void take_column(struct stream *stream, const struct fl_result *result, size_t row)
{
	const char *relation = fl_result_text(result, row, 0), *column = fl_result_text(result, row, 1);

	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		const struct sink_kind *of = sink_kind(kind);
		struct table_form *form = &stream->forms[kind];

		if (of->relation == NULL || relation == NULL || strcmp(of->relation, relation) != 0)
			continue;
		form->is_there = true;
		form->may_insert = fl_result_int(result, row, 3) == 1;
		for (size_t i = 0; of->columns[i] != NULL && column != NULL; i++)
			if (strcmp(of->columns[i], column) == 0)
				form->columns[i] = form_of(fl_result_int(result, row, 2));
	}
}

/* Why a kind cannot be written, "" when it can. */
static void judge(const struct table_form *form, unsigned kind, char *out, size_t size)
{
	const struct sink_kind *of = sink_kind(kind);
	bool is_copied = way_of(kind) == WAY_COPY || way_of(kind) == WAY_STAGE;

	out[0] = '\0';
	if (!form->is_there) {
		(void)snprintf(out, size, "there is no table %s", of->relation);
		return;
	}
	if (!form->may_insert) {
		(void)snprintf(out, size, "permission denied to insert into %s", of->relation);
		return;
	}
	for (size_t i = 0; of->columns[i] != NULL; i++) {
		/* A fill's contract is looked up by its number; the number is not stored. */
		if (kind == FL_ACCOUNT_TRADE && strcmp(of->columns[i], "instrument_id") == 0)
			continue;
		if (form->columns[i] == FORM_MISSING)
			(void)snprintf(out, size, "%s has no column %s: run feedloom migrate, or add it",
				of->relation, of->columns[i]);
		else if (form->columns[i] == FORM_OTHER && is_copied)
			(void)snprintf(out, size, "%s.%s is of a type that is not written here", of->relation,
				of->columns[i]);
		else
			continue;
		return;
	}
}

void store_take_layout(struct stream *stream, const struct fl_result *result)
{
	memset(stream->forms, 0, sizeof(stream->forms));
	for (size_t row = 0; row < result->row_count; row++)
		take_column(stream, result, row);
}

void store_judge(const struct stream *stream, unsigned kind, char *out, size_t size)
{
	judge(&stream->forms[kind], kind, out, size);
}

/* ---- the cursor ---- */

static int ask_cursors(struct stream *stream)
{
	struct sink *sink = stream->sink;
	struct fl_pg_job *job = fl_pg_job(sink->ctx, DB_STREAM + stream_place(stream));
	const char *name = fl_instance_name(sink->ctx);

	if (job == NULL)
		return -ENOMEM;
	if (stream == sink_main(sink)) { /* a missing row is made; it says: before everything */
		fl_pg_statement(job, "INSERT INTO feedloom_cursor (sink, stream) VALUES (", 0);
		fl_pg_sql_text(job, name, strlen(name));
		fl_pg_sql(job, ", '" STREAM_MAIN "') ON CONFLICT DO NOTHING");
	}
	fl_pg_statement(job,
		"SELECT stream, journal_id, generation, position, counts, "
		"(extract(epoch FROM updated_at) * 1000000)::bigint FROM feedloom_cursor WHERE sink = ",
		FL_SQL_ROWS);
	fl_pg_sql_text(job, name, strlen(name));
	return fl_pg_run(sink->ctx, job, JOB_CURSORS);
}

static void take_cursor(struct stream *stream, const struct fl_result *result, size_t row)
{
	int64_t updated_us = fl_result_int(result, row, 5);

	stream->position = (struct fl_position){
		.journal_id = (uint64_t)fl_result_int(result, row, 1),
		.generation = (uint32_t)fl_result_int(result, row, 2),
		.number = (uint64_t)fl_result_int(result, row, 3),
	};
	counts_read(&stream->counts, fl_result_text(result, row, 4));
	stream->last_stored_ns = updated_us > 0 ? updated_us * FL_US : 0;
}

static bool has_row(const struct fl_result *result, const char *stream)
{
	for (size_t row = 0; row < result->row_count; row++) {
		const char *name = fl_result_text(result, row, 0);

		if (name != NULL && strcmp(name, stream) == 0)
			return true;
	}
	return false;
}

/* The rows are the truth: a stream without one was joined, by a session whose answer was lost. */
static void drop_joined(struct sink *sink, const struct fl_result *result)
{
	for (int i = 1; i < STREAMS_MAX; i++)
		if (sink->streams[i].sink != NULL && !has_row(result, sink->streams[i].name))
			streams_remove(&sink->streams[i]);
}

/* Streams that a table was given earlier: they go on where they are. */
static void take_others(struct sink *sink, const struct fl_result *result)
{
	for (size_t row = 0; row < result->row_count; row++) {
		const char *name = fl_result_text(result, row, 0);
		struct stream *other;

		if (name == NULL || strcmp(name, STREAM_MAIN) == 0 || streams_find(sink, name) != NULL)
			continue;
		other = streams_add(sink, name);
		if (other != NULL) { /* open at once: the journal keeps what waits for it */
			take_cursor(other, result, row);
			(void)store_stream(other);
		} else {
			fl_log(sink->ctx, FL_WARN,
				"feedloom_cursor has a stream %s of this sink, which is none "
				"of its tables: it is left alone",
				name);
			continue;
		}
		if (store_open(other) != 0)
			store_lost(other, -ENOMEM, "out of memory");
	}
}

void store_on_open(struct stream *stream, const struct fl_result *result)
{
	int error = result->error;

	if (error == 0) {
		stream->stage = STAGE_READING;
		error = store_ask_layout(stream, JOB_LAYOUT);
	}
	if (error != 0)
		store_lost(stream, error, result->error != 0 ? result->detail : "out of memory");
}

void store_on_layout(struct stream *stream, const struct fl_result *result)
{
	int error = result->error;

	if (stream->stage != STAGE_READING)
		return; /* of the code before a reload */
	if (error == 0) {
		store_take_layout(stream, result);
		error = ask_cursors(stream);
	}
	if (error != 0 && error != -ENOTCONN)
		store_lost(stream, error, result->error != 0 ? result->detail : "out of memory");
}

/* ---- taking ---- */

static void print_filter(const struct stream *stream, char *out, size_t size)
{
	size_t length = 0;
	bool takes_all = true;

	out[0] = '\0';
	for (unsigned kind = 0; kind < FL_KIND_COUNT && length < size; kind++) {
		if (fl_kind_name(kind) == NULL)
			continue;
		takes_all = takes_all && stream->takes[kind];
		if (stream->takes[kind])
			length += (size_t)snprintf(
				out + length, size - length, "%s%s", length > 0 ? "," : "", fl_kind_name(kind));
	}
	if (takes_all)
		out[0] = '\0';
}

int store_stream(struct stream *stream)
{
	const struct options *options = stream->sink->options;
	char patterns[300];
	struct fl_stream how = { .filter = { .patterns = patterns },
		.position = stream->position,
		.batch_rows = (uint32_t)stream->limit,
		.flush_rows = (uint32_t)options->batching.flush_rows,
		.commit_floor_ns = options->batching.commit_floor_ns,
		.flush_interval_ns = options->batching.flush_interval_ns,
		.until = stream->until };

	print_filter(stream, patterns, sizeof(patterns));
	counts_consumed(&stream->counts, how.consumed);
	return fl_stream_open(stream->sink->ctx, stream->name, &how);
}

/* By the first of its kinds that cannot be written. */
static void judge_stream(struct stream *stream)
{
	stream->blocked[0] = '\0';
	for (unsigned kind = 0; kind < FL_KIND_COUNT && stream->blocked[0] == '\0'; kind++)
		if (stream->takes[kind] && sink_kind(kind)->table != NULL)
			judge(&stream->forms[kind], kind, stream->blocked, sizeof(stream->blocked));
}

static void begin_taking(struct stream *stream)
{
	struct sink *sink = stream->sink;
	int result;

	stream->stage = STAGE_TAKING;
	stream->limit = sink->options->batching.batch_rows;
	stream->trouble[0] = '\0';
	stream->is_down = false;
	stream->until = 0;
	stream->is_held = stream->is_caught_up = false;
	judge_stream(stream);
	result = store_stream(stream);
	if (result < 0) {
		store_lost(stream, result, "the stream cannot be opened");
		return;
	}
	fl_log(sink->ctx, FL_INFO,
		"%s: stream %s goes on behind record %" PRIu64 " of generation %" PRIu32 "%s%s",
		fl_pg_label(sink->ctx, DB_STREAM + stream_place(stream)), stream->name,
		stream->position.number, stream->position.generation,
		stream->blocked[0] != '\0' ? "; it waits: " : "", stream->blocked);
	stream->open_delay_ns = 0;
	stream->failures = 0;
	if (stream == sink_main(sink)) {
		sink_metrics_set(&sink->metrics, &stream->counts);
		(void)streams_split_next(sink);
	} else if (stream->blocked[0] != '\0') {
		(void)fl_timer_start(sink->ctx, TIMER_STREAM + stream_place(stream), 10 * FL_SECOND, 0);
	}
	store_tell(sink);
}

void store_on_cursors(struct stream *stream, const struct fl_result *result)
{
	struct sink *sink = stream->sink;
	bool is_found = false;

	if (stream->stage != STAGE_READING)
		return;
	if (result->error != 0) {
		if (result->error != -ENOTCONN)
			store_lost(stream, result->error, result->detail);
		return;
	}
	for (size_t row = 0; row < result->row_count; row++) {
		const char *name = fl_result_text(result, row, 0);

		if (name == NULL || strcmp(name, stream->name) != 0)
			continue;
		take_cursor(stream, result, row);
		is_found = true;
	}
	if (stream == sink_main(sink)) {
		drop_joined(sink, result);
		take_others(sink, result);
		for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
			const char *table = sink_kind(kind)->table;

			stream->takes[kind] = table == NULL || streams_find(sink, table) == NULL;
		}
	}
	if (is_found)
		begin_taking(stream);
	else /* joined: main finds that out as well, before it goes on */
		store_lost(sink_main(sink), -ESTALE, "a table's stream is gone: the cursors are read anew");
}

/* ---- looking again ---- */

void store_recheck(struct stream *stream)
{
	if (stream->stage == STAGE_TAKING)
		(void)store_ask_layout(stream, JOB_RECHECK);
}

void store_on_recheck(struct stream *stream, const struct fl_result *result)
{
	struct sink *sink = stream->sink;

	if (result->error != 0 || stream->stage != STAGE_TAKING)
		return; /* a lost session says so itself */
	store_take_layout(stream, result);
	judge_stream(stream);
	if (stream->blocked[0] == '\0')
		fl_log(sink->ctx, FL_INFO, "%s can be written again; it catches up", stream->name);
	else
		(void)fl_timer_start(sink->ctx, TIMER_STREAM + stream_place(stream), 10 * FL_SECOND, 0);
	store_tell(sink);
}
