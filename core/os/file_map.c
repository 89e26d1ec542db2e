/*
 * file_map.c: windows into files, and what keeps a vanished page under one from ending the process.
 */
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file_inside.h"

enum { GUARDS_MAX = 64 };

/* Read by the signal handler: `begin` is set last and cleared first. */
struct guard {
	atomic_bool is_taken;
	_Atomic uintptr_t begin; /* 0: guards nothing */
	_Atomic uintptr_t end;
	volatile bool *_Atomic damaged;
};

static struct guard guards[GUARDS_MAX];
static struct sigaction earlier_action; /* whoever took SIGBUS before us: a sanitizer, or nobody */
static size_t page_bytes;
static pthread_mutex_t taking = PTHREAD_MUTEX_INITIALIZER;

static const struct guard *guard_over(uintptr_t address)
{
	for (size_t i = 0; i < GUARDS_MAX; i++) {
		uintptr_t begin = atomic_load(&guards[i].begin);

		if (begin != 0 && address >= begin && address < atomic_load(&guards[i].end))
			return &guards[i];
	}
	return NULL;
}

/* Only what a signal handler may do: loads, stores, mmap, sigaction, raise. */
static void on_bus_error(int signum, siginfo_t *info, void *context)
{
	int saved_errno = errno;
	uintptr_t address = (uintptr_t)info->si_addr;
	const struct guard *guard = info->si_code > 0 ? guard_over(address) : NULL;
	void *page = (void *)(address & ~((uintptr_t)page_bytes - 1));

	(void)context;
	if (guard != NULL &&
		mmap(page, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			0) == page) {
		*atomic_load(&guard->damaged) = true;
	} else {
		/* Not ours: the instruction faults again, into the hands of whoever was here before. */
		(void)sigaction(signum, &earlier_action, NULL);
		if (info->si_code <= 0) /* sent by somebody: nothing will fault again */
			(void)raise(signum);
	}
	errno = saved_errno;
}

/* Asked again with every guard: others (a test framework, a crash handler) may have taken it since.
 */
static void take_bus_errors(void)
{
	struct sigaction now,
		ours = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };

	(void)pthread_mutex_lock(&taking);
	page_bytes = file_page_bytes();
	(void)sigemptyset(&ours.sa_mask);
	if (sigaction(SIGBUS, NULL, &now) == 0 && now.sa_sigaction != on_bus_error) {
		earlier_action = now;
		(void)sigaction(SIGBUS, &ours, NULL);
	}
	(void)pthread_mutex_unlock(&taking);
}

size_t file_page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int file_guard(void *address, size_t length, volatile bool *damaged)
{
	take_bus_errors();
	for (size_t i = 0; i < GUARDS_MAX; i++) {
		bool is_taken = false;

		if (!atomic_compare_exchange_strong(&guards[i].is_taken, &is_taken, true))
			continue;
		atomic_store(&guards[i].end, (uintptr_t)address + length);
		atomic_store(&guards[i].damaged, damaged);
		atomic_store(&guards[i].begin, (uintptr_t)address);
		return 0;
	}
	return -ENOSPC;
}

void file_unguard(void *address)
{
	for (size_t i = 0; i < GUARDS_MAX; i++) {
		if (atomic_load(&guards[i].begin) != (uintptr_t)address)
			continue;
		atomic_store(&guards[i].begin, 0);
		atomic_store(&guards[i].is_taken, false);
		return;
	}
}

int file_map(struct file *file, int64_t offset, size_t length, bool writable, void **out)
{
	void *address = mmap(
		NULL, length, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, file->fd, offset);

	if (address == MAP_FAILED)
		return -errno;
	*out = address;
	return 0;
}

void file_unmap(void *address, size_t length)
{
	if (munmap(address, length) != 0)
		assert(false); /* not what file_map gave */
}

/*
 * Makes each page ours to write without changing what is in it: the loop may be writing there now,
 * so a byte is exchanged for itself in one step. An atomic "or 0" would not do; compilers turn it
 * into a load.
 */
static void touch_pages(void *address, size_t length)
{
	size_t step = file_page_bytes();

	for (size_t at = 0; at < length; at += step) {
		_Atomic unsigned char *byte = (_Atomic unsigned char *)address + at;
		unsigned char now = atomic_load(byte);

		(void)atomic_compare_exchange_strong(byte, &now, now);
	}
}

int file_populate(void *address, size_t length)
{
	while (madvise(address, length, MADV_POPULATE_WRITE) != 0) {
		if (errno == EINTR)
			continue;
		if (errno != EINVAL)
			return -errno;
		touch_pages(address, length); /* a kernel before 5.14 */
		break;
	}
	return 0;
}

void file_give_back(void *address, size_t length)
{
	(void)madvise(address, length, MADV_DONTNEED);
}

int file_map_sync(void *address, size_t length)
{
	return msync(address, length, MS_SYNC) == 0 ? 0 : -errno;
}
