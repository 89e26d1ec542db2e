/*
 * frame.c: seals and checks heads and frames.
 */
#include "frame.h"
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

static const char magic[8] = { 'F', 'E', 'E', 'D', 'L', 'O', 'O', 'M' };
enum { FORMAT_VERSION = 1 };

_Static_assert(sizeof(struct segment_head) == HEAD_BYTES, "stored: the head's size is fixed");
_Static_assert(sizeof(struct frame) == FRAME_BYTES, "stored");
_Static_assert(sizeof(struct frame_name) == 8, "stored");
_Static_assert(sizeof(struct frame_trade) == 80, "stored");

static uint32_t table[8][256];

static void make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? UINT32_C(0x82f63b78) : 0);
		table[0][i] = crc;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int step = 1; step < 8; step++)
			table[step][i] = table[step - 1][i] >> 8 ^ table[0][table[step - 1][i] & 0xff];
}

static uint32_t step_table(uint32_t crc, uint64_t word)
{
	word ^= crc;
	crc = 0;
	for (int i = 0; i < 8; i++)
		crc ^= table[7 - i][word >> (8 * i) & 0xff];
	return crc;
}

static uint32_t sum_table(
	uint32_t crc, uint64_t first, uint64_t second, const void *bytes, size_t n)
{
	const char *at = bytes;
	uint64_t word;

	crc = step_table(step_table(crc, first), second);
	for (; n >= 8; n -= 8, at += 8) {
		memcpy(&word, at, 8);
		crc = step_table(crc, word);
	}
	return crc;
}

#ifdef __x86_64__

static uint64_t word_at(const char *at)
{
	uint64_t word;

	memcpy(&word, at, 8);
	return word;
}

__attribute__((target("sse4.2"))) static uint32_t sum_sse42(
	uint32_t seed, uint64_t first, uint64_t second, const void *bytes, size_t n)
{
	const char *at = bytes;
	uint64_t crc = _mm_crc32_u64(_mm_crc32_u64(seed, first), second);

	for (; n >= 8; n -= 8, at += 8)
		crc = _mm_crc32_u64(crc, word_at(at));
	return (uint32_t)crc;
}

/*
 * The instruction gives its result after three cycles and can begin each cycle: three stretches of
 * `words` are summed side by side. What comes behind a stretch shifts its sum: a product with a
 * power of x, without carries. The product is as long as a word and is reduced with the word
 * that follows the three.
 */
enum { LANE_WORDS_MIN = 3, LANE_WORDS_MAX = 64 };

static uint32_t shifts[2 * LANE_WORDS_MAX + 2]; /* [k]: x^(64 k - 33), bits reflected */

__attribute__((target("sse4.2"))) static void make_shifts(void)
{
	shifts[1] = 1; /* x^31 */
	for (size_t k = 2; k < sizeof(shifts) / sizeof(shifts[0]); k++)
		shifts[k] = (uint32_t)_mm_crc32_u64(shifts[k - 1], 0);
}

__attribute__((target("sse4.2,pclmul"))) static uint64_t shifted(uint64_t crc, size_t words)
{
	return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(
		_mm_cvtsi64_si128((int64_t)crc), _mm_cvtsi64_si128((int64_t)shifts[words]), 0));
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t sum_lanes(
	uint32_t seed, uint64_t first, uint64_t second, const void *bytes, size_t n)
{
	const char *at = bytes;
	uint64_t crc = _mm_crc32_u64(_mm_crc32_u64(seed, first), second);
	size_t left = n / 8;

	while (left > 3 * LANE_WORDS_MIN) {
		size_t words = (left - 1) / 3 < LANE_WORDS_MAX ? (left - 1) / 3 : LANE_WORDS_MAX;
		const char *middle = at + 8 * words, *last = middle + 8 * words;
		uint64_t crc_middle = 0, crc_last = 0;

		for (size_t i = 0; i < 8 * words; i += 8) {
			crc = _mm_crc32_u64(crc, word_at(at + i));
			crc_middle = _mm_crc32_u64(crc_middle, word_at(middle + i));
			crc_last = _mm_crc32_u64(crc_last, word_at(last + i));
		}
		at = last + 8 * words;
		crc = _mm_crc32_u64(
			crc_last, word_at(at) ^ shifted(crc, 2 * words + 1) ^ shifted(crc_middle, words + 1));
		at += 8;
		left -= 3 * words + 1;
	}
	for (; left > 0; left--, at += 8)
		crc = _mm_crc32_u64(crc, word_at(at));
	return (uint32_t)crc;
}
#endif

