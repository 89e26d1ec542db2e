/*
 * control: the control service whole: any request, and any reply of whom it asks. Its answers are
 * what their type says.
 *
 * input: a line each: "METHOD TARGET BODY", or "=", a character that stands for a status and
 * JSON: a reply to the last question
 */
#include "unit.h"

#include "fake.h"
#include "fuzz.h"

#include <feedloom/kit.h>

enum { LINES = 64, TARGET_MAX = 500 };

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

static bool is_json(const char *text, size_t length)
{
	yyjson_doc *doc = yyjson_read(text, length, 0);

	yyjson_doc_free(doc);
	return doc != NULL;
}

static void check_answer(const struct fl_ctx *ctx)
{
	CHECK(ctx->status >= 200 && ctx->status < 600);
	CHECK(!ends_with(ctx->type, "json") || ctx->length == 0 || is_json(ctx->body, ctx->length));
}

/* As the core lets it through: decoded, UTF-8, no control characters. */
static bool is_target(const char *target)
{
	if (target[0] != '/' || strlen(target) > TARGET_MAX || !fl_utf8_valid(target, strlen(target)))
		return false;
	for (const char *at = target; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return false;
	return true;
}

static void request(struct fl_ctx *ctx, void *state, char *line)
{
	char *target = strchr(line, ' '), *body;

	if (target == NULL)
		return;
	*target++ = '\0';
	body = strchr(target, ' ');
	if (body != NULL)
		*body++ = '\0';
	if (is_target(target))
		fake_request(ctx, state, line, target, body);
}

static void reply(struct fl_ctx *ctx, void *state, const char *line)
{
	static const int statuses[] = { FL_REPLY_OK, FL_REPLY_BAD, FL_REPLY_NOT_FOUND,
		FL_REPLY_CONFLICT, FL_REPLY_FAILED, FL_REPLY_STOPPED, FL_REPLY_LATE };

	/* What plugins reply is JSON (command.h), and passed on as it is. */
	if (ctx->asked_count > 0 && line[0] != '\0' && is_json(line + 1, strlen(line + 1)))
		fake_reply(ctx, state, statuses[(unsigned char)line[0] % 7], line + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct fl_ctx *ctx = fuzz_alloc(sizeof(*ctx));
	void *state = fake_start(ctx);

	for (int i = 0; i < LINES && in.left > 0; i++) {
		char *line = fuzz_line(&in);
		int answers = ctx->answer_count;

		if (line[0] == '=')
			reply(ctx, state, line + 1);
		else
			request(ctx, state, line);
		CHECK(ctx->answer_count <= answers + 1);
		if (ctx->answer_count > answers)
			check_answer(ctx);
		free(line);
	}
	fake_stop(ctx, state);
	free(ctx);
	return 0;
}
