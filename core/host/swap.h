/*
 * swap.h: other code under a running instance, while everything it has open stays open.
 */
#ifndef HOST_SWAP_H
#define HOST_SWAP_H

#include "image.h"
#include "instance.h"

enum { SWAP_PROBLEM_BYTES = 512 };

/** What a swap has cost: how long the loop stood still, and how much of that was work. */
struct swap_cost {
	int64_t pause_ns, processor_ns;
};

/** None of the instance's code is on the stack, and no batch of a sink is with its store. */
bool swap_is_possible(const struct fl_ctx *ctx);

/**
 * Swaps the code of a running instance now: options, save, create, restore, start. Each step undoes
 * itself when it or a later one fails: then the old code goes on as if nothing had been tried.
 * Takes a reference to `image`.
 *
 * @param problem  of SWAP_PROBLEM_BYTES: which step failed, and why
 */
int swap_instance(struct fl_ctx *ctx, struct image *image, char *problem, struct swap_cost *cost);
/** The same for an instance that does not run: code and options are there for its next start. */
int swap_stopped(struct fl_ctx *ctx, struct image *image, char *problem);

#endif
