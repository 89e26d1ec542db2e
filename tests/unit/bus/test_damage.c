/*
 * What a crash, a power cut or a bad disk leaves: what is before the damage is there, the rest is
 * missed by name and number.
 */
#include "loop.h"
#include "rig.h"
#include <inttypes.h>
#include <unistd.h>

enum { RECORDS = 5 };

static char small_file[256 * 1024]; /* one segment with RECORDS records of some kinds */
static size_t small_length, last_record_at;
static char small_name[64];

static void write_file(const char *folder, const char *name, const char *bytes, size_t length)
{
	char path[400];
	FILE *out;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	out = fopen(path, "wb");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, length, out), length);
	fclose(out);
}

static size_t read_whole(const char *folder, const char *name, char *bytes, size_t room)
{
	char path[400];
	FILE *in;
	size_t length;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	in = fopen(path, "rb");
	assert_non_null(in);
	length = fread(bytes, 1, room, in);
	fclose(in);
	return length;
}

/* A closed journal with one small segment, in small_file. */
static int make_small(void **state)
{
	struct rig rig;
	char names[4][64];

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	publish(&rig, FL_TRADE, 1);
	publish(&rig, FL_LIFECYCLE, 2);
	publish(&rig, FL_BOOK, 3);
	publish(&rig, FL_TRADE, 4);
	publish(&rig, FL_QUOTE, 5);
	rig_close(&rig);
	assert_int_equal(rig_segments(rig.folder, names, 4), 1);
	(void)strcpy(small_name, names[0]);
	small_length = read_whole(rig.folder, names[0], small_file, sizeof(small_file));
	last_record_at = small_length - 8 - sizeof(struct fl_quote);
	rig_clean(&rig);
	return 0;
}

/* Opens a journal of this one file and reads it all; answers how many records were there. */
static size_t records_of(struct rig *rig, const char *bytes, size_t length)
{
	struct store store;
	struct bus_status status;
	size_t count;

	write_file(rig->folder, small_name, bytes, length);
	rig_open(rig);
	store_make(&store, rig);
	assert_int_equal(store_open(&store), 0);
	assert_int_equal(publish(rig, FL_QUOTE, 1000), 0); /* it goes on */
	store_drain(&store);
	count = store.count - 1;
	for (size_t i = 0; i < count; i++)
		assert_int_equal(store.ids[i], i + 1);
	assert_int_equal(store.ids[count], 1000);
	assert_identity(&store);
	bus_status(rig->bus, &status);
	assert_int_equal(status.last_number, count + 1);
	store_free(&store);
	rig_close(rig);
	rig_remove_folder(rig->folder);
	rig_make_folder(rig->folder);
	return count;
}

static void a_tail_torn_at_any_byte_is_cut_and_what_is_before_is_there(void **state)
{
	struct rig rig;

	(void)state;
	rig_make(&rig);
	rig.setup.sync_ns = 0;
	assert_int_equal(records_of(&rig, small_file, small_length), RECORDS);
	for (size_t at = last_record_at; at < small_length; at++) {
		char torn[sizeof(small_file)];

		/* The file ends there; and: the rest was never written to the allocated file. */
		assert_int_equal(records_of(&rig, small_file, at), RECORDS - 1);
		memset(torn, 0, sizeof(torn));
		memcpy(torn, small_file, at);
		assert_int_equal(records_of(&rig, torn, RIG_SEGMENT_BYTES), RECORDS - 1);
	}
	/* The word that makes it whole is written last: all but it is there. */
	for (size_t bytes = 1; bytes <= 8; bytes++) {
		char torn[sizeof(small_file)];

		memcpy(torn, small_file, small_length);
		memset(torn + last_record_at, 0, bytes);
		assert_int_equal(records_of(&rig, torn, small_length), RECORDS - 1);
	}
	rig_clean(&rig);
}

static void a_file_cut_at_any_byte_is_never_misread(void **state)
{
	struct rig rig;

	(void)state;
	rig_make(&rig);
	rig.setup.sync_ns = 0;
	for (size_t length = 0; length < small_length; length += length < 512 ? 37 : 8) {
		size_t count = records_of(&rig, small_file, length);

		assert_true(count <= RECORDS);
		assert_true(length < 512 ? count == 0 : count < RECORDS);
	}
	rig_clean(&rig);
}

