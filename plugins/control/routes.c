/*
 * routes.c: what there is to ask, and which handler gets a request.
 */
#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMELINE "broker,account,contract,underlying,from,to,limit,cursor"
#define CHOICE "feed,currency,connection"

/* clang-format off */
const struct route control_routes[] = {
	{ "POST", "/v1/streaming/start", route_start, control_pass,
		"Start feeds that were stopped", "", "?Feeds", "Status", "400,404" },
	{ "POST", "/v1/streaming/stop", route_stop, control_pass,
		"Stop feeds and hold them until they are started again, or until the process is",
		"", "?Feeds", "Status", "400,404" },
	{ "GET", "/v1/streaming/status", route_status, control_pass,
		"Feeds, sinks, journal and configuration", "", NULL, "Status", "" },
	{ "POST", "/v1/feeds/{feed}/subscribe", route_subscribe, route_change_answer,
		"Subscribe instruments; answers when the venue has acknowledged",
		"", "Instruments", "Subscribed", "400,404,409,502,503,504" },
	{ "POST", "/v1/feeds/{feed}/unsubscribe", route_unsubscribe, route_change_answer,
		"Unsubscribe instruments; answers when the venue has acknowledged",
		"", "Instruments", "Unsubscribed", "400,404,409,502,503,504" },
	{ "GET", "/v1/instruments", route_instruments, route_instruments_answer,
		"Instruments the store has seen",
		"broker,contract,underlying,currency,active,limit,cursor", NULL, "InstrumentPage", "400,502,503,504" },
	{ "GET", "/v1/trades", route_trades, route_trades_answer,
		"Fills of accounts", TIMELINE, NULL, "TradePage", "400,502,503,504" },
	{ "GET", "/v1/greeks/snapshots", route_greeks, route_greeks_answer,
		"Greeks of options and positions over time",
		TIMELINE, NULL, "SnapshotPage", "400,502,503,504" },
	{ "GET", "/v1/coverage", route_coverage, route_coverage_answer,
		"Listed, subscribed and live instruments by feed and currency", "", NULL, "Coverage", "" },
	{ "GET", "/v1/plugins", route_plugins, route_plugins_answer,
		"What is loaded", "", NULL, "Plugins", "" },
	{ "POST", "/v1/plugins/{plugin}/reload", route_reload, control_pass,
		"Read a plugin's file and swap it into every instance, while all that is open stays open",
		"", NULL, "Plugin", "404,409,502,503,504" },
	{ "POST", "/v1/lifecycle/refresh", route_lifecycle_refresh, route_lifecycle_answer,
		"Compare what is followed with what the venues list, now", "", "?Refresh", "Refreshed",
		"400,404,409,502,503,504" },
	{ "POST", "/v1/lifecycle/rehearsal", route_lifecycle_rehearsal, route_lifecycle_answer,
		"Let one instrument expire, or vanish and be listed again, in memory; taken back after 10 minutes",
		"", "Rehearsal", "Rehearsed", "400,404,409,502,503,504" },
	{ "GET", "/livez", route_live, NULL, "The process is alive", "", NULL, "Alive", "" },
	{ "GET", "/healthz", route_live, NULL, "The process is alive", "", NULL, "Alive", "" },
	{ "GET", "/readyz", route_ready, route_ready_answer,
		"Every enabled feed is connected and fresh, every sink within its lag limit",
		"", NULL, "Ready", "503=NotReady" },
	{ "GET", "/metrics", route_metrics, route_metrics_answer,
		"Metrics as Prometheus text", "", NULL, "text/plain", "" },
	{ "GET", "/openapi.json", route_openapi, NULL,
		"This description", "", NULL, "application/json", "" },
	{ "GET", "/", route_page, NULL, "The status page", "", NULL, "text/html", "" },
	{ "GET", "/health", route_older_health, route_older_health_answer,
		"Older name: healthy or not", "", NULL, "Health", "503=Unhealthy" },
	{ "GET", "/status", route_older_status, route_older_status_answer,
		"Older name: what is subscribed", CHOICE, NULL, "OlderStatus", "400,404,504" },
	{ "GET", "/api/status", route_older_status, route_older_api_status_answer,
		"Older name: what is subscribed, and whether there is a connection",
		CHOICE, NULL, "OlderApiStatus", "400,404,504" },
	{ "POST", "/subscribe", route_older_subscribe, route_older_subscribe_answer,
		"Older name: subscribe instruments",
		CHOICE, "Instruments", "OlderSubscribed", "400,404,409,502,503,504" },
	{ "POST", "/unsubscribe", route_older_unsubscribe, route_older_unsubscribe_answer,
		"Older name: unsubscribe instruments",
		CHOICE, "Instruments", "OlderUnsubscribed", "400,404,409,502,503,504" },
	{ 0 },
};
/* clang-format on */

