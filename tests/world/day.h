/*
 * day.h: one simulated day of one seed: an exchange, a collector, and what goes wrong between them.
 */
#ifndef WORLD_DAY_H
#define WORLD_DAY_H

#include "check.h"

struct day {
	uint64_t seed;
	int64_t length_ns;
	bool has_faults;
	/* What came of it: */
	struct verdict verdict;
	uint64_t hash, turns;
	unsigned faults, starts;
	int64_t heap_growth_bytes; /* from its first hour to its end, without the databases */
};

void day_run(struct day *day);

#endif
