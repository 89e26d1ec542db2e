/* handover.h: everything over a reload: clients do not notice, and the ledger has no hole. */
#ifndef SIMULATOR_HANDOVER_H
#define SIMULATOR_HANDOVER_H

#include "simulator.h"
#include <feedloom/bytes.h>

enum { SIMULATOR_STATE_VERSION = 1 };

int handover_save(const void *state, struct fl_snapshot *to);
int handover_restore(void *state, uint32_t version, const struct fl_snapshot *from);

/* handover_market.c: instruments with their books, subscribers and mutes; the history of trades. */
int handover_save_market(const struct simulator *sim, struct fl_snapshot *to);
int handover_restore_market(struct simulator *sim, const struct fl_snapshot *from);

#endif
