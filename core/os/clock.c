/*
 * clock.c: both clocks are read together at the first question of a turn.
 */
#include "clock.h"

#include <time.h>

#include "uv_loop.h"

enum { STEP_MIN_MS = 100 };

static int64_t read_clock(clockid_t id)
{
	struct timespec now;

	if (clock_gettime(id, &now) != 0)
		return 0;
	return (int64_t)now.tv_sec * FL_SECOND + now.tv_nsec;
}

void clock_refresh(struct loop *loop)
{
	loop->monotonic_ns = read_clock(CLOCK_MONOTONIC);
	loop->real_ns = read_clock(CLOCK_REALTIME);
	loop->clock_is_read = true;
	if (loop->clock_offset_ns == 0)
		loop->clock_offset_ns = loop->real_ns - loop->monotonic_ns;
}

int64_t clock_monotonic_ns(struct loop *loop)
{
	if (!loop->clock_is_read)
		clock_refresh(loop);
	return loop->monotonic_ns;
}

int64_t clock_real_ns(struct loop *loop)
{
	if (!loop->clock_is_read)
		clock_refresh(loop);
	return loop->real_ns;
}

/* libuv's clock is the monotonic one. */
int64_t clock_loop_ms(int64_t due_ns)
{
	return due_ns / FL_MS + (due_ns % FL_MS != 0);
}

int64_t clock_step_ns(struct loop *loop)
{
	int64_t offset_ns = clock_real_ns(loop) - clock_monotonic_ns(loop);
	int64_t step_ns = offset_ns - loop->clock_offset_ns;

	loop->clock_offset_ns = offset_ns;
	return step_ns >= STEP_MIN_MS * FL_MS || step_ns <= -STEP_MIN_MS * FL_MS ? step_ns : 0;
}

int64_t clock_thread_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}
