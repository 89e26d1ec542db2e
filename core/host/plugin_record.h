/*
 * plugin_record.h: what is remembered of a plugin beyond its instances: how often its code was
 * swapped, and what the last failure was.
 */
#ifndef HOST_PLUGIN_RECORD_H
#define HOST_PLUGIN_RECORD_H

#include "host.h"
#include "swap.h"

struct plugin_record {
	struct link link; /* in host.plugins */
	char name[64];    /* of the file, without .so */
	uint64_t reloads, failures;
	uint64_t images_kept;                 /* of it, that are not used and could not be unmapped */
	int64_t longest_pause_ns;             /* of the loop, in a swap */
	char error[SWAP_PROBLEM_BYTES + 128]; /* of the last reload, "" when it succeeded */
	int64_t error_ns;                     /* real time */
	struct dynamic_stamp refused;         /* the file that failed: it is not tried again */
	int64_t missing_since_ns;             /* monotonic; 0: its file is there */
};

/** Makes it at first sight. NULL: no memory. */
struct plugin_record *plugin_record(struct host *host, const char *name);
void plugin_records_free(struct host *host);

/** The name of the file an instance's code comes from, without .so. */
const char *plugin_of(const struct fl_ctx *ctx);

void plugin_record_done(
	struct host *host, struct plugin_record *record, const struct swap_cost *cost);
void plugin_record_failed(
	struct host *host, struct plugin_record *record, const char *instance, const char *problem);

#endif
