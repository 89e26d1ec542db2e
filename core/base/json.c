#include "json.h"

#include <assert.h>
#include <feedloom/kit.h>
#include <inttypes.h>
#include <string.h>

void json_init(struct json *json, struct buf *to)
{
	*json = (struct json){ .to = to };
}

/* The escape of a character that needs one; its length, 0: it needs none. */
static size_t escape_of(unsigned char c, char out[6])
{
	static const char hex[] = "0123456789abcdef";
	char letter = 0;

	switch (c) {
	case '"': letter = '"'; break;
	case '\\': letter = '\\'; break;
	case '\n': letter = 'n'; break;
	case '\r': letter = 'r'; break;
	case '\t': letter = 't'; break;
	default:
		if (c >= 0x20 && c != 0x7F)
			return 0;
	}
	out[0] = '\\';
	out[1] = letter;
	if (letter != 0)
		return 2;
	out[1] = 'u';
	out[2] = out[3] = '0';
	out[4] = hex[c >> 4];
	out[5] = hex[c & 15];
	return 6;
}

/* How many bytes make the character here; 0: no well-formed one begins here. */
static size_t character(const char *at, size_t left)
{
	for (size_t length = 1; length <= 4 && length <= left; length++)
		if (fl_utf8_valid(at, length))
			return length;
	return 0;
}

static void quote(struct buf *to, const char *text, size_t length)
{
	bool is_valid = fl_utf8_valid(text, length);
	size_t from = 0, at = 0;
	char escape[6];

	buf_append(to, "\"", 1);
	while (at < length) {
		unsigned char c = (unsigned char)text[at];
		size_t escaped = escape_of(c, escape);
		size_t step = is_valid || c < 0x80 ? 1 : character(text + at, length - at);

		if (escaped == 0 && step > 0) {
			at += step;
			continue;
		}
		buf_append(to, text + from, at - from);
		if (escaped > 0)
			buf_append(to, escape, escaped);
		else
			buf_append(to, "\xEF\xBF\xBD", 3); /* U+FFFD, the replacement character */
		from = ++at;
	}
	buf_append(to, text + from, at - from);
	buf_append(to, "\"", 1);
}

/* What stands before a value: the comma and the key. */
static void begin(struct json *json, const char *key)
{
	uint64_t bit = UINT64_C(1) << json->depth;

	if (json->depth > 0 && (json->has_item & bit) != 0)
		buf_append(json->to, ",", 1);
	json->has_item |= bit;
	if (key != NULL) {
		quote(json->to, key, strlen(key));
		buf_append(json->to, ":", 1);
	}
}

void json_open(struct json *json, const char *key, char bracket)
{
	assert(json->depth < 63);
	begin(json, key);
	buf_append(json->to, &bracket, 1);
	json->depth++;
	json->has_item &= ~(UINT64_C(1) << json->depth);
}

void json_close(struct json *json, char bracket)
{
	assert(json->depth > 0);
	json->depth--;
	buf_append(json->to, &bracket, 1);
}

void json_text(struct json *json, const char *key, const char *value)
{
	if (value == NULL)
		json_null(json, key);
	else
		json_text_n(json, key, value, strlen(value));
}

void json_text_n(struct json *json, const char *key, const char *value, size_t length)
{
	begin(json, key);
	quote(json->to, value, length);
}

void json_int(struct json *json, const char *key, int64_t value)
{
	begin(json, key);
	buf_printf(json->to, "%" PRId64, value);
}

void json_real(struct json *json, const char *key, double value)
{
	char text[32];
	int length = fl_real_print(text, value);

	json_raw(json, key, text, (size_t)length);
}

void json_bool(struct json *json, const char *key, bool value)
{
	json_raw(json, key, value ? "true" : "false", value ? 4 : 5);
}

void json_null(struct json *json, const char *key)
{
	json_raw(json, key, "null", 4);
}

void json_time(struct json *json, const char *key, int64_t ns)
{
	char text[40];

	if (ns == 0)
		json_null(json, key);
	else
		json_text_n(json, key, text, (size_t)fl_time_print(text, ns, 3));
}

void json_raw(struct json *json, const char *key, const char *value, size_t length)
{
	begin(json, key);
	buf_append(json->to, value, length);
}
