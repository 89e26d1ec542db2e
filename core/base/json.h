/*
 * json.h: writes JSON into a buf, escaping and placing commas. Reading is yyjson's.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "buf.h"

struct json {
	struct buf *to;
	uint32_t depth;
	uint64_t has_item; /* bit per depth */
};

void json_init(struct json *json, struct buf *to);
void json_open(
	struct json *json, const char *key, char bracket); /* '{' or '['; key NULL in arrays */
void json_close(struct json *json, char bracket);      /* '}' or ']' */
void json_text(
	struct json *json, const char *key, const char *value); /* NULL: null; invalid UTF-8 replaced */
void json_text_n(struct json *json, const char *key, const char *value, size_t length);
void json_int(struct json *json, const char *key, int64_t value);
void json_real(struct json *json, const char *key, double value); /* NaN: null; shortest form */
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);
void json_time(struct json *json, const char *key, int64_t ns); /* RFC 3339 with Z, ms; 0: null */
void json_raw(
	struct json *json, const char *key, const char *value, size_t length); /* already JSON */

#endif
