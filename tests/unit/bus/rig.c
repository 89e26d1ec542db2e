#include "rig.h"
#include "clock.h"
#include "file.h"
#include "uv_loop.h"
#include <dirent.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static void on_state(void *data, enum bus_state state, const char *reason)
{
	struct rig *rig = data;

	rig->state = state;
	(void)snprintf(rig->reason, sizeof(rig->reason), "%s", reason);
}

static void on_lost(void *data, const char *sink, const char *stream, const char *why,
	const uint64_t lost[FL_KIND_COUNT])
{
	struct rig *rig = data;

	(void)stream;
	(void)why;
	for (unsigned kind = 0; kind < FL_KIND_COUNT && sink[0] == '\0'; kind++)
		rig->lost[kind] += lost[kind];
}

static const struct bus_owner owner = { on_state, on_lost };

void rig_make_folder(char folder[256])
{
	const char *parent = getenv("TMPDIR");

	(void)snprintf(folder, 256, "%s/feedloom-bus-XXXXXX", parent != NULL ? parent : "/tmp");
	assert_non_null(mkdtemp(folder));
}

void rig_make(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	rig_make_folder(rig->folder);
	assert_int_equal(loop_open(&rig->loop), 0);
	rig->setup = (struct bus_setup){ .folder = rig->folder,
		.sync_ns = FL_SECOND,
		.keep_ns = -1,
		.segment_bytes = RIG_SEGMENT_BYTES,
		.owner = &owner,
		.data = rig };
}

void rig_open(struct rig *rig)
{
	assert_int_equal(bus_open(rig->loop, &rig->setup, NULL, &rig->bus), 0);
	rig->venue = dictionary_venue(bus_dictionary(rig->bus), "deribit");
	rig->source = dictionary_source(bus_dictionary(rig->bus), "deribit", "deribit");
	assert_int_not_equal(rig->venue, 0);
	assert_int_not_equal(rig->source, 0);
}

void rig_close(struct rig *rig)
{
	bus_close(rig->bus);
	rig->bus = NULL;
}

void rig_remove_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	char path[600];

	if (dir == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		(void)unlink(path);
	}
	closedir(dir);
	(void)rmdir(folder);
}

void rig_clean(struct rig *rig)
{
	rig_close(rig);
	loop_close(rig->loop);
	rig_remove_folder(rig->folder);
}

static void copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	static char bytes[65536];

	assert_non_null(in);
	assert_non_null(out);
	for (size_t got; (got = fread(bytes, 1, sizeof(bytes), in)) > 0;)
		assert_int_equal(fwrite(bytes, 1, got, out), got);
	fclose(in);
	fclose(out);
}

void rig_copy(const struct rig *rig, char folder[256])
{
	DIR *dir = opendir(rig->folder);
	char from[600], to[600];

	rig_make_folder(folder);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(from, sizeof(from), "%s/%s", rig->folder, entry->d_name);
		(void)snprintf(to, sizeof(to), "%s/%s", folder, entry->d_name);
		copy_file(from, to);
	}
	closedir(dir);
}

void rig_settle(struct rig *rig)
{
	int64_t until_ns = clock_monotonic_ns(rig->loop) + FL_MINUTE;

	for (int quiet = 0; quiet < 30; quiet++) {
		loop_turn(rig->loop, false);
		(void)usleep(500);
		if (rig->loop->workers > 0 && !rig->disk_hangs && clock_monotonic_ns(rig->loop) < until_ns)
			quiet = 0;
	}
}

void rig_wait(struct rig *rig, int64_t ns)
{
	int64_t until = clock_monotonic_ns(rig->loop) + ns;

	while (clock_monotonic_ns(rig->loop) < until) {
		loop_turn(rig->loop, false);
		(void)usleep(500);
	}
	rig_settle(rig);
}

struct fl_record *make_record(struct rig *rig, unsigned kind, int64_t id, const char *instrument)
{
	static union {
		struct fl_record head;
		struct fl_book book;
		struct fl_lifecycle event;
		struct fl_trade trade;
		char bytes[1024];
	} record;

	memset(&record, 0, sizeof(record));
	fl_record_init(&record, (enum fl_kind)kind);
	record.head.instrument =
		dictionary_instrument(bus_dictionary(rig->bus), rig->venue, instrument, strlen(instrument));
	record.head.event_time_ns = id;
	record.head.received_ns = clock_real_ns(rig->loop);
	if (kind == FL_TRADE) {
		record.trade.trade_seq = id;
		(void)snprintf(record.trade.trade_id, sizeof(record.trade.trade_id), "T-%d", (int)id);
	} else if (kind == FL_BOOK) {
		record.head.length += 2 * (uint32_t)sizeof(struct fl_book_level);
		record.book.level_count = 2;
		record.book.levels[0] = (struct fl_book_level){ 1.5, 10, FL_BID };
		record.book.levels[1] = (struct fl_book_level){ 2.5, 0, FL_ASK };
	} else if (kind == FL_LIFECYCLE || kind == FL_STATUS) {
		record.head.length += 16;
		record.event.metadata_length = 9;
		memcpy(record.event.metadata, "{\"a\": 12}", 9);
	}
	return &record.head;
}

