/*
 * os_random.c: numbers of the seed (splitmix64, by Steele, Lea and Flood), and the fingerprint of a
 * run.
 */
#include "random.h"

#include <string.h>

#include "os_inside.h"

static uint64_t mix(uint64_t value)
{
	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

uint64_t stream_next(struct random_stream *stream)
{
	stream->state += UINT64_C(0x9e3779b97f4a7c15);
	return mix(stream->state);
}

uint64_t stream_below(struct random_stream *stream, uint64_t limit)
{
	return limit == 0 ? 0 : stream_next(stream) % limit;
}

bool stream_once_in(struct random_stream *stream, uint64_t times)
{
	return stream_below(stream, times) == 0;
}

struct random_stream stream_of_seed(uint64_t seed, const char *purpose)
{
	uint64_t state = mix(seed + 1);

	for (; *purpose != '\0'; purpose++)
		state = mix(state ^ (unsigned char)*purpose);
	return (struct random_stream){ state };
}

void os_note(const char *what, const struct machine *machine, const void *bytes, size_t length)
{
	uint64_t hash = mix(os.hash ^ (uint64_t)os.now_ns), word;
	const char *at = bytes;

	for (; *what != '\0'; what++)
		hash = hash * 31 + (unsigned char)*what;
	if (machine != NULL)
		hash = mix(hash ^ (unsigned char)machine->name[0]);
	hash ^= length;
	for (; length >= 8; at += 8, length -= 8) {
		memcpy(&word, at, 8);
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	word = 0;
	if (length > 0)
		memcpy(&word, at, length);
	os.hash = mix(hash ^ word);
}

uint64_t random_u64(struct loop *loop)
{
	return stream_next(&loop->machine->random);
}

void random_bytes(struct loop *loop, void *bytes, size_t length)
{
	char *at = bytes;

	while (length > 0) {
		uint64_t word = random_u64(loop);
		size_t some = length < sizeof(word) ? length : sizeof(word);

		memcpy(at, &word, some);
		at += some;
		length -= some;
	}
}
