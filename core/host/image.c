#include "image.h"

#include "child.h"
#include "crash.h"
#include "dynamic.h"
#include "error.h"
#include "file.h"
#include "map.h"
#include "options.h"
#include "seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct image {
	struct link link; /* in images.all, or alone */
	int references;
	struct dynamic *dynamic;
	const struct fl_plugin *plugin;
	char *path;
	char build_id[65];
	bool is_sealed;
};

int image_find(const struct image_folders *folders, const char *name, char *path, size_t size)
{
	if (strchr(name, '/') != NULL || name[0] == '.' || name[0] == '\0')
		return -ENOENT;
	for (size_t i = 0; i < folders->count; i++) {
		int length = snprintf(path, size, "%s/%s.so", folders->paths[i], name);

		if (length > 0 && (size_t)length < size &&
			(file_exists(path) ||
				(folders->loaded != NULL && images_find(folders->loaded, path) != NULL)))
			return 0;
	}
	return -ENOENT;
}

/* Everything that can be said about a descriptor without running any of its code. */
static int check_plugin(const struct fl_plugin *plugin, char *problem, size_t size)
{
	if (plugin == NULL) {
		snprintf(problem, size, "not a plugin: it exports no feedloom_plugin");
		return -ENOEXEC;
	}
	if (plugin->abi != FL_PLUGIN_ABI || plugin->size != sizeof(struct fl_plugin)) {
		snprintf(problem, size,
			"built for ABI %u (descriptor of %u bytes), this program has ABI %d (%zu bytes): rebuild the "
			"plugin against this version's headers",
			plugin->abi, plugin->size, FL_PLUGIN_ABI, sizeof(struct fl_plugin));
		return -ENOEXEC;
	}
	if (plugin->name == NULL || plugin->version == NULL || plugin->create == NULL ||
		plugin->destroy == NULL || plugin->start == NULL || plugin->role < FL_FEED ||
		plugin->role > FL_SERVICE) {
		snprintf(problem, size,
			"incomplete descriptor: name, version, role, create, destroy and start are needed");
		return -ENOEXEC;
	}
	if (plugin->role == FL_SINK && plugin->on_batch == NULL) {
		snprintf(problem, size, "a sink without on_batch takes nothing");
		return -ENOEXEC;
	}
	if (plugin->options != NULL)
		return options_check_table(plugin->options, plugin->options_size, problem, size);
	return 0;
}

/* The dynamic linker crashes on damaged files, and constructors do as they like: not here first. */
static int probe(const struct image *image, const char *prober, char *problem, size_t size)
{
	const char *const argv[] = { prober, "--probe-plugin", "/proc/self/fd/3", NULL };
	struct child_end end = { 0 };
	char said[512];
	int result = child_run(
		argv, dynamic_descriptor(image->dynamic), IMAGE_PROBE_MS, said, sizeof(said), &end);

	if (result == 0 && end.signum == 0 && end.code == 0)
		return 0;
	if (result == -ETIMEDOUT)
		snprintf(problem, size, "opened in a process of its own, it hung for %d s",
			IMAGE_PROBE_MS / 1000);
	else if (result < 0)
		snprintf(problem, size, "%s cannot be started to try it: %s", prober, error_text(result));
	else if (end.signum != 0)
		snprintf(problem, size, "opened in a process of its own, it ended in %s: damaged or faulty",
			crash_signal_name(end.signum));
	else if (said[0] == '\0')
		snprintf(problem, size,
			"opened in a process of its own, it ended that with code %d: damaged or faulty",
			end.code);
	else
		snprintf(problem, size, "%.*s", (int)strcspn(said, "\n"), said);
	return -ENOEXEC;
}

static int check_seal(
	struct image *image, const struct image_rules *rules, char *problem, size_t size)
{
	static const struct image_rules none = { .needs_seal = false };
	size_t length;
	const void *bytes = dynamic_bytes(image->dynamic, &length);
	enum seal seal;

	if (bytes == NULL && length > 0)
		return -ENOMEM;
	seal = seal_check(bytes, length);
	image->is_sealed = seal == SEAL_WHOLE;
	if (image->is_sealed)
		return 0;
	if (rules == NULL)
		rules = &none;
	snprintf(problem, size, "%s%s", seal_problem(seal),
		seal == SEAL_NONE ? "; `plugins: { require_seal: true }` asks for one" : "");
	if (seal != SEAL_NONE || rules->needs_seal)
		return -ENOEXEC;
	return rules->prober == NULL ? 0 : probe(image, rules->prober, problem, size);
}

