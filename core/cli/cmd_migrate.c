#include "cli.h"
#include "migrate.h"
#include "stores.h"

#include <stdio.h>
#include <sysexits.h>

static int exit_code(int error)
{
	switch (error) {
	case 0: return EX_OK;
	case -EPROTO:
	case -EINVAL: return EX_CONFIG;
	case -EACCES:
	case -EROFS:
	case -EMEDIUMTYPE: return EX_CANTCREAT;
	case -EAGAIN: return EX_UNAVAILABLE;
	default: return EX_IOERR;
	}
}

struct migrating {
	enum migrate_mode mode;
	int worst; /* exit code */
};

static int migrate_one(void *data, const struct store *store)
{
	struct migrating *migrating = data;
	struct buf report, why;
	int result;

	buf_init(&report, 1 << 20);
	buf_init(&why, 1 << 16);
	result = migrate_sqlite(store->where, store->folder, migrating->mode, &report, NULL, &why);
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
	bool is_dry = false, is_status = false;
	const struct cli_flag flags[] = { { "--dry-run", &is_dry, NULL },
		{ "--status", &is_status, NULL }, { 0 } };
	struct migrating migrating = { 0 };
	struct config *config = NULL;
	struct cli_args args;
	struct paths paths;
	int code, count;

	if (!cli_parse(&verb_migrate, argc, argv, flags, &args, &code))
		return code;
	code = cli_load(&args, &config);
	if (code != EX_OK)
		return code;
	paths_find(args.state, &paths);
	migrating.mode = is_status ? MIGRATE_STATUS : is_dry ? MIGRATE_DRY_RUN : MIGRATE_APPLY;
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
	.help = "usage: feedloom migrate [-c FILE] [-d DIR] [--dry-run|--status]\n\n"
			"Applies what schema/ has and a store lacks; sinks do the same when they start.\n\n"
			"  --dry-run  says what would be applied\n"
			"  --status   says every version: when it was applied, or that it is pending\n",
	.run = run,
};
