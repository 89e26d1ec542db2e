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

/* BUILD/core/feedloom has its plugins in BUILD/plugins/NAME, and the schema in the source tree. */
static bool find_built(struct paths *out)
{
	char program[4096], plugins[4200];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	struct build_tree tree = { out, plugins };
	char *slash;

	if (length <= 0)
		return false;
	program[length] = '\0';
	slash = strrchr(program, '/');
	if (slash == NULL || slash - program < 5 || strncmp(slash - 5, "/core", 5) != 0)
		return false;
	*(slash - 5) = '\0';
	snprintf(plugins, sizeof(plugins), "%s/plugins", program);
	if (!file_exists(plugins))
		return false;
	(void)file_list(plugins, add_built, &tree);
	snprintf(out->schema, sizeof(out->schema), "%s", FEEDLOOM_SOURCE_SCHEMA);
	return true;
}

void paths_find(const char *state, struct paths *out)
{
	*out = (struct paths){ .rules = { .prober = "/proc/self/exe" } };
	find_state(state, out);
	snprintf(out->schema, sizeof(out->schema), "%s", FEEDLOOM_SCHEMA_DIR);
	if (!find_built(out))
		add_folder(out, 0, FEEDLOOM_PLUGIN_DIR);
}

void paths_take(struct paths *paths, const struct plugin_settings *settings)
{
	add_folder(paths, 0, settings->folder);
	paths->rules.needs_seal = settings->needs_seal;
}

struct image_folders paths_folders(const struct paths *paths)
{
	return (struct image_folders){ paths->folders, paths->folder_count, NULL, &paths->rules };
}

void paths_finish(struct paths *paths)
{
	for (size_t i = 0; i < paths->folder_count; i++)
		free((void *)(uintptr_t)paths->folders[i]);
	paths->folder_count = 0;
}
