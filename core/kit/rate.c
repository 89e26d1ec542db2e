/*
 * rate.c: a bucket that fills at a steady rate and from which each request takes.
 */
#include <feedloom/kit.h>
#include <math.h>

/* So that rounding never makes somebody who waited as told wait again for nothing. */
#define TOLERANCE 1e-9

void fl_rate_init(struct fl_rate *rate, double capacity, double per_second, int64_t now_ns)
{
	*rate = (struct fl_rate){
		.capacity = capacity, .per_second = per_second, .level = capacity, .at_ns = now_ns
	};
}

static void refill(struct fl_rate *rate, int64_t now_ns)
{
	if (now_ns > rate->at_ns)
		rate->level += (double)(now_ns - rate->at_ns) * 1e-9 * rate->per_second;
	if (rate->level > rate->capacity)
		rate->level = rate->capacity;
	rate->at_ns = now_ns;
}

int64_t fl_rate_take(struct fl_rate *rate, double cost, int64_t now_ns)
{
	/* What costs more than there ever is goes when the bucket is full, and leaves a debt. */
	double needed = cost < rate->capacity ? cost : rate->capacity, wait_ns;

	refill(rate, now_ns);
	if (rate->level + TOLERANCE >= needed) {
		rate->level -= cost;
		return 0;
	}
	if (!(rate->per_second > 0))
		return INT64_MAX;
	wait_ns = ceil((needed - rate->level) / rate->per_second * 1e9);
	return wait_ns < 9e18 ? (int64_t)wait_ns : INT64_MAX;
}
