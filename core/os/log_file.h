/*
 * log_file.h: takes log lines away without stalling the loop: to stderr or to a file that is
 * rotated.
 */
#ifndef OS_LOG_FILE_H
#define OS_LOG_FILE_H

#include "loop.h"

struct log_file;

/**
 * Opens. `path` NULL or "": stderr. Lines are written by a worker; at most 1 MiB wait, then lines
 * are dropped and the next line says how many. At `max_bytes` the file becomes path.1, .1 becomes
 * .2, ... up to `keep`; no line is lost in between.
 */
int log_file_open(
	struct loop *loop, const char *path, int64_t max_bytes, int keep, struct log_file **out);
/** A log_taker. */
void log_file_take(void *log_file, const char *line, size_t length);
/** Opens the path anew (SIGHUP, after an external rotation). */
void log_file_reopen(struct log_file *log_file);
/** Writes what waits, now and in line: for the last lines before exit. Takes NULL. */
void log_file_close(struct log_file *log_file);

#endif
