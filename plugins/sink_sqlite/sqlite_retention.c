/*
 * sqlite_retention.c: one round every ten seconds, or every minute while there is nothing to
 * delete: chunk by chunk, table by table, then the free pages.
 *
 * A chunk is a job of its own, so batches go in between; the time it took sizes the next one.
 */
#include "sqlite_retention.h"
#include "sink_sqlite.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Of a chunk on the writer: what a busy disk adds must stay below 100 ms. */
#define TARGET_NS (35 * FL_MS)
#define PAUSE_MIN_NS (20 * FL_MS)
#define LIFECYCLE_KEEP_NS (90 * FL_DAY)

/*
 * The first chunk of a table may find every page of it cold: it begins small and grows by half, so
 * that it comes near the target from below.
 */
enum { CHUNK_FIRST = 100, CHUNK_MIN = 20, CHUNK_MAX = 20000 };
/* Pages that one vacuum step may move; a statement moves VACUUM_UNIT. */
enum { VACUUM_UNIT = 16, VACUUM_FIRST = 64, VACUUM_MAX = 4096 };
/* Rounds left out behind one that found nothing. */
enum { REST_ROUNDS = 5 };
/* Free pages that are left alone: what is deleted today is written tomorrow. A sixteenth of the
 * file. */
enum { VACUUM_SHARE = 16, VACUUM_FLOOR = 1024 };

static const struct {
	const char *table, *sql;
} deletes[RETAINED_TABLES] = {
#define DELETE_FROM(table, time)                                                                   \
	"DELETE FROM " table " WHERE rowid IN (SELECT rowid FROM " table " WHERE " time                \
	" < ? ORDER BY " time " LIMIT ?)"
	{ "option_quotes", DELETE_FROM("option_quotes_base", "event_us") },
	{ "option_trades", DELETE_FROM("option_trades_base", "event_us") },
	{ "tickers", DELETE_FROM("tickers_base", "event_us") },
	{ "books", DELETE_FROM("books_base", "event_us") },
	{ "candles", DELETE_FROM("candles_base", "event_us") },
	{ "index_prices", DELETE_FROM("index_prices", "event_us") },
	{ "greek_snapshots", DELETE_FROM("greek_snapshots_base", "event_us") },
	{ "trades", DELETE_FROM("trades", "executed_us") },
	{ "lifecycle_events", DELETE_FROM("lifecycle_events", "event_us") },
	{ "stream_gaps", DELETE_FROM("stream_gaps", "started_us") },
	{ "rejected_records", DELETE_FROM("rejected_records", "rejected_us") },
#undef DELETE_FROM
};

const char *const retention_tables[] = { "option_quotes", "option_trades", "tickers", "books",
	"candles", "index_prices", "greek_snapshots", "trades", "lifecycle_events", "stream_gaps",
	"rejected_records", NULL };

/* ---- what is kept how long ---- */

void retention_init(struct retention *retention)
{
	*retention = (struct retention){ .vacuum_pages = VACUUM_FIRST, .may_have_free_pages = true };
	for (size_t i = 0; i < RETAINED_TABLES; i++)
		retention->chunk_rows[i] = CHUNK_FIRST;
}

void retention_configure(struct retention *retention, const struct fl_durations *options)
{
	retention->resting = 0;
	for (size_t i = 0; i < RETAINED_TABLES; i++) {
		bool is_events = strcmp(deletes[i].table, "lifecycle_events") == 0;

		retention->keep_ns[i] = is_events ? LIFECYCLE_KEEP_NS : 0;
		for (size_t k = 0; k < options->count; k++)
			if (strcmp(options->names[k], deletes[i].table) == 0)
				retention->keep_ns[i] = options->values_ns[k];
	}
}

const char *retention_kept_for_good(const struct retention *retention, char *out, size_t size)
{
	size_t length = 0;

	out[0] = '\0';
	for (size_t i = 0; i < RETAINED_TABLES; i++) {
		if (retention->keep_ns[i] > 0 || length + 32 > size)
			continue;
		length += (size_t)snprintf(
			out + length, size - length, "%s%s", length == 0 ? "" : ", ", deletes[i].table);
	}
	return out;
}

int64_t retention_next_size(int64_t rows, int64_t took_ns, int64_t least, int64_t most)
{
	int64_t next;

	if (took_ns <= 0)
		return rows; /* not measured: a database in memory */
	if (took_ns > TARGET_NS)
		next = rows * TARGET_NS / took_ns;
	else if (took_ns < TARGET_NS * 2 / 3)
		next = rows + (rows + 1) / 2;
	else
		next = rows;
	return next < least ? least : next > most ? most : next;
}

/* ---- a round ---- */

/* Not while records wait for the writer; but when there is no room for them, it is the way to get
 * some. */
static bool has_time(const struct sink *sink)
{
	if (sink->stage != STAGE_TAKING || sink->is_stopping)
		return false;
	return sink->is_disk_low || (sink->failures == 0 && sink->behind_ns < RETENTION_BEHIND_NS);
}

static void end_round(struct sink *sink)
{
	struct retention *retention = &sink->retention;

	if (retention->deleted_rows > 0)
		fl_log(sink->ctx, FL_DEBUG, "retention: %" PRId64 " rows deleted, the longest step %.0f ms",
			retention->deleted_rows, (double)retention->longest_ns / 1e6);
	retention->resting =
		retention->table == RETAINED_TABLES && retention->deleted_rows == 0 ? REST_ROUNDS : 0;
	retention->deleted_rows = retention->longest_ns = 0;
	retention->is_going = false;
	retention->table = 0;
}

