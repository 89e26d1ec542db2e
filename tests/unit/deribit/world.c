/* world: the plugin in a fake core, with helpers that speak as the venue does. */
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const currencies[] = { "BTC", "ETH", NULL };
static const char *const kinds[] = { "option", NULL };
static const char *const channels[] = { "ticker.agg2", "trades.100ms", "quote", NULL };
enum { SEQS = 4096 };
static int64_t times[2][SEQS]; /* of trades of the first two options: one sent again is the same */

struct fl_names world_names(const char *const *items)
{
	struct fl_names names = { items, 0 };

	while (items[names.count] != NULL)
		names.count++;
	return names;
}

struct deribit_options world_options(void)
{
	return (struct deribit_options){ .url = "ws://localhost:1/ws/api/v2",
		.rest_url = "",
		.currencies = world_names(currencies),
		.kinds = world_names(kinds),
		.channels = world_names(channels),
		.api_key = "",
		.api_secret = "",
		.max_channels = 500,
		.max_instruments = 250,
		.max_connections = 30,
		.heartbeat_interval_ns = 30 * FL_SECOND,
		.refresh_interval_ns = 5 * FL_MINUTE,
		.failover_after_ns = FL_MINUTE,
		.dial_timeout_ns = 10 * FL_SECOND,
		.request_timeout_ns = 10 * FL_SECOND,
		.tls = { "", true } };
}

struct fl_ctx *world_create(const struct deribit_options *options)
{
	struct fl_ctx *ctx = fake_create();

	memset(times, 0, sizeof(times));
	fake_metrics_reset();
	fake_create_plugin(ctx, &feedloom_plugin, options);
	return ctx;
}

struct deribit *world_plugin(struct fl_ctx *ctx)
{
	return ctx->state;
}

int64_t world_now_ms(const struct fl_ctx *ctx)
{
	return ctx->now_ns / FL_MS;
}

/* Numbers under 5,000 are BTC's, the others ETH's. */
const char *world_name(int n)
{
	static char names[4][64];
	static int at;
	char *name = names[at++ % 4];

	snprintf(name, 64, "%s-26JUN26-%d-C", n < 5000 ? "BTC" : "ETH", 1000 + n);
	return name;
}

char *world_listing(const char *currency, int from, int count)
{
	char *text = fake_alloc((size_t)count * 400 + 128);
	size_t length = fake_print(text,
		"{\"jsonrpc\":\"2.0\",\"usOut\":1700000000000000,"
		"\"result\":[");

	for (int i = 0; i < count; i++)
		length += fake_print(text + length,
			"%s{\"instrument_name\":\"%s\",\"kind\":\"option\",\"is_active\":true,"
			"\"option_type\":\"call\",\"strike\":%d.0,\"tick_size\":0.0005,"
			"\"contract_size\":1.0,\"min_trade_amount\":0.1,\"base_currency\":\"%s\","
			"\"quote_currency\":\"%s\",\"settlement_currency\":\"%s\",\"price_index\":"
			"\"%s_usd\",\"creation_timestamp\":1600000000000,"
			"\"expiration_timestamp\":1782460800000}",
			i == 0 ? "" : ",", world_name(from + i), 1000 + from + i, currency, currency, currency,
			currency[0] == 'B' ? "btc" : "eth");
	fake_print(text + length, "]}");
	return text;
}

void world_list(struct fl_ctx *ctx, int btc, int eth)
{
	char *text = world_listing("BTC", 0, btc);

	fake_answer(ctx, REQUEST_LIST, 200, text);
	free(text);
	text = world_listing("ETH", 5000, eth);
	fake_answer(ctx, REQUEST_LIST + 1, 200, text);
	free(text);
}

void world_up_all(struct fl_ctx *ctx)
{
	for (int conn = 1; conn < 64; conn++)
		if (ctx->conns[conn] == FL_CONN_DIALING)
			fake_conn(ctx, conn, FL_CONN_UP, FL_REASON_DONE);
}

static void acknowledge(struct fl_ctx *ctx, int conn, const char *request, const char *without)
{
	yyjson_doc *doc = yyjson_read(request, strlen(request), 0);
	yyjson_val *root = yyjson_doc_get_root(doc), *channel;
	yyjson_arr_iter iter;
	char *text = fake_alloc(strlen(request) + 256);
	size_t length = fake_print(text,
		"{\"jsonrpc\":\"2.0\",\"id\":%" PRId64 ",\"usOut\":%" PRId64 ",\"result\":[",
		yyjson_get_sint(yyjson_obj_get(root, "id")), ctx->now_ns / FL_US);
	bool is_first = true;

	yyjson_arr_iter_init(yyjson_obj_get(yyjson_obj_get(root, "params"), "channels"), &iter);
	while ((channel = yyjson_arr_iter_next(&iter)) != NULL) {
		if (without != NULL && strstr(yyjson_get_str(channel), without) != NULL)
			continue;
		length +=
			fake_print(text + length, "%s\"%s\"", is_first ? "" : ",", yyjson_get_str(channel));
		is_first = false;
	}
	fake_print(text + length, "]}");
	fake_message(ctx, conn, text);
	free(text);
	yyjson_doc_free(doc);
}

