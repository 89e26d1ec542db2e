/* pg_once.c: a session of its own loop, for what a verb asks of a store. */
#include "pg_once.h"
#include "loop.h"
#include <stdlib.h>

struct pg_once {
	struct loop *loop;
	struct pg *pg;
	void (*take)(void *data, const struct fl_result *result);
	void *data;
	bool is_waiting; /* for an answer */
	int number;      /* whose; 0: the opening */
	int error;
	struct buf *why; /* of the opening */
};

/* Job 1's answer, or the session's end. */
static void on_result(void *data, int number, const struct fl_result *result)
{
	struct pg_once *once = data;

	if (!once->is_waiting || (number != once->number && result->error == 0))
		return;
	once->is_waiting = false;
	once->error = result->error;
	if (once->take != NULL)
		once->take(once->data, result);
	else if (result->error != 0)
		(void)buf_printf(once->why, "%s: %s", pg_label(once->pg), result->detail);
	loop_stop(once->loop);
}

static void wait_for(struct pg_once *once, int number)
{
	once->number = number;
	once->is_waiting = true;
	loop_run(once->loop);
}

int pg_once_open(const struct fl_pg_options *options, struct buf *why, struct pg_once **out)
{
	struct pg_once *once = calloc(1, sizeof(*once));
	struct pg_owner owner = { once, on_result };
	int error;

	if (once == NULL)
		return -ENOMEM;
	once->why = why;
	error = loop_open(&once->loop);
	if (error != 0)
		goto free_once;
	error = pg_open(once->loop, "pg", options, &owner, why, &once->pg);
	if (error != 0)
		goto close_loop;
	wait_for(once, 0);
	error = once->error;
	if (error != 0)
		goto close_pg;
	*out = once;
	return 0;

close_pg:
	pg_close(once->pg);
close_loop:
	loop_close(once->loop);
free_once:
	free(once);
	return error;
}

void pg_once_close(struct pg_once *once)
{
	if (once == NULL)
		return;
	pg_close(once->pg);
	loop_close(once->loop);
	free(once);
}

const char *pg_once_label(const struct pg_once *once)
{
	return pg_label(once->pg);
}

struct fl_pg_job *pg_once_job(struct pg_once *once)
{
	return pg_job(once->pg);
}

int pg_once_run(struct pg_once *once, struct fl_pg_job *job,
	void (*take)(void *data, const struct fl_result *result), void *data)
{
	int error = job == NULL ? -ENOMEM : pg_run(once->pg, job, 1);

	if (error != 0)
		return error;
	once->take = take;
	once->data = data;
	wait_for(once, 1);
	return once->error;
}

/* ---- feedloom migrate ---- */

struct migrating {
	struct migrate_pg *migrate;
	const char *label;
	struct buf *report, *why;
	int error;
};

static void take_step(void *data, const struct fl_result *result)
{
	struct migrating *migrating = data;

	migrating->error = migrate_pg_take(
		migrating->migrate, result, migrating->label, migrating->report, migrating->why);
}

static int take_steps(struct pg_once *once, struct migrating *migrating)
{
	struct fl_pg_job *job = pg_once_job(once);

	while (job != NULL && migrate_pg_next(migrating->migrate, job)) {
		(void)pg_once_run(once, job, take_step, migrating);
		if (migrating->error != 0)
			return migrating->error;
		job = pg_once_job(once);
	}
	pg_job_drop(job);
	return job == NULL ? -ENOMEM : 0;
}

int migrate_pg(const struct fl_pg_options *options, const struct migrate_pg_setup *setup,
	struct buf *report, struct buf *why)
{
	struct migrating migrating = { .report = report, .why = why };
	struct pg_once *once = NULL;
	int error = migrate_pg_create(setup, why, &migrating.migrate);

	if (error != 0)
		return error;
	error = pg_once_open(options, why, &once);
	if (error == 0) {
		migrating.label = pg_once_label(once);
		error = take_steps(once, &migrating);
	}
	pg_once_close(once);
	migrate_pg_destroy(migrating.migrate);
	return error;
}

/* ---- feedloom audit ---- */

struct asking {
	const struct audit_query *query;
	const struct audit_taker *taker;
	const char *label;
	struct buf *why;
};

static const char *text_of(const struct fl_result *result, size_t row, size_t column)
{
	const char *text = result_text(result, row, column);

	return text == NULL ? "" : text;
}

static void take_rows(void *data, const struct fl_result *result)
{
	struct asking *asking = data;

	if (result->error != 0)
		(void)buf_printf(
			asking->why, "%s: %s: %s", asking->label, asking->query->section, result->detail);
	for (size_t row = 0; row < result->row_count && result->error == 0; row++)
		asking->taker->take(asking->taker->data, asking->query->section, text_of(result, row, 0),
			text_of(result, row, 1), text_of(result, row, 2));
}

static int put(struct pg_once *once, const char *sql, unsigned flags, struct asking *asking)
{
	struct fl_pg_job *job = pg_once_job(once);

	if (job == NULL)
		return -ENOMEM;
	pg_job_statement(job, sql, flags);
	return pg_once_run(once, job, take_rows, asking);
}

int audit_pg(const struct fl_pg_options *options, const struct audit_queries *queries,
	const struct audit_taker *taker, struct buf *why)
{
	struct asking asking = { .taker = taker, .why = why };
	struct pg_once *once;
	int error = pg_once_open(options, why, &once);

	if (error != 0)
		return error;
	asking.label = pg_once_label(once);
	asking.query = &queries->items[0];
	/* One state of the store for all of them, the cursor included. */
	error = put(once, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0, &asking);
	for (size_t i = 0; i < queries->count && error == 0; i++) {
		asking.query = &queries->items[i];
		error = put(once, asking.query->sql, FL_SQL_ROWS, &asking);
	}
	pg_once_close(once);
	return error;
}
