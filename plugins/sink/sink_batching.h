/*
 * sink_batching.h: the options that say how a sink's batches are cut, the same for every store
 * (what they do: struct fl_stream in feedloom/bus.h).
 */
#ifndef SINK_BATCHING_H
#define SINK_BATCHING_H

#include <feedloom/plugin.h>
#include <stddef.h>

struct sink_batching {
	int64_t batch_rows, flush_rows;
	int64_t commit_floor_ns, flush_interval_ns;
};

/** Rows of the option table of a plugin whose `struct options` has a `batching`. */
#define SINK_BATCHING_OPTIONS(rows, floor)                                                         \
	{ "batch_rows", FL_INT, offsetof(struct options, batching.batch_rows), .preset = (rows),       \
		.min = "1", .max = "100000", .flags = FL_OPTION_LIVE,                                      \
		.help = "records of one transaction at most" },                                            \
		{ "commit_floor", FL_DURATION, offsetof(struct options, batching.commit_floor_ns),         \
			.preset = (floor), .min = "0", .max = "60s", .flags = FL_OPTION_LIVE,                  \
			.help = "between two commits at least; longer spares a disk" },                        \
		{ "flush_rows", FL_INT, offsetof(struct options, batching.flush_rows), .preset = "50",     \
			.min = "1", .max = "100000", .flags = FL_OPTION_LIVE,                                  \
			.help = "so many records cut short a commit_floor of more than 20ms" },                \
		{ "flush_interval", FL_DURATION, offsetof(struct options, batching.flush_interval_ns),     \
			.preset = "1s", .min = "1ms", .max = "60s", .flags = FL_OPTION_LIVE,                   \
			.help = "so long a wait cuts short a commit_floor of more than 20ms" }

#endif
