#include "prepare.h"

#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBLEM_BYTES = 512 };

struct opened {
	struct link link; /* in prepared.opened */
	char *path;
	struct image *image; /* NULL: with `result` and `problem` */
	int result;
	char problem[PROBLEM_BYTES];
};

struct prepared {
	struct image_folders folders; /* without those that are loaded: they are the loop's */
	const struct image_rules *rules;
	char **loaded; /* paths; NULL-terminated */
	size_t loaded_count;
	struct link opened;
};

static void remember(void *data, const struct image *image)
{
	struct prepared *prepared = data;
	char **grown =
		realloc(prepared->loaded, (prepared->loaded_count + 2) * sizeof(*prepared->loaded));

	if (grown == NULL)
		return; /* it is opened once more, for nothing */
	prepared->loaded = grown;
	grown[prepared->loaded_count] = strdup(image_path(image));
	if (grown[prepared->loaded_count] != NULL)
		prepared->loaded_count++;
}

struct prepared *prepared_create(const struct image_folders *folders)
{
	struct prepared *prepared = calloc(1, sizeof(*prepared));

	if (prepared == NULL)
		return NULL;
	list_init(&prepared->opened);
	prepared->folders = *folders;
	prepared->folders.loaded = NULL;
	prepared->folders.prepared = NULL;
	if (folders->loaded != NULL)
		images_each(folders->loaded, remember, prepared);
	return prepared;
}

static struct opened *find(const struct prepared *prepared, const char *path)
{
	struct link *item, *following;

	list_each (item, following, &prepared->opened) {
		struct opened *opened = container_of(item, struct opened, link);

		if (strcmp(opened->path, path) == 0)
			return opened;
	}
	return NULL;
}

static bool is_loaded(const struct prepared *prepared, const char *path)
{
	for (size_t i = 0; i < prepared->loaded_count; i++)
		if (strcmp(prepared->loaded[i], path) == 0)
			return true;
	return false;
}

static void open_one(void *data, const char *plugin)
{
	struct prepared *prepared = data;
	struct opened *opened;
	char path[4096];

	if (image_find(&prepared->folders, plugin, path, sizeof(path)) < 0 ||
		is_loaded(prepared, path) || find(prepared, path) != NULL)
		return;
	opened = calloc(1, sizeof(*opened));
	if (opened == NULL)
		return; /* the loop will open it itself */
	opened->path = strdup(path);
	if (opened->path == NULL) {
		free(opened);
		return;
	}
	opened->result =
		image_open(path, prepared->rules, &opened->image, opened->problem, sizeof(opened->problem));
	list_append(&prepared->opened, &opened->link);
}

void prepared_open(
	struct prepared *prepared, const struct node *root, const struct image_rules *rules)
{
	prepared->rules = rules;
	plan_each_plugin(root, open_one, prepared);
}

int prepared_take(const struct prepared *prepared, const char *path, struct image **out,
	char *problem, size_t size)
{
	const struct opened *opened = find(prepared, path);

	if (opened == NULL)
		return -ENODATA;
	if (opened->result < 0)
		snprintf(problem, size, "%s", opened->problem);
	else
		*out = image_keep(opened->image);
	return opened->result;
}

void prepared_destroy(struct prepared *prepared)
{
	if (prepared == NULL)
		return;
	while (!list_is_empty(&prepared->opened)) {
		struct opened *opened = container_of(prepared->opened.next, struct opened, link);

		list_remove(&opened->link);
		image_close(opened->image);
		free(opened->path);
		free(opened);
	}
	for (size_t i = 0; i < prepared->loaded_count; i++)
		free(prepared->loaded[i]);
	free(prepared->loaded);
	free(prepared);
}
