/*
 * random.c: PSA's generator, seeded by the kernel.
 */
#include "random.h"

#include <psa/crypto.h>
#include <stdlib.h>
#include <sys/random.h>

/* Should mbedTLS fail us, the kernel answers itself; guessable numbers are never handed out. */
static void kernel_bytes(unsigned char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t got = getrandom(bytes, length, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort();
		bytes += got;
		length -= (size_t)got;
	}
}

void random_bytes(struct loop *loop, void *bytes, size_t length)
{
	(void)loop;
	/* Initialising again is cheap and harmless. */
	if (psa_crypto_init() == PSA_SUCCESS && psa_generate_random(bytes, length) == PSA_SUCCESS)
		return;
	kernel_bytes(bytes, length);
}

uint64_t random_u64(struct loop *loop)
{
	uint64_t number;

	random_bytes(loop, &number, sizeof(number));
	return number;
}
