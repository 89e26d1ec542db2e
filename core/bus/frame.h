/*
 * frame.h: what a segment looks like on disk: a head of 512 bytes, then frames of 8 bytes and a
 * payload, one behind the other, then zeros. Little-endian; everything is a multiple of 8.
 */
#ifndef BUS_FRAME_H
#define BUS_FRAME_H

#include "record.h"

enum { HEAD_BYTES = 512, FRAME_BYTES = 8, FRAME_MAX_PAYLOAD = RECORD_MAX_BYTES };

struct segment_head {
	char magic[8];
	uint32_t version;
	uint32_t head_bytes;
	uint64_t journal_id; /* drawn when the journal was created */
	uint32_t generation; /* rises at each opening */
	uint32_t reserved;
	uint64_t first_number; /* the next record's when the segment was begun */
	int64_t created_ns;
	uint64_t published[FL_KIND_COUNT]; /* by kind, before this segment, since the journal began */
	uint64_t lost[FL_KIND_COUNT];      /* of those, what the journal could not take */
	char zero[204];
	uint32_t checksum; /* of all before it; also what the frames' checksums begin with */
};

enum frame_type {
	FRAME_END = 0, /* nothing is written here yet */
	FRAME_RECORD = 1,
	FRAME_SOURCE = 2,     /* names a source, before its first use in the segment */
	FRAME_INSTRUMENT = 3, /* names an instrument, likewise */
	FRAME_TRADE = 4,      /* the last trade known when the segment was begun */
	FRAME_LOSS = 5, /* uint64_t[FL_KIND_COUNT]: what could not be taken since the record before */
	FRAME_TYPES
};

struct frame {
	uint32_t word; /* type << 28 | bytes of payload; written last */
	uint32_t checksum;
};

/** Payload of FRAME_SOURCE and FRAME_INSTRUMENT: this, the name, the venue, zeros. */
struct frame_name {
	uint32_t id;
	uint16_t name_length, venue_length;
};

struct frame_trade {
	uint16_t source;
	uint16_t reserved[3];
	uint32_t instrument;
	uint32_t reserved2;
	int64_t trade_seq;
	int64_t event_time_ns;
	char trade_id[48];
};

void head_seal(struct segment_head *head); /* magic, version, checksum */
/** 0; -ENODATA: all zeros; -EBADMSG: damaged or no head at all; -EPROTONOSUPPORT: of another
 * format. */
int head_check(const struct segment_head *head);

/**
 * Castagnoli's CRC of what a frame is: the number makes a frame that belongs elsewhere invalid.
 *
 * @param seed    its segment's head.checksum
 * @param number  the record's; for other frames that of the next record
 */
uint32_t frame_checksum(uint32_t seed, uint64_t number, uint32_t word, const void *payload);

static inline uint32_t frame_word(enum frame_type type, uint32_t length)
{
	return (uint32_t)type << 28 | length;
}
static inline unsigned frame_type(uint32_t word)
{
	return word >> 28;
}
static inline uint32_t frame_length(uint32_t word)
{
	return word & 0x0fffffff;
}

/** Writes a frame at `at`; the payload is there already. */
void frame_seal(void *at, uint32_t seed, uint64_t number, enum frame_type type, uint32_t length);

/**
 * Looks at the frame at `at`, of which `room` bytes may be read.
 *
 * @return its type, FRAME_END (also when less than a frame's head is there), or -EBADMSG: it is not
 *         whole. A record's payload is checked by record_is_valid too.
 */
int frame_check(const void *at, size_t room, uint32_t seed, uint64_t number);

/** Takes a name's payload apart; false: lengths do not fit. */
bool frame_read_name(const void *payload, uint32_t length, struct frame_name *out,
	const char **name, const char **venue);
/** Writes the payload; returns its length. Room for FRAME_NAME_MAX. */
enum { FRAME_NAME_MAX = 136 };
uint32_t frame_write_name(void *payload, uint32_t id, const char *name, const char *venue);

#endif
