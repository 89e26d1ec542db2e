#include "kept.h"

#include "error.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

struct kept {
	struct link calls;
	bool has_failed; /* one could not be kept */
};

struct kept *kept_create(void)
{
	struct kept *kept = calloc(1, sizeof(*kept));

	if (kept != NULL)
		list_init(&kept->calls);
	return kept;
}

static void free_call(struct kept_call *call)
{
	for (size_t i = 0; call->texts != NULL && i < call->text_count; i++)
		free((void *)(uintptr_t)call->texts[i]);
	free((void *)(uintptr_t)call->texts);
	free((void *)(uintptr_t)call->data);
	free(call);
}

void kept_destroy(struct kept *kept)
{
	struct link *item, *following;

	if (kept == NULL)
		return;
	list_each (item, following, &kept->calls) {
		struct kept_call *call = container_of(item, struct kept_call, link);

		if (call->drop != NULL)
			call->drop(call);
		free_call(call);
	}
	free(kept);
}

static bool copy_texts(struct kept_call *call, const char *const *texts, size_t count)
{
	char **copies = calloc(count + 1, sizeof(*copies));

	call->texts = (const char *const *)copies;
	call->text_count = copies == NULL ? 0 : count;
	for (size_t i = 0; copies != NULL && i < count; i++) {
		if (texts[i] == NULL)
			continue;
		copies[i] = strdup(texts[i]);
		if (copies[i] == NULL)
			return false;
	}
	return copies != NULL;
}

static int fail(struct kept *kept, const struct kept_call *from)
{
	if (from->drop != NULL)
		from->drop(from);
	kept->has_failed = true;
	return -ENOMEM;
}

int kept_add(struct fl_ctx *ctx, const struct kept_call *from)
{
	struct kept *kept = ctx->kept;
	struct kept_call *call = malloc(sizeof(*call));
	void *data = malloc(from->length + 1);

	if (call == NULL || data == NULL) {
		free(call);
		free(data);
		return fail(kept, from);
	}
	*call = *from;
	if (from->length > 0)
		memcpy(data, from->data, from->length);
	((char *)data)[from->length] = '\0';
	call->data = data;
	list_init(&call->link);
	if (copy_texts(call, from->texts, from->text_count)) {
		list_append(&kept->calls, &call->link);
		return 0;
	}
	free_call(call);
	return fail(kept, from);
}

const struct kept_call *kept_find(const struct fl_ctx *ctx,
	int (*run)(struct fl_ctx *ctx, const struct kept_call *call),
	int (*other)(struct fl_ctx *ctx, const struct kept_call *call), int number)
{
	if (ctx->kept == NULL)
		return NULL;
	for (struct link *item = ctx->kept->calls.prev; item != &ctx->kept->calls; item = item->prev) {
		const struct kept_call *call = container_of(item, struct kept_call, link);

		if ((call->run == run || call->run == other) && call->number == number)
			return call;
	}
	return NULL;
}

bool kept_is_whole(const struct kept *kept)
{
	return !kept->has_failed;
}

void kept_run(struct fl_ctx *ctx, struct kept *kept)
{
	struct link *item, *following;

	list_each (item, following, &kept->calls) {
		struct kept_call *call = container_of(item, struct kept_call, link);
		int result = call->run(ctx, call);

		if (result < 0)
			log_warn(
				ctx->name, "what it asked for as it was reloaded failed: %s", error_text(result));
		list_remove(&call->link);
		free_call(call);
	}
}
