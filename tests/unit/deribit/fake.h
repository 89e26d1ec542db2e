/*
 * fake.h: a core of which a test is the master: it keeps what the plugin said and asked for, and
 * time stands still until the test moves it.
 */
#ifndef FAKE_H
#define FAKE_H

#include <feedloom/plugin.h>
#include <stdio.h>

struct fake_sent {
	int conn;
	char *text;
};

struct fake_request {
	int number;
	char *url;
};

struct fake_reply {
	int command, status;
	char *json;
};

struct fl_ctx {
	int64_t now_ns; /* both clocks */
	const struct fl_plugin *plugin;
	void *state;

	struct fl_record **records; /* published */
	size_t record_count;
	struct fake_sent *sent;
	size_t sent_count, sent_seen;  /* seen: world_acknowledge's */
	struct fake_request *requests; /* not answered yet */
	size_t request_count;
	struct fake_reply *replies;
	size_t reply_count;

	char (*names)[64]; /* by id */
	uint32_t name_count;
	int expected;               /* instruments that were, see fl_instrument_expect */
	struct fl_last_trade *last; /* by id, trade_seq 0: none */

	enum fl_conn_state conns[64];
	bool is_refusing; /* fl_send fails */
	enum fl_reason reconnected[64];
	int loads[64][2];
	struct {
		int64_t due_ns, repeat_ns; /* 0: not running */
	} timers[16];

	enum fl_health health;
	char health_reason[256];
	int health_told;         /* how often it was set */
	char complaint[512];     /* the last one */
	char complaining[8][32]; /* of what: "" where nothing */
	int coverage[3];         /* of the currency told last: listed, subscribed, live */
	int probe_steps, probe_failed;
	bool probe_done;
	char errors[2048]; /* of check */
};

struct fl_ctx *fake_create(void);
void fake_destroy(struct fl_ctx *ctx);
/** Forgets records, messages, answers. */
void fake_clear(struct fl_ctx *ctx);

void fake_create_plugin(struct fl_ctx *ctx, const struct fl_plugin *plugin, const void *options);
/** Saves, destroys, creates, restores, starts: as a reload does. */
void fake_reload(struct fl_ctx *ctx, const void *options);

/** A connection's state changes. */
void fake_conn(struct fl_ctx *ctx, int conn, enum fl_conn_state now, enum fl_reason reason);
/** A message arrives. */
void fake_message(struct fl_ctx *ctx, int conn, const char *text);
/** Answers the open request `number`; false: there is none. body NULL: no answer came. */
bool fake_answer(struct fl_ctx *ctx, int number, int status, const char *body);
/** The URL of an open request, NULL: none. */
const char *fake_url(const struct fl_ctx *ctx, int number);
/** Time passes; timers go off. */
void fake_pass(struct fl_ctx *ctx, int64_t ns);
size_t fake_count(const struct fl_ctx *ctx, enum fl_kind kind);
/** The i-th record of a kind, NULL: there is none. */
const void *fake_record(const struct fl_ctx *ctx, enum fl_kind kind, size_t i);
bool fake_complains(const struct fl_ctx *ctx, const char *what);
double fake_metric(const char *name);
void fake_metrics_reset(void);
/** malloc that does not fail. */
void *fake_alloc(size_t size) __attribute__((returns_nonnull));
/** sprintf for long texts in memory that is known to suffice. */
size_t fake_print(char *at, const char *format, ...) FL_PRINTF(2, 3);
/** Every byte of a file with 8 bytes of padding; the caller frees. */
char *fake_file(const char *path, size_t *length);

#endif
