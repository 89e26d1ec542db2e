/*
 * control.h: what the files of the control plugin share: its state, the route table, questions
 * under way, and how requests are read and answered.
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
struct route;

/** A request while it is handled: who is to be answered, what was asked. */
struct call {
	struct control *control;
	const struct route *route;
	int exchange;
	const struct fl_http_request *request; /* NULL once the question is under way */
	char parameter[64];                    /* what {feed} stood for */
	char feed[64];                         /* ?feed=, kept for the answer; "": none */
	char currency[16];                     /* ?currency=, likewise */
	int connection;                        /* ?connection=, -1: none */
};

/** Answers a request with what came of its question. */
typedef void (*answer_fn)(struct call *call, int status, const char *json);

struct control {
	struct fl_ctx *ctx;                  /* borrowed; outlives us */
	const struct options *options;       /* borrowed */
	struct call questions[QUESTION_MAX]; /* exchange 0: a free place */
};

/** One route: drives dispatch, 404, 405 and the OpenAPI document. */
struct route {
	const char *method, *path;         /* one {parameter} at most */
	void (*handle)(struct call *call); /* answers, or asks */
	answer_fn answer;                  /* of what `handle` asked; NULL: it does not ask */
	const char *summary;
	const char *query; /* parameters, comma-separated, as openapi.json describes them; "": none */
	const char *body;  /* schema of the body in openapi.json, "?" before it: optional; NULL: none */
	const char *reply; /* schema of the answer in openapi.json, or a content type */
	const char *statuses; /* others than 200, comma-separated: "404", "503=NotReady" */
};

/* ---- routes.c ---- */

extern const struct route control_routes[]; /* ends with a NULL method */

/** Finds the route and has the request handled; 404 and 405 are answered here. */
void control_dispatch(struct call *call);
/** The route of "GET /status"; NULL: there is none. */
const struct route *control_route(const char *method, const char *path);
/** Whether a comma-separated list has `name`. */
bool control_list_has(const char *list, const char *name, size_t length);

/* ---- question.c ---- */

/** Asks another instance or the core for the route's answer. On failure the call is answered. */
void control_ask(struct call *call, const char *to, const char *command, const char *json);
void control_on_reply(void *state, int number, int status, const char *json, bool more);
int control_save(const void *state, struct fl_snapshot *to);
int control_restore(void *state, uint32_t version, const struct fl_snapshot *from);

/* ---- answer.c ---- */

/** Answers with a problem document (RFC 9457); `detail` says what to do. */
void control_problem(struct call *call, int status, const char *detail, ...) FL_PRINTF(3, 4);
/** The same, to be added to; control_send sends it. */
yyjson_mut_doc *control_problem_make(int status, const char *detail);
/** An object to be filled and sent. NULL: no memory, the call is answered. */
yyjson_mut_doc *control_object(struct call *call);
/** Sends a document, a problem for statuses of 400 and above; frees it. */
void control_send(struct call *call, int status, yyjson_mut_doc *doc);
/** Sends JSON as it is. */
void control_send_json(struct call *call, int status, const char *json, size_t length);
/** Passes on what a question came to; statuses of 400 and above become problems of their
 * {"detail"}. */
void control_pass(struct call *call, int status, const char *json);
/** The detail of such a reply. `buffer` holds it. */
const char *control_detail(const char *json, char *buffer, size_t size);
/**
 * The object a request's body holds; an empty body is {}. NULL: answered with 400.
 * @param members  comma-separated: others are refused, lest a misspelt one is taken for none; NULL:
 * any
 */
yyjson_doc *control_body(struct call *call, const char *members);

/* ---- handlers and their answers, in the order of the table ---- */

/* routes_streaming.c */
void route_start(struct call *call);
void route_stop(struct call *call);
void route_status(struct call *call);
void route_subscribe(struct call *call);
void route_unsubscribe(struct call *call);
void route_change_answer(struct call *call, int status, const char *json);
void route_coverage(struct call *call);
void route_coverage_answer(struct call *call, int status, const char *json);
void route_plugins(struct call *call);
void route_plugins_answer(struct call *call, int status, const char *json);
void route_reload(struct call *call);
/** Whether the body has names under "instruments", and "pin" as it must be; false: answered with
 * 400. */
bool route_has_instruments(struct call *call, yyjson_doc *doc, bool may_be_empty);
/* routes_lifecycle.c */
void route_lifecycle_refresh(struct call *call);
void route_lifecycle_rehearsal(struct call *call);
void route_lifecycle_answer(struct call *call, int status, const char *json);
/* routes_data.c */
void route_instruments(struct call *call);
void route_instruments_answer(struct call *call, int status, const char *json);
void route_trades(struct call *call);
void route_trades_answer(struct call *call, int status, const char *json);
void route_greeks(struct call *call);
void route_greeks_answer(struct call *call, int status, const char *json);
/* routes_service.c */
void route_live(struct call *call);
void route_ready(struct call *call);
void route_ready_answer(struct call *call, int status, const char *json);
void route_metrics(struct call *call);
void route_metrics_answer(struct call *call, int status, const char *json);
void route_page(struct call *call);
/* routes_openapi.c */
void route_openapi(struct call *call);
/* routes_older.c */
void route_older_health(struct call *call);
void route_older_health_answer(struct call *call, int status, const char *json);
void route_older_status(struct call *call);
void route_older_status_answer(struct call *call, int status, const char *json);
void route_older_api_status_answer(struct call *call, int status, const char *json);
void route_older_subscribe(struct call *call);
void route_older_subscribe_answer(struct call *call, int status, const char *json);
void route_older_unsubscribe(struct call *call);
void route_older_unsubscribe_answer(struct call *call, int status, const char *json);

#endif
