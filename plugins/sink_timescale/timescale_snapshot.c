/*
 * timescale_snapshot.c: what a reload hands over: the instruments' numbers, and the questions that
 * wait for their rows. Cursors and columns are not: the store has them, two answers away, and no
 * batch is in flight then; the sessions stay, so it is asked in those that are open.
 */
#include "sink_timescale.h"

int snapshot_save(const void *state, struct fl_snapshot *to)
{
	const struct sink *sink = state;
	bool is_taking = sink->streams[0].stage == STAGE_TAKING;
	int error = fl_snapshot_put_int(to, "is_taking", is_taking);

	if (error == 0)
		error = ids_save(&sink->ids, to);
	return error == 0 ? questions_save(&sink->questions, to) : error;
}

int snapshot_restore(void *state, uint32_t version, const struct fl_snapshot *from)
{
	struct sink *sink = state;
	bool are_names_there;
	int64_t is_taking = 0;
	int error;

	if (version != SINK_STATE_VERSION)
		return -EPROTO;
	(void)fl_snapshot_get_int(from, "is_taking", &is_taking);
	sink->is_restored = is_taking != 0;
	error = ids_restore(&sink->ids, version, from, &are_names_there);
	return error == 0 ? questions_restore(&sink->questions, version, from) : error;
}
