/*
 * faulty_disk.c: stands before libc (LD_PRELOAD) and makes a disk fail or be slow as the file named
 * by FAULTY_DISK says, which a test writes while the program runs (faulty_disk.py). Counts what it
 * sees.
 */
#undef _FILE_OFFSET_BITS /* pwrite and pwrite64 are two names here */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { WRITES = 1, SYNCS = 2, ALLOCATIONS = 4, PAGES = 8 };

/** As faulty_disk.py packs it. */
struct orders {
	_Atomic uint32_t what;     /* these operations ... */
	_Atomic int32_t error;     /* ... fail with this errno; 0: they succeed, ... */
	_Atomic uint32_t delay_ms; /* ... after so long */
	_Atomic uint32_t seen[4];  /* operations on matching files since it was set to 0, by bit */
	_Atomic uint32_t failed;
	char path[256]; /* of files whose path contains this; mappings match always */
};

static struct orders *orders;

__attribute__((constructor)) static void take_orders(void)
{
	const char *path = getenv("FAULTY_DISK");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *memory = MAP_FAILED;

	if (fd >= 0)
		memory = mmap(NULL, sizeof(*orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		fputs("faulty_disk: FAULTY_DISK names no file of orders\n", stderr);
		_exit(70);
	}
	close(fd);
	orders = memory;
}

static int is_meant(int fd)
{
	char link[64], path[4096];
	ssize_t length;

	if (fd < 0)
		return 1;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return 0;
	path[length] = '\0';
	return strstr(path, orders->path) != NULL;
}

/* True: the operation is to fail, errno says how. */
static int obey(uint32_t what, int fd)
{
	uint32_t delay_ms;
	int error;

	if (!is_meant(fd))
		return 0;
	orders->seen[what == WRITES ? 0 : what == SYNCS ? 1 : what == ALLOCATIONS ? 2 : 3]++;
	if ((orders->what & what) == 0)
		return 0;
	delay_ms = orders->delay_ms;
	error = orders->error;
	if (delay_ms > 0) {
		struct timespec time = { delay_ms / 1000, (long)(delay_ms % 1000) * 1000000 };

		nanosleep(&time, NULL);
	}
	if (error == 0)
		return 0;
	orders->failed++;
	errno = error;
	return 1;
}

/* A function of libc, looked up once. */
#define REAL(name, type)                                                                           \
	static type real;                                                                              \
	if (real == NULL)                                                                              \
	*(void **)&real = dlsym(RTLD_NEXT, name)

ssize_t write(int fd, const void *bytes, size_t length)
{
	typedef ssize_t (*call)(int, const void *, size_t);
	REAL("write", call);

	return fd > 2 && obey(WRITES, fd) ? -1 : real(fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	typedef ssize_t (*call)(int, const void *, size_t, off_t);
	REAL("pwrite", call);

	return obey(WRITES, fd) ? -1 : real(fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
	typedef ssize_t (*call)(int, const void *, size_t, off64_t);
	REAL("pwrite64", call);

	return obey(WRITES, fd) ? -1 : real(fd, bytes, length, offset);
}

int fsync(int fd)
{
	typedef int (*call)(int);
	REAL("fsync", call);

	return obey(SYNCS, fd) ? -1 : real(fd);
}

int fdatasync(int fd)
{
	typedef int (*call)(int);
	REAL("fdatasync", call);

	return obey(SYNCS, fd) ? -1 : real(fd);
}

int msync(void *address, size_t length, int flags)
{
	typedef int (*call)(void *, size_t, int);
	REAL("msync", call);

	return obey(SYNCS, -1) ? -1 : real(address, length, flags);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
	typedef int (*call)(int, int, off_t, off_t);
	REAL("fallocate", call);

	return obey(ALLOCATIONS, fd) ? -1 : real(fd, mode, offset, length);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
	typedef int (*call)(int, int, off64_t, off64_t);
	REAL("fallocate64", call);

	return obey(ALLOCATIONS, fd) ? -1 : real(fd, mode, offset, length);
}

int madvise(void *address, size_t length, int advice)
{
	typedef int (*call)(void *, size_t, int);
	REAL("madvise", call);

	return advice == MADV_POPULATE_WRITE && obey(PAGES, -1) ? -1 : real(address, length, advice);
}
