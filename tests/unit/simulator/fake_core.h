/*
 * fake_core.h: the few functions of the core that the simulator calls, on a clock that the test
 * moves. What is sent, answered or written down is kept to be looked at.
 */
#ifndef FAKE_CORE_H
#define FAKE_CORE_H

#include <feedloom/plugin.h>
#include <yyjson.h>

#include "simulator.h"

enum { FAKE_TIMERS = 8, FAKE_TABLES = 16 };
enum { FAKE_CONN = 65536 }; /* of the first peer */

struct fake_message {
	int conn;
	char *text;
	size_t length;
};

struct fl_ctx {
	int64_t now_ns, monotonic_ns;
	struct {
		bool is_running;
		int64_t at_ns, repeat_ns;
	} timers[FAKE_TIMERS];
	struct fake_message *sent;
	size_t sent_count, sent_capacity;
	int send_error; /* what fl_send answers, when not 0 */
	size_t queued;
	int aborted, closed, close_code; /* the last connection, 0: none */
	char close_reason[64];
	size_t pieces;        /* frames of fl_send_pieces */
	int dripping, frozen; /* the last connection, 0: none */
	size_t header_count;  /* of the last answer */
	int status;           /* of the last answer */
	char *body;
	/* The ledger. */
	bool is_database_held; /* jobs are not answered until fake_answer_jobs */
	struct {
		char table[32];
		uint64_t rows;
		char last_row[512]; /* its values, with a bar between */
	} tables[FAKE_TABLES];
	int jobs[1024]; /* numbers that wait for their answer */
	size_t job_count;
	bool database_is_open;
};

extern const struct fl_plugin feedloom_plugin;

/** A simulator that has started, with `options` changed by `change` (may be NULL). */
struct simulator *fake_start(struct fl_ctx *ctx, void (*change)(struct options *options));
/** Other code takes over, as in a reload; returns its state. */
struct simulator *fake_reload(struct fl_ctx *ctx, struct simulator *sim);
void fake_stop(struct fl_ctx *ctx, struct simulator *sim);
/** Lets time pass: timers that are due are called in order. */
void fake_pass(struct fl_ctx *ctx, struct simulator *sim, int64_t ns);
/** Lets a client in; returns on_accept's answer. */
int fake_accept(struct simulator *sim, int conn, const char *peer);
void fake_say(struct simulator *sim, int conn, const char *text);
/** Says it, and returns the answer (to be freed): the first message sent since. */
yyjson_doc *fake_ask(struct fl_ctx *ctx, struct simulator *sim, int conn, const char *text);
void fake_forget_sent(struct fl_ctx *ctx);
/** An HTTP request; the answer is ctx->status and the document returned (to be freed). */
yyjson_doc *fake_http(struct fl_ctx *ctx, struct simulator *sim, const char *method,
	const char *path, const char *query, const char *body);
void fake_answer_jobs(struct fl_ctx *ctx, struct simulator *sim);
/** How many rows table `name` has been given. */
uint64_t fake_rows(const struct fl_ctx *ctx, const char *name);
const char *fake_last_row(const struct fl_ctx *ctx, const char *name);

/** The value at a JSON pointer of a document. */
yyjson_val *at(yyjson_doc *doc, const char *pointer);

#endif
