/* moment.c: what must hold of a running daemon at any moment. */
#include "check_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "cursor.h"
#include "instance_parts.h"
#include "state.h"

enum {
	CONNECTIONS_MAX = 32, /* what the venue allows an address, WebSocket and HTTP */
	LANES_MAX = 4,        /* HTTP connections to one origin, as core/wire/request.c says */
	DIALS_MAX = 16        /* of one connection in a minute: its pause grows from 0.5 s */
};
#define BACKOFF_MAX_NS (60 * FL_SECOND)
#define SLACK_NS (2 * FL_SECOND)
#define HEAP_MAX_BYTES (INT64_C(24) << 20)  /* of 48 MiB resident; the rest is code and pages */
#define HEAP_SINK_BYTES (INT64_C(16) << 20) /* a further sink: its page cache and batch */
#define DISK_MAX_BYTES (INT64_C(512) << 20)

/* -- memory and disk ------------------------------------------------------------------ */

static int64_t heap_max(const struct watch *watch)
{
	struct link *item, *following;
	int64_t most = HEAP_MAX_BYTES - HEAP_SINK_BYTES;

	list_each (item, following, &machine_host(watch->machine)->instances)
		if (container_of(item, struct fl_ctx, link)->role == FL_SINK)
			most += HEAP_SINK_BYTES;
	return most;
}

static void check_memory(struct watch *watch)
{
	int64_t bytes = machine_heap_bytes(watch->machine) - watch->heap_before_bytes;

	if (bytes > watch->heap_most_bytes)
		watch->heap_most_bytes = bytes;
	if (bytes > heap_max(watch))
		verdict_fault(
			watch->verdict, "%" PRId64 " bytes of heap since the process was started", bytes);
	if (machine_disk_used(watch->machine) > DISK_MAX_BYTES)
		verdict_fault(
			watch->verdict, "%" PRId64 " bytes on the disk", machine_disk_used(watch->machine));
}

/* -- connections ---------------------------------------------------------------------- */

struct conns {
	unsigned known, open; /* open: being dialled, up or closing */
};

static void check_conn(const struct watch *watch, const struct instance_conn *entry)
{
	int64_t since_ns = conn_counters(entry->conn)->since_ns;

	if (conn_state(entry->conn) == FL_CONN_BACKOFF &&
		world_real_ns() - since_ns > BACKOFF_MAX_NS + SLACK_NS)
		verdict_fault(watch->verdict, "connection %d has not been dialled for %" PRId64 " s",
			entry->number - 1, (world_real_ns() - since_ns) / FL_SECOND);
}

static struct conns count_conns(const struct watch *watch)
{
	struct host *host = machine_host(watch->machine);
	struct link *item, *following;
	struct conns conns = { 0 };

	list_each (item, following, &host->instances) {
		const struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);
		const struct instance_conn *entry;
		size_t at = 0;

		while ((entry = map_next(ctx->conns, &at, NULL, NULL)) != NULL) {
			conns.known++;
			conns.open += conn_state(entry->conn) != FL_CONN_BACKOFF &&
				conn_state(entry->conn) != FL_CONN_CLOSED;
			check_conn(watch, entry);
		}
	}
	return conns;
}

static void check_dials(struct watch *watch, const struct conns *conns)
{
	int64_t minutes = (world_now_ns() - watch->looked_ns) / FL_MINUTE + 1;
	uint64_t dials = machine_dials(watch->machine) - watch->dials;
	uint64_t most = (uint64_t)minutes * DIALS_MAX * (conns->known + LANES_MAX);

	if (world_now_ns() - watch->looked_ns < FL_MINUTE)
		return;
	if (dials > most)
		verdict_fault(watch->verdict, "%" PRIu64 " dials in %" PRId64 " minutes", dials, minutes);
	watch->dials = machine_dials(watch->machine);
	watch->looked_ns = world_now_ns();
}

static void check_connections(struct watch *watch)
{
	struct conns conns = count_conns(watch);
	unsigned dialled = machine_dialled(watch->machine);

	if (world_connections() > CONNECTIONS_MAX)
		verdict_fault(watch->verdict, "%u connections, the venue allows %d", world_connections(),
			CONNECTIONS_MAX);
	if (dialled > conns.open + LANES_MAX)
		verdict_fault(
			watch->verdict, "%u connections are open, of which %u are known", dialled, conns.open);
	check_dials(watch, &conns);
}

/* -- reasons -------------------------------------------------------------------------- */

