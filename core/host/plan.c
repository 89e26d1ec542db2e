#include "plan.h"

#include "file.h"
#include "log.h"
#include "prepare.h"
#include "tree.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const common_keys[] = { "plugin", NULL }; /* the host's own, in every instance */

static const struct section {
	const char *name;
	enum fl_role role;
} sections[] = { { "sinks", FL_SINK }, { "services", FL_SERVICE }, { "feeds", FL_FEED } };

struct planning {
	const struct image_folders *folders;
	const char *state_folder;
	struct config_errors *errors;
	const struct node *root;
	struct plan *plan;
};

void planned_destroy(struct planned *planned)
{
	if (planned == NULL)
		return;
	options_free(planned->options);
	image_close(planned->image);
	written_free(planned->written);
	free(planned);
}

struct written *written_copy(const struct node *node)
{
	struct written *written = calloc(1, sizeof(*written));

	if (written == NULL)
		return NULL;
	written->tree = tree_create();
	if (written->tree != NULL)
		written->node = tree_copy(written->tree, node);
	if (written->node != NULL)
		return written;
	written_free(written);
	return NULL;
}

void written_free(struct written *written)
{
	if (written == NULL)
		return;
	tree_destroy(written->tree);
	free(written);
}

const char *written_plugin(const struct written *written)
{
	return node_text(written->node, "plugin", written->node->key);
}

void plan_finish(struct plan *plan)
{
	while (!list_is_empty(&plan->items)) {
		struct planned *planned = container_of(plan->items.next, struct planned, link);

		list_remove(&planned->link);
		planned_destroy(planned);
	}
}

/* Names go into file names, labels and URLs. */
static bool is_name(const char *name)
{
	if (*name == '\0' || strlen(name) > 31)
		return false;
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name) && *name != '_' && *name != '-')
			return false;
	return true;
}

/* By what is written, not by what could be planned: every mistake is said at once. */
static bool is_taken(const struct planning *planning, const struct section *by, const char *name)
{
	for (const struct section *section = sections; section < by; section++)
		if (node_find(node_find(planning->root, section->name), name) != NULL)
			return true;
	return strcmp(name, "core") == 0;
}

/* What there is, for who names a plugin that is not there. */
struct known {
	const char *names[64];
	size_t count;
	struct buf list;
};

static void add_known(void *data, const char *name, const char *path)
{
	struct known *known = data;

	(void)path;
	if (known->count + 1 < sizeof(known->names) / sizeof(*known->names))
		known->names[known->count++] = strdup(name);
	buf_printf(&known->list, "%s%s", buf_length(&known->list) > 0 ? ", " : "", name);
}

static void report_missing(const struct planning *planning, struct place place, const char *plugin)
{
	struct known known = { .count = 0 };
	const char *nearest;

	buf_init(&known.list, 4096);
	image_list(planning->folders, add_known, &known);
	nearest = options_nearest(plugin, known.names);
	if (nearest != NULL)
		config_error(
			planning->errors, place, "there is no plugin %s; did you mean %s?", plugin, nearest);
	else
		config_error(planning->errors, place,
			"there is no plugin %s; there are: %s. A plugin is a file NAME.so in `plugins: { dir }`",
			plugin, buf_string(&known.list));
	buf_finish(&known.list);
	for (size_t i = 0; i < known.count; i++)
		free((void *)(uintptr_t)known.names[i]);
}

void plan_say_unsealed(const char *plugin, const struct image *image)
{
	if (!image_is_sealed(image))
		log_warn(plugin, "%s has no seal, so that damage to it would not be seen: %s",
			image_path(image), "feedloom plugins --seal FILE");
}

/* What runs already is what a configuration means: other code comes by a reload alone. */
static int open_image(const struct image_folders *folders, const char *plugin, const char *path,
	struct image **out, char *problem, size_t size)
{
	struct image *loaded = folders->loaded == NULL ? NULL : images_find(folders->loaded, path);
	int result;

	if (loaded != NULL) {
		*out = image_keep(loaded);
		return 0;
	}
	result = folders->prepared == NULL ? -ENODATA
									   : prepared_take(folders->prepared, path, out, problem, size);
	if (result == -ENODATA)
		result = image_open(path, folders->rules, out, problem, size);
	if (result == 0)
		plan_say_unsealed(plugin, *out);
	if (result == 0 && folders->loaded != NULL)
		images_add(folders->loaded, *out);
	return result;
}

