#include "mute.h"

#include "bus_link.h"
#include "clock.h"
#include "command.h"
#include "gap.h"
#include "heard.h"
#include "host.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

static const int64_t FLOOR_NS = 10 * FL_SECOND; /* no silence shorter than this is odd */
static const int64_t CONN_FLOOR_NS = FL_MINUTE; /* nor this of a whole connection */
static const int64_t LIVE_FLOOR_NS = FL_MINUTE; /* live, in the coverage */
static const int64_t PAUSE_NS = 5 * FL_SECOND;  /* of a whole connection: its instruments' excuse */
static const double PAUSE_MEANS = 10;           /* and this many times its mean gap */
static const double RECORDS_MEANS = 5;
static const int64_t REPLACE_AGAIN_NS = 10 * FL_MINUTE;

enum { ASKED_AT_ONCE = 200, NAMED = 5, PRINTED = 20, RENEWALS_MAX = 3 };

/* What is being done about it. */
enum stage {
	STAGE_WANTED,   /* the feed is to be asked, or has not answered yet */
	STAGE_RENEWED,  /* subscribed anew */
	STAGE_REPLACED, /* its connection is a new one since; nothing more can be done */
};

struct alarm {
	struct link link;
	uint32_t instrument;
	int kind;
	enum stage stage;
	bool is_said;
	int64_t asked_ns;           /* of the stage; monotonic */
	int64_t since_ns, limit_ns; /* silent since, real time; what was expected */
	int connection;
};

struct mute {
	struct heard_table heard;
	struct link alarms;
	size_t alarm_count;
	int64_t look_at_ns, looked_ns;
	bool is_asking;
	struct fl_metric *mute_now, *renewed, *replaced;
};

static struct fl_metric *renewals(struct fl_ctx *ctx, const char *what)
{
	char labels[112];

	snprintf(labels, sizeof(labels), "feed=\"%s\",what=\"%s\"", ctx->name, what);
	return metrics_find(ctx->host->parts.metrics, FL_COUNTER, "feedloom_renewals_total", labels,
		"Instruments subscribed anew and connections replaced because nothing was heard of them.");
}

static struct mute *mute_of(struct fl_ctx *ctx)
{
	char labels[96];

	if (ctx->mute != NULL || ctx->role != FL_FEED)
		return ctx->mute;
	ctx->mute = calloc(1, sizeof(*ctx->mute));
	if (ctx->mute == NULL)
		return NULL;
	list_init(&ctx->mute->alarms);
	snprintf(labels, sizeof(labels), "feed=\"%s\"", ctx->name);
	ctx->mute->mute_now = metrics_find(ctx->host->parts.metrics, FL_GAUGE, "feedloom_mute", labels,
		"Kinds of records of instruments that are silent for longer than expected.");
	ctx->mute->renewed = renewals(ctx, "instrument");
	ctx->mute->replaced = renewals(ctx, "connection");
	return ctx->mute;
}

static int64_t now_of(const struct fl_ctx *ctx)
{
	return clock_monotonic_ns(ctx->host->parts.loop);
}

/* ---- alarms ---- */

static struct alarm *alarm_find(const struct mute *mute, uint32_t instrument, int kind)
{
	struct link *item, *following;

	list_each (item, following, &mute->alarms) {
		struct alarm *alarm = container_of(item, struct alarm, link);

		if (alarm->instrument == instrument && alarm->kind == kind)
			return alarm;
	}
	return NULL;
}

static void alarm_end(struct mute *mute, struct alarm *alarm)
{
	struct heard *item = heard_find(&mute->heard, alarm->instrument, alarm->kind);

	if (item != NULL)
		item->is_mute = false;
	list_remove(&alarm->link);
	free(alarm);
	mute->alarm_count--;
	fl_metric_set(mute->mute_now, (double)mute->alarm_count);
}

