/*
 * url.c: URLs apart. Strict: what is not plainly one of the four schemes' URLs is refused.
 */
#include "url.h"

#include <feedloom/conn.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct scheme {
	const char *prefix;
	bool is_secure, is_websocket;
	uint16_t port;
};

static const struct scheme schemes[] = {
	{ "wss://", true, true, 443 },
	{ "ws://", false, true, 80 },
	{ "https://", true, false, 443 },
	{ "http://", false, false, 80 },
};

static const struct scheme *scheme_of(const char *text)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncasecmp(text, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
			return &schemes[i];
	return NULL;
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* Nothing that could end a request line, begin a fragment, or be taken for a separator elsewhere.
 */
static bool is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text <= ' ' || *text > '~' || is_one_of(*text, "#\\\"<>"))
			return false;
	return true;
}

/* Name or IPv4 address; lower case, as names compare without case. */
static int parse_name(const char *text, size_t length, struct url *out)
{
	if (length == 0 || length >= sizeof(out->host) || text[0] == '.')
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || is_one_of(c, ".-_")))
			return -EINVAL;
		out->host[i] = c;
	}
	out->host[length] = '\0';
	return 0;
}

static int parse_v6(const char *text, size_t length, struct url *out)
{
	struct in6_addr address;

	if (length >= INET6_ADDRSTRLEN)
		return -EINVAL;
	memcpy(out->host, text, length);
	out->host[length] = '\0';
	return inet_pton(AF_INET6, out->host, &address) == 1 ? 0 : -EINVAL;
}

static int parse_port(const char *text, const char *end, uint16_t *out)
{
	unsigned port = 0;

	if (text == end || end - text > 5)
		return -EINVAL;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		port = port * 10 + (unsigned)(*text - '0');
	}
	if (port == 0 || port > 65535)
		return -EINVAL;
	*out = (uint16_t)port;
	return 0;
}

/* HOST[:PORT] or [V6][:PORT] between `text` and `end`. */
static int parse_authority(const char *text, const char *end, struct url *out)
{
	const char *host_end;
	int error;

	if (text < end && *text == '[') {
		host_end = memchr(text, ']', (size_t)(end - text));
		if (host_end == NULL)
			return -EINVAL;
		error = parse_v6(text + 1, (size_t)(host_end - text) - 1, out);
		host_end++;
	} else {
		host_end = memchr(text, ':', (size_t)(end - text));
		if (host_end == NULL)
			host_end = end;
		error = parse_name(text, (size_t)(host_end - text), out);
	}
	if (error != 0 || host_end == end)
		return error;
	return *host_end == ':' ? parse_port(host_end + 1, end, &out->port) : -EINVAL;
}

static void write_authority(struct url *url, uint16_t usual_port)
{
	bool is_v6 = strchr(url->host, ':') != NULL;
	char port[8] = "";

	if (url->port != usual_port)
		snprintf(port, sizeof(port), ":%u", url->port);
	snprintf(url->authority, sizeof(url->authority), is_v6 ? "[%s]%s" : "%s%s", url->host, port);
}

int url_parse(const char *text, struct url *out)
{
	const struct scheme *scheme = scheme_of(text);
	const char *end;

	if (scheme == NULL || !is_printable(text))
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	out->is_secure = scheme->is_secure;
	out->is_websocket = scheme->is_websocket;
	out->port = scheme->port;
	text += strlen(scheme->prefix);
	end = text + strcspn(text, "/?");
	if (parse_authority(text, end, out) != 0)
		return -EINVAL;
	write_authority(out, scheme->port);
	if ((size_t)snprintf(out->path, sizeof(out->path), "%s%s", *end == '/' ? "" : "/", end) >=
		sizeof(out->path))
		return -EINVAL;
	return 0;
}

bool url_is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool fl_url_is_loopback(const char *url)
{
	struct url parsed;

	return url_parse(url, &parsed) == 0 && url_is_loopback(parsed.host);
}
