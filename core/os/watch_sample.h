/*
 * watch_sample.h: what a path looks like now, small enough to compare.
 */
#ifndef OS_WATCH_SAMPLE_H
#define OS_WATCH_SAMPLE_H

#include <feedloom/base.h>

struct watch_sample {
	uint64_t
		content; /* of the file, or of the folder with its names: differs when anything changed */
	uint64_t identity; /* of the folders that notices come from: differs when one is another now */
	bool is_folder;
};

/** Looks at the disk, through symbolic links. May block: for a worker. `folder` is the containing
 * one. */
void watch_sample_take(const char *path, const char *folder, struct watch_sample *out);

#endif
