/*
 * diff.h: what changed between two configurations: which instances, which options, and whether
 * live.
 */
#ifndef CONFIG_DIFF_H
#define CONFIG_DIFF_H

#include "tree.h"
#include <feedloom/plugin.h>

enum options_change {
	OPTIONS_SAME,
	OPTIONS_LIVE,   /* all that differ can change while the instance runs */
	OPTIONS_RESTART /* one that differs cannot */
};

/**
 * Compares two structs made by options_apply with this table.
 *
 * @param each  called for every option that differs ("tls.ca_file"); may be NULL. A group's option
 * is live when it or its group is.
 */
enum options_change options_compare(const struct fl_option *table, const void *before,
	const void *after, void (*each)(void *data, const char *name, bool is_live), void *data);

enum instance_change { INSTANCE_ADDED, INSTANCE_REMOVED, INSTANCE_CHANGED, INSTANCE_SAME };

/**
 * Compares a section (feeds, sinks, services; either may be NULL) by instance: first those removed,
 * in the order they stood, then the rest in the order they stand now. `before`, `after`: NULL where
 * there is none.
 */
void section_compare(const struct node *before, const struct node *after,
	void (*each)(void *data, const char *name, enum instance_change change,
		const struct node *before, const struct node *after),
	void *data);

#endif
