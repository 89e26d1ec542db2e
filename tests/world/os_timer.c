/* os_timer.c: deadlines on the virtual clock, in whole milliseconds as libuv's are. */
#include "timer.h"

#include <assert.h>
#include <stdlib.h>

#include "os_inside.h"

struct timer {
	struct event event;
	void (*on_due)(void *data);
	void *data;
	int64_t due_ns, repeat_ns;
};

static void arm(struct timer *timer)
{
	int64_t due_ms = timer->due_ns / FL_MS + (timer->due_ns % FL_MS != 0);

	event_at(&timer->event, due_ms * FL_MS);
}

static void on_event(struct event *event)
{
	struct timer *timer = container_of(event, struct timer, event);

	if (timer->repeat_ns > 0) {
		timer->due_ns += timer->repeat_ns;
		if (timer->due_ns <= os.now_ns)
			timer->due_ns = os.now_ns + timer->repeat_ns;
		arm(timer);
	}
	timer->on_due(timer->data); /* may start, stop or destroy it */
}

struct timer *timer_create(struct loop *loop, void (*on_due)(void *data), void *data)
{
	struct timer *timer = calloc(1, sizeof(*timer));

	if (timer == NULL)
		return NULL;
	timer->event = (struct event){ .loop = loop, .run = on_event };
	timer->on_due = on_due;
	timer->data = data;
	loop->held++;
	return timer;
}

void timer_start(struct timer *timer, int64_t delay_ns, int64_t repeat_ns)
{
	if (delay_ns < 0)
		delay_ns = 0;
	timer->due_ns = delay_ns > INT64_MAX / 2 - os.now_ns ? INT64_MAX / 2 : os.now_ns + delay_ns;
	timer->repeat_ns = repeat_ns > 0 ? repeat_ns : 0;
	arm(timer);
}

void timer_stop(struct timer *timer)
{
	event_cancel(&timer->event);
}

bool timer_is_running(const struct timer *timer)
{
	return event_waits(&timer->event);
}

void timer_destroy(struct timer *timer)
{
	if (timer == NULL)
		return;
	assert(timer->event.loop->held > 0);
	timer->event.loop->held--;
	event_cancel(&timer->event);
	free(timer);
}
