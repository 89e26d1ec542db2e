/* test_options.c: what is found wrong before anything is opened. */
#include "unit.h"

#include "fake.h"

#include <string.h>

static const char *check(const char *listen, const char *token, struct fl_names trust)
{
	static struct fl_ctx ctx;
	const struct options options = { .listen = listen, .token = token, .trust = trust };

	ctx.check_error[0] = '\0';
	feedloom_plugin.check(&options, (struct fl_check *)&ctx);
	return ctx.check_error;
}

static void the_network_needs_a_token_or_trust(void **state)
{
	static const char *const networks[] = { "172.18.0.0/16", NULL };
	static const char *const loopback[] = { "127.0.0.1:8080", "127.0.0.2:0", "[::1]:8080",
		"localhost:8080" };
	static const char *const others[] = { "0.0.0.0:8080", "[::]:8080", "192.168.1.2:80",
		"localhost.example:80" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(check(loopback[i], "", (struct fl_names){ 0 }), "");
		assert_non_null(strstr(check(others[i], "", (struct fl_names){ 0 }), "set `token`"));
		assert_string_equal(check(others[i], "secret", (struct fl_names){ 0 }), "");
		assert_string_equal(check(others[i], "", (struct fl_names){ networks, 1 }), "");
	}
}

static void an_address_has_a_port(void **state)
{
	static const char *const wrong[] = { "8080", "127.0.0.1", "127.0.0.1:", ":8080",
		"127.0.0.1:http", "127.0.0.1:65536", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_non_null(strstr(check(wrong[i], "", (struct fl_names){ 0 }), "like 127.0.0.1:8080"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_network_needs_a_token_or_trust),
		cmocka_unit_test(an_address_has_a_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
