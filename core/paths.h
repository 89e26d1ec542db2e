/*
 * paths.h: where things are: state, plugins, schema; beside the program when it runs from its
 * build.
 */
#ifndef PATHS_H
#define PATHS_H

#include "image.h"
#include "settings.h"

struct paths {
	char state[4096]; /* relative paths of the configuration begin here */
	char schema[4096];
	const char *folders[32]; /* of plugins; owned */
	size_t folder_count;
	struct image_rules rules;
};

/** `state`: -d's value or NULL. Always succeeds; folders that are not there are left out. */
void paths_find(const char *state, struct paths *out);
/** Puts the drop-in folder first, and takes the rules. */
void paths_take(struct paths *paths, const struct plugin_settings *settings);
/** Borrows the paths. */
struct image_folders paths_folders(const struct paths *paths);
void paths_finish(struct paths *paths);

#endif
