/*
 * audit_ledger.h: the simulator's ledger against a store.
 */
#ifndef CLI_AUDIT_LEDGER_H
#define CLI_AUDIT_LEDGER_H

#include "audit.h"
#include "stores.h"

/** Puts the files audit/NAME.sql of the store to it. */
typedef int (*audit_ask)(const struct store *store, const struct audit_queries *queries,
	const struct audit_taker *taker, struct buf *why);

/** Compares over what of the period can be expected; findings go to `taker`. */
int audit_ledger(const struct store *store, audit_ask ask, const char *schema, const char *ledger,
	const struct audit_period *period, const struct audit_taker *taker, struct buf *why);

#endif
