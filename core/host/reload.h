/*
 * reload.h: a plugin's file read anew, and swapped into each of its instances.
 */
#ifndef HOST_RELOAD_H
#define HOST_RELOAD_H

#include "host.h"

/**
 * Loads the file of a plugin on a worker, then swaps it into every instance, each as soon as it is
 * at rest. When it cannot be, the code before goes on; log, status and metric say which step
 * failed.
 *
 * @param command  answered at the end with what status_plugin prints, or with the failure; 0:
 * nobody waits
 * @return 0; -EBUSY: it is being reloaded; -ENOENT: no such file in the folders; -ENOMEM
 */
int reload_begin(struct host *host, const char *plugin, int command);
bool reload_is_under_way(const struct host *host, const char *plugin);
/** Ends what is under way; what a worker still has is gone with the host's last turns. */
void reload_close(struct host *host);

#endif
