/* deribit_subscribe: channels wanted against channels acknowledged. */
#ifndef DERIBIT_SUBSCRIBE_H
#define DERIBIT_SUBSCRIBE_H

#include "deribit.h"

/** Makes the channels by kind and currency; those by index follow what is listed. */
void deribit_groups_init(struct deribit *self);
void deribit_groups_of_indexes(struct deribit *self);

/** Templates that apply to an item, as bits; 0 when it is not followed. */
uint8_t deribit_wanted(const struct deribit *self, const struct deribit_item *item);

/** Sends what is due under the venue's budget. Returns ns until more can go, 0: nothing is due. */
int64_t deribit_subscribe_pump(struct deribit *self);

/** The answer to a subscribe or unsubscribe: what was asked and is not in it is tried again later.
 */
void deribit_acknowledge(
	struct deribit *self, const struct deribit_call *call, const struct deribit_message *answer);
/** No answer, or an error instead of one. */
void deribit_unanswered(struct deribit *self, const struct deribit_call *call);

/** The venue forgets subscriptions with the connection. */
void deribit_link_forget(struct deribit *self, int link);
/** Tells the core what a connection carries. */
void deribit_link_count(struct deribit *self, int link);

#endif
