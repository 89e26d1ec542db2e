#include "cli.h"
#include "host.h"
#include "log.h"
#include "plan.h"
#include "settings.h"

#include <stdio.h>
#include <sysexits.h>

struct connecting {
	struct loop *loop;
	int failed;
};

static void on_line(void *data, const char *line)
{
	(void)data;
	puts(line);
	(void)fflush(stdout);
}

static void on_done(void *data, int failed)
{
	struct connecting *connecting = data;

	connecting->failed = failed;
	loop_stop(connecting->loop);
}

/* Opens every feed and store once, in a host without a bus. */
static int connect_all(
	const struct paths *paths, const struct node *root, struct config_errors *errors)
{
	struct connecting connecting = { 0 };
	struct host_parts parts = { .folders = paths_folders(paths),
		.state_folder = paths->state,
		.schema_folder = paths->schema };
	struct host *host;
	int code = EX_UNAVAILABLE;

	if (loop_open(&connecting.loop) < 0)
		return code;
	parts.loop = connecting.loop;
	parts.metrics = metrics_create();
	if (parts.metrics == NULL || host_open(&parts, &host) < 0)
		goto destroy_metrics;
	/* The lines below say what failed; the log would say it twice. */
	log_setup(FL_ERROR, LOG_TEXT);
	if (host_probe(host, root, errors, on_line, on_done, &connecting) == 0) {
		loop_run(connecting.loop);
		code = connecting.failed > 0 ? EX_UNAVAILABLE : EX_OK;
	}
	host_close(host);
destroy_metrics:
	metrics_destroy(parts.metrics);
	loop_close(connecting.loop);
	return code;
}

static int check_instances(
	const struct paths *paths, const struct node *root, struct config_errors *errors)
{
	struct plan plan;
	struct image_folders folders = paths_folders(paths);
	int result = plan_make(&folders, paths->state, root, errors, &plan);

	plan_finish(&plan);
	return result;
}

static int check(const struct cli_args *args, bool is_connecting)
{
	struct config *config = NULL;
	struct settings settings = { 0 };
	struct config_errors errors;
	struct paths paths;
	int code = EX_CONFIG;

	paths_find(args->state, &paths);
	config_errors_init(&errors);
	if (config_load(args->config_file, NULL, &errors, &config) == 0) {
		if (settings_load(config->root, paths.state, &errors, &settings) == 0)
			paths_take(&paths, settings.plugins);
		(void)check_instances(&paths, config->root, &errors);
	}
	if (config_errors_total(&errors) == 0) {
		printf("%s: fine\n", args->config_file);
		code = is_connecting ? connect_all(&paths, config->root, &errors) : EX_OK;
	}
	cli_print_errors(&errors);
	config_errors_finish(&errors);
	settings_finish(&settings);
	config_destroy(config);
	paths_finish(&paths);
	return code;
}

static int run(int argc, char **argv)
{
	bool is_connecting = false;
	const struct cli_flag flags[] = { { "--connect", &is_connecting, NULL }, { 0 } };
	struct cli_args args;
	int code;

	if (!cli_parse(&verb_check, argc, argv, flags, &args, &code))
		return code;
	return check(&args, is_connecting);
}

const struct verb verb_check = {
	.name = "check",
	.summary = "check the configuration, and with --connect everything it names",
	.help = "usage: feedloom check [-c FILE] [-d DIR] [--connect]\n\n"
			"Prints every mistake as FILE:LINE:COLUMN: message. Exit 0: fine; 78: mistakes.\n\n"
			"  --connect  also opens every feed and store once, a line each with what it took;\n"
			"             exit 69 where one fails\n",
	.run = run,
};
