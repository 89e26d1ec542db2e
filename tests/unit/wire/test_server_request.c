/* server_request, retry_after: targets, queries and dates, taken apart. */
#include "unit.h"

#include "retry_after.h"
#include "server_parts.h"

#include <string.h>

static void paths_are_decoded_or_refused(void **state)
{
	static const struct {
		const char *target, *path, *query;
	} good[] = {
		{ "/", "/", "" },
		{ "/a?b=c?d", "/a", "b=c?d" },
		{ "/a%20b+c%2f%C3%A4", "/a b+c/\303\244", "" },
		{ "/../x/./y", "/../x/./y", "" },
		{ "/a%41", "/aA", "" },
		{ "/?", "/", "" },
	};
	static const char *const bad[] = { "", "*", "x", "http://h/", "/%00", "/%0a", "/%7f", "/%",
		"/%4", "/%4x", "/%x4", "/a%", "/%ff", "/%c3", "/a#b", "/a?b#c" };
	char path[PATH_SIZE];
	const char *query;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(request_path(good[i].target, path, &query), 0);
		assert_string_equal(path, good[i].path);
		assert_string_equal(query, good[i].query);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (request_path(bad[i], path, &query) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
}

static void query_parameters_are_found_and_decoded(void **state)
{
	static const struct {
		const char *query, *name, *value;
	} good[] = {
		{ "a=1&b=2", "b", "2" },
		{ "a=1&a=2", "a", "1" },
		{ "ab=1&a=2", "a", "2" },
		{ "a", "a", "" },
		{ "a=&b", "a", "" },
		{ "&&a=x=y&", "a", "x=y" },
		{ "n=BTC+%2b%20x", "n", "BTC + x" },
		{ "%61=1", "a", "1" },
		{ "bad%=1&a=2", "a", "2" },
		{ "a=12345678901", "a", "12345678901" },
	};
	struct fl_http_request request = { 0 };
	char value[12];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		request.query = good[i].query;
		int length = server_request_query(&request, good[i].name, value, sizeof(value));

		assert_int_equal(length, strlen(good[i].value));
		assert_string_equal(value, good[i].value);
	}
	request.query = "a=1&bad=%4&long=123456789012&nul=%00&ctl=%0d%0a&end=%";
	assert_int_equal(server_request_query(&request, "c", value, sizeof(value)), -ENOENT);
	assert_int_equal(server_request_query(&request, "bad", value, sizeof(value)), -EINVAL);
	assert_int_equal(server_request_query(&request, "long", value, sizeof(value)), -EINVAL);
	assert_int_equal(server_request_query(&request, "nul", value, sizeof(value)), -EINVAL);
	assert_int_equal(server_request_query(&request, "ctl", value, sizeof(value)), -EINVAL);
	assert_int_equal(server_request_query(&request, "end", value, sizeof(value)), -EINVAL);
	assert_int_equal(server_request_query(&request, "a", value, 0), -EINVAL);
	request.query = "";
	assert_int_equal(server_request_query(&request, "", value, sizeof(value)), -ENOENT);
}

static void retry_after_is_seconds_or_a_date(void **state)
{
	static const char *const bad[] = { "", "-1", "1.5", "1s", "12345678901",
		"Sun, 06 Nov 1994 08:49:37 UTC", "Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994", "Sun, 06 Nux 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:37 GMT " };
	const int64_t date_ns = INT64_C(784111777) * FL_SECOND;
	int64_t ns;

	(void)state;
	assert_int_equal(http_date_parse("Sun, 06 Nov 1994 08:49:37 GMT", &ns), 0);
	assert_int_equal(ns, date_ns);
	assert_int_equal(retry_after_parse("120", 0), 120 * FL_SECOND);
	assert_int_equal(retry_after_parse("0", 0), 0);
	assert_int_equal(retry_after_parse("999999999", 0), 30 * FL_DAY);
	assert_int_equal(
		retry_after_parse("Sun, 06 Nov 1994 08:49:37 GMT", date_ns - 5 * FL_SECOND), 5 * FL_SECOND);
	assert_int_equal(retry_after_parse("Sun, 06 Nov 1994 08:49:37 GMT", date_ns + FL_SECOND), 0);
	assert_int_equal(retry_after_parse(NULL, 0), -1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(retry_after_parse(bad[i], 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_decoded_or_refused),
		cmocka_unit_test(query_parameters_are_found_and_decoded),
		cmocka_unit_test(retry_after_is_seconds_or_a_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
