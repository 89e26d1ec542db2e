/* tree.c: nodes: making, finding, comparing, merging. Reading them from YAML is tree_parse.c. */
#include "tree_node.h"
#include <stdlib.h>
#include <string.h>

struct tree *tree_create(void)
{
	return calloc(1, sizeof(struct tree));
}

void tree_destroy(struct tree *tree)
{
	if (tree == NULL)
		return;
	arena_finish(&tree->arena);
	free(tree);
}

char *tree_text(struct tree *tree, const char *text, size_t length)
{
	return arena_text(&tree->arena, text, length);
}

struct node *tree_node(struct tree *tree, enum node_kind kind, struct place place)
{
	struct node *node = arena_take(&tree->arena, sizeof(*node));

	if (node == NULL)
		return NULL;
	tree->node_count++;
	node->kind = kind;
	node->place = node->key_place = place;
	node->text = "";
	return node;
}

void node_append(struct node *parent, struct node *child)
{
	child->next = NULL;
	if (parent->last == NULL)
		parent->first = child;
	else
		parent->last->next = child;
	parent->last = child;
	parent->count++;
}

/* A place names a file whose text belongs to the tree it came from. */
static bool copy_place(struct tree *tree, const struct place *from, struct place *to)
{
	*to = *from;
	if (from->file != NULL)
		to->file = tree_text(tree, from->file, strlen(from->file));
	return from->file == NULL || to->file != NULL;
}

struct node *tree_copy(struct tree *tree, const struct node *node)
{
	struct node *copy = arena_take(&tree->arena, sizeof(*copy));
	const struct node *child;

	if (copy == NULL)
		return NULL;
	*copy = *node;
	copy->first = copy->last = copy->next = NULL;
	copy->count = 0;
	copy->text = tree_text(tree, node->text, node->length);
	copy->key = node->key == NULL ? NULL : tree_text(tree, node->key, strlen(node->key));
	if (copy->text == NULL || (copy->key == NULL) != (node->key == NULL) ||
		!copy_place(tree, &node->place, &copy->place) ||
		!copy_place(tree, &node->key_place, &copy->key_place))
		return NULL;
	node_each (child, node) {
		struct node *twin = tree_copy(tree, child);

		if (twin == NULL)
			return NULL;
		node_append(copy, twin);
	}
	return copy;
}

static struct node *find(struct node *mapping, const char *key)
{
	for (struct node *child = mapping->first; child != NULL; child = child->next)
		if (strcmp(child->key, key) == 0)
			return child;
	return NULL;
}

const struct node *node_find(const struct node *mapping, const char *key)
{
	if (mapping == NULL || mapping->kind != NODE_MAPPING)
		return NULL;
	return find((struct node *)mapping, key);
}

const char *node_text(const struct node *mapping, const char *key, const char *otherwise)
{
	const struct node *node = node_find(mapping, key);

	if (node == NULL || node->kind != NODE_SCALAR || node->length == 0)
		return otherwise;
	return node->text;
}

bool node_is_empty(const struct node *node)
{
	return node->kind == NODE_SCALAR && node->length == 0 && !node->is_quoted;
}

static bool children_equal(const struct node *a, const struct node *b)
{
	const struct node *mine, *other = b->first;

	node_each (mine, a) {
		if (a->kind == NODE_MAPPING)
			other = node_find(b, mine->key);
		if (!node_equals(mine, other))
			return false;
		if (a->kind == NODE_SEQUENCE)
			other = other->next;
	}
	return true;
}

bool node_equals(const struct node *a, const struct node *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	if (a->kind != b->kind || a->count != b->count)
		return false;
	if (a->kind == NODE_SCALAR)
		return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
	return children_equal(a, b);
}

/* Puts what `child` holds in the place of `old`, which nothing was written in. */
static void replace(struct node *old, const struct node *child)
{
	struct node *next = old->next;

	*old = *child;
	old->next = next;
}

int tree_merge(struct node *into, struct node *from, struct config_errors *errors)
{
	struct node *child, *following;
	int error = 0;

	for (child = from->first; child != NULL; child = following) {
		struct node *old = find(into, child->key);

		following = child->next;
		if (old == NULL) {
			node_append(into, child);
		} else if (old->kind == NODE_MAPPING && child->kind == NODE_MAPPING) {
			if (tree_merge(old, child, errors) != 0)
				error = -EINVAL;
		} else if (node_is_empty(old) && child->kind == NODE_MAPPING) {
			replace(old, child);
		} else if (old->kind != NODE_MAPPING || !node_is_empty(child)) {
			config_error(errors, child->key_place,
				"\"%s\" is given here and at %s:%d:%d; keep one of them", child->key,
				old->key_place.file, old->key_place.line, old->key_place.column);
			error = -EINVAL;
		}
	}
	from->first = from->last = NULL;
	from->count = 0;
	return error;
}
