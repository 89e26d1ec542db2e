/*
 * worker.c: jobs for libuv's pool.
 */
#include "worker.h"

#include <stdlib.h>

#include "uv_loop.h"

struct job {
	uv_work_t request;
	struct loop *loop;
	void (*work)(void *data);
	void (*done)(void *data);
	void *data;
};

static void on_work(uv_work_t *request)
{
	struct job *job = request->data;

	job->work(job->data);
}

static void on_done(uv_work_t *request, int status)
{
	struct job job = *(struct job *)request->data;

	(void)status; /* nobody cancels */
	free(request->data);
	job.loop->workers--;
	job.done(job.data);
}

int worker_run(struct loop *loop, void (*work)(void *data), void (*done)(void *data), void *data)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return -ENOMEM;
	job->request.data = job;
	job->loop = loop;
	job->work = work;
	job->done = done;
	job->data = data;
	(void)uv_queue_work(&loop->uv, &job->request, on_work, on_done); /* fails only without a work */
	loop->workers++;
	return 0;
}
