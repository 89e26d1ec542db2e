/*
 * sqlite_store.c: the way to an open stream, and back to it after an error.
 *
 *     open > the cursor's row > the store's instruments, in pages > fl_stream_open
 */
#include "sink_sqlite.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { IDS_PAGE = 20000 };
#define OPEN_DELAY_MIN_NS FL_SECOND
#define OPEN_DELAY_MAX_NS (60 * FL_SECOND)
#define BUSY_DELAY_NS (200 * FL_MS)
#define BUSY_PATIENCE_NS (10 * FL_SECOND)
#define OTHER_DELAY_NS (5 * FL_SECOND)
#define WRITE_DELAY_MAX_NS (10 * FL_SECOND)

/* ---- opening ---- */

int store_open(struct sink *sink)
{
	struct fl_sqlite_options how = { .path = sink->options->path,
		.schema = "sqlite",
		.busy_timeout_ns = sink->options->busy_timeout_ns };

	sink->stage = STAGE_OPENING;
	return fl_sqlite_open(sink->ctx, DB_MAIN, &how);
}

void store_lost(struct sink *sink, int error, const char *detail)
{
	/* Time heals these; of the others somebody has to do something, and may just have. */
	bool can_pass = error == -EAGAIN || error == -EIO || error == -ENOSPC || error == -ENOMEM;

	if (sink->is_in_flight)
		ids_undo(&sink->ids);
	sink->is_in_flight = sink->is_reading_again = false;
	sink->adopting = 0;
	sink->stage = STAGE_CLOSED;
	fl_set_health(sink->ctx, FL_DISCONNECTED, "%s", detail);
	fl_complain(sink->ctx, "store", "%s", detail);
	retention_reset(sink);
	fl_stream_close(sink->ctx, STREAM);
	fl_sqlite_close(sink->ctx, DB_MAIN);
	if (!can_pass)
		sink->open_delay_ns = OPEN_DELAY_MAX_NS;
	else if (sink->open_delay_ns == 0)
		sink->open_delay_ns = OPEN_DELAY_MIN_NS;
	(void)fl_timer_start(sink->ctx, TIMER_OPEN, sink->open_delay_ns, 0);
	sink->open_delay_ns *= 2;
	if (sink->open_delay_ns > OPEN_DELAY_MAX_NS)
		sink->open_delay_ns = OPEN_DELAY_MAX_NS;
}

/* A missing row is made; it then says: before everything. */
static int read_cursor(struct sink *sink)
{
	struct fl_sqlite_job *job = fl_sqlite_job(sink->ctx, DB_MAIN);
	const char *name = fl_instance_name(sink->ctx);

	if (job == NULL)
		return -ENOMEM;
	sink->stage = STAGE_READING;
	(void)fl_sqlite_statement(
		job, "INSERT OR IGNORE INTO feedloom_cursor(sink, stream) VALUES(?, ?)", 0);
	fl_sqlite_text(job, name, strlen(name));
	fl_sqlite_text(job, STREAM, strlen(STREAM));
	fl_sqlite_row_end(job);
	(void)fl_sqlite_statement(job,
		"SELECT journal_id, generation, position, counts, updated_us FROM feedloom_cursor "
		"WHERE sink = ? AND stream = ?",
		FL_SQL_ROWS);
	fl_sqlite_text(job, name, strlen(name));
	fl_sqlite_text(job, STREAM, strlen(STREAM));
	fl_sqlite_row_end(job);
	return fl_sqlite_run(sink->ctx, job, JOB_CURSOR);
}

static int read_ids(struct sink *sink, int64_t after)
{
	struct fl_sqlite_job *job = fl_sqlite_job(sink->ctx, DB_MAIN);

	if (job == NULL)
		return -ENOMEM;
	(void)fl_sqlite_statement(job,
		"SELECT instrument_id, exchange, instrument_name FROM instrument_metadata "
		"WHERE instrument_id > ? ORDER BY instrument_id LIMIT ?",
		FL_SQL_ROWS);
	fl_sqlite_int(job, after);
	fl_sqlite_int(job, IDS_PAGE);
	fl_sqlite_row_end(job);
	return fl_sqlite_run(sink->ctx, job, JOB_IDS);
}

int store_read_names(struct sink *sink)
{
	ids_clear(&sink->ids);
	sink->stage = STAGE_READING;
	return read_ids(sink, 0);
}

void store_on_open(struct sink *sink, const struct fl_result *result)
{
	int error = result->error;

	if (error == 0 && sink->adopting > 0) { /* it was open, and known to be */
		sink->adopting--;
		return;
	}
	if (error == 0)
		error = read_cursor(sink);
	if (error != 0)
		store_lost(sink, error, result->error != 0 ? result->detail : "out of memory");
}

/* ---- what the store has ---- */

void store_on_cursor(struct sink *sink, const struct fl_result *result)
{
	int64_t updated_us;
	int error = result->error;

	if (error == 0 && result->row_count == 1) {
		sink->position = (struct fl_position){
			.journal_id = (uint64_t)fl_result_int(result, 0, 0),
			.generation = (uint32_t)fl_result_int(result, 0, 1),
			.number = (uint64_t)fl_result_int(result, 0, 2),
		};
		counts_read(&sink->counts, fl_result_text(result, 0, 3));
		updated_us = fl_result_int(result, 0, 4);
		sink->last_stored_ns = updated_us > 0 ? updated_us * FL_US : 0;
		ids_clear(&sink->ids);
		error = read_ids(sink, 0);
	}
	if (error != 0)
		store_lost(sink, error, result->error != 0 ? result->detail : "out of memory");
}

