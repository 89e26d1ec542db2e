/*
 * os_loop.c: the queue of what will happen, and the loops' turns. A turn is as in core/os/loop.c:
 * events, what was put off, the taker of each turn, then what belongs to the turn's end.
 */
#include "os_inside.h"

#include "heap.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { TURNS_AT_ONE_INSTANT = 2000000 };

struct os_world os;

struct signal_taker {
	struct link link;
	int signum;
	void (*run)(void *data, int signum);
	void *data;
};

/* -- the queue: a heap by time and order ---------------------------------------------- */

static bool is_before(const struct event *one, const struct event *other)
{
	return one->due_ns != other->due_ns ? one->due_ns < other->due_ns : one->order < other->order;
}

static void put(size_t at, struct event *event)
{
	os.queue[at] = event;
	event->at = at + 1;
}

static void sift_up(size_t at)
{
	struct event *event = os.queue[at];

	while (at > 0 && is_before(event, os.queue[(at - 1) / 2])) {
		put(at, os.queue[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(at, event);
}

static void sift_down(size_t at)
{
	struct event *event = os.queue[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= os.count)
			break;
		if (child + 1 < os.count && is_before(os.queue[child + 1], os.queue[child]))
			child++;
		if (!is_before(os.queue[child], event))
			break;
		put(at, os.queue[child]);
		at = child;
	}
	put(at, event);
}

void event_cancel(struct event *event)
{
	size_t at = event->at;
	struct event *last;

	if (at == 0)
		return;
	event->at = 0;
	last = os.queue[--os.count];
	if (last == event)
		return;
	put(at - 1, last);
	sift_up(at - 1);
	sift_down(last->at - 1);
}

void event_at(struct event *event, int64_t due_ns)
{
	event_cancel(event);
	if (os.count == os.size) {
		size_t size = os.size == 0 ? 256 : os.size * 2;

		os.queue = heap_resize(os.queue, size * sizeof(*os.queue));
		os.size = size;
	}
	event->due_ns = due_ns > os.now_ns ? due_ns : os.now_ns;
	event->order = ++os.orders;
	os.queue[os.count] = event;
	sift_up(os.count++);
}

void os_forget_loop(struct loop *loop)
{
	for (size_t at = 0; at < os.count;)
		if (os.queue[at]->loop == loop) {
			event_cancel(os.queue[at]);
			at = 0; /* what has moved into its place may be anywhere */
		} else {
			at++;
		}
}

/* -- turns ---------------------------------------------------------------------------- */

static bool has_work_put_off(const struct loop *loop)
{
	return loop->deferred.count > 0 || !list_is_empty(&loop->turn_ends);
}

static void run_deferred(struct loop *loop)
{
	struct task_list taken = loop->deferred;

	loop->deferred = loop->running;
	loop->running = taken;
	for (size_t i = 0; i < taken.count; i++)
		taken.items[i].run(taken.items[i].data);
	loop->running.count = 0;
}

static void run_turn_ends(struct loop *loop)
{
	struct link taken;

	list_init(&taken);
	while (!list_is_empty(&loop->turn_ends)) {
		struct link *item = loop->turn_ends.next;

		list_remove(item);
		list_append(&taken, item);
	}
	while (!list_is_empty(&taken)) { /* one may close, and so take out, another */
		struct turn_end *turn_end = container_of(taken.next, struct turn_end, link);

		list_remove(&turn_end->link);
		turn_end->run(turn_end);
	}
}

/* What becomes due within the turn waits for the next one. */
static void run_events(struct loop *loop)
{
	uint64_t last = os.orders;

	while (os.count > 0) {
		struct event *event = os.queue[0];

		if (event->loop != loop || event->due_ns > os.now_ns || event->order > last)
			break;
		event_cancel(event);
		os.event_count++;
		event->run(event);
	}
}

static void turn(struct loop *loop)
{
	struct machine *before = os.current;

	assert(!loop->is_turning);
	os.current = loop->machine;
	loop->is_turning = true;
	run_events(loop);
	run_deferred(loop);
	if (loop->each_turn.run != NULL)
		loop->each_turn.run(loop->each_turn.data);
	run_turn_ends(loop);
	loop->is_turning = false;
	loop->turns++;
	os.turn_count++;
	os.current = before;
	if (os.after_turn != NULL)
		os.after_turn(os.after_turn_data, loop->machine);
	if (has_work_put_off(loop))
		event_at(&loop->again, os.now_ns);
}

bool os_step(int64_t until_ns)
{
	if (os.count == 0 || os.queue[0]->due_ns > until_ns)
		return false;
	if (os.queue[0]->due_ns > os.now_ns) {
		os.now_ns = os.queue[0]->due_ns;
		os.turns_at_now = 0;
	}
	if (++os.turns_at_now > TURNS_AT_ONE_INSTANT) {
		fprintf(
			stderr, "world: time stands still: %d turns at one instant\n", TURNS_AT_ONE_INSTANT);
		abort();
	}
	turn(os.queue[0]->loop);
	return true;
}

void loop_turn(struct loop *loop, bool block)
{
	uint64_t before = loop->turns;

	if (!block || has_work_put_off(loop)) {
		turn(loop);
		return;
	}
	while (loop->turns == before && os_step(INT64_MAX))
		;
}

void loop_run(struct loop *loop)
{
	while (!loop->is_stopping && os_step(INT64_MAX))
		;
	loop->is_stopping = false;
}

void loop_stop(struct loop *loop)
{
	loop->is_stopping = true;
}

int64_t loop_longest_turn_ns(struct loop *loop)
{
	(void)loop;
	return 0; /* time stands still in a turn */
}

size_t loop_handles(struct loop *loop)
{
	return loop->held;
}

/* -- what is put off ------------------------------------------------------------------ */

static void want_turn(struct loop *loop)
{
	if (!loop->is_turning && !event_waits(&loop->again))
		event_at(&loop->again, os.now_ns);
}

int loop_defer(struct loop *loop, void (*run)(void *data), void *data)
{
	struct task_list *list = &loop->deferred;

	if (list->count == list->size) {
		size_t size = list->size == 0 ? 16 : list->size * 2;
		struct task *items = realloc(list->items, size * sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		list->items = items;
		list->size = size;
	}
	list->items[list->count++] = (struct task){ run, data };
	want_turn(loop);
	return 0;
}

void loop_each_turn(struct loop *loop, void (*run)(void *data), void *data)
{
	loop->each_turn = (struct task){ run, data };
}

void loop_at_turn_end(struct loop *loop, struct turn_end *turn_end)
{
	if (list_is_empty(&turn_end->link))
		list_append(&loop->turn_ends, &turn_end->link);
	want_turn(loop);
}

/* -- a loop's life -------------------------------------------------------------------- */

static void on_again(struct event *event)
{
	(void)event; /* the turn is what was wanted */
}

int loop_open(struct loop **out)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return -ENOMEM;
	loop->machine = os.current;
	loop->again = (struct event){ .loop = loop, .run = on_again };
	list_init(&loop->turn_ends);
	list_init(&loop->tcps);
	list_init(&loop->listeners);
	list_init(&loop->workers);
	list_init(&loop->signals);
	if (loop->machine != NULL) {
		loop->machine->loop = loop;
		loop->clock_seen_ns = loop->machine->clock_off_ns;
	}
	*out = loop;
	return 0;
}

void loop_close(struct loop *loop)
{
	struct link *item, *following;

	if (loop == NULL)
		return;
	loop->is_closing = true;
	loop->each_turn.run = NULL;
	while (!list_is_empty(&loop->workers) || has_work_put_off(loop))
		loop_turn(loop, true);
	if (loop->held != 0)
		fprintf(stderr, "loop_close: %u handles were not closed by their owners\n", loop->held);
	assert(loop->held == 0);
	while (!list_is_empty(&loop->tcps)) /* at most as long as a close may take */
		loop_turn(loop, true);
	list_each (item, following, &loop->signals) {
		list_remove(item);
		free(container_of(item, struct signal_taker, link));
	}
	event_cancel(&loop->again);
	if (loop->machine != NULL && loop->machine->loop == loop)
		loop->machine->loop = NULL;
	free(loop->deferred.items);
	free(loop->running.items);
	free(loop);
}

/* The test stops a daemon by its functions; signals are taken note of only. */
int loop_signal(struct loop *loop, int signum, void (*run)(void *data, int signum), void *data)
{
	struct link *item, *following;
	struct signal_taker *taker;

	list_each (item, following, &loop->signals) {
		taker = container_of(item, struct signal_taker, link);
		if (taker->signum == signum) {
			list_remove(item);
			free(taker);
		}
	}
	if (run == NULL)
		return 0;
	taker = malloc(sizeof(*taker));
	if (taker == NULL)
		return -ENOMEM;
	*taker = (struct signal_taker){ .signum = signum, .run = run, .data = data };
	list_append(&loop->signals, &taker->link);
	return 0;
}
