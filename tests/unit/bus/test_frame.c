/* The checksum of frames is Castagnoli's, however the processor comes by it. */
#include "unit.h"

#include "frame.h"
#include <stdlib.h>
#include <string.h>

static uint32_t by_bits(uint32_t crc, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < length; i++) {
		crc ^= at[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? UINT32_C(0x82f63b78) : 0);
	}
	return crc;
}

static void the_checksum_is_castagnolis_at_every_length(void **state)
{
	enum { LONGEST = 4096 };
	uint8_t *payload = malloc(LONGEST);
	uint32_t random = 1;

	(void)state;
	assert_non_null(payload);
	for (size_t i = 0; i < LONGEST; i++)
		payload[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
	for (uint32_t length = 8; length <= LONGEST; length += 8) {
		uint64_t number = UINT64_C(0x123456789) + length;
		uint64_t word = frame_word(FRAME_RECORD, length);
		uint32_t crc = by_bits(0xabcdef01, &number, sizeof(number));

		crc = by_bits(by_bits(crc, &word, sizeof(word)), payload, length);
		assert_int_equal(
			frame_checksum(0xabcdef01, number, (uint32_t)word, payload), crc != 0 ? crc : 1);
	}
	free(payload);
}

static void a_bit_that_turned_is_seen_wherever_it_is(void **state)
{
	uint8_t frame[FRAME_BYTES + 288];

	(void)state;
	memset(frame, 0x5a, sizeof(frame));
	frame_seal(frame, 7, 42, FRAME_SOURCE, 288);
	assert_int_equal(frame_check(frame, sizeof(frame), 7, 42), FRAME_SOURCE);
	for (size_t bit = 8 * FRAME_BYTES; bit < 8 * sizeof(frame); bit++) {
		frame[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_equal(frame_check(frame, sizeof(frame), 7, 42), -EBADMSG);
		frame[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	assert_int_equal(frame_check(frame, sizeof(frame), 7, 43), -EBADMSG); /* of another place */
	assert_int_equal(frame_check(frame, sizeof(frame), 8, 42), -EBADMSG); /* of another segment */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_checksum_is_castagnolis_at_every_length),
		cmocka_unit_test(a_bit_that_turned_is_seen_wherever_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
