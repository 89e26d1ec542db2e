/*
 * scan.h: walks a segment's file from its head to its end, trusting nothing. Blocks: at start, on
 * workers, in tools.
 */
#ifndef BUS_SCAN_H
#define BUS_SCAN_H

#include "file.h"
#include "frame.h"

enum scan_end {
	SCAN_WHOLE,  /* good frames up to the end of what was written */
	SCAN_TORN,   /* the last frame is not whole, and nothing lies behind it */
	SCAN_DAMAGED /* a frame is not whole, and more lies behind it */
};

struct scan {
	struct file *file;
	struct segment_head head;
	int64_t file_bytes;
	int64_t end;          /* behind the last good frame so far */
	uint64_t next_number; /* of the record behind it */
	enum scan_end how;
	char *buffer;
};

/** A good frame. A non-zero return ends the walk with it; `scan->end` is then before this frame. */
typedef int (*scan_taker)(
	void *data, unsigned type, const void *payload, uint32_t length, uint64_t number);

/** Opens and reads the head. 0; -ENODATA: an empty file; as head_check; errors of the file system.
 */
int scan_open(struct scan *scan, const char *path);
/** 0 at the end (see `how`), or what `take` answered. An unreadable place counts as damage. */
int scan_frames(struct scan *scan, scan_taker take, void *data);
void scan_close(struct scan *scan); /* also after a failed scan_open */

#endif
