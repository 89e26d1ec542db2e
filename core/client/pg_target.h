/*
 * pg_target.h: where a session goes: a connection string merged with what the PG* environment says,
 * and the addresses of its hosts, looked up off the loop because libpq's own lookup blocks.
 */
#ifndef CLIENT_PG_TARGET_H
#define CLIENT_PG_TARGET_H

#include "buf.h"
#include "resolve.h"

enum { PG_HOSTS_MAX = 32, PG_SETTINGS_MAX = 80 };

/** One place to try. `address` is empty for a socket in a folder and where the system's is meant.
 */
struct pg_place {
	char *host;
	char *address, *port;
};

struct pg_target {
	const char *keys[PG_SETTINGS_MAX]; /* libpq's words; NULL-terminated, as values */
	char *values[PG_SETTINGS_MAX];
	size_t count;
	struct pg_place named[PG_HOSTS_MAX]; /* as they are named */
	size_t named_count;
	struct pg_place found[PG_HOSTS_MAX]; /* as looked up */
	size_t found_count;
	size_t looking; /* of `named` */
	struct loop *loop;
	struct resolve *resolve;
	struct buf *why;
	void (*on_found)(void *data, int error);
	void *data;
};

/**
 * Reads the string and the environment.
 * @param application  its name in pg_stat_activity
 * @return 0; -EINVAL, with `why`, which repeats nothing of the url; -ENOMEM
 */
int pg_target_init(struct pg_target *target, const char *url, const char *application,
	bool read_only, struct buf *why);
void pg_target_finish(struct pg_target *target);

/** "feedloom@db1,db2:5432/market" */
void pg_target_label(const struct pg_target *target, char *out, size_t size);

/**
 * Looks every host up; on_found comes once, perhaps within the call: 0, or the error of the last
 * host when none of them was found, with `why`.
 */
void pg_target_find(struct pg_target *target, struct loop *loop, struct buf *why,
	void (*on_found)(void *data, int error), void *data);
/**
 * The settings for the i-th address found: one at a time, so that each has a deadline of its own.
 * False: there is none, or no memory.
 */
bool pg_target_place(struct pg_target *target, size_t i);
/** How to call it in messages: "127.0.0.1:5432", "db1 (192.0.2.1:5432)". */
void pg_target_place_label(const struct pg_target *target, size_t i, char *out, size_t size);
void pg_target_cancel(struct pg_target *target);

#endif
