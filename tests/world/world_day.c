/*
 * world_day: simulated days, one process each, on all processors; what `./dev sim` runs.
 *
 *   world_day [--seed N] [--runs N] [--hours H] [--jobs N] [--no-faults] [--venue-faults] [--again]
 *
 * Of several seeds each day is a process of its own that writes what came of it into a pipe; the
 * last lines say what all of them covered. FEEDLOOM_SHORT (sanitizers) makes it two hours at most.
 * --again runs each seed twice and compares the fingerprints. A violation prints the seed, what was
 * found and the last log lines; WORLD_LOG=1 prints every line as it comes.
 */
#include <execinfo.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "day.h"

struct order {
	uint64_t seed;
	long runs, hours, jobs;
	bool has_faults, has_venue_faults, again;
};

/* Not what a signal handler may do, but all is lost anyway, and this says where. */
static void on_crash(int signum)
{
	void *frames[64];

	(void)signal(signum, SIG_DFL);
	world_print_log();
	backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
	(void)raise(signum);
}

static double wall_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static unsigned sum_of_faults(const struct day *day)
{
	unsigned sum = 0;

	for (size_t i = 0; i < DAY_FAULTS; i++)
		sum += day->faults[i];
	return sum;
}

static void print_day(const struct day *day, double took_s)
{
	printf("seed %" PRIu64 ": %" PRId64 " messages, %" PRId64 " stored, %" PRId64
		   " cut off, %" PRId64
		   " trades refilled, %u faults%s, %u starts, heap %.1f MiB, fingerprint "
		   "%016" PRIx64 ", %.1f s\n",
		day->seed, day->verdict.messages, day->verdict.stored, day->verdict.missing,
		day->verdict.refilled, sum_of_faults(day),
		day->has_venue_faults ? " and the exchange's" : "", day->starts,
		(double)day->heap_most_bytes / 1048576, day->hash, took_s);
}

/*
 * The fingerprint of the same day in a process that has nothing at the same address, and has not
 * logged anything yet: whoever depends on either is found out. 0: it failed.
 */
static uint64_t hash_elsewhere(const struct day *like)
{
	struct day day = { .seed = like->seed,
		.length_ns = like->length_ns,
		.has_faults = like->has_faults,
		.has_venue_faults = like->has_venue_faults };
	uint64_t hash = 0;
	int ends[2];
	pid_t pid;

	if (pipe(ends) != 0)
		return 0;
	pid = fork();
	if (pid == 0) {
		static char *elsewhere;
		char hashed[32];
		int length;

		elsewhere = malloc(100003);
		day_run(&day);
		length = snprintf(hashed, sizeof(hashed), "%" PRIu64, day.hash);
		length = write(ends[1], hashed, (size_t)length) == length ? 0 : 1;
		free(elsewhere);
		_exit(length);
	}
	(void)close(ends[1]);
	if (pid > 0) {
		char hashed[32] = "";

		if (read(ends[0], hashed, sizeof(hashed) - 1) > 0)
			hash = strtoull(hashed, NULL, 10);
		(void)waitpid(pid, NULL, 0);
	}
	(void)close(ends[0]);
	return hash;
}

/* In a process of its own: daemons that are killed leave their memory behind. */
static int run_seed(const struct order *order, uint64_t seed, struct day *day)
{
	double begun_s = wall_s();
	uint64_t other = 0;

	*day = (struct day){ .seed = seed,
		.length_ns = order->hours * FL_HOUR,
		.has_faults = order->has_faults,
		.has_venue_faults = order->has_venue_faults };
	if (order->again)
		other = hash_elsewhere(day); /* before anything has left a trace here */
	day_run(day);
	print_day(day, wall_s() - begun_s);
	if (order->again && other != day->hash)
		verdict_fault(&day->verdict, "another run of the same seed was not the same");
	if (day->verdict.problems > 0)
		fprintf(stderr, "seed %" PRIu64 ": %u violations; again: ./dev sim --seed %" PRIu64 "%s\n",
			seed, day->verdict.problems, seed, order->has_faults ? "" : " --no-faults");
	fflush(stdout);
	return day->verdict.problems > 0 ? 1 : 0;
}

/* -- many seeds ----------------------------------------------------------------------- */

/* What all days together have covered. */
struct cover {
	uint64_t messages, missing, refilled, moments, faults[DAY_FAULTS];
	uint64_t starts, kills, power_cuts, venue_days;
	int64_t heap_most_bytes;
	double cpu_s;
};