struct verdict {
	enum journal_finding finding;
	uint64_t records;
};

static void on_segment(void *data, const struct journal_segment_info *info)
{
	struct verdict *verdict = data;

	verdict->finding = info->finding;
	verdict->records = info->last_number - info->first_number + 1;
}

static void a_flipped_bit_anywhere_is_found(void **state)
{
	struct rig rig;
	struct verdict verdict;
	struct journal_visitor visitor = { .on_segment = on_segment, .data = &verdict };

	(void)state;
	rig_make(&rig);
	for (size_t at = 0; at < small_length; at++) {
		small_file[at] ^= (char)(1 << (at % 8));
		write_file(rig.folder, small_name, small_file, small_length);
		small_file[at] ^= (char)(1 << (at % 8));
		verdict = (struct verdict){ JOURNAL_WHOLE, RECORDS };
		assert_int_equal(journal_inspect(rig.folder, &visitor), 0);
		assert_int_not_equal(verdict.finding, JOURNAL_WHOLE);
		assert_true(verdict.records < RECORDS);
		if (at < 512)
			assert_true(verdict.finding == JOURNAL_BAD_HEAD || verdict.finding == JOURNAL_FOREIGN);
		else if (at < last_record_at)
			assert_true(verdict.finding == JOURNAL_DAMAGED || verdict.finding == JOURNAL_TORN);
	}
	write_file(rig.folder, small_name, small_file, small_length);
	assert_int_equal(journal_inspect(rig.folder, &visitor), 0);
	assert_int_equal(verdict.finding, JOURNAL_WHOLE);
	assert_int_equal(verdict.records, RECORDS);
	rig_clean(&rig);
}

static void a_damaged_head_is_set_aside_and_nothing_is_deleted(void **state)
{
	struct rig rig;
	struct bus_status status;
	char path[400];

	(void)state;
	rig_make(&rig);
	small_file[100] ^= 1;
	write_file(rig.folder, small_name, small_file, small_length);
	small_file[100] ^= 1;
	write_file(rig.folder, "00000000000000000099-00000007.segment", "", 0);
	write_file(rig.folder, "notes.txt", "mine", 4);
	rig_open(&rig);
	bus_status(rig.bus, &status);
	assert_int_equal(status.last_number, 0);
	(void)snprintf(path, sizeof(path), "%s/%s.corrupt", rig.folder, small_name);
	assert_int_equal(rig_file_bytes(path), small_length);
	(void)snprintf(path, sizeof(path), "%s/notes.txt", rig.folder);
	assert_int_equal(rig_file_bytes(path), 4);
	rig_clean(&rig);
}

static void a_segment_of_another_journal_is_passed_by(void **state)
{
	struct rig rig;
	struct store store;
	struct bus_status before, after;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	publish_many(&rig, 1, 10);
	bus_status(rig.bus, &before);
	rig_close(&rig);
	rig_open(&rig);
	publish_many(&rig, 11, 10);
	rig_close(&rig);
	write_file(rig.folder, small_name, small_file, small_length); /* over the first of ours */
	rig_open(&rig);
	bus_status(rig.bus, &after);
	assert_int_equal(after.journal_id, before.journal_id);
	assert_int_equal(after.last_number, 20);
	assert_int_equal(after.published[FL_TICKER], 20);
	store_make(&store, &rig);
	assert_int_equal(store_open(&store), 0);
	store_drain(&store);
	assert_int_equal(store.count, 10);
	assert_int_equal(store.ids[0], 11);
	assert_int_equal(store.dropped[FL_TICKER], 10);
	assert_identity(&store);
	rig_clean(&rig);
	store_free(&store);
}

