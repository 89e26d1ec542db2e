/*
 * clock.c: core/os/clock.c a second time, with clocks that run a hundred times as fast: a day takes
 * a quarter of an hour. Sockets, disks and processors do not run faster, so what they take counts a
 * hundredfold.
 *
 * FEEDLOOM_FAST says when it was what time, for all processes of a run alike:
 * "REAL_NS@MONOTONIC_NS".
 */
#include "clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "uv_loop.h"

enum { SPEED = 100 };

static int64_t read_clock(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		return 0;
	return (int64_t)now.tv_sec * FL_SECOND + now.tv_nsec;
}

/* The real time at which the fast monotonic clock was 0. */
static int64_t real_at_zero_ns(void)
{
	const char *text = getenv("FEEDLOOM_FAST");
	int64_t real_ns, monotonic_ns;

	if (text == NULL || sscanf(text, "%" SCNd64 "@%" SCNd64, &real_ns, &monotonic_ns) != 2) {
		fputs("set FEEDLOOM_FAST to REAL_NS@MONOTONIC_NS\n", stderr);
		exit(64);
	}
	return real_ns - monotonic_ns * SPEED;
}

void clock_refresh(struct loop *loop)
{
	if (loop->clock_offset_ns == 0)
		loop->clock_offset_ns = real_at_zero_ns();
	loop->monotonic_ns = read_clock() * SPEED;
	loop->real_ns = loop->clock_offset_ns + loop->monotonic_ns;
	loop->clock_is_read = true;
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

int64_t clock_loop_ms(int64_t due_ns)
{
	int64_t real_ns = due_ns / SPEED + (due_ns % SPEED != 0);

	return real_ns / FL_MS + (real_ns % FL_MS != 0);
}

/* It does not step. */
int64_t clock_step_ns(struct loop *loop)
{
	(void)loop;
	return 0;
}

int64_t clock_thread_ns(void)
{
	return 0; /* nobody asks here */
}
