/*
 * options.h: an option table applied to a mapping gives a filled struct, or every mistake with its
 * place.
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include "option_value.h"
#include "tree.h"
#include <feedloom/plugin.h>

/** What options_apply needs besides the table. */
struct options_where {
	const char *label;  /* how messages call the mapping: "feeds.deribit"; NULL: nothing */
	const char *folder; /* FL_PATH is resolved against it; NULL: left as written */
	struct place place; /* for errors when there is no mapping */
	const char *const
		*also; /* NULL-terminated names of further keys that are somebody else's; or NULL */
};

/**
 * Makes an options struct from a mapping (NULL or an empty scalar: all defaults).
 *
 * Everything in it, strings too, is one allocation family: nothing points into the table or the
 * tree, so it outlives both. FL_SECRET values, and passwords in URLs, are made known to log_hide. A
 * string that is not given and has no preset is NULL; one given as "" is "". Lists are
 * NULL-terminated, count 0 included.
 *
 * @return 0 with `*out` for options_free; -EINVAL: all mistakes are in `errors`; -ENOMEM
 */
int options_apply(const struct fl_option *table, size_t options_size, const struct node *mapping,
	const struct options_where *where, struct config_errors *errors, void **out);
void options_free(void *options); /* takes NULL */

/** Known keys of a mapping without a table (the top, a section). Unknown ones: error with a
 * suggestion. */
void options_check_keys(const struct node *mapping, const char *const *names, const char *label,
	struct config_errors *errors);

/**
 * Whether a table holds together: names unique and well-formed, types known, offsets within the
 * struct, presets and limits readable, choices there where needed. 0 or -EINVAL with the first
 * reason in `why`.
 */
int options_check_table(
	const struct fl_option *table, size_t options_size, char *why, size_t why_size);

/** A deep copy, so that the image that holds the table may go. NULL: no memory. */
struct fl_option *options_table_copy(const struct fl_option *table);
void options_table_free(struct fl_option *table); /* a copy; takes NULL */

/**
 * Reference text: name, type, default, range, live, help; groups indented by two more.
 * 0 or -ENOBUFS, -ENOMEM.
 */
int options_print(const struct fl_option *table, struct buf *to);

/** The nearest of `names` (NULL-terminated) to `text`, or NULL when none is near. */
const char *options_nearest(const char *text, const char *const *names);

/**
 * Collects errors of a plugin's own checks; fl_check_error (feedloom/plugin.h) is implemented here
 * and finds the option's line and column in the mapping.
 */
struct fl_check {
	struct config_errors *errors;
	const struct node *mapping; /* NULL: `where->place` */
	const struct options_where *where;
	size_t count; /* reported so far */
};

#endif
