/*
 * day.c: what the seed decides: the universe, the settings, the faults and their times. After the
 * last fault there is half an hour in which everything has to find back.
 */
#include "day.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os_inside.h"
#include "state.h"

#define QUIET_NS (30 * FL_MINUTE)
#define PARTED_NS (150 * FL_SECOND) /* two heartbeats and some: nobody bears more */
#define LOOK_NS FL_MINUTE
enum { TURNS_A_LOOK = 100, VENUE_FAULT_DAYS = 4, TWO_SINK_DAYS = 8, SKEWED_DAYS = 4 };
#define CLOCK_STEP_MAX_NS (20 * FL_SECOND)
#define TOLD_CLOCK_NS (3 * FL_SECOND) /* what the feed says something of, and some way */
#define CLOSE_LOOK_NS (20 * FL_MINUTE)

static const char *const sink_names[DAY_SINKS] = { "store", "second" };

struct run {
	struct day *day;
	struct random_stream draw, moments;
	uint64_t turns, look_at_turn;
	struct machine *exchange, *collector;
	char exchange_yaml[1024], calm_exchange_yaml[1024], collector_yaml[2048];
	bool has_name;                 /* the exchange is dialled by name */
	struct watch sinks[DAY_SINKS]; /* each with a database that holds its store and the ledger */
	size_t sink_count;
	int64_t exchange_off_ns; /* its clock is, all day */
	int64_t sync_ns;         /* how often the collector's journal is */
	int64_t looked_ns;       /* closely */
	bool is_disturbed_now;   /* a fault is being described */
	bool has_effect;         /* ... of which something must tell */
};

static uint64_t below(struct run *run, uint64_t limit)
{
	return stream_below(&run->draw, limit);
}

static const char *one_of(struct run *run, const char *const *choices, size_t count)
{
	return choices[below(run, count)];
}