static int open_plugin(const struct planning *planning, const struct section *section,
	const struct node *node, struct planned *planned)
{
	const struct node *named = node_find(node, "plugin");
	const char *plugin = node_text(node, "plugin", node->key);
	struct place place = named == NULL ? node->key_place : named->place;
	char path[4096], problem[512];

	if (named != NULL && named->kind != NODE_SCALAR) {
		config_error(planning->errors, place, "plugin must be the name of one");
		return -EINVAL;
	}
	if (image_find(planning->folders, plugin, path, sizeof(path)) < 0) {
		report_missing(planning, place, plugin);
		return -ENOENT;
	}
	if (open_image(planning->folders, plugin, path, &planned->image, problem, sizeof(problem)) <
		0) {
		config_error(planning->errors, place, "plugin %s: %s: %s", plugin, path, problem);
		return -ENOEXEC;
	}
	if (image_plugin(planned->image)->role != section->role) {
		static const char *const homes[] = { "", "feeds", "sinks", "services" };

		config_error(planning->errors, place, "plugin %s belongs under %s, not under %s", plugin,
			homes[image_plugin(planned->image)->role], section->name);
		return -EINVAL;
	}
	return 0;
}

static const char *section_name(enum fl_role role)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
		if (sections[i].role == role)
			return sections[i].name;
	return "";
}

int written_apply(const struct written *written, enum fl_role role, const struct fl_plugin *plugin,
	const char *state_folder, struct config_errors *errors, void **out)
{
	static const struct fl_option none[] = { { 0 } };
	const struct node *node = written->node;
	struct options_where where = {
		.folder = state_folder, .place = node->key_place, .also = common_keys
	};
	struct fl_check check = { .errors = errors, .mapping = node, .where = &where };
	char label[96];
	int result;

	snprintf(label, sizeof(label), "%s.%s", section_name(role), node->key);
	where.label = label;
	result = options_apply(plugin->options == NULL ? none : plugin->options,
		plugin->options == NULL ? 1 : plugin->options_size, node, &where, errors, out);
	if (result < 0 || plugin->check == NULL)
		return result;
	plugin->check(*out, &check);
	if (check.count == 0)
		return 0;
	options_free(*out);
	*out = NULL;
	return -EINVAL;
}

void plan_each_plugin(
	const struct node *root, void (*each)(void *data, const char *plugin), void *data)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		const struct node *node;

		node_each (node, node_find(root, sections[i].name))
			each(data, node_text(node, "plugin", node->key));
	}
}

static void plan_instance(
	const struct planning *planning, const struct section *section, const struct node *node)
{
	struct planned *planned;

	if (!is_name(node->key)) {
		config_error(planning->errors, node->key_place,
			"%s is no name for an instance: at most 31 letters, digits, dashes and underscores",
			node->key);
		return;
	}
	if (is_taken(planning, section, node->key)) {
		config_error(planning->errors, node->key_place,
			"the name %s is taken: names are one's own over all "
			"feeds, sinks and services",
			node->key);
		return;
	}
	if (node->kind != NODE_MAPPING && !node_is_empty(node)) {
		config_error(planning->errors, node->place, "%s must be a mapping of options", node->key);
		return;
	}
	planned = calloc(1, sizeof(*planned));
	if (planned == NULL) {
		config_error(planning->errors, node->place, "out of memory");
		return;
	}
	planned->role = section->role;
	snprintf(planned->name, sizeof(planned->name), "%s", node->key);
	planned->written = written_copy(node);
	if (planned->written == NULL)
		config_error(planning->errors, node->place, "out of memory");
	else if (open_plugin(planning, section, node, planned) == 0 &&
		written_apply(planned->written, planned->role, image_plugin(planned->image),
			planning->state_folder, planning->errors, &planned->options) == 0) {
		list_append(&planning->plan->items, &planned->link);
		return;
	}
	planned_destroy(planned);
}

int plan_make(const struct image_folders *folders, const char *state_folder,
	const struct node *root, struct config_errors *errors, struct plan *out)
{
	struct planning planning = { folders, state_folder, errors, root, out };
	size_t before = config_errors_total(errors);

	list_init(&out->items);
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		const struct node *section = node_find(root, sections[i].name), *node;

		if (section != NULL && section->kind != NODE_MAPPING && !node_is_empty(section)) {
			config_error(
				errors, section->place, "%s must be a mapping of instances", sections[i].name);
			continue;
		}
		node_each (node, section)
			plan_instance(&planning, &sections[i], node);
	}
	return config_errors_total(errors) > before ? -EINVAL : 0;
}
