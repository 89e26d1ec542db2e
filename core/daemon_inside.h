/*
 * daemon_inside.h: what daemon.c and daemon_reload.c share: the program's parts.
 */
#ifndef DAEMON_INSIDE_H
#define DAEMON_INSIDE_H

#include "bus.h"
#include "daemon.h"
#include "host.h"
#include "load.h"
#include "log_file.h"
#include "quarantine.h"
#include "reread.h"
#include "settings.h"
#include "watch.h"

enum { MAX_ASKING = 16 };

struct daemon {
	const struct daemon_setup *setup;
	struct config *config; /* the one that is in force */
	struct settings settings;
	struct loop *loop;
	struct log_file *log_file;
	struct metrics *metrics;
	struct bus *bus;
	struct quarantine *quarantine; /* NULL: it could not be opened */
	struct host *host;
	struct timer *watchdog;
	struct reread *reread;
	int asking[MAX_ASKING], asking_count; /* commands that wait for the configuration to be read */
	bool is_look_due;         /* then the plugins' files are looked at, and the quarantine */
	struct watch *watches[2]; /* the configuration: its file, the folder of its fragments */
	int exit_code;
};

/* The configuration and the plugins' files, while the daemon runs (daemon_reload.c). */

/** Before host_configure: what asks the host to read anew is heard. 0 or -ENOMEM. */
int daemon_reload_open(struct daemon *daemon);
/** Once everything runs: the files are watched. 0 or -ENOMEM. */
int daemon_reload_watch(struct daemon *daemon);
void daemon_reload_close(struct daemon *daemon);
/** SIGHUP. */
void daemon_on_hangup(void *daemon, int signum);

#endif
