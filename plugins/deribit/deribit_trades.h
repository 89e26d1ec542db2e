/*
 * deribit_trades: each trade once, in the order of its instrument's trade_seq.
 *
 * A live trade that does not join the last one is held back until what lies between has been
 * fetched (deribit_refill) or the venue has said that it does not have it. So the last trade in the
 * journal always means that everything before it is there too, or is named in a gap record.
 */
#ifndef DERIBIT_TRADES_H
#define DERIBIT_TRADES_H

#include "deribit.h"

enum deribit_taken { DERIBIT_TAKEN_PUBLISHED, DERIBIT_TAKEN_HELD, DERIBIT_TAKEN_REPEATED };

/** @param trade  its instrument, times and flags are set; copied when held */
enum deribit_taken deribit_trade_take(
	struct deribit *self, struct deribit_item *item, struct fl_trade *trade);

/** Publishes held trades that join now; ends the hold when nothing is missing any more. */
void deribit_hold_release(struct deribit *self, struct deribit_item *item);

/** The venue does not have what is missing before the first held trade: says so, and goes on. */
void deribit_hold_give_up(struct deribit *self, struct deribit_item *item, const char *why);

/** The sweep of a group is over: instruments of unknown trade_seq begin with what they hold. */
void deribit_trades_settle(struct deribit *self, const struct deribit_group *group);

/** Whether trades of unknown trade_seq must wait: the sweep of the instrument's group is not over.
 */
bool deribit_trades_are_swept(const struct deribit *self, const struct deribit_item *item);

/** An empty hold, for a reload to fill in. NULL: no memory. */
struct deribit_hold *deribit_hold_restore(struct deribit *self, struct deribit_item *item);
/** Its next trade. false: no memory. */
bool deribit_hold_restore_trade(
	struct deribit *self, struct deribit_hold *hold, const struct fl_trade *trade);
void deribit_holds_free(struct deribit *self);

#endif
