/*
 * sink_timescale: the store for real use, on PostgreSQL with TimescaleDB or without. Records go in
 * exactly once: a batch and the position it covers are one transaction, sent as one query, whose
 * first statement moves the cursor from where we believe it is.
 *
 * Takes      every record kind
 * Reload     the sessions stay; cursors and columns are read anew, names and questions handed over
 * Config     sinks: { store: { plugin: sink_timescale, url: postgresql://feedloom@db/market } }
 *
 * core: journal > cursor | here: on_batch > timescale_batch > sink_rows > fl_pg_run | core: libpq,
 * COPY, COMMIT | here: on_result > fl_ack
 */
#include "sink_timescale.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION "1.0" /* the tests of reloading build a second one */
#endif

#define WAIT_NS FL_SECOND
#define READING_DELAY_NS (20 * FL_MS)
/* An answer that takes this long is told, though it may still come. */
#define SLOW_NS (5 * FL_SECOND)

static const char *const tables[] = { "option_quotes", "tickers", "option_trades", "books",
	"greek_snapshots", "candles", "index_prices", "instrument_metadata", "lifecycle_events",
	"stream_gaps", "trades", NULL };

static const struct fl_option option_table[] = {
	{ "url", FL_SECRET, offsetof(struct options, url), .preset = "",
		.help = "connection string: postgresql://USER@HOST:PORT/DATABASE?sslmode=verify-full, or "
				"keywords; several hosts are tried in turn; what it lacks is taken from the PG* "
				"environment and the password file" },
	{ "schema", FL_STRING, offsetof(struct options, schema), .preset = "",
		.help = "the tables' schema; empty: as the server's search_path says" },
	{ "streams", FL_NAMES, offsetof(struct options, streams), .choices = tables,
		.help = "tables that have a session and a cursor of their own, beside the one for all "
				"others" },
	{ "retention", FL_DURATIONS, offsetof(struct options, retention), .choices = upkeep_tables,
		.flags = FL_OPTION_LIVE,
		.help = "how long rows are kept, by table; without an entry, or 0, for good; "
				"lifecycle_events 90d unless told otherwise" },
	{ "compress_after", FL_DURATION, offsetof(struct options, compress_after_ns), .preset = "7d",
		.min = "0", .max = "3650d", .flags = FL_OPTION_LIVE,
		.help = "days older than this are compressed where TimescaleDB's edition can; 0: never" },
	{ "connect_timeout", FL_DURATION, offsetof(struct options, connect_timeout_ns), .preset = "10s",
		.min = "100ms", .max = "10m", .help = "for one host to let us in" },
	{ "statement_timeout", FL_DURATION, offsetof(struct options, statement_timeout_ns),
		.preset = "60s", .min = "1s", .max = "1h",
		.help = "of one statement; beyond it, and a little more, the session is given up" },
	{ "lock_timeout", FL_DURATION, offsetof(struct options, lock_timeout_ns), .preset = "10s",
		.min = "100ms", .max = "1h",
		.help = "of waiting for one lock; then the batch is tried again" },
	SINK_BATCHING_OPTIONS("20000", "5ms"),
	{ 0 },
};

/* ---- batches ---- */

static bool takes_now(const struct stream *stream)
{
	return stream->stage == STAGE_TAKING && stream->blocked[0] == '\0' && !stream->is_held &&
		!stream->is_working && !stream->is_in_flight;
}

static int64_t delay_until_it_takes(const struct stream *stream)
{
	if (stream == NULL || stream->is_held || stream->is_working)
		return READING_DELAY_NS;
	return stream->blocked[0] != '\0' ? WAIT_NS : AWAY_DELAY_NS;
}

static int ask_ids(struct stream *stream)
{
	struct fl_ctx *ctx = stream->sink->ctx;
	struct fl_pg_job *job = fl_pg_job(ctx, DB_STREAM + stream_place(stream));

	if (job == NULL)
		return -ENOMEM;
	if (batch_put_unknown(&stream->batch, job, ctx) != 0) {
		fl_pg_drop(job);
		return -ENOMEM;
	}
	return fl_pg_run(ctx, job, JOB_IDS);
}

static int send(struct stream *stream, const struct fl_batch *batch)
{
	struct fl_ctx *ctx = stream->sink->ctx;
	struct fl_pg_job *job = fl_pg_job(ctx, DB_STREAM + stream_place(stream));
	struct batch_how how = { .ctx = ctx,
		.stream = stream->name,
		.counts = &stream->counts,
		.forms = stream->forms,
		.last_ns = stream->last_stored_ns,
		.refusal = stream->refusal[0] != '\0' && batch->count == 1 ? stream->refusal : NULL };

	if (job == NULL)
		return -ENOMEM;
	batch_put(&stream->batch, job, &how, batch);
	fl_pg_begin(ctx, job, JOB_BATCH);
	batch_put_rows(&stream->batch, job, &how);
	return fl_pg_run(ctx, job, JOB_BATCH);
}

