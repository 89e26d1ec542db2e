/*
 * routes_service.c: liveness, readiness, metrics, the status page.
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

	(void)fl_respond_with(call->control->ctx, call->exchange, 200, "text/html; charset=utf-8",
		headers, sizeof(headers) / sizeof(*headers), page, sizeof(page));
}

/* Asks nobody: that this is answered is the answer. */
void route_live(struct call *call)
{
	static const char text[] = "{\"status\":\"alive\"}";

	control_send_json(call, 200, text, sizeof(text) - 1);
}

void route_ready(struct call *call)
{
	control_ask(call, "core", "ready", NULL);
}

/* {"ready", "reason"}; when not ready they are members of the problem. */
void route_ready_answer(struct call *call, int status, const char *json)
{
	yyjson_doc *in = yyjson_read(json, strlen(json), 0);
	yyjson_val *root = yyjson_doc_get_root(in);
	const char *reason = yyjson_get_str(yyjson_obj_get(root, "reason"));
	yyjson_mut_doc *doc;

	if (status >= 400 || yyjson_get_bool(yyjson_obj_get(root, "ready"))) {
		control_pass(call, status, json);
	} else {
		doc = control_problem_make(503, reason == NULL ? "not ready" : reason);
		yyjson_mut_obj_add_bool(doc, yyjson_mut_doc_get_root(doc), "ready", false);
		yyjson_mut_obj_add_strcpy(
			doc, yyjson_mut_doc_get_root(doc), "reason", reason == NULL ? "not ready" : reason);
		control_send(call, 503, doc);
	}
	yyjson_doc_free(in);
}

void route_metrics(struct call *call)
{
	control_ask(call, "core", "metrics", NULL);
}

void route_metrics_answer(struct call *call, int status, const char *json)
{
	static const struct fl_header header = { "Cache-Control", "no-store" };
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	yyjson_val *text = yyjson_obj_get(yyjson_doc_get_root(doc), "text");

	if (status >= 400)
		control_pass(call, status, json);
	else
		(void)fl_respond_with(call->control->ctx, call->exchange, 200,
			"text/plain; version=0.0.4; charset=utf-8", &header, 1,
			yyjson_is_str(text) ? yyjson_get_str(text) : "", yyjson_get_len(text));
	yyjson_doc_free(doc);
}
