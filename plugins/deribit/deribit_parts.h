/* deribit_parts: the smaller parts' entry points. */
#ifndef DERIBIT_PARTS_H
#define DERIBIT_PARTS_H

#include "deribit.h"

/* deribit_stream.c: a decoded message becomes records. */
void deribit_on_message(void *state, int conn, const struct fl_message *message);
/** Nobody follows the book any more: begins anew; the gap of a broken one ends here. */
void deribit_chain_end(struct deribit *self, struct deribit_item *item);
/** Its changes are dropped for lack of a snapshot, and have been for long: subscribes anew. */
void deribit_chain_late(struct deribit *self, struct deribit_item *item);
/** Takes a decoded trade to its instrument; `flags` are added. Counts it when it is malformed. */
enum deribit_kind deribit_stream_trade(struct deribit *self, struct deribit_trade *in,
	const struct deribit_group *group, int64_t received_ns, unsigned flags);
void deribit_malformed(struct deribit *self, const char *where);

/* deribit_quiet.c */
/** A message came on a channel that is not an instrument's. */
void deribit_quiet_heard(struct deribit *self, struct deribit_group *group);
/** Each second. */
void deribit_quiet_check(struct deribit *self, int64_t now);
/** A sweep of it has come to its end. */
void deribit_quiet_swept(struct deribit *self, struct deribit_group *group);
/** What was silent until now is explained. */
void deribit_quiet_forget(struct deribit *self);

/* deribit_command.c */
void deribit_on_command(void *state, int command, const char *name, const char *json);
/** Answers the commands whose instruments are all acknowledged or refused by now. */
void deribit_commands_check(struct deribit *self);
/** A refresh has come to its end: answers who asked for it. */
void deribit_commands_refreshed(struct deribit *self);
/** Forgets what waits (the core answers in our place when we stop). */
void deribit_commands_drop(struct deribit *self);

/* deribit_health.c */
void deribit_health_update(struct deribit *self);
void deribit_coverage_update(struct deribit *self);

/* deribit_snapshot.c */
enum { DERIBIT_STATE_VERSION = 2 };
int deribit_save(const void *state, struct fl_snapshot *to);
int deribit_restore(void *state, uint32_t version, const struct fl_snapshot *from);

/* deribit_backfill.c */
int deribit_backfill(void *state, const char *what, const char *json);
/** An instrument was published; the listing is over. Nothing outside of a backfill. */
void deribit_filled(struct deribit *self, size_t pair);
void deribit_fill_end(struct deribit *self);

/* deribit_probe.c */
int deribit_probe(void *state);
void deribit_probe_response(struct deribit *self, const struct fl_response *response);
void deribit_probe_connection(struct deribit *self, enum fl_conn_state now, enum fl_reason reason);
void deribit_probe_message(struct deribit *self, const struct deribit_message *message);
void deribit_probe_late(struct deribit *self);

/** {"jsonrpc":...,"method":"public/auth",...} into a buffer the caller frees. NULL: no memory. */
char *deribit_login_text(struct deribit *self, int64_t id, size_t *length);

#endif
