/*
 * reread.h: the configuration read anew while the daemon runs. Files are read and plugins opened on
 * a worker; what came of it is handed over between two turns of the loop.
 */
#ifndef REREAD_H
#define REREAD_H

#include "daemon.h"
#include "host.h"
#include "load.h"
#include "prepare.h"
#include "settings.h"

struct reread;

/** What one reading found: the receiver may take `config` and `settings` out of it. */
struct reading {
	struct config *config;    /* NULL: cannot be read */
	struct settings settings; /* zeroed: not read, or wrong */
	struct config_errors errors;
	struct prepared *prepared;
	int result; /* 0: as far as can be said without the plugins it is good */
};

/** `host` and `setup` are borrowed. NULL: no memory. */
struct reread *reread_create(struct host *host, const struct daemon_setup *setup,
	void (*on_read)(void *data, struct reading *reading), void *data);
/** Reads now; if it is at it already, once more after that. `on_read` is never called within. */
void reread_begin(struct reread *reread);
/** It is at it, or will be: what was asked for is not done. */
bool reread_is_under_way(const struct reread *reread);
/** on_read is not called any more. Takes NULL. */
void reread_destroy(struct reread *reread);

#endif
