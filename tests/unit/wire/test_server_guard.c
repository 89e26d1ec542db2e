/* server_guard: who is let in, by address, name, token and network. */
#include "unit.h"

#include "server_guard.h"

#include <string.h>

static void addresses_are_read_strictly(void **state)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
		bool is_loopback;
	} good[] = {
		{ "127.0.0.1:8080", "127.0.0.1", 8080, true },
		{ "127.1.2.3:0", "127.1.2.3", 0, true },
		{ "[::1]:0", "::1", 0, true },
		{ "localhost:80", "127.0.0.1", 80, true },
		{ "0.0.0.0:65535", "0.0.0.0", 65535, false },
		{ "[::]:80", "::", 80, false },
		{ "192.168.1.7:80", "192.168.1.7", 80, false },
	};
	static const char *const bad[] = { NULL, "", "8080", ":8080", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 1",
		"127.0.0.1:1x", "::1:80", "[127.0.0.1]:80", "[::1]", "[::1:80", "[::1]x80", "[]:80",
		"[localhost]:80", "nas:80", "127.0.1:80", "1.2.3.4.5:80", "[fe80::1%eth0]:80" };
	struct listen_address address;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(listen_address_parse(good[i].text, &address), 0);
		assert_string_equal(address.host, good[i].host);
		assert_int_equal(address.port, good[i].port);
		assert_int_equal(address.is_loopback, good[i].is_loopback);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (listen_address_parse(bad[i], &address) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
}

static void networks_hold_their_addresses(void **state)
{
	static const struct {
		const char *network, *peer;
		bool has;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.1.2:5", true },
		{ "10.0.0.0/8", "11.0.0.0:5", false },
		{ "10.0.0.0/8", "[::ffff:10.1.2.3]:5", true }, /* as a dual-stack listener sees it */
		{ "192.168.1.128/25", "192.168.1.128:5", true },
		{ "192.168.1.128/25", "192.168.1.127:5", false },
		{ "192.168.1.7", "192.168.1.7:5", true },
		{ "192.168.1.7", "192.168.1.6:5", false },
		{ "0.0.0.0/0", "203.0.113.5:1", true },
		{ "0.0.0.0/0", "[2001:db8::1]:1", false },
		{ "fd00::/8", "[fdab::1]:1", true },
		{ "fd00::/8", "[fe80::1]:1", false },
		{ "::/0", "[fe80::1]:1", true },
		{ "2001:db8::/33", "[2001:db8:7fff::1]:1", true },
		{ "2001:db8::/33", "[2001:db8:8000::1]:1", false },
		{ "10.0.0.0/8", "", false },
		{ "10.0.0.0/8", "nonsense", false },
	};
	static const char *const bad[] = { NULL, "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/8/8", "10.0.0/8", "fd00::/129", "nas/8", "10.0.0.0/ 8",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/8" };
	struct network network;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(network_parse(cases[i].network, &network), 0);
		if (network_has(&network, cases[i].peer) != cases[i].has)
			fail_msg("%s in %s", cases[i].peer, cases[i].network);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(network_parse(bad[i], &network), -EINVAL);
}

struct question {
	const char *host, *origin, *authorization;
	int status;
};

static int ask(
	const struct guard *guard, const char *peer, const char *path, const struct question *question)
{
	struct fl_header lines[3];
	struct http1_headers headers = { lines, 0 };
	const char *why = "";

	if (question->host != NULL)
		lines[headers.count++] = (struct fl_header){ "host", question->host };
	if (question->origin != NULL)
		lines[headers.count++] = (struct fl_header){ "ORIGIN", question->origin };
	if (question->authorization != NULL)
		lines[headers.count++] = (struct fl_header){ "Authorization", question->authorization };
	int status = guard_check(guard, peer, path, 1, &headers, &why);
	if (status != 0)
		assert_true(strlen(why) > 10);
	return status;
}

static void ask_all(
	const struct guard *guard, const char *peer, const struct question *questions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int status = ask(guard, peer, "/v1/x", &questions[i]);

		if (status != questions[i].status)
			fail_msg("host %s, origin %s: %d", questions[i].host, questions[i].origin, status);
	}
}
#define ASK_ALL(guard, peer, questions)                                                            \
	ask_all(guard, peer, questions, sizeof(questions) / sizeof((questions)[0]))

