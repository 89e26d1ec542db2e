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
	void *handle; /* NULL: not loaded */
	void *bytes;  /* of the copy, mapped to be read; NULL: they are not */
	size_t byte_count;
	int copy; /* kept open while loaded: its number makes the name that no other load can have */
	struct dynamic_stamp stamp; /* of the file it was copied from */
};

static int64_t ns_of(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static struct dynamic_stamp stamp_of(const struct stat *about)
{
	return (struct dynamic_stamp){ .device = about->st_dev,
		.inode = about->st_ino,
		.bytes = about->st_size,
		.modified_ns = ns_of(about->st_mtim),
		.changed_ns = ns_of(about->st_ctim) };
}

int dynamic_stamp(const char *path, struct dynamic_stamp *out)
{
	struct stat about;

	if (stat(path, &about) < 0)
		return -errno;
	*out = stamp_of(&about);
	return 0;
}

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

/* What is checked is what is loaded: not even another process that has it open can write to it. */
static int freeze(struct dynamic *dynamic)
{
	struct stat about;

	if (fstat(dynamic->copy, &about) < 0 ||
		fcntl(dynamic->copy, F_ADD_SEALS,
			F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -errno;
	dynamic->byte_count = (size_t)about.st_size;
	return 0;
}

static int copy_aside(const char *path, struct dynamic *dynamic)
{
	int from = open(path, O_RDONLY | O_CLOEXEC);
	int result;
	struct stat about;

	if (from < 0)
		return -errno;
	result = fstat(from, &about) < 0 ? -errno : S_ISREG(about.st_mode) ? 0 : -EISDIR;
	if (result < 0)
		goto close_from;
	dynamic->stamp = stamp_of(&about);
	dynamic->copy = memfd_create("feedloom-plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (dynamic->copy < 0) {
		result = -errno;
		goto close_from;
	}
	result = copy_file(from, dynamic->copy);
	if (result == 0)
		result = freeze(dynamic);
	if (result < 0)
		close(dynamic->copy);
close_from:
	close(from);
	return result;
}

static void name_of(const struct dynamic *dynamic, char *out, size_t size)
{
	snprintf(out, size, "/proc/self/fd/%d", dynamic->copy);
}

int dynamic_copy(const char *path, struct dynamic **out)
{
	struct dynamic *dynamic = calloc(1, sizeof(*dynamic));
	int result;

	if (dynamic == NULL)
		return -ENOMEM;
	result = copy_aside(path, dynamic);
	if (result < 0) {
		free(dynamic);
		return result;
	}
	*out = dynamic;
	return 0;
}

const void *dynamic_bytes(struct dynamic *dynamic, size_t *length)
{
	void *bytes;

	*length = dynamic->byte_count;
	if (dynamic->bytes != NULL || dynamic->byte_count == 0)
		return dynamic->bytes;
	bytes = mmap(NULL, dynamic->byte_count, PROT_READ, MAP_PRIVATE, dynamic->copy, 0);
	if (bytes != MAP_FAILED)
		dynamic->bytes = bytes;
	return dynamic->bytes;
}

static void forget_bytes(struct dynamic *dynamic)
{
	if (dynamic->bytes != NULL)
		(void)munmap(dynamic->bytes, dynamic->byte_count);
	dynamic->bytes = NULL;
}

int dynamic_descriptor(const struct dynamic *dynamic)
{
	return dynamic->copy;
}

int dynamic_load(struct dynamic *dynamic, char *problem, size_t size)
{
	char name[64];
	const char *why;

	forget_bytes(dynamic);
	name_of(dynamic, name, sizeof(name));
	dynamic->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (dynamic->handle != NULL)
		return 0;
	why = dlerror();
	if (strncmp(why, name, strlen(name)) == 0)
		why += strlen(name);
	snprintf(problem, size, "%s", why[0] == ':' ? why + 2 : why);
	return -ENOEXEC;
}

const struct dynamic_stamp *dynamic_stamp_of(const struct dynamic *dynamic)
{
	return &dynamic->stamp;
}

/* ---- the build id: a note in the image ---- */

struct note {
	const char *name, *content;
	size_t content_bytes, next; /* next: where the one after it begins */
	unsigned type;
};

static size_t round_up(size_t bytes)
{
	return (bytes + 3) & ~(size_t)3;
}

/* The note at `at`; false: there is none that fits. */
static bool read_note(const char *notes, size_t at, size_t bytes, struct note *out)
{
	ElfW(Nhdr) head;

	if (bytes < sizeof(head) || at > bytes - sizeof(head))
		return false;
	memcpy(&head, notes + at, sizeof(head));
	at += sizeof(head);
	if (round_up(head.n_namesz) > bytes - at ||
		head.n_descsz > bytes - at - round_up(head.n_namesz))
		return false;
	*out = (struct note){ .name = notes + at,
		.content = notes + at + round_up(head.n_namesz),
		.content_bytes = head.n_descsz,
		.next = at + round_up(head.n_namesz) + round_up(head.n_descsz),
		.type = head.n_namesz == sizeof(ELF_NOTE_GNU) ? head.n_type : 0 };
	return true;
}

static void print_build_id(const char *notes, size_t bytes, char *out, size_t size)
{
	struct note note;

	for (size_t at = 0; read_note(notes, at, bytes, &note); at = note.next) {
		if (note.type != NT_GNU_BUILD_ID ||
			memcmp(note.name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) != 0)
			continue;
		for (size_t i = 0; i < note.content_bytes && 2 * i + 2 < size; i++)
			snprintf(out + 2 * i, 3, "%02x", (unsigned char)note.content[i]);
		return;
	}
}

const char *dynamic_build_id(const struct dynamic *dynamic, char *out, size_t size)
{
	struct link_map *map;
	ElfW(Ehdr) head;
	const char *base;

	out[0] = '\0';
	if (dlinfo(dynamic->handle, RTLD_DI_LINKMAP, &map) != 0 || map->l_addr == 0)
		return out;
	base = (const char *)map->l_addr;
	memcpy(&head, base, sizeof(head));
	for (unsigned i = 0; i < head.e_phnum; i++) {
		ElfW(Phdr) part;

		memcpy(&part, base + head.e_phoff + i * sizeof(part), sizeof(part));
		if (part.p_type == PT_NOTE && out[0] == '\0')
			print_build_id(base + part.p_vaddr, part.p_memsz, out, size);
	}
	return out;
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

/* The linker may keep it (unique symbols, NODELETE); then its name must stay taken too. */
static bool is_mapped(const struct dynamic *dynamic)
{
	char name[64];
	void *handle;

	name_of(dynamic, name, sizeof(name));
	handle = dlopen(name, RTLD_NOW | RTLD_NOLOAD);
	if (handle != NULL)
		dlclose(handle);
	return handle != NULL;
}

bool dynamic_close(struct dynamic *dynamic)
{
	bool is_gone;

	if (dynamic == NULL)
		return true;
	forget_bytes(dynamic);
	is_gone = dynamic->handle == NULL || !KEEP_MAPPED;
	if (dynamic->handle != NULL && !KEEP_MAPPED) {
		dlclose(dynamic->handle);
		is_gone = !is_mapped(dynamic);
	}
	if (is_gone)
		close(dynamic->copy);
	free(dynamic);
	return is_gone;
}
