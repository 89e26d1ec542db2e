/*
 * question.c: requests that wait for another's answer. A question bears its exchange's number, so
 * that even code that knows nothing of it (after a reload that could not take it over) can answer
 * the client.
 */
#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The place of this exchange's question; 0 finds a free one. */
static struct call *find(struct control *self, int exchange)
{
	for (int i = 0; i < QUESTION_MAX; i++)
		if (self->questions[i].exchange == exchange)
			return &self->questions[i];
	return NULL;
}

void control_ask(struct call *call, const char *to, const char *command, const char *json)
{
	struct control *self = call->control;
	struct call *place = find(self, call->exchange);

	if (place == NULL)
		place = find(self, 0);
	if (place == NULL || fl_command(self->ctx, call->exchange, to, command, json, 0) < 0) {
		control_problem(
			call, 503, "too many requests wait for their answer; try again in a second");
		return;
	}
	*place = *call;
	place->request = NULL;
}

void control_on_reply(void *state, int number, int status, const char *json, bool more)
{
	struct control *self = state;
	struct call *place = number > 0 ? find(self, number) : NULL;
	struct call call;

	if (more)
		return;
	if (place == NULL) {
		call = (struct call){ .control = self, .exchange = number };
		control_problem(&call, 503, "this service was replaced meanwhile; ask again");
		return;
	}
	call = *place;
	place->exchange = 0;
	call.route->answer(&call, status, json);
}

/* ---- over a reload ---- */

int control_save(const void *state, struct fl_snapshot *to)
{
	const struct control *self = state;
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *list = yyjson_mut_arr(doc);
	int result = -ENOMEM;
	char *text;

	yyjson_mut_doc_set_root(doc, list);
	for (int i = 0; i < QUESTION_MAX; i++) {
		const struct call *call = &self->questions[i];
		yyjson_mut_val *row;

		if (call->exchange == 0)
			continue;
		row = yyjson_mut_arr_add_obj(doc, list);
		yyjson_mut_obj_add_int(doc, row, "exchange", call->exchange);
		yyjson_mut_obj_add_str(doc, row, "method", call->route->method);
		yyjson_mut_obj_add_str(doc, row, "path", call->route->path);
		yyjson_mut_obj_add_str(doc, row, "parameter", call->parameter);
		yyjson_mut_obj_add_str(doc, row, "feed", call->feed);
		yyjson_mut_obj_add_str(doc, row, "currency", call->currency);
		yyjson_mut_obj_add_int(doc, row, "connection", call->connection);
	}
	text = yyjson_mut_write(doc, 0, NULL);
	if (text != NULL)
		result = fl_snapshot_put_text(to, "questions", text);
	free(text);
	yyjson_mut_doc_free(doc);
	return result;
}

static const char *text_of(yyjson_val *row, const char *key)
{
	const char *text = yyjson_get_str(yyjson_obj_get(row, key));

	return text == NULL ? "" : text;
}

int control_restore(void *state, uint32_t version, const struct fl_snapshot *from)
{
	struct control *self = state;
	const char *text;
	yyjson_doc *doc;
	yyjson_val *row;
	size_t i, count;

	(void)version; /* there has been one only */
	if (fl_snapshot_get_text(from, "questions", &text) < 0)
		return 0;
	doc = yyjson_read(text, strlen(text), 0);
	yyjson_arr_foreach(yyjson_doc_get_root(doc), i, count, row)
	{
		const struct route *route = control_route(text_of(row, "method"), text_of(row, "path"));
		int exchange = yyjson_get_int(yyjson_obj_get(row, "exchange"));
		struct call *place = find(self, 0);

		if (route == NULL || route->answer == NULL || exchange <= 0 || place == NULL)
			continue; /* answered 503 when its reply comes */
		*place = (struct call){ .control = self, .route = route, .exchange = exchange };
		snprintf(place->parameter, sizeof(place->parameter), "%s", text_of(row, "parameter"));
		snprintf(place->feed, sizeof(place->feed), "%s", text_of(row, "feed"));
		snprintf(place->currency, sizeof(place->currency), "%s", text_of(row, "currency"));
		place->connection = yyjson_get_int(yyjson_obj_get(row, "connection"));
	}
	yyjson_doc_free(doc);
	return 0;
}
