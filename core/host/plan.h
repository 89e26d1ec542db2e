/*
 * plan.h: a configuration read as instances: which plugin, which options. Nothing runs yet; every
 * mistake is known before anything is touched.
 */
#ifndef HOST_PLAN_H
#define HOST_PLAN_H

#include "image.h"
#include "list.h"
#include "options.h"
#include "tree.h"

struct planned {
	struct link link;
	enum fl_role role;
	char name[64];
	struct image *image;     /* owned until taken */
	void *options;           /* owned until taken */
	struct written *written; /* owned until taken */
};

/** How an instance stands in the configuration: kept, so that other code can be given its options.
 */
struct written {
	struct tree *tree;
	const struct node *node; /* its mapping, key and all */
};

struct written *written_copy(const struct node *node); /* NULL: no memory */
void written_free(struct written *written);            /* takes NULL */
/** The plugin that is to run it. */
const char *written_plugin(const struct written *written);
/**
 * The options of a plugin from what is written.
 * @return 0 with `*out` for options_free; -EINVAL: `errors` has all mistakes
 */
int written_apply(const struct written *written, enum fl_role role, const struct fl_plugin *plugin,
	const char *state_folder, struct config_errors *errors, void **out);

/** A warning, where an image that was opened now has no seal. */
void plan_say_unsealed(const char *plugin, const struct image *image);

/** Sinks first, then services, then feeds: the order in which they start. */
struct plan {
	struct link items;
};

/** 0, or -EINVAL: `errors` has all mistakes. The plan is initialised in both cases. */
int plan_make(const struct image_folders *folders, const char *state_folder,
	const struct node *root, struct config_errors *errors, struct plan *out);
/** Calls `each` with every name of a plugin in a configuration, however often it stands there. */
void plan_each_plugin(
	const struct node *root, void (*each)(void *data, const char *plugin), void *data);
void planned_destroy(struct planned *planned); /* takes NULL */
void plan_finish(struct plan *plan);

#endif
