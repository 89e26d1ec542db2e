#include "crash.h"

#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "file_inside.h"

enum { FRAMES_MAX = 64, STACK_BYTES = 64 << 10 };

static const struct {
	int signum;
	const char *name;
} fatal[] = { { SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" }, { SIGILL, "SIGILL" },
	{ SIGFPE, "SIGFPE" }, { SIGABRT, "SIGABRT" }, { SIGTRAP, "SIGTRAP" }, { SIGSYS, "SIGSYS" } };

enum { FATAL_COUNT = sizeof(fatal) / sizeof(*fatal) };

/* Read by the signal handler. */
static struct sigaction earlier[FATAL_COUNT]; /* whoever had it before: a sanitizer, or nobody */
static struct crash_note *_Atomic noted;
static _Atomic int trace_fd = -1;
static pthread_t loop_thread;
static char own_stack[STACK_BYTES]; /* a plugin may have used up the other one */

const char *crash_signal_name(int signum)
{
	static char other[24];

	for (size_t i = 0; i < FATAL_COUNT; i++)
		if (fatal[i].signum == signum)
			return fatal[i].name;
	snprintf(other, sizeof(other), "signal %d", signum);
	return other;
}

/* The note first: whatever becomes of the rest, it is there. */
static void take_note(int signum, const siginfo_t *info)
{
	struct crash_note *note = atomic_load(&noted);
	struct timespec now = { 0 };
	void *frames[FRAMES_MAX];

	if (note == NULL || note->signum != 0)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	note->at_ns = (int64_t)now.tv_sec * FL_SECOND + now.tv_nsec;
	note->address = info->si_code > 0 ? (uint64_t)(uintptr_t)info->si_addr : 0;
	note->is_elsewhere = !pthread_equal(pthread_self(), loop_thread);
	note->signum = signum;
	if (atomic_load(&trace_fd) >= 0)
		backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), atomic_load(&trace_fd));
}

/* Only what a signal handler may do; backtrace has loaded what it needs in crash_watch. */
static void on_fatal(int signum, siginfo_t *info, void *context)
{
	(void)context;
	take_note(signum, info);
	for (size_t i = 0; i < FATAL_COUNT; i++)
		if (fatal[i].signum == signum)
			(void)sigaction(signum, &earlier[i], NULL);
	if (info->si_code <= 0) /* sent by somebody, or abort: nothing will fault again */
		(void)raise(signum);
}

static void take_stack(void)
{
	stack_t stack = { .ss_sp = own_stack, .ss_size = sizeof(own_stack) }, now;

	if (sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE))
		(void)sigaltstack(&stack, NULL);
}

void crash_watch(void)
{
	struct sigaction action = { .sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	void *frame;

	(void)backtrace(&frame, 1);
	loop_thread = pthread_self();
	take_stack();
	(void)sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < FATAL_COUNT; i++)
		(void)sigaction(fatal[i].signum, &action, &earlier[i]);
}

void crash_note_to(struct crash_note *note, struct file *trace)
{
	atomic_store(&trace_fd, trace == NULL ? -1 : trace->fd);
	atomic_store(&noted, note);
}
