/*
 * instance_pg.c: an instance's sessions with PostgreSQL, by number.
 */
#include "host.h"
#include "instance_parts.h"
#include "kept.h"
#include "log.h"
#include "migrate_pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pg *find(const struct fl_ctx *ctx, int number)
{
	const struct instance_database *entry = instance_database_find(ctx, number);

	return entry == NULL ? NULL : entry->pg;
}

/* ---- migrations, between the session and its answer ---- */

enum { MIGRATE_JOB = -2 }; /* plugins' numbers begin at 1 */

static void answer_open(struct instance_database *entry, int error, const char *detail)
{
	struct result result;

	migrate_pg_destroy(entry->migrate);
	entry->migrate = NULL;
	result_init(&result);
	if (error != 0)
		(void)result_fail(&result, error, "%s", detail);
	instance_database_on_result(entry, 0, result_seal(&result));
	result_finish(&result);
}

static void migrate_next(struct instance_database *entry)
{
	struct fl_pg_job *job = pg_job(entry->pg);

	if (job != NULL && !migrate_pg_next(entry->migrate, job)) {
		pg_job_drop(job);
		answer_open(entry, 0, "");
		return;
	}
	if (job == NULL || pg_run(entry->pg, job, MIGRATE_JOB) != 0)
		answer_open(entry, -ENOMEM, "out of memory");
}

static void migrate_begin(struct instance_database *entry)
{
	struct migrate_pg_setup setup = { .folder = entry->schema, .search_path = entry->search_path };
	struct buf why;
	int error;

	buf_init(&why, 4096);
	error = migrate_pg_create(&setup, &why, &entry->migrate);
	if (error == 0)
		migrate_next(entry);
	else
		answer_open(entry, error, buf_string(&why));
	buf_finish(&why);
}

static void log_lines(const struct instance_database *entry, struct buf *report)
{
	char *rest = NULL;

	if (buf_length(report) == 0 || buf_append(report, "", 1) != 0)
		return;
	for (char *line = strtok_r(buf_bytes(report), "\n", &rest); line != NULL;
		line = strtok_r(NULL, "\n", &rest))
		log_info(entry->owner->name, "%s: %s", pg_label(entry->pg), line);
}

static void migrate_on_result(struct instance_database *entry, const struct fl_result *result)
{
	struct buf report, why;
	int error;

	if (result->error == -ENOTCONN)
		return; /* number 0 follows */
	buf_init(&report, 65536);
	buf_init(&why, 65536);
	error = migrate_pg_take(entry->migrate, result, pg_label(entry->pg), &report, &why);
	log_lines(entry, &report);
	if (error == 0)
		migrate_next(entry);
	else
		answer_open(entry, error, buf_string(&why));
	buf_finish(&report);
	buf_finish(&why);
}

static void on_result(void *data, int number, const struct fl_result *result)
{
	struct instance_database *entry = data;

	if (number == MIGRATE_JOB && entry->migrate != NULL)
		migrate_on_result(entry, result);
	else if (number == 0 && result->error == 0 && entry->schema != NULL && entry->migrate == NULL)
		migrate_begin(entry);
	else if (number == 0 && entry->migrate != NULL)
		answer_open(entry, result->error, result->detail);
	else if (number >= 0)
		instance_database_on_result(entry, number, result);
}

/* ---- opening ---- */

/* An adopted session answers the new code as if it had just been opened; a lost one is dialled. */
static int adopt(const struct instance_database *entry)
{
	struct pg *pg = entry->pg;
	struct fl_pg_job *job;

	if (!pg_is_alive(pg))
		return pg_reopen(pg);
	if (!pg_is_ready(pg) || entry->migrate != NULL)
		return 0; /* its answer is still to come */
	job = pg_job(pg);
	return job == NULL ? -ENOMEM : pg_run(pg, job, 0);
}

static int keep_schema(
	const struct fl_ctx *ctx, struct instance_database *entry, const struct fl_pg_options *options)
{
	char folder[4300];

	if (options->schema == NULL)
		return 0;
	(void)snprintf(
		folder, sizeof(folder), "%s/%s", ctx->host->parts.schema_folder, options->schema);
	entry->schema = strdup(folder);
	entry->search_path = strdup(options->search_path == NULL ? "" : options->search_path);
	return entry->schema == NULL || entry->search_path == NULL ? -ENOMEM : 0;
}

static int open_anew(struct fl_ctx *ctx, int number, const struct fl_pg_options *options)
{
	struct instance_database *entry = instance_database_add(ctx, number);
	struct pg_owner owner = { .data = entry, .on_result = on_result };
	struct buf why;
	int error;

	if (entry == NULL)
		return -ENOMEM;
	buf_init(&why, 1024);
	error = keep_schema(ctx, entry, options);
	if (error == 0)
		error = pg_open(ctx->host->parts.loop, ctx->name, options, &owner, &why, &entry->pg);
	if (error != 0) {
		log_error(ctx->name, "url: %s", error == -ENOMEM ? "out of memory" : buf_string(&why));
		instance_database_close(ctx, number);
	}
	buf_finish(&why);
	return error;
}

