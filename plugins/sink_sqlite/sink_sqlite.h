/*
 * sink_sqlite.h: the sink's state, shared by its files. sink_sqlite.c tells the story; each other
 * file has one errand.
 */
#ifndef SINK_SQLITE_H
#define SINK_SQLITE_H

#include "sink_batching.h"
#include "sink_query.h"
#include "sqlite_batch.h"
#include "sqlite_retention.h"

#define STREAM "main"
/* Records older than this wait: nothing is deleted meanwhile. */
#define RETENTION_BEHIND_NS (5 * FL_SECOND)
#define ROUND_EVERY_NS (10 * FL_SECOND) /* of retention */

enum { SINK_STATE_VERSION = 1 };

/* Numbers a reload finds again: never renumber. */
enum { DB_MAIN = 1, DB_QUERY = 2 };
enum { TIMER_OPEN = 1, TIMER_DISK, TIMER_RETENTION, TIMER_CHUNK, TIMER_REPORT };
enum {
	JOB_CURSOR = 1,
	JOB_IDS,
	JOB_BATCH,
	JOB_REJECTED,
	JOB_LOOK,
	JOB_RETENTION,
	JOB_PAGES,
	JOB_VACUUM
};

struct options {
	const char *path;
	struct fl_durations retention;
	double min_free;
	struct sink_batching batching;
	int64_t busy_timeout_ns;
};

enum stage {
	STAGE_CLOSED,  /* a timer will open it */
	STAGE_OPENING, /* fl_sqlite_open is under way */
	STAGE_READING, /* the cursor, then the instruments */
	STAGE_TAKING   /* the stream is open */
};

struct sink {
	struct fl_ctx *ctx;            /* borrowed; outlives us */
	const struct options *options; /* borrowed */
	enum stage stage;
	bool is_probe, is_stopping;
	bool is_restored, has_names; /* by a reload, until its start; the names with it */
	int adopting;                /* answers to come that say an open session is open */
	struct ids ids;
	struct batch batch;
	bool is_in_flight;     /* a batch is with the store */
	bool is_reading_again; /* the instruments, with a batch that waits for them */
	bool has_read_again;   /* since the last success: once is enough */
	int failures;          /* in a row */
	int64_t failing_since_ns, open_delay_ns;

	struct fl_position position; /* the cursor, as the store has it */
	struct counts counts;
	int64_t last_stored_ns; /* until when the store has everything, 0: not known */
	int64_t floor_ns;       /* the stream's present one */

	int64_t behind_ns; /* age of the oldest record of the last batch as it was stored */

	bool is_disk_low;
	struct retention retention;
	int64_t report_since_ns, report_bytes; /* what the report counts from */
	uint64_t report_rows, total_rows;
	bool has_reported; /* once: from then on each day */

	struct questions questions;

	struct sink_metrics metrics;
};

/* sqlite_store.c: opening, reading what the store has, and what its errors ask of us. */
int store_open(struct sink *sink);
void store_on_open(struct sink *sink, const struct fl_result *result);
void store_on_cursor(struct sink *sink, const struct fl_result *result);
void store_on_ids(struct sink *sink, const struct fl_result *result);
/** Gives up the session and opens anew after a while. */
void store_lost(struct sink *sink, int error, const char *detail);
/** The batch in flight was not stored: says so and takes it again when that can help. */
void store_failed(struct sink *sink, const struct fl_result *result);
/** The cursor was moved by another session: reads it anew. */
void store_overtaken(struct sink *sink);
void store_works(struct sink *sink);
/** (Re)opens the stream at the present position, which changes its limits only. */
int store_stream(struct sink *sink);
/** Reads the instruments anew; batches wait meanwhile. */
int store_read_names(struct sink *sink);

/* sqlite_disk.c */
void disk_look(struct sink *sink);
void disk_on_timer(struct sink *sink);
/** Begins to count for the report: rows and bytes a day, days of disk left. */
void disk_report_begin(struct sink *sink);
void disk_on_report(struct sink *sink);
/** After a reload: what runs already keeps its time. */
void disk_start_timers(struct sink *sink);

/* sqlite_snapshot.c: over a reload. */
int snapshot_save(const void *state, struct fl_snapshot *to);
int snapshot_restore(void *state, uint32_t version, const struct fl_snapshot *from);
int snapshot_start(struct sink *sink);

/* sqlite_query.c: the command `query`. */
void query_ask(struct sink *sink, int command, const char *json);
/** The second session after a reload. */
int query_adopt(struct sink *sink);
/** An answer of DB_QUERY. */
void query_on_result(struct sink *sink, int number, const struct fl_result *result);

/* sqlite_probe.c: `feedloom check --connect`. */
int probe_start(struct sink *sink);
void probe_on_result(struct sink *sink, int number, const struct fl_result *result);

#endif