static void on_batch(void *state, const char *name, const struct fl_batch *batch)
{
	struct sink *sink = state;
	struct stream *stream = streams_find(sink, name);
	int error;

	if (stream == NULL || !takes_now(stream)) {
		/* Of the code before a reload, or of a table that waits. */
		fl_retry(sink->ctx, name, delay_until_it_takes(stream));
		return;
	}
	error = batch_take(&stream->batch, sink->ctx, &sink->ids, batch);
	if (error == 0)
		error = stream->batch.unknown_count > 0 ? ask_ids(stream) : send(stream, batch);
	stream->is_in_flight = error == 0;
	if (error == 0) {
		(void)fl_timer_start(sink->ctx, TIMER_SLOW + stream_place(stream), SLOW_NS, 0);
		return;
	}
	if (error == -ENOMEM)
		fl_log_limited(sink->ctx, FL_WARN, "out of memory: a batch is put off");
	fl_retry(sink->ctx, name, WAIT_NS);
}

static void tell_rejected(struct stream *stream)
{
	if (stream->batch.rejected_count > 0)
		fl_log_limited(stream->sink->ctx, FL_WARN,
			"%zu records were refused%s%s; see rejected_records", stream->batch.rejected_count,
			stream->refusal[0] != '\0' ? ": " : "", stream->refusal);
	stream->refusal[0] = '\0';
}

static void sum_counts(struct sink *sink, struct counts *out)
{
	*out = (struct counts){ 0 };
	for (int i = 0; i < STREAMS_MAX; i++)
		if (sink->streams[i].sink != NULL)
			counts_add(out, &sink->streams[i].counts);
}

static void count(struct stream *stream, const struct fl_result *result)
{
	struct sink *sink = stream->sink;
	uint64_t rows[FL_KIND_COUNT];
	struct counts all;

	batch_count(&stream->batch, result, &stream->counts, rows);
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		if (rows[kind] > 0 && sink->metrics.rows[kind] != NULL)
			fl_metric_add(sink->metrics.rows[kind], (double)rows[kind]);
	sum_counts(sink, &all);
	sink_metrics_set(&sink->metrics, &all);
	fl_metric_observe(sink->metrics.commit_seconds, (double)result->took_ns / 1e9);
}

/* What was halved for the sake of one record grows again. */
static void grow_limit(struct stream *stream)
{
	int64_t most = stream->sink->options->batching.batch_rows;

	if (stream->limit >= most)
		return;
	stream->limit = stream->limit * 2 < most ? stream->limit * 2 : most;
	(void)store_stream(stream);
}

static void on_stored(struct stream *stream, const struct fl_result *result)
{
	struct sink *sink = stream->sink;

	count(stream, result);
	stream->position = stream->batch.to;
	stream->is_in_flight = false;
	stream->is_caught_up = stream->batch.is_live;
	if (stream->batch.refs.newest_received_ns > 0)
		stream->last_stored_ns = stream->batch.refs.newest_received_ns;
	tell_rejected(stream);
	trouble_is_over(stream);
	fl_ack(sink->ctx, stream->name, &stream->batch.to);
	grow_limit(stream);
	streams_look(sink);
}

static void on_batch_result(struct stream *stream, const struct fl_result *result)
{
	if (!stream->is_in_flight)
		return; /* of a stream that was given up */
	if (result->error == 0)
		on_stored(stream, result);
	else
		trouble_on_failure(stream, result);
}

static void on_ids(struct stream *stream, const struct fl_result *result)
{
	struct sink *sink = stream->sink;
	struct fl_result lacking = { .error = -EIO,
		.detail = "instrument_metadata gives no number for an instrument",
		.code = "",
		.statement = -1 };
	int error = result->error;

	if (!stream->is_in_flight)
		return;
	for (size_t row = 0; row < result->row_count && error == 0; row++) {
		int64_t id = fl_result_int(result, row, 0);
		const char *exchange = fl_result_text(result, row, 1),
				   *name = fl_result_text(result, row, 2);

		if (id > 0 && id <= INT32_MAX && exchange != NULL && name != NULL)
			error = ids_add(&sink->ids, exchange, name, (uint32_t)id);
	}
	if (result->error != 0) {
		batch_forget_statements(&stream->batch); /* the error is of none of its tables */
		trouble_on_failure(stream, result);
	} else if (error != 0 || result->row_count == 0) {
		trouble_on_failure(stream, &lacking);
	} else {
		stream->is_in_flight = false;
		fl_timer_stop(sink->ctx, TIMER_SLOW + stream_place(stream));
		fl_retry(sink->ctx, stream->name, 0);
	}
}

/* ---- the life of an instance ---- */

static void on_stream_result(struct stream *stream, int number, const struct fl_result *result)
{
	struct sink *sink = stream->sink;

	switch (number) {
	case 0:
		if (result->error != 0)
			store_lost(stream, result->error, result->detail);
		else
			store_on_open(stream, result);
		break;
	case JOB_LAYOUT: store_on_layout(stream, result); break;
	case JOB_CURSORS: store_on_cursors(stream, result); break;
	case JOB_RECHECK: store_on_recheck(stream, result); break;
	case JOB_IDS: on_ids(stream, result); break;
	case JOB_BATCH: on_batch_result(stream, result); break;
	case JOB_SPLIT: streams_on_split(sink, result); break;
	case JOB_JOIN: streams_on_join(sink, result); break;
	default: break;
	}
}

