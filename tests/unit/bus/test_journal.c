#include "clock.h"
#include "file.h"
#include "loop.h"
#include "rig.h"
#include "worker.h"
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void every_kind_is_read_back_as_it_was_published(void **state)
{
	struct rig rig;
	struct store store;
	struct bus_status status;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	for (unsigned kind = FL_QUOTE; kind <= FL_ACCOUNT_TRADE; kind++)
		assert_int_equal(publish(&rig, kind, (int64_t)kind), 0);
	store_make(&store, &rig);
	assert_int_equal(store_open(&store), 0);
	rig_settle(&rig);
	assert_int_equal(store.count, 12);
	for (unsigned kind = FL_QUOTE; kind <= FL_ACCOUNT_TRADE; kind++) {
		assert_int_equal(store.ids[kind - 1], kind);
		assert_int_equal(store.stored[kind], 1);
	}
	assert_true(store.last.is_live);
	bus_status(rig.bus, &status);
	assert_int_equal(status.last_number, 12);
	assert_int_equal(store.position.number, 12);
	assert_int_equal(store.position.journal_id, status.journal_id);
	assert_true(status.journal_id >> 63 == 0);
	assert_identity(&store);
	rig_clean(&rig);
	store_free(&store);
}

static void a_restart_goes_on_with_the_next_number_in_a_new_generation(void **state)
{
	struct rig rig;
	struct store store;
	struct bus_status first, second;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	publish_many(&rig, 1, 100);
	bus_status(rig.bus, &first);
	rig_close(&rig);
	rig_open(&rig);
	publish_many(&rig, 101, 100);
	bus_status(rig.bus, &second);
	assert_int_equal(second.journal_id, first.journal_id);
	assert_int_equal(second.generation, first.generation + 1);
	assert_int_equal(second.last_number, 200);
	assert_int_equal(second.published[FL_TICKER], 200);
	store_make(&store, &rig);
	assert_int_equal(store_open(&store), 0);
	rig_settle(&rig);
	assert_int_equal(store.count, 200);
	for (int i = 0; i < 200; i++)
		assert_int_equal(store.ids[i], i + 1);
	assert_int_equal(store.position.generation, second.generation);
	rig_clean(&rig);
	store_free(&store);
}

static void an_orderly_close_leaves_no_more_than_what_was_written(void **state)
{
	struct rig rig;
	char names[8][64], path[400];

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	publish_many(&rig, 1, 10);
	rig_close(&rig);
	assert_int_equal(rig_segments(rig.folder, names, 8), 1);
	(void)snprintf(path, sizeof(path), "%s/%s", rig.folder, names[0]);
	assert_true(rig_file_bytes(path) < 512 + 10 * 300);
	(void)snprintf(path, sizeof(path), "%s/spare-00000001.segment", rig.folder);
	assert_int_equal(rig_file_bytes(path), -1);
	rig_clean(&rig);
}

static void ids_and_names_outlive_a_restart(void **state)
{
	struct rig rig;
	struct dictionary *dictionary;
	uint32_t call, put;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	dictionary = bus_dictionary(rig.bus);
	call = dictionary_instrument(dictionary, rig.venue, "ETH-1JAN25-4000-C", 17);
	put = dictionary_instrument(dictionary, rig.venue, "ETH-1JAN25-4000-P", 17);
	assert_int_equal(
		bus_publish(rig.bus, rig.source, make_record(&rig, FL_QUOTE, 1, "ETH-1JAN25-4000-P")), 0);
	rig_close(&rig);
	rig_open(&rig);
	dictionary = bus_dictionary(rig.bus);
	assert_string_equal(dictionary_instrument_name(dictionary, put), "ETH-1JAN25-4000-P");
	assert_string_equal(dictionary_instrument_venue(dictionary, put), "deribit");
	/* Never used by a record: its id is free again, and it gets one that nobody has. */
	assert_string_equal(dictionary_instrument_name(dictionary, call), "");
	assert_int_not_equal(
		dictionary_instrument(dictionary, rig.venue, "ETH-1JAN25-4000-C", 17), put);
	assert_string_equal(dictionary_source_name(dictionary, rig.source), "deribit");
	rig_clean(&rig);
}

