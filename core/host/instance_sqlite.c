/* instance_sqlite.c: <feedloom/sqlite.h> for plugins, and the results of all databases. */
#include "host.h"
#include "instance_parts.h"
#include "kept.h"
#include "sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void resolve_path(const struct fl_ctx *ctx, const char *path, char *out, size_t size)
{
	if (path[0] == '/' || path[0] == ':' || ctx->host->parts.state_folder[0] == '\0')
		snprintf(out, size, "%s", path);
	else
		snprintf(out, size, "%s/%s", ctx->host->parts.state_folder, path);
}

/* The new code of a reloaded plugin gets its answer as if it had opened the database itself. */
static int adopt(struct instance_database *entry)
{
	struct fl_sqlite_job *job = sqlite_job(entry->sqlite);

	return job == NULL ? -ENOMEM : sqlite_run(entry->sqlite, job, 0);
}

static int run_open(struct fl_ctx *ctx, const struct kept_call *call)
{
	struct fl_sqlite_options options;

	memcpy(&options, call->data, sizeof(options));
	options.path = call->texts[0];
	options.schema = call->texts[1];
	return fl_sqlite_open(ctx, call->number, &options);
}

int fl_sqlite_open(struct fl_ctx *ctx, int number, const struct fl_sqlite_options *options)
{
	struct instance_database *entry = instance_database_find(ctx, number);
	struct sqlite_owner owner = { .on_result = instance_database_on_result };
	struct sqlite_setup setup = { .fast = options->fast,
		.read_only = options->read_only,
		.busy_timeout_ns = options->busy_timeout_ns };
	char path[4096], schema[4096];
	int result;

	if (ctx->phase != INSTANCE_RUNNING)
		return -ECANCELED;
	if (kept_is_on(ctx))
		return kept_add(ctx,
			&(struct kept_call){ .run = run_open,
				.number = number,
				.data = options,
				.length = sizeof(*options),
				.texts = (const char *const[]){ options->path, options->schema },
				.text_count = 2 });
	if (entry != NULL)
		entry->life = ctx->life;
	resolve_path(ctx, options->path, path, sizeof(path));
	if (entry != NULL && entry->sqlite != NULL && strcmp(sqlite_path(entry->sqlite), path) == 0 &&
		!sqlite_is_failed(entry->sqlite))
		return sqlite_is_open(entry->sqlite) ? adopt(entry) : 0; /* its answer is still to come */
	entry = instance_database_add(ctx, number);
	if (entry == NULL)
		return -ENOMEM;
	owner.data = entry;
	setup.path = path;
	if (options->schema != NULL) {
		snprintf(schema, sizeof(schema), "%s/%s", ctx->host->parts.schema_folder, options->schema);
		setup.schema_folder = schema;
	}
	result = sqlite_open(ctx->host->parts.loop, &setup, &owner, &entry->sqlite);
	if (result == 0)
		return 0;
	map_remove_number(ctx->databases, (uint64_t)number);
	free(entry);
	return result;
}

void fl_sqlite_close(struct fl_ctx *ctx, int number)
{
	instance_database_close_in_turn(ctx, number);
}

struct fl_sqlite_job *fl_sqlite_job(struct fl_ctx *ctx, int number)
{
	struct instance_database *entry = instance_database_find(ctx, number);

	return entry == NULL || entry->sqlite == NULL ? NULL : sqlite_job(entry->sqlite);
}

static int run_job(struct fl_ctx *ctx, const struct kept_call *call)
{
	return fl_sqlite_run(ctx, call->own, call->number);
}

static void drop_job(const struct kept_call *call)
{
	sqlite_job_drop(call->own);
}

int fl_sqlite_run(struct fl_ctx *ctx, struct fl_sqlite_job *job, int number)
{
	struct sqlite *sqlite = sqlite_job_session(job);
	struct instance_database *entry;
	size_t at = 0;

	if (kept_is_on(ctx))
		return kept_add(ctx,
			&(struct kept_call){ .run = run_job, .drop = drop_job, .number = number, .own = job });
	while (sqlite != NULL && (entry = map_next(ctx->databases, &at, NULL, NULL)) != NULL)
		if (entry->sqlite == sqlite)
			return sqlite_run(sqlite, job, number);
	sqlite_job_drop(job);
	return -ENOTCONN;
}

int fl_sqlite_disk(const struct fl_ctx *ctx, int number, int64_t *free_bytes, int64_t *total_bytes,
	int64_t *file_bytes)
{
	struct instance_database *entry = instance_database_find(ctx, number);

	return entry == NULL || entry->sqlite == NULL
		? -ENOTCONN
		: sqlite_disk(entry->sqlite, free_bytes, total_bytes, file_bytes);
}

/* clang-format off */
int fl_sqlite_statement(struct fl_sqlite_job *job, const char *sql, unsigned flags) { return sqlite_job_statement(job, sql, flags); }
int fl_sqlite_or_else(struct fl_sqlite_job *job, const char *sql) { return sqlite_job_or_else(job, sql); }
void fl_sqlite_null(struct fl_sqlite_job *job) { sqlite_job_null(job); }
void fl_sqlite_int(struct fl_sqlite_job *job, int64_t value) { sqlite_job_int(job, value); }
void fl_sqlite_real(struct fl_sqlite_job *job, double value) { sqlite_job_real(job, value); }
void fl_sqlite_text(struct fl_sqlite_job *job, const char *text, size_t length) { sqlite_job_text(job, text, length); }
void fl_sqlite_changes(struct fl_sqlite_job *job, int statement) { sqlite_job_changes(job, statement); }
void fl_sqlite_refused(struct fl_sqlite_job *job, int statement) { sqlite_job_refused(job, statement); }
void fl_sqlite_row_end(struct fl_sqlite_job *job) { sqlite_job_row_end(job); }
size_t fl_sqlite_job_bytes(const struct fl_sqlite_job *job) { return sqlite_job_bytes(job); }
void fl_sqlite_drop(struct fl_sqlite_job *job) { sqlite_job_drop(job); }
double fl_result_real(const struct fl_result *result, size_t row, size_t column) { return result_real(result, row, column); }
int64_t fl_result_int(const struct fl_result *result, size_t row, size_t column) { return result_int(result, row, column); }
const char *fl_result_text(const struct fl_result *result, size_t row, size_t column) { return result_text(result, row, column); }
void fl_result_refused(const struct fl_result *result, size_t i, int *statement, size_t *row, const char **reason) { result_refused(result, i, statement, row, reason); }
/* clang-format on */
