/* deribit_universe: what the venue lists, and on which connection each instrument lies. */
#ifndef DERIBIT_UNIVERSE_H
#define DERIBIT_UNIVERSE_H

#include "deribit.h"

/** The item of an instrument, made at first sight. NULL: no memory, or no name. */
struct deribit_item *deribit_item(struct deribit *self, const char *name, size_t length);
struct deribit_item *deribit_item_by_id(struct deribit *self, uint32_t id);
/** Whether the feed wants its channels. */
bool deribit_item_is_followed(const struct deribit_item *item);

/** Asks the venue for what it lists of `pairs` (bits); what is under way is not begun twice. */
void deribit_list_begin(struct deribit *self, uint64_t pairs);
static inline uint64_t deribit_all_pairs(const struct deribit *self)
{
	return (UINT64_C(1) << deribit_pairs(self)) - 1;
}
/** Sends what listing requests the venue's budget allows. Returns ns until more can go, 0: nothing.
 */
int64_t deribit_list_pump(struct deribit *self);
void deribit_list_response(struct deribit *self, size_t pair, const struct fl_response *response);
/** What a currency's part of the last listing came to. */
struct deribit_counts {
	uint32_t listed, subscribed, new, gone;
	uint32_t failed; /* asked for, and not acknowledged */
	uint32_t held;   /* no longer listed, not believed yet */
	bool is_asked;   /* it was part of the listing */
};
void deribit_list_counts(const struct deribit *self, size_t currency, struct deribit_counts *out);

/**
 * A refresh within a moment: something was listed or changed.
 *
 * @param channel  of the notice that said so, "instrument.state.option.BTC": what it is about is
 * listed; "": all
 */
void deribit_list_soon(struct deribit *self, const char *channel, size_t length);
/**
 * The state of an instrument changed: says so on the bus, as far as the instrument is known.
 *
 * @return false: the list must say what that means
 */
bool deribit_item_state(struct deribit *self, struct deribit_item *item,
	enum fl_instrument_state state, int64_t time_ns, int64_t received_ns);
/** Forgets what expired long ago, if nothing under way can name it. */
void deribit_forget_over(struct deribit *self);
/** Stops following what has expired, and says so on the bus. */
void deribit_expire(struct deribit *self);
/** Has the venue's row stand for `expiry_ns` or for nothing (0: for itself again), and says so. */
void deribit_rehearse(
	struct deribit *self, struct deribit_item *item, int64_t expiry_ns, bool is_hidden);

/* ---- deribit_place.c ---- */

/** Puts each followed instrument on a connection, and opens and closes connections accordingly. */
void deribit_place(struct deribit *self);
/** The next step, where instruments move to other connections and those before have arrived. */
void deribit_even_out(struct deribit *self);
/** A connection that is down for long gives its instruments to the others, and gets back its share.
 */
void deribit_failover(struct deribit *self);

/** Sends an HTTP request for a method of the venue; `query` begins with '?'. */
int deribit_request(struct deribit *self, int number, const char *method, const char *query);

#endif