static void check_states(const struct watch *watch)
{
	struct host *host = machine_host(watch->machine);
	struct link *item, *following;
	char reason[600];

	list_each (item, following, &host->instances) {
		const struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);
		enum instance_state state = state_of(ctx, reason, sizeof(reason));

		if (state != STATE_CONNECTED && reason[0] == '\0')
			verdict_fault(
				watch->verdict, "%s is %s without a reason", ctx->name, instance_state_text(state));
	}
}

/* The sum of the counters of this name, over all labels. */
static double sum_of(const struct watch *watch, const char *name)
{
	size_t length = strlen(name);
	double sum = 0, value;
	struct buf text;

	buf_init(&text, 16 << 20);
	(void)metrics_print(machine_metrics(watch->machine), &text);
	for (const char *line = buf_string(&text); line != NULL && *line != '\0';) {
		const char *end = strchr(line, '\n'), *space = strchr(line, ' ');

		if (strncmp(line, name, length) == 0 && line[length] == '{' && space != NULL &&
			sscanf(strstr(line, "} ") + 2, "%lf", &value) == 1)
			sum += value;
		line = end == NULL ? NULL : end + 1;
	}
	buf_finish(&text);
	return sum;
}

/* Each WebSocket that broke is counted by its reason. */
static void check_broken(const struct watch *watch)
{
	uint64_t lost = machine_streams_lost(watch->machine);
	double told = sum_of(watch, "feedloom_reconnects_total");

	if (told < (double)lost)
		verdict_fault(
			watch->verdict, "%" PRIu64 " connections broke, %.0f were told of", lost, told);
}

/* -- the bus and the store ------------------------------------------------------------ */

enum { CURSORS_MAX = 8 };

/** Where a store's own cursor stands. */
struct stored {
	char sink[32], stream[32];
	struct fl_position position;
};

struct moment {
	struct watch *watch;
	struct bus_status bus;
	struct stored stored[CURSORS_MAX];
	size_t stored_count;
};

static void check_identity(
	struct watch *watch, int kind, uint64_t published, const struct cursor_status *status)
{
	int64_t more = (int64_t)(status->consumed[kind] + status->filtered[kind] +
		status->waiting[kind] - published);

	if (watch->may_tell_anew && more >= 0)
		watch->taken_back[kind] = more;
	if (more != watch->taken_back[kind])
		verdict_fault(watch->verdict,
			"loss identity of %s: published %" PRIu64 ", consumed %" PRIu64 ", filtered %" PRIu64
			", waiting %" PRIu64 ", of which a power cut has taken %" PRId64,
			fl_kind_name((enum fl_kind)kind), published, status->consumed[kind],
			status->filtered[kind], status->waiting[kind], watch->taken_back[kind]);
	if (published < watch->published[kind] && !watch->may_be_less)
		verdict_fault(watch->verdict, "%s: %" PRIu64 " were published, now it is %" PRIu64,
			fl_kind_name((enum fl_kind)kind), watch->published[kind], published);
	watch->published[kind] = published;
}

static bool is_before(const struct fl_position *one, const struct fl_position *other)
{
	return one->generation != other->generation ? one->generation < other->generation
												: one->number < other->number;
}

/* What is acknowledged is in the store, under the store's own cursor. */
static void check_acknowledged(
	const struct moment *moment, const struct cursor *cursor, const struct fl_position *position)
{
	for (size_t i = 0; i < moment->stored_count; i++) {
		const struct stored *stored = &moment->stored[i];

		if (strcmp(stored->sink, cursor_sink(cursor)) == 0 &&
			strcmp(stored->stream, cursor_stream(cursor)) == 0 &&
			stored->position.journal_id == position->journal_id &&
			is_before(&stored->position, position))
			verdict_fault(moment->watch->verdict,
				"%s has acknowledged record %" PRIu64 " of generation %u, its store is not there",
				cursor_sink(cursor), position->number, position->generation);
	}
}

static void check_cursor(void *data, struct cursor *cursor)
{
	struct moment *moment = data;
	struct cursor_status status;

	if (strcmp(cursor_sink(cursor), moment->watch->sink) != 0)
		return;
	cursor_status(cursor, &status);
	for (int kind = 0; kind < FL_KIND_COUNT; kind++)
		check_identity(moment->watch, kind, moment->bus.published[kind], &status);
	/* Where it stands is sure when it has gone on: before, it may be looking for its place. */
	if (status.batches > 0)
		moment->watch->may_tell_anew = moment->watch->may_be_less = false;
	/* Of an earlier generation a power cut may have taken what the store has. */
	if (status.position.generation == moment->bus.generation &&
		status.position.number > moment->bus.last_number)
		verdict_fault(moment->watch->verdict, "cursor at %" PRIu64 ", the journal ends at %" PRIu64,
			status.position.number, moment->bus.last_number);
	check_acknowledged(moment, cursor, &status.position);
}

