/* deribit_session: the life of a connection, replies, and everything that waits for time to pass.
 */
#ifndef DERIBIT_SESSION_H
#define DERIBIT_SESSION_H

#include "deribit.h"

void deribit_on_connection(void *state, int conn, enum fl_conn_state now, enum fl_reason reason);
void deribit_on_timer(void *state, int timer);
/** A message that is not of a channel. */
void deribit_on_reply(struct deribit *self, int link, const struct deribit_message *message);

/** Opens or adopts connection `link`. */
int deribit_link_open(struct deribit *self, int link);
void deribit_link_close(struct deribit *self, int link);

/** A free entry of the table of calls, with its id; NULL: too many are under way. */
struct deribit_call *deribit_call_begin(
	struct deribit *self, int link, enum deribit_call_what what);

/** Does what is due now, and sees to it that it is called again for the rest. */
void deribit_pump(struct deribit *self);

#endif
