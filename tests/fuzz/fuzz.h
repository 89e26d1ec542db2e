/*
 * fuzz.h: what a target is made of. A target takes any bytes, feeds a reader of foreign bytes with
 * them and checks what must be true of every answer; it keeps nothing between two calls.
 *
 * libFuzzer calls the entry (./dev fuzz), or replay.c does for the inputs that are kept in corpus/.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What must be true whatever the input says. */
#define CHECK(condition)                                                                           \
	do {                                                                                           \
		if (!(condition)) {                                                                        \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
			abort();                                                                               \
		}                                                                                          \
	} while (0)

/** Memory of exactly this size, so that sanitizers see a step beyond it; the caller frees. */
static inline void *fuzz_alloc(size_t size)
{
	void *memory = calloc(1, size > 0 ? size : 1);

	CHECK(memory != NULL);
	return memory;
}

static inline void *fuzz_copy(const void *bytes, size_t size)
{
	void *copy = fuzz_alloc(size);

	if (size > 0)
		memcpy(copy, bytes, size);
	return copy;
}

/** With a 0 behind it, and none inside: it ends at the first. */
static inline char *fuzz_text(const void *bytes, size_t size)
{
	const void *end = size > 0 ? memchr(bytes, '\0', size) : NULL;
	size_t length = end == NULL ? size : (size_t)((const char *)end - (const char *)bytes);
	char *text = fuzz_alloc(length + 1);

	if (length > 0)
		memcpy(text, bytes, length);
	text[length] = '\0';
	return text;
}

/** Bytes taken from the front; 0 when there are none left. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

/** The next line, without its end, as fuzz_text; "" when there are none left. */
static inline char *fuzz_line(struct fuzz_input *in)
{
	const uint8_t *at = in->at;
	const uint8_t *end = in->left > 0 ? memchr(at, '\n', in->left) : NULL;
	size_t length = end == NULL ? in->left : (size_t)(end - at);
	size_t used = end == NULL ? length : length + 1;

	in->at += used;
	in->left -= used;
	return fuzz_text(at, length);
}

#endif
