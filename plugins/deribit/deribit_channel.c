/* deribit_channel: names of channels, and requests made of them. */
#include "deribit_channel.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char closing[] = "]}}";

static const char *head_of(enum deribit_what what)
{
	switch (what) {
	case DERIBIT_OF_TICKER: return "ticker.";
	case DERIBIT_OF_QUOTE: return "quote.";
	case DERIBIT_OF_BOOK: return "book.";
	case DERIBIT_OF_PERPETUAL: return "perpetual.";
	case DERIBIT_OF_TRADES: return "trades.";
	case DERIBIT_OF_INDEX: return "deribit_price_index.";
	case DERIBIT_OF_MARKPRICE: return "markprice.options.";
	}
	return "";
}

static bool is_interval(const char *text)
{
	return strcmp(text, "raw") == 0 || strcmp(text, "100ms") == 0 || strcmp(text, "agg2") == 0;
}

/* The part of a list such as "1 10 20" that `text` begins with, up to its dot; NULL: none. */
static const char *skip_word(const char *text, const char *words)
{
	size_t length = strcspn(text, ".");

	while (*words != '\0') {
		size_t word = strcspn(words, " ");

		if (word == length && memcmp(text, words, length) == 0 && text[length] == '.')
			return text + length + 1;
		words += word;
		words += *words == ' ';
	}
	return NULL;
}

/* none.10.100ms */
static bool is_window(const char *text)
{
	text = skip_word(text, "none 1 2 5 10 25 100 250");
	if (text != NULL)
		text = skip_word(text, "1 10 20");
	return text != NULL && (strcmp(text, "100ms") == 0 || strcmp(text, "agg2") == 0);
}

const char *deribit_template_parse(const char *text, struct deribit_template *out)
{
	static const char unknown[] =
		"no such template; there are ticker.INTERVAL, quote, book.INTERVAL, "
		"book.none.DEPTH.INTERVAL, trades.INTERVAL, perpetual.INTERVAL, index and markprice";
	static const char interval[] = "its interval must be raw, 100ms or agg2";
	size_t head = strcspn(text, ".");
	const char *tail = text[head] == '.' ? text + head + 1 : "";

	static const struct {
		char word[12];
		uint8_t what;
	} words[] = {
		{ "ticker", DERIBIT_OF_TICKER },
		{ "quote", DERIBIT_OF_QUOTE },
		{ "book", DERIBIT_OF_BOOK },
		{ "perpetual", DERIBIT_OF_PERPETUAL },
		{ "trades", DERIBIT_OF_TRADES },
		{ "index", DERIBIT_OF_INDEX },
		{ "markprice", DERIBIT_OF_MARKPRICE },
	};
	size_t i;

	*out = (struct deribit_template){ 0 };
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].word) == head && memcmp(words[i].word, text, head) == 0)
			break;
	if (i == sizeof(words) / sizeof(words[0]) || strlen(tail) >= sizeof(out->tail))
		return unknown;
	out->what = (enum deribit_what)words[i].what;
	memcpy(out->tail, tail, strlen(tail) + 1);
	switch (out->what) {
	case DERIBIT_OF_QUOTE:
	case DERIBIT_OF_INDEX:
	case DERIBIT_OF_MARKPRICE: return text[head] == '\0' ? NULL : "it takes no interval";
	case DERIBIT_OF_BOOK:
		if (!is_interval(tail) && !is_window(tail))
			return "write book.INTERVAL (raw, 100ms, agg2) or book.GROUP.DEPTH.INTERVAL with a "
				   "depth of 1, 10 or 20, as in book.none.10.100ms";
		break;
	case DERIBIT_OF_TICKER:
	case DERIBIT_OF_PERPETUAL:
	case DERIBIT_OF_TRADES:
		if (!is_interval(tail))
			return interval;
		break;
	}
	out->is_raw = strcmp(tail, "raw") == 0;
	return NULL;
}

int deribit_channel_print(
	const struct deribit_template *of, const char *name, char *out, size_t size)
{
	int length = snprintf(
		out, size, "%s%s%s%s", head_of(of->what), name, of->tail[0] != '\0' ? "." : "", of->tail);

	return length > 0 && (size_t)length < size ? length : -EINVAL;
}

bool deribit_channel_match(const struct deribit_template *of, const char *channel, size_t length,
	const char **name, size_t *name_length)
{
	const char *head = head_of(of->what);
	size_t before = strlen(head);
	size_t after = of->tail[0] != '\0' ? strlen(of->tail) + 1 : 0;

	if (length <= before + after || memcmp(channel, head, before) != 0)
		return false;
	if (after != 0 &&
		(channel[length - after] != '.' ||
			memcmp(channel + length - after + 1, of->tail, after - 1) != 0))
		return false;
	*name = channel + before;
	*name_length = length - before - after;
	return of->what == DERIBIT_OF_TRADES || memchr(*name, '.', *name_length) == NULL;
}

bool deribit_name_is_plain(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char c = name[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
			c != '.' && c != '-' && c != '_')
			return false;
	}
	return length > 0;
}

void deribit_batch_begin(struct deribit_batch *batch, const char *method, int64_t id)
{
	batch->channels = 0;
	batch->length = (size_t)snprintf(batch->text, sizeof(batch->text),
		"{\"jsonrpc\":\"2.0\",\"id\":%" PRId64 ",\"method\":\"%s\",\"params\":{\"channels\":[", id,
		method);
}

bool deribit_batch_has_room(const struct deribit_batch *batch, int channels, size_t bytes)
{
	/* Each with two quotes and a comma. */
	return batch->channels + channels <= DERIBIT_BATCH_CHANNELS &&
		batch->length + bytes + (size_t)channels * 3 + sizeof(closing) <= sizeof(batch->text);
}

bool deribit_batch_add(struct deribit_batch *batch, const char *channel, size_t length)
{
	char *at = batch->text + batch->length;

	if (!deribit_batch_has_room(batch, 1, length))
		return false;
	if (batch->channels++ > 0)
		*at++ = ',';
	*at++ = '"';
	memcpy(at, channel, length);
	at += length;
	*at++ = '"';
	batch->length = (size_t)(at - batch->text);
	return true;
}

void deribit_batch_end(struct deribit_batch *batch)
{
	memcpy(batch->text + batch->length, closing, sizeof(closing));
	batch->length += sizeof(closing) - 1;
}
