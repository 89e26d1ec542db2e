/*
 * cli.h: what the verbs share: options of the command line, help, the configuration.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "config_errors.h"
#include "load.h"
#include "paths.h"

/** One verb. `run` gets what stands behind the verb and returns an exit code (sysexits). */
struct verb {
	const char *name, *summary;
	const char *help; /* all of `feedloom VERB --help` but the common options */
	int rest_max;     /* words that are no options */
	int (*run)(int argc, char **argv);
};

extern const struct verb verb_run, verb_check, verb_migrate, verb_status, verb_plugins,
	verb_journal, verb_audit, verb_backfill, verb_release;

/** The options that most verbs take: -c FILE, -d DIR; and a verb's own flags. */
struct cli_flag {
	const char *name;   /* "--connect"; NULL ends a table */
	bool *set;          /* for a flag without value */
	const char **value; /* for one with */
};

struct cli_args {
	const char *config_file; /* -c, else the default that is there */
	const char *state;       /* -d */
	const char *const *rest; /* what is no option, NULL-terminated */
	int rest_count;
};

/**
 * Parses; prints help (exit code EX_OK) or what is wrong with it (EX_USAGE).
 * @return true: go on; false: return `*code`
 */
bool cli_parse(const struct verb *verb, int argc, char **argv, const struct cli_flag *flags,
	struct cli_args *out, int *code);

/** Loads the configuration, printing every mistake. EX_OK or EX_CONFIG. */
int cli_load(const struct cli_args *args, struct config **out);

/** Prints `FILE:LINE:COL: message` lines to standard error. */
void cli_print_errors(struct config_errors *errors);

#endif
