/*
 * swap.c: the steps of a swap, one function each. What the new code asks for until its start has
 * returned 0 is kept (kept.c), so that a failed start leaves no trace.
 */
#include "swap.h"

#include "clock.h"
#include "error.h"
#include "host.h"
#include "instance_parts.h"
#include "kept.h"
#include "log.h"
#include "plan.h"
#include "plugin_record.h"
#include "snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct swap {
	struct fl_ctx *ctx;
	struct image *image;
	const struct fl_plugin *plugin; /* the new code */
	void *options;
	struct fl_snapshot *snapshot;
	struct kept *kept;
	void *state;
	char *problem;
};

bool swap_is_possible(const struct fl_ctx *ctx)
{
	return ctx->depth == 0 && instance_streams_are_idle(ctx);
}

static int fail(struct swap *swap, const char *step, int result)
{
	snprintf(swap->problem, SWAP_PROBLEM_BYTES, "%s: %s", step, error_text(result));
	return result;
}

/* ---- the steps ---- */

static int check_descriptor(struct swap *swap)
{
	const struct fl_plugin *old = swap->ctx->plugin;

	if (strcmp(swap->plugin->name, old->name) == 0 && swap->plugin->role == old->role)
		return 0;
	snprintf(swap->problem, SWAP_PROBLEM_BYTES,
		"check: the file holds another plugin, %s, not %s; rename it", swap->plugin->name,
		strcmp(swap->plugin->name, old->name) == 0 ? "of that role" : old->name);
	return -EINVAL;
}

static int read_options(struct swap *swap)
{
	struct config_errors errors;
	struct buf text;
	int result;

	config_errors_init(&errors);
	result = written_apply(swap->ctx->written, swap->ctx->role, swap->plugin,
		swap->ctx->host->parts.state_folder, &errors, &swap->options);
	if (result < 0) {
		buf_init(&text, 4096);
		(void)config_errors_print(&errors, &text);
		snprintf(swap->problem, SWAP_PROBLEM_BYTES, "options: %.*s",
			(int)strcspn(buf_string(&text), "\n"), buf_string(&text));
		buf_finish(&text);
	}
	config_errors_finish(&errors);
	return result;
}

static int save(struct swap *swap)
{
	uint32_t before;
	struct fl_ctx *ctx = swap->ctx;
	int result;

	swap->snapshot = snapshot_create();
	swap->kept = kept_create();
	if (swap->snapshot == NULL || swap->kept == NULL)
		return fail(swap, "save", -ENOMEM);
	ctx->kept = swap->kept;
	if (ctx->plugin->save == NULL)
		return 0;
	before = instance_enter(ctx);
	result = ctx->plugin->save(ctx->state, swap->snapshot);
	instance_leave(ctx, before);
	return result == 0 ? 0 : fail(swap, "save", result);
}

static int create(struct swap *swap)
{
	uint32_t before;
	struct fl_ctx *ctx = swap->ctx;
	int result;

	before = instance_enter(ctx);
	result = swap->plugin->create(ctx, swap->options, &swap->state);
	instance_leave(ctx, before);
	return result == 0 ? 0 : fail(swap, "create", result);
}

/* Code that has nothing to hand over, or does not take it, begins with what create made. */
static int restore(struct swap *swap)
{
	uint32_t before;
	struct fl_ctx *ctx = swap->ctx;
	int result;

	if (swap->plugin->restore == NULL || ctx->plugin->save == NULL)
		return 0;
	before = instance_enter(ctx);
	result = swap->plugin->restore(swap->state, ctx->plugin->state_version, swap->snapshot);
	instance_leave(ctx, before);
	if (result == 0)
		return 0;
	snprintf(swap->problem, SWAP_PROBLEM_BYTES,
		"restore: state version %u, which version %s wrote, is not taken by version %s: %s",
		ctx->plugin->state_version, ctx->plugin->version, swap->plugin->version,
		error_text(result));
	return result;
}

