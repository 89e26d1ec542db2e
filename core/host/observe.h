/*
 * observe.h: once a second: states that changed are logged and published, thresholds are watched.
 * Gauges that say how things stand are set when they are read.
 */
#ifndef HOST_OBSERVE_H
#define HOST_OBSERVE_H

#include "host.h"

int observe_start(struct host *host);
/** Looks at one instance now, after something happened to it. */
void observe_instance(struct fl_ctx *ctx);
/** Brings the gauges up to date; before metrics are printed. */
void observe_measure(struct host *host);

#endif
