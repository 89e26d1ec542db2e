/*
 * loop.h: the reactor's turn. Everything of core/os belongs to one loop; none of its headers shows
 * a libuv type, so that tests/world can stand behind the same headers with a virtual clock and
 * network.
 *
 * All callbacks come from loop_run, on its thread, never from within the call that asked for them.
 */
#ifndef OS_LOOP_H
#define OS_LOOP_H

#include <feedloom/base.h>

struct loop;

int loop_open(struct loop **out);
/** Frees the loop; everything on it must have been closed, and is waited for. Takes NULL. */
void loop_close(struct loop *loop);
/** Runs until loop_stop, or until nothing is left that could happen. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/** One pass: for tests. `block` waits for something to happen. */
void loop_turn(struct loop *loop, bool block);

/** Calls `run(data)` between this turn's events and the next wait; once. 0 or -ENOMEM. */
int loop_defer(struct loop *loop, void (*run)(void *data), void *data);
/** Calls `run(data)` at the end of every turn, after the deferred ones. One taker. */
void loop_each_turn(struct loop *loop, void (*run)(void *data), void *data);

/** Calls back when the process gets `signum`; data NULL run: takes it off again. */
int loop_signal(struct loop *loop, int signum, void (*run)(void *data, int signum), void *data);

/** The longest a turn took since the last call, in ns: what the loop's stalls are. */
int64_t loop_longest_turn_ns(struct loop *loop);
/** How many timers, sockets, listeners and watches are open on it: a number that grows is a leak.
 */
size_t loop_handles(struct loop *loop);

#endif
