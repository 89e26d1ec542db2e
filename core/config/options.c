/* options.c: a table applied to a mapping. */
#include "options.h"
#include "options_fill.h"
#include "tree_node.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 256, MAX_NAMES = 256 };

/* In front of every options struct: what it owns. */
struct owned {
	struct arena arena;
	max_align_t options[];
};

static void apply_table(struct filling *filling, const struct fl_option *table,
	const struct node *mapping, struct place place, const char *label, char *base);

static const char *join(char out[NAME_BYTES], const char *label, const char *name)
{
	snprintf(out, NAME_BYTES, "%s%s%s", label, label[0] == '\0' ? "" : ".", name);
	return out;
}

/* ---- keys that nobody knows ---- */

static void check_table_keys(struct filling *filling, const struct fl_option *table,
	const struct node *mapping, const char *label, const char *const *also)
{
	const char *names[MAX_NAMES + 1];
	size_t count = 0, before = config_errors_total(filling->errors);

	for (; table != NULL && table->name != NULL && count < MAX_NAMES; table++)
		names[count++] = table->name;
	for (; also != NULL && *also != NULL && count < MAX_NAMES; also++)
		names[count++] = *also;
	names[count] = NULL;
	options_check_keys(mapping, names, label, filling->errors);
	if (config_errors_total(filling->errors) > before)
		filling->failed = true;
}

/* ---- what is not written ---- */

const struct node *options_preset(struct tree *tree, const struct fl_option *option)
{
	struct place place = { .file = "" };
	struct config_errors errors;
	struct node *node = NULL;
	struct buf text;

	/* Only lists and mappings are YAML: a preset like "*" is just text. */
	if ((option->type != FL_NAMES || option->preset[0] != '[') && option->type != FL_DURATIONS) {
		struct node *scalar = tree_node(tree, NODE_SCALAR, place);

		if (scalar == NULL)
			return NULL;
		scalar->is_quoted = true;
		scalar->length = strlen(option->preset);
		scalar->text = tree_text(tree, option->preset, scalar->length);
		return scalar->text == NULL ? NULL : scalar;
	}
	config_errors_init(&errors);
	buf_init(&text, TREE_MAX_BYTES);
	buf_printf(&text, "preset: %s", option->preset);
	if (tree_parse(tree, "preset", buf_string(&text), buf_length(&text), &errors, &node) != 0)
		node = NULL;
	buf_finish(&text);
	config_errors_finish(&errors);
	return node_find(node, "preset");
}

static void fill_preset(struct filling *filling, const struct fl_option *option, const char *name,
	struct place place, void *field)
{
	struct tree *tree;
	const struct node *node;

	if (option->preset == NULL) {
		if (option->type == FL_NAMES)
			((struct fl_names *)field)->items = arena_take(filling->arena, sizeof(char *));
		return;
	}
	tree = tree_create();
	node = tree == NULL ? NULL : options_preset(tree, option);
	if (node != NULL) {
		options_fill(filling, option, name, node, field);
	} else {
		config_error(filling->errors, place, "%s: its default cannot be read", name);
		filling->failed = true;
	}
	tree_destroy(tree);
}

/* ---- a table ---- */

static void apply_group(struct filling *filling, const struct fl_option *option,
	const struct node *node, struct place place, const char *name, char *base)
{
	if (node != NULL && node_is_empty(node)) {
		place = node->place;
		node = NULL;
	}
	if (node != NULL && node->kind != NODE_MAPPING) {
		config_error(filling->errors, node->place, "%s: must be a mapping: keys with values", name);
		filling->failed = true;
		return;
	}
	if (node != NULL)
		check_table_keys(filling, option->group, node, name, NULL);
	apply_table(filling, option->group, node, place, name, base);
}

static void apply_option(struct filling *filling, const struct fl_option *option,
	const struct node *mapping, struct place place, const char *label, char *base)
{
	const struct node *node = node_find(mapping, option->name);
	char name[NAME_BYTES];

	join(name, label, option->name);
	if (option->type == FL_GROUP) {
		apply_group(filling, option, node, node == NULL ? place : node->key_place, name, base);
	} else if (node != NULL) {
		options_fill(filling, option, name, node, base);
	} else if ((option->flags & FL_OPTION_REQUIRED) != 0) {
		config_error(filling->errors, place, "%s is missing: %s", name,
			option->help == NULL ? option_type_text(option->type) : option->help);
		filling->failed = true;
	} else {
		fill_preset(filling, option, name, place, base);
	}
}

static void apply_table(struct filling *filling, const struct fl_option *table,
	const struct node *mapping, struct place place, const char *label, char *base)
{
	if (mapping != NULL)
		place = mapping->key_place;
	for (; table->name != NULL; table++)
		apply_option(filling, table, mapping, place, label, base + table->offset);
}

int options_apply(const struct fl_option *table, size_t options_size, const struct node *mapping,
	const struct options_where *where, struct config_errors *errors, void **out)
{
	struct owned *owned = calloc(1, sizeof(*owned) + options_size);
	struct filling filling = { .where = where, .errors = errors };
	const char *label = where->label == NULL ? "" : where->label;
	struct place place = where->place;

	*out = NULL;
	if (owned == NULL)
		return -ENOMEM;
	filling.arena = &owned->arena;
	if (mapping != NULL && node_is_empty(mapping)) {
		place = mapping->key_place;
		mapping = NULL;
	}
	if (mapping != NULL && mapping->kind != NODE_MAPPING) {
		config_error(errors, mapping->place, "%s%smust be a mapping: keys with values", label,
			label[0] == '\0' ? "" : " ");
		options_free(owned->options);
		return -EINVAL;
	}
	check_table_keys(&filling, table, mapping, label, where->also);
	if (table != NULL)
		apply_table(&filling, table, mapping, place, label, (char *)owned->options);
	if (filling.failed) {
		options_free(owned->options);
		return -EINVAL;
	}
	*out = owned->options;
	return 0;
}

void options_free(void *options)
{
	struct owned *owned;
	struct arena arena;

	if (options == NULL)
		return;
	owned = (struct owned *)(void *)((char *)options - offsetof(struct owned, options));
	arena = owned->arena;
	arena_finish(&arena);
	free(owned);
}
