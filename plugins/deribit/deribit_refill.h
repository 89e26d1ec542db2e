/* deribit_refill: asks the venue by HTTP for trades that were missed. */
#ifndef DERIBIT_REFILL_H
#define DERIBIT_REFILL_H

#include "deribit.h"

/** Trades of this group flow (again) since `server_ns`: fetches what it may have missed before. */
void deribit_sweep_begin(struct deribit *self, struct deribit_group *group, int64_t server_ns);
/** A message that cannot be read may have been trades, of instruments that do not trade again soon:
 * they are asked for by time. */
void deribit_doubt(struct deribit *self);
/** Each second: begins that, at most twice a minute. */
void deribit_doubt_check(struct deribit *self, int64_t now);

/** Sends what is due under the venue's budget. Returns ns until more can go, 0: nothing is due. */
int64_t deribit_refill_pump(struct deribit *self);
void deribit_sweep_response(struct deribit *self, size_t group, const struct fl_response *response);
void deribit_seq_response(struct deribit *self, size_t slot, const struct fl_response *response);

#endif
