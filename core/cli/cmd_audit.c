#include "ask.h"
#include "audit.h"
#include "audit_journal.h"
#include "audit_ledger.h"
#include "audit_report.h"
#include "cli.h"
#include "option_value.h"
#include "pg_once.h"
#include "settings.h"
#include "stores.h"

#include <feedloom/kit.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

enum { MOST_IN_TEXT = 20 };

struct options {
	bool is_json, is_all;
	const char *sink, *from, *to, *silence, *ledger, *address;
};

struct auditing {
	const struct options *options;
	struct audit_period period;
	const char *journal, *schema; /* folders */
	const struct ask_target *daemon;
	struct json *json;
	uint64_t unexplained;
	int code; /* of what could not be asked */
};

/* What one store answers. */
struct answers {
	struct audit_report report;
	struct audit_cursors cursors;
	const char *sink;
	bool is_strange;
};

/* ---- answers ---- */

static void take(
	void *data, const char *section, const char *verdict, const char *line, const char *json)
{
	struct answers *answers = data;

	if (strcmp(verdict, "sum") == 0)
		audit_report_add(&answers->report, section, AUDIT_SUM, line, json);
	else if (strcmp(verdict, "explained") == 0)
		audit_report_add(&answers->report, section, AUDIT_EXPLAINED, line, json);
	else if (strcmp(verdict, "unexplained") == 0)
		audit_report_add(&answers->report, section, AUDIT_UNEXPLAINED, line, json);
	else if (strcmp(verdict, "note") == 0)
		audit_report_add(&answers->report, section, AUDIT_NOTE, line, json);
	else if (strcmp(verdict, "cursor") != 0 ||
		(strcmp(line, answers->sink) == 0 && !audit_cursor_read(&answers->cursors, json)))
		answers->is_strange = true;
}

/* Received to persisted of the last minutes, where a daemon runs. */
static void add_latency(const struct ask_target *target, struct audit_report *report)
{
	static const char *const path = "/v1/streaming/status";
	char problem[ASK_PROBLEM_BYTES], line[200], json[200];
	yyjson_doc *doc;
	yyjson_val *feeds, *feed;
	size_t i, count;

	ask_json(target, &path, 1, &doc, problem);
	if (doc == NULL) {
		(void)snprintf(line, sizeof(line), "no daemon answers on %.80s", target->listen);
		audit_report_add(report, "latency", AUDIT_NOTE, line, "{\"daemon\":null}");
		return;
	}
	feeds = yyjson_obj_get(yyjson_doc_get_root(doc), "feeds");
	yyjson_arr_foreach(feeds, i, count, feed)
	{
		yyjson_val *latency = yyjson_obj_get(feed, "latency_ms");
		const char *name = yyjson_get_str(yyjson_obj_get(feed, "feed"));
		double p50 = yyjson_get_num(yyjson_obj_get(latency, "p50"));
		double p95 = yyjson_get_num(yyjson_obj_get(latency, "p95"));
		double p99 = yyjson_get_num(yyjson_obj_get(latency, "p99"));

		if (name == NULL || !yyjson_is_num(yyjson_obj_get(latency, "p50")))
			continue;
		(void)snprintf(line, sizeof(line),
			"%.60s: received to persisted p50 %.1f, p95 %.1f, p99 %.1f ms, says the daemon", name,
			p50, p95, p99);
		(void)snprintf(json, sizeof(json),
			"{\"feed\":\"%.60s\",\"p50_ms\":%.2f,\"p95_ms\":%.2f,\"p99_ms\":%.2f}", name, p50, p95,
			p99);
		audit_report_add(report, "latency", AUDIT_SUM, line, json);
	}
	yyjson_doc_free(doc);
}

static int put_to(const struct store *store, const struct audit_queries *queries,
	const struct audit_taker *taker, struct buf *why)
{
	struct fl_pg_options options = { .url = store->url,
		.application = "feedloom audit",
		.statement_timeout_ns = FL_DAY,
		.read_only = true,
		.search_path = store->search_path };

	return store->kind == STORE_SQLITE ? audit_sqlite(store->where, queries, taker, why)
									   : audit_pg(&options, queries, taker, why);
}

static int ask_store(const struct auditing *auditing, const struct store *store,
	struct answers *answers, struct buf *why)
{
	struct audit_taker taker = { answers, take };
	struct audit_queries queries;
	char folder[4400];
	int error;

