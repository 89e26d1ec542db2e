/*
 * server_guard.c: refuses whom the address, the token and the Host line do not let in.
 */
#include "server_guard.h"
#include "url.h"

#include <arpa/inet.h>
#include <mbedtls/constant_time.h>
#include <string.h>
#include <strings.h>

enum { HOST_MAX = 254 };

/** Digits only, to at most `max`; -1. */
static int number(const char *text, int max)
{
	int value = 0;

	if (*text == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		value = value * 10 + (*text - '0');
		if (value > max)
			return -1;
	}
	return value;
}

/** "host", "host:port", "[v6]:port" apart; the brackets go. `port` -1: none written. */
static int split(const char *text, char host[HOST_MAX], int *port, bool *is_bracketed)
{
	const char *end, *rest;
	const char *begin = text;

	*is_bracketed = text[0] == '[';
	if (*is_bracketed) {
		begin = text + 1;
		end = strchr(begin, ']');
		if (end == NULL)
			return -EINVAL;
		rest = end + 1;
	} else {
		end = rest = begin + strcspn(begin, ":");
	}
	if (end == begin || end - begin >= HOST_MAX)
		return -EINVAL;
	memcpy(host, begin, (size_t)(end - begin));
	host[end - begin] = '\0';
	*port = -1;
	if (*rest == '\0')
		return 0;
	*port = *rest == ':' ? number(rest + 1, 65535) : -1;
	return *port < 0 ? -EINVAL : 0;
}

/** An address as 16 bytes; IPv4 mapped, so that ::ffff:10.0.0.1 is 10.0.0.1 too. */
static int address_bytes(const char *text, uint8_t out[16], bool *is_v4)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	*is_v4 = inet_pton(AF_INET, text, out + 12) == 1;
	if (*is_v4) {
		memcpy(out, mapped, sizeof(mapped));
		return 0;
	}
	return inet_pton(AF_INET6, text, out) == 1 ? 0 : -EINVAL;
}

int listen_address_parse(const char *text, struct listen_address *out)
{
	char host[HOST_MAX];
	uint8_t bytes[16];
	bool is_bracketed, is_v4;
	int port;

	if (text == NULL || split(text, host, &port, &is_bracketed) < 0 || port < 0)
		return -EINVAL;
	const char *numeric = strcasecmp(host, "localhost") == 0 && !is_bracketed ? "127.0.0.1" : host;
	if (address_bytes(numeric, bytes, &is_v4) < 0 || is_v4 == is_bracketed)
		return -EINVAL;
	*out = (struct listen_address){ .port = (uint16_t)port };
	memcpy(out->host, numeric, strlen(numeric)); /* inet_pton took it: it is shorter than 46 */
	out->is_loopback = url_is_loopback(out->host);
	return 0;
}

int network_parse(const char *text, struct network *out)
{
	char address[46];
	bool is_v4;
	size_t length = text == NULL ? 0 : strcspn(text, "/");

	if (length == 0 || length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	if (address_bytes(address, out->bytes, &is_v4) < 0)
		return -EINVAL;
	out->bits = 128;
	if (text[length] == '\0')
		return 0;
	int bits = number(text + length + 1, is_v4 ? 32 : 128);
	if (bits < 0)
		return -EINVAL;
	out->bits = is_v4 ? bits + 96 : bits;
	return 0;
}

bool network_has(const struct network *network, const char *peer)
{
	char host[HOST_MAX];
	uint8_t bytes[16];
	bool ignored;
	int port;

	if (split(peer, host, &port, &ignored) < 0 || address_bytes(host, bytes, &ignored) < 0)
		return false;
	size_t whole = (size_t)network->bits / 8;
	int rest = network->bits % 8;

	if (memcmp(network->bytes, bytes, whole) != 0)
		return false;
	return rest == 0 || (network->bytes[whole] ^ bytes[whole]) >> (8 - rest) == 0;
}

/** The three names of this machine that a loopback listener goes by. */
static bool is_own_name(const char *host, bool is_bracketed)
{
	if (is_bracketed)
		return strcmp(host, "::1") == 0;
	return strcasecmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0;
}

static bool is_loopback_authority(const char *text)
{
	char host[HOST_MAX];
	bool is_bracketed;
	int port;

	return split(text, host, &port, &is_bracketed) == 0 && is_own_name(host, is_bracketed);
}

static const char *origin_authority(const char *origin)
{
	if (strncasecmp(origin, "http://", 7) == 0)
		return origin + 7;
	if (strncasecmp(origin, "https://", 8) == 0)
		return origin + 8;
	return ""; /* "null" and others: nobody's */
}

/** Names that no stranger on the internet can point at an address of this network. */
static bool is_local_name(const char *text)
{
	static const char *const endings[] = { ".local", ".lan", ".internal", ".home.arpa",
		".localdomain", ".localhost" };
	char host[HOST_MAX];
	uint8_t bytes[16];
	bool is_bracketed, is_v4;
	int port;

	if (split(text, host, &port, &is_bracketed) < 0)
		return false;
	if (strchr(host, '.') == NULL && !is_bracketed)
		return true; /* "nas", a container's name */
	if (address_bytes(host, bytes, &is_v4) == 0)
		return true;
	size_t length = strlen(host);
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t ending = strlen(endings[i]);

		if (length > ending && strcasecmp(host + length - ending, endings[i]) == 0)
			return true;
	}
	return false;
}

