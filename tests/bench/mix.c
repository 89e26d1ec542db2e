/* mix.c: the options, the messages, and what is raised between two rounds of the block. */
#include "mix.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400, MESSAGE_BYTES = 2048, FIRST_SEQ = 1000000, FIRST_TRADE = 100000000 };

struct option {
	char name[32], index[24]; /* BTC-27DEC26-100000-C, BTC-27DEC26 */
	const char *currency;
	int64_t expiry_ms;
	int strike;
	bool is_call;
	uint32_t trades; /* in the block so far */
};

static const struct {
	const char *name;
	int first, expiries, strikes, lowest, step;
	double price;
} currencies[] = {
	{ "BTC", 0, 14, 26, 60000, 4000, 104210.55 },
	{ "ETH", 728, 10, 41, 1600, 100, 3911.07 },
};

/* ---- options ---- */

static void make_option(struct option *option, int number)
{
	int which = number >= currencies[1].first;
	int place = (number - currencies[which].first) / 2;
	int64_t expiry_s =
		(int64_t)time(NULL) / DAY_S * DAY_S + (2 + 7 * (place / currencies[which].strikes)) * DAY_S;
	time_t seconds = expiry_s + 8 * 3600;
	struct tm day;
	char month[8];

	gmtime_r(&seconds, &day);
	strftime(month, sizeof(month), "%b", &day);
	for (char *letter = month; *letter != '\0'; letter++)
		*letter &= (char)~0x20;
	*option = (struct option){ .currency = currencies[which].name };
	option->expiry_ms = (int64_t)seconds * 1000;
	option->strike =
		currencies[which].lowest + place % currencies[which].strikes * currencies[which].step;
	option->is_call = number % 2 == 0;
	snprintf(option->index, sizeof(option->index), "%s-%d%s%02d", option->currency, day.tm_mday,
		month, day.tm_year % 100);
	snprintf(option->name, sizeof(option->name), "%s-%d-%c", option->index, option->strike,
		option->is_call ? 'C' : 'P');
}

char *mix_listing(const char *currency)
{
	size_t size = (size_t)MIX_INSTRUMENTS * 1024, length;
	char *text = malloc(size);
	const char *comma = "";

	if (text == NULL)
		return NULL;
	length = (size_t)snprintf(text, size, "{\"jsonrpc\":\"2.0\",\"result\":[");
	for (int i = 0; i < MIX_INSTRUMENTS; i++) {
		struct option option;

		make_option(&option, i);
		if (strcmp(option.currency, currency) != 0)
			continue;
		length += (size_t)snprintf(text + length, size - length,
			"%s{\"tick_size\":0.0001,\"taker_commission\":0.0003,\"settlement_period\":\"week\","
			"\"settlement_currency\":\"%s\",\"base_currency\":\"%s\",\"quote_currency\":\"%s\","
			"\"counter_currency\":\"USD\",\"instrument_type\":\"reversed\",\"price_index\":\"%s\","
			"\"kind\":\"option\",\"instrument_id\":%d,\"is_active\":true,\"state\":\"open\","
			"\"instrument_name\":\"%s\",\"expiration_timestamp\":%lld,\"creation_timestamp\":%lld,"
			"\"contract_size\":1.0,\"min_trade_amount\":0.1,\"strike\":%d.0,\"option_type\":\"%s\"}",
			comma, currency, currency, currency,
			strcmp(currency, "BTC") == 0 ? "btc_usd" : "eth_usd", 100000 + i, option.name,
			(long long)option.expiry_ms, (long long)option.expiry_ms - 30LL * DAY_S * 1000,
			option.strike, option.is_call ? "call" : "put");
		comma = ",";
	}
	snprintf(text + length, size - length, "],\"usIn\":1,\"usOut\":2,\"usDiff\":1}");
	return text;
}

/* ---- messages ---- */

struct writer {
	struct mix *mix;
	struct option options[MIX_INSTRUMENTS];
	uint64_t random;
	uint64_t trades; /* in the block so far */
	char text[MESSAGE_BYTES];
	size_t length;
	/* Numbers of the present message: places in `text`, until its frame is made. */
	struct mix_number numbers[8];
	size_t number_count;
};

static uint32_t draw(struct writer *writer, uint32_t below)
{
	writer->random = writer->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((writer->random >> 33) % below);
}

/* Between `low` and `high`. */
static double draw_real(struct writer *writer, double low, double high)
{
	return low + (high - low) * draw(writer, 1000000) / 1e6;
}

__attribute__((format(printf, 2, 3))) static void put(
	struct writer *writer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	writer->length += (size_t)vsnprintf(
		writer->text + writer->length, sizeof(writer->text) - writer->length, format, args);
	va_end(args);
}

