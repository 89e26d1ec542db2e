/* os_clock.c: the virtual clock. It stands still through a turn and jumps to what is due next. */
#include "clock.h"

#include "os_inside.h"

int64_t clock_monotonic_ns(struct loop *loop)
{
	(void)loop;
	return os.now_ns;
}

int64_t clock_real_ns(struct loop *loop)
{
	(void)loop;
	return os.real_at_zero_ns + os.now_ns;
}

void clock_refresh(struct loop *loop)
{
	(void)loop;
}

int64_t clock_step_ns(struct loop *loop)
{
	(void)loop;
	return 0;
}

int64_t clock_thread_ns(void)
{
	return 0; /* work takes no time here */
}