static int run_open(struct fl_ctx *ctx, const struct kept_call *call)
{
	struct fl_pg_options options;

	memcpy(&options, call->data, sizeof(options));
	options.url = call->texts[0];
	options.application = call->texts[1];
	options.search_path = call->texts[2];
	options.schema = call->texts[3];
	return fl_pg_open(ctx, call->number, &options);
}

int fl_pg_open(struct fl_ctx *ctx, int number, const struct fl_pg_options *options)
{
	struct instance_database *entry = instance_database_find(ctx, number);

	if (ctx->phase != INSTANCE_RUNNING)
		return -ECANCELED;
	if (kept_is_on(ctx))
		return kept_add(ctx,
			&(struct kept_call){ .run = run_open,
				.number = number,
				.data = options,
				.length = sizeof(*options),
				.texts = (const char *const[]){ options->url, options->application,
					options->search_path, options->schema },
				.text_count = 4 });
	if (entry != NULL && entry->pg != NULL)
		entry->life = ctx->life;
	return entry != NULL && entry->pg != NULL && pg_is_of(entry->pg, options)
		? adopt(entry)
		: open_anew(ctx, number, options);
}

void fl_pg_close(struct fl_ctx *ctx, int number)
{
	instance_database_close_in_turn(ctx, number);
}

const char *fl_pg_label(const struct fl_ctx *ctx, int number)
{
	const struct pg *pg = find(ctx, number);

	return pg == NULL ? "" : pg_label(pg);
}

int fl_pg_server_version(const struct fl_ctx *ctx, int number)
{
	const struct pg *pg = find(ctx, number);

	return pg == NULL ? 0 : pg_server_version(pg);
}

struct fl_pg_job *fl_pg_job(struct fl_ctx *ctx, int number)
{
	struct pg *pg = find(ctx, number);

	return pg == NULL ? NULL : pg_job(pg);
}

static int run_job(struct fl_ctx *ctx, const struct kept_call *call)
{
	return fl_pg_run(ctx, call->own, call->number);
}

static void drop_job(const struct kept_call *call)
{
	pg_job_drop(call->own);
}

void fl_pg_begin(struct fl_ctx *ctx, struct fl_pg_job *job, int number)
{
	struct pg *pg = pg_job_session(job);

	if (pg != NULL && !kept_is_on(ctx))
		pg_begin(pg, job, number);
}

int fl_pg_run(struct fl_ctx *ctx, struct fl_pg_job *job, int number)
{
	struct pg *pg = pg_job_session(job);

	if (kept_is_on(ctx))
		return kept_add(ctx,
			&(struct kept_call){ .run = run_job, .drop = drop_job, .number = number, .own = job });
	if (pg != NULL)
		return pg_run(pg, job, number);
	pg_job_drop(job);
	return -ENOTCONN;
}

/* clang-format off */
void fl_pg_statement(struct fl_pg_job *job, const char *sql, unsigned flags) { pg_job_statement(job, sql, flags); }
void fl_pg_sql(struct fl_pg_job *job, const char *sql) { pg_job_sql(job, sql); }
void fl_pg_sql_text(struct fl_pg_job *job, const char *text, size_t length) { pg_job_sql_text(job, text, length); }
void fl_pg_sql_int(struct fl_pg_job *job, int64_t value) { pg_job_sql_int(job, value); }
void fl_pg_sql_real(struct fl_pg_job *job, double value) { pg_job_sql_real(job, value); }
void fl_pg_sql_time(struct fl_pg_job *job, int64_t ns) { pg_job_sql_time(job, ns); }
void fl_pg_copy(struct fl_pg_job *job, const char *sql) { pg_job_copy(job, sql); }
void fl_pg_rows(struct fl_pg_job *job) { pg_job_rows(job); }
void fl_pg_row(struct fl_pg_job *job, int columns) { pg_job_row(job, columns); }
void fl_pg_null(struct fl_pg_job *job) { pg_job_null(job); }
void fl_pg_bool(struct fl_pg_job *job, bool value) { pg_job_bool(job, value); }
void fl_pg_int2(struct fl_pg_job *job, int16_t value) { pg_job_int2(job, value); }
void fl_pg_int4(struct fl_pg_job *job, int32_t value) { pg_job_int4(job, value); }
void fl_pg_int8(struct fl_pg_job *job, int64_t value) { pg_job_int8(job, value); }
void fl_pg_real4(struct fl_pg_job *job, double value) { pg_job_real4(job, value); }
void fl_pg_real8(struct fl_pg_job *job, double value) { pg_job_real8(job, value); }
void fl_pg_text(struct fl_pg_job *job, const char *text, size_t length) { pg_job_text(job, text, length); }
void fl_pg_jsonb(struct fl_pg_job *job, const char *text, size_t length) { pg_job_jsonb(job, text, length); }
void fl_pg_time(struct fl_pg_job *job, int64_t ns) { pg_job_time(job, ns); }
int fl_pg_statements(const struct fl_pg_job *job) { return pg_job_statements(job); }
size_t fl_pg_job_bytes(const struct fl_pg_job *job) { return pg_job_bytes(job); }
void fl_pg_drop(struct fl_pg_job *job) { pg_drop(job); }
/* clang-format on */
