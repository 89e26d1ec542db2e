/* diff.c: comparing two configurations. */
#include "diff.h"
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 256 };

struct comparison {
	void (*each)(void *data, const char *name, bool is_live);
	void *data;
	enum options_change change;
};

static bool texts_equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool names_equal(const struct fl_names *a, const struct fl_names *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static bool durations_equal(const struct fl_durations *a, const struct fl_durations *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->names[i], b->names[i]) != 0 || a->values_ns[i] != b->values_ns[i])
			return false;
	return true;
}

static bool fields_equal(enum fl_option_type type, const void *a, const void *b)
{
	switch (type) {
	case FL_BOOL: return *(const bool *)a == *(const bool *)b;
	case FL_INT:
	case FL_DURATION:
	case FL_SIZE: return *(const int64_t *)a == *(const int64_t *)b;
	case FL_REAL:
	case FL_RATIO: return memcmp(a, b, sizeof(double)) == 0;
	case FL_STRING:
	case FL_SECRET:
	case FL_PATH:
	case FL_URL: return texts_equal(*(const char *const *)a, *(const char *const *)b);
	case FL_CHOICE: return *(const int *)a == *(const int *)b;
	case FL_NAMES: return names_equal(a, b);
	case FL_DURATIONS: return durations_equal(a, b);
	case FL_GROUP: break;
	}
	return true;
}

static void compare(struct comparison *comparison, const struct fl_option *table,
	const char *before, const char *after, const char *label, bool group_is_live)
{
	for (; table->name != NULL; table++) {
		bool is_live = group_is_live || (table->flags & FL_OPTION_LIVE) != 0;
		const char *a = before + table->offset, *b = after + table->offset;
		char name[NAME_BYTES];

		snprintf(name, sizeof(name), "%s%s%s", label, label[0] == '\0' ? "" : ".", table->name);
		if (table->type == FL_GROUP) {
			compare(comparison, table->group, a, b, name, is_live);
			continue;
		}
		if (fields_equal(table->type, a, b))
			continue;
		if (comparison->each != NULL)
			comparison->each(comparison->data, name, is_live);
		if (!is_live)
			comparison->change = OPTIONS_RESTART;
		else if (comparison->change == OPTIONS_SAME)
			comparison->change = OPTIONS_LIVE;
	}
}

enum options_change options_compare(const struct fl_option *table, const void *before,
	const void *after, void (*each)(void *data, const char *name, bool is_live), void *data)
{
	struct comparison comparison = { .each = each, .data = data, .change = OPTIONS_SAME };

	if (table != NULL)
		compare(&comparison, table, before, after, "", false);
	return comparison.change;
}

void section_compare(const struct node *before, const struct node *after,
	void (*each)(void *data, const char *name, enum instance_change change,
		const struct node *before, const struct node *after),
	void *data)
{
	const struct node *child;

	if (before != NULL && before->kind == NODE_MAPPING)
		node_each (child, before)
			if (node_find(after, child->key) == NULL)
				each(data, child->key, INSTANCE_REMOVED, child, NULL);
	if (after == NULL || after->kind != NODE_MAPPING)
		return;
	node_each (child, after) {
		const struct node *old = node_find(before, child->key);
		enum instance_change change = INSTANCE_CHANGED;

		if (old == NULL)
			change = INSTANCE_ADDED;
		else if (node_equals(old, child))
			change = INSTANCE_SAME;
		each(data, child->key, change, old, child);
	}
}
