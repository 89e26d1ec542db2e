/*
 * retry_after.h: how long a Retry-After line asks to wait. Pure.
 */
#ifndef WIRE_RETRY_AFTER_H
#define WIRE_RETRY_AFTER_H

#include <feedloom/base.h>

/** "Sun, 06 Nov 1994 08:49:37 GMT" in ns since 1970. -EINVAL: no such date. */
int http_date_parse(const char *text, int64_t *out_ns);
/** Seconds or a date, from `now_ns`; at least 0, at most 30 days. -1: NULL or neither. */
int64_t retry_after_parse(const char *text, int64_t now_ns);

#endif
