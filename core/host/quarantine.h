/*
 * quarantine.h: a plugin that crashes takes the others along, so it must not do it over and over.
 * The instance whose code runs is named in a mapped word; after a fatal signal the next start says
 * which it was, and one that was named three times within ten minutes is not started until
 * somebody asks for it.
 */
#ifndef HOST_QUARANTINE_H
#define HOST_QUARANTINE_H

#include "crash.h"
#include "loop.h"

struct quarantine;

enum { QUARANTINE_CRASHES = 3 };
#define QUARANTINE_WITHIN_NS (10 * FL_MINUTE)

/**
 * Maps BESIDE.crash (made when it is not there) and tells the log what the last process left there.
 * The crash's stack is in BESIDE.crash.trace.
 *
 * @param beside  the journal's folder: who has its lock has these files too
 */
int quarantine_open(const char *beside, struct quarantine **out);
void quarantine_close(struct quarantine *quarantine); /* takes NULL */

/**
 * From outside, also of a daemon that runs: the crashes of an instance are forgotten.
 * @return how many there were; -ENOENT: no file, nothing has crashed; -EACCES, ...
 */
int quarantine_forget(const char *beside, const char *instance);

/** For crash_note_to. */
struct crash_note *quarantine_note(struct quarantine *quarantine);
struct file *quarantine_trace(struct quarantine *quarantine);

/** The word that names whose code runs, and an instance's number for it; 0: too many, or nobody. */
volatile uint32_t *quarantine_word(struct quarantine *quarantine);
uint32_t quarantine_number(struct quarantine *quarantine, const char *instance);

/** Whether it is not to be started; `reason` says why. NULL holds nobody. */
bool quarantine_holds(
	const struct quarantine *quarantine, const char *instance, char *reason, size_t size);
/** Its crashes are forgotten. */
void quarantine_clear(struct quarantine *quarantine, const char *instance);

#endif