static const struct {
	const char *kind, *table;
} counted[COUNTED_KINDS] = {
	{ "quote", "option_quotes_base" },
	{ "ticker", "tickers_base" },
	{ "trade", "option_trades_base" },
	{ "index", "index_prices" },
};

/* The counts beside the cursor are those of the tables: of the same transaction. Nothing is
 * deleted. */
static void check_counts(struct watch *watch)
{
	int64_t journal_id = check_number(watch->db, "SELECT journal_id FROM store.feedloom_cursor");
	char sql[200];

	for (size_t i = 0; i < COUNTED_KINDS; i++) {
		int64_t more;

		snprintf(sql, sizeof(sql),
			"SELECT (SELECT ifnull(max(rowid), 0) FROM store.%s) - (SELECT ifnull(counts ->> "
			"'$.%s.stored', 0) FROM store.feedloom_cursor)",
			counted[i].table, counted[i].kind);
		more = check_number(watch->db, sql);
		if (journal_id == watch->journal_id && more != watch->more_rows[i])
			verdict_fault(watch->verdict,
				"%s has %" PRId64
				" rows more than are counted beside the cursor, before it was %" PRId64,
				counted[i].table, more, watch->more_rows[i]);
		watch->more_rows[i] = more;
	}
	watch->journal_id = journal_id;
}

/* Prepared once: it is asked hundreds of thousands of times. NULL: the store has not been made. */
static sqlite3_stmt *cursors_of(struct watch *watch)
{
	if (watch->cursors == NULL &&
		check_number(watch->db,
			"SELECT count(*) FROM store.sqlite_schema WHERE name = 'feedloom_cursor'") > 0)
		watch->cursors = check_prepare(watch->db,
			"SELECT sink, stream, journal_id, generation, position FROM store.feedloom_cursor");
	return watch->cursors;
}

static void read_stored(struct moment *moment, sqlite3_stmt *row)
{
	while (sqlite3_step(row) == SQLITE_ROW && moment->stored_count < CURSORS_MAX) {
		struct stored *stored = &moment->stored[moment->stored_count++];

		snprintf(
			stored->sink, sizeof(stored->sink), "%s", (const char *)sqlite3_column_text(row, 0));
		snprintf(stored->stream, sizeof(stored->stream), "%s",
			(const char *)sqlite3_column_text(row, 1));
		stored->position = (struct fl_position){
			.journal_id = (uint64_t)sqlite3_column_int64(row, 2),
			.generation = (uint32_t)sqlite3_column_int64(row, 3),
			.number = (uint64_t)sqlite3_column_int64(row, 4),
		};
	}
	sqlite3_reset(row);
}

static void check_bus(struct watch *watch)
{
	struct moment moment = { .watch = watch };
	sqlite3_stmt *row = cursors_of(watch);

	if (row == NULL)
		return;
	bus_status(machine_bus(watch->machine), &moment.bus);
	read_stored(&moment, row);
	cursor_each(machine_bus(watch->machine), check_cursor, &moment);
	for (size_t i = 0; i < moment.stored_count; i++)
		if (moment.stored[i].position.journal_id == moment.bus.journal_id &&
			moment.stored[i].position.generation == moment.bus.generation &&
			moment.stored[i].position.number > moment.bus.last_number)
			verdict_fault(watch->verdict, "the store's cursor is ahead of the journal");
}

/* -- all of it ------------------------------------------------------------------------ */

void watch_begin(struct watch *watch)
{
	watch->heap_before_bytes = machine_heap_bytes(watch->machine);
	watch->dials = machine_dials(watch->machine);
	watch->looked_ns = world_now_ns();
	/* What a power cut took is counted as published by the process behind it only. */
	watch->may_tell_anew = watch->may_be_less = watch->power_cuts > 0;
}

void watch_moment(struct watch *watch)
{
	watch->moments++;
	if (machine_bus(watch->machine) == NULL)
		return;
	check_connections(watch);
	check_states(watch);
	check_bus(watch);
}

void watch_closely(struct watch *watch)
{
	watch_moment(watch);
	if (machine_bus(watch->machine) == NULL)
		return;
	check_memory(watch);
	check_broken(watch);
	if (watch->cursors != NULL)
		check_counts(watch);
}
