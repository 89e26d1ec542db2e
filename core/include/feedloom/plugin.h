/*
 * plugin.h: what a plugin is. Start reading here.
 *
 * A plugin is a shared object with one exported symbol, `feedloom_plugin`. It owns meaning: which
 * channels, what a message says, which row a record becomes. The core owns every socket, timer,
 * request, thread and clock; the plugin names them by numbers it chooses and hears of them in its
 * callbacks. So its code can be swapped while they stay.
 *
 * Rules of the boundary (a test holds them): no static mutable data, no constructors, no threads,
 * no clock, file, socket, environment or random of its own; one exported symbol; what it needs from
 * outside is fl_*, yyjson and pure libc (memory, strings, math, snprintf).
 */
#ifndef FEEDLOOM_PLUGIN_H
#define FEEDLOOM_PLUGIN_H

#include <feedloom/base.h>
#include <feedloom/bus.h>
#include <feedloom/command.h>
#include <feedloom/conn.h>
#include <feedloom/health.h>
#include <feedloom/http.h>
#include <feedloom/instrument.h>
#include <feedloom/log.h>
#include <feedloom/metric.h>
#include <feedloom/pg.h>
#include <feedloom/record.h>
#include <feedloom/sqlite.h>
#include <feedloom/timer.h>

#define FL_PLUGIN_ABI 1

enum fl_role { FL_FEED = 1, FL_SINK = 2, FL_SERVICE = 3 };

/** Types of options and the field each fills. */
enum fl_option_type {
	FL_BOOL = 1,  /* bool; true or false */
	FL_INT,       /* int64_t */
	FL_REAL,      /* double */
	FL_RATIO,     /* double; "5%" or 0.05 */
	FL_STRING,    /* const char * */
	FL_SECRET,    /* const char *; never logged or shown */
	FL_PATH,      /* const char *; resolved against the state directory */
	FL_URL,       /* const char *; scheme among `choices` */
	FL_CHOICE,    /* int; index into `choices` */
	FL_NAMES,     /* struct fl_names; a sequence, or one scalar */
	FL_DURATION,  /* int64_t ns; "5s", "100ms", "7d"; a unit is required except for 0 */
	FL_SIZE,      /* int64_t bytes; "16MiB", "4GiB", "500MB" */
	FL_DURATIONS, /* struct fl_durations; a mapping of names (`choices`, if given) to durations */
	FL_GROUP      /* a nested struct; `group` is its table, offsets relative to this field */
};

/** Names with durations, as in `retention: { tickers: 7d }`. */
struct fl_durations {
	const char *const *names;
	const int64_t *values_ns;
	size_t count;
};

enum {
	FL_OPTION_LIVE = 1,    /* can change while the instance runs (reconfigure) */
	FL_OPTION_REQUIRED = 2 /* no default */
};

/**
 * One option: the single source of parsing, default, range, errors, help and reference. Tables end
 * with a zeroed row. Pointers are read at load and copied; `min` and `max` are written as the user
 * would.
 */
struct fl_option {
	const char *name;
	enum fl_option_type type;
	size_t offset;      /* of the field in the options struct */
	const char *preset; /* default, as it would be written; NULL: empty or 0 */
	const char *help;
	const char *min, *max;         /* numbers, durations, sizes; NULL: no limit */
	const char *const *choices;    /* NULL-terminated: FL_CHOICE, FL_NAMES, FL_DURATIONS, FL_URL */
	const struct fl_option *group; /* FL_GROUP */
	unsigned flags;                /* FL_OPTION_... */
};

/** Collects errors of a plugin's own checks of its options. Core's. */
struct fl_check;
/** Reports one: `option` names it ("channels", "tls.ca_file") so that file, line and column can be
 * added. */
FL_API void fl_check_error(struct fl_check *check, const char *option, const char *format, ...)
	FL_PRINTF(3, 4);

/** State handed from the old code to the new, or kept over a restart: keys and values in core's
 * memory. */
struct fl_snapshot;
FL_API int fl_snapshot_put_int(struct fl_snapshot *to, const char *key, int64_t value);
FL_API int fl_snapshot_put_real(struct fl_snapshot *to, const char *key, double value);
FL_API int fl_snapshot_put_text(struct fl_snapshot *to, const char *key, const char *text);
FL_API int fl_snapshot_put_bytes(
	struct fl_snapshot *to, const char *key, const void *bytes, size_t length);
/** The same with bytes from malloc, which become the snapshot's whatever is returned: no copy. */
FL_API int fl_snapshot_take_bytes(
	struct fl_snapshot *to, const char *key, void *bytes, size_t length);
