/*
 * since.h: a mapped file beside the journal that says, for each connection of each feed, since when
 * what it brings would be missing if the process ended now. A kill leaves it as it stands, so the
 * next process knows where the hole begins: not where the records end, since another connection may
 * have been read further. (A power cut may leave it older than that: the hole is then told too
 * long.)
 */
#ifndef BUS_SINCE_H
#define BUS_SINCE_H

#include <stdint.h>

struct since;

#define SINCE_FILE "since"

/** Opens it in `folder`, made when absent or damaged. `run` tells this process's entries from
 * earlier ones'. 0 or a negative errno. */
int since_open(const char *folder, uint32_t run, struct since **out);
void since_close(struct since *since); /* takes NULL */

/** The earliest that an earlier process has left for a feed; 0: nothing. */
int64_t since_left(const struct since *since, const char *feed);
/** Forgets that: whoever has taken it into an entry of his own. */
void since_forget(struct since *since, const char *feed);

/**
 * An entry of a feed, one for each of its connections and one for itself, to be written at any
 * time: a real time; 0: nothing would be missing. NULL: there are a thousand already, or the name
 * is too long.
 */
int64_t *since_take(struct since *since, const char *feed);
void since_give(int64_t *entry); /* gives it back; takes NULL */

#endif
