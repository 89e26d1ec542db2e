#include "paths.h"

#include "file.h"
#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void find_state(const char *given, struct paths *out)
{
	const char *state = given != NULL ? given : process_environment("STATE_DIRECTORY");

	if (state == NULL || *state == '\0') {
		if (getcwd(out->state, sizeof(out->state)) == NULL)
			snprintf(out->state, sizeof(out->state), ".");
	} else {
		snprintf(out->state, sizeof(out->state), "%s", state);
	}
}

static void add_folder(struct paths *paths, size_t at, const char *folder)
{
	const size_t room = sizeof(paths->folders) / sizeof(*paths->folders);
	char *copy;

	if (paths->folder_count >= room)
		return;
	copy = strdup(folder);
	if (copy == NULL)
		return;
	memmove(paths->folders + at + 1, paths->folders + at,
		(paths->folder_count - at) * sizeof(*paths->folders));
	paths->folders[at] = copy;
	paths->folder_count++;
}

struct build_tree {
	struct paths *paths;
	const char *plugins;
};

static int add_built(void *data, const char *name)
{
	struct build_tree *tree = data;
	char folder[4096];

	snprintf(folder, sizeof(folder), "%s/%s/%s.so", tree->plugins, name, name);
	if (!file_exists(folder))
		return 0;
	snprintf(folder, sizeof(folder), "%s/%s", tree->plugins, name);
	add_folder(tree->paths, tree->paths->folder_count, folder);
	return 0;
}

/* Where this program lies, without `end`. False: it does not end so. */
static bool find_root(char *root, size_t size, const char *end)
{
	ssize_t length = readlink("/proc/self/exe", root, size - 1);
	size_t end_length = strlen(end);

	if (length < (ssize_t)end_length)
		return false;
	root[length] = '\0';
	if (strcmp(root + (size_t)length - end_length, end) != 0)
		return false;
	root[(size_t)length - end_length] = '\0';
	return true;
}

/* BUILD/core/feedloom has its plugins in BUILD/plugins/NAME, and the schema in the source tree. So
 * has its twin of the tests, feedloom_fast. */
static bool find_built(struct paths *out)
{
	char root[4096], plugins[4200];
	struct build_tree tree = { out, plugins };

	if (!find_root(root, sizeof(root), "/core/feedloom") &&
		!find_root(root, sizeof(root), "/core/feedloom_fast"))
		return false;
	snprintf(plugins, sizeof(plugins), "%s/plugins", root);
	if (!file_exists(plugins))
		return false;
	(void)file_list(plugins, add_built, &tree);
	snprintf(out->schema, sizeof(out->schema), "%s", FEEDLOOM_SOURCE_SCHEMA);
	return true;
}

/* As it was installed; or, in a tree that was moved since, where that is now. */
static void find_installed(struct paths *out)
{
	const size_t prefix = strlen(FEEDLOOM_PREFIX);
	char root[4000], plugins[4096]; /* the rest of each path is short */
	bool is_here = find_root(root, sizeof(root), "/" FEEDLOOM_PROGRAM) &&
		strncmp(FEEDLOOM_PLUGIN_DIR, FEEDLOOM_PREFIX, prefix) == 0;

	snprintf(plugins, sizeof(plugins), "%s%s", is_here ? root : "",
		&FEEDLOOM_PLUGIN_DIR[is_here ? prefix : 0]);
	add_folder(out, 0, plugins);
	snprintf(out->schema, sizeof(out->schema), "%s%s", is_here ? root : "",
		&FEEDLOOM_SCHEMA_DIR[is_here ? prefix : 0]);
}

void paths_find(const char *state, struct paths *out)
{
	*out = (struct paths){ .rules = { .prober = "/proc/self/exe" } };
	find_state(state, out);
	if (!find_built(out))
		find_installed(out);
}

void paths_take(struct paths *paths, const struct plugin_settings *settings)
{
	add_folder(paths, 0, settings->folder);
	paths->rules.needs_seal = settings->needs_seal;
}

struct image_folders paths_folders(const struct paths *paths)
{
	return (struct image_folders){
		.paths = paths->folders, .count = paths->folder_count, .rules = &paths->rules
	};
}

void paths_finish(struct paths *paths)
{
	for (size_t i = 0; i < paths->folder_count; i++)
		free((void *)(uintptr_t)paths->folders[i]);
	paths->folder_count = 0;
}