/* The pointers are the new ones while it starts, and the old ones again if it fails. */
static int start(struct swap *swap)
{
	uint32_t before;
	struct fl_ctx *ctx = swap->ctx;
	const struct fl_plugin *old_plugin = ctx->plugin;
	void *old_state = ctx->state;
	int result;

	ctx->plugin = swap->plugin;
	ctx->state = swap->state;
	before = instance_enter(ctx);
	result = swap->plugin->start(swap->state);
	instance_leave(ctx, before);
	if (result == 0 && !kept_is_whole(swap->kept))
		result = -ENOMEM;
	ctx->plugin = old_plugin;
	ctx->state = old_state;
	return result == 0 ? 0 : fail(swap, "start", result);
}

/* ---- the end, either way ---- */

struct retired {
	struct host *host;
	struct image *image;
	struct plugin_record *record; /* lives as long as the host */
};

static void close_image(void *data)
{
	struct retired *retired = data;

	retired->host->retiring--;
	if (!image_close(retired->image) && retired->record != NULL)
		retired->record->images_kept++;
	free(retired);
}

/* Nothing of it is on the stack at the turn's end. Without memory it stays. */
static void retire(struct fl_ctx *ctx, struct image *image)
{
	struct host *host = ctx->host;
	struct plugin_record *record = plugin_record(host, plugin_of(ctx));
	struct retired *retired = malloc(sizeof(*retired));

	if (retired != NULL) {
		*retired = (struct retired){ host, image, record };
		if (loop_defer(host->parts.loop, close_image, retired) == 0) {
			host->retiring++;
			return;
		}
	}
	free(retired);
	if (record != NULL)
		record->images_kept++;
}

static void commit(struct swap *swap)
{
	struct fl_ctx *ctx = swap->ctx;
	const struct fl_plugin *old_plugin = ctx->plugin;
	void *old_state = ctx->state, *old_options = ctx->options;
	struct image *old_image = ctx->image;

	instance_take(ctx, image_keep(swap->image), swap->options);
	ctx->state = swap->state;
	ctx->kept = NULL;
	ctx->life++;
	kept_run(ctx, swap->kept);
	instance_parts_sweep(ctx);
	old_plugin->destroy(old_state);
	options_free(old_options);
	retire(ctx, old_image);
}

static void undo(struct swap *swap)
{
	swap->ctx->kept = NULL;
	if (swap->state != NULL)
		swap->plugin->destroy(swap->state);
	options_free(swap->options);
}

static int64_t now_ns(const struct fl_ctx *ctx)
{
	clock_refresh(ctx->host->parts.loop);
	return clock_monotonic_ns(ctx->host->parts.loop);
}

int swap_instance(struct fl_ctx *ctx, struct image *image, char *problem, struct swap_cost *cost)
{
	static int (*const steps[])(
		struct swap *swap) = { check_descriptor, read_options, save, create, restore, start };
	struct swap swap = {
		.ctx = ctx, .image = image, .plugin = image_plugin(image), .problem = problem
	};
	int64_t since_ns = now_ns(ctx), worked_ns = clock_thread_ns();
	int result = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps) && result == 0; i++)
		result = steps[i](&swap);
	if (result == 0)
		commit(&swap);
	else
		undo(&swap);
	kept_destroy(swap.kept);
	snapshot_destroy(swap.snapshot);
	*cost = (struct swap_cost){ now_ns(ctx) - since_ns, clock_thread_ns() - worked_ns };
	return result;
}

int swap_stopped(struct fl_ctx *ctx, struct image *image, char *problem)
{
	struct swap swap = {
		.ctx = ctx, .image = image, .plugin = image_plugin(image), .problem = problem
	};
	struct image *old_image = ctx->image;
	void *old_options = ctx->options;
	int result = check_descriptor(&swap);

	if (result == 0)
		result = read_options(&swap);
	if (result < 0)
		return result;
	instance_take(ctx, image_keep(image), swap.options);
	options_free(old_options);
	image_close(old_image);
	return 0;
}
