/*
 * plant.h: bugs planted on purpose, each a function put in the place of one of the core's by the
 * linker (--wrap) in a variant of world_day. What finds nothing in such a day is no check.
 */
#ifndef WORLD_PLANT_H
#define WORLD_PLANT_H

#include <stdbool.h>

/** True each `n`th time. */
static inline bool plant_each(unsigned *count, unsigned n)
{
	return ++*count % n == 0;
}

#endif
