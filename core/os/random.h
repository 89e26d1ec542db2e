/*
 * random.h: random numbers fit for keys and masks (mbedTLS through PSA); seeded in a simulation.
 */
#ifndef OS_RANDOM_H
#define OS_RANDOM_H

#include "loop.h"

void random_bytes(struct loop *loop, void *bytes, size_t length);
uint64_t random_u64(struct loop *loop);

#endif