/* Get: 0; -ENOENT: not there, `out` is left alone; -EINVAL: of another type. Pointers: valid in
 * restore. */
FL_API int fl_snapshot_get_int(const struct fl_snapshot *from, const char *key, int64_t *out);
FL_API int fl_snapshot_get_real(const struct fl_snapshot *from, const char *key, double *out);
FL_API int fl_snapshot_get_text(const struct fl_snapshot *from, const char *key, const char **out);
FL_API int fl_snapshot_get_bytes(
	const struct fl_snapshot *from, const char *key, const void **out, size_t *length);

/** The descriptor. Zero leaves a callback out. Callbacks stand in the order of an instance's life.
 */
struct fl_plugin {
	uint32_t abi;  /* FL_PLUGIN_ABI */
	uint32_t size; /* sizeof(struct fl_plugin) */
	const char *name, *version;
	const char *summary; /* one line */
	enum fl_role role;
	const char *venue;      /* feeds: `exchange` in the store */
	uint32_t state_version; /* of what save writes */

	const struct fl_option *options;
	size_t options_size;
	/** Checks between options, pure: nothing exists yet. */
	void (*check)(const void *options, struct fl_check *check);

	/** Makes the state. Opens nothing. `options` is borrowed and lives until reconfigure or
	 * destroy. */
	int (*create)(struct fl_ctx *ctx, const void *options, void **state);
	/** Frees the state; owns nothing else. Takes NULL. */
	void (*destroy)(void *state);
	/**
	 * Opens or adopts what it needs: the same code cold and after a reload. In a reload every call
	 * from save to here that would change something is kept, and carried out in order once start
	 * has returned 0; what cannot be known before then is answered with 0. After that the core
	 * closes the connections, listeners, databases, streams, subscriptions and repeating timers
	 * that start did not name. What is in flight stays and is the new code's to answer: requests,
	 * commands, exchanges, peers, jobs, timers that come once.
	 */
	int (*start)(void *state);
	/** Orderly stop: closes what it opened; callbacks go on until the last is closed. */
	void (*stop)(void *state);
	/** New options, of which only live ones differ. Non-zero: restart me instead. */
	int (*reconfigure)(void *state, const void *options);
	/** For `feedloom check --connect`, instead of start: try everything once, then fl_probe_done.
	 */
	int (*probe)(void *state);
	/**
	 * For `feedloom backfill WHAT`, instead of start: publishes what is asked for, says how far it
	 * is by fl_backfill_line, and ends with fl_backfill_done. `json` is an object:
	 * {"currencies": [...]}. -ENOTSUP: it has no such thing.
	 */
	int (*backfill)(void *state, const char *what, const char *json);

	/** Connection `conn` is now in this state (UP, BACKOFF or CLOSED; not the steps between). */
	void (*on_connection)(void *state, int conn, enum fl_conn_state now, enum fl_reason reason);
	void (*on_message)(void *state, int conn, const struct fl_message *message);
	void (*on_response)(void *state, int number, const struct fl_response *response);
	void (*on_timer)(void *state, int timer);
	/**
	 * A WebSocket peer asks to be let in on `listener`. 0 accepts it: from then on it is connection
	 * `conn` (65,536 and above). Another value is the HTTP status it is refused with.
	 */
	int (*on_accept)(void *state, int listener, int conn, const struct fl_http_request *request);
	/** A request to answer with fl_respond and its kin, now or later. */
	void (*on_request)(
		void *state, int listener, int exchange, const struct fl_http_request *request);
	/** An answer from database `db` to statement or job `number`; 0 is the opening. */
	void (*on_result)(void *state, int db, int number, const struct fl_result *result);
	void (*on_record)(void *state, int subscription, const struct fl_record *record);
	/** Sinks: one batch, one transaction, then fl_ack or fl_retry, now or later. */
	void (*on_batch)(void *state, const char *stream, const struct fl_batch *batch);

	const struct fl_command_info *commands;
	void (*on_command)(void *state, int command, const char *name, const char *json);
	void (*on_reply)(void *state, int number, int status, const char *json, bool more);

	/**
	 * What the new code must know to go on: nothing asked twice, nothing forgotten. The old code
	 * goes on with its state when a later step fails. A sink is asked when no batch is in flight.
	 * -EBUSY: not now; it is asked again in a moment, for 8 s at most.
	 */
	int (*save)(const void *state, struct fl_snapshot *to);
	/** Called between create and start. Keys it does not know are ignored, missing ones keep what
	 * create set. `version` is the state_version of who wrote it. Non-zero refuses: the old code
	 * goes on. */
	int (*restore)(void *state, uint32_t version, const struct fl_snapshot *from);
};

#endif
