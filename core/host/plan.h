/*
 * plan.h: a configuration read as instances: which plugin, which options. Nothing runs yet; every
 * mistake is known before anything is touched.
 */
#ifndef HOST_PLAN_H
#define HOST_PLAN_H

#include "image.h"
#include "list.h"
#include "options.h"

struct planned {
	struct link link;
	enum fl_role role;
	char name[64];
	struct image *image; /* owned until taken */
	void *options;       /* owned until taken */
};

/** Sinks first, then services, then feeds: the order in which they start. */
struct plan {
	struct link items;
};

/** 0, or -EINVAL: `errors` has all mistakes. The plan is initialised in both cases. */
int plan_make(const struct image_folders *folders, const char *state_folder,
	const struct node *root, struct config_errors *errors, struct plan *out);
void planned_destroy(struct planned *planned); /* takes NULL */
void plan_finish(struct plan *plan);

#endif
