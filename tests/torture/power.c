/*
 * power.c: what a power cut can leave of a journal, byte by byte. A journal with records of every
 * kind is cut at each byte of its last segment, in each of the ways a disk has of forgetting,
 * opened, read whole, written on and opened again. What stood before the cut must be there, what
 * stood behind it never misread, and no number used twice.
 *
 *   power [EVERY [FROM]]     only each EVERYth byte, from the FROMth on
 */
#include "journal.h"
#include "log.h"
#include "loop.h"
#include "rig.h"
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

enum {
	EARLIER = 40,
	RECORDS = 420,
	ROOM = 2 * RIG_SEGMENT_BYTES,
	LATER = 1000000,
	PAGE_BYTES = 4096
};

static size_t every = 1, from;
static char whole[ROOM]; /* the last segment as it was when the power went */
static size_t length;
static int64_t ends[RECORDS + 1]; /* where each record of it ended; [0]: the head */
static char last_name[64];
static struct rig before; /* of it only the folder: as the power cut found it */

enum way {
	CUT,     /* the file ends there */
	ZEROS,   /* the rest was never written to the allocated file */
	GARBAGE, /* the sector was torn, what follows was never written */
	PAGE,    /* the page around it was not written, though those behind it were */
	WAYS
};

static enum way case_way = WAYS;
static size_t case_at;
static const char *const way_names[] = { "cut", "zeros", "garbage", "page" };

static unsigned kind_of(int id)
{
	static const unsigned kinds[] = { FL_QUOTE, FL_TICKER, FL_TRADE, FL_QUOTE, FL_BOOK,
		FL_LIFECYCLE };

	return kinds[id % 6];
}

/* A first generation that was closed in order, and a second that the power cut ended. */
static void make_journal(void)
{
	struct rig rig;
	char names[4][64], path[600];
	FILE *in;

	rig_make(&rig);
	rig.setup.sync_ns = 0;
	rig_open(&rig);
	for (int i = 1; i <= EARLIER; i++)
		assert_int_equal(publish(&rig, kind_of(i), i), 0);
	rig_close(&rig);
	rig_open(&rig);
	ends[0] = bus_journal(rig.bus)->current->end;
	for (int i = 1; i <= RECORDS; i++) {
		assert_int_equal(publish(&rig, kind_of(i), EARLIER + i), 0);
		ends[i] = bus_journal(rig.bus)->current->end;
	}
	rig_copy(&rig, before.folder);
	rig_clean(&rig);
	assert_int_equal(rig_segments(before.folder, names, 4), 2);
	(void)strcpy(last_name, names[1]);
	(void)snprintf(path, sizeof(path), "%s/%s", before.folder, last_name);
	in = fopen(path, "rb");
	assert_non_null(in);
	length = fread(whole, 1, sizeof(whole), in);
	fclose(in);
	assert_true((int64_t)length > ends[RECORDS]);
}

/* From where on a page that was not written is missing: the head is synced before any record. */
static size_t page_of(size_t at)
{
	return at < PAGE_BYTES ? HEAD_BYTES : at / PAGE_BYTES * PAGE_BYTES;
}

/* What the disk has of the last segment; its length. */
static size_t damage(char *bytes, enum way way, size_t at)
{
	size_t page = at / PAGE_BYTES * PAGE_BYTES;

	memcpy(bytes, whole, length);
	switch (way) {
	case CUT: return at;
	case ZEROS: memset(bytes + at, 0, length - at); break;
	case GARBAGE:
		for (size_t i = at; i < length; i++)
			bytes[i] = i < page + PAGE_BYTES ? (char)random() : 0;
		break;
	case PAGE: memset(bytes + page_of(at), 0, page + PAGE_BYTES - page_of(at)); break;
	case WAYS: break;
	}
	return length;
}

static void write_segment(const char *folder, const char *bytes, size_t size)
{
	char path[600];
	FILE *out;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, last_name);
	out = fopen(path, "wb");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, size, out), size);
	fclose(out);
}

