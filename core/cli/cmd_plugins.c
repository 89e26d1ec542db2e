#include "cli.h"
#include "command.h"
#include "image.h"
#include "options.h"
#include "plugins_running.h"
#include "plugins_seal.h"
#include "settings.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const char *const roles[] = { "", "feed", "sink", "service" };

static void print_line(void *data, const char *name, const char *path)
{
	const struct image_folders *folders = data;
	struct image *image;
	char problem[512];

	if (image_open(path, folders->rules, &image, problem, sizeof(problem)) < 0) {
		printf("%-16s cannot be loaded: %s: %s\n", name, path, problem);
		return;
	}
	printf("%-16s %-8s %-8s %-10s %s\n", name, roles[image_plugin(image)->role],
		image_plugin(image)->version, image_is_sealed(image) ? "sealed" : "not sealed",
		image_plugin(image)->summary == NULL ? "" : image_plugin(image)->summary);
	image_close(image);
}

static void print_commands(const struct fl_command_info *info)
{
	if (info == NULL || info->name == NULL)
		return;
	printf("\ncommands:\n");
	for (; info->name != NULL; info++)
		printf("  %-16s %s\n", info->name, info->help);
}

static int print_core(void)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	(void)settings_print(&text);
	printf("core: what every configuration may say\n\n%s", buf_string(&text));
	buf_finish(&text);
	print_commands(core_commands());
	return EX_OK;
}

static int print_plugin(const struct image_folders *folders, const char *name)
{
	const struct fl_plugin *plugin;
	struct image *image;
	struct buf text;
	char path[4096], problem[512];

	if (strcmp(name, "core") == 0)
		return print_core();
	if (image_find(folders, name, path, sizeof(path)) < 0) {
		fprintf(stderr, "there is no plugin %s; feedloom plugins lists them\n", name);
		return EX_UNAVAILABLE;
	}
	if (image_open(path, folders->rules, &image, problem, sizeof(problem)) < 0) {
		fprintf(stderr, "%s: %s\n", path, problem);
		return EX_UNAVAILABLE;
	}
	plugin = image_plugin(image);
	printf("%s %s, a %s: %s\n%s, %s\n", plugin->name, plugin->version, roles[plugin->role],
		plugin->summary == NULL ? "" : plugin->summary, path,
		image_is_sealed(image) ? "sealed" : "not sealed");
	buf_init(&text, 1 << 20);
	if (plugin->options != NULL && options_print(plugin->options, &text) == 0)
		printf("\noptions:\n%s", buf_string(&text));
	buf_finish(&text);
	print_commands(plugin->commands);
	image_close(image);
	return EX_OK;
}

/* The drop-in folder comes from the configuration, if there is one that can be read. */
static void add_drop_in(const struct cli_args *args, struct paths *paths)
{
	struct config *config = NULL;
	struct settings settings = { 0 };
	struct config_errors errors;

	config_errors_init(&errors);
	if (config_load(args->config_file, NULL, &errors, &config) == 0 &&
		settings_load(config->root, paths->state, &errors, &settings) == 0)
		paths_take(paths, settings.plugins);
	settings_finish(&settings);
	config_destroy(config);
	config_errors_finish(&errors);
}

static int run(int argc, char **argv)
{
	bool is_running = false, is_sealing = false;
	const char *address = NULL;
	const struct cli_flag flags[] = { { "--seal", &is_sealing, NULL },
		{ "--running", &is_running, NULL }, { "--address", NULL, &address }, { 0 } };
	struct cli_args args;
	struct paths paths;
	struct image_folders folders;
	int code;

	if (!cli_parse(&verb_plugins, argc, argv, flags, &args, &code))
		return code;
	if (is_sealing)
		return plugins_seal(args.rest);
	if (args.rest_count > 1) {
		fputs("feedloom plugins: one NAME at a time; see feedloom plugins --help\n", stderr);
		return EX_USAGE;
	}
	if (is_running || address != NULL)
		return plugins_running(&args, address);
	paths_find(args.state, &paths);
	add_drop_in(&args, &paths);
	folders = paths_folders(&paths);
	code = EX_OK;
	if (args.rest_count == 0)
		image_list(&folders, print_line, &folders);
	else
		code = print_plugin(&folders, args.rest[0]);
	paths_finish(&paths);
	return code;
}

const struct verb verb_plugins = {
	.name = "plugins",
	.rest_max = 1000,
	.summary = "list the plugins, or print the reference of one",
	.help =
		"usage: feedloom plugins [-c FILE] [-d DIR] [NAME]\n"
		"       feedloom plugins --running [-c FILE] [-d DIR] [--address HOST:PORT]\n"
		"       feedloom plugins --seal FILE...\n\n"
		"Without NAME: every plugin there is. With NAME: its options and commands; `core` is the\n"
		"program's own part.\n\n"
		"  --running            what the running daemon has loaded: version, build, instances,\n"
		"                       reloads; exit 1: the last reload of one failed; 69: no daemon\n"
		"  --seal               ends each FILE, a plugin just built, in a SHA-256 of itself, so that a\n"
		"                       damaged or half-written one is never loaded; after strip and whatever\n"
		"                       else changes it; exit 1: one is no plugin file, 74: cannot be written\n"
		"  --address HOST:PORT  where its control service listens, when not as configured\n",
	.run = run,
};
