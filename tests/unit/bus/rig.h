/*
 * rig.h: a bus on a real folder, and a store that takes batches as a sink's does.
 */
#ifndef BUS_RIG_H
#define BUS_RIG_H

#include "bus.h"
#include "cursor.h"
#include "journal_inspect.h"
#include "unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RIG_SEGMENT_BYTES = 64 * 1024 };

struct rig {
	struct loop *loop;
	struct bus *bus;
	char folder[256];
	struct bus_setup setup;
	uint16_t source;
	uint16_t venue;
	uint64_t lost[FL_KIND_COUNT]; /* as told by on_lost for the journal itself */
	enum bus_state state;
	char reason[256];
	bool disk_hangs; /* on purpose: nobody waits for the workers */
};

/** Answers of a store to a batch. */
enum store_mode {
	STORE_ACKS,   /* inside on_batch */
	STORE_HOLDS,  /* not at all: the test does */
	STORE_REFUSES /* retry inside on_batch */
};

/** What outlives a restart of the daemon. */
struct store {
	struct rig *rig;
	const char *name;
	struct cursor *cursor;
	struct fl_stream how;
	enum store_mode mode;
	int64_t retry_ns;
	struct fl_metric *latency;
	struct fl_position position;
	uint64_t stored[FL_KIND_COUNT], dropped[FL_KIND_COUNT], filtered[FL_KIND_COUNT];
	int64_t *ids; /* event_time_ns of each record, in order */
	size_t count, room;
	struct fl_batch last; /* the batch itself, without its data */
	unsigned batches;
	bool checks_numbers; /* a record's id is its number */
};

void rig_make(struct rig *rig); /* a loop and an empty folder */
void rig_make_folder(char folder[256]);
void rig_open(struct rig *rig);
void rig_close(struct rig *rig);
/** As kill -9 leaves it: what is in the folder stays, nothing is put in order. Forks nothing. */
void rig_copy(const struct rig *rig, char folder[256]);
void rig_clean(struct rig *rig);
void rig_remove_folder(const char *folder);
/** Turns the loop until no worker is at work any more, and some turns longer. */
void rig_settle(struct rig *rig);
/** Turns it so long by the clock, then settles. */
void rig_wait(struct rig *rig, int64_t ns);

/** A whole record of any kind, `id` in event_time_ns. */
struct fl_record *make_record(struct rig *rig, unsigned kind, int64_t id, const char *instrument);
int publish(struct rig *rig, unsigned kind, int64_t id);
/** `count` tickers with ids from `id`; turns the loop as needed so that none is lost. */
void publish_many(struct rig *rig, int64_t id, int count);

void store_make(struct store *store, struct rig *rig);
int store_open(struct store *store);
void store_ack(struct store *store); /* of the batch that it holds */
/** Turns the loop until nothing waits for the store any more; fails after 10 s. */
void store_drain(struct store *store);
void store_free(struct store *store);
void assert_identity(struct store *store);

/** Names of the segment files, oldest first. */
size_t rig_segments(const char *folder, char names[][64], size_t room);
int64_t rig_file_bytes(const char *path);

#endif
