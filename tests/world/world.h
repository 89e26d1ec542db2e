/*
 * world.h: daemons in one process on a virtual clock, an in-memory network and in-memory disks, all
 * of it from one seed. There is one world at a time.
 *
 * A machine is a machine with a disk; what runs on it is the daemon as core/daemon.c puts it
 * together, with the plugins as they are built. Its paths are /disk/MACHINE/...; SQLite databases
 * are ":memory:NAME".
 */
#ifndef WORLD_H
#define WORLD_H

#include "bus.h"
#include "host.h"
#include "metrics.h"

struct machine;

/** Begins anew: time, disks, network, and the fingerprint. */
void world_open(uint64_t seed);
/** Stops what still runs, as a kill does, and forgets all disks. */
void world_close(void);

int64_t world_now_ns(void);  /* since world_open */
int64_t world_real_ns(void); /* what the daemons believe */
uint64_t world_hash(void);   /* of everything that has happened */
uint64_t world_turns(void);
/** Lets time pass; what is due happens. */
void world_run(int64_t duration_ns);
/** Called after each turn of each machine's loop, until world_close; it may only look. NULL: no
 * more. */
void world_after_turn(void (*look)(void *data, struct machine *machine), void *data);
/** Called for each line that is logged, until world_close. `machine`: whose, NULL: nobody's. */
void world_on_line(void (*take)(void *data, struct machine *machine, const char *line), void *data);
/** Prints the last log lines to stderr. */
void world_print_log(void);

struct machine *world_machine(const char *name);
/** Starts a daemon there. 0, or a negative errno: its own start has failed, the log says why. */
int machine_start(struct machine *machine, const char *yaml);
bool machine_is_running(const struct machine *machine);
/** As SIGTERM. True: it has ended within a minute, with everything stored. */
bool machine_stop(struct machine *machine);
/** As SIGKILL. The disk keeps what was written, the kernel ends the connections. */
void machine_kill(struct machine *machine);
/** The plug is pulled: unsynced pages may be lost, peers hear nothing. */
void machine_power_cut(struct machine *machine);
struct bus *machine_bus(const struct machine *machine);   /* NULL: nothing runs */
struct host *machine_host(const struct machine *machine); /* NULL: nothing runs */
unsigned machine_starts(const struct machine *machine);

/** Connections that its process has dialled and not closed. */
unsigned machine_dialled(const struct machine *machine);
/** How often it has dialled since the world began. */
uint64_t machine_dials(const struct machine *machine);
/** WebSockets of the running process that were up and broke. */
uint64_t machine_streams_lost(const struct machine *machine);
/** What its processes have allocated and not freed, those that were killed too; 0 with sanitizers.
 */
int64_t machine_heap_bytes(const struct machine *machine);
int64_t machine_disk_used(const struct machine *machine);
struct metrics *machine_metrics(const struct machine *machine); /* NULL: nothing runs */

/* Troubles; each until it is taken back or over. */
void world_partition(int64_t duration_ns);
void world_latency(int64_t more_ns);
void world_names_fail(int64_t duration_ns);
/** Its real clock steps, so that it is so much ahead of the world's. */
void machine_clock(struct machine *machine, int64_t off_ns);
bool world_reset_connection(uint64_t draw);
bool world_half_open_connection(uint64_t draw);
unsigned world_connections(void);
/** WebSockets among those that were reset or left half open. */
unsigned world_streams_broken(void);
void machine_disk(struct machine *machine, bool is_full, bool fails, int64_t slow_ns);

#endif
