/*
 * scan.c: reads a segment piece by piece through one buffer and checks each frame.
 */
#include "scan.h"
#include <stdlib.h>
#include <string.h>

/* Holds any frame whole, wherever it begins. */
enum { BUFFER_BYTES = FRAME_MAX_PAYLOAD + (1 << 20) };

int scan_open(struct scan *scan, const char *path)
{
	int64_t got;
	int error;

	*scan = (struct scan){ .end = HEAD_BYTES };
	error = file_open(path, FILE_READ, &scan->file);
	if (error < 0)
		return error;
	scan->file_bytes = file_size(scan->file);
	if (scan->file_bytes < 0)
		return (int)scan->file_bytes;
	if (scan->file_bytes == 0)
		return -ENODATA;
	got = file_read(scan->file, 0, &scan->head, sizeof(scan->head));
	if (got < 0)
		return (int)got;
	if (got < HEAD_BYTES)
		return -EBADMSG;
	scan->next_number = scan->head.first_number;
	return head_check(&scan->head);
}

void scan_close(struct scan *scan)
{
	free(scan->buffer);
	scan->buffer = NULL;
	file_close(scan->file);
	scan->file = NULL;
}

/* How far a frame that was being written when the process ended can have reached. */
static size_t torn_extent(const char *at, size_t room)
{
	size_t extent = FRAME_BYTES + FRAME_NAME_MAX;
	uint32_t word = 0, length = 0;

	if (room >= FRAME_BYTES)
		memcpy(&word, at, sizeof(word));
	if (room >= FRAME_BYTES + sizeof(length))
		memcpy(&length, at + FRAME_BYTES, sizeof(length)); /* a record begins with it */
	if (word != 0)
		length = frame_length(word);
	if (length <= FRAME_MAX_PAYLOAD && length + FRAME_BYTES > extent)
		extent = length + FRAME_BYTES;
	return extent < room ? extent : room;
}

static bool is_zero(const char *at, size_t length)
{
	for (; length > 0 && (uintptr_t)at % 8 != 0; at++, length--)
		if (*at != 0)
			return false;
	for (uint64_t word; length >= 8; at += 8, length -= 8) {
		memcpy(&word, at, 8);
		if (word != 0)
			return false;
	}
	for (; length > 0; at++, length--)
		if (*at != 0)
			return false;
	return true;
}

/* What lies at and behind scan->end, where no good frame is. */
static enum scan_end judge(struct scan *scan)
{
	int64_t offset = scan->end;
	int64_t got = file_read(scan->file, offset, scan->buffer, BUFFER_BYTES);
	enum scan_end verdict = SCAN_WHOLE;
	size_t skip;

	if (got < 0)
		return SCAN_DAMAGED;
	skip = torn_extent(scan->buffer, (size_t)got);
	if (!is_zero(scan->buffer, skip))
		verdict = SCAN_TORN;
	while (got > 0) {
		if (!is_zero(scan->buffer + skip, (size_t)got - skip))
			return SCAN_DAMAGED;
		skip = 0;
		offset += got;
		got = file_read(scan->file, offset, scan->buffer, BUFFER_BYTES);
	}
	return got < 0 ? SCAN_DAMAGED : verdict;
}

int scan_frames(struct scan *scan, scan_taker take, void *data)
{
	size_t at = 0, held = 0; /* in the buffer: [at, held), beginning at scan->end of the file */

	if (scan->buffer == NULL)
		scan->buffer = malloc(BUFFER_BYTES);
	if (scan->buffer == NULL)
		return -ENOMEM;
	for (;;) {
		const struct frame *frame = (const void *)(scan->buffer + at);
		int type, answer;

		if (held - at < FRAME_BYTES ||
			held - at < FRAME_BYTES + (size_t)frame_length(frame->word)) {
			int64_t got = file_read(scan->file, scan->end, scan->buffer, BUFFER_BYTES);

			if (got < 0) {
				scan->how = SCAN_DAMAGED;
				return 0;
			}
			at = 0;
			held = (size_t)got;
			frame = (const void *)scan->buffer;
		}
		type = frame_check(frame, held - at, scan->head.checksum, scan->next_number);
		if (type <= FRAME_END) {
			scan->how = judge(scan);
			return 0;
		}
		answer =
			take(data, (unsigned)type, frame + 1, frame_length(frame->word), scan->next_number);
		if (answer != 0)
			return answer;
		at += FRAME_BYTES + frame_length(frame->word);
		scan->end += FRAME_BYTES + frame_length(frame->word);
		if (type == FRAME_RECORD)
			scan->next_number++;
	}
}
