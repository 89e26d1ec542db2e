/*
 * routes_streaming.c: starting, stopping, status, subscriptions, coverage, plugins.
 */
#include "control.h"

#include <stdlib.h>
#include <string.h>

static void pass_body(struct call *call, const char *to, const char *command)
{
	yyjson_doc *doc = control_body(call);
	char *text;

	if (doc == NULL)
		return;
	text = yyjson_write(doc, 0, NULL);
	control_ask(call, to, command, text, control_pass);
	free(text);
	yyjson_doc_free(doc);
}

void route_start(struct call *call)
{
	pass_body(call, "core", "start");
}

void route_stop(struct call *call)
{
	pass_body(call, "core", "stop");
}

void route_status(struct call *call)
{
	control_ask(call, "core", "status", NULL, control_pass);
}

void route_plugins(struct call *call)
{
	control_ask(call, "core", "plugins", NULL, control_pass);
}

/* ---- coverage: the core's rows, wrapped ---- */

static void answer_coverage(struct call *call, int status, const char *json)
{
	yyjson_doc *rows;
	yyjson_mut_doc *doc;
	yyjson_mut_val *root;

	if (status >= 400) {
		control_pass(call, status, json);
		return;
	}
	rows = yyjson_read(json, strlen(json), 0);
	doc = yyjson_mut_doc_new(NULL);
	root = yyjson_mut_obj(doc);
	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_val(doc, root, "coverage",
		yyjson_val_mut_copy(doc, yyjson_doc_get_root(rows)));
	yyjson_doc_free(rows);
	control_send(call, 200, doc);
}

void route_coverage(struct call *call)
{
	control_ask(call, "core", "coverage", NULL, answer_coverage);
}

/* ---- subscriptions ---- */

/* Names must be given, as texts: said here, so that every feed's errors look alike. */
static bool has_instruments(struct call *call, yyjson_doc *doc)
{
	yyjson_val *names = yyjson_obj_get(yyjson_doc_get_root(doc), "instruments"), *name;
	bool is_good = yyjson_is_arr(names) && yyjson_arr_size(names) > 0;
	size_t i, count;

	yyjson_arr_foreach(names, i, count, name)
		is_good = is_good && yyjson_is_str(name);
	if (!is_good)
		(void)fl_respond_problem(call->control->ctx, call->exchange, 400,
			"the body must be like {\"instruments\": [\"BTC-27MAR26-100000-C\"]}");
	return is_good;
}

static void change(struct call *call, const char *command)
{
	yyjson_doc *doc = control_body(call);
	char *text;

	if (doc == NULL)
		return;
	if (has_instruments(call, doc)) {
		text = yyjson_write(doc, 0, NULL);
		control_ask(call, call->parameter, command, text, control_pass);
		free(text);
	}
	yyjson_doc_free(doc);
}

void route_subscribe(struct call *call)
{
	change(call, "subscribe");
}

void route_unsubscribe(struct call *call)
{
	change(call, "unsubscribe");
}
