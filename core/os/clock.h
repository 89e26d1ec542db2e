/*
 * clock.h: the one source of time. Read once a turn at most; the same value through a turn.
 */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include "loop.h"

int64_t clock_monotonic_ns(struct loop *loop); /* for deadlines and intervals */
int64_t clock_real_ns(struct loop *loop);      /* UTC: for records and logs */
/** Reads anew now: after work that took long. */
void clock_refresh(struct loop *loop);
/** How far the real clock has stepped against the monotonic one since the last call (0: under 100
 * ms). */
int64_t clock_step_ns(struct loop *loop);

/** Processor time of the calling thread: what a stretch of work costs, whatever else the machine
 * does. */
int64_t clock_thread_ns(void);

#endif
