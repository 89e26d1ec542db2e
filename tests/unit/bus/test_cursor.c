#include "clock.h"
#include "loop.h"
#include "metrics.h"
#include "rig.h"

static void start(struct rig *rig, struct store *store)
{
	rig_make(rig);
	rig_open(rig);
	store_make(store, rig);
}

static void end(struct rig *rig, struct store *store)
{
	rig_clean(rig);
	store_free(store);
}

static void a_cursor_goes_on_behind_its_position(void **state)
{
	struct rig rig;
	struct store store;

	(void)state;
	start(&rig, &store);
	store.how.batch_rows = 7; /* so that positions lie anywhere */
	assert_int_equal(store_open(&store), 0);
	publish_many(&rig, 1, 500);
	store_drain(&store);
	assert_int_equal(store.count, 500);
	for (int round = 0; round < 5; round++) { /* with and without a restart between */
		if (round % 2 == 0) {
			rig_close(&rig);
			rig_open(&rig);
		} else {
			cursor_close(store.cursor);
		}
		publish_many(&rig, 501 + round * 60, 60);
		assert_int_equal(store_open(&store), 0);
		store_drain(&store);
		assert_int_equal(store.count, 560 + round * 60);
		assert_identity(&store);
	}
	for (size_t i = 0; i < store.count; i++)
		assert_int_equal(store.ids[i], i + 1);
	assert_int_equal(store.dropped[FL_TICKER], 0);
	end(&rig, &store);
}

static void a_position_within_a_segment_is_found_by_number(void **state)
{
	struct rig rig;
	struct store store;
	struct fl_position at;

	(void)state;
	start(&rig, &store);
	publish_many(&rig, 1, 600);
	bus_position(rig.bus, &at);
	for (uint64_t number = 1; number < 600; number += 67) {
		store.position = at;
		store.position.number = number;
		store.stored[FL_TICKER] = number;
		store.count = 0;
		assert_int_equal(store_open(&store), 0);
		store_drain(&store);
		assert_int_equal(store.count, 600 - number);
		assert_int_equal(store.ids[0], number + 1);
		assert_identity(&store);
	}
	end(&rig, &store);
}

static void a_cursor_of_another_journal_starts_at_the_oldest_record(void **state)
{
	struct rig rig;
	struct store store;

	(void)state;
	start(&rig, &store);
	publish_many(&rig, 1, 20);
	store.position = (struct fl_position){ 12345, 3, 15 };
	assert_int_equal(store_open(&store), 1);
	store_drain(&store);
	assert_int_equal(store.count, 20);
	assert_int_equal(store.ids[0], 1);
	assert_int_not_equal(store.position.journal_id, 12345);
	end(&rig, &store);
}

static void a_cursor_beyond_the_journal_gets_what_is_new(void **state)
{
	struct rig rig;
	struct store store;
	struct fl_position at;

	(void)state;
	start(&rig, &store);
	publish_many(&rig, 1, 20);
	rig_close(&rig);
	rig_open(&rig);
	bus_position(rig.bus, &at);
	store.position = at;
	store.position.generation = 9; /* the journal is an older copy */
	store.position.number = 500;
	assert_int_equal(store_open(&store), 0);
	publish_many(&rig, 1001, 5);
	store_drain(&store);
	assert_int_equal(store.count, 5);
	assert_int_equal(store.ids[0], 1001);
	end(&rig, &store);
}

static void a_batch_is_bounded_in_rows_and_follows_the_one_before(void **state)
{
	struct rig rig;
	struct store store;

	(void)state;
	start(&rig, &store);
	store.mode = STORE_HOLDS;
	store.how.batch_rows = 30;
	publish_many(&rig, 1, 100);
	assert_int_equal(store_open(&store), 0);
	for (int batch = 1; batch <= 4; batch++) {
		for (int i = 0; i < 10000 && store.batches < (unsigned)batch; i++)
			rig_wait(&rig, FL_MS);
		rig_wait(&rig, 20 * FL_MS);
		assert_int_equal(store.batches, batch); /* one at a time */
		assert_int_equal(store.last.count, batch < 4 ? 30 : 10);
		assert_int_equal(store.last.is_live, batch == 4);
		assert_int_equal(store.last.to.number, batch < 4 ? batch * 30 : 100);
		store_ack(&store);
	}
	assert_int_equal(store.count, 100);
	end(&rig, &store);
}

