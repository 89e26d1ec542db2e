/*
 * timescale_streams.c: one cursor for all tables, until one of them cannot be written: that one
 * gets a stream of its own, with a session and a cursor, so that the others go on while it waits.
 * When it can be written again it catches up by itself; then one stands still, the other comes to
 * the same place, and a transaction makes them one.
 */
#include "sink_timescale.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- who is there ---- */

static bool is_of(unsigned kind, const char *table)
{
	return sink_kind(kind)->table != NULL && strcmp(sink_kind(kind)->table, table) == 0;
}

struct stream *streams_find(struct sink *sink, const char *name)
{
	for (int i = 0; i < STREAMS_MAX; i++)
		if (sink->streams[i].sink != NULL && strcmp(sink->streams[i].name, name) == 0)
			return &sink->streams[i];
	return NULL;
}

static struct stream *make(struct sink *sink, const char *name)
{
	for (int i = 0; i < STREAMS_MAX; i++) {
		struct stream *stream = &sink->streams[i];

		if (stream->sink != NULL)
			continue;
		*stream = (struct stream){ .sink = sink, .limit = sink->options->batching.batch_rows };
		(void)snprintf(stream->name, sizeof(stream->name), "%s", name);
		batch_init(&stream->batch);
		return stream;
	}
	return NULL;
}

struct stream *streams_add(struct sink *sink, const char *name)
{
	bool is_known = strcmp(name, STREAM_MAIN) == 0;
	struct stream *stream;

	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		is_known = is_known || is_of(kind, name);
	stream = is_known ? make(sink, name) : NULL;
	for (unsigned kind = 0; stream != NULL && kind < FL_KIND_COUNT; kind++)
		stream->takes[kind] = strcmp(name, STREAM_MAIN) == 0 || is_of(kind, name);
	return stream;
}

void streams_remove(struct stream *stream)
{
	struct sink *sink = stream->sink;
	int place = stream_place(stream);

	fl_timer_stop(sink->ctx, TIMER_STREAM + place);
	fl_timer_stop(sink->ctx, TIMER_SLOW + place);
	fl_stream_close(sink->ctx, stream->name);
	fl_pg_close(sink->ctx, DB_STREAM + place);
	batch_finish(&stream->batch);
	*stream = (struct stream){ 0 };
}

static bool is_apart(const struct sink *sink, const char *table)
{
	for (size_t i = 0; i < sink->options->streams.count; i++)
		if (strcmp(sink->options->streams.items[i], table) == 0)
			return true;
	return false;
}

/* Anew, so that what it accounts for is as the store says. */
static void reopen(struct stream *stream)
{
	fl_stream_close(stream->sink->ctx, stream->name);
	if (store_stream(stream) < 0)
		store_lost(stream, -ENOMEM, "the stream cannot be opened");
}

/* ---- statements ---- */

static void put_key(struct fl_pg_job *job, const struct stream *stream)
{
	const char *sink = fl_instance_name(stream->sink->ctx);

	fl_pg_sql_text(job, sink, strlen(sink));
	fl_pg_sql(job, ", ");
	fl_pg_sql_text(job, stream->name, strlen(stream->name));
}

static void put_place(struct fl_pg_job *job, const struct stream *stream)
{
	char text[120];

	fl_pg_sql(job, " WHERE (sink, stream, journal_id, generation, position) = (");
	put_key(job, stream);
	(void)snprintf(text, sizeof(text), ", %" PRIu64 ", %" PRIu32 ", %" PRIu64 ")",
		stream->position.journal_id, stream->position.generation, stream->position.number);
	fl_pg_sql(job, text);
}

static void put_counts(struct fl_pg_job *job, const struct counts *counts)
{
	char text[COUNTS_BYTES];

	counts_print(counts, text, sizeof(text));
	fl_pg_sql_text(job, text, strlen(text));
}

static void put_change(struct fl_pg_job *job, const char *change, const struct stream *stream,
	const struct counts *counts)
{
	fl_pg_statement(job, "WITH changed AS (", FL_SQL_MUST_CHANGE);
	fl_pg_sql(job, change);
	if (counts != NULL)
		put_counts(job, counts);
	put_place(job, stream);
	fl_pg_sql(job, " RETURNING 1) SELECT 1 / count(*) FROM changed");
}

