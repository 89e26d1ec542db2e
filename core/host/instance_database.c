/*
 * instance_database.c: an instance's databases by number, of either kind, from their opening to
 * their end.
 */
#include "host.h"
#include "instance_parts.h"
#include "kept.h"
#include "migrate_pg.h"
#include "pg.h"
#include "sqlite.h"

#include <stdlib.h>

struct instance_database *instance_database_find(const struct fl_ctx *ctx, int number)
{
	return map_get_number(ctx->databases, (uint64_t)number);
}

void instance_database_on_result(void *data, int number, const struct fl_result *result)
{
	struct instance_database *entry = data;

	instance_on_result(entry->owner, entry->number, number, result);
}

struct instance_database *instance_database_add(struct fl_ctx *ctx, int number)
{
	struct instance_database *entry = calloc(1, sizeof(*entry));

	instance_database_close(ctx, number);
	if (entry == NULL)
		return NULL;
	*entry = (struct instance_database){ .owner = ctx, .number = number, .life = ctx->life };
	if (map_set_number(ctx->databases, (uint64_t)number, entry) == 0)
		return entry;
	free(entry);
	return NULL;
}

/* A closed database leaves the table at once, so that its number is free; the host waits for its
 * file. */
static void on_closed(void *data)
{
	struct host *host = data;

	host->databases_closing--;
}

void instance_database_close(struct fl_ctx *ctx, int number)
{
	struct instance_database *entry = map_remove_number(ctx->databases, (uint64_t)number);

	if (entry == NULL)
		return;
	if (entry->sqlite != NULL) {
		ctx->host->databases_closing++;
		sqlite_close(entry->sqlite, on_closed, ctx->host);
	}
	pg_close(entry->pg);
	migrate_pg_destroy(entry->migrate);
	free(entry->schema);
	free(entry->search_path);
	free(entry);
}

static int run_close(struct fl_ctx *ctx, const struct kept_call *call)
{
	instance_database_close(ctx, call->number);
	return 0;
}

void instance_database_close_in_turn(struct fl_ctx *ctx, int number)
{
	if (kept_is_on(ctx))
		(void)kept_add(ctx, &(struct kept_call){ .run = run_close, .number = number });
	else
		instance_database_close(ctx, number);
}

bool instance_databases_are_idle(const struct fl_ctx *ctx)
{
	struct instance_database *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->databases, &at, NULL, NULL)) != NULL)
		if ((entry->sqlite != NULL && sqlite_pending(entry->sqlite) > 0) ||
			(entry->pg != NULL && pg_pending(entry->pg) > 0))
			return false;
	return true;
}

void instance_databases_sweep(struct fl_ctx *ctx)
{
	struct instance_database *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->databases, &at, NULL, NULL)) != NULL)
		if (entry->life != ctx->life)
			instance_database_close(ctx, entry->number);
}

void instance_databases_close(struct fl_ctx *ctx)
{
	struct instance_database *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->databases, &at, NULL, NULL)) != NULL)
		instance_database_close(ctx, entry->number);
}
