/*
 * probe.h: `feedloom check --connect`: every feed and store is opened once, one after the other.
 */
#ifndef HOST_PROBE_H
#define HOST_PROBE_H

#include "host.h"

/* What a plugin reports, through fl_probe_step and fl_probe_done. Ignored outside a probe. */
void probe_step(struct fl_ctx *ctx, int status, const char *text);
void probe_done(struct fl_ctx *ctx);

#endif
