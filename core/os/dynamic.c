#include "dynamic.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct dynamic {
	void *handle;
	int copy; /* kept open while loaded: its number makes the name that no other load can have */
};

/* sendfile would be shorter, but not every file system of a NAS has it. */
static int copy_file(int from, int to)
{
	char bytes[65536];
	ssize_t length;

	while ((length = read(from, bytes, sizeof(bytes))) > 0)
		for (ssize_t done = 0; done < length;) {
			ssize_t wrote = write(to, bytes + done, (size_t)(length - done));

			if (wrote < 0)
				return -errno;
			done += wrote;
		}
	return length < 0 ? -errno : 0;
}

static int copy_aside(const char *path, int *out)
{
	int from = open(path, O_RDONLY | O_CLOEXEC);
	int result;
	struct stat about;

	if (from < 0)
		return -errno;
	result = fstat(from, &about) < 0 ? -errno : S_ISREG(about.st_mode) ? 0 : -EISDIR;
	if (result < 0)
		goto close_from;
	*out = memfd_create("feedloom-plugin", MFD_CLOEXEC);
	if (*out < 0) {
		result = -errno;
		goto close_from;
	}
	result = copy_file(from, *out);
	if (result < 0)
		close(*out);
close_from:
	close(from);
	return result;
}

/*
 * The loader maps what the headers promise: a file that ends before that (half copied) would be a
 * SIGBUS, not an error. What is no ELF file of this machine at all it finds out by itself.
 */
static int check_length(int copy, char *problem, size_t size)
{
	ElfW(Ehdr) head;
	ElfW(Phdr) part;
	struct stat about;
	uint64_t end;

	if (fstat(copy, &about) < 0 || pread(copy, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
		memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_phentsize != sizeof(part))
		return 0;
	end = head.e_shoff + (uint64_t)head.e_shnum * head.e_shentsize;
	for (unsigned i = 0; i < head.e_phnum; i++) {
		if (pread(copy, &part, sizeof(part), (off_t)(head.e_phoff + i * sizeof(part))) !=
			(ssize_t)sizeof(part))
			break;
		if (part.p_filesz > UINT64_MAX - part.p_offset || part.p_offset + part.p_filesz > end)
			end = part.p_filesz > UINT64_MAX - part.p_offset ? UINT64_MAX
															 : part.p_offset + part.p_filesz;
	}
	if (end <= (uint64_t)about.st_size)
		return 0;
	snprintf(problem, size, "cut short: it has %lld bytes of %llu; copy it anew",
		(long long)about.st_size, (unsigned long long)end);
	return -ENOEXEC;
}

int dynamic_open(const char *path, struct dynamic **out, char *problem, size_t size)
{
	struct dynamic *dynamic = calloc(1, sizeof(*dynamic));
	char name[64];
	int result;

	if (dynamic == NULL)
		return -ENOMEM;
	result = copy_aside(path, &dynamic->copy);
	if (result < 0) {
		snprintf(problem, size, "%s", strerror(-result));
		goto free_dynamic;
	}
	result = check_length(dynamic->copy, problem, size);
	if (result < 0)
		goto close_copy;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", dynamic->copy);
	dynamic->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (dynamic->handle == NULL) {
		const char *why = dlerror();

		if (strncmp(why, name, strlen(name)) == 0)
			why += strlen(name);
		snprintf(problem, size, "%s", why[0] == ':' ? why + 2 : why);
		result = -ENOEXEC;
		goto close_copy;
	}
	*out = dynamic;
	return 0;

close_copy:
	close(dynamic->copy);
free_dynamic:
	free(dynamic);
	return result;
}

void *dynamic_symbol(struct dynamic *dynamic, const char *name)
{
	return dlsym(dynamic->handle, name);
}

#if defined(__SANITIZE_ADDRESS__)
#define KEEP_MAPPED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEP_MAPPED 1
#endif
#endif
#ifndef KEEP_MAPPED
#define KEEP_MAPPED 0
#endif

void dynamic_close(struct dynamic *dynamic)
{
	if (dynamic == NULL)
		return;
	if (!KEEP_MAPPED) {
		dlclose(dynamic->handle);
		close(dynamic->copy);
	}
	free(dynamic);
}
