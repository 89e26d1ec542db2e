/*
 * control: the REST service: streaming control, status, coverage, data, metrics, the status page, and the
 * names that older collectors answered to.
 *
 * Asks       the core and other plugins, by command; it knows nothing of its own
 * Reload     the listener and its connections stay; questions under way are asked by the core
 * Config     services: { control: { listen: 127.0.0.1:8080 } }
 *
 * core: socket > HTTP > guard | here: on_request > route > fl_command ... on_reply > fl_respond
 */
#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct fl_option option_table[] = {
	{ "listen", FL_STRING, offsetof(struct options, listen), "127.0.0.1:8080", "address and port",
		.flags = FL_OPTION_LIVE },
	{ "token", FL_SECRET, offsetof(struct options, token), "",
		"bearer token; needed on an address that is not loopback", .flags = FL_OPTION_LIVE },
	{ "trust", FL_NAMES, offsetof(struct options, trust), "[]",
		"networks that need no token, [172.18.0.0/16]", .flags = FL_OPTION_LIVE },
	{ "connection_limit", FL_INT, offsetof(struct options, connection_limit), "256",
		"connections at once; more are answered 503", .min = "1", .max = "10000",
		.flags = FL_OPTION_LIVE },
	{ "request_timeout", FL_DURATION, offsetof(struct options, request_timeout_ns), "10s",
		"for a request's head and body to arrive", .min = "1s", .max = "5m",
		.flags = FL_OPTION_LIVE },
	{ 0 },
};

/* ---- routes ---- */

static const char names_body[] = "{\"type\":\"object\",\"properties\":{\"instruments\":{\"type\":"
	"\"array\",\"items\":{\"type\":\"string\"}},\"pin\":{\"type\":\"boolean\"}},"
	"\"required\":[\"instruments\"]}";
static const char feeds_body[] = "{\"type\":\"object\",\"properties\":{\"feeds\":{\"type\":\"array\","
	"\"items\":{\"type\":\"string\"}}}}";

const struct route control_routes[] = {
	{ "POST", "/v1/streaming/start", route_start, "start feeds that were stopped", "", feeds_body },
	{ "POST", "/v1/streaming/stop", route_stop, "stop feeds and hold them", "", feeds_body },
	{ "GET", "/v1/streaming/status", route_status, "feeds, sinks, journal, configuration", "", NULL },
	{ "POST", "/v1/feeds/{feed}/subscribe", route_subscribe,
		"subscribe instruments; answers when the venue has acknowledged", "", names_body },
	{ "POST", "/v1/feeds/{feed}/unsubscribe", route_unsubscribe, "unsubscribe instruments", "",
		names_body },
	{ "GET", "/v1/instruments", route_instruments, "instruments known to the store",
		"currency,underlying,active,limit,cursor", NULL },
	{ "GET", "/v1/trades", route_trades, "fills of accounts",
		"broker,account,contract,underlying,from,to,limit,cursor", NULL },
	{ "GET", "/v1/greeks/snapshots", route_greeks, "greeks over time",
		"broker,account,contract,underlying,from,to,limit,cursor", NULL },
	{ "GET", "/v1/coverage", route_coverage, "listed, subscribed and live instruments", "", NULL },
	{ "GET", "/v1/plugins", route_plugins, "what is loaded", "", NULL },
	{ "GET", "/livez", route_live, "the process is alive", "", NULL },
	{ "GET", "/healthz", route_live, "the process is alive", "", NULL },
	{ "GET", "/readyz", route_ready, "every feed is connected and fresh, every sink within its lag", "",
		NULL },
	{ "GET", "/metrics", route_metrics, "Prometheus text", "", NULL },
	{ "GET", "/openapi.json", route_openapi, "this description", "", NULL },
	{ "GET", "/", route_page, "status page", "", NULL },
	{ "GET", "/health", route_older_health, "older name: healthy or unhealthy", "", NULL },
	{ "GET", "/status", route_older_status, "older name: subscriptions", "feed,currency,connection",
		NULL },
	{ "GET", "/api/status", route_older_api_status, "older name: subscriptions and connection",
		"feed,currency,connection", NULL },
	{ "POST", "/subscribe", route_older_subscribe, "older name", "feed,currency,connection",
		names_body },
	{ "POST", "/unsubscribe", route_older_unsubscribe, "older name", "feed,currency,connection",
		names_body },
	{ 0 },
};

/* Whether `path` is the route's; what its {parameter} stands for goes to `parameter`. */
static bool matches(const struct route *route, const char *path, char *parameter, size_t size)
{
	const char *open = strchr(route->path, '{'), *close, *end;
	size_t before, length;

	if (open == NULL)
		return strcmp(route->path, path) == 0;
	close = strchr(open, '}') + 1;
	before = (size_t)(open - route->path);
	if (strncmp(path, route->path, before) != 0)
		return false;
	end = strchr(path + before, '/');
	if (end == NULL)
		end = path + strlen(path);
	length = (size_t)(end - (path + before));
	if (length == 0 || length >= size || strcmp(end, close) != 0)
		return false;
	memcpy(parameter, path + before, length);
	parameter[length] = '\0';
	return true;
}

static void refuse_method(struct call *call, const char *allowed)
{
	static const char body[] = "{\"type\":\"about:blank\",\"title\":\"Method Not Allowed\","
		"\"status\":405,\"detail\":\"this path takes another method: see the Allow header\"}";
	const struct fl_header header = { "Allow", allowed };

	(void)fl_respond_with(call->control->ctx, call->exchange, 405, "application/problem+json", &header,
		1, body, sizeof(body) - 1);
}

