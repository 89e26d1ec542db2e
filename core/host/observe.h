/*
 * observe.h: once a second: states that changed are logged and published, metrics are brought up to
 * date, thresholds are watched.
 */
#ifndef HOST_OBSERVE_H
#define HOST_OBSERVE_H

#include "host.h"

int observe_start(struct host *host);
/** Looks at one instance now, after something happened to it. */
void observe_instance(struct fl_ctx *ctx);

#endif