static void a_batch_never_crosses_a_segment(void **state)
{
	struct rig rig;
	struct store store;
	struct bus_status status;

	(void)state;
	start(&rig, &store);
	publish_many(&rig, 1, 1000);
	bus_status(rig.bus, &status);
	assert_true(status.segments >= 4);
	assert_int_equal(store_open(&store), 0);
	store_drain(&store);
	assert_int_equal(store.count, 1000);
	assert_true(store.batches >= status.segments);
	assert_true(store.last.length <= RIG_SEGMENT_BYTES);
	end(&rig, &store);
}

static void what_the_filter_leaves_out_is_counted(void **state)
{
	struct rig rig;
	struct store store;

	(void)state;
	start(&rig, &store);
	store.how.filter.patterns = "trade,quote/deribit/ETH*";
	for (int i = 1; i <= 300; i++) {
		static const char *const names[] = { "BTC-1", "ETH-1" };
		unsigned kind = i % 3 == 0 ? FL_TRADE : i % 3 == 1 ? FL_QUOTE : FL_TICKER;

		assert_int_equal(
			bus_publish(rig.bus, rig.source, make_record(&rig, kind, i, names[i % 2])), 0);
		if (i % 50 == 0)
			rig_settle(&rig);
	}
	assert_int_equal(store_open(&store), 0);
	store_drain(&store);
	assert_int_equal(store.stored[FL_TRADE], 100);
	assert_int_equal(store.stored[FL_QUOTE], 50);
	assert_int_equal(store.stored[FL_TICKER], 0);
	assert_int_equal(store.filtered[FL_QUOTE], 50);
	assert_int_equal(store.dropped[FL_TICKER] + store.dropped[FL_QUOTE], 0);
	assert_identity(&store);
	end(&rig, &store);
}

static void a_quiet_stream_is_not_woken_for_others_records(void **state)
{
	struct rig rig;
	struct store store;
	struct cursor_status status;

	(void)state;
	start(&rig, &store);
	store.how.filter.patterns = "trade";
	assert_int_equal(store_open(&store), 0);
	publish(&rig, FL_TRADE, 1);
	store_drain(&store);
	assert_int_equal(store.batches, 1);
	publish_many(&rig, 2, 500);
	rig_settle(&rig);
	store_drain(&store);
	assert_int_equal(store.batches, 1);
	publish(&rig, FL_TRADE, 502);
	store_drain(&store);
	assert_int_equal(store.batches, 2);
	assert_int_equal(store.last.skipped, 500);
	assert_int_equal(store.last.filtered[FL_TICKER], 500);
	cursor_status(store.cursor, &status);
	assert_int_equal(status.waiting_records, 0);
	assert_int_equal(status.filtered[FL_TICKER], 500);
	assert_identity(&store);
	end(&rig, &store);
}

static void a_cursor_with_an_end_stops_just_there(void **state)
{
	struct rig rig;
	struct store store;

	(void)state;
	start(&rig, &store);
	store.how.filter.patterns = "trade";
	publish(&rig, FL_TRADE, 1);
	publish_many(&rig, 2, 8); /* others' */
	publish(&rig, FL_TRADE, 10);
	store.how.until = 7; /* a place that is none of its records' */
	assert_int_equal(store_open(&store), 0);
	for (int i = 0; i < 100; i++)
		rig_settle(&rig);
	assert_int_equal(store.stored[FL_TRADE], 1);
	assert_int_equal(store.position.number, 7);
	store.how.until = 0;
	assert_int_equal(store_open(&store), 0);
	store_drain(&store);
	assert_int_equal(store.stored[FL_TRADE], 2);
	assert_int_equal(store.position.number, 10);
	assert_identity(&store);
	end(&rig, &store);
}

static void a_record_of_a_batch_has_its_number(void **state)
{
	struct rig rig;
	struct store store;

	(void)state;
	start(&rig, &store);
	store.how.filter.patterns = "trade";
	store.how.batch_rows = 2;
	for (int i = 1; i <= 60; i++) /* the ids are the numbers */
		publish(&rig, i % 3 == 0 ? FL_TRADE : FL_TICKER, i);
	store.checks_numbers = true;
	assert_int_equal(store_open(&store), 0);
	store_drain(&store);
	assert_int_equal(store.stored[FL_TRADE], 20);
	end(&rig, &store);
}

