/* venue_deribit.c: JSON-RPC as Deribit does it: parameters, methods, envelope, errors. */
#include "venue_deribit.h"
#include "faults.h"

#include <string.h>

static const char version[] = "{\"version\":\"1.2.26\"}";

/* ---- parameters ---- */

int rpc_text(const struct rpc_call *call, const char *name, char *out, size_t size)
{
	yyjson_val *value;

	if (call->query != NULL) {
		int length = fl_http_query(call->query, name, out, size);

		return length < 0 ? length : 0;
	}
	value = yyjson_obj_get(call->params, name);
	if (value == NULL || yyjson_is_null(value))
		return -ENOENT;
	if (!yyjson_is_str(value) || yyjson_get_len(value) >= size)
		return -EINVAL;
	memcpy(out, yyjson_get_str(value), yyjson_get_len(value) + 1);
	return 0;
}

int rpc_int(const struct rpc_call *call, const char *name, int64_t *out)
{
	yyjson_val *value;
	char text[32];
	int scale;

	if (call->query != NULL) {
		int length = fl_http_query(call->query, name, text, sizeof(text));

		if (length < 0)
			return length;
		if (fl_decimal_parse(text, (size_t)length, out, &scale) < 0 || scale != 0)
			return -EINVAL;
		return 0;
	}
	value = yyjson_obj_get(call->params, name);
	if (value == NULL || yyjson_is_null(value))
		return -ENOENT;
	if (!yyjson_is_int(value))
		return -EINVAL;
	*out = yyjson_get_sint(value);
	return 0;
}

int rpc_fail(struct rpc_call *call, int code, const char *message)
{
	call->error = (struct rpc_error){ .code = code, .message = message };
	return -1;
}

int rpc_invalid(struct rpc_call *call, const char *param, const char *reason)
{
	call->error = (struct rpc_error){
		.code = RPC_INVALID_PARAMS, .message = "Invalid params", .param = param, .reason = reason
	};
	return -1;
}

/* ---- methods that need no market ---- */

static int method_test(struct rpc_call *call)
{
	char expected[16];

	if (rpc_text(call, "expected_result", expected, sizeof(expected)) == 0 &&
		strcmp(expected, "exception") == 0)
		return rpc_fail(call, 10001, "error");
	if (call->session != NULL) { /* this is the answer to a test_request */
		call->session->unanswered_ns = 0;
		sessions_arm(call->sim);
	}
	text_put(call->out, version);
	return 0;
}

static int method_hello(struct rpc_call *call)
{
	text_put(call->out, version);
	return 0;
}

static int method_get_time(struct rpc_call *call)
{
	text_int(call->out, venue_now_ns(call->sim) / FL_MS);
	return 0;
}

static int method_status(struct rpc_call *call)
{
	text_put(call->out, "{\"locked\":\"false\",\"locked_indices\":[]}");
	return 0;
}

static const struct method {
	const char *name;
	int (*run)(struct rpc_call *call);
	enum credit_kind cost;
	bool needs_session;
} methods[] = {
	{ "public/test", method_test, CREDIT_GENERAL, false },
	{ "public/get_time", method_get_time, CREDIT_GENERAL, false },
	{ "public/status", method_status, CREDIT_GENERAL, false },
	{ "public/hello", method_hello, CREDIT_GENERAL, true },
	{ "public/auth", method_auth, CREDIT_GENERAL, false },
	{ "public/set_heartbeat", method_set_heartbeat, CREDIT_GENERAL, true },
	{ "public/disable_heartbeat", method_disable_heartbeat, CREDIT_GENERAL, true },
	{ "public/subscribe", method_subscribe, CREDIT_SUBSCRIBE, true },
	{ "private/subscribe", method_subscribe, CREDIT_SUBSCRIBE, true },
	{ "public/unsubscribe", method_unsubscribe, CREDIT_SUBSCRIBE, true },
	{ "private/unsubscribe", method_unsubscribe, CREDIT_SUBSCRIBE, true },
	{ "public/unsubscribe_all", method_unsubscribe_all, CREDIT_SUBSCRIBE, true },
	{ "private/unsubscribe_all", method_unsubscribe_all, CREDIT_SUBSCRIBE, true },
	{ "public/get_instruments", method_get_instruments, CREDIT_INSTRUMENTS, false },
	{ "public/get_instrument", method_get_instrument, CREDIT_GENERAL, false },
	{ "public/ticker", method_ticker, CREDIT_GENERAL, false },
	{ "public/get_order_book", method_get_order_book, CREDIT_GENERAL, false },
	{ "public/get_last_trades_by_instrument", method_trades_by_instrument, CREDIT_GENERAL, false },
	{ "public/get_last_trades_by_instrument_and_time", method_trades_by_instrument_and_time,
		CREDIT_GENERAL, false },
	{ "public/get_last_trades_by_currency", method_trades_by_currency, CREDIT_GENERAL, false },
	{ "public/get_last_trades_by_currency_and_time", method_trades_by_currency_and_time,
		CREDIT_GENERAL, false },
	{ "public/get_currencies", method_get_currencies, CREDIT_GENERAL, false },
	{ "public/get_index_price", method_get_index_price, CREDIT_GENERAL, false },
};