/* How many of the last segment's records lie wholly before `at`. */
static int whole_before(int64_t at)
{
	int count = 0;

	while (count < RECORDS && ends[count + 1] <= at)
		count++;
	return ends[0] <= at ? count : 0;
}

/*
 * All that must hold of what was read: the first ones without a hole, the rest in order (behind a
 * page that is missing some may still be there), then what was written after the cut.
 */
static void check_read(const struct store *store, int certain, int later)
{
	size_t count = store->count;

	assert_true(count >= (size_t)(certain + later));
	for (int i = 0; i < certain; i++)
		assert_int_equal(store->ids[i], i + 1);
	for (size_t i = (size_t)certain; i < count - (size_t)later; i++) {
		assert_true(store->ids[i] <= EARLIER + RECORDS);
		assert_true(i == 0 || store->ids[i] > store->ids[i - 1]);
	}
	for (int i = 0; i < later; i++)
		assert_int_equal(store->ids[count - (size_t)(later - i)], LATER + i);
}

/* Opened twice, a record written each time: by a store that has nothing yet, and goes on. */
static void open_twice(const char *bytes, size_t size, int certain)
{
	struct rig rig;
	struct store store;
	struct bus_status status;
	uint32_t generation = 2; /* the one that the cut ended */

	rig_make(&rig);
	rig_remove_folder(rig.folder);
	rig_copy(&before, rig.folder);
	write_segment(rig.folder, bytes, size);
	rig.setup.sync_ns = 0;
	store_make(&store, &rig);
	for (int later = 1; later <= 2; later++) {
		rig_open(&rig);
		assert_int_equal(store_open(&store), 0);
		assert_int_equal(publish(&rig, FL_QUOTE, LATER + later - 1), 0);
		store_drain(&store);
		check_read(&store, certain, later);
		assert_identity(&store);
		bus_status(rig.bus, &status);
		assert_true(status.generation > generation);
		generation = status.generation;
		rig_close(&rig);
	}
	rig_clean(&rig);
	store_free(&store);
}

static void cut_at(enum way way, size_t at)
{
	static char bytes[ROOM];
	size_t size = damage(bytes, way, at);
	size_t intact = way == PAGE ? page_of(at) : at;

	case_way = way;
	case_at = at;
	open_twice(bytes, size, EARLIER + whole_before((int64_t)intact));
}

static void say_progress(size_t at, time_t begun)
{
	static time_t said;
	time_t now = time(NULL);
	double left;

	if (now - said < 10 || at == 0)
		return;
	said = now;
	left = (double)(now - begun) / (double)at * (double)((size_t)ends[RECORDS] - at);
	printf("power: %zu of %" PRId64 " bytes; about %.0f min left\n", at, ends[RECORDS], left / 60);
	(void)fflush(stdout);
}

static void what_stood_before_the_cut_is_there_and_nothing_else(void **state)
{
	time_t begun = time(NULL);
	size_t cuts = 0;

	(void)state;
	make_journal();
	open_twice(whole, length, EARLIER + RECORDS);
	for (size_t at = HEAD_BYTES + from; at <= (size_t)ends[RECORDS]; at += every, cuts++) {
		for (unsigned way = 0; way < WAYS; way++)
			cut_at((enum way)way, at);
		say_progress(at, begun);
	}
	printf("power: %zu places, %d ways each\n", cuts, WAYS);
	rig_remove_folder(before.folder);
}

static int say_where(void **state)
{
	(void)state;
	if (case_way < WAYS)
		printf("power: the last was %s at byte %zu\n", way_names[case_way], case_at);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_teardown(
		what_stood_before_the_cut_is_there_and_nothing_else, say_where) };

	if (argc > 1)
		every = (size_t)strtoul(argv[1], NULL, 10);
	if (argc > 2)
		from = (size_t)strtoul(argv[2], NULL, 10);
	if (every == 0) {
		(void)fprintf(stderr, "usage: power [EVERY [FROM]]\n");
		return 64;
	}
	/* In memory, where a sync costs nothing: what is forgotten is forgotten here by hand. */
	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0);
	log_setup(FL_ERROR, LOG_TEXT); /* each opening says what it found */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
