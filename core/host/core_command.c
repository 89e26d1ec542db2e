/*
 * core_command.c: the words the core itself takes: status, coverage, plugins, start, stop, metrics,
 * reload.
 */
#include "command.h"
#include "host.h"
#include "json.h"
#include "observe.h"
#include "plugin_record.h"
#include "reload.h"
#include "state.h"
#include "status.h"

#include <string.h>
#include <yyjson.h>

static const struct fl_command_info infos[] = {
	{ "status", "everything on one page: feeds, sinks, journal, configuration" },
	{ "ready", "{\"ready\": bool, \"reason\": text}" },
	{ "coverage", "listed, subscribed and live instruments by feed and currency" },
	{ "plugins", "what is loaded" },
	{ "metrics", "{\"text\": Prometheus text}" },
	{ "start",
		"{\"feeds\": [names]}: starts feeds that were stopped, and whatever is in quarantine; none named: all" },
	{ "stop", "{\"feeds\": [names]}: stops feeds and holds them; none named: all" },
	{ "reload", "{\"plugin\": name}: reads its file and swaps it into every instance" },
	{ "reload_config", "reads the configuration again, as SIGHUP does" },
	{ 0 },
};

const struct fl_command_info *core_commands(void)
{
	return infos;
}

void core_answer_reload(struct host *host, int command)
{
	command_reply(host, command, host->config_error[0] == '\0' ? FL_REPLY_OK : FL_REPLY_CONFLICT,
		"{}", false);
}

static void reply_status(struct host *host, struct json *json)
{
	status_print(host, json);
}

static void reply_ready(struct host *host, struct json *json)
{
	char reason[768];
	bool is_ready = host_is_ready(host, reason, sizeof(reason));

	json_open(json, NULL, '{');
	json_bool(json, "ready", is_ready);
	json_text(json, "reason", is_ready ? NULL : reason);
	json_close(json, '}');
}

static void reply_coverage(struct host *host, struct json *json)
{
	status_coverage(host, json);
}

static void reply_plugins(struct host *host, struct json *json)
{
	status_plugins(host, json);
}

static void reply_metrics(struct host *host, struct json *json)
{
	struct buf text;

	observe_measure(host);
	buf_init(&text, 16 << 20);
	metrics_print(host->parts.metrics, &text);
	json_open(json, NULL, '{');
	json_text_n(json, "text", buf_bytes(&text), buf_length(&text));
	json_close(json, '}');
	buf_finish(&text);
}

/* ---- start and stop ---- */

static bool is_named(yyjson_val *feeds, const char *name)
{
	size_t i, count;
	yyjson_val *feed;

	if (feeds == NULL || yyjson_arr_size(feeds) == 0)
		return true;
	yyjson_arr_foreach(feeds, i, count, feed) if (yyjson_equals_str(feed, name)) return true;
	return false;
}

/* Feeds; and, to be started, whatever is in quarantine. */
static bool is_meant(const struct fl_ctx *ctx, bool is_start)
{
	return ctx->role == FL_FEED || (is_start && ctx->is_quarantined);
}

/* Every name must be of such an instance before anything is done. */
static bool are_known(struct host *host, int command, bool is_start, yyjson_val *feeds)
{
	size_t i, count;
	yyjson_val *feed;
	struct buf known;

	yyjson_arr_foreach(feeds, i, count, feed)
	{
		const char *name = yyjson_get_str(feed);
		const struct fl_ctx *ctx = name == NULL ? NULL : host_find(host, name);

		if (ctx != NULL && is_meant(ctx, is_start))
			continue;
		buf_init(&known, 4096);
		command_list_feeds(host, &known);
		command_reply_detail(host, command, FL_REPLY_NOT_FOUND,
			"there is no feed %s; feeds there are: %s", name == NULL ? "(not a name)" : name,
			buf_string(&known));
		buf_finish(&known);
		return false;
	}
	return true;
}

