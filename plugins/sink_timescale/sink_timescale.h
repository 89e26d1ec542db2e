/*
 * sink_timescale.h: the sink's state, shared by its files. sink_timescale.c tells the story; each
 * other file has one errand.
 */
#ifndef SINK_TIMESCALE_H
#define SINK_TIMESCALE_H

#include "sink_batching.h"
#include "sink_query.h"
#include "timescale_batch.h"

#define STREAM_MAIN "main"
/* Between two looks at whether a stream that has no session takes batches again. */
#define AWAY_DELAY_NS (100 * FL_MS)
enum { STREAMS_MAX = 12 }; /* main, and one for each table */

enum { SINK_STATE_VERSION = 1 };
/* Numbers a reload finds again: never renumber. A stream's session and timer have its place added.
 */
enum { DB_QUERY = 1, DB_UPKEEP, DB_STREAM = 10 };
enum { TIMER_REPORT = 1, TIMER_UPKEEP, TIMER_UPKEEP_STEP, TIMER_STREAM = 10, TIMER_SLOW = 30 };
enum { JOB_LAYOUT = 1, JOB_CURSORS, JOB_IDS, JOB_BATCH, JOB_SPLIT, JOB_JOIN, JOB_RECHECK };

struct options {
	const char *url, *schema;
	struct sink_batching batching;
	int64_t connect_timeout_ns, statement_timeout_ns, lock_timeout_ns;
	struct fl_names streams;
	struct fl_durations retention;
	int64_t compress_after_ns;
};

enum stage {
	STAGE_CLOSED,  /* a timer will connect it */
	STAGE_OPENING, /* fl_pg_open is under way */
	STAGE_READING, /* what the database has, then the cursor */
	STAGE_TAKING   /* the stream is open */
};

/** Tables that stand still together: a session, a cursor, a batch. The first one is `main`. */
struct stream {
	struct sink *sink; /* NULL: this place is free */
	char name[32];     /* main, or the table's */
	bool takes[FL_KIND_COUNT];
	enum stage stage;
	struct table_form forms[FL_KIND_COUNT];
	struct batch batch;
	struct fl_position position; /* the cursor, as the store has it */
	struct counts counts;
	int64_t last_stored_ns; /* until when the store has everything, 0: not known */
	bool is_in_flight;      /* a batch, or a question for it, is with the store */
	bool is_working;        /* a transaction of split or join is */
	int64_t limit;          /* records of a batch at present: halved while one is refused */
	char refusal[600];      /* why the single record that comes next is refused; "": it is not */
	char blocked[300];      /* why its table cannot be written; "": it can */
	char trouble[600];      /* what is wrong with its batches or its session; "": nothing */
	bool is_down;           /* the trouble is that there is no store */
	bool has_relaid;        /* the columns were looked at again for this batch */
	bool is_caught_up;
	uint64_t until; /* where it is to stop, to be joined; 0: nowhere */
	bool is_held;   /* it stands where the other is to come to */
	int failures;   /* in a row */
	int64_t failing_since_ns, open_delay_ns;
};

struct sink {
	struct fl_ctx *ctx;            /* borrowed; outlives us */
	const struct options *options; /* borrowed */
	bool is_probe, is_stopping;
	struct ids ids;
	struct stream streams[STREAMS_MAX];
	struct sink_metrics metrics;
	struct questions questions;
	bool is_upkeep_open;
	bool is_restored;       /* by a reload, from code that took batches; until its start */
	char splitting[32];     /* the table, "": none */
	struct stream *joining; /* with main; NULL: none */
};

static inline struct stream *sink_main(struct sink *sink)
{
	return &sink->streams[0];
}
static inline int stream_place(const struct stream *stream)
{
	return (int)(stream - stream->sink->streams);
}

/* timescale_store.c: a stream's session, what the database has, and its cursor. */
int store_open(struct stream *stream);
void store_on_open(struct stream *stream, const struct fl_result *result);
void store_on_layout(struct stream *stream, const struct fl_result *result);
void store_on_recheck(struct stream *stream, const struct fl_result *result);
void store_on_cursors(struct stream *stream, const struct fl_result *result);
/** Asks what the tables have, and takes what comes. */
int store_ask_layout(struct stream *stream, int number);
void store_take_layout(struct stream *stream, const struct fl_result *result);
/** Why a kind cannot be written in this session; "": it can. */
void store_judge(const struct stream *stream, unsigned kind, char *out, size_t size);
/** Looks at the columns again, in the session as it is. */
void store_recheck(struct stream *stream);
/** Ends the session and connects anew after a while. */
void store_lost(struct stream *stream, int error, const char *detail);
/** (Re)opens the stream at its position, with its present limits. */
int store_stream(struct stream *stream);
/** Sets health and complaints by what the streams say. */
void store_tell(struct sink *sink);

/* timescale_trouble.c: what an error asks of us. */
void trouble_on_failure(struct stream *stream, const struct fl_result *result);
/** A batch went through. */
void trouble_is_over(struct stream *stream);

/* timescale_streams.c: a table that must wait gets a stream of its own, and comes back. */
/** A stream for the table of this name. NULL: no place, or no table of ours. */
struct stream *streams_add(struct sink *sink, const char *name);
void streams_remove(struct stream *stream);
struct stream *streams_find(struct sink *sink, const char *name);
/** Splits a table off main, which has nothing in flight. 0, or -ENOMEM. */
int streams_split(struct sink *sink, const char *table);
/** Splits off the next of main's tables that cannot be written or is to be apart. False: none is
 * left. */
bool streams_split_next(struct sink *sink);
void streams_on_split(struct sink *sink, const struct fl_result *result);
/** After each batch: whether a stream has caught up and becomes one with main. */
void streams_look(struct sink *sink);
void streams_on_join(struct sink *sink, const struct fl_result *result);
/** A join that was begun is not gone on with. */
void streams_forget_join(struct sink *sink);

/* timescale_upkeep.c: partitions ahead of need, retention, compression. */
extern const char *const upkeep_tables[]; /* that retention may be set for; NULL-terminated */
void upkeep_say_what_is_kept(const struct sink *sink);
/** Begins with the rounds, the first of them soon. */
void upkeep_start(struct sink *sink);
void upkeep_stop(struct sink *sink);
void upkeep_on_timer(struct sink *sink, int timer);
/** An answer of DB_UPKEEP. */
void upkeep_on_result(struct sink *sink, int number, const struct fl_result *result);

/* timescale_query.c: the command `query`. */
/** The session of the code before a reload, where it had one. */
int query_adopt(struct sink *sink);
void query_ask(struct sink *sink, int command, const char *json);
void query_on_result(struct sink *sink, int number, const struct fl_result *result);

/* timescale_snapshot.c: what a reload hands over. */
int snapshot_save(const void *state, struct fl_snapshot *to);
int snapshot_restore(void *state, uint32_t version, const struct fl_snapshot *from);

/* timescale_probe.c: `feedloom check --connect`. */
int probe_start(struct sink *sink);
void probe_on_result(struct sink *sink, int number, const struct fl_result *result);

#endif
