/*
 * routes_data.c: rows of the store, asked of whichever sink answers `query`: {"what", filters}
 * gives
 * {"rows", "next"}; a user gets {"instruments" | "trades" | "snapshots", "next"}.
 */
#include "control.h"

#include <feedloom/kit.h>

#include <stdlib.h>
#include <string.h>

enum { LIMIT_MAX = 10000, VALUE_MAX = 256 };

/* A question to a sink while it is put together. */
struct question {
	yyjson_mut_doc *doc;
	int64_t from_ns, to_ns; /* as asked for; the whole of time when not */
};

/* The key is copied: the name is the caller's. */
static bool add(struct question *question, const char *name, yyjson_mut_val *value)
{
	return yyjson_mut_obj_add(
		yyjson_mut_doc_get_root(question->doc), yyjson_mut_strcpy(question->doc, name), value);
}

/* ---- one parameter each; false: answered with 400 ---- */

static bool take_active(struct call *call, struct question *question, const char *value)
{
	bool is_true = strcmp(value, "true") == 0;

	if (is_true || strcmp(value, "false") == 0)
		return add(question, "active", yyjson_mut_bool(question->doc, is_true));
	control_problem(call, 400, "active is true or false, not \"%s\"", value);
	return false;
}

static bool take_limit(struct call *call, struct question *question, const char *value)
{
	bool is_number = strspn(value, "0123456789") == strlen(value);
	long limit = is_number ? strtol(value, NULL, 10) : 0;

	if (limit >= 1 && limit <= LIMIT_MAX)
		return add(question, "limit", yyjson_mut_int(question->doc, limit));
	control_problem(call, 400, "limit is a number from 1 to %d, not \"%s\"", LIMIT_MAX, value);
	return false;
}

static bool take_time(
	struct call *call, struct question *question, const char *name, const char *value)
{
	int64_t *time_ns = name[0] == 'f' ? &question->from_ns : &question->to_ns;

	if (fl_time_parse(value, strlen(value), time_ns) == 0)
		return add(question, name, yyjson_mut_strcpy(question->doc, value));
	control_problem(call, 400, "%s is a time like 2026-03-27T08:00:00Z, not \"%s\"", name, value);
	return false;
}

static bool take(struct call *call, struct question *question, const char *name)
{
	char value[VALUE_MAX];
	int length = fl_http_query(call->request, name, value, sizeof(value));

	if (length == -ENOENT)
		return true;
	if (length <= 0) {
		control_problem(
			call, 400, "%s is empty, badly encoded, or longer than %d bytes", name, VALUE_MAX - 1);
		return false;
	}
	if (strcmp(name, "active") == 0)
		return take_active(call, question, value);
	if (strcmp(name, "limit") == 0)
		return take_limit(call, question, value);
	if (strcmp(name, "from") == 0 || strcmp(name, "to") == 0)
		return take_time(call, question, name, value);
	return add(question, name, yyjson_mut_strcpy(question->doc, value));
}

/* A misspelt filter would be no filter: that is worse than an error. */
static bool are_known(struct call *call)
{
	const char *known = call->route->query, *at = call->request->query;

	while (*at != '\0') {
		size_t length = strcspn(at, "&"), name = strcspn(at, "=&");

		if (name > 0 && !control_list_has(known, at, name)) {
			control_problem(call, 400, "there is no parameter %.*s; there are: %s",
				name > 64 ? 64 : (int)name, at, known);
			return false;
		}
		at += length + (at[length] == '&');
	}
	return true;
}

static bool take_all(struct call *call, struct question *question)
{
	const char *at = call->route->query;
	char name[32];

	while (*at != '\0') {
		size_t length = strcspn(at, ",");

		memcpy(name, at, length);
		name[length] = '\0';
		if (!take(call, question, name))
			return false;
		at += length + (at[length] == ',');
	}
	if (question->from_ns <= question->to_ns)
		return true;
	control_problem(call, 400, "from is later than to");
	return false;
}

/* ---- ask, and answer ---- */

static void query(struct call *call, const char *what)
{
	struct question question = { .from_ns = INT64_MIN, .to_ns = INT64_MAX };
	char *text;

	if (!are_known(call))
		return;
	question.doc = control_object(call);
	if (question.doc == NULL)
		return;
	(void)yyjson_mut_obj_add_str(question.doc, yyjson_mut_doc_get_root(question.doc), "what", what);
	if (take_all(call, &question)) {
		text = yyjson_mut_write(question.doc, 0, NULL);
		control_ask(call, "role:sink", "query", text);
		free(text);
	}
	yyjson_mut_doc_free(question.doc);
}

static void answer(struct call *call, const char *key, int status, const char *json)
{
	yyjson_mut_doc *doc;
	yyjson_val *next;
	char detail[512];
	yyjson_doc *in;

	if (status == FL_REPLY_NOT_FOUND) {
		control_problem(call, 503, "%s; configure a sink that answers queries, as sink_sqlite does",
			control_detail(json, detail, sizeof(detail)));
		return;
	}
	if (status >= 400) {
		control_pass(call, status, json);
		return;
	}
	doc = control_object(call);
	if (doc == NULL)
		return;
	in = yyjson_read(json, strlen(json), 0);
	next = yyjson_obj_get(yyjson_doc_get_root(in), "next");
	yyjson_mut_obj_add_val(doc, yyjson_mut_doc_get_root(doc), key,
		yyjson_val_mut_copy(doc, yyjson_obj_get(yyjson_doc_get_root(in), "rows")));
	if (next == NULL)
		yyjson_mut_obj_add_null(doc, yyjson_mut_doc_get_root(doc), "next");
	else
		yyjson_mut_obj_add_val(
			doc, yyjson_mut_doc_get_root(doc), "next", yyjson_val_mut_copy(doc, next));
	yyjson_doc_free(in);
	control_send(call, 200, doc);
}

void route_instruments(struct call *call)
{
	query(call, "instruments");
}

void route_instruments_answer(struct call *call, int status, const char *json)
{
	answer(call, "instruments", status, json);
}

void route_trades(struct call *call)
{
	query(call, "trades");
}

void route_trades_answer(struct call *call, int status, const char *json)
{
	answer(call, "trades", status, json);
}

void route_greeks(struct call *call)
{
	query(call, "greeks");
}

void route_greeks_answer(struct call *call, int status, const char *json)
{
	answer(call, "snapshots", status, json);
}
