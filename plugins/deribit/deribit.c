/*
 * deribit: options (and futures, combos, spot) of Deribit over WebSocket, JSON-RPC 2.0.
 *
 * Publishes  quote, ticker, trade, book, index, instrument, gap
 * Reload     connections, subscriptions and trade_seq are handed over; nothing is asked again
 * Config     feeds: { deribit: { currencies: [BTC, ETH], channels: [ticker.agg2, trades.100ms,
 * quote] } }
 *
 * core: socket > TLS > WebSocket | here: deribit_on_message > deribit_decode > deribit_stream >
 * fl_publish | core: journal
 */
#include "deribit.h"

#include "deribit_parts.h"
#include "deribit_refill.h"
#include "deribit_session.h"
#include "deribit_subscribe.h"
#include "deribit_trades.h"
#include "deribit_universe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION "1.0" /* the tests of reloading build a second one */
#endif

/* ---- options ---- */

static const char *const schemes[] = { "wss", "ws", NULL };
static const char *const rest_schemes[] = { "https", "http", NULL };
static const char *const kinds[] = { "option", "future", "spot", "option_combo", "future_combo",
	NULL };

static const struct fl_option tls_options[] = {
	{ "ca_file", FL_PATH, offsetof(struct deribit_tls, ca_file),
		.help = "certificates to trust instead of the system's" },
	{ "verify", FL_BOOL, offsetof(struct deribit_tls, verify), .preset = "true",
		.help = "check certificate and host name; false only with a loopback host" },
	{ 0 },
};

#define AT(field) offsetof(struct deribit_options, field)
static const struct fl_option option_table[] = {
	{ "url", FL_URL, AT(url), .preset = "wss://www.deribit.com/ws/api/v2", .choices = schemes,
		.help = "WebSocket endpoint" },
	{ "rest_url", FL_URL, AT(rest_url), .choices = rest_schemes,
		.help = "HTTP endpoint; default: /api/v2 of the url's host" },
	{ "currencies", FL_NAMES, AT(currencies), .preset = "[BTC, ETH]",
		.help = "settlement currencies: BTC, ETH, USDC, USDT, EURR" },
	{ "kinds", FL_NAMES, AT(kinds), .preset = "[option]", .choices = kinds,
		.help = "kinds of instruments; perpetuals are futures" },
	{ "channels", FL_NAMES, AT(channels), .preset = "[ticker.agg2, trades.100ms, quote]",
		.help =
			"templates: ticker.INTERVAL, quote, book.INTERVAL or book.none.DEPTH.INTERVAL, "
			"perpetual.INTERVAL (by instrument), trades.INTERVAL (by kind and currency), index, "
			"markprice; INTERVAL is 100ms, agg2 or raw (which needs credentials)" },
	{ "api_key", FL_SECRET, AT(api_key), .preset = "", .help = "client id, for raw channels" },
	{ "api_secret", FL_SECRET, AT(api_secret), .preset = "", .help = "its secret" },
	{ "max_channels", FL_INT, AT(max_channels), .preset = "500", .min = "10", .max = "10000",
		.help = "channels on a connection" },
	{ "max_instruments", FL_INT, AT(max_instruments), .preset = "250", .min = "1", .max = "10000",
		.help = "instruments on a connection" },
	{ "max_connections", FL_INT, AT(max_connections), .preset = "30", .min = "1", .max = "30",
		.help = "connections; the venue allows 32 an address, HTTP included" },
	{ "heartbeat_interval", FL_DURATION, AT(heartbeat_interval_ns), .preset = "30s", .min = "10s",
		.max = "60s", .help = "how often the venue asks whether we live" },
	{ "refresh_interval", FL_DURATION, AT(refresh_interval_ns), .preset = "5m", .min = "10s",
		.max = "1d", .help = "how often instruments are listed anew" },
	{ "failover_after", FL_DURATION, AT(failover_after_ns), .preset = "1m", .min = "5s",
		.max = "1d",
		.help = "a connection that is down so long gives its instruments to the others" },
	{ "dial_timeout", FL_DURATION, AT(dial_timeout_ns), .preset = "10s", .min = "1s", .max = "2m",
		.help = "from resolving to the WebSocket's being up" },
	{ "idle_timeout", FL_DURATION, AT(idle_timeout_ns), .preset = "0", .max = "10m",
		.help = "silence that ends a connection; 0: three heartbeat intervals and 5 s" },
	{ "request_timeout", FL_DURATION, AT(request_timeout_ns), .preset = "10s", .min = "1s",
		.max = "2m", .help = "for each step of an HTTP request" },
	{ "tls", FL_GROUP, AT(tls), .group = tls_options, .help = "trust" },
	{ 0 },
};
#undef AT