static void on_request(void *state, int listener, int exchange,
	const struct fl_http_request *request)
{
	struct call call = { .control = state,
		.exchange = exchange,
		.request = request,
		.connection = -1 };
	bool is_head = strcmp(request->method, "HEAD") == 0;
	const char *allowed = NULL;

	(void)listener;
	for (const struct route *route = control_routes; route->method != NULL; route++) {
		if (!matches(route, request->path, call.parameter, sizeof(call.parameter)))
			continue;
		if (strcmp(route->method, is_head ? "GET" : request->method) == 0) {
			route->handle(&call);
			return;
		}
		allowed = route->method;
	}
	if (allowed != NULL)
		refuse_method(&call, allowed);
	else
		(void)fl_respond_problem(call.control->ctx, exchange, 404,
			"there is no %s; GET /openapi.json lists what there is", request->path);
}

/* ---- questions ---- */

void control_ask(struct call *call, const char *to, const char *command, const char *json,
	answer_fn answer)
{
	struct control *self = call->control;

	for (int i = 0; i < QUESTION_MAX; i++) {
		struct question *question = &self->questions[i];

		if (question->is_used)
			continue;
		if (fl_command(self->ctx, i + 1, to, command, json, 0) < 0)
			break;
		*question = (struct question){ .is_used = true, .call = *call, .answer = answer };
		question->call.request = NULL;
		return;
	}
	(void)fl_respond_problem(self->ctx, call->exchange, 503,
		"too many requests are waiting for an answer; try again");
}

static void on_reply(void *state, int number, int status, const char *json, bool more)
{
	struct control *self = state;
	struct question question;

	if (number < 1 || number > QUESTION_MAX || more)
		return;
	question = self->questions[number - 1];
	self->questions[number - 1].is_used = false;
	if (question.is_used)
		question.answer(&question.call, status, json);
}

void control_pass(struct call *call, int status, const char *json)
{
	yyjson_doc *doc;
	const char *detail;

	if (status < 400) {
		(void)fl_respond(call->control->ctx, call->exchange, status, "application/json", json,
			strlen(json));
		return;
	}
	doc = yyjson_read(json, strlen(json), 0);
	detail = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "detail"));
	(void)fl_respond_problem(call->control->ctx, call->exchange, status, "%s",
		detail == NULL ? "no reason was given" : detail);
	yyjson_doc_free(doc);
}

yyjson_doc *control_body(struct call *call)
{
	const struct fl_http_request *request = call->request;
	yyjson_read_err error;
	yyjson_doc *doc = request->length == 0 ?
		yyjson_read("{}", 2, 0) :
		yyjson_read_opts((char *)(uintptr_t)request->body, request->length, 0, NULL, &error);

	if (doc != NULL && yyjson_is_obj(yyjson_doc_get_root(doc)))
		return doc;
	if (doc == NULL)
		(void)fl_respond_problem(call->control->ctx, call->exchange, 400,
			"the body is not JSON: %s at byte %zu", error.msg, error.pos);
	else
		(void)fl_respond_problem(call->control->ctx, call->exchange, 400,
			"the body must be a JSON object");
	yyjson_doc_free(doc);
	return NULL;
}

void control_send(struct call *call, int status, yyjson_mut_doc *doc)
{
	size_t length;
	char *text = yyjson_mut_write(doc, 0, &length);

	if (text == NULL)
		(void)fl_respond_problem(call->control->ctx, call->exchange, 500, "out of memory");
	else
		(void)fl_respond(call->control->ctx, call->exchange, status, "application/json", text, length);
	free(text);
	yyjson_mut_doc_free(doc);
}

/* ---- life ---- */

static int listen_as_configured(struct control *self)
{
	static const char *const open[] = { "/livez", "/healthz", "/health", NULL };
	const struct fl_listen how = { .address = self->options->listen,
		.guarded = true,
		.token = self->options->token,
		.trust = self->options->trust,
		.open_paths = { open, 3 },
		.connection_limit = (int)self->options->connection_limit,
		.request_timeout_ns = self->options->request_timeout_ns };
	int result = fl_listen(self->ctx, LISTENER, &how);

	if (result == -EPERM)
		fl_log(self->ctx, FL_ERROR,
			"%s is not a loopback address: set `token`, or the networks to `trust`",
			self->options->listen);
	else if (result < 0)
		fl_log(self->ctx, FL_ERROR, "cannot listen on %s: change `services: { %s: { listen } }`",
			self->options->listen, fl_instance_name(self->ctx));
	return result;
}

static int create(struct fl_ctx *ctx, const void *options, void **state)
{
	struct control *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	self->ctx = ctx;
	self->options = options;
	*state = self;
	return 0;
}

static int start(void *state)
{
	return listen_as_configured(state);
}

static int reconfigure(void *state, const void *options)
{
	struct control *self = state;

	self->options = options;
	return listen_as_configured(self);
}

FL_PLUGIN_EXPORT const struct fl_plugin feedloom_plugin = {
	.abi = FL_PLUGIN_ABI, .size = sizeof(struct fl_plugin),
	.name = "control", .version = "1.0", .role = FL_SERVICE,
	.summary = "REST, metrics and the status page",
	.options = option_table, .options_size = sizeof(struct options),
	.create = create, .destroy = free, .start = start, .reconfigure = reconfigure,
	.on_request = on_request, .on_reply = on_reply,
};
