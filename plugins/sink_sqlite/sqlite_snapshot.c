/*
 * sqlite_snapshot.c: what a reload hands over: the cursor and the counts beside it, the
 * instruments' numbers, where retention is, questions that wait for their rows. No batch is in
 * flight then, so the stream goes on at the very record.
 */
#include "sink_sqlite.h"
#include <feedloom/bytes.h>
#include <string.h>

/* ---- the store ---- */

static void put_counts(struct fl_writer *to, const uint64_t counts[FL_KIND_COUNT])
{
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		fl_write_int(to, (int64_t)counts[kind]);
}

static void get_counts(struct fl_reader *from, uint64_t counts[FL_KIND_COUNT])
{
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		counts[kind] = (uint64_t)fl_read_int(from);
}

static void put_store(struct fl_writer *to, const struct sink *sink)
{
	fl_write_int(to, (int64_t)sink->stage);
	fl_write_int(to, sink->adopting);
	fl_write_int(to, sink->has_read_again);
	fl_write_int(to, sink->failures);
	fl_write_int(to, sink->failing_since_ns);
	fl_write_int(to, sink->open_delay_ns);
	fl_write_int(to, (int64_t)sink->position.journal_id);
	fl_write_int(to, sink->position.generation);
	fl_write_int(to, (int64_t)sink->position.number);
	fl_write_int(to, FL_KIND_COUNT);
	put_counts(to, sink->counts.stored);
	put_counts(to, sink->counts.repeated);
	put_counts(to, sink->counts.rejected);
	put_counts(to, sink->counts.dropped);
	fl_write_int(to, sink->last_stored_ns);
	fl_write_int(to, sink->floor_ns);
	fl_write_int(to, sink->behind_ns);
	fl_write_int(to, sink->is_disk_low);
	fl_write_int(to, sink->report_since_ns);
	fl_write_int(to, sink->report_bytes);
	fl_write_int(to, (int64_t)sink->report_rows);
	fl_write_int(to, (int64_t)sink->total_rows);
	fl_write_int(to, sink->has_reported);
}

static int get_store(struct sink *sink, struct fl_reader *from)
{
	int64_t stage = fl_read_int(from);

	sink->stage = (enum stage)stage;
	sink->adopting = (int)fl_read_int(from);
	sink->has_read_again = fl_read_int(from) != 0;
	sink->failures = (int)fl_read_int(from);
	sink->failing_since_ns = fl_read_int(from);
	sink->open_delay_ns = fl_read_int(from);
	sink->position.journal_id = (uint64_t)fl_read_int(from);
	sink->position.generation = (uint32_t)fl_read_int(from);
	sink->position.number = (uint64_t)fl_read_int(from);
	if (fl_read_int(from) != FL_KIND_COUNT)
		return -EPROTO;
	get_counts(from, sink->counts.stored);
	get_counts(from, sink->counts.repeated);
	get_counts(from, sink->counts.rejected);
	get_counts(from, sink->counts.dropped);
	sink->last_stored_ns = fl_read_int(from);
	sink->floor_ns = fl_read_int(from);
	sink->behind_ns = fl_read_int(from);
	sink->is_disk_low = fl_read_int(from) != 0;
	sink->report_since_ns = fl_read_int(from);
	sink->report_bytes = fl_read_int(from);
	sink->report_rows = (uint64_t)fl_read_int(from);
	sink->total_rows = (uint64_t)fl_read_int(from);
	sink->has_reported = fl_read_int(from) != 0;
	return from->is_broken || stage < STAGE_CLOSED || stage > STAGE_TAKING ? -EINVAL : 0;
}

/* ---- retention ---- */

/* By the tables' names: another version may have them in another order. */
static void put_retention(struct fl_writer *to, const struct retention *retention)
{
	fl_write_int(to, retention->vacuum_pages);
	fl_write_int(to, retention->is_going);
	fl_write_int(to, retention->deleted_rows);
	fl_write_int(to, retention->longest_ns);
	fl_write_text(to, retention->table < RETAINED_TABLES ? retention_tables[retention->table] : "");
	for (size_t i = 0; i < RETAINED_TABLES; i++) {
		fl_write_text(to, retention_tables[i]);
		fl_write_int(to, retention->chunk_rows[i]);
	}
}

static size_t table_named(const char *name)
{
	size_t i = 0;

	while (i < RETAINED_TABLES && strcmp(retention_tables[i], name) != 0)
		i++;
	return i;
}

static int get_retention(struct retention *retention, struct fl_reader *from)
{
	char name[64];

	retention->vacuum_pages = fl_read_int(from);
	retention->is_going = fl_read_int(from) != 0;
	retention->deleted_rows = fl_read_int(from);
	retention->longest_ns = fl_read_int(from);
	fl_read_text(from, name, sizeof(name));
	retention->table = table_named(name);
	while (from->left > 0) {
		size_t table;
		int64_t rows;

		fl_read_text(from, name, sizeof(name));
		rows = fl_read_int(from);
		table = table_named(name);
		if (table < RETAINED_TABLES && rows > 0)
			retention->chunk_rows[table] = rows;
	}
	return from->is_broken ? -EINVAL : 0;
}

/* ---- the snapshot ---- */

int snapshot_save(const void *state, struct fl_snapshot *to)
{
	const struct sink *sink = state;
	struct fl_writer writer = { 0 };
	int error;

	if (sink->stage == STAGE_READING && !ids_are_few(&sink->ids))
		return -EBUSY; /* half read, and too many to hand over: in a moment it is done */
	put_store(&writer, sink);
	if ((error = fl_writer_save(&writer, to, "store")) != 0 ||
		(error = ids_save(&sink->ids, to)) != 0)
		return error;
	put_retention(&writer, &sink->retention);
	if ((error = fl_writer_save(&writer, to, "retention")) != 0)
		return error;
	return questions_save(&sink->questions, to);
}

int snapshot_restore(void *state, uint32_t version, const struct fl_snapshot *from)
{
	struct sink *sink = state;
	struct fl_reader store = fl_reader_open(from, "store", version);
	struct fl_reader retention = fl_reader_open(from, "retention", version);
	int error;

	if (version != SINK_STATE_VERSION)
		return -EPROTO;
	if ((error = get_store(sink, &store)) != 0 ||
		(error = ids_restore(&sink->ids, version, from, &sink->has_names)) != 0 ||
		(error = get_retention(&sink->retention, &retention)) != 0 ||
		(error = questions_restore(&sink->questions, version, from)) != 0)
		return error;
	sink->is_restored = true;
	return 0;
}

/* ---- the start of what was restored ---- */

/* The session answers that it is open: the new code knows that already. */
static int adopt_session(struct sink *sink)
{
	enum stage stage = sink->stage;
	int error;

	if (stage == STAGE_CLOSED)
		return 0; /* the timer that opens it runs on */
	error = store_open(sink);
	sink->stage = stage;
	if (stage != STAGE_OPENING)
		sink->adopting++;
	return error;
}

int snapshot_start(struct sink *sink)
{
	int error = adopt_session(sink);

	sink->is_restored = false;
	if (error == 0 && sink->questions.is_open)
		error = query_adopt(sink);
	if (error != 0 || sink->stage != STAGE_TAKING)
		return error;
	error = store_stream(sink);
	if (error < 0)
		return error;
	(void)fl_timer_start(sink->ctx, TIMER_RETENTION, ROUND_EVERY_NS, ROUND_EVERY_NS);
	disk_start_timers(sink);
	/* Batches wait until the names are there. */
	return sink->has_names ? 0 : store_read_names(sink);
}
