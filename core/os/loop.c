/*
 * loop.c: one turn after the other: wait, events, timers, then what was put off to the turn's end.
 *
 * A turn is one uv_run(UV_RUN_ONCE). The end of the turn is ours, after uv_run has returned and
 * before the next wait, so whatever is put off there never waits for an event.
 */
#include "uv_loop.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct signal_taker {
	struct link link;
	uv_signal_t handle;
	void (*run)(void *data, int signum);
	void *data;
};

static void before_wait(uv_prepare_t *handle)
{
	struct loop *loop = handle->data;
	int64_t now_ns = (int64_t)uv_hrtime();
	int64_t idle_ns = (int64_t)uv_metrics_idle_time(&loop->uv);
	int64_t took_ns = now_ns - loop->turn_began_ns - (idle_ns - loop->turn_idle_ns);

	if (loop->turn_began_ns != 0 && took_ns > loop->longest_turn_ns)
		loop->longest_turn_ns = took_ns;
	loop->turn_began_ns = now_ns;
	loop->turn_idle_ns = idle_ns;
	loop->clock_is_read = false; /* after the wait it is another time */
}

int loop_open(struct loop **out)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int error;

	if (loop == NULL)
		return -ENOMEM;
	error = uv_loop_init(&loop->uv);
	if (error != 0)
		goto free_loop;
	(void)uv_loop_configure(&loop->uv, UV_METRICS_IDLE_TIME);
	uv_prepare_init(&loop->uv, &loop->before_wait);
	loop->before_wait.data = loop;
	uv_prepare_start(&loop->before_wait, before_wait);
	uv_unref((uv_handle_t *)&loop->before_wait);
	list_init(&loop->turn_ends);
	list_init(&loop->signals);
	list_init(&loop->lingering);
	/* libuv writes to sockets without MSG_NOSIGNAL: a peer that is gone must not end the process.
	 */
	(void)signal(SIGPIPE, SIG_IGN);
	*out = loop;
	return 0;

free_loop:
	free(loop);
	return error;
}

/* -- the end of the turn -------------------------------------------------------------- */

static int task_list_append(struct task_list *list, struct task task)
{
	if (list->count == list->size) {
		size_t size = list->size == 0 ? 16 : list->size * 2;
		struct task *items = realloc(list->items, size * sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		list->items = items;
		list->size = size;
	}
	list->items[list->count++] = task;
	return 0;
}

int loop_defer(struct loop *loop, void (*run)(void *data), void *data)
{
	return task_list_append(&loop->deferred, (struct task){ run, data });
}

void loop_each_turn(struct loop *loop, void (*run)(void *data), void *data)
{
	loop->each_turn = (struct task){ run, data };
}

void loop_at_turn_end(struct loop *loop, struct turn_end *turn_end)
{
	if (list_is_empty(&turn_end->link))
		list_append(&loop->turn_ends, &turn_end->link);
}

/* What the tasks put off in their turn waits for the next end: nobody can keep the loop from its
 * events. */
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

static bool has_work_put_off(const struct loop *loop)
{
	return loop->deferred.count > 0 || !list_is_empty(&loop->turn_ends);
}

void loop_turn(struct loop *loop, bool block)
{
	loop->clock_is_read = false;
	(void)uv_run(&loop->uv, block && !has_work_put_off(loop) ? UV_RUN_ONCE : UV_RUN_NOWAIT);
	run_deferred(loop);
	if (loop->each_turn.run != NULL)
		loop->each_turn.run(loop->each_turn.data);
	run_turn_ends(loop);
}

void loop_run(struct loop *loop)
{
	loop->turn_began_ns = 0; /* what happened between two runs is no turn */
	while (!loop->is_stopping && (has_work_put_off(loop) || uv_loop_alive(&loop->uv)))
		loop_turn(loop, true);
	loop->is_stopping = false;
}

void loop_stop(struct loop *loop)
{
	loop->is_stopping = true;
}

int64_t loop_longest_turn_ns(struct loop *loop)
{
	int64_t longest_ns = loop->longest_turn_ns;

	loop->longest_turn_ns = 0;
	return longest_ns;
}

static void count_handle(uv_handle_t *handle, void *data)
{
	(void)handle;
	++*(size_t *)data;
}

size_t loop_handles(struct loop *loop)
{
	size_t count = 0;

	uv_walk(&loop->uv, count_handle, &count);
	return count;
}

/* -- signals -------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int signum)
{
	struct signal_taker *taker = handle->data;

	taker->run(taker->data, signum);
}

static void on_signal_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct signal_taker *find_taker(struct loop *loop, int signum)
{
	struct link *item, *following;

	list_each (item, following, &loop->signals) {
		struct signal_taker *taker = container_of(item, struct signal_taker, link);

		if (taker->handle.signum == signum)
			return taker;
	}
	return NULL;
}

static void drop_taker(struct signal_taker *taker)
{
	list_remove(&taker->link);
	uv_close((uv_handle_t *)&taker->handle, on_signal_closed);
}

static int add_taker(struct loop *loop, int signum, struct signal_taker **out)
{
	struct signal_taker *taker = calloc(1, sizeof(*taker));
	int error;

	if (taker == NULL)
		return -ENOMEM;
	error = uv_signal_init(&loop->uv, &taker->handle);
	if (error != 0) {
		free(taker);
		return error;
	}
	taker->handle.data = taker;
	list_append(&loop->signals, &taker->link);
	error = uv_signal_start(&taker->handle, on_signal, signum);
	if (error != 0) {
		drop_taker(taker);
		return error;
	}
	*out = taker;
	return 0;
}

int loop_signal(struct loop *loop, int signum, void (*run)(void *data, int signum), void *data)
{
	struct signal_taker *taker = find_taker(loop, signum);
	int error = 0;

	if (run == NULL) {
		if (taker != NULL)
			drop_taker(taker);
		return 0;
	}
	if (taker == NULL)
		error = add_taker(loop, signum, &taker);
	if (error != 0)
		return error;
	taker->run = run;
	taker->data = data;
	return 0;
}

/* -- the loop's end ------------------------------------------------------------------- */

static void hurry_lingerers(struct loop *loop)
{
	struct link *item, *following;

	list_each (item, following, &loop->lingering) {
		struct lingerer *lingerer = container_of(item, struct lingerer, link);

		lingerer->hurry(lingerer);
	}
}

void loop_close(struct loop *loop)
{
	if (loop == NULL)
		return;
	loop->is_closing = true;
	loop->each_turn.run = NULL;
	while (loop->workers > 0 || loop->deferred.count > 0)
		loop_turn(loop, true);
	if (loop->held != 0)
		fprintf(stderr, "loop_close: %u handles were not closed by their owners\n", loop->held);
	assert(loop->held == 0); /* waiting for them would be for ever */

	while (!list_is_empty(&loop->signals))
		drop_taker(container_of(loop->signals.next, struct signal_taker, link));
	uv_close((uv_handle_t *)&loop->before_wait, NULL);
	hurry_lingerers(loop);
	while (has_work_put_off(loop) || uv_loop_alive(&loop->uv))
		loop_turn(loop, true);
	if (uv_loop_close(&loop->uv) != 0)
		abort(); /* a handle of core/os itself was forgotten */
	free(loop->deferred.items);
	free(loop->running.items);
	free(loop->receive);
	free(loop);
}
