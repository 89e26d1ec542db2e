/* unsaid_step: the system's clock steps, and nobody looks. */
#include "clock.h"
#include "plant.h"

int64_t __wrap_clock_step_ns(struct loop *loop);

int64_t __wrap_clock_step_ns(struct loop *loop)
{
	(void)loop;
	return 0;
}