static int run_method(struct rpc_call *call, const char *name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		if (strcmp(methods[i].name, name) != 0)
			continue;
		if (methods[i].needs_session && call->session == NULL)
			return rpc_fail(call, RPC_MUST_BE_WEBSOCKET, "must_be_websocket_request");
		if (faults_in_maintenance(call->sim))
			return rpc_fail(call, RPC_MAINTENANCE, "system_maintenance");
		if (!credits_take(call->sim, call->session, call->host, methods[i].cost)) {
			ledger_refusal(
				&call->sim->ledger, "credits", call->session == NULL ? 0 : call->session->id, name);
			return rpc_fail(call, RPC_TOO_MANY_REQUESTS, "too_many_requests");
		}
		if (strncmp(name, "private/", 8) == 0 && !call->session->is_authenticated)
			return rpc_fail(call, RPC_UNAUTHORIZED, "unauthorized");
		return methods[i].run(call);
	}
	return rpc_fail(call, RPC_NO_METHOD, "Method not found");
}

/* ---- envelope ---- */

static void put_id(struct text *out, yyjson_val *id)
{
	if (yyjson_is_str(id)) {
		text_put(out, "\"id\":");
		text_string(out, yyjson_get_str(id), yyjson_get_len(id));
		text_put(out, ",");
	} else if (yyjson_is_int(id)) {
		text_put(out, "\"id\":");
		if (yyjson_is_uint(id) && yyjson_get_uint(id) > INT64_MAX) {
			text_int(out, (int64_t)(yyjson_get_uint(id) / 10));
			text_int(out, (int64_t)(yyjson_get_uint(id) % 10));
		} else {
			text_int(out, yyjson_get_sint(id));
		}
		text_put(out, ",");
	}
}

static void put_end(struct simulator *sim, struct text *out, int64_t received_ns)
{
	int64_t in = (received_ns + sim->faults.skew_ns) / FL_US, now = venue_now_ns(sim) / FL_US;

	if (now < in)
		now = in;
	text_put(out, ",\"usIn\":");
	text_int(out, in);
	text_put(out, ",\"usOut\":");
	text_int(out, now);
	text_put(out, ",\"usDiff\":");
	text_int(out, now - in);
	text_put(out, ",\"testnet\":true}");
}

static void put_string(struct text *out, const char *key, const char *value)
{
	text_put(out, key);
	text_string(out, value, strlen(value));
}

void rpc_print_error(struct simulator *sim, struct text *out, yyjson_val *id,
	const struct rpc_error *error, int64_t received_ns)
{
	text_reset(out);
	text_put(out, "{\"jsonrpc\":\"2.0\",");
	put_id(out, id);
	put_string(out, "\"error\":{\"message\":", error->message);
	if (error->data != NULL)
		put_string(out, ",\"data\":", error->data);
	if (error->reason != NULL) {
		put_string(out, ",\"data\":{\"reason\":", error->reason);
		if (error->param != NULL)
			put_string(out, ",\"param\":", error->param);
		text_put(out, "}");
	}
	text_put(out, ",\"code\":");
	text_int(out, error->code);
	text_put(out, "}");
	put_end(sim, out, received_ns);
}

int rpc_respond(struct rpc_call *call, const char *method, yyjson_val *id, int64_t received_ns)
{
	struct text *out = call->out;

	call->error = (struct rpc_error){ 0 };
	text_reset(out);
	text_put(out, "{\"jsonrpc\":\"2.0\",");
	put_id(out, id);
	text_put(out, "\"result\":");
	if (run_method(call, method) < 0) {
		rpc_print_error(call->sim, out, id, &call->error, received_ns);
		return call->error.code;
	}
	put_end(call->sim, out, received_ns);
	return 0;
}
