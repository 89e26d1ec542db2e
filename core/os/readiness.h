/*
 * readiness.h: when a descriptor can be read or written, for one that a library owns.
 */
#ifndef OS_READINESS_H
#define OS_READINESS_H

#include "loop.h"

struct readiness;
enum { READINESS_READ = 1, READINESS_WRITE = 2 };

int readiness_create(struct loop *loop, int descriptor,
	void (*on_ready)(void *data, unsigned ready), void *data, struct readiness **out);
void readiness_wait_for(struct readiness *readiness, unsigned events); /* 0: nothing */
void readiness_destroy(
	struct readiness *readiness); /* before the library closes the descriptor; takes NULL */

#endif