static void put_number(struct writer *writer, uint64_t value, int digits, uint64_t step)
{
	writer->numbers[writer->number_count++] = (struct mix_number){
		.at = (uint32_t)writer->length, .digits = (uint16_t)digits, .step = step
	};
	put(writer, "%0*llu", digits, (unsigned long long)value);
}

static void put_time(struct writer *writer, int64_t ms)
{
	put_number(writer, (uint64_t)ms, 13, (uint64_t)writer->mix->block_ms);
	writer->numbers[writer->number_count - 1].is_time = 1;
}

static void put_opening(struct writer *writer, const char *kind, const char *what, const char *end)
{
	put(writer,
		"{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":\"%s.%s%s\","
		"\"data\":",
		kind, what, end);
}

static void put_quote(struct writer *writer, const struct option *option, int64_t ms)
{
	double bid = draw_real(writer, 0.01, 0.2);

	put_opening(writer, "quote", option->name, "");
	put(writer, "{\"timestamp\":");
	put_time(writer, ms);
	put(writer,
		",\"instrument_name\":\"%s\",\"best_bid_price\":%.4f,\"best_bid_amount\":%.1f,"
		"\"best_ask_price\":%.4f,\"best_ask_amount\":%.1f}}}",
		option->name, bid, draw_real(writer, 0.1, 60), bid + 0.0015, draw_real(writer, 0.1, 60));
}

static void put_ticker(
	struct writer *writer, const struct option *option, int64_t ms, double index_price)
{
	double mark = draw_real(writer, 0.01, 0.2);

	put_opening(writer, "ticker", option->name, ".agg2");
	put(writer, "{\"timestamp\":");
	put_time(writer, ms);
	put(writer,
		",\"stats\":{\"volume\":%.1f,\"volume_usd\":%.2f,\"price_change\":%.4f,\"low\":%.4f,"
		"\"high\":%.4f},\"state\":\"open\",\"settlement_price\":%.8f,\"open_interest\":%.1f,"
		"\"min_price\":%.4f,\"max_price\":%.4f,\"mark_price\":%.4f,\"last_price\":%.4f,",
		draw_real(writer, 0, 400), draw_real(writer, 0, 900000), draw_real(writer, -40, 40),
		mark * 0.8, mark * 1.3, mark * 1.01, draw_real(writer, 1, 4000), mark * 0.5, mark * 1.5,
		mark, mark * 1.02);
	put(writer,
		"\"instrument_name\":\"%s\",\"index_price\":%.2f,\"estimated_delivery_price\":%.2f,"
		"\"underlying_price\":%.4f,\"underlying_index\":\"%s\",\"mark_iv\":%.2f,\"bid_iv\":%.2f,"
		"\"ask_iv\":%.2f,\"interest_rate\":0.0,\"greeks\":{\"vega\":%.5f,\"theta\":%.5f,"
		"\"rho\":%.5f,\"gamma\":%.5f,\"delta\":%.5f},",
		option->name, index_price, index_price, index_price * 1.01, option->index,
		draw_real(writer, 30, 90), draw_real(writer, 28, 80), draw_real(writer, 32, 99),
		draw_real(writer, 1, 90), draw_real(writer, -150, -1), draw_real(writer, 0, 60),
		draw_real(writer, 0.00001, 0.001), draw_real(writer, -1, 1));
	put(writer,
		"\"best_bid_price\":%.4f,\"best_bid_amount\":%.1f,\"best_ask_price\":%.4f,"
		"\"best_ask_amount\":%.1f}}}",
		mark * 0.99, draw_real(writer, 0.1, 60), mark * 1.01, draw_real(writer, 0.1, 60));
}

static void put_trade(struct writer *writer, struct option *option, int64_t ms, double index_price)
{
	double price = draw_real(writer, 0.01, 0.2);

	put(writer, "{\"trade_seq\":");
	put_number(writer, FIRST_SEQ + option->trades++, 7, 0); /* its step when all are known */
	put(writer, ",\"trade_id\":\"");
	put_number(writer, FIRST_TRADE + writer->trades++, 9, 0);
	put(writer, "\",\"timestamp\":");
	put_time(writer, ms);
	put(writer,
		",\"tick_direction\":%u,\"price\":%.4f,\"mark_price\":%.4f,\"iv\":%.2f,"
		"\"instrument_name\":\"%s\",\"index_price\":%.2f,\"direction\":\"%s\",\"contracts\":%.1f,"
		"\"amount\":%.1f}",
		draw(writer, 4), price, price * 1.01, draw_real(writer, 30, 90), option->name, index_price,
		draw(writer, 2) ? "buy" : "sell", 2.5, 2.5);
}

/* ---- the block ---- */

