/*
 * process.h: what concerns the process as a whole: service notification, identity, privileges.
 */
#ifndef OS_PROCESS_H
#define OS_PROCESS_H

#include <feedloom/base.h>

/** One datagram to $NOTIFY_SOCKET ("READY=1", "WATCHDOG=1"); 0 also where there is none. */
int process_notify(const char *message);
/** Half of $WATCHDOG_USEC as ns: how often to say WATCHDOG=1; 0: never. */
int64_t process_watchdog_interval_ns(void);
int process_id(void);
/** Resident memory in bytes (VmRSS), 0 where it cannot be read. */
int64_t process_resident_bytes(void);
/** Becomes `user` for good (groups, gid, uid), -ENOENT: no such user; -EPERM: not root. */
int process_become(const char *user);
/** No new privileges, no core dumps of secrets (RLIMIT_CORE stays as set), umask 027, SIGPIPE
 * ignored. */
void process_harden(void);
/** For what may crash or hang: no core file, and SIGALRM after `seconds`. */
void process_make_expendable(unsigned seconds);
/** Ends the process without anything that is registered for its end. */
_Noreturn void process_end(int code);
const char *process_environment(const char *name); /* NULL: unset */

#endif