static void alarm_begin(struct fl_ctx *ctx, struct heard *item, int64_t since_ns, int64_t limit_ns)
{
	struct mute *mute = ctx->mute;
	struct alarm *alarm = calloc(1, sizeof(*alarm));

	if (alarm == NULL)
		return;
	*alarm = (struct alarm){ .instrument = item->instrument,
		.kind = item->kind,
		.since_ns = clock_real_ns(ctx->host->parts.loop) - (now_of(ctx) - since_ns),
		.limit_ns = limit_ns,
		.connection = item->conn - 1 };
	item->is_mute = true;
	list_append(&mute->alarms, &alarm->link);
	mute->alarm_count++;
	fl_metric_set(mute->mute_now, (double)mute->alarm_count);
}

static void publish_event(struct fl_ctx *ctx, const struct alarm *alarm, const char *type)
{
	struct fl_lifecycle event;

	fl_record_init(&event, FL_LIFECYCLE);
	event.head.instrument = alarm->instrument;
	event.head.event_time_ns = event.head.received_ns = clock_real_ns(ctx->host->parts.loop);
	snprintf(event.event_type, sizeof(event.event_type), "%s", type);
	snprintf(
		event.reason, sizeof(event.reason), "mute: %s", heard_kind_name((unsigned)alarm->kind));
	event.connection_id = alarm->connection;
	event.success = 1;
	(void)bus_link_publish(ctx, &event.head);
}

/* The feed has taken it on: now it is a fact, no longer a guess. */
static void alarm_say(struct fl_ctx *ctx, struct alarm *alarm)
{
	if (!alarm->is_said)
		gap_mute(
			ctx, alarm->instrument, heard_kind_name((unsigned)alarm->kind), alarm->since_ns, 0);
	alarm->is_said = true;
	publish_event(ctx, alarm, "subscription_renewed");
}

/* ---- what is heard ---- */

static void strike(struct heard *item)
{
	if (item->strikes < UINT8_MAX)
		item->strikes++;
	item->calm = 0;
}

static void heard_again(struct fl_ctx *ctx, struct heard *item)
{
	struct alarm *alarm = alarm_find(ctx->mute, item->instrument, item->kind);
	int64_t now_ns = clock_real_ns(ctx->host->parts.loop);

	if (alarm == NULL)
		return;
	if (alarm->stage != STAGE_WANTED) {
		item->silence.last_ns = 0; /* a fault, or an answer of ours: no habit of its own */
		strike(item);
	}
	if (alarm->is_said) {
		gap_mute(ctx, alarm->instrument, heard_kind_name(item->kind), alarm->since_ns, now_ns);
		log_info(ctx->name, "%s: %s heard again after %.0f s",
			fl_instrument_name(ctx, item->instrument), heard_kind_name(item->kind),
			(double)(now_ns - alarm->since_ns) / 1e9);
	}
	alarm_end(ctx->mute, alarm);
}

static void begin_session(struct instance_conn *entry, int64_t now_ns)
{
	entry->session = ++entry->owner->host->sessions;
	entry->begun_ns = now_ns;
	entry->begun_records = entry->records;
}

/* A network that stood still: the first record behind it must not make all others seem late. */
static bool is_behind_pause(const struct instance_conn *entry, int64_t now_ns)
{
	int64_t gap_ns = now_ns - entry->silence.last_ns;

	return entry->silence.last_ns != 0 && gap_ns > PAUSE_NS &&
		(double)gap_ns > PAUSE_MEANS * 1e9 * (double)entry->silence.mean_gap_s;
}

void mute_heard(struct instance_conn *entry, const struct fl_record *record)
{
	struct fl_ctx *ctx = entry->owner;
	int kind = heard_kind(record->kind);
	struct mute *mute = kind < 0 ? NULL : mute_of(ctx);
	struct heard *item = mute == NULL ? NULL : heard_entry(&mute->heard, record->instrument, kind);
	int64_t now_ns = now_of(ctx);
	struct heard_on on;

	if (item == NULL)
		return;
	if (item->is_mute)
		heard_again(ctx, item);
	if (is_behind_pause(entry, now_ns))
		begin_session(entry, now_ns);
	on = (struct heard_on){ (uint16_t)entry->number, entry->session, ++entry->records };
	heard_now(item, &on, now_ns);
	if (entry->silence.last_ns != now_ns) /* what came together is one sign of life */
		fl_silence_heard(&entry->silence, now_ns);
}

