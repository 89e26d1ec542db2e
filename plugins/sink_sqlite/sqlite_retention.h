/*
 * sqlite_retention.h: what is past its time is deleted, in chunks so small that the writer is never
 * held up for long, and the room that becomes free is given back in steps.
 */
#ifndef SQLITE_RETENTION_H
#define SQLITE_RETENTION_H

#include <feedloom/plugin.h>

enum { RETAINED_TABLES = 11 };

/** The tables that rows can be deleted from, NULL-terminated: the choices of the option. */
extern const char *const retention_tables[];

struct retention {
	int64_t keep_ns[RETAINED_TABLES];    /* 0: for good */
	int64_t chunk_rows[RETAINED_TABLES]; /* what a chunk of this table may hold */
	int64_t vacuum_pages;
	size_t table;                     /* the one at hand */
	bool is_going;                    /* a round is under way */
	unsigned resting;                 /* rounds to leave out: the last one found nothing */
	bool may_have_free_pages;         /* rows were deleted since they were counted last */
	int64_t deleted_rows, longest_ns; /* of this round: rows, and the longest chunk or step */
};

struct sink;

void retention_init(struct retention *retention);
/** Takes the option; what is not named is kept, but lifecycle events, 90 days. */
void retention_configure(struct retention *retention, const struct fl_durations *options);
/** "books, candles, ...": what is never deleted. Returns `out`. */
const char *retention_kept_for_good(const struct retention *retention, char *out, size_t size);
/** Chunk size for the next time, after one of `rows` took so long. */
int64_t retention_next_size(int64_t rows, int64_t took_ns, int64_t least, int64_t most);

/** Begins a round when there is time for one. */
void retention_on_round(struct sink *sink);
/** Goes on with it after a pause. */
void retention_on_pause_over(struct sink *sink);
void retention_on_deleted(struct sink *sink, const struct fl_result *result);
void retention_on_pages(struct sink *sink, const struct fl_result *result);
void retention_on_vacuumed(struct sink *sink, const struct fl_result *result);
/** The session is gone, and what it was about to answer. */
void retention_reset(struct sink *sink);

#endif
