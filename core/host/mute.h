/*
 * mute.h: who is mute. Silence is a fault too: when a connection lives but an instrument on it says
 * nothing for longer than it ever does, the feed is asked, by the command `renew`, to subscribe it
 * anew; if that does not help its connection is replaced. A connection that brings no records at
 * all is replaced at once. What has been learned is the core's and survives a reload.
 */
#ifndef HOST_MUTE_H
#define HOST_MUTE_H

#include "instance_parts.h"
#include "json.h"

/** A record of the instrument is about to be published: see heard_expect. */
void mute_expect(const struct fl_ctx *ctx, uint32_t instrument);
/** A feed published a record while handling a message of this connection. */
void mute_heard(struct instance_conn *entry, const struct fl_record *record);
/** A connection is up, or is read again: what was silent until now is explained. */
void mute_conn_begins(struct instance_conn *entry);
/** The venue does not list it any more. */
void mute_forget(struct fl_ctx *ctx, uint32_t instrument);
/** Once a second; looks at instruments only when one of them may be late. */
void mute_look(struct fl_ctx *ctx);

/** Instruments' kinds of records that are mute now. */
size_t mute_count(const struct fl_ctx *ctx);
/** "mute, 2 in all: BTC-27DEC24-100000-C (quote), ..." or "". */
void mute_reason(const struct fl_ctx *ctx, char *reason, size_t size);
/** The first of them, as `mute` in the status. */
void mute_print(const struct fl_ctx *ctx, struct json *json);

/** The feed is stopped: what was mute is so no more, what was learned stays. */
void mute_stop(struct fl_ctx *ctx);
void mute_finish(struct fl_ctx *ctx);

#endif