static void start_or_stop(struct host *host, int command, bool is_start, const char *text)
{
	yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
	yyjson_val *root = yyjson_doc_get_root(doc);
	yyjson_val *feeds = yyjson_obj_get(root, "feeds");
	struct link *item, *following;
	struct buf to;
	struct json json;

	if (host->is_stopping) {
		command_reply_detail(host, command, FL_REPLY_STOPPED, "feedloom is stopping");
		goto free_doc;
	}
	if (!yyjson_is_obj(root) || (feeds != NULL && !yyjson_is_arr(feeds))) {
		command_reply_detail(host, command, FL_REPLY_BAD,
			"the body must be an object like {\"feeds\": [\"deribit\"]}, or empty for all");
		goto free_doc;
	}
	if (!are_known(host, command, is_start, feeds))
		goto free_doc;
	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (is_meant(ctx, is_start) && is_named(feeds, ctx->name))
			(void)(is_start ? host_release(host, ctx) : host_hold(host, ctx));
	}
	buf_init(&to, 4 << 20);
	json_init(&json, &to);
	status_print(host, &json);
	command_reply(host, command, FL_REPLY_OK, buf_string(&to), false);
	buf_finish(&to);
free_doc:
	yyjson_doc_free(doc);
}

/* ---- reload ---- */

static void list_plugins(struct host *host, struct buf *to)
{
	struct link *item, *following;

	list_each (item, following, &host->instances)
		buf_printf(to, "%s%s", buf_length(to) > 0 ? ", " : "",
			plugin_of(container_of(item, struct fl_ctx, link)));
}

static bool is_loaded(struct host *host, const char *plugin)
{
	struct link *item, *following;

	list_each (item, following, &host->instances)
		if (strcmp(plugin_of(container_of(item, struct fl_ctx, link)), plugin) == 0)
			return true;
	return false;
}

static void refuse_unknown(struct host *host, int command, const char *plugin)
{
	struct buf known;

	buf_init(&known, 4096);
	list_plugins(host, &known);
	command_reply_detail(host, command, FL_REPLY_NOT_FOUND,
		"no instance runs the plugin %s; there run: %s", plugin == NULL ? "(no name)" : plugin,
		buf_length(&known) > 0 ? buf_string(&known) : "none");
	buf_finish(&known);
}

/* Answered when every instance has been come to. */
static void reload(struct host *host, int command, const char *text)
{
	yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
	const char *plugin = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "plugin"));

	if (host->is_stopping)
		command_reply_detail(host, command, FL_REPLY_STOPPED, "feedloom is stopping");
	else if (plugin == NULL || !is_loaded(host, plugin))
		refuse_unknown(host, command, plugin);
	else
		switch (reload_begin(host, plugin, command)) {
		case 0: break;
		case -EBUSY:
			command_reply_detail(
				host, command, FL_REPLY_CONFLICT, "%s is being reloaded; wait for it", plugin);
			break;
		case -ENOENT:
			command_reply_detail(host, command, FL_REPLY_CONFLICT,
				"the file of %s is gone: put it back into `plugins: { dir }`", plugin);
			break;
		default: command_reply_detail(host, command, FL_REPLY_FAILED, "out of memory"); break;
		}
	yyjson_doc_free(doc);
}

/* ---- one door ---- */

static const struct {
	const char *name;
	void (*print)(struct host *host, struct json *json);
} answers[] = {
	{ "status", reply_status },
	{ "ready", reply_ready },
	{ "coverage", reply_coverage },
	{ "plugins", reply_plugins },
	{ "metrics", reply_metrics },
};

void core_command(struct host *host, int command, const char *name, const char *json_text)
{
	struct buf to;
	struct json json;

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		if (strcmp(answers[i].name, name) != 0)
			continue;
		buf_init(&to, 64 << 20);
		json_init(&json, &to);
		answers[i].print(host, &json);
		command_reply(host, command, FL_REPLY_OK, buf_string(&to), false);
		buf_finish(&to);
		return;
	}
	if (strcmp(name, "start") == 0 || strcmp(name, "stop") == 0) {
		start_or_stop(host, command, strcmp(name, "start") == 0, json_text);
	} else if (strcmp(name, "reload") == 0) {
		reload(host, command, json_text);
	} else if (strcmp(name, "reload_config") == 0 && host->on_reload != NULL) {
		host->on_reload(host->on_reload_data, command);
	} else {
		command_reply_detail(
			host, command, FL_REPLY_NOT_FOUND, "the core takes no command %s", name);
	}
}
