#include "backoff.h"

void backoff_init(struct backoff *backoff, int64_t min_ns, int64_t max_ns)
{
	if (min_ns < 1)
		min_ns = 1; /* a delay of nothing would be a tight loop */
	*backoff = (struct backoff){ .min_ns = min_ns, .max_ns = max_ns < min_ns ? min_ns : max_ns };
}

int64_t backoff_next(struct backoff *backoff, uint64_t random)
{
	int64_t ceiling = backoff->min_ns;

	for (uint32_t i = 0; i < backoff->attempts && ceiling < backoff->max_ns; i++)
		ceiling = ceiling > backoff->max_ns / 2 ? backoff->max_ns : ceiling * 2;
	if (backoff->attempts < UINT32_MAX)
		backoff->attempts++;
	return backoff->min_ns + (int64_t)(random % (uint64_t)(ceiling - backoff->min_ns + 1));
}

void backoff_reset(struct backoff *backoff)
{
	backoff->attempts = 0;
}
