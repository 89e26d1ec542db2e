/*
 * sink_sqlite: the embedded store. Records go into one SQLite file, exactly once: a batch and the
 * position it covers are one transaction, whose first statement moves the cursor from where we
 * believe it is.
 *
 * Takes      every record kind
 * Reload     between two batches: the session, the stream, the cursor, the instruments' numbers and
 *            questions under way are handed over
 * Config     sinks: { store: { plugin: sink_sqlite, path: var/feedloom.db, retention: { tickers: 7d
 * } } }
 *
 * core: journal > cursor | here: on_batch > sqlite_batch > sqlite_rows > fl_sqlite_run | core: a
 * worker, SQLite, COMMIT | here: on_result > fl_ack
 */
#include "sink_sqlite.h"
#include <stdlib.h>
#include <string.h>

#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION "1.0" /* the tests of reloading build a second one */
#endif

#define FLOOR_MAX_NS FL_SECOND
#define DISK_DELAY_NS (10 * FL_SECOND)
#define READING_DELAY_NS (20 * FL_MS)

static const struct fl_option option_table[] = {
	{ "path", FL_PATH, offsetof(struct options, path), .preset = "var/feedloom.db",
		.help = "the database's file, on a local disk; made when it is not there" },
	{ "retention", FL_DURATIONS, offsetof(struct options, retention), .choices = retention_tables,
		.flags = FL_OPTION_LIVE,
		.help = "how long each table's rows are kept, by their event's time; a table that is not "
				"named is never deleted from, but lifecycle_events, which is kept 90d" },
	{ "min_free", FL_RATIO, offsetof(struct options, min_free), .preset = "5%", .min = "0",
		.max = "90%", .flags = FL_OPTION_LIVE,
		.help = "below this share of the disk nothing more is stored; the journal holds it" },
	SINK_BATCHING_OPTIONS("10000", "20ms"),
	{ "busy_timeout", FL_DURATION, offsetof(struct options, busy_timeout_ns), .preset = "5s",
		.min = "1ms", .max = "60s",
		.help = "how long to wait for another program that writes to the file" },
	{ 0 },
};

/* ---- batches ---- */

static void on_batch(void *state, const char *stream, const struct fl_batch *batch)
{
	struct sink *sink = state;
	struct fl_sqlite_job *job;
	int error;

	if (sink->stage != STAGE_TAKING || sink->is_disk_low) {
		/* The stream of the code before a reload: what the store has is not read yet. */
		fl_retry(sink->ctx, stream, sink->is_disk_low ? DISK_DELAY_NS : READING_DELAY_NS);
		return;
	}
	job = fl_sqlite_job(sink->ctx, DB_MAIN);
	if (job == NULL) {
		fl_retry(sink->ctx, stream, FL_SECOND);
		return;
	}
	error =
		batch_put(&sink->batch, job, sink->ctx, &sink->ids, stream, batch, sink->last_stored_ns);
	if (error == 0) {
		error = fl_sqlite_run(sink->ctx, job, JOB_BATCH);
	} else {
		fl_sqlite_drop(job);
	}
	sink->is_in_flight = error == 0;
	if (error != 0) {
		ids_undo(&sink->ids);
		fl_log_limited(sink->ctx, FL_WARN, "out of memory: a batch is put off");
		fl_retry(sink->ctx, stream, FL_SECOND);
	}
}

/* While the stream is live, a commit each fsync is all the disk gives; catching up, no such floor
 * holds. */
static void fit_floor(struct sink *sink, int64_t sync_ns)
{
	int64_t floor_ns = sink->options->batching.commit_floor_ns, change_ns;

	if (sync_ns > FLOOR_MAX_NS)
		sync_ns = FLOOR_MAX_NS;
	if (sink->batch.is_live && sync_ns > floor_ns)
		floor_ns = sync_ns;
	change_ns = floor_ns > sink->floor_ns ? floor_ns - sink->floor_ns : sink->floor_ns - floor_ns;
	if (change_ns * 4 <= sink->floor_ns)
		return;
	sink->floor_ns = floor_ns;
	(void)store_stream(sink);
}

static void tell_rejected(struct sink *sink, const struct fl_result *result)
{
	struct fl_sqlite_job *job;
	const char *reason = NULL;
	const struct row_ref *ref = batch_refused(&sink->batch, result, 0, &reason);

	if (ref != NULL)
		fl_log_limited(sink->ctx, FL_WARN,
			"%zu rows were refused, the first a %s of %s: %s; see rejected_records",
			result->refused_count, fl_kind_name(ref->kind),
			ref->instrument == 0 ? "no instrument" : fl_instrument_name(sink->ctx, ref->instrument),
			reason);
	job = fl_sqlite_job(sink->ctx, DB_MAIN);
	if (job == NULL)
		return;
	batch_put_rejected(&sink->batch, job, sink->ctx, STREAM, result);
	(void)fl_sqlite_run(sink->ctx, job, JOB_REJECTED);
}

