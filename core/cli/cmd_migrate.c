#include "cli.h"
#include "log.h"
#include "migrate.h"
#include "settings.h"

#include <stdio.h>
#include <string.h>
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

static int migrate_one(
	const char *name, const char *path, const char *folder, enum migrate_mode mode)
{
	struct buf report, why;
	int result;

	buf_init(&report, 1 << 20);
	buf_init(&why, 1 << 16);
	result = migrate_sqlite(path, folder, mode, &report, NULL, &why);
	printf("%s: %s\n%s", name, path, buf_string(&report));
	if (result < 0)
		fprintf(stderr, "%s: %s\n", name, buf_string(&why));
	buf_finish(&report);
	buf_finish(&why);
	return exit_code(result);
}

static void resolve(const struct paths *paths, const char *path, char *out, size_t size)
{
	if (path[0] == '/')
		snprintf(out, size, "%s", path);
	else
		snprintf(out, size, "%s/%s", paths->state, path);
}

static int migrate_all(const struct paths *paths, const struct node *root, enum migrate_mode mode)
{
	const struct node *sinks = node_find(root, "sinks"), *sink;
	char path[8300], folder[4200];
	int worst = EX_OK, found = 0;

	snprintf(folder, sizeof(folder), "%s/sqlite", paths->schema);
	node_each (sink, sinks) {
		int code;

		if (strcmp(node_text(sink, "plugin", sink->key), "sink_sqlite") != 0)
			continue;
		resolve(paths, node_text(sink, "path", "var/feedloom.db"), path, sizeof(path));
		code = migrate_one(sink->key, path, folder, mode);
		worst = code != EX_OK ? code : worst;
		found++;
	}
	if (found == 0)
		printf("no sink of this configuration has a schema\n");
	return worst;
}

static int run(int argc, char **argv)
{
	bool is_dry = false, is_status = false;
	const struct cli_flag flags[] = { { "--dry-run", &is_dry, NULL },
		{ "--status", &is_status, NULL }, { 0 } };
	struct config *config = NULL;
	struct cli_args args;
	struct paths paths;
	int code;

	if (!cli_parse(&verb_migrate, argc, argv, flags, &args, &code))
		return code;
	code = cli_load(&args, &config);
	if (code != EX_OK)
		return code;
	paths_find(args.state, &paths);
	code = migrate_all(&paths, config->root,
		is_status    ? MIGRATE_STATUS
			: is_dry ? MIGRATE_DRY_RUN
					 : MIGRATE_APPLY);
	paths_finish(&paths);
	config_destroy(config);
	return code;
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
