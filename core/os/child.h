/*
 * child.h: a program run to its end in a process of its own, so that what it does to itself is not
 * done to us.
 */
#ifndef OS_CHILD_H
#define OS_CHILD_H

#include <feedloom/base.h>

/** How it ended. */
struct child_end {
	int code;   /* what it returned, when signum is 0 */
	int signum; /* what killed it */
};

/**
 * Starts a program, catches what it prints, waits for its end. Blocks: for workers.
 *
 * @param argv        NULL-terminated; argv[0] is the program's path
 * @param descriptor  is the program's number 3, and all it gets of ours
 * @param out         what it printed to its standard output, cut at `size`
 * @return 0; -ETIMEDOUT: it was killed for lasting longer than `timeout_ms`; -ENOENT, -EACCES, ...:
 * it could not be started
 */
int child_run(const char *const argv[], int descriptor, int64_t timeout_ms, char *out, size_t size,
	struct child_end *end);

#endif
