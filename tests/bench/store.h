/*
 * store.h: the bare loop over libpq: rows go by binary COPY into the tables of a feedloom store
 * that knows the instruments already, a transaction as soon as the one before is committed and 5 ms
 * have passed. No cursor, no staging, no check, no error that is not the end.
 */
#ifndef BENCH_STORE_H
#define BENCH_STORE_H

#include "extract.h"

/** Connects, and begins to write on a thread of its own. */
void store_open(const char *url);
/** What is kept from now on was received now. */
void store_stamp(void);
/** As extracted.keep. */
void store_keep(char kind, const struct row *row);
/** Waits until everything is committed. */
void store_settle(void);

#endif
