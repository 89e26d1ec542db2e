/*
 * bus.h: publishing records, and the two ways to receive them.
 *
 * The bus is the journal. A durable subscriber (a sink) owns a cursor for each of its streams, gets
 * batches and acknowledges them when its store has committed. A live subscriber gets a call for
 * each record and owns nothing.
 */
#ifndef FEEDLOOM_BUS_H
#define FEEDLOOM_BUS_H

#include <feedloom/record.h>

/**
 * Appends a record to the journal, then calls the live subscribers; they may publish, subscribe and
 * unsubscribe inside this call. After a return of 0 the record survives a crash of the process.
 *
 * @param record  borrowed; the caller has set kind, length, instrument and both times; source is
 * set here
 * @return 0; -ENOSPC: the journal cannot take it, the loss is already counted and reported, carry
 * on; -EINVAL: the record is malformed (a bug of the caller's), counted too
 */
FL_API int fl_publish(struct fl_ctx *ctx, struct fl_record *record);

/**
 * A place in a journal. Never used twice: the id is drawn when a journal is created, the generation
 * rises at each opening, the number counts records. Zero throughout: before everything.
 */
struct fl_position {
	uint64_t journal_id; /* 63 bits, so that SQL's bigint holds it */
	uint32_t generation;
	uint64_t number; /* of the last record covered; the first record has number 1 */
};

/** Which records: NULL or "" takes all. */
struct fl_filter {
	/**
	 * Comma-separated patterns `kind[/source[/instrument]]`, each part a word, `*`, or a word with
	 * `*` at its end: "ticker/deribit/BTC-*,trade". A record that one pattern fits is taken.
	 */
	const char *patterns;
};

/** How a stream of a sink is batched. 0 takes the default. */
struct fl_stream {
	struct fl_filter filter;
	struct fl_position position; /* what the store has; zero: a store without a cursor */
	/** By kind, what the store accounts for up to `position`: stored, repeated, rejected, dropped.
	 */
	uint64_t consumed[FL_KIND_COUNT];
	uint32_t batch_rows;       /* 10,000 */
	uint32_t flush_rows;       /* 50: cuts short a commit_floor over 20 ms */
	uint64_t until;            /* no record beyond this number; 0: no end */
	int64_t commit_floor_ns;   /* 5 ms from a commit to the next batch, unless that is full */
	int64_t flush_interval_ns; /* 1 s: likewise */
};

/** Records for one transaction. Borrowed for the call to on_batch. */
struct fl_batch {
	struct fl_position from; /* what the cursor in the store must be now */
	struct fl_position to;   /* what it must be after the commit */
	const void *data;        /* records one behind the other */
	size_t length;           /* bytes */
	uint32_t count;          /* records that passed the filter */
	uint32_t skipped;        /* records that did not */
	uint64_t first; /* the number of the first record in `data`, whether it passes or not */
	int64_t oldest_received_ns;
	bool is_live; /* nothing more is waiting: not catching up */
	/** By kind, what the journal had to drop between `from` and the first record. Mostly zero. */
	uint64_t dropped[FL_KIND_COUNT];
	/** By kind, records between from and to that the filter left out. */
	uint64_t filtered[FL_KIND_COUNT];
	const void *filter; /* core's */
};

/**
 * The record after `record` (NULL: the first) that passes the filter, NULL at the end.
 * Valid for the call to on_batch.
 */
FL_API const struct fl_record *fl_batch_next(
	const struct fl_batch *batch, const struct fl_record *record);

/** The number in the journal of one of the batch's records. It is counted: not for each of many. */
FL_API uint64_t fl_batch_number(const struct fl_batch *batch, const struct fl_record *record);

/**
 * Opens a stream of this sink, or adopts the open one: from now on on_batch is called, one batch at
 * a time, until fl_ack or fl_retry names the end of each.
 *
 * @param stream  the sink's own name for it, at most 31 letters, digits and dashes
 * @return 0: goes on behind `position`; 1: that position is of another journal, the stream starts
 * at the oldest record and a gap is published; negative errno otherwise
 */
FL_API int fl_stream_open(struct fl_ctx *ctx, const char *stream, const struct fl_stream *how);

/** The store has committed everything up to `position`. Its answer came at this turn's time. */
FL_API void fl_ack(struct fl_ctx *ctx, const char *stream, const struct fl_position *position);

/**
 * The batch was not committed: deliver from the same place again after `delay_ns`. Nothing is lost.
 */
FL_API void fl_retry(struct fl_ctx *ctx, const char *stream, int64_t delay_ns);

/** No more batches until the stream is opened again (the store's cursor must be read anew). */
FL_API void fl_stream_close(struct fl_ctx *ctx, const char *stream);

/**
 * Subscribes live: on_record is called for each record that fits, in the publisher's call.
 *
 * @param subscription  the plugin's own number; used again it replaces the filter
 */
FL_API int fl_subscribe(struct fl_ctx *ctx, int subscription, const struct fl_filter *filter);
FL_API void fl_unsubscribe(struct fl_ctx *ctx, int subscription);

#endif
