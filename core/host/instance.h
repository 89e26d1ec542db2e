/*
 * instance.h: a running plugin: its options and state, and everything it has named by a number.
 * Every call into plugin code goes through instance.c.
 *
 * Connections, timers, requests, streams and databases remember the instance and a number, never a
 * function: so the code can be swapped by setting two pointers, `plugin` and `state`.
 */
#ifndef HOST_INSTANCE_H
#define HOST_INSTANCE_H

#include "conn.h"
#include "list.h"
#include "map.h"
#include <feedloom/plugin.h>

struct host;
struct image;
struct instance_conn;
struct kept;
struct mute;
struct planned;
struct written;

enum instance_phase {
	INSTANCE_IDLE, /* made, not started */
	INSTANCE_RUNNING,
	INSTANCE_STOPPING, /* told to stop; what it opened is closing */
	INSTANCE_STOPPED,
	INSTANCE_FAILED /* create or start refused */
};

/** As `state` in the status, worst last. */
enum instance_state {
	STATE_CONNECTED,
	STATE_DEGRADED,
	STATE_DISCONNECTED,
	STATE_STOPPED,
	STATE_QUARANTINED
};
const char *instance_state_text(enum instance_state state);

/** Coverage of one currency, as the feed told it. */
struct coverage {
	struct link link;
	char currency[16];
	struct fl_coverage counts;
};

struct fl_ctx {
	struct link link; /* in host.instances */
	struct host *host;
	char name[64];
	enum fl_role role;
	enum instance_phase phase;
	bool is_held;        /* stopped by request: until start, not by a configuration */
	bool has_started;    /* once in this process */
	bool is_probe;       /* runs for `check --connect` */
	bool is_orphan;      /* stopped because its plugin's file is gone, until it is back */
	bool is_waiting;     /* for a moment in which its code can be swapped: it gets no new batch */
	bool is_quarantined; /* not started: it has crashed too often */
	uint32_t number;     /* by which the word in a file names whose code runs */
	int depth;           /* calls into the plugin on the stack */

	struct image *image;
	const struct fl_plugin *plugin;
	void *state;
	void *options;           /* options_apply's; owned */
	struct written *written; /* what they were read from; owned */
	uint16_t source, venue;  /* as the journal knows it */

	/* What it has named; values are the structs of instance_*.c. */
	struct map *conns, *requests, *timers, *listeners, *streams, *databases, *subscriptions;
	struct map *questions;      /* its unanswered commands, by its own number */
	struct kept *kept;          /* a swap is under way: what the new code asks for; else NULL */
	unsigned life;              /* of its code: counts swaps; what its start opens bears it */
	struct fl_metric *messages; /* of its connections */
	struct fl_metric *latency;  /* feeds: received to persisted */
	struct metrics_mark *latency_since[2]; /* the older one and the newer one of its last minutes */
	int64_t latency_marked_ns;             /* monotonic */
	uint64_t latency_seen;                 /* records at the last step */
	uint64_t known_number; /* a sink without a stream: the last record that its store may have, */
	int64_t known_ns;      /* and since when others wait for it; real time */
	struct instance_conn *publishing; /* whose message is being handled; NULL: none, or gone */

	enum fl_health health;
	char health_reason[512];
	struct link coverages;
	struct mute *mute;         /* feeds: what is heard of each instrument */
	enum instance_state shown; /* what status says, since when */
	char shown_reason[600];
	int64_t shown_since_ns;
	struct planned *next;     /* to restart with, once quiet; owned */
	uint64_t reload_seen;     /* the last reload that has come to it */
	bool is_leaving;          /* to be destroyed, once quiet */
	int64_t stop_deadline_ns; /* monotonic: when it is halted though not quiet */
	int64_t away_since_ns;  /* the feed's records end here; a hole until it is connected; 0: none */
	const char *away_cause; /* static */
	int64_t *since;         /* a feed's own entry in bus_since: away_since_ns; NULL: none */
	bool has_older_gaps;    /* gaps that earlier processes left open may end with this one */
	int64_t stopped_ns;     /* real time of the stop by request, 0: none */
};

/** Makes an instance of what was planned, which it takes out of `planned`; the plugin's create is
 * called by instance_start. */
int instance_create(struct host *host, struct planned *planned, struct fl_ctx **out);
/** create and start of the plugin. On failure the phase is INSTANCE_FAILED and the log says why. */
int instance_start(struct fl_ctx *ctx);
/** create and probe. */
int instance_probe(struct fl_ctx *ctx);
/** Begins the orderly stop; instance_is_quiet tells its end. */
void instance_stop(struct fl_ctx *ctx);
/** Nothing it opened is open any more, and none of its code is on the stack. */
bool instance_is_quiet(const struct fl_ctx *ctx);
/** Frees the plugin's state and whatever is still open, at once; the instance can be started again.
 */
void instance_halt(struct fl_ctx *ctx);
/** The plugin takes new options over while it runs. Non-zero: it cannot, and must be restarted. */
int instance_reconfigure(struct fl_ctx *ctx, const void *options);
/** A halted instance gets other code or options; takes what is in `planned`, and frees it. */
void instance_replace(struct fl_ctx *ctx, struct planned *planned);
/** Its code and options from now on; the ones before are the caller's. */
void instance_take(struct fl_ctx *ctx, struct image *image, void *options);
void instance_destroy(struct fl_ctx *ctx); /* takes NULL */

/** Around every call into its code, which may nest: so it is known that it runs, also after a
 * crash. */
uint32_t instance_enter(struct fl_ctx *ctx);
void instance_leave(struct fl_ctx *ctx, uint32_t before);

/* Calls into the plugin; each is skipped when the plugin has no such callback or is not running. */
void instance_on_connection(
	struct fl_ctx *ctx, int conn, enum fl_conn_state now, enum fl_reason reason);
void instance_message(struct fl_ctx *ctx, int conn, const struct fl_message *message);
void instance_on_response(struct fl_ctx *ctx, int number, const struct fl_response *response);
void instance_on_timer(struct fl_ctx *ctx, int timer);
int instance_on_accept(
	struct fl_ctx *ctx, int listener, int conn, const struct fl_http_request *request);
bool instance_on_request(
	struct fl_ctx *ctx, int listener, int exchange, const struct fl_http_request *request);
void instance_on_result(struct fl_ctx *ctx, int db, int number, const struct fl_result *result);
void instance_on_record(struct fl_ctx *ctx, int subscription, const struct fl_record *record);
bool instance_on_batch(struct fl_ctx *ctx, const char *stream, const struct fl_batch *batch);
bool instance_on_command(struct fl_ctx *ctx, int command, const char *name, const char *json);
void instance_on_reply(struct fl_ctx *ctx, int number, int status, const char *json, bool more);
bool instance_takes_command(const struct fl_ctx *ctx, const char *name);

#endif
