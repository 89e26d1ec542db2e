/*
 * bad.c: plugins that must be refused, one for each reason: built with BAD set to one of these.
 */
#include <feedloom/plugin.h>

#define BAD_ABI 1
#define BAD_SIZE 2
#define NO_SYMBOL 3
#define INCOMPLETE 4
#define BAD_TABLE 5
#define NO_BATCH 6
#define UNRESOLVED 7
#define CRASHES 8

#if BAD == CRASHES
__attribute__((constructor)) static void crash(void)
{
	__builtin_trap();
}
#endif

struct options {
	int64_t count;
};

int fl_not_there(struct fl_ctx *ctx);

static const struct fl_option option_table[] = {
	{ "count", FL_INT, offsetof(struct options, count), .preset = "1", .help = "how many" },
	{ "count", FL_INT, offsetof(struct options, count), .preset = "1",
		.help = "the same name again" },
	{ 0 },
};

static int create(struct fl_ctx *ctx, const void *options, void **state)
{
	(void)options;
	*state = ctx;
	return 0;
}

static void destroy(void *state)
{
	(void)state;
}

static int start(void *state)
{
#if BAD == UNRESOLVED
	return fl_not_there(state);
#else
	(void)state;
	return 0;
#endif
}

/* clang-format off */
#if BAD == NO_SYMBOL
FL_PLUGIN_EXPORT const struct fl_plugin another_name = {
#else
FL_PLUGIN_EXPORT const struct fl_plugin feedloom_plugin = {
#endif
	.abi = BAD == BAD_ABI ? FL_PLUGIN_ABI + 1 : FL_PLUGIN_ABI,
	.size = BAD == BAD_SIZE ? sizeof(struct fl_plugin) - 8 : sizeof(struct fl_plugin),
	.name = "bad", .version = "1.0", .role = BAD == NO_BATCH ? FL_SINK : FL_FEED,
	.options = BAD == BAD_TABLE ? option_table : NULL,
	.options_size = sizeof(struct options),
	.create = create, .destroy = destroy, .start = BAD == INCOMPLETE ? NULL : start,
};
/* clang-format on */
