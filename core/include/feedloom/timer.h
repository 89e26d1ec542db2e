/*
 * timer.h: timers by number. on_timer(state, timer) is called, never within these calls.
 */
#ifndef FEEDLOOM_TIMER_H
#define FEEDLOOM_TIMER_H

#include <feedloom/base.h>

/**
 * (In start after a reload: one that runs with the same repeat_ns is adopted, and keeps its time if
 * that is nearer, so that reloads do not put it off.) Else (re)starts timer `timer` of this
 * instance, by the clock that never steps.
 *
 * @param repeat_ns  0: once; else again each so long, without piling up when the loop was late
 */
FL_API int fl_timer_start(struct fl_ctx *ctx, int timer, int64_t delay_ns, int64_t repeat_ns);
FL_API void fl_timer_stop(struct fl_ctx *ctx, int timer);
FL_API bool fl_timer_is_running(const struct fl_ctx *ctx, int timer);

#endif