/** Takes as long for a wrong token as for the right one. */
static bool has_token(const char *token, const struct http1_headers *headers)
{
	const char *given = http1_header(headers, "Authorization");

	if (token == NULL || given == NULL || strncasecmp(given, "Bearer ", 7) != 0)
		return false;
	given += 7;
	size_t length = strlen(token);
	return strlen(given) == length && mbedtls_ct_memcmp(given, token, length) == 0;
}

/** The one Host line; "" when there is none in HTTP/1.0; NULL: not as RFC 9112 wants it. */
static const char *host_of(const struct http1_headers *headers, int minor)
{
	const char *host = minor == 0 ? "" : NULL;
	int count = 0;

	for (size_t i = 0; i < headers->count; i++) {
		if (strcasecmp(headers->items[i].name, "Host") != 0)
			continue;
		host = headers->items[i].value;
		count++;
	}
	return count <= 1 ? host : NULL;
}

static int refuse(const char **why, int status, const char *text)
{
	*why = text;
	return status;
}

static int check_loopback(const char *host, const char *origin, const char **why)
{
	if (!is_loopback_authority(host))
		return refuse(why, 421,
			"this address answers only to the names localhost, 127.0.0.1 and [::1]; use one of "
			"them, or listen on a network address with a token");
	if (origin != NULL && !is_loopback_authority(origin_authority(origin)))
		return refuse(why, 403,
			"a web page of another origin may not ask here; open the page from localhost");
	return 0;
}

static int check_trusted(const char *host, const char *origin, const char **why)
{
	if (*host != '\0' && !is_local_name(host))
		return refuse(why, 421,
			"without a token, ask by IP address or by a local name (nas, nas.local, nas.lan)");
	if (origin != NULL && strcasecmp(origin_authority(origin), host) != 0)
		return refuse(why, 403, "a web page of another origin may not ask here without a token");
	return 0;
}

static bool is_open(const struct guard *guard, const char *path)
{
	for (size_t i = 0; i < guard->open_paths.count; i++)
		if (strcmp(guard->open_paths.items[i], path) == 0)
			return true;
	return false;
}

static bool is_trusted(const struct guard *guard, const char *peer)
{
	for (size_t i = 0; i < guard->trust_count; i++)
		if (network_has(&guard->trust[i], peer))
			return true;
	return false;
}

int guard_check(const struct guard *guard, const char *peer, const char *path, int minor,
	const struct http1_headers *headers, const char **why)
{
	const char *host = host_of(headers, minor);
	const char *origin = http1_header(headers, "Origin");

	if (host == NULL)
		return refuse(why, 400, "a request has one Host line");
	if (!guard->is_on)
		return 0;
	if (guard->is_loopback)
		return check_loopback(host, origin, why);
	if (has_token(guard->token, headers) || is_open(guard, path))
		return 0;
	if (is_trusted(guard, peer))
		return check_trusted(host, origin, why);
	return refuse(
		why, 401, "send the token: Authorization: Bearer TOKEN, or ask from a trusted network");
}
