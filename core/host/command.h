/*
 * command.h: questions between plugins, and to the core: address, deadline, reply.
 */
#ifndef HOST_COMMAND_H
#define HOST_COMMAND_H

#include "buf.h"
#include "instance.h"

/** The core's own answers: called like on_command; answers with command_reply. */
void core_command(struct host *host, int command, const char *name, const char *json);
/** The words the core takes, for `feedloom plugins core`. */
const struct fl_command_info *core_commands(void);
/** Answers "reload_config": by whether the configuration is now good. */
void core_answer_reload(struct host *host, int command);

/**
 * Asks on behalf of the host; `on_reply` as the plugin's. As fl_command otherwise.
 */
int command_ask(struct host *host, const char *to, const char *name, const char *json,
	int64_t deadline_ns, void (*on_reply)(void *data, int status, const char *json, bool more),
	void *data);
/** Replies to a command as the core. */
void command_reply(struct host *host, int command, int status, const char *json, bool more);
void command_reply_detail(struct host *host, int command, int status, const char *format, ...)
	FL_PRINTF(4, 5);
/** "deribit, ibkr": the feeds there are, for who asks for one that is not; "none". */
void command_list_feeds(const struct host *host, struct buf *to);
/** An instance goes: what it was asked is answered FL_REPLY_STOPPED, what it asked is dropped. */
void command_forget(struct fl_ctx *ctx);
/** The host goes: everything is dropped. */
void command_close(struct host *host);

#endif
