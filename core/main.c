/*
 * main.c: verbs to their files, exit codes.
 */
#include "cli.h"
#include "image.h"
#include "process.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const struct verb *const verbs[] = { &verb_run, &verb_check, &verb_status, &verb_plugins,
	&verb_journal, &verb_migrate, &verb_audit, &verb_backfill, &verb_release };

enum { PROBE_SECONDS = 2 * IMAGE_PROBE_MS / 1000 }; /* for when the one who waits has died */

static void print_help(FILE *to)
{
	fprintf(
		to, "usage: feedloom VERB [OPTIONS]\n\nKeeps a complete record of options markets.\n\n");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		fprintf(to, "  %-9s %s\n", verbs[i]->name, verbs[i]->summary);
	fprintf(to,
		"\nfeedloom VERB --help says more. Exit codes: 0 fine, 1 a check found something, 64 usage,\n"
		"69 unavailable, 70 internal, 73 cannot create, 74 I/O, 78 configuration.\n");
}

/*
 * Not for people: how a plugin without seal is tried (image.c). What it does to this process does
 * not matter; at the end nothing runs that it has registered.
 */
static _Noreturn void probe_plugin(const char *path)
{
	struct image *image;
	char problem[512];

	process_make_expendable(PROBE_SECONDS);
	if (image_open(path, NULL, &image, problem, sizeof(problem)) == 0)
		process_end(EX_OK);
	puts(problem);
	(void)fflush(stdout);
	process_end(1);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return EX_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return EX_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("feedloom " FEEDLOOM_VERSION);
		return EX_OK;
	}
	if (argc == 3 && strcmp(argv[1], "--probe-plugin") == 0)
		probe_plugin(argv[2]);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (strcmp(argv[1], verbs[i]->name) == 0)
			return verbs[i]->run(argc - 2, argv + 2);
	fprintf(stderr, "feedloom: no such verb: %s\n\n", argv[1]);
	print_help(stderr);
	return EX_USAGE;
}
