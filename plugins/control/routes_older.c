/*
 * routes_older.c: the names that the older collectors, one process a connection, answered to, in
 * their shapes. What they do not have (problem documents, members of their own) they do not get.
 */
#include "control.h"

#include <feedloom/kit.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- GET /health ---- */

void route_older_health(struct call *call)
{
	control_ask(call, "core", "ready", NULL);
}

void route_older_health_answer(struct call *call, int status, const char *json)
{
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	bool is_ready =
		status < 400 && yyjson_get_bool(yyjson_obj_get(yyjson_doc_get_root(doc), "ready"));
	char at[40], text[128];
	int length;

	yyjson_doc_free(doc);
	fl_time_print(at, fl_now_ns(call->control->ctx), 3);
	length = snprintf(text, sizeof(text), "{\"status\":\"%s\",\"timestamp\":\"%s\"}",
		is_ready ? "healthy" : "unhealthy", at);
	control_send_json(call, is_ready ? 200 : 503, text, (size_t)length);
}

/* ---- what ?feed=, ?currency= and ?connection= choose ---- */

/* A name, "" when it is not asked for; false: answered with 400. */
static bool take_name(struct call *call, const char *name, char *out, size_t size)
{
	int length = fl_http_query(call->request, name, out, size);

	if (length > 0)
		return true;
	out[0] = '\0';
	if (length == -ENOENT)
		return true;
	control_problem(call, 400, "%s is a name of 1 to %zu bytes", name, size - 1);
	return false;
}

static bool take_choice(struct call *call)
{
	char number[8];

	if (!take_name(call, "feed", call->feed, sizeof(call->feed)) ||
		!take_name(call, "currency", call->currency, sizeof(call->currency)) ||
		!take_name(call, "connection", number, sizeof(number)))
		return false;
	call->connection = -1;
	if (number[0] == '\0')
		return true;
	if (strspn(number, "0123456789") == strlen(number)) {
		call->connection = (int)strtol(number, NULL, 10);
		return true;
	}
	control_problem(call, 400, "connection is a number from 0 on, not \"%s\"", number);
	return false;
}

static void ask_feed(struct call *call, const char *command, const char *json)
{
	char to[80];

	snprintf(to, sizeof(to), "feed:%s", call->feed); /* "feed:" is the only one */
	control_ask(call, to, command, json);
}

/* ---- GET /status, GET /api/status ---- */

/* Whether a name is of a currency: BTC-..., BTC_..., and what is settled in it, ETH_USDC-... */
static bool is_of_currency(const char *instrument, const char *currency)
{
	const char *quote = strchr(instrument, '_');
	size_t length = strlen(currency);

	if (quote != NULL)
		instrument = quote + 1;
	return strncmp(instrument, currency, length) == 0 &&
		(instrument[length] == '-' || instrument[length] == '\0');
}

/* What is chosen of all connections, added up. */
struct chosen {
	yyjson_mut_doc *doc;
	yyjson_mut_val *instruments;
	const char *currency; /* of all of them; NULL: none, or several */
	int64_t channels;
	bool is_mixed, is_any, is_up;
};

/* Names that are chosen of a connection; returns how many there are. */
static size_t add_instruments(
	const struct call *call, yyjson_val *connection, struct chosen *chosen)
{
	yyjson_val *names = yyjson_obj_get(connection, "instruments"), *name;
	bool is_whole = call->currency[0] == '\0' ||
		yyjson_equals_str(yyjson_obj_get(connection, "currency"), call->currency);
	size_t i, count, taken = 0;

	yyjson_arr_foreach(names, i, count, name)
	{
		if (!yyjson_is_str(name) ||
			!(is_whole || is_of_currency(yyjson_get_str(name), call->currency)))
			continue;
		yyjson_mut_arr_add_strcpy(chosen->doc, chosen->instruments, yyjson_get_str(name));
		taken++;
	}
	return taken;
}

static void add_connection(const struct call *call, yyjson_val *connection, struct chosen *chosen)
{
	const char *currency = yyjson_get_str(yyjson_obj_get(connection, "currency"));
	int64_t channels = yyjson_get_sint(yyjson_obj_get(connection, "channel_count"));
	size_t count = yyjson_arr_size(yyjson_obj_get(connection, "instruments"));
	size_t taken;

	if (call->connection >= 0 &&
		yyjson_get_int(yyjson_obj_get(connection, "connection")) != call->connection)
		return;
	chosen->is_any = true;
	chosen->is_up |= channels > 0;
	taken = add_instruments(call, connection, chosen);
	if (taken == 0 && count > 0)
		return;
	/* A connection that carries several currencies gives the part of its channels that is asked
	 * for. */
	chosen->channels += taken == count ? channels : channels * (int64_t)taken / (int64_t)count;
	if (chosen->currency != NULL && (currency == NULL || strcmp(currency, chosen->currency) != 0))
		chosen->is_mixed = true;
	chosen->is_mixed |= currency == NULL && count > 0;
	if (currency != NULL)
		chosen->currency = currency;
}

