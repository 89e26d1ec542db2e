/*
 * sink_ids.h: the store's numbers of instruments. The store gives them out at the first sight of
 * (exchange, name), as a batch needs one; the journal's ids never reach it.
 */
#ifndef SINK_IDS_H
#define SINK_IDS_H

#include <feedloom/plugin.h>

struct ids_name; /* a name the store knows */

struct ids {
	uint32_t *of_journal; /* store id by the journal's id, 0: not looked up */
	size_t of_journal_size;
	struct ids_name *names; /* open addressing, at most half full */
	size_t name_count, name_size;
	char *texts; /* of the names: "exchange\nname", 0-terminated */
	size_t texts_length, texts_size;
	uint32_t next;   /* the next to give out */
	uint32_t *fresh; /* journal ids given a number since ids_keep */
	size_t fresh_count, fresh_size;
};

void ids_init(struct ids *ids);
void ids_finish(struct ids *ids);
/** Forgets everything: the store is read anew. */
void ids_clear(struct ids *ids);
/** What the store says. 0 or -ENOMEM. */
int ids_add(struct ids *ids, const char *exchange, const char *name, uint32_t id);
/**
 * Hands the names over to other code, unless they are so many that it would stall the loop: then
 * they are to be had from the store again. 0 or -ENOMEM.
 */
int ids_save(const struct ids *ids, struct fl_snapshot *to);
/** `are_there`: they were handed over. 0, -EINVAL or -ENOMEM. */
int ids_restore(struct ids *ids, uint32_t version, const struct fl_snapshot *from, bool *are_there);
/** Whether ids_save hands them over. */
bool ids_are_few(const struct ids *ids);
/**
 * The store's number of a journal's instrument; a fresh one where the store has none yet.
 * @return 0: not an instrument, or no memory
 */
uint32_t ids_of(struct ids *ids, const struct fl_ctx *ctx, uint32_t instrument);
/**
 * Likewise, for a store that gives its numbers out itself: 0 where it is to be asked (`is_new`).
 */
uint32_t ids_known(struct ids *ids, const struct fl_ctx *ctx, uint32_t instrument, bool *is_new);
/** The fresh ones are committed. 0, or -ENOMEM: read the store anew. */
int ids_keep(struct ids *ids, const struct fl_ctx *ctx);
/** The fresh ones were not. */
void ids_undo(struct ids *ids);

#endif