/* In this order: what the linker sees has been found whole before. */
static int load(struct image *image, const struct image_rules *rules, char *problem, size_t size)
{
	int result = check_seal(image, rules, problem, size);

	if (result == 0)
		result = dynamic_load(image->dynamic, problem, size);
	if (result < 0)
		return result;
	image->plugin = dynamic_symbol(image->dynamic, "feedloom_plugin");
	return check_plugin(image->plugin, problem, size);
}

int image_open(const char *path, const struct image_rules *rules, struct image **out, char *problem,
	size_t size)
{
	struct image *image = calloc(1, sizeof(*image));
	int result = -ENOMEM;

	snprintf(problem, size, "out of memory");
	if (image == NULL)
		return -ENOMEM;
	image->references = 1;
	list_init(&image->link);
	image->path = strdup(path);
	if (image->path == NULL)
		goto free_image;
	result = dynamic_copy(path, &image->dynamic);
	if (result < 0) {
		snprintf(problem, size, "%s", error_text(result));
		goto free_path;
	}
	result = load(image, rules, problem, size);
	if (result < 0)
		goto close_dynamic;
	(void)dynamic_build_id(image->dynamic, image->build_id, sizeof(image->build_id));
	*out = image;
	return 0;

close_dynamic:
	dynamic_close(image->dynamic);
free_path:
	free(image->path);
free_image:
	free(image);
	return result;
}

const struct fl_plugin *image_plugin(const struct image *image)
{
	return image->plugin;
}

const char *image_path(const struct image *image)
{
	return image->path;
}

bool image_is_sealed(const struct image *image)
{
	return image->is_sealed;
}

const char *image_build_id(const struct image *image)
{
	return image->build_id;
}

const struct dynamic_stamp *image_stamp(const struct image *image)
{
	return dynamic_stamp_of(image->dynamic);
}

bool image_stamp_equals(const struct dynamic_stamp *a, const struct dynamic_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
		a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

struct image *image_keep(struct image *image)
{
	image->references++;
	return image;
}

bool image_close(struct image *image)
{
	bool is_gone;

	if (image == NULL || --image->references > 0)
		return true;
	list_remove(&image->link);
	is_gone = dynamic_close(image->dynamic);
	free(image->path);
	free(image);
	return is_gone;
}

/* ---- those that are loaded ---- */

void images_init(struct images *images)
{
	list_init(&images->all);
}

void images_add(struct images *images, struct image *image)
{
	list_remove(&image->link);
	list_append(&images->all, &image->link);
}

struct image *images_find(const struct images *images, const char *path)
{
	struct image *newest = NULL;
	struct link *item, *following;

	list_each (item, following, &images->all) {
		struct image *image = container_of(item, struct image, link);

		if (strcmp(image->path, path) == 0)
			newest = image;
	}
	return newest;
}

void images_each(
	const struct images *images, void (*each)(void *data, const struct image *image), void *data)
{
	struct link *item, *following;

	list_each (item, following, &images->all)
		each(data, container_of(item, struct image, link));
}

struct listing {
	const char *folder;
	struct map *seen;
	void (*each)(void *data, const char *name, const char *path);
	void *data;
};

static int list_one(void *data, const char *file)
{
	struct listing *listing = data;
	size_t length = strlen(file);
	char name[128], path[4096];

	if (length <= 3 || length >= sizeof(name) || strcmp(file + length - 3, ".so") != 0 ||
		file[0] == '.')
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)(length - 3), file);
	if (map_get(listing->seen, name, length - 3) != NULL)
		return 0;
	(void)map_set(listing->seen, name, length - 3, listing);
	snprintf(path, sizeof(path), "%s/%s", listing->folder, file);
	listing->each(listing->data, name, path);
	return 0;
}

void image_list(const struct image_folders *folders,
	void (*each)(void *data, const char *name, const char *path), void *data)
{
	struct listing listing = { .seen = map_create(), .each = each, .data = data };

	if (listing.seen == NULL)
		return;
	for (size_t i = 0; i < folders->count; i++) {
		listing.folder = folders->paths[i];
		(void)file_list(listing.folder, list_one, &listing);
	}
	map_destroy(listing.seen);
}
