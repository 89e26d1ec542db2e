/*
 * routes_openapi.c: the API's description: what openapi.json says of data, and the route table's
 * paths.
 */
#include "control.h"

#include <stdio.h>
#include <string.h>

static const unsigned char template[] = {
#include "openapi.inc"
};

static void add_reference(
	yyjson_mut_doc *doc, yyjson_mut_val *to, const char *kind, const char *name, size_t length)
{
	char text[128];

	snprintf(text, sizeof(text), "#/components/%s/%.*s", kind, (int)length, name);
	yyjson_mut_obj_add_strcpy(doc, to, "$ref", text);
}

static void add_parameters(
	yyjson_mut_doc *doc, yyjson_mut_val *operation, const struct route *route)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, operation, "parameters");
	const char *open = strchr(route->path, '{'), *at = route->query;
	char name[64];

	if (open != NULL) {
		snprintf(name, sizeof(name), "path_%.*s", (int)strcspn(open + 1, "}"), open + 1);
		add_reference(doc, yyjson_mut_arr_add_obj(doc, list), "parameters", name, strlen(name));
	}
	while (*at != '\0') {
		size_t length = strcspn(at, ",");

		add_reference(doc, yyjson_mut_arr_add_obj(doc, list), "parameters", at, length);
		at += length + (at[length] == ',');
	}
}

static void add_schema(
	yyjson_mut_doc *doc, yyjson_mut_val *to, const char *type, const char *schema)
{
	yyjson_mut_val *content = yyjson_mut_obj_add_obj(doc, to, "content");
	yyjson_mut_val *media = yyjson_mut_obj_add_obj(doc, content, type);

	if (schema != NULL)
		add_reference(
			doc, yyjson_mut_obj_add_obj(doc, media, "schema"), "schemas", schema, strlen(schema));
}

static void add_body(yyjson_mut_doc *doc, yyjson_mut_val *operation, const char *schema)
{
	yyjson_mut_val *body = yyjson_mut_obj_add_obj(doc, operation, "requestBody");
	bool is_optional = *schema == '?';

	yyjson_mut_obj_add_bool(doc, body, "required", !is_optional);
	add_schema(doc, body, "application/json", schema + is_optional);
}

static void add_statuses(yyjson_mut_doc *doc, yyjson_mut_val *responses, const char *at)
{
	while (*at != '\0') {
		size_t length = strcspn(at, ","), code = strcspn(at, ",=");
		size_t skip =
			code < length ? code + 1 : 0; /* "503=NotReady", or "404" under its own name */
		yyjson_mut_val *key = yyjson_mut_strncpy(doc, at, code), *response = yyjson_mut_obj(doc);

		add_reference(doc, response, "responses", at + skip, length - skip);
		yyjson_mut_obj_add(responses, key, response);
		at += length + (at[length] == ',');
	}
	add_reference(
		doc, yyjson_mut_obj_add_obj(doc, responses, "default"), "responses", "Problem", 7);
}

static void add_responses(yyjson_mut_doc *doc, yyjson_mut_val *operation, const struct route *route)
{
	yyjson_mut_val *responses = yyjson_mut_obj_add_obj(doc, operation, "responses");
	yyjson_mut_val *good = yyjson_mut_obj_add_obj(doc, responses, "200");

	yyjson_mut_obj_add_str(doc, good, "description", route->summary);
	if (strchr(route->reply, '/') != NULL)
		add_schema(doc, good, route->reply, NULL);
	else
		add_schema(doc, good, "application/json", route->reply);
	add_statuses(doc, responses, route->statuses);
}

static void add_operation(yyjson_mut_doc *doc, yyjson_mut_val *paths, const struct route *route)
{
	yyjson_mut_val *path = yyjson_mut_obj_get(paths, route->path), *operation;

	if (path == NULL)
		path = yyjson_mut_obj_add_obj(doc, paths, route->path);
	operation =
		yyjson_mut_obj_add_obj(doc, path, strcmp(route->method, "POST") == 0 ? "post" : "get");
	yyjson_mut_obj_add_str(doc, operation, "summary", route->summary);
	add_parameters(doc, operation, route);
	if (route->body != NULL)
		add_body(doc, operation, route->body);
	add_responses(doc, operation, route);
}

void route_openapi(struct call *call)
{
	yyjson_doc *parts = yyjson_read((const char *)template, sizeof(template), 0);
	yyjson_mut_doc *doc = yyjson_doc_mut_copy(parts, NULL);
	yyjson_mut_val *paths;

	yyjson_doc_free(parts);
	if (doc == NULL) {
		control_problem(call, 500, "out of memory");
		return;
	}
	paths = yyjson_mut_obj_add_obj(doc, yyjson_mut_doc_get_root(doc), "paths");
	for (const struct route *route = control_routes; route->method != NULL; route++)
		add_operation(doc, paths, route);
	control_send(call, 200, doc);
}
