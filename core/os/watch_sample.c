/*
 * watch_sample.c: stat of a path, or of everything in a folder, as one number.
 */
#include "watch_sample.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"

/* FNV-1a. Nobody gains by making two states of a folder look alike. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t mix_number(uint64_t hash, int64_t number)
{
	return mix(hash, &number, sizeof(number));
}

static uint64_t mix_identity(uint64_t hash, const struct stat *status)
{
	return mix_number(mix_number(hash, (int64_t)status->st_dev), (int64_t)status->st_ino);
}

static uint64_t mix_status(uint64_t hash, const struct stat *status)
{
	hash = mix_identity(hash, status);
	hash = mix_number(hash, status->st_size);
	hash = mix_number(hash, status->st_mtim.tv_sec);
	return mix_number(hash, status->st_mtim.tv_nsec);
}

struct listing {
	const char *path;
	uint64_t hash;
};

static int mix_name(void *data, const char *name)
{
	struct listing *listing = data;
	char path[PATH_MAX];
	struct stat status;
	int shown = snprintf(path, sizeof(path), "%s/%s", listing->path, name);

	listing->hash = mix(listing->hash, name, strlen(name) + 1);
	if (shown > 0 && (size_t)shown < sizeof(path) && stat(path, &status) == 0)
		listing->hash = mix_status(listing->hash, &status);
	return 0;
}

void watch_sample_take(const char *path, const char *folder, struct watch_sample *out)
{
	struct listing listing = { .path = path, .hash = UINT64_C(0xcbf29ce484222325) };
	struct stat status;

	*out = (struct watch_sample){ 0 };
	if (stat(folder, &status) == 0)
		out->identity = mix_identity(1, &status);
	if (stat(path, &status) != 0)
		return; /* content 0: it is not there */
	out->is_folder = S_ISDIR(status.st_mode);
	if (out->is_folder) {
		out->identity = mix_identity(out->identity, &status);
		(void)file_list(path, mix_name, &listing);
		out->content = mix_identity(listing.hash, &status);
	} else {
		out->content = mix_status(listing.hash, &status);
	}
	out->content |= 1;
}
