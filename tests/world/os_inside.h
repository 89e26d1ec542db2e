/*
 * os_inside.h: what the files behind core/os/NAME.h share in a simulation: one virtual clock, one
 * queue of events, one disk and one network under several machines, each with a loop of its own.
 *
 * Whatever happens is an event in the queue, ordered by time and then by the order of asking.
 * Nothing here reads a clock, an address or anything else that differs between two runs of one
 * seed.
 */
#ifndef WORLD_OS_INSIDE_H
#define WORLD_OS_INSIDE_H

#include "list.h"
#include "loop.h"

/** Something that will happen on a loop. Embedded in its owner. */
struct event {
	int64_t due_ns;
	uint64_t order;
	size_t at; /* place in the queue + 1; 0: not in it */
	struct loop *loop;
	void (*run)(struct event *event);
};

/** A splitmix64 of its own for each purpose, so that a draw here does not shift the draws there. */
struct random_stream {
	uint64_t state;
};

struct task {
	void (*run)(void *data);
	void *data;
};

struct task_list {
	struct task *items;
	size_t count, size;
};

/** Something to do once at the end of a loop's turn, after everything else. */
struct turn_end {
	struct link link;
	void (*run)(struct turn_end *turn_end);
};

struct loop {
	struct machine *machine;
	struct task_list deferred, running;
	struct task each_turn;
	struct link turn_ends; /* of struct turn_end */
	struct link tcps;      /* of struct tcp, every one that is not freed */
	struct link listeners; /* of struct tcp_listener */
	struct link workers;   /* of struct job */
	struct link signals;   /* of struct signal_taker */
	struct event again;    /* a turn for what was put off */
	uint64_t turns;
	int64_t clock_seen_ns; /* clock_off_ns when it was last asked for steps */
	unsigned held;         /* handles that owners have not closed */
	bool is_turning, is_stopping, is_closing;
};

/** A machine: what a daemon runs on and what outlives it. */
struct machine {
	struct link link; /* in os.machines */
	char name[32];
	int pid;
	struct loop *loop; /* NULL: nothing runs */
	bool is_host_down; /* its power is off: nobody answers for it */
	struct random_stream random;
	/* Its disk's troubles. */
	bool disk_is_full, disk_fails;
	int64_t disk_slow_ns; /* added to each job of a worker */
	int64_t disk_used, disk_bytes;
	int64_t heap_bytes;   /* see heap.h */
	int64_t clock_off_ns; /* its real clock is so much ahead of the world's */
	uint64_t dials;       /* since the world began */
	uint64_t
		streams_lost; /* WebSockets of the running process that were up and ended in an error */
};

struct os_world {
	int64_t now_ns, real_at_zero_ns;
	struct event **queue;
	size_t count, size;
	uint64_t orders;
	struct link machines;
	struct machine *current;           /* whose code is running; NULL: the test's */
	struct random_stream net, workers; /* the fault driver has another, of its own */
	int64_t partition_until_ns;        /* no byte passes between machines until then */
	int64_t latency_more_ns;           /* a spike */
	int64_t names_fail_until_ns;       /* no name is found until then */
	uint64_t hash;                     /* of everything that has happened */
	uint64_t event_count, turn_count;
	uint64_t turns_at_now;
	void (*after_turn)(void *data, struct machine *machine);
	void *after_turn_data;
	unsigned streams_broken; /* WebSockets that faults have ended, for the test's own account */
};

extern struct os_world os;

/* -- os_loop.c ------------------------------------------------------------------------ */

/** Puts it into the queue, or moves it. A due time that has passed is now. */
void event_at(struct event *event, int64_t due_ns);
void event_cancel(struct event *event);
static inline bool event_waits(const struct event *event)
{
	return event->at != 0;
}
/** The next thing happens; false: nothing is due up to `until_ns`. */
bool os_step(int64_t until_ns);
/** Takes everything of this loop out of the queue: its process is no more. */
void os_forget_loop(struct loop *loop);
void loop_at_turn_end(struct loop *loop, struct turn_end *turn_end);

/* -- os_random.c ---------------------------------------------------------------------- */

uint64_t stream_next(struct random_stream *stream);
/** From 0 to below `limit`; limit 0 gives 0. */
uint64_t stream_below(struct random_stream *stream, uint64_t limit);
/** True once in `times`. */
bool stream_once_in(struct random_stream *stream, uint64_t times);
/** A stream of `seed` for one purpose. */
struct random_stream stream_of_seed(uint64_t seed, const char *purpose);
/** Notes that something has happened. */
void os_note(const char *what, const struct machine *machine, const void *bytes, size_t length);

/* -- os_tcp.c ------------------------------------------------------------------------- */

/** The process is killed: its kernel ends its connections. */
void net_process_died(struct loop *loop);
/** The machine is gone: nobody ends anything. */
void net_host_died(struct loop *loop);
/** It answers again: what it does not know is reset. */
void net_host_is_back(struct machine *machine);
/* Faults, of one of the open connections between machines, drawn by `draw`. False: there is none.
 */
bool net_reset_one(uint64_t draw);
bool net_half_open_one(uint64_t draw);
unsigned net_open_count(void);
/** Connections that this loop's process has dialled and not closed. */
unsigned net_dialled_count(const struct loop *loop);

/* -- os_file.c ------------------------------------------------------------------------ */

/** Closes what a process had open: its locks are free. */
void disk_process_died(struct machine *machine);
/** Takes back what was not synced, or a part of it, as `draw` says. After disk_process_died. */
void disk_power_cut(struct machine *machine, struct random_stream *draw);
/** Forgets every file of every disk. */
void disk_clear(void);

#endif
