/*
 * status.h: the answers of `status`, `coverage` and `plugins`, as JSON.
 */
#ifndef HOST_STATUS_H
#define HOST_STATUS_H

#include "host.h"
#include "json.h"

/** The whole status, as GET /v1/streaming/status shows it. */
void status_print(struct host *host, struct json *json);
/** Per feed and currency: listed, subscribed, live, and the ratios. */
void status_coverage(const struct host *host, struct json *json);
/** What is loaded: name, version, role, path, instances. */
void status_plugins(const struct host *host, struct json *json);

#endif
