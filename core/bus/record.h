/*
 * record.h: what is true of every record, and how one looks as text. The kinds are in
 * <feedloom/record.h>, as are fl_record_init, fl_kind_name and fl_kind_size, which record.c
 * defines.
 */
#ifndef BUS_RECORD_H
#define BUS_RECORD_H

#include "buf.h"
#include <feedloom/record.h>

enum { RECORD_MAX_BYTES = 1 << 20 }; /* of one record; a book of 40,000 levels */

/**
 * Whether the record is whole: a known kind, a length that is a multiple of 8, no less than the
 * kind's and no more than RECORD_MAX_BYTES, its levels or metadata inside it, its texts ended.
 * Reads no more than record->length bytes, and the head before it trusts that.
 */
bool record_is_valid(const struct fl_record *record);

/** Looks up names for printing; each may answer NULL (printed as null). */
struct record_names {
	const char *(*source)(void *data, uint16_t source);
	const char *(*instrument)(void *data, uint32_t instrument);
	const char *(*venue)(void *data, uint32_t instrument);
	void *data;
};

/**
 * Appends one line of JSON, every field by the name it has in <feedloom/record.h>, absent ones
 * null.
 *
 * @param record  valid
 * @param number  its place in the journal
 */
void record_print(const struct fl_record *record, uint64_t number, const struct record_names *names,
	struct buf *to);

#endif
