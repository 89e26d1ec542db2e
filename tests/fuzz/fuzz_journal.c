/*
 * journal: a segment with every kind of frame, then damaged; inspected and recovered. What comes
 * out is whole: without new checksums, no record but those that were written, each in its place.
 *
 * input: flags, two bytes of the file's length (0: all of it), with HAS_LOCK a byte of length and
 * so many of the lock file; then patches: two bytes of place, one that is put there
 */
#include "bus.h"
#include "cursor.h"
#include "frame.h"
#include "fuzz.h"
#include "journal_inspect.h"
#include "log.h"
#include "loop.h"

#include <dirent.h>
#include <math.h>
#include <unistd.h>
#include <yyjson.h>

enum {
	RESEALS = 1,   /* checksums are made right again: what is behind them is reached */
	IS_SPARE = 2,  /* it was never named */
	IS_TWICE = 4,  /* a second, undamaged segment follows */
	IS_LONG = 8,   /* the file was allocated and not yet cut: zeros follow */
	HAS_LOCK = 16, /* a process held it */
	SEGMENT_BYTES = 64 * 1024,
	IMAGE_BYTES = 8 * 1024,
	RECORDS = 8,
	FOLDER_SIZE = 64
};

static const char first_name[] = "00000000000000000001-00000001.segment";
static const char next_name[] = "00000000000000000009-00000002.segment";
static const char spare_name[] = "spare-00000001.segment";

/* ---- the segment ---- */

struct image {
	char bytes[IMAGE_BYTES];
	size_t length;
	uint64_t number;              /* of the next record */
	size_t records[RECORDS + 64]; /* where each begins */
};

static uint32_t seed_of(const struct image *image)
{
	struct segment_head head;

	memcpy(&head, image->bytes, sizeof(head));
	return head.checksum;
}

static void add_frame(
	struct image *image, enum frame_type type, const void *payload, uint32_t length)
{
	char *at = image->bytes + image->length;

	CHECK(image->length + FRAME_BYTES + length <= sizeof(image->bytes));
	memcpy(at + FRAME_BYTES, payload, length);
	frame_seal(at, seed_of(image), image->number, type, length);
	if (type == FRAME_RECORD)
		image->records[image->number++] = image->length + FRAME_BYTES;
	image->length += FRAME_BYTES + length;
}

static void add_name(struct image *image, enum frame_type type, uint32_t id, const char *name)
{
	char payload[FRAME_NAME_MAX];

	add_frame(image, type, payload, frame_write_name(payload, id, name, "deribit"));
}

static void add_record(struct image *image, unsigned kind)
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
	record.head.source = 1;
	record.head.instrument = 1;
	record.head.event_time_ns = record.head.received_ns = (int64_t)image->number;
	if (kind == FL_BOOK) {
		record.head.length += 2 * (uint32_t)sizeof(struct fl_book_level);
		record.book.level_count = 2;
		record.book.levels[0] = (struct fl_book_level){ 1.5, 10, FL_BID };
		record.book.levels[1] = (struct fl_book_level){ 2.5, 0, FL_ASK };
	} else if (kind == FL_LIFECYCLE) {
		record.head.length += 16;
		record.event.metadata_length = 9;
		memcpy(record.event.metadata, "{\"a\": 12}", 9);
	} else if (kind == FL_TRADE) {
		record.trade.trade_seq = (int64_t)image->number;
		(void)snprintf(record.trade.trade_id, sizeof(record.trade.trade_id), "T-1");
	}
	add_frame(image, FRAME_RECORD, &record, record.head.length);
}

static void begin_image(struct image *image, uint32_t generation, uint64_t first)
{
	struct segment_head head = {
		.journal_id = 7, .generation = generation, .first_number = first, .created_ns = 1000
	};
	struct frame_trade trade = { .source = 1, .instrument = 1, .trade_seq = 5, .trade_id = "T-5" };

	memset(image, 0, sizeof(*image));
	for (unsigned kind = FL_QUOTE; kind <= FL_ACCOUNT_TRADE && first > 1; kind++)
		head.published[kind] = 1;
	head_seal(&head);
	memcpy(image->bytes, &head, sizeof(head));
	image->length = sizeof(head);
	image->number = first;
	add_name(image, FRAME_SOURCE, 1, "deribit");
	add_name(image, FRAME_INSTRUMENT, 1, "BTC-27DEC24-100000-C");
	add_frame(image, FRAME_TRADE, &trade, sizeof(trade));
}

