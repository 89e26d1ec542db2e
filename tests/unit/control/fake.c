#include "unit.h"

#include "fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the core offers ---- */

int64_t fl_now_ns(const struct fl_ctx *ctx)
{
	return ctx->now_ns;
}

void fl_check_error(struct fl_check *check, const char *option, const char *format, ...)
{
	struct fl_ctx *ctx = (struct fl_ctx *)check;
	va_list args;

	assert_string_equal(option, "listen");
	va_start(args, format);
	vsnprintf(ctx->check_error, sizeof(ctx->check_error), format, args);
	va_end(args);
}

int fl_listen(struct fl_ctx *ctx, int listener, const struct fl_listen *how)
{
	(void)ctx;
	assert_int_equal(listener, LISTENER);
	assert_true(how->guarded);
	return 0;
}

int fl_command(struct fl_ctx *ctx, int number, const char *to, const char *name, const char *json,
	int64_t deadline_ns)
{
	struct fake_asked *asked = &ctx->asked[ctx->asked_count];

	assert_int_equal(deadline_ns, 0);
	assert_true(ctx->asked_count < FAKE_ASKED_MAX);
	if (ctx->command_error < 0)
		return ctx->command_error;
	asked->number = number;
	snprintf(asked->to, sizeof(asked->to), "%s", to);
	snprintf(asked->name, sizeof(asked->name), "%s", name);
	asked->json = strdup(json == NULL ? "{}" : json);
	ctx->asked_count++;
	return 0;
}

int fl_http_query(const struct fl_http_request *request, const char *name, char *out, size_t size)
{
	size_t length = strlen(name), given;
	const char *at = request->query;

	for (; at != NULL && *at != '\0'; at = strchr(at, '&')) {
		at += *at == '&';
		if (strncmp(at, name, length) != 0 || at[length] != '=')
			continue;
		at += length + 1;
		given = strcspn(at, "&");
		if (given >= size || memchr(at, '%', given) != NULL)
			return -EINVAL;
		memcpy(out, at, given);
		out[given] = '\0';
		return (int)given;
	}
	return -ENOENT;
}

int fl_respond_with(struct fl_ctx *ctx, int exchange, int status, const char *type,
	const struct fl_header *headers, size_t header_count, const void *body, size_t length)
{
	size_t used = 0;

	if (exchange == ctx->gone)
		return -ENOENT;
	ctx->answer_count++;
	ctx->answered = exchange;
	ctx->status = status;
	snprintf(ctx->type, sizeof(ctx->type), "%s", type);
	ctx->headers[0] = '\0';
	for (size_t i = 0; i < header_count; i++)
		used += (size_t)snprintf(ctx->headers + used, sizeof(ctx->headers) - used, "%s: %s\n",
			headers[i].name, headers[i].value);
	free(ctx->body);
	ctx->body = malloc(length + 1);
	memcpy(ctx->body, body, length);
	ctx->body[length] = '\0';
	ctx->length = length;
	return 0;
}

int fl_respond_problem(struct fl_ctx *ctx, int exchange, int status, const char *detail, ...)
{
	(void)detail; /* only for want of memory */
	return fl_respond_with(ctx, exchange, status, "application/problem+json", NULL, 0, "{}", 2);
}

int fl_snapshot_put_text(struct fl_snapshot *to, const char *key, const char *text)
{
	struct fl_ctx *ctx = (struct fl_ctx *)to;

	assert_string_equal(key, "questions");
	free(ctx->snapshot);
	ctx->snapshot = strdup(text);
	return 0;
}

int fl_snapshot_get_text(const struct fl_snapshot *from, const char *key, const char **out)
{
	const struct fl_ctx *ctx = (const struct fl_ctx *)from;

	assert_string_equal(key, "questions");
	*out = ctx->snapshot;
	return ctx->snapshot == NULL ? -ENOENT : 0;
}

/* ---- for the tests ---- */

void *fake_start(struct fl_ctx *ctx)
{
	static const struct options options = { .listen = "127.0.0.1:8080", .token = "" };
	void *state;

	*ctx = (struct fl_ctx){ .now_ns = INT64_C(1795248000123000000), .gone = -1 };
	assert_int_equal(feedloom_plugin.create(ctx, &options, &state), 0);
	assert_int_equal(feedloom_plugin.start(state), 0);
	return state;
}

void fake_stop(struct fl_ctx *ctx, void *state)
{
	feedloom_plugin.destroy(state);
	for (int i = 0; i < ctx->asked_count; i++)
		free(ctx->asked[i].json);
	free(ctx->body);
	free(ctx->snapshot);
}

void fake_request(
	struct fl_ctx *ctx, void *state, const char *method, const char *target, const char *body)
{
	char path[512];
	size_t length = strcspn(target, "?");
	const struct fl_http_request request = { .method = method,
		.path = path,
		.query = target[length] == '?' ? target + length + 1 : "",
		.body = body == NULL ? "" : body,
		.length = body == NULL ? 0 : strlen(body),
		.peer = "127.0.0.1:50312" };

	assert_true(length < sizeof(path));
	memcpy(path, target, length);
	path[length] = '\0';
	feedloom_plugin.on_request(state, LISTENER, ++ctx->exchange, &request);
}

const struct fake_asked *fake_last(const struct fl_ctx *ctx)
{
	assert_true(ctx->asked_count > 0);
	return &ctx->asked[ctx->asked_count - 1];
}

void fake_reply(struct fl_ctx *ctx, void *state, int status, const char *json)
{
	feedloom_plugin.on_reply(state, fake_last(ctx)->number, status, json, false);
}

bool fake_has_header(const struct fl_ctx *ctx, const char *line)
{
	const char *found = strstr(ctx->headers, line);

	return found != NULL && found[strlen(line)] == '\n';
}

const char *fake_problem(struct fl_ctx *ctx, int status)
{
	const char *detail;
	yyjson_doc *doc;
	yyjson_val *root;

	assert_int_equal(ctx->answered, ctx->exchange);
	assert_int_equal(ctx->status, status);
	assert_string_equal(ctx->type, "application/problem+json");
	assert_true(fake_has_header(ctx, "Cache-Control: no-store"));
	doc = yyjson_read(ctx->body, ctx->length, 0);
	root = yyjson_doc_get_root(doc);
	assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "type")), "about:blank");
	assert_true(yyjson_get_len(yyjson_obj_get(root, "title")) > 0);
	assert_int_equal(yyjson_get_int(yyjson_obj_get(root, "status")), status);
	detail = yyjson_get_str(yyjson_obj_get(root, "detail"));
	assert_non_null(detail);
	/* Over the body it came from, which is no longer needed. */
	memmove(ctx->body, detail, strlen(detail) + 1);
	yyjson_doc_free(doc);
	return ctx->body;
}