#define ONE_OF(run, ...)                                                                           \
	one_of((run), (const char *const[]){ __VA_ARGS__ },                                            \
		sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

/* -- what the seed makes of the configuration ----------------------------------------- */

struct universe {
	bool is_whole; /* as many as the venue has */
	unsigned btc, eth, trade_share;
};

static void write_exchange(
	struct run *run, const struct universe *universe, const char *faults, char *out, size_t size)
{
	snprintf(out, size,
		"journal: { sync: 60s }\n"
		"services:\n"
		"  simulator: { listen: 127.0.0.1:8090, seed: %" PRIu64
		", btc_options: %u, eth_options: %u, futures: 2, message_rate: 1, trade_share: %u,"
		" book_share: 60, index_interval: 12s, ledger: ':memory:ledger', ledger_flush: 5m%s }\n",
		run->day->seed, universe->btc, universe->eth, universe->trade_share, faults);
}

/* Drawn one by one: a call's arguments come in an order of the compiler's. */
static void write_collector(struct run *run, const struct universe *universe, const char *sync)
{
	unsigned flush_rows = 1 + 2 * (unsigned)below(run, 200);
	/* A batch a message, or five times the refreshes, cost as much as days: few have them. */
	const char *floor = below(run, 80) == 0 ? "20ms" : ONE_OF(run, "10s", "20s", "40s", "40s");
	const char *refresh = below(run, 80) == 0 && !universe->is_whole ? "1m" : "5m";
	const char *heartbeat = ONE_OF(run, "10s", "30s", "60s");
	unsigned max_instruments = universe->is_whole ? 250 : 20 + (unsigned)below(run, 80);
	const char *channels =
		ONE_OF(run, "ticker.agg2, trades.100ms, quote", "ticker.100ms, trades.100ms, quote",
			"ticker.agg2, trades.agg2, quote, book.100ms", "ticker.agg2, trades.100ms, book.agg2",
			"trades.100ms, quote", "trades.100ms, quote, index");
	const char *host = ONE_OF(run, "exchange.test", "127.0.0.1", "localhost");
	const char *keep = ONE_OF(run, "1h", "10m", "1h");

	snprintf(run->collector_yaml, sizeof(run->collector_yaml),
		"journal: { sync: %s, keep: %s }\n"
		"feeds:\n"
		"  deribit: { url: ws://%s:8090/ws/api/v2, currencies: [BTC, ETH], channels: [%s],"
		" max_instruments: %u, heartbeat_interval: %s, refresh_interval: %s }\n"
		"sinks:\n"
		"  store: { plugin: sink_sqlite, path: ':memory:store', commit_floor: %s,"
		" flush_interval: 60s, flush_rows: %u }\n",
		sync, keep, host, channels, max_instruments, heartbeat, refresh, floor, flush_rows);
	run->has_name = strcmp(host, "127.0.0.1") != 0;
}

/* On some days there is a second sink, in no step with the first. */
static void write_second_sink(struct run *run)
{
	struct random_stream draw = stream_of_seed(run->day->seed, "second sink");
	size_t length = strlen(run->collector_yaml);
	unsigned floor_s;

	run->sink_count = 1;
	if (stream_below(&draw, TWO_SINK_DAYS) != 0)
		return;
	run->sink_count = 2;
	floor_s = 1 + (unsigned)stream_below(&draw, 60);
	snprintf(run->collector_yaml + length, sizeof(run->collector_yaml) - length,
		"  second: { plugin: sink_sqlite, path: ':memory:second', commit_floor: %us,"
		" flush_interval: 60s, flush_rows: 1000, batch_rows: %u }\n",
		floor_s, 10 + (unsigned)stream_below(&draw, 1000));
}

/* On some days the exchange's clock is off, all day long. */
static void set_clocks(struct run *run)
{
	struct random_stream draw = stream_of_seed(run->day->seed, "clocks");
	int64_t off_ns = (int64_t)stream_below(&draw, 2 * CLOCK_STEP_MAX_NS) - CLOCK_STEP_MAX_NS;

	if (!run->day->has_faults || stream_below(&draw, SKEWED_DAYS) != 0)
		return;
	run->exchange_off_ns = off_ns;
	machine_clock(run->exchange, off_ns);
}

/* On some days the exchange itself does what it should not, by chance (plugins/simulator/faults.c).
 */
static const char *venue_faults(struct run *run)
{
	struct random_stream draw = stream_of_seed(run->day->seed, "venue");

	run->day->has_venue_faults |=
		run->day->has_faults && stream_below(&draw, VENUE_FAULT_DAYS) == 0;
	return run->day->has_venue_faults ? ", faults: { seed: 1, every: 10m }" : "";
}

static void write_configurations(struct run *run)
{
	static const char *const syncs[] = { "1s", "5s", "30s" };
	static const int64_t sync_s[] = { 1, 5, 30 };
	struct universe universe = { .is_whole = below(run, 20) == 0 };
	uint64_t sync = below(run, 3);

	universe.btc = universe.is_whole ? 728 : 10 + (unsigned)below(run, 90);
	universe.eth = universe.is_whole ? 820 : 10 + (unsigned)below(run, 90);
	universe.trade_share = 20 + (unsigned)below(run, 80);
	run->sync_ns = sync_s[sync] * FL_SECOND;
	write_exchange(run, &universe, "", run->calm_exchange_yaml, sizeof(run->calm_exchange_yaml));
	write_exchange(
		run, &universe, venue_faults(run), run->exchange_yaml, sizeof(run->exchange_yaml));
	write_collector(run, &universe, syncs[sync]);
	write_second_sink(run);
}

/* -- moments -------------------------------------------------------------------------- */

static void each_sink(struct run *run, void (*watch)(struct watch *watch))
{
	for (size_t i = 0; i < run->sink_count; i++)
		watch(&run->sinks[i]);
}

static void look(struct run *run)
{
	if (world_now_ns() - run->looked_ns < CLOSE_LOOK_NS) {
		each_sink(run, watch_moment);
		return;
	}
	run->looked_ns = world_now_ns();
	each_sink(run, watch_closely);
}

/* Somewhere amidst what it does, as a kill may come too. */
static void on_turn(void *data, struct machine *machine)
{
	struct run *run = data;

	if (machine != run->collector || ++run->turns < run->look_at_turn ||
		machine_host(run->collector) == NULL)
		return;
	run->turns = 0;
	run->look_at_turn = 1 + stream_below(&run->moments, 2 * TURNS_A_LOOK);
	each_sink(run, watch_moment);
}

/* What the collector warns of may be what must tell of a fault. */
static void on_line(void *data, struct machine *machine, const char *line)
{
	struct run *run = data;

	if (machine != run->collector || strstr(line, " WARN ") == NULL)
		return;
	for (size_t i = 0; i < run->sink_count; i++)
		check_said(run->sinks[i].db, world_real_ns() / FL_US, line);
}

static void pass(struct run *run, int64_t duration_ns)
{
	while (duration_ns > 0) {
		int64_t step_ns = duration_ns < LOOK_NS ? duration_ns : LOOK_NS;

		world_run(step_ns);
		duration_ns -= step_ns;
		look(run);
	}
}

static int64_t real_us(void)
{
	return world_real_ns() / FL_US;
}

static void start_collector(struct run *run)
{
	int error;

	each_sink(run, watch_begin);
	error = machine_start(run->collector, run->collector_yaml);
	if (error != 0)
		verdict_fault(&run->day->verdict, "the collector does not start: %d", error);
	each_sink(run, watch_moment);
}

/* -- faults --------------------------------------------------------------------------- */

/* Behind a kill all that was published is there, behind a power cut what was synced. */
static void restart(struct run *run, bool is_power)
{
	int64_t at_us = real_us();

	each_sink(run, watch_closely);
	if (is_power) {
		machine_power_cut(run->collector);
		for (size_t i = 0; i < run->sink_count; i++)
			run->sinks[i].power_cuts++;
		run->day->power_cuts++;
	} else {
		machine_kill(run->collector);
		run->day->kills++;
	}
	world_run((int64_t)below(run, 5) == 0 ? (int64_t)below(run, 600) * FL_SECOND
										  : (int64_t)below(run, 5000) * FL_MS);
	for (size_t i = 0; i < run->sink_count; i++)
		check_killed(run->sinks[i].db, at_us, real_us(), is_power ? run->sync_ns / FL_US : 0);
	start_collector(run);
}

static void fault_reset(struct run *run)
{
	unsigned before = world_streams_broken();

	run->is_disturbed_now = world_reset_connection(below(run, UINT32_MAX));
	run->has_effect = world_streams_broken() > before;
}

static void fault_half_open(struct run *run)
{
	unsigned before = world_streams_broken();

	run->is_disturbed_now = world_half_open_connection(below(run, UINT32_MAX));
	run->has_effect = world_streams_broken() > before;
}

static void fault_partition(struct run *run)
{
	int64_t duration_ns = (int64_t)(1 + below(run, below(run, 4) == 0 ? 900 : 60)) * FL_SECOND;

	world_partition(duration_ns);
	pass(run, duration_ns);
	run->has_effect = duration_ns > PARTED_NS;
}

static void fault_latency(struct run *run)
{
	world_latency((int64_t)(1 + below(run, 8000)) * FL_MS);
	pass(run, (int64_t)below(run, 300) * FL_SECOND);
	world_latency(0);
	run->has_effect = false;
}

/* Nobody is found any more, of whom one must be dialled anew. */
static void fault_names(struct run *run)
{
	int64_t duration_ns = (int64_t)(10 + below(run, 600)) * FL_SECOND;
	unsigned before = world_streams_broken();

	world_names_fail(duration_ns);
	run->is_disturbed_now = world_reset_connection(below(run, UINT32_MAX));
	pass(run, duration_ns);
	run->has_effect = run->has_name && world_streams_broken() > before && duration_ns > FL_MINUTE;
}

/* As when somebody sets it, and sets it right again. */
static void fault_clock(struct run *run)
{
	int64_t off_ns = (int64_t)below(run, 2 * CLOCK_STEP_MAX_NS) - CLOCK_STEP_MAX_NS;

	machine_clock(run->collector, off_ns);
	pass(run, (int64_t)(2 + below(run, 1800)) * FL_SECOND);
	machine_clock(run->collector, 0);
	pass(run, 2 * FL_SECOND);
	run->has_effect = off_ns > FL_SECOND || off_ns < -FL_SECOND;
}

static void fault_kill(struct run *run)
{
	restart(run, false);
}

static void fault_power(struct run *run)
{
	restart(run, true);
}

/* Twice within moments: the second one meets a start that has not finished. */
static void fault_kill_again(struct run *run)
{
	restart(run, below(run, 2) == 0);
	world_run((int64_t)below(run, 2000) * FL_MS);
	restart(run, below(run, 2) == 0);
}

static void fault_disk(struct run *run)
{
	uint64_t which = below(run, 3);
	int64_t duration_ns = (int64_t)(1 + below(run, 600)) * FL_SECOND;

	machine_disk(run->collector, which == 0, which == 1, which == 2 ? 3 * FL_SECOND : 0);
	pass(run, duration_ns);
	machine_disk(run->collector, false, false, 0);
	/* There is room in the segments that are there; a slow one only takes longer. */
	run->has_effect = which == 1 && duration_ns > 2 * run->sync_ns + FL_SECOND;
}

static void fault_orderly_restart(struct run *run)
{
	each_sink(run, watch_closely);
	if (!machine_stop(run->collector))
		verdict_fault(&run->day->verdict, "the collector's stop did not store everything");
	world_run((int64_t)below(run, 120) * FL_SECOND);
	start_collector(run);
}

/* As around a release: all are cut off, nobody is let in, and it begins anew. */
static void fault_exchange(struct run *run)
{
	(void)machine_stop(run->exchange);
	pass(run, (int64_t)(1 + below(run, below(run, 3) == 0 ? 1200 : 60)) * FL_SECOND);
	if (machine_start(run->exchange, run->exchange_yaml) != 0)
		verdict_fault(&run->day->verdict, "the exchange does not start again");
}

/* What must tell of each is in reasons.c. */
static const struct {
	const char *name;
	void (*begin)(struct run *run);
} faults[DAY_FAULTS] = {
	{ "reset", fault_reset },
	{ "half open", fault_half_open },
	{ "partition", fault_partition },
	{ "latency", fault_latency },
	{ "kill", fault_kill },
	{ "power cut", fault_power },
	{ "killed twice", fault_kill_again },
	{ "disk", fault_disk },
	{ "restart", fault_orderly_restart },
	{ "exchange down", fault_exchange },
	{ "names", fault_names },
	{ "clock", fault_clock },
};

static void disturbed(struct run *run, const char *what, int64_t from_us)
{
	for (size_t i = 0; i < run->sink_count; i++)
		check_disturbed(run->sinks[i].db, what, from_us, real_us(), run->has_effect);
}

const char *day_fault_name(size_t which)
{
	return faults[which].name;
}

static void one_fault(struct run *run)
{
	size_t which = below(run, DAY_FAULTS);
	int64_t from_us = real_us();

	if (getenv("WORLD_LOG") != NULL)
		fprintf(stderr, "---- %s\n", faults[which].name);
	run->is_disturbed_now = run->has_effect = true;
	faults[which].begin(run);
	if (!run->is_disturbed_now)
		return; /* there was no connection to break */
	run->day->faults[which]++;
	disturbed(run, faults[which].name, from_us);
}

/* -- the day -------------------------------------------------------------------------- */

static void spend(struct run *run, int64_t until_ns)
{
	while (world_now_ns() < until_ns) {
		int64_t wait_ns = until_ns - world_now_ns();

		if (run->day->has_faults) {
			int64_t next_ns = (int64_t)below(run, 120 * 60 * 1000) * FL_MS;

			wait_ns = next_ns < wait_ns ? next_ns : wait_ns;
		}
		pass(run, wait_ns);
		if (run->day->has_faults && world_now_ns() < until_ns)
			one_fault(run);
	}
}

/* What the ledger counts is told of the first. */
static void check_sink(struct run *run, const struct watch *watch, int64_t until_us)
{
	struct verdict verdict = { 0 };

	check_agreement(&verdict, watch->db, until_us, run->day->has_faults);
	check_reasons(&verdict, watch->db);
	verdict.problems += run->day->verdict.problems;
	if (watch == &run->sinks[0])
		run->day->verdict = verdict;
	else
		run->day->verdict.problems = verdict.problems;
}

static void finish(struct run *run)
{
	struct day *day = run->day;
	char reason[700] = "";
	int64_t until_us;

	if (run->day->has_venue_faults) {
		(void)machine_stop(run->exchange);
		if (machine_start(run->exchange, run->calm_exchange_yaml) != 0)
			verdict_fault(&day->verdict, "the exchange does not start for the last time");
		disturbed(run, "venue", 0);
	}
	if (run->exchange_off_ns != 0) {
		run->has_effect =
			run->exchange_off_ns > TOLD_CLOCK_NS || run->exchange_off_ns < -TOLD_CLOCK_NS;
		disturbed(run, "venue clock", 1);
	}
	pass(run, QUIET_NS);
	if (!host_is_ready(machine_host(run->collector), reason, sizeof(reason)))
		verdict_fault(&day->verdict, "half an hour after the last fault: %s", reason);
	each_sink(run, watch_closely);
	until_us = real_us() + run->exchange_off_ns / FL_US;
	if (!machine_stop(run->collector))
		verdict_fault(&day->verdict, "the last stop did not store everything");
	world_run(2 * FL_SECOND);
	(void)machine_stop(run->exchange);
	for (size_t i = 0; i < run->sink_count; i++)
		check_sink(run, &run->sinks[i], until_us);
	day->heap_most_bytes = run->sinks[0].heap_most_bytes;
	day->moments = run->sinks[0].moments;
	day->starts = machine_starts(run->collector);
}

void day_run(struct day *day)
{
	struct run run = { .day = day,
		.draw = stream_of_seed(day->seed, "faults"),
		.moments = stream_of_seed(day->seed, "moments") };

	world_open(day->seed);
	run.exchange = world_machine("exchange");
	run.collector = world_machine("collector");
	write_configurations(&run);
	for (size_t i = 0; i < run.sink_count; i++)
		run.sinks[i] = (struct watch){ .verdict = &day->verdict,
			.machine = run.collector,
			.db = check_open(sink_names[i]),
			.sink = sink_names[i] };
	set_clocks(&run);
	check_clocks(day->has_faults ? 2 * CLOCK_STEP_MAX_NS : 0, run.exchange_off_ns);
	world_after_turn(on_turn, &run);
	world_on_line(on_line, &run);
	if (machine_start(run.exchange, run.exchange_yaml) != 0)
		verdict_fault(&day->verdict, "the exchange does not start");
	world_run(FL_SECOND);
	start_collector(&run);
	if (day->verdict.problems == 0) {
		spend(&run, day->length_ns - QUIET_NS);
		finish(&run);
	}
	day->hash = world_hash();
	day->turns = world_turns();
	if (day->verdict.problems > 0)
		world_print_log();
	world_close();
	for (size_t i = 0; i < run.sink_count; i++)
		check_close(run.sinks[i].db);
}
