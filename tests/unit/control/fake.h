/*
 * fake.h: the few functions of the core that control calls. What it asks and answers is kept to be
 * looked at; the test plays those who are asked.
 */
#ifndef FAKE_H
#define FAKE_H

#include "control.h"

enum { FAKE_ASKED_MAX = 1100 };

struct fake_asked {
	int number;
	char to[80], name[48];
	char *json;
};

struct fl_ctx {
	int64_t now_ns;
	struct fake_asked asked[FAKE_ASKED_MAX];
	int asked_count;
	int command_error; /* what fl_command returns */
	int exchange;      /* of the last request */
	int gone;          /* this exchange's client has gone */
	/* The last answer. */
	int answer_count, answered; /* how many there were, to which exchange */
	int status;
	char type[64];
	char headers[1024]; /* "Name: value\n" each */
	char *body;
	size_t length;
	char check_error[256]; /* of `listen` */
	char *snapshot;        /* of the key "questions" */
};

extern const struct fl_plugin feedloom_plugin;

/** A control service; fake_stop frees what it and the fake hold. */
void *fake_start(struct fl_ctx *ctx);
void fake_stop(struct fl_ctx *ctx, void *state);
/** A request: `target` is a path, perhaps with a query; `body` may be NULL. */
void fake_request(
	struct fl_ctx *ctx, void *state, const char *method, const char *target, const char *body);
/** The last command that was asked. */
const struct fake_asked *fake_last(const struct fl_ctx *ctx);
/** Answers the last command. */
void fake_reply(struct fl_ctx *ctx, void *state, int status, const char *json);
/** Whether the last answer has this header. */
bool fake_has_header(const struct fl_ctx *ctx, const char *line);
/** The last answer's problem: checks the shape, gives the detail (until the next answer). */
const char *fake_problem(struct fl_ctx *ctx, int status);

#endif
