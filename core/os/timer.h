/*
 * timer.h: deadlines by the monotonic clock.
 */
#ifndef OS_TIMER_H
#define OS_TIMER_H

#include <time.h>

#include "loop.h"

/* POSIX has a timer_create of its own, in <time.h> and in libc: to compiler and linker ours is
 * another. */
#define timer_create timer_create_on_loop

struct timer;

struct timer *timer_create(
	struct loop *loop, void (*on_due)(void *data), void *data); /* NULL: no memory */
/** (Re)starts; repeat_ns 0: once. Repeats do not pile up. Fires at or after the delay, to 1 ms. */
void timer_start(struct timer *timer, int64_t delay_ns, int64_t repeat_ns);
void timer_stop(struct timer *timer);
bool timer_is_running(const struct timer *timer);
void timer_destroy(struct timer *timer); /* takes NULL; on_due will not be called any more */

#endif