int publish(struct rig *rig, unsigned kind, int64_t id)
{
	return bus_publish(rig->bus, rig->source, make_record(rig, kind, id, "BTC-27DEC24-100000-C"));
}

void publish_many(struct rig *rig, int64_t id, int count)
{
	for (int i = 0; i < count; i++) {
		assert_int_equal(publish(rig, FL_TICKER, id + i), 0);
		if (i % 50 == 49)
			rig_settle(rig);
	}
}

/* -- the store ------------------------------------------------------------------------ */

static void keep(struct store *store, int64_t id)
{
	if (store->count == store->room) {
		store->room = store->room > 0 ? store->room * 2 : 1024;
		store->ids = realloc(store->ids, store->room * sizeof(*store->ids));
		assert_non_null(store->ids);
	}
	store->ids[store->count++] = id;
}

static void commit(struct store *store)
{
	const struct fl_batch *batch = &store->last;

	/* The compare-and-set of a real store. */
	assert_int_equal(batch->from.journal_id, store->position.journal_id);
	assert_int_equal(batch->from.generation, store->position.generation);
	assert_int_equal(batch->from.number, store->position.number);
	store->position = batch->to;
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		store->dropped[kind] += batch->dropped[kind];
		store->filtered[kind] += batch->filtered[kind];
	}
	cursor_ack(store->cursor, &batch->to);
}

static void on_batch(void *data, struct cursor *cursor, const struct fl_batch *batch)
{
	struct store *store = data;
	uint32_t count = 0;

	assert_ptr_equal(cursor, store->cursor);
	store->last = *batch;
	store->batches++;
	if (store->mode == STORE_REFUSES) {
		cursor_retry(cursor, store->retry_ns);
		return;
	}
	for (const struct fl_record *record = NULL; (record = fl_batch_next(batch, record)) != NULL;) {
		keep(store, record->event_time_ns);
		if (store->checks_numbers)
			assert_int_equal(fl_batch_number(batch, record), record->event_time_ns);
		store->stored[record->kind]++;
		count++;
	}
	assert_int_equal(count, batch->count);
	if (store->mode == STORE_ACKS)
		commit(store);
}

void store_make(struct store *store, struct rig *rig)
{
	memset(store, 0, sizeof(*store));
	store->rig = rig;
	store->name = "store";
}

static struct fl_metric *latency_of(void *data, uint16_t source)
{
	(void)source;
	return ((struct store *)data)->latency;
}

int store_open(struct store *store)
{
	static const struct cursor_owner cursor_owner = { on_batch };
	struct cursor_setup setup = { .sink = store->name,
		.stream = "main",
		.how = &store->how,
		.owner = &cursor_owner,
		.data = store,
		.latency = latency_of };

	store->how.position = store->position;
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++)
		store->how.consumed[kind] = store->stored[kind] + store->dropped[kind];
	return cursor_open(store->rig->bus, &setup, &store->cursor);
}

void store_ack(struct store *store)
{
	commit(store);
}

void store_drain(struct store *store)
{
	struct cursor_status status;

	for (int i = 0; i < 20000; i++) {
		cursor_status(store->cursor, &status);
		if (status.waiting_records == 0 && !status.is_in_flight)
			return;
		loop_turn(store->rig->loop, false);
		(void)usleep(500);
	}
	fail_msg("records still wait");
}

void store_free(struct store *store)
{
	free(store->ids);
}

void assert_identity(struct store *store)
{
	struct cursor_status status;
	struct bus_status bus;

	cursor_status(store->cursor, &status);
	bus_status(store->rig->bus, &bus);
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		assert_int_equal(bus.published[kind],
			status.consumed[kind] + status.filtered[kind] + status.waiting[kind]);
		assert_int_equal(status.consumed[kind], store->stored[kind] + store->dropped[kind]);
	}
}

static int by_name(const void *left, const void *right)
{
	return strcmp(left, right);
}

size_t rig_segments(const char *folder, char names[][64], size_t room)
{
	DIR *dir = opendir(folder);
	size_t count = 0;

	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL && count < room;)
		if (strlen(entry->d_name) == 37)
			(void)strcpy(names[count++], entry->d_name);
	closedir(dir);
	qsort(names, count, sizeof(names[0]), by_name);
	return count;
}

int64_t rig_file_bytes(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 ? info.st_size : -1;
}
