/*
 * sink_refs.h: the records of a batch in the order in which their rows are stored: by kind, then as
 * the kind's index goes, then as they came.
 */
#ifndef SINK_REFS_H
#define SINK_REFS_H

#include <feedloom/plugin.h>

/** A record on its way to its rows; all but `record` is good beyond the batch. */
struct row_ref {
	const struct fl_record *record;
	int64_t event_ns, received_ns;
	uint32_t id;         /* the store's number of its instrument */
	uint32_t instrument; /* the journal's */
	uint32_t ordinal;    /* among the batch's records */
	uint32_t first_row;  /* of its statement */
	uint16_t source;
	uint8_t kind;
};

struct refs {
	struct row_ref *items;
	size_t count, size;
	struct row_ref *taken;           /* as they came */
	uint64_t *keys;                  /* room to sort by */
	size_t first[FL_KIND_COUNT + 1]; /* where a kind's begin */
	int64_t newest_received_ns;      /* 0: none */
};

void refs_init(struct refs *refs);
void refs_finish(struct refs *refs);
/**
 * Takes a batch's records.
 * @param id_of  the store's number of an instrument, for kinds that need one
 * @return 0 or -ENOMEM
 */
int refs_collect(struct refs *refs, const struct fl_batch *from,
	uint32_t (*id_of)(void *data, uint32_t instrument), void *data);
static inline size_t refs_of(const struct refs *refs, unsigned kind)
{
	return refs->first[kind + 1] - refs->first[kind];
}

#endif
