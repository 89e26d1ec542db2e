#include "ask.h"
#include "cli.h"

#include <stdio.h>
#include <sysexits.h>

/* ---- one screen ---- */

static const char *text(yyjson_val *object, const char *key)
{
	const char *value = yyjson_get_str(yyjson_obj_get(object, key));

	return value == NULL ? "" : value;
}

static double number(yyjson_val *object, const char *key)
{
	return yyjson_get_num(yyjson_obj_get(object, key));
}

/* "p50 21.3, p95 40.1, p99 44.9 ms", or that nothing is known yet. */
static void print_latency(yyjson_val *latency)
{
	if (yyjson_is_num(yyjson_obj_get(latency, "p50")))
		printf("latency p50 %.1f, p95 %.1f, p99 %.1f ms", number(latency, "p50"),
			number(latency, "p95"), number(latency, "p99"));
	else
		printf("latency not known yet");
}

static void print_feed(yyjson_val *feed)
{
	const char *last = text(feed, "last_message_at");

	printf(
		"feed     %-14s %-13s %5.0f instruments, %5.0f channels, %.0f messages, %.0f reconnects\n",
		text(feed, "feed"), text(feed, "state"), number(feed, "instruments"),
		number(feed, "channels"), number(feed, "messages"), number(feed, "reconnects"));
	printf("         ");
	print_latency(yyjson_obj_get(feed, "latency_ms"));
	printf("; last message %s; since %s\n", *last == '\0' ? "none" : last, text(feed, "since"));
	if (*text(feed, "reason") != '\0')
		printf("         %s\n", text(feed, "reason"));
}

static void print_sink(yyjson_val *sink)
{
	printf("sink     %-14s %-13s %.0f rows, %.0f records waiting, %.1f s behind\n",
		text(sink, "sink"), text(sink, "state"), number(sink, "rows"), number(sink, "lag_records"),
		number(sink, "lag_seconds"));
	if (*text(sink, "reason") != '\0')
		printf("         %s\n", text(sink, "reason"));
}

static void print_journal(yyjson_val *journal)
{
	printf("journal  %-28s %.1f of %.0f MiB, bridges %.0f s at this rate, %.0f dropped\n",
		text(journal, "state"), number(journal, "bytes") / 1048576,
		number(journal, "max_bytes") / 1048576, number(journal, "bridges_seconds"),
		number(journal, "dropped"));
}

static void print_coverage(yyjson_val *row)
{
	printf("coverage %-14s %-13s %.0f listed, %.0f subscribed (%.1f %%), %.0f live\n",
		text(row, "feed"), text(row, "currency"), number(row, "listed"), number(row, "subscribed"),
		100 * number(row, "ratio"), number(row, "live"));
}

static void print_each(yyjson_val *array, void (*print)(yyjson_val *item))
{
	size_t i, count;
	yyjson_val *item;

	yyjson_arr_foreach(array, i, count, item) print(item);
}

static int print_screen(yyjson_val *status, yyjson_val *coverage)
{
	yyjson_val *config = yyjson_obj_get(status, "config");
	yyjson_val *warning = yyjson_obj_get(status, "last_warning");
	bool is_ready = yyjson_get_bool(yyjson_obj_get(status, "ready"));

	printf("feedloom %s%s%s, started %s\n", is_ready ? "ready" : "not ready", is_ready ? "" : ": ",
		text(status, "not_ready_because"), text(status, "started_at"));
	print_each(yyjson_obj_get(status, "feeds"), print_feed);
	print_each(yyjson_obj_get(status, "sinks"), print_sink);
	print_journal(yyjson_obj_get(status, "journal"));
	print_each(
		yyjson_is_arr(coverage) ? coverage : yyjson_obj_get(coverage, "coverage"), print_coverage);
	if (*text(config, "error") != '\0')
		printf("config   %s\n", text(config, "error"));
	if (*text(warning, "line") != '\0')
		printf("warning  %s %s\n", text(warning, "at"), text(warning, "line"));
	return is_ready ? EX_OK : 1;
}

static int report(const struct ask_target *target)
{
	static const char *const paths[] = { "/v1/streaming/status", "/v1/coverage" };
	yyjson_doc *docs[2];
	char problem[ASK_PROBLEM_BYTES];
	int code = EX_UNAVAILABLE;

	ask_json(target, paths, 2, docs, problem);
	if (docs[0] == NULL)
		fprintf(stderr, "no daemon answers on %s: %s\n", target->listen, problem);
	else
		code = print_screen(yyjson_doc_get_root(docs[0]), yyjson_doc_get_root(docs[1]));
	yyjson_doc_free(docs[0]);
	yyjson_doc_free(docs[1]);
	return code;
}

static int run(int argc, char **argv)
{
	const char *address = NULL;
	const struct cli_flag flags[] = { { "--address", NULL, &address }, { 0 } };
	struct ask_target target;
	struct config *config = NULL;
	struct cli_args args;
	int code;

	if (!cli_parse(&verb_status, argc, argv, flags, &args, &code))
		return code;
	code = cli_load(&args, &config);
	if (code != EX_OK)
		return code;
	target = ask_find(config->root, address);
	code = report(&target);
	config_destroy(config);
	return code;
}

const struct verb verb_status = {
	.name = "status",
	.summary = "feeds, stores, journal and coverage on one screen",
	.help =
		"usage: feedloom status [-c FILE] [-d DIR] [--address HOST:PORT]\n\n"
		"Asks the running daemon's control service. Exit 0: ready; 1: not ready; 69: no daemon.\n\n"
		"  --address HOST:PORT  where control listens, when not as configured\n",
	.run = run,
};
