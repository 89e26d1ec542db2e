/*
 * routes_older.c: the names that the older per-connection collectors answered to, in their shapes.
 */
#include "control.h"

#include <feedloom/kit.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum shape { SHAPE_STATUS, SHAPE_API_STATUS, SHAPE_SUBSCRIBE, SHAPE_UNSUBSCRIBE };

static void respond(struct call *call, int status, const char *text)
{
	(void)fl_respond(call->control->ctx, call->exchange, status, "application/json", text,
		strlen(text));
}

/* ---- GET /health ---- */

static void answer_health(struct call *call, int status, const char *json)
{
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	bool is_ready =
		status < 400 && yyjson_get_bool(yyjson_obj_get(yyjson_doc_get_root(doc), "ready"));
	char at[40], text[128];

	yyjson_doc_free(doc);
	fl_time_print(at, fl_now_ns(call->control->ctx), 3);
	snprintf(text, sizeof(text), "{\"status\":\"%s\",\"timestamp\":\"%s\"}",
		is_ready ? "healthy" : "unhealthy", at);
	respond(call, is_ready ? 200 : 503, text);
}

void route_older_health(struct call *call)
{
	control_ask(call, "core", "ready", NULL, answer_health);
}

/* ---- what ?feed=, ?currency= and ?connection= choose ---- */

static bool take_choice(struct call *call)
{
	char number[16], *end;
	int length = fl_http_query(call->request, "feed", call->feed, sizeof(call->feed));

	if (length == -ENOENT)
		call->feed[0] = '\0';
	if (length >= 0 || length == -ENOENT)
		length = fl_http_query(call->request, "currency", call->currency, sizeof(call->currency));
	if (length == -ENOENT)
		call->currency[0] = '\0';
	if (length < 0 && length != -ENOENT) {
		(void)fl_respond_problem(call->control->ctx, call->exchange, 400,
			"feed and currency are names, at most 15 bytes for a currency");
		return false;
	}
	length = fl_http_query(call->request, "connection", number, sizeof(number));
	if (length == -ENOENT)
		return true;
	call->connection = length > 0 ? (int)strtol(number, &end, 10) : -1;
	if (length > 0 && *end == '\0' && call->connection >= 0)
		return true;
	(void)fl_respond_problem(call->control->ctx, call->exchange, 400,
		"connection is a number from 0 on");
	return false;
}

static const char *address(const struct call *call)
{
	return call->feed[0] != '\0' ? call->feed : "role:feed";
}

/* ---- GET /status, GET /api/status ---- */

static bool is_chosen(const struct call *call, yyjson_val *connection)
{
	const char *currency = yyjson_get_str(yyjson_obj_get(connection, "currency"));
	yyjson_val *number = yyjson_obj_get(connection, "connection");

	if (call->connection >= 0 && yyjson_get_int(number) != call->connection)
		return false;
	/* A connection that carries several currencies is filtered name by name. */
	return call->currency[0] == '\0' || currency == NULL || strcmp(currency, call->currency) == 0;
}

static bool is_of_currency(const struct call *call, const char *instrument)
{
	size_t length = strlen(call->currency);

	return length == 0 ||
		(strncmp(instrument, call->currency, length) == 0 &&
			(instrument[length] == '-' || instrument[length] == '_'));
}

static void add_instruments(const struct call *call, yyjson_val *connection, yyjson_mut_doc *doc,
	yyjson_mut_val *list)
{
	yyjson_val *names = yyjson_obj_get(connection, "instruments"), *name;
	size_t i, count;

	yyjson_arr_foreach(names, i, count, name)
		if (yyjson_is_str(name) && is_of_currency(call, yyjson_get_str(name)))
			yyjson_mut_arr_add_strcpy(doc, list, yyjson_get_str(name));
}

