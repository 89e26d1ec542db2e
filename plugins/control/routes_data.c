/*
 * routes_data.c: rows of the store, asked of whichever sink answers queries.
 */
#include "control.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT_MAX = 10000, VALUE_MAX = 256 };

/* Takes one parameter over into the question; false: answered with 400. */
static bool take(struct call *call, yyjson_mut_doc *doc, const char *name)
{
	char value[VALUE_MAX];
	int length = fl_http_query(call->request, name, value, sizeof(value));
	yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);

	if (length == -ENOENT)
		return true;
	if (length < 0) {
		(void)fl_respond_problem(call->control->ctx, call->exchange, 400,
			"%s: badly encoded, or longer than %d bytes", name, VALUE_MAX - 1);
		return false;
	}
	if (strcmp(name, "active") == 0) {
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
			(void)fl_respond_problem(call->control->ctx, call->exchange, 400,
				"active is true or false, not %s", value);
			return false;
		}
		return yyjson_mut_obj_add_bool(doc, root, name, value[0] == 't');
	}
	if (strcmp(name, "limit") == 0) {
		char *end;
		long limit = strtol(value, &end, 10);

		if (*value == '\0' || *end != '\0' || limit < 1 || limit > LIMIT_MAX) {
			(void)fl_respond_problem(call->control->ctx, call->exchange, 400,
				"limit is a number from 1 to %d, not %s", LIMIT_MAX, value);
			return false;
		}
		return yyjson_mut_obj_add_int(doc, root, name, limit);
	}
	return yyjson_mut_obj_add_strncpy(doc, root, name, value, (size_t)length);
}

static void answer(struct call *call, int status, const char *json)
{
	if (status == FL_REPLY_NOT_FOUND)
		(void)fl_respond_problem(call->control->ctx, call->exchange, 503,
			"no sink of this configuration answers queries");
	else
		control_pass(call, status, json);
}

static void query(struct call *call, const char *what, const char *const *names)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	bool is_good = true;
	char *text;

	yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
	(void)yyjson_mut_obj_add_str(doc, yyjson_mut_doc_get_root(doc), "what", what);
	for (; *names != NULL && is_good; names++)
		is_good = take(call, doc, *names);
	if (is_good) {
		text = yyjson_mut_write(doc, 0, NULL);
		control_ask(call, "role:sink", "query", text, answer);
		free(text);
	}
	yyjson_mut_doc_free(doc);
}

void route_instruments(struct call *call)
{
	static const char *const names[] = { "currency", "underlying", "active", "limit", "cursor", NULL };

	query(call, "instruments", names);
}

static const char *const timeline_names[] = { "broker", "account", "contract", "underlying", "from",
	"to", "limit", "cursor", NULL };

void route_trades(struct call *call)
{
	query(call, "trades", timeline_names);
}

void route_greeks(struct call *call)
{
	query(call, "greeks", timeline_names);
}
