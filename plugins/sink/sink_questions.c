/* sink_questions.c: questions from their command to their reply, across a reload as well. */
#include "sink_query.h"
#include <feedloom/bytes.h>
#include <stdlib.h>

static const char key[] = "questions";

int questions_take(const struct questions *questions, struct fl_ctx *ctx, int command,
	const char *json, const int key_counts[QUERY_WHATS], struct question *out)
{
	char detail[QUERY_DETAIL_BYTES];
	int slot = 0;

	if (question_parse(json, key_counts, out, detail) != 0) {
		fl_reply_detail(ctx, command, FL_REPLY_BAD, "%s", detail);
		return 0;
	}
	while (slot < QUERIES_MAX && questions->asked[slot].command != 0)
		slot++;
	if (slot < QUERIES_MAX)
		return slot + 1;
	fl_reply_detail(ctx, command, FL_REPLY_STOPPED,
		"%d queries are being answered already; ask again", QUERIES_MAX);
	return 0;
}

void questions_put(struct questions *questions, struct fl_ctx *ctx, int number, int command,
	const struct question *question, int error)
{
	if (error != 0) {
		fl_reply_detail(ctx, command, FL_REPLY_STOPPED, "the store is not open");
		return;
	}
	questions->asked[number - 1].command = command;
	questions->asked[number - 1].what = question->what;
	questions->asked[number - 1].limit = question->limit;
}

void questions_answer(struct questions *questions, struct fl_ctx *ctx, int number,
	const int key_counts[QUERY_WHATS], const struct fl_result *result)
{
	int slot = number - 1, command;
	enum query_what what;
	char *json;

	if (number < 1 || number > QUERIES_MAX || questions->asked[slot].command == 0)
		return;
	command = questions->asked[slot].command;
	what = questions->asked[slot].what;
	questions->asked[slot].command = 0;
	if (result->error != 0) {
		fl_reply_detail(ctx, command, FL_REPLY_FAILED, "%s", result->detail);
		return;
	}
	json = question_answer(what, key_counts[what], questions->asked[slot].limit, result);
	if (json == NULL)
		fl_reply_detail(ctx, command, FL_REPLY_FAILED, "out of memory");
	else
		fl_reply(ctx, command, FL_REPLY_OK, json, false);
	free(json);
}

void questions_fail(struct questions *questions, struct fl_ctx *ctx, const char *detail)
{
	for (int slot = 0; slot < QUERIES_MAX; slot++) {
		if (questions->asked[slot].command != 0)
			fl_reply_detail(ctx, questions->asked[slot].command, FL_REPLY_FAILED, "%s", detail);
		questions->asked[slot].command = 0;
	}
}

int questions_save(const struct questions *questions, struct fl_snapshot *to)
{
	struct fl_writer writer = { 0 };

	fl_write_int(&writer, questions->is_open);
	for (int slot = 0; slot < QUERIES_MAX; slot++) {
		fl_write_int(&writer, questions->asked[slot].command);
		fl_write_int(&writer, (int64_t)questions->asked[slot].what);
		fl_write_int(&writer, questions->asked[slot].limit);
	}
	return fl_writer_save(&writer, to, key);
}

int questions_restore(struct questions *questions, uint32_t version, const struct fl_snapshot *from)
{
	struct fl_reader reader = fl_reader_open(from, key, version);

	questions->is_open = fl_read_int(&reader) != 0;
	for (int slot = 0; slot < QUERIES_MAX && reader.left > 0; slot++) {
		int64_t command = fl_read_int(&reader), what = fl_read_int(&reader);

		questions->asked[slot].limit = fl_read_int(&reader);
		if (what < 0 || what >= QUERY_WHATS)
			return -EINVAL;
		questions->asked[slot].what = (enum query_what)what;
		questions->asked[slot].command = (int)command;
	}
	return reader.is_broken ? -EINVAL : 0;
}
