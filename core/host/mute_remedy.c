/* mute_remedy: what is done about who is mute: subscribed anew first, its connection replaced
 * second. */
#include "command.h"
#include "json.h"
#include "log.h"
#include "mute_parts.h"

#include <stdio.h>
#include <string.h>
#include <yyjson.h>

static const int64_t REPLACE_AGAIN_NS = 10 * FL_MINUTE;

enum { ASKED_AT_ONCE = 200, NAMED = 5, RENEWALS_MAX = 3 };

/* ---- asking ---- */

static void take_renewed(struct fl_ctx *ctx, yyjson_val *names)
{
	struct mute *mute = ctx->mute;
	struct link *item, *following;
	size_t i, count, said = 0;
	yyjson_val *name;
	char named[512] = "", rest[32] = "";
	size_t length = 0;

	yyjson_arr_foreach(names, i, count, name)
	{
		const char *text = yyjson_get_str(name);
		uint32_t id = text == NULL ? 0 : fl_instrument_id(ctx, text, yyjson_get_len(name));

		list_each (item, following, &mute->alarms) {
			struct alarm *alarm = container_of(item, struct alarm, link);

			if (alarm->instrument != id || alarm->stage != STAGE_WANTED)
				continue;
			alarm->stage = STAGE_RENEWED;
			alarm->asked_ns = mute_now_ns(ctx);
			mute_alarm_say(ctx, alarm);
			fl_metric_add(mute->renewed, 1);
			if (said++ < NAMED && length < sizeof(named))
				length += (size_t)snprintf(named + length, sizeof(named) - length,
					"%s%s (no %s within %.0f s)", said > 1 ? ", " : "", text,
					heard_kind_name((unsigned)alarm->kind), (double)alarm->limit_ns / 1e9);
		}
	}
	if (said > NAMED)
		snprintf(rest, sizeof(rest), " and %zu more", said - NAMED);
	if (said > 0)
		log_warn(
			ctx->name, "mute although the connection lives, subscribed anew: %s%s", named, rest);
}

static void on_renewed(void *data, int status, const char *json, bool more)
{
	struct fl_ctx *ctx = data;
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	yyjson_val *root = yyjson_doc_get_root(doc), *row;
	size_t i, count;

	(void)more;
	ctx->mute->is_asking = false;
	if (status != FL_REPLY_OK)
		goto free_doc; /* asked again at the next look */
	take_renewed(ctx, yyjson_obj_get(root, "renewed"));
	/* What the feed does not follow is silent for a good reason. */
	yyjson_arr_foreach(yyjson_obj_get(root, "rejected"), i, count, row)
	{
		yyjson_val *name = yyjson_obj_get(row, "instrument");

		if (yyjson_is_str(name))
			mute_forget(ctx, fl_instrument_id(ctx, yyjson_get_str(name), yyjson_get_len(name)));
	}
free_doc:
	yyjson_doc_free(doc);
}

/* A feed that cannot renew one instrument is only watched. */
static void only_say(struct fl_ctx *ctx)
{
	struct link *item, *following;

	list_each (item, following, &ctx->mute->alarms) {
		struct alarm *alarm = container_of(item, struct alarm, link);

		if (alarm->stage == STAGE_WANTED)
			alarm->stage = STAGE_REPLACED;
	}
}

void mute_ask(struct fl_ctx *ctx)
{
	struct mute *mute = ctx->mute;
	struct link *item, *following;
	uint32_t last = 0, asked = 0;
	struct buf text;
	struct json json;

	if (mute->is_asking)
		return;
	if (!instance_takes_command(ctx, "renew")) {
		only_say(ctx);
		return;
	}
	buf_init(&text, 1 << 20);
	json_init(&json, &text);
	json_open(&json, NULL, '{');
	json_open(&json, "instruments", '[');
	list_each (item, following, &mute->alarms) {
		struct alarm *alarm = container_of(item, struct alarm, link);

		if (alarm->stage != STAGE_WANTED || alarm->instrument == last || asked == ASKED_AT_ONCE)
			continue;
		last = alarm->instrument; /* most often an instrument's kinds stand together */
		json_text(&json, NULL, fl_instrument_name(ctx, last));
		asked++;
	}
	json_close(&json, ']');
	json_close(&json, '}');
	if (asked > 0)
		mute->is_asking =
			command_ask(ctx->host, ctx->name, "renew", buf_string(&text), 0, on_renewed, ctx) == 0;
	buf_finish(&text);
}

/* ---- what is left when that does not help ---- */

/* Some other kind of record of the instrument has come since it was renewed. */
static bool is_answered(const struct mute *mute, const struct alarm *alarm)
{
	for (int kind = 0; kind < HEARD_TRADE; kind++) {
		const struct heard *item = heard_find(&mute->heard, alarm->instrument, kind);

		if (item != NULL && item->silence.last_ns > alarm->asked_ns)
			return true;
	}
	return false;
}

bool mute_may_replace(const struct instance_conn *entry, int64_t now_ns)
{
	return entry->replaced_ns == 0 || now_ns - entry->replaced_ns > REPLACE_AGAIN_NS;
}

static void replace_connection(struct fl_ctx *ctx, struct instance_conn *entry, uint32_t instrument)
{
	struct link *item, *following;
	char detail[96];

	list_each (item, following, &ctx->mute->alarms) {
		struct alarm *alarm = container_of(item, struct alarm, link);

		if (alarm->stage == STAGE_RENEWED && alarm->connection == entry->number - 1)
			alarm->stage = STAGE_REPLACED;
	}
	entry->replaced_ns = mute_now_ns(ctx);
	fl_metric_add(ctx->mute->replaced, 1);
	snprintf(detail, sizeof(detail), "%.64s stays mute", fl_instrument_name(ctx, instrument));
	conn_fail(entry->conn, FL_REASON_STALE, detail);
}

void mute_escalate(struct fl_ctx *ctx, struct alarm *alarm, struct heard *item, int64_t now_ns)
{
	struct instance_conn *entry = instance_conn_find(ctx, item->conn);

	if (entry == NULL || conn_state(entry->conn) != FL_CONN_UP || entry->session != item->session)
		return; /* it ended for another reason: the new one brings it back */
	if (!mute_does_live(entry, item, heard_limit_ns(item, MUTE_FLOOR_NS), now_ns))
		return;
	if (is_answered(ctx->mute, alarm) && item->strikes < RENEWALS_MAX) {
		mute_strike(item);
		alarm->stage = STAGE_WANTED;
	} else if (mute_may_replace(entry, now_ns)) {
		replace_connection(ctx, entry, item->instrument);
	}
}
