#include "cli.h"
#include "pg_once.h"
#include "stores.h"

#include <stdio.h>
#include <sysexits.h>

static int exit_code(int error)
{
	switch (error) {
	case 0: return EX_OK;
	case -EPROTO:
	case -EBADMSG:
	case -EEXIST:
	case -EINVAL: return EX_CONFIG;
	case -EACCES:
	case -EROFS:
	case -EMEDIUMTYPE: return EX_CANTCREAT;
	case -EAGAIN:
	case -EBUSY:
	case -ECONNREFUSED:
	case -ENOTCONN:
	case -ETIMEDOUT: return EX_UNAVAILABLE;
	default: return EX_IOERR;
	}
}

struct migrating {
	enum migrate_mode mode;
	enum migrate_older older;
	int worst; /* exit code */
};

static int bring_up(const struct migrating *migrating, const struct store *store,
	struct buf *report, struct buf *why)
{
	struct fl_pg_options options = { .url = store->url,
		.application = "feedloom migrate",
		.statement_timeout_ns = FL_DAY, /* of our patience: taking over a large table */
		.search_path = store->search_path };
	struct migrate_pg_setup setup = { .folder = store->folder,
		.search_path = store->search_path,
		.mode = migrating->mode,
		.older = migrating->older };

	if (store->kind == STORE_POSTGRESQL)
		return migrate_pg(&options, &setup, report, why);
	if (migrating->older == OLDER_REFUSE)
		return migrate_sqlite(store->where, store->folder, migrating->mode, report, NULL, why);
	(void)buf_text(report, "nothing to adopt: a file is feedloom's alone\n");
	return 0;
}

static int migrate_one(void *data, const struct store *store)
{
	struct migrating *migrating = data;
	struct buf report, why;
	int result;

	buf_init(&report, 1 << 20);
	buf_init(&why, 1 << 16);
	result = bring_up(migrating, store, &report, &why);
	printf("%s: %s\n%s", store->sink, store->where, buf_string(&report));
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", store->sink, buf_string(&why));
		migrating->worst = exit_code(result);
	}
	buf_finish(&report);
	buf_finish(&why);
	return 0;
}

static int run(int argc, char **argv)
{
	bool is_dry = false, is_status = false, is_adopt = false, is_unadopt = false;
	const struct cli_flag flags[] = { { "--dry-run", &is_dry, NULL },
		{ "--status", &is_status, NULL }, { "--adopt", &is_adopt, NULL },
		{ "--unadopt", &is_unadopt, NULL }, { 0 } };
	struct migrating migrating = { 0 };
	struct config *config = NULL;
	struct cli_args args;
	struct paths paths;
	int code, count;

	if (!cli_parse(&verb_migrate, argc, argv, flags, &args, &code))
		return code;
	if (is_dry + is_status > 1 || is_adopt + is_unadopt > 1 ||
		(is_unadopt && is_dry + is_status > 0)) {
		fprintf(stderr, "feedloom migrate: these options exclude one another\n");
		return EX_USAGE;
	}
	code = cli_load(&args, &config);
	if (code != EX_OK)
		return code;
	paths_find(args.state, &paths);
	migrating.mode = is_status ? MIGRATE_STATUS : is_dry ? MIGRATE_DRY_RUN : MIGRATE_APPLY;
	migrating.older = is_adopt ? OLDER_ADOPT : is_unadopt ? OLDER_RESTORE : OLDER_REFUSE;
	(void)stores_each(&paths, config->root, migrate_one, &migrating, &count);
	if (count == 0)
		printf("no sink of this configuration has a schema\n");
	paths_finish(&paths);
	config_destroy(config);
	return migrating.worst;
}

const struct verb verb_migrate = {
	.name = "migrate",
	.summary = "bring the schema of the stores up to date",
	.help =
		"usage: feedloom migrate [-c FILE] [-d DIR] [--dry-run|--status] [--adopt|--unadopt]\n\n"
		"Applies what schema/ has and a store lacks; sinks do the same when they start.\n\n"
		"  --dry-run  says what would be applied\n"
		"  --status   says every version: when it was applied, or that it is pending\n"
		"  --adopt    PostgreSQL: tables of other programs that have feedloom's names are renamed to\n"
		"             NAME_older; the rows of instrument_metadata and lifecycle_events are taken over,\n"
		"             the views show history and present; one transaction, nothing is deleted\n"
		"  --unadopt  gives them their names back; what feedloom has stored moves to the schema\n"
		"             feedloom: `schema: feedloom` in the sink's options goes on with it\n",
	.run = run,
};
