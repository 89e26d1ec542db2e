/*
 * reconcile.h: makes what runs equal to a plan, by its differences only; and carries instances that
 * were told to stop to their end.
 */
#ifndef HOST_RECONCILE_H
#define HOST_RECONCILE_H

#include "host.h"
#include "plan.h"

/** Starts what is new, reconfigures or restarts what changed, stops what is gone. Takes what it
 * uses out of the plan. */
void reconcile_apply(struct host *host, struct plan *plan);
/** Stops an instance whose plugin's file is gone, until the file is back. */
void reconcile_orphan(struct fl_ctx *ctx);
/** Something is stopping: looks after it until it is quiet. */
void reconcile_watch(struct host *host);

#endif
