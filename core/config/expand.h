/*
 * expand.h: ${NAME}, ${NAME:-default}, $$ and file:/path in scalars, after parsing: what comes from
 * outside is always one scalar's text and can never become YAML.
 */
#ifndef CONFIG_EXPAND_H
#define CONFIG_EXPAND_H

#include "tree.h"

enum { EXPAND_MAX_BYTES = 64 * 1024 };

/** Where values come from. A zeroed one is the process's environment and its files. */
struct expand_source {
	const char *(*environment)(void *data, const char *name); /* NULL: unset */
	/** A file's bytes, malloc'd and 0-terminated, at most `limit`; or negative errno (-EFBIG). */
	int (*file)(void *data, const char *path, size_t limit, char **out, size_t *length);
	void *data;
};

/** Replaces in every scalar beneath `node` (keys are left alone). 0 or -EINVAL: all errors are
 * reported. */
int expand_tree(struct tree *tree, struct node *node, const struct expand_source *source,
	struct config_errors *errors);

/** One text, pure but for `source`: appends to `to`. 0, or -EINVAL with the reason in `why`. */
int expand_text(const char *text, size_t length, const struct expand_source *source, struct buf *to,
	char *why, size_t why_size);

#endif
