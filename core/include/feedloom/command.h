/*
 * command.h: questions between plugins, and to the core.
 *
 * A command has a name and a JSON object; it is answered by one or more replies, the last with
 * `more` false. It is core's data and survives a reload of either side. The core itself answers
 * under the name "core" (status, plugins, reload, refresh: see `feedloom plugins core`).
 */
#ifndef FEEDLOOM_COMMAND_H
#define FEEDLOOM_COMMAND_H

#include <feedloom/base.h>

/** Statuses of replies are HTTP's, so that control can pass them on. */
enum {
	FL_REPLY_OK = 200,
	FL_REPLY_BAD = 400,       /* the JSON is not what the command takes */
	FL_REPLY_NOT_FOUND = 404, /* no such instance, or it does not know this command */
	FL_REPLY_CONFLICT = 409,  /* not in this state (stopped) */
	FL_REPLY_FAILED = 502,    /* the venue or the store refused */
	FL_REPLY_STOPPED = 503,   /* the instance is stopped or went away before it answered */
	FL_REPLY_LATE = 504       /* no answer in time */
};

/** A command a plugin takes, for `feedloom plugins NAME`. Tables end with a NULL name. */
struct fl_command_info {
	const char *name, *help;
};

/**
 * Asks. on_reply(state, number, status, json, more) answers, never within this call, and always:
 * the core itself replies FL_REPLY_NOT_FOUND, FL_REPLY_STOPPED or FL_REPLY_LATE.
 *
 * @param number       the plugin's own, one question in flight each; 0: no reply is wanted
 * @param to           an instance's name, "role:feed", "role:sink", "role:service" (the first
 * instance of that role that takes the command), "feed:NAME" (a feed and nothing else), "feed:"
 * (the only feed; FL_REPLY_BAD names them when there are several), or "core"
 * @param json         an object; NULL is {}
 * @param deadline_ns  from now; 0: 10 s
 * @return 0; -EBUSY: that number is in flight; -EAGAIN: 1,000 are waiting
 */
FL_API int fl_command(struct fl_ctx *ctx, int number, const char *to, const char *name,
	const char *json, int64_t deadline_ns);

/**
 * Answers command `command` (the number on_command was given).
 * @param json  an object or array; for statuses of 400 and above {"detail": "..."}
 * @param more  true: another reply to the same command follows
 */
FL_API void fl_reply(struct fl_ctx *ctx, int command, int status, const char *json, bool more);

/** Answers with {"detail": "..."}, escaped. */
FL_API void fl_reply_detail(struct fl_ctx *ctx, int command, int status, const char *format, ...)
	FL_PRINTF(4, 5);

#endif