static void loopback_answers_to_its_own_names_only(void **state)
{
	static const struct question questions[] = {
		{ "localhost", NULL, NULL, 0 },
		{ "LOCALHOST:8080", NULL, NULL, 0 },
		{ "127.0.0.1:1", NULL, NULL, 0 },
		{ "[::1]:8080", "http://localhost:3000", NULL, 0 },
		{ "localhost", "https://127.0.0.1", NULL, 0 },
		{ "localhost", "http://[::1]:80", NULL, 0 },
		{ "evil.example:8080", NULL, NULL, 421 },
		{ "localhost.evil.example", NULL, NULL, 421 },
		{ "localhost:80x", NULL, NULL, 421 },
		{ "127.0.0.1.evil.example", NULL, NULL, 421 },
		{ "", NULL, NULL, 421 },
		{ "evil.example", NULL, "Bearer secret", 421 },
		{ "localhost", "http://evil.example", NULL, 403 },
		{ "localhost", "http://localhost.evil.example", NULL, 403 },
		{ "localhost", "http://localhost@evil.example", NULL, 403 },
		{ "localhost", "file://localhost", NULL, 403 },
		{ "localhost", "null", NULL, 403 },
		{ NULL, NULL, NULL, 400 },
	};
	struct guard guard = { .is_on = true, .is_loopback = true };

	(void)state;
	ASK_ALL(&guard, "127.0.0.1:5", questions);
	guard.is_on = false;
	assert_int_equal(ask(&guard, "127.0.0.1:5", "/", &questions[6]), 0);
}

static void networks_ask_with_the_token(void **state)
{
	static const struct question questions[] = {
		{ "any.example", "http://any.example", "Bearer secret", 0 },
		{ "h", NULL, "bearer secret", 0 },
		{ "h", NULL, NULL, 401 },
		{ "h", NULL, "Bearer secre", 401 },
		{ "h", NULL, "Bearer secret1", 401 },
		{ "h", NULL, "Bearer secreT", 401 },
		{ "h", NULL, "Bearer ", 401 },
		{ "h", NULL, "Basic secret", 401 },
		{ "h", NULL, "secret", 401 },
	};
	static const char *const open_paths[] = { "/livez", NULL };
	struct guard guard = { .is_on = true, .token = "secret", .open_paths = { open_paths, 1 } };

	(void)state;
	ASK_ALL(&guard, "192.168.1.7:5", questions);
	assert_int_equal(ask(&guard, "192.168.1.7:5", "/livez", &questions[2]), 0);
	assert_int_equal(ask(&guard, "192.168.1.7:5", "/livez/", &questions[2]), 401);
	guard.token = NULL;
	assert_int_equal(ask(&guard, "192.168.1.7:5", "/", &questions[6]), 401);
}

static void trusted_networks_need_no_token_but_a_local_name(void **state)
{
	static const struct question questions[] = {
		{ "192.168.1.2:8080", NULL, NULL, 0 },
		{ "[fd00::1]:8080", NULL, NULL, 0 },
		{ "nas", NULL, NULL, 0 },
		{ "feedloom:8080", "http://feedloom:8080", NULL, 0 },
		{ "NAS.local:80", NULL, NULL, 0 },
		{ "evil.example", NULL, NULL, 421 },
		{ "evil.example", NULL, "Bearer secret", 0 },
		{ "192.168.1.2.evil.example", NULL, NULL, 421 },
		{ ".local", NULL, NULL, 421 },
		{ "nas", "http://evil.example", NULL, 403 },
		{ "nas:80", "http://nas:81", NULL, 403 },
	};
	struct network trust;
	struct guard guard = { .is_on = true, .token = "secret", .trust = &trust, .trust_count = 1 };

	(void)state;
	assert_int_equal(network_parse("192.168.1.0/24", &trust), 0);
	ASK_ALL(&guard, "192.168.1.7:5", questions);
	assert_int_equal(ask(&guard, "192.168.2.7:5", "/", &questions[0]), 401);
}

static void two_hosts_are_none(void **state)
{
	static const struct fl_header lines[] = { { "Host", "localhost" }, { "HOST", "localhost" } };
	const struct http1_headers headers = { lines, 2 };
	const struct guard guard = { .is_on = false };
	const char *why;

	(void)state;
	assert_int_equal(guard_check(&guard, "127.0.0.1:5", "/", 1, &headers, &why), 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_strictly),
		cmocka_unit_test(networks_hold_their_addresses),
		cmocka_unit_test(loopback_answers_to_its_own_names_only),
		cmocka_unit_test(networks_ask_with_the_token),
		cmocka_unit_test(trusted_networks_need_no_token_but_a_local_name),
		cmocka_unit_test(two_hosts_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
