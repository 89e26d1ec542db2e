/*
 * prepare.h: the plugin files that a configuration names, opened ahead on a worker, so that taking
 * the configuration over does not hold up the loop.
 */
#ifndef HOST_PREPARE_H
#define HOST_PREPARE_H

#include "image.h"
#include "tree.h"

struct prepared;

/** On the loop: remembers what is loaded, which is not opened again. NULL: no memory. */
struct prepared *prepared_create(const struct image_folders *folders);
/** On a worker: opens what `root` names, by these rules. */
void prepared_open(
	struct prepared *prepared, const struct node *root, const struct image_rules *rules);
/**
 * On the loop again: what the worker found at `path`.
 * @return 0 with a reference in `*out`; as image_open, with `problem`; -ENODATA: it has not looked
 */
int prepared_take(const struct prepared *prepared, const char *path, struct image **out,
	char *problem, size_t size);
void prepared_destroy(struct prepared *prepared); /* takes NULL */

#endif