/* ---- apart ---- */

/* What of main's counts belongs to the table goes with it. */
static void part_counts(
	const struct counts *all, const char *table, struct counts *stays, struct counts *goes)
{
	*stays = *all;
	*goes = (struct counts){ 0 };
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		if (!is_of(kind, table))
			continue;
		goes->stored[kind] = all->stored[kind];
		goes->repeated[kind] = all->repeated[kind];
		goes->rejected[kind] = all->rejected[kind];
		goes->dropped[kind] = all->dropped[kind];
		stays->stored[kind] = stays->repeated[kind] = 0;
		stays->rejected[kind] = stays->dropped[kind] = 0;
	}
}

int streams_split(struct sink *sink, const char *table)
{
	struct stream *main = sink_main(sink);
	struct fl_pg_job *job = fl_pg_job(sink->ctx, DB_STREAM + stream_place(main));
	struct stream other = { .sink = sink };
	struct counts stays, goes;
	char text[120];
	int error;

	if (job == NULL)
		return -ENOMEM;
	(void)snprintf(other.name, sizeof(other.name), "%s", table);
	part_counts(&main->counts, table, &stays, &goes);
	fl_pg_statement(job, "BEGIN", 0);
	put_change(job, "UPDATE feedloom_cursor SET counts = ", main, &stays);
	fl_pg_statement(job,
		"INSERT INTO feedloom_cursor (sink, stream, journal_id, generation, position, counts, "
		"updated_at) VALUES (",
		0);
	put_key(job, &other);
	(void)snprintf(text, sizeof(text), ", %" PRIu64 ", %" PRIu32 ", %" PRIu64 ", ",
		main->position.journal_id, main->position.generation, main->position.number);
	fl_pg_sql(job, text);
	put_counts(job, &goes);
	fl_pg_sql(job, ", ");
	fl_pg_sql_time(job, main->last_stored_ns);
	fl_pg_sql(job, ")");
	fl_pg_statement(job, "COMMIT", 0);
	error = fl_pg_run(sink->ctx, job, JOB_SPLIT);
	if (error != 0)
		return error;
	(void)snprintf(sink->splitting, sizeof(sink->splitting), "%s", table);
	main->is_working = true;
	return 0;
}

static const char *next_apart(struct sink *sink)
{
	struct stream *main = sink_main(sink);

	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		const char *table = sink_kind(kind)->table;
		char why[300];

		if (table == NULL || !main->takes[kind])
			continue;
		store_judge(main, kind, why, sizeof(why));
		if (why[0] != '\0' || is_apart(sink, table))
			return table;
	}
	return NULL;
}

bool streams_split_next(struct sink *sink)
{
	struct stream *main = sink_main(sink);
	const char *table = next_apart(sink);

	if (table == NULL)
		return false;
	if (streams_split(sink, table) != 0)
		store_lost(main, -ENOMEM, "out of memory");
	return true;
}

void streams_on_split(struct sink *sink, const struct fl_result *result)
{
	struct stream *main = sink_main(sink), *other;

	if (!main->is_working)
		return; /* of a session that was given up */
	main->is_working = false;
	if (result->error != 0) {
		if (result->error != -ENOTCONN)
			store_lost(main, -EIO, result->detail);
		return;
	}
	other = streams_add(sink, sink->splitting);
	sink->splitting[0] = '\0';
	if (other == NULL) { /* there is a place for each table */
		store_lost(main, -ENOMEM, "no place for another stream");
		return;
	}
	other->position = main->position;
	other->last_stored_ns = main->last_stored_ns;
	part_counts(&main->counts, other->name, &main->counts, &other->counts);
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		main->takes[kind] = main->takes[kind] && !is_of(kind, other->name);
	fl_log(sink->ctx, FL_INFO, "%s has a stream of its own", other->name);
	(void)store_stream(other); /* at once: the journal keeps what waits for it */
	reopen(main);
	if (store_open(other) != 0)
		store_lost(other, -ENOMEM, "out of memory");
	if (main->stage != STAGE_TAKING || streams_split_next(sink))
		return;
	main->blocked[0] = '\0';
	store_tell(sink);
}