static void agree(struct fl_ctx *ctx, struct fake_sent sent)
{
	yyjson_doc *doc = yyjson_read(sent.text, strlen(sent.text), 0);
	char text[96];

	snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%" PRId64 ",\"result\":\"ok\"}",
		yyjson_get_sint(yyjson_obj_get(yyjson_doc_get_root(doc), "id")));
	yyjson_doc_free(doc);
	fake_message(ctx, sent.conn, text);
}

int world_acknowledge(struct fl_ctx *ctx, const char *without)
{
	int requests = 0;

	for (; ctx->sent_seen < ctx->sent_count; ctx->sent_seen++) {
		struct fake_sent sent = ctx->sent[ctx->sent_seen];
		char *text;

		if (strstr(sent.text, "public/set_heartbeat") != NULL &&
			(without == NULL || strcmp(without, "public/set_heartbeat") != 0))
			agree(ctx, sent);
		if (strstr(sent.text, "subscribe\"") == NULL)
			continue;
		text = strdup(sent.text);
		acknowledge(ctx, sent.conn, text, without);
		free(text);
		requests++;
	}
	return requests;
}

void world_start(struct fl_ctx *ctx, int btc, int eth)
{
	ctx->plugin->start(ctx->state);
	world_list(ctx, btc, eth);
	world_up_all(ctx);
	for (int i = 0; i < 200; i++) {
		world_acknowledge(ctx, NULL);
		fake_pass(ctx, 100 * FL_MS);
	}
}

const char *world_sent(const struct fl_ctx *ctx, const char *needle, size_t i)
{
	for (size_t at = 0; at < ctx->sent_count; at++)
		if (strstr(ctx->sent[at].text, needle) != NULL && i-- == 0)
			return ctx->sent[at].text;
	return NULL;
}

int world_channels_sent(const struct fl_ctx *ctx, const char *method)
{
	int channels_sent = 0;

	for (size_t i = 0; i < ctx->sent_count; i++) {
		yyjson_doc *doc = yyjson_read(ctx->sent[i].text, strlen(ctx->sent[i].text), 0);
		yyjson_val *root = yyjson_doc_get_root(doc);

		if (yyjson_equals_str(yyjson_obj_get(root, "method"), method))
			channels_sent +=
				(int)yyjson_arr_size(yyjson_obj_get(yyjson_obj_get(root, "params"), "channels"));
		yyjson_doc_free(doc);
	}
	return channels_sent;
}

char *world_trade_row(char *out, size_t size, int n, int64_t seq, int64_t ms)
{
	if (n < 2 && seq < SEQS) {
		if (times[n][seq] == 0)
			times[n][seq] = ms;
		ms = times[n][seq];
	}
	snprintf(out, size,
		"{\"trade_seq\":%" PRId64 ",\"trade_id\":\"%d-%" PRId64 "\",\"timestamp\":%" PRId64
		",\"price\":0.01,\"amount\":2.0,\"direction\":\"buy\",\"tick_direction\":1,"
		"\"index_price\":1,\"mark_price\":0.01,\"iv\":50.0,\"instrument_name\":\"%s\"}",
		seq, n, seq, ms, world_name(n));
	return out;
}

void world_trade_at(struct fl_ctx *ctx, int n, int64_t seq, int64_t ms)
{
	char row[512], text[1024];

	snprintf(text, sizeof(text),
		"{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":"
		"\"trades.option.%s.100ms\",\"data\":[%s]}}",
		n < 5000 ? "BTC" : "ETH", world_trade_row(row, sizeof(row), n, seq, ms));
	fake_message(ctx, 1, text);
}

void world_trade(struct fl_ctx *ctx, int n, int64_t seq)
{
	world_trade_at(ctx, n, seq, world_now_ms(ctx));
}

bool world_page(struct fl_ctx *ctx, int number, int n, int64_t first, int64_t last, bool has_more)
{
	size_t rows = last >= first ? (size_t)(last - first + 1) : 0;
	char *text = fake_alloc(rows * 400 + 256), row[512];
	size_t length = fake_print(text, "{\"jsonrpc\":\"2.0\",\"result\":{\"trades\":[");
	bool was_open;

	for (int64_t seq = first; seq <= last; seq++)
		length += fake_print(text + length, "%s%s", seq == first ? "" : ",",
			world_trade_row(row, sizeof(row), n, seq, world_now_ms(ctx) - (last - seq)));
	fake_print(text + length, "],\"has_more\":%s}}", has_more ? "true" : "false");
	was_open = fake_answer(ctx, number, 200, text);
	free(text);
	return was_open;
}

const char *world_seqs(struct fl_ctx *ctx, int n)
{
	static char text[4096];
	uint32_t id = fl_instrument_id(ctx, world_name(n), strlen(world_name(n)));
	const struct fl_trade *trade;
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; (trade = fake_record(ctx, FL_TRADE, i)) != NULL; i++)
		if (trade->head.instrument == id)
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%" PRId64 "%s",
				length == 0 ? "" : " ", trade->trade_seq,
				trade->flags & FL_TRADE_REFILLED ? "r" : "");
	return text;
}
