/*
 * routes_service.c: liveness, readiness, metrics, the API's description, the status page.
 */
#include "control.h"

#include <string.h>

static const unsigned char page[] = {
#include "page.inc"
};

void route_page(struct call *call)
{
	static const struct fl_header headers[] = {
		{ "Content-Security-Policy",
			"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
			"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Cache-Control", "no-store" },
	};

	(void)fl_respond_with(call->control->ctx, call->exchange, 200, "text/html; charset=utf-8", headers,
		sizeof(headers) / sizeof(*headers), page, sizeof(page));
}

void route_live(struct call *call)
{
	static const char text[] = "{\"status\":\"alive\"}";

	(void)fl_respond(call->control->ctx, call->exchange, 200, "application/json", text,
		sizeof(text) - 1);
}

static void answer_ready(struct call *call, int status, const char *json)
{
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	bool is_ready = yyjson_get_bool(yyjson_obj_get(yyjson_doc_get_root(doc), "ready"));

	yyjson_doc_free(doc);
	if (status >= 400)
		control_pass(call, status, json);
	else
		(void)fl_respond(call->control->ctx, call->exchange, is_ready ? 200 : 503,
			"application/json", json, strlen(json));
}

void route_ready(struct call *call)
{
	control_ask(call, "core", "ready", NULL, answer_ready);
}

static void answer_metrics(struct call *call, int status, const char *json)
{
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	yyjson_val *text = yyjson_obj_get(yyjson_doc_get_root(doc), "text");

	if (status >= 400 || !yyjson_is_str(text))
		control_pass(call, status, json);
	else
		(void)fl_respond(call->control->ctx, call->exchange, 200,
			"text/plain; version=0.0.4; charset=utf-8", yyjson_get_str(text), yyjson_get_len(text));
	yyjson_doc_free(doc);
}

void route_metrics(struct call *call)
{
	control_ask(call, "core", "metrics", NULL, answer_metrics);
}

/* ---- OpenAPI, from the route table ---- */

static void add_parameter(yyjson_mut_doc *doc, yyjson_mut_val *list, const char *name, size_t length,
	bool is_path)
{
	yyjson_mut_val *parameter = yyjson_mut_arr_add_obj(doc, list);
	yyjson_mut_val *schema;

	yyjson_mut_obj_add_strncpy(doc, parameter, "name", name, length);
	yyjson_mut_obj_add_str(doc, parameter, "in", is_path ? "path" : "query");
	yyjson_mut_obj_add_bool(doc, parameter, "required", is_path);
	schema = yyjson_mut_obj_add_obj(doc, parameter, "schema");
	yyjson_mut_obj_add_str(doc, schema, "type", "string");
}

static void add_parameters(yyjson_mut_doc *doc, yyjson_mut_val *operation, const struct route *route)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, operation, "parameters");
	const char *open = strchr(route->path, '{'), *at = route->query;

	if (open != NULL)
		add_parameter(doc, list, open + 1, strcspn(open + 1, "}"), true);
	while (*at != '\0') {
		size_t length = strcspn(at, ",");

		add_parameter(doc, list, at, length, false);
		at += length + (at[length] == ',');
	}
}

static void add_body(yyjson_mut_doc *doc, yyjson_mut_val *operation, const char *schema)
{
	yyjson_mut_val *content, *json;
	yyjson_doc *parsed = yyjson_read(schema, strlen(schema), 0);

	content = yyjson_mut_obj_add_obj(doc, yyjson_mut_obj_add_obj(doc, operation, "requestBody"),
		"content");
	json = yyjson_mut_obj_add_obj(doc, content, "application/json");
	yyjson_mut_obj_add_val(doc, json, "schema",
		yyjson_val_mut_copy(doc, yyjson_doc_get_root(parsed)));
	yyjson_doc_free(parsed);
}

static void add_answer(yyjson_mut_doc *doc, yyjson_mut_val *responses, const char *status,
	const char *words)
{
	yyjson_mut_obj_add_str(doc, yyjson_mut_obj_add_obj(doc, responses, status), "description", words);
}

static void add_operation(yyjson_mut_doc *doc, yyjson_mut_val *paths, const struct route *route)
{
	yyjson_mut_val *path = yyjson_mut_obj_get(paths, route->path), *operation, *responses;

	if (path == NULL)
		path = yyjson_mut_obj_add_obj(doc, paths, route->path);
	operation =
		yyjson_mut_obj_add_obj(doc, path, strcmp(route->method, "POST") == 0 ? "post" : "get");
	yyjson_mut_obj_add_str(doc, operation, "summary", route->summary);
	add_parameters(doc, operation, route);
	if (route->body != NULL)
		add_body(doc, operation, route->body);
	responses = yyjson_mut_obj_add_obj(doc, operation, "responses");
	add_answer(doc, responses, "200", route->summary);
	add_answer(doc, responses, "default", "a problem document (RFC 9457)");
}

void route_openapi(struct call *call)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *info, *paths;

	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_str(doc, root, "openapi", "3.1.0");
	info = yyjson_mut_obj_add_obj(doc, root, "info");
	yyjson_mut_obj_add_str(doc, info, "title", "feedloom");
	yyjson_mut_obj_add_str(doc, info, "version", "1");
	paths = yyjson_mut_obj_add_obj(doc, root, "paths");
	for (const struct route *route = control_routes; route->method != NULL; route++)
		add_operation(doc, paths, route);
	control_send(call, 200, doc);
}