/* Half of the writer's time at most. */
static void pause(struct sink *sink, int64_t took_ns)
{
	if (took_ns > sink->retention.longest_ns)
		sink->retention.longest_ns = took_ns;
	(void)fl_timer_start(
		sink->ctx, TIMER_CHUNK, took_ns > PAUSE_MIN_NS ? took_ns : PAUSE_MIN_NS, 0);
}

static int run_chunk(struct sink *sink)
{
	struct retention *retention = &sink->retention;
	size_t table = retention->table;
	struct fl_sqlite_job *job = fl_sqlite_job(sink->ctx, DB_MAIN);

	if (job == NULL)
		return -ENOMEM;
	(void)fl_sqlite_statement(job, deletes[table].sql, 0);
	fl_sqlite_int(job, (fl_now_ns(sink->ctx) - retention->keep_ns[table]) / FL_US);
	fl_sqlite_int(job, retention->chunk_rows[table]);
	fl_sqlite_row_end(job);
	(void)fl_sqlite_statement(job, "SELECT ?, ?", FL_SQL_ROWS);
	fl_sqlite_changes(job, 0);
	fl_sqlite_int(job, retention->chunk_rows[table]);
	fl_sqlite_row_end(job);
	return fl_sqlite_run(sink->ctx, job, JOB_RETENTION);
}

static int ask_pages(struct sink *sink)
{
	struct fl_sqlite_job *job = fl_sqlite_job(sink->ctx, DB_MAIN);

	if (job == NULL)
		return -ENOMEM;
	(void)fl_sqlite_statement(job,
		"SELECT (SELECT freelist_count FROM pragma_freelist_count), "
		"(SELECT page_count FROM pragma_page_count)",
		FL_SQL_ROWS);
	fl_sqlite_row_end(job);
	return fl_sqlite_run(sink->ctx, job, JOB_PAGES);
}

static int run_vacuum(struct sink *sink)
{
	struct fl_sqlite_job *job = fl_sqlite_job(sink->ctx, DB_MAIN);

	if (job == NULL)
		return -ENOMEM;
	/* One text, so that it is prepared once. */
	(void)fl_sqlite_statement(job, "PRAGMA incremental_vacuum(16)", 0);
	for (int64_t pages = 0; pages < sink->retention.vacuum_pages; pages += VACUUM_UNIT)
		fl_sqlite_row_end(job);
	return fl_sqlite_run(sink->ctx, job, JOB_VACUUM);
}

static void go_on(struct sink *sink)
{
	struct retention *retention = &sink->retention;
	int error;

	while (retention->table < RETAINED_TABLES && retention->keep_ns[retention->table] == 0)
		retention->table++;
	if (!has_time(sink)) {
		end_round(sink);
		return;
	}
	if (retention->table == RETAINED_TABLES && !retention->may_have_free_pages &&
		!sink->is_disk_low) {
		end_round(sink);
		return;
	}
	error = retention->table < RETAINED_TABLES ? run_chunk(sink) : ask_pages(sink);
	if (error != 0)
		end_round(sink);
}

void retention_on_round(struct sink *sink)
{
	if (sink->retention.is_going || !has_time(sink))
		return;
	if (sink->retention.resting > 0 && !sink->is_disk_low) {
		sink->retention.resting--;
		return;
	}
	sink->retention.is_going = true;
	sink->retention.table = 0;
	go_on(sink);
}

void retention_on_pause_over(struct sink *sink)
{
	if (sink->retention.is_going)
		go_on(sink);
}

/* The next round tries again; a store that does not work is told of by the batches. */
static bool has_failed(struct sink *sink, const struct fl_result *result)
{
	if (result->error == 0)
		return false;
	if (result->error != -EAGAIN)
		fl_log_limited(sink->ctx, FL_WARN, "retention: %s", result->detail);
	end_round(sink);
	return true;
}

void retention_on_deleted(struct sink *sink, const struct fl_result *result)
{
	struct retention *retention = &sink->retention;
	int64_t deleted = fl_result_int(result, 0, 0), asked = fl_result_int(result, 0, 1);

	if (!retention->is_going || has_failed(sink, result))
		return;
	retention->deleted_rows += deleted;
	retention->may_have_free_pages |= deleted > 0;
	if (deleted >= asked || result->took_ns > TARGET_NS) {
		retention->chunk_rows[retention->table] =
			retention_next_size(asked, result->took_ns, CHUNK_MIN, CHUNK_MAX);
	}
	if (deleted < asked) {
		retention->table++;
		if (deleted == 0) { /* it cost nothing */
			go_on(sink);
			return;
		}
	}
	pause(sink, result->took_ns);
}

void retention_on_pages(struct sink *sink, const struct fl_result *result)
{
	int64_t free_pages = fl_result_int(result, 0, 0), pages = fl_result_int(result, 0, 1);
	int64_t left_alone = sink->is_disk_low ? 0 : pages / VACUUM_SHARE + VACUUM_FLOOR;

	if (!sink->retention.is_going || has_failed(sink, result))
		return;
	if (free_pages <= left_alone) {
		sink->retention.may_have_free_pages = false; /* until rows are deleted */
		end_round(sink);
	} else if (run_vacuum(sink) != 0) {
		end_round(sink);
	}
}

void retention_on_vacuumed(struct sink *sink, const struct fl_result *result)
{
	struct retention *retention = &sink->retention;

	if (!retention->is_going || has_failed(sink, result))
		return;
	retention->vacuum_pages =
		retention_next_size(retention->vacuum_pages, result->took_ns, VACUUM_UNIT, VACUUM_MAX);
	pause(sink, result->took_ns); /* then asks for the pages again */
}

void retention_reset(struct sink *sink)
{
	fl_timer_stop(sink->ctx, TIMER_CHUNK);
	end_round(sink);
}
