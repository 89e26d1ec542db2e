/*
 * dropin.h: the folders with plugins, watched: a new file starts what the configuration names, a
 * changed one is swapped in, and one that is gone for 5 s stops its instances.
 */
#ifndef HOST_DROPIN_H
#define HOST_DROPIN_H

#include "host.h"

/** Begins to watch. 0 or -ENOMEM. */
int dropin_start(struct host *host);
/** Looks at the files now, on a worker; nothing when nobody watches. */
void dropin_look(struct host *host);
void dropin_stop(struct host *host);

#endif
