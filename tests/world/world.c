/* world.c: machines, the daemons on them, and the log of all in one ring. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "heap.h"
#include "load.h"
#include "log.h"
#include "os_inside.h"
#include "settings.h"

enum { RING_LINES = 600 };
#define BEGINS_NS                                                                                  \
	(INT64_C(1763956800) * FL_SECOND) /* 2025-11-24T04:00:00Z: options expire at 8                 \
									   */
#define DISK_BYTES (INT64_C(8) << 30)
#define DRAIN_NS (15 * FL_SECOND)
#define STOP_NS (60 * FL_SECOND)

struct daemon {
	struct machine machine;
	struct config *config;
	struct settings settings;
	struct loop *loop;
	struct metrics *metrics;
	struct bus *bus;
	struct host *host;
	unsigned starts;
	bool has_stopped, is_drained;
};

/* Daemons that were killed: nobody frees what they had, but it is not lost either. */
struct corpse {
	struct corpse *next;
	struct daemon what;
};

static struct corpse *corpses;
static char *ring[RING_LINES];
static size_t ring_count;
static void (*listener)(void *data, struct machine *machine, const char *line);
static void *listener_data;
static const char *folders[64];
static size_t folder_count;

static struct daemon *daemon_of(const struct machine *machine)
{
	return container_of((struct machine *)(uintptr_t)machine, struct daemon, machine);
}

/* -- the log -------------------------------------------------------------------------- */

static void take_line(void *data, const char *line, size_t length)
{
	char **place = &ring[ring_count++ % RING_LINES];
	const char *machine = os.current != NULL ? os.current->name : "world";

	(void)data;
	os_note("log", os.current, line, length);
	*place = heap_resize(*place, length + sizeof(os.current->name) + 2);
	sprintf(*place, "%-9s %.*s", machine, (int)length, line);
	if (getenv("WORLD_LOG") != NULL)
		fputs(*place, stderr);
	if (listener != NULL) {
		struct machine *whose = os.current;

		os.current = NULL; /* what the listener needs is not the machine's memory */
		listener(listener_data, whose, *place);
		os.current = whose;
	}
}

void world_on_line(void (*take)(void *data, struct machine *machine, const char *line), void *data)
{
	listener = take;
	listener_data = data;
}

void world_print_log(void)
{
	size_t from = ring_count > RING_LINES ? ring_count - RING_LINES : 0;

	for (size_t i = from; i < ring_count; i++)
		if (ring[i % RING_LINES] != NULL)
			fputs(ring[i % RING_LINES], stderr);
}

static int64_t log_now(void *data)
{
	(void)data;
	return world_real_ns();
}

/* -- the world ------------------------------------------------------------------------ */

static void find_plugins(void)
{
	static const char *const names[] = { WORLD_PLUGINS };

	for (folder_count = 0; folder_count < sizeof(names) / sizeof(*names); folder_count++)
		folders[folder_count] = names[folder_count];
}

void world_open(uint64_t seed)
{
	find_plugins();
	heap_setup();
	os = (struct os_world){ .real_at_zero_ns = BEGINS_NS,
		.now_ns = FL_SECOND,
		.queue = os.queue,
		.size = os.size,
		.net = stream_of_seed(seed, "network"),
		.workers = stream_of_seed(seed, "workers"),
		.hash = seed };
	list_init(&os.machines);
	disk_clear();
	log_setup(FL_INFO, LOG_TEXT);
	log_to(take_line, NULL);
	log_time(log_now, NULL);
}

void world_close(void)
{
	struct link *item, *following;

	os.after_turn = NULL;
	listener = NULL;
	list_each (item, following, &os.machines) {
		struct daemon *daemon = daemon_of(container_of(item, struct machine, link));

		if (daemon->loop != NULL)
			machine_kill(&daemon->machine);
	}
	disk_clear(); /* while there are machines to count for */
	while (!list_is_empty(&os.machines)) {
		struct link *first = os.machines.next;

		list_remove(first);
		free(daemon_of(container_of(first, struct machine, link)));
	}
	log_to(NULL, NULL);
	log_time(NULL, NULL);
	for (size_t i = 0; i < RING_LINES; i++) {
		heap_give(ring[i]);
		ring[i] = NULL;
	}
	ring_count = 0;
}