static void make_first(struct image *image)
{
	uint64_t lost[FL_KIND_COUNT] = { [FL_QUOTE] = 3 };

	begin_image(image, 1, 1);
	add_record(image, FL_TRADE);
	add_record(image, FL_LIFECYCLE);
	add_record(image, FL_BOOK);
	add_frame(image, FRAME_LOSS, lost, sizeof(lost));
	add_record(image, FL_QUOTE);
	add_name(image, FRAME_INSTRUMENT, 2, "ETH-PERPETUAL");
	add_record(image, FL_INSTRUMENT);
	add_record(image, FL_GAP);
	add_record(image, FL_TRADE);
	add_record(image, FL_INDEX);
}

static void make_next(struct image *image)
{
	begin_image(image, 2, RECORDS + 1);
	add_record(image, FL_QUOTE);
	add_record(image, FL_TRADE);
}

/* As whoever writes a journal would have sealed it. */
static void reseal(char *bytes, size_t length)
{
	struct segment_head head;
	uint64_t number;

	if (length < sizeof(head))
		return;
	memcpy(&head, bytes, sizeof(head));
	if (head.version == 1)
		head_seal(&head);
	memcpy(bytes, &head, sizeof(head));
	number = head.first_number;
	for (size_t at = sizeof(head); length - at >= FRAME_BYTES;) {
		struct frame frame;

		memcpy(&frame, bytes + at, sizeof(frame));
		if (frame_length(frame.word) > length - at - FRAME_BYTES ||
			frame_length(frame.word) % 8 != 0 || frame.word == 0)
			return;
		frame.checksum =
			frame_checksum(head.checksum, number, frame.word, bytes + at + FRAME_BYTES);
		memcpy(bytes + at, &frame, sizeof(frame));
		number += frame_type(frame.word) == FRAME_RECORD;
		at += FRAME_BYTES + frame_length(frame.word);
	}
}

/* ---- its folder ---- */

static void write_file(
	const char *folder, const char *name, const char *bytes, size_t length, bool is_preallocated)
{
	char path[FOLDER_SIZE + 64];
	FILE *out;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	out = fopen(path, "wb");
	CHECK(out != NULL && fwrite(bytes, 1, length, out) == length);
	CHECK(fclose(out) == 0);
	if (is_preallocated)
		CHECK(truncate(path, SEGMENT_BYTES) == 0);
}

static void remove_folder(const char *folder)
{
	char path[FOLDER_SIZE + 300];
	DIR *dir = opendir(folder);

	CHECK(dir != NULL);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		(void)unlink(path);
	}
	closedir(dir);
	CHECK(rmdir(folder) == 0);
}

/* ---- what comes out ---- */

struct reading {
	const struct image *written;
	int flags;
	size_t count;
	struct cursor *cursor;
	uint64_t number; /* of the last record heard */
};

static void check_record(struct reading *reading, const struct fl_record *record, uint64_t number)
{
	const struct image *written = reading->written;

	CHECK(record_is_valid(record));
	reading->count++;
	if (reading->flags & RESEALS)
		return;
	CHECK(number >= 1 && number < written->number);
	CHECK(memcmp(written->bytes + written->records[number], record, record->length) == 0);
}

static int on_record(void *data, const struct fl_record *record, uint64_t number,
	uint32_t generation, const struct record_names *names)
{
	struct reading *reading = data;
	yyjson_doc *doc;
	struct buf line;

	if (generation == 1)
		check_record(reading, record, number);
	buf_init(&line, 0);
	record_print(record, number, names, &line);
	doc = yyjson_read(buf_bytes(&line), buf_length(&line), 0);
	if (!(reading->flags & RESEALS)) /* metadata is printed as it is */
		CHECK(doc != NULL);
	yyjson_doc_free(doc);
	buf_finish(&line);
	return 0;
}

static void on_segment(void *data, const struct journal_segment_info *info)
{
	(void)data;
	CHECK(journal_finding_name(info->finding) != NULL && info->detail != NULL);
	CHECK(info->used_bytes <= info->file_bytes);
}

