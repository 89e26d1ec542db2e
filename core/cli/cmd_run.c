#include "cli.h"
#include "daemon.h"

#include <sysexits.h>

static int run(int argc, char **argv)
{
	const char *user = NULL;
	const struct cli_flag flags[] = { { "--user", NULL, &user }, { 0 } };
	struct cli_args args;
	struct paths paths;
	struct daemon_setup setup;
	int code;

	if (!cli_parse(&verb_run, argc, argv, flags, &args, &code))
		return code;
	paths_find(args.state, &paths);
	setup = (struct daemon_setup){ .config_file = args.config_file, .paths = &paths, .user = user };
	code = daemon_run(&setup);
	paths_finish(&paths);
	return code;
}

const struct verb verb_run = {
	.name = "run",
	.summary = "collect until SIGTERM",
	.help =
		"usage: feedloom run [-c FILE] [-d DIR] [--user NAME]\n\n"
		"Collects what the configuration names, in the foreground. SIGTERM and SIGINT stop it in\n"
		"order (feeds, then stores, exit 0); SIGHUP reads the configuration again.\n\n"
		"  --user NAME  become that user once started (as root)\n",
	.run = run,
};
