/* venue_deribit_rest.c: the public methods over HTTP: /api/v2/public/... as GET or POST. */
#include <string.h>

#include "faults.h"
#include "venue_deribit.h"

static const char base[] = "/api/v2/";
static const char json[] = "application/json";

static void answer(struct simulator *sim, int exchange, int code)
{
	int status = code == 0 ? 200 : code == RPC_TOO_MANY_REQUESTS ? 429 : 400;

	if (sim->reply.failed)
		fl_respond_problem(sim->ctx, exchange, 500, "out of memory");
	else
		fl_respond(sim->ctx, exchange, status, json, sim->reply.data,
			faults_rest_length(sim, sim->reply.length));
}

static void refuse(
	struct simulator *sim, int exchange, int code, const char *message, const char *data)
{
	struct rpc_error error = { .code = code, .message = message, .data = data };

	rpc_print_error(sim, &sim->reply, NULL, &error, fl_now_ns(sim->ctx));
	answer(sim, exchange, code);
}

static void on_get(
	struct simulator *sim, int exchange, const struct fl_http_request *request, const char *host)
{
	struct rpc_call call = { .sim = sim, .query = request, .host = host, .out = &sim->reply };

	answer(
		sim, exchange, rpc_respond(&call, request->path + strlen(base), NULL, fl_now_ns(sim->ctx)));
}

static void on_post(
	struct simulator *sim, int exchange, const struct fl_http_request *request, const char *host)
{
	struct rpc_call call = { .sim = sim, .host = host, .out = &sim->reply };
	yyjson_doc *doc;
	yyjson_val *root;
	const char *method;

	if (request->length > REQUEST_LIMIT) {
		ledger_refusal(&sim->ledger, "size", 0, "");
		refuse(sim, exchange, RPC_TOO_LARGE, "request entity too large", NULL);
		return;
	}
	doc = yyjson_read(request->body, request->length, 0);
	root = yyjson_doc_get_root(doc);
	method = yyjson_get_str(yyjson_obj_get(root, "method"));
	call.params = yyjson_obj_get(root, "params");
	if (method == NULL && strlen(request->path) > strlen(base))
		method = request->path + strlen(base);
	if (!yyjson_is_obj(root) || (call.params != NULL && !yyjson_is_obj(call.params)))
		refuse(sim, exchange, RPC_BAD_REQUEST, "bad_request", "invalid json");
	else
		answer(sim, exchange,
			rpc_respond(&call, method != NULL ? method : "", yyjson_obj_get(root, "id"),
				fl_now_ns(sim->ctx)));
	yyjson_doc_free(doc);
}

void rest_on_request(struct simulator *sim, int exchange, const struct fl_http_request *request)
{
	char host[64];

	if (faults_on_rest(sim, exchange))
		return;
	host_of_peer(request->peer, host, sizeof(host));
	if (strcmp(request->method, "POST") == 0)
		on_post(sim, exchange, request, host);
	else if (strcmp(request->method, "GET") == 0 && strncmp(request->path, base, strlen(base)) == 0)
		on_get(sim, exchange, request, host);
	else
		fl_respond_problem(sim->ctx, exchange, 405, "use GET or POST on %spublic/METHOD", base);
}
