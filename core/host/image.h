/*
 * image.h: a plugin's code in memory: found, copied aside, opened, checked.
 */
#ifndef HOST_IMAGE_H
#define HOST_IMAGE_H

#include <feedloom/plugin.h>

struct image;

/** Where plugins are looked for, in this order. Folders may be missing. */
struct image_folders {
	const char *const *paths;
	size_t count;
};

/** The file of plugin NAME ("NAME.so"). -ENOENT: in none of the folders. */
int image_find(const struct image_folders *folders, const char *name, char *path, size_t size);

/**
 * Opens and checks a plugin file: symbol, ABI, descriptor, option table. What is wrong is said in
 * `problem`, with the remedy.
 * @return 0; -ENOEXEC: not a plugin, or of another ABI; -ENOENT, -EACCES, ...: the file
 */
int image_open(const char *path, struct image **out, char *problem, size_t size);
const struct fl_plugin *image_plugin(const struct image *image);
const char *image_path(const struct image *image);
void image_close(struct image *image); /* takes NULL; nothing may point into it */

/** Calls `each` for every file in the folders that ends in .so, the first of each name only. */
void image_list(const struct image_folders *folders,
	void (*each)(void *data, const char *name, const char *path), void *data);

#endif