/* ---- and together again ---- */

static bool is_free(const struct stream *stream)
{
	return stream->stage == STAGE_TAKING && !stream->is_in_flight && !stream->is_working &&
		stream->blocked[0] == '\0' && stream->trouble[0] == '\0';
}

static bool is_same_place(const struct stream *left, const struct stream *right)
{
	return left->position.journal_id == right->position.journal_id &&
		left->position.generation == right->position.generation &&
		left->position.number == right->position.number;
}

static void let_go(struct stream *stream)
{
	if (stream->sink == NULL || (!stream->is_held && stream->until == 0))
		return;
	stream->is_held = stream->is_caught_up = false;
	stream->until = 0;
	/* Where it stands, with a batch that may be in flight: only the end is taken away. */
	if (stream->stage == STAGE_TAKING)
		(void)store_stream(stream);
}

void streams_forget_join(struct sink *sink)
{
	struct stream *other = sink->joining;

	if (other == NULL)
		return;
	sink->joining = NULL;
	let_go(other);
	let_go(sink_main(sink));
}

static void join(struct stream *main, struct stream *other)
{
	struct sink *sink = main->sink;
	struct fl_pg_job *job = fl_pg_job(sink->ctx, DB_STREAM + stream_place(main));
	struct counts counts = main->counts;

	if (job == NULL) {
		streams_forget_join(sink);
		return;
	}
	counts_add(&counts, &other->counts);
	fl_pg_statement(job, "BEGIN", 0);
	put_change(job, "UPDATE feedloom_cursor SET counts = ", main, &counts);
	put_change(job, "DELETE FROM feedloom_cursor", other, NULL);
	fl_pg_statement(job, "COMMIT", 0);
	if (fl_pg_run(sink->ctx, job, JOB_JOIN) != 0) {
		streams_forget_join(sink);
		return;
	}
	main->is_working = other->is_working = true;
}

/* The one ahead stands still; the other goes just as far. */
static void approach(struct stream *main, struct stream *other)
{
	struct stream *ahead = main->position.number > other->position.number ? main : other;
	struct stream *behind = ahead == main ? other : main;

	if (ahead->is_held || ahead->is_in_flight)
		return; /* under way */
	if (ahead->position.number == behind->position.number) {
		streams_forget_join(
			main->sink); /* of two openings of the journal: a later batch parts them */
		return;
	}
	ahead->is_held = true;
	behind->until = ahead->position.number;
	if (!behind->is_in_flight)
		reopen(behind);
	else
		behind->until = 0; /* when that batch is through, it is seen again who is behind */
	ahead->is_held = behind->until != 0;
}

void streams_look(struct sink *sink)
{
	struct stream *main = sink_main(sink), *other = sink->joining;

	for (int i = 1; i < STREAMS_MAX && other == NULL; i++) {
		struct stream *stream = &sink->streams[i];

		if (stream->sink != NULL && stream->is_caught_up && is_free(stream) &&
			!is_apart(sink, stream->name))
			other = stream;
	}
	if (other == NULL || main->is_working || sink->is_stopping)
		return;
	sink->joining = other;
	if (is_free(main) && is_free(other) && is_same_place(main, other))
		join(main, other);
	else
		approach(main, other);
}

void streams_on_join(struct sink *sink, const struct fl_result *result)
{
	struct stream *main = sink_main(sink), *other = sink->joining;

	if (!main->is_working || other == NULL)
		return;
	main->is_working = other->is_working = false;
	if (result->error != 0) {
		if (result->error == -ENOTCONN)
			return; /* the cursors are read anew, and say what came of it */
		streams_forget_join(sink);
		return;
	}
	sink->joining = NULL;
	counts_add(&main->counts, &other->counts);
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		main->takes[kind] = main->takes[kind] || other->takes[kind];
	fl_log(sink->ctx, FL_INFO, "%s has caught up and goes with the others again", other->name);
	streams_remove(other);
	main->is_held = false;
	main->until = 0;
	reopen(main);
	store_tell(sink);
}
