/*
 * worker.h: a job off the loop and its answer.
 */
#ifndef OS_WORKER_H
#define OS_WORKER_H

#include "loop.h"

/**
 * Runs `work(data)` on a worker thread, then `done(data)` on the loop. `work` touches nothing that
 * the loop may touch meanwhile. 0 or -ENOMEM (then neither is called). Cannot be cancelled:
 * loop_close waits.
 */
int worker_run(struct loop *loop, void (*work)(void *data), void (*done)(void *data), void *data);

#endif