static void answer_status(struct call *call, int status, const char *json)
{
	yyjson_doc *in;
	yyjson_mut_doc *doc;
	yyjson_mut_val *root, *list;
	yyjson_val *connections, *connection;
	size_t i, count;
	int64_t channels = 0;
	bool is_up = false;

	if (status >= 400) {
		control_pass(call, status, json);
		return;
	}
	in = yyjson_read(json, strlen(json), 0);
	connections = yyjson_obj_get(yyjson_doc_get_root(in), "connections");
	doc = yyjson_mut_doc_new(NULL);
	root = yyjson_mut_obj(doc);
	yyjson_mut_doc_set_root(doc, root);
	if (call->connection >= 0)
		yyjson_mut_obj_add_int(doc, root, "connection_id", call->connection);
	else
		yyjson_mut_obj_add_null(doc, root, "connection_id");
	if (call->currency[0] != '\0')
		yyjson_mut_obj_add_str(doc, root, "currency", call->currency);
	else
		yyjson_mut_obj_add_null(doc, root, "currency");
	list = yyjson_mut_obj_add_arr(doc, root, "instruments");
	yyjson_arr_foreach(connections, i, count, connection)
	{
		if (!is_chosen(call, connection))
			continue;
		add_instruments(call, connection, doc, list);
		channels += yyjson_get_int(yyjson_obj_get(connection, "channel_count"));
		is_up |= yyjson_get_int(yyjson_obj_get(connection, "channel_count")) > 0;
	}
	yyjson_mut_obj_add_int(doc, root, "channel_count", channels);
	if (call->shape == SHAPE_API_STATUS)
		yyjson_mut_obj_add_bool(doc, root, "websocket_connected", is_up);
	control_send(call, 200, doc);
	yyjson_doc_free(in);
}

static void ask_status(struct call *call, enum shape shape)
{
	call->shape = shape;
	if (take_choice(call))
		control_ask(call, address(call), "subscriptions", NULL, answer_status);
}

void route_older_status(struct call *call)
{
	ask_status(call, SHAPE_STATUS);
}

void route_older_api_status(struct call *call)
{
	ask_status(call, SHAPE_API_STATUS);
}

/* ---- POST /subscribe, POST /unsubscribe ---- */

static void answer_change(struct call *call, int status, const char *json)
{
	bool is_subscribe = call->shape == SHAPE_SUBSCRIBE;
	yyjson_val *answered, *rejected;
	yyjson_mut_doc *doc;
	yyjson_mut_val *root;
	yyjson_doc *in;

	if (status >= 400) {
		control_pass(call, status, json);
		return;
	}
	in = yyjson_read(json, strlen(json), 0);
	answered = yyjson_obj_get(yyjson_doc_get_root(in), is_subscribe ? "subscribed" : "unsubscribed");
	rejected = yyjson_obj_get(yyjson_doc_get_root(in), "rejected");
	doc = yyjson_mut_doc_new(NULL);
	root = yyjson_mut_obj(doc);
	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_str(doc, root, "status", "ok");
	yyjson_mut_obj_add_uint(doc, root, is_subscribe ? "subscribed_count" : "unsubscribed_count",
		yyjson_arr_size(answered));
	if (yyjson_arr_size(rejected) > 0)
		yyjson_mut_obj_add_val(doc, root, "rejected", yyjson_val_mut_copy(doc, rejected));
	control_send(call, 200, doc);
	yyjson_doc_free(in);
}

static void ask_change(struct call *call, enum shape shape, const char *command)
{
	yyjson_doc *doc;
	char *text;

	call->shape = shape;
	if (!take_choice(call))
		return;
	doc = control_body(call);
	if (doc == NULL)
		return;
	text = yyjson_write(doc, 0, NULL);
	control_ask(call, address(call), command, text, answer_change);
	free(text);
	yyjson_doc_free(doc);
}

void route_older_subscribe(struct call *call)
{
	ask_change(call, SHAPE_SUBSCRIBE, "subscribe");
}

void route_older_unsubscribe(struct call *call)
{
	ask_change(call, SHAPE_UNSUBSCRIBE, "unsubscribe");
}
