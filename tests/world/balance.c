#include "balance.h"

#include <math.h>

#include "instance_parts.h"
#include "world.h"

#define RATIO_MOST 1.1
/* The feed evens out once a second, a step at a time; a step takes three requests or more, of which
 * the venue takes 3.3 a second. */
#define CLOSER_WITHIN_NS (5 * FL_SECOND)

struct sizes {
	int connections, least, greatest, total;
	int64_t spread; /* their variance, times the square of their count */
};

static struct sizes look_at_each(struct balance *balance, const struct fl_ctx *feed)
{
	struct sizes sizes = { 0, INT32_MAX, 0, 0, 0 };
	int64_t squares = 0;
	struct instance_conn *entry;
	size_t at = 0;

	while ((entry = map_next(feed->conns, &at, NULL, NULL)) != NULL) {
		sizes.connections++;
		sizes.total += entry->instruments;
		squares += (int64_t)entry->instruments * entry->instruments;
		sizes.least = entry->instruments < sizes.least ? entry->instruments : sizes.least;
		sizes.greatest = entry->instruments > sizes.greatest ? entry->instruments : sizes.greatest;
		if (entry->channels > balance->most_channels)
			balance->most_channels = entry->channels;
		if (entry->channels > balance->max_channels ||
			entry->instruments > balance->max_instruments)
			verdict_fault(balance->verdict, "connection %d carries %d instruments in %d channels",
				entry->number - 1, entry->instruments, entry->channels);
	}
	sizes.spread = sizes.connections * squares - (int64_t)sizes.total * sizes.total;
	return sizes;
}

static void even(struct balance *balance, const struct sizes *sizes, int64_t now_ns)
{
	if (sizes->greatest - sizes->least > 1)
		balance->greatest = fmax(balance->greatest, (double)sizes->greatest / (double)sizes->least);
	if (balance->since_ns == 0)
		return;
	balance->uneven_ns += now_ns - balance->since_ns;
	balance->longest_ns = now_ns - balance->since_ns > balance->longest_ns
		? now_ns - balance->since_ns
		: balance->longest_ns;
	balance->since_ns = 0;
	balance->is_told = false;
}

static void uneven(struct balance *balance, const struct sizes *sizes, int64_t now_ns)
{
	if (balance->since_ns == 0) {
		balance->since_ns = balance->closer_ns = now_ns;
		balance->uneven++;
		balance->spread = sizes->spread;
		balance->least = balance->most = sizes->total;
	} else if (sizes->spread < balance->spread || sizes->total > balance->most ||
		sizes->total < balance->least) {
		balance->closer_ns = now_ns;
		balance->spread = sizes->spread;
		balance->most = sizes->total > balance->most ? sizes->total : balance->most;
		balance->least = sizes->total < balance->least ? sizes->total : balance->least;
	}
	if (now_ns - balance->closer_ns > balance->slowest_ns)
		balance->slowest_ns = now_ns - balance->closer_ns;
	if (now_ns - balance->closer_ns <= CLOSER_WITHIN_NS || balance->is_told)
		return;
	balance->is_told = true;
	verdict_fault(balance->verdict,
		"connections carry from %d to %d instruments, and nothing has brought them closer for "
		"%.1f s",
		sizes->least, sizes->greatest, (double)(now_ns - balance->closer_ns) / 1e9);
}

void balance_look(struct balance *balance, const struct fl_ctx *feed)
{
	struct sizes sizes = look_at_each(balance, feed);
	int64_t now_ns = world_now_ns();

	if (sizes.connections == 0)
		return;
	balance->looks++;
	if (sizes.greatest - sizes.least <= 1 ||
		(double)sizes.greatest <= RATIO_MOST * (double)sizes.least)
		even(balance, &sizes, now_ns);
	else
		uneven(balance, &sizes, now_ns);
}
