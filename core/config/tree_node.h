/*
 * tree_node.h: how tree_parse.c makes nodes in a tree.
 */
#ifndef CONFIG_TREE_NODE_H
#define CONFIG_TREE_NODE_H

#include "arena.h"
#include "tree.h"

struct tree {
	struct arena arena;
	size_t node_count;
};

/** NULL: no memory. */
struct node *tree_node(struct tree *tree, enum node_kind kind, struct place place);
void node_append(struct node *parent, struct node *child);

#endif