bool control_list_has(const char *list, const char *name, size_t length)
{
	while (*list != '\0') {
		size_t item = strcspn(list, ",");

		if (item == length && memcmp(list, name, length) == 0)
			return true;
		list += item + (list[item] == ',');
	}
	return false;
}

const struct route *control_route(const char *method, const char *path)
{
	for (const struct route *route = control_routes; route->method != NULL; route++)
		if (strcmp(route->method, method) == 0 && strcmp(route->path, path) == 0)
			return route;
	return NULL;
}

/* Whether `path` is the route's; what its {parameter} stands for goes to `parameter`. */
static bool matches(const struct route *route, const char *path, char *parameter, size_t size)
{
	const char *open = strchr(route->path, '{'), *close;
	size_t before, length;

	if (open == NULL)
		return strcmp(route->path, path) == 0;
	close = strchr(open, '}') + 1;
	before = (size_t)(open - route->path);
	if (strncmp(path, route->path, before) != 0)
		return false;
	length = strcspn(path + before, "/");
	if (length == 0 || length >= size || strcmp(path + before + length, close) != 0)
		return false;
	memcpy(parameter, path + before, length);
	parameter[length] = '\0';
	return true;
}

/* Every method of the path, for the Allow header. */
static void refuse_method(struct call *call)
{
	const struct fl_http_request *request = call->request;
	char allowed[64] = "", detail[256], parameter[64];
	const struct fl_header headers[] = { { "Allow", allowed }, { "Cache-Control", "no-store" } };
	yyjson_mut_doc *doc;
	size_t used = 0;
	char *text;

	for (const struct route *route = control_routes; route->method != NULL; route++)
		if (matches(route, request->path, parameter, sizeof(parameter)) && used < sizeof(allowed))
			used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
				used > 0 ? ", " : "",
				strcmp(route->method, "GET") == 0 ? "GET, HEAD" : route->method);
	snprintf(detail, sizeof(detail), "this path takes %s, not %.64s", allowed, request->method);
	doc = control_problem_make(405, detail);
	text = yyjson_mut_write(doc, 0, NULL);
	yyjson_mut_doc_free(doc);
	(void)fl_respond_with(call->control->ctx, call->exchange, 405, "application/problem+json",
		headers, 2, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
	free(text);
}

/* A path but for its slashes at the end, which people add and leave out. */
static const struct route *nearly(const char *path, char *parameter, size_t size)
{
	char shorter[128];
	size_t length = strlen(path);

	if (length >= sizeof(shorter))
		return NULL;
	memcpy(shorter, path, length + 1);
	while (length > 1 && shorter[length - 1] == '/')
		shorter[--length] = '\0';
	for (const struct route *route = control_routes; route->method != NULL; route++)
		if (matches(route, shorter, parameter, size))
			return route;
	return NULL;
}

static void refuse_path(struct call *call)
{
	const struct route *near =
		nearly(call->request->path, call->parameter, sizeof(call->parameter));

	if (near != NULL)
		control_problem(
			call, 404, "there is no %.200s; did you mean %s?", call->request->path, near->path);
	else
		control_problem(call, 404, "there is no %.200s; GET /openapi.json lists what there is",
			call->request->path);
}

void control_dispatch(struct call *call)
{
	const struct fl_http_request *request = call->request;
	const char *method = strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;
	bool is_path = false;

	for (const struct route *route = control_routes; route->method != NULL; route++) {
		if (!matches(route, request->path, call->parameter, sizeof(call->parameter)))
			continue;
		is_path = true;
		if (strcmp(route->method, method) != 0)
			continue;
		call->route = route;
		route->handle(call);
		return;
	}
	if (is_path)
		refuse_method(call);
	else
		refuse_path(call);
}