static void a_refused_batch_comes_again_and_nothing_is_lost(void **state)
{
	struct rig rig;
	struct store store;
	struct fl_batch first;

	(void)state;
	start(&rig, &store);
	store.mode = STORE_REFUSES;
	store.retry_ns = 5 * FL_MS;
	publish_many(&rig, 1, 50);
	assert_int_equal(store_open(&store), 0);
	for (int i = 0; i < 5000 && store.batches < 4; i++)
		rig_wait(&rig, FL_MS);
	assert_true(store.batches >= 4);
	first = store.last;
	assert_int_equal(first.count, 50);
	assert_int_equal(first.from.number, 0);
	assert_identity(&store);
	store.mode = STORE_ACKS;
	store_drain(&store);
	assert_int_equal(store.count, 50);
	assert_identity(&store);
	end(&rig, &store);
}

static void hold_next(struct store *store)
{
	unsigned before = store->batches;

	for (int i = 0; i < 20000 && store->batches == before; i++)
		rig_wait(store->rig, FL_MS / 2);
	assert_int_equal(store->batches, before + 1);
}

/* A third of the window each, and less than a third of what is in front of it. */
enum { LARGE_ROWS = 4000, LARGE_BATCHES = 9 };

static void full_batches_are_not_cut_where_the_window_ends(void **state)
{
	struct rig rig;
	struct store store;

	(void)state;
	rig_make(&rig);
	rig.setup.segment_bytes = 16 << 20;
	rig_open(&rig);
	store_make(&store, &rig);
	store.how.batch_rows = LARGE_ROWS;
	store.mode = STORE_HOLDS;
	for (int i = 1; i <= LARGE_ROWS * LARGE_BATCHES; i++) {
		assert_int_equal(publish(&rig, FL_TICKER, i), 0);
		if (i % LARGE_ROWS == 0)
			rig_settle(&rig);
	}
	assert_int_equal(store_open(&store), 0);
	for (int i = 0; i < LARGE_BATCHES; i++) {
		hold_next(&store);
		if (i % 2 == 1) { /* its part of the window may be gone: it comes again all the same */
			store.count -= LARGE_ROWS;
			store.stored[FL_TICKER] -= LARGE_ROWS;
			rig_settle(&rig);
			cursor_retry(store.cursor, 0);
			hold_next(&store);
		}
		assert_int_equal(store.last.count, LARGE_ROWS);
		store_ack(&store);
	}
	assert_int_equal(store.count, LARGE_ROWS * LARGE_BATCHES);
	for (size_t i = 0; i < store.count; i++)
		assert_int_equal(store.ids[i], i + 1);
	assert_identity(&store);
	end(&rig, &store);
}

static void an_ack_of_something_else_is_ignored(void **state)
{
	struct rig rig;
	struct store store;
	struct fl_position wrong;
	struct cursor_status status;

	(void)state;
	start(&rig, &store);
	store.mode = STORE_HOLDS;
	publish_many(&rig, 1, 10);
	assert_int_equal(store_open(&store), 0);
	for (int i = 0; i < 5000 && store.batches < 1; i++)
		rig_wait(&rig, FL_MS);
	wrong = store.last.to;
	wrong.number--;
	cursor_ack(store.cursor, &wrong);
	cursor_status(store.cursor, &status);
	assert_true(status.is_in_flight);
	assert_int_equal(status.position.number, 0);
	assert_int_equal(status.waiting_records, 10);
	assert_true(status.oldest_received_ns != 0);
	store_ack(&store);
	cursor_status(store.cursor, &status);
	assert_false(status.is_in_flight);
	assert_int_equal(status.position.number, 10);
	end(&rig, &store);
}

