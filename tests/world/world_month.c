/*
 * world_month: days in which only time goes by. `world_month --days 30` is the month that the
 * lifecycle has to stand; the short form is in the world suite.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "month.h"

/* From the first day's end to the last's: what grows with each listing for good. */
#define HEAP_GROWTH_MAX (INT64_C(8) << 20)

static int usage(void)
{
	fputs("usage: world_month [--seed N] [--days N] [--buffer MINUTES]\n", stderr);
	return 64;
}

int main(int argc, char **argv)
{
	struct month month = { .seed = 1, .days = 2, .expiry_buffer_ns = 5 * FL_MINUTE };
	clock_t begun = clock();

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seed") == 0)
			month.seed = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--days") == 0)
			month.days = atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--buffer") == 0)
			month.expiry_buffer_ns = strtoll(argv[i + 1], NULL, 10) * FL_MINUTE;
		else
			return usage();
	}
	if (argc % 2 == 0 || month.days < 1 || month.days > 400)
		return usage();
	month_run(&month);
	if (month.heap_last_bytes - month.heap_first_bytes > HEAP_GROWTH_MAX)
		verdict_fault(&month.verdict, "the heap has grown by %" PRId64 " bytes since the first day",
			month.heap_last_bytes - month.heap_first_bytes);
	printf("seed %" PRIu64 ", %d days: %" PRId64 " options listed, %" PRId64
		   " expired, coverage at least "
		   "%.4f, %.6f on average of %" PRId64 " samples, %" PRId64 " quotes, heap %+" PRId64
		   " KiB since the first day, %.1f s of processor\n",
		month.seed, month.days, month.listed, month.expired, month.least_ratio, month.mean_ratio,
		month.samples, month.quotes, (month.heap_last_bytes - month.heap_first_bytes) / 1024,
		(double)(clock() - begun) / CLOCKS_PER_SEC);
	printf("connections: at most %d channels; even within %.1f %% in %" PRId64
		   " looks, but for %.1f s of %" PRId64
		   " moves, the longest of %.1f s, a step of %.1f s at most\n",
		month.balance.most_channels, (fmax(month.balance.greatest, 1) - 1) * 100,
		month.balance.looks, (double)month.balance.uneven_ns / 1e9, month.balance.uneven,
		(double)month.balance.longest_ns / 1e9, (double)month.balance.slowest_ns / 1e9);
	return month.verdict.problems > 0 ? 1 : 0;
}