/* Puts the message into the block as one frame. */
static bool add_frame(struct writer *writer, struct mix_message *message)
{
	struct mix *mix = writer->mix;
	char *at = mix->block + mix->length;
	size_t head = writer->length < 126 ? 2 : 4;

	if (mix->number_count + writer->number_count > mix->number_capacity) {
		size_t capacity = mix->number_capacity * 2 + 1024;
		void *grown = realloc(mix->numbers, capacity * sizeof(*mix->numbers));

		if (grown == NULL)
			return false;
		mix->numbers = grown;
		mix->number_capacity = capacity;
	}
	at[0] = (char)0x81;
	at[1] = (char)(head == 2 ? writer->length : 126);
	if (head == 4) {
		at[2] = (char)(writer->length >> 8);
		at[3] = (char)writer->length;
	}
	memcpy(at + head, writer->text, writer->length);
	for (size_t i = 0; i < writer->number_count; i++) {
		mix->numbers[mix->number_count] = writer->numbers[i];
		mix->numbers[mix->number_count++].at += (uint32_t)(mix->length + head);
	}
	mix->length += head + writer->length;
	message->end = (uint32_t)mix->length;
	return true;
}

static void put_message(struct writer *writer, struct mix_message *message, int64_t ms)
{
	uint32_t number = draw(writer, MIX_INSTRUMENTS), what = draw(writer, 1000);
	struct option *option = &writer->options[number];
	double index_price =
		currencies[number >= (uint32_t)currencies[1].first].price + draw_real(writer, -5, 5);

	writer->length = writer->number_count = 0;
	message->count = 1;
	if (what < 600) {
		message->kind = 'q';
		put_quote(writer, option, ms);
	} else if (what < 970) {
		message->kind = 't';
		put_ticker(writer, option, ms, index_price);
	} else {
		message->kind = 'x';
		message->count = what < 990 ? 1 : 2;
		put_opening(writer, "trades.option", option->currency, ".100ms");
		put(writer, "[");
		for (int i = 0; i < message->count; i++) {
			put(writer, i == 0 ? "" : ",");
			put_trade(writer, option, ms, index_price);
		}
		put(writer, "]}}");
	}
}

/*
 * The steps of trade_seq and trade_id are known only at the end: what the whole block has of them.
 * They are told apart by their digits; the instrument by going through the block once more.
 */
static void set_steps(struct writer *writer)
{
	struct mix *mix = writer->mix;

	for (size_t i = 0; i < mix->number_count; i++) {
		struct mix_number *number = &mix->numbers[i];
		const char *name;

		if (number->is_time)
			continue;
		number->step = writer->trades;
		if (number->digits != 7)
			continue;
		name = strstr(mix->block + number->at, "\"instrument_name\":\"") + 19;
		for (int option = 0; option < MIX_INSTRUMENTS; option++) {
			size_t length = strlen(writer->options[option].name);

			if (memcmp(name, writer->options[option].name, length) == 0 && name[length] == '"')
				number->step = writer->options[option].trades;
		}
	}
}

struct mix *mix_create(int64_t now_ms, int64_t rate)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	struct mix *mix = calloc(1, sizeof(*mix));
	bool is_whole = writer != NULL && mix != NULL;

	if (is_whole)
		mix->block = calloc(MIX_MESSAGES, MESSAGE_BYTES);
	is_whole = is_whole && mix->block != NULL;
	if (is_whole) {
		writer->mix = mix;
		mix->now_ms = now_ms;
		mix->block_ms = (int64_t)MIX_MESSAGES * 1000 / rate;
		for (int i = 0; i < MIX_INSTRUMENTS; i++)
			make_option(&writer->options[i], i);
	}
	for (int i = 0; i < MIX_MESSAGES && is_whole; i++) {
		put_message(writer, &mix->messages[i], now_ms + mix->block_ms * i / MIX_MESSAGES);
		is_whole = add_frame(writer, &mix->messages[i]);
	}
	if (is_whole)
		set_steps(writer);
	free(writer);
	if (is_whole)
		return mix;
	mix_destroy(mix);
	return NULL;
}

void mix_destroy(struct mix *mix)
{
	if (mix == NULL)
		return;
	free(mix->block);
	free(mix->numbers);
	free(mix);
}

void mix_advance(struct mix *mix)
{
	for (size_t i = 0; i < mix->number_count; i++) {
		const struct mix_number *number = &mix->numbers[i];
		char *digit = mix->block + number->at + number->digits - 1;
		uint64_t carry = number->step;

		for (; carry > 0 && digit >= mix->block + number->at; digit--) {
			carry += (uint64_t)(*digit - '0');
			*digit = (char)('0' + carry % 10);
			carry /= 10;
		}
	}
	mix->now_ms += mix->block_ms;
}

void mix_count(struct mix_counts *counts, const struct mix_message *message, size_t bytes)
{
	counts->messages++;
	counts->bytes += bytes;
	if (message->kind == 'q')
		counts->quotes += message->count;
	else if (message->kind == 't')
		counts->tickers += message->count;
	else
		counts->trades += message->count;
}