static void a_cursor_is_adopted_where_it_stands(void **state)
{
	struct rig rig;
	struct store store;
	struct cursor *before;

	(void)state;
	start(&rig, &store);
	store.mode = STORE_HOLDS;
	publish_many(&rig, 1, 10);
	assert_int_equal(store_open(&store), 0);
	for (int i = 0; i < 5000 && store.batches < 1; i++)
		rig_wait(&rig, FL_MS);
	before = store.cursor;
	assert_int_equal(store_open(&store), 0);
	assert_ptr_equal(store.cursor, before);
	rig_wait(&rig, 30 * FL_MS);
	assert_int_equal(store.batches, 1); /* still that one */
	store_ack(&store);
	/* Another position: the store knows better. */
	memset(&store.position, 0, sizeof(store.position));
	store.count = store.stored[FL_TICKER] = 0;
	store.mode = STORE_ACKS;
	assert_int_equal(store_open(&store), 0);
	assert_ptr_equal(store.cursor, before);
	store_drain(&store);
	assert_int_equal(store.count, 10);
	assert_ptr_equal(cursor_find(rig.bus, "store", "main"), before);
	assert_null(cursor_find(rig.bus, "store", "other"));
	end(&rig, &store);
}

static void a_commit_floor_is_kept_and_a_long_one_cut_short(void **state)
{
	struct rig rig;
	struct store store;
	int64_t began_ns;

	(void)state;
	start(&rig, &store);
	store.how.commit_floor_ns = 20 * FL_MS;
	store.how.flush_rows = 1;
	assert_int_equal(store_open(&store), 0);
	publish(&rig, FL_TICKER, 1);
	store_drain(&store);
	began_ns = clock_monotonic_ns(rig.loop);
	publish(&rig, FL_TICKER, 2);
	store_drain(&store);
	assert_int_equal(store.batches, 2);
	/* flush_rows has no effect on a floor of 20 ms; the commit before may have been a turn earlier
	 */
	assert_true(clock_monotonic_ns(rig.loop) - began_ns >= 15 * FL_MS);

	store.how.commit_floor_ns = FL_HOUR;
	store.how.flush_rows = 10;
	store.how.flush_interval_ns = FL_HOUR;
	assert_int_equal(store_open(&store), 0);
	for (int i = 3; i <= 11; i++)
		publish(&rig, FL_TICKER, i);
	rig_wait(&rig, 30 * FL_MS);
	assert_int_equal(store.batches, 2);
	publish(&rig, FL_TICKER, 12);
	store_drain(&store);
	assert_int_equal(store.batches, 3);
	assert_int_equal(store.last.count, 10);

	store.how.flush_interval_ns = 10 * FL_MS;
	assert_int_equal(store_open(&store), 0);
	publish(&rig, FL_TICKER, 13);
	store_drain(&store);
	assert_int_equal(store.batches, 4);
	end(&rig, &store);
}

static void who_stops_waits_for_no_floor(void **state)
{
	struct rig rig;
	struct store store;

	(void)state;
	start(&rig, &store);
	store.how.commit_floor_ns = store.how.flush_interval_ns = FL_HOUR;
	assert_int_equal(store_open(&store), 0);
	publish(&rig, FL_TICKER, 1);
	store_drain(&store);
	publish(&rig, FL_TICKER, 2);
	rig_settle(&rig);
	assert_int_equal(store.batches, 1);
	bus_hurry(rig.bus);
	store_drain(&store);
	assert_int_equal(store.batches, 2);
	publish(&rig, FL_TICKER, 3);
	store_drain(&store);
	assert_int_equal(store.batches, 3);
	end(&rig, &store);
}

static void each_record_is_in_the_latency_histogram(void **state)
{
	struct rig rig;
	struct store store;
	struct metrics *metrics = metrics_create();

	(void)state;
	start(&rig, &store);
	store.latency = metrics_find(
		metrics, FL_HISTOGRAM, "feedloom_persist_latency_seconds", NULL, "received to persisted");
	assert_int_equal(store_open(&store), 0);
	publish_many(&rig, 1, 700);
	store_drain(&store);
	assert_int_equal(metrics_count(store.latency), 700);
	end(&rig, &store);
	metrics_destroy(metrics);
}

static void bad_names_and_filters_are_refused(void **state)
{
	struct rig rig;
	struct store store;
	struct cursor *cursor;
	struct fl_stream how = { .filter = { "tickers" } };
	struct cursor_setup setup = { .sink = "store", .stream = "main", .how = &how };

	(void)state;
	start(&rig, &store);
	assert_int_equal(cursor_open(rig.bus, &setup, &cursor), -EINVAL);
	how.filter.patterns = NULL;
	setup.stream = "a b";
	assert_int_equal(cursor_open(rig.bus, &setup, &cursor), -EINVAL);
	setup.stream = "a23456789b123456789c123456789d12";
	assert_int_equal(cursor_open(rig.bus, &setup, &cursor), -EINVAL);
	end(&rig, &store);
}