/* Four segments of many records; the second gets a hole. */
static void the_rest_of_a_damaged_segment_is_missed_by_number(void **state)
{
	struct rig rig;
	struct store store;
	static char bytes[RIG_SEGMENT_BYTES];
	char names[16][64];
	uint64_t first, next;
	size_t length;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	publish_many(&rig, 1, 900);
	rig_close(&rig);
	assert_true(rig_segments(rig.folder, names, 16) >= 3);
	length = read_whole(rig.folder, names[1], bytes, sizeof(bytes));
	bytes[length / 2] ^= 0x10;
	write_file(rig.folder, names[1], bytes, length);
	first = strtoull(names[1], NULL, 10);
	next = strtoull(names[2], NULL, 10);
	rig_open(&rig);
	store_make(&store, &rig);
	assert_int_equal(store_open(&store), 0);
	store_drain(&store);
	assert_int_equal(store.count + store.dropped[FL_TICKER], 900);
	assert_true(store.dropped[FL_TICKER] > 0 && store.dropped[FL_TICKER] < next - first);
	for (size_t i = 0; i < store.count; i++) { /* everything but a stretch of the second */
		uint64_t expected = i + 1;

		if (expected >= next - store.dropped[FL_TICKER])
			expected += store.dropped[FL_TICKER];
		assert_int_equal(store.ids[i], expected);
	}
	assert_identity(&store);
	rig_clean(&rig);
	store_free(&store);
}

static void what_a_kill_leaves_is_all_there(void **state)
{
	struct rig rig;
	struct store store;
	struct fl_position position;
	char folder[256];

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	publish_many(&rig, 1, 700);
	for (int i = 701; i <= 730; i++)
		assert_int_equal(publish(&rig, FL_TICKER, i), 0);
	rig_copy(&rig, folder); /* in the midst of it: nothing closed, nothing synced */
	bus_position(rig.bus, &position);
	rig_close(&rig);
	rig_remove_folder(rig.folder);
	(void)strcpy(rig.folder, folder);
	rig_open(&rig);
	store_make(&store, &rig);
	assert_int_equal(store_open(&store), 0);
	store_drain(&store);
	assert_int_equal(store.count, 730);
	for (int i = 0; i < 730; i++)
		assert_int_equal(store.ids[i], i + 1);
	assert_identity(&store);
	rig_clean(&rig);
	store_free(&store);
}

/* A power cut takes records that the store has: the next ones have their numbers, not their places.
 */
static void a_store_that_is_ahead_goes_on_at_the_next_generation(void **state)
{
	struct rig rig;
	struct store store;
	struct bus_status status;
	char folder[256];

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	store_make(&store, &rig);
	assert_int_equal(store_open(&store), 0);
	publish_many(&rig, 1, 100);
	store_drain(&store);
	rig_copy(&rig, folder);
	publish_many(&rig, 101, 50);
	store_drain(&store);
	assert_int_equal(store.count, 150);
	rig_close(&rig);
	rig_remove_folder(rig.folder);
	(void)strcpy(rig.folder, folder); /* 101 to 150 are gone */
	rig_open(&rig);
	bus_status(rig.bus, &status);
	assert_int_equal(status.last_number, 100);
	publish_many(&rig, 1001, 80);
	assert_int_equal(store_open(&store), 0);
	store_drain(&store);
	assert_int_equal(store.count, 230);
	assert_int_equal(store.ids[150], 1001);
	assert_int_equal(store.dropped[FL_TICKER], 0);
	assert_int_equal(store.position.generation, 2);
	assert_identity(&store); /* published includes what the journal forgot */
	rig_clean(&rig);
	store_free(&store);
}

/*
 * Two stores, of which one has more of what a power cut took: what the other lacks is dropped for
 * it, at once and once, whichever comes first.
 */