int store_stream(struct sink *sink)
{
	const struct options *options = sink->options;
	struct fl_stream how = { .position = sink->position,
		.batch_rows = (uint32_t)options->batching.batch_rows,
		.flush_rows = (uint32_t)options->batching.flush_rows,
		.commit_floor_ns = sink->floor_ns,
		.flush_interval_ns = options->batching.flush_interval_ns };

	/* A floor that the disk asks for is not to be cut short. */
	if (sink->floor_ns > options->batching.commit_floor_ns) {
		how.flush_rows = (uint32_t)options->batching.batch_rows;
		how.flush_interval_ns = sink->floor_ns;
	}
	counts_consumed(&sink->counts, how.consumed);
	return fl_stream_open(sink->ctx, STREAM, &how);
}

static void begin_taking(struct sink *sink)
{
	int result;

	sink->stage = STAGE_TAKING;
	sink->floor_ns = sink->options->batching.commit_floor_ns;
	result = store_stream(sink);
	if (result < 0) {
		store_lost(sink, result, "the stream cannot be opened");
		return;
	}
	fl_log(sink->ctx, FL_INFO,
		"%s: %zu instruments known; goes on behind record %" PRIu64 " of generation %" PRIu32,
		sink->options->path, sink->ids.name_count, sink->position.number,
		sink->position.generation);
	sink_metrics_set(&sink->metrics, &sink->counts);
	store_works(sink);
	disk_look(sink);
	disk_report_begin(sink);
	if (!fl_timer_is_running(sink->ctx, TIMER_RETENTION))
		(void)fl_timer_start(sink->ctx, TIMER_RETENTION, ROUND_EVERY_NS, ROUND_EVERY_NS);
}

void store_on_ids(struct sink *sink, const struct fl_result *result)
{
	int64_t last = 0;
	int error = result->error;

	for (size_t row = 0; row < result->row_count && error == 0; row++) {
		const char *exchange = fl_result_text(result, row, 1);
		const char *name = fl_result_text(result, row, 2);

		last = fl_result_int(result, row, 0);
		/* Numbers that others chose beyond ours are of no use, and do no harm. */
		if (last > 0 && last < INT32_MAX && exchange != NULL && name != NULL)
			error = ids_add(&sink->ids, exchange, name, (uint32_t)last);
	}
	if (error == 0 && result->row_count == IDS_PAGE) {
		error = read_ids(sink, last);
		if (error == 0)
			return;
	}
	if (error != 0) {
		store_lost(sink, error, result->error != 0 ? result->detail : "out of memory");
	} else if (sink->is_reading_again) {
		sink->is_reading_again = sink->is_in_flight = false;
		fl_retry(sink->ctx, STREAM, 0);
	} else {
		begin_taking(sink);
	}
}

/* ---- errors of a batch ---- */

void store_works(struct sink *sink)
{
	sink->open_delay_ns = 0;
	sink->failures = 0;
	fl_resolved(sink->ctx, "store");
	if (!sink->is_disk_low)
		fl_set_health(sink->ctx, FL_HEALTHY, "%s", "");
}

void store_overtaken(struct sink *sink)
{
	fl_log_limited(sink->ctx, FL_WARN,
		"%s: another session has moved the cursor of %s; it is read anew (does a second feedloom "
		"write with this sink's name?)",
		sink->options->path, fl_instance_name(sink->ctx));
	ids_undo(&sink->ids);
	sink->is_in_flight = false;
	fl_stream_close(sink->ctx, STREAM);
	if (read_cursor(sink) != 0)
		store_lost(sink, -ENOMEM, "out of memory");
}

static void take_again(struct sink *sink, int64_t delay_ns)
{
	sink->is_in_flight = false;
	fl_retry(sink->ctx, STREAM, delay_ns);
}

static void complain(struct sink *sink, enum fl_health health, const char *detail)
{
	fl_set_health(sink->ctx, health, "%s", detail);
	fl_complain(
		sink->ctx, "store", "%s: %s; the journal holds what comes", sink->options->path, detail);
}

/* Another writer gave a number or a name out before us. */
static bool is_taken(const struct fl_result *result)
{
	return result->error == -EINVAL &&
		strstr(result->detail, "UNIQUE constraint failed: instrument_metadata") != NULL;
}

void store_failed(struct sink *sink, const struct fl_result *result)
{
	int64_t delay_ns = FL_SECOND;

	ids_undo(&sink->ids);
	if (sink->failures++ == 0)
		sink->failing_since_ns = fl_monotonic_ns(sink->ctx);
	for (int i = 1; i < sink->failures && delay_ns < WRITE_DELAY_MAX_NS; i++)
		delay_ns *= 2;
	switch (result->error) {
	case -EAGAIN:
		if (fl_monotonic_ns(sink->ctx) - sink->failing_since_ns > BUSY_PATIENCE_NS)
			complain(sink, FL_DEGRADED, "locked by another program");
		take_again(sink, BUSY_DELAY_NS);
		break;
	case -ENOSPC:
	case -EIO:
	case -EROFS:
		complain(sink, FL_DISCONNECTED, result->detail);
		/* A disk that came back read-only, a file that was replaced: only a new session sees it. */
		if (sink->failures % 3 == 0 && result->error != -ENOSPC)
			store_lost(sink, -EIO, result->detail);
		else
			take_again(sink, delay_ns < WRITE_DELAY_MAX_NS ? delay_ns : WRITE_DELAY_MAX_NS);
		break;
	case -EILSEQ: store_lost(sink, result->error, result->detail); break;
	default:
		if (is_taken(result) && !sink->has_read_again) {
			sink->has_read_again = true;
			ids_clear(&sink->ids);
			sink->is_reading_again = true;
			if (read_ids(sink, 0) == 0)
				break;
			sink->is_reading_again = false;
		}
		complain(sink, FL_DEGRADED, result->detail);
		take_again(sink, OTHER_DELAY_NS);
	}
}
