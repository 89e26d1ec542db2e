/* pg_open.c: a session's options, its beginning and its end, and what may be asked of it. */
#include "pg_session.h"
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_NS (10 * FL_SECOND)
#define STATEMENT_TIMEOUT_NS (60 * FL_SECOND)
#define LOCK_TIMEOUT_NS (10 * FL_SECOND)

/* ---- open and close ---- */

static void free_options(struct fl_pg_options *options)
{
	char *url = (char *)(uintptr_t)options->url;

	if (url != NULL)
		explicit_bzero(url, strlen(url));
	free(url);
	free((char *)(uintptr_t)options->application);
	free((char *)(uintptr_t)options->search_path);
}

static int copy_options(struct fl_pg_options *to, const struct fl_pg_options *from)
{
	*to = *from;
	to->url = strdup(from->url == NULL ? "" : from->url);
	to->application = strdup(from->application == NULL ? "feedloom" : from->application);
	to->search_path = strdup(from->search_path == NULL ? "" : from->search_path);
	to->schema = NULL; /* the host's */
	if (to->connect_timeout_ns <= 0)
		to->connect_timeout_ns = CONNECT_TIMEOUT_NS;
	if (to->statement_timeout_ns <= 0)
		to->statement_timeout_ns = STATEMENT_TIMEOUT_NS;
	if (to->lock_timeout_ns <= 0)
		to->lock_timeout_ns = LOCK_TIMEOUT_NS;
	return to->url == NULL || to->application == NULL || to->search_path == NULL ? -ENOMEM : 0;
}

void pg_destroy(struct pg *pg)
{
	pg_hang_up(pg);
	timer_destroy(pg->deadline);
	timer_destroy(pg->soon);
	pg_job_drop(pg->job);
	for (struct fl_pg_job *job; (job = pg_take_queued(pg)) != NULL;)
		pg_job_drop(job);
	while (!list_is_empty(&pg->drafts)) { /* they belong to whoever puts them together */
		struct fl_pg_job *job = container_of(pg->drafts.next, struct fl_pg_job, link);

		list_remove(&job->link);
		job->pg = NULL;
	}
	pg_target_finish(&pg->target);
	result_finish(&pg->result);
	buf_finish(&pg->why);
	free_options(&pg->options);
	free(pg->name);
	free(pg);
}

int pg_open(struct loop *loop, const char *name, const struct fl_pg_options *options,
	const struct pg_owner *owner, struct buf *why, struct pg **out)
{
	struct pg *pg = calloc(1, sizeof(*pg));
	int error = -ENOMEM;

	if (pg == NULL)
		return -ENOMEM;
	pg->loop = loop;
	pg->owner = *owner;
	list_init(&pg->drafts);
	list_init(&pg->queue);
	result_init(&pg->result);
	buf_init(&pg->why, 4096);
	pg->name = strdup(name);
	pg->deadline = timer_create(loop, pg_on_deadline, pg);
	pg->soon = timer_create(loop, pg_on_soon, pg);
	if (copy_options(&pg->options, options) == 0 && pg->name != NULL && pg->deadline != NULL &&
		pg->soon != NULL)
		error = pg_target_init(
			&pg->target, pg->options.url, pg->options.application, pg->options.read_only, why);
	if (error != 0) {
		pg_destroy(pg);
		return error;
	}
	pg_target_label(&pg->target, pg->label, sizeof(pg->label));
	timer_start(pg->soon, 0, 0);
	*out = pg;
	return 0;
}

int pg_reopen(struct pg *pg)
{
	if (pg->state == PG_CLOSED)
		timer_start(pg->soon, 0, 0);
	return 0;
}

void pg_close(struct pg *pg)
{
	if (pg == NULL)
		return;
	if (pg->is_answering)
		pg->is_closed = true; /* gone when the call is over */
	else
		pg_destroy(pg);
}

/* ---- questions ---- */

bool pg_is_of(const struct pg *pg, const struct fl_pg_options *options)
{
	struct fl_pg_options other;
	bool is_same = copy_options(&other, options) == 0 && strcmp(pg->options.url, other.url) == 0 &&
		strcmp(pg->options.application, other.application) == 0 &&
		strcmp(pg->options.search_path, other.search_path) == 0 &&
		pg->options.connect_timeout_ns == other.connect_timeout_ns &&
		pg->options.statement_timeout_ns == other.statement_timeout_ns &&
		pg->options.lock_timeout_ns == other.lock_timeout_ns &&
		pg->options.read_only == other.read_only;

	free_options(&other);
	return is_same;
}

bool pg_is_alive(const struct pg *pg)
{
	return pg->state != PG_CLOSED || timer_is_running(pg->soon);
}

bool pg_is_ready(const struct pg *pg)
{
	return pg->state >= PG_READY;
}

size_t pg_pending(const struct pg *pg)
{
	return pg->queued + (pg->job != NULL && pg->job->number >= 0 ? 1 : 0);
}

const char *pg_label(const struct pg *pg)
{
	return pg->label;
}

int pg_server_version(const struct pg *pg)
{
	return pg->conn == NULL || pg->state < PG_READY ? 0 : PQserverVersion(pg->conn);
}
