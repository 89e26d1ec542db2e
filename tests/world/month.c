/* month.c: the days pass; each minute coverage and balance are looked at. */
#include "month.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "host.h"
#include "os_inside.h"
#include "state.h"

#define COVERAGE_LEAST 0.99
#define COVERAGE_MEAN 0.999
#define STARTS_WITHIN_NS (2 * FL_MINUTE)

/* Small connections: many of them, as with seven times the instruments. */
enum { MAX_CHANNELS = 500, MAX_INSTRUMENTS = 40 };

struct run {
	struct month *month;
	struct machine *exchange, *collector;
	struct random_stream draw;
	sqlite3 *db;
	double ratio_sum;
	struct watch watch;
};

static int start(struct run *run)
{
	char yaml[2048];
	int error;

	snprintf(yaml, sizeof(yaml),
		"journal: { sync: 60s }\n"
		"services:\n"
		"  simulator: { listen: 127.0.0.1:8090, seed: %" PRIu64
		", btc_options: 114, eth_options: 114, futures: 2, message_rate: 1, calendar: true,"
		" strikes_every: 3h, trade_history: 5000, ledger: ':memory:ledger', ledger_flush: 60s }\n",
		run->month->seed);
	error = machine_start(run->exchange, yaml);
	world_run(FL_SECOND);
	if (error != 0)
		return error;
	snprintf(yaml, sizeof(yaml),
		"journal: { sync: 30s, keep: 10m, max_size: 64MiB }\n"
		"feeds:\n"
		"  deribit: { url: ws://exchange.test:8090/ws/api/v2, currencies: [BTC, ETH],"
		" channels: [ticker.agg2, trades.100ms, quote], max_channels: %d, max_instruments: %d }\n"
		"sinks:\n"
		"  store: { plugin: sink_sqlite, path: ':memory:store', commit_floor: 5s,"
		" flush_interval: 20s, retention: { tickers: 2h, option_quotes: 2h, option_trades: 2h } }\n"
		"services:\n"
		"  lifecycle: { refresh_interval: 5m, expiry_buffer: %" PRId64 "s }\n",
		MAX_CHANNELS, MAX_INSTRUMENTS, run->month->expiry_buffer_ns / FL_SECOND);
	run->watch = (struct watch){
		.verdict = &run->month->verdict, .machine = run->collector, .db = run->db, .sink = "store"
	};
	watch_begin(&run->watch);
	return machine_start(run->collector, yaml);
}

/* -- each minute ---------------------------------------------------------------------- */

static void sample_coverage(struct run *run, const struct fl_ctx *feed)
{
	struct month *month = run->month;
	struct link *item, *following;

	list_each (item, following, &feed->coverages) {
		const struct coverage *coverage = container_of(item, struct coverage, link);
		const struct fl_coverage *counts = &coverage->counts;
		double ratio = counts->listed > 0 ? (double)counts->subscribed / counts->listed : 0;

		month->samples++;
		run->ratio_sum += ratio;
		month->least_ratio = fmin(month->least_ratio, ratio);
		if (ratio < COVERAGE_LEAST)
			verdict_fault(&month->verdict, "coverage of %s is %.4f: %d of %d", coverage->currency,
				ratio, counts->subscribed, counts->listed);
	}
}

/* After each turn of a loop: between two of them nothing happens. */
static void on_turn(void *data, struct machine *machine)
{
	struct run *run = data;
	const struct fl_ctx *feed;

	if (machine != run->collector || machine_host(machine) == NULL ||
		(feed = host_find(machine_host(machine), "deribit")) == NULL)
		return;
	balance_look(&run->month->balance, feed);
}

/* Each minute has one, at a moment that is drawn: not always when nothing happens. */
static void pass_minute(struct run *run)
{
	int64_t before_ns = (int64_t)stream_below(&run->draw, 60000) * FL_MS;

	world_run(before_ns);
	sample_coverage(run, host_find(machine_host(run->collector), "deribit"));
	world_run(FL_MINUTE - before_ns);
}

/* What the exchange has sent is not asked for here, and would fill the memory. */
static void forget_ledger(struct run *run)
{
	static const char *const tables[] = { "sent", "sent_quotes", "sent_tickers", "sent_trades",
		"sent_books", "sent_index_prices", "market_trades" };
	char sql[64];

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		snprintf(sql, sizeof(sql), "DELETE FROM main.%s", tables[i]);
		(void)check_number(run->db, sql);
	}
}

static void pass_day(struct run *run)
{
	for (int hour = 0; hour < 24; hour++) {
		for (int minute = 0; minute < 60; minute++)
			pass_minute(run);
		month_check_quotes(run->month, run->db);
		forget_ledger(run);
		watch_moment(&run->watch);
	}
	run->month->heap_last_bytes = machine_heap_bytes(run->collector);
	if (run->month->heap_first_bytes == 0)
		run->month->heap_first_bytes = run->month->heap_last_bytes;
	fprintf(stderr,
		"coverage at least %.4f, %.6f on average, connections uneven for %.1f s of %" PRId64
		" times\n",
		run->month->least_ratio, run->ratio_sum / (double)run->month->samples,
		(double)run->month->balance.uneven_ns / 1e9, run->month->balance.uneven);
}

/* -- the whole ------------------------------------------------------------------------ */

static void finish(struct run *run, int64_t from_us)
{
	struct month *month = run->month;
	int64_t until_us = world_real_ns() / FL_US;
	char reason[256] = "";

	world_after_turn(NULL, NULL);
	month->mean_ratio = run->ratio_sum / (double)month->samples;
	if (month->mean_ratio < COVERAGE_MEAN)
		verdict_fault(&month->verdict, "coverage is %.5f on average", month->mean_ratio);
	if (!host_is_ready(machine_host(run->collector), reason, sizeof(reason)))
		verdict_fault(&month->verdict, "it is not ready: %s", reason);
	if (!machine_stop(run->collector))
		verdict_fault(&month->verdict, "the stop did not store everything");
	world_run(2 * FL_SECOND);
	(void)machine_stop(run->exchange);
	month_check(month, run->db, from_us, until_us);
}

void month_run(struct month *month)
{
	struct run run = { .month = month, .draw = stream_of_seed(month->seed, "samples") };
	int64_t from_us;

	world_open(month->seed);
	run.db = check_open("store");
	run.exchange = world_machine("exchange");
	run.collector = world_machine("collector");
	month->least_ratio = 1;
	from_us = world_real_ns() / FL_US;
	if (start(&run) != 0)
		verdict_fault(&month->verdict, "it does not start");
	world_run(STARTS_WITHIN_NS);
	month->balance.verdict = &month->verdict;
	month->balance.max_channels = MAX_CHANNELS;
	month->balance.max_instruments = MAX_INSTRUMENTS;
	world_after_turn(on_turn, &run);
	for (int day = 0; day < month->days && month->verdict.problems == 0; day++) {
		fprintf(stderr, "day %d of %d: ", day + 1, month->days);
		pass_day(&run);
	}
	finish(&run, from_us);
	if (month->verdict.problems > 0)
		world_print_log();
	world_close();
	check_close(run.db);
}