static void cover_add(struct cover *cover, const struct day *day)
{
	cover->messages += (uint64_t)day->verdict.messages;
	cover->missing += (uint64_t)day->verdict.missing;
	cover->refilled += (uint64_t)day->verdict.refilled;
	cover->moments += day->moments;
	cover->starts += day->starts;
	cover->kills += day->kills;
	cover->power_cuts += day->power_cuts;
	cover->venue_days += day->has_venue_faults;
	if (day->heap_most_bytes > cover->heap_most_bytes)
		cover->heap_most_bytes = day->heap_most_bytes;
	for (size_t i = 0; i < DAY_FAULTS; i++)
		cover->faults[i] += day->faults[i];
}

static void cover_print(const struct cover *cover, double took_s)
{
	printf("covered: %" PRIu64 " messages, %" PRIu64 " cut off with a reason, %" PRIu64
		   " trades refilled; %" PRIu64 " starts, %" PRIu64 " kills, %" PRIu64
		   " power cuts; looked at %" PRIu64 " moments\nfaults:",
		cover->messages, cover->missing, cover->refilled, cover->starts, cover->kills,
		cover->power_cuts, cover->moments);
	for (size_t i = 0; i < DAY_FAULTS; i++)
		printf("%s %s %" PRIu64, i == 0 ? "" : ",", day_fault_name(i), cover->faults[i]);
	printf("; on %" PRIu64 " days the exchange's own", cover->venue_days);
	printf("\nmost heap of a collector %.1f MiB; %.0f s, of the processors %.0f s\n",
		(double)cover->heap_most_bytes / 1048576, took_s, cover->cpu_s);
}

static pid_t begin(const struct order *order, uint64_t seed, int to)
{
	struct day day;
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid != 0)
		return pid;
	status = run_seed(order, seed, &day);
	if (write(to, &day, sizeof(day)) != sizeof(day))
		status = 1;
	exit(status);
}

/* A day is smaller than what a pipe takes in one piece. */
static void take_days(int from, struct cover *cover)
{
	struct day day;

	while (read(from, &day, sizeof(day)) == sizeof(day))
		cover_add(cover, &day);
}

static void tell_progress(const struct order *order, long ended, long failed, double begun_s)
{
	double took_s = wall_s() - begun_s;

	fprintf(stderr, "%ld of %ld seeds, %ld with violations, about %.0f s left\n", ended,
		order->runs, failed, took_s / (double)ended * (double)(order->runs - ended));
}

static double cpu_of_children_s(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_CHILDREN, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static long run_all(const struct order *order)
{
	struct cover cover = { 0 };
	long begun = 0, ended = 0, failed = 0;
	double begun_s = wall_s(), told_s = begun_s;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return order->runs;
	while (ended < order->runs) {
		int status = 0;

		while (begun < order->runs && begun - ended < order->jobs)
			if (begin(order, order->seed + (uint64_t)begun++, ends[1]) < 0)
				return order->runs;
		if (wait(&status) < 0)
			return order->runs;
		ended++;
		failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
		if (WIFSIGNALED(status))
			fprintf(stderr, "a run died of signal %d\n", WTERMSIG(status));
		take_days(ends[0], &cover);
		if (wall_s() - told_s > 10) {
			told_s = wall_s();
			tell_progress(order, ended, failed, begun_s);
		}
	}
	cover.cpu_s = cpu_of_children_s();
	cover_print(&cover, wall_s() - begun_s);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return failed;
}

static int usage(void)
{
	fputs(
		"usage: world_day [--seed N] [--runs N] [--hours H] [--jobs N] [--no-faults] [--venue-faults] [--again]\n",
		stderr);
	return 64;
}

int main(int argc, char **argv)
{
	struct order order = { .seed = 1, .runs = 1, .hours = 24, .has_faults = true };
	struct day day;
	long failed;

	(void)signal(SIGABRT, on_crash);
	(void)signal(SIGSEGV, on_crash);
	order.jobs = sysconf(_SC_NPROCESSORS_ONLN);
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--no-faults") == 0)
			order.has_faults = false;
		else if (strcmp(argv[i], "--venue-faults") == 0)
			order.has_venue_faults = true;
		else if (strcmp(argv[i], "--again") == 0)
			order.again = true;
		else if (value == NULL)
			return usage();
		else if (strcmp(argv[i], "--seed") == 0)
			order.seed = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--runs") == 0)
			order.runs = strtol(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--hours") == 0)
			order.hours = strtol(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--jobs") == 0)
			order.jobs = strtol(argv[++i], NULL, 10);
		else
			return usage();
	}
	if (order.runs < 1 || order.hours < 1 || order.jobs < 1)
		return usage();
	if (getenv("FEEDLOOM_SHORT") != NULL && order.hours > 2)
		order.hours = 2;
	failed = order.runs == 1 ? run_seed(&order, order.seed, &day) : run_all(&order);
	printf("%ld of %ld seeds without a violation\n", order.runs - failed, order.runs);
	return failed == 0 ? 0 : 1;
}
