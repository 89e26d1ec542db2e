/*
 * daemon.h: the program while it runs: creates the parts in order, runs the loop, destroys them in
 * reverse.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include "paths.h"

struct daemon_setup {
	const char *config_file;
	struct paths *paths;
	const char *user; /* to become after the start, NULL: stays */
};

/** Runs until SIGTERM or SIGINT. Returns the exit code (sysexits). */
int daemon_run(const struct daemon_setup *setup);

#endif
