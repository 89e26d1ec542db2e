/*
 * crash.h: what a fatal signal leaves for the next start: a note in memory that outlives the
 * process (a shared mapping of a file) and the stack as text. The signal then goes on to whoever
 * had it before: a sanitizer's report, or the core dump.
 */
#ifndef OS_CRASH_H
#define OS_CRASH_H

#include "file.h"

/** Zeroed: nothing has happened. Of a fixed layout: it lies in a file. */
struct crash_note {
	int64_t at_ns;           /* real time */
	uint64_t address;        /* the signal's */
	volatile int32_t signum; /* 0: none */
	int32_t is_elsewhere;    /* not on the thread that called crash_watch */
};

/**
 * Takes the fatal signals, on a stack of their own; this thread is the loop's. Once, before any
 * file_guard: that passes on what is not its own.
 */
void crash_watch(void);
/** From now on a fatal signal is noted there, its stack written to `trace`. NULL: nowhere. */
void crash_note_to(struct crash_note *note, struct file *trace);
/** "SIGSEGV"; "signal 99". */
const char *crash_signal_name(int signum);

#endif
