/*
 * load.h: a configuration from its files: main file, fragments, environment. Blocks on files: at
 * start, on SIGHUP (small local files) or from a worker.
 */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include "expand.h"
#include "tree.h"

struct config {
	struct tree *tree;
	struct node *root;        /* merged and expanded mapping */
	const char *file;         /* the main file, as given */
	const char *folder;       /* where fragments are looked for: "feedloom.d" beside it */
	const char *const *files; /* all that were read, main first; `file_count` */
	size_t file_count;
};

/**
 * Reads `file` and the fragments `feedloom.d/NAME.yaml` beside it in the order of their names,
 * merges, expands.
 *
 * @param source  NULL: the environment and files of this process
 * @return 0 with `*out`; -EINVAL: `errors` has all mistakes, `*out` is NULL; -ENOENT: no such main
 * file (also reported in `errors`); -ENOMEM
 */
int config_load(const char *file, const struct expand_source *source, struct config_errors *errors,
	struct config **out);
/** From memory, without fragments: for tests, --demo and defaults. `name` stands in places. */
int config_load_text(const char *name, const char *text, size_t length,
	const struct expand_source *source, struct config_errors *errors, struct config **out);
void config_destroy(struct config *config); /* takes NULL */

#endif
