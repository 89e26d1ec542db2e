/*
 * day.h: one simulated day of one seed: an exchange, a collector, and what goes wrong between them.
 */
#ifndef WORLD_DAY_H
#define WORLD_DAY_H

#include "check.h"

enum { DAY_FAULTS = 12, DAY_SINKS = 2 };

struct day {
	uint64_t seed;
	int64_t length_ns;
	bool has_faults;
	bool has_venue_faults; /* asked for, or drawn */
	/* What came of it: */
	struct verdict verdict;
	uint64_t hash, turns, moments;
	unsigned faults[DAY_FAULTS]; /* by day_fault_name */
	unsigned starts, kills, power_cuts;
	int64_t heap_most_bytes; /* of the collector, without the databases */
};

void day_run(struct day *day);
const char *day_fault_name(size_t which);

#endif
