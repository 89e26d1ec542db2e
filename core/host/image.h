/*
 * image.h: a plugin's code in memory: found, copied aside, opened, checked.
 */
#ifndef HOST_IMAGE_H
#define HOST_IMAGE_H

#include "dynamic.h"
#include "list.h"
#include <feedloom/plugin.h>

struct image;
struct prepared;

enum { IMAGE_PROBE_MS = 10000 };

/** The images that instances run, so that a configuration does not open them anew. Zeroed: none. */
struct images {
	struct link all; /* the newest last */
};

/** What is asked of a file before its code may come in. A file whose seal does not match is always
 * refused. */
struct image_rules {
	bool needs_seal;    /* a file without a seal is refused */
	const char *prober; /* opens a file without seal first: `PROBER --probe-plugin FILE` in a
						   process of its own, exit code 0: fine; NULL: nobody does */
};

/** Where plugins are looked for, in this order. Folders may be missing. */
struct image_folders {
	const char *const *paths;
	size_t count;
	struct images *loaded;           /* NULL: every file is opened */
	const struct image_rules *rules; /* NULL: none */
	const struct prepared *prepared; /* files that were opened ahead; NULL: none */
};

/** The file of plugin NAME ("NAME.so"); one that is loaded counts, though it may have vanished.
 * -ENOENT: in none of the folders. */
int image_find(const struct image_folders *folders, const char *name, char *path, size_t size);

/**
 * Opens and checks a plugin file: seal, symbol, ABI, descriptor, option table. What is wrong is
 * said in `problem`, with the remedy. May block for IMAGE_PROBE_MS and the disk: for workers, and
 * at start.
 * @return 0; -ENOEXEC: not a plugin, damaged, or of another ABI; -ENOENT, -EACCES, ...: the file
 */
int image_open(const char *path, const struct image_rules *rules, struct image **out, char *problem,
	size_t size);
/**
 * Gives up a reference: an image is shared by the instances of its plugin, and unmapped with the
 * last of them; nothing may point into it then. Takes NULL.
 * @return false: it was the last, and the image has to stay mapped
 */
bool image_close(struct image *image);
/** Another reference to it. Returns `image`. */
struct image *image_keep(struct image *image);

const struct fl_plugin *image_plugin(const struct image *image);
const char *image_path(const struct image *image);
bool image_is_sealed(const struct image *image);
const char *image_build_id(const struct image *image); /* "" when the file has none */
/** Of the file as it was opened. */
const struct dynamic_stamp *image_stamp(const struct image *image);
bool image_stamp_equals(const struct dynamic_stamp *a, const struct dynamic_stamp *b);

void images_init(struct images *images);
/** From now on `image` is the one that images_find names for its path, until it is closed. */
void images_add(struct images *images, struct image *image);
/** The newest image of a path that is loaded, or NULL. Not a reference. */
struct image *images_find(const struct images *images, const char *path);

void images_each(
	const struct images *images, void (*each)(void *data, const struct image *image), void *data);

/** Calls `each` for every file in the folders that ends in .so, the first of each name only. */
void image_list(const struct image_folders *folders,
	void (*each)(void *data, const char *name, const char *path), void *data);

#endif