static void check_words(
	struct fl_check *check, const char *option, const struct fl_names *names, size_t longest)
{
	if (names->count == 0)
		fl_check_error(check, option, "is empty: name at least one");
	for (size_t i = 0; i < names->count; i++) {
		size_t length = strlen(names->items[i]);

		if (length > longest || !deribit_name_is_plain(names->items[i], length) ||
			strchr(names->items[i], '.') != NULL)
			fl_check_error(check, option,
				"\"%s\" cannot be part of a channel: letters, digits and "
				"underscores, at most %zu",
				names->items[i], longest);
		for (size_t before = 0; before < i; before++)
			if (strcmp(names->items[before], names->items[i]) == 0)
				fl_check_error(check, option, "\"%s\" is named twice", names->items[i]);
	}
}

static void check_channels(const struct deribit_options *options, struct fl_check *check)
{
	bool has_credentials = deribit_has_credentials(options);
	uint32_t seen = 0;

	for (size_t i = 0; i < options->channels.count; i++) {
		const char *text = options->channels.items[i];
		struct deribit_template template;
		const char *wrong = deribit_template_parse(text, &template);

		if (wrong != NULL) {
			fl_check_error(check, "channels", "\"%s\": %s", text, wrong);
			continue;
		}
		if (template.is_raw && !has_credentials)
			fl_check_error(check, "channels",
				"\"%s\": raw channels need api_key and api_secret; without them "
				"use 100ms",
				text);
		if (seen & (1U << template.what))
			fl_check_error(check, "channels",
				"\"%s\": a second template of its kind; their rows could not be "
				"told apart, keep one",
				text);
		seen |= 1U << template.what;
	}
}

static void check(const void *data, struct fl_check *check)
{
	const struct deribit_options *options = data;

	check_words(check, "currencies", &options->currencies, 8);
	check_words(check, "kinds", &options->kinds, 16);
	if (options->currencies.count * options->kinds.count > PAIRS_MAX)
		fl_check_error(
			check, "currencies", "too many: at most %d currencies times kinds", PAIRS_MAX);
	if (options->url[0] == '\0')
		fl_check_error(check, "url", "is empty: name the endpoint, or leave the line out");
	if (options->channels.count == 0)
		fl_check_error(check, "channels", "is empty: name at least one");
	check_channels(options, check);
	if (!options->tls.verify && !fl_url_is_loopback(options->url))
		fl_check_error(check, "tls.verify",
			"false is only for a loopback host; name the authority with `tls: { ca_file: ... }`");
	if ((options->api_key != NULL && options->api_key[0] != '\0') !=
		(options->api_secret != NULL && options->api_secret[0] != '\0'))
		fl_check_error(check,
			options->api_key != NULL && options->api_key[0] != '\0' ? "api_secret" : "api_key",
			"is missing: api_key and api_secret go together");
}

/* ---- life ---- */

/* https://HOST/api/v2 of wss://HOST/ws/api/v2 */
static int derive_rest_url(struct deribit *self)
{
	const char *url = self->options->url, *rest = self->options->rest_url;
	const char *host = strstr(url, "://"), *scheme;
	int length;

	if (rest != NULL && rest[0] != '\0') {
		length = snprintf(self->rest_url, sizeof(self->rest_url), "%s", rest);
		while (length > 0 && (size_t)length < sizeof(self->rest_url) &&
			self->rest_url[length - 1] == '/')
			self->rest_url[--length] = '\0';
	} else {
		if (host == NULL)
			return -EINVAL;
		/* By its length: "WSS" is as secure as "wss". */
		scheme = host - url == 3 ? "https" : "http";
		host += 3;
		length = snprintf(self->rest_url, sizeof(self->rest_url), "%s://%.*s/api/v2", scheme,
			(int)strcspn(host, "/?#"), host);
	}
	return length > 0 && (size_t)length < sizeof(self->rest_url) ? 0 : -ENAMETOOLONG;
}

