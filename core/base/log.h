/*
 * log.h: makes log lines, text or JSON; somebody else takes them away (log_to) and tells the time.
 *
 * The log is one for the process: it exists before everything and after everything.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <feedloom/log.h>
#include <stdarg.h>

enum log_format { LOG_TEXT, LOG_JSON };

/** Takes a finished line (with its line break) away; must not block. Default: write(2) to stderr.
 */
typedef void (*log_taker)(void *data, const char *line, size_t length);
/** Tells the real time for a line. Default: clock_gettime. */
typedef int64_t (*log_clock)(void *data);

void log_to(log_taker taker, void *data);
void log_time(log_clock clock, void *data);
void log_setup(enum fl_level level, enum log_format format);
bool log_is_on(enum fl_level level);

/** `topic`: the instance or part ("deribit", "journal"). Text: `2026-11-21T08:00:00.123Z INFO
 * deribit: ...`. */
void log_line(enum fl_level level, const char *topic, const char *format, ...) FL_PRINTF(3, 4);
void log_vline(enum fl_level level, const char *topic, const char *format, va_list args)
	FL_PRINTF(3, 0);
/** At most once in 10 s for each (topic, format); the next says "(N suppressed)". Bounded memory.
 */
void log_limited(enum fl_level level, const char *topic, const char *format, va_list args)
	FL_PRINTF(3, 0);
/** Once when a complaint begins, daily while it lasts, once when resolved. */
void log_complain(const char *topic, const char *what, const char *format, va_list args)
	FL_PRINTF(3, 0);
void log_resolved(const char *topic, const char *what);
/** The last line at FL_WARN or above, with its time, for status; "" when there was none. */
const char *log_last_warning(int64_t *at_ns);

/** Values never to be printed: any line that would contain one shows *** there. Copied. */
void log_hide(const char *secret);

#define log_debug(topic, ...) log_line(FL_DEBUG, topic, __VA_ARGS__)
#define log_info(topic, ...) log_line(FL_INFO, topic, __VA_ARGS__)
#define log_warn(topic, ...) log_line(FL_WARN, topic, __VA_ARGS__)
#define log_error(topic, ...) log_line(FL_ERROR, topic, __VA_ARGS__)

#endif
