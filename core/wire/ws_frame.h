/*
 * ws_frame.h: the head of a WebSocket frame (RFC 6455 5.2), read where it lies. Reading is ours and
 * not wslay's because wslay copies all that it is given, twice on the way of a message; it makes
 * the frames that are sent.
 */
#ifndef WIRE_WS_FRAME_H
#define WIRE_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WS_HEAD_MAX = 14 };

struct ws_head {
	uint8_t opcode, reserved; /* reserved: the three bits, 0 without an extension */
	bool is_final, is_masked;
	uint8_t mask[4];
	uint64_t payload_bytes;
};

/** How long the head is that begins here; 0: too little is there to tell. */
size_t ws_head_bytes(const uint8_t *in, size_t length);
/** `in` holds all of it. false: a length that is not written in the shortest way, or over 2^63. */
bool ws_head_read(const uint8_t *in, struct ws_head *out);
/** Takes the mask off, or puts it on; `at`: how much of the payload came before. */
void ws_mask(const uint8_t mask[4], uint64_t at, uint8_t *payload, size_t length);

#endif
