/*
 * options_fill.h: one option's node to its field. Shared by options.c and options_table.c.
 */
#ifndef CONFIG_OPTIONS_FILL_H
#define CONFIG_OPTIONS_FILL_H

#include "arena.h"
#include "options.h"

/** What one application of a table carries along. */
struct filling {
	struct arena *arena;
	const struct options_where *where;
	struct config_errors *errors;
	bool failed;
};

/**
 * Fills the field of any type but FL_GROUP.
 * @param name  as messages call it: "feeds.deribit.url"
 */
void options_fill(struct filling *filling, const struct fl_option *option, const char *name,
	const struct node *node, void *field);

/** The node of a preset, in `tree`; NULL: not readable or no memory. */
const struct node *options_preset(struct tree *tree, const struct fl_option *option);

/** "true or false", "duration", ...: what a value of this type is. */
const char *option_type_text(enum fl_option_type type);
size_t option_type_bytes(enum fl_option_type type); /* of its field; 0: unknown or a group */

#endif
