#include "error.h"
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static void both_signs_give_the_same_words(void **state)
{
	(void)state;
	assert_string_equal(error_text(-ECONNREFUSED), "connection refused");
	assert_string_equal(error_text(ECONNREFUSED), "connection refused");
	assert_string_equal(
		error_text(-3008), "no such host name"); /* the resolver's, by way of libuv */
}

static void every_number_has_words(void **state)
{
	(void)state;
	for (int error = -5000; error <= 5000; error++)
		assert_true(strlen(error_text(error)) > 0);
	assert_string_equal(error_text(INT_MIN), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_signs_give_the_same_words),
		cmocka_unit_test(every_number_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
