/*
 * sqlite.c: the loop's side: a queue of jobs, one at a time on a worker, answers in order.
 *
 * While a worker works (`is_working`), `session`, `job` and `result` are its alone.
 */
#include "sqlite.h"
#include "clock.h"
#include "log.h"
#include "sqlite_session.h"
#include "worker.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_SPARE = 2 }; /* one in flight, one being put together */

enum state { OPENING, OPEN, FAILED, CLOSING };

struct sqlite {
	struct loop *loop;
	struct sqlite_setup setup; /* its texts are ours */
	struct sqlite_owner owner;
	enum state state;
	bool is_working, is_answering;
	struct session session;
	struct link in_hand; /* jobs being put together */
	struct link queue;   /* jobs that wait */
	struct link spare;   /* jobs to be used again */
	size_t spare_count, pending;
	struct fl_sqlite_job *job; /* in flight */
	struct result result;
	int open_error; /* FAILED: why; every later job is answered with it */
	struct buf open_why;
	int64_t now_ns, real_ns;                     /* of the turn that began the work */
	int64_t free_bytes, total_bytes, file_bytes; /* as of the last job */
	bool is_measured;
	void (*on_closed)(void *data);
	void *on_closed_data;
};

static void go_on(struct sqlite *sqlite);

/* ---- jobs ---- */

struct fl_sqlite_job *sqlite_job(struct sqlite *sqlite)
{
	struct fl_sqlite_job *job;

	if (!list_is_empty(&sqlite->spare)) {
		job = container_of(sqlite->spare.next, struct fl_sqlite_job, link);
		list_remove(&job->link);
		sqlite->spare_count--;
	} else {
		job = malloc(sizeof(*job));
		if (job == NULL)
			return NULL;
		job_init(job, sqlite);
	}
	list_append(&sqlite->in_hand, &job->link);
	return job;
}

struct sqlite *sqlite_job_session(const struct fl_sqlite_job *job)
{
	return job->sqlite;
}

void sqlite_job_drop(struct fl_sqlite_job *job)
{
	struct sqlite *sqlite;

	if (job == NULL)
		return;
	sqlite = job->sqlite;
	list_remove(&job->link);
	if (sqlite == NULL || sqlite->spare_count == MAX_SPARE || sqlite->state == CLOSING) {
		job_finish(job);
		free(job);
		return;
	}
	job_clear(job);
	list_append(&sqlite->spare, &job->link);
	sqlite->spare_count++;
}

int sqlite_run(struct sqlite *sqlite, struct fl_sqlite_job *job, int number)
{
	if (job->failed || sqlite->state == CLOSING) {
		int error = job->failed ? -ENOMEM : -ENOTCONN;

		sqlite_job_drop(job);
		return error;
	}
	job->number = number;
	list_remove(&job->link);
	list_append(&sqlite->queue, &job->link);
	sqlite->pending++;
	go_on(sqlite);
	return 0;
}

/* ---- the worker ---- */

static void begin(struct sqlite *sqlite, void (*work)(void *data), void (*done)(void *data))
{
	sqlite->is_working = true;
	sqlite->now_ns = clock_monotonic_ns(sqlite->loop);
	sqlite->real_ns = clock_real_ns(sqlite->loop);
	if (worker_run(sqlite->loop, work, done, sqlite) == 0)
		return;
	/* No memory for a worker: rather stall once than lose the answer. */
	work(sqlite);
	if (loop_defer(sqlite->loop, done, sqlite) != 0) {
		log_error("sqlite", "%s: out of memory", sqlite->setup.path);
		abort();
	}
}

static void answer(struct sqlite *sqlite, int number)
{
	sqlite->is_answering = true; /* what the owner runs now begins when it has read this result */
	sqlite->owner.on_result(sqlite->owner.data, number, result_seal(&sqlite->result));
	sqlite->is_answering = false;
}

static void take_figures(struct sqlite *sqlite)
{
	sqlite->is_measured = sqlite->session.measured_ns != 0;
	sqlite->free_bytes = sqlite->session.free_bytes;
	sqlite->total_bytes = sqlite->session.total_bytes;
	sqlite->file_bytes = sqlite->session.file_bytes;
}

static void work_open(void *data)
{
	struct sqlite *sqlite = data;

	sqlite->open_error =
		session_open(&sqlite->session, &sqlite->setup, sqlite->real_ns, &sqlite->open_why);
	session_measure(&sqlite->session, sqlite->now_ns);
	result_clear(&sqlite->result);
	if (sqlite->open_error != 0)
		result_fail(&sqlite->result, sqlite->open_error, "%s", buf_string(&sqlite->open_why));
}

static void on_opened(void *data)
{
	struct sqlite *sqlite = data;

	sqlite->is_working = false;
	if (sqlite->state != CLOSING) {
		sqlite->state = sqlite->open_error == 0 ? OPEN : FAILED;
		take_figures(sqlite);
		answer(sqlite, 0);
	}
	go_on(sqlite);
}

