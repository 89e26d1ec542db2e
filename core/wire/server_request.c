/*
 * server_request.c: takes requests apart: path, query, header lines, WebSocket handshakes. Pure.
 */
#include "server_parts.h"
#include "ws.h"

#include <feedloom/kit.h>
#include <mbedtls/base64.h>
#include <string.h>
#include <strings.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/**
 * Undoes percent-encoding of `length` bytes into `out`, 0-terminated. Returns its length; -EINVAL:
 * it does not fit, is badly encoded, or holds a control character or what is not UTF-8.
 */
static int decode(const char *text, size_t length, bool plus_is_space, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '%') {
			bool is_whole = length - i > 2;
			int high = is_whole ? hex(text[i + 1]) : -1;
			int low = is_whole ? hex(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -EINVAL;
			c = (unsigned char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (c < ' ' || c == 0x7f || used + 1 >= size)
			return -EINVAL;
		out[used++] = (char)c;
	}
	out[used] = '\0';
	return fl_utf8_valid(out, used) ? (int)used : -EINVAL;
}

int request_path(const char *target, char path[PATH_SIZE], const char **query)
{
	size_t length = strcspn(target, "?#");

	if (target[0] != '/' || target[length] == '#')
		return -EINVAL;
	*query = target[length] == '?' ? target + length + 1 : "";
	if (strchr(*query, '#') != NULL)
		return -EINVAL;
	return decode(target, length, false, path, PATH_SIZE) < 0 ? -EINVAL : 0;
}

/** Whether an encoded text of `length` bytes says `name`. */
static bool is_named(const char *text, size_t length, const char *name)
{
	char decoded[256];

	return decode(text, length, true, decoded, sizeof(decoded)) >= 0 && strcmp(decoded, name) == 0;
}

int server_request_query(
	const struct fl_http_request *request, const char *name, char *out, size_t size)
{
	const char *at = request->query;

	if (size == 0)
		return -EINVAL;
	while (*at != '\0') {
		size_t length = strcspn(at, "&");
		const char *equals = memchr(at, '=', length);
		size_t name_length = equals != NULL ? (size_t)(equals - at) : length;
		size_t skip = equals != NULL ? name_length + 1 : length;

		if (is_named(at, name_length, name))
			return decode(at + skip, length - skip, true, out, size);
		at += length;
		if (*at == '&')
			at++;
	}
	return -ENOENT;
}

const char *server_request_header(const struct fl_http_request *request, const char *name)
{
	return http1_header(request->headers, name);
}

bool request_is_websocket(const struct http1_message *message)
{
	const char *upgrade = http1_header(&message->headers, "Upgrade");

	return message->is_upgrade && upgrade != NULL && strcasecmp(upgrade, "websocket") == 0;
}

static bool is_key(const char *key)
{
	unsigned char bytes[16];
	size_t length;

	return key != NULL && strlen(key) == 24 &&
		mbedtls_base64_decode(bytes, sizeof(bytes), &length, (const unsigned char *)key, 24) == 0 &&
		length == sizeof(bytes);
}

int request_websocket_check(
	const struct http1_message *message, char accept[ACCEPT_KEY_SIZE], const char **why)
{
	const char *version = http1_header(&message->headers, "Sec-WebSocket-Version");
	const char *key = http1_header(&message->headers, "Sec-WebSocket-Key");

	*why = "a WebSocket handshake is a GET of HTTP/1.1 without a body";
	if (strcmp(message->method, "GET") != 0 || message->minor == 0 || message->length > 0)
		return 400;
	*why = "Sec-WebSocket-Version must be 13";
	if (version == NULL || strcmp(version, "13") != 0)
		return 426;
	*why = "Sec-WebSocket-Key must be 16 bytes in base64";
	if (!is_key(key))
		return 400;
	ws_accept_key(key, accept);
	return 0;
}