int64_t world_now_ns(void)
{
	return os.now_ns;
}

int64_t world_real_ns(void)
{
	return os.real_at_zero_ns + os.now_ns;
}

uint64_t world_hash(void)
{
	return os.hash;
}

uint64_t world_turns(void)
{
	return os.turn_count;
}

void world_run(int64_t duration_ns)
{
	int64_t until_ns = os.now_ns + duration_ns;

	while (os_step(until_ns))
		;
	os.now_ns = until_ns;
}

void world_after_turn(void (*look)(void *data, struct machine *machine), void *data)
{
	os.after_turn = look;
	os.after_turn_data = data;
}

/* -- machines ---------------------------------------------------------------------------- */

struct machine *world_machine(const char *name)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));

	if (daemon == NULL)
		abort();
	snprintf(daemon->machine.name, sizeof(daemon->machine.name), "%s", name);
	daemon->machine.random = stream_of_seed(os.hash, name);
	daemon->machine.disk_bytes = DISK_BYTES;
	daemon->machine.pid = 1000;
	list_append(&os.machines, &daemon->machine.link);
	return &daemon->machine;
}

static const struct bus_owner bus_owner = { 0 };

static int open_parts(struct daemon *daemon)
{
	const struct journal_settings *settings = daemon->settings.journal;
	struct bus_setup setup = { .folder = settings->folder,
		.max_bytes = settings->max_bytes,
		.sync_ns = settings->sync_ns,
		.keep_ns = settings->keep_ns,
		.owner = &bus_owner,
		.data = daemon };
	struct host_parts parts = {
		.loop = daemon->loop,
		.folders = { .paths = folders, .count = folder_count },
		.schema_folder = WORLD_SCHEMA,
	};
	char state[64];
	long other = 0;
	int error = bus_open(daemon->loop, &setup, &other, &daemon->bus);

	if (error != 0)
		return error;
	daemon->metrics = metrics_create();
	snprintf(state, sizeof(state), "/disk/%s", daemon->machine.name);
	parts.state_folder = strdup(state); /* lives as long as the host; forgotten with it */
	parts.metrics = daemon->metrics;
	parts.bus = daemon->bus;
	return host_open(&parts, &daemon->host);
}

/* Closing takes turns too: whoever looks then must not find what is being closed. */
static void close_parts(struct daemon *daemon)
{
	struct host *host = daemon->host;
	struct bus *bus = daemon->bus;
	struct metrics *metrics = daemon->metrics;
	char *state = host == NULL ? NULL : (char *)(uintptr_t)host->parts.state_folder;

	daemon->host = NULL;
	daemon->bus = NULL;
	daemon->metrics = NULL;
	host_close(host);
	bus_close(bus);
	metrics_destroy(metrics);
	loop_close(daemon->loop);
	settings_finish(&daemon->settings);
	config_destroy(daemon->config);
	free(state);
	daemon->loop = NULL;
	daemon->config = NULL;
}

static void print_errors(struct config_errors *errors)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	(void)config_errors_print(errors, &text);
	log_error("world", "%s", buf_string(&text));
	buf_finish(&text);
}

static int start(struct daemon *daemon, const char *yaml, struct config_errors *errors)
{
	char folder[64];
	int error;

	snprintf(folder, sizeof(folder), "/disk/%s", daemon->machine.name);
	(void)file_make_folder(folder);
	error = config_load_text("world.yaml", yaml, strlen(yaml), NULL, errors, &daemon->config);
	if (error == 0)
		error = settings_load(daemon->config->root, folder, errors, &daemon->settings);
	if (error == 0)
		error = loop_open(&daemon->loop);
	if (error == 0)
		error = open_parts(daemon);
	if (error == 0)
		error = host_configure(daemon->host, daemon->config->root, NULL, errors);
	return error;
}

int machine_start(struct machine *machine, const char *yaml)
{
	struct daemon *daemon = daemon_of(machine);
	struct config_errors errors;
	int error;

	os.current = machine;
	machine->pid++;
	machine->streams_lost = 0;
	daemon->starts++;
	config_errors_init(&errors);
	error = start(daemon, yaml, &errors);
	if (error != 0) {
		print_errors(&errors);
		close_parts(daemon);
	} else if (machine->is_host_down) {
		machine->is_host_down = false;
		net_host_is_back(machine);
	}
	config_errors_finish(&errors);
	os.current = NULL;
	return error;
}