/* The last record brings what is not told yet; then nothing waits, and the sums are what was sent.
 */
static void settle_accounts(struct store *store, const uint64_t sent[FL_KIND_COUNT])
{
	struct cursor_status status;
	struct bus_status bus;

	store_drain(store);
	cursor_status(store->cursor, &status);
	bus_status(store->rig->bus, &bus);
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		assert_int_equal(bus.published[kind], sent[kind]);
		assert_int_equal(status.waiting[kind], 0);
		assert_int_equal(
			store->stored[kind] + store->dropped[kind] + status.filtered[kind], sent[kind]);
	}
	for (size_t i = 1; i < store->count; i++)
		assert_true(store->ids[i] > store->ids[i - 1]); /* each once, in order */
}

/* Restarts, refusals, losses, a full journal: whatever happens, everything is accounted for. */
static void the_loss_identity_holds_whatever_happens(void **state)
{
	static const uint8_t kinds[] = { FL_TICKER, FL_TRADE, FL_QUOTE, FL_BOOK };

	(void)state;
	for (unsigned seed = 1; seed <= 8; seed++) {
		struct rig rig;
		struct store store;
		int64_t id = 1;
		uint64_t sent[FL_KIND_COUNT] = { 0 };

		srand(seed);
		rig_make(&rig);
		rig.setup.max_bytes = 5 * RIG_SEGMENT_BYTES;
		rig_open(&rig);
		store_make(&store, &rig);
		store.how.batch_rows = 40;
		store.retry_ns = FL_MS;
		if (seed % 2 == 0)
			store.how.filter.patterns = "ticker,trade";
		assert_int_equal(store_open(&store), 0);
		for (int step = 0; step < 300; step++) {
			switch (rand() % 12) {
			case 0: store.mode = STORE_REFUSES; break;
			case 1:
			case 2: store.mode = STORE_ACKS; break;
			case 3:
				if (rand() % 4 == 0) {
					rig_close(&rig);
					rig_open(&rig);
				} else {
					cursor_close(store.cursor);
				}
				assert_int_equal(store_open(&store), 0);
				break;
			default:
				for (int i = rand() % 60; i > 0; i--) {
					unsigned kind = kinds[rand() % 4];

					(void)publish(&rig, kind, id++);
					sent[kind]++;
				}
				break;
			}
			for (int i = rand() % 8; i > 0; i--)
				loop_turn(rig.loop, false);
			assert_identity(&store);
		}
		store.mode = STORE_ACKS;
		rig_settle(&rig);
		assert_int_equal(publish(&rig, FL_TRADE, id), 0);
		sent[FL_TRADE]++;
		settle_accounts(&store, sent);
		end(&rig, &store);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cursor_goes_on_behind_its_position),
		cmocka_unit_test(a_position_within_a_segment_is_found_by_number),
		cmocka_unit_test(a_cursor_of_another_journal_starts_at_the_oldest_record),
		cmocka_unit_test(a_cursor_beyond_the_journal_gets_what_is_new),
		cmocka_unit_test(a_batch_is_bounded_in_rows_and_follows_the_one_before),
		cmocka_unit_test(a_batch_never_crosses_a_segment),
		cmocka_unit_test(what_the_filter_leaves_out_is_counted),
		cmocka_unit_test(a_cursor_with_an_end_stops_just_there),
		cmocka_unit_test(a_record_of_a_batch_has_its_number),
		cmocka_unit_test(a_quiet_stream_is_not_woken_for_others_records),
		cmocka_unit_test(a_refused_batch_comes_again_and_nothing_is_lost),
		cmocka_unit_test(full_batches_are_not_cut_where_the_window_ends),
		cmocka_unit_test(an_ack_of_something_else_is_ignored),
		cmocka_unit_test(a_cursor_is_adopted_where_it_stands),
		cmocka_unit_test(a_commit_floor_is_kept_and_a_long_one_cut_short),
		cmocka_unit_test(who_stops_waits_for_no_floor),
		cmocka_unit_test(each_record_is_in_the_latency_histogram),
		cmocka_unit_test(bad_names_and_filters_are_refused),
		cmocka_unit_test(the_loss_identity_holds_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
