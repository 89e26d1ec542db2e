#include "mute_parts.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t CONN_FLOOR_NS = FL_MINUTE; /* nor this of a whole connection */
static const int64_t LIVE_FLOOR_NS = FL_MINUTE; /* live, in the coverage */
static const int64_t PAUSE_NS = 5 * FL_SECOND;  /* of a whole connection: its instruments' excuse */
static const double PAUSE_MEANS = 10;           /* and this many times its mean gap */
/* Of the other records, that must have come meanwhile: where gaps are drawn by chance, one of 12
 * times the mean comes once in 10^5, in a market that calms down as well. */
static const double RECORDS_MEANS = 12;

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

/* ---- what is heard ---- */

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

/* Quotes and tickers have the best prices both: the one is held against the other. */
static void compare_best(struct mute *mute, const struct instance_conn *entry, struct heard *item,
	const struct fl_record *record)
{
	if (record->kind == FL_QUOTE) {
		const struct fl_quote *of = (const void *)record;

		item->best = heard_best(of->bid_price, of->bid_amount, of->ask_price, of->ask_amount);
	} else if (record->kind == FL_TICKER) {
		const struct fl_ticker *of = (const void *)record;
		struct heard *quote = heard_find(&mute->heard, record->instrument, HEARD_QUOTE);

		if (quote != NULL)
			heard_ticker(quote, (uint16_t)entry->number,
				heard_best(of->bid_price, of->bid_amount, of->ask_price, of->ask_amount),
				entry->records, item->silence.last_ns);
	}
}

void mute_heard(struct instance_conn *entry, const struct fl_record *record)
{
	struct fl_ctx *ctx = entry->owner;
	int kind = heard_kind(record->kind);
	struct mute *mute = kind < 0 ? NULL : mute_of(ctx);
	struct heard *item = mute == NULL ? NULL : heard_entry(&mute->heard, record->instrument, kind);
	int64_t now_ns = mute_now_ns(ctx);

	if (item == NULL)
		return;
	if (item->is_mute)
		mute_alarm_heard(ctx, item);
	if (is_behind_pause(entry, now_ns))
		begin_session(entry, now_ns);
	heard_now(item, (uint16_t)entry->number, entry->session, ++entry->records, now_ns);
	compare_best(mute, entry, item, record);
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
	begin_session(entry, mute_now_ns(entry->owner));
	entry->silence.last_ns = 0;
}

bool fl_is_live(struct fl_ctx *ctx, uint32_t instrument)
{
	int64_t now_ns = mute_now_ns(ctx);

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
		struct alarm *alarm = mute_alarm_find(mute, instrument, kind);

		if (alarm == NULL)
			continue;
		mute_alarm_close(ctx, alarm);
	}
	if (mute != NULL)
		heard_forget(&mute->heard, instrument);
}

/* ---- looking ---- */

bool mute_does_live(
	const struct instance_conn *entry, const struct heard *item, int64_t limit_ns, int64_t now_ns)
{
	uint32_t since = entry->session == item->session ? item->at_record : entry->begun_records;
	int64_t lately_ns = limit_ns / 4 < PAUSE_NS ? PAUSE_NS : limit_ns / 4;

	if (item->agreed_ns > item->silence.last_ns && item->agreed_ns > entry->begun_ns)
		since = item->agreed_record;
	return entry->silence.last_ns != 0 && now_ns - entry->silence.last_ns <= lately_ns &&
		(double)(entry->records - since) > RECORDS_MEANS * (double)item->mean_records;
}

/* Returns when it is to be looked at next. */
static int64_t look_at(struct fl_ctx *ctx, struct heard *item, int64_t now_ns)
{
	int64_t limit_ns = heard_limit_ns(item, MUTE_FLOOR_NS), base_ns = heard_since_ns(item);
	const struct instance_conn *entry;

	if (limit_ns == INT64_MAX || base_ns == 0)
		return INT64_MAX;
	if (item->is_mute) {
		struct alarm *alarm = mute_alarm_find(ctx->mute, item->instrument, item->kind);

		if (alarm == NULL || alarm->stage != STAGE_RENEWED)
			return INT64_MAX;
		base_ns = alarm->asked_ns > item->agreed_ns ? alarm->asked_ns : item->agreed_ns;
		if (now_ns - base_ns <= limit_ns)
			return base_ns + limit_ns;
		mute_escalate(ctx, alarm, item, now_ns); /* neither need be there any more */
		return now_ns + MUTE_FLOOR_NS;
	}
	if (now_ns - base_ns <= limit_ns)
		return base_ns + limit_ns;
	entry = instance_conn_find(ctx, item->conn);
	if (entry == NULL || conn_state(entry->conn) != FL_CONN_UP)
		return now_ns;
	if (entry->session != item->session && entry->begun_ns > base_ns)
		base_ns = entry->begun_ns;
	if (now_ns - base_ns > limit_ns && mute_does_live(entry, item, limit_ns, now_ns))
		mute_alarm_begin(ctx, item, base_ns, limit_ns);
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
			conn_state(entry->conn) != FL_CONN_UP || !mute_may_replace(entry, now_ns))
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
	int64_t now_ns = mute_now_ns(ctx);

	if (mute == NULL || ctx->phase != INSTANCE_RUNNING || was_away(ctx, now_ns) ||
		ctx->host->is_held)
		return;
	look_at_connections(ctx, now_ns);
	if (now_ns >= mute->look_at_ns) {
		mute->look_at_ns = now_ns + MUTE_FLOOR_NS; /* nobody heard meanwhile can be late before */
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
		mute_ask(ctx);
}

/* ---- the end ---- */

void mute_stop(struct fl_ctx *ctx)
{
	if (ctx->mute == NULL)
		return;
	while (!list_is_empty(&ctx->mute->alarms))
		mute_alarm_close(ctx, container_of(ctx->mute->alarms.next, struct alarm, link));
	ctx->mute->is_asking = false;
}

void mute_finish(struct fl_ctx *ctx)
{
	if (ctx->mute == NULL)
		return;
	while (!list_is_empty(&ctx->mute->alarms))
		mute_alarm_end(ctx->mute, container_of(ctx->mute->alarms.next, struct alarm, link));
	heard_finish(&ctx->mute->heard);
	free(ctx->mute);
	ctx->mute = NULL;
}
