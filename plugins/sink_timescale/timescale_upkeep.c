/*
 * timescale_upkeep.c: a round every ten minutes, in a session of its own, so that batches do not
 * wait for it: the schema's function feedloom_upkeep, a step a call, until it does nothing more.
 */
#include "sink_timescale.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { JOB_STEP = 1 };

#define FIRST_NS (2 * FL_SECOND)
#define ROUND_NS (10 * FL_MINUTE)
#define PAUSE_MIN_NS (20 * FL_MS)

/* The names of the function feedloom_kept. */
const char *const upkeep_tables[] = { "option_quotes", "option_trades", "tickers", "books",
	"candles", "index_prices", "greek_snapshots", "trades", "lifecycle_events", "stream_gaps",
	"rejected_records", NULL };

/* ---- what is kept how long ---- */

static bool is_deleted(const struct fl_durations *retention, const char *table)
{
	for (size_t i = 0; i < retention->count; i++)
		if (strcmp(retention->names[i], table) == 0)
			return retention->values_ns[i] > 0;
	return strcmp(table, "lifecycle_events") == 0;
}

void upkeep_say_what_is_kept(const struct sink *sink)
{
	char names[400];
	size_t length = 0;

	for (size_t i = 0; upkeep_tables[i] != NULL; i++)
		if (!is_deleted(&sink->options->retention, upkeep_tables[i]))
			length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s",
				length == 0 ? "" : ", ", upkeep_tables[i]);
	if (length > 0)
		fl_log(sink->ctx, FL_INFO, "never deleted: %s (retention says otherwise, by table)", names);
}

/* {"tickers":"604800 s"}: the names are choices, so there is nothing to escape. */
static void put_retention(const struct fl_durations *retention, struct fl_pg_job *job)
{
	char text[1024] = "{";
	size_t length = 1;

	for (size_t i = 0; i < retention->count && length < sizeof(text); i++)
		length +=
			(size_t)snprintf(text + length, sizeof(text) - length, "%s\"%s\":\"%" PRId64 " s\"",
				i == 0 ? "" : ",", retention->names[i], retention->values_ns[i] / FL_SECOND);
	if (length < sizeof(text) - 1)
		text[length++] = '}';
	fl_pg_sql_text(job, text, length);
}

/* ---- a round ---- */

static int open_session(struct sink *sink)
{
	const struct options *options = sink->options;
	char application[96];
	struct fl_pg_options how = { .url = options->url,
		.application = application,
		.connect_timeout_ns = options->connect_timeout_ns,
		.statement_timeout_ns = options->statement_timeout_ns,
		.lock_timeout_ns = options->lock_timeout_ns,
		.search_path = options->schema };

	(void)snprintf(
		application, sizeof(application), "feedloom %s upkeep", fl_instance_name(sink->ctx));
	return fl_pg_open(sink->ctx, DB_UPKEEP, &how);
}

static int run_step(struct sink *sink)
{
	const struct options *options = sink->options;
	struct fl_pg_job *job = fl_pg_job(sink->ctx, DB_UPKEEP);

	if (job == NULL)
		return -ENOMEM;
	fl_pg_statement(job, "SELECT step, is_done::int FROM feedloom_upkeep(", FL_SQL_ROWS);
	put_retention(&options->retention, job);
	fl_pg_sql(job, ", ");
	fl_pg_sql_int(job, options->compress_after_ns / FL_SECOND);
	fl_pg_sql(job, " * interval '1 s')");
	return fl_pg_run(sink->ctx, job, JOB_STEP);
}

static void end_round(struct sink *sink)
{
	fl_timer_stop(sink->ctx, TIMER_UPKEEP_STEP);
	if (sink->is_upkeep_open)
		fl_pg_close(sink->ctx, DB_UPKEEP);
	sink->is_upkeep_open = false;
}

void upkeep_start(struct sink *sink)
{
	(void)fl_timer_start(sink->ctx, TIMER_UPKEEP, FIRST_NS, ROUND_NS);
}

void upkeep_stop(struct sink *sink)
{
	fl_timer_stop(sink->ctx, TIMER_UPKEEP);
	end_round(sink);
}

void upkeep_on_timer(struct sink *sink, int timer)
{
	if (timer == TIMER_UPKEEP_STEP) {
		if (sink->is_upkeep_open && run_step(sink) != 0)
			end_round(sink);
		return;
	}
	if (sink->is_upkeep_open)
		return;                                   /* the last round is still going on */
	if (sink_main(sink)->stage != STAGE_TAKING) { /* no store, or its schema is not there yet */
		(void)fl_timer_start(sink->ctx, TIMER_UPKEEP, FIRST_NS, ROUND_NS);
		return;
	}
	sink->is_upkeep_open = open_session(sink) == 0;
}

/* As long a pause as the step took: half of the server's time at most. */
static void on_step(struct sink *sink, const struct fl_result *result)
{
	bool has_more = false;

	for (size_t row = 0; row < result->row_count; row++) {
		const char *step = fl_result_text(result, row, 0);
		bool is_done = fl_result_int(result, row, 1) == 1;

		has_more = has_more || is_done;
		fl_log(sink->ctx, is_done ? FL_DEBUG : FL_INFO, "upkeep: %s", step == NULL ? "" : step);
	}
	if (has_more)
		(void)fl_timer_start(sink->ctx, TIMER_UPKEEP_STEP,
			result->took_ns > PAUSE_MIN_NS ? result->took_ns : PAUSE_MIN_NS, 0);
	else
		end_round(sink);
}

void upkeep_on_result(struct sink *sink, int number, const struct fl_result *result)
{
	if (!sink->is_upkeep_open)
		return; /* of the code before a reload */
	if (result->error != 0) {
		/* A store that does not work is told of by the batches. */
		if (sink_main(sink)->stage == STAGE_TAKING)
			fl_log_limited(sink->ctx, FL_WARN, "upkeep: %s", result->detail);
		end_round(sink);
	} else if (number == 0) {
		if (run_step(sink) != 0)
			end_round(sink);
	} else {
		on_step(sink, result);
	}
}