typedef uint32_t (*summer)(uint32_t, uint64_t, uint64_t, const void *, size_t);

/* Chosen before main, so that workers find it chosen. */
static summer sum = sum_table;

__attribute__((constructor)) static void choose_sum(void)
{
	make_table();
#ifdef __x86_64__
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("sse4.2"))
		return;
	make_shifts();
	sum = __builtin_cpu_supports("pclmul") ? sum_lanes : sum_sse42;
#endif
}

uint32_t frame_checksum(uint32_t seed, uint64_t number, uint32_t word, const void *payload)
{
	/* Never 0, so that a checksum cannot be mistaken for one not written. */
	uint32_t crc = sum(seed, number, word, payload, frame_length(word));

	return crc != 0 ? crc : 1;
}

void head_seal(struct segment_head *head)
{
	memcpy(head->magic, magic, sizeof(magic));
	head->version = FORMAT_VERSION;
	head->head_bytes = HEAD_BYTES;
	head->checksum = 0;
	head->checksum = sum(~UINT32_C(0), 0, 0, head, HEAD_BYTES);
}

int head_check(const struct segment_head *head)
{
	static const struct segment_head zeros;
	struct segment_head copy = *head;

	if (memcmp(head, &zeros, sizeof(zeros)) == 0)
		return -ENODATA;
	if (memcmp(head->magic, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	copy.checksum = 0;
	if (sum(~UINT32_C(0), 0, 0, &copy, HEAD_BYTES) != head->checksum)
		return -EBADMSG;
	if (head->version != FORMAT_VERSION || head->head_bytes != HEAD_BYTES)
		return -EPROTONOSUPPORT;
	if (head->journal_id == 0 || head->generation == 0 || head->first_number == 0)
		return -EBADMSG;
	return 0;
}

void frame_seal(void *at, uint32_t seed, uint64_t number, enum frame_type type, uint32_t length)
{
	struct frame *frame = at;
	uint32_t word = frame_word(type, length);

	frame->checksum = frame_checksum(seed, number, word, (char *)at + FRAME_BYTES);
	/* Last: who reads the file meanwhile, or after a crash, sees either all of it or nothing. */
	__atomic_store_n(&frame->word, word, __ATOMIC_RELEASE);
}

int frame_check(const void *at, size_t room, uint32_t seed, uint64_t number)
{
	const struct frame *frame = at;
	uint32_t word, length;

	if (room < FRAME_BYTES)
		return FRAME_END;
	word = __atomic_load_n(&frame->word, __ATOMIC_ACQUIRE);
	length = frame_length(word);
	if (word == 0)
		return FRAME_END;
	if (frame_type(word) == FRAME_END || frame_type(word) >= FRAME_TYPES || length == 0 ||
		length % 8 != 0 || length > FRAME_MAX_PAYLOAD || length > room - FRAME_BYTES)
		return -EBADMSG;
	if (frame_checksum(seed, number, word, frame + 1) != frame->checksum)
		return -EBADMSG;
	if (frame_type(word) == FRAME_RECORD) {
		const struct fl_record *record = (const void *)(frame + 1);

		if (length < sizeof(*record) || record->length != length || !record_is_valid(record))
			return -EBADMSG;
	}
	if (frame_type(word) == FRAME_TRADE && length != sizeof(struct frame_trade))
		return -EBADMSG;
	if (frame_type(word) == FRAME_LOSS && length != FL_KIND_COUNT * sizeof(uint64_t))
		return -EBADMSG;
	return (int)frame_type(word);
}

bool frame_read_name(const void *payload, uint32_t length, struct frame_name *out,
	const char **name, const char **venue)
{
	if (length < sizeof(*out))
		return false;
	memcpy(out, payload, sizeof(*out));
	if ((uint32_t)out->name_length + out->venue_length > length - sizeof(*out))
		return false;
	*name = (const char *)payload + sizeof(*out);
	*venue = *name + out->name_length;
	return true;
}

uint32_t frame_write_name(void *payload, uint32_t id, const char *name, const char *venue)
{
	struct frame_name head = { id, (uint16_t)strlen(name), (uint16_t)strlen(venue) };
	size_t length = sizeof(head) + head.name_length + head.venue_length;
	char *at = payload;

	memset(at, 0, FRAME_NAME_MAX);
	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), name, head.name_length);
	memcpy(at + sizeof(head) + head.name_length, venue, head.venue_length);
	return (uint32_t)((length + 7) & ~(size_t)7);
}
