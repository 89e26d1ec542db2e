#include "child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { THEIR_DESCRIPTOR = 3, NAP_MS = 2 };

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Workers block every signal and the daemon ignores some: the child begins as from a shell. */
static int set_signals(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int result;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	result = posix_spawnattr_setsigmask(attributes, &none);
	if (result == 0)
		result = posix_spawnattr_setsigdefault(attributes, &all);
	if (result == 0)
		result =
			posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return result;
}

static int set_files(posix_spawn_file_actions_t *files, int output, int descriptor)
{
	int result = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (result == 0)
		result = posix_spawn_file_actions_adddup2(files, output, STDOUT_FILENO);
	if (result == 0)
		result = posix_spawn_file_actions_addopen(files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(files, descriptor, THEIR_DESCRIPTOR);
	return result;
}

static int spawn(const char *const argv[], int output, int descriptor, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int result = posix_spawn_file_actions_init(&files);

	if (result != 0)
		return -result;
	result = posix_spawnattr_init(&attributes);
	if (result != 0)
		goto destroy_files;
	result = set_files(&files, output, descriptor);
	if (result == 0)
		result = set_signals(&attributes);
	if (result == 0)
		result =
			posix_spawn(pid, argv[0], &files, &attributes, (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawnattr_destroy(&attributes);
destroy_files:
	(void)posix_spawn_file_actions_destroy(&files);
	return -result;
}

/* To its end or until it is late; what does not fit is read and forgotten. */
static void read_output(int input, int64_t deadline_ms, char *out, size_t size)
{
	size_t held = 0;

	out[0] = '\0';
	for (;;) {
		struct pollfd ready = { .fd = input, .events = POLLIN };
		int64_t left_ms = deadline_ms - now_ms();
		char bytes[512];
		ssize_t got;

		if (left_ms <= 0)
			return;
		if (poll(&ready, 1, (int)left_ms) <= 0)
			continue;
		got = read(input, bytes, sizeof(bytes));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return;
		for (ssize_t i = 0; i < got && held + 1 < size; i++)
			out[held++] = bytes[i];
		out[held] = '\0';
	}
}

static int wait_until(pid_t pid, int64_t deadline_ms, int *status)
{
	for (;;) {
		const struct timespec nap = { .tv_nsec = NAP_MS * 1000000L };
		pid_t ended = waitpid(pid, status, WNOHANG);

		if (ended == pid)
			return 0;
		if (ended < 0 && errno != EINTR)
			return -errno;
		if (now_ms() >= deadline_ms)
			return -ETIMEDOUT;
		(void)nanosleep(&nap, NULL);
	}
}

int child_run(const char *const argv[], int descriptor, int64_t timeout_ms, char *out, size_t size,
	struct child_end *end)
{
	int64_t deadline_ms = now_ms() + timeout_ms;
	int ends[2], status = 0, result;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	result = spawn(argv, ends[1], descriptor, &pid);
	(void)close(ends[1]);
	if (result < 0)
		goto close_input;
	read_output(ends[0], deadline_ms, out, size);
	result = wait_until(pid, deadline_ms, &status);
	if (result == -ETIMEDOUT) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
	}
	*end = (struct child_end){ .code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
		.signum = WIFSIGNALED(status) ? WTERMSIG(status) : 0 };
close_input:
	(void)close(ends[0]);
	return result;
}
