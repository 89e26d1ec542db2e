/*
 * http1_write.c: heads and chunks to bytes. What would end a line early or begin another is
 * refused.
 */
#include "http1.h"

#include <string.h>
#include <strings.h>

static bool is_token(const char *text)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	if (text == NULL || *text == '\0')
		return false;
	for (const char *at = text; *at != '\0'; at++) {
		bool is_letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
		bool is_digit = *at >= '0' && *at <= '9';

		if (!is_letter && !is_digit && strchr(marks, *at) == NULL)
			return false;
	}
	return true;
}

static bool is_value(const char *text)
{
	if (text == NULL)
		return false;
	for (const unsigned char *at = (const unsigned char *)text; *at != 0; at++)
		if ((*at < ' ' && *at != '\t') || *at == 0x7f)
			return false;
	return true;
}

/** Of a target or authority: visible ASCII, at least one. */
static bool is_word(const char *text)
{
	if (text == NULL || *text == '\0')
		return false;
	for (const unsigned char *at = (const unsigned char *)text; *at != 0; at++)
		if (*at <= ' ' || *at >= 0x7f)
			return false;
	return true;
}

/** Lines that say where a message ends are written here and nowhere else. */
static bool is_framing(const char *name)
{
	return strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Transfer-Encoding") == 0;
}

static bool are_headers(const struct fl_header *headers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!is_token(headers[i].name) || !is_value(headers[i].value) ||
			is_framing(headers[i].name))
			return false;
	return true;
}

static void put_headers(struct buf *to, const struct fl_header *headers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(to, "%s: %s\r\n", headers[i].name, headers[i].value);
}

/** 0, or takes what was written since `length` back. */
static int settle(struct buf *to, size_t length)
{
	if (!to->failed)
		return 0;
	to->end = to->start + length;
	return -ENOBUFS;
}

int http1_write_request(struct buf *to, const char *method, const char *target,
	const char *authority, const struct fl_header *headers, size_t count, const void *body,
	size_t length)
{
	size_t before = buf_length(to);

	if (!is_token(method) || !is_word(target) || !is_word(authority) ||
		!are_headers(headers, count))
		return -EINVAL;
	bool is_bodiless = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
		strcmp(method, "DELETE") == 0 || strcmp(method, "OPTIONS") == 0;

	buf_printf(to, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, target, authority);
	put_headers(to, headers, count);
	if (length > 0 || !is_bodiless) /* venues refuse a POST without, be it empty */
		buf_printf(to, "Content-Length: %zu\r\n", length);
	buf_text(to, "\r\n");
	if (length > 0)
		buf_append(to, body, length);
	return settle(to, before);
}

int http1_write_response(struct buf *to, int status, const char *type,
	const struct fl_header *headers, size_t count, int64_t length, bool keep_alive)
{
	size_t before = buf_length(to);
	bool has_type = type != NULL && *type != '\0';

	if (status < 100 || status > 999 || (has_type && !is_value(type)) ||
		!are_headers(headers, count))
		return -EINVAL;
	buf_printf(to, "HTTP/1.1 %d %s\r\n", status, http1_status_text(status));
	if (has_type)
		buf_printf(to, "Content-Type: %s\r\n", type);
	put_headers(to, headers, count);
	if (status / 100 != 1 && status != 204) { /* these have neither body nor length */
		if (length >= 0)
			buf_printf(to, "Content-Length: %lld\r\n", (long long)length);
		else if (length != HTTP1_UNTIL_CLOSE)
			buf_text(to, "Transfer-Encoding: chunked\r\n");
	}
	if (!keep_alive && status / 100 != 1)
		buf_text(to, "Connection: close\r\n");
	buf_text(to, "\r\n");
	return settle(to, before);
}

int http1_write_chunk(struct buf *to, const void *bytes, size_t length)
{
	size_t before = buf_length(to);

	buf_printf(to, "%zx\r\n", length);
	if (length > 0)
		buf_append(to, bytes, length);
	buf_text(to, "\r\n");
	return settle(to, before);
}

const char *http1_status_text(int status)
{
	switch (status) {
	case 100: return "Continue";
	case 101: return "Switching Protocols";
	case 200: return "OK";
	case 201: return "Created";
	case 202: return "Accepted";
	case 204: return "No Content";
	case 206: return "Partial Content";
	case 301: return "Moved Permanently";
	case 302: return "Found";
	case 303: return "See Other";
	case 304: return "Not Modified";
	case 307: return "Temporary Redirect";
	case 308: return "Permanent Redirect";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 406: return "Not Acceptable";
	case 408: return "Request Timeout";
	case 409: return "Conflict";
	case 410: return "Gone";
	case 411: return "Length Required";
	case 412: return "Precondition Failed";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 415: return "Unsupported Media Type";
	case 421: return "Misdirected Request";
	case 422: return "Unprocessable Content";
	case 426: return "Upgrade Required";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 502: return "Bad Gateway";
	case 503: return "Service Unavailable";
	case 504: return "Gateway Timeout";
	case 505: return "HTTP Version Not Supported";
	default: return "Unknown";
	}
}
