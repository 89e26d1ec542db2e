/*
 * crasher.c: a plugin that crashes where a test wants it to. Built three times, with ROLE set:
 * crash_feed, crash_sink, crash_service.
 *
 * A feed crashes by the command `subscribe` {"instruments": [HOW]}, a sink with its first batch, a
 * service some time after its start: HOW is "segv", "abort" or "overflow".
 */
#include <feedloom/plugin.h>

#include <stdlib.h>
#include <string.h>

enum { TIMER = 1 };

struct options {
	int how;
	int64_t after_ns;
};

enum how { HOW_NOT, HOW_SEGV, HOW_ABORT, HOW_OVERFLOW };
static const char *const hows[] = { "not", "segv", "abort", "overflow", NULL };

static const struct fl_option option_table[] = {
	{ "how", FL_CHOICE, offsetof(struct options, how), .preset = "not", .choices = hows,
		.help = "sinks and services: how it crashes" },
	{ "after", FL_DURATION, offsetof(struct options, after_ns), .preset = "100ms",
		.help = "services: when" },
	{ 0 },
};

struct crasher {
	struct fl_ctx *ctx;
	const struct options *options;
	volatile char *volatile nowhere;
};

/* Until the stack is used up. */
static size_t fall(size_t depth)
{
	volatile char room[4096];

	room[depth % sizeof(room)] = (char)depth;
	return depth == SIZE_MAX ? 0 : fall(depth + 1) + (size_t)room[(depth + 1) % sizeof(room)];
}

static void crash(struct crasher *self, int how)
{
	switch (how) {
	case HOW_SEGV:
		self->nowhere = NULL;
		*self->nowhere = 1;
		break;
	case HOW_ABORT: abort();
	case HOW_OVERFLOW: (void)fall(0); break;
	default: break;
	}
}

static int create(struct fl_ctx *ctx, const void *options, void **state)
{
	struct crasher *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	self->ctx = ctx;
	self->options = options;
	*state = self;
	return 0;
}

static int start(void *state)
{
	struct crasher *self = state;
	struct fl_stream stream = { 0 };

	if (ROLE == FL_SERVICE && self->options->how != HOW_NOT)
		fl_timer_start(self->ctx, TIMER, self->options->after_ns, 0);
	return ROLE == FL_SINK ? fl_stream_open(self->ctx, "all", &stream) : 0;
}

static void on_timer(void *state, int timer)
{
	struct crasher *self = state;

	(void)timer;
	crash(self, self->options->how);
}

static void on_batch(void *state, const char *stream, const struct fl_batch *batch)
{
	struct crasher *self = state;

	(void)batch;
	crash(self, self->options->how);
	fl_retry(self->ctx, stream, FL_SECOND);
}

static void on_command(void *state, int command, const char *name, const char *json)
{
	struct crasher *self = state;

	(void)name;
	for (int how = 0; hows[how] != NULL; how++)
		if (json != NULL && strstr(json, hows[how]) != NULL)
			crash(self, how);
	fl_reply(self->ctx, command, FL_REPLY_OK, "{\"subscribed\":[],\"rejected\":[]}", false);
}

static const struct fl_command_info commands[] = {
	{ "subscribe", "crashes {\"instruments\": [\"segv\", \"abort\" or \"overflow\"]}" },
	{ 0 },
};

FL_PLUGIN_EXPORT const struct fl_plugin feedloom_plugin = {
	.abi = FL_PLUGIN_ABI,
	.size = sizeof(struct fl_plugin),
	.name = NAME,
	.version = "1.0",
	.summary = "crashes",
	.role = ROLE,
	.options = option_table,
	.options_size = sizeof(struct options),
	.create = create,
	.destroy = free,
	.start = start,
	.on_timer = on_timer,
	.on_batch = on_batch,
	.commands = commands,
	.on_command = on_command,
};
