/*
 * watch.c: notices from the kernel make it quick, samples of the disk make it sure.
 *
 * A notice only says when to look. What counts is whether the sample differs from the one that was
 * last told, so neither a lost notice nor noise in the same folder misleads anybody. Notices come
 * from the containing folder (a file may be replaced, or be one of many links that are swapped),
 * and from the path itself when it is a folder. A folder in which something else is written all the
 * time (a store) is not listened to between its first rumour and the look that follows: each write
 * would wake the loop.
 */
#include "watch.h"

#include <stdlib.h>
#include <string.h>

#include "timer.h"
#include "uv_loop.h"
#include "watch_sample.h"
#include "worker.h"

#define QUIET_NS (200 * FL_MS)
#define RUMOUR_NS                                                                                  \
	(500 * FL_MS) /* something else in the folder: perhaps a link on the way to it                 \
				   */
#define LOOK_NS (5 * FL_SECOND)

/* A source of notices; apart from the watch, because it closes later. */
struct notices {
	uv_fs_event_t handle;
	struct watch *watch; /* NULL: the watch is gone or has taken another */
	bool is_own;         /* of the path itself, a folder: every name in it concerns us */
};

struct watch {
	struct loop *loop;
	void (*on_change)(void *data);
	void *data;
	char *path, *folder;      /* and the one that contains it; never change: a worker reads them */
	const char *name;         /* in the folder; inside `path` */
	struct timer *look_timer; /* NULL: destroyed, and a look still under way */
	struct notices *outer, *own;
	struct watch_sample told;  /* what the owner knows */
	struct watch_sample seen;  /* by the last look */
	struct watch_sample fresh; /* the worker's until its look is done */
	bool is_looking;
	bool is_soon;    /* the next look is nearer than the usual one */
	bool is_noticed; /* the kernel named our path since the last look began */
	bool was_quiet;  /* this look began after a notice and the quiet that followed */
};

static void look_in(struct watch *watch, int64_t delay_ns)
{
	watch->is_soon = delay_ns < LOOK_NS;
	timer_start(watch->look_timer, delay_ns, 0);
}

/* -- notices -------------------------------------------------------------------------- */

static void on_notice(uv_fs_event_t *handle, const char *name, int events, int status)
{
	struct notices *notices = handle->data;
	struct watch *watch = notices->watch;

	(void)events;
	if (watch == NULL || status != 0)
		return;
	if (notices->is_own || name == NULL || strcmp(name, watch->name) == 0) {
		watch->is_noticed = true;
		look_in(watch, QUIET_NS); /* from the last of them on */
		return;
	}
	if (!watch->is_soon)
		look_in(
			watch, RUMOUR_NS); /* from the first of them on: a busy folder must not put it off */
	if (!watch->is_noticed)    /* who waits for quiet has to hear */
		uv_fs_event_stop(handle);
}

static void on_notices_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void notices_close(struct notices *notices)
{
	if (notices == NULL)
		return;
	notices->watch = NULL;
	uv_close((uv_handle_t *)&notices->handle, on_notices_closed);
}

/* NULL where the path is not there or the kernel gives no notice: the looks have to do. */
static struct notices *notices_open(struct watch *watch, const char *path, bool is_own)
{
	struct notices *notices = calloc(1, sizeof(*notices));

	if (notices == NULL)
		return NULL;
	notices->watch = watch;
	notices->is_own = is_own;
	if (uv_fs_event_init(&watch->loop->uv, &notices->handle) != 0) {
		free(notices);
		return NULL;
	}
	notices->handle.data = notices;
	if (uv_fs_event_start(&notices->handle, on_notice, path, 0) != 0) {
		notices_close(notices);
		return NULL;
	}
	return notices;
}

/* The kernel's notices belong to a folder, not to its name: after a swap they come from the old
 * one. */