static void on_batch(void *data, struct cursor *cursor, const struct fl_batch *batch)
{
	struct reading *reading = data;
	uint32_t count = 0;

	for (const struct fl_record *record = NULL; (record = fl_batch_next(batch, record)) != NULL;) {
		CHECK(record_is_valid(record));
		count++;
	}
	CHECK(count == batch->count);
	reading->number = batch->to.number;
	cursor_ack(cursor, &batch->to);
}

static void read_all(struct loop *loop, struct bus *bus, struct reading *reading)
{
	static const struct cursor_owner owner = { on_batch };
	static const struct fl_stream how = { .batch_rows = 3 };
	struct cursor_setup setup = {
		.sink = "store", .stream = "main", .how = &how, .owner = &owner, .data = reading
	};
	struct cursor_status status;

	CHECK(cursor_open(bus, &setup, &reading->cursor) >= 0);
	for (int turn = 0;; turn++) {
		cursor_status(reading->cursor, &status);
		if (status.waiting_records == 0 && !status.is_in_flight)
			return;
		CHECK(turn < 2000); /* it is read to its end */
		loop_turn(loop, false);
		if (turn > 20)
			(void)usleep(500);
	}
}

static void recover(struct loop *loop, const char *folder, struct reading *reading)
{
	struct bus_setup setup = { .folder = folder, .keep_ns = -1, .segment_bytes = SEGMENT_BYTES };
	struct fl_quote quote;
	struct bus_status status;
	struct bus *bus;
	uint16_t source;

	if (bus_open(loop, &setup, NULL, &bus) != 0) {
		CHECK(reading->flags & RESEALS); /* a format of the future is refused */
		return;
	}
	source = dictionary_source(bus_dictionary(bus), "fuzz", "deribit");
	fl_record_init(&quote, FL_QUOTE);
	if (source != 0)
		CHECK(bus_publish(bus, source, &quote.head) == 0); /* it goes on */
	bus_status(bus, &status);
	if (!(reading->flags & RESEALS))
		CHECK(status.last_number <= reading->written->number + 2);
	read_all(loop, bus, reading);
	bus_close(bus);
}

static void forget_line(void *data, const char *line, size_t length)
{
	(void)data;
	CHECK(length > 0 && line[length - 1] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct image first, next, damaged;
	static struct loop *loop;
	struct fuzz_input in = { data, size };
	struct reading reading = { .written = &first, .flags = fuzz_byte(&in) };
	const struct journal_visitor visitor = { on_segment, on_record, &reading };
	size_t length = (size_t)fuzz_byte(&in) << 8;
	char folder[FOLDER_SIZE], lock[256];
	size_t lock_length = 0;

	if (loop == NULL) {
		CHECK(loop_open(&loop) == 0);
		log_to(forget_line, NULL);
		make_first(&first);
		make_next(&next);
	}
	length |= fuzz_byte(&in);
	if (reading.flags & HAS_LOCK)
		lock_length = fuzz_byte(&in);
	for (size_t i = 0; i < lock_length; i++)
		lock[i] = (char)fuzz_byte(&in);
	damaged = first;
	while (in.left >= 3) {
		size_t at = (size_t)fuzz_byte(&in) << 8;

		at |= fuzz_byte(&in);
		damaged.bytes[at % damaged.length] = (char)fuzz_byte(&in);
	}
	if (reading.flags & RESEALS)
		reseal(damaged.bytes, damaged.length);
	(void)snprintf(folder, sizeof(folder), "%s/feedloom-fuzz-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	CHECK(mkdtemp(folder) != NULL);
	write_file(folder, reading.flags & IS_SPARE ? spare_name : first_name, damaged.bytes,
		length == 0 || length > damaged.length ? damaged.length : length, reading.flags & IS_LONG);
	if (reading.flags & IS_TWICE)
		write_file(folder, next_name, next.bytes, next.length, false);
	if (reading.flags & HAS_LOCK)
		write_file(folder, "lock", lock, lock_length, false);
	CHECK(journal_inspect(folder, &visitor) == 0);
	recover(loop, folder, &reading);
	CHECK(journal_inspect(folder, &(struct journal_visitor){ .on_segment = on_segment }) == 0);
	remove_folder(folder);
	return 0;
}
