#include "cli.h"
#include "error.h"
#include "journal_inspect.h"
#include "settings.h"
#include <feedloom/kit.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct walk {
	int damaged;
	uint64_t records, counts[FL_KIND_COUNT];
	int64_t bytes;
	int64_t oldest_ns, newest_ns;
	int segments;
	uint64_t missing;
	struct buf line;
};

static void time_text(int64_t ns, char out[40])
{
	if (ns == 0)
		snprintf(out, 40, "-");
	else
		fl_time_print(out, ns, 3);
}

static void add_up(struct walk *walk, const struct journal_segment_info *info)
{
	walk->segments++;
	walk->bytes += info->file_bytes;
	walk->missing += info->missing_before;
	walk->damaged += info->finding != JOURNAL_WHOLE && info->finding != JOURNAL_TORN;
	for (int kind = 0; kind < FL_KIND_COUNT; kind++) {
		walk->counts[kind] += info->counts[kind];
		walk->records += info->counts[kind];
	}
	if (info->first_received_ns != 0 &&
		(walk->oldest_ns == 0 || info->first_received_ns < walk->oldest_ns))
		walk->oldest_ns = info->first_received_ns;
	if (info->last_received_ns > walk->newest_ns)
		walk->newest_ns = info->last_received_ns;
}

static void on_segment(void *data, const struct journal_segment_info *info)
{
	char from[40], to[40];

	add_up(data, info);
	time_text(info->first_received_ns, from);
	time_text(info->last_received_ns, to);
	printf("%s  generation %" PRIu32 "  records %" PRIu64 " to %" PRIu64 "  %s to %s  %s%s%s\n",
		info->name, info->generation, info->first_number, info->last_number, from, to,
		journal_finding_name(info->finding), *info->detail != '\0' ? ": " : "", info->detail);
	if (info->missing_before > 0)
		printf("  %" PRIu64 " numbers are missing before it\n", info->missing_before);
}

static void print_sum(const struct walk *walk)
{
	char from[40], to[40];

	time_text(walk->oldest_ns, from);
	time_text(walk->newest_ns, to);
	printf("%d segments, %" PRId64 " bytes, %" PRIu64 " records, %s to %s\n", walk->segments,
		walk->bytes, walk->records, from, to);
	for (unsigned kind = 1; kind < FL_KIND_COUNT; kind++)
		if (walk->counts[kind] > 0)
			printf("  %-14s %" PRIu64 "\n", fl_kind_name(kind), walk->counts[kind]);
}

static int dump_record(void *data, const struct fl_record *record, uint64_t number,
	uint32_t generation, const struct record_names *names)
{
	struct walk *walk = data;

	(void)generation;
	buf_clear(&walk->line, 65536);
	record_print(record, number, names, &walk->line);
	return fwrite(buf_bytes(&walk->line), 1, buf_length(&walk->line), stdout) ==
			buf_length(&walk->line)
		? 0
		: -EPIPE;
}

static int inspect(const char *folder, const char *what)
{
	struct walk walk = { 0 };
	struct journal_visitor visitor = { .on_segment = on_segment, .data = &walk };
	bool is_dump = strcmp(what, "dump") == 0;
	int result;

	buf_init(&walk.line, 8 << 20);
	if (is_dump)
		visitor = (struct journal_visitor){ .on_record = dump_record, .data = &walk };
	result = journal_inspect(folder, &visitor);
	buf_finish(&walk.line);
	if (result < 0 && result != -EPIPE) {
		fprintf(stderr, "%s: %s; `journal: { dir }` or -d names another folder\n", folder,
			error_text(result));
		return result == -ENOENT ? EX_NOINPUT : EX_IOERR;
	}
	if (!is_dump)
		print_sum(&walk);
	if (strcmp(what, "verify") == 0)
		printf("%s\n",
			walk.damaged > 0
				? "damaged: what is named above is lost; the rest is read at the next start"
				: "whole");
	return strcmp(what, "verify") == 0 && walk.damaged > 0 ? 1 : EX_OK;
}

/* The folder of the journal, without asking more of the configuration than that. */
static int with_folder(const struct cli_args *args, const char *what)
{
	struct config *config = NULL;
	struct settings settings = { 0 };
	struct config_errors errors;
	struct paths paths;
	int code = cli_load(args, &config);

	if (code != EX_OK)
		return code;
	paths_find(args->state, &paths);
	config_errors_init(&errors);
	code = EX_CONFIG;
	if (settings_load(config->root, paths.state, &errors, &settings) == 0)
		code = inspect(settings.journal->folder, what);
	else
		cli_print_errors(&errors);
	config_errors_finish(&errors);
	settings_finish(&settings);
	paths_finish(&paths);
	config_destroy(config);
	return code;
}

static int run(int argc, char **argv)
{
	static const char *const words[] = { "info", "verify", "dump" };
	struct cli_args args;
	int code;

	if (!cli_parse(&verb_journal, argc, argv, NULL, &args, &code))
		return code;
	for (size_t i = 0; args.rest_count == 1 && i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(args.rest[0], words[i]) == 0)
			return with_folder(&args, words[i]);
	fprintf(stderr, "feedloom journal: info, verify or dump? see feedloom journal --help\n");
	return EX_USAGE;
}

const struct verb verb_journal = {
	.name = "journal",
	.rest_max = 1,
	.summary = "look at the journal: info, verify, dump",
	.help = "usage: feedloom journal info|verify|dump [-c FILE] [-d DIR]\n\n"
			"  info    segments, records by kind, times\n"
			"  verify  the same; exit 1 where something is damaged\n"
			"  dump    every record as a line of JSON\n\n"
			"Also while a daemon runs.\n",
	.run = run,
};
