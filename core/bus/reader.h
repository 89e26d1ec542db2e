/*
 * reader.h: a cursor from the inside, for cursor*.c only.
 *
 *   cursor.c         open, ack, retry, close; when a batch is due
 *   cursor_place.c   where it stands: finding the place, stepping over ends and holes, the window
 *   cursor_batch.c   makes a batch of what is in the window
 */
#ifndef BUS_READER_H
#define BUS_READER_H

#include "cursor.h"
#include "filter.h"
#include "journal.h"

enum { CURSOR_WINDOW_BYTES = 4 << 20 };

/** A place between two records. */
struct place {
	struct segment *segment;        /* holds a use of it */
	int64_t offset;                 /* of the next frame; 0: still to be found, behind `number` */
	uint64_t number;                /* of the record before it */
	uint64_t passed[FL_KIND_COUNT]; /* published up to here, by kind */
	bool is_broken;                 /* the rest of the segment cannot be read */
};

struct cursor_job {
	struct journal *journal;
	struct cursor *cursor; /* NULL: it went away meanwhile */
	struct segment *segment;
	char *path;
	struct file *file; /* the segment's, or opened by the job */
	/* A window: */
	int64_t from, warm_to;
	size_t length;
	void *address;
	/* A search: */
	bool is_search;
	uint64_t number;
	int64_t offset;
	uint64_t passed[FL_KIND_COUNT];
	uint64_t reached; /* number of the last record passed */
	int error;
};

/* What latency is measured by when a batch is acknowledged: records that were received together. */
struct received {
	int64_t ns;
	uint16_t source;
	uint32_t count;
};

struct cursor {
	struct link link; /* in journal.cursors */
	struct journal *journal;
	char sink[64], stream[32];
	bool is_closed; /* only holds its place until its sink comes back */
	bool is_gone;   /* freed as soon as no walk is under way */
	const struct cursor_owner *owner;
	void *data;
	struct fl_metric *(*latency)(void *data, uint16_t source);
	struct filter *filter;
	uint32_t batch_rows, flush_rows;
	uint64_t until; /* the last number it gives out, 0: no end */
	int64_t commit_floor_ns, flush_interval_ns;

	/* What the store has. published = consumed + filtered + waiting, where waiting is what was
	 * published less `settled`. */
	struct fl_position position;
	uint64_t settled[FL_KIND_COUNT], consumed[FL_KIND_COUNT];
	uint64_t filtered[FL_KIND_COUNT], dropped[FL_KIND_COUNT];
	bool is_first_search; /* `filtered` at the position comes out of the search */

	/* Between the position and `at`, passed by without a batch; told with the next one. */
	uint64_t pending_dropped[FL_KIND_COUNT], pending_filtered[FL_KIND_COUNT];
	uint32_t pending_skipped;
	/* Taken from the journal by a power cut, as another store has told since: not in `at` yet. */
	uint64_t forgotten[FL_KIND_COUNT];
	uint64_t unreported[FL_KIND_COUNT];
	const char *unreported_why; /* NULL: nothing */

	struct place at, after; /* of the next batch; behind the one in flight */
	bool is_in_flight;
	struct fl_batch batch;
	uint64_t taken[FL_KIND_COUNT]; /* records of the batch */
	struct received *received;     /* of the records of the batch, in their order */
	uint32_t received_count, received_room;
	int64_t newest_received_ns; /* of the last record passed; 0: none yet */
	uint64_t batches, records;

	struct segment *window_segment; /* NULL: no window; holds a use, and one of its file */
	char *window;
	size_t window_length;
	int64_t window_from;
	volatile bool window_damaged;
	bool window_is_guarded;
	struct cursor_job *job; /* at work for this cursor */

	struct timer *timer;
	int64_t last_commit_ns;   /* monotonic */
	int64_t not_before_ns;    /* monotonic: after a retry */
	int64_t waiting_since_ns; /* monotonic; 0: nothing waits */
	int64_t waiting_received_ns;
};

/** Whatever is due: search, window or batch. Called at the turn's end and by the timer. */
void cursor_due(struct cursor *cursor);

/* -- places ---------------------------------------------------------------------------- */

void place_clear(struct place *place);
/** Sets where a cursor opened with this position goes on: 0, or 1: it is of another journal. */
int cursor_locate(struct cursor *cursor, const struct fl_position *position);
/** Past the ends of segments and what cannot be read, to where there is something, or to the end.
 */
void cursor_step(struct cursor *cursor);
/** The segment is about to be retired. */
void cursor_leave(struct cursor *cursor);
/** The rest of the segment cannot be read. */
void cursor_skip_rest(struct cursor *cursor);
/** What is forgotten is told with the next batch. */
void cursor_take_forgotten(struct cursor *cursor);
/** Looks for `at` by number: on a worker; cursor_due follows. */
void cursor_search(struct cursor *cursor);
/** Maps the window from an offset of `at`'s segment on: likewise. */
void cursor_map(struct cursor *cursor, int64_t offset);
/** Whether the next frame is in the window, as far as that can be told. */
bool cursor_sees(const struct cursor *cursor);
void cursor_drop_window(struct cursor *cursor);
/** What may be read of the segment the cursor is in. */
int64_t cursor_limit(const struct cursor *cursor);

/* -- batches --------------------------------------------------------------------------- */

enum make_result {
	MADE_BATCH,   /* cursor->batch is ready, `after` is behind it */
	MADE_NOTHING, /* what was there is filtered out: `at` has moved on */
	MADE_DAMAGE   /* the next frame is not whole */
};

enum make_result cursor_make_batch(struct cursor *cursor);
void cursor_observe(struct cursor *cursor); /* latency of each record of the batch */

#endif
