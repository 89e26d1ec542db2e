/*
 * os_worker.c: jobs in line. The work is done at one moment, its answer comes at a later one: what
 * is killed in between has worked and never learnt of it.
 */
#include "worker.h"

#include <stdlib.h>

#include "os_inside.h"

enum { START_MAX_US = 200, WORK_MIN_US = 50, WORK_MAX_US = 4000 };

struct job {
	struct event event;
	struct link link; /* in loop.workers */
	void (*work)(void *data);
	void (*done)(void *data);
	void *data;
};

static void on_done(struct event *event)
{
	struct job *job = container_of(event, struct job, event);
	void (*done)(void *data) = job->done;
	void *data = job->data;

	list_remove(&job->link);
	free(job);
	done(data);
}

static void on_start(struct event *event)
{
	struct job *job = container_of(event, struct job, event);
	uint64_t took_us = WORK_MIN_US + stream_below(&os.workers, WORK_MAX_US);

	job->work(job->data);
	job->event.run = on_done;
	event_at(
		&job->event, os.now_ns + (int64_t)took_us * FL_US + event->loop->machine->disk_slow_ns);
}

int worker_run(struct loop *loop, void (*work)(void *data), void (*done)(void *data), void *data)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return -ENOMEM;
	job->event = (struct event){ .loop = loop, .run = on_start };
	job->work = work;
	job->done = done;
	job->data = data;
	list_append(&loop->workers, &job->link);
	event_at(&job->event, os.now_ns + (int64_t)stream_below(&os.workers, START_MAX_US) * FL_US);
	return 0;
}
