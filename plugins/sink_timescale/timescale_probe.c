/* timescale_probe.c: `feedloom check --connect`: a session, the server's version, every table. */
#include "sink_timescale.h"

int probe_start(struct sink *sink)
{
	sink->is_probe = true;
	return store_open(sink_main(sink));
}

static void say_tables(struct sink *sink, const struct fl_result *result)
{
	struct stream *stream = sink_main(sink);
	char why[300];
	int problems = 0;

	store_take_layout(stream, result);
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		if (sink_kind(kind)->table == NULL || kind == FL_STATUS)
			continue;
		store_judge(stream, kind, why, sizeof(why));
		if (why[0] == '\0')
			continue;
		fl_probe_step(sink->ctx, -ENOENT, "%s", why);
		problems++;
	}
	if (problems == 0)
		fl_probe_step(sink->ctx, 0, "every table and column is there, and may be written");
}

void probe_on_result(struct sink *sink, int number, const struct fl_result *result)
{
	int place = DB_STREAM + stream_place(sink_main(sink));
	int version = fl_pg_server_version(sink->ctx, place), error = result->error;

	if (error == 0 && number == 0) {
		fl_probe_step(sink->ctx, 0, "%s: PostgreSQL %d.%d", fl_pg_label(sink->ctx, place),
			version / 10000, version % 10000);
		error = store_ask_layout(sink_main(sink), JOB_LAYOUT);
		if (error == 0)
			return;
	}
	if (error != 0)
		fl_probe_step(sink->ctx, error, "%s",
			result->error != 0 ? result->detail : "its tables cannot be asked for");
	else
		say_tables(sink, result);
	fl_probe_done(sink->ctx);
}