void mute_expect(const struct fl_ctx *ctx, uint32_t instrument)
{
	if (ctx->mute != NULL)
		heard_expect(&ctx->mute->heard, instrument);
}

void mute_conn_begins(struct instance_conn *entry)
{
	begin_session(entry, now_of(entry->owner));
	entry->silence.last_ns = 0;
}

bool fl_is_live(struct fl_ctx *ctx, uint32_t instrument)
{
	int64_t now_ns = now_of(ctx);

	for (int kind = 0; ctx->mute != NULL && kind < HEARD_KINDS; kind++) {
		const struct heard *item = heard_find(&ctx->mute->heard, instrument, kind);
		const struct instance_conn *entry;
		int64_t limit_ns;

		if (item == NULL || item->silence.last_ns == 0)
			continue;
		limit_ns = fl_silence_limit_ns(&item->silence, LIVE_FLOOR_NS);
		if (limit_ns != INT64_MAX && now_ns - item->silence.last_ns > limit_ns)
			continue;
		entry = instance_conn_find(ctx, item->conn);
		if (entry != NULL && entry->session == item->session &&
			conn_state(entry->conn) == FL_CONN_UP)
			return true;
	}
	return false;
}

int64_t fl_heard_ns(struct fl_ctx *ctx, uint32_t instrument)
{
	int64_t last_ns = 0;

	for (int kind = 0; ctx->mute != NULL && kind < HEARD_KINDS; kind++) {
		const struct heard *item = heard_find(&ctx->mute->heard, instrument, kind);

		if (item != NULL && item->silence.last_ns > last_ns)
			last_ns = item->silence.last_ns;
	}
	return last_ns;
}

void mute_forget(struct fl_ctx *ctx, uint32_t instrument)
{
	struct mute *mute = ctx->mute;

	for (int kind = 0; mute != NULL && kind < HEARD_KINDS && mute->alarm_count > 0; kind++) {
		struct alarm *alarm = alarm_find(mute, instrument, kind);

		if (alarm == NULL)
			continue;
		if (alarm->is_said)
			gap_mute(ctx, instrument, heard_kind_name((unsigned)kind), alarm->since_ns,
				clock_real_ns(ctx->host->parts.loop));
		alarm_end(mute, alarm);
	}
	if (mute != NULL)
		heard_forget(&mute->heard, instrument);
}

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
			alarm->asked_ns = now_of(ctx);
			alarm_say(ctx, alarm);
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

static void ask(struct fl_ctx *ctx)
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

/* ---- looking ---- */

/*
 * Whether others came on it meanwhile, at least at a quarter of their usual rate: otherwise the
 * silence is the connection's, which stands still, or drips after an outage.
 */
static bool does_live(
	const struct instance_conn *entry, const struct heard *item, int64_t limit_ns, int64_t now_ns)
{
	uint32_t since = entry->session == item->session ? item->at_record : entry->begun_records;
	int64_t lately_ns = limit_ns / 4 < PAUSE_NS ? PAUSE_NS : limit_ns / 4;

	return entry->silence.last_ns != 0 && now_ns - entry->silence.last_ns <= lately_ns &&
		(double)(entry->records - since) > RECORDS_MEANS * (double)item->mean_records;
}

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

static bool may_replace(const struct instance_conn *entry, int64_t now_ns)
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
	entry->replaced_ns = now_of(ctx);
	fl_metric_add(ctx->mute->replaced, 1);
	snprintf(detail, sizeof(detail), "%.64s stays mute", fl_instrument_name(ctx, instrument));
	conn_fail(entry->conn, FL_REASON_STALE, detail);
}

