/*
 * control.h: what the files of the control plugin share: its state, the route table, questions under way.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <feedloom/plugin.h>
#include <yyjson.h>

enum { LISTENER = 1, QUESTION_MAX = 512 }; /* a reload finds the listener by this number */

struct options {
	const char *listen;
	const char *token;
	struct fl_names trust;
	int64_t connection_limit;
	int64_t request_timeout_ns;
};

struct control;

/** A request while it is handled: who is to be answered, what was asked. */
struct call {
	struct control *control;
	int exchange;
	const struct fl_http_request *request; /* NULL once the question is under way */
	char parameter[64];                    /* what {feed} stood for */
	int shape;                             /* a handler's own, kept for its answer */
	char feed[64];                         /* ?feed=, kept likewise; "" when there is none */
	char currency[16];
	int connection; /* ?connection=, -1: none */
};

/** Gets the answer to a handler's question. */
typedef void (*answer_fn)(struct call *call, int status, const char *json);

struct question {
	bool is_used;
	struct call call;
	answer_fn answer;
};

struct control {
	struct fl_ctx *ctx;            /* borrowed; outlives us */
	const struct options *options; /* borrowed */
	struct question questions[QUESTION_MAX]; /* a question's number is its place + 1 */
};

/** One route: drives dispatch, 404, 405 and the OpenAPI document. */
struct route {
	const char *method, *path; /* one {parameter} at most */
	void (*handle)(struct call *call);
	const char *summary;
	const char *query; /* comma-separated parameters, "" for none */
	const char *body;  /* JSON schema of the body, NULL: none */
};
extern const struct route control_routes[]; /* ends with a NULL method */

/** Asks another instance or the core; `answer` gets what comes of it. On failure the call is answered. */
void control_ask(struct call *call, const char *to, const char *command, const char *json,
	answer_fn answer);
/** Answers with JSON or, for statuses of 400 and above, with a problem made from {"detail"}. */
void control_pass(struct call *call, int status, const char *json);
/** The document a request's body holds; an empty body is {}. NULL: answered with 400. */
yyjson_doc *control_body(struct call *call);
/** Writes a document as the answer's body; frees it. */
void control_send(struct call *call, int status, yyjson_mut_doc *doc);

/* routes_service.c */
void route_page(struct call *call);
void route_openapi(struct call *call);
void route_live(struct call *call);
void route_ready(struct call *call);
void route_metrics(struct call *call);
/* routes_streaming.c */
void route_start(struct call *call);
void route_stop(struct call *call);
void route_status(struct call *call);
void route_subscribe(struct call *call);
void route_unsubscribe(struct call *call);
void route_coverage(struct call *call);
void route_plugins(struct call *call);
/* routes_data.c */
void route_instruments(struct call *call);
void route_trades(struct call *call);
void route_greeks(struct call *call);
/* routes_older.c */
void route_older_health(struct call *call);
void route_older_status(struct call *call);
void route_older_api_status(struct call *call);
void route_older_subscribe(struct call *call);
void route_older_unsubscribe(struct call *call);

#endif
