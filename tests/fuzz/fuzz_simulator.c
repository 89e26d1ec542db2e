/*
 * simulator: what its clients send: JSON-RPC over WebSocket and HTTP, and what tests ask of it.
 * Every answer is JSON.
 *
 * input: a line each: "/PATH?QUERY BODY" is a request (a POST with a body, else a GET), "+" lets
 * 100 ms pass, anything else is a WebSocket message; "|" in a body ends a line
 */
#include "fake_core.h"
#include "fuzz.h"

enum { LINES = 64 };

static void make_small(struct options *options)
{
	options->btc_options = options->eth_options = 6;
	options->futures = 2;
	options->message_rate = 100;
	options->trade_history = 100;
	options->credits = CREDITS_OFF;
}

static void check_json(const char *text, size_t length)
{
	yyjson_doc *doc = yyjson_read(text, length, 0);

	CHECK(doc != NULL);
	yyjson_doc_free(doc);
}

static void check_sent(struct fl_ctx *ctx)
{
	for (size_t i = 0; i < ctx->sent_count; i++)
		check_json(ctx->sent[i].text, ctx->sent[i].length);
	fake_forget_sent(ctx);
}

static void ask(struct fl_ctx *ctx, struct simulator *sim, char *line)
{
	char *body = strchr(line, ' '), *query;
	yyjson_doc *doc;

	if (body != NULL)
		*body++ = '\0';
	query = strchr(line, '?');
	if (query != NULL)
		*query++ = '\0';
	for (char *at = body; at != NULL && (at = strchr(at, '|')) != NULL;)
		*at = '\n';
	doc = fake_http(ctx, sim, body != NULL ? "POST" : "GET", line, query != NULL ? query : "",
		body != NULL ? body : "");
	CHECK(doc != NULL || ctx->body == NULL);
	yyjson_doc_free(doc);
}

/* What is not connected any more comes back. */
static void reconnect(struct fl_ctx *ctx, struct simulator *sim, int *conn)
{
	if (session_find(sim, *conn) != NULL)
		return;
	feedloom_plugin.on_connection(sim, *conn, FL_CONN_CLOSED, FL_REASON_RESET);
	ctx->aborted = ctx->closed = 0;
	(*conn)++;
	CHECK(fake_accept(sim, *conn, "127.0.0.1:5000") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct fl_ctx *ctx = fuzz_alloc(sizeof(*ctx));
	struct simulator *sim = fake_start(ctx, make_small);
	int conn = FAKE_CONN;

	CHECK(fake_accept(sim, conn, "127.0.0.1:5000") == 0);
	for (int i = 0; i < LINES && in.left > 0; i++) {
		char *line = fuzz_line(&in);

		if (line[0] == '/')
			ask(ctx, sim, line);
		else if (line[0] == '+')
			fake_pass(ctx, sim, 100 * FL_MS);
		else
			fake_say(sim, conn, line);
		free(line);
		fake_answer_jobs(ctx, sim);
		check_sent(ctx);
		reconnect(ctx, sim, &conn);
	}
	feedloom_plugin.on_connection(sim, conn, FL_CONN_CLOSED, FL_REASON_RESET);
	fake_stop(ctx, sim);
	free(ctx);
	return 0;
}
