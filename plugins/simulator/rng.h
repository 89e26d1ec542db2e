/*
 * rng.h: the simulator's own random numbers: a small state, the same sequence from the same seed on
 * every machine. Not for secrets.
 */
#ifndef SIMULATOR_RNG_H
#define SIMULATOR_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state;
};

/** The next 64 bits (splitmix64). */
static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/** 0 to count - 1; count is 1 to 2^32. */
static inline uint32_t rng_below(struct rng *rng, uint32_t count)
{
	return (uint32_t)(((rng_next(rng) >> 32) * count) >> 32);
}

/** True once in `times`. */
static inline int rng_once_in(struct rng *rng, uint32_t times)
{
	return rng_below(rng, times) == 0;
}

/** 0 to 1, without 1. */
static inline double rng_unit(struct rng *rng)
{
	return (double)(rng_next(rng) >> 11) * 0x1p-53;
}

/** Mean 0, variance 1, nearly normal, within 3.5: nothing here leans on the tails. */
static inline double rng_normal(struct rng *rng)
{
	double sum = rng_unit(rng) + rng_unit(rng) + rng_unit(rng) + rng_unit(rng) - 2.0;

	return sum * 1.7320508075688772;
}

#endif
