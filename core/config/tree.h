/*
 * tree.h: a configuration as a tree of nodes that know where they stand. Every scalar is text.
 *
 * All nodes and texts belong to a tree and live until tree_destroy. Several documents may be parsed
 * into one tree (fragments), so that they can be merged.
 */
#ifndef CONFIG_TREE_H
#define CONFIG_TREE_H

#include "config_errors.h"

enum node_kind { NODE_SCALAR = 1, NODE_SEQUENCE, NODE_MAPPING };

enum { TREE_MAX_DEPTH = 16, TREE_MAX_BYTES = 1 << 20, TREE_MAX_NODES = 65536 };

struct node {
	enum node_kind kind;
	struct place place;     /* of the value */
	const char *key;        /* in a mapping; else NULL */
	struct place key_place; /* of the key */
	const char *text;       /* scalars, 0-terminated without inner 0; else "" */
	size_t length;
	bool is_quoted;            /* scalars: written in quotes or as a block */
	bool is_foreign;           /* scalars: came from the environment or a file; never show it */
	size_t count;              /* children */
	struct node *first, *last; /* children, in the order written */
	struct node *next;         /* sibling */
};

struct tree;

struct tree *tree_create(void);       /* NULL: no memory */
void tree_destroy(struct tree *tree); /* takes NULL */

/**
 * Parses one YAML document whose top is a mapping (an empty document is an empty mapping). Pure.
 *
 * @param file  its name in places; copied
 * @param out   the top mapping; set also when there were errors that allow going on (duplicate
 * keys); NULL after a syntax error
 * @return 0, or -EINVAL: `errors` says why; -ENOMEM
 */
int tree_parse(struct tree *tree, const char *file, const void *bytes, size_t length,
	struct config_errors *errors, struct node **out);

/** Copies text into the tree, 0-terminated. NULL: no memory. */
char *tree_text(struct tree *tree, const char *text, size_t length);

/** A deep copy of `node` (its key, its value, all places) in `tree`. NULL: no memory. */
struct node *tree_copy(struct tree *tree, const struct node *node);

/**
 * Moves the children of `from` into `into`: mappings merge by key, anything else given in both is
 * an error that names both places. 0 or -EINVAL.
 */
int tree_merge(struct node *into, struct node *from, struct config_errors *errors);

/** The value of `key`, or NULL; also for NULL and for what is no mapping. */
const struct node *node_find(const struct node *mapping, const char *key);
/** The text of the scalar `key`, or `otherwise` where absent, empty or not a scalar. */
const char *node_text(const struct node *mapping, const char *key, const char *otherwise);
/** Whether nothing is written there (`key:`), which stands for an empty mapping too. */
bool node_is_empty(const struct node *node);
/** Same kinds, keys, texts; mappings irrespective of order. NULL equals only NULL. */
bool node_equals(const struct node *a, const struct node *b);

/** Loops over children of a mapping or sequence (none of NULL or a scalar). */
#define node_each(child, parent)                                                                   \
	for ((child) = (parent) == NULL ? NULL : (parent)->first; (child) != NULL;                     \
		(child) = (child)->next)

#endif
