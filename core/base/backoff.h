/*
 * backoff.h: growing delay with full jitter. Pure: the random number is given.
 */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
	int64_t min_ns, max_ns;
	uint32_t attempts; /* since the last reset */
};

void backoff_init(struct backoff *backoff, int64_t min_ns, int64_t max_ns);
/** The next delay: between min and min(max, min * 2^attempts), uniformly; counts the attempt. */
int64_t backoff_next(struct backoff *backoff, uint64_t random);
void backoff_reset(struct backoff *backoff);

#endif
