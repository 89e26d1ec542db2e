/*
 * log.h: the log, one line a call, under the instance's name. Secrets never go in.
 */
#ifndef FEEDLOOM_LOG_H
#define FEEDLOOM_LOG_H

#include <feedloom/base.h>

enum fl_level { FL_DEBUG, FL_INFO, FL_WARN, FL_ERROR };

FL_API void fl_log(struct fl_ctx *ctx, enum fl_level level, const char *format, ...)
	FL_PRINTF(3, 4);

/**
 * As fl_log, but at most once in 10 s for each `format`; the next line of it says how many were
 * suppressed. For what input can make happen at any rate.
 */
FL_API void fl_log_limited(struct fl_ctx *ctx, enum fl_level level, const char *format, ...)
	FL_PRINTF(3, 4);

/**
 * A complaint: logged once as FL_WARN when it begins, again (as "still", daily) while it lasts, and
 * as FL_INFO "resolved" by fl_resolved. `what` identifies it.
 */
FL_API void fl_complain(struct fl_ctx *ctx, const char *what, const char *format, ...)
	FL_PRINTF(3, 4);
FL_API void fl_resolved(struct fl_ctx *ctx, const char *what);

/** Whether a debug line would be printed: to save the work of making one. */
FL_API bool fl_debug_is_on(const struct fl_ctx *ctx);

#endif
