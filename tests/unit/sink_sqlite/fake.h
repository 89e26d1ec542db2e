/*
 * fake.h: the plugin over the real SQLite client, in a core of which the test is the master: names,
 * clock, timers and the stream are the test's; the database is a file.
 */
#ifndef FAKE_H
#define FAKE_H

#include "unit.h"

#include "sqlite.h"
#include <feedloom/plugin.h>
#include <sqlite3.h>

enum { FAKE_NAMES = 4000, FAKE_TIMERS = 16, FAKE_BATCH_BYTES = 4 << 20, FAKE_DATABASES = 4 };

struct fl_ctx {
	char folder[64], path[128];
	struct loop *loop;
	void *state; /* the plugin's */
	struct fake_database {
		struct fl_ctx *ctx;
		int number;
		struct sqlite *sqlite;
	} databases[FAKE_DATABASES];
	int closing;
	int64_t free_bytes; /* 0: what the client says */

	char names[FAKE_NAMES][64]; /* by id */
	uint32_t name_count;
	int64_t now_ns, monotonic_ns;
	int64_t timer_ns[FAKE_TIMERS]; /* delay as started, -1: not running */

	/* The stream. */
	bool is_stream_open;
	struct fl_stream how;
	int stream_opens;
	struct fl_position acked;
	int acks, retries;
	int64_t retry_ns;

	/* What the plugin said last. */
	enum fl_health health;
	char reason[512], reply[65536], log[1024], steps[1024];
	int reply_status, replies;
	bool is_probed;

	/* The batch being put together. */
	char *batch;
	size_t batch_length;
	uint32_t batch_count;
	uint64_t dropped[FL_KIND_COUNT];
};

/* Options as the plugin's table has them; defaults already there. */
struct fake_options {
	const char *path;
	struct fl_durations retention;
	double min_free;
	int64_t batch_rows, flush_rows;
	int64_t commit_floor_ns, flush_interval_ns, busy_timeout_ns;
};

extern const struct fl_plugin feedloom_plugin;

/** A fresh folder, no instance yet. */
struct fl_ctx *fake_open(void);
void fake_close(struct fl_ctx *ctx);
/** Creates and starts the plugin; returns when its stream is open or `tries` answers have come. */
void fake_start(struct fl_ctx *ctx, struct fake_options *options);
/** Other code takes over, as in a reload: what is open and under way stays. */
void fake_reload(struct fl_ctx *ctx, const struct fake_options *options);
/** As a kill: the state is gone, the session closed. */
void fake_halt(struct fl_ctx *ctx);
uint32_t fake_name(struct fl_ctx *ctx, const char *name);

/** A record of the next batch, to be filled in; made absent throughout, with both times set. */
void *fake_add(struct fl_ctx *ctx, enum fl_kind kind, const char *instrument, size_t extra);
/** Gives the batch to the plugin and waits for its answer: an ack, a retry or a closed stream. */
void fake_deliver(struct fl_ctx *ctx);
/** The same without waiting. */
void fake_send(struct fl_ctx *ctx);
/** Gives the same batch once more, after a retry. */
void fake_deliver_again(struct fl_ctx *ctx);
/** Runs the plugin's timer now. */
void fake_tick(struct fl_ctx *ctx, int timer);
/** Until every job is answered. */
void fake_settle(struct fl_ctx *ctx);

/* The database as somebody else sees it. */
int64_t fake_int(struct fl_ctx *ctx, const char *sql);
double fake_real(struct fl_ctx *ctx, const char *sql);
/** In a buffer of its own, until the next call. */
const char *fake_text(struct fl_ctx *ctx, const char *sql);
void fake_sql(struct fl_ctx *ctx, const char *sql);

#endif
