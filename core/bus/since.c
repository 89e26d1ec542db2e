/* since.c: the entries of one page of 64 KiB, 64 bytes each. */
#include "since.h"
#include "file.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES = 64 * 1024, NAME_BYTES = 48 };

static const char magic[16] = "feedloom since 1";

/* As it is on disk; the first is the head, with the magic for a name. */
struct entry {
	int64_t since_ns;
	uint32_t run; /* 0: free */
	uint32_t reserved;
	char feed[NAME_BYTES];
};

enum { ENTRIES = FILE_BYTES / sizeof(struct entry) };

struct since {
	struct file *file;
	struct entry *entries;
	uint32_t run;
	volatile bool damaged; /* a page is gone: what is written lasts as long as the process */
	bool is_guarded;
};

static int map(struct since *since, const char *path)
{
	void *address;
	int error = file_open(path, FILE_READ | FILE_WRITE | FILE_CREATE | FILE_NOCOW, &since->file);

	if (error == 0)
		error = file_allocate(since->file, FILE_BYTES);
	if (error == 0 && file_size(since->file) < FILE_BYTES)
		error = file_truncate(since->file, FILE_BYTES);
	if (error == 0)
		error = file_map(since->file, 0, FILE_BYTES, true, &address);
	if (error != 0)
		return error;
	since->entries = address;
	since->is_guarded = file_guard(address, FILE_BYTES, &since->damaged) == 0;
	return 0;
}

int since_open(const char *folder, uint32_t run, struct since **out)
{
	struct since *since = calloc(1, sizeof(*since));
	char *path;
	int error;

	if (since == NULL)
		return -ENOMEM;
	if (asprintf(&path, "%s/" SINCE_FILE, folder) < 0) {
		free(since);
		return -ENOMEM;
	}
	since->run = run;
	error = map(since, path);
	free(path);
	if (error < 0) {
		since_close(since);
		return error;
	}
	if (memcmp(since->entries[0].feed, magic, sizeof(magic)) != 0) {
		memset(since->entries, 0, FILE_BYTES);
		memcpy(since->entries[0].feed, magic, sizeof(magic));
	}
	*out = since;
	return 0;
}

void since_close(struct since *since)
{
	if (since == NULL)
		return;
	if (since->is_guarded)
		file_unguard(since->entries);
	if (since->entries != NULL)
		file_unmap(since->entries, FILE_BYTES);
	file_close(since->file);
	free(since);
}

/* Whatever the file says: a name without an end is nobody's. */
static bool is_left(const struct since *since, const struct entry *entry, const char *feed)
{
	return entry->run != 0 && entry->run != since->run &&
		strncmp(entry->feed, feed, sizeof(entry->feed)) == 0;
}

int64_t since_left(const struct since *since, const char *feed)
{
	int64_t earliest = 0;

	for (size_t i = 1; i < ENTRIES; i++) {
		const struct entry *entry = &since->entries[i];

		if (is_left(since, entry, feed) && entry->since_ns > 0 &&
			(earliest == 0 || entry->since_ns < earliest))
			earliest = entry->since_ns;
	}
	return earliest;
}

void since_forget(struct since *since, const char *feed)
{
	for (size_t i = 1; i < ENTRIES; i++)
		if (is_left(since, &since->entries[i], feed))
			memset(&since->entries[i], 0, sizeof(since->entries[i]));
}

int64_t *since_take(struct since *since, const char *feed)
{
	if (strlen(feed) >= NAME_BYTES)
		return NULL;
	for (size_t i = 1; i < ENTRIES; i++) {
		struct entry *entry = &since->entries[i];

		if (entry->run != 0)
			continue;
		entry->since_ns = 0;
		(void)snprintf(entry->feed, sizeof(entry->feed), "%s", feed);
		entry->run = since->run;
		return &entry->since_ns;
	}
	return NULL;
}

void since_give(int64_t *since_ns)
{
	struct entry *entry = (struct entry *)(void *)since_ns;

	if (since_ns != NULL)
		memset(entry, 0, sizeof(*entry));
}
