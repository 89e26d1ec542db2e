/*
 * answer.c: bodies of requests in, answers and problem documents out. Nothing here may be cached.
 */
#include "control.h"

#include <feedloom/kit.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void control_send_json(struct call *call, int status, const char *json, size_t length)
{
	static const struct fl_header headers[] = { { "Cache-Control", "no-store" },
		{ "X-Content-Type-Options", "nosniff" } };

	/* A client that has gone is no error, and nothing of it is left to care for. */
	(void)fl_respond_with(call->control->ctx, call->exchange, status, "application/json", headers,
		sizeof(headers) / sizeof(*headers), json, length);
}

static void send_problem(struct call *call, int status, const char *json, size_t length)
{
	static const struct fl_header header = { "Cache-Control", "no-store" };

	(void)fl_respond_with(call->control->ctx, call->exchange, status, "application/problem+json",
		&header, 1, json, length);
}

yyjson_mut_doc *control_object(struct call *call)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

	if (doc == NULL) {
		(void)fl_respond_problem(call->control->ctx, call->exchange, 500, "out of memory");
		return NULL;
	}
	yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
	return doc;
}

void control_send(struct call *call, int status, yyjson_mut_doc *doc)
{
	size_t length;
	char *text = yyjson_mut_write(doc, 0, &length);

	if (text == NULL)
		(void)fl_respond_problem(call->control->ctx, call->exchange, 500, "out of memory");
	else if (status >= 400)
		send_problem(call, status, text, length);
	else
		control_send_json(call, status, text, length);
	free(text);
	yyjson_mut_doc_free(doc);
}

/* ---- problems ---- */

static const char *title_of(int status)
{
	switch (status) {
	case 400: return "Bad Request";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 409: return "Conflict";
	case 500: return "Internal Server Error";
	case 502: return "Bad Gateway";
	case 503: return "Service Unavailable";
	case 504: return "Gateway Timeout";
	default: return "Error";
	}
}

/* Texts are cut where a buffer ends, perhaps within a character: what is left of one becomes '?'.
 */
static void mend(char *text)
{
	size_t left = strlen(text);

	if (fl_utf8_valid(text, left))
		return;
	while (left > 0) {
		size_t length = 1;

		while (length < 4 && length < left && !fl_utf8_valid(text, length))
			length++;
		if (!fl_utf8_valid(text, length)) {
			*text = '?';
			length = 1;
		}
		text += length;
		left -= length;
	}
}

yyjson_mut_doc *control_problem_make(int status, const char *detail)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);

	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_str(doc, root, "type", "about:blank");
	yyjson_mut_obj_add_str(doc, root, "title", title_of(status));
	yyjson_mut_obj_add_int(doc, root, "status", status);
	yyjson_mut_obj_add_strcpy(doc, root, "detail", detail);
	return doc;
}

void control_problem(struct call *call, int status, const char *detail, ...)
{
	char text[1024];
	va_list args;

	va_start(args, detail);
	vsnprintf(text, sizeof(text), detail, args);
	va_end(args);
	mend(text);
	control_send(call, status, control_problem_make(status, text));
}

/* ---- what others said ---- */

const char *control_detail(const char *json, char *buffer, size_t size)
{
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	const char *detail = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "detail"));

	snprintf(buffer, size, "%s", detail == NULL ? "no reason was given" : detail);
	mend(buffer);
	yyjson_doc_free(doc);
	return buffer;
}

void control_pass(struct call *call, int status, const char *json)
{
	char detail[768];

	if (status < 400)
		control_send_json(call, status, json, strlen(json));
	else
		control_problem(call, status, "%s", control_detail(json, detail, sizeof(detail)));
}

/* ---- what the client said ---- */

static bool has_only(struct call *call, yyjson_val *root, const char *members)
{
	yyjson_obj_iter iter = yyjson_obj_iter_with(root);
	yyjson_val *key;

	while ((key = yyjson_obj_iter_next(&iter)) != NULL) {
		if (control_list_has(members, yyjson_get_str(key), yyjson_get_len(key)))
			continue;
		control_problem(call, 400, "the body has an unknown member \"%.64s\"; it takes: %s",
			yyjson_get_str(key), members);
		return false;
	}
	return true;
}

yyjson_doc *control_body(struct call *call, const char *members)
{
	const struct fl_http_request *request = call->request;
	bool is_empty = request->length == 0;
	yyjson_read_err error = { 0 };
	/* Without YYJSON_READ_INSITU the text is only read. */
	yyjson_doc *doc = yyjson_read_opts(is_empty ? "{}" : (char *)(uintptr_t)request->body,
		is_empty ? 2 : request->length, 0, NULL, &error);

	if (doc == NULL) {
		control_problem(call, 400, "the body is not JSON: %s at byte %zu", error.msg, error.pos);
		return NULL;
	}
	if (!yyjson_is_obj(yyjson_doc_get_root(doc))) {
		control_problem(call, 400, "the body must be a JSON object");
	} else if (members == NULL || has_only(call, yyjson_doc_get_root(doc), members)) {
		return doc;
	}
	yyjson_doc_free(doc);
	return NULL;
}