static void on_stored(struct sink *sink, const struct fl_result *result)
{
	uint64_t rows[FL_KIND_COUNT];

	batch_count(&sink->batch, result, &sink->counts, rows);
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		if (rows[kind] > 0 && sink->metrics.rows[kind] != NULL) {
			fl_metric_add(sink->metrics.rows[kind], (double)rows[kind]);
			sink->total_rows += rows[kind];
		}
	sink_metrics_set(&sink->metrics, &sink->counts);
	fl_metric_observe(sink->metrics.commit_seconds, (double)result->took_ns / 1e9);
	if (result->refused_count > 0)
		tell_rejected(sink, result);
	sink->position = sink->batch.to;
	sink->is_in_flight = sink->has_read_again = false;
	if (sink->batch.refs.newest_received_ns > 0)
		sink->last_stored_ns = sink->batch.refs.newest_received_ns;
	sink->behind_ns = sink->batch.is_live || sink->batch.refs.count == 0
		? 0
		: fl_now_ns(sink->ctx) - sink->batch.oldest_received_ns;
	if (sink->failures > 0)
		store_works(sink);
	if (ids_keep(&sink->ids, sink->ctx) != 0) {
		fl_ack(sink->ctx, STREAM, &sink->batch.to);
		store_lost(sink, -ENOMEM, "out of memory");
		return;
	}
	fl_ack(sink->ctx, STREAM, &sink->batch.to);
	fit_floor(sink, result->sync_ns);
	disk_look(sink);
}

static void on_batch_result(struct sink *sink, const struct fl_result *result)
{
	if (!sink->is_in_flight)
		return; /* of a stream that was given up */
	if (result->error == 0)
		on_stored(sink, result);
	else if (result->error == -ESTALE)
		store_overtaken(sink);
	else
		store_failed(sink, result);
}

/* ---- the life of an instance ---- */

static void on_result(void *state, int db, int number, const struct fl_result *result)
{
	struct sink *sink = state;

	if (sink->is_probe) {
		probe_on_result(sink, number, result);
		return;
	}
	if (db == DB_QUERY) {
		query_on_result(sink, number, result);
		return;
	}
	switch (number) {
	case 0: store_on_open(sink, result); break;
	case JOB_CURSOR: store_on_cursor(sink, result); break;
	case JOB_IDS: store_on_ids(sink, result); break;
	case JOB_BATCH: on_batch_result(sink, result); break;
	case JOB_REJECTED:
		if (result->error != 0)
			fl_log_limited(sink->ctx, FL_WARN,
				"the refused records of a batch are counted, but not listed in rejected_records: %s",
				result->detail);
		break;
	case JOB_LOOK: disk_look(sink); break;
	case JOB_RETENTION: retention_on_deleted(sink, result); break;
	case JOB_PAGES: retention_on_pages(sink, result); break;
	case JOB_VACUUM: retention_on_vacuumed(sink, result); break;
	default: break;
	}
}

static void on_timer(void *state, int timer)
{
	struct sink *sink = state;

	switch (timer) {
	case TIMER_OPEN:
		if (store_open(sink) != 0)
			store_lost(sink, -ENOMEM, "out of memory");
		break;
	case TIMER_DISK: disk_on_timer(sink); break;
	case TIMER_RETENTION: retention_on_round(sink); break;
	case TIMER_CHUNK: retention_on_pause_over(sink); break;
	case TIMER_REPORT: disk_on_report(sink); break;
	default: break;
	}
}

static int create(struct fl_ctx *ctx, const void *options, void **state)
{
	struct sink *sink = calloc(1, sizeof(*sink));

	if (sink == NULL)
		return -ENOMEM;
	sink->ctx = ctx;
	sink->options = options;
	ids_init(&sink->ids);
	batch_init(&sink->batch);
	retention_init(&sink->retention);
	retention_configure(&sink->retention, &sink->options->retention);
	*state = sink;
	return 0;
}

static void destroy(void *state)
{
	struct sink *sink = state;

	if (sink == NULL)
		return;
	ids_finish(&sink->ids);
	batch_finish(&sink->batch);
	free(sink);
}

static void say_what_is_kept(const struct sink *sink)
{
	char names[400];

	if (retention_kept_for_good(&sink->retention, names, sizeof(names))[0] != '\0')
		fl_log(sink->ctx, FL_INFO, "never deleted: %s (retention says otherwise, by table)", names);
}

static int start(void *state)
{
	struct sink *sink = state;

	sink_metrics_find(&sink->metrics, sink->ctx);
	if (sink->is_restored)
		return snapshot_start(sink);
	say_what_is_kept(sink);
	fl_set_health(sink->ctx, FL_NOT_READY, "opening %s", sink->options->path);
	return store_open(sink);
}

/* What is in flight is waited for; nothing new begins. */
static void stop(void *state)
{
	struct sink *sink = state;

	sink->is_stopping = true;
	for (int timer = TIMER_OPEN; timer <= TIMER_REPORT; timer++)
		fl_timer_stop(sink->ctx, timer);
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
	retention_configure(&sink->retention, &sink->options->retention);
	say_what_is_kept(sink);
	if (sink->stage != STAGE_TAKING)
		return 0;
	sink->floor_ns = sink->options->batching.commit_floor_ns;
	(void)store_stream(sink);
	disk_look(sink);
	return 0;
}

FL_PLUGIN_EXPORT const struct fl_plugin feedloom_plugin = {
	.abi = FL_PLUGIN_ABI,
	.size = sizeof(struct fl_plugin),
	.name = "sink_sqlite",
	.version = PLUGIN_VERSION,
	.summary = "The embedded store: one SQLite file, each record once.",
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