	(void)snprintf(folder, sizeof(folder), "%s/audit", store->folder);
	error = audit_load(folder, &auditing->period, &queries, why);
	if (error != 0)
		return error;
	error = put_to(store, &queries, &taker, why);
	audit_finish(&queries);
	if (error == 0 && auditing->options->ledger != NULL)
		error = audit_ledger(store, put_to, auditing->schema, auditing->options->ledger,
			&auditing->period, &taker, why);
	if (error == 0 && answers->is_strange) {
		(void)buf_printf(why, "%s: its files answer in words that are not known", folder);
		error = -EINVAL;
	}
	return error;
}

/* ---- saying it ---- */

static void print_text(
	const struct auditing *auditing, const struct store *store, const struct answers *answers)
{
	char from[40], to[40];
	struct buf text;

	(void)fl_time_print(from, auditing->period.from_us * FL_US, 0);
	(void)fl_time_print(to, auditing->period.to_us * FL_US, 0);
	buf_init(&text, 0);
	audit_report_text(&answers->report, &text);
	printf("%s: %s, from %s to %s\n%s%s: %" PRIu64 " unexplained, %" PRIu64 " explained, %" PRIu64
		   " worth a look\n",
		store->sink, store->where, from, to, buf_string(&text), store->sink,
		audit_report_total(&answers->report, AUDIT_UNEXPLAINED),
		audit_report_total(&answers->report, AUDIT_EXPLAINED),
		audit_report_total(&answers->report, AUDIT_NOTE));
	buf_finish(&text);
}

static void put_json(
	const struct auditing *auditing, const struct store *store, const struct answers *answers)
{
	struct json *json = auditing->json;

	json_open(json, NULL, '{');
	json_text(json, "sink", store->sink);
	json_text(json, "store", store->where);
	json_time(json, "from", auditing->period.from_us * FL_US);
	json_time(json, "to", auditing->period.to_us * FL_US);
	json_int(json, "unexplained", (int64_t)audit_report_total(&answers->report, AUDIT_UNEXPLAINED));
	json_int(json, "explained", (int64_t)audit_report_total(&answers->report, AUDIT_EXPLAINED));
	json_int(json, "notes", (int64_t)audit_report_total(&answers->report, AUDIT_NOTE));
	json_open(json, "sections", '{');
	audit_report_json(&answers->report, json);
	json_close(json, '}');
	json_close(json, '}');
}

static int audit_one(void *data, const struct store *store)
{
	struct auditing *auditing = data;
	struct answers answers = { .sink = store->sink };
	struct buf why;
	int error;

	if (auditing->options->sink != NULL && strcmp(auditing->options->sink, store->sink) != 0)
		return 0;
	buf_init(&why, 1 << 16);
	audit_report_init(&answers.report, auditing->options->is_all ? UINT64_MAX : MOST_IN_TEXT);
	error = ask_store(auditing, store, &answers, &why);
	if (error != 0) {
		fprintf(stderr, "%s: %s\n", store->sink, buf_string(&why));
		auditing->code = error == -EINVAL ? EX_CONFIG : EX_UNAVAILABLE;
	} else {
		audit_journal(&answers.cursors, auditing->journal, &answers.report);
		add_latency(auditing->daemon, &answers.report);
		auditing->unexplained += audit_report_total(&answers.report, AUDIT_UNEXPLAINED);
		if (auditing->json != NULL)
			put_json(auditing, store, &answers);
		else
			print_text(auditing, store, &answers);
		if (answers.report.is_incomplete)
			auditing->code = EX_OSERR;
	}
	audit_report_finish(&answers.report);
	buf_finish(&why);
	return 0;
}

/* ---- the command line ---- */

/* A time, or how long before now. */
static bool read_time(const char *name, const char *text, int64_t now_ns, int64_t *out_us)
{
	int64_t ns;

	if (fl_time_parse(text, strlen(text), &ns) == 0)
		*out_us = ns / FL_US;
	else if (option_parse_duration(text, &ns) == 0)
		*out_us = (now_ns - ns) / FL_US;
	else {
		fprintf(stderr,
			"feedloom audit: %s %s: a time as 2026-11-21T08:00:00Z, or how long ago as 24h\n", name,
			text);
		return false;
	}
	return true;
}