static void take_templates(struct deribit *self)
{
	for (size_t i = 0; i < self->options->channels.count; i++) {
		struct deribit_template template;

		if (deribit_template_parse(self->options->channels.items[i], &template) != NULL)
			continue;
		self->has_raw = self->has_raw || template.is_raw;
		switch (template.what) {
		case DERIBIT_OF_TRADES:
			self->trades = template;
			self->has_trades = true;
			break;
		case DERIBIT_OF_INDEX:
			self->index = template;
			self->has_index = true;
			break;
		case DERIBIT_OF_MARKPRICE:
			self->markprice = template;
			self->has_markprice = true;
			break;
		default:
			if (self->template_count == TEMPLATES_MAX)
				break;
			if (template.what == DERIBIT_OF_BOOK)
				self->book_bit = (uint8_t)(1U << self->template_count);
			if (template.what == DERIBIT_OF_PERPETUAL)
				self->perpetual_bit = (uint8_t)(1U << self->template_count);
			self->templates[self->template_count++] = template;
			break;
		}
	}
}

static void take_metrics(struct deribit *self)
{
	char labels[96];

	snprintf(labels, sizeof(labels), "feed=\"%.64s\"", fl_instance_name(self->ctx));
	self->parse_errors = fl_metric(self->ctx, FL_COUNTER, "feedloom_parse_errors_total", labels,
		"Messages or parts of them that could not be understood");
	self->subscriptions = fl_metric(self->ctx, FL_GAUGE, "feedloom_subscriptions", labels,
		"Channels acknowledged by the venue");
	self->refused = fl_metric(self->ctx, FL_GAUGE, "feedloom_unacknowledged_channels", labels,
		"Channels asked for that the venue did not acknowledge");
	self->refills = fl_metric(self->ctx, FL_COUNTER, "feedloom_refilled_trades_total", labels,
		"Trades that were missed and fetched afterwards");
	self->renewed = fl_metric(self->ctx, FL_COUNTER, "feedloom_renewed_channels_total", labels,
		"Channels of trades and indexes subscribed anew because they were mute");
	self->repeats = fl_metric(self->ctx, FL_COUNTER, "feedloom_repeated_trades_total", labels,
		"Trades that came again and were dropped");
}

static int create(struct fl_ctx *ctx, const void *options, void **state)
{
	struct deribit *self = calloc(1, sizeof(*self));
	int64_t now = fl_monotonic_ns(ctx);
	int error;

	if (self == NULL)
		return -ENOMEM;
	self->ctx = ctx;
	self->options = options;
	error = derive_rest_url(self);
	if (error != 0) {
		fl_log(ctx, FL_ERROR, "rest_url cannot be derived from %s: set it", self->options->url);
		free(self);
		return error;
	}
	self->endpoint = (struct fl_endpoint){ .url = self->options->url,
		.tls = { .ca_file = self->options->tls.ca_file, .skip_verify = !self->options->tls.verify },
		.dial_timeout_ns = self->options->dial_timeout_ns,
		.idle_timeout_ns = self->options->idle_timeout_ns };
	if (self->endpoint.idle_timeout_ns == 0)
		self->endpoint.idle_timeout_ns = 3 * self->options->heartbeat_interval_ns + 5 * FL_SECOND;
	/*
	 * The venue has 30000 and 10000 a second for subscribing, 50000 and 10000 for other calls. Some
	 * is left: what was sent apart may arrive together, and what is over closes a connection.
	 */
	fl_rate_init(&self->subscribe_rate, 24000, 9000, now);
	fl_rate_init(&self->call_rate, 37500, 7500, now);
	fl_rate_init(&self->list_rate, 500000, 10000, now);
	self->health = FL_NOT_READY;
	self->max_drop = 0.2; /* the lifecycle's refreshes bring their own */
	deribit_decoder_init(&self->decoder);
	deribit_decoder_init(&self->response_decoder);
	take_templates(self);
	take_metrics(self);
	deribit_groups_init(self);
	*state = self;
	return 0;
}

static void destroy(void *state)
{
	struct deribit *self = state;

	if (self == NULL)
		return;
	deribit_commands_drop(self);
	deribit_holds_free(self);
	deribit_decoder_finish(&self->decoder);
	deribit_decoder_finish(&self->response_decoder);
	free(self->items);
	free(self->index_of);
	free(self);
}

