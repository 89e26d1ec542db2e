/* deribit_universe: what the venue lists, and on which connection each instrument lies. */
#ifndef DERIBIT_UNIVERSE_H
#define DERIBIT_UNIVERSE_H

#include "deribit.h"

/** The item of an instrument, made at first sight. NULL: no memory, or no name. */
struct deribit_item *deribit_item(struct deribit *self, const char *name, size_t length);
struct deribit_item *deribit_item_by_id(struct deribit *self, uint32_t id);
/** Whether the feed wants its channels. */
bool deribit_item_is_followed(const struct deribit_item *item);

/** Asks the venue for all it lists; what is under way is not begun twice. */
void deribit_list_begin(struct deribit *self);
/** Sends what listing requests the venue's budget allows. Returns ns until more can go, 0: nothing.
 */
int64_t deribit_list_pump(struct deribit *self);
void deribit_list_response(struct deribit *self, size_t pair, const struct fl_response *response);
/** A refresh shortly: something was listed or changed. */
void deribit_list_soon(struct deribit *self);
/** The state of an instrument changed: says so on the bus, as far as the instrument is known. */
void deribit_item_state(struct deribit *self, struct deribit_item *item,
	enum fl_instrument_state state, int64_t time_ns, int64_t received_ns);
/** Stops following what has expired. */
void deribit_expire(struct deribit *self);

/** Puts each followed instrument on a connection, and opens and closes connections accordingly. */
void deribit_place(struct deribit *self);

/** Sends an HTTP request for a method of the venue; `query` begins with '?'. */
int deribit_request(struct deribit *self, int number, const char *method, const char *query);

#endif
