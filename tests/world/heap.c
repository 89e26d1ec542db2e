/*
 * heap.c: malloc and its family in front of glibc's, counting by the machine whose code runs; and
 * SQLite's allocator, for which a large piece is a database in memory: a disk's, not the daemon's.
 */
#include "heap.h"

#include <errno.h>
#include <malloc.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "os_inside.h"

#if defined(__SANITIZE_ADDRESS__)
#define HEAP_IS_COUNTED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEAP_IS_COUNTED 0
#endif
#endif
#ifndef HEAP_IS_COUNTED
#define HEAP_IS_COUNTED 1
#endif

enum { DATABASE_MIN_BYTES = 512 * 1024 };

bool heap_is_counted(void)
{
	return HEAP_IS_COUNTED;
}

#if HEAP_IS_COUNTED
/* glibc's own, whatever stands in front of them. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

static void *count(void *memory)
{
	if (os.current != NULL)
		os.current->heap_bytes += (int64_t)malloc_usable_size(memory);
	return memory;
}

static void count_off(void *memory)
{
	if (os.current != NULL)
		os.current->heap_bytes -= (int64_t)malloc_usable_size(memory);
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
	return count(__libc_malloc(size));
}

__attribute__((visibility("default"))) void *calloc(size_t members, size_t size)
{
	return count(__libc_calloc(members, size));
}

__attribute__((visibility("default"))) void *realloc(void *memory, size_t size)
{
	size_t before = malloc_usable_size(memory);
	void *resized = __libc_realloc(memory, size);

	if (os.current != NULL && (resized != NULL || size == 0))
		os.current->heap_bytes += (int64_t)malloc_usable_size(resized) - (int64_t)before;
	return resized;
}

__attribute__((visibility("default"))) void free(void *memory)
{
	count_off(memory);
	__libc_free(memory);
}

__attribute__((visibility("default"))) void *memalign(size_t alignment, size_t size)
{
	return count(__libc_memalign(alignment, size));
}

__attribute__((visibility("default"))) void *aligned_alloc(size_t alignment, size_t size)
{
	return count(__libc_memalign(alignment, size));
}

__attribute__((visibility("default"))) int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *memory = count(__libc_memalign(alignment, size));

	if (memory == NULL)
		return ENOMEM;
	*out = memory;
	return 0;
}

#define NOBODYS(function) __libc_##function
#else
#define NOBODYS(function) function
#endif

static void *or_abort(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

void *heap_get(size_t size)
{
	return or_abort(NOBODYS(calloc)(1, size));
}

void *heap_resize(void *memory, size_t size)
{
	return or_abort(NOBODYS(realloc)(memory, size));
}

void heap_give(void *memory)
{
	NOBODYS(free)(memory);
}

/* -- SQLite's ------------------------------------------------------------------------- */

static int size_of(void *memory)
{
	return (int)malloc_usable_size(memory);
}

static bool is_database(size_t size)
{
	return size >= DATABASE_MIN_BYTES;
}

static void *get(int size)
{
	return is_database((size_t)size) ? NOBODYS(malloc)((size_t)size) : malloc((size_t)size);
}

static void give(void *memory)
{
	if (is_database(malloc_usable_size(memory)))
		NOBODYS(free)(memory);
	else
		free(memory);
}

/* A database that has outgrown what is counted is taken off the count. */
static void *resize(void *memory, int size)
{
	bool was_database = is_database(malloc_usable_size(memory));
	void *resized;

	if (was_database == is_database((size_t)size))
		return was_database ? NOBODYS(realloc)(memory, (size_t)size)
							: realloc(memory, (size_t)size);
	resized = get(size);
	if (resized == NULL)
		return NULL;
	memcpy(resized, memory,
		malloc_usable_size(memory) < (size_t)size ? malloc_usable_size(memory) : (size_t)size);
	give(memory);
	return resized;
}

static int round_up(int size)
{
	return (size + 7) & ~7;
}

static int init(void *data)
{
	(void)data;
	return SQLITE_OK;
}

static void shut_down(void *data)
{
	(void)data;
}

void heap_setup(void)
{
	static const sqlite3_mem_methods methods = { .xMalloc = get,
		.xFree = give,
		.xRealloc = resize,
		.xSize = size_of,
		.xRoundup = round_up,
		.xInit = init,
		.xShutdown = shut_down };

	/* Each answers that it is too late once SQLite is in use, as in a second world. */
	(void)sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
}
