/* load.c: the main file, its fragments, one tree. */
#include "load.h"
#include "error.h"
#include "file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILES = 257 }; /* the main one and 256 fragments */

struct load {
	struct config *config;
	struct config_errors *errors;
	const char *files[MAX_FILES + 1];
	bool failed;
};

static struct config *create(const char *file)
{
	struct config *config = calloc(1, sizeof(*config));
	struct tree *tree = tree_create();
	const char *slash = strrchr(file, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - file) + 1;
	char path[4096];
	char *name, *folder;

	if (config == NULL || tree == NULL)
		goto free_both;
	config->tree = tree;
	name = tree_text(tree, file, strlen(file));
	snprintf(path, sizeof(path), "%.*sfeedloom.d", (int)length, file);
	folder = tree_text(tree, path, strlen(path));
	if (name == NULL || folder == NULL)
		goto free_both;
	config->file = name;
	config->folder = folder;
	return config;

free_both:
	tree_destroy(tree);
	free(config);
	return NULL;
}

void config_destroy(struct config *config)
{
	if (config == NULL)
		return;
	tree_destroy(config->tree);
	free(config);
}

static void report(struct load *load, const char *file, int error, const char *remedy)
{
	config_error(load->errors, (struct place){ .file = file }, "%s%s", error_text(error), remedy);
	load->failed = true;
}

/* Parses one file's bytes and merges them in. */
static void add_text(struct load *load, const char *file, const char *bytes, size_t length)
{
	struct config *config = load->config;
	struct node *root;
	int error = tree_parse(config->tree, file, bytes, length, load->errors, &root);

	if (error != 0)
		load->failed = true;
	if (error == -ENOMEM)
		report(load, file, error, "");
	load->files[config->file_count++] = file;
	if (root == NULL)
		return;
	if (config->root == NULL)
		config->root = root;
	else if (tree_merge(config->root, root, load->errors) != 0)
		load->failed = true;
}

static int add_file(struct load *load, const char *file, const char *remedy)
{
	char *bytes = NULL;
	size_t length = 0;
	int error = file_load(file, TREE_MAX_BYTES, &bytes, &length);

	if (error == -EFBIG)
		config_error(load->errors, (struct place){ .file = file }, "larger than 1 MiB");
	else if (error != 0)
		report(load, file, error, remedy);
	if (error != 0) {
		load->failed = true;
		return error;
	}
	add_text(load, file, bytes, length);
	free(bytes);
	return 0;
}

static bool is_fragment(const char *name)
{
	size_t length = strlen(name);

	return name[0] != '.' && length > 5 && strcmp(name + length - 5, ".yaml") == 0;
}

static int on_name(void *data, const char *name)
{
	struct load *load = data;
	struct config *config = load->config;
	char path[4096];
	char *file;

	if (!is_fragment(name))
		return 0;
	if (config->file_count == MAX_FILES) {
		config_error(load->errors, (struct place){ .file = config->folder },
			"more than 256 fragments; put some together");
		load->failed = true;
		return 1;
	}
	snprintf(path, sizeof(path), "%s/%s", config->folder, name);
	file = tree_text(config->tree, path, strlen(path));
	if (file == NULL)
		return -ENOMEM;
	add_file(load, file, "");
	return 0;
}

static void add_fragments(struct load *load)
{
	int error = file_list(load->config->folder, on_name, load);

	if (error < 0 && error != -ENOENT)
		report(load, load->config->folder, error, "");
}

static int keep_files(struct load *load)
{
	struct config *config = load->config;
	size_t bytes = (config->file_count + 1) * sizeof(char *);
	const char **files =
		(const char **)(void *)tree_text(config->tree, (const char *)load->files, bytes);

	config->files = files;
	return files == NULL ? -ENOMEM : 0;
}

/* What follows once all files are merged: variables, and the verdict. */
static int finish(struct load *load, const struct expand_source *source, struct config **out)
{
	struct config *config = load->config;

	if (config->root != NULL && expand_tree(config->tree, config->root, source, load->errors) != 0)
		load->failed = true;
	if (!load->failed && keep_files(load) != 0)
		report(load, config->file, -ENOMEM, "");
	if (load->failed) {
		config_errors_sort(load->errors);
		config_destroy(config);
		return -EINVAL;
	}
	*out = config;
	return 0;
}

int config_load(const char *file, const struct expand_source *source, struct config_errors *errors,
	struct config **out)
{
	struct load load = { .config = create(file), .errors = errors };
	int error;

	*out = NULL;
	if (load.config == NULL)
		return -ENOMEM;
	error = add_file(&load, load.config->file, "; name the configuration with -c FILE");
	if (error == -ENOENT) {
		config_destroy(load.config);
		return -ENOENT;
	}
	add_fragments(&load);
	return finish(&load, source, out);
}

int config_load_text(const char *name, const char *text, size_t length,
	const struct expand_source *source, struct config_errors *errors, struct config **out)
{
	struct load load = { .config = create(name), .errors = errors };

	*out = NULL;
	if (load.config == NULL)
		return -ENOMEM;
	add_text(&load, load.config->file, text, length);
	return finish(&load, source, out);
}
