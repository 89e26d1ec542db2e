/*
 * cursor.h: a durable reader of the journal, one for each (sink, stream). It has a position, gives
 * out one batch at a time, and goes on when that one is acknowledged.
 */
#ifndef BUS_CURSOR_H
#define BUS_CURSOR_H

#include "bus.h"
#include <feedloom/metric.h>

struct cursor;

struct cursor_owner {
	/** A batch is due. cursor_ack and cursor_retry may be called inside, or any time later. */
	void (*on_batch)(void *data, struct cursor *cursor, const struct fl_batch *batch);
};

struct cursor_setup {
	const char *sink, *stream; /* copied */
	const struct fl_stream *how;
	const struct cursor_owner *owner;
	void *data;
	/**
	 * Received to persisted, of a source's records, observed at their ack; those an earlier process
	 * received are left out. May be NULL, and may return NULL.
	 */
	struct fl_metric *(*latency)(void *data, uint16_t source);
};

/**
 * As fl_stream_open. When (sink, stream) is open it is adopted: a position equal to the cursor's
 * own changes only filter, limits, owner and data, and a batch in flight stays in flight; another
 * position moves the cursor there and forgets the batch. Batches come from the loop, never within
 * this call.
 *
 * @return 0; 1: the position is of another journal (the owner publishes the gap); -EINVAL: a bad
 *         filter or name; -ENOMEM
 */
int cursor_open(struct bus *bus, const struct cursor_setup *setup, struct cursor **out);

/** NULL: not open. */
struct cursor *cursor_find(struct bus *bus, const char *sink, const char *stream);

/** No more batches; `cursor` is gone. Its place holds the journal as bus_expect says. Takes NULL.
 */
void cursor_close(struct cursor *cursor);

/** As fl_ack; a position that is not the end of the batch in flight is ignored and logged. */
void cursor_ack(struct cursor *cursor, const struct fl_position *position);
/** As fl_retry. */
void cursor_retry(struct cursor *cursor, int64_t delay_ns);

const char *cursor_sink(const struct cursor *cursor);
const char *cursor_stream(const struct cursor *cursor);

/** Where a cursor stands. published = consumed + filtered + waiting holds by kind at every moment.
 */
struct cursor_status {
	struct fl_position position; /* acknowledged */
	bool is_in_flight;           /* a batch is with the owner */
	uint64_t waiting_records; /* numbers behind the position, those the filter will leave out too */
	int64_t oldest_received_ns;       /* of the oldest record waiting; 0: none waits */
	uint64_t batches, records;        /* acknowledged since opened */
	uint64_t waiting[FL_KIND_COUNT];  /* records in the journal, and losses not yet told */
	uint64_t consumed[FL_KIND_COUNT]; /* as given at open, plus acknowledged and dropped since */
	uint64_t dropped[FL_KIND_COUNT];  /* of consumed: told as dropped since opened */
	uint64_t filtered[FL_KIND_COUNT]; /* passed by and not consumed */
};

void cursor_status(const struct cursor *cursor, struct cursor_status *out);

/** Calls `each` for every open cursor, in the order of opening. */
void cursor_each(struct bus *bus, void (*each)(void *data, struct cursor *cursor), void *data);

#endif
