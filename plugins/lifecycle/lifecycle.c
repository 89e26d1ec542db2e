/*
 * lifecycle: every listed instrument followed, and no expired one, by itself, for good.
 *
 * Hears      the instrument records of every feed
 * Asks       feeds: refresh, subscriptions, subscribe, unsubscribe, rehearse; a sink: query
 * Publishes  lifecycle events; instrument records only where a feed does not say that one has ended
 * Reload     which feeds there are is handed over; the rest comes from the venue and the store, as
 *            after a start
 * Config     services: { lifecycle: { refresh_interval: 5m, expiry_buffer: 5m } }
 *
 * core: journal | here: lifecycle_on_record > universe_take > lifecycle_event > fl_publish
 */
#include "lifecycle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION "1.0" /* the tests of reloading build a second one */
#endif

enum { ASK_START = 1 }; /* where the journal is as we begin */
enum { LOOK_EVERY_TICKS = 30 };

#define AT(field) offsetof(struct options, field)
static const struct fl_option option_table[] = {
	{ "refresh_interval", FL_DURATION, AT(refresh_interval_ns), .preset = "5m", .min = "10s",
		.max = "1d", .flags = FL_OPTION_LIVE,
		.help = "how often everything is compared with the venue, on whole multiples" },
	{ "expiry_buffer", FL_DURATION, AT(expiry_buffer_ns), .preset = "5m", .max = "1d",
		.flags = FL_OPTION_LIVE,
		.help = "quotes and tickers are left so long before an expiry; 0: kept to the end" },
	{ "max_drop", FL_RATIO, AT(max_drop), .preset = "20%", .min = "0", .max = "1",
		.flags = FL_OPTION_LIVE,
		.help = "a list that lacks more than this is believed only when it comes twice" },
	{ "feeds", FL_NAMES, AT(feeds), .preset = "[]",
		.help = "which feeds to look after; none named: all that publish instruments" },
	{ 0 },
};
#undef AT

/* ---- life ---- */

static int create(struct fl_ctx *ctx, const void *options, void **state)
{
	struct lifecycle *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	self->ctx = ctx;
	self->options = options;
	self->start_number = -1;
	*state = self;
	return 0;
}

static void destroy(void *state)
{
	struct lifecycle *self = state;

	if (self == NULL)
		return;
	universe_finish(&self->universe);
	free(self);
}

static int start(void *state)
{
	static const struct fl_filter filter = { "instrument" };
	struct lifecycle *self = state;
	int error = fl_subscribe(self->ctx, SUBSCRIPTION_INSTRUMENTS, &filter);

	if (error != 0)
		return error;
	self->is_running = true;
	self->started_ns = fl_now_ns(self->ctx);
	(void)fl_command(self->ctx, ASK_START, "core", "status", NULL, 10 * FL_SECOND);
	fl_timer_start(self->ctx, TIMER_TICK, FL_SECOND, FL_SECOND);
	lifecycle_arm(self);
	/* After a reload: what they list is published again. */
	for (size_t i = 0; i < self->feed_count; i++)
		lifecycle_refresh(self, &self->feeds[i], "start");
	fl_set_health(self->ctx, FL_HEALTHY, "%s", "");
	return 0;
}

static void stop(void *state)
{
	struct lifecycle *self = state;

	self->is_running = false;
	lifecycle_say_gathered(self);
	fl_unsubscribe(self->ctx, SUBSCRIPTION_INSTRUMENTS);
	fl_timer_stop(self->ctx, TIMER_TICK);
	fl_timer_stop(self->ctx, TIMER_REFRESH);
	fl_timer_stop(self->ctx, TIMER_LOOK);
}

static int reconfigure(void *state, const void *options)
{
	struct lifecycle *self = state;

	self->options = options;
	for (size_t i = 0; i < self->feed_count; i++)
		self->feeds[i].due_ns = 0;
	lifecycle_arm(self);
	return 0;
}

/* ---- time ---- */

static void on_tick(struct lifecycle *self, struct feed *feed)
{
	int64_t now = fl_monotonic_ns(self->ctx);

	lifecycle_leave(self, feed);
	if (feed->phase == PHASE_STORE && feed->retry_ns != 0 && feed->retry_ns <= now) {
		feed->retry_ns = 0;
		lifecycle_know(self, feed);
	} else if (feed->phase != PHASE_STORE && feed->retry_ns != 0 && feed->retry_ns <= now) {
		lifecycle_refresh(
			self, feed, feed->phase == PHASE_KNOWN ? "again after a failure" : "start");
	}
	if (feed->phase != PHASE_KNOWN)
		return;
	if (self->ticks % LOOK_EVERY_TICKS == 0 || (feed->poll_ns != 0 && feed->poll_ns <= now))
		lifecycle_look(self, feed);
	lifecycle_settle(self, feed);
}

