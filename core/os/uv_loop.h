/*
 * uv_loop.h: what the files of core/os share and nobody else sees: the loop's inside.
 */
#ifndef OS_UV_LOOP_H
#define OS_UV_LOOP_H

#include <uv.h>

#include "list.h"
#include "loop.h"

enum { LOOP_RECEIVE_BYTES = 256 * 1024 };

struct task {
	void (*run)(void *data);
	void *data;
};

struct task_list {
	struct task *items;
	size_t count, size;
};

/** Something to do once at the end of this turn, after everything else. */
struct turn_end {
	struct link link;
	void (*run)(struct turn_end *turn_end);
};

/** Something that its owner has closed and that still takes its time. */
struct lingerer {
	struct link link;
	void (*hurry)(struct lingerer *lingerer); /* the loop is about to close */
};

struct loop {
	uv_loop_t uv;
	uv_prepare_t before_wait;
	struct task_list deferred; /* those to run at the end of this turn */
	struct task_list running;  /* those being run now */
	struct task each_turn;
	struct link turn_ends; /* of struct turn_end */
	struct link signals;   /* of struct signal_taker */
	struct link lingering; /* of struct lingerer */
	char *receive;         /* LOOP_RECEIVE_BYTES, lent to one on_read at a time */
	unsigned held;         /* handles that owners have not closed yet */
	unsigned workers;      /* jobs at work */
	bool is_stopping, is_closing;

	bool clock_is_read;
	int64_t monotonic_ns, real_ns;
	int64_t clock_offset_ns; /* real - monotonic at the last clock_step_ns */

	int64_t turn_began_ns; /* the last time that a wait was about to begin; 0: none yet */
	int64_t turn_idle_ns;  /* what had been waited for in all by then */
	int64_t longest_turn_ns;
};

/**
 * clock.c: the moment at which clock_monotonic_ns will be `due_ns`, in ms of libuv's own clock,
 * rounded up. The only place that knows how the two stand to each other.
 */
int64_t clock_loop_ms(int64_t due_ns);

/** Queues it; harmless when it is queued already. */
void loop_at_turn_end(struct loop *loop, struct turn_end *turn_end);

#endif