static void work_job(void *data)
{
	struct sqlite *sqlite = data;

	if (sqlite->session.db == NULL) {
		result_fail(&sqlite->result, sqlite->open_error, "%s", buf_string(&sqlite->open_why));
		return;
	}
	session_run(&sqlite->session, sqlite->job, &sqlite->result);
	session_measure(&sqlite->session, sqlite->now_ns);
}

static void on_job_done(void *data)
{
	struct sqlite *sqlite = data;
	struct fl_sqlite_job *job = sqlite->job;

	sqlite->is_working = false;
	sqlite->job = NULL;
	sqlite->pending--;
	if (sqlite->state != CLOSING) {
		take_figures(sqlite);
		answer(sqlite, job->number);
	}
	result_clear(&sqlite->result);
	sqlite_job_drop(job);
	go_on(sqlite);
}

static void work_checkpoint(void *data)
{
	session_checkpoint(&((struct sqlite *)data)->session);
}

static void on_checkpoint_done(void *data)
{
	struct sqlite *sqlite = data;

	sqlite->is_working = false;
	go_on(sqlite);
}

/* ---- closing ---- */

static void work_close(void *data)
{
	session_close(&((struct sqlite *)data)->session);
}

static void free_all(struct link *list)
{
	while (!list_is_empty(list)) {
		struct fl_sqlite_job *job = container_of(list->next, struct fl_sqlite_job, link);

		list_remove(&job->link);
		job_finish(job);
		free(job);
	}
}

static void destroy(struct sqlite *sqlite)
{
	struct link *item, *following;

	list_each (item, following, &sqlite->in_hand) {
		container_of(item, struct fl_sqlite_job, link)->sqlite = NULL;
		list_remove(item); /* its maker drops it */
	}
	free_all(&sqlite->queue);
	free_all(&sqlite->spare);
	result_finish(&sqlite->result);
	buf_finish(&sqlite->open_why);
	free((char *)sqlite->setup.path);
	free((char *)sqlite->setup.schema_folder);
	free(sqlite);
}

static void on_close_done(void *data)
{
	struct sqlite *sqlite = data;
	void (*on_closed)(void *data) = sqlite->on_closed;
	void *on_closed_data = sqlite->on_closed_data;

	destroy(sqlite);
	if (on_closed != NULL)
		on_closed(on_closed_data);
}

void sqlite_close(struct sqlite *sqlite, void (*on_closed)(void *data), void *data)
{
	sqlite->state = CLOSING;
	sqlite->on_closed = on_closed;
	sqlite->on_closed_data = data;
	free_all(&sqlite->queue);
	go_on(sqlite);
}

/* The one place where the next piece of work begins. */
static void go_on(struct sqlite *sqlite)
{
	if (sqlite->is_working || sqlite->is_answering)
		return;
	if (sqlite->state == CLOSING) {
		begin(sqlite, work_close, on_close_done);
	} else if (sqlite->state == OPENING) {
		begin(sqlite, work_open, on_opened);
	} else if (sqlite->state == OPEN && session_wants_checkpoint(&sqlite->session)) {
		begin(sqlite, work_checkpoint, on_checkpoint_done);
	} else if (!list_is_empty(&sqlite->queue)) {
		sqlite->job = container_of(sqlite->queue.next, struct fl_sqlite_job, link);
		list_remove(&sqlite->job->link);
		begin(sqlite, work_job, on_job_done);
	}
}

/* ---- opening ---- */

int sqlite_open(struct loop *loop, const struct sqlite_setup *setup,
	const struct sqlite_owner *owner, struct sqlite **out)
{
	struct sqlite *sqlite = calloc(1, sizeof(*sqlite));
	char *path = strdup(setup->path);
	char *folder = setup->schema_folder == NULL ? NULL : strdup(setup->schema_folder);

	if (sqlite == NULL || path == NULL || (setup->schema_folder != NULL && folder == NULL)) {
		free(folder);
		free(path);
		free(sqlite);
		return -ENOMEM;
	}
	session_library();
	sqlite->loop = loop;
	sqlite->setup = *setup;
	sqlite->setup.path = path;
	sqlite->setup.schema_folder = folder;
	sqlite->owner = *owner;
	list_init(&sqlite->in_hand);
	list_init(&sqlite->queue);
	list_init(&sqlite->spare);
	result_init(&sqlite->result);
	buf_init(&sqlite->open_why, 4096);
	go_on(sqlite);
	*out = sqlite;
	return 0;
}

/* ---- questions ---- */

const char *sqlite_path(const struct sqlite *sqlite)
{
	return sqlite->setup.path;
}

bool sqlite_is_open(const struct sqlite *sqlite)
{
	return sqlite->state == OPEN;
}

bool sqlite_is_failed(const struct sqlite *sqlite)
{
	return sqlite->state == FAILED;
}

size_t sqlite_pending(const struct sqlite *sqlite)
{
	return sqlite->pending;
}

int sqlite_disk(
	const struct sqlite *sqlite, int64_t *free_bytes, int64_t *total_bytes, int64_t *file_bytes)
{
	if (!sqlite->is_measured)
		return -ENODATA;
	*free_bytes = sqlite->free_bytes;
	*total_bytes = sqlite->total_bytes;
	*file_bytes = sqlite->file_bytes;
	return 0;
}
