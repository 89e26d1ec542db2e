/* A program runs in a process of its own: what it prints, how it ends, and that it ends. */
#include "unit.h"

#include "child.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char said[64];
static struct child_end end;

static int run(const char *script, int64_t timeout_ms)
{
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	int descriptor = open("/proc/self/comm", O_RDONLY | O_CLOEXEC), result;

	assert_true(descriptor >= 0);
	result = child_run(argv, descriptor, timeout_ms, said, sizeof(said), &end);
	close(descriptor);
	return result;
}

static void what_it_prints_and_returns_is_known(void **state)
{
	(void)state;
	assert_int_equal(run("echo fine; echo not this >&2; exit 7", 10000), 0);
	assert_string_equal(said, "fine\n");
	assert_int_equal(end.code, 7);
	assert_int_equal(end.signum, 0);
	assert_int_equal(run("yes no | head -c 100000", 10000), 0);
	assert_int_equal(strlen(said), sizeof(said) - 1);
}

static void it_has_one_descriptor_of_ours_and_no_input(void **state)
{
	(void)state;
	if (getenv("FEEDLOOM_VALGRIND") != NULL)
		skip(); /* the descriptor is valgrind's program, not ours */
	assert_int_equal(run("cat; read name <&3; echo \"$name\"; ls /proc/self/fd | wc -l", 10000), 0);
	assert_non_null(strstr(said, "test_os_child"));
	assert_string_equal(strchr(said, '\n'), "\n5\n"); /* 0 to 3, and that of the folder */
}

static void a_signal_that_kills_it_is_known(void **state)
{
	(void)state;
	assert_int_equal(run("kill -SEGV $$", 10000), 0);
	assert_int_equal(end.signum, 11);
}

static void one_that_hangs_is_killed(void **state)
{
	(void)state;
	assert_int_equal(run("echo begun; exec sleep 60", 300), -ETIMEDOUT);
	assert_string_equal(said, "begun\n");
	assert_int_equal(end.signum, 9);
	/* Also one that says nothing more. */
	assert_int_equal(run("exec >&-; exec sleep 60", 300), -ETIMEDOUT);
}

static void what_cannot_be_started_says_why(void **state)
{
	const char *const argv[] = { "/nowhere/program", NULL };

	(void)state;
	if (getenv("FEEDLOOM_VALGRIND") != NULL)
		skip(); /* there posix_spawn does not tell */
	assert_int_equal(child_run(argv, 0, 1000, said, sizeof(said), &end), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_prints_and_returns_is_known),
		cmocka_unit_test(it_has_one_descriptor_of_ours_and_no_input),
		cmocka_unit_test(a_signal_that_kills_it_is_known),
		cmocka_unit_test(one_that_hangs_is_killed),
		cmocka_unit_test(what_cannot_be_started_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
