/*
 * base.h: what every public header leans on. Plugins include <feedloom/plugin.h>, which brings
 * this.
 *
 * Errors, everywhere: a function that can fail returns 0 or a negative errno (-EINVAL, -ENOSPC,
 * ...). Times, everywhere: int64_t nanoseconds; `_ns` of the real clock are UTC since 1970.
 * Ownership, everywhere: what a callback receives is borrowed for the call; what a plugin passes in
 * is borrowed for the call. Whoever wants to keep something copies it.
 * Threads: every callback and every fl_ function runs on the one loop thread.
 */
#ifndef FEEDLOOM_BASE_H
#define FEEDLOOM_BASE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Marks what plugins may call; the only symbols the program exports. */
#define FL_API __attribute__((visibility("default")))
/** Marks a plugin's one exported symbol. */
#define FL_PLUGIN_EXPORT __attribute__((visibility("default")))
#define FL_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define FL_MUSTCHECK __attribute__((warn_unused_result))

#define FL_US INT64_C(1000)
#define FL_MS INT64_C(1000000)
#define FL_SECOND INT64_C(1000000000)
#define FL_MINUTE (60 * FL_SECOND)
#define FL_HOUR (60 * FL_MINUTE)
#define FL_DAY (24 * FL_HOUR)

/** One running instance of a plugin, as the core sees it. Outlives the plugin's state. */
struct fl_ctx;

/** A list of texts. */
struct fl_names {
	const char *const *items; /* NULL-terminated too */
	size_t count;
};

/** The time of this turn of the loop, from the real clock: for records. Steps when the clock does.
 */
FL_API int64_t fl_now_ns(const struct fl_ctx *ctx);

/** The time of this turn from a clock that never steps: for intervals and deadlines. */
FL_API int64_t fl_monotonic_ns(const struct fl_ctx *ctx);

/** 64 random bits: for jitter and sampling. Seeded in a simulation. */
FL_API uint64_t fl_random(struct fl_ctx *ctx);

/** Fills `bytes` with random bytes fit for nonces and keys. */
FL_API void fl_random_bytes(struct fl_ctx *ctx, void *bytes, size_t length);

/** This instance's name, as the configuration gives it ("deribit", "store"). Lives as long as ctx.
 */
FL_API const char *fl_instance_name(const struct fl_ctx *ctx);

#endif
