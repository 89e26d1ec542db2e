/* ws_frame.c: see the header. */
#include "ws_frame.h"

#include <string.h>

size_t ws_head_bytes(const uint8_t *in, size_t length)
{
	size_t bytes = 2;

	if (length < 2)
		return 0;
	if ((in[1] & 0x7f) == 126)
		bytes += 2;
	else if ((in[1] & 0x7f) == 127)
		bytes += 8;
	return (in[1] & 0x80) != 0 ? bytes + 4 : bytes;
}

bool ws_head_read(const uint8_t *in, struct ws_head *out)
{
	size_t extra = (in[1] & 0x7f) == 126 ? 2 : (in[1] & 0x7f) == 127 ? 8 : 0;

	out->is_final = (in[0] & 0x80) != 0;
	out->reserved = in[0] >> 4 & 7;
	out->opcode = in[0] & 0x0f;
	out->is_masked = (in[1] & 0x80) != 0;
	out->payload_bytes = extra == 0 ? in[1] & 0x7f : 0;
	for (size_t i = 0; i < extra; i++)
		out->payload_bytes = out->payload_bytes << 8 | in[2 + i];
	if (out->is_masked)
		memcpy(out->mask, in + 2 + extra, sizeof(out->mask));
	if (extra == 2)
		return out->payload_bytes > 125;
	return extra == 0 || (out->payload_bytes > UINT16_MAX && out->payload_bytes <= INT64_MAX);
}

void ws_mask(const uint8_t mask[4], uint64_t at, uint8_t *payload, size_t length)
{
	for (size_t i = 0; i < length; i++)
		payload[i] ^= mask[(at + i) % 4];
}
