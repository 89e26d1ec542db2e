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
/** What is loaded, a row each: name, version, path, build id, instances, reloads, last error. */
void status_plugins(struct host *host, struct json *json);
/** The row of one plugin. */
void status_plugin(struct host *host, const char *name, struct json *json);

#endif