static void a_segment_can_be_read_when_those_before_it_are_gone(void **state)
{
	struct rig rig;
	char names[64][64], path[400];
	struct fl_last_trade trade;
	uint32_t instrument;
	size_t count;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	assert_int_equal(publish(&rig, FL_TRADE, 77), 0);
	publish_many(&rig, 1, 1000);
	rig_close(&rig);
	count = rig_segments(rig.folder, names, 64);
	assert_true(count > 3);
	for (size_t i = 0; i + 1 < count; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", rig.folder, names[i]);
		assert_int_equal(unlink(path), 0);
	}
	rig_open(&rig);
	instrument = dictionary_find(bus_dictionary(rig.bus), rig.venue, "BTC-27DEC24-100000-C", 20);
	assert_int_not_equal(instrument, 0);
	assert_int_equal(bus_last_trade(rig.bus, rig.source, instrument, &trade), 0);
	assert_int_equal(trade.trade_seq, 77);
	assert_string_equal(trade.trade_id, "T-77");
	rig_clean(&rig);
}

static void the_last_trade_is_the_highest_also_after_a_restart(void **state)
{
	struct rig rig;
	struct fl_last_trade trade;
	uint32_t instrument;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	instrument = make_record(&rig, FL_TRADE, 1, "BTC-27DEC24-100000-C")->instrument;
	assert_int_equal(bus_last_trade(rig.bus, rig.source, instrument, &trade), -ENOENT);
	publish(&rig, FL_TRADE, 5);
	publish(&rig, FL_TRADE, 9);
	publish(&rig, FL_TRADE, 7); /* refilled: older */
	assert_int_equal(bus_last_trade(rig.bus, rig.source, instrument, &trade), 0);
	assert_int_equal(trade.trade_seq, 9);
	rig_close(&rig);
	rig_open(&rig);
	assert_int_equal(bus_last_trade(rig.bus, rig.source, instrument, &trade), 0);
	assert_int_equal(trade.trade_seq, 9);
	assert_int_equal(
		bus_last_trade(rig.bus, (uint16_t)(rig.source + 1), instrument, &trade), -ENOENT);
	rig_clean(&rig);
}

static void a_second_process_is_refused_and_told_the_first_ones_pid(void **state)
{
	struct rig rig;
	long pid = 0;
	int status;
	pid_t child;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	child = fork();
	if (child == 0) {
		struct loop *loop;
		struct bus *bus;

		if (loop_open(&loop) < 0)
			_exit(1);
		if (bus_open(loop, &rig.setup, &pid, &bus) != -EWOULDBLOCK)
			_exit(2);
		if (pid != getppid())
			_exit(3);
		/* Not an exit: nobody is to look for leaks in this copy of us, whose workers are not there.
		 */
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_equal(publish(&rig, FL_TICKER, 1), 0); /* undisturbed */
	rig_clean(&rig);
}

static void when_full_the_oldest_goes_first_and_is_counted_by_kind(void **state)
{
	struct rig rig;
	struct store store;
	struct bus_status status;
	uint64_t told;

	(void)state;
	rig_make(&rig);
	rig.setup.max_bytes = 6 * RIG_SEGMENT_BYTES;
	rig_open(&rig);
	store_make(&store, &rig);
	store.mode = STORE_REFUSES;
	store.retry_ns = FL_HOUR;
	assert_int_equal(store_open(&store), 0);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(publish(&rig, i % 4 == 0 ? FL_QUOTE : FL_TICKER, i + 1), 0);
		if (i % 50 == 0)
			rig_settle(&rig);
	}
	bus_status(rig.bus, &status);
	assert_true(status.bytes <= status.max_bytes);
	assert_identity(&store);
	store.mode = STORE_ACKS;
	cursor_close(store.cursor);
	assert_int_equal(store_open(&store), 0);
	store_drain(&store);
	told = store.dropped[FL_QUOTE] + store.dropped[FL_TICKER];
	assert_true(told > 0);
	assert_int_equal(store.count + told, 2000);
	assert_int_equal(store.stored[FL_QUOTE] + store.dropped[FL_QUOTE], 500);
	assert_int_equal(store.stored[FL_TICKER] + store.dropped[FL_TICKER], 1500);
	for (size_t i = 0; i < store.count; i++) /* the newest, without a hole */
		assert_int_equal(store.ids[i], 2000 - (int64_t)store.count + 1 + (int64_t)i);
	assert_identity(&store);
	rig_clean(&rig);
	store_free(&store);
}

