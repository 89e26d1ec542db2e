/* os_clock.c: the virtual clock. It stands still through a turn and jumps to what is due next. */
#include "clock.h"

#include "os_inside.h"

#define STEP_MIN_NS (100 * FL_MS)

int64_t clock_monotonic_ns(struct loop *loop)
{
	(void)loop;
	return os.now_ns;
}

static int64_t off_ns(const struct loop *loop)
{
	return loop->machine == NULL ? 0 : loop->machine->clock_off_ns;
}

int64_t clock_real_ns(struct loop *loop)
{
	return os.real_at_zero_ns + os.now_ns + off_ns(loop);
}

void clock_refresh(struct loop *loop)
{
	(void)loop;
}

int64_t clock_step_ns(struct loop *loop)
{
	int64_t step_ns = off_ns(loop) - loop->clock_seen_ns;

	loop->clock_seen_ns = off_ns(loop);
	return step_ns >= STEP_MIN_NS || step_ns <= -STEP_MIN_NS ? step_ns : 0;
}

int64_t clock_thread_ns(void)
{
	return 0; /* work takes no time here */
}