static bool read_period(const struct options *options, struct audit_period *out)
{
	struct timespec now = { 0 };
	int64_t now_ns, silence_ns;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	now_ns = (int64_t)now.tv_sec * FL_SECOND + now.tv_nsec;
	if (!read_time("--from", options->from, now_ns, &out->from_us) ||
		!read_time("--to", options->to, now_ns, &out->to_us))
		return false;
	if (option_parse_duration(options->silence, &silence_ns) != 0 || silence_ns < FL_SECOND) {
		fprintf(stderr, "feedloom audit: --silence %s: a duration of a second and more, as 60s\n",
			options->silence);
		return false;
	}
	out->silence_us = silence_ns / FL_US;
	if (out->to_us - out->from_us < out->silence_us) {
		fprintf(stderr, "feedloom audit: the period is shorter than --silence\n");
		return false;
	}
	return true;
}

static int audit_all(struct auditing *auditing, const struct paths *paths, const struct node *root)
{
	struct settings settings = { 0 };
	struct config_errors errors;
	int count = 0;

	config_errors_init(&errors);
	auditing->code = EX_CONFIG;
	if (settings_load(root, paths->state, &errors, &settings) == 0) {
		auditing->journal = settings.journal->folder;
		auditing->schema = paths->schema;
		auditing->code = EX_OK;
		(void)stores_each(paths, root, audit_one, auditing, &count);
		if (count == 0) {
			fprintf(stderr, "no sink of this configuration has a store\n");
			auditing->code = EX_CONFIG;
		}
	}
	cli_print_errors(&errors);
	config_errors_finish(&errors);
	settings_finish(&settings);
	return auditing->code != EX_OK ? auditing->code : auditing->unexplained > 0 ? 1 : EX_OK;
}

static int with_config(const struct options *options, const struct cli_args *args)
{
	struct auditing auditing = { .options = options };
	struct config *config = NULL;
	struct ask_target daemon;
	struct paths paths;
	struct json json;
	struct buf text;
	int code;

	if (!read_period(options, &auditing.period))
		return EX_USAGE;
	code = cli_load(args, &config);
	if (code != EX_OK)
		return code;
	paths_find(args->state, &paths);
	daemon = ask_find(config->root, options->address);
	auditing.daemon = &daemon;
	buf_init(&text, 0);
	json_init(&json, &text);
	if (options->is_json) {
		auditing.json = &json;
		json_open(&json, NULL, '{');
		json_open(&json, "stores", '[');
	}
	code = audit_all(&auditing, &paths, config->root);
	if (options->is_json) {
		json_close(&json, ']');
		json_int(&json, "unexplained", (int64_t)auditing.unexplained);
		json_close(&json, '}');
		puts(buf_string(&text));
	}
	buf_finish(&text);
	paths_finish(&paths);
	config_destroy(config);
	return code;
}

static int run(int argc, char **argv)
{
	struct options options = { .from = "24h", .to = "0", .silence = "60s" };
	const struct cli_flag flags[] = { { "--json", &options.is_json, NULL },
		{ "--all", &options.is_all, NULL }, { "--sink", NULL, &options.sink },
		{ "--from", NULL, &options.from }, { "--to", NULL, &options.to },
		{ "--silence", NULL, &options.silence }, { "--ledger", NULL, &options.ledger },
		{ "--address", NULL, &options.address }, { 0 } };
	struct cli_args args;
	int code;

	return cli_parse(&verb_audit, argc, argv, flags, &args, &code) ? with_config(&options, &args)
																   : code;
}

const struct verb verb_audit = {
	.name = "audit",
	.summary = "what the stores hold against what should be there",
	.help =
		"usage: feedloom audit [-c FILE] [-d DIR] [--sink NAME] [--from TIME] [--to TIME]\n"
		"                      [--silence DURATION] [--ledger FILE] [--all] [--json]\n\n"
		"Holes in trade_seq, trades twice, gaps with their reason, silences, latency from received\n"
		"to persisted, the journal against the store. Exit 0: everything is there or explained by a\n"
		"row of stream_gaps; 1: something is not; 69: a store cannot be asked. Reads only; also\n"
		"while a daemon runs.\n\n"
		"  --sink NAME          this store only\n"
		"  --from TIME          2026-11-21T08:00:00Z, or how long ago (default 24h)\n"
		"  --to TIME            (default now)\n"
		"  --silence DURATION   of a venue that must be explained (default 60s)\n"
		"  --ledger FILE        of the exchange simulator: every trade it made is there, once\n"
		"  --all                every finding, not the first 20 of a kind\n"
		"  --json               for programs\n"
		"  --address HOST:PORT  where the running daemon's control listens, when not as configured\n",
	.run = run,
};
