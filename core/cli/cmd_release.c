#include "cli.h"
#include "error.h"
#include "quarantine.h"
#include "settings.h"

#include <stdio.h>
#include <sysexits.h>

static int release(const char *folder, const char *instance)
{
	int crashes = quarantine_forget(folder, instance);

	if (crashes < 0 && crashes != -ENOENT) {
		fprintf(stderr, "%s.crash: %s\n", folder, error_text(crashes));
		return EX_IOERR;
	}
	if (crashes <= 0) {
		fprintf(stderr, "%s: no crash of it is known in %s.crash\n", instance, folder);
		return 1;
	}
	printf("%s: %d crashes are forgotten; it starts with the daemon, or when a running one gets "
		   "SIGHUP\n",
		instance, crashes);
	return EX_OK;
}

static int run(int argc, char **argv)
{
	struct config *config = NULL;
	struct settings settings = { 0 };
	struct config_errors errors;
	struct cli_args args;
	struct paths paths;
	int code;

	if (!cli_parse(&verb_release, argc, argv, NULL, &args, &code))
		return code;
	if (args.rest_count != 1) {
		fputs("feedloom release: which instance? see feedloom release --help\n", stderr);
		return EX_USAGE;
	}
	code = cli_load(&args, &config);
	if (code != EX_OK)
		return code;
	paths_find(args.state, &paths);
	config_errors_init(&errors);
	code = EX_CONFIG;
	if (settings_load(config->root, paths.state, &errors, &settings) == 0)
		code = release(settings.journal->folder, args.rest[0]);
	cli_print_errors(&errors);
	config_errors_finish(&errors);
	settings_finish(&settings);
	paths_finish(&paths);
	config_destroy(config);
	return code;
}

const struct verb verb_release = {
	.name = "release",
	.rest_max = 1,
	.summary = "let an instance out of quarantine",
	.help =
		"usage: feedloom release INSTANCE [-c FILE] [-d DIR]\n\n"
		"Forgets the crashes for which an instance is not started any more. A running daemon\n"
		"starts it when it gets SIGHUP; POST /v1/streaming/start does both at once, unless it is\n"
		"the control service itself that is in quarantine. Exit 1: no crash of it is known.\n",
	.run = run,
};
