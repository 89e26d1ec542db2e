/*
 * snapshot.h: keys and values that the old code of a plugin hands to the new: no pointers, no
 * struct images, in the core's memory.
 */
#ifndef HOST_SNAPSHOT_H
#define HOST_SNAPSHOT_H

#include <feedloom/plugin.h>

struct fl_snapshot *snapshot_create(void);           /* NULL: no memory */
void snapshot_destroy(struct fl_snapshot *snapshot); /* takes NULL */

#endif
