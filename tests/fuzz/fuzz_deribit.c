/*
 * deribit: the feed whole, against a venue that says anything, in any order. What it sends is JSON.
 *
 * input: a line each, by its first character: "+" passes 10 s, "!" ends all connections, "^" lets
 * those that dial come up, "a" acknowledges what was asked, "l" lists some instruments, "~"
 * reloads,
 * "=" answers the oldest request with the rest, "#" with a failure, "?NAME JSON" is a command;
 * anything else is a message
 */
#include "fuzz.h"
#include "world.h"

#include <yyjson.h>

enum { LINES = 64 };

static void check_json(const char *text)
{
	yyjson_doc *doc = yyjson_read(text, strlen(text), 0);

	CHECK(doc != NULL);
	yyjson_doc_free(doc);
}

static void check_said(struct fl_ctx *ctx)
{
	for (size_t i = ctx->sent_seen; i < ctx->sent_count; i++)
		check_json(ctx->sent[i].text);
	for (size_t i = 0; i < ctx->reply_count; i++)
		if (ctx->replies[i].status == FL_REPLY_OK)
			check_json(ctx->replies[i].json);
}

static void end_connections(struct fl_ctx *ctx)
{
	for (int conn = 1; conn < 64; conn++)
		if (ctx->conns[conn] == FL_CONN_UP)
			fake_conn(ctx, conn, FL_CONN_BACKOFF, FL_REASON_RESET);
	for (int conn = 1; conn < 64; conn++)
		if (ctx->conns[conn] == FL_CONN_BACKOFF)
			ctx->conns[conn] = FL_CONN_DIALING;
}

static void answer(struct fl_ctx *ctx, int status, const char *body)
{
	if (ctx->request_count > 0)
		fake_answer(ctx, ctx->requests[0].number, status, body);
}

static void command(struct fl_ctx *ctx, char *line)
{
	char *json = strchr(line, ' ');

	if (json != NULL)
		*json++ = '\0';
	if (ctx->plugin->on_command != NULL)
		ctx->plugin->on_command(ctx->state, 1, line, json);
}

static void step(struct fl_ctx *ctx, const struct deribit_options *options, char *line)
{
	switch (line[0]) {
	case '+': fake_pass(ctx, 10 * FL_SECOND); break;
	case '!': end_connections(ctx); break;
	case '^': world_up_all(ctx); break;
	case 'a': world_acknowledge(ctx, NULL); break;
	case 'l': world_list(ctx, 3, 2); break;
	case '~': fake_reload(ctx, options); break;
	case '=': answer(ctx, 200, line + 1); break;
	case '#': answer(ctx, 500, ""); break;
	case '?': command(ctx, line + 1); break;
	default:
		if (ctx->conns[1] == FL_CONN_UP)
			fake_message(ctx, 1, line);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const channels[] = { "ticker.agg2", "trades.100ms", "quote", "book.100ms",
		"index", "markprice", NULL };
	struct fuzz_input in = { data, size };
	struct deribit_options options = world_options();
	struct fl_ctx *ctx;

	options.channels = world_names(channels);
	ctx = world_create(&options);
	CHECK(ctx->plugin->start(ctx->state) == 0);
	for (int i = 0; i < LINES && in.left > 0; i++) {
		char *line = fuzz_line(&in);

		step(ctx, &options, line);
		free(line);
		check_said(ctx);
	}
	ctx->plugin->stop(ctx->state);
	fake_destroy(ctx);
	return 0;
}