/* Renewed, and still silent after the same time again. */
static void escalate(struct fl_ctx *ctx, struct alarm *alarm, struct heard *item, int64_t now_ns)
{
	struct instance_conn *entry = instance_conn_find(ctx, item->conn);

	if (entry == NULL || conn_state(entry->conn) != FL_CONN_UP || entry->session != item->session)
		return; /* it ended for another reason: the new one brings it back */
	if (!does_live(entry, item, heard_limit_ns(item, FLOOR_NS), now_ns))
		return;
	if (is_answered(ctx->mute, alarm) && item->strikes < RENEWALS_MAX) {
		strike(item);
		alarm->stage = STAGE_WANTED;
	} else if (may_replace(entry, now_ns)) {
		replace_connection(ctx, entry, item->instrument);
	}
}

/* Returns when it is to be looked at next. */
static int64_t look_at(struct fl_ctx *ctx, struct heard *item, int64_t now_ns)
{
	int64_t limit_ns = heard_limit_ns(item, FLOOR_NS), base_ns = item->silence.last_ns;
	const struct instance_conn *entry;

	if (limit_ns == INT64_MAX || base_ns == 0)
		return INT64_MAX;
	if (item->is_mute) {
		struct alarm *alarm = alarm_find(ctx->mute, item->instrument, item->kind);

		if (alarm == NULL || alarm->stage != STAGE_RENEWED)
			return INT64_MAX;
		if (now_ns - alarm->asked_ns <= limit_ns)
			return alarm->asked_ns + limit_ns;
		escalate(ctx, alarm, item, now_ns); /* neither need be there any more */
		return now_ns + FLOOR_NS;
	}
	if (now_ns - base_ns <= limit_ns)
		return base_ns + limit_ns;
	entry = instance_conn_find(ctx, item->conn);
	if (entry == NULL || conn_state(entry->conn) != FL_CONN_UP)
		return now_ns;
	if (entry->session != item->session && entry->begun_ns > base_ns)
		base_ns = entry->begun_ns;
	if (now_ns - base_ns > limit_ns && does_live(entry, item, limit_ns, now_ns))
		alarm_begin(ctx, item, base_ns, limit_ns);
	return base_ns + limit_ns;
}

static void look_at_connections(struct fl_ctx *ctx, int64_t now_ns)
{
	struct instance_conn *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->conns, &at, NULL, NULL)) != NULL) {
		int64_t limit_ns = fl_silence_limit_ns(&entry->silence, CONN_FLOOR_NS);
		int64_t silent_ns = now_ns - entry->silence.last_ns;
		char detail[64];

		if (entry->silence.last_ns == 0 || limit_ns == INT64_MAX || silent_ns <= limit_ns ||
			conn_state(entry->conn) != FL_CONN_UP || !may_replace(entry, now_ns))
			continue;
		entry->silence.last_ns = 0;
		entry->replaced_ns = now_ns;
		fl_metric_add(ctx->mute->replaced, 1);
		snprintf(detail, sizeof(detail), "no records for %.0f s", (double)silent_ns / 1e9);
		conn_fail(entry->conn, FL_REASON_STALE, detail);
	}
}

/* The process was stopped, or the machine asleep: what has come meanwhile has not been read yet. */
static bool was_away(struct fl_ctx *ctx, int64_t now_ns)
{
	int64_t before_ns = ctx->mute->looked_ns;
	struct instance_conn *entry;
	size_t at = 0;

	ctx->mute->looked_ns = now_ns;
	if (before_ns == 0 || now_ns - before_ns <= PAUSE_NS)
		return false;
	while ((entry = map_next(ctx->conns, &at, NULL, NULL)) != NULL)
		mute_conn_begins(entry);
	return true;
}

