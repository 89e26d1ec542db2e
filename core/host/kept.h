/*
 * kept.h: what a plugin asks of the core while its code is being swapped. Until the new code's
 * start has returned 0 nothing is opened, closed, dialled, sent or published: each such call is
 * kept here, and carried out in order when the swap has succeeded, or dropped without a trace when
 * it has not.
 */
#ifndef HOST_KEPT_H
#define HOST_KEPT_H

#include "instance.h"
#include "list.h"

/** One call, its arguments copied. Which means what is the matter of the function that keeps it. */
struct kept_call {
	struct link link;
	int (*run)(struct fl_ctx *ctx, const struct kept_call *call);
	void (*drop)(const struct kept_call *call); /* of what it owns besides; may be NULL */
	int number, a, b;
	int64_t x, y;
	const void *data;
	size_t length;
	const char *const *texts; /* NULLs stay NULL */
	size_t text_count;
	void *own; /* not copied */
};

struct kept;

struct kept *kept_create(void); /* NULL: no memory */
/** Drops what was not carried out. Takes NULL. */
void kept_destroy(struct kept *kept);

/** Whether calls are kept now. */
static inline bool kept_is_on(const struct fl_ctx *ctx)
{
	return ctx->kept != NULL;
}

/** Keeps a copy of the call. 0 or -ENOMEM (then what it owns is dropped, and the swap fails). */
int kept_add(struct fl_ctx *ctx, const struct kept_call *call);
/** The last kept call by `run` or `other` (may be NULL) about `number`; NULL: none. */
const struct kept_call *kept_find(const struct fl_ctx *ctx,
	int (*run)(struct fl_ctx *ctx, const struct kept_call *call),
	int (*other)(struct fl_ctx *ctx, const struct kept_call *call), int number);
/** Whether every call could be kept. */
bool kept_is_whole(const struct kept *kept);
/** Carries all out, in the order in which they were asked for; what fails is logged. */
void kept_run(struct fl_ctx *ctx, struct kept *kept);

#endif
