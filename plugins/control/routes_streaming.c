/*
 * routes_streaming.c: starting, stopping, status, subscriptions, coverage, plugins.
 */
#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool are_texts(yyjson_val *list)
{
	yyjson_val *item;
	size_t i, count;

	if (!yyjson_is_arr(list))
		return false;
	yyjson_arr_foreach(list, i, count, item) if (!yyjson_is_str(item)) return false;
	return true;
}

/* Asks with a body's document, which is freed. */
static void ask_with(struct call *call, const char *to, const char *command, yyjson_doc *doc)
{
	char *text = yyjson_write(doc, 0, NULL);

	if (text == NULL)
		control_problem(call, 500, "out of memory");
	else
		control_ask(call, to, command, text);
	free(text);
	yyjson_doc_free(doc);
}

/* ---- start, stop, status ---- */

static void start_or_stop(struct call *call, const char *command)
{
	yyjson_doc *doc = control_body(call, "feeds");
	yyjson_val *feeds = yyjson_obj_get(yyjson_doc_get_root(doc), "feeds");

	if (doc == NULL)
		return;
	if (feeds == NULL || are_texts(feeds)) {
		ask_with(call, "core", command, doc);
		return;
	}
	control_problem(
		call, 400, "the body must be like {\"feeds\": [\"deribit\"]}, or empty for all feeds");
	yyjson_doc_free(doc);
}

void route_start(struct call *call)
{
	start_or_stop(call, "start");
}

void route_stop(struct call *call)
{
	start_or_stop(call, "stop");
}

void route_status(struct call *call)
{
	control_ask(call, "core", "status", NULL);
}

/* ---- subscriptions ---- */

bool route_has_instruments(struct call *call, yyjson_doc *doc, bool may_be_empty)
{
	yyjson_val *root = yyjson_doc_get_root(doc), *names = yyjson_obj_get(root, "instruments");
	yyjson_val *pin = yyjson_obj_get(root, "pin");

	if (!are_texts(names) || (yyjson_arr_size(names) == 0 && !may_be_empty)) {
		control_problem(
			call, 400, "the body must be like {\"instruments\": [\"BTC-27MAR26-100000-C\"]}");
		return false;
	}
	if (pin == NULL || yyjson_is_bool(pin))
		return true;
	control_problem(
		call, 400, "pin is true or false: false leaves the instruments to the lifecycle");
	return false;
}

static void change(struct call *call, const char *command)
{
	yyjson_doc *doc = control_body(call, "instruments,pin");
	char to[80];

	if (doc == NULL)
		return;
	snprintf(to, sizeof(to), "feed:%s", call->parameter);
	if (route_has_instruments(call, doc, false))
		ask_with(call, to, command, doc);
	else
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

void route_change_answer(struct call *call, int status, const char *json)
{
	char detail[512];

	if (status == FL_REPLY_STOPPED || status == FL_REPLY_CONFLICT)
		control_problem(call, status, "%s; POST /v1/streaming/start starts a feed that was stopped",
			control_detail(json, detail, sizeof(detail)));
	else
		control_pass(call, status, json);
}

/* ---- coverage, plugins: the core's rows, wrapped ---- */

static void send_rows(struct call *call, const char *key, const char *json,
	void (*complete)(yyjson_mut_doc *doc, yyjson_mut_val *row))
{
	yyjson_doc *rows = yyjson_read(json, strlen(json), 0);
	yyjson_mut_doc *doc = control_object(call);
	yyjson_mut_val *list, *row;
	size_t i, count;

	if (doc != NULL) {
		list = yyjson_val_mut_copy(doc, yyjson_doc_get_root(rows));
		yyjson_mut_arr_foreach(list, i, count, row) if (complete != NULL) complete(doc, row);
		yyjson_mut_obj_add_val(doc, yyjson_mut_doc_get_root(doc), key, list);
		control_send(call, 200, doc);
	}
	yyjson_doc_free(rows);
}

/* Where nobody knows how many instruments had a row in the last hour, that is said. */
static void complete_coverage(yyjson_mut_doc *doc, yyjson_mut_val *row)
{
	if (yyjson_mut_obj_get(row, "quoted_ratio") == NULL)
		yyjson_mut_obj_add_null(doc, row, "quoted_ratio");
}

void route_coverage(struct call *call)
{
	control_ask(call, "core", "coverage", NULL);
}

void route_coverage_answer(struct call *call, int status, const char *json)
{
	if (status >= 400)
		control_pass(call, status, json);
	else
		send_rows(call, "coverage", json, complete_coverage);
}

void route_plugins(struct call *call)
{
	control_ask(call, "core", "plugins", NULL);
}

void route_plugins_answer(struct call *call, int status, const char *json)
{
	if (status >= 400)
		control_pass(call, status, json);
	else
		send_rows(call, "plugins", json, NULL);
}

/* Perhaps of this very plugin: then the new code finds the question in the snapshot. */
void route_reload(struct call *call)
{
	yyjson_mut_doc *doc = control_object(call);
	char *text;

	if (doc == NULL)
		return;
	yyjson_mut_obj_add_str(doc, yyjson_mut_doc_get_root(doc), "plugin", call->parameter);
	text = yyjson_mut_write(doc, 0, NULL);
	yyjson_mut_doc_free(doc);
	if (text == NULL)
		control_problem(call, 500, "out of memory");
	else
		control_ask(call, "core", "reload", text);
	free(text);
}