static void renew_notices(struct watch *watch)
{
	notices_close(watch->outer);
	notices_close(watch->own);
	watch->outer = notices_open(watch, watch->folder, false);
	watch->own = watch->seen.is_folder ? notices_open(watch, watch->path, true) : NULL;
}

static void listen_again(struct watch *watch)
{
	if (watch->outer != NULL && !uv_is_active((uv_handle_t *)&watch->outer->handle))
		uv_fs_event_start(&watch->outer->handle, on_notice, watch->folder, 0);
}

/* -- looks ---------------------------------------------------------------------------- */

static void watch_free(struct watch *watch)
{
	free(watch->path);
	free(watch->folder);
	free(watch);
}

static void look(void *data)
{
	struct watch *watch = data;

	watch_sample_take(watch->path, watch->folder, &watch->fresh);
}

static void on_looked(void *data)
{
	struct watch *watch = data;
	const struct watch_sample fresh = watch->fresh, before = watch->seen;
	bool has_settled;

	watch->is_looking = false;
	if (watch->look_timer == NULL) {
		watch_free(watch);
		return;
	}
	/* Quiet: by the notices, or, where there are none, because two looks saw the same. */
	has_settled = !watch->is_noticed && (watch->was_quiet || fresh.content == before.content);
	watch->seen = fresh;
	if (fresh.identity != before.identity) {
		renew_notices(watch);
		look_in(watch, QUIET_NS); /* at what happened before the new notices */
	} else if (fresh.content != watch->told.content && !has_settled && !watch->is_soon) {
		look_in(watch, QUIET_NS);
	} else if (!watch->is_soon) {
		look_in(watch, LOOK_NS);
	}
	if (fresh.content == watch->told.content || !has_settled)
		return;
	watch->told = fresh;
	watch->on_change(watch->data); /* may destroy it */
}

static void on_look_due(void *data)
{
	struct watch *watch = data;

	if (watch->is_looking) {
		look_in(watch, QUIET_NS);
		return;
	}
	listen_again(watch); /* before the look: what comes behind it is noticed */
	if (worker_run(watch->loop, look, on_looked, watch) != 0) {
		look_in(watch, LOOK_NS);
		return;
	}
	watch->is_looking = true;
	watch->was_quiet = watch->is_noticed;
	watch->is_noticed = false;
	watch->is_soon = false;
}

/* -- a watch's life ------------------------------------------------------------------- */

static bool split_path(struct watch *watch, const char *path)
{
	size_t length = strlen(path);
	const char *slash;

	while (length > 1 && path[length - 1] == '/')
		length--;
	watch->path = strndup(path, length);
	if (watch->path == NULL)
		return false;
	slash = strrchr(watch->path, '/');
	watch->name = slash == NULL ? watch->path : slash + 1;
	if (slash == NULL)
		watch->folder = strdup(".");
	else
		watch->folder =
			strndup(watch->path, slash == watch->path ? 1 : (size_t)(slash - watch->path));
	return watch->folder != NULL;
}

struct watch *watch_create(
	struct loop *loop, const char *path, void (*on_change)(void *data), void *data)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	watch->loop = loop;
	watch->on_change = on_change;
	watch->data = data;
	watch->look_timer = timer_create(loop, on_look_due, watch);
	if (watch->look_timer == NULL || !split_path(watch, path)) {
		timer_destroy(watch->look_timer);
		watch_free(watch);
		return NULL;
	}
	/* The first look is taken here and now: whatever changes after this call is a change. */
	look(watch);
	watch->told = watch->seen = watch->fresh;
	renew_notices(watch);
	look_in(watch, LOOK_NS);
	return watch;
}

void watch_destroy(struct watch *watch)
{
	if (watch == NULL)
		return;
	notices_close(watch->outer);
	notices_close(watch->own);
	timer_destroy(watch->look_timer);
	watch->look_timer = NULL;
	if (!watch->is_looking)
		watch_free(watch);
}