void mute_look(struct fl_ctx *ctx)
{
	struct mute *mute = ctx->mute;
	int64_t now_ns = now_of(ctx);

	if (mute == NULL || ctx->phase != INSTANCE_RUNNING || was_away(ctx, now_ns) ||
		ctx->host->is_held)
		return;
	look_at_connections(ctx, now_ns);
	if (now_ns >= mute->look_at_ns) {
		mute->look_at_ns = now_ns + FLOOR_NS; /* nobody heard meanwhile can be late before */
		for (uint32_t i = 0; i < mute->heard.count; i++) {
			struct heard *item = &mute->heard.items[i];
			int64_t due_ns = item->instrument == 0 || item->kind == HEARD_TRADE
				? INT64_MAX
				: look_at(ctx, item, now_ns);

			if (due_ns < mute->look_at_ns)
				mute->look_at_ns = due_ns;
		}
	}
	if (mute->alarm_count > 0)
		ask(ctx);
}

/* ---- saying ---- */

size_t mute_count(const struct fl_ctx *ctx)
{
	const struct link *item;
	size_t count = 0;

	if (ctx->mute != NULL)
		for (item = ctx->mute->alarms.next; item != &ctx->mute->alarms; item = item->next)
			count += container_of(item, struct alarm, link)->stage != STAGE_WANTED;
	return count;
}

void mute_reason(const struct fl_ctx *ctx, char *reason, size_t size)
{
	size_t count = mute_count(ctx), length, named = 0;
	struct link *item, *following;

	reason[0] = '\0';
	if (count == 0)
		return;
	length = (size_t)snprintf(reason, size, "mute, %zu in all: ", count);
	list_each (item, following, &ctx->mute->alarms) {
		const struct alarm *alarm = container_of(item, struct alarm, link);

		if (alarm->stage == STAGE_WANTED || named == NAMED || length >= size)
			continue;
		length += (size_t)snprintf(reason + length, size - length, "%s%s (%s, %s)",
			named++ > 0 ? ", " : "", fl_instrument_name(ctx, alarm->instrument),
			heard_kind_name((unsigned)alarm->kind),
			alarm->stage == STAGE_RENEWED ? "subscribed anew" : "its connection replaced");
	}
}

void mute_print(const struct fl_ctx *ctx, struct json *json)
{
	struct link *item, *following;
	int printed = 0;

	json_open(json, "mute", '[');
	if (mute_count(ctx) > 0)
		list_each (item, following, &ctx->mute->alarms) {
			const struct alarm *alarm = container_of(item, struct alarm, link);

			if (alarm->stage == STAGE_WANTED || printed++ >= PRINTED)
				continue;
			json_open(json, NULL, '{');
			json_text(json, "instrument", fl_instrument_name(ctx, alarm->instrument));
			json_text(json, "kind", heard_kind_name((unsigned)alarm->kind));
			json_int(json, "connection", alarm->connection);
			json_time(json, "since", alarm->since_ns);
			json_real(json, "expected_seconds", (double)alarm->limit_ns / 1e9);
			json_text(json, "renewed", alarm->stage == STAGE_RENEWED ? "instrument" : "connection");
			json_close(json, '}');
		}
	json_close(json, ']');
}

/* ---- the end ---- */

void mute_stop(struct fl_ctx *ctx)
{
	if (ctx->mute == NULL)
		return;
	while (!list_is_empty(&ctx->mute->alarms)) {
		struct alarm *alarm = container_of(ctx->mute->alarms.next, struct alarm, link);

		if (alarm->is_said)
			gap_mute(ctx, alarm->instrument, heard_kind_name((unsigned)alarm->kind),
				alarm->since_ns, clock_real_ns(ctx->host->parts.loop));
		alarm_end(ctx->mute, alarm);
	}
	ctx->mute->is_asking = false;
}

void mute_finish(struct fl_ctx *ctx)
{
	if (ctx->mute == NULL)
		return;
	while (!list_is_empty(&ctx->mute->alarms))
		alarm_end(ctx->mute, container_of(ctx->mute->alarms.next, struct alarm, link));
	heard_finish(&ctx->mute->heard);
	free(ctx->mute);
	ctx->mute = NULL;
}
