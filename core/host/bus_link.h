/*
 * bus_link.h: how instances and the bus meet: sources, publishing, streams of sinks, subscriptions.
 */
#ifndef HOST_BUS_LINK_H
#define HOST_BUS_LINK_H

#include "instance.h"

/** The instance's source id; 0 in a probe. */
uint16_t bus_link_source(struct fl_ctx *ctx);
/** A sink starts: what is published from now on waits for it, whether or not it reaches its store.
 */
void bus_link_begin(struct fl_ctx *ctx);
/** As fl_publish, for the core's own records about an instance. */
int bus_link_publish(struct fl_ctx *ctx, struct fl_record *record);

#endif
