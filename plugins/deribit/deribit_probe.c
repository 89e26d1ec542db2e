/* deribit_probe: `feedloom check --connect`: everything once, a step each (the core adds what it
 * took). */
#include "deribit_parts.h"
#include "deribit_universe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_TEST, STEP_LIST, STEP_CONNECT, STEP_PING, STEP_LOGIN, STEP_OVER };
#define STEP_WITHIN_NS (15 * FL_SECOND)
#define CLOSE_NORMAL 1000

char *deribit_login_text(struct deribit *self, int64_t id, size_t *length)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);
	yyjson_mut_val *params;
	char *text;

	/* client_credentials, since the connection is TLS: the signature needs an HMAC plugins do not
	 * have. */
	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_str(doc, root, "jsonrpc", "2.0");
	yyjson_mut_obj_add_int(doc, root, "id", id);
	yyjson_mut_obj_add_str(doc, root, "method", "public/auth");
	params = yyjson_mut_obj_add_obj(doc, root, "params");
	yyjson_mut_obj_add_str(doc, params, "grant_type", "client_credentials");
	yyjson_mut_obj_add_str(doc, params, "client_id", self->options->api_key);
	yyjson_mut_obj_add_str(doc, params, "client_secret", self->options->api_secret);
	text = yyjson_mut_write(doc, 0, length);
	yyjson_mut_doc_free(doc);
	return text;
}

static void over(struct deribit *self)
{
	if (self->probe_step == STEP_OVER)
		return;
	self->probe_step = STEP_OVER;
	fl_timer_stop(self->ctx, TIMER_TICK);
	fl_close(self->ctx, 1, CLOSE_NORMAL, "checked");
	fl_probe_done(self->ctx);
}

static void begin(struct deribit *self, int step)
{
	self->probe_step = step;
	fl_timer_start(self->ctx, TIMER_TICK, STEP_WITHIN_NS, 0);
}

static void request(struct deribit *self, int step, const char *method, const char *query)
{
	int error = deribit_request(self, REQUEST_PROBE + step, method, query);

	begin(self, step);
	if (error == 0)
		return;
	fl_probe_step(self->ctx, error, "%s/%s: the URL cannot be used", self->rest_url, method);
	over(self);
}

int deribit_probe(void *state)
{
	struct deribit *self = state;

	self->is_probing = true;
	request(self, STEP_TEST, "public/test", "");
	return 0;
}

static void connect(struct deribit *self)
{
	begin(self, STEP_CONNECT);
	if (fl_connect(self->ctx, 1, &self->endpoint) == 0)
		return;
	fl_probe_step(self->ctx, -EINVAL, "%s: cannot be used", self->options->url);
	over(self);
}

void deribit_probe_response(struct deribit *self, const struct fl_response *response)
{
	struct deribit_message answer;
	const char *method = self->probe_step == STEP_LIST ? "public/get_instruments" : "public/test";
	enum deribit_kind kind;
	char query[96];

	if (self->probe_step > STEP_LIST)
		return;
	kind =
		deribit_decode_response(&self->response_decoder, response->body, response->length, &answer);
	if (response->status == 0 || kind != DERIBIT_RESULT) {
		fl_probe_step(self->ctx, -EIO, "%s/%s: %.*s", self->rest_url, method,
			kind == DERIBIT_ERROR ? (int)answer.text.length : 512,
			response->status == 0       ? response->detail
				: kind == DERIBIT_ERROR ? answer.text.data
										: "no JSON-RPC answer; is rest_url right?");
		deribit_decoder_release(&self->response_decoder);
		over(self);
		return;
	}
	if (self->probe_step == STEP_TEST) {
		fl_probe_step(self->ctx, 0, "%s/public/test answered", self->rest_url);
		snprintf(query, sizeof(query), "?currency=%s&kind=%s&expired=false",
			deribit_pair_currency(self, 0), deribit_pair_kind(self, 0));
		request(self, STEP_LIST, "public/get_instruments", query);
	} else {
		fl_probe_step(self->ctx, 0, "%zu %s instruments of kind %s listed",
			yyjson_arr_size(answer.result), deribit_pair_currency(self, 0),
			deribit_pair_kind(self, 0));
		connect(self);
	}
	deribit_decoder_release(&self->response_decoder);
}

static void ping(struct deribit *self)
{
	begin(self, STEP_PING);
	fl_sendf(self->ctx, 1,
		"{\"jsonrpc\":\"2.0\",\"id\":%" PRId64 ",\"method\":\"public/test\",\"params\":{}}",
		++self->request_id);
}

void deribit_probe_connection(struct deribit *self, enum fl_conn_state now, enum fl_reason reason)
{
	if (self->probe_step == STEP_OVER)
		return;
	if (now == FL_CONN_UP) {
		fl_probe_step(self->ctx, 0, "%s connected", self->options->url);
		ping(self);
		return;
	}
	fl_probe_step(self->ctx, -ENOTCONN, "%s: %s%s%s", self->options->url, fl_reason_text(reason),
		fl_conn_detail(self->ctx, 1)[0] != '\0' ? ": " : "", fl_conn_detail(self->ctx, 1));
	over(self);
}

static void login(struct deribit *self)
{
	size_t length = 0;
	char *text = deribit_login_text(self, ++self->request_id, &length);

	begin(self, STEP_LOGIN);
	if (text != NULL) {
		fl_send(self->ctx, 1, text, length);
		memset(text, 0, length);
	}
	free(text);
}

void deribit_probe_message(struct deribit *self, const struct deribit_message *message)
{
	if (message->id != self->request_id)
		return;
	if (message->kind == DERIBIT_ERROR) {
		fl_probe_step(self->ctx, -EACCES, "%s: the venue refuses %s: %.*s (%" PRId64 ")",
			self->options->url,
			self->probe_step == STEP_LOGIN ? "api_key and api_secret" : "public/test",
			(int)message->text.length, message->text.data, message->code);
		over(self);
	} else if (self->probe_step == STEP_PING) {
		fl_probe_step(self->ctx, 0, "public/test over WebSocket answered");
		if (deribit_has_credentials(self->options))
			login(self);
		else
			over(self);
	} else if (self->probe_step == STEP_LOGIN) {
		fl_probe_step(self->ctx, 0, "logged in");
		over(self);
	}
}

void deribit_probe_late(struct deribit *self)
{
	if (self->probe_step == STEP_OVER)
		return;
	fl_probe_step(self->ctx, -ETIMEDOUT, "%s: no answer within %d s",
		self->probe_step <= STEP_LIST ? self->rest_url : self->options->url,
		(int)(STEP_WITHIN_NS / FL_SECOND));
	over(self);
}
