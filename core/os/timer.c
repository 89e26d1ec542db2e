/*
 * timer.c: deadlines in ns over libuv's timers in ms.
 *
 * A timer is due when the turn's own clock says so, never by libuv's alone: whoever compares
 * clock_monotonic_ns with the deadline inside on_due must find that it has passed.
 */
#include "timer.h"

#include <assert.h>
#include <stdlib.h>

#include "clock.h"
#include "uv_loop.h"

struct timer {
	uv_timer_t handle;
	struct loop *loop;
	void (*on_due)(void *data);
	void *data;
	int64_t due_ns, repeat_ns;
};

static void on_uv_timer(uv_timer_t *handle);

/* In whole milliseconds of libuv's clock, rounded up. */
static void arm(struct timer *timer)
{
	int64_t wait_ms = clock_loop_ms(timer->due_ns) - (int64_t)uv_now(&timer->loop->uv);

	uv_timer_start(&timer->handle, on_uv_timer, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

static void on_uv_timer(uv_timer_t *handle)
{
	struct timer *timer = handle->data;
	int64_t now_ns = clock_monotonic_ns(timer->loop);

	if (now_ns < timer->due_ns) { /* fell due while this turn's events were at work: next turn */
		arm(timer);
		return;
	}
	if (timer->repeat_ns > 0) {
		timer->due_ns += timer->repeat_ns;
		if (timer->due_ns <= now_ns)
			timer->due_ns = now_ns + timer->repeat_ns;
		arm(timer);
	}
	timer->on_due(timer->data); /* may start, stop or destroy it */
}

struct timer *timer_create(struct loop *loop, void (*on_due)(void *data), void *data)
{
	struct timer *timer = calloc(1, sizeof(*timer));

	if (timer == NULL)
		return NULL;
	timer->loop = loop;
	timer->on_due = on_due;
	timer->data = data;
	uv_timer_init(&loop->uv, &timer->handle);
	timer->handle.data = timer;
	loop->held++;
	return timer;
}

void timer_start(struct timer *timer, int64_t delay_ns, int64_t repeat_ns)
{
	int64_t now_ns = clock_monotonic_ns(timer->loop);

	if (delay_ns < 0)
		delay_ns = 0;
	timer->due_ns = delay_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + delay_ns;
	timer->repeat_ns = repeat_ns > 0 ? repeat_ns : 0;
	arm(timer);
}

void timer_stop(struct timer *timer)
{
	uv_timer_stop(&timer->handle);
}

bool timer_is_running(const struct timer *timer)
{
	return uv_is_active((const uv_handle_t *)&timer->handle) != 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void timer_destroy(struct timer *timer)
{
	if (timer == NULL)
		return;
	assert(timer->loop->held > 0);
	timer->loop->held--;
	uv_close((uv_handle_t *)&timer->handle, on_closed);
}
