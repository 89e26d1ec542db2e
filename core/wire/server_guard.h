/*
 * server_guard.h: who may ask a server: addresses, networks, Host, Origin and token. Pure.
 *
 * On loopback the danger is a web page whose name has been pointed at 127.0.0.1: its Host and
 * Origin are foreign. On other addresses it is everybody: a token, or a trusted network.
 */
#ifndef WIRE_SERVER_GUARD_H
#define WIRE_SERVER_GUARD_H

#include "http1.h"
#include <feedloom/http.h>

struct listen_address {
	char host[46]; /* numeric, without brackets */
	uint16_t port;
	bool is_loopback;
};
/** "127.0.0.1:8080", "[::1]:0", "localhost:80". -EINVAL. */
int listen_address_parse(const char *text, struct listen_address *out);

struct network {
	uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
	int bits;          /* of 128 */
};
/** "10.0.0.0/8", "fd00::/8", "192.168.1.7" (that one address). -EINVAL. */
int network_parse(const char *text, struct network *out);
/** Whether a peer ("10.1.2.3:50312", "[fd00::1]:443") is in it. */
bool network_has(const struct network *network, const char *peer);

struct guard {
	bool is_on, is_loopback;
	const char *token; /* NULL: none */
	const struct network *trust;
	size_t trust_count;
	struct fl_names open_paths;
};

/**
 * Whether a request may go on: 0, or the status to refuse it with; `why` then says what to do about
 * it. 401 goes with WWW-Authenticate: Bearer.
 */
int guard_check(const struct guard *guard, const char *peer, const char *path, int minor,
	const struct http1_headers *headers, const char **why);

#endif
