/*
 * request: what a server makes of a request: path, query, addresses, networks, the guard, the
 * WebSocket handshake.
 *
 * input: a line each: target, parameter, address, network, peer, Host, Origin, Authorization, key
 */
#include "fuzz.h"
#include "server_parts.h"

#include <feedloom/kit.h>

enum { LINES = 9 };
enum line { TARGET, PARAMETER, ADDRESS, NETWORK, PEER, HOST, ORIGIN, AUTHORIZATION, KEY };

static const char token[] = "a-token-of-some-length";

static void check_text(const char *text)
{
	CHECK(fl_utf8_valid(text, strlen(text)));
	for (; *text != '\0'; text++)
		CHECK((unsigned char)*text >= ' ' && *text != 0x7f);
}

static void check_query(const struct fl_http_request *request, const char *name)
{
	char *large = fuzz_alloc(4096);
	int length = server_request_query(request, name, large, 4096);

	CHECK(length == -ENOENT || length == -EINVAL || (length >= 0 && length < 4096));
	if (length >= 0) {
		/* Exactly its length and a 0 are enough, and nothing less. */
		char *exact = fuzz_alloc((size_t)length + 1), *tight = fuzz_alloc((size_t)length);

		check_text(large);
		CHECK(strlen(large) == (size_t)length);
		CHECK(server_request_query(request, name, exact, (size_t)length + 1) == length);
		CHECK(strcmp(exact, large) == 0);
		CHECK(server_request_query(request, name, tight, (size_t)length) == -EINVAL);
		free(exact);
		free(tight);
	}
	free(large);
}

static void check_target(const char *target, const char *name)
{
	char *path = fuzz_alloc(PATH_SIZE);
	const char *query = NULL;

	if (request_path(target, path, &query) == 0) {
		struct fl_http_request request = { .method = "GET", .path = path, .query = query };

		CHECK(path[0] == '/' && strlen(path) < PATH_SIZE);
		check_text(path);
		check_query(&request, name);
	}
	free(path);
}

static void check_address(const char *text)
{
	struct listen_address address, same;
	char again[64];

	if (listen_address_parse(text, &address) < 0)
		return;
	snprintf(again, sizeof(again), strchr(address.host, ':') != NULL ? "[%s]:%u" : "%s:%u",
		address.host, (unsigned)address.port);
	CHECK(listen_address_parse(again, &same) == 0);
	CHECK(strcmp(address.host, same.host) == 0 && address.port == same.port);
	CHECK(address.is_loopback == same.is_loopback);
}

/* false: it is none. */
static bool check_network(const char *text, struct network *out)
{
	size_t length = strcspn(text, "/");
	char peer[64];

	if (network_parse(text, out) < 0)
		return false;
	CHECK(out->bits >= 0 && out->bits <= 128);
	snprintf(peer, sizeof(peer), memchr(text, ':', length) != NULL ? "[%.*s]:1" : "%.*s:1",
		(int)length, text);
	CHECK(network_has(out, peer));
	return true;
}

static void check_guard(char *const *lines, const struct network *trusted)
{
	static const char *const open_paths[] = { "/livez", NULL };
	const struct fl_header items[] = { { "Host", lines[HOST] }, { "Origin", lines[ORIGIN] },
		{ "Authorization", lines[AUTHORIZATION] } };
	struct guard guard = { .is_on = true,
		.token = token,
		.trust = trusted,
		.trust_count = trusted != NULL,
		.open_paths = { open_paths, 1 } };

	for (size_t count = 1; count <= 3; count++) {
		struct http1_headers headers = { items, count };
		bool has_token = count == 3 && strncasecmp(lines[AUTHORIZATION], "Bearer ", 7) == 0 &&
			strcmp(lines[AUTHORIZATION] + 7, token) == 0;
		bool is_trusted = trusted != NULL && network_has(trusted, lines[PEER]);
		const char *why = NULL;
		int status;

		guard.is_loopback = false;
		status = guard_check(&guard, lines[PEER], "/v1/status", 1, &headers, &why);
		CHECK((status == 0) == (has_token || (is_trusted && status == 0)));
		CHECK(status == 0 || why != NULL);
		CHECK(status != 401 || !is_trusted);
		CHECK(guard_check(&guard, lines[PEER], "/livez", 1, &headers, &why) == 0);
		guard.is_loopback = true;
		status = guard_check(&guard, lines[PEER], "/livez", 1, &headers, &why);
		if (status == 0)
			CHECK(strncasecmp(lines[HOST], "localhost", 9) == 0 ||
				strncmp(lines[HOST], "127.0.0.1", 9) == 0 || strncmp(lines[HOST], "[::1]", 5) == 0);
	}
}

static void check_handshake(const char *key)
{
	const struct fl_header items[] = { { "Upgrade", "websocket" },
		{ "Sec-WebSocket-Version", "13" }, { "Sec-WebSocket-Key", key } };
	struct http1_message message = { .method = "GET",
		.target = "/",
		.minor = 1,
		.headers = { items, 3 },
		.body = "",
		.is_upgrade = true };
	char accept[ACCEPT_KEY_SIZE];
	const char *why;

	CHECK(request_is_websocket(&message));
	if (request_websocket_check(&message, accept, &why) == 0)
		CHECK(strlen(key) == 24 && strlen(accept) == 28);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct network network;
	char *lines[LINES];
	bool is_network;

	for (size_t i = 0; i < LINES; i++)
		lines[i] = fuzz_line(&in);
	check_target(lines[TARGET], lines[PARAMETER]);
	check_address(lines[ADDRESS]);
	is_network = check_network(lines[NETWORK], &network);
	if (is_network)
		(void)network_has(&network, lines[PEER]);
	check_guard(lines, is_network ? &network : NULL);
	check_handshake(lines[KEY]);
	for (size_t i = 0; i < LINES; i++)
		free(lines[i]);
	return 0;
}
