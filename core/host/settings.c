#include "settings.h"

#include "options.h"

static const char *const levels[] = { "debug", "info", "warn", "error", NULL };
static const char *const formats[] = { "text", "json", NULL };

static const struct fl_option log_table[] = {
	{ "level", FL_CHOICE, offsetof(struct log_settings, level), "info", "what is logged, and above",
		.choices = levels, .flags = FL_OPTION_LIVE },
	{ "format", FL_CHOICE, offsetof(struct log_settings, format), "text",
		"a line of text, or of JSON", .choices = formats, .flags = FL_OPTION_LIVE },
	{ "file", FL_PATH, offsetof(struct log_settings, file), "",
		.help = "where; empty: standard error" },
	{ "max_size", FL_SIZE, offsetof(struct log_settings, max_bytes), "50MiB",
		"a file is rotated at this size", .min = "64KiB" },
	{ "keep", FL_INT, offsetof(struct log_settings, keep), "5", "how many rotated files are kept",
		.min = "0", .max = "100" },
	{ 0 },
};

static const struct fl_option journal_table[] = {
	{ "dir", FL_PATH, offsetof(struct journal_settings, folder), "var/journal",
		.help = "its folder, on a local disk" },
	{ "max_size", FL_SIZE, offsetof(struct journal_settings, max_bytes), "4GiB",
		"when it is full the oldest records go first, counted", .min = "64MiB",
		.flags = FL_OPTION_LIVE },
	{ "sync", FL_DURATION, offsetof(struct journal_settings, sync_ns), "1s",
		"how often it is synced: what a power cut can cost; 0: never", .flags = FL_OPTION_LIVE },
	{ "keep", FL_DURATION, offsetof(struct journal_settings, keep_ns), "1h",
		"what every sink has stored is kept so long", .flags = FL_OPTION_LIVE },
	{ 0 },
};

static const struct fl_option plugins_table[] = {
	{ "dir", FL_PATH, offsetof(struct plugin_settings, folder), "var/plugins",
		.help = "drop-in folder, searched before the plugins that came with feedloom" },
	{ "require_seal", FL_BOOL, offsetof(struct plugin_settings, needs_seal), "false",
		"a plugin file that does not end in its seal is refused; otherwise it is tried in a process of "
		"its own and loaded with a warning",
		.flags = FL_OPTION_LIVE },
	{ 0 },
};

static const char *const top[] = { "log", "journal", "plugins", "feeds", "sinks", "services",
	NULL };

static int load_section(const struct node *root, const char *name, const struct fl_option *table,
	size_t size, const char *state_folder, struct config_errors *errors, void **out)
{
	struct options_where where = { .label = name, .folder = state_folder, .place = root->place };

	return options_apply(table, size, node_find(root, name), &where, errors, out);
}

int settings_load(const struct node *root, const char *state_folder, struct config_errors *errors,
	struct settings *out)
{
	size_t before = config_errors_total(errors);
	void *log = NULL, *journal = NULL, *plugins = NULL;

	options_check_keys(root, top, NULL, errors);
	(void)load_section(
		root, "log", log_table, sizeof(struct log_settings), state_folder, errors, &log);
	(void)load_section(root, "journal", journal_table, sizeof(struct journal_settings),
		state_folder, errors, &journal);
	(void)load_section(root, "plugins", plugins_table, sizeof(struct plugin_settings), state_folder,
		errors, &plugins);
	*out = (struct settings){ log, journal, plugins };
	if (config_errors_total(errors) == before && log != NULL && journal != NULL && plugins != NULL)
		return 0;
	settings_finish(out);
	return -EINVAL;
}

void settings_finish(struct settings *settings)
{
	options_free(settings->log);
	options_free(settings->journal);
	options_free(settings->plugins);
	*settings = (struct settings){ 0 };
}

int settings_print(struct buf *to)
{
	buf_text(to, "log:\n");
	(void)options_print(log_table, to);
	buf_text(to, "\njournal:\n");
	(void)options_print(journal_table, to);
	buf_text(to, "\nplugins:\n");
	return options_print(plugins_table, to);
}
