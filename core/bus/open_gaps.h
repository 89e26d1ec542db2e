/*
 * open_gaps.h: holes of feeds, connections and instruments that earlier processes have told of and
 * not ended: nobody else will.
 */
#ifndef BUS_OPEN_GAPS_H
#define BUS_OPEN_GAPS_H

#include <feedloom/record.h>
#include <stddef.h>

enum { OPEN_GAPS_MAX = 4096 }; /* as after a stall of every book; the oldest go first */

struct open_gaps {
	struct fl_gap *items; /* oldest first; NULL: none */
	size_t count, size;
};

/** Takes note of a FL_GAP record as it is in the journal: begun, or ended. `length`: what there is
 * of it. */
void open_gaps_note(struct open_gaps *gaps, const void *record, size_t length);
void open_gaps_finish(struct open_gaps *gaps);

#endif
