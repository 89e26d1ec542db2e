#include "unit.h"
#include "url.h"

#include <stdio.h>
#include <string.h>

static void every_part_is_found(void **state)
{
	struct url url;

	(void)state;
	assert_int_equal(url_parse("wss://www.Deribit.com/ws/api/v2?x=1", &url), 0);
	assert_true(url.is_secure);
	assert_true(url.is_websocket);
	assert_string_equal(url.host, "www.deribit.com");
	assert_int_equal(url.port, 443);
	assert_string_equal(url.authority, "www.deribit.com");
	assert_string_equal(url.path, "/ws/api/v2?x=1");
	assert_int_equal(url_parse("HTTP://127.0.0.1:8080", &url), 0);
	assert_false(url.is_secure);
	assert_false(url.is_websocket);
	assert_int_equal(url.port, 8080);
	assert_string_equal(url.authority, "127.0.0.1:8080");
	assert_string_equal(url.path, "/");
}

static void the_usual_port_is_not_written(void **state)
{
	struct url url;

	(void)state;
	assert_int_equal(url_parse("https://host:443/", &url), 0);
	assert_string_equal(url.authority, "host");
	assert_int_equal(url_parse("ws://host:443/", &url), 0);
	assert_string_equal(url.authority, "host:443");
}

static void v6_addresses_stand_in_brackets(void **state)
{
	struct url url;

	(void)state;
	assert_int_equal(url_parse("ws://[::1]:9000/a", &url), 0);
	assert_string_equal(url.host, "::1");
	assert_string_equal(url.authority, "[::1]:9000");
	assert_int_equal(url_parse("ws://[2001:db8::1]?q", &url), 0);
	assert_string_equal(url.authority, "[2001:db8::1]");
	assert_string_equal(url.path, "/?q");
}

static void what_is_not_plainly_a_url_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"wss",
		"wss://",
		"wss:///x",
		"ftp://host/",
		"host:80",
		"//host",
		"ws:/host",
		"ws://user@host/",
		"ws://user:word@host/",
		"ws://host/#part",
		"ws://ho st/",
		"ws://host/a b",
		"ws://host/\r\nX: y",
		"ws://host/\x7f",
		"ws://host/\xc3\xa9",
		"ws://host:/",
		"ws://host:0/",
		"ws://host:65536/",
		"ws://host:80a/",
		"ws://host:000080/",
		"ws://host:-1/",
		"ws://[::1",
		"ws://[::1]x/",
		"ws://[::g]/",
		"ws://[host]/",
		"ws://::1/",
		"ws://.host/",
		"ws://host\\x/",
		"ws://h%6fst/",
	};
	struct url url;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (url_parse(bad[i], &url) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
	}
}

static void lengths_are_bounded(void **state)
{
	char text[2048];
	struct url url;

	(void)state;
	snprintf(text, sizeof(text), "ws://%0253d/", 1);
	assert_int_equal(url_parse(text, &url), 0);
	snprintf(text, sizeof(text), "ws://%0254d/", 1);
	assert_int_equal(url_parse(text, &url), -EINVAL);
	snprintf(text, sizeof(text), "ws://host/%01022d", 1);
	assert_int_equal(url_parse(text, &url), 0);
	assert_int_equal(strlen(url.path), 1023);
	snprintf(text, sizeof(text), "ws://host/%01023d", 1);
	assert_int_equal(url_parse(text, &url), -EINVAL);
}

static void loopback_is_known(void **state)
{
	static const char *const yes[] = { "localhost", "LOCALHOST", "127.0.0.1", "127.255.0.3",
		"::1" };
	static const char *const no[] = { "", "local", "localhost.example", "128.0.0.1",
		"127.0.0.1.example", "127.1", "0.0.0.0", "::2", "::" };

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(url_is_loopback(yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(url_is_loopback(no[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_part_is_found),
		cmocka_unit_test(the_usual_port_is_not_written),
		cmocka_unit_test(v6_addresses_stand_in_brackets),
		cmocka_unit_test(what_is_not_plainly_a_url_is_refused),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(loopback_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