bool machine_is_running(const struct machine *machine)
{
	return daemon_of(machine)->loop != NULL;
}

static void on_stopped(void *data, bool is_drained)
{
	struct daemon *daemon = data;

	daemon->has_stopped = true;
	daemon->is_drained = is_drained;
}

bool machine_stop(struct machine *machine)
{
	struct daemon *daemon = daemon_of(machine);
	int64_t until_ns = os.now_ns + STOP_NS;

	os.current = machine;
	daemon->has_stopped = false;
	host_stop(daemon->host, DRAIN_NS, on_stopped, daemon);
	os.current = NULL;
	while (!daemon->has_stopped && os_step(until_ns))
		;
	os.current = machine;
	close_parts(daemon);
	os.current = NULL;
	return daemon->has_stopped && daemon->is_drained;
}

/* Its memory stays where it is, as nobody's. */
static void bury(struct daemon *daemon)
{
	struct corpse *corpse = malloc(sizeof(*corpse));

	if (corpse == NULL)
		abort();
	corpse->what = *daemon;
	corpse->next = corpses;
	corpses = corpse;
	os_forget_loop(daemon->loop);
	daemon->machine.loop = NULL;
	daemon->loop = NULL;
	daemon->host = NULL;
	daemon->bus = NULL;
	daemon->metrics = NULL;
	daemon->config = NULL;
	daemon->settings = (struct settings){ 0 };
}

void machine_kill(struct machine *machine)
{
	struct daemon *daemon = daemon_of(machine);

	os_note("kill", machine, NULL, 0);
	net_process_died(daemon->loop);
	disk_process_died(machine);
	bury(daemon);
}

void machine_power_cut(struct machine *machine)
{
	struct daemon *daemon = daemon_of(machine);

	os_note("power", machine, NULL, 0);
	net_host_died(daemon->loop);
	disk_process_died(machine);
	disk_power_cut(machine, &os.workers);
	machine->is_host_down = true;
	bury(daemon);
}

struct bus *machine_bus(const struct machine *machine)
{
	return daemon_of(machine)->bus;
}

struct host *machine_host(const struct machine *machine)
{
	return daemon_of(machine)->host;
}

unsigned machine_starts(const struct machine *machine)
{
	return daemon_of(machine)->starts;
}

unsigned machine_dialled(const struct machine *machine)
{
	const struct loop *loop = daemon_of(machine)->loop;

	return loop == NULL ? 0 : net_dialled_count(loop);
}

uint64_t machine_dials(const struct machine *machine)
{
	return machine->dials;
}

uint64_t machine_streams_lost(const struct machine *machine)
{
	return machine->streams_lost;
}

int64_t machine_heap_bytes(const struct machine *machine)
{
	return machine->heap_bytes;
}

int64_t machine_disk_used(const struct machine *machine)
{
	return machine->disk_used;
}

struct metrics *machine_metrics(const struct machine *machine)
{
	return daemon_of(machine)->metrics;
}

/* -- troubles ------------------------------------------------------------------------- */

void world_partition(int64_t duration_ns)
{
	os.partition_until_ns = os.now_ns + duration_ns;
}

void world_names_fail(int64_t duration_ns)
{
	os.names_fail_until_ns = os.now_ns + duration_ns;
}

void machine_clock(struct machine *machine, int64_t off_ns)
{
	os_note("clock", machine, &off_ns, sizeof(off_ns));
	machine->clock_off_ns = off_ns;
}

unsigned world_streams_broken(void)
{
	return os.streams_broken;
}

void world_latency(int64_t more_ns)
{
	os.latency_more_ns = more_ns;
}

bool world_reset_connection(uint64_t draw)
{
	return net_reset_one(draw);
}

bool world_half_open_connection(uint64_t draw)
{
	return net_half_open_one(draw);
}

unsigned world_connections(void)
{
	return net_open_count();
}

void machine_disk(struct machine *machine, bool is_full, bool fails, int64_t slow_ns)
{
	machine->disk_is_full = is_full;
	machine->disk_fails = fails;
	machine->disk_slow_ns = slow_ns;
}