static void add_text(yyjson_mut_doc *doc, const char *key, const char *text)
{
	if (text == NULL)
		yyjson_mut_obj_add_null(doc, yyjson_mut_doc_get_root(doc), key);
	else
		yyjson_mut_obj_add_strcpy(doc, yyjson_mut_doc_get_root(doc), key, text);
}

static void send_status(struct call *call, yyjson_val *connections, bool with_connected)
{
	struct chosen chosen = { .doc = control_object(call) };
	yyjson_mut_val *root;
	yyjson_val *connection;
	size_t i, count;

	if (chosen.doc == NULL)
		return;
	root = yyjson_mut_doc_get_root(chosen.doc);
	chosen.instruments = yyjson_mut_arr(chosen.doc);
	yyjson_arr_foreach(connections, i, count, connection) add_connection(call, connection, &chosen);
	if (call->connection >= 0 && !chosen.is_any && yyjson_arr_size(connections) > 0) {
		yyjson_mut_doc_free(chosen.doc);
		control_problem(call, 404, "there is no connection %d; there are %zu, counted from 0",
			call->connection, yyjson_arr_size(connections));
		return;
	}
	if (call->connection >= 0)
		yyjson_mut_obj_add_int(chosen.doc, root, "connection_id", call->connection);
	else
		yyjson_mut_obj_add_null(chosen.doc, root, "connection_id");
	add_text(chosen.doc, "currency",
		call->currency[0] != '\0' ? call->currency : (chosen.is_mixed ? NULL : chosen.currency));
	yyjson_mut_obj_add_val(chosen.doc, root, "instruments", chosen.instruments);
	yyjson_mut_obj_add_int(chosen.doc, root, "channel_count", chosen.channels);
	if (with_connected)
		yyjson_mut_obj_add_bool(chosen.doc, root, "websocket_connected", chosen.is_up);
	control_send(call, 200, chosen.doc);
}

static void answer_status(struct call *call, int status, const char *json, bool with_connected)
{
	yyjson_doc *in;

	/* A feed that is stopped has nothing subscribed: that is an answer, not an error. */
	if (status == FL_REPLY_STOPPED || status == FL_REPLY_CONFLICT) {
		send_status(call, NULL, with_connected);
		return;
	}
	if (status >= 400) {
		control_pass(call, status, json);
		return;
	}
	in = yyjson_read(json, strlen(json), 0);
	send_status(call, yyjson_obj_get(yyjson_doc_get_root(in), "connections"), with_connected);
	yyjson_doc_free(in);
}

void route_older_status(struct call *call)
{
	if (take_choice(call))
		ask_feed(call, "subscriptions", NULL);
}

void route_older_status_answer(struct call *call, int status, const char *json)
{
	answer_status(call, status, json, false);
}

void route_older_api_status_answer(struct call *call, int status, const char *json)
{
	answer_status(call, status, json, true);
}

/* ---- POST /subscribe, POST /unsubscribe ---- */

static void ask_change(struct call *call, const char *command)
{
	yyjson_doc *doc;
	char *text;

	if (!take_choice(call))
		return;
	doc = control_body(call, NULL);
	if (doc == NULL)
		return;
	if (route_has_instruments(call, doc, true)) {
		text = yyjson_write(doc, 0, NULL);
		ask_feed(call, command, text);
		free(text);
	}
	yyjson_doc_free(doc);
}

static void answer_change(
	struct call *call, int status, const char *json, const char *names, const char *counted)
{
	yyjson_val *root, *rejected;
	yyjson_mut_doc *doc;
	yyjson_doc *in;

	if (status >= 400) {
		route_change_answer(call, status, json);
		return;
	}
	doc = control_object(call);
	if (doc == NULL)
		return;
	in = yyjson_read(json, strlen(json), 0);
	root = yyjson_doc_get_root(in);
	rejected = yyjson_obj_get(root, "rejected");
	add_text(doc, "status", "ok");
	yyjson_mut_obj_add_uint(
		doc, yyjson_mut_doc_get_root(doc), counted, yyjson_arr_size(yyjson_obj_get(root, names)));
	if (yyjson_arr_size(rejected) > 0)
		yyjson_mut_obj_add_val(
			doc, yyjson_mut_doc_get_root(doc), "rejected", yyjson_val_mut_copy(doc, rejected));
	yyjson_doc_free(in);
	control_send(call, 200, doc);
}

void route_older_subscribe(struct call *call)
{
	ask_change(call, "subscribe");
}

void route_older_subscribe_answer(struct call *call, int status, const char *json)
{
	answer_change(call, status, json, "subscribed", "subscribed_count");
}

void route_older_unsubscribe(struct call *call)
{
	ask_change(call, "unsubscribe");
}

void route_older_unsubscribe_answer(struct call *call, int status, const char *json)
{
	answer_change(call, status, json, "unsubscribed", "unsubscribed_count");
}
