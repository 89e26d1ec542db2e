#include "status.h"

#include "clock.h"
#include "cursor.h"
#include "instance_parts.h"
#include "latency.h"
#include "log.h"
#include "mute.h"
#include "observe.h"
#include "plugin_record.h"
#include "state.h"

#include <math.h>
#include <string.h>

static void print_latency(const struct fl_ctx *ctx, struct json *json)
{
	static const char *const names[] = { "p50", "p95", "p99" };
	static const double quantiles[] = { 0.5, 0.95, 0.99 };

	json_open(json, "latency_ms", '{');
	for (size_t i = 0; i < 3; i++)
		json_real(json, names[i], round(latency_quantile(ctx, quantiles[i]) * 1e5) / 1e2);
	json_close(json, '}');
}

static void print_state(const struct fl_ctx *ctx, struct json *json)
{
	json_text(json, "state", instance_state_text(ctx->shown));
	json_time(json, "since", ctx->shown_since_ns);
	json_text(json, "reason", ctx->shown_reason[0] == '\0' ? NULL : ctx->shown_reason);
}

static void print_conns(const struct fl_ctx *ctx, struct json *json)
{
	struct instance_conn *entry;
	size_t at = 0;

	json_open(json, "connections", '[');
	while ((entry = map_next(ctx->conns, &at, NULL, NULL)) != NULL) {
		const struct conn_counters *counters = conn_counters(entry->conn);
		const char *detail = conn_detail(entry->conn);

		json_open(json, NULL, '{');
		json_int(json, "connection", entry->number - 1); /* users count them from 0 */
		json_text(json, "state", fl_conn_state_text(conn_state(entry->conn)));
		json_time(json, "since", counters->since_ns);
		json_text(json, "reason", fl_reason_word(conn_reason(entry->conn)));
		json_text(json, "detail", *detail == '\0' ? NULL : detail);
		json_int(json, "instruments", entry->instruments);
		json_int(json, "channels", entry->channels);
		json_int(json, "messages", (int64_t)counters->messages);
		json_int(json, "reconnects", (int64_t)counters->reconnects);
		json_time(json, "last_message_at", counters->last_message_ns);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void print_feed(const struct fl_ctx *ctx, struct json *json)
{
	struct conn_sums sums;

	conn_sums(ctx, &sums);
	if (ctx->phase != INSTANCE_RUNNING) /* what is still closing carries nothing */
		sums.instruments = sums.channels = 0;
	json_open(json, NULL, '{');
	json_text(json, "feed", ctx->name);
	print_state(ctx, json);
	json_int(json, "instruments", sums.instruments);
	json_int(json, "channels", sums.channels);
	json_int(json, "messages", (int64_t)fl_metric_value(ctx->messages));
	json_int(json, "reconnects", (int64_t)sums.reconnects);
	json_time(json, "last_message_at", sums.last_message_ns);
	print_latency(ctx, json);
	mute_print(ctx, json);
	print_conns(ctx, json);
	json_close(json, '}');
}

static void print_kinds(struct json *json, const char *key, const uint64_t values[FL_KIND_COUNT])
{
	json_open(json, key, '{');
	for (unsigned kind = 1; kind < FL_KIND_COUNT; kind++)
		if (fl_kind_name(kind) != NULL && values[kind] > 0)
			json_int(json, fl_kind_name(kind), (int64_t)values[kind]);
	json_close(json, '}');
}

static void print_streams(const struct fl_ctx *ctx, struct json *json)
{
	struct instance_stream *entry;
	size_t at = 0;

	json_open(json, "streams", '[');
	while ((entry = map_next(ctx->streams, &at, NULL, NULL)) != NULL) {
		struct cursor_status status;

		cursor_status(entry->cursor, &status);
		json_open(json, NULL, '{');
		json_text(json, "stream", entry->name);
		json_int(json, "position", (int64_t)status.position.number);
		json_int(json, "waiting", (int64_t)status.waiting_records);
		print_kinds(json, "consumed", status.consumed);
		print_kinds(json, "filtered", status.filtered);
		print_kinds(json, "waiting_by_kind", status.waiting);
		print_kinds(json, "dropped", status.dropped);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void print_sink(const struct fl_ctx *ctx, struct json *json)
{
	struct stream_sums sums;

	stream_sums(ctx, &sums);
	json_open(json, NULL, '{');
	json_text(json, "sink", ctx->name);
	print_state(ctx, json);
	json_int(json, "lag_records", (int64_t)(sums.waiting + sums.unplaced));
	json_real(json, "lag_seconds", round(sums.lag_s * 1e3) / 1e3);
	json_int(json, "rows", (int64_t)sums.stored);
	print_streams(ctx, json);
	json_close(json, '}');
}

static void print_service(const struct fl_ctx *ctx, struct json *json)
{
	json_open(json, NULL, '{');
	json_text(json, "service", ctx->name);
	print_state(ctx, json);
	json_close(json, '}');
}

static void print_instances(const struct host *host, struct json *json, const char *key,
	enum fl_role role, void (*print)(const struct fl_ctx *ctx, struct json *json))
{
	struct link *item, *following;

	json_open(json, key, '[');
	list_each (item, following, &host->instances) {
		const struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->role == role)
			print(ctx, json);
	}
	json_close(json, ']');
}

static void print_journal(const struct host *host, struct json *json)
{
	struct bus_status status;
	uint64_t dropped = 0;

	bus_status(host->parts.bus, &status);
	for (int kind = 0; kind < FL_KIND_COUNT; kind++)
		dropped += status.lost[kind];
	json_open(json, "journal", '{');
	json_text(json, "state", status.state == BUS_OK ? "ok" : "degraded");
	json_text(json, "reason", status.reason[0] == '\0' ? NULL : status.reason);
	json_int(json, "bytes", status.bytes);
	json_int(json, "max_bytes", status.max_bytes);
	if (status.bytes_per_second > 0)
		json_int(json, "bridges_seconds", status.max_bytes / status.bytes_per_second);
	else
		json_null(json, "bridges_seconds");
	json_int(json, "dropped", (int64_t)dropped);
	json_int(json, "records", (int64_t)status.last_number);
	print_kinds(json, "published", status.published);
	json_close(json, '}');
}

/* The worst of feeds and sinks that are not held; with every feed held, that. */
static enum instance_state worst(const struct host *host)
{
	enum instance_state state = STATE_CONNECTED;
	struct link *item, *following;
	int feeds = 0, held = 0;

	list_each (item, following, &host->instances) {
		const struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		feeds += ctx->role == FL_FEED;
		held += ctx->is_held;
		if (ctx->role != FL_SERVICE && !ctx->is_held && ctx->shown > state)
			state = ctx->shown;
	}
	return feeds > 0 && held == feeds ? STATE_STOPPED : state;
}

static void print_config(const struct host *host, struct json *json)
{
	json_open(json, "config", '{');
	json_text(json, "state", host->config_error[0] == '\0' ? "ok" : "invalid");
	json_text(json, "error", host->config_error[0] == '\0' ? NULL : host->config_error);
	json_close(json, '}');
}

void status_print(struct host *host, struct json *json)
{
	struct link *item, *following;
	char reason[768];
	const char *warning;
	int64_t warned_ns;
	bool is_ready;

	list_each (item, following, &host->instances)
		observe_instance(container_of(item, struct fl_ctx, link));
	is_ready = host_is_ready(host, reason, sizeof(reason));
	json_open(json, NULL, '{');
	json_text(json, "state", instance_state_text(worst(host)));
	json_bool(json, "ready", is_ready);
	json_text(json, "not_ready_because", is_ready ? NULL : reason);
	json_time(json, "started_at", host->started_ns);
	print_instances(host, json, "feeds", FL_FEED, print_feed);
	print_instances(host, json, "sinks", FL_SINK, print_sink);
	print_instances(host, json, "services", FL_SERVICE, print_service);
	if (host->parts.bus != NULL)
		print_journal(host, json);
	print_config(host, json);
	warning = log_last_warning(&warned_ns);
	json_open(json, "last_warning", '{');
	json_time(json, "at", *warning == '\0' ? 0 : warned_ns);
	json_text(json, "line", *warning == '\0' ? NULL : warning);
	json_close(json, '}');
	json_close(json, '}');
}

void status_coverage(const struct host *host, struct json *json)
{
	struct link *item, *following, *each, *after;

	json_open(json, NULL, '[');
	list_each (item, following, &host->instances) {
		const struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		list_each (each, after, &ctx->coverages) {
			struct coverage *coverage = container_of(each, struct coverage, link);
			const struct fl_coverage *counts = &coverage->counts;
			double listed = counts->listed;

			json_open(json, NULL, '{');
			json_text(json, "feed", ctx->name);
			json_text(json, "currency", coverage->currency);
			json_int(json, "listed", counts->listed);
			json_int(json, "subscribed", counts->subscribed);
			json_int(json, "live", counts->live);
			json_real(json, "ratio", listed > 0 ? counts->subscribed / listed : NAN);
			json_real(json, "live_ratio", listed > 0 ? counts->live / listed : NAN);
			json_real(json, "quoted_ratio", listed > 0 ? counts->quoted / listed : NAN);
			json_close(json, '}');
		}
	}
	json_close(json, ']');
}

/* ---- plugins ---- */

static const struct fl_ctx *first_of(const struct host *host, const char *plugin)
{
	struct link *item, *following;

	list_each (item, following, &host->instances) {
		const struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (strcmp(plugin_of(ctx), plugin) == 0)
			return ctx;
	}
	return NULL;
}

/* Each with its version: one whose swap failed runs other code than its siblings. */
static void print_instances_of(const struct host *host, const char *plugin, struct json *json)
{
	struct link *item, *following;

	json_open(json, "instances", '[');
	list_each (item, following, &host->instances) {
		const struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (strcmp(plugin_of(ctx), plugin) != 0)
			continue;
		json_open(json, NULL, '{');
		json_text(json, "instance", ctx->name);
		json_text(json, "version", ctx->plugin->version);
		json_text(json, "state", instance_state_text(ctx->shown));
		json_close(json, '}');
	}
	json_close(json, ']');
}

void status_plugin(struct host *host, const char *name, struct json *json)
{
	static const char *const roles[] = { "", "feed", "sink", "service" };
	const struct fl_ctx *ctx = first_of(host, name);
	const struct plugin_record *record = plugin_record(host, name);
	bool has_error = record != NULL && record->error[0] != '\0';

	json_open(json, NULL, '{');
	json_text(json, "name", name);
	json_text(json, "version", ctx == NULL ? NULL : ctx->plugin->version);
	json_text(json, "role", ctx == NULL ? NULL : roles[ctx->role]);
	json_text(json, "path", ctx == NULL ? NULL : image_path(ctx->image));
	json_text(json, "build_id",
		ctx == NULL || *image_build_id(ctx->image) == '\0' ? NULL : image_build_id(ctx->image));
	if (ctx == NULL)
		json_null(json, "sealed");
	else
		json_bool(json, "sealed", image_is_sealed(ctx->image));
	print_instances_of(host, name, json);
	json_int(json, "reloads", record == NULL ? 0 : (int64_t)record->reloads);
	json_real(json, "longest_pause_ms",
		record == NULL ? NAN : round((double)record->longest_pause_ns / 1e4) / 1e2);
	json_text(json, "last_error", has_error ? record->error : NULL);
	json_time(json, "last_error_at", has_error ? record->error_ns : 0);
	json_int(json, "images_kept", record == NULL ? 0 : (int64_t)record->images_kept);
	json_close(json, '}');
}

/* The first instance of each plugin stands for it. */
void status_plugins(struct host *host, struct json *json)
{
	struct link *item, *following;

	json_open(json, NULL, '[');
	list_each (item, following, &host->instances) {
		const struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (first_of(host, plugin_of(ctx)) == ctx)
			status_plugin(host, plugin_of(ctx), json);
	}
	json_close(json, ']');
}