static void on_timer(void *state, int timer)
{
	struct lifecycle *self = state;

	if (!self->is_running)
		return;
	if (timer == TIMER_REFRESH) {
		lifecycle_arm(self);
		for (size_t i = 0; i < self->feed_count; i++)
			if (self->feeds[i].phase == PHASE_KNOWN)
				lifecycle_refresh(self, &self->feeds[i], "scheduled");
		return;
	}
	if (timer == TIMER_LOOK) {
		lifecycle_look_due(self);
		return;
	}
	self->ticks++;
	for (size_t i = 0; i < self->feed_count; i++)
		on_tick(self, &self->feeds[i]);
	lifecycle_rehearsals_check(self);
	lifecycle_say_gathered(self);
}

/* ---- questions and answers ---- */

static void take_start(struct lifecycle *self, int status, const char *json)
{
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	yyjson_val *journal = yyjson_obj_get(yyjson_doc_get_root(doc), "journal");

	self->start_number = status < 400 ? yyjson_get_sint(yyjson_obj_get(journal, "records")) : 0;
	yyjson_doc_free(doc);
}

static void on_reply(void *state, int number, int status, const char *json, bool more)
{
	static const struct {
		int ask;
		void (*take)(struct lifecycle *self, struct feed *feed, int status, const char *json);
	} takes[] = {
		{ ASK_REFRESH, lifecycle_listed },
		{ ASK_SUBSCRIPTIONS, lifecycle_looked },
		{ ASK_SUBSCRIBE, lifecycle_followed },
		{ ASK_UNSUBSCRIBE, lifecycle_left },
		{ ASK_STORE, lifecycle_stored },
		{ ASK_POSITION, lifecycle_positioned },
	};
	struct lifecycle *self = state;

	if (more || !self->is_running)
		return;
	if (number == ASK_START)
		take_start(self, status, json);
	if (number >= ASK_REHEARSE && number < ASK_REHEARSE + REHEARSALS_MAX)
		lifecycle_rehearsed(self, (size_t)(number - ASK_REHEARSE), status, json);
	for (size_t i = 0; i < sizeof(takes) / sizeof(*takes); i++) {
		int index = number - takes[i].ask;

		if (index >= 0 && (size_t)index < self->feed_count)
			takes[i].take(self, &self->feeds[index], status, json);
	}
}

static const struct fl_command_info commands[] = {
	{ "lifecycle_refresh", "compare with the venue now: {\"feed\": name}; none: all" },
	{ "lifecycle_rehearsal",
		"{\"feed\", \"instrument\", \"expires_in\": \"2m\"}, or \"hide\": true instead" },
	{ 0 },
};

static void on_command(void *state, int command, const char *name, const char *json)
{
	struct lifecycle *self = state;
	yyjson_doc *doc = yyjson_read(json != NULL ? json : "{}", json != NULL ? strlen(json) : 2, 0);
	yyjson_val *root = yyjson_doc_get_root(doc);

	if (!yyjson_is_obj(root))
		fl_reply_detail(self->ctx, command, FL_REPLY_BAD, "the body must be a JSON object");
	else if (strcmp(name, "lifecycle_refresh") == 0)
		lifecycle_on_refresh(self, command, root);
	else if (strcmp(name, "lifecycle_rehearsal") == 0)
		lifecycle_on_rehearsal(self, command, root);
	else
		fl_reply_detail(self->ctx, command, FL_REPLY_NOT_FOUND,
			"the lifecycle takes lifecycle_refresh and lifecycle_rehearsal");
	yyjson_doc_free(doc);
}

/* ---- over a reload ---- */

enum { STATE_VERSION = 1 };

static int save(const void *state, struct fl_snapshot *to)
{
	const struct lifecycle *self = state;
	char key[32];
	int error = fl_snapshot_put_int(to, "feeds", (int64_t)self->feed_count);

	for (size_t i = 0; i < self->feed_count && error == 0; i++) {
		snprintf(key, sizeof(key), "feed.%zu", i);
		error = fl_snapshot_put_text(to, key, self->feeds[i].name);
	}
	return error;
}

static int restore(void *state, uint32_t version, const struct fl_snapshot *from)
{
	struct lifecycle *self = state;
	int64_t count = 0;

	(void)version; /* there has been one only */
	fl_snapshot_get_int(from, "feeds", &count);
	for (int64_t i = 0; i < count && i < FEEDS_MAX; i++) {
		const char *name;
		char key[32];

		snprintf(key, sizeof(key), "feed.%lld", (long long)i);
		if (fl_snapshot_get_text(from, key, &name) == 0)
			(void)lifecycle_add_feed(self, name, 0);
	}
	return 0;
}

FL_PLUGIN_EXPORT const struct fl_plugin feedloom_plugin = {
	.abi = FL_PLUGIN_ABI,
	.size = sizeof(struct fl_plugin),
	.name = "lifecycle",
	.version = PLUGIN_VERSION,
	.summary = "every listed instrument followed, no expired one, each change told",
	.role = FL_SERVICE,
	.state_version = STATE_VERSION,
	.options = option_table,
	.options_size = sizeof(struct options),
	.create = create,
	.destroy = destroy,
	.start = start,
	.stop = stop,
	.reconfigure = reconfigure,
	.on_timer = on_timer,
	.on_record = lifecycle_on_record,
	.commands = commands,
	.on_command = on_command,
	.on_reply = on_reply,
	.save = save,
	.restore = restore,
};