/* Until so few segments are left; fails after a minute. */
static void wait_segments(struct rig *rig, uint32_t most)
{
	struct bus_status status;

	for (int i = 0; i < 600; i++) {
		bus_status(rig->bus, &status);
		if (status.segments <= most)
			return;
		rig_wait(rig, 100 * FL_MS);
	}
	fail_msg("%u segments are left", status.segments);
}

static void what_is_passed_goes_after_a_while_and_what_is_not_stays(void **state)
{
	struct rig rig;
	struct store store;
	struct bus_status before;

	(void)state;
	rig_make(&rig);
	rig.setup.keep_ns = 0;
	rig_open(&rig);
	assert_int_equal(bus_expect(rig.bus, "store", true), 0);
	publish_many(&rig, 1, 1000);
	rig_wait(&rig, 1200 * FL_MS);
	bus_status(rig.bus, &before);
	assert_true(before.segments > 3); /* the sink has not come yet */
	store_make(&store, &rig);
	assert_int_equal(store_open(&store), 0);
	wait_segments(&rig, 1);
	assert_int_equal(store.count, 1000);
	assert_identity(&store);
	rig_clean(&rig);
	store_free(&store);
}

/* No file may grow: as a full disk, but for the error's number. */
static void set_file_limit(rlim_t bytes)
{
	struct rlimit limit;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void without_room_for_another_segment_those_there_are_filled_to_their_ends(void **state)
{
	const int64_t segment_bytes = INT64_C(16) << 20; /* several times what is populated ahead */
	struct rig rig;
	int64_t count = 0;

	(void)state;
	rig_make(&rig);
	rig.setup.segment_bytes = segment_bytes;
	rig_open(&rig);
	publish_many(&rig, 1, 10); /* the first segment; the second is made ahead */
	rig_settle(&rig);
	set_file_limit(4096);
	while (publish(&rig, FL_TICKER, 11 + count) == 0)
		if (++count % 1000 == 0)
			rig_settle(&rig);
	set_file_limit(RLIM_INFINITY);
	assert_true(count * (int64_t)sizeof(struct fl_ticker) > 2 * segment_bytes * 8 / 10);
	assert_true(count * (int64_t)sizeof(struct fl_ticker) < 2 * segment_bytes);
	rig_clean(&rig);
}

static void a_disk_that_is_full_is_a_counted_loss_and_passes(void **state)
{
	struct rig rig;
	struct store store;
	struct bus_status status;
	int error = 0, id = 11;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	store_make(&store, &rig);
	assert_int_equal(store_open(&store), 0);
	publish_many(&rig, 1, 10);
	rig_settle(&rig);
	set_file_limit(4096);
	for (; error == 0 && id < 2000; id++) {
		error = publish(&rig, FL_TICKER, id);
		if (id % 20 == 0)
			rig_settle(&rig);
	}
	assert_int_equal(error, -ENOSPC);
	assert_int_equal(publish(&rig, FL_GAP, id), -ENOSPC);
	bus_status(rig.bus, &status);
	assert_int_equal(status.state, BUS_DEGRADED);
	assert_int_equal(status.lost[FL_TICKER], 1);
	assert_int_equal(status.lost[FL_GAP], 1);
	rig_settle(&rig);
	assert_int_equal(rig.state, BUS_DEGRADED);
	assert_non_null(strstr(rig.reason, rig.folder));
	assert_identity(&store);

	set_file_limit(RLIM_INFINITY);
	rig_wait(&rig, 2200 * FL_MS);
	assert_int_equal(publish(&rig, FL_TICKER, id + 1), 0);
	rig_wait(&rig, 2200 * FL_MS);
	assert_int_equal(rig.state, BUS_OK);
	assert_int_equal(rig.lost[FL_TICKER], 1);
	store_drain(&store);
	assert_int_equal(store.dropped[FL_TICKER], 1);
	assert_int_equal(store.dropped[FL_GAP], 1);
	assert_int_equal(store.ids[store.count - 1], id + 1);
	assert_int_equal(store.count, id - 2 + 1);
	assert_identity(&store);
	rig_clean(&rig);
	store_free(&store);
}

struct hold {
	bool is_on;
	unsigned count;
};

static void on_room(void *data, bool has_room)
{
	struct hold *hold = data;

	hold->is_on = !has_room;
	hold->count += !has_room;
}

static atomic_bool disk_hangs;

static void hang(void *data)
{
	(void)data;
	while (atomic_load(&disk_hangs))
		(void)usleep(1000);
}

static void is_back(void *data)
{
	(void)data;
}

/* Every thread of the workers waits for the disk. */
static void begin_to_hang(struct rig *rig)
{
	atomic_store(&disk_hangs, true);
	rig->disk_hangs = true;
	for (int i = 0; i < 4; i++)
		assert_int_equal(worker_run(rig->loop, hang, is_back, NULL), 0);
}

static void end_to_hang(struct rig *rig)
{
	atomic_store(&disk_hangs, false);
	rig->disk_hangs = false;
}

/* As a turn that brings much does: nothing is prepared meanwhile. Answers how many it took. */
static int publish_until_held(struct rig *rig, struct hold *hold, int id)
{
	int first = id;

	while (!hold->is_on)
		assert_int_equal(publish(rig, FL_TICKER, id++), 0);
	return id - first;
}

static void whoever_publishes_is_held_back_before_anything_is_lost(void **state)
{
	struct rig rig;
	struct bus_status status;
	struct hold hold = { 0 };
	int id = 1;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	rig_settle(&rig);
	bus_watch_room(rig.bus, on_room, &hold);
	for (unsigned round = 1; round <= 3; round++) {
		begin_to_hang(&rig);
		id += publish_until_held(&rig, &hold, id);
		assert_int_equal(hold.count, round);
		assert_int_equal(publish(&rig, FL_TICKER, id++), 0); /* what was read already */
		end_to_hang(&rig);
		rig_settle(&rig);
		assert_false(hold.is_on);
	}
	bus_status(rig.bus, &status);
	assert_int_equal(status.holds, 3);
	assert_int_equal(status.lost[FL_TICKER], 0);
	assert_int_equal(status.published[FL_TICKER], id - 1);
	assert_int_equal(status.state, BUS_OK);
	rig_clean(&rig);
}

static void a_disk_that_hangs_holds_nobody_back_for_ever(void **state)
{
	struct rig rig;
	struct bus_status status;
	struct hold hold = { 0 };
	int error = 0, id = 1;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	rig_settle(&rig);
	bus_watch_room(rig.bus, on_room, &hold);
	begin_to_hang(&rig);
	id += publish_until_held(&rig, &hold, id);
	rig_wait(&rig, 3200 * FL_MS);
	assert_false(hold.is_on);
	while (error == 0)
		error = publish(&rig, FL_TICKER, id++);
	assert_int_equal(error, -ENOSPC);
	assert_false(hold.is_on); /* once is enough */
	end_to_hang(&rig);
	rig_wait(&rig, 2200 * FL_MS);
	assert_int_equal(publish(&rig, FL_TICKER, id), 0);
	bus_status(rig.bus, &status);
	assert_int_equal(status.lost[FL_TICKER], 1);
	assert_int_equal(status.holds, 1);
	/* It is as before: the next time it lags they are held back again. */
	begin_to_hang(&rig);
	(void)publish_until_held(&rig, &hold, id + 1);
	end_to_hang(&rig);
	rig_settle(&rig);
	assert_int_equal(hold.count, 2);
	rig_clean(&rig);
}

static void a_close_while_they_are_held_back_is_orderly(void **state)
{
	struct rig rig;
	struct hold hold = { 0 };

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	rig_settle(&rig);
	bus_watch_room(rig.bus, on_room, &hold);
	begin_to_hang(&rig);
	(void)publish_until_held(&rig, &hold, 1);
	end_to_hang(&rig);
	rig_clean(&rig);         /* the worker answers in the midst of it */
	assert_true(hold.is_on); /* nobody is told any more */
}

static void what_was_written_is_synced_in_the_given_time(void **state)
{
	struct rig rig;
	struct bus_status status;

	(void)state;
	rig_make(&rig);
	rig.setup.sync_ns = 20 * FL_MS;
	rig_open(&rig);
	publish_many(&rig, 1, 500); /* over some segments */
	rig_wait(&rig, 300 * FL_MS);
	bus_status(rig.bus, &status);
	assert_int_equal(status.synced_number, 500);
	rig_clean(&rig);
}

static bool folder_fails; /* cannot be synced */
static unsigned folder_syncs;

int __real_file_sync_folder(const char *path);
int __wrap_file_sync_folder(const char *path);

int __wrap_file_sync_folder(const char *path)
{
	if (folder_fails)
		return -EIO;
	folder_syncs++;
	return __real_file_sync_folder(path);
}

/* What is synced of a file is gone with its name. */
static void what_was_written_is_synced_when_its_segments_name_is(void **state)
{
	struct rig rig;
	struct bus_status status;
	char names[32][64];
	unsigned at_open;

	(void)state;
	rig_make(&rig);
	rig.setup.sync_ns = 20 * FL_MS;
	rig_open(&rig);
	at_open = folder_syncs;
	publish_many(&rig, 1, 20);
	rig_wait(&rig, 300 * FL_MS);
	bus_status(rig.bus, &status);
	assert_int_equal(status.synced_number, 20);
	folder_fails = true;
	publish_many(&rig, 21, 480);
	rig_wait(&rig, 300 * FL_MS);
	bus_status(rig.bus, &status);
	assert_true(rig_segments(rig.folder, names, 32) > 1);
	assert_true(status.synced_number < 500);
	folder_fails = false;
	rig_wait(&rig, 2500 * FL_MS); /* a tick tries again */
	bus_status(rig.bus, &status);
	assert_int_equal(status.synced_number, 500);
	assert_true(folder_syncs > at_open);
	rig_clean(&rig);
}

static int count_record(void *data, const struct fl_record *record, uint64_t number,
	uint32_t generation, const struct record_names *names)
{
	struct buf line;
	uint64_t *count = data;

	(void)generation;
	buf_init(&line, 0);
	record_print(record, number, names, &line);
	assert_non_null(strstr(buf_string(&line),
		"\"source\":\"deribit\",\"venue\":\"deribit\","
		"\"instrument\":\"BTC-27DEC24-100000-C\""));
	buf_finish(&line);
	assert_int_equal(number, ++*count);
	return 0;
}

static void a_running_journal_can_be_inspected(void **state)
{
	struct rig rig;
	uint64_t count = 0;
	struct journal_visitor visitor = { .on_record = count_record, .data = &count };

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	publish_many(&rig, 1, 700);
	assert_int_equal(journal_inspect(rig.folder, &visitor), 0);
	assert_int_equal(count, 700);
	assert_int_equal(journal_inspect("/nowhere", &visitor), -ENOENT);
	rig_clean(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_read_back_as_it_was_published),
		cmocka_unit_test(a_restart_goes_on_with_the_next_number_in_a_new_generation),
		cmocka_unit_test(an_orderly_close_leaves_no_more_than_what_was_written),
		cmocka_unit_test(ids_and_names_outlive_a_restart),
		cmocka_unit_test(a_segment_can_be_read_when_those_before_it_are_gone),
		cmocka_unit_test(the_last_trade_is_the_highest_also_after_a_restart),
		cmocka_unit_test(a_second_process_is_refused_and_told_the_first_ones_pid),
		cmocka_unit_test(when_full_the_oldest_goes_first_and_is_counted_by_kind),
		cmocka_unit_test(what_is_passed_goes_after_a_while_and_what_is_not_stays),
		cmocka_unit_test(without_room_for_another_segment_those_there_are_filled_to_their_ends),
		cmocka_unit_test(a_disk_that_is_full_is_a_counted_loss_and_passes),
		cmocka_unit_test(whoever_publishes_is_held_back_before_anything_is_lost),
		cmocka_unit_test(a_disk_that_hangs_holds_nobody_back_for_ever),
		cmocka_unit_test(a_close_while_they_are_held_back_is_orderly),
		cmocka_unit_test(what_was_written_is_synced_in_the_given_time),
		cmocka_unit_test(what_was_written_is_synced_when_its_segments_name_is),
		cmocka_unit_test(a_running_journal_can_be_inspected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