static void on_result(void *state, int db, int number, const struct fl_result *result)
{
	struct sink *sink = state;
	int place = db - DB_STREAM;

	if (sink->is_probe)
		probe_on_result(sink, number, result);
	else if (db == DB_QUERY)
		query_on_result(sink, number, result);
	else if (db == DB_UPKEEP)
		upkeep_on_result(sink, number, result);
	else if (place >= 0 && place < STREAMS_MAX && sink->streams[place].sink != NULL)
		on_stream_result(&sink->streams[place], number, result);
}

static void on_slow(struct stream *stream)
{
	if (!stream->is_in_flight)
		return;
	(void)snprintf(stream->trouble, sizeof(stream->trouble),
		"the server has not answered a batch for %d s: a lock, its disk, or the network",
		(int)(SLOW_NS / FL_SECOND));
	store_tell(stream->sink);
}

static void on_timer(void *state, int timer)
{
	struct sink *sink = state;
	int place = timer >= TIMER_SLOW ? timer - TIMER_SLOW : timer - TIMER_STREAM;
	struct stream *stream;

	if (timer == TIMER_UPKEEP || timer == TIMER_UPKEEP_STEP) {
		upkeep_on_timer(sink, timer);
		return;
	}
	if (place < 0 || place >= STREAMS_MAX || sink->streams[place].sink == NULL)
		return;
	stream = &sink->streams[place];
	if (timer >= TIMER_SLOW)
		on_slow(stream);
	else if (stream->stage == STAGE_TAKING)
		store_recheck(stream);
	else if (store_open(stream) != 0)
		store_lost(stream, -ENOMEM, "out of memory");
}

static int create(struct fl_ctx *ctx, const void *options, void **state)
{
	struct sink *sink = calloc(1, sizeof(*sink));

	if (sink == NULL)
		return -ENOMEM;
	sink->ctx = ctx;
	sink->options = options;
	ids_init(&sink->ids);
	(void)streams_add(sink, STREAM_MAIN); /* the first place: it is free */
	*state = sink;
	return 0;
}

static void destroy(void *state)
{
	struct sink *sink = state;

	if (sink == NULL)
		return;
	ids_finish(&sink->ids);
	for (int i = 0; i < STREAMS_MAX; i++)
		batch_finish(&sink->streams[i].batch);
	free(sink);
}

static int start(void *state)
{
	struct sink *sink = state;
	int error;

	sink_metrics_find(&sink->metrics, sink->ctx);
	if (!sink->is_restored) {
		fl_set_health(sink->ctx, FL_NOT_READY, "connecting");
		upkeep_say_what_is_kept(sink);
	}
	sink->is_restored = false;
	upkeep_start(sink);
	error = query_adopt(sink);
	return error != 0 ? error : store_open(sink_main(sink));
}

/* What is in flight is waited for; nothing new begins. */
static void stop(void *state)
{
	struct sink *sink = state;

	sink->is_stopping = true;
	upkeep_stop(sink);
	for (int i = 0; i < STREAMS_MAX; i++) {
		fl_timer_stop(sink->ctx, TIMER_STREAM + i);
		fl_timer_stop(sink->ctx, TIMER_SLOW + i);
	}
}

static int probe(void *state)
{
	return probe_start(state);
}

static void on_command(void *state, int command, const char *name, const char *json)
{
	struct sink *sink = state;

	if (strcmp(name, "query") == 0)
		query_ask(sink, command, json);
	else
		fl_reply_detail(sink->ctx, command, FL_REPLY_NOT_FOUND, "no command %s", name);
}

static const struct fl_command_info commands[] = {
	{ "query", QUERY_HELP },
	{ 0 },
};

static int reconfigure(void *state, const void *options)
{
	struct sink *sink = state;

	sink->options = options;
	for (int i = 0; i < STREAMS_MAX; i++) {
		struct stream *stream = &sink->streams[i];

		if (stream->sink == NULL)
			continue;
		stream->limit = sink->options->batching.batch_rows;
		if (stream->stage == STAGE_TAKING)
			(void)store_stream(stream);
	}
	return 0;
}

FL_PLUGIN_EXPORT const struct fl_plugin feedloom_plugin = {
	.abi = FL_PLUGIN_ABI,
	.size = sizeof(struct fl_plugin),
	.name = "sink_timescale",
	.version = PLUGIN_VERSION,
	.summary = "The store for real use: PostgreSQL, with TimescaleDB or without; each record once.",
	.role = FL_SINK,
	.state_version = SINK_STATE_VERSION,
	.options = option_table,
	.options_size = sizeof(struct options),
	.create = create,
	.destroy = destroy,
	.start = start,
	.stop = stop,
	.probe = probe,
	.reconfigure = reconfigure,
	.on_timer = on_timer,
	.on_result = on_result,
	.on_batch = on_batch,
	.commands = commands,
	.on_command = on_command,
	.save = snapshot_save,
	.restore = snapshot_restore,
};
