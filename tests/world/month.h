/*
 * month.h: days of an exchange with a calendar and a collector with the lifecycle, in which nothing
 * goes wrong but time: what is listed is followed, what expires is left, and the books about it are
 * the exchange's own calendar.
 */
#ifndef WORLD_MONTH_H
#define WORLD_MONTH_H

#include "balance.h"

struct month {
	uint64_t seed;
	int days;
	int64_t expiry_buffer_ns;
	/* What came of it: */
	struct verdict verdict;
	int64_t samples, listed, expired, quotes;
	double least_ratio, mean_ratio;
	struct balance balance;
	int64_t heap_first_bytes, heap_last_bytes;
};

void month_run(struct month *month);

/** calendar.c: the store's events and rows against the exchange's calendar. */
void month_check(struct month *month, sqlite3 *db, int64_t from_us, int64_t until_us);
/** As often as retention asks: quotes of what was about to expire, or had. */
void month_check_quotes(struct month *month, sqlite3 *db);

#endif
