/* sqlite_probe.c: `feedloom check --connect`: opens, brings the schema up to date, looks at the
 * disk. */
#include "sink_sqlite.h"
#include <inttypes.h>

int probe_start(struct sink *sink)
{
	sink->is_probe = true;
	return store_open(sink);
}

static int ask_version(struct sink *sink)
{
	struct fl_sqlite_job *job = fl_sqlite_job(sink->ctx, DB_MAIN);

	if (job == NULL)
		return -ENOMEM;
	(void)fl_sqlite_statement(job, "SELECT max(version) FROM feedloom_migration", FL_SQL_ROWS);
	fl_sqlite_row_end(job);
	return fl_sqlite_run(sink->ctx, job, JOB_LOOK);
}

static void say_disk(struct sink *sink)
{
	int64_t free_bytes, total_bytes, file_bytes;
	double ratio;

	if (fl_sqlite_disk(sink->ctx, DB_MAIN, &free_bytes, &total_bytes, &file_bytes) != 0 ||
		total_bytes <= 0)
		return;
	ratio = (double)free_bytes / (double)total_bytes;
	fl_probe_step(sink->ctx, ratio < sink->options->min_free ? -ENOSPC : 0,
		"%.1f GB free, %.1f %% of the disk (min_free is %.1f %%)", (double)free_bytes / 1e9,
		ratio * 100, sink->options->min_free * 100);
}

void probe_on_result(struct sink *sink, int number, const struct fl_result *result)
{
	int error = result->error;

	if (error != 0) {
		fl_probe_step(sink->ctx, error, "%s", result->detail);
		fl_probe_done(sink->ctx);
		return;
	}
	if (number == 0) {
		fl_probe_step(sink->ctx, 0, "%s: opened", sink->options->path);
		error = ask_version(sink);
		if (error == 0)
			return;
		fl_probe_step(sink->ctx, error, "%s: its schema cannot be asked for", sink->options->path);
	} else {
		fl_probe_step(sink->ctx, 0, "schema %" PRId64, fl_result_int(result, 0, 0));
		say_disk(sink);
	}
	fl_probe_done(sink->ctx);
}
