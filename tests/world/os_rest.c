/*
 * os_rest.c: what a simulated daemon has little use for: the process as a whole, watches, readiness
 * of a library's descriptors. (The log goes to a ring, world.c.).
 */
#include <stdlib.h>

#include "os_inside.h"
#include "process.h"
#include "readiness.h"
#include "watch.h"

/* -- the process ---------------------------------------------------------------------- */

int process_notify(const char *message)
{
	(void)message;
	return 0;
}

int64_t process_watchdog_interval_ns(void)
{
	return 0;
}

int process_id(void)
{
	return os.current != NULL ? os.current->pid : 1;
}

int64_t process_resident_bytes(void)
{
	return 0;
}

int process_become(const char *user)
{
	(void)user;
	return -EPERM;
}

void process_harden(void) {}

const char *process_environment(const char *name)
{
	(void)name;
	return NULL;
}

/* -- watches: no file changes by itself ----------------------------------------------- */

struct watch {
	struct loop *loop;
};

struct watch *watch_create(
	struct loop *loop, const char *path, void (*on_change)(void *data), void *data)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	(void)path;
	(void)on_change;
	(void)data;
	if (watch == NULL)
		return NULL;
	watch->loop = loop;
	loop->held++;
	return watch;
}

void watch_destroy(struct watch *watch)
{
	if (watch == NULL)
		return;
	watch->loop->held--;
	free(watch);
}

/* -- readiness: no descriptors -------------------------------------------------------- */

int readiness_create(struct loop *loop, int descriptor,
	void (*on_ready)(void *data, unsigned ready), void *data, struct readiness **out)
{
	(void)loop;
	(void)descriptor;
	(void)on_ready;
	(void)data;
	(void)out;
	return -ENOSYS;
}

void readiness_wait_for(struct readiness *readiness, unsigned events)
{
	(void)readiness;
	(void)events;
}

void readiness_destroy(struct readiness *readiness)
{
	(void)readiness;
}
