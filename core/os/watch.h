/*
 * watch.h: files and folders that change.
 */
#ifndef OS_WATCH_H
#define OS_WATCH_H

#include "loop.h"

struct watch;

/**
 * Calls `on_change(data)` after `path` (a file or a folder's content) has changed and been quiet
 * for 200 ms. Also looks every 5 s, for file systems without notice. A path that does not exist yet
 * is watched too. NULL: no memory.
 */
struct watch *watch_create(
	struct loop *loop, const char *path, void (*on_change)(void *data), void *data);
void watch_destroy(struct watch *watch); /* takes NULL */

#endif
