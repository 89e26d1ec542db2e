/* test_process.c: a service manager made of one socket, and what the process may do. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

/* Binds to $NOTIFY_SOCKET as the environment names it. */
static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	size_t length = strlen(path);

	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
						 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
		0);
	assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
	return fd;
}

static void expect_notice(int fd, const char *expected)
{
	char text[64] = "";

	assert_int_equal(recv(fd, text, sizeof(text) - 1, 0), strlen(expected));
	assert_string_equal(text, expected);
}

static void the_service_manager_is_told(void **state)
{
	char path[64];
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/feedloom-notify-%d", process_id());
	fd = listen_at(path);
	assert_int_equal(process_notify("READY=1"), 0);
	expect_notice(fd, "READY=1");
	(void)close(fd);
	(void)unlink(path);
	assert_int_equal(process_notify("READY=1"), -ENOENT);

	path[0] = '@'; /* the abstract name space */
	fd = listen_at(path);
	assert_int_equal(process_notify("WATCHDOG=1"), 0);
	expect_notice(fd, "WATCHDOG=1");
	(void)close(fd);
}

static void without_a_service_manager_nothing_is_told(void **state)
{
	char endless[200];

	(void)state;
	(void)unsetenv("NOTIFY_SOCKET");
	assert_int_equal(process_notify("READY=1"), 0);
	(void)setenv("NOTIFY_SOCKET", "tcp:1", 1);
	assert_int_equal(process_notify("READY=1"), -EAFNOSUPPORT);
	memset(endless, '/', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	(void)setenv("NOTIFY_SOCKET", endless, 1);
	assert_int_equal(process_notify("READY=1"), -EINVAL);
	(void)unsetenv("NOTIFY_SOCKET");
}

static void the_watchdog_is_fed_twice_as_often(void **state)
{
	char pid[16];

	(void)state;
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	assert_int_equal(process_watchdog_interval_ns(), 0);
	(void)setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(process_watchdog_interval_ns(), 15 * FL_SECOND);
	(void)setenv("WATCHDOG_PID", "1", 1); /* another's */
	assert_int_equal(process_watchdog_interval_ns(), 0);
	(void)snprintf(pid, sizeof(pid), "%d", process_id());
	(void)setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(process_watchdog_interval_ns(), 15 * FL_SECOND);
	(void)setenv("WATCHDOG_USEC", "30s", 1);
	assert_int_equal(process_watchdog_interval_ns(), 0);
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
}

static void the_process_knows_itself(void **state)
{
	(void)state;
	assert_int_equal(process_id(), getpid());
	assert_in_range(process_resident_bytes(), 100 * 1000, INT64_C(100) << 30);
	assert_null(process_environment("FEEDLOOM_SURELY_UNSET"));
}

/* What changes the process happens in a child; its exit code says what did not hold. */
static int in_child(int (*check)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		_exit(check());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int become_nobody(void)
{
	if (process_become("no such user") != -ENOENT)
		return 1;
	if (geteuid() != 0)
		return process_become("root") == -EPERM ? 0 : 2;
	if (process_become("nobody") != 0)
		return 3;
	if (getuid() == 0 || geteuid() == 0 || getgid() == 0 || getegid() == 0)
		return 4;
	if (process_become("root") != -EPERM)
		return 5;
	return process_become("nobody") == 0 ? 0 : 6; /* already */
}

static void privileges_go_for_good(void **state)
{
	(void)state;
	assert_int_equal(in_child(become_nobody), 0);
}

static int harden(void)
{
	process_harden();
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 1;
	if (umask(0) != 027)
		return 2;
	return raise(SIGPIPE) == 0 ? 0 : 3; /* survived */
}

static void a_hardened_process_gains_nothing(void **state)
{
	(void)state;
	assert_int_equal(in_child(harden), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_service_manager_is_told),
		cmocka_unit_test(without_a_service_manager_nothing_is_told),
		cmocka_unit_test(the_watchdog_is_fed_twice_as_often),
		cmocka_unit_test(the_process_knows_itself),
		cmocka_unit_test(privileges_go_for_good),
		cmocka_unit_test(a_hardened_process_gains_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
