/* long_backoff: the pauses between dials grow without an end. */
#include "backoff.h"
#include "plant.h"

int64_t __real_backoff_next(struct backoff *backoff, uint64_t random);
int64_t __wrap_backoff_next(struct backoff *backoff, uint64_t random);

int64_t __wrap_backoff_next(struct backoff *backoff, uint64_t random)
{
	backoff->max_ns = INT64_MAX / 4;
	return 100 * __real_backoff_next(backoff, random);
}
