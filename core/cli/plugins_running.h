/*
 * plugins_running.h: `feedloom plugins --running`: what the daemon has loaded.
 */
#ifndef CLI_PLUGINS_RUNNING_H
#define CLI_PLUGINS_RUNNING_H

#include "cli.h"

/** Asks the daemon of this configuration; `address` (may be NULL) says where else. Exit code: 1
 * when the last reload of one failed; 69: no daemon answers. */
int plugins_running(const struct cli_args *args, const char *address);

#endif
