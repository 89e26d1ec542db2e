/*
 * settings.h: the core's own sections of the configuration: log, journal, plugins.
 */
#ifndef HOST_SETTINGS_H
#define HOST_SETTINGS_H

#include "tree.h"
#include <feedloom/plugin.h>

struct log_settings {
	int level;  /* enum fl_level */
	int format; /* enum log_format */
	const char *file;
	int64_t max_bytes, keep;
};

struct journal_settings {
	const char *folder;
	int64_t max_bytes, sync_ns, keep_ns;
};

struct plugin_settings {
	const char *folder;
	bool needs_seal;
};

struct settings {
	struct log_settings *log;
	struct journal_settings *journal;
	struct plugin_settings *plugins;
};

/** Reads the three sections and checks the names of the top level. 0, or -EINVAL with errors. */
int settings_load(const struct node *root, const char *state_folder, struct config_errors *errors,
	struct settings *out);
void settings_finish(struct settings *settings);
/** The reference of the three sections, for `feedloom plugins core`. */
int settings_print(struct buf *to);

#endif