/* Answers to what was asked before a stop would be taken for our own. */
static void forget_requests(struct deribit *self)
{
	for (int pair = 0; pair < PAIRS_MAX; pair++)
		fl_request_cancel(self->ctx, REQUEST_LIST + pair);
	for (int group = 0; group < GROUPS_MAX; group++)
		fl_request_cancel(self->ctx, REQUEST_SWEEP + group);
	for (int slot = 0; slot < SEQ_SLOTS; slot++)
		fl_request_cancel(self->ctx, REQUEST_SEQ + slot);
	self->list_waiting |= self->list_in_flight;
	self->list_in_flight = 0;
	for (size_t i = 0; i < self->group_count; i++)
		self->groups[i].sweep_in_flight = false;
	for (size_t i = 0; i < self->hold_count; i++)
		self->holds[i]->slot = -1;
	memset(self->slot_item, 0, sizeof(self->slot_item));
}

static int start(void *state)
{
	struct deribit *self = state;
	int64_t now = deribit_now(self), every = self->options->refresh_interval_ns;
	int64_t wait = self->refresh_at_ns - now;
	int error;

	self->is_running = true;
	if (self->is_restored) { /* what was asked is on its way, and ours */
		for (int i = 0; i < self->link_count; i++)
			if (self->links[i].is_open && (error = deribit_link_open(self, i)) != 0)
				return error;
	} else {
		forget_requests(self);
		deribit_list_begin(self, deribit_all_pairs(self));
	}
	if (!self->is_restored || wait <= 0 || wait > every)
		wait = every;
	self->is_restored = false;
	self->refresh_at_ns = now + wait;
	self->pace_at_ns = 0;
	fl_timer_start(self->ctx, TIMER_REFRESH, wait, every);
	fl_timer_start(self->ctx, TIMER_TICK, FL_SECOND, FL_SECOND);
	deribit_health_update(self);
	deribit_pump(self);
	return 0;
}

static void stop(void *state)
{
	struct deribit *self = state;

	self->is_running = false;
	self->is_listed = false;
	self->list_waiting = self->list_in_flight = 0;
	self->list_again_ns = 0;
	forget_requests(self);
	fl_timer_stop(self->ctx, TIMER_PACE);
	fl_timer_stop(self->ctx, TIMER_TICK);
	fl_timer_stop(self->ctx, TIMER_REFRESH);
	deribit_commands_drop(self);
	for (int i = 0; i < self->link_count; i++)
		if (self->links[i].is_open)
			deribit_link_close(self, i);
}

static void on_response(void *state, int number, const struct fl_response *response)
{
	struct deribit *self = state;

	if (self->is_probing)
		deribit_probe_response(self, response);
	else if (!self->is_running)
		return;
	else if (number >= REQUEST_SEQ && number < REQUEST_SEQ + SEQ_SLOTS)
		deribit_seq_response(self, (size_t)(number - REQUEST_SEQ), response);
	else if (number >= REQUEST_SWEEP && number < REQUEST_SWEEP + GROUPS_MAX)
		deribit_sweep_response(self, (size_t)(number - REQUEST_SWEEP), response);
	else if (number >= REQUEST_LIST && number < REQUEST_LIST + PAIRS_MAX)
		deribit_list_response(self, (size_t)(number - REQUEST_LIST), response);
}

static const struct fl_command_info commands[] = {
	{ "subscribe", "follow {\"instruments\": [...], \"pin\": true}" },
	{ "unsubscribe", "do not follow {\"instruments\": [...], \"pin\": true}" },
	{ "renew", "subscribe anew {\"instruments\": [...]}: they have gone mute" },
	{ "subscriptions",
		"what each connection carries, what is pending, deferred, left out by hand" },
	{ "refresh", "list the venue's instruments now: {\"max_drop\": 0.2}" },
	{ "rehearse",
		"have {\"instrument\"} expire at {\"expires_at\"}, or {\"hide\": true}; neither: the truth" },
	{ 0 },
};

FL_PLUGIN_EXPORT const struct fl_plugin feedloom_plugin = {
	.abi = FL_PLUGIN_ABI,
	.size = sizeof(struct fl_plugin),
	.name = "deribit",
	.version = PLUGIN_VERSION,
	.summary = "options, futures, combos and spot of Deribit",
	.role = FL_FEED,
	.venue = "deribit",
	.state_version = DERIBIT_STATE_VERSION,
	.options = option_table,
	.options_size = sizeof(struct deribit_options),
	.check = check,
	.create = create,
	.destroy = destroy,
	.start = start,
	.stop = stop,
	.probe = deribit_probe,
	.backfill = deribit_backfill,
	.on_connection = deribit_on_connection,
	.on_message = deribit_on_message,
	.on_response = on_response,
	.on_timer = deribit_on_timer,
	.commands = commands,
	.on_command = deribit_on_command,
	.save = deribit_save,
	.restore = deribit_restore,
};
