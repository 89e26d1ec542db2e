/*
 * sqlite_disk.c: room on the disk. Below min_free the sink stops taking: the journal holds what
 * comes, and the stream stays open, so that its lag is seen.
 */
#include "sink_sqlite.h"
#include <stdio.h>

#define LOOK_EVERY_NS (10 * FL_SECOND)
#define FIRST_REPORT_NS (10 * FL_MINUTE)

void disk_look(struct sink *sink)
{
	int64_t free_bytes, total_bytes, file_bytes;
	double ratio;

	if (fl_sqlite_disk(sink->ctx, DB_MAIN, &free_bytes, &total_bytes, &file_bytes) != 0 ||
		total_bytes <= 0)
		return;
	ratio = (double)free_bytes / (double)total_bytes;
	if (ratio < sink->options->min_free && !sink->is_disk_low) {
		sink->is_disk_low = true;
		fl_set_health(sink->ctx, FL_DEGRADED, "disk: %.1f %% free, min_free is %.1f %%",
			ratio * 100, sink->options->min_free * 100);
		fl_complain(sink->ctx, "disk",
			"%s: %.1f %% of the disk is free (%.1f GB) and min_free is %.1f %%: nothing is stored "
			"until there is more; the journal holds what comes; free some space or shorten retention",
			sink->options->path, ratio * 100, (double)free_bytes / 1e9,
			sink->options->min_free * 100);
	} else if (ratio >= sink->options->min_free && sink->is_disk_low) {
		sink->is_disk_low = false;
		fl_resolved(sink->ctx, "disk");
		if (sink->failures == 0)
			fl_set_health(sink->ctx, FL_HEALTHY, "%s", "");
	}
	if (!sink->is_disk_low)
		fl_timer_stop(sink->ctx, TIMER_DISK);
	else if (!fl_timer_is_running(sink->ctx, TIMER_DISK))
		(void)fl_timer_start(sink->ctx, TIMER_DISK, LOOK_EVERY_NS, LOOK_EVERY_NS);
}

/* The figures are those of the last job: so one that does nothing. */
void disk_on_timer(struct sink *sink)
{
	struct fl_sqlite_job *job = fl_sqlite_job(sink->ctx, DB_MAIN);

	if (job == NULL)
		return;
	(void)fl_sqlite_statement(job, "SELECT 1", 0);
	fl_sqlite_row_end(job);
	(void)fl_sqlite_run(sink->ctx, job, JOB_LOOK);
}

/* ---- how long it will last ---- */

void disk_report_begin(struct sink *sink)
{
	int64_t free_bytes, total_bytes, file_bytes = 0;

	(void)fl_sqlite_disk(sink->ctx, DB_MAIN, &free_bytes, &total_bytes, &file_bytes);
	sink->report_since_ns = fl_monotonic_ns(sink->ctx);
	sink->report_bytes = file_bytes;
	sink->report_rows = sink->total_rows;
	if (!fl_timer_is_running(sink->ctx, TIMER_REPORT))
		(void)fl_timer_start(sink->ctx, TIMER_REPORT, FIRST_REPORT_NS, FL_DAY);
}

void disk_start_timers(struct sink *sink)
{
	int64_t due_ns = sink->report_since_ns + (sink->has_reported ? FL_DAY : FIRST_REPORT_NS);
	int64_t left_ns = due_ns - fl_monotonic_ns(sink->ctx);

	if (sink->is_disk_low)
		(void)fl_timer_start(sink->ctx, TIMER_DISK, LOOK_EVERY_NS, LOOK_EVERY_NS);
	(void)fl_timer_start(sink->ctx, TIMER_REPORT, left_ns > 0 ? left_ns : 0, FL_DAY);
}

void disk_on_report(struct sink *sink)
{
	double days = (double)(fl_monotonic_ns(sink->ctx) - sink->report_since_ns) / (double)FL_DAY;
	int64_t free_bytes, total_bytes, file_bytes;
	double rows, bytes;
	char left[64] = "the disk lasts";

	if (days <= 0 ||
		fl_sqlite_disk(sink->ctx, DB_MAIN, &free_bytes, &total_bytes, &file_bytes) != 0)
		return;
	rows = (double)(sink->total_rows - sink->report_rows) / days;
	bytes = (double)(file_bytes - sink->report_bytes) / days;
	/* What min_free reserves is not ours to fill. */
	if (bytes > 0)
		(void)snprintf(left, sizeof(left), "%.1f days of disk left",
			((double)free_bytes - sink->options->min_free * (double)total_bytes) / bytes);
	fl_log(sink->ctx, FL_INFO,
		"%.0f rows and %.2f GB a day at this rate; the file has %.2f GB, %.1f GB are free: %s",
		rows, bytes > 0 ? bytes / 1e9 : 0.0, (double)file_bytes / 1e9, (double)free_bytes / 1e9,
		left);
	sink->has_reported = true;
	disk_report_begin(sink);
}
