#include "cli.h"
#include "clock.h"
#include "error.h"
#include "host.h"
#include "log.h"
#include "settings.h"
#include "state.h"
#include "timer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <yyjson.h>

#define STORE_WITHIN_NS (60 * FL_SECOND)
#define WITHIN_NS (5 * FL_MINUTE)
#define LOOK_NS (50 * FL_MS)

/* One run: the feeds fetch, the journal takes, the sinks store; then everything stops in order. */
struct filling {
	struct loop *loop;
	struct host *host;
	struct timer *look;
	int64_t late_ns;
	int open, failed; /* feeds that are not done; feeds and stores that failed */
};

static void on_stopped(void *data, bool is_drained)
{
	struct filling *filling = data;

	if (!is_drained) {
		fputs(
			"not everything could be stored: it waits in the journal for `feedloom run`\n", stderr);
		filling->failed++;
	}
	loop_stop(filling->loop);
}

/* A store that is still opening has not had anything yet. */
static bool are_stores_open(const struct host *host)
{
	struct link *item, *following;

	list_each (item, following, &host->instances) {
		const struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);
		struct stream_sums sums;

		stream_sums(ctx, &sums);
		if (ctx->role == FL_SINK && ctx->phase == INSTANCE_RUNNING && sums.streams == 0)
			return false;
	}
	return true;
}

/* Looks again until the feeds are done and the stores are open, or time is up. */
static void on_look(void *data)
{
	struct filling *filling = data;
	bool is_late = clock_monotonic_ns(filling->loop) >= filling->late_ns;

	if (is_late && filling->open > 0) {
		fputs("the venue has not answered in time\n", stderr);
		filling->failed++;
	}
	if (!is_late && (filling->open > 0 || !are_stores_open(filling->host)))
		return;
	timer_stop(filling->look);
	host_stop(filling->host, STORE_WITHIN_NS, on_stopped, filling);
}

static void on_line(void *data, const char *feed, const char *line)
{
	(void)data;
	printf("%s: %s\n", feed, line);
	(void)fflush(stdout);
}

static void on_done(void *data, const char *feed, int error)
{
	struct filling *filling = data;

	if (error == -ENOTSUP)
		fprintf(stderr, "%s: has nothing of the kind\n", feed);
	filling->failed += error != 0;
	filling->open--;
}

static int count_feeds(const struct node *root)
{
	const struct node *feed;
	int count = 0;

	node_each (feed, node_find(root, "feeds"))
		count++;
	return count;
}

static int fill(struct filling *filling, const struct host_parts *parts, const struct node *root,
	const char *what, const char *json)
{
	struct config_errors errors;
	int code = EX_CONFIG;

	if (host_open(parts, &filling->host) < 0)
		return EX_UNAVAILABLE;
	filling->host->backfill = (struct backfill){
		.what = what, .json = json, .on_line = on_line, .on_done = on_done, .data = filling
	};
	filling->open = count_feeds(root);
	filling->look = timer_create(filling->loop, on_look, filling);
	config_errors_init(&errors);
	if (host_configure(filling->host, root, NULL, &errors) == 0 && filling->look != NULL) {
		filling->late_ns = clock_monotonic_ns(filling->loop) + WITHIN_NS;
		timer_start(filling->look, LOOK_NS, LOOK_NS);
		loop_run(filling->loop);
		code = filling->failed > 0 ? EX_UNAVAILABLE : EX_OK;
	}
	cli_print_errors(&errors);
	config_errors_finish(&errors);
	timer_destroy(filling->look);
	host_close(filling->host);
	return code;
}

static const struct bus_owner bus_owner = { 0 };

static int fill_all(const struct paths *paths, const struct settings *settings,
	const struct node *root, const char *what, const char *json)
{
	struct filling filling = { 0 };
	struct bus_setup setup = { .folder = settings->journal->folder,
		.max_bytes = settings->journal->max_bytes,
		.sync_ns = settings->journal->sync_ns,
		.keep_ns = settings->journal->keep_ns,
		.owner = &bus_owner };
	struct host_parts parts = { .folders = paths_folders(paths),
		.state_folder = paths->state,
		.schema_folder = paths->schema };
	int code = EX_UNAVAILABLE;
	long other = 0;

	log_setup(FL_WARN, LOG_TEXT);
	if (loop_open(&filling.loop) < 0)
		return code;
	parts.loop = filling.loop;
	if (bus_open(filling.loop, &setup, &other, &parts.bus) < 0)
		goto close_loop; /* said by the journal: whose it is, or what is wrong with it */
	parts.metrics = metrics_create();
	if (parts.metrics != NULL)
		code = fill(&filling, &parts, root, what, json);
	metrics_destroy(parts.metrics);
	bus_close(parts.bus);
close_loop:
	loop_close(filling.loop);
	return code;
}

/* {"currencies": ["BTC", "ETH"]} of "BTC,ETH"; none: {}. The caller frees. */
static char *request_of(const char *currencies)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *list;
	char *json;

	yyjson_mut_doc_set_root(doc, root);
	if (currencies != NULL) {
		list = yyjson_mut_obj_add_arr(doc, root, "currencies");
		while (*currencies != '\0') {
			size_t length = strcspn(currencies, ",");

			if (length > 0)
				yyjson_mut_arr_add_strncpy(doc, list, currencies, length);
			currencies += length + (currencies[length] == ',');
		}
	}
	json = yyjson_mut_write(doc, 0, NULL);
	yyjson_mut_doc_free(doc);
	return json;
}

static int run(int argc, char **argv)
{
	const char *currencies = NULL;
	const struct cli_flag flags[] = { { "--currencies", NULL, &currencies }, { 0 } };
	struct config *config = NULL;
	struct settings settings = { 0 };
	struct config_errors errors;
	struct cli_args args;
	struct paths paths;
	char *json;
	int code;

	if (!cli_parse(&verb_backfill, argc, argv, flags, &args, &code))
		return code;
	if (args.rest_count != 1 || strcmp(args.rest[0], "instruments") != 0) {
		fputs("feedloom backfill: say what: instruments; see feedloom backfill --help\n", stderr);
		return EX_USAGE;
	}
	code = cli_load(&args, &config);
	if (code != EX_OK)
		return code;
	paths_find(args.state, &paths);
	config_errors_init(&errors);
	code = EX_CONFIG;
	if (settings_load(config->root, paths.state, &errors, &settings) == 0) {
		paths_take(&paths, settings.plugins);
		json = request_of(currencies);
		code = fill_all(&paths, &settings, config->root, args.rest[0], json);
		free(json);
	}
	cli_print_errors(&errors);
	config_errors_finish(&errors);
	settings_finish(&settings);
	paths_finish(&paths);
	config_destroy(config);
	return code;
}

const struct verb verb_backfill = {
	.name = "backfill",
	.summary = "fetch once what the venues list, without collecting",
	.help =
		"usage: feedloom backfill instruments [-c FILE] [-d DIR] [--currencies BTC,ETH]\n\n"
		"Fills the stores' instrument_metadata from the venues, once, and ends: a line for each 100\n"
		"instruments, a total for each currency. May be repeated. The journal must not be in use:\n"
		"a running daemon does the same by itself.\n\n"
		"  --currencies LIST  these of the configured ones\n",
	.rest_max = 1,
	.run = run,
};