static void two_stores_that_are_ahead_are_told_what_each_lacks(bool is_shorter_first)
{
	struct rig rig;
	struct store stores[2], *longer = &stores[0], *shorter = &stores[1];
	char folder[256];

	rig_make(&rig);
	rig_open(&rig);
	for (int i = 0; i < 2; i++) {
		store_make(&stores[i], &rig);
		stores[i].name = i == 0 ? "longer" : "shorter";
		assert_int_equal(store_open(&stores[i]), 0);
	}
	publish_many(&rig, 1, 100);
	store_drain(longer);
	store_drain(shorter);
	rig_copy(&rig, folder);
	publish_many(&rig, 101, 20);
	store_drain(longer);
	store_drain(shorter);
	cursor_close(shorter->cursor);
	publish_many(&rig, 121, 30);
	store_drain(longer);
	rig_close(&rig);
	rig_remove_folder(rig.folder);
	(void)strcpy(rig.folder, folder); /* 101 to 150 are gone */
	rig_open(&rig);
	publish_many(&rig, 1001, 10);
	assert_int_equal(store_open(is_shorter_first ? shorter : longer), 0);
	store_drain(is_shorter_first ? shorter : longer);
	assert_int_equal(store_open(is_shorter_first ? longer : shorter), 0);
	publish_many(&rig, 1011, 10);
	store_drain(longer);
	store_drain(shorter);
	assert_int_equal(shorter->dropped[FL_TICKER], 30);
	publish_many(&rig, 1021, 4000); /* many segments: none tells of them again */
	store_drain(longer);
	store_drain(shorter);
	assert_int_equal(longer->count, 4170);
	assert_int_equal(longer->dropped[FL_TICKER], 0);
	assert_int_equal(shorter->count, 4140);
	assert_int_equal(shorter->dropped[FL_TICKER], 30);
	assert_identity(longer);
	assert_identity(shorter);
	rig_clean(&rig);
	store_free(longer);
	store_free(shorter);
}

static void a_store_behind_another_that_is_ahead_lacks_the_rest(void **state)
{
	(void)state;
	two_stores_that_are_ahead_are_told_what_each_lacks(false);
}

static void a_store_that_comes_before_one_further_ahead_is_told_later(void **state)
{
	(void)state;
	two_stores_that_are_ahead_are_told_what_each_lacks(true);
}

/* Somebody truncates the file under the daemon: no page is there for what is written. */
static void a_file_truncated_under_the_daemon_is_left_for_another(void **state)
{
	struct rig rig;
	struct store store;
	char names[4][64], path[400];

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	store_make(&store, &rig);
	store.mode = STORE_HOLDS;
	publish_many(&rig, 1, 100);
	assert_int_equal(rig_segments(rig.folder, names, 4), 1);
	(void)snprintf(path, sizeof(path), "%s/%s", rig.folder, names[0]);
	assert_int_equal(truncate(path, 4096), 0);
	rig_settle(&rig);
	for (int i = 101; i <= 200; i++)
		assert_int_equal(publish(&rig, FL_TICKER, i), 0);
	rig_settle(&rig);
	assert_int_equal(rig.state, BUS_DEGRADED);
	store.mode = STORE_ACKS;
	assert_int_equal(store_open(&store), 0);
	store_drain(&store);
	assert_true(store.count >= 100);
	assert_int_equal(store.count + store.dropped[FL_TICKER], 200);
	assert_int_equal(store.ids[store.count - 1], 200);
	assert_identity(&store);
	rig_wait(&rig, 2200 * FL_MS);
	assert_int_equal(rig.state, BUS_OK);
	rig_clean(&rig);
	store_free(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tail_torn_at_any_byte_is_cut_and_what_is_before_is_there),
		cmocka_unit_test(a_file_cut_at_any_byte_is_never_misread),
		cmocka_unit_test(a_flipped_bit_anywhere_is_found),
		cmocka_unit_test(a_damaged_head_is_set_aside_and_nothing_is_deleted),
		cmocka_unit_test(a_segment_of_another_journal_is_passed_by),
		cmocka_unit_test(the_rest_of_a_damaged_segment_is_missed_by_number),
		cmocka_unit_test(what_a_kill_leaves_is_all_there),
		cmocka_unit_test(a_store_that_is_ahead_goes_on_at_the_next_generation),
		cmocka_unit_test(a_store_behind_another_that_is_ahead_lacks_the_rest),
		cmocka_unit_test(a_store_that_comes_before_one_further_ahead_is_told_later),
		cmocka_unit_test(a_file_truncated_under_the_daemon_is_left_for_another),
	};

	return cmocka_run_group_tests(tests, make_small, NULL);
}
