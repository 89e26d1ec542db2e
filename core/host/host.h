/*
 * host.h: all instances of all plugins, and what they share. Created by daemon.c, which owns the
 * parts.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "bus.h"
#include "image.h"
#include "instance.h"
#include "loop.h"
#include "metrics.h"
#include "request.h"
#include "tree.h"

struct quarantine;

/** What the daemon gives; all borrowed, all outlive the host. */
struct host_parts {
	struct loop *loop;
	struct metrics *metrics;
	struct bus *bus; /* NULL: a probe, nothing is published */
	struct image_folders folders;
	const char *state_folder;      /* relative paths of options begin here */
	struct quarantine *quarantine; /* NULL: nobody is held back after crashes */
	const char *schema_folder;     /* migrations: SCHEMA_FOLDER/sqlite/0001_*.sql */
};

/** What `feedloom backfill` asks of the feeds, and who hears of it. */
struct backfill {
	const char *what; /* "instruments"; NULL: the feeds collect, as always */
	const char *json;
	void (*on_line)(void *data, const char *feed, const char *line);
	void (*on_done)(void *data, const char *feed, int error);
	void *data;
};

struct command;
struct dropin;
struct prepared;
struct probe;
struct timer;

struct host {
	struct host_parts parts;
	struct requests *requests;
	struct link instances;
	struct link commands;  /* asked and not answered */
	struct images images;  /* the code that is loaded */
	int retiring;          /* images that are closed at the turn's end */
	struct link plugins;   /* struct plugin_record */
	struct link reloads;   /* struct reload, under way */
	struct dropin *dropin; /* watches the folders, if it was asked to */
	uint64_t reload_count; /* since the start */
	struct map *exchanges; /* struct instance_exchange by number */
	uint64_t asked;        /* commands since the start */
	bool is_delivery_due;  /* the loop will deliver commands at its turn's end */
	int last_command, last_exchange, last_peer;
	volatile uint32_t *on_stack; /* number of the instance whose code runs; in a file, or: */
	volatile uint32_t own_word;
	uint32_t sessions;      /* of connections that came up since the start */
	uint64_t unlistened;    /* listeners closed by their plugin since the start */
	struct timer *observer; /* once a second: states, metrics, warnings */
	struct timer *stopping; /* while host_stop is at work */
	int stop_stage;
	int64_t stop_deadline_ns, stage_deadline_ns;
	bool is_drained;          /* at the stop every record was stored */
	struct timer *reconciler; /* while instances stop or restart */
	struct probe *probe;      /* during host_probe */
	struct backfill backfill; /* set between host_open and host_configure */
	void (*on_stopped)(void *data, bool is_drained);
	void *on_stopped_data;
	/* Reads the configuration anew; `command`, unless 0, is answered when it has been. */
	void (*on_reload)(void *data, int command);
	void *on_reload_data;
	bool is_stopping;
	bool is_held;           /* feeds' connections are not read: the journal is short of room */
	int databases_closing;  /* files not closed yet */
	int64_t started_ns;     /* real time */
	char config_error[512]; /* of the last reading of the configuration, "" when good */
};

int host_open(const struct host_parts *parts, struct host **out);

/**
 * Makes and starts the instances that a configuration names: sinks, then services, then feeds.
 * Every mistake goes to `errors`; nothing is started when there is one.
 *
 * @param prepared  its plugins, opened ahead; NULL: they are opened now, which may block
 * @return 0, or -EINVAL with errors
 */
int host_configure(struct host *host, const struct node *root, const struct prepared *prepared,
	struct config_errors *errors);
/** Opens every feed and store once; `on_line` gets a line each, `on_done` the number that failed.
 */
int host_probe(struct host *host, const struct node *root, struct config_errors *errors,
	void (*on_line)(void *data, const char *line), void (*on_done)(void *data, int failed),
	void *data);

/**
 * Orderly stop: feeds first, then sinks until they have stored everything or `deadline_ns` has
 * passed, then services. Calls back once; is_drained false: some records wait in the journal for
 * the next start.
 */
void host_stop(struct host *host, int64_t deadline_ns,
	void (*on_stopped)(void *data, bool is_drained), void *data);
/** Frees everything. Takes NULL. */
void host_close(struct host *host);

struct fl_ctx *host_find(const struct host *host, const char *name);
/** Stops a feed by request and holds it; starts it again. 0, or -ENOENT. */
int host_hold(struct host *host, struct fl_ctx *ctx);
int host_release(struct host *host, struct fl_ctx *ctx);
/** Starts what is in quarantine for crashes that somebody has made be forgotten
 * (quarantine_forget).
 */
void host_lift_forgotten(struct host *host);

#endif
